//! Finds out what a draft must know before it is a plan.

use super::{Effort, identities, impact};
use crate::cloud::{Cloud, CloudError};
use crate::id::AccountId;
use crate::live::Live;
use crate::plan::{Draft, Survey};
use std::collections::BTreeSet;

/// Looks up the users and roles that the draft names in one of `accounts`, and what depends on the
/// keys that it disables or deletes. With the survey comes the reason why an identity could not be
/// looked up, if there is one.
pub async fn survey<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    draft: &Draft<'_>,
    live: &Live,
    accounts: &BTreeSet<AccountId>,
) -> (Survey, Option<CloudError>) {
    let unknown = draft.identities().into_iter().filter(|identity| {
        accounts.contains(identity.account()) && !live.has_identity(identity.as_str())
    });
    let looked = identities::look(cloud, effort, unknown).await;
    let endangered = draft.endangered();
    let impacts = if endangered.is_empty() {
        Default::default()
    } else {
        impact::scan(cloud, effort, &endangered).await
    };
    (Survey { standings: looked.standings, impacts }, looked.blind)
}
