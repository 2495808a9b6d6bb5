//! What apply says at its end: what was created, what failed and why, what was not started, and what to do next.

use crate::program::{Stack, proxy};

const DENIED: &str = "User: arn:aws:sts::123456789012:assumed-role/Deploy/ci is not authorized to perform: \
                      kms:CreateAlias on resource: arn:aws:kms:us-east-2:123456789012:alias/summary-b because no \
                      identity-based policy allows the kms:CreateAlias action";

/// Applies with an operation that AWS refuses, and returns what the program says.
#[track_caller]
fn apply(stack: &mut Stack, refused: [&str; 3], code: i32, args: &[&str]) -> String {
    let (mut proxy, url) = proxy(&[&["--refuse"], refused.as_slice()].concat());
    let direct = std::mem::replace(&mut stack.endpoint, url);
    let said = stack.expect(code, &[args, &["--patience", "0"]].concat());
    stack.endpoint = direct;
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    said
}

#[test]
fn the_end_of_an_apply_says_what_was_made_what_failed_and_what_to_do() {
    let text = "stack: summary\nkeys:\n  b: {aliases: [summary-b], rotation: {period_days: 365}}\n";
    let mut stack = Stack::of_text(text, "us-east-2");
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    stack.expect(0, &["plan", "--out", plan]);
    let refused = ["CreateAlias", "AccessDeniedException", DENIED];
    let said = apply(&mut stack, refused, 4, &["apply", plan]);
    for part in [
        "error: alias/summary-b: CreateAlias: User: arn:aws:sts::",
        "(AccessDeniedException",
        "help: allow `kms:CreateAlias` on `arn:aws:kms:us-east-2:123456789012:alias/summary-b` in an IAM policy of the \
         role `Deploy`",
        "Created:\n  key/b: arn:aws:kms:us-east-2:123456789012:key/",
        "Applied 1 of 2 changes. Failed: 1. Correct what failed; then make a new plan",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Nothing was applied.
    let said = apply(&mut stack, refused, 1, &["apply", "--auto-approve"]);
    assert!(
        said.contains(
            "Applied 0 of 1 change. Failed: 1. Correct what failed; then run `kmsctl apply` again"
        ),
        "{said}"
    );
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn what_waits_for_a_failed_change_is_named_with_it() {
    let text = "stack: waits\nkeys:\n  a: {aliases: [waits-a], grants: {g: {grantee: role/batch, operations: [Decrypt]}}}\n";
    let mut stack = Stack::of_text(text, "eu-north-1");
    let refused = ["CreateKey", "LimitExceededException", "too many keys"];
    let said = apply(&mut stack, refused, 1, &["apply", "--auto-approve"]);
    for part in [
        "error: key/a: CreateKey: too many keys (LimitExceededException",
        "the quota for KMS keys",
        "Not started, because key/a failed:\n  alias/waits-a, grant/a/g\n",
        "Applied 0 of 3 changes. Failed: 1. Correct what failed",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Created:"), "{said}");
}

/// The ARN of a key is shown although a later call of its step failed.
#[test]
fn a_key_that_is_not_complete_is_named_too() {
    let text = "stack: partly\nkeys:\n  a: {rotation: {period_days: 365}}\n";
    let mut stack = Stack::of_text(text, "eu-north-1");
    let message = "arn:aws:kms:eu-north-1:123456789012:key/x is pending deletion.";
    let refused = ["EnableKeyRotation", "UnsupportedOperationException", message];
    let said = apply(&mut stack, refused, 4, &["apply", "--auto-approve"]);
    assert!(said.contains("error: key/a: EnableKeyRotation: arn:aws:kms"), "{said}");
    let created =
        said.lines().find(|line| line.starts_with("  key/a: arn:aws:kms:")).unwrap_or(&said);
    assert!(created.ends_with(" (not complete yet)"), "{said}");
}
