//! Keeps below KMS's request quotas: a token bucket per account, Region and operation, at 80 % of
//! the default quota. Knows nothing of failures: backing off is `retry`'s.

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
/// What even a slow operation may do at once, where a second's worth is not less.
const SMALLEST_BURST: u32 = 5;

fn quota(operation: &str) -> Option<u32> {
    let listed = QUOTAS.iter().find(|(_, operations)| operations.contains(&operation));
    listed.map(|(quota, _)| *quota)
}

/// A token bucket that hands out times instead of refusing: whoever asks is told how long to wait.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Between two tokens.
    interval: Duration,
    /// How far the tokens may be ahead of the clock.
    tolerance: Duration,
    /// When the bucket will be full again.
    full_at: Duration,
}

impl Bucket {
    /// A full bucket that stays at 80 % of `quota` requests a second, with a second's worth at once.
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

    /// Takes a token; how long to wait for it. `now` is on any clock that does not go back.
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
    /// `None`: nothing is limited.
    buckets: Option<Mutex<BTreeMap<(Place, &'static str), Bucket>>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// Full buckets at KMS's default quotas.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), buckets: Some(Mutex::default()) }
    }

    /// No limits at all, for tests.
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
        fn no_window_holds_more_than_its_rate_and_the_burst(
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
    async fn keys_are_created_five_at_once_and_then_four_a_second() {
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
    async fn trails_are_changed_at_most_once_a_second() {
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
