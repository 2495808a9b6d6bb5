//! Snapshots: they stay encrypted with a key after what they were made of has gone.

use crate::answer::CloudError;
use crate::cloud::Copies;
use crate::id::{KeyArn, Place};
use crate::impact::LastUsage;
use crate::sdk::Aws;
use crate::sdk::clients::ClientUse;
use crate::sdk::error::answer;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};

/// The ids of all of them, each with its key.
type Found = Vec<(String, Option<KeyArn>)>;

fn entry(id: Option<&str>, key: Option<&str>) -> Option<(String, Option<KeyArn>)> {
    Some((id?.to_owned(), key.and_then(|key| key.parse().ok())))
}

pub(super) async fn copies(aws: &Aws, at: &Place, of: Copies) -> Result<Found, CloudError> {
    match of {
        Copies::EbsSnapshots => volumes(aws, at).await,
        Copies::RdsSnapshots => instances(aws, at).await,
        Copies::RdsClusterSnapshots => clusters(aws, at).await,
    }
}

async fn volumes(aws: &Aws, at: &Place) -> Result<Found, CloudError> {
    const OPERATION: &str = "DescribeSnapshots";
    let client = aws.ec2(at, ClientUse::Reading).await;
    let mut pages =
        client.describe_snapshots().owner_ids("self").max_results(1000).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = answer(OPERATION, page)?;
        found
            .extend(page.snapshots().iter().filter_map(|s| entry(s.snapshot_id(), s.kms_key_id())));
    }
    Ok(found)
}

async fn instances(aws: &Aws, at: &Place) -> Result<Found, CloudError> {
    const OPERATION: &str = "DescribeDBSnapshots";
    let client = aws.rds(at, ClientUse::Reading).await;
    let mut pages = client.describe_db_snapshots().max_records(100).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = answer(OPERATION, page)?;
        // Automated ones go with their instance.
        let own = |s: &&DbSnapshot| s.snapshot_type() != Some("automated");
        let each = page.db_snapshots().iter().filter(own);
        found.extend(each.filter_map(|s| entry(s.db_snapshot_identifier(), s.kms_key_id())));
    }
    Ok(found)
}

async fn clusters(aws: &Aws, at: &Place) -> Result<Found, CloudError> {
    const OPERATION: &str = "DescribeDBClusterSnapshots";
    let client = aws.rds(at, ClientUse::Reading).await;
    let mut pages = client.describe_db_cluster_snapshots().max_records(100).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = answer(OPERATION, page)?;
        let own = |s: &&DbClusterSnapshot| s.snapshot_type() != Some("automated");
        let each = page.db_cluster_snapshots().iter().filter(own);
        found
            .extend(each.filter_map(|s| entry(s.db_cluster_snapshot_identifier(), s.kms_key_id())));
    }
    Ok(found)
}

/// `GetKeyLastUsage`: KMS has recorded the last use of keys since 23 April 2026 (KMS Developer Guide,
/// "Determine past usage of a KMS key").
pub(super) async fn last_usage(aws: &Aws, key: &KeyArn) -> Result<LastUsage, CloudError> {
    const OPERATION: &str = "GetKeyLastUsage";
    let client = aws.ready(&key.place(), OPERATION).await;
    let said = answer(OPERATION, client.get_key_last_usage().key_id(key.to_string()).send().await)?;
    let text = |time: &aws_sdk_kms::primitives::DateTime| {
        time.fmt(aws_sdk_kms::primitives::DateTimeFormat::DateTime).ok()
    };
    let usage = said.key_last_usage();
    Ok(LastUsage {
        when: usage.and_then(|usage| usage.timestamp()).and_then(text),
        operation: usage.and_then(|usage| usage.operation()).map(|op| op.as_str().to_owned()),
        recorded_since: said.tracking_start_date().and_then(text),
    })
}
