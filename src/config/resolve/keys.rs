//! Keys with their replicas, aliases, policies and grants.

mod existing;
mod grant;
mod identity;
mod notes;
mod policy;
mod replica;

use std::collections::{BTreeMap, BTreeSet};

use super::Resources;
use super::accounts::Accounts;
use super::defaults::{Defaults, deletion_window, rotation};
use super::documents::Documents;
use super::scope::{Scope, parse};
use crate::config::records::Key;
use crate::decode::{Diagnostic, Diagnostics, Named, Part, Spanned, Text};
use crate::desired::{AcceptedGrants, Declared};
use crate::id::{AliasName, KeyArn, Name, Place, Region};
use crate::kind::key::{self, Rotation, can_rotate};
use crate::kind::{Address, KeyFacts, KeyRef, Kind, Spec, alias};
use crate::policy::Finding;
use crate::tree::Span;
use grant::On;
use policy::{is_exact, is_shared, is_whole};

/// The highest number of aliases of a key, unless Service Quotas has raised it (KMS Developer Guide, "Resource
/// quotas").
const MAX_ALIASES: usize = 50;

/// The results of earlier phases that this phase reads.
pub(super) struct Reads<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) defaults: &'a Defaults,
    pub(super) accounts: &'a Accounts,
}

/// The keys of a configuration, and what later phases need to know about them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The keys, aliases, grants and policies of keys of others.
    pub(super) resources: Resources,
    /// The keys by the names that consumers use; `None` for those with errors.
    pub(super) names: BTreeMap<String, Option<KeyRef>>,
    /// The names of the keys that are not the stack's.
    pub(super) foreign: BTreeMap<KeyRef, Text>,
    /// The position of each alias, and the name of its key.
    pub(super) aliases: BTreeMap<(Region, AliasName), (Span, String)>,
    /// The specs and usages of the keys.
    pub(super) facts: KeyFacts,
    /// The keys that are not the stack's.
    pub(super) existing: BTreeSet<KeyArn>,
    /// The accepted grants of other owners.
    pub(super) accepted_grants: BTreeMap<Address, Vec<AcceptedGrants>>,
    /// The lint findings about the policies and the settings.
    pub(super) findings: Vec<(Address, Finding)>,
}

pub(super) fn resolve(
    declared: Option<&Named<Part<Key>>>,
    reads: &Reads<'_>,
    documents: &mut Documents<'_>,
    d: &mut Diagnostics,
) -> Keys {
    let mut phase = KeyPhase { reads, documents, d, named: BTreeMap::new(), out: Keys::default() };
    for (name, Part(key)) in declared.into_iter().flatten() {
        parse::<Name>(name, phase.d);
        phase.out.names.insert(name.value.clone(), None);
        if let Some(key) = key {
            match &key.existing {
                Some(arn) => phase.existing(name, key, arn),
                None => phase.key(name, key),
            }
        }
    }
    phase.out
}

/// Returns whether a key is taken over by its id or ARN, and does not get the tags of the stack.
fn is_untagged(raw: &Key) -> bool {
    let by_arn = raw.adopt.as_ref().is_some_and(|adopt| !adopt.value.starts_with("alias/"));
    by_arn && !raw.tag.as_ref().is_some_and(|tag| tag.value)
}

/// Returns the text of a field without its position.
fn value(field: Option<&Text>) -> Option<String> {
    field.map(|text| text.value.clone())
}

/// The state of the phase.
struct KeyPhase<'a, 'b> {
    reads: &'a Reads<'a>,
    documents: &'a mut Documents<'b>,
    d: &'a mut Diagnostics,
    /// The positions of `adopt` and `existing`, by the key or grant and its place.
    named: BTreeMap<String, Span>,
    out: Keys,
}

impl KeyPhase<'_, '_> {
    fn declare(&mut self, address: Address, span: Span, place: Place, spec: Spec) {
        let declared = Declared { span, ..Declared::new(spec, place) };
        self.out.resources.insert(address, declared);
    }

    fn key(&mut self, name: &Text, raw: &Key) {
        let address = Address::new(Kind::Key, name.value.clone());
        // A key in a wrong Region is checked as if it were in the stack's Region.
        let known = self.reads.scope.place(raw.region.as_ref(), self.d);
        let place = known.clone().unwrap_or_else(|| self.reads.scope.home.clone());
        let mut fact = self.fact(name, raw);
        let spec = self.spec(name, &address, raw, &place);
        self.note(&address, name, raw, &spec);
        let declared = Declared {
            span: name.span,
            protect: self.reads.defaults.protects(raw.protect.as_ref()),
            adopt: raw.adopt.as_ref().and_then(|text| self.adopt(text, &place)),
            exact_policy: is_exact(raw.policy.as_ref()),
            ..Declared::new(Spec::Key(spec), place.clone())
        };
        self.out.resources.insert(address.clone(), declared);
        self.foreign_grants(&raw.foreign_grants, &address, &place);
        let target = KeyRef::Managed(address);
        self.out.names.insert(name.value.clone(), Some(target.clone()));
        if raw.adopt.is_some() && raw.spec.is_none() {
            fact = None;
        }
        if let Some(fact) = &fact {
            self.out.facts.insert(target.clone(), fact.clone());
        }
        self.replicas(name, raw, &target, &place);
        self.aliases(name, &raw.aliases, &target, known.as_ref());
        let on = On { name: &name.value, key: &target, place: &place, fact: fact.as_ref() };
        self.grants(&raw.grants, &on);
    }

    fn spec(&mut self, name: &Text, address: &Address, raw: &Key, place: &Place) -> key::Spec {
        let origin = self.origin(name, raw);
        let window =
            raw.deletion_window_days.as_ref().and_then(|days| deletion_window(days, self.d));
        let policy = raw.policy.as_ref();
        key::Spec {
            spec: value(raw.spec.as_ref()),
            usage: value(raw.usage.as_ref()),
            origin: value(raw.origin.as_ref()),
            multi_region: raw.multi_region.as_ref().map(|multi| multi.value),
            primary: None,
            primary_region: self.primary_region(raw, place),
            custom_key_store_id: value(raw.custom_key_store_id.as_ref()),
            xks_key_id: value(raw.xks_key_id.as_ref()),
            description: self.description(raw.description.as_ref()),
            enabled: raw.enabled.as_ref().map(|enabled| enabled.value),
            rotation: self.rotation(raw, origin),
            policy: policy
                .filter(|policy| is_whole(policy))
                .and_then(|policy| self.policy(address, policy, raw, raw.adopt.is_some())),
            shared: policy
                .filter(|policy| is_shared(policy))
                .and_then(|policy| self.shared_policy(address, policy, raw)),
            allow_lockout: policy.and_then(|policy| value(policy.allow_lockout.as_ref())),
            tags: self.key_tags(name, raw),
            deletion_window_days: window.or(self.reads.defaults.deletion_window_days).unwrap_or(30),
            deletion: None,
        }
    }

    /// Returns the description (KMS API Reference, CreateKey: `Description`).
    fn description(&mut self, text: Option<&Text>) -> Option<String> {
        let text = text?;
        if !key::DESCRIPTION.accepts(&text.value) {
            let length = text.value.chars().count();
            let message = format!("a description of {length} characters is too long");
            self.d.error(text.span, message, "AWS accepts at most 8192");
        }
        Some(text.value.clone())
    }

    fn tags(
        &mut self,
        name: &Text,
        own: Option<&Spanned<Named<Text>>>,
    ) -> BTreeMap<String, String> {
        self.reads.defaults.tags(self.reads.scope.stack, name, own, &key::TAGS, self.d)
    }

    /// Returns the tags of a key. A key that is taken over by its ARN is proved by it, and gets those of the stack only
    /// if the configuration says so.
    fn key_tags(&mut self, name: &Text, raw: &Key) -> BTreeMap<String, String> {
        let mut tags = self.tags(name, raw.tags.as_ref());
        let by_alias = raw.adopt.as_ref().is_some_and(|adopt| adopt.value.starts_with("alias/"));
        if let Some(tag) = &raw.tag {
            if raw.adopt.is_none() {
                let message = "only a key that is taken over can be without the stack's tags";
                self.d.error(tag.span, message, "remove `tag`");
            } else if by_alias && !tag.value {
                let message = "a key that is taken over by an alias gets the stack's tags";
                let help = "write the key's ARN: an alias can refer to another key tomorrow";
                self.d.error(tag.span, message, help);
            }
        }
        if is_untagged(raw) {
            tags.retain(|tag, _| ![key::STACK_TAG, key::NAME_TAG].contains(&tag.as_str()));
        }
        tags
    }

    /// Returns the rotation; `None` for keys that cannot rotate, because turning it off is not possible
    /// for them either.
    fn rotation(&mut self, raw: &Key, origin: &str) -> Option<Rotation> {
        let spec = raw.spec.as_ref().map_or(key::DEFAULT_SPEC, |spec| spec.value.as_str());
        let can_rotate = can_rotate(spec, origin);
        let declared = match &raw.rotation {
            Some(own) => rotation(own, self.d),
            None => self.reads.defaults.rotation,
        };
        if can_rotate {
            return declared;
        }
        // A spec that does not exist has its own error.
        if let (Some(own), Some(Rotation::EveryDays(_))) = (&raw.rotation, declared)
            && key::rule(spec).is_some()
        {
            let message = format!("a key of spec {spec} and origin {origin} cannot rotate");
            let help =
                "remove `rotation`: only symmetric keys with material that AWS created rotate";
            self.d.error(own.span, message, help);
        }
        None
    }

    /// Declares aliases. Without a place, they are only checked.
    fn aliases(&mut self, name: &Text, aliases: &[Text], target: &KeyRef, place: Option<&Place>) {
        if let Some(first) = aliases.get(MAX_ALIASES) {
            let message = format!("{} aliases may be too many for a key", aliases.len());
            let help =
                format!("AWS allows {MAX_ALIASES} unless Service Quotas has raised the quota");
            self.d.push(Diagnostic::warning(first.span, message).help(help));
        }
        for text in aliases {
            let alias = parse::<AliasName>(text, self.d);
            if let (Some(alias), Some(place)) = (alias, place) {
                self.alias(name, text, alias, target, place);
            }
        }
    }

    fn alias(&mut self, key: &Text, text: &Text, alias: AliasName, target: &KeyRef, place: &Place) {
        let claim = (place.region.clone(), alias.clone());
        if let Some((first, of)) = self.out.aliases.get(&claim) {
            let message = if *of == key.value {
                format!("`{alias}` is listed twice")
            } else {
                format!("`{alias}` is an alias of two keys, `{of}` and `{}`", key.value)
            };
            self.d.push(
                Diagnostic::error(text.span, message)
                    .also(*first, "first here")
                    .help("an alias refers to one key of its Region: remove one of the two"),
            );
            return;
        }
        self.out.aliases.insert(claim, (text.span, key.value.clone()));
        let name = if place.region == self.reads.scope.home.region {
            alias.bare().to_owned()
        } else {
            format!("{}@{}", alias.bare(), place.region)
        };
        let spec = Spec::Alias(alias::Spec { name: alias, target: target.clone() });
        self.declare(Address::new(Kind::Alias, name), text.span, place.clone(), spec);
    }
}
