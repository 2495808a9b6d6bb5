//! Properties of the comparison, over generated policies and requests.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{ACCOUNT, key, live};
use crate::policy::Document;
use crate::policy::access::cells::{Cells, cells};
use crate::policy::access::delta::deltas;
use crate::policy::access::formula::combinations;
use crate::policy::access::group::{Listing, changes};
use crate::policy::access::literal::{
    Literal, ValueType, literal, value_type, when_absent, with_value,
};
use crate::policy::access::policy_pair::{PolicyPair, actions};
use crate::policy::access::*;
use crate::policy::typed::{Quantifier, Test};
use crate::policy::value_pattern::Bits;

pub(super) const PRINCIPALS: [&str; 14] = [
    r#""*""#,
    r#"{"AWS":"*"}"#,
    r#"{"AWS":"111122223333"}"#,
    r#"{"AWS":"444455556666"}"#,
    r#"{"AWS":"arn:aws:iam::111122223333:role/p/a"}"#,
    r#"{"AWS":"arn:aws:iam::111122223333:user/b"}"#,
    r#"{"AWS":["111122223333","arn:aws:iam::111122223333:user/b"]}"#,
    r#"{"AWS":["111122223333","arn:aws:iam::111122223333:role/p/a"]}"#,
    r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/a/s"}"#,
    r#"{"AWS":"arn:aws:iam::444455556666:role/c"}"#,
    r#"{"AWS":"AROAABCDEFGHIJKLMNOPQ"}"#,
    r#"{"Service":"logs.amazonaws.com"}"#,
    r#"{"Service":["logs.amazonaws.com","s3.amazonaws.com"],"AWS":"444455556666"}"#,
    r#"{"AWS":["arn:aws:iam::444455556666:role/c","arn:aws:iam::111122223333:user/b"]}"#,
];
const ACTIONS: [&str; 8] = [
    r#""kms:*""#,
    r#""kms:Decrypt""#,
    r#"["kms:decrypt","kms:Encrypt"]"#,
    r#""kms:GenerateDataKey*""#,
    r#"["kms:CreateGrant","kms:PutKeyPolicy"]"#,
    r#""*""#,
    r#"["kms:Describe*","kms:CreateKey","kms:Nothing"]"#,
    r#"["kms:Re?ncrypt*","kms:TagResource"]"#,
];
const CONDITIONS: [&str; 16] = [
    r#"{"StringEquals":{"kms:ViaService":"s3"}}"#,
    r#"{"StringEquals":{"kms:ViaService":["s3","ec2"]}}"#,
    r#"{"StringLike":{"kms:ViaService":"s*"}}"#,
    r#"{"StringNotEquals":{"kms:ViaService":"ec2"}}"#,
    r#"{"StringEqualsIfExists":{"kms:ViaService":"s3"}}"#,
    r#"{"Null":{"kms:ViaService":true}}"#,
    r#"{"StringEquals":{"kms:EncryptionContext:App":"x"}}"#,
    r#"{"Bool":{"kms:GrantIsForAWSResource":true}}"#,
    r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/p/*"}}"#,
    r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/p/a"}}"#,
    r#"{"StringEquals":{"kms:CallerAccount":"111122223333"}}"#,
    r#"{"StringEquals":{"aws:PrincipalAccount":"444455556666","kms:ViaService":"ec2"}}"#,
    r#"{"StringEquals":{"aws:SourceArn":"arn:x"}}"#,
    r#"{"Bool":{"aws:SecureTransport":false}}"#,
    r#"{"StringEquals":{"aws:PrincipalType":"User"}}"#,
    r#"{"StringEquals":{"aws:username":"b"}}"#,
];

fn any_statement(conditions: usize) -> impl Strategy<Value = String> {
    let parts = (
        select(&PRINCIPALS[..]),
        select(&ACTIONS[..]),
        subsequence(&CONDITIONS[..], 0..=conditions),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    parts.prop_map(|(who, what, conditions, deny, not_who, not_what)| {
        let not = |is: bool| if is { "Not" } else { "" };
        let effect = if deny { "Deny" } else { "Allow" };
        let condition = conditions.first().map(|text| format!(r#","Condition":{text}"#));
        format!(
            r#"{{"Effect":"{effect}","{}Principal":{who},"{}Action":{what},"Resource":"*"{}}}"#,
            not(not_who),
            not(not_what),
            condition.unwrap_or_default()
        )
    })
}

/// Generates the text of a policy.
pub(super) fn any_policy(conditions: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any_statement(conditions), 0..5).prop_map(|statements| wrap(&statements))
}

fn wrap(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// Returns the text of the reverse change.
fn reversed(change: &AccessChange) -> String {
    let shape = match change.kind {
        ChangeKind::Gains => ChangeKind::Loses,
        ChangeKind::Loses => ChangeKind::Gains,
        ChangeKind::Wider => ChangeKind::Narrower,
        ChangeKind::Narrower => ChangeKind::Wider,
        other => other,
    };
    let effect = match change.direction {
        Direction::Gained => Direction::Lost,
        Direction::Lost => Direction::Gained,
    };
    let AccessChange { principal, actions, condition, from, to, before, after, certainty, .. } =
        change;
    format!(
        "{shape:?} {effect:?} {principal} {actions:?} {condition:?} {to:?} {from:?} {after:?} {before:?} {certainty:?}"
    )
}

/// Splits a change into one for each action: changes are grouped by their exceptions, which differ in the two
/// directions.
fn split(change: &AccessChange) -> Vec<AccessChange> {
    let known = |pattern: &String| {
        let matching = crate::policy::ActionSet::matching(pattern);
        matching.iter().map(|a| format!("kms:{}", a.name)).collect::<Vec<_>>()
    };
    if change.kind == ChangeKind::Future {
        return Vec::new();
    }
    let all: Vec<String> = change.actions.iter().flat_map(known).collect();
    all.into_iter().map(|action| AccessChange { actions: vec![action], ..change.clone() }).collect()
}

fn plain(change: &AccessChange) -> String {
    let AccessChange {
        kind,
        direction,
        principal,
        actions,
        condition,
        from,
        to,
        before,
        after,
        certainty,
        ..
    } = change;
    format!(
        "{kind:?} {direction:?} {principal} {actions:?} {condition:?} {from:?} {to:?} {before:?} {after:?} {certainty:?}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_changes_between_a_policy_and_itself(a in any_policy(1)) {
        let a = live(&a);
        prop_assert_eq!(changes([Some(&a), Some(&a)], &key(), &[], None, Listing::Difference), Some(vec![]));
        let named = a.to_json().replace(r#""Effect""#, r#""Sid":"x","Effect""#);
        let compared = compare(Some(&a), Some(&live(&named)), &key(), &[]);
        prop_assert_eq!((compared.access, compared.change), (SameAccess::Same, NetChange::None));
    }

    #[test]
    fn what_is_gained_one_way_is_lost_the_other(a in any_policy(1), b in any_policy(1)) {
        let (a, b) = (live(&a), live(&b));
        let there = compare(Some(&a), Some(&b), &key(), &[]);
        let back = compare(Some(&b), Some(&a), &key(), &[]);
        let there: BTreeSet<String> = there.changes.iter().flat_map(split).map(|c| plain(&c)).collect();
        let back: BTreeSet<String> = back.changes.iter().flat_map(split).map(|c| reversed(&c)).collect();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn changes_applied_to_the_old_access_give_the_new(a in any_policy(1), b in any_policy(1)) {
        let (a, b) = (live(&a), live(&b));
        let key = key();
        let pair = PolicyPair::new([Some(&a), Some(&b)], &key, &[]).unwrap();
        for atom in 0..pair.atoms.len() {
            for action in actions(&pair) {
                let [old, new] = [0, 1].map(|side| {
                    pair.clauses(side, atom, &action).into_iter().map(|(c, _)| c).collect::<BTreeSet<_>>()
                });
                let mut numbers: BTreeSet<usize> =
                    old.iter().chain(&new).flat_map(|c| c.literals.clone()).collect();
                numbers.extend(numbers.clone().iter().filter_map(|n| pair.absence.get(n)));
                let space = combinations(&numbers, &pair.literals).unwrap();
                let (mut is, due) = (space.levels(&old), space.levels(&new));
                for delta in deltas(&old, &new, &pair) {
                    for (n, bits) in space.all.iter().enumerate() {
                        if delta.cubes.iter().any(|cube| cube.has(*bits)) {
                            prop_assert_eq!(is[n], delta.from);
                            is[n] = delta.to;
                        }
                    }
                }
                prop_assert_eq!(is, due);
            }
        }
    }

    #[test]
    fn any_text_is_compared_without_panic(text in ".*", pieces in prop::collection::vec(select(&[
        "{", "}", "[", "]", ",", ":", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Condition\"", "\"Principal\"",
        "\"*\"", "\"AWS\"", "\"Action\"", "\"kms:*\"", "\"Resource\"", "\"ForAnyValue:StringLike\"", "\"a\"", "1e3", "null",
    ][..]), 0..40)) {
        for text in [text, pieces.concat()] {
            if let Ok(document) = Document::from_live(&text, "aws") {
                let key = KeyContext::default();
                drop((compare(None, Some(&document), &key, &[]), access_table(&document, &[], &key, None)));
            }
        }
    }

    #[test]
    fn unusual_documents_are_compared(a in any_unusual(), b in any_unusual()) {
        let (a, b) = (live(&a), live(&b));
        for key in [key(), KeyContext { partition: "aws".to_owned(), ..KeyContext::default() }] {
            let compared = compare(Some(&a), Some(&b), &key, &[]);
            prop_assert_eq!(compared.document == SameDocument::Same, a == b);
            if a == b {
                prop_assert_eq!(compared.access, SameAccess::Same);
            }
        }
    }

    #[test]
    fn conditions_are_partially_ordered(a in any_test(), b in any_test(), c in any_test()) {
        prop_assert_eq!(implies(&a, &a), Answer::Yes);
        // A test without a set operator shows that its key has one value. Without it, a request can have several.
        let is_single = |tests: &[&Test]| tests.iter().any(|test| test.quantifier == Quantifier::One);
        let is_same_world = is_single(&[&b]) <= is_single(&[&a, &c]);
        if is_same_world && (implies(&a, &b), implies(&b, &c)) == (Answer::Yes, Answer::Yes) {
            prop_assert_eq!(implies(&a, &c), Answer::Yes);
        }
    }

    #[test]
    fn every_value_is_in_a_cell(a in any_test(), b in any_test(), c in any_test(), extra in "[abs:*?]{0,4}") {
        let read = [a, b, c].map(|test| literal(&test));
        let tests: Vec<&Test> = read.iter().filter_map(|l| match l {
            Literal::Test(test) if test.quantifier == Quantifier::One => Some(test),
            _ => None,
        }).collect();
        if are_comparable(&tests) && tests.iter().all(|test| with_value(test, "").is_some()) {
            let cells = cells(&tests).unwrap();
            let bits = |answer: &dyn Fn(&Test) -> bool| -> Bits {
                tests.iter().enumerate().fold(0, |bits, (n, test)| bits | Bits::from(answer(test)) << n)
            };
            prop_assert_eq!(cells.absent, Some(bits(&when_absent)));
            for value in VALUES.into_iter().chain([extra.as_str()]) {
                let bits = bits(&|test| with_value(test, value).unwrap());
                prop_assert!(cells.present.contains(&bits), "{value}: {tests:?}");
            }
        }
    }
}

const VALUES: [&str; 12] =
    ["", "a", "b", "ab", "abc", "A", "true", "false", "a:b:c:d:e:f", "arn:aws:s3:::b", "s", "sb"];

fn any_test() -> impl Strategy<Value = Test> {
    let operators = [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "ArnLike",
        "Null",
        "StringEqualsIfExists",
        "ForAnyValue:StringLike",
        "ForAllValues:StringEquals",
        "ForAllValues:StringNotLike",
        "Bool",
        "NumericLessThan",
        "NumericGreaterThanEquals",
        "IpAddress",
        "NotIpAddress",
        "DateLessThan",
    ];
    let values = [
        "a",
        "b",
        "a*",
        "*b",
        "?",
        "*",
        "true",
        "10",
        "7",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "2024-01-01",
        "arn:aws:s3:::*",
        "arn:aws:*:::b",
    ];
    (select(operators.to_vec()), prop::collection::btree_set(select(values.to_vec()), 1..3)).prop_map(|(operator, values)| {
        let values = serde_json::to_string(&values).unwrap();
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{{"{operator}":{{"aws:x":{values}}}}}}}]}}"#
        );
        let typed = live(&text).typed();
        typed.statements[0].conditions.first().unwrap().clone()
    })
}

/// Generates documents that no person would write.
fn any_unusual() -> impl Strategy<Value = String> {
    let odd = [
        r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","NotAction":"kms:Sign","Resource":"*"}"#,
        r#"{"Effect":"Allow","Principal":"*","Action":"kms:*"}"#,
        r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{}}"#,
        r#"{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"aws:x":[]}}}"#,
        r#"{"Effect":"Allow","Principal":{"Federated":"p"},"Action":"kms:*","Resource":"arn:aws:kms:*:*:key/*"}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/f"},"Action":"kms:*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/a":"${aws:username}"}}}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":["a","b"]}}}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt"]}}}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*","Condition":{"Frobnicate":{"aws:x":1e3}}}"#,
        r#"{"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::111122223333:role/a"]},"Action":"kms:*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:role/a"},"Action":"kms:*","Resource":"*","Strange":1}"#,
    ];
    prop::collection::vec(
        prop_oneof![select(odd.to_vec()).prop_map(str::to_owned), any_statement(1)],
        0..4,
    )
    .prop_map(|statements| wrap(&statements))
}

#[test]
fn a_wildcard_differs_from_its_actions_only_in_future_actions() {
    for pattern in
        ["kms:*", "*", "kms:Generate*", "kms:Describe*", "kms:?ncrypt", "KMS:re*", "kms:*Grant*"]
    {
        let statement = |what: &str| {
            format!(
                r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":{what},"Resource":"*"}}]}}"#
            )
        };
        let all: Vec<String> = crate::policy::ActionSet::matching(pattern)
            .iter()
            .map(|a| format!("kms:{}", a.name))
            .collect();
        let spelled = live(&statement(&serde_json::to_string(&all).unwrap()));
        let wild = live(&statement(&format!("\"{pattern}\"")));
        for (a, b) in [(&spelled, &wild), (&wild, &spelled)] {
            let compared = compare(Some(a), Some(b), &key(), &[]);
            assert_eq!(
                (compared.access, compared.change),
                (SameAccess::Same, NetChange::FutureActionsOnly),
                "{pattern}"
            );
        }
    }
}

/// The answer to a question about all requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It is true for all requests.
    Yes,
    /// It is false for at least one request.
    No,
    /// It is unknown.
    Unknown,
}

/// Returns whether every request that passes `narrow` passes `wide`: the partial order of conditions. It is reflexive
/// and transitive. Conditions on different keys do not imply each other, and a doubt implies only itself.
fn implies(narrow: &Test, wide: &Test) -> Answer {
    let pair = (literal(narrow), literal(wide));
    if pair.0 == pair.1 {
        return Answer::Yes;
    }
    let (Literal::Test(narrow), Literal::Test(wide)) = pair else {
        return Answer::Unknown;
    };
    if narrow.key != wide.key {
        let (narrow, wide) = (cells(&[&narrow]), cells(&[&wide]));
        return match (narrow, wide) {
            (Some(narrow), _) if !has(&narrow, 1) => Answer::Yes,
            (_, Some(wide)) if !has(&wide, 0) => Answer::Yes,
            (Some(_), Some(_)) => Answer::No,
            _ => Answer::Unknown,
        };
    }
    if !are_comparable(&[&narrow, &wide]) {
        return Answer::Unknown;
    }
    match cells(&[&narrow, &wide]) {
        Some(cells) if has(&cells, 0b01) => Answer::No,
        Some(_) => Answer::Yes,
        None => Answer::Unknown,
    }
}

/// Returns whether the answers of the tests occur together.
fn has(cells: &Cells, answers: Bits) -> bool {
    cells.present.contains(&answers) || cells.absent == Some(answers)
}

/// Returns whether the tests on one key compare values of one type.
fn are_comparable(tests: &[&Test]) -> bool {
    let types: BTreeSet<ValueType> = tests.iter().map(|test| value_type(test)).collect();
    types.iter().filter(|kind| **kind != ValueType::Presence).count() < 2
}
