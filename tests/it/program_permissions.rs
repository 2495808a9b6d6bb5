//! Permissions with a local AWS over the wire: the printed policies are enough and each of their actions is needed, and an
//! apply reports before its first call what the policies of keys deny.

use crate::program::{Stack, endpoint, top};
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
    for example in ["storage", "cloudtrail", "dynamodb"] {
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
