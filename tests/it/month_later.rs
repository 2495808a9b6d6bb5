//! What AWS describes a month after an apply: it has upgraded, grown and completed what the configuration leaves to
//! it. The plan stays empty, and nothing counts as drift.

use crate::consumers::{CASES, Case, KEYS, desired};
use crate::fake::Held;
use crate::world::Stack;
use kmsctl::kind::cloudtrail_trail::EventSelector;
use kmsctl::kind::dynamodb_table::Billing;
use kmsctl::kind::{ConsumerKind, ConsumerSpec};

/// Changes what a test has created as AWS and other services do in a month.
fn age(held: &mut Held) {
    let tags = &mut held.object.spec.common_mut().tags;
    tags.insert("aws:cloudformation:stack-name".to_owned(), "other".to_owned());
    tags.insert("cost-center".to_owned(), "added-by-a-tag-policy".to_owned());
    match &mut held.object.spec {
        ConsumerSpec::RdsInstance(spec) => {
            spec.settings.engine_version = Some("8.0.99".to_owned());
            spec.settings.max_allocated_storage_gib = Some(1000);
            spec.settings.allocated_storage_gib = Some(500);
            spec.settings.iops = Some(12_000);
            spec.settings.storage_throughput = Some(500);
            spec.settings.parameter_group = Some("default.mysql8.0".to_owned());
        }
        ConsumerSpec::RdsCluster(spec) => {
            spec.settings.engine_version = Some("16.99".to_owned());
            spec.settings.allocated_storage_gib = Some(64);
        }
        ConsumerSpec::DynamodbTable(spec) => {
            spec.settings.point_in_time_recovery = Some(true);
            spec.settings.deletion_protection = Some(true);
        }
        ConsumerSpec::EbsVolume(spec) => {
            spec.settings.iops = Some(3000);
            spec.settings.throughput = Some(125);
        }
        ConsumerSpec::EfsFileSystem(spec) => spec.settings.backup = Some(true),
        ConsumerSpec::EsDomain(spec) => {
            spec.settings.volume_type = Some("gp3".to_owned());
            spec.settings.iops = Some(3000);
            spec.settings.throughput = Some(125);
            spec.settings.tls_policy = Some("Policy-Min-TLS-1-2-PFS-2023-10".to_owned());
        }
        ConsumerSpec::CloudtrailTrail(spec) => {
            let all = EventSelector {
                read_write_type: "All".to_owned(),
                include_management_events: true,
                data_resources: [].into(),
                exclude_management_event_sources: [].into(),
            };
            spec.settings.event_selectors = Some([all].into());
            spec.settings.include_global_events = Some(true);
        }
        ConsumerSpec::CloudtrailEventDataStore(spec) => {
            spec.settings.termination_protection = Some(true);
            spec.settings.federated = Some(true);
        }
        ConsumerSpec::EbsDefault(_) | ConsumerSpec::S3Bucket(_) => {}
    }
}

fn stays_empty(case: &Case) {
    let all = case.of(case.text);
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.settled(&all);
    let ids: Vec<String> = {
        let shelves = stack.fake.shelves.borrow();
        let own = shelves.iter().filter(|((kind, _), _)| *kind == case.kind);
        own.flat_map(|(_, shelf)| shelf.keys().cloned()).collect()
    };
    for id in &ids {
        stack.fake.tamper_consumer(case.kind, id, age);
    }
    stack.settled(&all);
}

#[test]
fn the_plan_of_every_kind_is_empty_a_month_later() {
    for case in CASES {
        stays_empty(case);
    }
}

/// Applies one consumer, changes what AWS has, and returns the stack and the declaration.
fn changed(
    text: &str,
    kind: ConsumerKind,
    id: &str,
    change: impl FnOnce(&mut ConsumerSpec),
) -> (Stack, kmsctl::desired::Desired) {
    let all = desired(&format!("{KEYS}{text}"));
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.settled(&all);
    stack.fake.tamper_consumer(kind, id, |held| change(&mut held.object.spec));
    (stack, all)
}

fn instance(rest: &str) -> String {
    format!(
        "rds: {{instances: {{orders: {{key: a, instance_class: db.m5.large, \
         master_username: dbadmin, master_password: managed, {rest}}}}}}}"
    )
}

#[test]
fn a_minor_version_that_aws_has_installed_is_no_change() {
    for (engine, declared, live) in [
        ("postgres", "16.3", "16.6"),
        ("mysql", "8.0.35", "8.0.39"),
        ("mysql", "5.7.44", "5.7.44-rds.20240408"),
    ] {
        let upgraded = |rest: &str| {
            let text = instance(&format!(
                "engine: {engine}, engine_version: '{declared}', allocated_storage_gib: 20{rest}"
            ));
            changed(&text, ConsumerKind::RdsInstance, "orders", |spec| {
                let ConsumerSpec::RdsInstance(spec) = spec else { panic!() };
                spec.settings.engine_version = Some(live.to_owned());
            })
        };
        let (stack, all) = upgraded(", auto_minor_version_upgrade: true");
        stack.settled(&all);
        let (stack, all) = upgraded(", auto_minor_version_upgrade: false");
        let plan = stack.plan_only(&all);
        let is_refused = plan.blocked.iter().any(|blocked| blocked.field == "engine_version");
        assert_eq!(is_refused, !live.contains("-rds"), "{live}: {:#?}", plan.blocked);
    }
    // A new major version is not installed by itself.
    let text = instance("engine: postgres, engine_version: '15.6', allocated_storage_gib: 20");
    let (stack, all) = changed(&text, ConsumerKind::RdsInstance, "orders", |spec| {
        let ConsumerSpec::RdsInstance(spec) = spec else { panic!() };
        spec.settings.engine_version = Some("16.3".to_owned());
        spec.settings.auto_minor_version_upgrade = Some(true);
    });
    assert_eq!(stack.plan_only(&all).blocked[0].field, "engine_version");
}

#[test]
fn storage_that_has_grown_by_itself_is_no_change() {
    // The storage has passed the size from which RDS provisions more for `gp3`.
    let text = instance(
        "engine: mysql, allocated_storage_gib: 390, storage_type: gp3, iops: 3000, \
         storage_throughput: 125, max_allocated_storage_gib: 1000",
    );
    let grown = |spec: &mut ConsumerSpec| {
        let ConsumerSpec::RdsInstance(spec) = spec else { panic!() };
        spec.settings.allocated_storage_gib = Some(450);
        spec.settings.max_allocated_storage_gib = Some(1000);
        (spec.settings.iops, spec.settings.storage_throughput) = (Some(12_000), Some(500));
    };
    let (stack, all) = changed(&text, ConsumerKind::RdsInstance, "orders", grown);
    stack.settled(&all);
    // Somebody else has turned the autoscaling on.
    let text = instance("engine: mysql, allocated_storage_gib: 390, storage_type: gp3");
    let (stack, all) = changed(&text, ConsumerKind::RdsInstance, "orders", grown);
    stack.settled(&all);
}

#[test]
fn the_name_of_an_oracle_database_has_no_case() {
    let text = instance("engine: oracle-ee, allocated_storage_gib: 100, db_name: orcl");
    let (stack, all) = changed(&text, ConsumerKind::RdsInstance, "orders", |spec| {
        let ConsumerSpec::RdsInstance(spec) = spec else { panic!() };
        spec.settings.db_name = Some("ORCL".to_owned());
    });
    stack.settled(&all);
}

#[test]
fn the_capacity_of_a_table_follows_application_auto_scaling() {
    let text = "dynamodb: {tables: {orders: {key: a, partition_key: {name: id, type: S}, billing: \
                {mode: provisioned, read_capacity: 5, write_capacity: 5, max_read_capacity: 100}}}}";
    let scaled = |read: i64, write: i64| {
        changed(text, ConsumerKind::DynamodbTable, "orders", move |spec| {
            let ConsumerSpec::DynamodbTable(spec) = spec else { panic!() };
            spec.settings.billing = Some(Billing::Provisioned {
                read_capacity: read,
                write_capacity: write,
                max_read_capacity: None,
                max_write_capacity: None,
            });
        })
    };
    for read in [5, 42, 100] {
        let (stack, all) = scaled(read, 5);
        stack.settled(&all);
    }
    for (read, write, expected) in [(101, 5, (5, 5)), (4, 5, (5, 5)), (42, 6, (42, 5))] {
        let (mut stack, all) = scaled(read, write);
        let plan = stack.applied(&all);
        let call = serde_json::to_value(&plan.steps[0].calls[0].call.request().1).unwrap();
        let units = &call["ProvisionedThroughput"];
        assert_eq!(units["ReadCapacityUnits"], expected.0);
        assert_eq!(units["WriteCapacityUnits"], expected.1);
        stack.settled(&all);
    }
}

#[test]
fn a_change_that_waits_for_the_maintenance_window_is_not_planned_again() {
    let cluster = |rest: &str| {
        desired(&format!(
            "{KEYS}rds: {{clusters: {{ledger: {{engine: mysql, key: a, allocated_storage_gib: 100, \
             storage_type: io1, iops: 1000, master_username: dbadmin, master_password: managed, \
             apply_immediately: false, {rest}}}}}}}"
        ))
    };
    let (before, after) = (
        cluster("instance_class: db.m6gd.large, port: 3306"),
        cluster("instance_class: db.m6gd.xlarge, port: 3307"),
    );
    let mut stack = Stack::new(1);
    stack.applied(&before);
    stack.settled(&before);
    let old = stack.fake.consumer(ConsumerKind::RdsCluster, "ledger").object.spec;
    stack.applied(&after);
    // Until the window, AWS shows the old class and the old port.
    stack.fake.tamper_consumer(ConsumerKind::RdsCluster, "ledger", |held| held.object.spec = old);
    stack.settled(&after);
}

#[test]
fn the_plan_of_keys_is_empty_a_month_later() {
    let all = desired(
        "stack: stack\nregion: eu-central-1\nkeys: {a: {aliases: [a], rotation: {period_days: 365}, \
         policy: {}, grants: {app: {grantee: role/App, operations: [Decrypt]}}}}\n",
    );
    let mut stack = Stack::new(1);
    stack.applied(&all);
    stack.settled(&all);
    stack.fake.tamper("a", |key| {
        key.tags.insert("aws:created-by".to_owned(), "x".to_owned());
        key.tags.insert("cost-center".to_owned(), "1".to_owned());
        // Services add grants, and KMS returns the policy in another order.
        let mut grant = key.grants[0].clone();
        (grant.grant_id, grant.name) = ("f".repeat(64), String::new());
        grant.grantee = "dynamodb.eu-central-1.amazonaws.com".to_owned();
        key.grants.push(grant);
        let text = key.policy.to_string();
        key.policy = serde_json::from_str(&text).unwrap();
    });
    stack.settled(&all);
}

/// A resource depends on the key that it has, and not on the one that is declared for it.
#[test]
fn drift_names_the_resources_that_have_the_key_that_is_pending_deletion() {
    let text = |key: &str| {
        crate::consumers::desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{old: {{}}, fresh: {{}}}}\n\
             dynamodb: {{tables: {{one: {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}\n"
        ))
    };
    for (ending, expected) in [("old", 1), ("fresh", 0)] {
        let mut stack = crate::world::Stack::new(3);
        stack.applied(&text("old"));
        stack.fake.tamper(ending, |key| {
            key.meta.state = "PendingDeletion".to_owned();
            key.meta.deletion_date = Some("2026-12-30T00:00:00Z".to_owned());
        });
        let found = stack.drifts(&text("fresh")).findings;
        let told = found.iter().filter(|finding| finding.rule == "key-unusable");
        assert_eq!(told.count(), expected, "{ending}: {found:#?}");
    }
}
