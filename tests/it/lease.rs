//! The lease in S3, and the conditional writes.

use crate::bucket::{Client, FakeBucket, Faults, clock, holder, store};
use crate::fake::Rng;
use kmsctl::sdk::TIME_OUT;
use kmsctl::state::State;
use kmsctl::store::{Holder, S3, Store, StoreError};
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

async fn lock(store: &S3<Client>, id: &str) -> Result<(), StoreError> {
    store.lock(&holder(id), &|_, _| {}).await
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A run that holds the lease renews it, and is reported as soon as it has done so once.
#[tokio::test(start_paused = true)]
async fn a_live_holder_is_reported_quickly() {
    let bucket = FakeBucket::new(1);
    let (one, two) = (bucket.store(), bucket.store());
    lock(&one, "one").await.unwrap();
    for _ in 0..20 {
        let (before, told) = (Instant::now(), RefCell::new(Vec::new()));
        let note = |by: &Holder, most: u64| told.borrow_mut().push((by.id.clone(), most));
        let error = two.lock(&holder("two"), &note).await.unwrap_err();
        assert!(matches!(&error, StoreError::Leased(by) if by.id == "one"), "{error}");
        assert!(before.elapsed() < seconds(17), "{:?}", before.elapsed());
        let told = told.into_inner();
        assert!(told.len() == 1 && told[0].0 == "one" && told[0].1 <= 60, "{told:?}");
        sleep(seconds(7)).await;
    }
}

/// The holder stops sending before the lease ends, even if it does not notice that it stood still.
#[tokio::test(start_paused = true)]
async fn a_holder_that_stood_still_sends_nothing_and_writes_nothing() {
    let bucket = FakeBucket::new(2);
    let client = bucket.client();
    let one = store(client.clone());
    lock(&one, "one").await.unwrap();
    let replay = one.read("one").await.unwrap();
    let permit = one.permit().unwrap();
    permit.check().unwrap();
    client.freeze(seconds(100));
    sleep(seconds(27)).await;
    assert!(permit.check().unwrap_err().contains("about to end"));
    assert!(one.lost().is_none());
    sleep(seconds(30)).await;
    assert!(one.lost().is_some());
    let two = bucket.store();
    lock(&two, "two").await.unwrap();
    sleep(seconds(100)).await;
    let before = bucket.requests().len();
    let error = permit.check().unwrap_err();
    assert!(error.contains("stood still"), "{error}");
    for result in [one.begin(&replay.state, &[]).await, one.commit(&replay.state).await] {
        assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{result:?}");
    }
    one.unlock().await;
    let since = bucket.requests();
    assert!(since[before..].iter().all(|request| request == "PUT stack.lease"), "{since:?}");
    assert!(bucket.text("stack.lease").unwrap().contains("two@host"));
    assert!(two.lost().is_none());
}

/// S3 does not answer for a while. Calls wait, and the run continues if the lease has not ended.
#[tokio::test(start_paused = true)]
async fn a_short_outage_of_s3_only_delays() {
    let bucket = FakeBucket::new(3);
    let one = bucket.store();
    lock(&one, "one").await.unwrap();
    bucket.breaks(Faults { fail: 100, lose: 0 });
    sleep(seconds(35)).await;
    assert!(one.lost().is_none() && one.permit().unwrap().check().is_err());
    bucket.breaks(Faults::default());
    sleep(seconds(5)).await;
    one.permit().unwrap().check().unwrap();
    bucket.breaks(Faults { fail: 100, lose: 0 });
    sleep(seconds(60)).await;
    assert!(one.lost().is_some());
    // A lease that has ended is not renewed, although nobody has taken it over.
    bucket.breaks(Faults::default());
    let before = bucket.requests().len();
    sleep(seconds(100)).await;
    assert_eq!(bucket.requests().len(), before);
    one.unlock().await;
}

/// Whatever S3 and the machines do, two runs never may send requests at the same time, nor while a
/// request of the other may still be executed.
#[tokio::test(start_paused = true)]
async fn two_runs_never_may_send_at_the_same_time() {
    let mut taken = 0;
    for seed in 0..60 {
        let bucket = FakeBucket::new(seed);
        let rng = Rng::new(seed ^ 0x5555);
        bucket.breaks(Faults { lose: rng.below(30), fail: rng.below(30) });
        let clients = [bucket.client(), bucket.client(), bucket.client()];
        let stores = clients.clone().map(store);
        // The run that was last allowed to send, and the time at which its time-out ends.
        let (mut last, mut holds) = ((usize::MAX, Duration::ZERO), [false; 3]);
        for _ in 0..150 {
            let at = rng.below(3) as usize;
            match rng.below(5) {
                0 => clients[at].freeze(seconds(rng.below(90))),
                1 if holds[at] => {
                    // A run that gives the lease back has no call in flight.
                    stores[at].unlock().await;
                    holds[at] = false;
                    if last.0 == at {
                        last = (usize::MAX, Duration::ZERO);
                    }
                }
                2 | 3 if !holds[at] => {
                    let id = format!("{at}-{}", rng.next());
                    holds[at] = lock(&stores[at], &id).await.is_ok();
                    taken += u32::from(holds[at]);
                }
                _ => sleep(Duration::from_millis(rng.below(20_000))).await,
            }
            for (n, store) in stores.iter().enumerate() {
                if store.permit().is_some_and(|permit| permit.check().is_ok()) {
                    assert!(last.0 == n || last.1 <= clock(), "seed {seed}: {n} after {last:?}");
                    last = (n, clock() + TIME_OUT);
                }
            }
        }
    }
    assert!(taken > 500, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn an_update_is_never_lost() {
    let bucket = FakeBucket::new(4);
    let one = bucket.store();
    lock(&one, "one").await.unwrap();
    let mut state = one.read("one").await.unwrap().state;
    let other = State::begin("stack".parse().unwrap(), "other".to_owned());
    let other = String::from_utf8(other.write().unwrap()).unwrap();
    // Another program has created the state since.
    bucket.overwrite("stack.json", &other);
    state.serial = 1;
    let error = one.commit(&state).await.unwrap_err();
    assert!(matches!(error, StoreError::Changed(_)), "{error}");
    assert_eq!(bucket.text("stack.json").unwrap(), other);
    // Another program has changed the state since.
    let mut state = one.read("one").await.unwrap().state;
    bucket.overwrite("stack.json", &other.replace("other", "third"));
    state.serial = 1;
    let error = one.commit(&state).await.unwrap_err();
    let said = "s3://bucket/stack.json: another program has changed it since this run read it";
    assert_eq!(error.to_string(), said);
    assert!(bucket.text("stack.json").unwrap().contains("third"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_the_lease() {
    let bucket = FakeBucket::new(5);
    let one = bucket.store();
    let state = one.read("one").await.unwrap().state;
    let error = one.commit(&state).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost(_)), "{error}");
    assert_eq!(bucket.text("stack.json"), None);
}

/// Each answer may be lost after S3 has executed the write.
#[tokio::test(start_paused = true)]
async fn lost_answers_are_found_out() {
    for seed in 0..100 {
        let bucket = FakeBucket::new(seed);
        // The pauses between attempts are random. All twelve attempts at a request fail once in some 500,000.
        bucket.breaks(Faults { lose: 30, fail: 5 });
        let one = bucket.store();
        lock(&one, "one").await.unwrap();
        let mut state = one.read("one").await.unwrap().state;
        for serial in 1..=4 {
            state.serial = serial;
            one.begin(&state, &[]).await.unwrap();
            one.commit(&state).await.unwrap();
        }
        one.unlock().await;
        assert_eq!(bucket.store().read("two").await.unwrap().state, state);
    }
}

/// S3 has the announced events, but not the outcomes of the calls. The next run waits for the end of the
/// lease, so AWS has time to show what the last call created.
#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_store_its_results_does_not_give_the_lease_back() {
    let bucket = FakeBucket::new(6);
    let one = bucket.store();
    lock(&one, "one").await.unwrap();
    let state = one.read("one").await.unwrap().state;
    one.begin(&state, &[]).await.unwrap();
    bucket.breaks(Faults { fail: 100, lose: 0 });
    let error = one.commit(&state).await.unwrap_err();
    assert!(matches!(error, StoreError::Remote { .. } | StoreError::LeaseLost(_)), "{error}");
    bucket.breaks(Faults::default());
    one.unlock().await;
    let (two, begun) = (bucket.store(), Instant::now());
    lock(&two, "two").await.unwrap();
    assert!(
        begun.elapsed() > seconds(1) && begun.elapsed() <= seconds(60),
        "{:?}",
        begun.elapsed()
    );
}
