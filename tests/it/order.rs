//! The order of deletions, independent of the order in which a run begins its steps.

use crate::build::{Declare, empty, key_at, storage};
use crate::world::Stack;

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
