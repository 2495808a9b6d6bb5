//! The parts that sending the calls of RDS instances and of RDS clusters share.

use super::Secret;
use super::answers::{Instance, MasterUserSecret, Page, SecurityGroup, Snapshot, Tag};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::KeyRef;
use crate::kind::aws::{Copies, copy, with_tags};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Encryption, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, Phase};
use crate::sdk::Aws;
use crate::sdk::error::{done, local};
use crate::sdk::query::{Client, Parameters};
use crate::sdk::secret;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// The list of the tags of a request.
pub(crate) const TAGS: &str = "Tags.Tag";

/// Reads all pages of a list, with 100 elements each.
pub(crate) async fn list<T>(
    aws: &Aws,
    at: &Place,
    operation: &'static str,
    selection: &Parameters,
) -> Result<Vec<T>, CloudError>
where
    T: DeserializeOwned + Debug + Send + Sync + 'static,
{
    let client = &aws.rds(at).await;
    let read = |from: Option<String>| async move {
        let request = selection.clone().with("MaxRecords", &100).with_some("Marker", from);
        client.ask::<Page<T>>(operation, &request).await
    };
    let pages = client.pages(operation, read, |page| page.marker.clone()).await?;
    Ok(pages.into_iter().flat_map(|page| page.items.0).collect())
}

/// Reads the instances of a place.
pub(crate) async fn instances(
    aws: &Aws,
    at: &Place,
    selection: &Parameters,
) -> Result<Vec<Instance>, CloudError> {
    const OPERATION: &str = "DescribeDBInstances";
    list(aws, at, OPERATION, selection).await
}

/// Reads a resource by its name, if it exists.
pub(crate) async fn one<T>(
    aws: &Aws,
    at: &Place,
    operation: &'static str,
    name: &Parameters,
) -> Result<Option<T>, CloudError>
where
    T: DeserializeOwned + Debug + Send + Sync + 'static,
{
    let client = aws.rds(at).await;
    match client.read(operation, || client.ask::<Page<T>>(operation, name)).await {
        Ok(found) => Ok(found.items.0.into_iter().next()),
        Err(error) if error.fault == Fault::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the phase of a status. `storage-full` counts as ready, because RDS accepts the change of
/// the storage that the database then needs.
pub(crate) fn phase(status: Option<&str>) -> Phase {
    let status = status.unwrap_or("available");
    let broken = ["failed", "insufficient-capacity", "restore-error", "clone-failed"];
    let stuck = ["incompatible-", "inaccessible-encryption-credentials"];
    match status {
        "available" | "stopped" | "storage-optimization" | "backing-up" | "storage-full" => {
            Phase::Ready
        }
        _ if broken.contains(&status) || stuck.iter().any(|word| status.starts_with(word)) => {
            Phase::Broken(status.to_owned())
        }
        _ if status.ends_with("-failed") => Phase::Broken(status.to_owned()),
        _ => Phase::Busy(status.to_owned()),
    }
}

/// Returns the key of encrypted storage, which may be the AWS managed key for RDS.
pub(crate) fn key(encrypted: Option<bool>, key: Option<&str>) -> Encryption {
    if encrypted == Some(true) { encryption(key) } else { encryption(None) }
}

/// Returns whether RDS manages the password in a secret, and whether the secret has the resource's
/// key.
pub(crate) fn password(
    secret: Option<&MasterUserSecret>,
    key: Option<&str>,
) -> (Option<bool>, Option<bool>) {
    let with_key =
        secret.map(|secret| secret.kms_key_id.is_some() && secret.kms_key_id.as_deref() == key);
    (Some(secret.is_some()), with_key)
}

/// Returns the current security groups and those that are being added.
pub(crate) fn groups(groups: &[SecurityGroup]) -> BTreeSet<String> {
    let stay = groups.iter().filter(|group| group.status.as_deref() != Some("removing"));
    stay.filter_map(|group| group.vpc_security_group_id.clone()).collect()
}

/// Returns the snapshots that stay: automated ones are deleted together with what they are of.
pub(crate) fn copies(snapshots: &[Snapshot]) -> Copies {
    let kept = snapshots.iter().filter(|s| s.snapshot_type.as_deref() != Some("automated"));
    kept.filter_map(|s| copy(s.identifier.as_deref(), s.kms_key_id.as_deref())).collect()
}

/// Converts a flag. A missing flag is `false`.
pub(crate) fn flag(flag: Option<bool>) -> Option<bool> {
    Some(flag.unwrap_or_default())
}

pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?))).collect()
}

/// Adds tags to an instance or a cluster, by its ARN.
pub(crate) async fn add_tags(
    operation: &'static str,
    client: &Client,
    arn: &str,
    tags: &[consumer::Tag],
) -> Result<Outcome, CloudError> {
    let request = with_tags(Parameters::default().with("ResourceName", arn), TAGS, tags);
    done(operation, client.send(operation, &request).await)
}

/// Removes tags from an instance or a cluster, by its ARN.
pub(crate) async fn remove_tags(
    operation: &'static str,
    client: &Client,
    arn: &str,
    keys: &[String],
) -> Result<Outcome, CloudError> {
    let request = Parameters::default().with("ResourceName", arn);
    let request = request.with_list("TagKeys", "member", Some(keys));
    done(operation, client.send(operation, &request).await)
}

/// Returns the ARN of a key, if the call names one.
pub(crate) fn resolved(
    operation: &'static str,
    key: Option<&KeyRef>,
    bindings: &CallBindings<'_>,
) -> Result<Option<String>, CloudError> {
    key.map(|key| resolve(operation, key, bindings)).transpose()
}

/// Reads a secret from the environment. The value is only put into the request.
pub(crate) fn reveal(
    operation: &'static str,
    declared: Option<&Secret>,
) -> Result<Option<String>, CloudError> {
    let Some(Secret { variable }) = declared else {
        return Ok(None);
    };
    secret::read(variable).map(Some).ok_or_else(|| {
        let message = format!(
            "the environment variable `{variable}`, which supplies the master password, is not set: set \
             it, and run apply again"
        );
        local(operation, Fault::Other, message)
    })
}
