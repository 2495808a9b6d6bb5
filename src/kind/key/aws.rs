//! Sends the calls of keys, and converts the SDK's key metadata.

use super::{
    Call, CancelKeyDeletion, CreateKey, DEFAULT_ORIGIN, DEFAULT_SPEC, DisableKey,
    DisableKeyRotation, EnableKey, EnableKeyRotation, Metadata, NONCE_TAG, PutKeyPolicy,
    ReplicateKey, ScheduleKeyDeletion, Tag, TagResource, UntagResource, UpdateKeyDescription,
    UpdatePrimaryRegion, rule,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::{KeyArn, Place, Region};
use crate::kind::CallBindings;
use crate::kind::resolve;
use crate::policy::Document;
use crate::sdk::Aws;
use crate::sdk::error::{answer, done, local, part, unbuilt};
use aws_sdk_kms::primitives::{DateTime, DateTimeFormat};
use aws_sdk_kms::types::{self, KeyManagerType, KeyMetadata, MultiRegionKey};
use std::collections::BTreeSet;

/// Converts the metadata of a key. A missing field has the default value of the KMS API.
pub(crate) fn metadata(
    operation: &'static str,
    found: Option<&KeyMetadata>,
) -> Result<Metadata, CloudError> {
    let found = part(operation, "key", found)?;
    let arn = found.arn().and_then(|arn| arn.parse::<KeyArn>().ok());
    let arn = part(operation, "ARN of a key", arn)?;
    let spec = found.key_spec().map_or(DEFAULT_SPEC, types::KeySpec::as_str);
    let default_usage = rule(spec).and_then(|rule| rule.usages.first().copied());
    let usage = found.key_usage().map(types::KeyUsageType::as_str).or(default_usage);
    let by_flag = if found.enabled() { "Enabled" } else { "Disabled" };
    let xks = found.xks_key_configuration().and_then(|xks| xks.id());
    Ok(Metadata {
        primary_region: primary_region(found),
        replicas: related(found, &arn.region),
        arn,
        spec: spec.to_owned(),
        usage: usage.unwrap_or_default().to_owned(),
        origin: found.origin().map_or(DEFAULT_ORIGIN, types::OriginType::as_str).to_owned(),
        state: found.key_state().map_or(by_flag, types::KeyState::as_str).to_owned(),
        created: found.creation_date().and_then(|at| at.secs().try_into().ok()).unwrap_or_default(),
        description: found.description().unwrap_or_default().to_owned(),
        multi_region: found.multi_region().unwrap_or(false),
        custom_key_store_id: found.custom_key_store_id().map(str::to_owned),
        xks_key_id: xks.map(str::to_owned),
        deletion_date: found.deletion_date().map(rfc_3339),
        aws_managed: found.key_manager() == Some(&KeyManagerType::Aws),
    })
}

/// Returns a time in UTC, in whole seconds.
pub(crate) fn rfc_3339(time: &DateTime) -> String {
    let whole = DateTime::from_secs(time.secs());
    whole.fmt(DateTimeFormat::DateTime).unwrap_or_else(|_| time.secs().to_string())
}

fn region(key: Option<&MultiRegionKey>) -> Option<Region> {
    key?.region()?.parse().ok()
}

fn primary_region(found: &KeyMetadata) -> Option<Region> {
    region(found.multi_region_configuration()?.primary_key())
}

/// Returns the Regions of the other keys that are related to a multi-Region key. Each of them reports the primary
/// key and all replicas.
fn related(found: &KeyMetadata, own: &Region) -> BTreeSet<Region> {
    let Some(all) = found.multi_region_configuration() else {
        return BTreeSet::new();
    };
    let keys = all.replica_keys().iter().map(Some).chain([all.primary_key()]);
    keys.filter_map(region).filter(|region| region != own).collect()
}

fn tags(operation: &'static str, tags: &[Tag]) -> Result<Vec<types::Tag>, CloudError> {
    tags.iter()
        .map(|tag| types::Tag::builder().tag_key(&tag.tag_key).tag_value(&tag.tag_value).build())
        .collect::<Result<_, _>>()
        .map_err(unbuilt(operation))
}

/// Returns the key that the call changes.
fn own<'a>(operation: &'static str, bindings: &CallBindings<'a>) -> Result<&'a KeyArn, CloudError> {
    bindings.key.ok_or_else(|| local(operation, Fault::Other, "the key of the call does not exist"))
}

/// Converts a number of days. A number that is too large is rejected by KMS, so it only must not
/// wrap.
fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// Sends the call. It names the key by its key id, because `at` is the account and Region of the
/// key.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    match call {
        Call::CreateKey(call) => create_key(aws, at, call, bindings).await,
        Call::ReplicateKey(call) => replicate_key(aws, at, call, bindings).await,
        Call::CancelKeyDeletion(_) => {
            let key = own(CancelKeyDeletion::NAME, bindings)?;
            let request = aws.client(at).await.cancel_key_deletion();
            done(CancelKeyDeletion::NAME, request.key_id(key.id()).send().await)
        }
        Call::EnableKey(_) => {
            let key = own(EnableKey::NAME, bindings)?;
            let request = aws.client(at).await.enable_key();
            done(EnableKey::NAME, request.key_id(key.id()).send().await)
        }
        Call::DisableKey(_) => {
            let key = own(DisableKey::NAME, bindings)?;
            let request = aws.client(at).await.disable_key();
            done(DisableKey::NAME, request.key_id(key.id()).send().await)
        }
        Call::UpdateKeyDescription(UpdateKeyDescription { description }) => {
            let key = own(UpdateKeyDescription::NAME, bindings)?;
            let request = aws.client(at).await.update_key_description();
            let request = request.key_id(key.id()).description(description);
            done(UpdateKeyDescription::NAME, request.send().await)
        }
        Call::PutKeyPolicy(call) => put_key_policy(aws, at, call, bindings).await,
        Call::TagResource(TagResource { tags: set }) => {
            let key = own(TagResource::NAME, bindings)?;
            let set = tags(TagResource::NAME, set)?;
            let request = aws.client(at).await.tag_resource();
            done(TagResource::NAME, request.key_id(key.id()).set_tags(Some(set)).send().await)
        }
        Call::UntagResource(UntagResource { tag_keys }) => {
            let key = own(UntagResource::NAME, bindings)?;
            let request = aws.client(at).await.untag_resource();
            let request = request.key_id(key.id()).set_tag_keys(Some(tag_keys.clone()));
            done(UntagResource::NAME, request.send().await)
        }
        Call::EnableKeyRotation(EnableKeyRotation { rotation_period_in_days: period }) => {
            let key = own(EnableKeyRotation::NAME, bindings)?;
            let request = aws.client(at).await.enable_key_rotation();
            let request = request.key_id(key.id()).rotation_period_in_days(days(*period));
            done(EnableKeyRotation::NAME, request.send().await)
        }
        Call::DisableKeyRotation(_) => {
            let key = own(DisableKeyRotation::NAME, bindings)?;
            let request = aws.client(at).await.disable_key_rotation();
            done(DisableKeyRotation::NAME, request.key_id(key.id()).send().await)
        }
        Call::UpdatePrimaryRegion(call) => update_primary_region(aws, at, call, bindings).await,
        Call::ScheduleKeyDeletion(call) => schedule_key_deletion(aws, at, call, bindings).await,
    }
}

async fn update_primary_region(
    aws: &Aws,
    at: &Place,
    call: &UpdatePrimaryRegion,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = own(UpdatePrimaryRegion::NAME, bindings)?;
    let request = aws.client(at).await.update_primary_region();
    let request = request.key_id(key.id()).primary_region(call.primary_region.as_str());
    done(UpdatePrimaryRegion::NAME, request.send().await)
}

async fn schedule_key_deletion(
    aws: &Aws,
    at: &Place,
    call: &ScheduleKeyDeletion,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = own(ScheduleKeyDeletion::NAME, bindings)?;
    let request = aws
        .client(at)
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
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = own(PutKeyPolicy::NAME, bindings)?;
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .client(at)
        .await
        .put_key_policy()
        .key_id(key.id())
        .policy_name(&call.policy_name)
        .policy(call.policy.with_own_key(&key.to_string()).to_json())
        .set_bypass_policy_lockout_safety_check(bypass);
    done(PutKeyPolicy::NAME, request.send().await)
}

async fn create_key(
    aws: &Aws,
    at: &Place,
    call: &CreateKey,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let tags = tags_of_new(CreateKey::NAME, &call.tags, bindings)?;
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .client(at)
        .await
        .create_key()
        .set_key_spec(call.key_spec.as_deref().map(types::KeySpec::from))
        .set_key_usage(call.key_usage.as_deref().map(types::KeyUsageType::from))
        .set_origin(call.origin.as_deref().map(types::OriginType::from))
        .set_multi_region(call.multi_region)
        .set_custom_key_store_id(call.custom_key_store_id.clone())
        .set_xks_key_id(call.xks_key_id.clone())
        .set_description(call.description.clone())
        .set_policy(call.policy.as_ref().map(Document::to_json))
        .set_bypass_policy_lockout_safety_check(bypass)
        .set_tags(Some(tags));
    let made = answer(CreateKey::NAME, request.send().await)?;
    made_key(CreateKey::NAME, made.key_metadata())
}

async fn replicate_key(
    aws: &Aws,
    at: &Place,
    call: &ReplicateKey,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let tags = tags_of_new(ReplicateKey::NAME, &call.tags, bindings)?;
    // The primary key may be in another Region than the key of the stack. They have the same key id.
    let primary = resolve(ReplicateKey::NAME, &call.key_id, bindings)?;
    let primary = primary.rsplit_once('/').map_or(primary.as_str(), |(_, id)| id);
    let bypass = call.bypass_policy_lockout_safety_check.then_some(true);
    let request = aws
        .client(at)
        .await
        .replicate_key()
        .key_id(primary)
        .replica_region(call.replica_region.as_str())
        .set_description(call.description.clone())
        .set_policy(call.policy.as_ref().map(Document::to_json))
        .set_bypass_policy_lockout_safety_check(bypass)
        .set_tags(Some(tags));
    let made = answer(ReplicateKey::NAME, request.send().await)?;
    made_key(ReplicateKey::NAME, made.replica_key_metadata())
}

/// Returns the tags of a new key. By the nonce among them, the key is found if the answer is lost.
fn tags_of_new(
    operation: &'static str,
    declared: &[Tag],
    bindings: &CallBindings<'_>,
) -> Result<Vec<types::Tag>, CloudError> {
    let Some(nonce) = bindings.nonce else {
        return Err(local(operation, Fault::Other, "the call has no nonce"));
    };
    let mut all = declared.to_vec();
    all.push(Tag { tag_key: NONCE_TAG.to_owned(), tag_value: nonce.to_owned() });
    tags(operation, &all)
}

/// Returns the new key. KMS has created a key even if the answer cannot be read. The ambiguous
/// error makes the engine search for the key.
fn made_key(operation: &'static str, found: Option<&KeyMetadata>) -> Result<Outcome, CloudError> {
    metadata(operation, found).map(|key| Outcome::Key(key.arn))
}
