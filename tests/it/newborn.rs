//! New keys, which are not visible to all calls at once, and whose policies may need the key's ARN.

use crate::build::{ACCOUNT, Declare, empty, key_at, role, storage};
use crate::fake::{Faults, Kill, NOW};
use crate::record::steps;
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::policy::Document;

#[test]
fn a_run_waits_for_a_new_key_that_is_not_visible_yet() {
    for unseen in [1, 3, 10] {
        let mut stack = Stack::new(unseen);
        stack.fake.faults.borrow_mut().unseen = unseen;
        stack.applied(&storage());
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1));
        assert_eq!(stack.fake.count("CreateKey"), 1);
        stack.settled(&storage());
    }
}

/// Returns a key that is created by one call. Its alias and its grant are created while it is not
/// visible yet.
fn plain() -> Desired {
    storage().key("storage", |key| key.rotation = None)
}

#[test]
fn lost_answers_about_an_invisible_key_create_no_second_one() {
    for seed in 0..20 {
        let mut stack = Stack::new(seed);
        let faults = Faults { unseen: 4, lose_answers: 60, ..Faults::default() };
        *stack.fake.faults.borrow_mut() = faults;
        stack.applied(&plain());
        *stack.fake.faults.borrow_mut() = Faults::default();
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1), "seed {seed}");
        stack.settled(&plain());
    }
}

#[test]
fn a_run_killed_while_its_key_is_invisible_creates_no_second_one() {
    for call in 1..=4 {
        for kill in [Kill::Before, Kill::After] {
            let mut stack = Stack::new(3);
            assert!(stack.run_until(&storage(), Some((call, kill))).is_none(), "{call} {kill:?}");
            stack.later.set(1);
            for left in stack.fake.unseen.borrow_mut().values_mut() {
                *left = 3;
            }
            stack.applied(&storage());
            assert_eq!(
                (stack.fake.keys_total(), stack.fake.grants_total()),
                (1, 1),
                "{call} {kill:?}"
            );
            stack.settled(&storage());
        }
    }
}

/// Returns a key with its own ARN in its policy, as in AWS's examples of policies about grants.
fn selfish() -> Desired {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "root", "Effect": "Allow", "Principal": {{"AWS": "{ACCOUNT}"}},
              "Action": "kms:*", "Resource": "*"}},
            {{"Sid": "app", "Effect": "Allow", "Principal": {{"AWS": "{}"}},
              "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "${{aws.key_arn}}"}}]}}"#,
        role("app")
    );
    let policy = Document::from_live(&text, "aws").expect("a policy");
    storage().key("storage", |key| key.policy = Some(policy))
}

#[test]
fn a_policy_with_the_keys_own_arn_is_set_after_the_key_is_created() {
    let mut stack = Stack::new(1);
    let plan = stack.applied(&selfish());
    let step = plan.steps.iter().find(|step| step.address == key_at("storage")).unwrap();
    let calls: Vec<_> = step.calls.iter().map(|planned| planned.call.request()).collect();
    let names: Vec<&str> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["CreateKey", "PutKeyPolicy", "EnableKeyRotation"]);
    assert!(calls[0].1.get("Policy").is_none(), "AWS's own policy until then: {:?}", calls[0].1);
    assert_eq!(stack.fake.changes_since(0)[..2], ["CreateKey", "PutKeyPolicy"]);
    let key = stack.fake.key("storage");
    let policy = key.policy.to_string();
    assert!(policy.contains(&key.meta.arn.to_string()) && !policy.contains("${"), "{policy}");
    stack.settled(&selfish());
    stack.state = lineage("two");
    stack.applied(&selfish());
    stack.settled(&selfish());
    assert_eq!((stack.fake.count("CreateKey"), stack.fake.count("PutKeyPolicy")), (1, 1));
}

#[test]
fn a_policy_with_the_keys_own_arn_is_set_after_a_kill() {
    for (call, kill) in [(1, Kill::After), (2, Kill::Before), (2, Kill::After)] {
        let mut stack = Stack::new(1);
        assert!(stack.run_until(&selfish(), Some((call, kill))).is_none());
        stack.applied(&selfish());
        let key = stack.fake.key("storage");
        assert!(key.policy.to_string().contains(&key.meta.arn.to_string()), "{}", key.policy);
        assert_eq!(stack.fake.keys_total(), 1);
        stack.settled(&selfish());
        assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
    }
}

/// An earlier run left a call open, and its key has been deleted since.
#[test]
fn an_open_call_on_a_deleted_key_is_settled() {
    for (before, after, call) in
        [(empty(), storage(), 4), (empty(), storage(), 3), (storage(), empty(), 3)]
    {
        let mut stack = Stack::new(3);
        stack.applied(&before);
        assert!(stack.run_until(&after, Some((call, Kill::After))).is_none());
        for region in stack.fake.regions.borrow_mut().values_mut() {
            region.keys.clear();
            region.aliases.clear();
        }
        // Only a person can confirm that a key is deleted.
        let (plan, _) = stack.run(&after);
        assert_eq!(stack.fake.keys_total(), 0);
        for blocked in plan.blocked {
            stack.state.records.remove(&blocked.address);
        }
        stack.applied(&after);
        stack.settled(&after);
    }
}

/// The record is lost, and the first reads of the key do not find it. Its alias refers to it.
#[test]
fn a_key_that_is_not_found_at_first_is_not_made_twice() {
    for unseen in 1..12 {
        let mut stack = Stack::new(1);
        stack.fake.created.set(NOW);
        stack.applied(&storage());
        stack.state = lineage("two");
        let id = stack.fake.key("storage").meta.arn.id().to_owned();
        stack.fake.unseen.borrow_mut().insert(id, unseen);
        let plan = stack.applied(&storage());
        assert_eq!(steps(&plan), [""; 0], "{unseen}");
    }
}

/// A run was killed after it had created the key. The plan of the next run finds the key, and a call of that
/// run does not.
#[test]
fn the_run_after_a_kill_waits_for_the_new_key() {
    for unseen in [1, 3, 10] {
        let mut stack = Stack::new(unseen);
        stack.fake.created.set(NOW);
        assert!(stack.run_until(&storage(), Some((1, Kill::After))).is_none());
        stack.meanwhile.set(Some(Box::new(move |fake| {
            let id = fake.key("storage").meta.arn.id().to_owned();
            fake.unseen.borrow_mut().insert(id, unseen);
        })));
        stack.applied(&storage());
        stack.settled(&storage());
    }
}
