//! Policies that are too complex to compare.

use super::*;
use crate::policy::gates::{Forbidden, Gates, PolicyChange};
use crate::policy::work;

/// Returns a policy with many accounts, each of which could own the key, and conditions that multiply.
fn complex(value: &str) -> Document {
    let statement = |n: usize| {
        let effect = if n.is_multiple_of(2) { "Allow" } else { "Deny" };
        format!(
            r#"{{"Effect":"{effect}","Principal":"*","Action":"kms:D*","Resource":"*","Condition":{{"StringEquals":{{"kms:EncryptionContext:a{n}":"{value}"}}}}}},
               {{"Effect":"Allow","Principal":{{"AWS":"{n:012}"}},"Action":"kms:*","Resource":"*"}}"#
        )
    };
    let all: Vec<String> = (1..=60).map(statement).collect();
    live(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(",")))
}

fn unknown_owner() -> KeyContext {
    KeyContext { account: None, ..key() }
}

#[test]
fn a_comparison_that_is_too_much_work_is_unknown_and_assumes_the_worst() {
    let (one, other) = (complex("x"), complex("y"));
    let found = compare(Some(&one), Some(&other), &unknown_owner(), &[]);
    assert!(found.open && !found.is_certainly_none());
    assert_eq!(found.access, SameAccess::Unknown);
    let told: Vec<_> = found.changes.iter().map(|c| (c.direction, c.principal.as_str())).collect();
    assert_eq!(told, [(Direction::Gained, "*"), (Direction::Lost, "*")]);
    assert!(found.changes[0].public && found.changes[0].certainty == Certainty::Possible);
    assert!(access_table(&one, &[], &unknown_owner(), None).is_none());
}

#[test]
fn many_policies_share_the_budget_around_them() {
    let (simple, other) = (policy(&["allow role/a Decrypt"]), policy(&["allow role/b Decrypt"]));
    let is_open = |one: &Document, other: &Document| {
        compare(Some(one), Some(other), &unknown_owner(), &[]).open
    };
    assert!(!is_open(&simple, &other));
    let after = work::within(work::COMPARISON / 2, || {
        // The hostile policy spends what is there, so that the simple one is unknown too.
        assert!(is_open(&complex("x"), &complex("y")));
        is_open(&simple, &other)
    });
    assert!(after && !is_open(&simple, &other));
}

#[test]
fn a_gate_whose_decisions_are_too_much_work_does_not_pass() {
    let principals = (0..50).map(|n| format!("arn:aws:iam::{ACCOUNT}:role/r{n}")).collect();
    let forbidden = vec![Forbidden { principals, actions: ["kms:*".to_owned()].into() }];
    let gates = Gates { forbidden, ..Gates::default() };
    let (key, after) = (key(), policy(&["allow role/a Decrypt"]));
    let judged = PolicyChange { key: &key, before: None, after: &after, base: None, grants: &[] };
    assert!(gates.standing(judged).is_empty());
    let breaches = work::within(1_000, || gates.standing(judged));
    assert_eq!(breaches.first().map(|breach| breach.gate), Some("forbidden"));
}
