//! What the conditions of a statement require of the requests of one principal atom.

use std::collections::BTreeSet;

use super::KeyContext;
use super::doubt::Doubt;
use super::implied_value::{Answer, ImpliedValue, answer, implied_value};
use super::literal::{
    Literal, doubt, has_comparable_values, has_variable, is_of_type, is_text, literal, when_absent,
};
use super::principal_atom::PrincipalAtom;
use crate::policy::pattern::{Glyph, pattern_text};
use crate::policy::principal_facts::Fact;
use crate::policy::typed::{Operator, Quantifier, Test};
use crate::policy::variables::{Value, expand, named_keys};

/// Sets of literals. All literals of one of the sets must be true; without a set, the requirement cannot be met.
pub(super) type Alternatives = Vec<BTreeSet<Literal>>;

/// The number of alternatives of a statement at which the values of a test are no longer told apart.
const MAX_ALTERNATIVES: usize = 64;

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition {
    /// The test, as [`super::literal::normal`] returns it.
    pub(super) test: Test,
    /// Whether a value contains a policy variable.
    pub(super) variables: bool,
}

impl Condition {
    /// Returns the condition keys that decide the condition: the key of the test, and those that variables name.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::from([self.test.key.clone()]);
        if self.variables {
            keys.extend(self.test.values.iter().flat_map(|value| named_keys(value)));
        }
        keys
    }

    /// Returns whether a variable names a condition key.
    pub(super) fn names(&self, key: &str) -> bool {
        self.variables
            && self.test.values.iter().any(|value| named_keys(value).any(|name| name == key))
    }
}

/// The requests of one principal atom for actions that carry the same condition keys.
pub(super) struct Requests<'a> {
    pub(super) atom: &'a PrincipalAtom,
    pub(super) key: &'a KeyContext,
    /// The condition keys that these requests never have.
    pub(super) absent: BTreeSet<&'a str>,
}

impl Requests<'_> {
    fn implied_value(&self, key: &str) -> ImpliedValue {
        if self.absent.contains(key) {
            return ImpliedValue::Fact(Fact::Absent);
        }
        implied_value(self.atom, self.key, key)
    }
}

/// Returns what all conditions together require of requests.
pub(super) fn requirements(conditions: &[Condition], requests: &Requests<'_>) -> Alternatives {
    let mut all: Alternatives = vec![BTreeSet::new()];
    for condition in conditions {
        let mut one = requirement(condition, requests);
        if one.len() * all.len() > MAX_ALTERNATIVES {
            one = of_literal(doubt(&condition.test, condition.variables), requests);
        }
        all = and(&all, &one);
    }
    all
}

fn and(all: &Alternatives, more: &Alternatives) -> Alternatives {
    let both = |one: &BTreeSet<Literal>, other: &BTreeSet<Literal>| one | other;
    all.iter().flat_map(|one| more.iter().map(move |other| both(one, other))).collect()
}

fn requirement(condition: &Condition, requests: &Requests<'_>) -> Alternatives {
    let test = &condition.test;
    let is_plain = !condition.variables && test.values.iter().all(|value| is_of_type(test, value));
    if is_plain || test.values.is_empty() || !has_comparable_values(test) {
        return of_literal(literal(test), requests);
    }
    let (mut known, mut open) = (BTreeSet::new(), BTreeSet::new());
    for value in &test.values {
        let expanded = if condition.variables {
            expanded(value, test, requests)
        } else {
            Expanded::Text(value.clone())
        };
        match expanded {
            Expanded::Text(text) if is_of_type(test, &text) => drop(known.insert(text)),
            Expanded::Nothing => {}
            Expanded::Text(_) | Expanded::Unknown => drop(open.insert(value.clone())),
        }
    }
    let part = |values: BTreeSet<String>| Test { values, ..test.clone() };
    match (known.is_empty(), open.is_empty()) {
        (true, true) => without_values(test, requests),
        (false, true) => of_literal(literal(&part(known)), requests),
        (true, false) => of_literal(doubt(&part(open), condition.variables), requests),
        (false, false) => {
            let parts = [literal(&part(known)), doubt(&part(open), condition.variables)];
            let [known, open] = parts.map(|literal| of_literal(literal, requests));
            match (test.quantifier, test.negated) {
                // A value that is none of these and none of those.
                (Quantifier::One | Quantifier::All, true) => and(&known, &open),
                (Quantifier::One | Quantifier::Any, false) => [known, open].concat(),
                (Quantifier::All, false) | (Quantifier::Any, true) => {
                    of_literal(doubt(test, condition.variables), requests)
                }
            }
        }
    }
}

/// Returns what a literal requires of requests.
fn of_literal(literal: Literal, requests: &Requests<'_>) -> Alternatives {
    let (test, variables, is_decidable) = match &literal {
        Literal::Test(test) => (test, false, true),
        Literal::Doubt(Doubt::Test { test, variables, may_be_absent: true }) => {
            (test, *variables, false)
        }
        Literal::Doubt(_) => return vec![BTreeSet::from([literal])],
    };
    let answer = match requests.implied_value(&test.key) {
        value if is_decidable => answer(&value, test),
        ImpliedValue::Fact(Fact::Absent) => Answer::Is(when_absent(test)),
        ImpliedValue::Free => Answer::Open,
        ImpliedValue::Fact(_)
        | ImpliedValue::Matches(_)
        | ImpliedValue::OneOf(_)
        | ImpliedValue::Unnamed => Answer::Doubtful,
    };
    match answer {
        Answer::Is(true) => vec![BTreeSet::new()],
        Answer::Is(false) => Vec::new(),
        Answer::Open => vec![BTreeSet::from([literal])],
        Answer::Doubtful => {
            let doubt = Doubt::Test { test: test.clone(), variables, may_be_absent: false };
            vec![BTreeSet::from([Literal::Doubt(doubt)])]
        }
    }
}

/// Returns what a test requires whose values match nothing.
fn without_values(test: &Test, requests: &Requests<'_>) -> Alternatives {
    let absence = |is: bool| of_literal(literal(&is_absent(&test.key, is)), requests);
    match (test.quantifier, test.negated) {
        (Quantifier::One | Quantifier::All, true) => vec![BTreeSet::new()],
        (Quantifier::Any, true) if test.if_exists => vec![BTreeSet::new()],
        (Quantifier::Any, true) => of_literal(doubt(test, true), requests),
        (Quantifier::One | Quantifier::Any, false) if test.if_exists => absence(true),
        (Quantifier::One | Quantifier::Any, false) => Vec::new(),
        (Quantifier::All, false) => of_literal(doubt(test, true), requests),
    }
}

/// Returns the test that a request does not have a key, or has it.
pub(super) fn is_absent(key: &str, is: bool) -> Test {
    Test {
        quantifier: Quantifier::One,
        operator: Operator::Null,
        negated: false,
        if_exists: false,
        key: key.to_owned(),
        values: BTreeSet::from([is.to_string()]),
    }
}

/// A value of a policy with its variables replaced.
enum Expanded {
    Text(String),
    /// A variable has no value, so the text matches nothing.
    Nothing,
    Unknown,
}

fn expanded(value: &str, test: &Test, requests: &Requests<'_>) -> Expanded {
    let is_like = matches!(test.operator, Operator::StringLike | Operator::ArnLike);
    let lookup = |name: &str| match requests.implied_value(name) {
        ImpliedValue::Fact(Fact::Is(value)) => Value::Is(value),
        ImpliedValue::Fact(Fact::Absent) => Value::Absent,
        ImpliedValue::Fact(_)
        | ImpliedValue::Matches(_)
        | ImpliedValue::OneOf(_)
        | ImpliedValue::Unnamed
        | ImpliedValue::Free => Value::Unknown,
    };
    match expand(value, requests.key.arn.as_deref(), Some(&lookup)) {
        Ok(None) => Expanded::Nothing,
        Ok(Some(pattern)) if is_like => Expanded::Text(pattern_text(&pattern)),
        Ok(Some(pattern)) => Expanded::Text(pattern.into_iter().map(Glyph::char).collect()),
        Err(_) => Expanded::Unknown,
    }
}

/// Returns a condition of a statement; `variables` says whether `${…}` is a policy variable.
pub(super) fn condition(test: &Test, variables: bool) -> Condition {
    // Policy variables work in strings and ARNs only (IAM User Guide, "Where you can use policy variables").
    let variables = variables && is_text(test) && has_variable(test);
    Condition { test: super::literal::normal(test), variables }
}
