//! The program with an EFS file system, over the wire.
//!
//! Differences of the local AWS: throughput and backups cannot be changed, and every resource is
//! available at once. These are tested with the stand-in and with recorded answers.

use crate::program::{Stack, endpoint};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request to the local AWS without kmsctl.
pub(crate) fn ask(
    region: &str,
    service: &str,
    method: &str,
    path: &str,
    (kind, body): (&str, &str),
) -> String {
    let host = endpoint().strip_prefix("http://").unwrap();
    let credential = format!("Credential=local/20260101/{region}/{service}/aws4_request");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: {kind}\r\n\
         Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    body.to_owned()
}

pub(crate) const JSON: &str = "application/json";
const REGION: &str = "us-west-2";

fn efs(method: &str, path: &str) -> Value {
    let path = format!("/2015-02-01/{path}");
    let body = ask(REGION, "elasticfilesystem", method, &path, (JSON, ""));
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

/// Returns the texts of an XML element in the order of the answer.
fn ec2(action: &str, element: &str) -> Vec<String> {
    let form = "application/x-www-form-urlencoded";
    let body = format!("Action={action}&Version=2016-11-15");
    let answer = ask(REGION, "ec2", "POST", "/", (form, &body));
    let open = format!("<{element}>");
    let parts = answer.split(&open).skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

fn mount_targets(id: &str) -> Vec<Value> {
    efs("GET", &format!("mount-targets?FileSystemId={id}"))["MountTargets"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn the_life_cycle_of_a_file_system_with_its_mount_targets_succeeds() {
    let (subnets, groups) =
        (ec2("DescribeSubnets", "subnetId"), ec2("DescribeSecurityGroups", "groupId"));
    let group = &groups[0];
    let text = |protect: bool, targets: &[String], more: &str| {
        let targets: Vec<String> = targets
            .iter()
            .map(|subnet| format!("{{subnet: {subnet}, security_groups: [{group}]}}"))
            .collect();
        format!(
            "stack: wire-efs\nkeys: {{files: {{aliases: [wire-efs], protect: {protect}, policy: {{}}}}}}\n\
             efs:\n  file_systems:\n    shared:\n      key: alias/wire-efs\n      \
             protect: {protect}\n      used_by: [role/App]\n      \
             mount_targets: [{}]\n      {more}\n",
            targets.join(", ")
        )
    };
    let stack =
        Stack::of_text(&text(true, &subnets[..1], "performance_mode: generalPurpose"), REGION);
    let commands = stack.expect(0, &["plan", "--commands"]);
    assert!(commands.contains("aws efs create-file-system"), "{commands}");
    stack.expect(0, &["apply", "--auto-approve"]);
    let empty = || {
        let said = stack.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{said}");
    };
    empty();
    stack.lose_state();
    empty();
    stack.expect(0, &["apply", "--auto-approve"]);

    let system = efs("GET", "file-systems")["FileSystems"][0].clone();
    assert_eq!(system["CreationToken"], "kmsctl:wire-efs/shared");
    assert_eq!(system["Encrypted"], true);
    assert!(system["KmsKeyId"].as_str().unwrap().contains(":key/"), "{system}");
    let id = system["FileSystemId"].as_str().unwrap();

    // The change adds a second mount target, a lifecycle and a tag.
    let more = "lifecycle: {transition_to_ia: AFTER_30_DAYS}\n      tags: {team: x}";
    stack.write(&text(true, &subnets[..2], more));
    let plan = stack.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("PutLifecycleConfiguration"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();
    assert_eq!(mount_targets(id).len(), 2);

    // The mount target is deleted outside of kmsctl.
    let second = mount_targets(id)
        .into_iter()
        .find(|target| target["SubnetId"].as_str() == Some(&subnets[1]))
        .unwrap();
    efs("DELETE", &format!("mount-targets/{}", second["MountTargetId"].as_str().unwrap()));
    stack.expect(2, &["drift"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();

    stack.expect(3, &["destroy", "--auto-approve"]);
    stack.write(&text(false, &subnets[..2], more));
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["destroy", "--auto-approve"]);
    assert_eq!(efs("GET", "file-systems")["FileSystems"], serde_json::json!([]));
}
