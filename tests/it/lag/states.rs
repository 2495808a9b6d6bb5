//! Calls about a key that was changed a moment ago: KMS knows the state of a key, and who may use it, with a
//! delay.

use super::{FLAPPING, STALE, Wrong, examples, stack};
use crate::build::{Declare, address, empty};
use crate::fake::{Event, Faults};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::key::Rotation;
use kmsctl::kind::{Call, Kind, key};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// The age in seconds at which a key no longer counts as new.
const OLD: u64 = 300;

/// Returns a key with an alias and a grant.
fn keyed(change: impl Fn(&mut key::Spec)) -> Desired {
    let mut desired = empty().key("k", change).alias("k", "k").grant("k", "g", &["Decrypt"]);
    desired.resources.values_mut().for_each(|declared| declared.protect = false);
    desired
}

/// Returns the forms of a key, each of which is reached from the one before.
fn forms() -> Vec<(&'static str, Desired)> {
    let disabled = |spec: &mut key::Spec| {
        spec.enabled = Some(false);
        spec.rotation = Some(Rotation::Off);
    };
    let changed = |spec: &mut key::Spec| {
        spec.description = Some("changed".to_owned());
        spec.rotation = Some(Rotation::EveryDays(100));
        spec.tags.insert("more".to_owned(), "tags".to_owned());
        spec.tags.remove("team");
        spec.policy = Some(crate::build::policy(true, &["app", "other"]));
    };
    let without = |desired: Desired| desired.without(&address(Kind::Grant, "k/g"));
    vec![
        ("created", keyed(|_| {})),
        ("disabled", without(keyed(disabled))),
        ("enabled and changed", keyed(changed)),
        ("other rotation", keyed(|_| {})),
        ("disabled again", without(keyed(disabled))),
        ("enabled, with a rotation and a grant", keyed(|_| {})),
        ("deleted", empty()),
        ("kept after all", keyed(changed)),
    ]
}

/// Every form is reached in one run while calls find keys as they were, whatever changed them.
#[test]
fn a_key_that_was_changed_a_moment_ago_can_be_changed_further() {
    let (mut wrong, mut calls) = (Wrong::default(), BTreeSet::new());
    for lag in STALE.into_iter().chain(FLAPPING) {
        let mut stack = stack(lag);
        stack.fake.faults.borrow_mut().calls_lag = true;
        for (name, desired) in forms() {
            wrong.run(&format!("{name}, {lag:?}"), &mut stack, &desired);
            stack.wait(OLD);
        }
        let timeline = stack.fake.timeline.borrow();
        calls.extend(timeline.iter().filter_map(|(_, event)| match event {
            Event::Call(call) => Some(call.operation()),
            Event::Look(_) => None,
        }));
    }
    wrong.report();
    for operation in ["CancelKeyDeletion", "EnableKey", "EnableKeyRotation", "DisableKeyRotation"] {
        assert!(calls.contains(operation), "{calls:?}");
    }
}

/// The services and KMS itself know a key late.
#[test]
fn every_example_is_created_and_changed_while_calls_find_keys_as_they_were() {
    let mut wrong = Wrong::default();
    for example in examples() {
        for lag in STALE.into_iter().chain(FLAPPING) {
            let about = format!("{}, {lag:?}", example.name);
            let mut stack = stack(lag);
            stack.fake.faults.borrow_mut().calls_lag = true;
            for desired in [&example.first, &example.changed] {
                wrong.run(&about, &mut stack, desired);
                stack.wait(OLD);
                wrong.changes_nothing(&about, &mut stack, desired);
            }
        }
    }
    wrong.report();
}

/// A change of a policy, of grants, tags or aliases is known everywhere only minutes later. Until then calls are
/// denied.
#[test]
fn calls_that_are_denied_after_a_change_of_the_key_are_repeated() {
    for (denied, patience, is_complete) in [(240, 300, true), (60, 30, false)] {
        let mut stack = Stack::new(1);
        stack.options.patience = Duration::from_secs(patience);
        stack.fake.faults.borrow_mut().denied_after = denied;
        let (_, ended) = stack.run(&keyed(|_| {}));
        assert_eq!(ended.is_complete(), is_complete, "{:?}", ended.failed);
        let told = stack.told.borrow().iter().cloned().collect::<Vec<_>>().join("\n");
        assert!(told.contains("applies everywhere only after up to five minutes"), "{told}");
        assert!(told.contains(&format!("retrying for up to {patience} s")), "{told}");
        for (_, error) in ended.failed {
            let text = error.to_string();
            assert!(text.contains("up to five minutes") && text.contains("--patience"), "{text}");
        }
    }
}

/// A call about a key that nobody changed is denied for good.
#[test]
fn a_denial_without_a_change_is_final() {
    let mut stack = Stack::new(1);
    stack.applied(&keyed(|_| {}));
    *stack.fake.faults.borrow_mut() = Faults {
        denied: [("UpdateKeyDescription".to_owned(), "*".to_owned())].into(),
        ..Faults::default()
    };
    stack.wait(3600);
    let began = stack.clock();
    let changed = keyed(|spec| spec.description = Some("other".to_owned()));
    let (_, ended) = stack.run(&changed);
    assert_eq!(ended.failed.len(), 1);
    assert!(!ended.failed[0].1.to_string().contains("patience"), "{}", ended.failed[0].1);
    assert!(stack.clock() - began < Duration::from_secs(20));
}

/// Every call of KMS that changes anything counts as a change of its key.
#[test]
fn every_call_of_kms_changes_a_key() {
    let read = |kind: &str, operation: &str, parameters: serde_json::Value| {
        serde_json::from_value::<Call>(json!({ kind: { operation: parameters } })).unwrap()
    };
    let id = "key/a";
    let grant = json!({"KeyId": id, "Name": "n", "GranteePrincipal": "p", "Operations": []});
    let alias = json!({"AliasName": "alias/a", "TargetKeyId": id});
    let calls = [
        read("key", "CreateKey", json!({"Tags": []})),
        read("key", "ReplicateKey", json!({"KeyId": id, "ReplicaRegion": "eu-west-1", "Tags": []})),
        read("key", "CancelKeyDeletion", json!({})),
        read("key", "ScheduleKeyDeletion", json!({"PendingWindowInDays": 7})),
        read("key", "EnableKey", json!({})),
        read("key", "DisableKey", json!({})),
        read("key", "UpdateKeyDescription", json!({"Description": ""})),
        read(
            "key",
            "PutKeyPolicy",
            json!({"PolicyName": "default", "Policy": "{\"Statement\": []}"}),
        ),
        read("key", "TagResource", json!({"Tags": []})),
        read("key", "UntagResource", json!({"TagKeys": []})),
        read("key", "EnableKeyRotation", json!({"RotationPeriodInDays": 90})),
        read("key", "DisableKeyRotation", json!({})),
        read(
            "key_policy",
            "PutKeyPolicy",
            json!({"KeyId": id, "PolicyName": "default", "Policy": "{\"Statement\": []}"}),
        ),
        read("alias", "CreateAlias", alias.clone()),
        read("alias", "UpdateAlias", alias),
        read("alias", "DeleteAlias", json!({"AliasName": "alias/a"})),
        read("grant", "CreateGrant", grant),
        read("grant", "RevokeGrant", json!({"KeyId": id, "GrantId": "g"})),
    ];
    for call in calls {
        assert!(call.service() == "kms" && call.changes_key(), "{}", call.operation());
    }
}
