//! Replicas of multi-Region keys.

use crate::consumers::{desired, operations};
use crate::fake::Kill;
use crate::world::{Stack, lineage};
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
