//! RDS instances and clusters.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::world::Stack;
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::kind::{Call, ConsumerKind};
use kmsctl::plan::Plan;

pub(super) const INSTANCE: Case = Case {
    kind: ConsumerKind::RdsInstance,
    id: "orders",
    text: "rds: {instances: {orders: {engine: mysql, engine_version: '8.0', key: a, PROTECT, \
           instance_class: db.t3.micro, allocated_storage_gib: 20, master_username: admin, \
           master_password: managed}}}",
    changed: "rds: {instances: {orders: {engine: MySQL, engine_version: '8.4', key: a, PROTECT, \
              instance_class: db.t3.small, allocated_storage_gib: 30, master_username: admin, \
              master_password: {env: ORDERS_PASSWORD}, port: 3307, multi_az: true, \
              max_allocated_storage_gib: 100, storage_type: gp3, iops: 3000, \
              security_groups: [sg-1, sg-2], publicly_accessible: true, \
              backup_retention_days: 7, backup_window: '01:00-01:30', \
              maintenance_window: 'Sun:02:00-Sun:03:00', deletion_protection: true, \
              parameter_group: Mine, auto_minor_version_upgrade: false, \
              copy_tags_to_snapshot: true, tags: {team: x}, \
              performance_insights: {enabled: true, with_key: true, retention_days: 31}}}}",
    blocked: "rds: {instances: {orders: {engine: mariadb, key: a, instance_class: db.t3.micro, \
              allocated_storage_gib: 20, master_username: admin, master_password: managed}}}",
    field: "engine",
    existing: "rds: {instances: {mine: {existing: ID, key: a}}}",
};

pub(super) const CLUSTER: Case = Case {
    kind: ConsumerKind::RdsCluster,
    id: "ledger",
    text: "rds: {clusters: {ledger: {engine: aurora-postgresql, engine_version: '16', key: a, \
           master_username: dbadmin, master_password: managed_with_key, PROTECT, \
           members: {ledger-1: {instance_class: db.r6g.large}, ledger-2: {instance_class: db.r6g.large}}}}}",
    changed: "rds: {clusters: {ledger: {engine: aurora-postgresql, engine_version: '16.6', key: a, \
              master_username: dbadmin, master_password: {env: LEDGER_PASSWORD}, PROTECT, port: 5433, \
              deletion_protection: true, backup_retention_days: 14, storage_type: aurora-iopt1, \
              serverless_v2: {min_capacity: 0.5, max_capacity: 8}, tags: {team: x}, \
              members: {ledger-2: {instance_class: db.r6g.xlarge, promotion_tier: 0}, \
                        ledger-3: {instance_class: db.serverless}}}}}",
    blocked: "rds: {clusters: {ledger: {engine: aurora-postgresql, key: b, \
              master_username: dbadmin, master_password: managed_with_key}}}",
    field: "key",
    existing: "rds: {clusters: {mine: {existing: ID, key: a}}}",
};

#[test]
fn the_life_cycle_of_an_instance_succeeds() {
    INSTANCE.check_life_cycle();
}

#[test]
fn the_life_cycle_of_a_cluster_succeeds() {
    CLUSTER.check_life_cycle();
}

const PLAIN: &str = "engine: mysql, instance_class: db.t3.micro, allocated_storage_gib: 20, \
                     master_username: admin";

fn instance(rest: &str) -> kmsctl::desired::Desired {
    desired(&format!("{KEYS}rds: {{instances: {{orders: {{{PLAIN}, {rest}}}}}}}"))
}

fn calls(plan: &Plan) -> Vec<&Call> {
    plan.steps.iter().flat_map(|step| &step.calls).map(|planned| &planned.call).collect()
}

#[test]
fn the_key_of_a_database_cannot_be_changed() {
    let mut stack = Stack::new(1);
    stack.applied(&instance("key: a, master_password: managed"));
    let plan = stack.plan_only(&instance("key: b, master_password: managed"));
    assert_eq!(plan.blocked[0].field, "key");
    assert!(plan.blocked[0].help.contains("snapshot"), "{:#?}", plan.blocked);
    // An unencrypted instance cannot get a key either.
    stack.fake.tamper_consumer(ConsumerKind::RdsInstance, "orders", |held| {
        let common = held.object.spec.common_mut();
        common.key = Some(kmsctl::kind::consumer::Encryption::Aws);
    });
    let plan = stack.plan_only(&instance("key: a, master_password: managed"));
    assert!(
        plan.blocked[0].reason.contains("the current key is not customer managed"),
        "{:#?}",
        plan.blocked
    );
}

#[test]
fn a_password_is_never_in_a_plan_or_a_state() {
    let with = |variable| instance(&format!("key: a, master_password: {{env: {variable}}}"));
    let mut stack = Stack::new(1);
    let plan = stack.applied(&with("FIRST_PASSWORD"));
    let commands = kmsctl::render::commands::plan(&plan);
    assert!(commands.contains(r#"printf %s "$FIRST_PASSWORD" | aws rds "#), "{commands}");
    assert!(commands.contains("--master-user-password file:///dev/stdin"), "{commands}");
    stack.settled(&with("FIRST_PASSWORD"));
    // Another variable counts as another password.
    let plan = stack.applied(&with("SECOND_PASSWORD"));
    let [call] = calls(&plan)[..] else { panic!("{plan:#?}") };
    assert_eq!(
        call.request().1,
        serde_json::json!({"DBInstanceIdentifier": "orders", "ApplyImmediately": true,
            "MasterUserPassword": "$SECOND_PASSWORD"})
    );
    stack.settled(&with("SECOND_PASSWORD"));
    stack.applied(&instance("key: a, master_password: managed"));
    stack.settled(&instance("key: a, master_password: managed"));
    let rekeyed = stack.plan_only(&instance("key: a, master_password: managed_with_key"));
    assert_eq!(rekeyed.blocked[0].field, "master_password");
}

#[test]
fn a_final_snapshot_is_created_unless_the_configuration_prevents_it() {
    let last = |rest: &str| {
        let mut stack = Stack::new(1);
        let text = format!("key: a, master_password: managed, protect: false{rest}");
        stack.applied(&instance(&text));
        stack.settled(&instance(&text));
        let plan = stack.applied(&desired(KEYS));
        (
            operations(&plan),
            plan.steps[0].risk.clone().unwrap(),
            calls(&plan).last().unwrap().request().1,
        )
    };
    let (made, risk, call) = last("");
    assert_eq!(made, ["DeleteDBInstance"]);
    assert!(risk.contains("orders-final-db-orders"), "{risk}");
    assert_eq!(call["FinalDBSnapshotIdentifier"], "orders-final-db-orders");
    let (made, risk, call) = last(", final_snapshot: false, deletion_protection: true");
    assert_eq!(made, ["ModifyDBInstance", "DeleteDBInstance"]);
    assert!(risk.contains("without a final snapshot"), "{risk}");
    assert_eq!(call["SkipFinalSnapshot"], true);
}

#[test]
fn only_possible_changes_are_planned() {
    let mut stack = Stack::new(1);
    let text = "key: a, master_password: managed, engine_version: 8.0.39, \
                auto_minor_version_upgrade: false";
    stack.applied(&instance(text));
    let older = stack.plan_only(&instance(&text.replace("8.0.39", "8.0.35")));
    assert_eq!(older.blocked[0].field, "engine_version");
    let smaller = format!("{KEYS}rds: {{instances: {{orders: {{{PLAIN}, {text}}}}}}}");
    let smaller = stack.plan_only(&desired(&smaller.replace("gib: 20", "gib: 10")));
    assert_eq!(smaller.blocked[0].field, "allocated_storage_gib");
    // Storage that RDS has scaled automatically is not a difference.
    let growing = instance(&format!("{text}, max_allocated_storage_gib: 100"));
    stack.applied(&growing);
    stack.fake.tamper_consumer(ConsumerKind::RdsInstance, "orders", |held| {
        let kmsctl::kind::ConsumerSpec::RdsInstance(spec) = &mut held.object.spec else { panic!() };
        spec.settings.allocated_storage_gib = Some(55);
    });
    stack.settled(&growing);
    // `apply_immediately` is only in the record, not in AWS.
    let later =
        instance(&format!("{text}, max_allocated_storage_gib: 100, apply_immediately: false"));
    let plan = stack.applied(&later);
    assert_eq!((plan.count("update"), operations(&plan).len()), (1, 0));
    stack.settled(&later);
}

#[test]
fn a_cluster_is_deleted_after_its_instances() {
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().busy = 2;
    let text = CLUSTER.text.replace("PROTECT", "protect: false, deletion_protection: true");
    let plan = stack.applied(&desired(&format!("{KEYS}{text}")));
    let made: Vec<&str> = operations(&plan).into_iter().filter(|o| o.contains("DB")).collect();
    assert_eq!(made, ["CreateDBCluster", "CreateDBInstance", "CreateDBInstance"]);
    let plan = stack.applied(&desired(KEYS));
    assert_eq!(
        operations(&plan),
        ["ModifyDBCluster", "DeleteDBInstance", "DeleteDBInstance", "DeleteDBCluster"]
    );
    stack.settled(&desired(KEYS));
}

#[test]
fn users_of_databases_may_use_the_key_through_rds() {
    let all = desired(&format!(
        "{KEYS}rds:
  instances:
    orders: {{{PLAIN}, key: a, master_password: managed, used_by: [role/Provisioner]}}
    quiet: {{{PLAIN}, key: b, master_password: managed}}
  clusters:
    ledger: {{engine: aurora-mysql, key: a, master_username: admin, master_password: managed_with_key, used_by: [role/Dba]}}
"
    ));
    assert_eq!(
        derived(&all, "a"),
        [
            ("AllowRdsForCreators".to_owned(), "rds_cluster/ledger rds_instance/orders".to_owned()),
            ("AllowRdsMasterSecrets".to_owned(), "rds_cluster/ledger".to_owned()),
        ]
    );
    assert_eq!(derived(&all, "b"), []);
    let statements = &policy(&all, "a")["Statement"];
    insta::assert_snapshot!(statements[1], @r#"{"Sid":"AllowRdsForCreators","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/Dba","arn:aws:iam::111122223333:role/Provisioner"]},"Action":["kms:CreateGrant","kms:DescribeKey"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"rds.eu-central-1.amazonaws.com","kms:CallerAccount":"111122223333"}}}"#);
    insta::assert_snapshot!(statements[2], @r#"{"Sid":"AllowRdsMasterSecrets","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Dba"},"Action":["kms:CreateGrant","kms:Decrypt","kms:DescribeKey","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"secretsmanager.eu-central-1.amazonaws.com","kms:CallerAccount":"111122223333"}}}"#);
}

/// Returns the error messages of a configuration.
fn wrong(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    std::fs::write(&file, format!("{KEYS}{text}")).unwrap();
    let (mut loaded, found) = load(&Input { paths: vec![file], ..Input::default() });
    let messages =
        |all: kmsctl::decode::Diagnostics| all.into_iter().map(|d| d.message).collect::<Vec<_>>();
    let found = messages(found);
    if !found.is_empty() {
        return found;
    }
    let surroundings = Surroundings {
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    messages(loaded.resolve(&surroundings).1)
}

#[test]
fn settings_that_rds_does_not_accept_are_errors() {
    let instance = |name: &str, rest: &str| {
        wrong(&format!("rds: {{instances: {{{name}: {{{PLAIN}, key: a, {rest}}}}}}}"))
    };
    let password = instance("orders", "master_password: hunter2");
    assert_eq!(password, ["a configuration must not contain a master password"]);
    for (name, rest, expected) in [
        ("Orders", "", "`Orders` is not an identifier of RDS"),
        ("orders-", "", "`orders-` is not an identifier of RDS"),
        ("or--ders", "", "`or--ders` is not an identifier of RDS"),
        ("orders", ", port: 80", "80 is out of range"),
        ("orders", ", backup_retention_days: 36", "36 is out of range"),
        ("orders", ", backup_window: noon", "`noon` is not a daily time"),
        (
            "orders",
            ", maintenance_window: 'sun:25:00-sun:26:00'",
            "`sun:25:00-sun:26:00` is not a weekly time",
        ),
        ("orders", ", security_groups: [default]", "`default` is not the id of a security group"),
        ("orders", ", max_allocated_storage_gib: 21", "21 GiB leave no room to grow from 20"),
        (
            "orders",
            ", performance_insights: {enabled: true, retention_days: 30}",
            "Performance Insights cannot keep data for 30 days",
        ),
    ] {
        assert_eq!(instance(name, &format!("master_password: managed{rest}")), [expected]);
    }
    let cluster = |rest: &str| {
        let master = "key: a, master_username: admin, master_password: managed";
        wrong(&format!("rds: {{clusters: {{ledger: {{{master}, {rest}}}}}}}"))
    };
    for (rest, expected) in [
        (
            "engine: aurora-mysql, instance_class: db.r6g.large",
            "`instance_class` is not for `aurora-mysql`",
        ),
        ("engine: mysql", "`instance_class` is not given"),
        (
            "engine: mysql, instance_class: db.m6gd.large, allocated_storage_gib: 100, storage_type: io1, \
             iops: 1000, members: {x: {instance_class: db.t3.small}}",
            "`members` is not for a Multi-AZ DB cluster",
        ),
        (
            "engine: aurora-mysql, serverless_v2: {min_capacity: 0.3, max_capacity: 2}",
            "`0.3` is not a capacity",
        ),
        (
            "engine: aurora-mysql, serverless_v2: {min_capacity: 4, max_capacity: 2}",
            "a maximum of 2 is too low",
        ),
    ] {
        assert_eq!(cluster(rest), [expected]);
    }
    assert_eq!(
        wrong("rds: {instances: {orders: {key: null, existing: theirs}}}"),
        ["`key: null` is not possible here"]
    );
}
