//! Runs that are killed at any moment. The next run must have the same result as an uninterrupted
//! one.

mod examples;

use crate::build::{Declare, empty, policy, storage};
use crate::fake::Kill;
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::journal::Replay;
use kmsctl::kind::key::Rotation;
use std::fmt::Write as _;

/// Returns the key with changes of every kind.
pub(crate) fn updated() -> Desired {
    let changed = storage().key("storage", |key| {
        key.description = Some("other".to_owned());
        key.policy = Some(policy(true, &["app", "web"]));
        key.rotation = Some(Rotation::EveryDays(180));
        key.tags.remove("team");
        key.tags.insert("cost".to_owned(), "7".to_owned());
        key.enabled = Some(false);
    });
    changed.grant("storage", "batch", &["Decrypt", "Encrypt"])
}

fn prepared(before: &[&Desired]) -> Stack {
    let mut stack = Stack::new(3);
    for desired in before {
        stack.applied(desired);
    }
    stack
}

/// Kills the run before and after every mutating call, and at every second call of the next run.
fn matrix(before: &[&Desired], after: &Desired, calls: usize) {
    let mut calm = prepared(before);
    calm.applied(after);
    assert_eq!(calm.fake.mutations.get(), calls);
    let picture = calm.fake.picture();
    for n in 1..=calls {
        for kill in [Kill::Before, Kill::After] {
            for again in
                [None, Some((1, Kill::Before)), Some((1, Kill::After)), Some((2, Kill::After))]
            {
                let mut stack = prepared(before);
                assert!(stack.run_until(after, Some((n, kill))).is_none(), "{n} {kill:?}");
                let dead = stack.fake.mutations.get();
                if again.is_some() {
                    drop(stack.run_until(after, again));
                }
                stack.applied(after);
                assert_eq!(
                    stack.fake.picture(),
                    picture,
                    "killed at {n} {kill:?} {again:?} {dead}"
                );
                stack.settled(after);
                assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
            }
        }
    }
}

#[test]
fn create_survives_a_kill_at_every_call() {
    matrix(&[], &storage(), 4);
}

#[test]
fn create_of_a_disabled_key_survives_a_kill_at_every_call() {
    matrix(&[], &storage().key("storage", |key| key.enabled = Some(false)), 5);
}

#[test]
fn update_survives_a_kill_at_every_call() {
    matrix(&[&storage()], &updated(), 8);
}

#[test]
fn destroy_survives_a_kill_at_every_call() {
    matrix(&[&storage()], &empty(), 3);
}

#[test]
fn a_journal_cut_at_any_byte_is_read_and_converges() {
    let mut calm = Stack::new(3);
    let fresh = calm.state.clone();
    // The run is killed after its last call, so that it leaves a journal.
    assert!(calm.run_until(&storage(), Some((4, Kill::After))).is_none());
    let journal = calm.journal.borrow().clone();
    calm.applied(&storage());
    let picture = calm.fake.picture();
    for cut in 0..=journal.len() {
        let mut replay = Replay::new(fresh.clone());
        replay.read(&journal[..cut]).expect("a prefix is no damage");
        // An incomplete last line is ignored, so a cut within a line equals a cut at the end of the
        // line before.
        if cut > 0 && journal[cut - 1] != b'\n' {
            continue;
        }
        // AWS has executed the calls of the whole journal. The next run reads only the cut journal.
        let mut stack = Stack::new(3);
        drop(stack.run_until(&storage(), Some((4, Kill::After))));
        stack.state = fresh.clone();
        stack.journal.replace(journal[..cut].to_vec());
        stack.applied(&storage());
        assert_eq!(stack.fake.picture(), picture, "cut at {cut}");
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1), "cut at {cut}");
        stack.settled(&storage());
    }
}

/// The time that a run waits for one call counts for the following calls too.
#[test]
fn open_calls_share_the_waiting_time() {
    let mut stack = prepared(&[&storage()]);
    let more =
        ["a", "b", "c"].iter().fold(storage(), |all, g| all.grant("storage", g, &["Encrypt"]));
    assert!(stack.run_until(&more, Some((1, Kill::Before))).is_none());
    assert_eq!(stack.replay().in_flight().len(), 3);
    stack.later.set(0);
    let before = stack.fake.count("ListGrants");
    assert_eq!(stack.plan_only(&more).steps.len(), 3);
    // Five reads for the first call, one for each of the others, and the refresh.
    assert_eq!(stack.fake.count("ListGrants") - before, 5 + 2 + 1);
}

/// Without a nonce, a key could not be identified if the answer were lost.
#[test]
fn without_random_numbers_no_key_is_created() {
    let mut stack = Stack::new(3);
    stack.nonces.set(u64::MAX);
    let (_, ended) = stack.run(&storage());
    assert_eq!(
        ended.failed.first().unwrap().1.to_string(),
        "no further call was sent: no random numbers"
    );
    assert_eq!(stack.fake.mutations.get(), 0);
    stack.nonces.set(0);
    stack.applied(&storage());
    stack.settled(&storage());
}

/// Shows how the run after a kill settles the open call, and which calls it makes.
#[test]
fn the_next_run_continues_after_a_kill_at_each_call() {
    let mut table = String::new();
    for n in 1..=4 {
        for (kill, word) in [(Kill::Before, "before"), (Kill::After, "after")] {
            let mut stack = prepared(&[]);
            assert!(stack.run_until(&storage(), Some((n, kill))).is_none());
            let made = stack.fake.log.borrow().len();
            let dead = stack.replay().in_flight();
            let killed: Vec<String> = dead
                .iter()
                .map(|(address, open)| format!("{} of {address}", open.call.operation()))
                .collect();
            stack.applied(&storage());
            // The order of independent steps is random.
            let mut calls = stack.fake.changes_since(made);
            calls.sort();
            let calls = calls.join(", ");
            writeln!(table, "{word} {}: {calls}", killed.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(table, @"
    before CreateKey of key/storage: CreateAlias, CreateGrant, CreateKey, EnableKeyRotation
    after CreateKey of key/storage: CreateAlias, CreateGrant, EnableKeyRotation
    before EnableKeyRotation of key/storage: CreateAlias, CreateGrant, EnableKeyRotation
    after EnableKeyRotation of key/storage: CreateAlias, CreateGrant
    before CreateAlias of alias/alias/storage, CreateGrant of grant/storage/batch: CreateAlias, CreateGrant
    after CreateAlias of alias/alias/storage, CreateGrant of grant/storage/batch: CreateGrant
    before CreateGrant of grant/storage/batch: CreateGrant
    after CreateGrant of grant/storage/batch:
    ");
}
