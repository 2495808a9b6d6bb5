//! The policies of keys that are not the stack's, where it has statements in them.

use super::{Refresh, unreachable, unread};
use crate::cloud::retry::patiently;
use crate::cloud::{Cloud, CloudError};
use crate::id::KeyArn;
use crate::kind::{KeyRef, Kind, Spec, key_policy};
use crate::live::{Live, Observed};
use crate::policy::Document;

impl<C: Cloud> Refresh<'_, C> {
    pub(super) async fn lift_policies(&self, live: &mut Live) -> Result<(), CloudError> {
        let wanted = self.addresses(Kind::KeyPolicy).into_iter().filter_map(|address| {
            let found = self.interest(address).specs().find_map(Spec::as_key_policy)?;
            let KeyRef::Arn(arn) = &found.key else {
                return None;
            };
            Some((address, found, arn))
        });
        let asks = wanted.map(|(address, wanted, arn)| async move {
            (address, self.policy_of(wanted, arn).await)
        });
        for (address, seen) in self.side_by_side(asks).await {
            live.observed.insert(address.clone(), seen?);
        }
        Ok(())
    }

    async fn policy_of(
        &self,
        wanted: &key_policy::Spec,
        arn: &KeyArn,
    ) -> Result<Observed, CloudError> {
        let ask = async || self.cloud.policy(arn).await;
        let text = match patiently(&self.effort.patience, ask).await {
            Ok(text) => text,
            Err(error) if unreachable(&error) => return Err(error),
            Err(error) => {
                let reason = format!("the policy of `{arn}` cannot be read: {error}");
                return Ok(unread(reason, &error, "let the caller read it (kms:GetKeyPolicy)"));
            }
        };
        let Ok(policy) = Document::from_live(&text, arn.region.partition()) else {
            return Ok(Observed::Unusable {
                reason: format!("the policy of `{arn}` cannot be understood"),
                help: "look at it with `aws kms get-key-policy`".to_owned(),
            });
        };
        let spec = Spec::KeyPolicy(key_policy::Spec { policy: Some(policy), ..wanted.clone() });
        Ok(Observed::Present {
            id: arn.to_string(),
            place: arn.place(),
            spec: Box::new(spec),
            busy: None,
        })
    }
}
