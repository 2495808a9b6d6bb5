//! Runs of one stack on several machines, with the state in S3: races, deaths and standstills. No
//! resource is created twice, and the last run has the result of an undisturbed one.

use crate::bucket::{Client, FakeBucket, Faults, clock, holder, store};
use crate::build::{Declare, empty, storage};
use crate::consumers::{KEYS, desired};
use crate::fake::{FakeAws, NOW, PERMIT, Rng};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::engine::apply::{Ended, Host, HostError, Known, Progress, announce, apply};
use kmsctl::engine::survey::survey;
use kmsctl::engine::{Options, recover, refresh};
use kmsctl::journal::{Event, Replay};
use kmsctl::kind::ConsumerKind;
use kmsctl::kind::address::Address;
use kmsctl::plan::{Approved, Plan, draft};
use kmsctl::retry::RetryPolicy;
use kmsctl::store::{S3, Store, StoreError};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// The host of a run on one machine.
struct Machine<'a> {
    store: &'a S3<Client>,
    replay: RefCell<Replay>,
    nonces: BTreeMap<(Address, usize), String>,
}

impl Host for Machine<'_> {
    fn write(&self, event: &Event) -> Result<(), HostError> {
        self.store.append(event)?;
        Ok(self.replay.borrow_mut().absorb(event)?)
    }

    fn nonce(&self, address: &Address, number: usize) -> Result<String, HostError> {
        Ok(self.nonces[&(address.clone(), number)].clone())
    }

    fn now(&self) -> u64 {
        now()
    }

    fn stop(&self) -> bool {
        self.store.lost().is_some()
    }

    fn report(&self, _: Progress<'_>) {}
}

fn now() -> u64 {
    NOW + clock().as_secs()
}

fn options() -> Options {
    let (base, cap) = (Duration::from_millis(50), Duration::from_secs(5));
    Options {
        parallelism: 4,
        retry: RetryPolicy { attempts: 60, base, cap, ..RetryPolicy::default() },
        patience: Duration::from_secs(300),
    }
}

/// Makes the run of `kmsctl apply` with the state in S3.
pub(crate) async fn run(
    aws: &FakeAws,
    store: &S3<Client>,
    desired: &Desired,
    id: &str,
) -> Result<(Plan, Ended), StoreError> {
    store.lock(&holder(id), &|_, _| {}).await?;
    let permit = store.permit().unwrap();
    let result = PERMIT.scope(permit, run_locked(aws, store, desired, id)).await;
    store.unlock().await;
    result
}

async fn run_locked(
    aws: &FakeAws,
    store: &S3<Client>,
    desired: &Desired,
    id: &str,
) -> Result<(Plan, Ended), StoreError> {
    let options = options();
    let lost = |_| StoreError::LeaseLost("a read was not sent".to_owned());
    let mut replay = store.read(id).await?;
    let keep = |event: &Event| {
        store.append(event).unwrap();
        Ok::<(), kmsctl::answer::CloudError>(())
    };
    recover::recover(aws, &options, &mut replay, now(), keep).await.map_err(lost)?;
    let live =
        refresh::refresh(aws, &options, desired, &replay.state, None, 0).await.map_err(lost)?;
    let draft = draft(desired, &replay.state, &live);
    let (survey, _) = survey(aws, &options, &draft, &live, &desired.own_accounts(), NOW).await;
    let plan = draft.finish(&survey);
    if store.has_journal() {
        replay.state.serial += 1;
        store.commit(&replay.state).await?;
        replay = Replay::new(replay.state);
    }
    let mut number = 0;
    let announced = announce(&plan, now(), || {
        number += 1;
        Ok::<_, StoreError>(format!("{id}-{number}"))
    })?;
    if !plan.steps.is_empty() {
        store.begin(&replay.state, &announced).await?;
    }
    let nonces = announced.into_iter().filter_map(|event| match event {
        Event::Intended { address, number, nonce, .. } => Some(((address, number), nonce?)),
        _ => None,
    });
    let host = Machine { store, nonces: nonces.collect(), replay: RefCell::new(replay) };
    let approved = Approved::by_consent(plan.clone());
    let known = Known::of(live, desired.own_accounts());
    let ended = apply(aws, &host, &options, &approved, known).await;
    let mut replay = host.replay.into_inner();
    if plan.steps.is_empty() && plan.remember.is_empty() {
        return Ok((plan, ended));
    }
    if replay.is_settled() {
        replay.state.remember(&plan.remember);
        replay.state.serial += 1;
        store.commit(&replay.state).await?;
    } else {
        store.suspend().await?;
    }
    Ok((plan, ended))
}

/// A future that is not polled for a while, as a process that is stopped.
struct Stopped<F> {
    inner: Pin<Box<F>>,
    at: Instant,
    until: Pin<Box<Sleep>>,
}

impl<F: Future> Future for Stopped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if Instant::now() >= self.at && self.until.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.inner.as_mut().poll(context)
    }
}

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Undisturbed,
    /// The process dies.
    Killed(Duration),
    /// The process is stopped for a while.
    Stopped(Duration, Duration),
}

/// Makes a run that begins after a while. Its disk is gone afterwards.
async fn machine(
    aws: &FakeAws,
    bucket: &FakeBucket,
    desired: &Desired,
    id: &str,
    after: Duration,
    fate: Fate,
) -> Option<Result<(Plan, Ended), StoreError>> {
    sleep(after).await;
    let client = bucket.client();
    let store = store(Arc::clone(&client));
    match fate {
        Fate::Undisturbed => Some(run(aws, &store, desired, id).await),
        Fate::Killed(at) => tokio::select! {
            done = run(aws, &store, desired, id) => Some(done),
            () = sleep(at) => {
                store.abandon();
                None
            }
        },
        Fate::Stopped(at, time) => {
            let begun = Instant::now();
            let inner = Box::pin(run(aws, &store, desired, id));
            let until = Box::pin(tokio::time::sleep_until(begun + at + time));
            let stopped = Stopped { inner, at: begun + at, until };
            let freeze = async {
                sleep(at).await;
                client.freeze(time);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                done = stopped => Some(done),
                () = freeze => None,
            }
        }
    }
}

/// Returns three keys with aliases and grants.
pub(crate) fn declared() -> Desired {
    let mut desired = storage();
    for name in ["one", "two"] {
        desired = desired.key(name, |_| {}).alias(name, name).grant(name, "batch", &["Decrypt"]);
    }
    desired
}

/// Makes the last run, which nothing disturbs, and checks that everything exists once.
async fn converges(aws: &FakeAws, bucket: &FakeBucket, desired: &Desired, about: &str) {
    bucket.breaks(Faults::default());
    let mut last = None;
    for n in 0..3 {
        let id = format!("last-{n}");
        let done = machine(aws, bucket, desired, &id, Duration::ZERO, Fate::Undisturbed).await;
        last = Some(done.unwrap().unwrap_or_else(|error| panic!("{about}: {error}")));
    }
    let (plan, ended) = last.unwrap();
    assert!(ended.is_complete() && plan.steps.is_empty(), "{about}: {ended:#?}");
    assert!(plan.drift.is_empty() && plan.remember.is_empty(), "{about}: {:#?}", plan.drift);
    assert!(plan.blocked.is_empty(), "{about}: {:#?}", plan.blocked);
    assert!(aws.refusals.borrow().is_empty(), "{about}: {:?}", aws.refusals);
}

fn millis(rng: &Rng, most: u64) -> Duration {
    Duration::from_millis(rng.below(most))
}

#[test]
fn a_hundred_races_create_nothing_twice() {
    let mut calm = Stack::new(1);
    calm.applied(&declared());
    block_on(race(&calm.fake.picture(), calm.fake.keys_total()));
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

async fn race(picture: &Value, keys: usize) {
    let desired = declared();
    let mut ends = [0; 4];
    for seed in 0..100 {
        let (aws, bucket) = (FakeAws::new(seed), FakeBucket::new(seed));
        let rng = Rng::new(seed ^ 0x1234);
        if seed % 4 == 0 {
            bucket.breaks(Faults { lose: rng.below(25), fail: rng.below(25) });
        }
        let fate = |rng: &Rng| match rng.below(3) {
            0 => Fate::Undisturbed,
            1 => Fate::Killed(millis(rng, 1_000)),
            _ => Fate::Stopped(millis(rng, 1_000), Duration::from_secs(20 + rng.below(80))),
        };
        let fates = [fate(&rng), fate(&rng)];
        let late = millis(&rng, 800);
        let (one, two) = tokio::join!(
            machine(&aws, &bucket, &desired, "one", Duration::ZERO, fates[0]),
            machine(&aws, &bucket, &desired, "two", late, fates[1]),
        );
        for (done, fate) in [one, two].into_iter().zip(fates) {
            match done {
                None => ends[0] += 1,
                Some(Ok(_)) => ends[1] += 1,
                Some(Err(StoreError::Leased(_))) => ends[2] += 1,
                Some(Err(StoreError::LeaseLost(_))) => ends[3] += 1,
                // The process was stopped after S3 had answered and before it found out what that meant.
                Some(Err(StoreError::Changed(_))) if matches!(fate, Fate::Stopped(..)) => {
                    ends[3] += 1;
                }
                Some(Err(StoreError::Remote { .. })) if seed % 4 == 0 => {}
                Some(Err(error)) => panic!("{seed} {fates:?}: {error}"),
            }
        }
        let about = format!("race {seed} {fates:?}");
        assert!(aws.keys_total() <= keys, "{about}");
        converges(&aws, &bucket, &desired, &about).await;
        assert_eq!(aws.keys_total(), keys, "{about}");
        assert_eq!(aws.picture(), *picture, "{about}");
    }
    // A run of the stand-in is too short for a renewal, so nobody is locked out for long (see `lease`).
    assert!([0, 1, 3].iter().all(|n| ends[*n] >= 10), "{ends:?}");
}

/// The run is killed and its disk is lost at many moments of a first apply, a change and a destroy.
#[test]
fn a_run_that_is_killed_anywhere_is_continued_on_another_machine() {
    let first = declared();
    let changed = declared().key("one", |key| key.description = Some("other".to_owned())).grant(
        "two",
        "more",
        &["Encrypt"],
    );
    let mut kills = 0;
    for (before, after) in [(None, &first), (Some(&first), &changed), (Some(&first), &empty())] {
        let mut calm = Stack::new(1);
        for desired in before.into_iter().chain([after]) {
            calm.applied(desired);
        }
        for n in 0..60 {
            kills += block_on(kill_twice(n, before, after, &calm.fake.picture()));
        }
    }
    assert!(kills > 150, "{kills}");
}

/// Consumers of a key.
const CONSUMERS: &str = "
ebs: {volumes: {v: {availability_zone: eu-central-1a, size_gib: 20, type: gp3, key: a, protect: false}}}
dynamodb: {tables: {orders: {partition_key: {name: id, type: S}, key: a, protect: false}}}
efs: {file_systems: {f: {key: a, mount_targets: [{subnet: subnet-1a}], protect: false}}}
rds: {instances: {d: {engine: mysql, key: a, protect: false, final_snapshot: false,
  instance_class: db.t3.micro, allocated_storage_gib: 20, master_username: admin,
  master_password: managed}}}
";

/// Returns the number of consumers of each kind.
fn consumers(aws: &FakeAws) -> Vec<(ConsumerKind, usize)> {
    let shelves = aws.shelves.borrow();
    let counts = shelves.iter().map(|((kind, _), shelf)| (*kind, shelf.len()));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn consumers_of_a_killed_run_are_found_on_another_machine() {
    let first = desired(&format!("{KEYS}{CONSUMERS}"));
    let last = desired(KEYS);
    let mut kills = 0;
    for (before, after) in [(None, &first), (Some(&first), &last)] {
        let mut calm = Stack::new(1);
        for desired in before.into_iter().chain([after]) {
            calm.applied(desired);
        }
        for n in 0..40 {
            kills += block_on(async {
                let (aws, bucket) = (FakeAws::new(n), FakeBucket::new(n));
                if let Some(before) = before {
                    converges(&aws, &bucket, before, "before").await;
                }
                let fate = Fate::Killed(Duration::from_millis(25 * n));
                let done = machine(&aws, &bucket, after, "dead", Duration::ZERO, fate).await;
                let about = format!("consumers, killed at {n}");
                converges(&aws, &bucket, after, &about).await;
                assert_eq!(consumers(&aws), consumers(&calm.fake), "{about}");
                assert_eq!(aws.copies.borrow().len(), calm.fake.copies.borrow().len(), "{about}");
                assert_eq!(aws.picture(), calm.fake.picture(), "{about}");
                u32::from(done.is_none())
            });
        }
    }
    assert!(kills > 40, "{kills}");
}

/// Kills two runs, the second one soon after it has taken over the lease, and then checks the result of
/// another run. Returns the number of runs that were killed before they finished.
async fn kill_twice(n: u64, before: Option<&Desired>, after: &Desired, picture: &Value) -> u32 {
    let (aws, bucket) = (FakeAws::new(n), FakeBucket::new(n));
    if let Some(before) = before {
        converges(&aws, &bucket, before, "before").await;
    }
    let mut kills = 0;
    for (id, millis) in [("first", 12 * n), ("second", 59_500 + 30 * n)] {
        let at = Duration::from_millis(millis);
        let done = machine(&aws, &bucket, after, id, Duration::ZERO, Fate::Killed(at)).await;
        kills += u32::from(done.is_none());
    }
    let (about, begun) = (format!("killed at {n}"), Instant::now());
    converges(&aws, &bucket, after, &about).await;
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
    assert_eq!(aws.picture(), *picture, "{about}");
    kills
}

/// Returns the requests to S3 of a first apply of `keys` keys.
async fn requests(keys: usize) -> Vec<String> {
    let (aws, bucket) = (FakeAws::new(1), FakeBucket::new(1));
    let mut desired = empty();
    for n in 0..keys {
        let name = format!("k{n}");
        desired = desired.key(&name, |_| {}).alias(&name, &name).grant(&name, "g", &["Decrypt"]);
    }
    let done = machine(&aws, &bucket, &desired, "one", Duration::ZERO, Fate::Undisturbed).await;
    let (plan, ended) = done.unwrap().unwrap();
    assert!(ended.is_complete() && plan.steps.len() == 3 * keys);
    bucket.requests()
}

#[tokio::test(start_paused = true)]
async fn the_number_of_requests_to_s3_does_not_grow_with_the_number_of_keys() {
    let one = requests(1).await;
    let lease = ["GET stack.lease", "PUT stack.lease"];
    let state = ["GET stack.json", "PUT stack.json", "PUT stack.json"];
    assert_eq!(one, [&lease[..], &state, &lease[1..]].concat());
    for keys in [100, 1_000] {
        let many = requests(keys).await;
        let renewals = many.iter().filter(|request| **request == "PUT stack.lease").count() - 2;
        assert_eq!(many.len() - renewals, one.len(), "{many:#?}");
    }
}
