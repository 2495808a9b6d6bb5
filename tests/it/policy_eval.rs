//! The program's `policy eval`: both formats, and invalid input.

use crate::offline;
use std::process::Output;

const POLICY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/seeds/es-kms-cmk-policy.json");
const GRANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/eval/grants.json");
const ADMIN: &str = "arn:aws:iam::111122223333:user/ESAdmin";
const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn run(input: &str, args: &[&str]) -> Output {
    offline::run_with(input, &[&["policy", "eval"], args].concat())
}

#[track_caller]
fn says(args: &[&str]) -> String {
    let output = run("", args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    out
}

fn ask<'a>(principal: &'a str, action: &'a str) -> Vec<&'a str> {
    vec![POLICY, "--account", "111122223333", "--principal", principal, "--action", action]
}

fn json(args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&says(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn a_decision_names_what_decides() {
    insta::assert_snapshot!(says(&ask(ADMIN, "kms:Decrypt")), @r"
    allowed: a statement allows kms:Decrypt
      Statement[2] `Allow the use of the CMK` (Allow)
    ");
    insta::assert_snapshot!(says(&ask("arn:aws:iam::111122223333:role/App", "Decrypt")), @r"
    delegated: the IAM policies of the account 111122223333 decide
      Statement[0] `Enable IAM User Permissions` (Allow)
    ");
    insta::assert_snapshot!(says(&ask("arn:aws:iam::999988887777:role/App", "Decrypt")), @"denied: nothing allows kms:Decrypt");
    insta::assert_snapshot!(says(&ask("arn:aws:iam::999988887777:role/App", "PutKeyPolicy")), @"denied: kms:PutKeyPolicy is allowed only to principals in the key's account, 111122223333");
    insta::assert_snapshot!(says(&ask(ADMIN, "CreateKey")), @"iam-only: only IAM policies decide about kms:CreateKey, and key policies do not apply");
    let mut vague = ask(ADMIN, "kms:CreateGrant");
    vague.extend(["--unknown-context", "kms:grantisforawsresource"]);
    insta::assert_snapshot!(says(&vague), @r"
    unknown: it depends on facts that are not known
      Statement[3] `Allow attachment of persistent resources` (Allow) depends on the condition key `kms:GrantIsForAWSResource`
    ");
}

#[test]
fn the_json_has_the_decision_and_because() {
    let allowed = json(&ask(ADMIN, "kms:Decrypt"));
    assert_eq!(allowed["decision"], "allowed");
    assert_eq!(allowed["because"]["statement"]["index"], 2);
    assert_eq!(allowed["because"]["statement"]["sid"], "Allow the use of the CMK");
    let denied = json(&ask("cloudtrail.amazonaws.com", "Decrypt"));
    assert_eq!(
        (&denied["decision"], &denied["because"]["reason"]),
        (&"denied".into(), &"implicit-deny".into())
    );
    let mut vague = ask(ADMIN, "kms:CreateGrant");
    vague.extend(["--unknown-context", "kms:grantisforawsresource"]);
    let unknown = json(&vague);
    assert_eq!(unknown["decision"], "unknown");
    let depends = &unknown["because"]["depends_on"][0];
    assert_eq!(depends["condition_keys"], serde_json::json!(["kms:GrantIsForAWSResource"]));
    assert_eq!(depends["statement"]["index"], 3);
    let mut granted = ask("arn:aws:iam::111122223333:role/batch", "Decrypt");
    granted.extend(["--grants", GRANTS, "--key-arn", KEY]);
    assert_eq!(json(&granted)["because"]["grant"]["name"], "batch");
}

#[test]
fn the_account_is_that_of_the_key_arn() {
    let args = [POLICY, "--key-arn", KEY, "--principal", ADMIN, "--action", "kms:Decrypt"];
    assert!(says(&args).starts_with("allowed"));
}

#[test]
fn a_document_is_read_from_standard_input() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"\u001b[31mred","Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}]}"#;
    let args = ["-", "--account", "111122223333", "--principal", ADMIN, "--action", "kms:Sign"];
    let output = run(policy, &args);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("denied") && !text.contains('\u{1b}'), "{text}");
    // JSON allows bidirectional marks and C1 controls.
    let odd = policy.replace("[31mred", "\u{202e}\\u009bred");
    let output = run(&odd, &[&args[..], &["--format", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(['\u{202e}', '\u{9b}']), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["because"]["statement"]["sid"], "\u{1b}\u{202e}\u{9b}red");
    let output = run("{\"Version\": }", &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("malformed JSON"));
}

#[test]
fn wrong_options_are_refused_with_help() {
    let refused = |args: &[&str], due: &str| {
        let output = run("", args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {text}");
        assert!(text.contains(due), "{args:?}: {text}");
    };
    let with = |more: &[&'static str]| [ask(ADMIN, "kms:Decrypt"), more.to_vec()].concat();
    refused(&[POLICY, "--principal", ADMIN, "--action", "kms:Decrypt"], "--account");
    refused(&ask("bob", "kms:Decrypt"), "name a service");
    refused(&ask("bob", "kms:Decrypt"), "write `role/bob` or `user/bob`; or ");
    refused(&ask("arn:aws:iam::111122223333:group/g", "kms:Decrypt"), "groups");
    refused(&ask("*", "kms:Decrypt"), "cannot make a request");
    refused(&ask(ADMIN, "kms:Decript"), "did you mean `kms:Decrypt`?");
    refused(&ask(ADMIN, "kms:ReEncrypt"), "kms:ReEncryptFrom");
    refused(&with(&["--context", "kms:ViaService"]), "KEY=VALUE");
    refused(&with(&["--context", "ViaService=x"]), "prefix");
    refused(
        &with(&["--context", "kms:ViaService=x", "--unknown-context", "kms:viaservice"]),
        "both",
    );
    refused(&with(&["--role-arn", "arn:aws:iam::111122223333:role/App"]), "only a session");
    refused(&with(&["--principal-id", "AROAABCDEFGHIJKLMNOPQ"]), "AIDA");
    refused(
        &[
            "-",
            "--account",
            "111122223333",
            "--principal",
            ADMIN,
            "--action",
            "Sign",
            "--grants",
            "-",
        ],
        "both",
    );
    refused(
        &with(&[
            "--key-arn",
            "arn:aws:kms:us-west-2:999988887777:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ]),
        "999988887777",
    );
    refused(&[POLICY, "--account", "111122223333", "--principal", ADMIN], "--action");
}

#[test]
fn condition_keys_without_effect_are_noted() {
    let mut args = ask(ADMIN, "kms:Decrypt");
    args.extend(["--context", "kms:ViaServices=x", "--context", "kms:GrantOperations=Decrypt"]);
    let output = run("", &args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("did you mean `kms:ViaService`?"), "{text}");
    assert!(text.contains("requests for kms:Decrypt never have it"), "{text}");
}

#[test]
fn grants_of_another_key_are_an_error() {
    let key = "arn:aws:kms:us-west-2:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab";
    let mut args = ask(ADMIN, "kms:Decrypt");
    args.extend(["--grants", GRANTS, "--key-arn", key]);
    let output = run("", &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("belongs to the key"));
}

#[test]
fn a_denial_names_the_statement_that_came_nearest() {
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"root","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"},
        {"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"kms:Decrypt*","Resource":"*",
         "Condition":{"ArnEquals":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:log-group:*"}}}]}"#;
    let ask = |context: &str| {
        let args = [
            "-",
            "--account",
            "111122223333",
            "--principal",
            "logs.us-east-1.amazonaws.com",
            "--action",
            "kms:Decrypt",
            "--context",
            context,
        ];
        String::from_utf8(run(policy, &args).stdout).unwrap()
    };
    let denied =
        ask("kms:EncryptionContext:aws:logs:arn=arn:aws:logs:us-east-1:444455556666:log-group:x");
    insta::assert_snapshot!(denied, @r"
    denied: nothing allows kms:Decrypt
      nearest: Statement[1] `Logs` (Allow), but not met: `kms:EncryptionContext:aws:logs:arn like arn:aws:logs:us-east-1:111122223333:log-group:*`
    ");
    let own =
        ask("kms:EncryptionContext:aws:logs:arn=arn:aws:logs:us-east-1:111122223333:log-group:x");
    assert!(own.starts_with("allowed: "), "{own}");
    // A short form is a principal of the key's account.
    let args =
        ["-", "--account", "111122223333", "--principal", "role/App", "--action", "kms:Decrypt"];
    let short = String::from_utf8(run(policy, &args).stdout).unwrap();
    assert!(short.starts_with("delegated: "), "{short}");
}
