//! `lint` and `policy lint`, run as the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    command.env_clear().current_dir(folder).args(args).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn expect(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?} says:\n{out}{err}");
    out
}

#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": ["kms:Decrypt", "kms:ReEncrypt"], "Resource": "*"}
  ]
}
"#;

#[test]
fn policy_files_are_checked_with_positions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "p.json", POLICY);
    write(folder, "good.json", &POLICY.replace("kms:ReEncrypt", "kms:ReEncrypt*"));
    write(folder, "broken.json", "{\"Version\": }");
    insta::assert_snapshot!(expect(folder, 3, &["policy", "lint", "p.json"]), @r#"
    error[KMS408]: there is no action `kms:ReEncrypt`
     --> p.json:6:32
      |
    6 |      "Action": ["kms:Decrypt", "kms:ReEncrypt"], "Resource": "*"}
      |                                ^^^^^^^^^^^^^^^
      |
      = help: write `kms:ReEncrypt*`, or `kms:ReEncryptFrom` and `kms:ReEncryptTo`
    "#);
    assert_eq!(expect(folder, 0, &["policy", "lint", "good.json"]), "No findings.\n");
    let args = ["policy", "lint", "good.json", "p.json", "broken.json", "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&expect(folder, 3, &args)).unwrap();
    assert_eq!(json["summary"]["error"], 2);
    assert_eq!(json["findings"][0]["rule"], "KMS408");
    assert_eq!(json["findings"][0]["file"], "p.json");
    assert_eq!(
        (&json["findings"][0]["line"], &json["findings"][0]["column"]),
        (&6.into(), &32.into())
    );
    assert_eq!(json["findings"][0]["end_column"], 47);
    assert_eq!(json["findings"][1]["name"], "json-syntax");
    let args = ["policy", "lint", "p.json", "--format", "sarif"];
    let sarif: serde_json::Value = serde_json::from_str(&expect(folder, 3, &args)).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "p.json");
    let other = ["policy", "lint", "good.json", "--account", "444455556666"];
    assert!(expect(folder, 3, &other).contains("KMS304"));
    let caller = ["policy", "lint", "good.json", "--caller", "arn:aws:iam::444455556666:role/x"];
    assert!(expect(folder, 3, &caller).contains("KMS305"));
    expect(folder, 64, &["policy", "lint", "good.json", "--caller", "x"]);
    expect(folder, 64, &["policy", "lint", "good.json", "--key-usage", "SIGN"]);
    expect(folder, 1, &["policy", "lint", "missing.json"]);
}

const STACK: &str = "stack: s
region: eu-west-1
keys:
  storage:
    aliases: [storage]
    rotation: {period_days: 365}
    policy:
      administrators: [role/admin, role/other]
      users: [role/admin]
      statements:
        - Effect: Allow
          Principal: {Service: sns.amazonaws.com}
          Action: kms:Decrypt
          Resource: '*'
  file:
    aliases: [file]
    rotation: {enabled: false}
    policy: {document: p.json}
";

fn rules(folder: &Path, code: i32, args: &[&str]) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&expect(folder, code, args)).unwrap();
    let line = |f: &serde_json::Value| {
        let waived = if f["waived"].is_string() { " waived" } else { "" };
        let text = |key: &str| f[key].as_str().unwrap().to_owned();
        format!(
            "{} {} {}:{}:{}{waived}",
            text("rule"),
            text("address"),
            text("file"),
            f["line"],
            f["column"]
        )
    };
    json["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_stack_is_checked_without_aws_and_waivers_apply() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "p.json", POLICY);
    write(folder, "kmsctl.yaml", STACK);
    let all = ["lint", "--format", "json"];
    assert_eq!(
        rules(folder, 3, &all),
        [
            "KMS307 key/storage kmsctl.yaml:8:24",
            "KMS302 key/storage kmsctl.yaml:12:32",
            "KMS408 key/file p.json:6:32",
            "KMS601 key/file kmsctl.yaml:17:15",
        ]
    );
    let waiver = |rule: &str, until: &str| {
        format!("    - {{rule: {rule}, address: key/file, reason: known, until: {until}}}\n")
    };
    let waived = |waivers: &str| {
        write(folder, "kmsctl.yaml", &format!("{STACK}lint:\n  waivers:\n{waivers}"));
    };
    waived(
        &(waiver("KMS408", "2999-01-31")
            + &waiver("rotation-off", "2020-01-31")
            + &waiver("public", "2999-01-31")),
    );
    assert_eq!(
        rules(folder, 0, &all),
        [
            "KMS307 key/storage kmsctl.yaml:8:24",
            "KMS302 key/storage kmsctl.yaml:12:32",
            "KMS408 key/file p.json:6:32 waived",
            "KMS601 key/file kmsctl.yaml:17:15",
            "KMS901 key/file kmsctl.yaml:22:7",
            "KMS902 key/file kmsctl.yaml:23:7",
        ]
    );
    assert!(!expect(folder, 0, &["lint"]).contains("KMS408"));
    assert!(expect(folder, 0, &["lint", "-v"]).contains("waived (known, until 2999-01-31)"));
    expect(folder, 0, &["lint", "--format", "sarif"]);
    // A gate cannot be waived.
    for gate in ["gate", "KMS801"] {
        waived(&waiver(gate, "2999-01-31"));
        let output = run(folder, &["lint"]);
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1));
        assert!(report.contains("a gate cannot be waived"), "{report}");
    }
    waived(&waiver("rotation-of", "2027-02-30"));
    let output = run(folder, &["lint"]);
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("did you mean `rotation-off`?"), "{report}");
    assert!(report.contains("`2027-02-30` is not a day"), "{report}");
}

#[test]
fn the_settings_of_a_key_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = |settings: &str| {
        let text = format!("stack: s\nregion: eu-west-1\nkeys:\n  k: {{{settings}}}\n");
        write(folder, "kmsctl.yaml", &text);
        let json = expect(folder, 0, &["lint", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let findings = json["findings"].as_array().unwrap().iter();
        let told = |f: &serde_json::Value| {
            format!("{} {}:{}", f["name"].as_str().unwrap(), f["line"], f["column"])
        };
        findings.map(told).collect::<Vec<_>>()
    };
    let rotating = "aliases: [k], rotation: {enabled: true}";
    assert_eq!(key(rotating), [""; 0]);
    assert_eq!(key("aliases: [k], rotation: {enabled: false}"), ["rotation-off 4:31"]);
    assert_eq!(key("aliases: [k]"), ["rotation-off 4:3"]);
    assert_eq!(key("rotation: {enabled: true}"), ["no-alias 4:3"]);
    assert_eq!(key(&format!("{rotating}, multi_region: true")), ["multi-region 4:62"]);
    assert_eq!(key(&format!("{rotating}, protect: false")), ["unprotected 4:57"]);
    assert_eq!(key(&format!("{rotating}, enabled: false")), ["disabled 4:57"]);
    let window = |days: u32| key(&format!("{rotating}, deletion_window_days: {days}"));
    assert_eq!((window(13), window(14)), (vec!["deletion-window-short 4:70".to_owned()], vec![]));
    let rsa = |spec: &str, usage: &str| key(&format!("aliases: [k], spec: {spec}, usage: {usage}"));
    assert_eq!(rsa("RSA_2048", "ENCRYPT_DECRYPT"), ["rsa-2048 4:27"]);
    assert_eq!(rsa("RSA_2048", "SIGN_VERIFY"), [""; 0]);
    assert_eq!(rsa("RSA_3072", "ENCRYPT_DECRYPT"), [""; 0]);
}

/// A policy of one of AWS's guides: what it is for, the ids of the warnings and errors that it deserves, and the
/// policy.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Guide {
    about: String,
    findings: Vec<String>,
    policy: serde_json::Value,
}

#[test]
fn policies_of_the_guides_of_aws_get_only_the_findings_that_they_deserve() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guides")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let guide: Guide = serde_json::from_str(&text).unwrap();
        assert!(!guide.about.is_empty(), "{}", path.display());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        write(folder.path(), &name, &serde_json::to_string_pretty(&guide.policy).unwrap());
        let output = run(folder.path(), &["policy", "lint", &name, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = report["findings"].as_array().unwrap().iter();
        let mut found: Vec<&str> = found
            .filter(|finding| finding["severity"] != "note")
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, guide.findings, "{name} ({})", guide.about);
        count += 1;
    }
    assert!(count >= 40, "{count}");
}
