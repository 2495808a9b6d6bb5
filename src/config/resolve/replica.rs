//! Replicas of multi-Region keys: keys of their own, but for what they share with the primary.

use super::Context;
use super::lint::usage;
use crate::config::raw::{self, Key, Ownership, Part, Replica, Text};
use crate::id::{Place, Region};
use crate::kind::address::Address;
use crate::kind::key::{self, NAME_TAG, Primary};
use crate::kind::{KeyRef, Kind, Spec};

impl Context<'_> {
    pub(super) fn replicas(&mut self, name: &Text, raw: &Key, primary: &KeyRef, place: &Place) {
        let multi = raw.multi_region.as_ref().is_some_and(|multi| multi.value);
        if let Some((first, _)) = raw.replicas.iter().next()
            && !multi
            && raw.adopt.is_none()
        {
            let help = "say `multi_region: true`: AWS makes replicas of multi-Region keys only, and \
                        that is fixed at creation";
            self.error(first.span, "the key is not a multi-Region key", help);
            return;
        }
        for (region, replica) in &raw.replicas {
            let Some(at) = self.parse::<Region>(region) else {
                continue;
            };
            if at == place.region {
                let message = format!("`{at}` is the Region of the key itself");
                self.error(region.span, message, "a replica is in another Region");
            } else if at.partition() != self.partition && !self.gaps.region {
                let message =
                    format!("`{at}` is not in the stack's partition `{}`", self.partition);
                self.error(region.span, message, "replicas stay in the partition of their key");
            } else if let Part(Some(replica)) = replica {
                let on = Primary { key: primary.clone(), region: place.region.clone() };
                self.replica(name, raw, region, replica, on, &at);
            }
        }
    }

    fn replica(
        &mut self,
        name: &Text,
        of: &Key,
        region: &Text,
        raw: &Replica,
        primary: Primary,
        at: &Region,
    ) {
        let of_key = primary.key.clone();
        let full = format!("{}/{at}", name.value);
        let address = Address::new(Kind::Key, full.clone());
        let place = Place { account: self.out.home.account.clone(), region: at.clone() };
        let text = |field: &Option<Text>| field.as_ref().map(|text| text.value.clone());
        let is_shared = |policy: &&raw::Policy| {
            policy.ownership.as_ref().is_some_and(|own| own.value == Ownership::Shared)
        };
        let policy = raw.policy.as_ref();
        let (shared, owned) = (policy.filter(is_shared), policy.filter(|p| !is_shared(p)));
        let mut tags = self.own_tags(region, raw.tags.as_ref());
        tags.insert(NAME_TAG.to_owned(), full.clone());
        let window = raw.deletion_window_days.as_ref().and_then(|days| self.window(days));
        let spec = key::Spec {
            spec: None,
            usage: None,
            origin: None,
            multi_region: Some(true),
            primary: Some(primary),
            custom_key_store_id: None,
            xks_key_id: None,
            description: text(&raw.description),
            enabled: raw.enabled.as_ref().map(|enabled| enabled.value),
            rotation: None,
            policy: owned.and_then(|policy| self.policy(&address, policy, usage(of))),
            shared: shared.and_then(|policy| self.shared_policy(&address, policy, usage(of))),
            allow_lockout: policy.and_then(|policy| text(&policy.allow_lockout)),
            tags,
            deletion_window_days: window.or(self.defaults.deletion_window_days).unwrap_or(30),
            deletion: None,
        };
        let protect = raw.protect.as_ref().map(|p| p.value).or(self.defaults.protect);
        let protect = protect.unwrap_or(true);
        self.declare(address.clone(), region.span, place.clone(), protect, Spec::Key(spec));
        let target = KeyRef::Managed(address);
        if let Some(fact) = self.out.key_facts.get(&of_key).cloned() {
            self.out.key_facts.insert(target.clone(), fact);
        }
        let full = Text { span: region.span, value: full };
        self.keys.insert(full.value.clone(), Some(target.clone()));
        self.aliases(&full, &raw.aliases, &target, Some(&place));
    }
}
