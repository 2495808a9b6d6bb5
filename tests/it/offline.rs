//! The output of the program before it calls AWS.

use std::fmt::Write as _;
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
pub(crate) fn run(text: &str, args: &[&str]) -> (Option<i32>, String) {
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
fn validate_counts_what_a_plan_creates() {
    let text = "stack: s\nkeys: {a: {aliases: [a]}}\n";
    let (_, said) = run(text, &["validate"]);
    assert!(said.contains("is valid: 2 resources.\n"), "{said}");
    let role = "service_linked_roles: [{service: autoscaling.amazonaws.com}]\n";
    let (_, said) = run(&format!("{text}{role}"), &["validate"]);
    assert!(said.contains("is valid: 2 resources and 1 service-linked role.\n"), "{said}");
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
    // Only AWS knows whether a plan changes the policy of a key that exists.
    let adopted = policy("").replace("    policy", "    adopt: alias/a\n    policy");
    let (code, said) = run(&adopted, &["validate"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: would be refused if the policy is changed"), "{said}");
}

/// Returns a stack of `count` keys whose policies have another statement than the one for the account.
fn with_statement(count: usize, statement: &str) -> String {
    let root = r#"{Effect: Allow, Principal: {AWS: "arn:aws:iam::444455556666:root"}, Action: "kms:*", Resource: "*"}"#;
    let mut out = "stack: s\nregion: eu-west-1\nkeys:\n".to_owned();
    for n in 0..count {
        let _ = write!(
            out,
            "  k{n}:\n    aliases: [k{n}]\n    rotation: {{period_days: 365}}\n    policy:\n      document: {{Version: \"2012-10-17\", Statement: [{root}, {statement}]}}\n"
        );
    }
    out
}

const ROLE: &str = r#"Principal: {AWS: "arn:aws:iam::444455556666:role/app"}"#;

#[test]
fn validate_and_lint_judge_alike_with_the_same_words() {
    let cases = [
        // AWS refuses these.
        (format!("{{Effect: Allow, {ROLE}, Action: \"kms:Decrypt\"}}"), "error[KMS402]", 3),
        (
            format!(
                "{{Effect: Allow, {ROLE}, Action: \"kms:Decrypt\", Resource: \"*\", Condition: {{StringEqual: {{\"kms:CallerAccount\": \"444455556666\"}}}}}}"
            ),
            "error[KMS502]",
            3,
        ),
        // AWS takes these.
        (
            format!("{{Effect: Allow, {ROLE}, Action: \"kms:Decript\", Resource: \"*\"}}"),
            "error[KMS408]",
            3,
        ),
        (
            "{Effect: Allow, Principal: \"*\", Action: \"kms:Decrypt\", Resource: \"*\"}"
                .to_owned(),
            "error[KMS301]",
            3,
        ),
        (
            format!("{{Effect: Allow, {ROLE}, Action: \"kms:*\", Resource: \"*\"}}"),
            "warning[KMS308]",
            0,
        ),
        (format!("{{Effect: Allow, {ROLE}, Action: \"kms:Decrypt\", Resource: \"*\"}}"), "", 0),
    ];
    for (statement, word, code) in cases {
        let text = with_statement(1, &statement);
        for command in ["validate", "lint"] {
            let (found, said) = run(&text, &[command]);
            assert_eq!(found, Some(code), "{command}: {said}");
            assert!(said.contains(word), "{command}: {said}");
            assert!(!said.contains("[KMS3") || word.contains("[KMS3"), "{command}: {said}");
        }
    }
}

#[test]
fn a_rule_on_many_keys_is_one_finding_of_validate() {
    let text = with_statement(
        7,
        &format!("{{Effect: Allow, {ROLE}, Action: \"kms:Decript\", Resource: \"*\"}}"),
    );
    let (code, said) = run(&text, &["validate"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error[KMS408]: 7 keys: there is no action `kms:Decript` (key/k0, key/k1, key/k2, key/k3 and 3 more)"), "{said}");
    // One error, without a count, before that of the command.
    assert_eq!(said.lines().filter(|line| line.starts_with("error")).count(), 2, "{said}");
    assert!(!said.contains("1 error"), "{said}");
}

#[test]
fn no_output_has_an_account_or_region_that_nobody_gave() {
    let text = "stack: s\nkeys:\n  a:\n    aliases: [a]\n    policy: {administrators: [role/x], users: [role/x, \"arn:aws:sts::444455556666:assumed-role/r/s\"], delegate_to_iam: false}\ngates: {forbidden: [{principals: [\"role/x\"], actions: [\"kms:Decrypt\"]}]}\n";
    for command in ["validate", "lint"] {
        let (_, said) = run(text, &[command]);
        let digits = said
            .split(|c: char| !c.is_ascii_digit())
            .find(|part| part.len() == 12 && *part != "444455556666");
        assert_eq!(digits, None, "{command}: {said}");
        assert!(!said.contains("us-east-1"), "{command}: {said}");
        assert!(said.contains("role/x"), "{command}: {said}");
    }
}

#[test]
fn what_aws_refuses_cannot_be_waived() {
    let text = format!(
        "{}lint:\n  waivers:\n    - {{rule: KMS402, address: key/k0, reason: old, until: 2099-01-31}}\n",
        with_statement(1, &format!("{{Effect: Allow, {ROLE}, Action: \"kms:Decrypt\"}}"))
    );
    let (code, said) = run(&text, &["validate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("KMS402 cannot be waived: AWS refuses such a policy"), "{said}");
}

/// A variable of a pipeline that is not set is empty. The error names it, and nothing is read or written.
#[test]
fn an_environment_variable_with_a_wrong_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&config, b"stack: s\n").unwrap();
    let empty = "is set, but has no value: give it one, or unset it";
    for (name, value, parts) in [
        ("KMSCTL_STATE", "", ["--state", empty]),
        ("KMSCTL_GATES", "", ["--gates", empty]),
        ("KMSCTL_PATIENCE", "", ["--patience", empty]),
        ("KMSCTL_SETTLE_TIME", "", ["--settle-time", empty]),
        ("KMSCTL_PATIENCE", "5m", ["write a whole number of seconds", "the value is that of"]),
        ("KMSCTL_SETTLE_TIME", "-1", ["write a whole number of seconds", "the value is that of"]),
    ] {
        for command in ["plan", "apply", "state"] {
            let list: &[&str] = if command == "state" { &["state", "list"] } else { &[command] };
            let output = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
                .env_clear()
                .env(name, value)
                .current_dir(folder.path())
                .args(list)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(64), "{said}");
            assert!(said.contains(name), "{said}");
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for args in [&["--state", ""][..], &["--state="], &["--patience", "-1"], &["--profile", ""]] {
        let (code, said) = run("stack: s\n", &[&["plan"], args].concat());
        assert_eq!(code, Some(64), "{said}");
        assert!(!said.contains("KMSCTL_") && !said.contains("unexpected argument"), "{said}");
    }
}

/// The line of `kmsctl explain variables` is followed by the one error that the variable needs a value.
#[test]
fn the_example_of_the_variables_says_which_one_needs_a_value() {
    let explained = run_with("", &["explain", "variables"]);
    let explained = String::from_utf8(explained.stdout).unwrap();
    let line = explained.lines().find_map(|line| line.strip_prefix("  vars: ")).unwrap();
    let text = format!("stack: s\nvars: {line}\n");
    let (code, said) = run(&text, &["validate"]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["`bucket` has no value", "bucket: null}", "`--var bucket=VALUE`"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("SecurityAdmin"), "{said}");
    let (code, said) = run(&text, &["validate", "--var", "bucket=b"]);
    assert_eq!(code, Some(0), "{said}");
    // What it says of `${...}` is so.
    let described = |text: &str| format!("stack: s\nkeys: {{a: {{description: '{text}'}}}}\n");
    for text in [
        "${aws:username}",
        "${word}",
        "${*}",
        "${?}",
        "${$}",
        "$${var.NAME}",
        "$${HOME}",
        "$${aws:username}",
    ] {
        assert!(explained.contains(text), "{text}: {explained}");
        let (code, said) = run(&described(text), &["validate"]);
        assert_eq!(code, Some(0), "{said}");
    }
    for text in ["${HOME}", "${local.team}", "${AWS::Region}"] {
        assert!(explained.contains(text), "{text}: {explained}");
        let (code, said) = run(&described(text), &["validate"]);
        assert_eq!(code, Some(1), "{said}");
    }
}

/// The help for a password from the environment is followed.
#[test]
fn a_password_of_the_environment_leads_to_its_form() {
    let stack = |password: &str| {
        format!(
            "stack: s\nregion: eu-west-1\nkeys: {{k: {{}}}}\nrds:\n  instances:\n    db: {{engine: postgres, instance_class: \
             db.t4g.medium, allocated_storage_gib: 20, master_username: app, {password}, key: k}}\n"
        )
    };
    let (code, said) = run(&stack("master_password: \"${DB_PW}\""), &["validate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`${DB_PW}` is not a variable of kmsctl"), "{said}");
    let help = said.split('`').find(|part| part.starts_with("master_password: ")).unwrap();
    assert_eq!(help, "master_password: {env: DB_PW}");
    let (code, said) = run(&stack(help), &["validate"]);
    assert_eq!(code, Some(0), "{said}");
}

/// Each of these is followed: the help of a wrong command line or file names what to write.
#[test]
fn a_wrong_word_of_the_command_line_leads_to_the_right_one() {
    let text = "stack: s\nregion: eu-west-1\nkeys: {app: {}}\n";
    for (args, parts) in [
        (
            &["state", "mv", "app", "web"][..],
            ["`key/app` is the address of a key", "kmsctl state list"],
        ),
        (
            &["state", "forget", "x y"],
            ["is not an address", "`kmsctl state list` lists the records"],
        ),
        (&["state", "unlock", "zzz"], ["no lock with the id `zzz`", "names the id of the lock"]),
        (
            &["explain", "key.policy"],
            ["did you mean `keys.policy`, `keys.policy.", "lists the topics"],
        ),
        (&["init", "--out", "/nodir/a.yaml"], ["there is no folder /nodir", "create the folder"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().display().to_string();
        let file = if args[0] == "init" { &[][..] } else { &["--state", state.as_str()] };
        let (code, said) = match args[0] {
            "init" => {
                let output = run_with("", args);
                (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
            }
            _ => run(text, &[args, file].concat()),
        };
        assert!(code == Some(1) || code == Some(64), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{args:?}: {said}");
        assert!(!said.contains("`keys.policy`, `keys.policy`"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&config, text.as_bytes()).unwrap();
    let config = config.display().to_string();
    for command in ["show", "apply"] {
        let (code, said) = run(text, &[command, &config]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("this is not a saved plan\n"), "{said}");
        assert!(said.contains(&format!("`-f {config}` names the configuration")), "{said}");
    }
    let lost = folder.path().join("none/p.json");
    let error = kmsctl::store::write_atomic(&lost, b"x").unwrap_err();
    let failure = kmsctl::failure::Failure::from(error);
    assert_eq!(
        failure.message,
        format!("{}: there is no such folder", lost.parent().unwrap().display())
    );
    assert_eq!(failure.hint.as_deref(), Some("create the folder, or name another one"));
}

/// Without credentials, one sentence says so.
#[test]
fn init_without_credentials_says_so_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_REGION", "eu-west-1")
        .current_dir(folder.path())
        .args(["init", "--stack", "s", "--user", "role/App", "--administrator", "role/Ops"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("does not name them (there are no credentials that work).\n"), "{said}");
}
