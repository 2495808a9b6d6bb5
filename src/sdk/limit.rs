//! Keeps requests within AWS's request quotas, with a token bucket per account, Region, service and
//! operation. A bucket begins at the documented rate, gives way when AWS throttles, because the quotas are
//! those of the whole account, and comes back.

use crate::id::Place;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The requests per second that a service allows by default.
struct Quota {
    service: &'static str,
    per_second: u32,
    /// Whether the operations have one quota together; otherwise each has its own.
    together: bool,
    operations: &'static [&'static str],
}

/// KMS Developer Guide, "Request quotas".
const fn kms(per_second: u32, operations: &'static [&'static str]) -> Quota {
    Quota { service: "kms", per_second, together: false, operations }
}

/// CloudTrail User Guide, "Quotas in AWS CloudTrail".
const fn cloudtrail(per_second: u32, operations: &'static [&'static str]) -> Quota {
    Quota { service: "cloudtrail", per_second, together: true, operations }
}

/// DynamoDB API Reference, the pages of the operations.
const fn dynamodb(per_second: u32, operations: &'static [&'static str]) -> Quota {
    Quota { service: "dynamodb", per_second, together: false, operations }
}

const QUOTAS: &[Quota] = &[
    kms(
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
            "ReplicateKey",
            "UpdatePrimaryRegion",
            "RotateKeyOnDemand",
        ],
    ),
    kms(10, &["TagResource"]),
    kms(15, &["DeleteAlias", "EnableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"]),
    kms(50, &["CreateGrant", "RevokeGrant"]),
    kms(100, &["ListGrants", "ListKeyRotations"]),
    kms(500, &["ListAliases", "ListKeys"]),
    kms(1000, &["GetKeyPolicy", "GetKeyRotationStatus"]),
    kms(2000, &["DescribeKey", "ListResourceTags"]),
    cloudtrail(
        1,
        &[
            "CreateTrail",
            "UpdateTrail",
            "DeleteTrail",
            "PutEventSelectors",
            "StartLogging",
            "StopLogging",
            "AddTags",
            "RemoveTags",
            "CreateEventDataStore",
            "UpdateEventDataStore",
            "DeleteEventDataStore",
        ],
    ),
    cloudtrail(
        10,
        &[
            "DescribeTrails",
            "GetTrail",
            "GetTrailStatus",
            "GetEventSelectors",
            "ListTags",
            "ListEventDataStores",
            "GetEventDataStore",
        ],
    ),
    dynamodb(10, &["ListTagsOfResource", "DescribeContinuousBackups"]),
    dynamodb(5, &["TagResource", "UntagResource"]),
];

/// The requests per second of an operation whose quota is not documented.
const UNDOCUMENTED: u32 = 50;

/// The factor by which a rate falls when AWS throttles.
const GIVES_WAY: f64 = 0.5;
/// The time in seconds in which a rate rises by the whole quota. If the quota is not documented, it rises by the
/// rate at which AWS throttled.
const COMES_BACK: f64 = 20.0;
/// The lowest rate, as a share of the quota.
const LOWEST: f64 = 0.05;
/// The part of a quota that a bucket leaves unused at the beginning, so that requests that arrive closer
/// together than they were sent are not throttled: AWS's own bucket is full, and gains nothing while the first
/// requests are under way. It is at least one request.
const SLACK: f64 = 0.5;
/// The rate of a quota of one request a second, which has no room for that.
const WITHOUT_SLACK: f64 = 0.95;
/// The time during which several throttled requests count as one.
const ONCE: Duration = Duration::from_secs(1);

/// A token bucket whose rate follows AWS's throttling.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The highest rate, in requests per second.
    highest: f64,
    /// The largest number of tokens.
    burst: f64,
    tokens: f64,
    /// The time at which there were so many tokens.
    at: Duration,
    is_documented: bool,
    throttled: Option<Throttled>,
}

/// The last time that AWS throttled.
#[derive(Clone, Copy, Debug)]
struct Throttled {
    at: Duration,
    /// The rate before.
    before: f64,
}

impl Bucket {
    /// Creates a full bucket for a documented quota of requests per second. Its burst is less than the number of
    /// requests of one second.
    #[must_use]
    pub fn new(quota: u32) -> Self {
        Self { is_documented: true, ..Self::guess(quota) }
    }

    /// Creates a full bucket for a quota that is not documented. After throttling, its rate rises only in
    /// proportion to the rate at which AWS throttled.
    fn guess(quota: u32) -> Self {
        let quota = f64::from(quota.max(1));
        let slack = (quota * SLACK).max(1.0);
        let has_slack = quota > slack;
        let highest = if has_slack { quota } else { quota * WITHOUT_SLACK };
        let burst = if has_slack { quota - slack } else { 1.0 };
        let (at, throttled) = (Duration::ZERO, None);
        Self { highest, burst, tokens: burst, at, is_documented: false, throttled }
    }

    fn rate(&self, now: Duration) -> f64 {
        let Some(Throttled { at, before }) = self.throttled else {
            return self.highest;
        };
        let rise = if self.is_documented { self.highest } else { before } / COMES_BACK;
        let lowest = (before * GIVES_WAY).max(self.highest * LOWEST);
        (lowest + now.saturating_sub(at).as_secs_f64() * rise).min(self.highest)
    }

    /// Takes a token, or returns the time until there is one. `now` is the time of a monotonic clock.
    pub fn take(&mut self, now: Duration) -> Option<Duration> {
        let rate = self.rate(now);
        let gained = now.saturating_sub(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.at = self.at.max(now);
        if self.tokens < 1.0 {
            return Some(Duration::from_secs_f64((1.0 - self.tokens) / rate));
        }
        self.tokens -= 1.0;
        None
    }

    /// Lowers the rate, because AWS throttled a request.
    pub fn give_way(&mut self, now: Duration) {
        if self.throttled.is_some_and(|throttled| now < throttled.at + ONCE) {
            return;
        }
        self.throttled = Some(Throttled { at: now, before: self.rate(now) });
        self.tokens = self.tokens.min(0.0);
        self.at = self.at.max(now);
    }
}

/// The requests that wait for a bucket, which leave in the order in which they came.
#[derive(Debug)]
struct Line {
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

type Lines = BTreeMap<(Place, &'static str, &'static str), Arc<Line>>;

/// The buckets of a run.
#[derive(Debug)]
pub struct Limits {
    started: Instant,
    /// The buckets; `None` if nothing is limited.
    lines: Option<Mutex<Lines>>,
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
        Self { started: Instant::now(), lines: Some(Mutex::default()) }
    }

    /// Creates no limits, for tests.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { started: Instant::now(), lines: None }
    }

    /// Waits until `operation` of a service may be sent to `at`.
    pub async fn acquire(&self, at: &Place, service: &'static str, operation: &'static str) {
        let Some(line) = self.line(at, service, operation) else {
            return;
        };
        let _turn = line.turn.lock().await;
        loop {
            let wait = locked(&line.bucket).take(self.started.elapsed());
            match wait {
                // Timers count in milliseconds: a shorter sleep can return at once.
                Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(1))).await,
                None => return,
            }
        }
    }

    /// Lowers the rate of `operation`, because AWS throttled it.
    pub fn give_way(&self, at: &Place, service: &'static str, operation: &'static str) {
        if let Some(line) = self.line(at, service, operation) {
            locked(&line.bucket).give_way(self.started.elapsed());
        }
    }

    fn line(
        &self,
        at: &Place,
        service: &'static str,
        operation: &'static str,
    ) -> Option<Arc<Line>> {
        let (name, bucket) = bucket(service, operation);
        let mut lines = locked(self.lines.as_ref()?);
        let line = lines.entry((at.clone(), service, name)).or_insert_with(|| {
            Arc::new(Line { turn: tokio::sync::Mutex::default(), bucket: Mutex::new(bucket) })
        });
        Some(Arc::clone(line))
    }
}

/// Returns the name of the quota of an operation, and a bucket for it.
fn bucket(service: &str, operation: &'static str) -> (&'static str, Bucket) {
    let listed = QUOTAS.iter().find(|q| q.service == service && q.operations.contains(&operation));
    match listed {
        Some(Quota { together: true, per_second, operations: [first, ..], .. }) => {
            (first, Bucket::new(*per_second))
        }
        Some(quota) => (operation, Bucket::new(quota.per_second)),
        None => (operation, Bucket::guess(UNDOCUMENTED)),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_period_exceeds_the_rate_plus_the_burst(
            quota in prop::sample::select(QUOTAS.iter().map(|q| q.per_second).collect::<Vec<_>>()),
            gaps in prop::collection::vec((0_u64..400_000_000, 0_u8..20), 1..200),
        ) {
            let mut bucket = Bucket::new(quota);
            let mut now = Duration::ZERO;
            let mut granted = Vec::new();
            for (gap, throttled) in gaps {
                now += Duration::from_nanos(gap / u64::from(quota));
                if throttled == 0 {
                    bucket.give_way(now);
                }
                while let Some(wait) = bucket.take(now) {
                    now += wait.max(Duration::from_nanos(1));
                }
                granted.push(now);
            }
            let (rate, burst) = (f64::from(quota), f64::from(quota));
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
    async fn two_keys_are_created_at_once_and_then_five_per_second() {
        let (limits, at) = (Limits::new(), place("eu-west-1"));
        let start = Instant::now();
        for _ in 0..2 {
            limits.acquire(&at, "kms", "CreateKey").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            limits.acquire(&at, "kms", "CreateKey").await;
        }
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(1900) && waited < Duration::from_millis(1920));
    }

    #[tokio::test(start_paused = true)]
    async fn trails_are_changed_at_most_once_per_second() {
        let (limits, at) = (Limits::new(), place("eu-west-1"));
        let start = Instant::now();
        for operation in
            ["CreateTrail", "StartLogging", "AddTags", "PutEventSelectors", "DeleteTrail"]
        {
            limits.acquire(&at, "cloudtrail", operation).await;
        }
        assert_eq!(start.elapsed().as_millis() / 10, 421);
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_are_per_region_service_and_operation() {
        let limits = Limits::new();
        let start = Instant::now();
        for _ in 0..2 {
            for region in ["eu-west-1", "eu-west-2"] {
                limits.acquire(&place(region), "kms", "CreateKey").await;
                limits.acquire(&place(region), "kms", "CreateAlias").await;
                limits.acquire(&place(region), "kms", "TagResource").await;
                limits.acquire(&place(region), "dynamodb", "TagResource").await;
            }
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let unlimited = Limits::unlimited();
        for _ in 0..100 {
            unlimited.acquire(&place("eu-west-1"), "kms", "CreateKey").await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn a_rate_falls_when_aws_throttles_and_comes_back() {
        let seconds = Duration::from_secs;
        let mut bucket = Bucket::new(50);
        assert_eq!(bucket.rate(seconds(100)), 50.0);
        bucket.give_way(seconds(100));
        assert_eq!(bucket.rate(seconds(100)), 25.0);
        // The answers to requests of the same moment count once.
        bucket.give_way(Duration::from_millis(100_500));
        assert_eq!(bucket.rate(seconds(102)), 30.0);
        assert_eq!(bucket.rate(seconds(110)), 50.0);
        for second in 200..220 {
            bucket.give_way(seconds(second));
        }
        let low = bucket.rate(seconds(219));
        assert!((2.5..10.0).contains(&low), "{low}");
        assert_eq!(bucket.rate(seconds(240)), 50.0);
    }
}
