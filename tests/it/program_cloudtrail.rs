//! The program with trails, over the wire. The local AWS has no event data stores, and does not
//! check the policy of the bucket; kmsctl does.

use crate::program::{Stack, endpoint};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request to the local AWS without kmsctl.
fn ask(region: &str, service: &str, line: &str, target: &str, body: &str) -> String {
    let host = endpoint().strip_prefix("http://").unwrap();
    let credential = format!("Credential=local/20260101/{region}/{service}/aws4_request");
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-amz-json-1.1\r\n{target}Authorization: AWS4-HMAC-SHA256 \
         {credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{line}: {answer}");
    body.to_owned()
}

fn cloudtrail(region: &str, operation: &str, body: &Value) -> Value {
    let target = "X-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
    let target = format!("{target}.{operation}\r\n");
    let text = ask(region, "cloudtrail", "POST /", &target, &body.to_string());
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Creates a bucket.
pub(crate) fn make_bucket(region: &str, name: &str) {
    let place = format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    );
    ask(region, "s3", &format!("PUT /{name}"), "", &place);
}

/// Encrypts a bucket with keys that S3 manages, as another tool does.
pub(crate) fn reset_encryption(region: &str, name: &str) {
    let rule = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
                <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
                </ServerSideEncryptionConfiguration>";
    ask(region, "s3", &format!("PUT /{name}?encryption"), "", rule);
}

/// Sets the bucket policy that AWS documents for a trail.
pub(crate) fn open_bucket(region: &str, name: &str, trail: &str) {
    let arn = format!("arn:aws:cloudtrail:{region}:123456789012:trail/{trail}");
    let allow = |action: &str, resource: &str, condition: Value| {
        json!({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": action, "Resource": resource, "Condition": {"StringEquals": condition}})
    };
    let acl = "bucket-owner-full-control";
    let policy = json!({"Version": "2012-10-17", "Statement": [
        allow("s3:GetBucketAcl", &format!("arn:aws:s3:::{name}"), json!({"aws:SourceArn": arn})),
        allow(
            "s3:PutObject",
            &format!("arn:aws:s3:::{name}/AWSLogs/123456789012/*"),
            json!({"aws:SourceArn": arn, "s3:x-amz-acl": acl}),
        ),
    ]});
    ask(region, "s3", &format!("PUT /{name}?policy"), "", &policy.to_string());
}

const REGION: &str = "eu-north-1";

const TEXT: &str = "stack: trails
keys:
  a: {aliases: [trails-a], policy: {}}
  b: {aliases: [trails-b], policy: {}}
cloudtrail:
  trails:
    wire-audit:
      bucket: kmsctl-wire-trails
      key: a
      multi_region: true
      event_selectors: [{read_write_type: WriteOnly}]
      log_readers: [user/Bob]
";

#[test]
fn the_life_cycle_of_a_trail_over_the_wire_succeeds() {
    let stack = Stack::of_text(TEXT, REGION);
    let said = stack.expect(3, &["plan"]);
    assert!(said.contains("the bucket `kmsctl-wire-trails` does not exist"), "{said}");
    make_bucket(REGION, "kmsctl-wire-trails");
    let said = stack.expect(3, &["plan"]);
    assert!(said.contains("s3:PutObject"), "{said}");
    open_bucket(REGION, "kmsctl-wire-trails", "wire-audit");
    stack.expect(0, &["apply", "--auto-approve"]);
    let empty = || {
        let said = stack.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{said}");
    };
    empty();
    stack.lose_state();
    empty();
    stack.expect(0, &["apply", "--auto-approve"]);

    // The trail is stopped outside of kmsctl.
    cloudtrail(REGION, "StopLogging", &json!({"Name": "wire-audit"}));
    let drift = stack.expect(2, &["drift"]);
    assert!(drift.contains("logging"), "{drift}");
    stack.expect(0, &["apply", "--auto-approve"]);
    let status = cloudtrail(REGION, "GetTrailStatus", &json!({"Name": "wire-audit"}));
    assert_eq!(status["IsLogging"], true);

    let changed = TEXT
        .replace("key: a\n", "key: b\n      log_file_validation: true\n      tags: {team: x}\n")
        .replace("WriteOnly", "All");
    stack.write(&changed);
    let plan = stack.expect(0, &["plan", "--commands"]);
    let update = "aws cloudtrail update-trail --region eu-north-1 --name wire-audit";
    assert!(plan.contains(update), "{plan}");
    assert!(plan.contains("--kms-key-id arn:aws:kms:eu-north-1:"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();
    stack.write(&changed.replace("key: b\n", "key: null\n"));
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();

    let refused = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(refused.contains("protected"), "{refused}");
    stack.write(&format!("{changed}defaults: {{protect: false}}\n"));
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["destroy", "--auto-approve"]);
    let left = cloudtrail(REGION, "DescribeTrails", &json!({"includeShadowTrails": false}));
    assert_eq!(left["trailList"], json!([]));
}
