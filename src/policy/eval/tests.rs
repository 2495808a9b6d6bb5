//! The cases of `cases.txt`, published policies, and requests that are refused.

mod decision_properties;

use super::*;
use crate::policy::grants::{Grant, grants};
use crate::policy::tests::{ACCOUNT, node};
use crate::policy::{Document, aws_default};
use serde_json::Value;

const CASES: &str = include_str!("cases.txt");
pub(super) const ARN: &str =
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Expands the abbreviations in `cases.txt`.
fn full(text: &str) -> String {
    let mut text = text.to_owned();
    for (short, long) in [
        ("O:", "arn:aws:iam::111122223333:"),
        ("X:", "arn:aws:iam::999988887777:"),
        ("S:", "arn:aws:sts::111122223333:assumed-role/"),
        ("F:", "arn:aws:sts::111122223333:"),
    ] {
        text = text.replace(&format!("\"{short}"), &format!("\"{long}"));
        if let Some(rest) = text.strip_prefix(short) {
            text = format!("{long}{rest}");
        }
    }
    text.replace("\"K\"", &format!("\"{ARN}\""))
}

/// A policy in `cases.txt` with its cases.
#[derive(Default)]
struct Group {
    title: String,
    version: Option<String>,
    arn: bool,
    statements: Vec<Value>,
    grants: Vec<String>,
    cases: Vec<(String, String)>,
}

fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in CASES.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            let version = Some("2012-10-17".to_owned());
            groups.push(Group { title: title.to_owned(), version, ..Group::default() });
            continue;
        }
        let Some(group) = groups.last_mut() else { continue };
        if line.starts_with('{') {
            let mut statement: Value = serde_json::from_str(&full(line)).unwrap();
            let map = statement.as_object_mut().unwrap();
            for (element, value) in [("Effect", "Allow"), ("Resource", "*")] {
                map.entry(element).or_insert_with(|| value.into());
            }
            map.retain(|_, value| !value.is_null());
            group.statements.push(statement);
        } else if let Some(version) = line.strip_prefix("version ") {
            group.version = Some(version.to_owned()).filter(|version| version != "none");
        } else if let Some(grant) = line.strip_prefix("grant ") {
            group.grants.push(full(grant));
        } else if let Some(case) = line.strip_prefix("asks ") {
            let (asked, due) = case.split_once(" -> ").unwrap();
            group.cases.push((asked.to_owned(), due.to_owned()));
        } else if line == "arn" {
            group.arn = true;
        } else {
            assert_eq!(line, "", "in {}", group.title);
        }
    }
    groups
}

impl Group {
    fn document(&self) -> Document {
        let mut document = serde_json::json!({ "Statement": self.statements });
        if let Some(version) = &self.version {
            document["Version"] = version.as_str().into();
        }
        Document::lenient(&node(&document.to_string()), "aws").unwrap()
    }

    fn grants(&self) -> Vec<Grant> {
        let text = format!(r#"{{"Grants":[{}],"Truncated":false}}"#, self.grants.join(","));
        grants(&node(&text)).unwrap()
    }

    fn key(&self) -> TargetKey<'static> {
        TargetKey { partition: "aws", account: ACCOUNT, arn: self.arn.then_some(ARN) }
    }
}

fn request(text: &str) -> Request {
    let mut words = text.split_whitespace();
    let mut principal = Principal::parse(&full(words.next().unwrap()), "aws").unwrap();
    let action = RequestedAction::parse(words.next().unwrap()).unwrap();
    let mut context = Context::default();
    for word in words {
        if let Some(role) = word.strip_prefix("role:") {
            principal = principal.with_role(&full(role)).unwrap();
        } else if let Some(id) = word.strip_prefix("id:") {
            principal = principal.with_id(id).unwrap();
        } else if let Some((key, value)) = word.split_once('=') {
            context.add(key, &value.replace('~', " "));
        } else {
            context.set(word.strip_suffix('?').unwrap(), ContextValue::Unknown);
        }
    }
    Request { principal, action, context }
}

/// Returns the decision in the words of `cases.txt`.
fn tag(decision: &Decision, document: &Document, grants: &[Grant]) -> String {
    let typed = document.typed();
    let place = |rule: &usize| document.position(&typed.statements[*rule]).unwrap().to_string();
    let why = match decision {
        Decision::Allowed(Source::Statement(rule)) | Decision::Delegated(rule) => place(rule),
        Decision::Allowed(Source::Grant(grant)) => grants[*grant].id.clone(),
        Decision::Allowed(Source::Document) => panic!("an unclear document allows"),
        Decision::Denied(Denial::Explicit(rule)) => place(rule),
        Decision::Denied(Denial::Implicit) => "implicit".to_owned(),
        Decision::Denied(Denial::OtherAccount) => "other-account".to_owned(),
        Decision::Unknown(open) => {
            let doubts = open.iter().flat_map(|open| &open.doubts).map(|doubt| match doubt {
                Doubt::Key(key) => key.clone(),
                other => other.to_string(),
            });
            doubts.collect::<Vec<_>>().join(",")
        }
        Decision::IamOnly => return "iam-only".to_owned(),
    };
    format!("{}:{why}", decision.word())
}

#[test]
fn the_cases_are_decided_as_expected() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for group in groups() {
        let (document, grants) = (group.document(), group.grants());
        let typed = document.typed();
        for (asked, due) in &group.cases {
            cases += 1;
            let decision = decide(&typed, &group.key(), &grants, &request(asked));
            let is = tag(&decision, &document, &grants);
            if is != *due && decision.word() != due {
                wrong.push(format!("{}\n  {asked}\n  is {is}, not {due}", group.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 300, "{cases}");
}

fn ask(document: &Document, asked: &str) -> &'static str {
    let key = TargetKey { partition: "aws", account: ACCOUNT, arn: None };
    decide(&document.typed(), &key, &[], &request(asked)).word()
}

fn lenient(text: &str) -> Document {
    Document::lenient(&node(text), "aws").unwrap()
}

/// Returns a policy of the statements in a file, one on each line. Lines that are not JSON are skipped.
fn lines(text: &str) -> Document {
    let statements = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let statements = statements.collect::<Vec<_>>().join(",");
    lenient(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
}

#[test]
fn published_policies_are_decided_as_documented() {
    let default = aws_default("aws", ACCOUNT);
    assert_eq!(ask(&default, "O:role/App Decrypt"), "delegated");
    assert_eq!(ask(&default, "O:root PutKeyPolicy"), "allowed");
    let es = lenient(include_str!("../seeds/es-kms-cmk-policy.json"));
    for (asked, due) in [
        ("O:role/AmazonESManager PutKeyPolicy", "allowed"),
        ("O:role/AmazonESManager CancelKeyDeletion", "allowed"),
        ("O:role/AmazonESManager TagResource", "delegated"),
        ("O:role/AmazonESManager Decrypt", "delegated"),
        ("O:user/ESAdmin ReEncryptTo", "allowed"),
        ("O:user/ESAdmin CreateGrant", "delegated"),
        ("O:user/ESAdmin CreateGrant kms:GrantIsForAWSResource=true", "allowed"),
        ("O:user/ESAdmin ListGrants kms:GrantIsForAWSResource=true", "allowed"),
        ("O:user/Other Decrypt", "delegated"),
        ("X:user/ESAdmin Decrypt", "denied"),
    ] {
        assert_eq!(ask(&es, asked), due, "{asked}");
    }
    let console = lenient(include_str!("../seeds/keypolicy.json"));
    for (asked, due) in [
        ("O:user/umemoto TagResource", "allowed"),
        ("O:user/umemoto GenerateDataKeyPairWithoutPlaintext", "allowed"),
        ("O:user/umemoto RotateKeyOnDemand", "delegated"),
        ("O:user/umemoto RevokeGrant kms:GrantIsForAWSResource=true", "allowed"),
        ("O:user/umemoto CreateKey", "iam-only"),
    ] {
        assert_eq!(ask(&console, asked), due, "{asked}");
    }
}

#[test]
fn published_statements_for_services_are_decided_as_documented() {
    let scaling = lines(include_str!("../seeds/autoscaling.txt"));
    let linked = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let key = TargetKey { partition: "aws", account: "123456789012", arn: None };
    for (asked, due) in [
        (format!("{linked} GenerateDataKeyWithoutPlaintext"), "allowed"),
        (format!("{linked} CreateGrant kms:GrantIsForAWSResource=true"), "allowed"),
        (format!("{linked} CreateGrant"), "denied"),
        ("O:role/Operator CreateGrant".to_owned(), "delegated"),
        ("O:role/Operator Decrypt".to_owned(), "delegated"),
        ("O:role/Operator ListGrants".to_owned(), "denied"),
    ] {
        let decision = decide(&scaling.typed(), &key, &[], &request(&asked));
        assert_eq!(decision.word(), due, "{asked}");
    }
    let trail = "cloudtrail.amazonaws.com";
    let trails = lines(include_str!("../seeds/cloudtrail.txt"));
    let source = "aws:SourceArn=arn:aws:cloudtrail:region:account-id:trail/trail-name";
    let context = "kms:EncryptionContext:aws:cloudtrail:arn=arn:aws:cloudtrail:us-west-2";
    for (asked, due) in [
        (format!("{trail} GenerateDataKey"), "allowed"),
        (format!("{trail} GenerateDataKeyPair {source}"), "denied"),
        (format!("{trail} GenerateDataKeyPair {source} {context}:account-id:trail/t"), "allowed"),
        (format!("{trail} GenerateDataKeyPair {source} {context}:222222222222:trail/t"), "allowed"),
        (format!("{trail} GenerateDataKeyPair {source} {context}:333333333333:trail/t"), "denied"),
        (format!("{trail} Decrypt"), "allowed"),
        // The resource in the published statement is not the ARN of a key of this account.
        (format!("{trail} DescribeKey {source}"), "denied"),
    ] {
        assert_eq!(ask(&trails, &asked), due, "{asked}");
    }
}

/// The statements that the services' own user guides give for their use of a key, next to other statements.
#[test]
fn statements_for_services_are_decided_as_documented() {
    let document = lenient(include_str!("consumers.json"));
    for (asked, due) in [
        ("O:role/Provisioner Decrypt kms:ViaService=ec2.us-east-1.amazonaws.com", "allowed"),
        ("O:role/Provisioner Decrypt", "denied"),
        ("O:role/Provisioner CreateGrant kms:GrantIsForAWSResource=true", "allowed"),
        (
            "O:role/Anyone CreateGrant kms:ViaService=elasticfilesystem.us-east-1.amazonaws.com",
            "allowed",
        ),
        (
            "X:role/Anyone CreateGrant kms:ViaService=elasticfilesystem.us-east-1.amazonaws.com",
            "denied",
        ),
        ("O:role/LogReader Decrypt kms:EncryptionContext:aws:cloudtrail:arn=x", "allowed"),
        ("O:role/LogReader Decrypt", "denied"),
        ("O:role/AppRole Decrypt kms:ViaService=dynamodb.eu-west-1.amazonaws.com", "allowed"),
        ("O:role/AppRole Decrypt kms:ViaService=s3.eu-west-1.amazonaws.com", "denied"),
        ("O:role/db-team RevokeGrant", "allowed"),
        ("events.amazonaws.com GenerateDataKey", "allowed"),
        (
            "s3.amazonaws.com Decrypt aws:SourceAccount=111122223333 aws:SourceArn=arn:aws:s3:::my-bucket",
            "allowed",
        ),
        (
            "s3.amazonaws.com Decrypt aws:SourceAccount=999988887777 aws:SourceArn=arn:aws:s3:::my-bucket",
            "denied",
        ),
        ("s3.amazonaws.com Decrypt aws:SourceAccount=111122223333 aws:SourceArn?", "unknown"),
        (
            "logs.us-east-1.amazonaws.com Encrypt kms:EncryptionContext:aws:logs:arn=arn:aws:logs:us-east-1:111122223333:log-group:g",
            "allowed",
        ),
        (
            "logs.us-east-1.amazonaws.com Encrypt kms:EncryptionContext:aws:logs:arn=arn:aws:logs:us-east-1:999988887777:log-group:g",
            "denied",
        ),
        ("logs.us-east-1.amazonaws.com DescribeKey", "denied"),
        ("logs.eu-west-1.amazonaws.com Encrypt", "denied"),
    ] {
        assert_eq!(ask(&document, asked), due, "{asked}");
    }
}

#[test]
fn invalid_requests_are_refused_with_help() {
    let principal = |text: &str| Principal::parse(text, "aws").unwrap_err();
    for text in ["*", ACCOUNT, "AROAABCDEFGHIJKLMNOPQ", "bob", "arn:aws:iam::111122223333:x/y"] {
        assert!(principal(text).help.unwrap().contains("name a service"), "{text}");
    }
    assert!(principal("arn:aws:iam::111122223333:group/g").message.contains("groups are never"));
    assert!(principal("arn:aws-cn:iam::111122223333:root").message.contains("partition"));
    assert!(principal("arn:aws:iam::111122223333:role/*").message.contains("wildcard"));
    let session = || Principal::parse(&full("S:App/s"), "aws").unwrap();
    assert!(session().with_role(&full("O:role/p/App")).is_ok());
    for role in ["O:role/Other", "X:role/App", "O:user/App", "S:App/s", "App"] {
        session().with_role(&full(role)).unwrap_err();
    }
    session().with_id("AIDAABCDEFGHIJKLMNOPQ").unwrap_err();
    Principal::parse("s3.amazonaws.com", "aws")
        .unwrap()
        .with_id("AROAABCDEFGHIJKLMNOPQ")
        .unwrap_err();
    let role = || Principal::parse(&full("O:role/p/App"), "aws").unwrap();
    assert!(role().with_role(&full("O:role/p/App")).is_ok());
    role().with_role(&full("O:role/q/App")).unwrap_err();
    let help = |text: &str| RequestedAction::parse(text).unwrap_err().help.unwrap();
    assert_eq!(help("kms:Decript"), "did you mean `kms:Decrypt`?");
    assert!(help("kms:ReEncrypt").contains("kms:ReEncryptFrom"));
    assert!(help("kms:*").contains("one action"));
    assert_eq!(RequestedAction::parse("KMS:decrypt").unwrap().name(), "Decrypt");
    assert_eq!(RequestedAction::parse("createkey").unwrap(), RequestedAction::Iam("CreateKey"));
}

#[test]
fn incomplete_lists_of_grants_are_refused() {
    let read = |text: &str| grants(&node(text));
    let messages = |text: &str| {
        let problems = read(text).unwrap_err().into_iter();
        problems.map(|problem| problem.message).collect::<Vec<_>>()
    };
    let listed = read(include_str!("grants.json")).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].name.as_deref(), listed[1].name.as_deref()), (None, Some("batch")));
    assert!(listed[1].operations.contains("Decrypt"));
    assert_eq!(messages("[]"), ["there is no `Grants`"]);
    assert_eq!(messages(r#"{"Grants":[],"Truncated":true}"#), ["the list of grants is truncated"]);
    assert_eq!(messages(r#"{"Grants":[],"NextToken":"x"}"#).len(), 1);
    assert_eq!(
        messages(r#"{"Grants":[{"Operations":["Decrypt"]}]}"#),
        ["a grant has no `GranteePrincipal`"]
    );
    assert_eq!(
        messages(r#"{"Grants":[{"GranteePrincipal":"x"}]}"#),
        ["a grant has no list of `Operations`"]
    );
    assert_eq!(messages(r#"{"Grants":{}}"#), ["`Grants` is not a list"]);
    let odd = r#"{"Grants":[{"GranteePrincipal":1,"Operations":[2],"Constraints":{"EncryptionContextEquals":{"a":3}}}]}"#;
    assert_eq!(messages(odd).len(), 4);
}

#[test]
fn an_account_id_in_a_grant_is_the_root_user_of_the_account() {
    let key = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1";
    let read = |key: &str| {
        let text = format!(
            r#"{{"Grants":[{{{key}"GranteePrincipal":"444455556666","Operations":["Decrypt"]}}]}}"#
        );
        grants(&node(&text)).unwrap()[0].grantee.clone()
    };
    assert_eq!(read(""), "arn:aws:iam::444455556666:root");
    assert_eq!(read(&format!(r#""KeyId":"{key}","#)), "arn:aws-us-gov:iam::444455556666:root");
}

#[test]
fn unknown_elements_of_the_document_make_the_decision_unknown() {
    for text in [r#"{"Version":"2012-10-17","Statement":"x"}"#, r#"{"Statement":[],"Extra":1}"#] {
        assert_eq!(ask(&lenient(text), "O:role/App Decrypt"), "unknown", "{text}");
    }
    assert_eq!(ask(&lenient(r#"{"Statement":[]}"#), "O:role/App Decrypt"), "denied");
}
