//! The output of the program before it calls AWS.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command that needs neither a configuration nor AWS, with `input` as standard input.
pub(crate) fn run_with(input: &str, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
        .env_clear()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may exit because of its arguments before it reads the input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

/// Runs a command with a configuration and without AWS.
fn run(text: &str, args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&config, text.as_bytes()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
        .env_clear()
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .arg("-f")
        .arg(&config)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn all_errors_of_the_configuration_are_reported_at_once() {
    let text = "stack: a b\nvars: {x: ~}\nkeys: {k: {deletion_window_days: 3, description: \"${var.x}\"}}\n";
    for command in ["validate", "plan", "apply"] {
        let (code, said) = run(text, &[command]);
        assert_eq!(code, Some(1), "{said}");
        for part in
            ["`a b` is not a name", "`x` has no value", "a deletion window of 3 days", "3 errors."]
        {
            assert!(said.contains(part), "{command}: {part} is not in\n{said}");
        }
    }
}

#[test]
fn validate_refuses_what_a_plan_refuses() {
    let policy = |more: &str| {
        format!(
            "stack: s\nkeys:\n  a:\n    policy: {{administrators: [role/x], delegate_to_iam: false{more}}}\n"
        )
    };
    let (code, said) = run(&policy(""), &["validate"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("kmsctl.yaml:4:13") && said.contains("the key could become unmanageable"),
        "{said}"
    );
    let (code, said) = run(&policy(", allow_lockout: a test"), &["validate"]);
    assert_eq!(code, Some(0), "{said}");
}
