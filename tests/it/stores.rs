//! What every store does, in a folder and in S3.

use crate::bucket::{Client, FakeBucket};
use crate::build::{home, key_at};
use kmsctl::id::Name;
use kmsctl::journal::{Event, PendingRecord};
use kmsctl::kind::{Call, Spec, key};
use kmsctl::state::State;
use kmsctl::store::{Folder, Holder, S3, Store, StoreError};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// A place of a state that several runs use, each on its own machine.
trait Place {
    type Store: Store;
    /// Returns the store of a new run.
    fn store(&self) -> Self::Store;
    /// Ends a run as the death of its process does.
    fn die(store: Self::Store);
    /// Overwrites the state.
    fn damage(&self, text: &str);
    /// The longest time for which the lock outlives a run that died.
    const LOCKED: Duration;
}

struct OnDisk(tempfile::TempDir);

impl Place for OnDisk {
    type Store = Folder;

    fn store(&self) -> Folder {
        Folder::new(self.0.path().join("state"), name())
    }

    fn die(store: Folder) {
        drop(store);
    }

    fn damage(&self, text: &str) {
        std::fs::create_dir_all(self.0.path().join("state")).unwrap();
        std::fs::write(self.0.path().join("state/stack.json"), text).unwrap();
    }

    const LOCKED: Duration = Duration::ZERO;
}

struct InS3(FakeBucket);

impl Place for InS3 {
    type Store = S3<Client>;

    fn store(&self) -> S3<Client> {
        self.0.store()
    }

    fn die(store: S3<Client>) {
        store.abandon();
    }

    fn damage(&self, text: &str) {
        self.0.overwrite("stack.json", text);
    }

    const LOCKED: Duration = kmsctl::store::lease::TERM;
}

fn name() -> Name {
    "stack".parse().unwrap()
}

fn holder(id: &str) -> Holder {
    Holder {
        id: id.to_owned(),
        who: "ana@build-7".to_owned(),
        pid: 4711,
        command: "apply".to_owned(),
        since: "2026-01-02T03:04:05Z".to_owned(),
    }
}

/// Takes the lock without waiting for anything to say.
async fn lock(store: &impl Store, id: &str) -> Result<(), StoreError> {
    store.lock(&holder(id), &|_, _| {}).await
}

fn is_locked(result: Result<(), StoreError>) -> bool {
    match result {
        Ok(()) => false,
        Err(StoreError::Locked(by) | StoreError::Leased(by)) => {
            assert_eq!(by.who, "ana@build-7");
            true
        }
        Err(error) => panic!("{error}"),
    }
}

/// Defines each test for both stores.
macro_rules! for_both {
    ($($(#[$about:meta])* $test:ident),+ $(,)?) => {
        mod in_a_folder {
            $($(#[$about])*
            #[tokio::test(start_paused = true)]
            async fn $test() {
                super::$test(&super::OnDisk(tempfile::tempdir().unwrap())).await;
            })+
        }
        mod in_s3 {
            $($(#[$about])*
            #[tokio::test(start_paused = true)]
            async fn $test() {
                super::$test(&super::InS3(super::FakeBucket::new(7))).await;
            })+
        }
    };
}

for_both! {
    a_committed_state_is_read_by_the_next_run,
    one_run_at_a_time_holds_the_lock,
    the_lock_of_a_dead_run_ends,
    the_nonce_of_a_killed_run_is_found,
    the_outcomes_of_a_run_that_ends_with_an_open_call_are_kept,
    the_results_of_settled_calls_are_committed,
    a_state_that_cannot_be_read_is_reported_with_its_place,
    a_state_with_a_journal_is_read,
}

async fn a_committed_state_is_read_by_the_next_run(place: &impl Place) {
    let store = place.store();
    lock(&store, "1").await.unwrap();
    let first = store.read("one").await.unwrap();
    assert_eq!(first.state, State::begin(name(), "one".to_owned()));
    assert!(!store.has_journal());
    let mut state = first.state;
    for serial in 1..=3 {
        state.serial = serial;
        store.commit(&state).await.unwrap();
    }
    store.unlock().await;
    let next = place.store();
    assert_eq!(next.read("two").await.unwrap().state, state);
    assert!(!next.has_journal());
}

async fn one_run_at_a_time_holds_the_lock(place: &impl Place) {
    let (one, two) = (place.store(), place.store());
    two.check_unlocked(&|_, _| {}).await.unwrap();
    lock(&one, "1").await.unwrap();
    assert!(is_locked(lock(&two, "2").await));
    assert!(is_locked(two.check_unlocked(&|_, _| {}).await));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(one.lost().is_none());
    assert!(is_locked(lock(&two, "2").await));
    one.unlock().await;
    let before = Instant::now();
    two.check_unlocked(&|_, _| {}).await.unwrap();
    lock(&two, "2").await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1));
    assert!(is_locked(lock(&one, "1").await));
    two.unlock().await;
}

async fn the_lock_of_a_dead_run_ends<P: Place>(place: &P) {
    let dead = place.store();
    lock(&dead, "1").await.unwrap();
    P::die(dead);
    let (before, next) = (Instant::now(), place.store());
    next.check_unlocked(&|_, _| {}).await.unwrap();
    lock(&next, "2").await.unwrap();
    assert!(before.elapsed() <= P::LOCKED + Duration::from_secs(1), "{:?}", before.elapsed());
}

/// Returns the events of a run that is about to create a key.
fn creation() -> [Event; 3] {
    let spec: Spec =
        serde_json::from_value(json!({"key": {"tags": {}, "deletion_window_days": 30}})).unwrap();
    let draft = PendingRecord {
        id: None,
        place: home(),
        spec,
        protect: true,
        found: std::collections::BTreeSet::new(),
        intent: None,
    };
    let call: key::Call =
        serde_json::from_value(json!({"CreateKey": {"Description": "d", "Tags": []}})).unwrap();
    let (address, draft) = (key_at("a"), Some(Box::new(draft)));
    [
        Event::Planned { address: address.clone(), draft: draft.clone() },
        Event::Intended {
            address: address.clone(),
            number: 0,
            at: home(),
            call: Box::new(Call::Key(call)),
            nonce: Some("n-1".to_owned()),
            time: 5,
        },
        Event::Began { address, draft },
    ]
}

/// Makes a run that is killed after it has sent a call that creates a key.
async fn killed<P: Place>(place: &P) {
    let store = place.store();
    lock(&store, "1").await.unwrap();
    let replay = store.read("one").await.unwrap();
    let [planned, intended, began] = creation();
    store.begin(&replay.state, &[planned, intended.clone()]).await.unwrap();
    store.append(&began).unwrap();
    store.append(&intended).unwrap();
    P::die(store);
}

async fn the_nonce_of_a_killed_run_is_found<P: Place>(place: &P) {
    killed(place).await;
    let next = place.store();
    lock(&next, "2").await.unwrap();
    let replay = next.read("two").await.unwrap();
    assert_eq!(replay.state.lineage, "one");
    assert!(next.has_journal());
    let open = replay.in_flight();
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0].0, open[0].1.nonce.as_deref()), (&key_at("a"), Some("n-1")));
}

async fn the_outcomes_of_a_run_that_ends_with_an_open_call_are_kept<P: Place>(place: &P) {
    let store = place.store();
    lock(&store, "1").await.unwrap();
    let replay = store.read("one").await.unwrap();
    let [planned, intended, began] = creation();
    store.begin(&replay.state, &[planned, intended]).await.unwrap();
    store.append(&began).unwrap();
    let at = home();
    store
        .append(&Event::Intended {
            address: key_at("a"),
            number: 1,
            at,
            call: Box::new(Call::Key(key::EnableKey {}.into())),
            nonce: None,
            time: 9,
        })
        .unwrap();
    store.suspend().await.unwrap();
    store.unlock().await;
    let next = place.store();
    let open = next.read("two").await.unwrap().in_flight();
    assert_eq!((open.len(), open[0].1.number, open[0].1.time), (1, 1, 9));
}

async fn the_results_of_settled_calls_are_committed<P: Place>(place: &P) {
    killed(place).await;
    let next = place.store();
    lock(&next, "2").await.unwrap();
    let mut replay = next.read("two").await.unwrap();
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let outcome = kmsctl::answer::Outcome::Key(arn.parse().unwrap());
    let done = Event::Done { address: key_at("a"), number: 0, outcome };
    next.append(&done).unwrap();
    replay.absorb(&done).unwrap();
    assert!(replay.is_settled() && replay.state.records[&key_at("a")].partial);
    replay.state.serial += 1;
    next.commit(&replay.state).await.unwrap();
    assert!(!next.has_journal());
    next.unlock().await;
    let read = place.store().read("three").await.unwrap();
    assert!(read.is_settled());
    assert_eq!(read.state, replay.state);
}

async fn a_state_that_cannot_be_read_is_reported_with_its_place(place: &impl Place) {
    let run = r#"{"event": "run", "lineage": "other", "serial": 0}"#;
    let sound = r#""version": 2, "lineage": "l", "serial": 0, "stack": "stack", "records": {}"#;
    for (text, said) in [
        ("{".to_owned(), "the state is damaged"),
        (r#"{"version": 3}"#.to_owned(), "the state has format 3"),
        (format!(r#"{{{sound}, "journal": 7}}"#), "the state is damaged"),
        (
            format!("{{{}}}", sound.replace(r#": "stack""#, r#": "other""#)),
            "the state belongs to the stack `other`, not to `stack`",
        ),
        (
            format!(
                r#"{{{sound}, "journal": [{{"event": "finished", "address": "key/a"}}, {run}]}}"#
            ),
            "out of order",
        ),
    ] {
        place.damage(&text);
        let error = place.store().read("one").await.unwrap_err().to_string();
        assert!(error.contains("stack.json: ") && error.contains(said), "{error}");
    }
}

/// A state with the journal of an interrupted run may be copied from one place to the other.
async fn a_state_with_a_journal_is_read(place: &impl Place) {
    let bucket = FakeBucket::new(1);
    killed(&InS3(bucket.clone())).await;
    place.damage(&bucket.text("stack.json").unwrap());
    let open = place.store().read("two").await.unwrap().in_flight();
    assert_eq!(open[0].1.nonce.as_deref(), Some("n-1"));
}
