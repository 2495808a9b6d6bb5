//! Service-linked roles, as IAM knows them.

use super::{Refresh, look_again, unreachable, unread};
use crate::cloud::retry::patiently;
use crate::cloud::{Cloud, CloudError};
use crate::id::{IdentityArn, Place};
use crate::kind::{Kind, Spec, service_linked_role};
use crate::live::{Live, Observed};

impl<C: Cloud> Refresh<'_, C> {
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
            // IAM may show a role late that was made moments ago.
            let gone =
                |seen: &Result<Observed, CloudError>| known && matches!(seen, Ok(Observed::Absent));
            (address, look_again(async || self.role(place, role).await, gone).await)
        });
        for (address, seen) in self.side_by_side(asks).await {
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
        // The ARN of a role always is one of an identity.
        let Ok(identity) = arn.parse::<IdentityArn>() else {
            return Ok(Observed::Absent);
        };
        let ask = async || self.cloud.identity(&identity).await;
        Ok(match patiently(&self.effort.patience, ask).await {
            Ok(None) => Observed::Absent,
            Ok(Some(found)) if found.arn == arn => {
                let spec = Box::new(Spec::ServiceLinkedRole(role.clone()));
                Observed::Present { id: arn, place: place.clone(), spec, busy: None }
            }
            Ok(Some(found)) => Observed::Unusable {
                reason: format!("its name belongs to `{}`", found.arn),
                help: "rename that role: the service can use no other name".to_owned(),
            },
            Err(error) if unreachable(&error) => return Err(error),
            Err(error) => unread(
                format!("whether it exists is not known: {error}"),
                &error,
                "let the caller look (iam:GetRole)",
            ),
        })
    }
}
