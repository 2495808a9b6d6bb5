//! Replicas of multi-Region keys.

use crate::consumers::{desired, operations};
use crate::fake::{Kill, NOW};
use crate::world::{Stack, lineage};
use kmsctl::impact::LastUsage;
use kmsctl::kind::KeyRef;

const TEXT: &str = "stack: stack
region: eu-central-1
keys:
  m:
    multi_region: true
    rotation: {period_days: 365}
    aliases: [m]
    protect: PROTECT
    replicas:
      eu-west-1: {aliases: [m], description: DESCRIPTION, tags: {team: x}, protect: PROTECT,
                  policy: {users: [role/App]}}
";

/// Returns a key with a replica.
pub(crate) fn text(description: &str, protect: bool) -> String {
    TEXT.replace("DESCRIPTION", description).replace("PROTECT", &protect.to_string())
}

#[test]
fn a_replica_is_created_after_its_primary_and_deleted_before_it() {
    let first = desired(&text("one", true));
    let mut stack = Stack::new(1);
    let plan = stack.applied(&first);
    let made = operations(&plan);
    let at = |name: &str| made.iter().position(|made| *made == name).unwrap();
    assert!(at("CreateKey") < at("ReplicateKey"), "{made:?}");
    stack.settled(&first);
    let (primary, replica) = (stack.fake.key("m"), stack.fake.key("m/eu-west-1"));
    assert_eq!(primary.meta.arn.id(), replica.meta.arn.id());
    assert_eq!(replica.meta.arn.region.as_str(), "eu-west-1");
    assert!(replica.policy.to_string().contains("role/App"));
    assert_eq!(replica.tags["team"], "x");

    // The state is lost, and only the tags are left.
    stack.state = lineage("two");
    assert!(stack.plan_only(&first).is_empty());
    stack.applied(&first);
    let changed = desired(&text("two", false));
    assert_eq!(operations(&stack.applied(&changed)), ["UpdateKeyDescription"]);
    stack.settled(&changed);

    let gone = desired("stack: stack\nregion: eu-central-1\n");
    let plan = stack.applied(&gone);
    let deleted: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.calls.iter().any(|c| c.call.operation() == "ScheduleKeyDeletion"))
        .map(|step| step.address.to_string())
        .collect();
    assert_eq!(deleted, ["key/m/eu-west-1", "key/m"]);
    stack.settled(&gone);
}

#[test]
fn a_replica_is_created_once_after_any_kill() {
    let all = desired(&text("one", true));
    for kill in [Kill::Before, Kill::After] {
        for n in 1.. {
            let mut stack = Stack::new(n as u64);
            if stack.run_until(&all, Some((n, kill))).is_some() {
                break;
            }
            stack.applied(&all);
            stack.settled(&all);
            assert_eq!(stack.fake.keys_total(), 2, "{n} {kill:?}");
        }
    }
}

#[test]
fn consumers_in_the_region_of_a_replica_use_the_replica() {
    let all = desired(&format!(
        "{}dynamodb: {{tables: {{far: {{partition_key: {{name: id, type: S}}, region: eu-west-1, \
         key: m/eu-west-1}}}}}}\n",
        text("one", true)
    ));
    let table = &all.resources[&"dynamodb_table/far".parse().unwrap()];
    let key = KeyRef::Managed("key/m/eu-west-1".parse().unwrap());
    assert_eq!(table.spec.refs(), [&key]);
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.settled(&all);
}

#[test]
fn a_replica_has_grants_of_its_own() {
    let grants = |operation: &str| {
        desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{m: {{multi_region: true, replicas: \
             {{eu-west-1: {{grants: {{app: {{grantee: role/App, operations: [{operation}]}}}}}}}}}}}}\n"
        ))
    };
    let mut stack = Stack::new(1);
    let plan = stack.applied(&grants("Decrypt"));
    let step = plan.steps.iter().find(|step| step.address.to_string() == "grant/m/eu-west-1/app");
    assert_eq!(step.unwrap().calls[0].at.region.as_str(), "eu-west-1");
    stack.settled(&grants("Decrypt"));
    assert_eq!(stack.fake.key("m/eu-west-1").grants.len(), 1);
    assert_eq!(stack.fake.key("m").grants.len(), 0);
    // The name of the grant shows where it belongs.
    stack.state = lineage("two");
    assert!(stack.plan_only(&grants("Decrypt")).is_empty());
    stack.applied(&grants("Encrypt"));
    stack.settled(&grants("Encrypt"));
    let allowed = stack.fake.key("m/eu-west-1").grants[0].operations.clone();
    assert_eq!(allowed, ["Encrypt".to_owned()].into());
    // A renamed key keeps the grants of its replicas.
    let moved = "stack: stack\nregion: eu-central-1\nmoved: [{from: key/m, to: key/n}]\n\
                 keys: {n: {multi_region: true, replicas: {eu-west-1: {grants: {app: \
                 {grantee: role/App, operations: [Encrypt]}}}}}}\n";
    let plan = stack.applied(&desired(moved));
    assert!(!operations(&plan).contains(&"CreateGrant"), "{:#?}", plan.steps);
    stack.settled(&desired(moved));
}

/// Returns a multi-Region key with a replica and further fields.
fn with(rest: &str, replicas: &str) -> kmsctl::desired::Desired {
    desired(&format!(
        "stack: stack\nregion: eu-central-1\nkeys: {{m: {{multi_region: true, aliases: [m], {rest}, \
         replicas: {{{replicas}}}}}}}\n"
    ))
}

const ROTATED: &str = "rotation: {period_days: 365}";
const ONE: &str = "eu-west-1: {}";

/// Notes a use of the key just now, so that no plan may disable it.
fn used(stack: &Stack) {
    let id = stack.fake.key("m").meta.arn.id().to_owned();
    let usage = LastUsage {
        when: Some("2026-11-26T00:00:00Z".to_owned()),
        seconds: Some(NOW),
        operation: Some("Decrypt".to_owned()),
        recorded_since: None,
    };
    stack.fake.faults.borrow_mut().used.insert(id, usage);
}

/// Returns the operations of a plan with the Regions that they are sent to.
fn sent(plan: &kmsctl::plan::Plan) -> Vec<(&'static str, String)> {
    let calls = plan.steps.iter().flat_map(|step| step.calls.iter().chain(&step.last));
    calls.map(|call| (call.call.operation(), call.at.region.to_string())).collect()
}

#[test]
fn a_primary_that_moved_is_said_and_gets_the_calls() {
    let all = with(ROTATED, ONE);
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.settled(&all);
    stack.fake.fail_over("m", "eu-west-1");
    let plan = stack.plan_only(&all);
    assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:#?}");
    let moved: Vec<_> = plan.findings.iter().filter(|f| f.rule == "primary-moved").collect();
    assert_eq!(moved.len(), 1, "{:#?}", plan.findings);
    assert!(moved[0].message.contains("primary key is in eu-west-1"), "{}", moved[0].message);
    assert!(!plan.findings.iter().any(|finding| finding.rule == "unclaimed-key"));
    let drifts = stack.drifts(&all);
    assert!(drifts.findings.iter().any(|f| f.rule == "primary-moved"), "{:#?}", drifts.findings);
    // Rotation and new replicas go to the real primary key.
    let more = with("rotation: {period_days: 180}", "eu-west-1: {}, eu-north-1: {}");
    let plan = stack.applied(&more);
    let west = "eu-west-1".to_owned();
    assert_eq!(sent(&plan), [("EnableKeyRotation", west.clone()), ("ReplicateKey", west)]);
    assert_eq!(stack.fake.key("m").rotation, Some(180));
    assert!(stack.plan_only(&more).is_empty());
}

/// KMS changes the rotation of enabled keys only, and the primary key decides it, so no other key is enabled for it.
#[test]
fn the_rotation_of_a_disabled_key_is_changed_through_the_real_primary() {
    let keys = |days: u32, key: &str, replica: &str| {
        let rotation = format!("rotation: {{period_days: {days}}}");
        with(
            &format!("protect: false{key}, {rotation}"),
            &format!("eu-west-1: {{protect: false{replica}}}"),
        )
    };
    let (on, off) = (", enabled: true", ", enabled: false");
    let west = "eu-west-1".to_owned();
    let rotates = ("EnableKeyRotation", west.clone());
    let wakes = [("EnableKey", west.clone()), rotates.clone(), ("DisableKey", west.clone())];
    for (key, replica, expected) in
        [(off, on, vec![rotates.clone()]), (off, off, wakes.to_vec()), (on, off, wakes.to_vec())]
    {
        let mut stack = Stack::new(1);
        stack.applied(&keys(365, key, replica));
        stack.fake.fail_over("m", "eu-west-1");
        let more = keys(180, key, replica);
        used(&stack);
        let plan = stack.applied(&more);
        assert_eq!(sent(&plan), expected, "{key} {replica}");
        assert_eq!(stack.fake.key("m").rotation, Some(180));
        assert!(stack.plan_only(&more).is_empty(), "{key} {replica}");
    }
    // The replica is enabled in the end if the configuration enables it.
    let mut stack = Stack::new(1);
    stack.applied(&keys(365, off, off));
    stack.fake.fail_over("m", "eu-west-1");
    let plan = stack.applied(&keys(180, off, on));
    assert_eq!(sent(&plan).last(), Some(&("EnableKey", west)));
    assert!(stack.plan_only(&keys(180, off, on)).is_empty());
    // A key that somebody else disabled is not enabled, and any other key does not matter.
    let mut stack = Stack::new(1);
    let open = |days| keys(days, "", "");
    stack.applied(&open(365));
    stack.fake.fail_over("m", "eu-west-1");
    for (name, blocked) in [("m", 0), ("m/eu-west-1", 1)] {
        stack.fake.tamper(name, |key| key.meta.state = "Disabled".to_owned());
        let plan = stack.plan_only(&open(180));
        assert_eq!(plan.blocked.len(), blocked, "{name} {plan:#?}");
    }
}

#[test]
fn the_primary_key_is_where_the_configuration_says() {
    let mut stack = Stack::new(1);
    let west = with(&format!("{ROTATED}, primary_region: eu-west-1"), ONE);
    let plan = stack.applied(&west);
    let last = ("UpdatePrimaryRegion", "eu-central-1".to_owned());
    assert_eq!(sent(&plan).into_iter().find(|call| call.0 == last.0), Some(last));
    stack.settled(&west);
    assert_eq!(stack.fake.key("m").meta.primary_region.unwrap().as_str(), "eu-west-1");
    // Without the field, the primary key stays where it is.
    let open = with(ROTATED, ONE);
    assert!(stack.plan_only(&open).steps.iter().all(|step| step.calls.is_empty()));
    let home = with(&format!("{ROTATED}, primary_region: eu-central-1"), ONE);
    assert_eq!(sent(&stack.applied(&home)), [("UpdatePrimaryRegion", "eu-west-1".to_owned())]);
    stack.settled(&home);
    // A failover outside of kmsctl is drift then.
    stack.fake.fail_over("m", "eu-west-1");
    let plan = stack.plan_only(&home);
    assert_eq!(plan.drift.len(), 1, "{:#?}", plan.drift);
    stack.applied(&home);
    stack.settled(&home);
}

#[test]
fn a_primary_is_moved_once_after_any_kill() {
    let west = with(&format!("{ROTATED}, primary_region: eu-west-1"), ONE);
    for kill in [Kill::Before, Kill::After] {
        for n in 1.. {
            let mut stack = Stack::new(n as u64);
            if stack.run_until(&west, Some((n, kill))).is_some() {
                break;
            }
            stack.applied(&west);
            stack.settled(&west);
            assert_eq!(stack.fake.keys_total(), 2, "{n} {kill:?}");
        }
    }
}

#[test]
fn a_replica_that_is_the_primary_key_is_not_deleted_alone() {
    let replica = "eu-west-1: {protect: false}";
    let all = with("protect: false", replica);
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.fake.fail_over("m", "eu-west-1");
    let plan = stack.plan_only(&with("protect: false", ""));
    assert_eq!(plan.blocked.len(), 1, "{plan:#?}");
    assert_eq!(plan.blocked[0].address.to_string(), "key/m/eu-west-1");
    assert!(plan.blocked[0].reason.contains("is the primary key"), "{:#?}", plan.blocked);
    // All of them can be deleted together: KMS waits with the primary key.
    let gone = desired("stack: stack\nregion: eu-central-1\n");
    let plan = stack.applied(&gone);
    let deleted = sent(&plan).into_iter().filter(|call| call.0 == "ScheduleKeyDeletion").count();
    assert_eq!(deleted, 2);
}

/// KMS replicates only multi-Region keys, and `multi_region` cannot be changed.
#[test]
fn a_replica_of_a_blocked_key_is_blocked() {
    let single = "stack: stack\nregion: eu-central-1\nkeys:\n  m: {multi_region: false}\n";
    let mut stack = Stack::new(1);
    stack.applied(&desired(single));
    let plan = stack.plan_only(&desired(&text("one", true)));
    let blocked: Vec<String> =
        plan.blocked.iter().map(|blocked| blocked.address.to_string()).collect();
    assert!(blocked.contains(&"key/m".to_owned()), "{blocked:?}");
    assert!(blocked.contains(&"key/m/eu-west-1".to_owned()), "{blocked:?}");
    assert!(plan.steps.iter().all(|step| !step.address.to_string().starts_with("key/m/")));
}
