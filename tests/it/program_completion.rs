//! What a shell completes: it asks the program, which reads the configuration and never calls AWS.

use std::path::Path;
use std::process::{Command, Output};

/// Completes the last word of a command line as a shell does.
fn output(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    command.env_clear().current_dir(folder).env("KMSCTL_COMPLETE", "bash");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_IFS", "\n");
    // A request to AWS would find no server, and say so.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    command.args(["--", "kmsctl"]).args(words).output().unwrap()
}

fn complete(folder: &Path, words: &[&str]) -> Vec<String> {
    let output = output(folder, words);
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

const STACK: &str = "\
stack: s
vars: {name: app}
keys:
  one: {aliases: [\"first-${var.name}\"], grants: {batch: {grantee: role/batch, operations: [Decrypt]}}}
  two: {}
dynamodb: {tables: {sessions: {partition_key: {name: id, type: S}, key: one}}}
";

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    kmsctl::store::write_atomic(&folder.path().join("kmsctl.yaml"), text.as_bytes()).unwrap();
    folder
}

#[test]
fn addresses_keys_files_and_options_are_completed() {
    let folder = folder(STACK);
    let at = folder.path();
    let all = complete(at, &["plan", "--target", ""]);
    for address in
        ["key/one", "key/two", "alias/first-app", "grant/one/batch", "dynamodb_table/sessions"]
    {
        assert!(all.contains(&address.to_owned()), "{address}: {all:?}");
    }
    assert_eq!(complete(at, &["plan", "--target", "key/"]), ["key/one", "key/two"]);
    assert_eq!(complete(at, &["state", "mv", "key/o"]), ["key/one"]);
    assert_eq!(complete(at, &["state", "forget", "key/t"]), ["key/two"]);
    assert_eq!(complete(at, &["access", "t"]), ["two"]);
    assert_eq!(complete(at, &["impact", "alias/"]), ["alias/first-app"]);
    assert_eq!(complete(at, &["validate", "-f", "kms"]), ["kmsctl.yaml"]);
    assert_eq!(complete(at, &["apply", "--auto"]), ["--auto-approve"]);
    assert_eq!(complete(at, &["destr"]), ["destroy"]);
    assert_eq!(complete(at, &["explain", "owner"]), ["ownership"]);
    assert_eq!(complete(at, &["explain", "KMS301"]), ["KMS301"]);
    assert!(
        complete(at, &["explain", "rds.instances.backup_w"]) == ["rds.instances.backup_window"]
    );
    // Options of every command are completed, although the help of a command leaves them out.
    assert_eq!(complete(at, &["plan", "--paral"]), ["--parallelism"]);
    assert!(complete(at, &["plan", "--format", ""]).contains(&"markdown".to_owned()));
}

#[test]
fn the_configuration_is_the_one_that_the_line_names() {
    let folder = folder("stack: s\nkeys: {here: {}}\n");
    let other = folder.path().join("other.yaml");
    let text = "stack: s\nvars: {n: null}\nkeys: {there: {aliases: [\"a-${var.n}\"]}}\n";
    kmsctl::store::write_atomic(&other, text.as_bytes()).unwrap();
    let at = folder.path();
    assert_eq!(complete(at, &["plan", "--target", ""]), ["key/here"]);
    let words = ["--var", "n=x", "-f", "other.yaml", "plan", "--target", ""];
    assert_eq!(complete(at, &words), ["alias/a-x", "key/there"]);
    let words = ["plan", "--file=other.yaml", "--target", ""];
    assert_eq!(complete(at, &words), ["key/there"]);
}

/// Whatever the configuration is, a completion says nothing else.
#[test]
fn a_broken_configuration_completes_what_can_be_read_and_says_nothing() {
    for (text, expected) in [
        ("stack: s\nkeys: {a: {descriptoin: x}, b: []}\n", &["key/a", "key/b"][..]),
        ("stack: [\n", &[]),
        ("- a\n- b\n", &[]),
        ("stack: s\nkeys: [a]\n", &[]),
        ("", &[]),
        ("\u{0}", &[]),
        ("stack: s\nregion: nowhere\nkeys: {a: null}", &["key/a"]),
    ] {
        let folder = folder(text);
        let found = complete(folder.path(), &["plan", "--target", ""]);
        assert_eq!(found, expected, "{text:?}");
        complete(folder.path(), &["access", ""]);
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(complete(empty.path(), &["plan", "--target", ""]), Vec::<String>::new());
    assert_eq!(
        complete(empty.path(), &["-f", "/dev/zero", "plan", "--target", ""]),
        Vec::<String>::new()
    );
    // A shell that is not known gets nothing, not even an error.
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    let output =
        command.env("KMSCTL_COMPLETE", "nonsense").args(["--", "kmsctl", ""]).output().unwrap();
    assert!(
        output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

/// A shell runs the script, so that its completion calls the program.
#[test]
fn the_script_of_each_shell_asks_the_program() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
        let output = command.args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("KMSCTL_COMPLETE"), "{shell}: {script}");
    }
    let folder = folder(STACK);
    let binary = Path::new(env!("CARGO_BIN_EXE_kmsctl")).parent().unwrap();
    let script = "source <(kmsctl completions bash)
        COMP_WORDS=(kmsctl plan --target key/t) COMP_CWORD=3 COMP_TYPE=9
        function=$(complete -p kmsctl | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function kmsctl key/t --target
        echo \"${COMPREPLY[@]}\"";
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    let output =
        bash.args(["--norc", "-c", script]).env("PATH", path).current_dir(folder.path()).output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "key/two", "{output:?}");
}
