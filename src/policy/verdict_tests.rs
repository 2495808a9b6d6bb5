use super::*;
use crate::policy::Document;
use proptest::prelude::*;

const OWNER: &str = "111122223333";
const KEY: TargetKey<'_> = TargetKey { partition: "aws", account: OWNER, arn: None };
const ROOT: &str = r#"{"Sid":"root","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#;

fn document(statements: &[&str]) -> Document {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    Document::from_live(&text, "aws").unwrap()
}

fn policy(statements: &[&str]) -> TypedPolicy {
    document(statements).typed()
}

/// Returns the source as the position of a statement in the written document, or of a grant.
fn place(statements: &[&str], source: Source) -> String {
    let document = document(statements);
    match source {
        Source::Statement(index) => {
            format!(
                "Statement({})",
                document.position(&document.typed().statements[index]).unwrap()
            )
        }
        Source::Grant(_) | Source::Document => format!("{source:?}"),
    }
}

fn request(who: &str, action: &str, context: Context) -> Request {
    let principal = Principal::parse(who, "aws").unwrap();
    Request { principal, action: RequestedAction::parse(action).unwrap(), context }
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{OWNER}:role/{name}")
}

/// Returns the outcome, and each reason in words.
fn told(statements: &[&str], grants: &[Grant], who: &str, action: &str) -> String {
    let found = verdict(&policy(statements), &KEY, grants, &request(who, action, Context::open()));
    let mut out = found.outcome.word().to_owned();
    for Reason { effect, when, depends_on, source } in &found.reasons {
        let when = when.as_deref().map(|when| format!(" when {when}")).unwrap_or_default();
        out += &format!("; {effect:?}{when} {}", place(statements, *source));
        if !depends_on.is_empty() {
            out += &format!(" depends on {}", depends_on.join(", "));
        }
    }
    out
}

fn allow(sid: &str, condition: &str) -> String {
    format!(
        r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:Decrypt","Resource":"*","Condition":{{{condition}}}}}"#,
        role("Web")
    )    .replace(r#","Condition":{}"#, "")
}

#[test]
fn conditional_access_is_never_denied() {
    let via = allow("dynamo", r#""StringLike":{"kms:ViaService":"dynamodb.*.amazonaws.com"}"#);
    assert_eq!(
        told(&[&via], &[], &role("Web"), "kms:Decrypt"),
        "conditional; Allows when kms:ViaService like dynamodb.*.amazonaws.com Statement(0)"
    );
    assert_eq!(told(&[&via], &[], &role("Web"), "kms:Encrypt"), "denied");
    assert_eq!(told(&[&via], &[], &role("Other"), "kms:Decrypt"), "denied");
    // Beside the delegation, both ways are told.
    assert_eq!(
        told(&[ROOT, &via], &[], &role("Web"), "kms:Decrypt"),
        "conditional; Allows when kms:ViaService like dynamodb.*.amazonaws.com Statement(1); Delegates Statement(0)"
    );
    assert_eq!(
        told(&[ROOT, &via], &[], &role("Web"), "kms:Encrypt"),
        "delegated; Delegates Statement(0)"
    );
    // A condition that is certainly met is not told.
    let tls = allow("tls", r#""Bool":{"aws:SecureTransport":"true"}"#);
    assert_eq!(told(&[&tls], &[], &role("Web"), "kms:Decrypt"), "allowed; Allows Statement(0)");
}

#[test]
fn a_deny_names_its_statement_and_its_condition() {
    let all = allow("all", "");
    let deny = |condition: &str| {
        format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{{{condition}}}}}"#
        )
    };
    let vpc = deny(r#""StringNotEquals":{"aws:SourceVpce":"vpce-1"}"#);
    assert_eq!(
        told(&[&vpc, &all], &[], &role("Web"), "kms:Decrypt"),
        "conditional; Denies when aws:SourceVpce != vpce-1 Statement(0); Allows Statement(1)"
    );
    let never = deny(r#""Bool":{"aws:SecureTransport":"false"}"#);
    assert_eq!(
        told(&[&never, &all], &[], &role("Web"), "kms:Decrypt"),
        "allowed; Allows Statement(1)"
    );
    let always = deny(r#""Bool":{"aws:SecureTransport":"true"}"#);
    assert_eq!(
        told(&[&always, &all], &[], &role("Web"), "kms:Decrypt"),
        "denied; Denies Statement(0)"
    );
}

#[test]
fn a_grant_and_its_constraint_are_told() {
    let mut grant = Grant {
        id: "g".to_owned(),
        grantee: role("Batch"),
        operations: BTreeSet::from(["Decrypt".to_owned()]),
        ..Grant::default()
    };
    let grants =
        |grant: &Grant| told(&[], std::slice::from_ref(grant), &role("Batch"), "kms:Decrypt");
    assert_eq!(grants(&grant), "allowed; Allows Grant(0)");
    grant.context = Some(Constraint::Subset([("team".to_owned(), "a".to_owned())].into()));
    let found = grants(&grant);
    assert!(
        found.starts_with("conditional; Allows when encryption context contains team=a Grant(0)"),
        "{found}"
    );
    assert_eq!(told(&[], &[grant], &role("Batch"), "kms:Encrypt"), "denied");
}

#[test]
fn other_accounts_and_iam_are_told() {
    let foreign = "arn:aws:iam::444455556666:role/x";
    let open = r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}"#;
    assert_eq!(told(&[open], &[], foreign, "kms:Decrypt"), "delegated; Delegates Statement(0)");
    assert_eq!(told(&[open], &[], foreign, "kms:PutKeyPolicy"), "denied");
    assert_eq!(told(&[open], &[], foreign, "kms:CreateKey"), "iam-only");
}

#[test]
fn the_nearest_statement_and_its_failed_condition_are_found() {
    let logs = r#"{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"kms:Encrypt*","Resource":"*","Condition":{"ArnEquals":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:log-group:*"},"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#;
    let both = [ROOT, logs];
    let typed = policy(&both);
    let mut context = Context::default();
    context.add(
        "kms:EncryptionContext:aws:logs:arn",
        "arn:aws:logs:us-east-1:444455556666:log-group:x",
    );
    context.add("aws:SourceAccount", OWNER);
    let asked = request("logs.us-east-1.amazonaws.com", "kms:Encrypt", context);
    let miss = nearest_miss(&typed, &KEY, &[], &asked).unwrap();
    assert_eq!(place(&both, miss.source), "Statement(1)");
    assert_eq!(
        miss.failed,
        [
            "`kms:EncryptionContext:aws:logs:arn like arn:aws:logs:us-east-1:111122223333:log-group:*`"
        ]
    );
    let other = request("logs.eu-west-1.amazonaws.com", "kms:Encrypt", Context::default());
    assert_eq!(nearest_miss(&typed, &KEY, &[], &other), None);
}

/// Conditions, each with a context that meets it and one that does not.
const CONDITIONS: [(&str, &str, &str, &str); 3] = [
    (
        r#""StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}"#,
        "kms:ViaService",
        "s3.us-east-1.amazonaws.com",
        "ec2.us-east-1.amazonaws.com",
    ),
    (r#""StringEquals":{"aws:PrincipalTag/team":"a"}"#, "aws:PrincipalTag/team", "a", "b"),
    (r#""StringNotEquals":{"aws:SourceVpce":"vpce-1"}"#, "aws:SourceVpce", "vpce-2", "vpce-1"),
];

proptest! {
    /// A verdict agrees with the decision about every request that its condition keys allow.
    #[test]
    fn a_verdict_covers_every_request(
        statements in proptest::collection::vec((any::<bool>(), 0_usize..2, 0_usize..4), 1..4),
        met in proptest::array::uniform3(any::<bool>()),
    ) {
        let texts: Vec<String> = statements.iter().map(|(deny, who, condition)| {
            let effect = if *deny { "Deny" } else { "Allow" };
            let who = [role("Web"), OWNER.to_owned()][*who].clone();
            let condition = CONDITIONS.get(*condition).map_or("", |condition| condition.0);
            format!(r#"{{"Effect":"{effect}","Principal":{{"AWS":"{who}"}},"Action":"kms:Decrypt","Resource":"*","Condition":{{{condition}}}}}"#)
                .replace(r#","Condition":{}"#, "")
        }).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let typed = policy(&texts);
        let mut context = Context::default();
        for ((_, key, yes, no), met) in CONDITIONS.iter().zip(met) {
            context.add(key, if met { yes } else { no });
        }
        let certain = decide(&typed, &KEY, &[], &request(&role("Web"), "kms:Decrypt", context));
        let found = verdict(&typed, &KEY, &[], &request(&role("Web"), "kms:Decrypt", Context::open()));
        let is_possible = match found.outcome {
            Outcome::Conditional => true,
            Outcome::Delegated => certain.word() != "allowed",
            other => other.word() == certain.word(),
        };
        prop_assert!(is_possible, "{found:?} {certain:?}");
        if found.outcome == Outcome::Conditional {
            prop_assert!(found.reasons.iter().any(|reason| reason.when.is_some()), "{found:?}");
        }
    }
}

/// An explicit denial overrides a grant.
#[test]
fn the_access_by_a_grant_is_without_what_the_policy_denies() {
    let grant = |name: &str| Grant {
        id: name.to_owned(),
        grantee: role(name),
        operations: ["Decrypt".to_owned(), "Encrypt".to_owned()].into(),
        ..Grant::default()
    };
    let grants = [grant("Web"), grant("Job")];
    let root = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{OWNER}"}},"Action":"kms:*","Resource":"*"}}"#
    );
    let deny = |who: &str, condition: &str| {
        format!(
            r#"{{"Effect":"Deny","Principal":{{"AWS":"{who}"}},"Action":"kms:Decrypt","Resource":"*"{condition}}}"#
        )
    };
    let held = |denial: &str| -> Vec<String> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{root}{denial}]}}"#);
        let document = Document::from_live(&text, "aws").unwrap();
        let key = crate::policy::KeyContext {
            account: Some(KEY.account.to_owned()),
            partition: "aws".to_owned(),
            arn: None,
        };
        let table = crate::policy::access::access_table(&document, &grants, &key, None).unwrap();
        let table = with_denials(table, &document.typed(), &KEY, &grants);
        let by_grant = table.into_iter().filter(|holder| holder.grant.is_some());
        let text = |holder: Holder| {
            let when = holder.condition.map(|when| format!(" when {when}")).unwrap_or_default();
            format!("{} {}{when}", holder.grant.unwrap(), holder.actions.join(","))
        };
        by_grant.map(text).collect()
    };
    assert_eq!(held(""), ["Job kms:Decrypt,kms:Encrypt", "Web kms:Decrypt,kms:Encrypt"]);
    let always = held(&format!(",{}", deny(&role("Web"), "")));
    assert_eq!(always, ["Job kms:Decrypt,kms:Encrypt", "Web kms:Encrypt"]);
    let tagged = r#","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a"}}"#;
    assert_eq!(
        held(&format!(",{}", deny("*", tagged))),
        [
            "Job kms:Decrypt when not (aws:PrincipalTag/team = a)",
            "Job kms:Encrypt",
            "Web kms:Decrypt when not (aws:PrincipalTag/team = a)",
            "Web kms:Encrypt"
        ]
    );
}
