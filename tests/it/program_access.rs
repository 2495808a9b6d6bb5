//! The program's `access` command, gates, and principals that do not exist.

use crate::program::Stack;

const POLICY: &str =
    "policy: {administrators: [role/SecurityAdmin, role/Admin], users: [role/App]}";

#[test]
fn access_by_policy_and_by_grant_is_listed() {
    let text = format!(
        "stack: seen\nkeys:\n  a:\n    aliases: [seen]\n    {POLICY}\n    grants: {{batch: {{grantee: role/Batch, operations: [Decrypt]}}}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    let missing = stack.expect(1, &["access", "a"]);
    assert!(missing.contains("the stack has no key `a` in AWS"), "{missing}");
    stack.expect(0, &["apply", "--auto-approve"]);
    let table = stack.expect(0, &["access", "a"]);
    for said in [
        "role/App",
        "encrypt, decrypt",
        "role/Batch",
        "(grant kmsctl:seen:a/batch:",
        "account 123456789012",
    ] {
        assert!(table.contains(said), "{said}: {table}");
    }
    assert_eq!(table, stack.expect(0, &["access", "alias/seen"]));
    let json: serde_json::Value =
        serde_json::from_str(&stack.expect(0, &["access", "a", "--format", "json"])).unwrap();
    assert!(json.as_array().unwrap().len() >= 4);

    let arn = |role: &str| format!("arn:aws:iam::123456789012:role/{role}");
    let decide = |role: &str, action: &str| {
        let args =
            ["access", "key/a", "--principal", &arn(role), "--action", action, "--format", "json"];
        let json: serde_json::Value = serde_json::from_str(&stack.expect(0, &args)).unwrap();
        json["decision"].as_str().unwrap().to_owned()
    };
    assert_eq!(decide("App", "kms:Decrypt"), "allowed");
    assert_eq!(decide("Batch", "kms:Decrypt"), "allowed");
    assert_eq!(decide("Batch", "kms:Encrypt"), "delegated");
    assert_eq!(decide("App", "kms:CreateKey"), "iam-only");
    let all = stack.expect(0, &["access", "a", "--principal", &arn("App")]);
    assert!(all.contains("allowed: ") && all.contains("delegated: "), "{all}");
    // The requests for some of the actions have the condition key.
    let given = ["--context", "kms:GrantIsForAWSResource=true"];
    let all = stack.expect(0, &[&["access", "a", "--principal", &arn("App")][..], &given].concat());
    assert!(!all.contains("does not count"), "{all}");
    stack.expect(64, &["access", "a", "--principal", "App", "--action", "kms:Decrypt"]);
    stack.expect(64, &["access", "a", "--principal", &arn("App"), "--action", "kms:Decript"]);
    stack.expect(1, &["access", "alias/unseen"]);
}

#[test]
fn a_missing_identity_blocks_the_plan() {
    let text = "stack: ghost\nkeys: {a: {policy: {users: [role/Ghost, user/Nobody]}}}\n";
    let stack = Stack::of_text(text, "me-south-1");
    let refused = stack.expect(3, &["plan"]);
    for who in ["role/Ghost` does not exist", "user/Nobody`"] {
        assert!(refused.contains(who), "{refused}");
    }
    stack.expect(3, &["apply", "--auto-approve"]);
    assert!(stack.expect(0, &["state", "list"]).is_empty());
}

#[test]
fn a_gate_refuses_in_plan_and_in_lint_and_names_the_statement() {
    let text = format!(
        "stack: gated\naccount: \"123456789012\"\nkeys: {{a: {{{POLICY}, rotation: {{period_days: 365}}, aliases: [gated]}}}}\n\
         gates: {{forbidden: [{{principals: [role/App], actions: [kms:Decrypt]}}]}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    let refused = stack.expect(3, &["plan"]);
    assert!(refused.contains("it does not pass the gate `forbidden`"), "{refused}");
    assert!(refused.contains("\"Allow use of the key\""), "{refused}");
    let linted = stack.expect(3, &["lint"]);
    assert!(linted.contains("error[KMS801]") && linted.contains("role/App is allowed"), "{linted}");
    stack.write(&text.replace("kms:Decrypt", "kms:Sign"));
    stack.expect(0, &["lint"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&text.replace("[kms:Decrypt]", "[kms:Decript]"));
    let wrong = stack.expect(1, &["validate"]);
    assert!(wrong.contains("matches no action"), "{wrong}");
}

#[test]
fn live_policies_are_checked_instead_of_declared_ones() {
    let text = format!(
        "stack: held\nkeys: {{a: {{{POLICY}, rotation: {{period_days: 365}}, aliases: [held]}}}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    assert!(stack.expect(0, &["lint", "--live"]).contains("No findings."));
    let dead = "statements: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: kms:Decrypt, Resource: '*'}]";
    stack.write(&text.replace("users: [role/App]", dead));
    assert!(stack.expect(0, &["lint"]).contains("KMS302"));
    assert!(!stack.expect(0, &["lint", "--live"]).contains("KMS302"));
    stack.expect(0, &["apply", "--auto-approve"]);
    let live = stack.expect(0, &["lint", "--live"]);
    assert!(live.contains("KMS302") && live.contains("key/a"), "{live}");
}
