//! The limiter against a service with the documented quotas, alone and beside another client of the account.

use super::limit::Limits;
use crate::id::Place;
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The random number generator `SplitMix64`.
struct Chance(Cell<u64>);

impl Chance {
    /// Returns a random time of at most `longest`.
    fn time(&self, longest: Duration) -> Duration {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let z = (self.0.get() ^ (self.0.get() >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let nanos = u64::try_from(longest.as_nanos()).unwrap() + 1;
        Duration::from_nanos((z ^ (z >> 31)) % nanos)
    }
}

/// An operation of a service, whose bucket holds the requests of one second.
struct Operation {
    quota: f64,
    bucket: RefCell<(f64, Instant)>,
    chance: Chance,
}

impl Operation {
    fn new(quota: u32, seed: u64) -> Self {
        let quota = f64::from(quota);
        let bucket = RefCell::new((quota, Instant::now()));
        Self { quota, bucket, chance: Chance(Cell::new(seed)) }
    }

    /// Answers after 10 to 30 ms, and returns whether the request was executed.
    async fn serve(&self) -> bool {
        sleep(Duration::from_millis(5) + self.chance.time(Duration::from_millis(20))).await;
        let executed = {
            let mut bucket = self.bucket.borrow_mut();
            let gained = bucket.1.elapsed().as_secs_f64() * self.quota;
            let tokens = (bucket.0 + gained).min(self.quota);
            let executed = tokens >= 1.0;
            *bucket = (if executed { tokens - 1.0 } else { tokens }, Instant::now());
            executed
        };
        sleep(Duration::from_millis(5)).await;
        executed
    }
}

fn home() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

/// Sends requests as kmsctl does until `is_over`, and counts those that were executed and throttled.
async fn ours(
    operation: &Operation,
    name: (&'static str, &'static str),
    is_over: impl Fn(u32) -> bool,
) -> (u32, u32) {
    let (limits, at) = (Limits::new(), home());
    let (executed, throttled, begun) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let worker = async || {
        while !is_over(begun.get()) {
            begun.set(begun.get() + 1);
            for failed in 0.. {
                limits.acquire(&at, name.0, name.1).await;
                if operation.serve().await {
                    executed.set(executed.get() + 1);
                    break;
                }
                throttled.set(throttled.get() + 1);
                limits.give_way(&at, name.0, name.1);
                let longest =
                    Duration::from_millis(100 << failed.min(6)).min(Duration::from_secs(5));
                sleep(operation.chance.time(longest)).await;
            }
        }
    };
    join_all((0..64).map(|_| worker())).await;
    (executed.get(), throttled.get())
}

/// Sends requests one after the other until `end`. After a throttled request it waits as the AWS SDKs do: a random
/// part of 1, 2, 4, ... seconds, for three attempts. Returns the number of executed requests.
async fn theirs(operation: &Operation, end: Instant) -> u32 {
    let mut executed = 0;
    while Instant::now() < end {
        for attempt in 0..3 {
            if operation.serve().await {
                executed += 1;
                break;
            }
            sleep(operation.chance.time(Duration::from_secs(1 << attempt))).await;
        }
    }
    executed
}

const OPERATIONS: [(&str, &str, u32); 8] = [
    ("kms", "CreateKey", 5),
    ("kms", "TagResource", 10),
    ("kms", "PutKeyPolicy", 15),
    ("kms", "CreateGrant", 50),
    ("kms", "ListGrants", 100),
    ("cloudtrail", "CreateTrail", 1),
    ("cloudtrail", "GetTrailStatus", 10),
    ("dynamodb", "ListTagsOfResource", 10),
];

#[tokio::test(start_paused = true)]
async fn the_whole_quota_is_used_alone() {
    for (service, name, quota) in OPERATIONS {
        for seed in 0..3 {
            let operation = Operation::new(quota, seed);
            let count = quota * 20;
            let began = Instant::now();
            let (executed, throttled) =
                ours(&operation, (service, name), |begun| begun >= count).await;
            // The first second's worth is executed at once.
            let least = f64::from(count - quota) / f64::from(quota);
            let ratio = began.elapsed().as_secs_f64() / least;
            assert_eq!(executed, count, "{name}");
            assert!(ratio < 1.1, "{name}, {seed}: {ratio:.3} times the quota's time");
            assert!(throttled * 50 <= count, "{name}, {seed}: {throttled} of {count} throttled");
        }
    }
}

/// A second client gets at least a third of what both get, or all that it asks for, and the quota is used.
#[tokio::test(start_paused = true)]
async fn another_client_of_the_account_is_not_starved() {
    const TIME: Duration = Duration::from_secs(200);
    for (service, name, quota) in OPERATIONS {
        for seed in 0..3 {
            let end = Instant::now() + TIME;
            let alone = theirs(&Operation::new(quota, seed), end).await;
            let operation = Operation::new(quota, seed);
            let end = Instant::now() + TIME;
            let is_over = |_| Instant::now() >= end;
            let ((ours, _), theirs) =
                tokio::join!(ours(&operation, (service, name), is_over), theirs(&operation, end));
            let all = f64::from(ours + theirs);
            let share = f64::from(theirs) / all;
            let is_served = share >= 0.3 || f64::from(theirs) >= 0.8 * f64::from(alone);
            assert!(is_served, "{name}, {seed}: {share:.2}, {theirs} of {alone} alone");
            let own = f64::from(ours) / all;
            assert!(own >= 0.1, "{name}, {seed}: kmsctl itself gets {own:.2}");
            let used = all / (f64::from(quota) * TIME.as_secs_f64());
            // With one request a second, each wait costs a request.
            let least = if quota == 1 { 0.55 } else { 0.85 };
            assert!(used >= least, "{name}, {seed}: {used:.2} of the quota is used");
        }
    }
}
