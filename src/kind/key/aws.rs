//! A key's calls as the SDK's requests, and the SDK's metadata as ours.

use super::{
    Call, CancelKeyDeletion, CreateKey, DEFAULT_ORIGIN, DEFAULT_SPEC, DisableKey,
    DisableKeyRotation, EnableKey, EnableKeyRotation, Metadata, NONCE_TAG, PutKeyPolicy,
    ReplicateKey, ScheduleKeyDeletion, Tag, TagResource, UntagResource, UpdateKeyDescription, rule,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::{KeyArn, Place};
use crate::kind::CallBindings;
use crate::kind::resolve;
use crate::sdk::Aws;
use crate::sdk::error::{answer, done, local, unbuilt};
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
fn own<'a>(operation: &'static str, late: &CallBindings<'a>) -> Result<&'a KeyArn, CloudError> {
    let missing =
        || local(operation, Fault::Other, "the key that the call is about does not exist");
    late.key.ok_or_else(missing)
}

/// AWS refuses numbers that are out of range; here they only must not wrap.
fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// Sends the call. It names the key by its id: the place has the key's own account and Region.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    match call {
        Call::CreateKey(call) => create_key(aws, at, call, late).await,
        Call::ReplicateKey(call) => replicate_key(aws, at, call, late).await,
        Call::CancelKeyDeletion(_) => {
            let key = own(CancelKeyDeletion::NAME, late)?;
            let request = aws.ready(at, CancelKeyDeletion::NAME).await.cancel_key_deletion();
            done(CancelKeyDeletion::NAME, request.key_id(key.id()).send().await)
        }
        Call::EnableKey(_) => {
            let key = own(EnableKey::NAME, late)?;
            let request = aws.ready(at, EnableKey::NAME).await.enable_key();
            done(EnableKey::NAME, request.key_id(key.id()).send().await)
        }
        Call::DisableKey(_) => {
            let key = own(DisableKey::NAME, late)?;
            let request = aws.ready(at, DisableKey::NAME).await.disable_key();
            done(DisableKey::NAME, request.key_id(key.id()).send().await)
        }
        Call::UpdateKeyDescription(UpdateKeyDescription { description }) => {
            let key = own(UpdateKeyDescription::NAME, late)?;
            let request = aws.ready(at, UpdateKeyDescription::NAME).await.update_key_description();
            let request = request.key_id(key.id()).description(description);
            done(UpdateKeyDescription::NAME, request.send().await)
        }
        Call::PutKeyPolicy(call) => put_key_policy(aws, at, call, late).await,
        Call::TagResource(TagResource { tags: set }) => {
            let key = own(TagResource::NAME, late)?;
            let set = tags(TagResource::NAME, set)?;
            let request = aws.ready(at, TagResource::NAME).await.tag_resource();
            done(TagResource::NAME, request.key_id(key.id()).set_tags(Some(set)).send().await)
        }
        Call::UntagResource(UntagResource { tag_keys }) => {
            let key = own(UntagResource::NAME, late)?;
            let request = aws.ready(at, UntagResource::NAME).await.untag_resource();
            let request = request.key_id(key.id()).set_tag_keys(Some(tag_keys.clone()));
            done(UntagResource::NAME, request.send().await)
        }
        Call::EnableKeyRotation(EnableKeyRotation { rotation_period_in_days: period }) => {
            let key = own(EnableKeyRotation::NAME, late)?;
            let request = aws.ready(at, EnableKeyRotation::NAME).await.enable_key_rotation();
            let request = request.key_id(key.id()).rotation_period_in_days(days(*period));
            done(EnableKeyRotation::NAME, request.send().await)
        }
        Call::DisableKeyRotation(_) => {
            let key = own(DisableKeyRotation::NAME, late)?;
            let request = aws.ready(at, DisableKeyRotation::NAME).await.disable_key_rotation();
            done(DisableKeyRotation::NAME, request.key_id(key.id()).send().await)
        }
        Call::ScheduleKeyDeletion(call) => schedule_key_deletion(aws, at, call, late).await,
    }
}

async fn schedule_key_deletion(
    aws: &Aws,
    at: &Place,
    call: &ScheduleKeyDeletion,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = own(ScheduleKeyDeletion::NAME, late)?;
    let request = aws
        .ready(at, ScheduleKeyDeletion::NAME)
        .await
        .schedule_key_deletion()
        .key_id(key.id())
        .pending_window_in_days(days(call.pending_window_in_days));
    done(ScheduleKeyDeletion::NAME, request.send().await)
}

async fn put_key_policy(
    aws: &Aws,
    at: &Place,
    call: &PutKeyPolicy,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = own(PutKeyPolicy::NAME, late)?;
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .ready(at, PutKeyPolicy::NAME)
        .await
        .put_key_policy()
        .key_id(key.id())
        .policy_name(&call.policy_name)
        .policy(call.policy.replace(OWN_ARN, &key.to_string()))
        .set_bypass_policy_lockout_safety_check(bypass);
    done(PutKeyPolicy::NAME, request.send().await)
}

async fn create_key(
    aws: &Aws,
    at: &Place,
    call: &CreateKey,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let tags = tags_of_new(CreateKey::NAME, &call.tags, late)?;
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .ready(at, CreateKey::NAME)
        .await
        .create_key()
        .set_key_spec(call.key_spec.as_deref().map(types::KeySpec::from))
        .set_key_usage(call.key_usage.as_deref().map(types::KeyUsageType::from))
        .set_origin(call.origin.as_deref().map(types::OriginType::from))
        .set_multi_region(call.multi_region)
        .set_custom_key_store_id(call.custom_key_store_id.clone())
        .set_xks_key_id(call.xks_key_id.clone())
        .set_description(call.description.clone())
        .set_policy(call.policy.clone())
        .set_bypass_policy_lockout_safety_check(bypass)
        .set_tags(Some(tags));
    let made = answer(CreateKey::NAME, request.send().await)?;
    made_key(CreateKey::NAME, made.key_metadata())
}

async fn replicate_key(
    aws: &Aws,
    at: &Place,
    call: &ReplicateKey,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let tags = tags_of_new(ReplicateKey::NAME, &call.tags, late)?;
    let primary = resolve(ReplicateKey::NAME, &call.key_id, late)?;
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .ready(at, ReplicateKey::NAME)
        .await
        .replicate_key()
        .key_id(primary)
        .replica_region(call.replica_region.as_str())
        .set_description(call.description.clone())
        .set_policy(call.policy.clone())
        .set_bypass_policy_lockout_safety_check(bypass)
        .set_tags(Some(tags));
    let made = answer(ReplicateKey::NAME, request.send().await)?;
    made_key(ReplicateKey::NAME, made.replica_key_metadata())
}

/// The tags of a new key. Without the nonce, a key whose answer was lost could not be found again.
fn tags_of_new(
    operation: &'static str,
    declared: &[Tag],
    late: &CallBindings<'_>,
) -> Result<Vec<types::Tag>, CloudError> {
    let Some(nonce) = late.nonce else {
        return Err(local(operation, Fault::Other, "the call has no nonce"));
    };
    let mut all = declared.to_vec();
    all.push(Tag { tag_key: NONCE_TAG.to_owned(), tag_value: nonce.to_owned() });
    tags(operation, &all)
}

/// The new key. AWS has made it even if the answer cannot be read: then it has to be looked for.
fn made_key(operation: &'static str, found: Option<&KeyMetadata>) -> Result<Outcome, CloudError> {
    metadata(operation, found)
        .map(|key| Outcome::Key(key.arn))
        .map_err(|error| CloudError { fault: Fault::Ambiguous, ..error })
}
