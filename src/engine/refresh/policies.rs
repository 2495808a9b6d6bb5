//! Reads the policies of the keys that the stack does not manage and has statements in.

use super::{Refresh, unreadable};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::KeyArn;
use crate::kind::{KeyRef, Kind, Spec, key_policy};
use crate::live::{Live, Observed};
use crate::policy::Document;
use crate::retry::with_retries;

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the policies of the declared and recorded key policy resources.
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
        for (address, seen) in self.concurrently(asks).await {
            live.observed.insert(address.clone(), seen?);
        }
        Ok(())
    }

    async fn policy_of(
        &self,
        wanted: &key_policy::Spec,
        arn: &KeyArn,
    ) -> Result<Observed, CloudError> {
        let text = with_retries(&self.options.retry, async || self.cloud.policy(arn).await).await;
        let text = match text {
            Ok(text) => text,
            Err(error) if error.fault.is_temporary() => return Err(error),
            Err(error) => {
                let reason = format!("the policy of `{arn}` cannot be read: {error}");
                return Ok(unreadable(reason, &error, "allow the caller kms:GetKeyPolicy"));
            }
        };
        let Ok(policy) = Document::from_live(&text, arn.region.partition()) else {
            return Ok(Observed::Unusable {
                reason: format!("the policy of `{arn}` cannot be parsed"),
                help: "inspect it with `aws kms get-key-policy`".to_owned(),
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
