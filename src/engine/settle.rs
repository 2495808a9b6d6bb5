//! Finds out whether a call whose answer was lost has been executed, by looking at AWS.

use super::Effort;
use crate::address::Address;
use crate::cloud::retry::{Patience, every_page, patiently};
use crate::cloud::{Cloud, CloudError, Fault, Object, Outcome, Phase, Sought};
use crate::id::{IdentityArn, KeyArn, Place};
use crate::kind::grant::Listed;
use crate::kind::key::{self, NAME_TAG, NONCE_TAG, STACK_TAG};
use crate::kind::{Call, Ids, KeyRef, Retry, alias, grant};
use futures_util::stream::StreamExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The pauses, in seconds, between the looks for an object that a lost call may have created (a key, an
/// alias, a grant, a role). KMS usually shows new objects within a few seconds (KMS Developer Guide, "AWS
/// KMS eventual consistency").
pub(super) const LOOKS: [u64; 5] = [0, 1, 2, 4, 8];

/// The nonces of the keys seen so far: a key gets its nonce when it is made, so one look is enough.
#[derive(Debug, Default)]
pub struct Nonces(RefCell<BTreeMap<KeyArn, Option<String>>>);

/// A lost call.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// Whose.
    pub address: &'a Address,
    /// The stack.
    pub stack: &'a str,
    /// Where it went.
    pub at: &'a Place,
    /// The call.
    pub call: &'a Call,
    /// The key that it was about.
    pub key: Option<&'a KeyArn>,
    /// The ARNs of the stack's keys.
    pub ids: &'a Ids,
    /// Its nonce.
    pub nonce: Option<&'a str>,
    /// How old the call is. Nothing that it made is still on its way once it is old enough.
    pub age: Duration,
}

/// Whether the call was executed, and what it brought about. Looks again until what it may have
/// made had time to show itself.
///
/// # Errors
/// If AWS cannot be asked.
pub async fn settle<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    nonces: &Nonces,
    lost: Lost<'_>,
) -> Result<Option<Outcome>, CloudError> {
    if lost.call.retry() == Retry::Repeat {
        return Ok(None);
    }
    let mut age = lost.age;
    for seconds in LOOKS {
        let pause = Duration::from_secs(seconds);
        if seconds > 0 && age >= Duration::from_secs(LOOKS.iter().sum()) {
            break;
        }
        tokio::time::sleep(pause).await;
        age += pause;
        let found = match look(cloud, effort, nonces, lost).await {
            Err(error) if error.fault == Fault::NotFound => without_key(lost.call),
            found => found?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What has become of a call on a key that is not there: gone, or made moments ago and not shown yet.
fn without_key(call: &Call) -> Option<Outcome> {
    let ends = matches!(
        call,
        Call::Key(key::Call::ScheduleKeyDeletion { .. })
            | Call::Grant(grant::Call::RevokeGrant { .. })
    );
    ends.then_some(Outcome::Done)
}

async fn look<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    nonces: &Nonces,
    lost: Lost<'_>,
) -> Result<Option<Outcome>, CloudError> {
    let patience = &effort.patience;
    let done = |done: bool| done.then_some(Outcome::Done);
    if let Call::Key(call) = lost.call {
        return on_key(cloud, effort, nonces, lost, call).await;
    }
    if let Call::Alias(call) = lost.call {
        return on_alias(cloud, patience, lost, call).await;
    }
    if let Call::Grant(call) = lost.call {
        return on_grant(cloud, patience, lost, call).await;
    }
    if let Call::ServiceLinkedRole(call) = lost.call {
        let role = call.role().arn(lost.at);
        return Ok(done(is_there(cloud, patience, &role).await?));
    }
    consumer(cloud, patience, lost).await
}

/// The consumer that a call made: it carries the tags of its address.
async fn consumer<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    lost: Lost<'_>,
) -> Result<Option<Outcome>, CloudError> {
    let name = &lost.address.name;
    let sought = Sought {
        kind: lost.call.kind(),
        stack: lost.stack.to_owned(),
        ids: BTreeSet::from([name.clone()]),
        fields: BTreeSet::new(),
    };
    let found = patiently(patience, async || cloud.objects(lost.at, &sought).await).await?;
    let ours = |object: &Object| {
        let tags = object.spec.common().map(|common| &common.tags);
        let tag = |key: &str| tags.and_then(|tags| tags.get(key)).map(String::as_str);
        let tagged = tag(STACK_TAG) == Some(lost.stack) && tag(NAME_TAG) == Some(name);
        tagged && object.phase != Phase::Gone
    };
    Ok(found.into_iter().find(ours).map(|object| Outcome::Made(object.id)))
}

async fn on_key<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    nonces: &Nonces,
    lost: Lost<'_>,
    call: &key::Call,
) -> Result<Option<Outcome>, CloudError> {
    let done = |done: bool| done.then_some(Outcome::Done);
    let patience = &effort.patience;
    match call {
        key::Call::CreateKey { .. } => by_nonce(cloud, effort, nonces, lost).await,
        key::Call::ReplicateKey { key_id, replica_region, .. } => {
            let at = Place { account: lost.at.account.clone(), region: replica_region.clone() };
            replica(cloud, patience, lost, key_id, &at).await
        }
        key::Call::ScheduleKeyDeletion { .. } => Ok(done(dying(cloud, patience, lost).await?)),
        key::Call::CancelKeyDeletion {} => Ok(done(!dying(cloud, patience, lost).await?)),
        key::Call::EnableKey {}
        | key::Call::DisableKey {}
        | key::Call::UpdateKeyDescription { .. }
        | key::Call::PutKeyPolicy { .. }
        | key::Call::TagResource { .. }
        | key::Call::UntagResource { .. }
        | key::Call::EnableKeyRotation { .. }
        | key::Call::DisableKeyRotation {} => Ok(None),
    }
}

/// A replica has the id of its primary; the nonce says whose call made it.
async fn replica<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    lost: Lost<'_>,
    primary: &KeyRef,
    at: &Place,
) -> Result<Option<Outcome>, CloudError> {
    let Some(arn) = primary.resolve(lost.ids).map(|arn| KeyArn::at(at, arn.id())) else {
        return Ok(None);
    };
    let tags = patiently(patience, async || cloud.tags(&arn).await).await?;
    let ours = tags.get(NONCE_TAG).map(String::as_str) == lost.nonce;
    Ok(ours.then_some(Outcome::Key(arn)))
}

async fn on_alias<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    lost: Lost<'_>,
    call: &alias::Call,
) -> Result<Option<Outcome>, CloudError> {
    let done = |done: bool| done.then_some(Outcome::Done);
    match call {
        alias::Call::CreateAlias { alias_name, target_key_id }
        | alias::Call::UpdateAlias { alias_name, target_key_id } => {
            match target_key_id.resolve(lost.ids) {
                Some(arn) => {
                    let ask = async || cloud.aliases_of(&arn).await;
                    Ok(done(patiently(patience, ask).await?.contains(alias_name)))
                }
                None => Ok(None),
            }
        }
        alias::Call::DeleteAlias { alias_name } => {
            let list = async |from: Option<&str>| cloud.aliases(lost.at, from).await;
            let all = every_page(patience, list).await?;
            Ok(done(all.iter().all(|entry| entry.name != alias_name.as_str())))
        }
    }
}

async fn on_grant<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    lost: Lost<'_>,
    call: &grant::Call,
) -> Result<Option<Outcome>, CloudError> {
    match call {
        grant::Call::CreateGrant { key_id, name, .. } => {
            let grants = grants(cloud, patience, key_id, lost).await?.unwrap_or_default();
            let found = grants.into_iter().find(|grant| grant.name == *name);
            Ok(found.map(|grant| Outcome::Grant(grant.grant_id)))
        }
        grant::Call::RevokeGrant { key_id, grant_id } => {
            let grants = grants(cloud, patience, key_id, lost).await?;
            let gone = |grants: Vec<Listed>| grants.iter().all(|grant| grant.grant_id != *grant_id);
            Ok(grants.is_some_and(gone).then_some(Outcome::Done))
        }
    }
}

/// Whether IAM knows the role.
async fn is_there<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    role: &str,
) -> Result<bool, CloudError> {
    let Ok(identity) = role.parse::<IdentityArn>() else {
        return Ok(false);
    };
    let found = patiently(patience, async || cloud.identity(&identity).await).await?;
    Ok(found.is_some_and(|found| found.arn == role))
}

/// The grants of a key, if the key exists.
async fn grants<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    key: &KeyRef,
    lost: Lost<'_>,
) -> Result<Option<Vec<Listed>>, CloudError> {
    let Some(arn) = key.resolve(lost.ids) else {
        return Ok(None);
    };
    let list = async |from: Option<&str>| cloud.grants(&arn, from).await;
    every_page(patience, list).await.map(Some)
}

async fn dying<C: Cloud>(
    cloud: &C,
    patience: &Patience,
    lost: Lost<'_>,
) -> Result<bool, CloudError> {
    match lost.key {
        Some(key) => Ok(patiently(patience, async || cloud.describe(key).await).await?.is_dying()),
        None => Ok(false),
    }
}

/// Looks for the key that carries the nonce, among the keys not seen before.
async fn by_nonce<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    nonces: &Nonces,
    lost: Lost<'_>,
) -> Result<Option<Outcome>, CloudError> {
    let Some(nonce) = lost.nonce else {
        return Ok(None);
    };
    let patience = &effort.patience;
    let list = async |from: Option<&str>| cloud.keys(lost.at, from).await;
    let ids = every_page(patience, list).await?;
    let unseen: Vec<KeyArn> = {
        let seen = nonces.0.borrow();
        let arns = ids.iter().map(|id| KeyArn::at(lost.at, id));
        arns.filter(|arn| !seen.contains_key(arn)).collect()
    };
    let asks = unseen.into_iter().map(|arn| async move {
        (patiently(patience, async || cloud.tags(&arn).await).await, arn)
    });
    let mut answers = effort.side_by_side(asks);
    while let Some((tags, arn)) = answers.next().await {
        match tags {
            Ok(tags) => drop(nonces.0.borrow_mut().insert(arn, tags.get(NONCE_TAG).cloned())),
            // Somebody else's key.
            Err(error) if matches!(error.fault, Fault::Denied | Fault::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let seen = nonces.0.borrow();
    let found = seen.iter().find(|(_, carried)| carried.as_deref() == Some(nonce));
    Ok(found.map(|(arn, _)| Outcome::Key(arn.clone())))
}
