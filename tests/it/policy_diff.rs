//! The program's `policy diff`: both formats, the exit codes, and unreadable documents.

use crate::offline;
use std::process::Output;

const SEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/seeds/keypolicy.json");

fn run(input: &str, args: &[&str]) -> Output {
    offline::run_with(input, &[&["policy", "diff"], args].concat())
}

#[track_caller]
fn says(code: i32, input: &str, args: &[&str]) -> (String, String) {
    let output = run(input, args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

fn seed() -> String {
    String::from_utf8(std::fs::read(SEED).unwrap()).unwrap()
}

#[test]
fn identical_documents_have_no_changes() {
    let respelled = seed().replace("arn:aws:iam::111122223333:root", "111122223333");
    let (out, _) = says(0, &respelled, &[SEED, "-", "--detailed-exitcode"]);
    assert_eq!(out, "The policies are identical: nothing would change in AWS.\n");
    let (out, _) = says(0, &respelled, &[SEED, "-", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let due = serde_json::json!({
        "document": "same", "access": "same", "change": "none", "access_changes": []
    });
    assert_eq!(json, due);
}

#[test]
fn changes_of_the_text_and_of_future_actions_are_distinguished() {
    let renamed = seed().replace("Allow use of the key", "Use");
    let (out, _) = says(0, &renamed, &[SEED, "-", "--detailed-exitcode"]);
    assert_eq!(out, "The text changes. Access does not change.\n");
    let spelled =
        seed().replace("\"kms:ReEncrypt*\"", "\"kms:ReEncryptFrom\", \"kms:ReEncryptTo\"");
    let (out, _) = says(0, &spelled, &[SEED, "-", "--format", "json", "--detailed-exitcode"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["access"], "same");
    assert_eq!(json["change"], "future-actions-only");
    assert_eq!(json["access_changes"][0]["kind"], "future");
}

#[test]
fn changed_access_is_shown() {
    let less = seed().replace("\"kms:Decrypt\",", "");
    let (out, _) = says(2, &less, &[SEED, "-", "--detailed-exitcode"]);
    insta::assert_snapshot!(out, @r#"
    Access changes: principals lose access.
      - user/umemoto loses decrypt; IAM policies may still allow it (statement "Allow use of the key")
    "#);
    let (out, _) = says(0, &less, &[SEED, "-", "-v"]);
    insta::assert_snapshot!(out, @r#"
    Access changes: principals lose access.
      - user/umemoto loses Decrypt; IAM policies may still allow it (statement "Allow use of the key")
    "#);
    let (out, _) = says(0, &less, &[SEED, "-", "--format", "json"]);
    insta::assert_snapshot!(out, @r#"
    {
      "document": "different",
      "access": "changed",
      "change": "loss",
      "access_changes": [
        {
          "effect": "lost",
          "principal": "arn:aws:iam::111122223333:user/umemoto",
          "actions": [
            "kms:Decrypt"
          ],
          "condition": null,
          "kind": "loses",
          "certainty": "certain",
          "capabilities": [
            "decrypt"
          ],
          "from": "allowed",
          "to": "delegated",
          "delegated": false,
          "public": false,
          "confused_deputy": false,
          "statements": [
            "Allow use of the key"
          ]
        }
      ]
    }
    "#);
}

#[test]
fn unreadable_documents_are_reported_with_positions() {
    let (_, err) = says(1, "{\"Statement\": [\n  {\"Effect\" \"Allow\"}\n]}", &[SEED, "-"]);
    assert!(err.contains("2:13") && err.contains("malformed JSON"), "{err}");
    let large = seed().replace("Allow use of the key", &"x".repeat(32_768));
    let (_, err) = says(1, &large, &[SEED, "-"]);
    assert!(err.contains("bytes without white space") && err.contains("at most 32768"), "{err}");
    let (_, err) = says(1, "", &[SEED, "/nowhere.json"]);
    assert!(err.contains("/nowhere.json"), "{err}");
    let (_, err) = says(64, "", &[SEED, "-", "--account", "1"]);
    assert!(err.contains("account"), "{err}");
}

#[test]
fn an_unknown_account_is_noted() {
    let who = r#"{"AWS": "arn:aws:iam::444455556666:role/x"}"#;
    let text = |action: &str| {
        format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{who},"Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    #[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
    std::fs::write(&path, text("kms:Sign")).unwrap();
    let path = path.to_str().unwrap();
    let (out, err) = says(2, &text("kms:PutKeyPolicy"), &[path, "-", "--detailed-exitcode"]);
    assert!(out.contains("may gain change the policy") && err.contains("--account"), "{out}{err}");
}
