//! The program with RDS, over the wire.
//!
//! In the local AWS every resource is available at once, and keys are not checked.

use crate::program::{Stack, endpoint};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request to the local AWS without kmsctl.
fn rds(region: &str, query: &str) -> String {
    let host = endpoint().strip_prefix("http://").unwrap();
    let body = format!("{query}&Version=2014-10-31");
    let credential = format!("Credential=local/20260101/{region}/rds/aws4_request");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\
         Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{query}: {answer}");
    answer
}

fn count(region: &str, operation: &str, element: &str) -> usize {
    rds(region, &format!("Action={operation}")).matches(&format!("<{element}>")).count()
}

const PASSWORD: &str = "correct-horse-battery";

/// Applies the configuration, plans it again with and without the state, changes AWS, and destroys
/// the resources.
#[track_caller]
fn check_life_cycle(stack: &Stack, drift: impl Fn()) {
    let with_password = |code: i32, args: &[&str]| {
        let output = stack.command(args).env("ORDERS_PASSWORD", PASSWORD).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?} says:\n{said}");
        assert!(!said.contains(PASSWORD), "{said}");
        said
    };
    let empty = || {
        let said = with_password(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{said}");
    };
    with_password(2, &["plan", "--detailed-exitcode", "--commands"]);
    with_password(0, &["apply", "--auto-approve"]);
    empty();
    stack.lose_state();
    empty();
    with_password(0, &["apply", "--auto-approve"]);
    drift();
    with_password(2, &["drift"]);
    with_password(0, &["apply", "--auto-approve"]);
    empty();
    let folder = stack.folder.path().join("state");
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(PASSWORD));
    }
}

#[test]
fn the_life_cycle_of_instances_succeeds() {
    let region = "us-west-2";
    let text = "stack: rds-instances
keys: {a: {policy: {}, protect: false}}
rds:
  instances:
    orders: {engine: mysql, engine_version: '8.0', instance_class: db.t3.micro, allocated_storage_gib: 20, master_username: admin, master_password: {env: ORDERS_PASSWORD}, db_name: orders, key: a, used_by: [role/App], protect: false, tags: {team: x}, deletion_protection: true}
";
    let stack = Stack::of_text(text, region);
    let unset = stack.expect(4, &["apply", "--auto-approve"]);
    assert!(
        unset.contains("`ORDERS_PASSWORD`, which supplies the master password, is not set"),
        "{unset}"
    );
    assert_eq!(count(region, "DescribeDBInstances", "DBInstance"), 0);
    check_life_cycle(&stack, || {
        let change =
            "DBInstanceIdentifier=orders&DBInstanceClass=db.t3.large&ApplyImmediately=true";
        rds(region, &format!("Action=ModifyDBInstance&{change}"));
    });
    let changed = text.replace("db.t3.micro", "db.t3.small").replace("team: x", "team: y");
    stack.write(&changed);
    let said = stack.expect(0, &["apply", "--auto-approve"]);
    assert!(said.contains("ModifyDBInstance"), "{said}");
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    // The final snapshot needs the key.
    let said = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(said.contains("the key is in use: final snapshot `"), "{said}");
    assert_eq!(count(region, "DescribeDBInstances", "DBInstance"), 0);
    assert_eq!(count(region, "DescribeDBSnapshots", "DBSnapshot"), 1);
}

#[test]
fn the_life_cycle_of_clusters_succeeds() {
    let region = "ap-northeast-3";
    let text = "stack: rds-clusters
keys: {a: {policy: {}, protect: false}}
rds:
  clusters:
    ledger:
      {engine: aurora-postgresql, master_username: dbadmin, master_password: {env: ORDERS_PASSWORD}, key: a, protect: false, backup_retention_days: 3,
       members: {ledger-1: {instance_class: db.r6g.large}, ledger-2: {instance_class: db.r6g.large}}}
";
    let stack = Stack::of_text(text, region);
    check_life_cycle(&stack, || {
        rds(region, "Action=DeleteDBInstance&DBInstanceIdentifier=ledger-2&SkipFinalSnapshot=true");
    });
    assert_eq!(count(region, "DescribeDBInstances", "DBInstance"), 2);
    let changed = text.replace("days: 3", "days: 5").replace("ledger-2:", "ledger-3:");
    stack.write(&changed);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    // The final snapshot needs the key.
    let said = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(said.contains("the key is in use: final snapshot `"), "{said}");
    assert_eq!(count(region, "DescribeDBInstances", "DBInstance"), 0);
    assert_eq!(count(region, "DescribeDBClusters", "DBCluster"), 0);
    let left = rds(region, "Action=DescribeDBClusterSnapshots");
    assert!(left.contains("<DBClusterSnapshotIdentifier>ledger-final-cluster-"), "{left}");
}
