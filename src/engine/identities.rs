//! Looks up the users and roles that calls name. KMS refuses a policy or grant that names a principal
//! that does not exist, or that IAM has just created, and its error does not name the principal (KMS API
//! Reference, `PutKeyPolicy`, `CreateGrant`).

use super::Options;
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::{AccountId, IdentityArn};
use crate::kind::Call;
use crate::plan::IdentityStatus;
use crate::retry::with_retries;
use futures_util::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// The time in seconds, with a margin, for which a new identity may be unknown to KMS.
const PRINCIPAL_LAG: u64 = 300;

/// The result of looking up identities in IAM.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The status of each identity that could be read.
    pub statuses: BTreeMap<IdentityArn, IdentityStatus>,
    /// The last error of an identity that could not be read.
    pub error: Option<CloudError>,
}

/// Looks up the identities in IAM, concurrently.
pub async fn look_up<C: Cloud>(
    cloud: &C,
    options: &Options,
    identities: impl Iterator<Item = IdentityArn>,
) -> Lookup {
    let asks = identities.map(|identity| async move {
        (with_retries(&options.retry, async || cloud.identity(&identity).await).await, identity)
    });
    let mut answers = options.concurrently(asks);
    let mut lookup = Lookup::default();
    while let Some((answer, identity)) = answers.next().await {
        let status = match answer {
            Ok(None) => IdentityStatus::Missing,
            Ok(Some(found)) if found.arn == identity.as_str() => {
                IdentityStatus::Exists { created: found.created }
            }
            Ok(Some(found)) => IdentityStatus::OtherPath { arn: found.arn },
            Err(error) => {
                lookup.error = Some(error);
                continue;
            }
        };
        lookup.statuses.insert(identity, status);
    }
    lookup
}

/// The likely reason why KMS refused a call that names identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The named identities do not exist. Repeating the call does not help.
    Missing(Vec<String>),
    /// An identity is too new for KMS, or could not be looked up. Repeating the call may help.
    MayPass,
    /// Every named identity exists and is old enough, so the reason is another one.
    Other,
}

/// The facts for judging the identities that a call names.
#[derive(Clone, Copy, Debug)]
pub struct KnownIdentities<'a> {
    /// The roles that the run creates. They count as existing, although IAM may not show them yet.
    pub created: &'a BTreeSet<IdentityArn>,
    /// The accounts whose IAM kmsctl can read. An identity of any other account would be looked up in
    /// the caller's own account.
    pub accounts: &'a BTreeSet<AccountId>,
}

/// Returns the likely reason why KMS refused a call. `now` is in seconds since 1970.
pub async fn refusal<C: Cloud>(
    cloud: &C,
    options: &Options,
    call: &Call,
    KnownIdentities { created: created_roles, accounts }: KnownIdentities<'_>,
    now: u64,
) -> Refusal {
    let named: BTreeSet<IdentityArn> =
        call.principals().iter().filter_map(|arn| arn.parse().ok()).collect();
    let count = named.len();
    let readable = named.into_iter().filter(|named| accounts.contains(named.account()));
    let Lookup { statuses, .. } = look_up(cloud, options, readable).await;
    let missing: Vec<String> = statuses
        .iter()
        .filter(|(identity, _)| !created_roles.contains(identity))
        .filter_map(|(identity, status)| status.objection(identity))
        .collect();
    if !missing.is_empty() {
        return Refusal::Missing(missing);
    }
    let is_new = statuses.iter().any(|(identity, status)| match status {
        IdentityStatus::Exists { created } => created + PRINCIPAL_LAG > now,
        IdentityStatus::Missing | IdentityStatus::OtherPath { .. } => {
            created_roles.contains(identity)
        }
    });
    if is_new || statuses.len() < count { Refusal::MayPass } else { Refusal::Other }
}
