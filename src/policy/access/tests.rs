//! The worked examples of the design, and what else two policies can be to each other.

use super::super::Document;
use super::*;

pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn key() -> KeyContext {
    KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
}

pub(super) fn live(text: &str) -> Document {
    Document::from_live(text, "aws").unwrap()
}

/// A policy of statements as `effect|principal|action|condition`, each part JSON or a short form.
pub(super) fn policy(statements: &[&str]) -> Document {
    live(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.iter().map(|text| statement(text)).collect::<Vec<_>>().join(",")
    ))
}

fn names(text: &str) -> String {
    let arn = |name: &str| match name.trim() {
        "root" => format!("arn:aws:iam::{ACCOUNT}:root"),
        name if name.starts_with("role/") || name.starts_with("user/") => {
            format!("arn:aws:iam::{ACCOUNT}:{name}")
        }
        name => name.to_owned(),
    };
    let names: Vec<String> = text.split(',').map(arn).collect();
    serde_json::to_string(&names).unwrap()
}

/// `Allow root kms:*`, `Deny !role/a !kms:Sign {…}`, `Allow {"Service":"x"} kms:Decrypt`.
fn statement(text: &str) -> String {
    let mut parts = text.splitn(4, ' ');
    let (effect, who, what) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let not = |text: &str| if text.starts_with('!') { "Not" } else { "" };
    let (no, non) = (not(who), not(what));
    let who = match who.trim_start_matches('!') {
        "everyone" => "\"*\"".to_owned(),
        json if json.starts_with('{') => json.to_owned(),
        list => format!(r#"{{"AWS":{}}}"#, names(list)),
    };
    let what: Vec<&str> = what.trim_start_matches('!').split(',').collect();
    let what = serde_json::to_string(&what).unwrap();
    let rest = parts.next().map(|c| format!(r#","Condition":{c}"#)).unwrap_or_default();
    format!(
        r#"{{"Effect":"{effect}","{no}Principal":{who},"{non}Action":{what},"Resource":"*"{rest}}}"#
    )
}

/// One line a change: `effect kind certainty level principal: actions [condition]`.
pub(super) fn lines(comparison: &Comparison) -> String {
    let mut out = format!("{:?} {:?}\n", comparison.access, comparison.change);
    for change in &comparison.changes {
        let level = change.from.max(change.to);
        out.push_str(&format!(
            "{:?} {:?} {level:?} {}: {}",
            change.effect,
            change.kind,
            change.principal,
            change.actions.join(",").replace("kms:", "")
        ));
        for (word, text) in
            [("when", &change.condition), ("before", &change.before), ("after", &change.after)]
        {
            if let Some(text) = text {
                out.push_str(&format!(" {word} [{text}]"));
            }
        }
        for (is, word) in [
            (change.certainty == Certainty::Possible, "possible"),
            (change.public, "PUBLIC"),
            (change.confused_deputy, "DEPUTY"),
        ] {
            out.push_str(&if is { format!(" {word}") } else { String::new() });
        }
        if !change.except.is_empty() {
            out.push_str(&format!(" except {}", change.except.join(",")));
        }
        out.push('\n');
    }
    out
}

pub(super) fn diff(old: &[&str], new: &[&str]) -> String {
    lines(&compare(Some(&policy(old)), Some(&policy(new)), &key(), &[]))
}

const ROOT: &str = "Allow root kms:*";

#[test]
fn worked_example_1_to_4_same() {
    let bob = "Allow user/bob kms:Decrypt";
    let (a, b) = (policy(&[ROOT, bob]), policy(&[bob, ROOT]));
    assert_eq!(compare(Some(&a), Some(&b), &key(), &[]).document, SameDocument::Same);
    let c = live(&a.to_json().replace(&format!("arn:aws:iam::{ACCOUNT}:root"), ACCOUNT));
    assert_eq!(compare(Some(&a), Some(&c), &key(), &[]).document, SameDocument::Same);
    for (from, to) in [
        ("\"Effect\"", "\"Sid\":\"x\",\"Effect\""),
        ("{\"Version\"", "{\"Id\":\"y\",\"Version\""),
        ("2012-10-17", "2008-10-17"),
    ] {
        let d = live(&a.to_json().replacen(from, to, 1));
        let compared = compare(Some(&a), Some(&d), &key(), &[]);
        assert_eq!(
            (compared.document, lines(&compared).as_str()),
            (SameDocument::Different, "Same None\n")
        );
    }
}

#[test]
fn worked_examples_5_to_14() {
    let trail = r#"{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:us-west-2:111122223333:trail/finance"}}"#;
    let deputy = r#"{"Service":"cloudtrail.amazonaws.com"}"#;
    let ec2 = r#"{"StringEquals":{"kms:ViaService":"ec2.us-west-2.amazonaws.com","kms:CallerAccount":"111122223333"}}"#;
    let anywhere = r#"{"StringEquals":{"kms:ViaService":"ec2.us-west-2.amazonaws.com"}}"#;
    let s3 = r#"{"StringEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let s3_if = r#"{"StringEqualsIfExists":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let nor = r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1","kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let (vpce, via) = (
        r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
        r#"{"StringNotEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#,
    );
    let grant = r#"Allow role/app kms:CreateGrant {"Bool":{"kms:GrantIsForAWSResource":true}}"#;
    let four = "Allow user/x kms:GenerateDataKey,kms:GenerateDataKeyPair,kms:GenerateDataKeyWithoutPlaintext,kms:GenerateDataKeyPairWithoutPlaintext";
    let foreign = "arn:aws:iam::444455556666:";
    let f = |parts: [&str; 3]| parts.join(" ");
    let cases: [(&str, Vec<String>, Vec<String>); 10] = [
        ("5", vec![ROOT.into()], vec![ROOT.into(), "Allow user/bob kms:Decrypt".into()]),
        (
            "6",
            vec![format!("Allow {foreign}root kms:Decrypt")],
            vec![format!("Allow {foreign}root,{foreign}role/x kms:Decrypt")],
        ),
        ("7", vec![four.into()], vec!["Allow user/x kms:GenerateDataKey*".into()]),
        (
            "8",
            vec!["Allow user/x kms:Sign".into()],
            vec!["Allow user/x kms:Sign,kms:CreateKey,kms:ListKeys".into()],
        ),
        (
            "9",
            vec![ROOT.into(), "Deny root kms:ScheduleKeyDeletion".into()],
            vec!["Allow root !kms:ScheduleKeyDeletion".into()],
        ),
        (
            "10",
            vec![f(["Allow", deputy, &format!("kms:GenerateDataKey* {trail}")])],
            vec![f(["Allow", deputy, "kms:GenerateDataKey*"])],
        ),
        (
            "11",
            vec![f(["Allow role/app", "kms:Decrypt", s3])],
            vec![f(["Allow role/app", "kms:Decrypt", s3_if])],
        ),
        (
            "12",
            vec![ROOT.into(), f(["Deny everyone", "kms:Decrypt", nor])],
            vec![
                ROOT.into(),
                f(["Deny everyone", "kms:Decrypt", vpce]),
                f(["Deny everyone", "kms:Decrypt", via]),
            ],
        ),
        (
            "13",
            vec![f(["Allow *", "kms:Decrypt", ec2])],
            vec![f(["Allow *", "kms:Decrypt", anywhere])],
        ),
        ("14", vec![grant.into()], vec!["Allow role/app kms:CreateGrant".into()]),
    ];
    let mut out = String::new();
    for (name, old, new) in &cases {
        let text =
            |list: &Vec<String>| policy(&list.iter().map(String::as_str).collect::<Vec<_>>());
        let compared = compare(Some(&text(old)), Some(&text(new)), &key(), &[]);
        out.push_str(&format!("{name}: {}", lines(&compared)));
    }
    insta::assert_snapshot!(out, @"");
}

#[test]
fn worked_example_15_guards() {
    let only = format!(
        r#"Deny everyone kms:PutKeyPolicy {{"ArnNotEquals":{{"aws:PrincipalArn":"arn:aws:iam::{ACCOUNT}:role/Admin"}}}}"#
    );
    let org = r#"Deny everyone kms:Decrypt {"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#;
    let s3 = r#"Allow {"Service":"s3.amazonaws.com"} kms:Decrypt"#;
    let first = diff(&[ROOT, "Allow role/Admin kms:*"], &[ROOT, "Allow role/Admin kms:*", &only]);
    let second = diff(&[ROOT, s3], &[ROOT, s3, org]);
    insta::assert_snapshot!(format!("{first}{second}"), @"");
}
