//! A key's calls as the SDK's requests, and the SDK's metadata as ours.

use super::{Call, DEFAULT_ORIGIN, DEFAULT_SPEC, Metadata, NONCE_TAG, Tag, rule};
use crate::cloud::aws::error::{answer, local, unbuilt};
use crate::cloud::aws::{Aws, resolve};
use crate::cloud::{CloudError, Fault, Late, Outcome};
use crate::id::{KeyArn, Place};
use aws_sdk_kms::primitives::DateTimeFormat;
use aws_sdk_kms::types::{self, KeyManagerType, KeyMetadata};

/// Stands for the key's own ARN in a policy that is put after the key exists.
const OWN_ARN: &str = "${aws.key_arn}";

/// What AWS reports of a key. A part that AWS leaves out has AWS's default.
pub(crate) fn metadata(
    operation: &'static str,
    found: Option<&KeyMetadata>,
) -> Result<Metadata, CloudError> {
    let wrong = |what: &str| local(operation, Fault::Other, what);
    let found = found.ok_or_else(|| wrong("the answer describes no key"))?;
    let arn: KeyArn = found
        .arn()
        .ok_or_else(|| wrong("the answer names no ARN"))?
        .parse()
        .map_err(|bad: crate::id::BadId| wrong(&bad.message))?;
    let spec = found.key_spec().map_or(DEFAULT_SPEC, types::KeySpec::as_str);
    let default_usage = rule(spec).and_then(|rule| rule.usages.first().copied());
    let usage = found.key_usage().map(types::KeyUsageType::as_str).or(default_usage);
    let by_flag = if found.enabled() { "Enabled" } else { "Disabled" };
    let xks = found.xks_key_configuration().and_then(|xks| xks.id());
    let deletion_date = found.deletion_date().and_then(|at| at.fmt(DateTimeFormat::DateTime).ok());
    Ok(Metadata {
        arn,
        spec: spec.to_owned(),
        usage: usage.unwrap_or_default().to_owned(),
        origin: found.origin().map_or(DEFAULT_ORIGIN, types::OriginType::as_str).to_owned(),
        state: found.key_state().map_or(by_flag, types::KeyState::as_str).to_owned(),
        description: found.description().unwrap_or_default().to_owned(),
        multi_region: found.multi_region().unwrap_or(false),
        custom_key_store_id: found.custom_key_store_id().map(str::to_owned),
        xks_key_id: xks.map(str::to_owned),
        deletion_date,
        aws_managed: found.key_manager() == Some(&KeyManagerType::Aws),
    })
}

fn tags(operation: &'static str, tags: &[Tag]) -> Result<Vec<types::Tag>, CloudError> {
    let each = |tag: &Tag| {
        let built = types::Tag::builder().tag_key(&tag.tag_key).tag_value(&tag.tag_value).build();
        built.map_err(unbuilt(operation))
    };
    tags.iter().map(each).collect()
}

/// The key that the call is about.
fn own<'a>(operation: &'static str, late: &Late<'a>) -> Result<&'a KeyArn, CloudError> {
    let missing =
        || local(operation, Fault::Other, "the key that the call is about does not exist");
    late.key.ok_or_else(missing)
}

/// AWS refuses numbers that are out of range; here they only must not wrap.
fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// Sends the call.
/// Keys are named by their id: the call goes to the key's own account and Region.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &Late<'_>,
) -> Result<Outcome, CloudError> {
    match call {
        Call::CreateKey { .. } => return create(aws, at, call, late).await,
        Call::ReplicateKey { .. } => return replicate(aws, at, call, late).await,
        Call::CancelKeyDeletion {} => {
            const OPERATION: &str = "CancelKeyDeletion";
            let request = aws.ready(at, OPERATION).await.cancel_key_deletion();
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::EnableKey {} => {
            const OPERATION: &str = "EnableKey";
            let request = aws.ready(at, OPERATION).await.enable_key();
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::DisableKey {} => {
            const OPERATION: &str = "DisableKey";
            let request = aws.ready(at, OPERATION).await.disable_key();
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::EnableKeyRotation { rotation_period_in_days } => {
            const OPERATION: &str = "EnableKeyRotation";
            let request = aws.ready(at, OPERATION).await.enable_key_rotation();
            let request = request.rotation_period_in_days(days(*rotation_period_in_days));
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::DisableKeyRotation {} => {
            const OPERATION: &str = "DisableKeyRotation";
            let request = aws.ready(at, OPERATION).await.disable_key_rotation();
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::ScheduleKeyDeletion { pending_window_in_days } => {
            const OPERATION: &str = "ScheduleKeyDeletion";
            let request = aws.ready(at, OPERATION).await.schedule_key_deletion();
            let request = request.pending_window_in_days(days(*pending_window_in_days));
            answer(OPERATION, request.key_id(own(OPERATION, late)?.id()).send().await)?;
        }
        Call::UpdateKeyDescription { .. }
        | Call::PutKeyPolicy { .. }
        | Call::TagResource { .. }
        | Call::UntagResource { .. } => describe(aws, at, call, late).await?,
    }
    Ok(Outcome::Done)
}

/// The calls that change what is said about a key.
async fn describe(aws: &Aws, at: &Place, call: &Call, late: &Late<'_>) -> Result<(), CloudError> {
    if let Call::UpdateKeyDescription { description } = call {
        const OPERATION: &str = "UpdateKeyDescription";
        let key = own(OPERATION, late)?;
        let request = aws.ready(at, OPERATION).await.update_key_description();
        answer(OPERATION, request.key_id(key.id()).description(description).send().await)?;
    }
    if let Call::PutKeyPolicy { policy_name, policy, bypass_policy_lockout_safety_check } = call {
        const OPERATION: &str = "PutKeyPolicy";
        let key = own(OPERATION, late)?;
        let policy = policy.replace(OWN_ARN, &key.to_string());
        let request = aws.ready(at, OPERATION).await.put_key_policy();
        let request = request.key_id(key.id()).policy_name(policy_name).policy(policy);
        let bypass = bypass_policy_lockout_safety_check.then_some(true);
        let request = request.set_bypass_policy_lockout_safety_check(bypass);
        answer(OPERATION, request.send().await)?;
    }
    if let Call::TagResource { tags: set } = call {
        const OPERATION: &str = "TagResource";
        let key = own(OPERATION, late)?;
        let set = tags(OPERATION, set)?;
        let request = aws.ready(at, OPERATION).await.tag_resource();
        answer(OPERATION, request.key_id(key.id()).set_tags(Some(set)).send().await)?;
    }
    if let Call::UntagResource { tag_keys } = call {
        const OPERATION: &str = "UntagResource";
        let key = own(OPERATION, late)?;
        let request = aws.ready(at, OPERATION).await.untag_resource();
        let request = request.key_id(key.id()).set_tag_keys(Some(tag_keys.clone()));
        answer(OPERATION, request.send().await)?;
    }
    Ok(())
}

async fn create(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &Late<'_>,
) -> Result<Outcome, CloudError> {
    const OPERATION: &str = "CreateKey";
    let Call::CreateKey {
        key_spec,
        key_usage,
        origin,
        multi_region,
        custom_key_store_id,
        xks_key_id,
        description,
        policy,
        bypass_policy_lockout_safety_check,
        tags: declared,
    } = call
    else {
        return Err(local(OPERATION, Fault::Other, "the call is another one"));
    };
    let all = tags_of_new(OPERATION, declared, late)?;
    let request = aws
        .ready(at, OPERATION)
        .await
        .create_key()
        .set_key_spec(key_spec.as_deref().map(types::KeySpec::from))
        .set_key_usage(key_usage.as_deref().map(types::KeyUsageType::from))
        .set_origin(origin.as_deref().map(types::OriginType::from))
        .set_multi_region(*multi_region)
        .set_custom_key_store_id(custom_key_store_id.clone())
        .set_xks_key_id(xks_key_id.clone())
        .set_description(description.clone())
        .set_policy(policy.clone())
        .set_bypass_policy_lockout_safety_check(bypass_policy_lockout_safety_check.then_some(true))
        .set_tags(Some(all));
    let made = answer(OPERATION, request.send().await)?;
    made_key(OPERATION, made.key_metadata())
}

/// The tags of a key that is made: without its nonce it could not be found again if the answer is
/// lost.
fn tags_of_new(
    operation: &'static str,
    declared: &[Tag],
    late: &Late<'_>,
) -> Result<Vec<types::Tag>, CloudError> {
    let Some(nonce) = late.nonce else {
        return Err(local(operation, Fault::Other, "the call has no nonce"));
    };
    let mut all = declared.to_vec();
    all.push(Tag { tag_key: NONCE_TAG.to_owned(), tag_value: nonce.to_owned() });
    tags(operation, &all)
}

/// The key exists, whatever the answer looks like: then it has to be looked for.
fn made_key(operation: &'static str, found: Option<&KeyMetadata>) -> Result<Outcome, CloudError> {
    metadata(operation, found)
        .map(|key| Outcome::Key(key.arn))
        .map_err(|error| CloudError { fault: Fault::Ambiguous, ..error })
}

async fn replicate(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &Late<'_>,
) -> Result<Outcome, CloudError> {
    const OPERATION: &str = "ReplicateKey";
    let Call::ReplicateKey {
        key_id,
        replica_region,
        description,
        policy,
        bypass_policy_lockout_safety_check,
        tags: declared,
    } = call
    else {
        return Err(local(OPERATION, Fault::Other, "the call is another one"));
    };
    let all = tags_of_new(OPERATION, declared, late)?;
    let primary = resolve(OPERATION, key_id, late)?;
    let request = aws
        .ready(at, OPERATION)
        .await
        .replicate_key()
        .key_id(primary)
        .replica_region(replica_region.as_str())
        .set_description(description.clone())
        .set_policy(policy.clone())
        .set_bypass_policy_lockout_safety_check(bypass_policy_lockout_safety_check.then_some(true))
        .set_tags(Some(all));
    let made = answer(OPERATION, request.send().await)?;
    made_key(OPERATION, made.replica_key_metadata())
}
