//! The program with an Elasticsearch domain, over the wire.
//!
//! Differences of the local AWS: a domain is available or deleted at once. The states are tested
//! with the stand-in and with recorded answers.

use crate::program::Stack;
use crate::program_efs::{JSON, ask};
use serde_json::{Value, json};

const REGION: &str = "ap-northeast-3";

fn domain() -> Value {
    let path = "/2021-01-01/opensearch/domain/wire-logs";
    let body = ask(REGION, "es", "GET", path, (JSON, ""));
    serde_json::from_str::<Value>(&body).unwrap()["DomainStatus"].clone()
}

fn text(protect: bool, more: &str) -> String {
    format!(
        "stack: wire-es\nkeys: {{logs: {{aliases: [wire-es], protect: {protect}, policy: {{}}}}}}\n\
         es:\n  domains:\n    wire-logs:\n      key: logs\n      protect: {protect}\n      \
         engine_version: OpenSearch_2.17\n      instance_type: t3.small.search\n      \
         volume_size_gib: 10\n      volume_type: gp3\n      used_by: [user/ESAdmin]\n      \
         enforce_https: true\n      node_to_node_encryption: true\n      {more}\n"
    )
}

#[test]
fn the_life_cycle_of_a_domain_with_its_key_succeeds() {
    let policy = "access_policy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: \
                  {AWS: '${aws.account_id}'}, Action: 'es:ESHttp*', Resource: '*'}]}";
    let one = format!("instance_count: 1\n      {policy}");
    let stack = Stack::of_text(&text(true, &one), REGION);
    let commands = stack.expect(0, &["plan", "--commands"]);
    assert!(commands.contains("aws opensearch create-domain"), "{commands}");
    stack.expect(0, &["apply", "--auto-approve"]);
    let empty = || {
        let said = stack.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{said}");
    };
    empty();
    stack.lose_state();
    empty();
    stack.expect(0, &["apply", "--auto-approve"]);
    let made = domain();
    assert_eq!(made["EncryptionAtRestOptions"]["Enabled"], true);
    let key = made["EncryptionAtRestOptions"]["KmsKeyId"].as_str().unwrap();
    assert!(key.contains(":key/"), "{made}");

    let three = format!(
        "instance_count: 3\n      zone_awareness: {{zones: 3}}\n      tags: {{team: x}}\n      {policy}"
    );
    stack.write(&text(true, &three));
    let plan = stack.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("UpdateDomainConfig"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();
    assert_eq!(domain()["ClusterConfig"]["InstanceCount"], 3);
    assert_eq!(domain()["EncryptionAtRestOptions"]["KmsKeyId"], json!(key));

    // Unencrypted connections are allowed outside of kmsctl.
    let path = "/2021-01-01/opensearch/domain/wire-logs/config";
    let body = json!({"DomainName": "wire-logs",
        "DomainEndpointOptions": {"EnforceHTTPS": false}})
    .to_string();
    ask(REGION, "es", "POST", path, (JSON, &body));
    let drift = stack.expect(2, &["drift"]);
    assert!(drift.contains("enforce_https"), "{drift}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();

    // Another key is refused, with an alternative.
    let other = text(true, &three)
        .replace("key: logs", "key: other")
        .replace("keys: {logs", "keys: {other: {protect: false}, logs");
    stack.write(&other);
    let refused = stack.expect(3, &["plan"]);
    assert!(refused.contains("snapshot"), "{refused}");

    stack.write(&text(false, &three));
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["destroy", "--auto-approve"]);
    let names = ask(REGION, "es", "GET", "/2021-01-01/domain", (JSON, ""));
    assert!(!names.contains("wire-logs"), "{names}");
}
