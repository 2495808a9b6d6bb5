//! Reads from AWS what a draft needs before it can be finished.

use super::{Options, identities, impact};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::AccountId;
use crate::live::Live;
use crate::plan::{Draft, Survey};
use std::collections::BTreeSet;

/// Looks up the users and roles of `accounts` that the draft names, and the resources that depend on
/// the keys that it disables or deletes. Also returns the error of an identity that could not be looked
/// up, if any. `now` is in seconds since 1970.
pub async fn survey<C: Cloud>(
    cloud: &C,
    options: &Options,
    draft: &Draft<'_>,
    live: &Live,
    accounts: &BTreeSet<AccountId>,
    now: u64,
) -> (Survey, Option<CloudError>) {
    let unknown = draft.identities().into_iter().filter(|identity| {
        accounts.contains(identity.account()) && !live.has_identity(identity.as_str())
    });
    let lookup = identities::look_up(cloud, options, unknown).await;
    let keys_at_risk = draft.keys_at_risk();
    let impacts = if keys_at_risk.is_empty() {
        Default::default()
    } else {
        impact::scan(cloud, options, &keys_at_risk).await
    };
    (Survey { identities: lookup.statuses, impacts, now }, lookup.error)
}
