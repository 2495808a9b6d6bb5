//! Reads who has access to the keys that resources refer to and that the stack does not manage. Only gates need that.

use super::Refresh;
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::KeyArn;
use crate::kind::grant::Listed;
use crate::kind::key::Metadata;
use crate::kind::{KeyRef, Spec};
use crate::live::Live;
use crate::policy::Document;
use crate::retry::with_retries;
use std::collections::BTreeSet;

impl<C: Cloud> Refresh<'_, C> {
    /// Notes a key that resources refer to and that the stack does not manage, with its replicas: whoever can use one
    /// of them can use what the others encrypted.
    pub(super) fn refer(&self, key: &Metadata, live: &mut Live) {
        if !self.desired.has_gates() || live.ids.values().any(|own| *own == key.arn) {
            return;
        }
        let related = key.replicas.iter().map(|region| key.arn.related(region));
        for arn in related.chain([key.arn.clone()]) {
            live.referred.entry(arn).or_default().of.insert(key.arn.clone());
        }
    }

    /// Notes the replicas of the stack's keys that the stack does not manage.
    pub(super) fn refer_replicas(&self, live: &mut Live) {
        if !self.desired.has_gates() {
            return;
        }
        let own = live.replicas.iter().filter(|(key, _)| self.desired.resources.contains_key(key));
        let own = own.filter_map(|(key, regions)| Some((live.ids.get(key)?, regions)));
        let all = own.flat_map(|(arn, regions)| {
            regions.iter().map(move |region| (arn.related(region), arn.clone()))
        });
        let others: Vec<_> = all.filter(|(other, _)| !self.manages(other, live)).collect();
        for (replica, key) in others {
            live.referred.entry(replica).or_default().of.insert(key);
        }
    }

    /// Returns whether the stack manages a key after the plan, or the plan deletes it.
    fn manages(&self, arn: &KeyArn, live: &Live) -> bool {
        live.ids.iter().any(|(address, own)| own == arn && !self.desired.forgets(address))
    }

    /// Returns the keys that resources refer to and that the stack does not manage, and their replicas.
    pub(super) fn referred(&self, live: &Live) -> BTreeSet<KeyArn> {
        live.referred.keys().cloned().collect()
    }

    /// Keeps the grants on a key that the stack does not manage, except those that the stack manages.
    pub(super) fn keep_grants(&self, arn: &KeyArn, grants: Vec<Listed>, live: &mut Live) {
        if live.referred.contains_key(arn) {
            let foreign =
                grants.into_iter().filter(|grant| !self.manages_grant(live, &grant.grant_id));
            let foreign: Vec<Listed> = foreign.collect();
            live.referred.entry(arn.clone()).or_default().grants = Some(foreign);
        }
    }

    /// Reads the policies in which the stack has no statements.
    pub(super) async fn read_referred(&self, live: &mut Live) -> Result<(), CloudError> {
        if !self.desired.has_gates() {
            return Ok(());
        }
        let specs = self.desired.resources.values().map(|declared| &declared.spec);
        let shared: BTreeSet<&KeyRef> =
            specs.filter_map(Spec::as_key_policy).map(|policy| &policy.key).collect();
        let mut wanted = self.referred(live);
        wanted.retain(|arn| !shared.contains(&KeyRef::Arn(arn.clone())));
        let asks = wanted.iter().map(|arn| async move {
            (arn, with_retries(&self.options.retry, async || self.cloud.policy(arn).await).await)
        });
        for (arn, answer) in self.concurrently(asks).await {
            let referred = live.referred.entry(arn.clone()).or_default();
            let why = match answer {
                Ok(text) => match Document::from_live(&text, arn.region.partition()) {
                    Ok(policy) => {
                        referred.policy = Some(policy);
                        continue;
                    }
                    Err(_) => "its policy cannot be parsed".to_owned(),
                },
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) => format!("{error}): allow the caller kms:GetKeyPolicy"),
            };
            live.unchecked.push(format!("could not check the gates for the key `{arn}` ({why}"));
        }
        Ok(())
    }
}
