//! The requests that only read. Each page is one request.

use crate::answer::CloudError;
use crate::answer::pages::Page;
use crate::cloud::{AliasEntry, Caller};
use crate::id::{KeyArn, Place};
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use crate::kind::{grant, key};
use crate::retry::list::all_pages;
use crate::sdk::Aws;
use crate::sdk::error::{answer, incomplete, part};
use aws_sdk_kms::types::AliasListEntry;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use std::collections::BTreeMap;

/// The rotation period of a key for which no period is set (KMS API Reference, EnableKeyRotation).
const DEFAULT_PERIOD: u32 = 365;

pub(super) fn caller(
    operation: &'static str,
    identity: GetCallerIdentityOutput,
) -> Result<Caller, CloudError> {
    let account = identity.account.as_deref().and_then(|account| account.parse().ok());
    match (account, identity.arn) {
        (Some(account), Some(arn)) => Ok(Caller { account, arn }),
        _ => Err(incomplete(operation, "account")),
    }
}

/// Returns the marker of the next page. A page that is not full may still not be the last one.
pub(super) fn next(
    operation: &'static str,
    truncated: bool,
    marker: Option<&str>,
) -> Result<Option<String>, CloudError> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) => Ok(Some(marker.to_owned())),
        (true, None) => Err(incomplete(operation, "marker, although the list is truncated")),
    }
}

pub(super) async fn aliases(
    aws: &Aws,
    at: &Place,
    key: Option<&KeyArn>,
    from: Option<&str>,
) -> Result<Page<AliasEntry>, CloudError> {
    const OPERATION: &str = "ListAliases";
    let client = aws.ready(at, OPERATION).await;
    let request = client.list_aliases().set_key_id(key.map(KeyArn::to_string));
    let request = request.limit(100).set_marker(from.map(str::to_owned));
    let page = answer(OPERATION, request.send().await)?;
    let next = next(OPERATION, page.truncated(), page.next_marker())?;
    let aliases = part(OPERATION, "list of aliases", page.aliases)?;
    Ok(Page { items: aliases.iter().filter_map(entry).collect(), next })
}

fn entry(alias: &AliasListEntry) -> Option<AliasEntry> {
    let target = alias.target_key_id().map(str::to_owned);
    Some(AliasEntry { name: alias.alias_name()?.to_owned(), target })
}

pub(super) async fn keys(
    aws: &Aws,
    at: &Place,
    from: Option<&str>,
) -> Result<Page<String>, CloudError> {
    const OPERATION: &str = "ListKeys";
    let client = aws.ready(at, OPERATION).await;
    let request = client.list_keys().limit(1000).set_marker(from.map(str::to_owned));
    let page = answer(OPERATION, request.send().await)?;
    let next = next(OPERATION, page.truncated(), page.next_marker())?;
    let keys = part(OPERATION, "list of keys", page.keys)?;
    Ok(Page { items: keys.into_iter().filter_map(|key| key.key_id).collect(), next })
}

pub(super) async fn describe(aws: &Aws, arn: &KeyArn) -> Result<Metadata, CloudError> {
    const OPERATION: &str = "DescribeKey";
    let client = aws.ready(&arn.place(), OPERATION).await;
    let found = answer(OPERATION, client.describe_key().key_id(arn.to_string()).send().await)?;
    key::aws::metadata(OPERATION, found.key_metadata())
}

pub(super) async fn policy(aws: &Aws, arn: &KeyArn) -> Result<String, CloudError> {
    const OPERATION: &str = "GetKeyPolicy";
    let client = aws.ready(&arn.place(), OPERATION).await;
    let request = client.get_key_policy().key_id(arn.to_string()).policy_name("default");
    let found = answer(OPERATION, request.send().await)?;
    part(OPERATION, "policy", found.policy)
}

pub(super) async fn rotation(aws: &Aws, arn: &KeyArn) -> Result<Rotation, CloudError> {
    const OPERATION: &str = "GetKeyRotationStatus";
    let client = aws.ready(&arn.place(), OPERATION).await;
    let request = client.get_key_rotation_status().key_id(arn.to_string());
    let status = answer(OPERATION, request.send().await)?;
    if !status.key_rotation_enabled() {
        return Ok(Rotation::Off);
    }
    let days = status.rotation_period_in_days().and_then(|days| u32::try_from(days).ok());
    Ok(Rotation::EveryDays(days.unwrap_or(DEFAULT_PERIOD)))
}

pub(super) async fn tags(aws: &Aws, arn: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
    const OPERATION: &str = "ListResourceTags";
    let pages = all_pages(OPERATION, async |from| {
        let client = aws.ready(&arn.place(), OPERATION).await;
        let request = client.list_resource_tags().key_id(arn.to_string());
        let request = request.limit(50).set_marker(from.map(str::to_owned));
        let page = answer(OPERATION, request.send().await)?;
        let next = next(OPERATION, page.truncated(), page.next_marker())?;
        Ok(Page { items: part(OPERATION, "list of tags", page.tags)?, next })
    });
    let users = pages.await?.into_iter().filter(|tag| !tag.tag_key.starts_with("aws:"));
    Ok(users.map(|tag| (tag.tag_key, tag.tag_value)).collect())
}

pub(super) async fn grants(
    aws: &Aws,
    arn: &KeyArn,
    from: Option<&str>,
) -> Result<Page<Listed>, CloudError> {
    const OPERATION: &str = "ListGrants";
    let client = aws.ready(&arn.place(), OPERATION).await;
    let request = client.list_grants().key_id(arn.to_string());
    let request = request.limit(100).set_marker(from.map(str::to_owned));
    let page = answer(OPERATION, request.send().await)?;
    let next = next(OPERATION, page.truncated(), page.next_marker())?;
    let grants = part(OPERATION, "list of grants", page.grants)?;
    Ok(Page { items: grants.iter().map(grant::aws::listed).collect(), next })
}
