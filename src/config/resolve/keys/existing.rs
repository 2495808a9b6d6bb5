//! Keys that are not the stack's.

use super::KeyPhase;
use super::grant::On;
use super::policy::is_shared;
use crate::config::records::{Key, Policy};
use crate::decode::{Given as _, Part, Text};
use crate::desired::Adopt;
use crate::id::{KeyArn, Place};
use crate::kind::{Address, KeyRef, Kind, Spec, key_policy};
use crate::tree::Span;

impl KeyPhase<'_, '_> {
    /// Declares the aliases, grants and statements on a key that is not the stack's.
    pub(super) fn existing(&mut self, name: &Text, raw: &Key, existing: &Text) {
        let scope = self.reads.scope;
        self.nothing_beside_existing(raw);
        let arn = match existing.value.parse::<KeyArn>() {
            Ok(arn) => arn,
            Err(bad) => {
                let help = format!(
                    "write its ARN: `arn:{}:kms:{}:{}:key/ID`",
                    scope.partition, scope.home.region, scope.home.account
                );
                let message = if existing.value.starts_with("arn:") {
                    bad.message
                } else {
                    format!("`{}` is not the ARN of a key", existing.value)
                };
                self.d.error(existing.span, message, help);
                return;
            }
        };
        if arn.region.partition() != scope.partition && !scope.gaps.region {
            let message = format!("this key is not in the stack's partition `{}`", scope.partition);
            self.d.error(existing.span, message, "an account has no access to other partitions");
        }
        let place = arn.place();
        if place.account != scope.home.account
            && !scope.gaps.account
            && let Some(alias) = raw.aliases.first()
        {
            let message = format!(
                "the key is in account {}, where this stack cannot manage aliases",
                place.account
            );
            let help = "an alias is in the account of its key: remove it here";
            self.d.error(alias.span, message, help);
            return;
        }
        self.once(&Adopt::Key(arn.clone()), existing, &place);
        self.out.existing.insert(arn.clone());
        let target = KeyRef::Arn(arn);
        self.out.names.insert(name.value.clone(), Some(target.clone()));
        self.out.foreign.insert(target.clone(), name.clone());
        if let Some(policy) = &raw.policy {
            self.foreign_policy(name, raw, policy, (&target, &place));
        }
        self.aliases(name, &raw.aliases, &target, Some(&place));
        self.grants(
            &raw.grants,
            &On { name: &name.value, key: &target, place: &place, fact: None },
        );
    }

    /// Declares the stack's own statements in the policy.
    fn foreign_policy(&mut self, name: &Text, of: &Key, raw: &Policy, on: (&KeyRef, &Place)) {
        let (key, place) = on;
        if !is_shared(raw) {
            let help = "set `ownership: shared`, and only the stack's own statements are managed";
            self.d.error(raw.span, "the policy of this key is not the stack's", help);
            return;
        }
        let address = Address::new(Kind::KeyPolicy, name.value.clone());
        if let Some(shared) = self.shared_policy(&address, raw, of) {
            let spec = key_policy::Spec { key: key.clone(), policy: None, shared };
            self.declare(address, name.span, place.clone(), Spec::KeyPolicy(spec));
        }
    }

    /// Reports the fields that are not possible beside `existing`.
    fn nothing_beside_existing(&mut self, raw: &Key) {
        let replica = raw.replicas.iter().next().map(|(region, _)| region.span);
        let foreign =
            raw.foreign_grants.iter().find_map(|Part(grants)| Some(grants.as_ref()?.span));
        let fields: [(&str, Option<Span>); 17] = [
            ("foreign_grants", foreign),
            ("replicas", replica),
            ("description", raw.description.given()),
            ("tags", raw.tags.given()),
            ("enabled", raw.enabled.given()),
            ("rotation", raw.rotation.given()),
            ("protect", raw.protect.given()),
            ("deletion_window_days", raw.deletion_window_days.given()),
            ("region", raw.region.given()),
            ("spec", raw.spec.given()),
            ("usage", raw.usage.given()),
            ("origin", raw.origin.given()),
            ("multi_region", raw.multi_region.given()),
            ("custom_key_store_id", raw.custom_key_store_id.given()),
            ("xks_key_id", raw.xks_key_id.given()),
            ("adopt", raw.adopt.given()),
            ("tag", raw.tag.given()),
        ];
        for (field, span) in fields {
            if let Some(span) = span {
                let message = format!("`{field}` cannot be declared beside `existing`");
                let help = "of an existing key only `aliases`, `grants` and the stack's own statements \
                            in its policy are managed; to manage the key itself write `adopt`";
                self.d.error(span, message, help);
            }
        }
    }
}
