//! The parts that sending the calls of RDS instances and of RDS clusters share.

use super::Secret;
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::KeyRef;
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Encryption, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, Phase};
use crate::sdk::Aws;
use crate::sdk::error::{done, local};
use crate::sdk::secret;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{
    DbInstance, Filter, MasterUserSecret, PendingModifiedValues, Tag, VpcSecurityGroupMembership,
};
use std::collections::BTreeSet;

/// Reads the instances of a place, 100 per page, optionally through a filter.
pub(crate) async fn instances(
    aws: &Aws,
    at: &Place,
    filter: Option<Filter>,
) -> Result<Vec<DbInstance>, CloudError> {
    const OPERATION: &str = "DescribeDBInstances";
    let client = aws.rds(at).await;
    let filters = filter.map(|filter| vec![filter]);
    let request = client.describe_db_instances().max_records(100).set_filters(filters);
    let read = |from| request.clone().set_marker(from).send();
    let pages = client.pages(OPERATION, read, |page| page.marker.clone()).await?;
    Ok(pages.into_iter().flat_map(|page| page.db_instances.unwrap_or_default()).collect())
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

/// Returns whether RDS has accepted changes of an instance that it has not made.
pub(crate) fn has_pending(instance: &DbInstance) -> bool {
    let none = PendingModifiedValues::builder().build();
    instance.pending_modified_values().is_some_and(|values| *values != none)
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
    let with_key = secret.map(|secret| secret.kms_key_id().is_some() && secret.kms_key_id() == key);
    (Some(secret.is_some()), with_key)
}

/// Returns the current security groups and those that are being added.
pub(crate) fn groups(groups: &[VpcSecurityGroupMembership]) -> BTreeSet<String> {
    let stay = groups.iter().filter(|group| group.status() != Some("removing"));
    stay.filter_map(|group| group.vpc_security_group_id().map(str::to_owned)).collect()
}

pub(crate) fn text(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// Converts a flag of the SDK. A missing flag is `false`.
pub(crate) fn flag(flag: Option<bool>) -> Option<bool> {
    Some(flag.unwrap_or_default())
}

/// Converts a number of the SDK, which is never negative.
pub(crate) fn number(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| number.try_into().ok())
}

/// Converts a number to the SDK's type.
pub(crate) fn signed(number: Option<u32>) -> Option<i32> {
    number.and_then(|number| number.try_into().ok())
}

pub(crate) fn tags(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| tag.key().zip(tag.value()));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub(crate) fn tag_list(tags: &[consumer::Tag]) -> Vec<Tag> {
    tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build()).collect()
}

/// Adds tags to an instance or a cluster, by its ARN.
pub(crate) async fn add_tags(
    operation: &'static str,
    client: &Client,
    arn: &str,
    tags: &[consumer::Tag],
) -> Result<Outcome, CloudError> {
    let request = client.add_tags_to_resource().resource_name(arn);
    done(operation, request.set_tags(Some(tag_list(tags))).send().await)
}

/// Removes tags from an instance or a cluster, by its ARN.
pub(crate) async fn remove_tags(
    operation: &'static str,
    client: &Client,
    arn: &str,
    keys: &[String],
) -> Result<Outcome, CloudError> {
    let request = client.remove_tags_from_resource().resource_name(arn);
    done(operation, request.set_tag_keys(Some(keys.to_vec())).send().await)
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
