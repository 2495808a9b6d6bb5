//! The default encryption of buckets.

use super::{KEYS, derived, desired, operations, policy, refused};
use crate::build::home;
use crate::fake::{Kill, make_bucket};
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::kind::{ConsumerKind, ConsumerSpec};
use serde_json::{Value, json};

const BUCKET: &str = "my-bucket";

fn buckets(fields: &str) -> Desired {
    desired(&format!("{KEYS}s3: {{buckets: {{data: {{existing: {BUCKET}, {fields}}}}}}}"))
}

/// Returns a stack whose account has the bucket.
fn stack(seed: u64) -> Stack {
    let stack = Stack::new(seed);
    make_bucket(&stack.fake, &home(), BUCKET);
    stack
}

/// Returns the key of the bucket by its alias, and whether it uses a bucket key.
fn live(stack: &Stack) -> Value {
    let ConsumerSpec::S3Bucket(spec) =
        stack.fake.consumer(ConsumerKind::S3Bucket, BUCKET).object.spec
    else {
        panic!("not a bucket")
    };
    let key = spec.key().map(|key| {
        let is = |alias: &str| stack.fake.key(alias).meta.arn.to_string() == key.to_string();
        ["a", "b"].into_iter().find(|alias| is(alias)).expect("a key of the stack")
    });
    json!([key, spec.settings.bucket_key])
}

#[test]
fn the_encryption_of_a_bucket_is_taken_over_changed_and_reset() {
    let mut stack = stack(1);
    let with_key = buckets("key: a, bucket_key: true");
    let plan = stack.applied(&with_key);
    let last = plan.steps.last().unwrap();
    assert_eq!(last.calls.last().unwrap().call.operation(), "PutBucketEncryption");
    let risk = last.risk.as_ref().unwrap();
    assert!(risk.contains("encrypts new objects with `key/a`; existing objects stay as they are"));
    stack.settled(&with_key);
    assert_eq!(live(&stack), json!(["a", true]));

    // A bucket key that is not declared stays as it is.
    let moved = buckets("key: b");
    let plan = stack.applied(&moved);
    let risk = plan.steps.iter().find_map(|step| step.risk.clone()).unwrap();
    assert!(risk.contains("existing objects stay encrypted with `key/a`"), "{risk}");
    stack.settled(&moved);
    assert_eq!(live(&stack), json!(["b", true]));

    let plan = stack.applied(&buckets("key: b, bucket_key: false"));
    assert_eq!(operations(&plan), ["PutBucketEncryption"]);
    let reset = buckets("key: null");
    let plan = stack.applied(&reset);
    let risk = plan.steps.iter().find_map(|step| step.risk.clone()).unwrap();
    assert!(risk.contains("encrypts new objects with keys that S3 manages"), "{risk}");
    stack.settled(&reset);
    assert_eq!(live(&stack), json!([null, false]));
    assert_eq!(*stack.fake.refusals.borrow(), [""; 0]);
}

#[test]
fn the_encryption_of_a_bucket_survives_kills_and_a_lost_state() {
    let all = buckets("key: a, bucket_key: true");
    for kill in [Kill::Before, Kill::After] {
        for n in 1.. {
            let mut stack = stack(n as u64);
            if stack.run_until(&all, Some((n, kill))).is_some() {
                break;
            }
            stack.applied(&all);
            stack.settled(&all);
            assert_eq!((live(&stack), stack.fake.keys_total()), (json!(["a", true]), 2));
        }
    }
    let mut stack = stack(1);
    stack.applied(&all);
    stack.state = lineage("two");
    let again = stack.applied(&all);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
    stack.settled(&all);
}

#[test]
fn drift_of_the_encryption_is_reverted_and_other_settings_are_kept() {
    let mut stack = stack(1);
    let all = buckets("key: a");
    stack.applied(&all);
    stack.fake.tamper_consumer(ConsumerKind::S3Bucket, BUCKET, |held| {
        let ConsumerSpec::S3Bucket(spec) = &mut held.object.spec else { panic!("not a bucket") };
        spec.common.key = Some(kmsctl::kind::consumer::Encryption::Aws);
        spec.settings.dual_layer = Some(true);
        spec.settings.blocked_encryption_types = Some(["SSE-C".to_owned()].into());
    });
    let plan = stack.applied(&all);
    assert_eq!(plan.drift.len(), 1);
    let call = &plan.steps[0].calls[0].call;
    insta::assert_snapshot!(call.request().1, @r#"{"Bucket":"my-bucket","ServerSideEncryptionConfiguration":{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms:dsse","KMSMasterKeyID":"key/a"},"BucketKeyEnabled":false,"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}}]}}"#);
    stack.settled(&all);
    // S3 has no bucket keys for objects that it encrypts twice.
    let plan = stack.plan_only(&buckets("key: a, bucket_key: true"));
    assert_eq!(plan.blocked[0].field, "bucket_key");
}

#[test]
fn a_bucket_that_is_no_longer_declared_keeps_its_encryption() {
    let mut stack = stack(1);
    stack.applied(&buckets("key: a"));
    let plan = stack.applied(&desired(KEYS));
    assert_eq!((operations(&plan).len(), plan.count("forget")), (0, 1));
    stack.settled(&desired(KEYS));
    assert_eq!(live(&stack), json!(["a", false]));
}

#[test]
fn a_key_that_a_bucket_needs_is_not_deleted() {
    let mut stack = stack(1);
    stack.applied(&buckets("key: a"));
    let keys = KEYS.replace("policy: {}", "policy: {}, protect: false");
    let free = "s3: {buckets: {data: {existing: my-bucket, key: a}}}";
    stack.applied(&desired(&format!("{keys}{free}")));
    let (plan, _) = stack.run(&desired("stack: stack\nregion: eu-central-1\n"));
    let blocked: Vec<String> =
        plan.blocked.iter().map(|b| format!("{}: {}", b.address, b.reason)).collect();
    assert!(
        blocked.contains(&"key/a: without the key, `s3_bucket/data` would stop working".to_owned()),
        "{blocked:?}"
    );
}

#[test]
fn users_of_buckets_may_use_the_key_through_s3() {
    let all = buckets("key: a, used_by: [role/App]");
    assert_eq!(derived(&all, "a"), [("AllowS3Objects".to_owned(), "s3_bucket/data".to_owned())]);
    insta::assert_snapshot!(policy(&all, "a")["Statement"][1], @r#"{"Sid":"AllowS3Objects","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-central-1.amazonaws.com"}}}"#);
    let all = buckets("key: a, bucket_key: true, used_by: [role/App]");
    insta::assert_snapshot!(policy(&all, "a")["Statement"][1], @r#"{"Sid":"AllowS3BucketKeys","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-central-1.amazonaws.com","kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::my-bucket"}}}"#);
    insta::assert_snapshot!(policy(&all, "a")["Statement"][2], @r#"{"Sid":"AllowS3ObjectsWithoutBucketKey","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-central-1.amazonaws.com"},"StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::my-bucket/*"}}}"#);
    assert_eq!(derived(&buckets("key: a"), "a"), []);
}

#[test]
fn settings_that_s3_does_not_accept_are_errors() {
    for (bucket, expected) in [
        ("data: {key: a}", "missing field `existing`"),
        ("data: {existing: s3://data, key: a}", "`s3://data` is not the name of a bucket"),
        ("data: {existing: my-bucket}", "`key` is not given"),
        ("data: {existing: my-bucket, key: null, bucket_key: true}", "only with a key of KMS"),
        ("data: {existing: my-bucket, key: a, tags: {a: b}}", "unknown field `tags`"),
        (
            "data: {existing: my-bucket, key: a}, more: {existing: my-bucket, key: b}",
            "`my-bucket` is declared twice",
        ),
        ("data: {existing: my-bucket, key: a, region: eu-west-1}", "is in eu-central-1"),
    ] {
        let messages = refused(&format!("{KEYS}s3: {{buckets: {{{bucket}}}}}"));
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{bucket}: {messages:?}"
        );
    }
}

#[test]
fn a_bucket_that_does_not_exist_is_a_blocked_change() {
    let mut stack = Stack::new(1);
    let (plan, _) = stack.run(&buckets("key: a"));
    let blocked: Vec<String> =
        plan.blocked.iter().map(|b| format!("{}: {}", b.address, b.reason)).collect();
    assert_eq!(blocked, ["s3_bucket/data: `my-bucket` does not exist"]);
}
