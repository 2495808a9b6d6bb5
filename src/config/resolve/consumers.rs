//! The consumers of keys: their keys and tags, and the access that they need.

use std::collections::{BTreeMap, BTreeSet};

use super::Resources;
use super::defaults::Defaults;
use super::documents::{Documents, parsed};
use super::keys::Keys;
use super::scope::{Scope, parse};
use crate::config::records::Consumer;
use crate::config::surroundings::Gaps;
use crate::decode::{Diagnostic, Diagnostics, Given as _, Settable, Text};
use crate::desired::Declared;
use crate::id::{AliasArn, AliasName, KeyArn, Place, ResourceName, is_key_id};
use crate::kind::consumer::{Common, Encryption, Identity, KeyRegion};
use crate::kind::declaration::Check;
use crate::kind::{Address, ConsumerKind, KeyRef, Spec, key};
use crate::policy::{Document, Need};
use crate::tree::{Node, Span};

/// The results of earlier phases that this phase reads.
pub(super) struct Reads<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) defaults: &'a Defaults,
    pub(super) keys: &'a Keys,
}

/// The access to a key that a resource needs.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    /// The resource, which plans show beside the statements.
    pub(super) source: String,
    /// The key.
    pub(super) key: KeyRef,
    /// The needs.
    pub(super) needs: Vec<Need>,
}

/// The consumers of a configuration.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    pub(super) resources: Resources,
    /// The keys that consumers name by their ARN or id.
    pub(super) existing: BTreeSet<KeyArn>,
    /// The access to their keys that the consumers need.
    pub(super) needs: Vec<Needs>,
    /// The positions of the declarations, by the kind, the place in which the name is unique, and the name
    /// or id in AWS.
    named: BTreeMap<(ConsumerKind, Option<Place>, String), Span>,
}

impl Consumers {
    /// Notes that a resource with this name or id in AWS is declared, and reports another declaration of it.
    fn claim(&mut self, kind: ConsumerKind, place: &Place, name: Text, d: &mut Diagnostics) {
        let place = if kind.facts().names_are_global { None } else { Some(place.clone()) };
        let Text { span, value } = name;
        if let Some(first) = self.named.insert((kind, place, value.clone()), span) {
            d.push(
                Diagnostic::error(span, format!("`{value}` is declared twice"))
                    .also(first, "first here")
                    .help("a resource has one declaration: remove one of the two"),
            );
        }
    }
}

pub(super) fn resolve(
    declared: &[Consumer],
    reads: &Reads<'_>,
    documents: &mut Documents<'_>,
    d: &mut Diagnostics,
) -> Consumers {
    let mut out = Consumers::default();
    for consumer in declared {
        resolve_one(consumer, reads, documents, &mut out, d);
    }
    out
}

fn resolve_one(
    consumer: &Consumer,
    reads: &Reads<'_>,
    documents: &mut Documents<'_>,
    out: &mut Consumers,
    d: &mut Diagnostics,
) {
    let Consumer { kind, name, declaration } = consumer;
    let (shared, scope) = (declaration.shared(), reads.scope);
    // A name in AWS is checked by the kind.
    let is_label = kind.facts().identity == Identity::Id || shared.existing.is_some();
    if is_label && kind.facts().identity != Identity::Single {
        parse::<ResourceName>(name, d);
    }
    let Some(place) = scope.place(shared.region.as_ref(), d) else {
        return;
    };
    let common = common(consumer, &place, reads, &mut out.existing, d);
    let users = shared.used_by.as_ref().map_or(&[][..], |users| users.value.as_slice());
    let used_by = scope.principals(users, d);
    let mut policy = |node: &Node, d: &mut Diagnostics| -> Option<Document> {
        let tree = documents.read(node, d)?;
        parsed(Document::lenient(&tree, scope.partition), node.span, d)
    };
    let mut check = Check {
        d,
        name,
        key: &shared.key,
        existing: shared.existing.as_ref(),
        place: &place,
        region_known: scope.knows_region(shared.region.as_ref()),
        account_known: !scope.gaps.account,
        parts: Vec::new(),
        policy: &mut policy,
    };
    let (spec, needs) = declaration.resolve(common, &used_by, &mut check);
    let parts = check.parts;
    let address = Address::new(*kind, name.value.clone());
    if let Some(id) = spec.natural(&name.value) {
        let span = shared.existing.as_ref().map_or(name.span, |existing| existing.span);
        out.claim(*kind, &place, Text { span, value: id }, d);
    }
    for (kind, name) in parts {
        out.claim(kind, &place, name, d);
    }
    let derives = shared.derive_policy.as_ref().is_none_or(|derive| derive.value);
    if derives && let Some(key) = spec.key() {
        let (source, key, needs) = (address.to_string(), key.clone(), needs.clone());
        out.needs.push(Needs { source, key, needs });
    }
    let can_be_deleted = declaration.syntax().creates;
    let declared = Declared {
        protect: can_be_deleted && reads.defaults.protects(shared.protect.as_ref()),
        // The policy is checked for the needs even if no statements are derived.
        needs,
        span: name.span,
        ..Declared::new(Spec::Consumer(spec), place.clone())
    };
    out.resources.insert(address, declared);
}

/// Resolves the fields that all consumers have. Adds the keys that are named by their ARN or id to
/// `named`.
fn common(
    consumer: &Consumer,
    place: &Place,
    reads: &Reads<'_>,
    named: &mut BTreeSet<KeyArn>,
    d: &mut Diagnostics,
) -> Common {
    let Consumer { kind, name, declaration } = consumer;
    let (shared, scope) = (declaration.shared(), reads.scope);
    let key = KeyNames {
        scope,
        keys: reads.keys,
        place,
        existing: named,
        is_removable: declaration.syntax().removable_key,
    }
    .encryption(consumer, d);
    let existing = match &shared.existing {
        Some(text) => Some(text.value.clone()),
        // The one resource of a Region always exists, and its id is the Region.
        None if kind.facts().identity == Identity::Single => Some(place.region.to_string()),
        None => None,
    };
    let creates = declaration.syntax().creates;
    if creates && existing.is_some() {
        nothing_beside_existing(consumer, d);
    }
    let tags = match &kind.facts().tags {
        Some(rules) if existing.is_none() => {
            reads.defaults.tags(scope.stack, name, shared.tags.as_ref(), rules, d)
        }
        Some(_) | None => BTreeMap::new(),
    };
    Common { key, existing, tags }
}

/// Reports the fields that are not possible beside `existing`.
fn nothing_beside_existing(consumer: &Consumer, d: &mut Diagnostics) {
    let shared = consumer.declaration.shared();
    let mut given = consumer.declaration.given();
    given.extend(shared.tags.given().map(|span| ("tags", span)));
    given.extend(shared.protect.given().map(|span| ("protect", span)));
    for (field, span) in given {
        let message = format!("`{field}` cannot be declared beside `existing`");
        let help = "only the key of a resource that kmsctl did not create is managed";
        d.error(span, message, help);
    }
}

/// Returns whether a text is the id of a key, and not a name in a stack.
fn is_uuid(text: &str) -> bool {
    is_key_id(text) && text.contains('-') && text.len() == 36
}

/// Returns what to declare instead of an AWS managed key.
fn instead_of_aws(is_removable: bool) -> &'static str {
    match is_removable {
        true => "set `key: null`, or name a customer managed key",
        false => "name a customer managed key, such as one of `keys`",
    }
}

impl Keys {
    /// Reports a text that can only be the name of a key, if no key has it. `is_removable` says whether the resource
    /// can be without a customer managed key.
    pub(super) fn check_name(
        &self,
        text: &Text,
        is_removable: bool,
        gaps: Gaps,
        d: &mut Diagnostics,
    ) {
        let value = text.value.as_str();
        let is_other = value.starts_with("alias/") || value.starts_with("arn:") || is_uuid(value);
        // The replicas of a key with errors are not known.
        let of = value.split_once('/').and_then(|(key, _)| self.names.get(key));
        if is_other || gaps.text || self.names.contains_key(value) || matches!(of, Some(None)) {
            return;
        }
        // The address of a key, and how Terraform names it.
        let inner = value.trim_start_matches("${").trim_end_matches('}').trim_end_matches(".arn");
        let bare = ["key/", "keys.", "keys/", "key.", "aws_kms_key."];
        let named = bare.iter().find_map(|prefix| inner.strip_prefix(prefix));
        let named = named.filter(|name| self.names.contains_key(*name));
        let near = named.or_else(|| d.suggest(value, self.names.keys().map(String::as_str)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if value.starts_with("aws/") => {
                format!("this is an AWS managed key: {}", instead_of_aws(is_removable))
            }
            None => "name one of `keys`, or give an ARN or an alias (`alias/NAME`)".to_owned(),
        };
        let message = format!("there is no key `{value}` in the stack");
        d.push_once(Diagnostic::error(text.span, message).help(help));
    }
}

/// Finds the keys that resources of one place name.
pub(super) struct KeyNames<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) keys: &'a Keys,
    /// The place of the resources.
    pub(super) place: &'a Place,
    /// Whether the resource can be without a customer managed key.
    pub(super) is_removable: bool,
    /// The keys that are named by their ARN or id.
    pub(super) existing: &'a mut BTreeSet<KeyArn>,
}

impl KeyNames<'_> {
    /// Returns the encryption of a consumer; `None` if it is not declared or has errors.
    fn encryption(&mut self, consumer: &Consumer, d: &mut Diagnostics) -> Option<Encryption> {
        let syntax = consumer.declaration.syntax();
        match &consumer.declaration.shared().key {
            Settable::Value(text) => {
                let key = self.named(text, d)?;
                let in_own_region = consumer.kind.facts().key_region == KeyRegion::Own;
                self.check(text, &key, in_own_region, d);
                Some(Encryption::Key(key))
            }
            Settable::Null(_) if syntax.removable_key => Some(Encryption::Aws),
            Settable::Null(span) => {
                let help = "AWS does not support removing the key of this resource: name a key";
                d.error(*span, "`key: null` is not possible here", help);
                None
            }
            // The fields of the one resource of a Region are optional.
            Settable::Missing if consumer.name.value.is_empty() => None,
            Settable::Missing => {
                let help = if syntax.removable_key {
                    "name a key, or set `key: null` for no customer managed key"
                } else {
                    "name a key of the stack, or give the ARN or the alias of another"
                };
                d.error(consumer.name.span, "`key` is not given", help);
                None
            }
        }
    }

    /// Returns the key with a name in the stack, an ARN, an id or an alias.
    pub(super) fn named(&mut self, text: &Text, d: &mut Diagnostics) -> Option<KeyRef> {
        let value = text.value.as_str();
        if let Some(known) = self.keys.names.get(value) {
            return known.clone();
        }
        if value.starts_with("alias/aws/") || value.contains(":alias/aws/") {
            let message = format!("`{value}` is the alias of an AWS managed key");
            d.error(text.span, message, instead_of_aws(self.is_removable));
            return None;
        }
        if value.starts_with("arn:") && value.contains(":alias/") {
            let alias = parse::<AliasArn>(text, d)?;
            return self.behind(text, alias, d);
        }
        if value.starts_with("alias/") {
            let name = parse::<AliasName>(text, d)?;
            return self.behind(text, AliasArn { place: self.place.clone(), name }, d);
        }
        if value.starts_with("arn:") {
            let arn = parse::<KeyArn>(text, d)?;
            self.existing.insert(arn.clone());
            return Some(KeyRef::Arn(arn));
        }
        if is_uuid(value) {
            let arn = KeyArn::at(self.place, value);
            self.existing.insert(arn.clone());
            return Some(KeyRef::Arn(arn));
        }
        self.keys.check_name(text, self.is_removable, self.scope.gaps, d);
        None
    }

    /// Returns the key behind an alias. AWS reports the keys of aliases that are not the stack's.
    fn behind(&self, text: &Text, alias: AliasArn, d: &mut Diagnostics) -> Option<KeyRef> {
        let scope = self.scope;
        let is_own = alias.place.account == scope.home.account;
        if is_own
            && let Some((_, key)) =
                self.keys.aliases.get(&(alias.place.region.clone(), alias.name.clone()))
        {
            return self.keys.names.get(key).cloned().flatten();
        }
        if !is_own && !scope.gaps.account {
            let message = format!("`{alias}` is in another account, so its key cannot be read");
            d.error(text.span, message, "write the ARN of the key");
            return None;
        }
        Some(KeyRef::Alias(alias))
    }

    /// Checks the Region and the spec of a key. `in_own_region` is whether the key must be in the
    /// Region of the resource.
    pub(super) fn check(
        &self,
        text: &Text,
        key: &KeyRef,
        in_own_region: bool,
        d: &mut Diagnostics,
    ) {
        let declared = key.managed().and_then(|address| self.keys.resources.get(address));
        if let Some(declared) = declared
            && declared.place.region != self.place.region
            && in_own_region
        {
            let (there, here) = (&declared.place.region, &self.place.region);
            d.push(
                Diagnostic::error(
                    text.span,
                    format!("`{key}` is in {there}, but the resource is in {here}"),
                )
                .help(
                    "a key encrypts only in its own Region: name a key or a replica in that Region",
                )
                .also(declared.span, "the key"),
            );
        }
        if let Some(fact) = self.keys.facts.get(key)
            && (fact.spec != key::DEFAULT_SPEC || fact.usage != "ENCRYPT_DECRYPT")
        {
            let message = format!("`{key}` is of spec {} for {}", fact.spec, fact.usage);
            let help = "AWS services encrypt with symmetric keys (SYMMETRIC_DEFAULT) only";
            d.error(text.span, message, help);
        }
    }
}
