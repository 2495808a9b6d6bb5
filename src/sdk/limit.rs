//! Keeps requests below KMS's quotas, with a token bucket per account, Region and operation at 80 %
//! of the default quota. It does not react to throttling; `cloud::retry` does.

use crate::id::Place;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests per second that KMS allows by default (KMS Developer Guide, "Request quotas"). An operation
/// that is not listed, STS's for example, is not limited. Other services have one quota for all changes.
const QUOTAS: &[(u32, &[&str])] = &[
    // For each account and Region, and not adjustable (CloudTrail User Guide, "Quotas in AWS CloudTrail").
    (1, &["cloudtrail changes"]),
    (
        5,
        &[
            "CreateKey",
            "CreateAlias",
            "UpdateAlias",
            "CancelKeyDeletion",
            "DisableKey",
            "EnableKey",
            "DisableKeyRotation",
            "UpdateKeyDescription",
            "UntagResource",
            "GetKeyLastUsage",
        ],
    ),
    (10, &["TagResource"]),
    (15, &["DeleteAlias", "EnableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"]),
    (50, &["CreateGrant", "RevokeGrant"]),
    (100, &["ListGrants"]),
    (500, &["ListAliases", "ListKeys"]),
    (1000, &["GetKeyPolicy", "GetKeyRotationStatus"]),
    (2000, &["DescribeKey", "ListResourceTags"]),
];

const SECOND: u64 = 1_000_000_000;
/// The burst of an operation with a quota of less than that per second.
const SMALLEST_BURST: u32 = 5;

fn quota(operation: &str) -> Option<u32> {
    let listed = QUOTAS.iter().find(|(_, operations)| operations.contains(&operation));
    listed.map(|(quota, _)| *quota)
}

/// A token bucket that returns a waiting time instead of refusing.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The time between two tokens.
    interval: Duration,
    /// The time that the tokens may be ahead of the clock.
    tolerance: Duration,
    /// The time at which the bucket will be full again.
    full_at: Duration,
}

impl Bucket {
    /// Creates a full bucket for 80 % of `quota` requests per second. Its burst is the number of
    /// requests of one second.
    #[must_use]
    pub fn new(quota: u32) -> Self {
        let quota = u64::from(quota.max(1));
        let interval = Duration::from_nanos((SECOND * 10).div_ceil(quota * 8));
        let per_second = u32::try_from(quota * 8 / 10).unwrap_or(u32::MAX);
        let smallest = SMALLEST_BURST.min(u32::try_from(quota).unwrap_or(u32::MAX));
        let burst = per_second.max(smallest);
        let tolerance = interval.saturating_mul(burst - 1);
        Self { interval, tolerance, full_at: Duration::ZERO }
    }

    /// Takes a token, and returns the time to wait for it. `now` is the time of a monotonic clock.
    pub fn take(&mut self, now: Duration) -> Duration {
        let due = self.full_at.saturating_sub(self.tolerance);
        self.full_at = self.full_at.max(now) + self.interval;
        due.saturating_sub(now)
    }
}

/// The buckets of a run.
#[derive(Debug)]
pub struct Limits {
    started: Instant,
    /// The buckets; `None` if nothing is limited.
    buckets: Option<Mutex<BTreeMap<(Place, &'static str), Bucket>>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// Creates full buckets for the default quotas.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), buckets: Some(Mutex::default()) }
    }

    /// Creates no limits, for tests.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { started: Instant::now(), buckets: None }
    }

    /// Waits until `operation` may be sent to `at`.
    pub async fn acquire(&self, at: &Place, operation: &'static str) {
        let (Some(buckets), Some(quota)) = (&self.buckets, quota(operation)) else {
            return;
        };
        let wait = {
            let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let bucket =
                buckets.entry((at.clone(), operation)).or_insert_with(|| Bucket::new(quota));
            bucket.take(self.started.elapsed())
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_period_exceeds_the_rate_plus_the_burst(
            quota in prop::sample::select(QUOTAS.iter().map(|q| q.0).collect::<Vec<_>>()),
            gaps in prop::collection::vec(0_u64..400_000_000, 1..200),
        ) {
            let mut bucket = Bucket::new(quota);
            let mut now = Duration::ZERO;
            let mut granted = Vec::new();
            for gap in gaps {
                now += Duration::from_nanos(gap / u64::from(quota));
                granted.push(now + bucket.take(now));
            }
            let rate = f64::from(quota) * 0.8;
            let burst = rate.max(5.0);
            for (first, from) in granted.iter().enumerate() {
                for (last, until) in granted.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as f64;
                    let allowed = rate * (*until - *from).as_secs_f64() + burst;
                    prop_assert!(count <= allowed + 1e-6, "{count} > {allowed}");
                }
            }
        }
    }

    fn place(region: &str) -> Place {
        Place { account: "111122223333".parse().unwrap(), region: region.parse().unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn five_keys_are_created_at_once_and_then_four_per_second() {
        let (limits, at) = (Limits::new(), place("eu-west-1"));
        let start = Instant::now();
        for _ in 0..5 {
            limits.acquire(&at, "CreateKey").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..8 {
            limits.acquire(&at, "CreateKey").await;
        }
        let waited = start.elapsed();
        assert!(waited >= Duration::from_secs(2) && waited < Duration::from_millis(2020));
    }

    #[tokio::test(start_paused = true)]
    async fn trails_are_changed_at_most_once_per_second() {
        let (limits, at) = (Limits::new(), place("eu-west-1"));
        let start = Instant::now();
        limits.acquire(&at, "cloudtrail changes").await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..4 {
            limits.acquire(&at, "cloudtrail changes").await;
        }
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_are_per_region_and_operation_and_sts_has_none() {
        let limits = Limits::new();
        let start = Instant::now();
        for _ in 0..5 {
            for region in ["eu-west-1", "eu-west-2"] {
                limits.acquire(&place(region), "CreateKey").await;
                limits.acquire(&place(region), "CreateAlias").await;
            }
        }
        for _ in 0..10_000 {
            limits.acquire(&place("eu-west-1"), "GetCallerIdentity").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let unlimited = Limits::unlimited();
        for _ in 0..100 {
            unlimited.acquire(&place("eu-west-1"), "CreateKey").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
