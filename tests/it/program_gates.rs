//! The program with gates that the command line takes from another configuration.

use crate::program::Stack;
use kmsctl::store::write_atomic;

const KEYS: &str =
    "stack: outer\nregion: us-west-2\nkeys:\n  a:\n    policy: {users: [role/App, role/batch]}\n";
const BASE: &str = "stack: outer\nkeys: {}\n\
    vars: {who: \"arn:aws:iam::${aws.account_id}:role/batch\"}\n\
    gates: {forbidden: [{principals: [\"${var.who}\"], actions: [kms:Decrypt]}]}\n";

/// Writes another configuration beside that of the stack, and returns its path.
fn beside(stack: &Stack, text: &str) -> String {
    let path = stack.folder.path().join("base.yaml");
    write_atomic(&path, text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_change_cannot_edit_the_gates_of_the_command_line() {
    let stack = Stack::of_text(KEYS, "us-west-2");
    stack.expect(0, &["plan"]);
    let base = beside(&stack, BASE);
    for own in ["", "gates: {}\n", "gates: {forbidden: [], accounts: [\"999999999999\"]}\n"] {
        stack.write(&format!("{KEYS}{own}"));
        for command in ["plan", "apply"] {
            let args: &[&str] = match command {
                "plan" => &["plan", "--gates", &base],
                _ => &["apply", "--auto-approve", "--gates", &base],
            };
            let said = stack.expect(3, args);
            assert!(said.contains("it does not pass the gate `forbidden`"), "{said}");
            assert!(said.contains("role/batch"), "{said}");
        }
    }
    let said = stack.expect(3, &["plan", "--gates", &base]);
    let one_line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = one_line.split("Gates in force: ").nth(1).unwrap();
    assert!(line.contains(&format!("forbidden ({base})")) && line.contains("accounts ("), "{said}");
    // The environment names the file as well, and lint reports the breach.
    let output = stack.command(&["lint"]).env("KMSCTL_GATES", &base).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("forbidden"), "{said}");
}

#[test]
fn a_saved_plan_keeps_the_gates_and_a_file_without_gates_is_an_error() {
    let stack = Stack::of_text(KEYS, "us-west-2");
    let base = beside(&stack, BASE);
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    stack.expect(3, &["plan", "--gates", &base, "--out", plan]);
    let said = stack.expect(3, &["apply", plan]);
    assert!(said.contains("it does not pass the gate `forbidden`"), "{said}");
    for nothing in ["", "gates:\n", "gates: {}\n"] {
        let empty = beside(&stack, &format!("stack: outer\nkeys: {{}}\n{nothing}"));
        let said = stack.expect(1, &["plan", "--gates", &empty]);
        assert!(said.contains("has no `gates`"), "{said}");
    }
    let said = stack.expect(1, &["plan", "--gates", "missing.yaml"]);
    assert!(!said.contains("has no `gates`"), "{said}");
}

#[test]
fn a_waiver_that_the_base_does_not_have_is_reported() {
    let waiver = |rule: &str| {
        format!(
            "lint: {{waivers: [{{rule: {rule}, address: key/a, reason: x, until: 2099-01-31}}]}}\n"
        )
    };
    let stack = Stack::of_text(&format!("{KEYS}{}", waiver("KMS301")), "us-west-2");
    let known =
        beside(&stack, &format!("{BASE}{}", waiver("KMS301")).replace("role/batch", "role/Other"));
    let said = stack.expect(0, &["plan", "--gates", &known]);
    assert!(!said.contains("new-waiver"), "{said}");
    let other = beside(&stack, &BASE.replace("role/batch", "role/Other"));
    let said = stack.expect(0, &["plan", "--gates", &other]);
    assert!(said.contains("the waiver of KMS301") && said.contains("new-waiver"), "{said}");
}

/// A plan that was made without the gates does not pass them later.
#[test]
fn the_gates_of_the_command_line_hold_for_a_saved_plan() {
    let stack = Stack::of_text(KEYS, "us-west-2");
    let base = beside(&stack, BASE);
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    stack.expect(0, &["plan", "--out", plan]);
    stack.expect(5, &["apply", plan, "--gates", &base]);
    // Gates that it passes are not the ones that it was made with either.
    let other = beside(&stack, &BASE.replace("role/batch", "role/other"));
    stack.expect(5, &["apply", plan, "--gates", &other]);
    let output = stack.command(&["apply", plan]).env("KMSCTL_GATES", &base).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
}

/// A change could otherwise name another stack, whose keys it then changes.
#[test]
fn the_gates_of_one_stack_are_not_those_of_another() {
    let stack = Stack::of_text(KEYS, "us-west-2");
    let base = beside(&stack, BASE);
    stack.write(&KEYS.replace("stack: outer", "stack: inner"));
    let said = stack.expect(1, &["plan", "--gates", &base]);
    assert!(said.contains("the gates are those of the stack `outer`, not of `inner`"), "{said}");
    stack.write(KEYS);
    let base =
        beside(&stack, &BASE.replace("stack: outer", "stack: outer\naccount: \"999999999999\""));
    let said = stack.expect(1, &["plan", "--gates", &base]);
    assert!(said.contains("the gates are those of the account `999999999999`"), "{said}");
}

/// Without a record, the protection is that of the configuration, which the change itself may edit.
#[test]
fn one_change_cannot_remove_the_protection_and_use_that() {
    let text = |key: &str| format!("stack: outer\nregion: us-west-2\nkeys:\n  a: {{{key}}}\n");
    let base =
        |key: &str, defaults: &str| format!("{}{defaults}gates: {{removals: 5}}\n", text(key));
    let stack = Stack::of_text(&text("description: x"), "us-west-2");
    let args = |path: &str| ["plan", "--state", "none", "--gates", path].map(str::to_owned);
    let plan = |path: &str, code: i32| {
        let args = args(path);
        stack.expect(code, &args.each_ref().map(String::as_str))
    };
    stack.expect(0, &["apply", "--auto-approve", "--state", "none"]);
    stack.write(&text("description: x, protect: false, enabled: false"));
    stack.expect(0, &["plan", "--state", "none"]);
    for (key, defaults) in [
        ("description: x", ""),
        ("protect: \"${var.p}\"", ""),
        ("protect: true", "defaults: {protect: false}\n"),
    ] {
        let path = beside(&stack, &base(key, defaults));
        let said = plan(&path, 3);
        assert!(said.contains("protect"), "{said}");
    }
    for (key, defaults) in [
        ("protect: false", ""),
        ("protect: \"${var.p}\"", "vars: {p: false}\n"),
        ("description: x", "defaults: {protect: false}\n"),
    ] {
        let path = beside(&stack, &base(key, defaults));
        plan(&path, 0);
    }
}

/// The author of a plan chooses the base branch of the plan, but not that of `--gates`.
#[test]
fn the_base_of_the_command_line_replaces_that_of_a_saved_plan() {
    let text = |users: &str, gates: &str| {
        format!(
            "stack: outer\nregion: us-west-2\nkeys:\n  based: {{policy: {{users: [{users}]}}}}\n{gates}"
        )
    };
    let stack = Stack::of_text(&text("role/App", ""), "us-west-2");
    let path = |name: &str| stack.folder.path().join(name).to_str().unwrap().to_owned();
    stack.expect(0, &["plan", "--out", &path("base.json")]);
    let base = beside(&stack, &text("role/App", "gates: {base: base.json}\n"));
    stack.write(&text("role/App, role/batch", ""));
    stack.expect(0, &["plan", "--out", &path("evil.json")]);
    stack.write(&text("role/App, role/batch", "gates: {base: evil.json}\n"));
    stack.expect(3, &["plan", "--gates", &base]);
    stack.expect(0, &["plan", "--out", &path("plan.json")]);
    let said = stack.expect(5, &["apply", &path("plan.json"), "--gates", &base]);
    assert!(!said.contains("Applied"), "{said}");
}
