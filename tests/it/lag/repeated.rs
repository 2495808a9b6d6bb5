//! Runs that follow another run at once, with and without its record.

use super::{Example, FLAPPING, Hint, Lag, STALE, Wrong, examples, hint, stack, without_consumers};
use crate::build::{Declare, address, empty, storage};
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::kind::Kind;

/// Checks the runs that follow a run at once, with its record.
fn at_once(lags: &[Lag], is_change: bool) {
    let mut wrong = Wrong::default();
    for Example { name, first, changed } in examples() {
        for &lag in lags {
            let about = format!("{name}, {lag:?}");
            let mut stack = stack(lag);
            wrong.run(&about, &mut stack, &first);
            if is_change {
                stack.wait(lag.0);
                wrong.run(&about, &mut stack, &changed);
            }
            let last = if is_change { &changed } else { &first };
            wrong.changes_nothing(&about, &mut stack, last);
            stack.wait(lag.0);
            wrong.changes_nothing(&format!("{about}, later"), &mut stack, last);
        }
    }
    wrong.report();
}

#[test]
fn nothing_changes_right_after_a_first_apply() {
    at_once(&STALE, false);
    at_once(&FLAPPING, false);
}

#[test]
fn nothing_changes_right_after_a_change() {
    at_once(&STALE, true);
    at_once(&FLAPPING, true);
}

/// Makes a second apply without the record of the first. `hidden` selects the cases in which AWS does not show
/// every key yet.
fn without_a_record(
    lags: &[Lag],
    hidden: bool,
    mut check: impl FnMut(&str, Lag, &mut Stack, &Desired),
) {
    for Example { name, first, .. } in examples() {
        for &lag in lags {
            for seconds in [0, lag.0 / 2, lag.0 - 1] {
                let about = format!("{name}, {lag:?}, {seconds} s later");
                let mut stack = stack(lag);
                stack.applied(&first);
                stack.wait(seconds);
                if (stack.keys_shown() < stack.fake.keys_total()) == hidden {
                    stack.state = lineage("two");
                    check(&about, lag, &mut stack, &first);
                }
            }
        }
    }
}

#[test]
fn without_its_record_an_apply_is_repeated_without_an_effect() {
    let mut wrong = Wrong::default();
    for lags in [&STALE[..], &FLAPPING] {
        without_a_record(lags, false, |about, lag, stack, first| {
            wrong.has_no_effect(about, stack, first);
            stack.wait(lag.0);
            wrong.changes_nothing(&format!("{about}, at the end"), stack, first);
        });
    }
    wrong.report();
}

fn no_unreported_key(lags: &[Lag]) {
    let mut wrong = Wrong::default();
    without_a_record(lags, true, |about, lag, stack, first| {
        let (keys, hint) = (stack.fake.keys_total(), hint(lag, stack));
        wrong.no_unreported_key(about, lag, stack, first, (keys, hint));
    });
    wrong.report();
}

#[test]
fn without_its_record_an_apply_makes_no_second_key_that_is_not_reported() {
    no_unreported_key(&STALE);
}

#[test]
fn without_its_record_an_apply_makes_no_second_key_that_is_not_reported_while_reads_flap() {
    no_unreported_key(&FLAPPING);
}

/// Without any record, a run adds a key to those of earlier runs, and the next run begins soon after. Nothing
/// hints at the new key.
#[test]
fn without_a_record_a_key_that_was_just_added_is_not_added_again_unreported() {
    let mut wrong = Wrong::default();
    for lag in STALE {
        for seconds in 0..lag.0 {
            let about = format!("{lag:?}, {seconds} s later");
            let mut stack = stack(lag);
            stack.applied(&storage());
            stack.wait(60);
            let more = storage().key("more", |key| key.rotation = None);
            stack.state = lineage("two");
            stack.applied(&more);
            stack.wait(seconds);
            stack.state = lineage("three");
            wrong.no_unreported_key(&about, lag, &mut stack, &more, (2, Hint::None));
        }
    }
    wrong.report();
}

/// AWS still shows what was deleted. Deleting it again has no effect, and nothing else changes.
#[test]
fn a_deletion_is_repeated_without_an_effect() {
    let mut wrong = Wrong::default();
    let grant = address(Kind::Grant, "storage/batch");
    let alias = address(Kind::Alias, "alias/storage");
    let mut cases = vec![
        ("grant".to_owned(), storage(), storage().without(&grant)),
        ("alias".to_owned(), storage(), storage().without(&alias)),
    ];
    for Example { name, first, .. } in examples() {
        cases.push((name.to_owned(), first.clone(), without_consumers(&first)));
        // These settings cannot be deleted, and they keep their key.
        if !["ebs_default", "s3_bucket"].contains(&name) {
            cases.push((format!("{name} and keys"), first, empty()));
        }
    }
    for (name, first, last) in cases {
        for lag in STALE.into_iter().chain(FLAPPING) {
            let about = format!("{name}, {lag:?}");
            let mut stack = stack(lag);
            wrong.run(&about, &mut stack, &first);
            stack.wait(lag.0);
            wrong.run(&about, &mut stack, &last);
            for _ in 0..2 {
                wrong.has_no_effect(&format!("{about}, again"), &mut stack, &last);
            }
            stack.wait(lag.0);
            wrong.changes_nothing(&format!("{about}, later"), &mut stack, &last);
        }
    }
    wrong.report();
}

/// The services find a new key as late as other callers.
#[test]
fn consumers_of_a_new_key_are_created_once_their_services_find_it() {
    let mut wrong = Wrong::default();
    for Example { name, first, .. } in examples() {
        for lag in STALE.into_iter().chain(FLAPPING) {
            let about = format!("{name}, {lag:?}");
            let mut stack = stack(lag);
            stack.fake.faults.borrow_mut().services_lag = true;
            wrong.run(&about, &mut stack, &first);
        }
    }
    // differs: EC2 gives up a new volume whose key it does not find, and the run reports that it vanished.
    wrong.report_except(&["ebs_volume"]);
}
