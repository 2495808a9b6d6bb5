//! Looks up the users and roles that calls name. KMS refuses a policy or a grant that names a principal
//! that does not exist, or that IAM has just created, and its error names no principal (KMS API Reference,
//! `PutKeyPolicy`, `CreateGrant`).

use super::Effort;
use crate::cloud::retry::patiently;
use crate::cloud::{Cloud, CloudError};
use crate::id::{AccountId, IdentityArn};
use crate::kind::Call;
use crate::plan::Standing;
use futures_util::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// How long an identity that IAM has just made may be unknown to KMS, in seconds, and some.
const YOUNG: u64 = 300;

/// What IAM says about identities.
#[derive(Debug, Default)]
pub struct Looked {
    /// By identity. Those that could not be looked at are not in it.
    pub standings: BTreeMap<IdentityArn, Standing>,
    /// Why some could not be looked at.
    pub blind: Option<CloudError>,
}

/// Looks the identities up, side by side.
pub async fn look<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    identities: impl Iterator<Item = IdentityArn>,
) -> Looked {
    let asks = identities.map(|identity| async move {
        let ask = async || cloud.identity(&identity).await;
        (patiently(&effort.patience, ask).await, identity)
    });
    let mut answers = effort.side_by_side(asks);
    let mut looked = Looked::default();
    while let Some((answer, identity)) = answers.next().await {
        let standing = match answer {
            Ok(None) => Standing::Missing,
            Ok(Some(found)) if found.arn == identity.as_str() => {
                Standing::Exists { created: found.created }
            }
            Ok(Some(found)) => Standing::Elsewhere { arn: found.arn },
            Err(error) => {
                looked.blind = Some(error);
                continue;
            }
        };
        looked.standings.insert(identity, standing);
    }
    looked
}

/// Why KMS may have refused a call that names identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They do not exist: it will not get better.
    Missing(Vec<String>),
    /// They are too young for KMS to know, or their IAM could not be asked: it may get better.
    Young,
    /// Another reason.
    Other,
}

/// Who can be looked up, and how far what IAM says of them can be believed.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a> {
    /// Those that the run makes are there, though IAM may not show them yet.
    pub made: &'a BTreeSet<IdentityArn>,
    /// The accounts whose IAM can be asked: another one's would be asked for in the caller's own.
    pub accounts: &'a BTreeSet<AccountId>,
}

/// Looks up whom the call names. `now` is in seconds since 1970.
pub async fn refusal<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    call: &Call,
    Whom { made, accounts }: Whom<'_>,
    now: u64,
) -> Refusal {
    let named: BTreeSet<IdentityArn> =
        call.principals().iter().filter_map(|arn| arn.parse().ok()).collect();
    let count = named.len();
    let ours = named.into_iter().filter(|named| accounts.contains(named.account()));
    let looked = look(cloud, effort, ours).await;
    let missing: Vec<String> = looked
        .standings
        .iter()
        .filter(|(identity, _)| !made.contains(identity))
        .filter_map(|(identity, standing)| standing.objection(identity))
        .collect();
    let young = looked.standings.iter().any(|(identity, standing)| match standing {
        Standing::Exists { created } => created + YOUNG > now,
        Standing::Missing | Standing::Elsewhere { .. } => made.contains(identity),
    });
    match (missing.is_empty(), young || looked.standings.len() < count) {
        (false, _) => Refusal::Missing(missing),
        (true, true) => Refusal::Young,
        (true, false) => Refusal::Other,
    }
}
