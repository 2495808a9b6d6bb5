//! The values of condition keys that follow from the principal and from the key.

use std::collections::BTreeSet;

use super::KeyContext;
use super::literal::{ValueType, patterns, value_type, when_absent, with_value};
use super::principal_atom::{
    IdentityKind, NamedIdentity, PrincipalArn, PrincipalAtom, PrincipalClass,
};
use crate::policy::principal_facts::{
    Fact, any_identity_fact, identity_fact, key_fact, service_fact,
};
use crate::policy::typed::Test;
use crate::policy::value_pattern::{Pattern, all_match};

/// The value of a condition key in the requests of a principal atom.
pub(super) enum ImpliedValue {
    /// What is documented about the principals, or about the key.
    Fact(Fact),
    /// The key has a value that is none of those that are named. It matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// The key has a value that matches one of these patterns.
    OneOf(Vec<Pattern>),
    /// The key has a value that is none of those that are named. It is unknown which patterns it matches.
    Unnamed,
    /// Nothing determines the value: requests with any value exist.
    Free,
}

/// The answer of a test that follows from the principal and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Every request passes the test, or none does.
    Is(bool),
    /// It depends on the request.
    Open,
    /// It is not known. Whether a request has the key is not open.
    Doubtful,
}

impl From<Option<bool>> for Answer {
    fn from(answer: Option<bool>) -> Self {
        answer.map_or(Self::Doubtful, Self::Is)
    }
}

/// Returns the answer of a test that follows from the value of its key.
pub(super) fn answer(value: &ImpliedValue, test: &Test) -> Answer {
    if test.is_always_met() {
        return Answer::Is(true);
    }
    let is_text = value_type(test) == ValueType::Text;
    match value {
        ImpliedValue::Free => Answer::Open,
        ImpliedValue::Fact(Fact::Absent) => Answer::Is(when_absent(test)),
        ImpliedValue::Fact(Fact::Is(value)) => with_value(test, value).into(),
        ImpliedValue::Fact(Fact::AbsentOr(value)) => {
            with_value(test, value).filter(|answer| *answer == when_absent(test)).into()
        }
        ImpliedValue::Fact(Fact::AbsentOrNoIdentity) => {
            let only_arns =
                is_text && patterns(test).iter().all(|pattern| pattern.text().starts_with("arn:"));
            let if_present = only_arns.then_some(test.negated);
            if_present.filter(|answer| *answer == when_absent(test)).into()
        }
        ImpliedValue::Fact(Fact::Undocumented) => Answer::Doubtful,
        // The key is present, whatever its value is.
        ImpliedValue::Matches(_) | ImpliedValue::OneOf(_) | ImpliedValue::Unnamed
            if value_type(test) == ValueType::Presence =>
        {
            with_value(test, "").into()
        }
        ImpliedValue::Matches(_) | ImpliedValue::OneOf(_) | ImpliedValue::Unnamed if !is_text => {
            Answer::Doubtful
        }
        ImpliedValue::Matches(matched) => {
            let is_match = patterns(test).iter().any(|pattern| matched.contains(pattern));
            Answer::Is(is_match != test.negated)
        }
        ImpliedValue::OneOf(language) => {
            all_match(&patterns(test), language).map(|is_match| is_match != test.negated).into()
        }
        ImpliedValue::Unnamed => {
            let is_account = ["aws:principalaccount", "kms:calleraccount"].contains(&&*test.key);
            // The named values are told apart, in any case.
            let is_named = |p: &Pattern| matches!(p, Pattern::Exact(_) | Pattern::AnyCase(_));
            let mut wild = patterns(test);
            wild.retain(|p| !is_named(p) && (!is_account || may_match_account(&p.text())));
            let every_value = Pattern::like(if is_account { "????????????" } else { "?*" });
            match all_match(&wild, &[every_value]) {
                Some(is_match) => Answer::Is(is_match != test.negated),
                None => Answer::Open,
            }
        }
    }
}

/// Returns whether a pattern can match an account id.
fn may_match_account(pattern: &str) -> bool {
    let digits = pattern.chars().filter(|c| *c != '*').count();
    pattern.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '?'))
        && (digits == 12 || (digits < 12 && pattern.contains('*')))
}

/// Returns the value of a condition key, given in lower case, in the requests of an atom.
pub(super) fn implied_value(atom: &PrincipalAtom, target: &KeyContext, key: &str) -> ImpliedValue {
    if let Some(fact) = target.arn.as_deref().and_then(|arn| key_fact(arn, key)) {
        return ImpliedValue::Fact(fact);
    }
    let is = |value: &str| ImpliedValue::Fact(Fact::Is(value.to_owned()));
    let by_kind = fact(atom, key).map(ImpliedValue::Fact);
    match key {
        "aws:resourceaccount" => target.account.as_deref().map_or(ImpliedValue::Free, is),
        "aws:principalarn" if !atom.is_service() => match &atom.arn {
            PrincipalArn::Is(arn) => is(arn),
            PrincipalArn::Matches(patterns) => ImpliedValue::Matches(patterns.clone()),
            PrincipalArn::OneOf(patterns) => ImpliedValue::OneOf(patterns.clone()),
            PrincipalArn::Unknown => ImpliedValue::Fact(Fact::Undocumented),
        },
        "aws:principalaccount" | "kms:calleraccount" if atom.is_identity() => {
            atom.account().map_or(ImpliedValue::Unnamed, is)
        }
        "aws:principalservicename" => match &atom.class {
            PrincipalClass::Service(name) => is(name),
            PrincipalClass::OtherService => ImpliedValue::Unnamed,
            PrincipalClass::Root(_)
            | PrincipalClass::Identity(_)
            | PrincipalClass::SessionsOf(_)
            | PrincipalClass::Other { .. }
            | PrincipalClass::OtherAccounts { .. }
            | PrincipalClass::UniqueId(_)
            | PrincipalClass::Provider(_) => by_kind.unwrap_or(ImpliedValue::Free),
        },
        "aws:username" | "aws:userid" => own_name(&atom.class, key)
            .map_or(by_kind.unwrap_or(ImpliedValue::Free), |name| {
                ImpliedValue::Fact(Fact::Is(name))
            }),
        _ => by_kind.unwrap_or(ImpliedValue::Free),
    }
}

/// Returns what is documented about the kind of the principals.
fn fact(atom: &PrincipalAtom, key: &str) -> Option<Fact> {
    if atom.is_service() {
        return service_fact(key);
    }
    match atom.kind() {
        Some(kind) => identity_fact(kind, key),
        None if atom.is_identity() => any_identity_fact(key),
        None => None,
    }
}

/// Returns the value of `aws:username` or `aws:userid`, if the ARN or the account gives it (IAM User Guide, "IAM policy
/// elements: Variables and tags").
fn own_name(class: &PrincipalClass, key: &str) -> Option<String> {
    let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    match (class, key) {
        (PrincipalClass::Root(account), "aws:userid") => Some(account.clone()),
        (PrincipalClass::Identity(NamedIdentity { account, kind, arn, .. }), _) => {
            match (kind, key) {
                (IdentityKind::User, "aws:username") => Some(last(arn)),
                (IdentityKind::Federated, "aws:userid") => Some(format!("{account}:{}", last(arn))),
                _ => None,
            }
        }
        _ => None,
    }
}
