//! Finds the consumers that carry the stack's tags and are neither declared nor recorded, for example
//! because the record was lost. One search finds those of all kinds in a Region.

use super::consumers::{aws_managed, name_key};
use super::{Aliases, Refresh, Tagged};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::{KeyArn, Place};
use crate::kind::{Address, ConsumerKind, ConsumerQuery};
use crate::live::{Live, Observed};
use crate::permissions::table;
use crate::retry::{RetryPolicy, with_retries};
use std::collections::{BTreeMap, BTreeSet};

/// The largest number of attempts at a search. What could not be searched is reported.
const ATTEMPTS: u32 = 3;

impl<C: Cloud> Refresh<'_, C> {
    /// Searches every Region of the stack for the resources that carry the stack's tags.
    pub(super) async fn tagged(&self) -> Tagged {
        let mut places = self.places(|_| true);
        places.retain(|place| place.account == self.desired.home.account);
        places.insert(self.desired.home.clone());
        let stack = self.desired.stack.as_str();
        let attempts = self.options.retry.attempts.min(ATTEMPTS);
        let retry = &RetryPolicy { attempts, ..self.options.retry.clone() };
        let searches = places.into_iter().map(|place| async move {
            let found = with_retries(retry, async || self.cloud.tagged(&place, stack).await).await;
            (place, found)
        });
        self.concurrently(searches).await.into_iter().collect()
    }

    /// Adds the undeclared consumers of every Region of the stack.
    pub(super) async fn find_undeclared_consumers(
        &self,
        aliases: &Aliases,
        tagged: &Tagged,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        for (place, found) in tagged {
            match found {
                Ok(arns) => self.read_undeclared(place, arns, aliases, live).await?,
                Err(error) => live.unchecked.push(format!(
                    "could not look for resources of this stack that are no longer declared in \
                     {place} ({error}): allow the caller tag:GetResources"
                )),
            }
        }
        Ok(())
    }

    /// Reads the consumers with these ARNs that are not known yet.
    async fn read_undeclared(
        &self,
        place: &Place,
        arns: &[String],
        aliases: &Aliases,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        let own: BTreeMap<KeyArn, Address> =
            live.ids.iter().map(|(address, arn)| (arn.clone(), address.clone())).collect();
        for kind in ConsumerKind::ALL.iter().copied() {
            let Some(form) = kind.facts().arn else {
                continue;
            };
            let known = known_ids(kind, live);
            let ids: BTreeSet<String> = arns
                .iter()
                .filter_map(|arn| form.id(arn))
                .filter(|id| !known.contains(id.as_str()))
                .collect();
            if ids.is_empty() {
                continue;
            }
            let query = ConsumerQuery {
                kind,
                stack: self.desired.stack.to_string(),
                ids,
                fields: BTreeSet::from(["key".to_owned()]),
            };
            let retry = &self.options.retry;
            match with_retries(retry, async || self.cloud.objects(place, &query).await).await {
                Ok(objects) => {
                    let managed = aws_managed(aliases, place);
                    for mut object in objects {
                        name_key(&mut object.spec, &managed, &own);
                        self.lift_unclaimed(kind, place, object, live);
                    }
                }
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) => live.unchecked.push(format!(
                    "could not read resources of the kind {} that carry the stack's tags ({error}): \
                     allow the caller {}",
                    kind.as_str(),
                    table::reads(kind)
                )),
            }
        }
        Ok(())
    }
}

/// Returns the ids of the observed consumers of a kind.
fn known_ids(kind: ConsumerKind, live: &Live) -> BTreeSet<String> {
    live.observed
        .iter()
        .filter(|(address, _)| address.kind.consumer() == Some(kind))
        .filter_map(|(_, seen)| match seen {
            Observed::Present { id, .. } => Some(id.clone()),
            Observed::Absent | Observed::Unusable { .. } => None,
        })
        .collect()
}
