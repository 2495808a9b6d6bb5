//! CloudTrail trails and event data stores.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::build::address;
use crate::fake::open_bucket;
use crate::world::Stack;
use kmsctl::cloud::{Bucket, BucketPolicy};
use kmsctl::desired::Desired;
use kmsctl::kind::ConsumerKind;
use kmsctl::plan::Plan;

pub(super) const TRAIL: Case = Case {
    kind: ConsumerKind::CloudtrailTrail,
    id: "audit",
    text: "cloudtrail: {trails: {audit: {bucket: logs, key: a, PROTECT}}}",
    changed: "cloudtrail: {trails: {audit: {bucket: others, prefix: '2026', key: b, tags: {team: x}, \
              multi_region: true, log_file_validation: true, event_selectors: [{read_write_type: \
              WriteOnly, data_resources: [{type: 'AWS::S3::Object', values: ['arn:aws:s3:::b/']}]}], \
              PROTECT}}}",
    blocked: "cloudtrail: {trails: {audit: {bucket: nowhere, key: a}}}",
    field: "bucket",
    existing: "cloudtrail: {trails: {mine: {existing: ID, key: a}}}",
};

pub(super) const STORE: Case = Case {
    kind: ConsumerKind::CloudtrailEventDataStore,
    id: "",
    text: "cloudtrail: {event_data_stores: {lake: {retention_days: 90, key: a, PROTECT}}}",
    changed: "cloudtrail: {event_data_stores: {lake: {retention_days: 180, key: a, multi_region: \
              false, termination_protection: false, tags: {team: x}, advanced_event_selectors: \
              [{name: writes, field_selectors: [{field: eventCategory, equals: [Management]}, \
              {field: readOnly, equals: ['false']}]}], PROTECT}}}",
    blocked: "cloudtrail: {event_data_stores: {lake: {retention_days: 90, key: b}}}",
    field: "key",
    existing: "cloudtrail: {event_data_stores: {mine: {existing: 'ID', key: a}}}",
};

#[test]
fn the_life_cycle_of_a_trail_succeeds() {
    TRAIL.check_life_cycle();
}

#[test]
fn the_life_cycle_of_an_event_data_store_succeeds() {
    STORE.check_life_cycle();
}

fn trail(fields: &str) -> Desired {
    desired(&format!("{KEYS}cloudtrail: {{trails: {{audit: {{bucket: logs, {fields}}}}}}}"))
}

fn store(fields: &str) -> Desired {
    desired(&format!("{KEYS}cloudtrail: {{event_data_stores: {{lake: {{{fields}}}}}}}"))
}

/// Returns the operations on resources that are not keys.
fn calls(plan: &Plan) -> Vec<&'static str> {
    let keys = ["CreateKey", "CreateAlias", "PutKeyPolicy"];
    operations(plan).into_iter().filter(|name| !keys.contains(name)).collect()
}

/// Returns the findings about the trail.
fn told(plan: &Plan) -> Vec<&str> {
    let of_trail =
        plan.findings.iter().filter(|f| f.address.kind == ConsumerKind::CloudtrailTrail.into());
    of_trail.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn a_trail_logs_unless_the_configuration_stops_it() {
    let mut stack = Stack::new(1);
    let selectors = "key: a, event_selectors: [{read_write_type: ReadOnly}]";
    let plan = stack.applied(&trail(selectors));
    assert_eq!(calls(&plan), ["CreateTrail", "PutEventSelectors", "StartLogging"]);
    stack.settled(&trail(selectors));
    let mut silent = Stack::new(1);
    assert_eq!(calls(&silent.applied(&trail("key: a, logging: false"))), ["CreateTrail"]);
    silent.settled(&trail("key: a, logging: false"));
    assert_eq!(calls(&silent.applied(&trail("key: a"))), ["StartLogging"]);
}

#[test]
fn a_trail_that_was_stopped_outside_of_kmsctl_is_started_again() {
    let mut stack = Stack::new(1);
    stack.applied(&trail("key: a"));
    stack.fake.tamper_consumer(ConsumerKind::CloudtrailTrail, "audit", |held| {
        if let kmsctl::kind::ConsumerSpec::CloudtrailTrail(spec) = &mut held.object.spec {
            spec.settings.logging = Some(false);
        }
    });
    let plan = stack.applied(&trail("key: a"));
    assert_eq!((plan.drift.len(), calls(&plan)), (1, vec!["StartLogging"]));
    stack.settled(&trail("key: a"));
}

#[test]
fn a_protected_trail_is_not_stopped() {
    let mut stack = Stack::new(1);
    stack.applied(&trail("key: a"));
    let plan = stack.plan_only(&trail("key: a, logging: false"));
    assert_eq!(plan.blocked[0].field, "logging");
    stack.applied(&trail("key: a, protect: false"));
    let plan = stack.applied(&trail("key: a, protect: false, logging: false"));
    assert_eq!(calls(&plan), ["StopLogging"]);
}

#[test]
fn the_key_is_removed_and_set_again() {
    let mut stack = Stack::new(1);
    stack.applied(&trail("key: a"));
    let plan = stack.applied(&trail("key: null"));
    assert_eq!(calls(&plan), ["UpdateTrail"]);
    assert!(plan.steps.iter().any(|s| s.risk.as_deref().is_some_and(|r| r.contains("key/a"))));
    let update = plan.steps.iter().flat_map(|step| &step.calls).last().unwrap();
    assert_eq!(update.call.request().1, serde_json::json!({"Name": "audit", "KmsKeyId": ""}));
    stack.settled(&trail("key: null"));
    stack.applied(&trail("key: alias/b"));
    stack.settled(&trail("key: b"));
}

#[test]
fn basic_and_advanced_selectors_replace_each_other() {
    let mut stack = Stack::new(1);
    let fields = "[{field: eventCategory, equals: [Management]}]";
    let advanced = trail(&format!(
        "key: a, advanced_event_selectors: [{{name: all, field_selectors: {fields}}}]"
    ));
    stack.applied(&advanced);
    stack.settled(&advanced);
    let basic = trail("key: a, event_selectors: [{}]");
    assert_eq!(calls(&stack.applied(&basic)), ["PutEventSelectors"]);
    stack.settled(&basic);
    stack.applied(&advanced);
    stack.settled(&advanced);
}

#[test]
fn the_key_must_be_in_the_region_of_the_bucket() {
    let mut stack = Stack::new(1);
    stack.fake.buckets.borrow_mut().insert("abroad".to_owned(), open_bucket("us-east-1"));
    let abroad = |key: &str| {
        let there = "  there: {aliases: [there], policy: {}, region: us-east-1}\n";
        let trail = format!("cloudtrail: {{trails: {{audit: {{bucket: abroad, key: {key}}}}}}}");
        desired(&format!("{KEYS}{there}{trail}"))
    };
    let plan = stack.plan_only(&abroad("a"));
    let blocked = &plan.blocked[0];
    assert!(blocked.field == "key" && blocked.reason.contains("us-east-1"), "{blocked:?}");
    stack.applied(&abroad("there"));
    stack.settled(&abroad("there"));
    assert_eq!(*stack.fake.refusals.borrow(), [""; 0]);
}

#[test]
fn an_insufficient_bucket_policy_blocks_a_new_trail_and_is_a_finding_for_an_existing_one() {
    let mut stack = Stack::new(1);
    let set = |stack: &Stack, policy: BucketPolicy| {
        let bucket = Bucket { policy, ..open_bucket("eu-central-1") };
        stack.fake.buckets.borrow_mut().insert("logs".to_owned(), bucket);
    };
    set(&stack, BucketPolicy::None);
    let plan = stack.plan_only(&trail("key: a"));
    let blocked = &plan.blocked[0];
    assert_eq!((plan.blocked.len(), blocked.field.as_str()), (1, "bucket"));
    assert!(blocked.reason.contains("s3:GetBucketAcl, s3:PutObject"), "{blocked:?}");
    // The policy in the help is sufficient, as it is.
    let whole = blocked.help.split_once("put-bucket-policy`): ").unwrap().1;
    set(&stack, BucketPolicy::Text(whole.to_owned()));
    stack.applied(&trail("key: a"));
    stack.settled(&trail("key: a"));
    set(&stack, BucketPolicy::None);
    let plan = stack.plan_only(&trail("key: a"));
    assert!(plan.is_empty() && told(&plan).len() == 1, "{plan:#?}");
    assert!(told(&plan)[0].contains("s3:PutObject"));
    // Changes without a call are not blocked, and the deletion of the trail is not blocked either.
    stack.applied(&trail("key: a, protect: false"));
    assert_eq!(calls(&stack.applied(&desired(KEYS))), ["DeleteTrail"]);
}

#[test]
fn an_unreadable_bucket_is_a_finding() {
    let mut stack = Stack::new(1);
    let hidden = BucketPolicy::Hidden("access denied".to_owned());
    let bucket = Bucket { policy: hidden, ..open_bucket("eu-central-1") };
    stack.fake.buckets.borrow_mut().insert("logs".to_owned(), bucket);
    let plan = stack.plan_only(&trail("key: a"));
    assert!(plan.blocked.is_empty() && told(&plan).len() == 1, "{plan:#?}");
    stack.fake.buckets.borrow_mut().insert("logs".to_owned(), open_bucket("eu-central-1"));
    stack.applied(&trail("key: a"));
    let denied = ("HeadBucket".to_owned(), "logs".to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let plan = stack.plan_only(&trail("key: b"));
    assert!(plan.blocked.is_empty() && told(&plan).len() == 1, "{plan:#?}");
}

#[test]
fn trails_on_one_key_share_their_statements() {
    let all = desired(&format!(
        "{KEYS}cloudtrail:
  trails:
    audit: {{bucket: logs, key: a, log_readers: [role/Auditor]}}
    second: {{bucket: logs, key: a, region: us-east-1}}
"
    ));
    let from = "cloudtrail_trail/audit cloudtrail_trail/second".to_owned();
    let expected = [
        ("AllowCloudTrailDecryptTrail", from.clone()),
        ("AllowCloudTrailDescribeKey", from.clone()),
        ("AllowCloudTrailEncryptLogs", from),
        ("EnableCloudTrailLogDecryptPermissions", "cloudtrail_trail/audit".to_owned()),
    ];
    assert_eq!(derived(&all, "a"), expected.map(|(sid, from)| (sid.to_owned(), from)));
    let statements = policy(&all, "a")["Statement"].as_array().unwrap()[1..].to_vec();
    let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(statements.join("\n"), @r#"
    {"Sid":"AllowCloudTrailDecryptTrail","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"aws:SourceArn":["arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit","arn:aws:cloudtrail:us-east-1:111122223333:trail/second"]}}}
    {"Sid":"AllowCloudTrailDescribeKey","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:DescribeKey","Resource":"*","Condition":{"StringEquals":{"aws:SourceArn":["arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit","arn:aws:cloudtrail:us-east-1:111122223333:trail/second"]}}}
    {"Sid":"AllowCloudTrailEncryptLogs","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:GenerateDataKey*","Resource":"*","Condition":{"StringEquals":{"aws:SourceArn":["arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit","arn:aws:cloudtrail:us-east-1:111122223333:trail/second"]},"StringLike":{"kms:EncryptionContext:aws:cloudtrail:arn":"arn:aws:cloudtrail:*:111122223333:trail/*"}}}
    {"Sid":"EnableCloudTrailLogDecryptPermissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Auditor"},"Action":"kms:Decrypt","Resource":"*","Condition":{"Null":{"kms:EncryptionContext:aws:cloudtrail:arn":"false"}}}
    "#);
}

#[test]
fn an_event_data_store_gets_a_key_once() {
    let mut stack = Stack::new(1);
    stack.applied(&store("key: null"));
    stack.settled(&store("key: null"));
    assert_eq!(calls(&stack.applied(&store("key: a"))), ["UpdateEventDataStore"]);
    stack.settled(&store("key: a"));
    for other in ["key: b", "key: null"] {
        let plan = stack.plan_only(&store(other));
        let blocked = &plan.blocked[0];
        assert!(blocked.field == "key" && blocked.help.contains("another name"), "{blocked:?}");
    }
}

#[test]
fn the_name_of_a_deleted_store_stays_in_use() {
    let mut stack = Stack::new(1);
    stack.applied(&store("key: a, protect: false"));
    let plan = stack.applied(&desired(KEYS));
    assert_eq!(calls(&plan), ["UpdateEventDataStore", "DeleteEventDataStore"]);
    assert!(plan.steps.iter().any(|s| s.risk.as_deref().is_some_and(|r| r.contains("7 days"))));
    let plan = stack.plan_only(&store("key: a"));
    let store = address(ConsumerKind::CloudtrailEventDataStore, "lake");
    let blocked = plan.blocked.iter().find(|blocked| blocked.address == store).unwrap();
    assert!(blocked.help.contains("restore-event-data-store"), "{blocked:?}");
    let other = "cloudtrail: {event_data_stores: {lake2: {key: a}}}";
    stack.applied(&desired(&format!("{KEYS}{other}")));
}

#[test]
fn a_federated_store_is_not_deleted() {
    let mut stack = Stack::new(1);
    stack.applied(&store("key: a, protect: false"));
    let id = STORE.id(&stack);
    stack.fake.tamper_consumer(STORE.kind, &id, |held| {
        if let kmsctl::kind::ConsumerSpec::CloudtrailEventDataStore(spec) = &mut held.object.spec {
            spec.settings.federated = Some(true);
        }
    });
    let plan = stack.plan_only(&desired(KEYS));
    assert!(plan.blocked[0].help.contains("disable-federation"), "{plan:#?}");
}

#[test]
fn less_retention_is_a_risk() {
    let mut stack = Stack::new(1);
    stack.applied(&store("key: a, retention_days: 90"));
    let plan = stack.plan_only(&store("key: a, retention_days: 30"));
    assert!(plan.steps[0].risk.as_deref().unwrap().contains("30 days"));
}

#[test]
fn users_of_stores_may_use_the_key_and_the_access_of_cloudtrail_can_be_limited() {
    let all = desired(&format!(
        "{KEYS}cloudtrail:
  event_data_stores:
    lake: {{key: a, used_by: [role/Analyst]}}
    pond: {{key: b, source_arn: true}}
    mine: {{key: b, source_arn: true, existing: 'arn:aws:cloudtrail:eu-central-1:111122223333:eventdatastore/x'}}
"
    ));
    let text = |key: &str| {
        let all = policy(&all, key)["Statement"].as_array().unwrap()[1..].to_vec();
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(text("a"), @r#"
    {"Sid":"AllowCloudTrailDescribeKeyEds","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:DescribeKey","Resource":"*"}
    {"Sid":"AllowCloudTrailEncryptEds","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}
    {"Sid":"EnableUserKeyPermissionsEds","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Analyst"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}
    "#);
    insta::assert_snapshot!(text("b"), @r#"
    {"Sid":"AllowCloudTrailDescribeKeyEds","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:DescribeKey","Resource":"*"}
    {"Sid":"AllowCloudTrailEncryptEds","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:cloudtrail:eu-central-1:111122223333:eventdatastore/*"},"StringEquals":{"aws:SourceAccount":"111122223333"}}}
    {"Sid":"AllowCloudTrailEncryptEds2","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333","aws:SourceArn":"arn:aws:cloudtrail:eu-central-1:111122223333:eventdatastore/x"}}}
    "#);
}

#[test]
fn settings_that_cloudtrail_does_not_accept_are_errors() {
    for (text, said) in [
        ("trails: {audit: {key: a}}", "`bucket` is not given"),
        ("trails: {a--b: {bucket: logs, key: a}}", "not the name of a trail"),
        ("trails: {ab: {bucket: logs, key: a}}", "not the name of a trail"),
        ("trails: {audit: {bucket: 's3://logs', key: a}}", "not the name of a bucket"),
        ("trails: {audit: {bucket: logs, prefix: x/, key: a}}", "starts or ends with a `/`"),
        (
            "trails: {audit: {bucket: logs, key: a, multi_region: true, include_global_events: false}}",
            "global services",
        ),
        ("trails: {audit: {bucket: logs, key: a, event_selectors: []}}", "0 event selectors"),
        (
            "trails: {audit: {bucket: logs, key: a, advanced_event_selectors: [{field_selectors: [{field: readOnly}]}]}}",
            "must name the category",
        ),
        ("trails: {audit: {existing: audit, bucket: logs, key: a}}", "beside `existing`"),
        ("event_data_stores: {lake: {key: a, retention_days: 3}}", "3 is out of range"),
        ("event_data_stores: {lake: {key: a, existing: lake}}", "not the ARN"),
    ] {
        let messages = super::wrong(&format!("{KEYS}cloudtrail: {{{text}}}"));
        assert!(messages.iter().any(|message| message.contains(said)), "{said}: {messages:?}");
    }
}
