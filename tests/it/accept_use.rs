//! Keys that are or may be in use are neither disabled nor deleted, unless the configuration accepts that.

use crate::build::{home, key_at};
use crate::consumers::{desired, operations};
use crate::fake::{NOW, make_bucket};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::impact::LastUsage;
use kmsctl::kind::ConsumerKind;
use kmsctl::plan::Plan;

const DAY: u64 = 24 * 60 * 60;

/// Returns a stack with a key, its alias and its grant, and perhaps a volume.
fn declared(key: &str, more: &str) -> Desired {
    desired(&format!("stack: stack\nregion: eu-central-1\n{key}{more}"))
}

const KEY: &str = "keys: {a: {protect: false, aliases: [app], grants: {job: {grantee: role/Job, operations: [Decrypt]}}}}\n";
const DISABLED: &str = "keys: {a: {protect: false, enabled: false, aliases: [app], \
                        grants: {job: {grantee: role/Job, operations: [Decrypt]}}}}\n";
const VOLUME: &str = "ebs: {volumes: {data: {availability_zone: eu-central-1a, size_gib: 1, key: a, protect: false}}}\n";
const ACCEPTED: &str = "accept_use: [{address: key/a, reason: compromised}]\n";

fn applied(more: &str) -> Stack {
    let mut stack = Stack::new(3);
    stack.applied(&declared(KEY, more));
    stack
}

fn used(stack: &Stack, days_ago: u64) {
    let id = stack.fake.key("a").meta.arn.id().to_owned();
    let usage = LastUsage {
        when: Some("2026-11-26T00:00:00Z".to_owned()),
        seconds: Some(NOW - days_ago * DAY),
        operation: Some("Decrypt".to_owned()),
        recorded_since: None,
    };
    stack.fake.faults.borrow_mut().used.insert(id, usage);
}

fn deny(stack: &Stack, operation: &str, service: &str) {
    let denied = (operation.to_owned(), service.to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
}

/// Returns why the key is blocked.
fn blocked(plan: &Plan) -> &str {
    let mut all = plan.blocked.iter();
    let key = all.find(|blocked| blocked.address == key_at("a"));
    key.map_or("", |blocked| &blocked.reason)
}

fn risk(plan: &Plan) -> &str {
    let step = plan.steps.iter().find(|step| step.address == key_at("a")).unwrap();
    step.risk.as_deref().unwrap_or_default()
}

#[test]
fn a_use_within_seven_days_blocks_disabling_and_deletion() {
    let stack = applied("");
    used(&stack, 6);
    for (key, operation) in [("keys: {}\n", "ScheduleKeyDeletion"), (DISABLED, "DisableKey")] {
        let plan = stack.plan_only(&declared(key, ""));
        let reason = "the key may be in use: it was used 2026-11-26T00:00:00Z for Decrypt, within the last 7 days";
        assert_eq!(blocked(&plan), reason);
        assert_eq!(operations(&plan), [""; 0], "the alias and the grant stay");
        let plan = stack.plan_only(&declared(key, ACCEPTED));
        assert_eq!(blocked(&plan), "");
        assert!(operations(&plan).contains(&operation), "{plan:#?}");
        let risk = risk(&plan);
        assert!(risk.contains("last used 2026-11-26T00:00:00Z"), "{risk}");
        assert!(risk.ends_with("accepted by `accept_use`: compromised"), "{risk}");
    }
    used(&stack, 8);
    let mut plan = stack.plan_only(&declared("keys: {}\n", ""));
    assert_eq!(blocked(&plan), "");
    let is_unchecked =
        |plan: &Plan| plan.unchecked.iter().any(|text| text.contains("other accounts and Regions"));
    assert!(is_unchecked(&plan), "{:?}", plan.unchecked);
    // A plan of targets that deletes no key does not say what is not checked before a deletion.
    let mut of_key = plan.clone();
    of_key.narrow(&["key/a".to_owned()]);
    assert!(is_unchecked(&of_key), "{:?}", of_key.unchecked);
    plan.narrow(&["key/b".to_owned()]);
    assert!(!is_unchecked(&plan), "{:?}", plan.unchecked);
}

#[test]
fn a_compromised_key_is_disabled_in_one_step() {
    let mut stack = applied(VOLUME);
    used(&stack, 0);
    let plan = stack.plan_only(&declared(DISABLED, VOLUME));
    assert!(blocked(&plan).starts_with("the key is in use: EBS volume"), "{}", blocked(&plan));
    let help = &plan.blocked[0].help;
    assert!(help.contains("accept_use: [{address: key/a, reason: ...}]"), "{help}");
    let all = declared(DISABLED, &format!("{VOLUME}{ACCEPTED}"));
    let plan = stack.plan_only(&all);
    assert_eq!(operations(&plan), ["DisableKey"], "{plan:#?}");
    assert!(risk(&plan).contains("in use: EBS volume"), "{}", risk(&plan));
    stack.applied(&all);
    assert!(stack.plan_only(&all).is_empty());
}

/// The loss of data is not undone.
#[test]
fn a_key_that_is_certainly_in_use_is_never_deleted() {
    let stack = applied("");
    let arn = stack.fake.key("a").meta.arn.clone();
    stack.fake.copies.borrow_mut().push((ConsumerKind::EbsVolume, arn, "snap-1".to_owned()));
    let plan = stack.plan_only(&declared("keys: {}\n", ACCEPTED));
    assert!(blocked(&plan).starts_with("the key is in use: EBS snapshot"), "{plan:#?}");
    assert_eq!(operations(&plan), [""; 0], "{plan:#?}");
}

#[test]
fn a_use_that_the_plan_ends_does_not_count() {
    let mut stack = applied(VOLUME);
    used(&stack, 1);
    let plan = stack.plan_only(&declared("keys: {}\n", ""));
    assert_eq!(blocked(&plan), "");
    stack.applied(&declared("keys: {}\n", ""));
    assert!(stack.fake.key("a").meta.is_dying());
}

#[test]
fn a_list_that_is_denied_blocks() {
    for (operation, service, what) in [
        ("DescribeConsumers", "dynamodb", "DynamoDB tables"),
        ("DescribeSnapshots", "ec2", "EBS snapshots"),
        ("DescribeConsumers", "s3api", "S3 buckets"),
    ] {
        let stack = applied("");
        deny(&stack, operation, service);
        let plan = stack.plan_only(&declared("keys: {}\n", ""));
        let reason = blocked(&plan);
        assert!(reason.starts_with("the key may be in use: it is not known what"), "{reason}");
        assert!(reason.contains(what) && reason.contains("not authorized"), "{reason}");
        assert_eq!(operations(&plan), [""; 0], "{plan:#?}");
        let plan = stack.plan_only(&declared("keys: {}\n", ACCEPTED));
        assert!(operations(&plan).contains(&"ScheduleKeyDeletion"), "{plan:#?}");
        assert!(risk(&plan).contains(&format!("could not check: {what}")), "{}", risk(&plan));
    }
    let stack = applied("");
    let id = stack.fake.key("a").meta.arn.id().to_owned();
    deny(&stack, "GetKeyLastUsage", &id);
    let plan = stack.plan_only(&declared("keys: {}\n", ""));
    assert!(blocked(&plan).contains("last use"), "{}", blocked(&plan));
}

/// An entry that stays would permit to delete the key later, and one with a wrong address does not what it says.
#[test]
fn an_entry_that_no_step_needs_is_said() {
    let found = |plan: &Plan| {
        let found = plan.findings.iter().filter(|found| found.rule == "unneeded-accept-use");
        found.map(|found| found.address.to_string()).collect::<Vec<_>>()
    };
    let mut stack = applied("");
    assert_eq!(found(&stack.plan_only(&declared(KEY, ACCEPTED))), ["key/a"]);
    let typo = ACCEPTED.replace("key/a", "key/b");
    assert_eq!(found(&stack.plan_only(&declared(KEY, &typo))), ["key/b"]);
    // It is needed to disable the key, to delete it, and while the deletion is blocked for another reason.
    let disabled = declared(DISABLED, ACCEPTED);
    assert_eq!(found(&stack.plan_only(&disabled)), [""; 0]);
    assert_eq!(found(&stack.plan_only(&declared("keys: {}\n", ACCEPTED))), [""; 0]);
    let arn = stack.fake.key("a").meta.arn.clone();
    stack.fake.copies.borrow_mut().push((ConsumerKind::EbsVolume, arn, "snap-1".to_owned()));
    let plan = stack.plan_only(&declared("keys: {}\n", ACCEPTED));
    assert!(blocked(&plan).starts_with("the key is in use"), "{plan:#?}");
    assert_eq!(found(&plan), [""; 0]);
    stack.fake.copies.borrow_mut().clear();
    // Afterwards it is not.
    stack.applied(&disabled);
    assert_eq!(found(&stack.plan_only(&disabled)), ["key/a"]);
    assert!(stack.plan_only(&disabled).is_empty());
}

#[test]
fn the_entries_are_checked() {
    let wrong = |entries: &str| {
        crate::consumers::wrong(&format!(
            "stack: s\nregion: eu-central-1\naccept_use: [{entries}]\n"
        ))
    };
    assert_eq!(wrong("{address: alias/a, reason: x}"), ["`alias/a` is not a key"]);
    assert_eq!(wrong("{address: key/a, reason: ' '}"), ["`reason` is empty"]);
    let twice = "{address: key/a, reason: x}, {address: key/a, reason: y}";
    assert_eq!(wrong(twice), ["`key/a` is listed twice"]);
}

/// Objects in a bucket and log files stay encrypted with the key that they were written with.
#[test]
fn the_use_of_a_key_does_not_end_while_data_stays_encrypted_with_it() {
    let keys = "keys: {a: {protect: false}, b: {}}\n";
    let bucket = |key: &str| format!("s3: {{buckets: {{d: {{existing: reports, key: {key}}}}}}}\n");
    let mut stack = Stack::new(3);
    make_bucket(&stack.fake, &home(), "reports");
    stack.applied(&declared(keys, &bucket("a")));
    used(&stack, 1);
    let plan = stack.plan_only(&declared("keys: {b: {}}\n", &bucket("b")));
    assert!(blocked(&plan).contains("within the last 7 days"), "{plan:#?}");
}

/// A key that is disabled already is not disabled by the plan.
#[test]
fn the_rotation_of_a_disabled_key_in_use_can_be_changed() {
    let mut stack = applied(VOLUME);
    stack.applied(&declared(DISABLED, &format!("{VOLUME}{ACCEPTED}")));
    let rotating =
        DISABLED.replace("enabled: false", "enabled: false, rotation: {period_days: 365}");
    let plan = stack.plan_only(&declared(&rotating, VOLUME));
    assert_eq!(blocked(&plan), "");
    assert_eq!(operations(&plan), ["EnableKey", "EnableKeyRotation", "DisableKey"]);
}
