//! Runs that are killed, and the runs that follow them.

use super::{Example, FLAPPING, Lag, Outcome, STALE, Wrong};
use super::{examples, hint, outcome, stack, without_consumers};
use crate::build::empty;
use crate::fake::Kill;
use crate::world::lineage;
use kmsctl::desired::Desired;
use kmsctl::kind::Kind;
use serde_json::Value;

/// What a killed run leaves to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The record and the journal.
    Disk,
    /// Only what AWS shows, which includes all keys.
    AllKeys,
    /// Only what AWS shows, which does not include every key yet.
    NotAllKeys,
}

/// Kills a run before and after each of its calls. The next run begins after a while.
fn killed(
    lags: &[Lag],
    before: Option<&Desired>,
    all: &Desired,
    name: &str,
    left: Left,
    wrong: &mut Wrong,
) {
    // Without the record, a tag that is no longer declared stays.
    let calm = [Left::Disk, left].map(|left| undisturbed(before, all, left));
    for n in 1..100 {
        for (kill, lag) in [(Kill::Before, lags[n % 2]), (Kill::After, lags[n / 2 % lags.len()])] {
            let seconds = [0, 1, lag.0 / 2, lag.0][n % 4];
            let about = format!("{name}, {lag:?}, {kill:?} call {n}, {left:?}, {seconds} s later");
            let mut stack = stack(lag);
            if let Some(before) = before {
                wrong.run(&about, &mut stack, before);
                stack.wait(lag.0);
            }
            if stack.run_until(all, Some((n, kill))).is_some() {
                return;
            }
            stack.wait(seconds);
            if left != Left::Disk {
                let hidden = stack.keys_shown() < stack.fake.keys_total();
                if hidden != (left == Left::NotAllKeys) {
                    continue;
                }
                stack.state = lineage("two");
                stack.journal.borrow_mut().clear();
            }
            if left == Left::NotAllKeys {
                let keys = all.resources.keys().filter(|address| address.kind == Kind::Key).count();
                let hint = hint(lag, &stack);
                wrong.no_unreported_key(&about, lag, &mut stack, all, (keys, hint));
                continue;
            }
            wrong.run(&about, &mut stack, all);
            stack.wait(lag.0);
            let found = outcome(&stack);
            let is_right = calm.contains(&found);
            wrong.check(&about, "AWS differs", is_right, || differences(&calm[0], &found));
            wrong.changes_nothing(&format!("{about}, at the end"), &mut stack, all);
        }
    }
}

/// Returns the outcome of runs that nothing disturbs, with or without the record in between.
fn undisturbed(before: Option<&Desired>, all: &Desired, left: Left) -> Outcome {
    let mut calm = stack(Lag(0, None));
    for desired in before.into_iter().chain([all]) {
        calm.applied(desired);
        if left != Left::Disk {
            calm.state = lineage("two");
        }
    }
    outcome(&calm)
}

fn differences(calm: &Outcome, found: &Outcome) -> String {
    let count = |of: &Outcome| {
        let keys = |region: &Value| region["keys"].as_array().map_or(0, Vec::len);
        let keys: usize = of.0.as_object().unwrap().values().map(keys).sum();
        format!("{keys} keys, {:?}", of.1)
    };
    if count(found) == count(calm) {
        return format!("{} instead of {}", found.0, calm.0);
    }
    format!("{} instead of {}", count(found), count(calm))
}

/// Kills the first apply of every example.
fn first(lags: &[Lag], left: Left) {
    let mut wrong = Wrong::default();
    for Example { name, first, .. } in examples() {
        killed(lags, None, &first, name, left, &mut wrong);
    }
    wrong.report();
}

#[test]
fn a_first_apply_that_is_killed_is_continued_with_its_record() {
    first(&STALE, Left::Disk);
}

#[test]
fn a_first_apply_that_is_killed_is_continued_with_its_record_while_reads_flap() {
    first(&FLAPPING, Left::Disk);
}

#[test]
fn a_first_apply_that_is_killed_is_continued_without_its_record() {
    first(&STALE, Left::AllKeys);
    first(&FLAPPING, Left::AllKeys);
}

#[test]
fn after_a_kill_and_without_its_record_no_second_key_is_made_that_is_not_reported() {
    first(&STALE, Left::NotAllKeys);
}

#[test]
fn after_a_kill_and_without_its_record_no_second_key_is_made_while_reads_flap() {
    first(&FLAPPING, Left::NotAllKeys);
}

/// The keys are those of an earlier run.
#[test]
fn what_a_killed_run_added_to_keys_is_found_without_its_record() {
    let mut wrong = Wrong::default();
    for Example { name, first, .. } in examples() {
        let mut keys = without_consumers(&first);
        keys.resources.retain(|address, _| ![Kind::Alias, Kind::Grant].contains(&address.kind));
        for lags in [&STALE[..], &FLAPPING] {
            killed(lags, Some(&keys), &first, name, Left::AllKeys, &mut wrong);
        }
    }
    wrong.report();
}

fn change(left: Left) {
    let mut wrong = Wrong::default();
    for Example { name, first, changed } in examples() {
        for lags in [&STALE[..], &FLAPPING] {
            killed(lags, Some(&first), &changed, name, left, &mut wrong);
        }
    }
    wrong.report();
}

#[test]
fn a_change_that_is_killed_is_continued_with_its_record() {
    change(Left::Disk);
}

#[test]
#[ignore = "differs: nothing shows that AWS was changed, and a repeated call fails"]
fn a_change_that_is_killed_is_continued_without_its_record() {
    change(Left::AllKeys);
}

#[test]
fn a_deletion_that_is_killed_is_continued() {
    let mut wrong = Wrong::default();
    for Example { name, first, .. } in examples() {
        if !["ebs_default", "s3_bucket"].contains(&name) {
            for lags in [&STALE[..], &FLAPPING] {
                killed(lags, Some(&first), &empty(), name, Left::Disk, &mut wrong);
            }
        }
    }
    wrong.report();
}
