//! Keys whose key material somebody imports, and grants for services.

use crate::consumers::{desired, operations};
use crate::world::Stack;

const TEXT: &str = "stack: stack
region: eu-central-1
keys:
  m:
    origin: EXTERNAL
    multi_region: true
    aliases: [m]
    grants: {app: {grantee: role/App, operations: [Decrypt]}}
    replicas: {eu-west-1: {grants: {app: {grantee: role/App, operations: [Decrypt]}}}}
";

#[test]
fn grants_and_replicas_wait_for_the_key_material() {
    let all = desired(TEXT);
    let mut stack = Stack::new(1);
    let (plan, ended) = stack.run(&all);
    assert!(ended.failed.is_empty(), "{ended:?}");
    assert_eq!(operations(&plan), ["CreateKey", "CreateAlias"]);
    let blocked: Vec<String> = plan.blocked.iter().map(|b| b.address.to_string()).collect();
    assert!(blocked.contains(&"grant/m/app".to_owned()), "{blocked:?}");
    assert!(blocked.contains(&"key/m/eu-west-1".to_owned()), "{blocked:?}");
    assert!(plan.blocked[0].reason.contains("key material"), "{:#?}", plan.blocked);
    let again = stack.plan_only(&all);
    assert!(again.steps.is_empty() && !again.blocked.is_empty(), "{again:#?}");

    let import = |stack: &Stack, name: &str| {
        stack.fake.tamper(name, |key| key.meta.state = "Enabled".to_owned());
    };
    import(&stack, "m");
    let (plan, ended) = stack.run(&all);
    assert!(ended.failed.is_empty(), "{ended:?}");
    assert_eq!(operations(&plan), ["ReplicateKey", "CreateGrant"]);
    // The material is imported into the replica by itself.
    let again = stack.plan_only(&all);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
    assert_eq!(again.blocked[0].address.to_string(), "grant/m/eu-west-1/app");
    import(&stack, "m/eu-west-1");
    assert_eq!(operations(&stack.applied(&all)), ["CreateGrant"]);
    stack.settled(&all);
}

/// Nothing can be encrypted with a key that has no key material.
#[test]
fn resources_wait_for_the_key_material() {
    let text = |key: &str| {
        format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{m: {{origin: EXTERNAL}}}}\n\
             ebs: {{default: {{encryption: true, key: {key}}}}}\n\
             dynamodb: {{tables: {{sessions: {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}\n"
        )
    };
    let all = desired(&text("m"));
    let mut stack = Stack::new(1);
    for _ in 0..2 {
        let (plan, _) = stack.run(&all);
        let blocked: Vec<String> = plan.blocked.iter().map(|b| b.address.to_string()).collect();
        assert!(blocked.contains(&"dynamodb_table/sessions".to_owned()), "{plan:#?}");
        assert!(blocked.iter().any(|address| address.starts_with("ebs_default")), "{blocked:?}");
    }
    stack.fake.tamper("m", |key| key.meta.state = "Enabled".to_owned());
    assert!(operations(&stack.applied(&all)).contains(&"CreateTable"));
    // The material has expired.
    stack.fake.tamper("m", |key| key.meta.state = "PendingImport".to_owned());
    let plan = stack.plan_only(&all);
    let unusable = plan.findings.iter().filter(|found| found.rule == "key-unusable");
    assert_eq!(unusable.count(), 2, "{:#?}", plan.findings);
}

#[test]
fn a_service_has_a_grant_for_one_resource() {
    let grant = |table: &str| {
        desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{a: {{grants: {{tables: {{\
             grantee: dynamodb.amazonaws.com, retiring: dynamodb.amazonaws.com, \
             operations: [Decrypt], constraints: {{encryption_context_subset: {{team: x}}, \
             source_arn: 'arn:aws:dynamodb:eu-central-1:111122223333:table/{table}'}}}}}}}}}}\n"
        ))
    };
    let mut stack = Stack::new(1);
    let plan = stack.applied(&grant("one"));
    let commands = kmsctl::render::commands::plan(&plan);
    for part in [
        "--grantee-service-principal dynamodb.amazonaws.com",
        "--retiring-service-principal dynamodb.amazonaws.com",
        r#""SourceArn":"arn:aws:dynamodb:eu-central-1:111122223333:table/one""#,
    ] {
        assert!(commands.contains(part), "{commands}");
    }
    stack.settled(&grant("one"));
    assert_eq!(operations(&stack.applied(&grant("two"))), ["CreateGrant", "RevokeGrant"]);
    stack.settled(&grant("two"));
}
