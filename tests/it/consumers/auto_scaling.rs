//! Auto Scaling groups: the derived statements, grants and roles.

use super::{KEYS, derived, desired, policy};
use crate::world::Stack;
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::Kind;
use serde_json::{Value, json};

const ACCOUNTS: &str = "accounts: {workload: {id: \"444455556666\", role: role/kmsctl}}\n";

fn groups(groups: &str) -> String {
    format!("{KEYS}{ACCOUNTS}auto_scaling:\n  groups:\n{groups}")
}

fn role(account: &str, name: &str) -> String {
    let service = if name.contains("Spot") { "spot" } else { "autoscaling" };
    format!("arn:aws:iam::{account}:role/aws-service-role/{service}.amazonaws.com/{name}")
}

fn addresses(desired: &Desired, kind: Kind) -> Vec<String> {
    let all = desired.resources.keys().filter(|address| address.kind == kind);
    all.map(|address| address.name.clone()).collect()
}

/// Returns the statements of the key `a` except the account-root statement.
fn statements(desired: &Desired) -> Value {
    json!(policy(desired, "a")["Statement"].as_array().unwrap()[1..])
}

const USE: [&str; 5] =
    ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];

#[test]
fn groups_of_one_key_share_statements_and_their_roles_are_created() {
    let text = groups(
        "    web: {key: a}
    batch: {key: a, suffix: kms, spot: true}
    old: {key: b, suffix: old, service_linked_role: assume}
",
    );
    let all = desired(&text);
    let roles =
        ["autoscaling.amazonaws.com", "autoscaling.amazonaws.com/kms", "spot.amazonaws.com"];
    assert_eq!(addresses(&all, Kind::ServiceLinkedRole), roles);
    let of = |sid: &str| (sid.to_owned(), "auto_scaling/batch auto_scaling/web".to_owned());
    assert_eq!(derived(&all, "a"), [of("AllowAutoScalingGrants"), of("AllowAutoScalingUse")]);
    let name = "AWSServiceRoleForAutoScaling";
    let arns = json!({"AWS": [role("111122223333", name),
        role("111122223333", &format!("{name}_kms")),
        role("111122223333", "AWSServiceRoleForEC2Spot")]});
    let expected = json!([
        {"Sid": "AllowAutoScalingGrants", "Effect": "Allow", "Principal": arns,
            "Action": "kms:CreateGrant", "Resource": "*",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}},
        {"Sid": "AllowAutoScalingUse", "Effect": "Allow", "Principal": arns, "Action": USE,
            "Resource": "*"},
    ]);
    assert_eq!(statements(&all), expected);
    let mut stack = Stack::new(1);
    let missing = ["kms", "old"].map(|suffix| role("111122223333", &format!("{name}_{suffix}")));
    stack.fake.faults.borrow_mut().missing.insert(missing[0].clone());
    let plan = stack.applied(&all);
    let made = |step: &&kmsctl::plan::Step| step.address.kind == Kind::ServiceLinkedRole;
    let made: Vec<String> =
        plan.steps.iter().filter(made).map(|step| step.address.to_string()).collect();
    assert_eq!(made, ["service_linked_role/autoscaling.amazonaws.com/kms"]);
    stack.settled(&all);
}

#[test]
fn a_role_that_is_declared_already_is_declared_once() {
    let roles = "service_linked_roles: [{service: autoscaling.amazonaws.com}]\n";
    let all = desired(&format!("{}{roles}", groups("    web: {key: a}\n    api: {key: a}\n")));
    assert_eq!(addresses(&all, Kind::ServiceLinkedRole), ["autoscaling.amazonaws.com"]);
}

#[test]
fn another_account_gets_access_and_creates_a_grant_for_its_role() {
    let all = desired(&groups("    web: {key: a, account: workload, suffix: x, spot: true}\n"));
    let of = |sid: &str| (sid.to_owned(), "auto_scaling/web".to_owned());
    let sids = ["AllowAutoScalingAccountGrants", "AllowAutoScalingAccountUse"];
    assert_eq!(derived(&all, "a"), sids.map(of));
    let root = json!({"AWS": "arn:aws:iam::444455556666:root"});
    let expected = json!([
        {"Sid": sids[0], "Effect": "Allow", "Principal": root, "Action": "kms:CreateGrant",
            "Resource": "*"},
        {"Sid": sids[1], "Effect": "Allow", "Principal": root, "Action": USE, "Resource": "*"},
    ]);
    assert_eq!(statements(&all), expected);
    assert_eq!(addresses(&all, Kind::ServiceLinkedRole), [""; 0]);
    assert_eq!(addresses(&all, Kind::Grant), ["a/web", "a/web-spot"]);
    let grants = ["grant/a/web", "grant/a/web-spot"].map(|address| {
        let declared = &all.resources[&address.parse().unwrap()];
        serde_json::to_value(declared.spec.as_grant().unwrap()).unwrap()
    });
    assert_eq!(grants[0]["grantee"], role("444455556666", "AWSServiceRoleForAutoScaling_x"));
    assert_eq!(grants[1]["grantee"], role("444455556666", "AWSServiceRoleForEC2Spot"));
    for grant in &grants {
        assert_eq!(grant["account"], "444455556666");
        let operations = [
            "CreateGrant",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        ];
        assert_eq!(grant["operations"], json!(operations));
    }
}

#[test]
fn on_a_key_of_another_account_the_stacks_own_group_gets_a_grant() {
    let key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let text = groups("    web: {key: theirs}\n");
    let all =
        desired(&text.replace("keys:\n", &format!("keys:\n  theirs: {{existing: \"{key}\"}}\n")));
    assert_eq!(addresses(&all, Kind::Grant), ["theirs/web"]);
    assert_eq!(addresses(&all, Kind::ServiceLinkedRole), ["autoscaling.amazonaws.com"]);
    let declared = &all.resources[&"grant/theirs/web".parse().unwrap()];
    let grant = serde_json::to_value(declared.spec.as_grant().unwrap()).unwrap();
    assert_eq!((&grant["key"], &grant["account"]), (&json!(key), &json!("111122223333")));
    assert_eq!(grant["grantee"], role("111122223333", "AWSServiceRoleForAutoScaling"));
}

/// Returns the error messages for an invalid configuration.
#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn errors(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    std::fs::write(&file, text).unwrap();
    let (mut loaded, problems) = load(&Input { paths: vec![file], ..Input::default() });
    let (account, region) = ("111122223333".parse().unwrap(), "eu-central-1".parse().unwrap());
    let (_, more) = loaded.resolve(&Surroundings { account, region });
    let all = problems.into_iter().chain(more);
    all.map(|d| format!("{}: {}", d.message, d.help.unwrap_or_default())).collect()
}

#[test]
fn groups_from_which_nothing_can_be_derived_are_refused() {
    let key = |account: &str, region: &str| {
        format!("arn:aws:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab")
    };
    let own = format!("    web: {{key: \"{}\"}}\n", key("111122223333", "eu-central-1"));
    for (group, expected) in [
        ("    web: {key: c}\n", "there is no key `c`"),
        (own.as_str(), "statements cannot be derived"),
        ("    web: {key: alias/other}\n", "statements cannot be derived"),
        ("    web: {key: a, account: elsewhere}\n", "`accounts` has no entry `elsewhere`"),
        ("    web: {key: a, suffix: \"a b\"}\n", "is not a suffix"),
        ("    web: {key: far}\n", "in its own Region"),
        ("    web: {key: signs}\n", "symmetric keys"),
        (
            "    web: {key: a, account: workload, service_linked_role: create}\n",
            "kmsctl does not create roles in account 444455556666, which is not the stack's: set `assume`",
        ),
        ("    web: {key: a, service_linked_role: maybe}\n", "one of create, assume"),
        ("    g: {key: a, account: workload}\n", "`grant/a/g` is declared twice"),
    ] {
        let grant = "grants: {g: {grantee: role/x, operations: [Decrypt]}}";
        let text =
            groups(group).replace("a: {aliases: [a],", &format!("a: {{{grant}, aliases: [a],"));
        let more =
            "keys:\n  far: {region: eu-west-1}\n  signs: {spec: RSA_2048, usage: SIGN_VERIFY}\n";
        let found = errors(&text.replace("keys:\n", more));
        assert_eq!(found.len(), 1, "{group}: {found:#?}");
        assert!(found[0].contains(expected), "{group}: {found:#?}");
    }
}

#[test]
fn volumes_that_aws_cannot_create_are_refused() {
    for (fields, expected) in [
        ("size_gib: 20", "`availability_zone` is not given"),
        ("availability_zone: eu-central-1a", "`size_gib` is not given"),
        (
            "availability_zone: eu-west-1a, size_gib: 20",
            "is not an Availability Zone of eu-central-1",
        ),
        (
            "availability_zone: eu-central-1, size_gib: 20",
            "is not an Availability Zone of eu-central-1",
        ),
        ("availability_zone: eu-central-1a, size_gib: 20, type: gp4", "did you mean"),
        ("availability_zone: eu-central-1a, size_gib: 20, iops: 4000", "has no `iops`"),
        ("availability_zone: eu-central-1a, size_gib: 9, type: st1", "125 to 16384"),
        ("availability_zone: eu-central-1a, size_gib: 9, type: gp3, iops: 9", "3000 to 80000"),
        ("availability_zone: eu-central-1a, size_gib: 9, type: io2", "needs `iops`"),
        (
            "availability_zone: eu-central-1a, size_gib: 9, type: io2, iops: 100, throughput: 125",
            "has no `throughput`",
        ),
        (
            "availability_zone: eu-central-1a, size_gib: 9, type: gp3, multi_attach: true",
            "io1 and io2 volumes only",
        ),
        ("availability_zone: eu-central-1a, snapshot_id: data", "is not the id of a snapshot"),
        ("existing: data", "is not the id of a volume"),
        ("existing: vol-0a, size_gib: 20", "cannot be declared beside `existing`"),
    ] {
        let found = errors(&format!("{KEYS}ebs: {{volumes: {{data: {{key: a, {fields}}}}}}}"));
        assert_eq!(found.len(), 1, "{fields}: {found:#?}");
        assert!(found[0].contains(expected), "{fields}: {found:#?}");
    }
    let zone = "availability_zone: eu-central-1a, size_gib: 20";
    for (text, expected) in [
        (format!("volumes: {{data: {{{zone}}}}}"), "`key` is not given"),
        (format!("volumes: {{data: {{{zone}, key: null}}}}"), "`key: null` is not possible"),
        ("default: {}".to_owned(), "neither `encryption` nor `key` is given"),
        ("default: {key: a, region: eu-west-1}".to_owned(), "in its own Region"),
    ] {
        let found = errors(&format!("{KEYS}ebs: {{{text}}}"));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].contains(expected), "{text}: {found:#?}");
    }
}
