//! What all consumers of keys have in common: their key, their tags, and what they need of the key.

mod auto_scaling;
mod cloudtrail;
mod derive;
mod dynamodb;
mod ebs;
mod efs;
mod es;
mod rds;

use std::collections::BTreeMap;

use super::Context;
use crate::config::raw::{self, Part, Settable, Text};
use crate::config::{Diagnostic, Named, Spanned, nearest};
use crate::desired::Declared;
use crate::id::{AliasArn, AliasName, KeyArn, Place, is_key_id};
use crate::kind::address::Address;
use crate::kind::consumer::{Common, Encryption, Scene, Settings, Spec};
use crate::kind::key;
use crate::kind::{self, KeyRef, Kind};
use crate::tree::Span;

/// The fields that every consumer has.
pub(super) struct Given<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a Text,
    pub(super) key: &'a Settable<Text>,
    /// Whether AWS can do without a key of a customer once it had one.
    pub(super) removable: bool,
    pub(super) tags: Option<&'a Spanned<Named<Text>>>,
    pub(super) existing: Option<&'a Text>,
    pub(super) used_by: Option<&'a Spanned<Vec<Text>>>,
    pub(super) derive_policy: Option<&'a Spanned<bool>>,
    pub(super) protect: Option<&'a Spanned<bool>>,
    pub(super) region: Option<&'a Text>,
    /// What is fixed or made with the resource, and so has no place beside `existing`.
    pub(super) creation: &'a [(&'a str, Option<Span>)],
}

pub(super) use derive::Needs;

impl Context<'_> {
    /// All consumers, in the order in which the configuration is documented.
    pub(super) fn consumers(&mut self, stack: &raw::Stack) {
        if let Part(Some(Some(ebs))) = &stack.ebs {
            self.ebs(ebs);
        }
        if let Part(Some(Some(cloudtrail))) = &stack.cloudtrail {
            self.cloudtrail(cloudtrail);
        }
        if let Part(Some(Some(dynamodb))) = &stack.dynamodb {
            self.dynamodb(dynamodb);
        }
        if let Part(Some(Some(auto_scaling))) = &stack.auto_scaling {
            self.auto_scaling(auto_scaling);
        }
        if let Part(Some(Some(efs))) = &stack.efs {
            self.efs(efs);
        }
        if let Part(Some(Some(es))) = &stack.es {
            self.es(es);
        }
        if let Part(Some(Some(rds))) = &stack.rds {
            self.rds(rds);
        }
    }

    /// Declares a consumer, unless it has errors.
    pub(super) fn consumer<S: Settings>(
        &mut self,
        given: &Given<'_>,
        settings: S,
        wrap: impl FnOnce(Spec<S>) -> kind::Spec,
    ) {
        self.name(given.name);
        let Some(place) = self.place(given.region) else {
            return;
        };
        let key = self.encryption(given, &place);
        let existing = given.existing.map(|text| text.value.clone());
        if existing.is_some() {
            self.nothing_beside_existing(given);
        }
        let tags = match existing {
            Some(_) => BTreeMap::new(),
            None => self.own_tags(given.name, given.tags),
        };
        let spec = wrap(Spec { common: Common { key, existing, tags }, settings });
        let address = Address::new(given.kind, given.name.value.clone());
        let protect = given.protect.map(|protect| protect.value).or(self.defaults.protect);
        let needs = match given.derive_policy {
            Some(Spanned { value: false, .. }) => Vec::new(),
            Some(_) | None => self.needs(given, &spec, &place),
        };
        let derives = given.derive_policy.is_none_or(|derive| derive.value);
        if derives {
            self.derive_from(&address, &spec, &needs);
        }
        // What the service needs is checked against the policy even where nothing is derived.
        let checked = if derives { needs } else { self.needs(given, &spec, &place) };
        let declared = Declared {
            protect: protect.unwrap_or(true),
            needs: checked,
            span: given.name.span,
            ..Declared::new(spec, place)
        };
        self.places.insert(address.clone(), given.name.span);
        self.out.resources.insert(address, declared);
    }

    fn needs(
        &mut self,
        given: &Given<'_>,
        spec: &kind::Spec,
        place: &Place,
    ) -> Vec<crate::policy::Need> {
        let texts = given.used_by.map(|list| list.value.as_slice()).unwrap_or_default();
        let used_by = self.principals(texts);
        let name = given.existing.map_or(given.name.value.as_str(), |name| name.value.as_str());
        spec.needs(&Scene { place, name, used_by: &used_by })
    }

    fn nothing_beside_existing(&mut self, given: &Given<'_>) {
        let common = [
            ("tags", given.tags.map(|tags| tags.span)),
            ("protect", given.protect.map(|protect| protect.span)),
        ];
        for (field, span) in given.creation.iter().copied().chain(common) {
            if let Some(span) = span {
                let message = format!("`{field}` cannot be declared beside `existing`");
                let help = "of a resource that kmsctl did not make only the key is managed";
                self.error(span, message, help);
            }
        }
    }

    /// What encrypts a consumer.
    fn encryption(&mut self, given: &Given<'_>, place: &Place) -> Option<Encryption> {
        match given.key {
            Settable::Value(text) => {
                let key = self.key_named(text, place)?;
                self.key_fits(given, text, &key, place);
                Some(Encryption::Key(key))
            }
            Settable::Null(_) if given.removable => Some(Encryption::Aws),
            Settable::Null(span) => {
                let help = "AWS cannot take the key away from it again: name a key";
                self.error(*span, "`key: null` is not possible here", help);
                None
            }
            Settable::Missing => {
                let help = match given.removable {
                    true => "name a key, or say `key: null` for none of your own",
                    false => "name a key of the stack, or give the ARN or the alias of another",
                };
                self.error(given.name.span, "`key` is not given", help);
                None
            }
        }
    }

    /// A key by its name in the stack, its ARN, its id or an alias.
    pub(super) fn key_named(&mut self, text: &Text, place: &Place) -> Option<KeyRef> {
        let value = text.value.as_str();
        if let Some(known) = self.keys.get(value) {
            return known.clone();
        }
        if value.starts_with("alias/aws/") || value.contains(":alias/aws/") {
            let message = format!("`{value}` is a key that AWS manages");
            self.error(text.span, message, "say `key: null`, or name a key of your own");
            return None;
        }
        if value.starts_with("arn:") && value.contains(":alias/") {
            let alias = self.parse::<AliasArn>(text)?;
            return self.key_behind(text, alias);
        }
        if value.starts_with("alias/") {
            let name = self.parse::<AliasName>(text)?;
            return self.key_behind(text, AliasArn { place: place.clone(), name });
        }
        if value.starts_with("arn:") {
            let arn = self.parse::<KeyArn>(text)?;
            self.out.existing.insert(arn.clone());
            return Some(KeyRef::Arn(arn));
        }
        if is_key_id(value) && value.contains('-') && value.len() == 36 {
            let arn = KeyArn::at(place, value);
            self.out.existing.insert(arn.clone());
            return Some(KeyRef::Arn(arn));
        }
        if self.gaps.text {
            return None;
        }
        let help = match nearest(value, self.keys.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name one of `keys`, or give an ARN or an alias (`alias/NAME`)".to_owned(),
        };
        self.error(text.span, format!("there is no key `{value}` in the stack"), help);
        None
    }

    /// An alias of the stack stands for its key; another one is looked up.
    fn key_behind(&mut self, text: &Text, alias: AliasArn) -> Option<KeyRef> {
        let own = self.aliases.get(&(alias.place.region.clone(), alias.name.clone()));
        if let Some((_, key)) = own.filter(|_| alias.place.account == self.out.home.account) {
            return self.keys.get(key).cloned().flatten();
        }
        if alias.place.account != self.out.home.account && !self.gaps.account {
            let message = format!("`{alias}` is of another account, which does not say its key");
            self.error(text.span, message, "give the ARN of the key");
            return None;
        }
        Some(KeyRef::Alias(alias))
    }

    /// What the configuration alone says against a key.
    fn key_fits(&mut self, given: &Given<'_>, text: &Text, key: &KeyRef, place: &Place) {
        let at = key.managed().and_then(|address| self.out.resources.get(address));
        let (span, region) = match at {
            Some(declared) => (Some(declared.span), Some(declared.place.region.clone())),
            None => (None, None),
        };
        // A trail's key must be where its bucket is, which only AWS knows.
        if let Some(region) = region.filter(|region| *region != place.region)
            && given.kind.as_str() != "cloudtrail_trail"
        {
            let message = format!("`{key}` is in {region}, this in {}", place.region);
            let mut error = Diagnostic::error(text.span, message)
                .help("a key encrypts only in its own Region: name one there, or a replica");
            if let Some(span) = span {
                error = error.also(span, "the key");
            }
            self.d.push(error);
        }
        let fact = self.out.key_facts.get(key);
        if let Some(fact) =
            fact.filter(|fact| fact.spec != key::DEFAULT_SPEC || fact.usage != "ENCRYPT_DECRYPT")
        {
            let message = format!("`{key}` is of spec {} for {}", fact.spec, fact.usage);
            let help = "AWS services encrypt with symmetric keys (SYMMETRIC_DEFAULT) only";
            self.error(text.span, message, help);
        }
    }
}
