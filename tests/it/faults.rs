//! Runs with frequent errors of the network and of AWS.

use crate::build::{Declare, empty};
use crate::consumers::CASES;
use crate::fake::Faults;
use crate::lag::without_consumers;
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::retry::RetryPolicy;
use std::time::Duration;

fn twenty() -> Desired {
    (0..20).fold(empty(), |desired, n| {
        let name = format!("k{n}");
        desired.key(&name, |_| {}).alias(&name, &name).grant(&name, "g", &["Decrypt"])
    })
}

fn converges(faults: &Faults) {
    for seed in 0..6 {
        let mut stack = Stack::new(seed);
        *stack.fake.faults.borrow_mut() = faults.clone();
        let (_, ended) = stack.run(&twenty());
        assert!(ended.is_complete(), "seed {seed}: {:#?}", ended.failed);
        *stack.fake.faults.borrow_mut() = Faults::default();
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (20, 20), "seed {seed}");
        stack.settled(&twenty());
    }
}

#[test]
fn one_answer_in_ten_is_lost() {
    converges(&Faults { lose_answers: 10, ..Faults::default() });
}

#[test]
fn three_calls_in_ten_are_throttled() {
    converges(&Faults { throttle: 30, ..Faults::default() });
}

#[test]
fn three_calls_in_ten_are_answered_with_500() {
    converges(&Faults { fail500: 30, ..Faults::default() });
}

#[test]
fn all_faults_at_once_are_handled() {
    converges(&Faults { lose_answers: 10, throttle: 30, fail500: 30, ..Faults::default() });
}

#[test]
fn reads_that_fail_are_repeated() {
    let (lose_answers, throttle, fail500) = (10, 30, 10);
    converges(&Faults { lose_answers, throttle, fail500, reads: true, ..Faults::default() });
}

/// Eight requests in ten are throttled, reads too.
fn finishes_twenty_keys(retry: &RetryPolicy) {
    for seed in 0..4 {
        let mut stack = Stack::new(seed);
        stack.options.retry.clone_from(retry);
        *stack.fake.faults.borrow_mut() = Faults::throttling("kms", 80);
        let (_, ended) = stack.run(&twenty());
        assert!(ended.is_complete(), "seed {seed}: {:#?}", ended.failed);
        stack.fake.faults.borrow_mut().throttled.clear();
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (20, 20), "seed {seed}");
        assert_eq!(stack.fake.aliases_total(), 20);
        stack.settled(&twenty());
    }
}

#[test]
fn twenty_keys_are_finished_although_most_requests_are_throttled() {
    finishes_twenty_keys(&Stack::new(0).options.retry);
}

#[test]
fn twenty_keys_are_finished_with_the_retries_of_the_program() {
    finishes_twenty_keys(&RetryPolicy::default());
}

/// A service throttles most requests while its resources are created, changed, deleted and planned.
#[test]
fn a_service_that_throttles_does_not_fail_a_run() {
    for case in CASES {
        let mut stack = Stack::new(1);
        let faults = Faults::throttling(case.kind.facts().service, 80);
        *stack.fake.faults.borrow_mut() = faults;
        let none = without_consumers(&case.free(case.text));
        for desired in [case.free(case.text), case.free(case.changed), none] {
            stack.applied(&desired);
            stack.settled(&desired);
        }
    }
}

/// A request to stop reaches the calls that wait for a quota, and those that are repeated after a pause.
#[test]
fn a_run_that_is_asked_to_stop_does_not_wait_for_a_quota() {
    let (wait, throttle) = (Faults { quota: 3600, ..Faults::default() }, 100);
    for faults in [wait, Faults { throttle, ..Faults::default() }] {
        let mut stack = Stack::new(1);
        *stack.fake.faults.borrow_mut() = faults;
        stack.stop_at.set(Some(Duration::from_secs(60)));
        let (_, ended) = stack.run(&twenty());
        assert!(ended.stopped && ended.finished.is_empty(), "{ended:?}");
        let seconds = stack.clock().as_secs();
        assert!((60..70).contains(&seconds), "{seconds} s");
        assert_eq!(stack.fake.keys_total(), 0);
        *stack.fake.faults.borrow_mut() = Faults::default();
        stack.stop_at.set(None);
        stack.applied(&twenty());
        stack.settled(&twenty());
    }
}
