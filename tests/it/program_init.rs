//! `kmsctl init`: what it writes is valid and can be planned.

use crate::program::{Stack, endpoint};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs kmsctl in a folder, with credentials for the local AWS or with none.
fn run(folder: &Path, credentials: bool, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    command.env_clear().current_dir(folder).args(args).stdin(Stdio::null());
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("KMSCTL_SETTLE_TIME", "0");
    if credentials {
        command.env("AWS_ENDPOINT_URL", endpoint()).env("AWS_REGION", "eu-west-3");
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    }
    command.output().unwrap()
}

/// Returns everything that a command says.
fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[track_caller]
fn expect(folder: &Path, credentials: bool, code: i32, args: &[&str]) -> String {
    let output = run(folder, credentials, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output));
    text(&output)
}

#[test]
fn a_first_configuration_is_planned_and_applied() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("first-steps");
    std::fs::create_dir(&project).unwrap();
    let flags = ["--administrator", "role/Admin", "--user", "role/App", "--user", "user/Bob"];
    let said = expect(&project, true, 0, &[&["init"], flags.as_slice()].concat());
    for part in [
        "Account 123456789012, eu-west-3, as arn:aws:",
        "Name of the stack: first-steps, by default (--stack)",
        "Name of the key: app, by default (--key)",
        "Wrote kmsctl.yaml. To see what it would do: `kmsctl plan`.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let written = std::fs::read_to_string(project.join("kmsctl.yaml")).unwrap();
    for line in ["stack: first-steps", "account: \"123456789012\"", "region: eu-west-3"] {
        assert!(written.lines().any(|text| text == line), "{line}: {written}");
    }
    expect(&project, false, 0, &["validate"]);
    let plan = expect(&project, true, 2, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("Plan: 2 to create"), "{plan}");
    expect(&project, true, 0, &["apply", "--auto-approve"]);
    expect(&project, true, 0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn init_never_replaces_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&path, b"mine").unwrap();
    let link = folder.path().join("link.yaml");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    for args in [&["init"][..], &["init", "--out", "link.yaml"], &["init", "-f", "link.yaml"]] {
        let said = expect(folder.path(), false, 1, args);
        assert!(said.contains("exists already, and is never replaced"), "{said}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    assert!(!folder.path().join("nowhere").exists());
    let said = expect(folder.path(), false, 1, &["init", "--out", "."]);
    assert!(said.contains("is a folder"), "{said}");
    let said = expect(folder.path(), false, 1, &["init", "--out", "no/such/kmsctl.yaml"]);
    assert!(said.contains("cannot write no/such/kmsctl.yaml"), "{said}");
    expect(folder.path(), false, 64, &["init", "--out", "a.yaml", "-f", "b.yaml"]);
    expect(folder.path(), false, 64, &["init", "--force"]);
    let printed = run(folder.path(), false, &["init", "--out", "-", "--stack", "printed"]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains("\nstack: printed\n") && printed.ends_with("key: app}\n"),
        "{printed}"
    );
}

#[test]
fn init_works_without_credentials_and_says_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let said = expect(folder.path(), false, 0, &["init", "--stack", "alone", "-f", "a.yaml"]);
    for part in [
        "The account and the caller could not be found out",
        "Region: not known, by default (--region)",
        "Who manages the key: none, by default (--administrator)",
        "To see what it would do: `kmsctl -f a.yaml plan`.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    expect(folder.path(), false, 0, &["validate", "-f", "a.yaml"]);
    let flags = ["--region", "eu-west-1", "--key", "k", "--administrator", "role/A"];
    expect(folder.path(), false, 0, &[&["init", "-f", "b.yaml"], flags.as_slice()].concat());
    expect(folder.path(), false, 0, &["validate", "-f", "b.yaml"]);
    let said = expect(folder.path(), false, 1, &["init", "-f", "c.yaml", "--profile", "nope"]);
    assert!(said.contains("profile `nope`"), "{said}");
    assert!(!folder.path().join("c.yaml").exists());
}

/// A value is written so that it arrives as it is, or it is refused and nothing is written.
#[test]
fn hostile_values_are_quoted_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("role/{}", "x".repeat(65));
    let values = [
        "role/a,b",
        "role/a@b=c+d.e",
        "role/-",
        "role/team/App",
        "root",
        "444455556666",
        "role/a: b",
        "role/a #b",
        "role/a]",
        "role/\"a\"",
        "role/a\nusers: [root]",
        "role/a\tb",
        "role/\u{1b}[31m",
        "role/${var.x}",
        "${aws.region}",
        "*",
        "role/*",
        "",
        " ",
        "cloudtrail.amazonaws.com",
        "App",
        "- x",
        "&a",
        "!x",
        "role/\u{202e}x",
        "role/é",
        &long,
        "role/AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::123456789012:role/App",
        "arn:aws:iam::1:role/App",
    ];
    let mut written = 0;
    for (number, value) in values.iter().enumerate() {
        for flag in ["--user", "--administrator", "--stack", "--key", "--region"] {
            let file = format!("{number}{flag}.yaml");
            let output =
                run(folder.path(), false, &["init", "--out", &file, &format!("{flag}={value}")]);
            let said = text(&output);
            if output.status.success() {
                expect(folder.path(), false, 0, &["validate", "-f", &file]);
                written += 1;
            } else {
                assert!(
                    said.contains("error") && said.contains("help: "),
                    "{flag} {value:?}: {said}"
                );
                assert!(!folder.path().join(&file).exists(), "{flag} {value:?}: {said}");
            }
        }
    }
    assert!(written >= 12, "{written}");
}

/// A plan of a first configuration that names a role that does not exist says so.
#[test]
fn a_wrong_administrator_is_found_by_the_plan() {
    let stack = Stack::new("", "eu-west-3");
    let file = stack.folder.path().join("wrong.yaml");
    let file = file.to_str().unwrap();
    let args = ["init", "--out", file, "--stack", "wrong", "--administrator", "role/Nobody"];
    expect(stack.folder.path(), true, 0, &args);
    let plan = expect(stack.folder.path(), true, 3, &["plan", "-f", file]);
    assert!(plan.contains("role/Nobody") && plan.contains("does not exist"), "{plan}");
}

/// Runs a command on a terminal: answers each question, and prints what the terminal shows.
const TERMINAL: &str = r#"
import os, pty, sys
answers = sys.argv[1].split("|")
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    shown += more
    if shown.endswith(b"]: ") and answers:
        os.write(terminal, (answers.pop(0) + "\n").encode())
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_person_is_asked_until_the_answers_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let answers =
        "a b|asked|nowhere|eu-west-2||Data Key|*|role/Admin, user/Bob|${x}|ec2.amazonaws.com|none";
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, answers, env!("CARGO_BIN_EXE_kmsctl"), "init"]);
    command.current_dir(folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = command.output().unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "`a b` is not a name",
        "`nowhere` is not a Region",
        "`Data` is not a principal: write `role/NAME`",
        "`*` has a wildcard",
        "has a variable",
        "`ec2.amazonaws.com` is a service",
        "Wrote kmsctl.yaml",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("kmsctl.yaml:"), "{said}");
    let written = std::fs::read_to_string(folder.path().join("kmsctl.yaml")).unwrap();
    for part in [
        "\nstack: asked\n",
        "\nregion: eu-west-2\n",
        "\n  app:\n",
        "administrators: [role/Admin, user/Bob]\n",
        "# users: [role/App]\n",
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }
    expect(folder.path(), false, 0, &["validate"]);
}
