//! DynamoDB tables.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::world::Stack;
use kmsctl::kind::ConsumerKind;

pub(super) const CASE: Case = Case {
    kind: ConsumerKind::DynamodbTable,
    id: "orders",
    text: "dynamodb: {tables: {orders: {partition_key: {name: id, type: S}, key: a, PROTECT}}}",
    changed: "dynamodb: {tables: {orders: {partition_key: {name: id, type: S}, key: b, \
              point_in_time_recovery: true, deletion_protection: true, tags: {team: x}, \
              billing: {mode: provisioned, read_capacity: 5, write_capacity: 5}, PROTECT}}}",
    blocked: "dynamodb: {tables: {orders: {partition_key: {name: other, type: S}, key: a}}}",
    field: "partition_key",
    existing: "dynamodb: {tables: {mine: {existing: ID, key: a}}}",
};

#[test]
fn the_life_cycle_of_a_table_succeeds() {
    CASE.check_life_cycle();
}

#[test]
fn the_key_changes_in_place_before_the_old_one_is_deleted() {
    let table = "dynamodb: {tables: {orders: {partition_key: {name: id, type: S}, key: KEY}}}";
    let keys = KEYS.replace("policy: {}", "policy: {}, protect: false");
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().busy = 3;
    stack.applied(&desired(&format!("{keys}{}", table.replace("KEY", "a"))));
    let without = keys.lines().filter(|line| !line.contains("  a:")).collect::<Vec<_>>().join("\n");
    let moved = desired(&format!("{without}\n{}", table.replace("KEY", "b")));
    let plan = stack.applied(&moved);
    assert_eq!(operations(&plan), ["DeleteAlias", "UpdateTable", "ScheduleKeyDeletion"]);
    let key = crate::build::key_at("a");
    let step = plan.steps.iter().find(|step| step.address == key).unwrap();
    assert!(
        step.after.iter().any(|before| before.kind == ConsumerKind::DynamodbTable.into()),
        "{step:#?}"
    );
    stack.settled(&moved);
}

#[test]
fn the_statements_of_a_table_are_removed_after_the_table() {
    let table = |name: &str| {
        format!(
            "    {name}: {{partition_key: {{name: id, type: S}}, key: a, protect: false, \
                 used_by: [role/{name}]}}\n"
        )
    };
    let with = |names: &[&str]| {
        let tables: String = names.iter().map(|name| table(name)).collect();
        desired(&format!("{KEYS}dynamodb:\n  tables:\n{tables}"))
    };
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().busy = 2;
    stack.applied(&with(&["one"]));
    // One table is deleted and another one is created. Meanwhile the key's policy allows both.
    let from = stack.fake.log.borrow().len();
    stack.applied(&with(&["two"]));
    stack.settled(&with(&["two"]));
    let made = stack.fake.changes_since(from);
    let at = |operation: &str| made.iter().position(|name| name == operation).unwrap();
    assert_eq!(made.iter().filter(|name| *name == "PutKeyPolicy").count(), 2, "{made:?}");
    assert!(at("PutKeyPolicy") < at("CreateTable") && at("DeleteTable") < made.len() - 1);
    assert_eq!(made.last().map(String::as_str), Some("PutKeyPolicy"));
    let from = stack.fake.log.borrow().len();
    stack.applied(&desired(KEYS));
    assert_eq!(stack.fake.changes_since(from), ["DeleteTable", "PutKeyPolicy"]);
    stack.settled(&desired(KEYS));
}

#[test]
fn a_table_whose_deletion_is_blocked_keeps_its_statement() {
    let table = "dynamodb: {tables: {orders: {partition_key: {name: id, type: S}, key: a, \
                 used_by: [role/one]}}}\n";
    let mut stack = Stack::new(1);
    stack.applied(&desired(&format!("{KEYS}{table}")));
    let policy = stack.fake.key("a").policy;
    let (plan, _) = stack.run(&desired(KEYS));
    let blocked: Vec<String> = plan.blocked.iter().map(|b| b.address.to_string()).collect();
    assert_eq!(blocked, ["dynamodb_table/orders", "key/a"]);
    assert_eq!(stack.fake.key("a").policy, policy);
}

#[test]
fn an_unused_key_is_deleted() {
    let with = |key: &str| {
        desired(&format!(
            "{KEYS}dynamodb: {{tables: {{orders: {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}"
        ))
    };
    let mut stack = Stack::new(1);
    stack.applied(&with("a"));
    assert_eq!(operations(&stack.applied(&with("null"))), ["UpdateTable"]);
    stack.settled(&with("null"));
    stack.applied(&with("alias/b"));
    stack.settled(&with("b"));
}

#[test]
fn users_of_tables_may_use_the_key_through_dynamodb() {
    let all = desired(&format!(
        "{KEYS}dynamodb:
  tables:
    orders: {{partition_key: {{name: id, type: S}}, key: a, used_by: [role/App]}}
    carts: {{partition_key: {{name: id, type: S}}, key: a, used_by: [role/Web, role/App]}}
    quiet: {{partition_key: {{name: id, type: S}}, key: b, used_by: [role/App], derive_policy: false}}
"
    ));
    let sources = "dynamodb_table/carts dynamodb_table/orders".to_owned();
    assert_eq!(derived(&all, "a"), [("AllowDynamoDBTables".to_owned(), sources)]);
    assert_eq!(derived(&all, "b"), []);
    insta::assert_snapshot!(policy(&all, "a")["Statement"][1], @r#"{"Sid":"AllowDynamoDBTables","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/App","arn:aws:iam::111122223333:role/Web"]},"Action":["kms:CreateGrant","kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"],"Resource":"*","Condition":{"StringLike":{"kms:ViaService":"dynamodb.*.amazonaws.com"}}}"#);
}

#[test]
fn a_key_in_use_is_neither_deleted_nor_disabled() {
    let table = |key: &str, protect: bool| {
        format!(
            "dynamodb: {{tables: {{orders: {{partition_key: {{name: id, type: S}}, key: {key}, \
             protect: {protect}}}}}}}\n"
        )
    };
    let keys = KEYS.replace("policy: {}", "policy: {}, protect: false");
    let mut stack = Stack::new(1);
    stack.applied(&desired(&format!("{keys}{}", table("a", false))));
    // The stack has forgotten the table, which still exists.
    let arn = stack.fake.key("a").meta.arn;
    stack.fake.copies.borrow_mut().push((ConsumerKind::EbsVolume, arn, "snap-1".to_owned()));
    let gone = "removed: [{address: dynamodb_table/orders, action: forget}]\n";
    let off = keys.replace("a: {", "a: {enabled: false, ");
    let without = keys.lines().filter(|line| !line.contains("  a:")).collect::<Vec<_>>().join("\n");
    let why = |text: String| {
        let plan = stack.plan_only(&desired(&text));
        let mut all = plan.blocked.into_iter();
        let found = all.find(|blocked| blocked.address == crate::build::key_at("a"));
        found.map(|blocked| blocked.reason).unwrap_or_default()
    };
    let disabled = why(format!("{off}{gone}"));
    assert!(disabled.contains("DynamoDB table `orders`, EBS snapshot `snap-1`"), "{disabled}");
    let deleted = why(format!("{without}\n{gone}"));
    assert!(deleted.contains("dynamodb_table/orders"), "{deleted}");
    // A resource that the plan itself deletes does not block the key. A resource that remains does.
    let kept = why(format!("{without}\n"));
    assert!(kept.starts_with("the key is in use: EBS snapshot `snap-1`"), "{kept}");
    stack.fake.copies.borrow_mut().clear();
    let all = stack.applied(&desired(&format!("{without}\n")));
    assert_eq!(operations(&all), ["DeleteAlias", "DeleteTable", "ScheduleKeyDeletion"]);
}
