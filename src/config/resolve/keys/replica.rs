//! Replicas of multi-Region keys. A replica is a separate key that shares some properties with its
//! primary key.

use super::super::defaults::deletion_window;
use super::super::scope::parse;
use super::grant::On;
use super::policy::{is_exact, is_shared, is_whole};
use super::{KeyPhase, is_untagged, value};
use crate::config::records::{Key, Replica};
use crate::decode::{Part, Text};
use crate::desired::{Adopt, Declared};
use crate::id::{KeyArn, Place, Region};
use crate::kind::key::{self, Primary};
use crate::kind::{Address, KeyRef, Kind, Spec};
use std::collections::BTreeMap;

impl KeyPhase<'_, '_> {
    pub(super) fn replicas(&mut self, name: &Text, raw: &Key, primary: &KeyRef, place: &Place) {
        let multi = raw.multi_region.as_ref().is_some_and(|multi| multi.value);
        if let Some((first, _)) = raw.replicas.iter().next()
            && !multi
            && raw.adopt.is_none()
        {
            let help = "set `multi_region: true`, which is fixed at creation: AWS supports replicas of \
            multi-Region keys only";
            self.d.error(first.span, "the key is not a multi-Region key", help);
            return;
        }
        for (region, replica) in &raw.replicas {
            let Some(at) = parse::<Region>(region, self.d) else {
                continue;
            };
            if at == place.region {
                let message = format!("`{at}` is the Region of the key itself");
                self.d.error(region.span, message, "a replica is in another Region");
            } else if at.partition() != self.reads.scope.partition && !self.reads.scope.gaps.region
            {
                let message = format!(
                    "`{at}` is not in the stack's partition `{}`",
                    self.reads.scope.partition
                );
                self.d.error(region.span, message, "replicas stay in the partition of their key");
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
        let fact = self.out.facts.get(&primary.key).cloned();
        let full = format!("{}/{at}", name.value);
        let address = Address::new(Kind::Key, full.clone());
        let place = Place { account: self.reads.scope.home.account.clone(), region: at.clone() };

        let (of_name, name) = (name, Text { span: region.span, value: full });
        let tags = self.replica_tags(&name, raw, of);
        let adopt = self.adopted(of_name, &place);
        let window =
            raw.deletion_window_days.as_ref().and_then(|days| deletion_window(days, self.d));
        let policy = raw.policy.as_ref();
        let spec = key::Spec {
            spec: None,
            usage: None,
            origin: None,
            multi_region: Some(true),
            primary: Some(primary),
            primary_region: None,
            custom_key_store_id: None,
            xks_key_id: None,
            description: self.description(raw.description.as_ref()),
            enabled: raw.enabled.as_ref().map(|enabled| enabled.value),
            rotation: None,
            policy: policy
                .filter(|policy| is_whole(policy))
                .and_then(|policy| self.policy(&address, policy, of, adopt.is_some())),
            shared: policy
                .filter(|policy| is_shared(policy))
                .and_then(|policy| self.shared_policy(&address, policy, of)),
            allow_lockout: policy.and_then(|policy| value(policy.allow_lockout.as_ref())),
            tags,
            deletion_window_days: window.or(self.reads.defaults.deletion_window_days).unwrap_or(30),
            deletion: None,
        };
        let protect = self.reads.defaults.protects(raw.protect.as_ref());
        let declared = Declared {
            span: region.span,
            protect,
            adopt,
            exact_policy: is_exact(policy),
            ..Declared::new(Spec::Key(spec), place.clone())
        };
        self.out.resources.insert(address.clone(), declared);
        self.foreign_grants(&raw.foreign_grants, &address, &place);
        let target = KeyRef::Managed(address);
        self.out.facts.extend(fact.iter().map(|fact| (target.clone(), fact.clone())));
        self.out.names.insert(name.value.clone(), Some(target.clone()));
        self.aliases(&name, &raw.aliases, &target, Some(&place));
        let on = On { name: &name.value, key: &target, place: &place, fact: fact.as_ref() };
        self.grants(&raw.grants, &on);
    }

    fn replica_tags(&mut self, name: &Text, raw: &Replica, of: &Key) -> BTreeMap<String, String> {
        let mut tags = self.tags(name, raw.tags.as_ref());
        if is_untagged(of) {
            tags.retain(|tag, _| ![key::STACK_TAG, key::NAME_TAG].contains(&tag.as_str()));
        }
        tags
    }

    /// Returns the key that a replica takes over, if its primary key is taken over by its ARN. A replica has the id of
    /// its primary key (KMS Developer Guide, "How multi-Region keys work").
    fn adopted(&self, primary: &Text, place: &Place) -> Option<Adopt> {
        let primary = Address::new(Kind::Key, primary.value.clone());
        match &self.out.resources.get(&primary)?.adopt {
            Some(Adopt::Key(arn)) => Some(Adopt::Key(KeyArn::at(place, arn.id()))),
            Some(Adopt::Alias(_) | Adopt::Grant(_)) | None => None,
        }
    }
}
