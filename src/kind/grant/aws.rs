//! Sends the calls of grants, and converts the SDK's list of grants.

use super::{Call, Constraints, CreateGrant, Listed, RevokeGrant};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::{AccountId, Place};
use crate::kind::CallBindings;
use crate::kind::resolve;
use crate::policy::with_account;
use crate::sdk::Aws;
use crate::sdk::error::{answer, done, local};
use aws_sdk_kms::types::{GrantConstraints, GrantListEntry, GrantOperation};
use std::collections::BTreeMap;

/// Converts a grant of `ListGrants`. A grantee that is a service is named by its service principal, and an account by
/// the ARN of its root user, for which its id alone stands (IAM User Guide, "AWS JSON policy elements: Principal").
pub(crate) fn listed(grant: &GrantListEntry) -> Listed {
    let partition = grant.key_id().and_then(|key| key.split(':').nth(1)).unwrap_or("aws");
    let whole = |principal: &str| with_account(principal, partition);
    let grantee = grant.grantee_principal().or(grant.grantee_service_principal());
    let retiring = grant.retiring_principal().or(grant.retiring_service_principal());
    Listed {
        grant_id: grant.grant_id().unwrap_or_default().to_owned(),
        name: grant.name().unwrap_or_default().to_owned(),
        grantee: whole(grantee.unwrap_or_default()),
        retiring: retiring.map(whole),
        operations: grant.operations().iter().map(|op| op.as_str().to_owned()).collect(),
        constraints: grant.constraints().and_then(constraints_of),
        issuer: grant.issuing_account().and_then(|issuer| account(&whole(issuer))),
    }
}

/// Returns the account of `arn:aws:iam::ACCOUNT:root`.
fn account(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4)?.parse().ok()
}

/// Converts the constraints of a grant. A grant without constraints may have an empty structure.
fn constraints_of(live: &GrantConstraints) -> Option<Constraints> {
    fn pairs<'a>(
        map: Option<impl IntoIterator<Item = (&'a String, &'a String)>>,
    ) -> Option<BTreeMap<String, String>> {
        let pairs = map.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
        Some(pairs.collect()).filter(|pairs: &BTreeMap<_, _>| !pairs.is_empty())
    }
    let constraints = Constraints {
        encryption_context_equals: pairs(live.encryption_context_equals()),
        encryption_context_subset: pairs(live.encryption_context_subset()),
        source_arn: live.source_arn().map(str::to_owned),
    };
    (constraints != Constraints::default()).then_some(constraints)
}

fn constraints(wanted: &Constraints) -> GrantConstraints {
    let pairs = |pairs: &Option<BTreeMap<String, String>>| {
        pairs.clone().map(|pairs| pairs.into_iter().collect())
    };
    GrantConstraints::builder()
        .set_encryption_context_equals(pairs(&wanted.encryption_context_equals))
        .set_encryption_context_subset(pairs(&wanted.encryption_context_subset))
        .set_source_arn(wanted.source_arn.clone())
        .build()
}

/// Sends the call.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    match call {
        Call::CreateGrant(call) => create_grant(aws, at, call, bindings).await,
        Call::RevokeGrant(RevokeGrant { key_id, grant_id }) => {
            let key = resolve(RevokeGrant::NAME, key_id, bindings)?;
            let request = aws.client(at).await.revoke_grant();
            done(RevokeGrant::NAME, request.key_id(key).grant_id(grant_id).send().await)
        }
    }
}

async fn create_grant(
    aws: &Aws,
    at: &Place,
    call: &CreateGrant,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = resolve(CreateGrant::NAME, &call.key_id, bindings)?;
    let operations = call.operations.iter().map(|op| GrantOperation::from(op.as_str()));
    let request = aws
        .client(at)
        .await
        .create_grant()
        .key_id(key)
        .name(&call.name)
        .set_grantee_principal(call.grantee_principal.clone())
        .set_grantee_service_principal(call.grantee_service_principal.clone())
        .set_retiring_principal(call.retiring_principal.clone())
        .set_retiring_service_principal(call.retiring_service_principal.clone())
        .set_operations(Some(operations.collect()))
        .set_constraints(call.constraints.as_deref().map(constraints));
    let made = answer(CreateGrant::NAME, request.send().await)?;
    // KMS has created a grant even if the answer does not contain its id. The ambiguous error makes
    // the engine search for the grant.
    made.grant_id.map(Outcome::Grant).ok_or_else(|| {
        local(CreateGrant::NAME, Fault::Ambiguous, "the answer contains no grant id")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_the_root_user_of_the_account() {
        let key = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let of = |grantee: &str| {
            let grant = GrantListEntry::builder().key_id(key).grantee_principal(grantee);
            listed(&grant.retiring_principal(grantee).issuing_account("444455556666").build())
        };
        let root = "arn:aws-cn:iam::444455556666:root";
        for grantee in ["444455556666", root] {
            let found = of(grantee);
            assert_eq!((found.grantee.as_str(), found.retiring.as_deref()), (root, Some(root)));
            assert_eq!(found.issuer.unwrap().as_str(), "444455556666");
        }
        for other in ["AROAABCDEFGHIJKLMNOPQ", "sns.amazonaws.com", "44445555666"] {
            assert_eq!(of(other).grantee, other);
        }
    }
}
