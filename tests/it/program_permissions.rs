//! Permissions with a local AWS over the wire: the printed policies are enough and each of their actions is needed, and
//! an apply reports before its first call what the policies of keys deny.

use crate::program::{Stack, endpoint, proxy, top};
use crate::program_state::kms;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// `KMSCTL_LEAST_ACTIONS` is the number of actions that are removed in turn, 0 for all of them.
#[test]
fn the_printed_policies_are_enough_and_each_of_their_actions_is_needed() {
    let actions = std::env::var("KMSCTL_LEAST_ACTIONS").unwrap_or_else(|_| "1".to_owned());
    let done = Command::new(top().join("tests/moto/serve.sh"))
        .args(["python3", "tests/moto/least.py", env!("CARGO_BIN_EXE_kmsctl")])
        .env("KMSCTL_LEAST_ACTIONS", actions)
        .current_dir(top())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    for example in ["storage", "cloudtrail", "dynamodb", "relations"] {
        assert!(text.contains(&format!("{example}: ")), "{text}");
    }
}

/// Returns the access key of a session of a role.
fn session(role: &str) -> String {
    let script = "import re, sys, urllib.parse, urllib.request as u\n\
        body = urllib.parse.urlencode({'Action': 'AssumeRole', 'Version': '2011-06-15', \
        'RoleArn': sys.argv[2], 'RoleSessionName': 'deploy'}).encode()\n\
        scope = 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sts/aws4_request, \
        SignedHeaders=host, Signature=0'\n\
        text = u.urlopen(u.Request(sys.argv[1], body, {'Authorization': scope})).read().decode()\n\
        print(re.search('<AccessKeyId>(.*?)<', text)[1])";
    let done = Command::new("python3").args(["-c", script, endpoint(), role]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn an_apply_that_the_policy_of_a_key_denies_sends_nothing() {
    let text = "stack: preflight\nkeys: {closed: {policy: {administrators: [role/Admin, role/App], \
                delegate_to_iam: false}}}\n";
    let stack = Stack::of_text(text, "us-west-2");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(
        &text.replace("{policy:", "{description: New, rotation: {period_days: 365}, policy:"),
    );
    let key = session("arn:aws:iam::123456789012:role/kmsctl");
    let run = |args: &[&str]| {
        let done = stack.command(args).env("AWS_ACCESS_KEY_ID", &key).output().unwrap();
        let all = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (done.status.code(), all)
    };
    let (code, told) = run(&["apply", "--auto-approve"]);
    assert_eq!(code, Some(3), "{told}");
    for part in ["kms:UpdateKeyDescription", "kms:EnableKeyRotation", "nothing was sent"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("AccessDenied") && !told.contains("were not checked"), "{told}");
    stack.expect(2, &["plan", "--detailed-exitcode"]);
    let (_, told) = run(&["permissions"]);
    assert!(told.contains("role/kmsctl") && told.contains("\"kms:EnableKeyRotation\""), "{told}");
    // The local AWS itself denies nothing.
    let (code, told) = run(&["apply", "--auto-approve", "--no-preflight"]);
    assert_eq!(code, Some(0), "{told}");
}

/// Runs a command in a folder, without a configuration. Returns the exit code, what was printed, and what was said.
fn bare(folder: &Path, url: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
        .env_clear()
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(folder)
        .args(args)
        .output()
        .unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
    (done.status.code(), out, err)
}

/// The first export comes before the configuration.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn an_account_without_a_configuration_is_exported_with_exactly_the_printed_rights() {
    let region = "eu-central-1";
    let id = &kms(region, "CreateKey", &json!({}))["KeyMetadata"]["KeyId"];
    kms(region, "CreateAlias", &json!({"AliasName": "alias/first-a", "TargetKeyId": id}));
    let folder = tempfile::tempdir().unwrap();
    let regions = ["--regions", region];
    let permissions = ["permissions", "--for", "export", "--consumers", "--format", "iam"];
    let (code, policy, told) =
        bare(folder.path(), endpoint(), &[&permissions[..], &regions].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(policy.contains(&format!("arn:aws:kms:{region}:123456789012:key/*")), "{policy}");

    let whole: Value = serde_json::from_str(&policy).unwrap();
    let allow = folder.path().join("allow.json");
    let (_proxy, url) = proxy(&["--allow", allow.to_str().unwrap()]);
    let export = |policy: &Value| {
        std::fs::write(&allow, json!([policy]).to_string()).unwrap();
        bare(folder.path(), &url, &["export", "--consumers", regions[0], regions[1]])
    };
    let (code, _, told) = export(&whole);
    assert_eq!(code, Some(0), "{told}");
    assert!(!told.contains("Not listed"), "{told}");
    let without = |denied: &[&str]| {
        let mut less = whole.clone();
        let mut removed = 0;
        for statement in less["Statement"].as_array_mut().unwrap() {
            let actions = match statement["Action"].take() {
                Value::Array(all) => all,
                one => vec![one],
            };
            let kept: Vec<Value> = actions
                .iter()
                .filter(|one| !denied.iter().any(|action| **one == *action))
                .cloned()
                .collect();
            removed += actions.len() - kept.len();
            statement["Action"] = kept.into();
        }
        assert_eq!(removed, denied.len(), "{denied:?}");
        export(&less)
    };
    let actions = ["ListKeys", "DescribeKey", "GetKeyPolicy", "ListGrants", "ListResourceTags"];
    for action in actions {
        let (code, _, told) = without(&[&format!("kms:{action}")]);
        assert!(code != Some(0) && told.contains(action), "{action} {code:?}: {told}");
    }
    let (code, out, told) = without(&["kms:ListAliases"]);
    assert!(code == Some(3) && out.contains("adopt:") && !out.contains("first-a"), "{out}{told}");
    assert!(told.contains(&format!("The aliases in {region} could not be listed")), "{told}");
    assert!(told.contains("kms:ListAliases (missing in the IAM policies of the caller)"), "{told}");
    let (code, _, told) = without(&["kms:GetKeyPolicy", "kms:ListGrants"]);
    let both =
        "denied: kms:GetKeyPolicy, kms:ListGrants (missing in the IAM policies of the caller).";
    assert!(code == Some(3) && told.contains(both), "{told}");
    let lists = [
        ("ec2:DescribeVolumes", "EBS volumes"),
        ("ec2:DescribeSnapshots", "EBS snapshots"),
        ("ec2:GetEbsDefaultKmsKeyId", "EBS default encryptions"),
        ("rds:DescribeDBSnapshots", "RDS snapshots"),
        ("rds:DescribeDBClusterSnapshots", "RDS cluster snapshots"),
    ];
    for (action, what) in lists {
        let (_, _, told) = without(&[action]);
        assert!(told.contains(&format!("Not listed: {what} (")), "{action}: {told}");
        assert!(told.contains("Never checked: other accounts and Regions"), "{told}");
    }
}

#[test]
fn the_account_of_a_principal_needs_no_credentials_and_a_configuration_is_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let role = "arn:aws:iam::444455556666:role/export";
    let nowhere = "http://127.0.0.1:9";
    let export = ["permissions", "--for", "export", "--principal", role];
    let (code, text, told) = bare(
        folder.path(),
        nowhere,
        &[&export[..], &["--regions", "eu-west-1,eu-west-3"]].concat(),
    );
    assert_eq!(code, Some(0), "{told}");
    for part in [role, "key/*", "kms:eu-west-1:444455556666", "kms:eu-west-3:444455556666"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("ec2:") && !text.contains("s3:"), "{text}");
    let (code, _, told) = bare(folder.path(), nowhere, &export);
    assert!(code == Some(1) && told.contains("no Region is configured"), "{told}");
    for args in [&["--for", "plan", "--regions", "eu-west-1"][..], &["--consumers"]] {
        let (code, _, told) = bare(folder.path(), nowhere, &[&["permissions"], args].concat());
        assert!(code == Some(64) && told.contains("--for export"), "{told}");
    }
    // Other commands need the configuration, and a configuration names the Regions of its own keys.
    let (code, _, told) = bare(folder.path(), nowhere, &["permissions", "--for", "impact"]);
    assert!(code == Some(1) && told.contains("there is no kmsctl.yaml"), "{told}");
    let text = "stack: kept\nregion: ca-central-1\nkeys: {a: {multi_region: true, replicas: {sa-east-1: {}}}}\n";
    let stack = Stack::of_text(text, "ca-central-1");
    let text = stack.expect(0, &["permissions", "--for", "export"]);
    assert!(text.contains("kms:ca-central-1:") && text.contains("kms:sa-east-1:"), "{text}");
}
