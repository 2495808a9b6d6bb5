//! Rotations on demand: which key is rotated, what is refused, and what happens if an answer is lost.

use crate::consumers::desired;
use crate::fake::Faults;
use crate::replicas;
use crate::world::Stack;
use kmsctl::answer::CloudError;
use kmsctl::engine::rotate::{Outlook, Rotated, outlook, rotate};
use kmsctl::id::KeyArn;
use kmsctl::kind::key::{Material, PastRotation};
use proptest::prelude::*;
use std::time::Duration;

/// The time for which a rotation is looked for whose answer was lost.
const PATIENCE: Duration = Duration::from_secs(10);

fn stack(seed: u64, keys: &str) -> Stack {
    let mut stack = Stack::new(seed);
    stack.applied(&desired(&format!("stack: stack\nregion: eu-central-1\nkeys: {keys}\n")));
    stack
}

fn look(stack: &Stack, key: &KeyArn) -> Outlook {
    stack.block_on(outlook(&stack.fake, &stack.options, key)).unwrap()
}

fn sent(stack: &Stack, before: &Outlook) -> Result<Rotated, CloudError> {
    stack.block_on(rotate(&stack.fake, &stack.options, before, PATIENCE))
}

/// Returns how often KMS has rotated a key.
fn executed(stack: &Stack, key: &KeyArn) -> usize {
    stack.fake.rotations.borrow().get(key.id()).map_or(0, |rotating| rotating.executed)
}

#[test]
fn a_rotation_is_made_once_and_counted() {
    let stack = stack(1, "{a: {}}");
    let key = stack.fake.key("a").meta.arn;
    let before = look(&stack, &key);
    assert_eq!((before.rotations.left(), &before.obstacle, &before.key), (25, &None, &key));
    assert_eq!(sent(&stack, &before).unwrap(), Rotated::Begun);
    let during = look(&stack, &key).obstacle.unwrap();
    assert!(during.reason.contains("in progress since"), "{during:?}");
    stack.wait(10);
    let after = look(&stack, &key);
    assert_eq!((after.rotations.left(), after.obstacle), (24, None));
    assert_eq!(executed(&stack, &key), 1);
    // Nothing else has changed.
    let same = desired("stack: stack\nregion: eu-central-1\nkeys: {a: {}}\n");
    stack.settled(&same);
}

#[test]
fn the_last_rotation_is_the_twenty_fifth() {
    let stack = stack(2, "{a: {}}");
    let key = stack.fake.key("a").meta.arn;
    let past = |way: &str| {
        let (date, way) = ("2026-01-01T00:00:00Z".to_owned(), way.to_owned());
        let rotation = PastRotation { date, way, key_material_id: None };
        Material { state: None, rotation: Some(rotation) }
    };
    let before = look(&stack, &key);
    let materials: Vec<Material> =
        (0..48).map(|n| past(if n % 2 == 0 { "ON_DEMAND" } else { "AUTOMATIC" })).collect();
    stack.fake.rotations.borrow_mut().entry(key.id().to_owned()).or_default().materials = materials;
    let last = look(&stack, &key);
    assert_eq!((last.rotations.left(), &last.obstacle), (1, &None));
    assert_eq!(sent(&stack, &last).unwrap(), Rotated::Begun);
    stack.wait(10);
    let none = look(&stack, &key).obstacle.unwrap();
    assert!(none.reason.contains("25 rotations on demand"), "{none:?}");
    // KMS refuses it, too.
    assert!(sent(&stack, &before).is_err());
    assert_eq!(executed(&stack, &key), 1);
}

#[test]
fn the_primary_key_is_rotated_and_not_a_replica() {
    let mut stack = Stack::new(3);
    stack.applied(&desired(&replicas::text("one", true)));
    let replica = stack.fake.key("m/eu-west-1").meta.arn;
    let before = look(&stack, &replica);
    assert_eq!(before.key, stack.fake.key("m").meta.arn);
    assert_eq!(sent(&stack, &before).unwrap(), Rotated::Begun);
    // The primary key has moved.
    stack.fake.fail_over("m", "eu-west-1");
    stack.wait(10);
    assert_eq!(look(&stack, &stack.fake.key("m").meta.arn).key, replica);
}

#[test]
fn no_request_about_rotations_is_sent_for_a_key_that_never_rotates() {
    let stack = stack(4, "{a: {spec: RSA_2048, usage: SIGN_VERIFY}, b: {enabled: false}}");
    for (name, said) in [("a", "RSA_2048"), ("b", "Disabled")] {
        let refused = look(&stack, &stack.fake.key(name).meta.arn).obstacle.unwrap();
        assert!(refused.reason.contains(said), "{refused:?}");
    }
    assert_eq!(stack.fake.count("ListKeyRotations"), 0);
}

proptest! {
    /// Each execution uses up one of 25 rotations: whatever happens to the answers, KMS executes at most one.
    #[test]
    fn a_call_is_never_executed_twice(
        seed in any::<u64>(),
        lose_answers in prop_oneof![Just(0), Just(100), 0..100_u64],
        fail500 in prop_oneof![Just(0), Just(100), 0..100_u64],
        throttle in 0..90_u64,
        reads in any::<bool>(),
    ) {
        let stack = stack(seed, "{a: {}}");
        let key = stack.fake.key("a").meta.arn;
        let before = look(&stack, &key);
        *stack.fake.faults.borrow_mut() = Faults { lose_answers, fail500, throttle, reads, ..Faults::default() };
        let ended = sent(&stack, &before);
        let executed = executed(&stack, &key);
        match ended {
            Ok(Rotated::Begun) => prop_assert_eq!(executed, 1),
            Ok(Rotated::Unknown) => prop_assert!(executed <= 1),
            Err(_) => prop_assert_eq!(executed, 0),
        }
        // What KMS executed is seen, unless it does not answer.
        if executed == 1 && !reads {
            prop_assert_eq!(ended.unwrap(), Rotated::Begun);
        }
    }
}
