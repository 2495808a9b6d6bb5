//! The program with volumes and with the default encryption of a Region, over the wire. Differences
//! of the local AWS:
//!
//! - It does not support the default key, so only the flag is tested.
//! - A volume is `available` at once, even if its key is not usable.
//! - It ignores client tokens and page sizes.

use crate::program::{Stack, endpoint};
use crate::program_state::keys;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request to EC2 of the local AWS without kmsctl.
fn ec2(region: &str, query: &str) -> String {
    let host = endpoint().strip_prefix("http://").unwrap();
    let credential = format!("Credential=local/20260101/{region}/ec2/aws4_request");
    let body = format!("{query}&Version=2016-11-15");
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

fn volumes(region: &str) -> Vec<String> {
    let answer = ec2(region, "Action=DescribeVolumes");
    let ids = answer.split("<volumeId>").skip(1).map(|rest| rest.split('<').next().unwrap());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.dedup();
    ids
}

#[test]
fn the_life_cycle_of_volumes_over_the_wire_succeeds() {
    let region = "us-east-1";
    let text = |more: &str| {
        format!(
            "stack: volumes
keys: {{data: {{aliases: [ebs-data], policy: {{}}, protect: false}}}}
ebs:
  default: {{encryption: true}}
  volumes:
    data: {{availability_zone: {region}a, size_gib: 20, type: gp3, key: data, {more}}}
    copy: {{availability_zone: {region}b, size_gib: 8, key: alias/ebs-data, protect: false, tags: {{a: b}}}}
"
        )
    };
    let stack = Stack::of_text(&text("used_by: [role/App]"), region);
    let empty = || {
        let said = stack.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{said}");
    };
    let (ours, all) = (keys(region).len(), volumes(region).len());
    let plan = stack.expect(2, &["plan", "--detailed-exitcode", "--commands"]);
    assert!(plan.contains("aws ec2 create-volume") && plan.contains("--encrypted"), "{plan}");
    assert!(plan.contains("--kms-key-id \"$KEY_DATA\""), "{plan}");
    assert!(plan.contains("aws ec2 enable-ebs-encryption-by-default"), "{plan}");
    let said = stack.expect(0, &["apply", "--auto-approve"]);
    assert!(said.contains("every new volume in us-east-1"), "{said}");
    empty();
    stack.lose_state();
    empty();
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["drift"]);
    assert_eq!((keys(region).len(), volumes(region).len()), (ours + 1, all + 2));
    let list = stack.expect(0, &["state", "list"]);
    assert!(list.contains("ebs_default\n") && list.contains("ebs_volume/data\n"), "{list}");
    let record = stack.expect(0, &["state", "show", "ebs_default"]);
    assert!(record.contains("\"encryption\": true"), "{record}");

    stack.write(&text("used_by: [role/App], iops: 4000, throughput: 250, tags: {c: d}"));
    let plan = stack.expect(2, &["plan", "--detailed-exitcode", "--target", "ebs_volume/*"]);
    assert!(plan.contains("ModifyVolume, CreateTags"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();
    ec2(region, "Action=DisableEbsEncryptionByDefault");
    let drift = stack.expect(2, &["drift"]);
    assert!(drift.contains("ebs_default") && drift.contains("encryption"), "{drift}");
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();

    stack.write(&text("tags: {c: d}").replace("size_gib: 20", "size_gib: 10"));
    let refused = stack.expect(3, &["plan"]);
    assert!(
        refused.contains("the volume has 20 GiB, and EC2 cannot reduce its size to 10 GiB"),
        "{refused}"
    );
    stack.write(&text("tags: {c: d}"));
    stack.expect(0, &["apply", "--auto-approve"]);
    let refused = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(refused.contains("protected"), "{refused}");
    stack.write(&text("tags: {c: d}, protect: false"));
    stack.expect(0, &["apply", "--auto-approve"]);
    let plan = stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(plan.contains("deletes the volume with all its data"), "{plan}");
    assert_eq!((keys(region).len(), volumes(region).len()), (ours, all));
    let on = ec2(region, "Action=GetEbsEncryptionByDefault");
    assert!(
        on.contains("<ebsEncryptionByDefault>true<"),
        "the configuration does not disable it: {on}"
    );
    ec2(region, "Action=DisableEbsEncryptionByDefault");
}
