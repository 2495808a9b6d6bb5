//! The program's `output` command.

use crate::program::Stack;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const TEXT: &str = "stack: outputs\nkeys:\n  app:\n    aliases: [outputs/app]\n    grants: {batch: {grantee: role/batch, operations: [Decrypt]}}\n";

/// Runs a script with the output of the program in a variable.
fn shell(script: &str, output: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).env("OUT", output).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn stdout(stack: &Stack, args: &[&str]) -> String {
    let output = stack.run(args);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks every format against the key that AWS has.
fn check(stack: &Stack) {
    let arn = stdout(stack, &["output", "key/app"]);
    let arn = arn.strip_suffix('\n').unwrap();
    let id = arn.strip_prefix("arn:aws:kms:ap-northeast-3:123456789012:key/").unwrap();
    let all: Value = serde_json::from_str(&stdout(stack, &["output", "--format", "json"])).unwrap();
    assert_eq!(all["key/app"]["arn"], arn);
    assert_eq!(all["key/app"]["id"], id);
    assert_eq!(
        all["alias/outputs/app"]["arn"],
        "arn:aws:kms:ap-northeast-3:123456789012:alias/outputs/app"
    );
    assert_eq!(all["alias/outputs/app"]["id"], "alias/outputs/app");
    let grant = all["grant/app/batch"]["id"].as_str().unwrap();
    assert_eq!(stdout(stack, &["output", "grant/app/batch"]), format!("{grant}\n"));
    assert_eq!(all.as_object().unwrap().len(), 3);
    let table = stdout(stack, &["output"]);
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains(&format!("key/app            {arn}\n")), "{table}");

    let env = stdout(stack, &["output", "--format", "env"]);
    let read = shell("eval \"$OUT\"; echo \"$KEY_APP_ARN $KEY_APP_ID $GRANT_APP_BATCH_ID\"", &env);
    assert_eq!(read, format!("{arn} {id} {grant}\n"));
    let github = stdout(stack, &["output", "key/app", "--format", "github"]);
    assert_eq!(github, format!("key_app_arn={arn}\nkey_app_id={id}\n"));
}

#[test]
fn the_arns_of_a_stack_are_given_to_scripts_with_and_without_a_state() {
    let mut stack = Stack::of_text(TEXT, "ap-northeast-3");
    assert_eq!(stdout(&stack, &["output"]), "");
    let early = stack.expect(1, &["output", "key/app"]);
    assert!(
        early.contains("`key/app` is not in AWS yet") && early.contains("kmsctl apply"),
        "{early}"
    );
    stack.expect(0, &["apply", "--auto-approve"]);
    check(&stack);
    let near = stack.expect(1, &["output", "key/ap"]);
    assert!(
        near.contains("the stack has no `key/ap`") && near.contains("did you mean `key/app`?"),
        "{near}"
    );
    stack.expect(1, &["output", "app"]);

    // The records suffice: AWS is not asked.
    let endpoint = std::mem::replace(&mut stack.endpoint, "http://127.0.0.1:1".to_owned());
    check(&stack);
    stack.endpoint = endpoint;

    let with_another = format!("{TEXT}  other: {{}}\n");
    stack.write(&with_another);
    check(&stack);
    stack.expect(1, &["output", "key/other"]);
    stack.write(TEXT);

    stack.state = "none".to_owned();
    check(&stack);
    stack.expect(1, &["output", "key/ap"]);
}

/// A key whose owner is not certain is not given to a script, and the rest is not taken for the whole.
#[test]
fn a_doubtful_key_is_not_given_out() {
    let policy = "policy: {administrators: [role/Admin], users: [role/App]}";
    let text = format!("stack: doubted\nkeys: {{a: {{{policy}}}, b: {{}}}}\n");
    let mut stack = Stack::of_text(&text, "ap-east-2");
    stack.expect(0, &["apply", "--auto-approve"]);
    // The live policy gives more access than the configuration, so that without a record the key may be anybody's.
    stack.write(&text.replace(", users: [role/App]", ""));
    stack.state = "none".to_owned();
    for args in [&["output", "key/a"][..], &["output"]] {
        let output = stack.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
        assert!(said.contains("`key/a`") && said.contains("adopt"), "{said}");
    }
    assert!(stdout(&stack, &["output", "key/b"]).starts_with("arn:aws:kms:ap-east-2:"));
}

#[test]
fn names_that_a_shell_cannot_tell_apart_get_digits() {
    let stack = Stack::of_text("stack: similar\nkeys: {a-b: {}, a_b: {}}\n", "ap-southeast-6");
    stack.expect(0, &["apply", "--auto-approve"]);
    for format in ["env", "github"] {
        let all = stdout(&stack, &["output", "--format", format]);
        let names: BTreeSet<&str> = all.lines().map(|l| l.split_once('=').unwrap().0).collect();
        assert_eq!(names.len(), 4, "{all}");
        assert!(names.iter().all(|name| !["key_a_b_arn", "KEY_A_B_ARN"].contains(name)), "{all}");
        assert!(stdout(&stack, &["output", "key/a-b", "--format", format]).lines().count() == 2);
    }
    stack.expect(0, &["output", "--format", "json"]);
}
