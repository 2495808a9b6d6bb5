//! What a run waits for, and what it does not wait for because no time changes it.

use crate::consumers::desired;
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::ConsumerKind;
use std::time::Duration;

fn declared() -> Desired {
    desired(
        "stack: stack\nregion: eu-central-1\nkeys: {a: {protect: false}}\n\
         ebs: {volumes: {data: {availability_zone: eu-central-1a, size_gib: 1, key: a, protect: false}}}\n",
    )
}

/// Returns the time that a plan takes.
fn time_of_plan(stack: &Stack) -> Duration {
    let before = stack.clock();
    stack.plan_only(&declared());
    stack.clock() - before
}

#[test]
fn a_resource_that_is_missing_is_waited_for_only_if_it_may_be_new() {
    let mut stack = Stack::new(5);
    stack.applied(&declared());
    let mut shelves = stack.fake.shelves.borrow_mut();
    for ((kind, _), shelf) in shelves.iter_mut() {
        if *kind == ConsumerKind::EbsVolume {
            shelf.clear();
        }
    }
    drop(shelves);
    assert!(time_of_plan(&stack) >= Duration::from_secs(15), "AWS may not show it yet");
    stack.wait(300);
    assert!(time_of_plan(&stack) < Duration::from_secs(5), "{:?}", time_of_plan(&stack));
}

#[test]
fn a_denial_by_the_service_itself_is_not_waited_for() {
    let mut stack = Stack::new(5);
    let denied = ("CreateVolume".to_owned(), "denied".to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let before = stack.clock();
    let (_, ended) = stack.run(&declared());
    let errors: Vec<String> = ended.failed.iter().map(|(_, error)| error.to_string()).collect();
    assert!(errors.iter().any(|error| error.contains("ec2:CreateVolume")), "{errors:?}");
    assert!(stack.clock() - before < Duration::from_secs(60), "{:?}", stack.clock() - before);
    assert!(stack.told.borrow().iter().all(|told| !told.contains("denied")), "{:?}", stack.told);
}
