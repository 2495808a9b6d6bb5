//! Rotates a key on demand. KMS allows a number of rotations for the lifetime of a key, so the call is never repeated
//! unless KMS certainly did not execute it.

use super::Options;
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::id::KeyArn;
use crate::kind::Violation;
use crate::kind::key::{Rotations, rotation_obstacle, unrotatable};
use crate::retry::{Tries, every_page, with_retries};
use std::time::Duration;
use tokio::time::Instant;

/// The time between two looks for a rotation whose answer was lost.
const PAUSE: Duration = Duration::from_secs(2);

/// A key before its rotation.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The key to rotate. For a multi-Region key it is the primary key, whose replicas follow.
    pub key: KeyArn,
    /// The rotations so far.
    pub rotations: Rotations,
    /// Why KMS would refuse the call.
    pub obstacle: Option<Violation>,
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// KMS has begun the rotation, and completes it by itself.
    Begun,
    /// The answer was lost, and KMS shows no rotation. It may have begun one all the same.
    Unknown,
}

/// Reads the rotations of a key.
///
/// # Errors
/// Returns the error if they could not be read.
pub async fn rotations(
    cloud: &impl Cloud,
    options: &Options,
    key: &KeyArn,
) -> Result<Rotations, CloudError> {
    let materials = every_page(&options.retry, async |from| cloud.materials(key, from).await);
    Ok(Rotations::of(materials.await?))
}

/// Reads what must be known before a key is rotated.
///
/// # Errors
/// Returns the error if something could not be read.
pub async fn outlook(
    cloud: &impl Cloud,
    options: &Options,
    key: &KeyArn,
) -> Result<Outlook, CloudError> {
    let retry = &options.retry;
    let describe =
        async |key: &KeyArn| with_retries(retry, async || cloud.describe(key).await).await;
    let mut metadata = describe(key).await?;
    if let Some(region) = metadata.primary_region.as_ref().filter(|region| **region != key.region) {
        metadata = describe(&key.related(region)).await?;
    }
    let key = metadata.arn.clone();
    if let Some(obstacle) = unrotatable(&metadata) {
        return Ok(Outlook { key, rotations: Rotations::default(), obstacle: Some(obstacle) });
    }
    let rotations = rotations(cloud, options, &key).await?;
    let started = with_retries(retry, async || cloud.rotating_since(&key).await).await?;
    let obstacle = rotation_obstacle(&metadata, &rotations, started.as_deref());
    Ok(Outlook { key, rotations, obstacle })
}

/// Rotates the key once. If the answer is lost, looks for up to `patience` whether KMS has begun the rotation.
///
/// # Errors
/// Returns the error if KMS did not execute the call.
pub async fn rotate(
    cloud: &impl Cloud,
    options: &Options,
    outlook: &Outlook,
    patience: Duration,
) -> Result<Rotated, CloudError> {
    let mut tries = Tries::default();
    loop {
        let Err(error) = cloud.rotate(&outlook.key).await else {
            return Ok(Rotated::Begun);
        };
        if error.fault == Fault::Ambiguous {
            return settle(cloud, options, outlook, patience).await;
        }
        // KMS did not execute the call. Of these errors, only that it was throttled or not sent ends by itself.
        if !error.fault.is_temporary() || !tries.may_repeat(&options.retry, error.fault) {
            return Err(error);
        }
        tokio::time::sleep(tries.pause(&options.retry)).await;
    }
}

/// Finds out whether KMS has begun a rotation since the outlook.
async fn settle(
    cloud: &impl Cloud,
    options: &Options,
    outlook: &Outlook,
    patience: Duration,
) -> Result<Rotated, CloudError> {
    let end = Instant::now() + patience;
    loop {
        // An error of these reads says nothing about the call.
        let now = rotations(cloud, options, &outlook.key).await;
        let is_complete = now.is_ok_and(|now| now.on_demand() > outlook.rotations.on_demand());
        if is_complete || matches!(cloud.rotating_since(&outlook.key).await, Ok(Some(_))) {
            return Ok(Rotated::Begun);
        }
        if Instant::now() >= end {
            return Ok(Rotated::Unknown);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
