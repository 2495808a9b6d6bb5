//! Properties of decisions, for generated policies, grants and requests.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::ARN;
use crate::policy::eval::*;
use crate::policy::grants::Grant;
use crate::policy::grants::grants;
use crate::policy::tests::{ACCOUNT, node};
use crate::policy::{Document, json as read};

const PRINCIPALS: &[&str] = &[
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:role/App",
    "arn:aws:iam::111122223333:role/p/App",
    "arn:aws:sts::111122223333:assumed-role/App/s",
    "arn:aws:sts::111122223333:federated-user/bob",
    "arn:aws:iam::999988887777:role/App",
    "arn:aws:iam::999988887777:root",
];
const ACTIONS: &[&str] =
    &["Decrypt", "Encrypt", "CreateGrant", "PutKeyPolicy", "DescribeKey", "RetireGrant", "Sign"];
const KEYS: &[&str] = &[
    "kms:ViaService",
    "kms:EncryptionContext:app",
    "kms:EncryptionContextKeys",
    "kms:GrantIsForAWSResource",
    "kms:GrantOperations",
    "kms:CallerAccount",
    "aws:PrincipalArn",
    "aws:PrincipalTag/t",
    "aws:SourceIp",
    "aws:CurrentTime",
    "aws:MultiFactorAuthPresent",
    "aws:SourceArn",
];
const VALUES: &[&str] = &[
    "true",
    "false",
    "",
    "app",
    "a*",
    "7",
    "-1.50",
    "2026-06-30T00:00:00Z",
    "192.0.2.0/24",
    "192.0.2.7",
    "arn:aws:iam::111122223333:role/App",
    "arn:aws:iam::*:role/*",
    "${aws:username}",
    "${aws:PrincipalTag/t, 'app'}",
    "${*",
    "Decrypt",
    "111122223333",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericLessThan",
    "NumericNotEquals",
    "DateGreaterThan",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnLike",
    "ArnNotEquals",
    "Null",
    "Moon",
];

fn some(values: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(values, 0..=most)
}

fn condition() -> impl Strategy<Value = Value> {
    let prefix = select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let suffix = select(vec!["", "", "IfExists"]);
    let parts = (prefix, select(OPERATORS), suffix, select(KEYS), some(VALUES, 3));
    parts.prop_map(|(prefix, operator, suffix, key, values)| {
        json!({ (format!("{prefix}{operator}{suffix}")): { (key): values } })
    })
}

fn principal() -> impl Strategy<Value = Value> {
    let names = some(PRINCIPALS, 3).prop_map(|names| json!({ "AWS": names }));
    prop_oneof![
        6 => names,
        1 => Just(json!("*")),
        1 => Just(json!({ "AWS": "*" })),
        1 => Just(json!({ "Service": "s3.amazonaws.com" })),
        1 => Just(json!({ "AWS": "AROAABCDEFGHIJKLMNOPQ", "Federated": "accounts.google.com" })),
    ]
}

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let actions = subsequence(ACTIONS, 1..4)
        .prop_map(|names| names.iter().map(|name| format!("kms:{name}")).collect::<Vec<_>>());
    let actions = prop_oneof![actions, Just(vec!["kms:*".to_owned()])];
    let resource = select(vec!["*", "*", "*", ARN, "arn:aws:s3:::b", "arn:aws:kms:*"]);
    let not = proptest::bool::weighted(0.15);
    let condition = proptest::option::of(condition());
    let parts = (principal(), not, actions, not, resource, not, condition);
    parts.prop_map(move |(principal, np, actions, na, resource, nr, condition)| {
        let name = |not: bool, name: &str| format!("{}{name}", if not { "Not" } else { "" });
        let mut statement = json!({
            "Effect": effect,
            (name(np, "Principal")): principal,
            (name(na, "Action")): actions,
            (name(nr, "Resource")): resource,
        });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    })
}

fn statements() -> impl Strategy<Value = Vec<Value>> {
    let any = prop_oneof![3 => statement("Allow"), 1 => statement("Deny")];
    proptest::collection::vec(any, 0..6)
}

fn any_grants() -> impl Strategy<Value = Vec<Grant>> {
    let constraints = select(vec![
        json!({}),
        json!({"EncryptionContextEquals": {"app": "app"}}),
        json!({"EncryptionContextSubset": {"App": "app"}}),
        json!({"SourceArn": "arn:aws:iam::111122223333:role/App"}),
    ]);
    let grant = (select(PRINCIPALS), some(ACTIONS, 4), constraints).prop_map(|(who, what, constraints)| {
        json!({"GrantId": "g", "GranteePrincipal": who, "Operations": what, "Constraints": constraints})
    });
    proptest::collection::vec(grant, 0..3)
        .prop_map(|list| grants(&node(&json!({ "Grants": list }).to_string())).unwrap())
}

fn fact() -> impl Strategy<Value = ContextValue> {
    let known = subsequence(VALUES, 1..3).prop_map(|values| {
        ContextValue::Known(values.iter().map(|value| (*value).to_owned()).collect())
    });
    prop_oneof![1 => Just(ContextValue::Absent), 3 => known]
}

/// Generates a request, and the same request with some unknown condition keys.
fn requests() -> impl Strategy<Value = (Request, Request)> {
    let keys = KEYS.iter().map(|key| (Just(*key), proptest::option::of(fact()), any::<bool>()));
    let who = prop_oneof![6 => select(PRINCIPALS), 1 => Just("s3.amazonaws.com")];
    let parts = (who, select(ACTIONS), keys.collect::<Vec<_>>());
    parts.prop_map(|(who, action, keys)| {
        let (mut known, mut vague) = (Context::default(), Context::default());
        for (key, fact, hidden) in keys {
            // A key that is not given may follow from the request, so marking it as unknown would remove knowledge.
            let Some(fact) = fact else { continue };
            vague.set(key, if hidden { ContextValue::Unknown } else { fact.clone() });
            known.set(key, fact);
        }
        let principal = Principal::parse(who, "aws").unwrap();
        let action = RequestedAction::parse(action).unwrap();
        let request = |context| Request { principal: principal.clone(), action, context };
        (request(known), request(vague))
    })
}

fn document(statements: &[Value]) -> Document {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Document::lenient(&node(&text), "aws").unwrap()
}

const KEY: TargetKey<'static> = TargetKey { partition: "aws", account: ACCOUNT, arn: None };

fn ask(statements: &[Value], grants: &[Grant], request: &Request) -> &'static str {
    decide(&document(statements).typed(), &KEY, grants, request).word()
}

/// Returns the ARNs of the role `App` that statements and grants name. An account has one role of a name, so AWS
/// accepts a policy only if there is at most one of them.
fn named_roles(statements: &[&[Value]], grants: &[Grant]) -> Vec<&'static str> {
    let text = format!("{statements:?} {grants:?}");
    let roles = [PRINCIPALS[2], PRINCIPALS[3]];
    roles.into_iter().filter(|role| text.contains(&format!("\"{role}\""))).collect()
}

/// Returns whether the second answer may be at least as high as the first. An unknown answer may be any.
fn may_rise(from: &str, to: &str) -> bool {
    let rank = |word: &str| ["denied", "delegated", "allowed"].iter().position(|w| *w == word);
    match (rank(from), rank(to)) {
        (Some(from), Some(to)) => from <= to,
        (Some(from), None) => from < 2,
        (None, Some(to)) => to > 0,
        (None, None) => true,
    }
}

/// Variables are no numbers, whether the value of the condition key is known or only its form.
#[test]
fn a_variable_in_a_number_is_unknown() {
    let policy = vec![json!({
        "Effect": "Allow", "Principal": {"AWS": PRINCIPALS[0]}, "Action": "kms:*", "Resource": "*",
        "Condition": {"NumericLessThan": {"aws:PrincipalArn": "${aws:username}"}},
    })];
    let session = || Principal::parse(PRINCIPALS[4], "aws").unwrap();
    for principal in [session(), session().with_role(PRINCIPALS[2]).unwrap()] {
        let action = RequestedAction::parse("kms:Decrypt").unwrap();
        let request = Request { principal, action, context: Context::default() };
        assert_eq!(ask(&policy, &[], &request), "unknown");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn an_allow_never_removes_access_and_a_deny_never_adds_it(
        mut policy in statements(),
        allow in statement("Allow"),
        deny in statement("Deny"),
        grants in any_grants(),
        (request, vague) in requests(),
    ) {
        prop_assume!(named_roles(&[&policy, &[allow.clone(), deny.clone()]], &grants).len() < 2);
        for request in [request, vague] {
            let before = ask(&policy, &grants, &request);
            policy.push(allow.clone());
            let more = ask(&policy, &grants, &request);
            policy.pop();
            policy.push(deny.clone());
            let less = ask(&policy, &grants, &request);
            policy.pop();
            let (raised, lowered) = (may_rise(before, more), may_rise(less, before));
            prop_assert!(raised, "{before} became {more}");
            prop_assert!(lowered, "{before} became {less}");
            prop_assert!(may_rise(ask(&policy, &[], &request), before) || before == "iam-only");
        }
    }

    #[test]
    fn equal_documents_have_equal_decisions(policy in statements(), grants in any_grants(), (request, vague) in requests()) {
        let mut other: Vec<Value> = policy.iter().rev().cloned().collect();
        other.extend(policy.first().cloned());
        let (one, two) = (document(&policy), document(&other));
        prop_assert_eq!(&one, &two);
        for request in [request, vague] {
            let decided = decide(&one.typed(), &KEY, &grants, &request);
            prop_assert_eq!(&decided, &decide(&two.typed(), &KEY, &grants, &request));
            if let Decision::Denied(Denial::Explicit(rule)) | Decision::Allowed(Source::Statement(rule)) | Decision::Delegated(rule) = decided {
                prop_assert!(one.position(&one.typed().statements[rule]).is_some());
            }
        }
    }

    #[test]
    fn more_knowledge_changes_only_unknown_answers(policy in statements(), grants in any_grants(), (known, vague) in requests()) {
        let before = ask(&policy, &grants, &vague);
        let after = ask(&policy, &grants, &known);
        prop_assert!(before == "unknown" || before == after, "{before} became {after}");
        // The ARN of the key is knowledge too.
        let key = TargetKey { arn: Some(ARN), ..KEY };
        let located = decide(&document(&policy).typed(), &key, &grants, &vague);
        prop_assert!(before == "unknown" || before == located.word());
    }

    #[test]
    fn knowledge_of_session_and_role_changes_only_unknown_answers(policy in statements(), grants in any_grants(), (request, _) in requests()) {
        let asks = |principal: Principal| ask(&policy, &grants, &Request { principal, ..request.clone() });
        let session = || Principal::parse(PRINCIPALS[4], "aws").unwrap();
        let vague = asks(session());
        let named = named_roles(&[&policy], &grants);
        prop_assume!(named.len() < 2);
        // The role that the policy names is the role of the session.
        for role in [PRINCIPALS[2], PRINCIPALS[3]].into_iter().filter(|role| named.iter().all(|named| named == role)) {
            let known = session().with_role(role).unwrap();
            let before = [vague, asks(Principal::parse(role, "aws").unwrap())];
            let after = asks(known);
            prop_assert!(before.iter().all(|before| *before == "unknown" || *before == after));
        }
    }

    #[test]
    fn any_input_is_decided_without_panic(
        pieces in proptest::collection::vec(select(vec![
            "{", "}", "[", "]", ":", ",", "\"Statement\"", "\"Principal\"", "\"AWS\"", "\"*\"", "\"Condition\"", "\"Grants\"",
            "\"Effect\"", "\"Allow\"", "\"Action\"", "\"kms:*\"", "\"${\"", "1", "null", "\"Operations\"", "\"Constraints\"",
        ]), 0..40),
        strange in statements(), text in ".{0,40}", value in ".{0,20}", (request, _) in requests(),
    ) {
        let mut request = request;
        request.context.add(&text, &value);
        for key in KEYS {
            request.context.add(key, &value);
        }
        let mut statements = strange;
        for statement in &mut statements {
            statement["Resource"] = value.clone().into();
            statement["Condition"] = json!({ (text.clone()): { "aws:SourceIp": value } , "StringLike": { "aws:SourceArn": value }, "DateEquals": {"aws:CurrentTime": value}});
        }
        prop_assert!(!ask(&statements, &[], &request).is_empty());
        for text in [pieces.concat(), text] {
            drop((Principal::parse(&text, "aws"), RequestedAction::parse(&text)));
            let Ok(node) = read(&text, 0) else { continue };
            drop(grants(&node));
            if let Ok(document) = Document::lenient(&node, "aws") {
                drop(decide(&document.typed(), &KEY, &[], &request));
            }
        }
    }
}
