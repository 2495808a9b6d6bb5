//! Finds out, by reading AWS, whether AWS executed a call whose answer was lost.

use super::Options;
use crate::answer::{CloudError, Fault, Outcome};
use crate::cloud::Cloud;
use crate::id::{IdentityArn, KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::alias::{CreateAlias, DeleteAlias, UpdateAlias};
use crate::kind::grant::{CreateGrant, Listed, RevokeGrant};
use crate::kind::key::{self, NAME_TAG, NONCE_TAG, STACK_TAG};
use crate::kind::{Call, Ids, KeyRef, Retry, alias, grant};
use crate::kind::{ConsumerKind, ConsumerQuery, Object, Phase};
use crate::retry::{RetryPolicy, every_page, with_retries};
use futures_util::stream::StreamExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The pauses, in seconds, before each read of an object that a lost call may have created (a key, an
/// alias, a grant or a role). KMS usually shows new objects within a few seconds (KMS Developer Guide,
/// "AWS KMS eventual consistency").
pub(super) const PAUSES: [u64; 5] = [0, 1, 2, 4, 8];

/// The nonces of the keys that were read so far. A key gets its nonce when it is created, so each key is
/// read only once.
#[derive(Debug, Default)]
pub struct Nonces(RefCell<BTreeMap<KeyArn, Option<String>>>);

/// A call whose answer was lost.
#[derive(Clone, Copy, Debug)]
pub struct LostCall<'a> {
    /// The address of the step.
    pub address: &'a Address,
    /// The name of the stack.
    pub stack: &'a str,
    /// The account and Region that the call was sent to.
    pub at: &'a Place,
    /// The call.
    pub call: &'a Call,
    /// The key that the call changes, if it exists already.
    pub key: Option<&'a KeyArn>,
    /// The ARNs of the stack's keys.
    pub ids: &'a Ids,
    /// The nonce, if the call creates a resource.
    pub nonce: Option<&'a str>,
    /// The time since the call was sent. An object that the call created is visible once the age is the
    /// sum of [`PAUSES`].
    pub age: Duration,
}

/// Returns the outcome of the call if AWS executed it, and `None` if it did not. Reads AWS repeatedly
/// until an object that the call may have created had time to become visible.
///
/// # Errors
/// Returns an error if AWS cannot be read.
pub async fn settle<C: Cloud>(
    cloud: &C,
    options: &Options,
    nonces: &Nonces,
    lost: LostCall<'_>,
) -> Result<Option<Outcome>, CloudError> {
    if lost.call.retry() == Retry::Repeat {
        return Ok(None);
    }
    let mut age = lost.age;
    for seconds in PAUSES {
        let pause = Duration::from_secs(seconds);
        if seconds > 0 && age >= Duration::from_secs(PAUSES.iter().sum()) {
            break;
        }
        tokio::time::sleep(pause).await;
        age += pause;
        let found = match probe(cloud, options, nonces, lost).await {
            Err(error) if error.fault == Fault::NotFound => without_key(lost.call),
            found => found?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Returns the outcome of a call whose key AWS does not have. A deletion counts as executed. For any
/// other call the key may be new and not visible yet.
fn without_key(call: &Call) -> Option<Outcome> {
    let ends = matches!(
        call,
        Call::Key(key::Call::ScheduleKeyDeletion(_)) | Call::Grant(grant::Call::RevokeGrant(_))
    );
    ends.then_some(Outcome::Done)
}

/// Reads AWS once, and returns the outcome of the call if AWS shows it.
async fn probe<C: Cloud>(
    cloud: &C,
    options: &Options,
    nonces: &Nonces,
    lost: LostCall<'_>,
) -> Result<Option<Outcome>, CloudError> {
    let retry = &options.retry;
    let done = |done: bool| done.then_some(Outcome::Done);
    match lost.call {
        Call::Key(call) => on_key(cloud, options, nonces, lost, call).await,
        Call::KeyPolicy(_) => Ok(None),
        Call::Alias(call) => on_alias(cloud, retry, lost, call).await,
        Call::Grant(call) => on_grant(cloud, retry, lost, call).await,
        Call::ServiceLinkedRole(call) => {
            let role = call.role().arn(lost.at);
            Ok(done(is_there(cloud, retry, &role).await?))
        }
        Call::Consumer(call) => on_consumer(cloud, retry, lost, call.kind()).await,
    }
}

/// Finds the consumer that a call created, by the tags of its address.
async fn on_consumer<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    lost: LostCall<'_>,
    kind: ConsumerKind,
) -> Result<Option<Outcome>, CloudError> {
    let name = &lost.address.name;
    let sought = ConsumerQuery {
        kind,
        stack: lost.stack.to_owned(),
        ids: BTreeSet::from([name.clone()]),
        fields: BTreeSet::new(),
    };
    let found = with_retries(retry, async || cloud.objects(lost.at, &sought).await).await?;
    let ours = |object: &Object| {
        let tag = |key: &str| object.spec.common().tags.get(key).map(String::as_str);
        let tagged = tag(STACK_TAG) == Some(lost.stack) && tag(NAME_TAG) == Some(name);
        tagged && object.phase != Phase::Gone
    };
    Ok(found.into_iter().find(ours).map(|object| Outcome::Made(object.id)))
}

async fn on_key<C: Cloud>(
    cloud: &C,
    options: &Options,
    nonces: &Nonces,
    lost: LostCall<'_>,
    call: &key::Call,
) -> Result<Option<Outcome>, CloudError> {
    let done = |done: bool| done.then_some(Outcome::Done);
    let retry = &options.retry;
    match call {
        key::Call::CreateKey(_) => by_nonce(cloud, options, nonces, lost).await,
        key::Call::ReplicateKey(call) => {
            let region = call.replica_region.clone();
            let at = Place { account: lost.at.account.clone(), region };
            replica(cloud, retry, lost, &call.key_id, &at).await
        }
        key::Call::ScheduleKeyDeletion(_) => {
            Ok(done(is_pending_deletion(cloud, retry, lost).await?))
        }
        key::Call::CancelKeyDeletion(_) => {
            Ok(done(!is_pending_deletion(cloud, retry, lost).await?))
        }
        key::Call::UpdatePrimaryRegion(call) => {
            let Some(key) = lost.key else {
                return Ok(None);
            };
            let found = with_retries(retry, async || cloud.describe(key).await).await?;
            Ok(done(found.primary_region.as_ref() == Some(&call.primary_region)))
        }
        key::Call::EnableKey(_)
        | key::Call::DisableKey(_)
        | key::Call::UpdateKeyDescription(_)
        | key::Call::PutKeyPolicy(_)
        | key::Call::TagResource(_)
        | key::Call::UntagResource(_)
        | key::Call::EnableKeyRotation(_)
        | key::Call::DisableKeyRotation(_) => Ok(None),
    }
}

/// Finds a replica. It has the key id of its primary, and its nonce shows which call created it.
async fn replica<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    lost: LostCall<'_>,
    primary: &KeyRef,
    at: &Place,
) -> Result<Option<Outcome>, CloudError> {
    let Some(arn) = primary.resolve(lost.ids).map(|arn| KeyArn::at(at, arn.id())) else {
        return Ok(None);
    };
    let tags = with_retries(retry, async || cloud.tags(&arn).await).await?;
    let ours = tags.get(NONCE_TAG).map(String::as_str) == lost.nonce;
    Ok(ours.then_some(Outcome::Key(arn)))
}

async fn on_alias<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    lost: LostCall<'_>,
    call: &alias::Call,
) -> Result<Option<Outcome>, CloudError> {
    let done = |done: bool| done.then_some(Outcome::Done);
    match call {
        alias::Call::CreateAlias(CreateAlias { alias_name, target_key_id })
        | alias::Call::UpdateAlias(UpdateAlias { alias_name, target_key_id }) => {
            match target_key_id.resolve(lost.ids) {
                Some(arn) => Ok(done(
                    with_retries(retry, async || cloud.aliases_of(&arn).await)
                        .await?
                        .contains(alias_name),
                )),
                None => Ok(None),
            }
        }
        alias::Call::DeleteAlias(DeleteAlias { alias_name }) => {
            let all = every_page(retry, async |from| cloud.aliases(lost.at, from).await).await?;
            Ok(done(all.iter().all(|entry| entry.name != alias_name.as_str())))
        }
    }
}

async fn on_grant<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    lost: LostCall<'_>,
    call: &grant::Call,
) -> Result<Option<Outcome>, CloudError> {
    match call {
        grant::Call::CreateGrant(CreateGrant { key_id, name, .. }) => {
            let grants = grants(cloud, retry, key_id, lost).await?.unwrap_or_default();
            let found = grants.into_iter().find(|grant| grant.name == *name);
            Ok(found.map(|grant| Outcome::Grant(grant.grant_id)))
        }
        grant::Call::RevokeGrant(RevokeGrant { key_id, grant_id }) => {
            let grants = grants(cloud, retry, key_id, lost).await?;
            let gone = |grants: Vec<Listed>| grants.iter().all(|grant| grant.grant_id != *grant_id);
            Ok(grants.is_some_and(gone).then_some(Outcome::Done))
        }
    }
}

/// Returns whether IAM has the role.
async fn is_there<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    role: &str,
) -> Result<bool, CloudError> {
    let Ok(identity) = role.parse::<IdentityArn>() else {
        return Ok(false);
    };
    let found = with_retries(retry, async || cloud.identity(&identity).await).await?;
    Ok(found.is_some_and(|found| found.arn == role))
}

/// Returns the grants of a key; `None` if the ARN of the key is not known.
async fn grants<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    key: &KeyRef,
    lost: LostCall<'_>,
) -> Result<Option<Vec<Listed>>, CloudError> {
    let Some(arn) = key.resolve(lost.ids) else {
        return Ok(None);
    };
    every_page(retry, async |from| cloud.grants(&arn, from).await).await.map(Some)
}

async fn is_pending_deletion<C: Cloud>(
    cloud: &C,
    retry: &RetryPolicy,
    lost: LostCall<'_>,
) -> Result<bool, CloudError> {
    match lost.key {
        Some(key) => Ok(with_retries(retry, async || cloud.describe(key).await).await?.is_dying()),
        None => Ok(false),
    }
}

/// Finds the key that carries the nonce. Only keys that were not read before are read.
async fn by_nonce<C: Cloud>(
    cloud: &C,
    options: &Options,
    nonces: &Nonces,
    lost: LostCall<'_>,
) -> Result<Option<Outcome>, CloudError> {
    let Some(nonce) = lost.nonce else {
        return Ok(None);
    };
    let retry = &options.retry;
    let ids = every_page(retry, async |from| cloud.keys(lost.at, from).await).await?;
    let unseen: Vec<KeyArn> = {
        let seen = nonces.0.borrow();
        let arns = ids.iter().map(|id| KeyArn::at(lost.at, id));
        arns.filter(|arn| !seen.contains_key(arn)).collect()
    };
    let asks = unseen.into_iter().map(|arn| async move {
        (with_retries(retry, async || cloud.tags(&arn).await).await, arn)
    });
    let mut answers = options.concurrently(asks);
    while let Some((tags, arn)) = answers.next().await {
        match tags {
            Ok(tags) => drop(nonces.0.borrow_mut().insert(arn, tags.get(NONCE_TAG).cloned())),
            // The key belongs to another owner, or was deleted meanwhile.
            Err(error) if matches!(error.fault, Fault::Denied | Fault::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let seen = nonces.0.borrow();
    let found = seen.iter().find(|(_, carried)| carried.as_deref() == Some(nonce));
    Ok(found.map(|(arn, _)| Outcome::Key(arn.clone())))
}
