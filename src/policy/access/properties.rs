//! Properties of the comparison, over generated policies and requests.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::meaning::{Quantifier, Test};
use super::delta::deltas;
use super::domain::{cells, comparable};
use super::formula::combinations;
use super::group::changes;
use super::literal::{Literal, literal, when_absent, with_value};
use super::scene::{Scene, actions};
use super::tests::{ACCOUNT, key, live};
use super::*;

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
        let each = conditions.first().map(|text| format!(r#","Condition":{text}"#));
        format!(
            r#"{{"Effect":"{effect}","{}Principal":{who},"{}Action":{what},"Resource":"*"{}}}"#,
            not(not_who),
            not(not_what),
            each.unwrap_or_default()
        )
    })
}

/// The text of a policy.
pub(super) fn any_policy(conditions: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any_statement(conditions), 0..5).prop_map(|statements| wrap(&statements))
}

fn wrap(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// The other way round.
fn mirrored(change: &AccessChange) -> String {
    let shape = match change.kind {
        Shape::Gains => Shape::Loses,
        Shape::Loses => Shape::Gains,
        Shape::Wider => Shape::Narrower,
        Shape::Narrower => Shape::Wider,
        other => other,
    };
    let effect = match change.effect {
        Effect::Gained => Effect::Lost,
        Effect::Lost => Effect::Gained,
    };
    let AccessChange { principal, actions, condition, from, to, before, after, certainty, .. } =
        change;
    format!(
        "{shape:?} {effect:?} {principal} {actions:?} {condition:?} {to:?} {from:?} {after:?} {before:?} {certainty:?}"
    )
}

/// Action by action: lines are split by whom they except, which is not the same both ways.
fn each(change: &AccessChange) -> Vec<AccessChange> {
    let known = |pattern: &String| {
        let matching = super::super::ActionSet::matching(pattern);
        matching.iter().map(|a| format!("kms:{}", a.name)).collect::<Vec<_>>()
    };
    let all: Vec<String> =
        change.actions.iter().filter(|_| change.kind != Shape::Future).flat_map(known).collect();
    all.into_iter().map(|action| AccessChange { actions: vec![action], ..change.clone() }).collect()
}

fn plain(change: &AccessChange) -> String {
    let AccessChange {
        kind,
        effect,
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
        "{kind:?} {effect:?} {principal} {actions:?} {condition:?} {from:?} {to:?} {before:?} {after:?} {certainty:?}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_changes_between_a_policy_and_itself(a in any_policy(1)) {
        let a = live(&a);
        prop_assert_eq!(changes([Some(&a), Some(&a)], &key(), &[]), Some(vec![]));
        let named = a.to_json().replace(r#""Effect""#, r#""Sid":"x","Effect""#);
        let compared = compare(Some(&a), Some(&live(&named)), &key(), &[]);
        prop_assert_eq!((compared.access, compared.change), (SameAccess::Same, Change::None));
    }

    #[test]
    fn what_is_gained_one_way_is_lost_the_other(a in any_policy(1), b in any_policy(1)) {
        let (a, b) = (live(&a), live(&b));
        let there = compare(Some(&a), Some(&b), &key(), &[]);
        let back = compare(Some(&b), Some(&a), &key(), &[]);
        let there: BTreeSet<String> = there.changes.iter().flat_map(each).map(|c| plain(&c)).collect();
        let back: BTreeSet<String> = back.changes.iter().flat_map(each).map(|c| mirrored(&c)).collect();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn changes_applied_to_the_old_access_give_the_new(a in any_policy(1), b in any_policy(1)) {
        let (a, b) = (live(&a), live(&b));
        let key = key();
        let scene = Scene::new([Some(&a), Some(&b)], &key, &[]).unwrap();
        for atom in 0..scene.atoms.len() {
            for action in actions(&scene) {
                let [old, new] = [0, 1].map(|side| {
                    scene.clauses(side, atom, &action).into_iter().map(|(c, _)| c).collect::<BTreeSet<_>>()
                });
                let mut numbers: BTreeSet<usize> =
                    old.iter().chain(&new).flat_map(|c| c.literals.clone()).collect();
                numbers.extend(numbers.clone().iter().filter_map(|n| scene.absence.get(n)));
                let space = combinations(&numbers, &scene.literals).unwrap();
                let (mut is, due) = (space.levels(&old), space.levels(&new));
                for delta in deltas(&old, &new, &scene) {
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
    fn no_text_is_too_strange(text in ".*", pieces in prop::collection::vec(select(&[
        "{", "}", "[", "]", ",", ":", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Condition\"", "\"Principal\"",
        "\"*\"", "\"AWS\"", "\"Action\"", "\"kms:*\"", "\"Resource\"", "\"ForAnyValue:StringLike\"", "\"a\"", "1e3", "null",
    ][..]), 0..40)) {
        for text in [text, pieces.concat()] {
            if let Ok(document) = Document::from_live(&text, "aws") {
                let key = KeyContext::default();
                drop((compare(None, Some(&document), &key, &[]), access_table(&document, &[], &key)));
            }
        }
    }

    #[test]
    fn strange_documents_are_compared(a in any_odd(), b in any_odd()) {
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
        prop_assert_eq!(implies(&a, &a, true), Answer::Yes);
        if (implies(&a, &b, true), implies(&b, &c, true)) == (Answer::Yes, Answer::Yes) {
            prop_assert_eq!(implies(&a, &c, true), Answer::Yes);
        }
    }

    #[test]
    fn every_value_is_in_a_cell(a in any_test(), b in any_test(), c in any_test(), extra in "[abs:*?]{0,4}") {
        let read = [a, b, c].map(|test| literal(&test, true));
        let tests: Vec<&Test> = read.iter().filter_map(|l| match l {
            Literal::Test(test) if test.quantifier == Quantifier::One => Some(test),
            _ => None,
        }).collect();
        if comparable(&tests) && tests.iter().all(|test| with_value(test, "").is_some()) {
            let cells = cells(&tests).unwrap();
            let mut seen = BTreeSet::new();
            seen.insert(tests.iter().enumerate().fold(0, |bits, (n, t)| bits | u64::from(when_absent(t)) << n));
            for value in VALUES.into_iter().chain([extra.as_str()]) {
                let bits = tests.iter().enumerate().fold(0, |bits, (n, t)| bits | u64::from(with_value(t, value).unwrap()) << n);
                let boolean = tests.iter().any(|t| t.operator == super::super::meaning::Operator::Bool);
                if !boolean || value == "true" || value == "false" {
                    prop_assert!(cells.contains(&bits), "{value}: {tests:?}");
                    seen.insert(bits);
                }
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
        let meaning = live(&text).meaning();
        meaning.rules[0].when.first().unwrap().clone()
    })
}

/// Documents as no person writes them.
fn any_odd() -> impl Strategy<Value = String> {
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
fn a_wildcard_spelled_out_is_the_same_but_for_the_future() {
    for pattern in
        ["kms:*", "*", "kms:Generate*", "kms:Describe*", "kms:?ncrypt", "KMS:re*", "kms:*Grant*"]
    {
        let statement = |what: &str| {
            format!(
                r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":{what},"Resource":"*"}}]}}"#
            )
        };
        let all: Vec<String> = super::super::ActionSet::matching(pattern)
            .iter()
            .map(|a| format!("kms:{}", a.name))
            .collect();
        let spelled = live(&statement(&serde_json::to_string(&all).unwrap()));
        let wild = live(&statement(&format!("\"{pattern}\"")));
        for (a, b) in [(&spelled, &wild), (&wild, &spelled)] {
            let compared = compare(Some(a), Some(b), &key(), &[]);
            assert_eq!(
                (compared.access, compared.change),
                (SameAccess::Same, Change::FutureActionsOnly),
                "{pattern}"
            );
        }
    }
}

/// The answer to a question about all requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// For all of them.
    Yes,
    /// Not for one of them.
    No,
    /// It cannot be told.
    Unknown,
}

/// Whether every request that passes `narrow` passes `wide`: the partial order of conditions. Reflexive and
/// transitive; conditions on different keys do not imply each other, nor does a doubt anything but itself.
fn implies(narrow: &Test, wide: &Test, variables: bool) -> Answer {
    let pair = (literal(narrow, variables), literal(wide, variables));
    if pair.0 == pair.1 {
        return Answer::Yes;
    }
    let (Literal::Test(narrow), Literal::Test(wide)) = pair else {
        return Answer::Unknown;
    };
    if narrow.key != wide.key {
        let (narrow, wide) = (cells(&[&narrow]), cells(&[&wide]));
        return match (narrow, wide) {
            (Some(narrow), _) if !narrow.contains(&1) => Answer::Yes,
            (_, Some(wide)) if !wide.contains(&0) => Answer::Yes,
            (Some(_), Some(_)) => Answer::No,
            _ => Answer::Unknown,
        };
    }
    match cells(&[&narrow, &wide]).filter(|_| comparable(&[&narrow, &wide])) {
        Some(cells) if cells.contains(&0b01) => Answer::No,
        Some(_) => Answer::Yes,
        None => Answer::Unknown,
    }
}
