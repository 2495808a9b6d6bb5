//! The order of deletions, independent of the order in which a run begins its steps.

use crate::build::{Declare, empty, key_at, storage};
use crate::world::Stack;
use kmsctl::plan::order::{Queue, held_up};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn a_key_is_deleted_after_its_aliases_and_grants_in_any_order() {
    for seed in 0..20 {
        let mut stack = Stack::new(seed);
        let two = storage().alias("moves", "storage").key("other", |_| {});
        stack.applied(&two);
        let from = stack.fake.log.borrow().len();
        let one = empty().key("other", |_| {}).alias("moves", "other");
        stack.applied(&one);
        stack.settled(&one);
        let changes = stack.fake.changes_since(from);
        assert_eq!(changes.last().unwrap(), "ScheduleKeyDeletion", "seed {seed}: {changes:?}");
        assert_eq!(changes.len(), 4, "{changes:?}");
    }
}

#[test]
fn a_key_whose_grant_cannot_be_revoked_is_not_deleted() {
    let mut stack = Stack::new(1);
    stack.applied(&storage());
    let denied = ("RevokeGrant".to_owned(), "*".to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let (_, ended) = stack.run(&empty());
    assert_eq!((ended.failed.len(), ended.left.as_slice()), (1, &[key_at("storage")][..]));
    assert_eq!(stack.fake.key("storage").meta.state, "Enabled");
    stack.fake.faults.borrow_mut().denied.clear();
    stack.applied(&empty());
    stack.settled(&empty());
}

proptest! {
    /// The steps that wait for a failed one are exactly those that the queue never gives out again.
    #[test]
    fn what_a_failed_step_holds_up_never_becomes_ready(keys in 1..4_usize, failing in any::<prop::sample::Index>()) {
        let names: Vec<String> = (0..keys).map(|n| format!("k{n}")).collect();
        let desired = names.iter().fold(empty(), |all, name| {
            all.key(name, |_| {}).alias(name, name).grant(name, "g", &["Decrypt"])
        });
        let stack = Stack::new(1);
        let plan = stack.plan_only(&desired);
        let failed = &plan.steps[failing.index(plan.steps.len())].address;
        let mut queue = Queue::new(&plan.steps);
        let mut ran = BTreeSet::new();
        while let Some(item) = queue.ready().first().copied() {
            queue.take(item);
            let address = &plan.steps[item.step].address;
            ran.insert(address.clone());
            if address == failed { queue.fail(item) } else { queue.finish(item) }
        }
        let expected: BTreeSet<_> =
            plan.steps.iter().map(|step| step.address.clone()).filter(|a| !ran.contains(a)).collect();
        let held = held_up(&plan.steps, &[failed]);
        prop_assert!(held.values().all(|cause| cause == failed));
        prop_assert_eq!(held.into_keys().collect::<BTreeSet<_>>(), expected);
    }
}
