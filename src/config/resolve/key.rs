//! Keys and their aliases: what AWS limits, and what belongs together.

use std::collections::BTreeMap;

use super::Context;
use super::grant::On;
use super::lint::{Settings, usage};
use crate::config::raw::{self, Key, Part, Text};
use crate::config::{Diagnostic, Named, Spanned};
use crate::id::{AliasName, KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::key::{self, NAME_TAG, Rotation, STACK_TAG, can_rotate};
use crate::kind::{KeyRef, Kind, Spec, alias, key_policy};
use crate::tree::Span;

const MAX_ALIASES: usize = 50;

impl Context<'_> {
    pub(super) fn key(&mut self, name: &Text, raw: &Key) {
        if let Some(existing) = &raw.existing {
            self.existing(name, raw, existing);
            return;
        }
        let address = Address::new(Kind::Key, name.value.clone());
        // With a wrong Region the rest is still looked at, in the stack's.
        let known = self.place(raw.region.as_ref());
        let place = known.clone().unwrap_or_else(|| self.out.home.clone());
        let fact = self.fact(name, raw);
        let spec = self.spec(name, &address, raw);
        let protect = raw.protect.as_ref().map(|p| p.value).or(self.defaults.protect);
        self.settings(&Settings { name, raw, spec: &spec, protect }, &address);
        let adopt = raw.adopt.as_ref().and_then(|text| self.adopt(text, &place));
        self.declare(
            address.clone(),
            name.span,
            place.clone(),
            protect.unwrap_or(true),
            Spec::Key(spec),
        );
        if let Some(declared) = self.out.resources.get_mut(&address) {
            declared.adopt = adopt;
        }
        let target = KeyRef::Managed(address);
        self.keys.insert(name.value.clone(), Some(target.clone()));
        let fact = fact.filter(|_| raw.adopt.is_none() || raw.spec.is_some());
        if let Some(fact) = &fact {
            self.out.key_facts.insert(target.clone(), fact.clone());
        }
        self.replicas(name, raw, &target, &place);
        self.aliases(name, &raw.aliases, &target, known.as_ref());
        self.grants(
            raw,
            &On { name: &name.value, key: &target, place: &place, fact: fact.as_ref() },
        );
    }

    /// A key of somebody else.
    fn existing(&mut self, name: &Text, raw: &Key, existing: &Text) {
        self.only_beside(raw);
        let arn = match existing.value.parse::<KeyArn>() {
            Ok(arn) => arn,
            Err(bad) => {
                let help = format!(
                    "write its ARN: `arn:{}:kms:{}:{}:key/ID`",
                    self.partition, self.out.home.region, self.out.home.account
                );
                let message = match existing.value.starts_with("arn:") {
                    true => bad.message,
                    false => format!("`{}` is not the ARN of a key", existing.value),
                };
                self.error(existing.span, message, help);
                return;
            }
        };
        if arn.region.partition() != self.partition && !self.gaps.region {
            let message = format!("this key is not in the stack's partition `{}`", self.partition);
            self.error(existing.span, message, "no account reaches into another partition");
        }
        let place = arn.place();
        if place.account != self.out.home.account
            && !self.gaps.account
            && let Some(alias) = raw.aliases.first()
        {
            let message =
                format!("this key is of account {}, so its aliases are too", place.account);
            self.error(alias.span, message, "an alias and its key are of one account: drop it");
            return;
        }
        self.out.existing.insert(arn.clone());
        let target = KeyRef::Arn(arn);
        self.keys.insert(name.value.clone(), Some(target.clone()));
        self.foreign.insert(target.clone(), name.clone());
        if let Some(policy) = &raw.policy {
            self.foreign_policy(name, policy, &target, &place);
        }
        self.aliases(name, &raw.aliases, &target, Some(&place));
        self.grants(raw, &On { name: &name.value, key: &target, place: &place, fact: None });
    }

    /// The stack's own statements in the policy of somebody else's key.
    fn foreign_policy(&mut self, name: &Text, raw: &raw::Policy, key: &KeyRef, place: &Place) {
        let shared = raw.ownership.as_ref().is_some_and(|own| own.value == raw::Ownership::Shared);
        if !shared {
            let help = "say `ownership: shared`, and only the stack's own statements are managed";
            self.error(raw.span, "the policy of this key is not the stack's", help);
            return;
        }
        let address = Address::new(Kind::KeyPolicy, name.value.clone());
        if let Some(shared) = self.shared_policy(&address, raw, None) {
            let spec = key_policy::Spec { key: key.clone(), policy: None, shared };
            self.declare(address, name.span, place.clone(), false, Spec::KeyPolicy(spec));
        }
    }

    /// Reports what cannot be declared of a key of somebody else.
    fn only_beside(&mut self, raw: &Key) {
        let replica = raw.replicas.iter().next().map(|(region, _)| region.span);
        let fields: [(&str, Option<Span>); 15] = [
            ("replicas", replica),
            ("description", raw.description.as_ref().map(|f| f.span)),
            ("tags", raw.tags.as_ref().map(|f| f.span)),
            ("enabled", raw.enabled.as_ref().map(|f| f.span)),
            ("rotation", raw.rotation.as_ref().map(|f| f.span)),
            ("protect", raw.protect.as_ref().map(|f| f.span)),
            ("deletion_window_days", raw.deletion_window_days.as_ref().map(|f| f.span)),
            ("region", raw.region.as_ref().map(|f| f.span)),
            ("spec", raw.spec.as_ref().map(|f| f.span)),
            ("usage", raw.usage.as_ref().map(|f| f.span)),
            ("origin", raw.origin.as_ref().map(|f| f.span)),
            ("multi_region", raw.multi_region.as_ref().map(|f| f.span)),
            ("custom_key_store_id", raw.custom_key_store_id.as_ref().map(|f| f.span)),
            ("xks_key_id", raw.xks_key_id.as_ref().map(|f| f.span)),
            ("adopt", raw.adopt.as_ref().map(|f| f.span)),
        ];
        for (field, span) in fields {
            if let Some(span) = span {
                let message = format!("`{field}` cannot be declared beside `existing`");
                let help = "of an existing key only `aliases`, `grants` and the stack's own statements \
                            in its policy are managed; to manage the key itself write `adopt`";
                self.error(span, message, help);
            }
        }
    }

    /// The aliases. Without a place it is not known which others they could meet.
    pub(super) fn aliases(
        &mut self,
        name: &Text,
        aliases: &[Text],
        target: &KeyRef,
        place: Option<&Place>,
    ) {
        if let Some(first) = aliases.get(MAX_ALIASES) {
            let message = format!("{} aliases are too many for a key", aliases.len());
            self.error(first.span, message, format!("AWS allows {MAX_ALIASES}"));
        }
        for text in aliases {
            let alias = self.parse::<AliasName>(text);
            if let (Some(alias), Some(place)) = (alias, place) {
                self.alias(name, text, alias, target, place);
            }
        }
    }

    fn grants(&mut self, raw: &Key, on: &On<'_>) {
        for (name, grant) in &raw.grants {
            if let Part(Some(grant)) = grant {
                self.grant(on, name, grant);
            }
        }
    }

    fn alias(&mut self, key: &Text, text: &Text, alias: AliasName, target: &KeyRef, place: &Place) {
        let claim = (place.region.clone(), alias.clone());
        if let Some((first, of)) = self.aliases.get(&claim) {
            let message = if *of == key.value {
                format!("`{alias}` is listed twice")
            } else {
                format!("`{alias}` is an alias of two keys, `{of}` and `{}`", key.value)
            };
            self.d.push(
                Diagnostic::error(text.span, message)
                    .also(*first, "first here")
                    .help("an alias points at one key of its Region: take one of the two away"),
            );
            return;
        }
        self.aliases.insert(claim, (text.span, key.value.clone()));
        let name = if place.region == self.out.home.region {
            alias.bare().to_owned()
        } else {
            format!("{}@{}", alias.bare(), place.region)
        };
        let spec = Spec::Alias(alias::Spec { name: alias, target: target.clone() });
        self.declare(Address::new(Kind::Alias, name), text.span, place.clone(), false, spec);
    }

    fn spec(&mut self, name: &Text, address: &Address, raw: &Key) -> key::Spec {
        if let Some(text) = &raw.description {
            let length = text.value.chars().count();
            if length > 8192 {
                let message = format!("a description of {length} characters is too long");
                self.error(text.span, message, "AWS accepts at most 8192");
            }
        }
        let text = |field: &Option<Text>| field.as_ref().map(|text| text.value.clone());
        let origin = self.origin(name, raw);
        let window = raw.deletion_window_days.as_ref().and_then(|days| self.window(days));
        let policy = raw.policy.as_ref();
        let is_shared = |policy: &&raw::Policy| {
            policy.ownership.as_ref().is_some_and(|own| own.value == raw::Ownership::Shared)
        };
        let (shared, owned) = (policy.filter(is_shared), policy.filter(|p| !is_shared(p)));
        key::Spec {
            spec: text(&raw.spec),
            usage: text(&raw.usage),
            origin: text(&raw.origin),
            multi_region: raw.multi_region.as_ref().map(|multi| multi.value),
            primary: None,
            custom_key_store_id: text(&raw.custom_key_store_id),
            xks_key_id: text(&raw.xks_key_id),
            description: text(&raw.description),
            enabled: raw.enabled.as_ref().map(|enabled| enabled.value),
            rotation: self.key_rotation(raw, origin),
            policy: owned.and_then(|policy| self.policy(address, policy, usage(raw))),
            shared: shared.and_then(|policy| self.shared_policy(address, policy, usage(raw))),
            allow_lockout: policy.and_then(|policy| text(&policy.allow_lockout)),
            tags: self.own_tags(name, raw.tags.as_ref()),
            deletion_window_days: window.or(self.defaults.deletion_window_days).unwrap_or(30),
            deletion: None,
        }
    }

    fn key_rotation(&mut self, raw: &Key, origin: &str) -> Option<Rotation> {
        let spec = raw.spec.as_ref().map_or(key::DEFAULT_SPEC, |spec| spec.value.as_str());
        let can = can_rotate(spec, origin);
        let Some(own) = &raw.rotation else {
            return self.defaults.rotation.filter(|_| can);
        };
        let rotation = self.rotation(own)?;
        // Of a spec that does not exist, that is told already.
        if !can && rotation != Rotation::Off && key::rule(spec).is_some() {
            let message = format!("a key of spec {spec} and origin {origin} cannot rotate");
            let help = "drop `rotation`: only symmetric keys with material that AWS made rotate";
            self.error(own.span, message, help);
        }
        // Switching off what cannot be on is no call.
        Some(rotation).filter(|_| can)
    }

    pub(super) fn rotation(&mut self, raw: &raw::Rotation) -> Option<Rotation> {
        let on = raw.enabled.as_ref().is_none_or(|enabled| enabled.value);
        match &raw.period_days {
            Some(period) if !on => {
                let help = "drop `period_days`, or `enabled: false`";
                self.error(period.span, "a rotation that is switched off has no period", help);
                None
            }
            Some(period) => {
                self.in_range("a rotation period", period, 90, 2560).map(Rotation::EveryDays)
            }
            None if on => Some(Rotation::EveryDays(365)),
            None => Some(Rotation::Off),
        }
    }

    /// The declared tags, and those that say whose the key is.
    pub(super) fn own_tags(
        &mut self,
        name: &Text,
        own: Option<&Spanned<Named<Text>>>,
    ) -> BTreeMap<String, String> {
        let mut tags = self.defaults.tags.clone();
        if let Some(own) = own {
            tags.extend(self.tags(&own.value));
        }
        if tags.len() > key::MAX_TAGS {
            let span = own.map_or(name.span, |tags| tags.span);
            let message = format!("{} tags are too many", tags.len());
            let help =
                format!("AWS allows 50, of which kmsctl needs 3: keep {} at most", key::MAX_TAGS);
            self.error(span, message, help);
        }
        tags.insert(STACK_TAG.to_owned(), self.out.stack.to_string());
        tags.insert(NAME_TAG.to_owned(), name.value.clone());
        tags
    }

    pub(super) fn tags(&mut self, raw: &Named<Text>) -> BTreeMap<String, String> {
        for (key, value) in raw {
            let lower = key.value.to_ascii_lowercase();
            if let Some(prefix) = ["aws:", "kmsctl:"].iter().find(|p| lower.starts_with(**p)) {
                let message = format!("the tag `{}` is reserved", key.value);
                self.error(key.span, message, format!("choose a key without `{prefix}`"));
            }
            let (long, length) = (value.value.chars().count(), key.value.chars().count());
            if length == 0 || length > 128 {
                let message = format!("a tag's key of {length} characters is not possible");
                self.error(key.span, message, "AWS accepts 1 to 128");
            }
            if long > 256 {
                let message = format!("a tag's value of {long} characters is too long");
                self.error(value.span, message, "AWS accepts at most 256");
            }
        }
        raw.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
    }
}
