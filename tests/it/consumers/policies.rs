//! The statements of consumers in the policies of their keys: policies of the stack, policies that
//! the stack does not manage, and policies that do not allow the consumers.

use super::{KEYS, desired, desired_in, operations};
use crate::build::key_at;
use crate::world::Stack;
use serde_json::{Value, json};

const TABLE: &str = "{partition_key: {name: id, type: S}, protect: false, ";

fn with_table(keys: &str, more: &str) -> kmsctl::desired::Desired {
    desired(&format!("{keys}dynamodb: {{tables: {{orders: {TABLE}{more}}}}}}}\n"))
}

/// Returns the Sids of a key's policy in AWS.
fn sids(stack: &Stack, key: &str) -> Vec<String> {
    let policy = stack.fake.key(key).policy;
    let all = policy["Statement"].as_array().unwrap().iter();
    let mut all: Vec<String> =
        all.map(|s| s["Sid"].as_str().unwrap_or("none").to_owned()).collect();
    all.sort();
    all
}

const SHARED: &str = "stack: stack
region: eu-central-1
keys:
  a:
    policy:
      ownership: shared
      statements: [{Sid: Mine, Effect: Allow, Principal: {AWS: 'arn:aws:iam::111122223333:role/x'}, Action: 'kms:Decrypt', Resource: '*'}]
";

#[test]
fn only_the_stacks_own_statements_change_in_a_shared_policy() {
    let mut stack = Stack::new(1);
    let plain = desired(SHARED);
    stack.applied(&plain);
    stack.settled(&plain);
    let root = "Enable IAM User Permissions";
    assert_eq!(sids(&stack, "a").len(), 2, "{:?}", sids(&stack, "a"));
    assert!(sids(&stack, "a").iter().any(|sid| sid.starts_with("kmsctl stack ")));
    // Another owner adds a statement to the policy, as the user guides of AWS services describe.
    let theirs = json!({"Sid": "Theirs", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*"});
    stack.fake.tamper("a", |key| {
        key.policy["Statement"].as_array_mut().unwrap().push(theirs.clone());
    });
    stack.settled(&plain);
    let table = with_table(SHARED, "key: a, used_by: [role/App]");
    let plan = stack.applied(&table);
    assert_eq!(operations(&plan), ["PutKeyPolicy", "CreateTable"]);
    stack.settled(&table);
    assert_eq!(sids(&stack, "a").len(), 4, "{:?}", sids(&stack, "a"));
    let bare = SHARED.lines().take(4).collect::<Vec<_>>().join("\n") + "\n    description: d\n";
    stack.applied(&desired(&bare));
    stack.settled(&desired(&bare));
    assert_eq!(sids(&stack, "a"), [root, "Theirs"]);
    let all = stack.fake.key("a").policy["Statement"].clone();
    assert!(all.as_array().unwrap().iter().any(|kept| same(kept, &theirs)), "{all}");
}

/// Returns whether two statements are the same in canonical form.
fn same(one: &Value, other: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut actions: Vec<String> =
            value["Action"].as_array().unwrap().iter().map(ToString::to_string).collect();
        actions.sort();
        (value["Sid"].clone(), value["Principal"].clone(), actions)
    };
    one["Action"].is_array() && sorted(one) == sorted(other)
}

#[test]
fn a_key_without_a_declared_policy_gets_only_the_statements_of_its_consumers() {
    let keys = KEYS.replace(", policy: {}", "");
    let mut stack = Stack::new(1);
    let table = with_table(&keys, "key: a, used_by: [role/App]");
    stack.applied(&table);
    stack.settled(&table);
    assert_eq!(sids(&stack, "a").len(), 2, "{:?}", sids(&stack, "a"));
    stack.applied(&desired(&keys));
    stack.settled(&desired(&keys));
    assert_eq!(sids(&stack, "a"), ["Enable IAM User Permissions"]);
}

#[test]
fn an_existing_key_gets_the_statements_before_the_consumer_needs_them() {
    let mut other = Stack::new(1);
    other.applied(&desired(KEYS));
    let arn = other.fake.key("a").meta.arn;
    let keys =
        format!("stack: guest\nregion: eu-central-1\nkeys:\n  theirs: {{existing: '{arn}'}}\n");
    let mut guest = Stack::new(2);
    guest.state = kmsctl::state::State::begin("guest".parse().unwrap(), "guest".to_owned());
    guest.fake = other.fake;
    let table = with_table(&keys, "key: theirs, used_by: [role/App]");
    let plan = guest.applied(&table);
    assert_eq!(operations(&plan), ["PutKeyPolicy", "CreateTable"]);
    guest.settled(&table);
    assert!(sids(&guest, "a").iter().any(|sid| sid.starts_with("kmsctl guest ")));
    // The statements are removed together with the table.
    let from = guest.fake.log.borrow().len();
    guest.applied(&desired(&keys));
    assert_eq!(guest.fake.changes_since(from), ["DeleteTable", "PutKeyPolicy"]);
    guest.settled(&desired(&keys));
    assert!(!sids(&guest, "a").iter().any(|sid| sid.starts_with("kmsctl guest ")));
}

#[test]
fn an_unusable_key_blocks_the_step() {
    let blocked = |stack: &Stack, keys: &str, more: &str| -> Vec<String> {
        let plan = stack.plan_only(&with_table(keys, more));
        plan.blocked.iter().map(|b| format!("{} {}: {}", b.address, b.field, b.reason)).collect()
    };
    let mut stack = Stack::new(1);
    stack.applied(&desired(KEYS));
    let orders = |why: &str| vec![format!("dynamodb_table/orders key: {why}")];
    let off = KEYS.replace("a: {", "a: {enabled: false, ");
    let told = blocked(&stack, &off, "key: a");
    assert!(told.contains(&orders("`key/a` is disabled")[0]), "{told:?}");
    stack.fake.tamper("b", |key| key.meta.state = "Disabled".to_owned());
    assert_eq!(blocked(&stack, KEYS, "key: b"), orders("`key/b` is disabled"));
    // The configuration enables the key, so the step is not blocked.
    let on = KEYS.replace("b: {", "b: {enabled: true, ");
    assert_eq!(blocked(&stack, &on, "key: b"), [""; 0]);
    let nowhere = blocked(&stack, KEYS, "key: alias/nowhere");
    assert!(nowhere[0].contains("there is no alias"), "{nowhere:?}");
    // A policy that allows only its administrators.
    let closed = KEYS.replace(
        "a: {aliases: [a], policy: {}}",
        "a: {policy: {delegate_to_iam: false, administrators: [role/a, role/b]}}",
    );
    let lacks = blocked(&stack, &closed, "key: a, used_by: [role/App], derive_policy: false");
    assert!(
        lacks[0]
            .contains("does not allow kms:CreateGrant for `arn:aws:iam::111122223333:role/App`")
            && lacks[0].contains("kms:GenerateDataKeyWithoutPlaintext"),
        "{lacks:?}"
    );
    assert_eq!(blocked(&stack, &closed, "key: a, used_by: [role/App]"), [""; 0]);
}

#[test]
fn a_consumer_whose_key_was_disabled_is_a_finding() {
    let all = with_table(KEYS, "key: a");
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.fake.tamper("a", |key| key.meta.state = "Disabled".to_owned());
    let plan = stack.plan_only(&all);
    // The help is about a disabled key only.
    let told = plan.findings.iter().find(|found| found.rule == "key-unusable");
    let told = told.unwrap_or_else(|| panic!("{:#?}", plan.findings));
    assert_eq!(
        told.message,
        "`key/a` is disabled: enable the key (`enabled: true`): the resource cannot be used without its key"
    );
    assert_eq!(stack.fake.key("a").meta.arn, stack.state.records[&key_at("a")].id.parse().unwrap());
}

#[test]
fn a_domain_cannot_use_a_key_of_another_account() {
    let arn = "arn:aws:kms:eu-central-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let all = desired(&format!(
        "{KEYS}es: {{domains: {{logs: {{engine_version: OpenSearch_2.19, instance_count: 1, \
         instance_type: t3.small.search, volume_size_gib: 10, key: '{arn}'}}}}}}\n"
    ));
    let plan = Stack::new(1).plan_only(&all);
    assert!(plan.blocked.iter().any(|b| b.reason.contains("is in account 999900001111")));
    assert!(!operations(&plan).contains(&"CreateDomain"));
}

#[test]
fn a_consumer_is_never_created_before_its_statement() {
    let deleted = "AIDACKCEVSQ6C2EXAMPLE";
    for (region, id) in [
        ("cn-north-1", None),
        ("us-gov-west-1", None),
        ("eu-central-1", None),
        // AWS shows a deleted principal as its unique id.
        ("eu-central-1", Some(deleted)),
        ("cn-north-1", Some(deleted)),
    ] {
        let keys = "stack: stack\nkeys: {a: {policy: {users: [role/x]}, aliases: [a]}}\n";
        let with = |table: &str| {
            let text = format!(
                "{keys}dynamodb: {{tables: {{{table}: {TABLE}key: a, used_by: [role/{table}]}}}}}}\n"
            );
            desired_in(&text, region)
        };
        let mut stack = Stack::new(1);
        stack.applied(&with("one"));
        if let Some(id) = id {
            stack.fake.tamper("a", |key| {
                let users = &mut key.policy["Statement"];
                users.as_array_mut().unwrap().iter_mut().for_each(|statement| {
                    if statement["Principal"].to_string().contains("role/x") {
                        statement["Principal"] = json!({"AWS": [id]});
                    }
                });
            });
        }
        let plan = stack.applied(&with("two"));
        let step = plan.steps.iter().find(|step| step.address == key_at("a")).unwrap();
        assert_eq!((step.calls.len(), step.last.len()), (1, 1), "{region} {id:?} {step:#?}");
        let made = operations(&plan);
        assert_eq!(made.iter().filter(|name| **name == "PutKeyPolicy").count(), 2, "{made:?}");
        stack.settled(&with("two"));
    }
}
