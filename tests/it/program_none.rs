//! The program with `--state none`: every run finds the resources of the stack in AWS.

use crate::program::Stack;
use crate::program_state::keys;

fn stack(text: &str, region: &'static str) -> Stack {
    let mut stack = Stack::of_text(text, region);
    stack.state = "none".to_owned();
    stack
}

#[test]
fn a_stack_lives_without_a_record() {
    let text = |grant: &str, protect: bool| {
        format!(
            "stack: none\nkeys:\n  a:\n    aliases: [none-a]\n    protect: {protect}\n    \
             rotation: {{period_days: 365}}\n{grant}"
        )
    };
    let grant = "    grants: {batch: {grantee: role/batch, operations: [Decrypt]}}\n";
    let stack = stack(&text(grant, true), "ap-southeast-7");
    stack.expect(0, &["apply", "--auto-approve"]);
    let plan = stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("Found without a record: key/a."), "{plan}");
    let verbose = stack.expect(0, &["plan", "--verbose"]);
    assert!(verbose.contains("key/a: arn:aws:kms:ap-southeast-7:"), "{verbose}");
    let drift = stack.expect(0, &["drift"]);
    assert!(!drift.contains("last apply"), "{drift}");
    assert!(!stack.folder.path().join("state").exists());
    assert!(!std::path::Path::new("none").exists());

    // A grant that leaves the configuration is revoked, with a saved plan, too.
    stack.write(&text("", true));
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    let shown = stack.expect(0, &["plan", "--out", plan]);
    assert!(shown.contains("grant/a/batch"), "{shown}");
    stack.expect(0, &["apply", plan]);
    let stale = stack.expect(5, &["apply", plan]);
    assert!(stale.contains("A new plan differs at: grant/a/batch."), "{stale}");
    stack.expect(0, &["plan", "--detailed-exitcode"]);

    let refused = stack.expect(64, &["state", "list"]);
    assert!(refused.contains("`--state none` keeps no record"), "{refused}");
    let refused = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(refused.contains("protected"), "{refused}");
    assert_eq!(keys("ap-southeast-7").len(), 1);
    stack.write(&text("", false));
    stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(keys("ap-southeast-7").is_empty());
}

/// AWS shows a key that another run created a moment ago late, or not at all. Nothing may be missed.
#[test]
fn a_run_right_after_another_one_looks_twice_before_it_creates() {
    let one = "stack: twice\nkeys:\n  a: {}\n";
    let stack = stack(one, "ap-southeast-5");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&format!("{one}  b: {{}}\n"));
    let quick = stack.expect(0, &["plan"]);
    assert!(!quick.contains("looking again"), "{quick}");
    let patient = stack.expect(0, &["--settle-time", "4", "apply", "--auto-approve"]);
    assert!(patient.contains("looking again for up to 4 s"), "{patient}");
    assert_eq!(keys("ap-southeast-5").len(), 2);
}
