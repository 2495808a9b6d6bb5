//! Runs with frequent errors of the network and of AWS.

use crate::build::{Declare, empty};
use crate::fake::Faults;
use crate::world::Stack;
use kmsctl::desired::Desired;

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
