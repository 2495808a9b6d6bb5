//! Waits for consumers while AWS shows them as they were before a call.

use super::{Example, Wrong, examples, stack};
use crate::fake::{Event, FakeAws};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::consumer::{Effect, Goal};
use kmsctl::kind::{Call, key};
use std::time::Duration;

/// The time for which reads are stale. It is shorter than the time for which a new resource may be
/// invisible.
const LAG: Duration = Duration::from_secs(45);

/// Returns the examples with a consumer, each with a way to remove the consumer.
fn with_consumers() -> impl Iterator<Item = (Example, Desired)> {
    let has = |example: &Example| example.first.resources.keys().any(|a| a.kind.is_consumer());
    examples().into_iter().filter(has).map(|example| {
        let mut removed = example.changed.clone();
        removed.resources.retain(|address, _| !address.kind.is_consumer());
        (example, removed)
    })
}

/// Returns the events after each call that a consumer must be waited for, up to the next call: the time of
/// the call, the looks, and the time of the next call or of the end of the run.
fn waits(fake: &FakeAws, end: Duration) -> Vec<(String, Duration, Vec<bool>, Duration)> {
    let timeline = fake.timeline.borrow();
    let mut found = Vec::new();
    for (n, (time, event)) in timeline.iter().enumerate() {
        let Event::Call(Call::Consumer(call)) = event else {
            continue;
        };
        if call.effect() == Effect::Marks {
            continue;
        }
        let mut looks = Vec::new();
        let mut until = end;
        for (later, event) in &timeline[n + 1..] {
            match event {
                Event::Look(current) => looks.push(*current),
                Event::Call(Call::Consumer(_)) => {
                    until = *later;
                    break;
                }
                Event::Call(_) => {}
            }
        }
        found.push((call.operation().to_owned(), *time, looks, until));
    }
    found
}

/// Makes a run, and checks every wait of it.
fn run(
    wrong: &mut Wrong,
    about: &str,
    stack: &mut Stack,
    desired: &Desired,
    check: impl Fn(Duration, &[bool], Duration) -> bool,
) -> usize {
    stack.fake.timeline.borrow_mut().clear();
    wrong.run(about, stack, desired);
    let all = waits(&stack.fake, stack.clock());
    for (operation, called, looks, until) in &all {
        wrong.check(about, operation, check(*called, looks, *until), || {
            format!("called at {called:?}, ended at {until:?}, looks {looks:?}")
        });
    }
    all.len()
}

/// While reads are stale, no wait ends, whatever the kind: neither for a new consumer, nor for a changed one,
/// nor for a deleted one.
#[test]
fn a_stale_answer_ends_no_wait() {
    let (mut wrong, mut kinds) = (Wrong::default(), 0);
    for (Example { name, first, changed }, removed) in with_consumers() {
        let mut stack = stack(super::Lag(LAG.as_secs(), None));
        for (what, desired) in [("first", &first), ("changed", &changed), ("removed", &removed)] {
            let about = format!("{name}, {what}");
            let ends_late = |called, _: &[bool], until| until >= called + LAG;
            let waits = run(&mut wrong, &about, &mut stack, desired, ends_late);
            // The settings of a Region or a bucket stay.
            let stays = ["ebs_default", "s3_bucket"].contains(&name) && what == "removed";
            wrong.check(&about, "no wait", waits > 0 || stays, String::new);
            stack.wait(LAG.as_secs());
        }
        kinds += 1;
    }
    assert_eq!(kinds, kmsctl::kind::ConsumerKind::ALL.len());
    wrong.report();
}

/// While reads show the old and the new contents at random, two answers in a row must agree.
#[test]
fn one_current_answer_ends_no_wait() {
    let mut wrong = Wrong::default();
    for seed in 1..=6 {
        for (Example { name, first, changed }, removed) in with_consumers() {
            let mut stack = stack(super::Lag(LAG.as_secs(), Some(seed)));
            for (what, desired) in [("first", &first), ("changed", &changed), ("removed", &removed)]
            {
                let about = format!("{name}, {what}, {seed}");
                let twice = |_, looks: &[bool], _| looks.ends_with(&[true, true]);
                run(&mut wrong, &about, &mut stack, desired, twice);
                stack.wait(LAG.as_secs());
            }
        }
    }
    wrong.report();
}

/// The old key of a consumer is deleted in the plan that gives the consumer another key.
#[test]
fn an_old_key_is_deleted_only_after_aws_shows_the_new_one() {
    let mut wrong = Wrong::default();
    let mut tried = Vec::new();
    for (Example { name, first, changed }, _) in with_consumers() {
        let mut last = changed.clone();
        last.resources.retain(|address, _| address.name != "a");
        let refers = |desired: &Desired| {
            let specs = desired.resources.values().map(|declared| &declared.spec);
            specs.flat_map(|spec| spec.refs()).any(|key| key.to_string() == "key/a")
        };
        if refers(&last) {
            continue;
        }
        tried.push(name);
        for seed in [None, Some(1), Some(2)] {
            let about = format!("{name}, {seed:?}");
            let mut stack = stack(super::Lag(LAG.as_secs(), seed));
            wrong.run(&about, &mut stack, &first);
            stack.wait(LAG.as_secs());
            stack.fake.timeline.borrow_mut().clear();
            wrong.run(&about, &mut stack, &last);
            let timeline = stack.fake.timeline.borrow();
            let deletes = |event: &Event| {
                matches!(event, Event::Call(Call::Key(key::Call::ScheduleKeyDeletion(_))))
            };
            let deleted = timeline.iter().position(|(_, event)| deletes(event));
            let Some(deleted) = deleted else {
                wrong.check(&about, "the key", false, || format!("not deleted: {timeline:?}"));
                continue;
            };
            let moves = |event: &Event| match event {
                Event::Call(Call::Consumer(call)) => call.goal() == Some(Goal::Ready),
                Event::Call(_) | Event::Look(_) => false,
            };
            let moved = timeline.iter().rposition(|(_, event)| moves(event)).unwrap();
            let looks: Vec<bool> = timeline[moved..deleted]
                .iter()
                .filter_map(|(_, event)| match event {
                    Event::Look(current) => Some(*current),
                    Event::Call(_) => None,
                })
                .collect();
            let (before, after) = (timeline[moved].0, timeline[deleted].0);
            let is_late = seed.is_some() || after >= before + LAG;
            let is_right = moved < deleted && is_late && looks.ends_with(&[true, true]);
            wrong
                .check(&about, "too early", is_right, || format!("{before:?} {after:?} {looks:?}"));
        }
    }
    assert_eq!(tried, ["ebs_default", "s3_bucket", "cloudtrail_trail", "dynamodb_table"]);
    wrong.report();
}

/// A resource that vanishes, and one that breaks, is reported once AWS has shown nothing else for a while.
#[test]
fn a_failure_is_believed_once_it_is_the_only_answer() {
    let dynamodb = examples().into_iter().find(|example| example.name == "dynamodb_table");
    let Example { first, changed, .. } = dynamodb.unwrap();
    let mut stack = Stack::new(1);
    stack.applied(&first);
    stack.meanwhile.set(Some(Box::new(|fake: &FakeAws| {
        let mut shelves = fake.shelves.borrow_mut();
        for held in shelves.values_mut().flat_map(|shelf| shelf.values_mut()) {
            held.object.phase = kmsctl::kind::Phase::Broken("ARCHIVED".to_owned());
        }
    })));
    let began = stack.clock();
    let (_, ended) = stack.run(&changed);
    assert!(format!("{:?}", ended.failed).contains("ARCHIVED"), "{ended:?}");
    let took = stack.clock() - began;
    assert!((60..200).contains(&took.as_secs()), "{took:?}");
}
