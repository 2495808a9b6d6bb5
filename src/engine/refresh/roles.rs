//! Reads service-linked roles from IAM.

use super::{Refresh, unreadable};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::{IdentityArn, Place};
use crate::kind::{Kind, Spec, service_linked_role};
use crate::live::{Live, Observed};
use crate::retry::with_retries;

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the declared and recorded service-linked roles.
    pub(super) async fn lift_roles(&self, live: &mut Live) -> Result<(), CloudError> {
        let wanted = self.addresses(Kind::ServiceLinkedRole).into_iter().filter_map(|address| {
            let interest = self.interest(address);
            let place =
                interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place))?;
            let Some(Spec::ServiceLinkedRole(role)) = interest.specs().next() else {
                return None;
            };
            Some((address, place, role, interest.record.is_some()))
        });
        let asks = wanted.map(|(address, place, role, known)| async move {
            // IAM may not show a role yet that was created moments ago.
            let missing =
                |seen: &Result<Observed, CloudError>| known && matches!(seen, Ok(Observed::Absent));
            (address, self.until_visible(async || self.role(place, role).await, missing).await)
        });
        for (address, seen) in self.concurrently(asks).await {
            live.observed.insert(address.clone(), seen?);
        }
        Ok(())
    }

    async fn role(
        &self,
        place: &Place,
        role: &service_linked_role::Spec,
    ) -> Result<Observed, CloudError> {
        let arn = role.arn(place);
        // The ARN of a role is always the ARN of an identity.
        let Ok(identity) = arn.parse::<IdentityArn>() else {
            return Ok(Observed::Absent);
        };
        let found =
            with_retries(&self.options.retry, async || self.cloud.identity(&identity).await).await;
        Ok(match found {
            Ok(None) => Observed::Absent,
            Ok(Some(found)) if found.arn == arn => {
                let spec = Box::new(Spec::ServiceLinkedRole(role.clone()));
                Observed::Present { id: arn, place: place.clone(), spec, busy: None }
            }
            Ok(Some(found)) => Observed::Unusable {
                reason: format!("its name belongs to `{}`", found.arn),
                help: "rename that role: the service cannot use another name".to_owned(),
            },
            Err(error) if error.fault.is_temporary() => return Err(error),
            Err(error) => unreadable(
                format!("it is not known whether the role exists: {error}"),
                &error,
                "allow the caller iam:GetRole",
            ),
        })
    }
}
