//! What is nearly right on the command line and in the files that it names: the program says what to write instead.

use crate::offline::run;
use std::process::Command;

const VALID: &str = "stack: near\nregion: eu-west-1\nkeys: {app: {}}\n";

#[test]
fn one_error_is_told_once() {
    let (code, said) = run("stack: near\nkeys: {app: {enabled: maybe}}\n", &["validate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("expected true or false") && said.contains("help: write `enabled: true`, or")
    );
    assert_eq!(said.matches("error").count(), 1, "{said}");
    let (code, said) =
        run("stack: near\nkeys: {app: {enabled: maybe, protect: perhaps}}\n", &["validate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.ends_with("2 errors.\nerror: the configuration has errors\n"), "{said}");
}

/// A file that is not there is told without the number of the system's error, with what its path is relative to.
#[test]
fn a_missing_file_leads_to_its_place_and_its_maker() {
    let here = "help: the path is relative to the current folder";
    let plan = format!("{here}; `kmsctl plan --out nope.json` writes the file");
    let init = format!("{here}; `kmsctl init` writes a first configuration");
    let cases: [(&[&str], &str); 6] = [
        (&["show", "nope.json"], &plan),
        (&["apply", "nope.json"], &plan),
        (&["permissions", "--plan", "nope.json"], &plan),
        (&["-f", "nofolder", "validate"], &init),
        (&["--var-file", "nope.yaml", "validate"], here),
        (&["policy", "lint", "nope.json"], here),
    ];
    for (args, help) in cases {
        let (code, said) = run(VALID, args);
        assert_ne!(code, Some(0), "{args:?}: {said}");
        assert!(said.contains("there is no such file or folder"), "{args:?}: {said}");
        assert!(said.contains(help) && !said.contains("os error"), "{args:?}: {said}");
    }
    let text = "stack: near\nregion: eu-west-1\nkeys: {app: {policy: {document: nope.json}}}\ngates: {base: nope.plan}\n";
    let (_, said) = run(text, &["validate"]);
    assert!(
        said.contains("help: the path is relative to the folder of ") && !said.contains("os error")
    );
    assert!(said.contains("; `kmsctl plan --out FILE` writes a plan"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
        .env_clear()
        .current_dir(folder.path())
        .arg("validate")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no kmsctl.yaml") && said.contains("`kmsctl init`"), "{said}");
}

#[test]
fn small_mistakes_of_the_command_line_are_told() {
    let (code, said) = run(VALID, &["--parallelism", "0", "validate"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("at least 1 is necessary"), "{said}");
    let (code, said) = run(VALID, &["--parallelism", "1", "validate"]);
    assert_eq!(code, Some(0), "{said}");
    let state = tempfile::tempdir().unwrap();
    let state = state.path().display().to_string();
    let (code, said) = run(VALID, &["--state", &state, "state", "list"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "There are no records: `kmsctl apply` writes them.\n")
    );
    let (code, said) = run(VALID, &["explain", "enable_key_rotation"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("did you mean `keys.rotation`"), "{said}");
    let (code, said) = run(VALID, &["plan", "--profile", "nope"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("there is no profile `nope`"), "{said}");
}

/// An option whose value comes from the environment is not necessary.
#[test]
fn usage_shows_what_is_necessary() {
    for (args, usage) in [
        (&["rotate"][..], "Usage: kmsctl rotate [OPTIONS] <KEY>\n"),
        (&["state", "show"], "Usage: kmsctl state show [OPTIONS] <ADDRESS>\n"),
        (&["plan", "--nonsense"], "Usage: kmsctl plan [OPTIONS]\n"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kmsctl"))
            .env_clear()
            .env("KMSCTL_SETTLE_TIME", "0")
            .env("KMSCTL_STATE", "none")
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(usage) && !said.contains("settle-time"), "{said}");
    }
}

#[test]
fn a_file_of_variables_that_is_no_map_leads_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vars.yaml");
    for (text, help) in [
        ("a = \"x\"\n", "help: write each variable as `NAME: VALUE`"),
        ("- a\n", "help: write each variable as `NAME: VALUE`"),
        ("a:x\n", "help: write a space after the colon: `a: VALUE`"),
    ] {
        kmsctl::store::write_atomic(&path, text.as_bytes()).unwrap();
        let (code, said) = run(VALID, &["--var-file", path.to_str().unwrap(), "validate"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("expected a map, found") && said.contains(help), "{text}: {said}");
    }
}
