//! The cells of a condition key: the combinations of answers that tests on the key can have.
//!
//! The tests on a key divide all requests into finitely many cells; within a cell, every test has one answer. The cells
//! are exact: for each there is a value, or a set of values, that is in it. A combination of answers without a cell
//! cannot occur.

use std::collections::{BTreeMap, BTreeSet};

use super::literal::{
    UNIT, ValueType, addresses, number, patterns, value_type, when_absent, with_value,
};
use crate::policy::condition_keys::{Values, is_boolean, values_of};
use crate::policy::eval::operators::parse_date;
use crate::policy::typed::{Operator, Quantifier, Test};
use crate::policy::value_pattern::{Bits, Pattern, combinations};
use crate::policy::work;

/// The number of cells at which the computation gives up.
const MAX_CELLS: usize = 4_096;

/// Condition keys whose values are integers.
const INTEGER_KEYS: [&str; 4] = [
    "aws:multifactorauthage",
    "kms:rotationperiodindays",
    "kms:schedulekeydeletionpendingwindowindays",
    "kms:trailingdayswithoutkeyusage",
];

/// Condition keys that every request has (IAM User Guide, "AWS global condition context keys": "always included"; KMS
/// Developer Guide, "Condition keys for AWS KMS": properties of the key).
const ALWAYS_PRESENT: [&str; 9] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:requestedregion",
    "aws:useragent",
    "aws:viaawsservice",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:multiregion",
];

/// The combinations of answers that tests on one key can have. Bit n of a cell is the answer of test n.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cells {
    /// The cells of requests that have the key.
    pub(super) present: BTreeSet<Bits>,
    /// The cell of requests that do not have the key, if there are such requests.
    pub(super) absent: Option<Bits>,
}

/// Returns whether a test without a set operator cannot be compared with tests that have one: it is not known whether
/// the key has several values, and AWS does not document how several values compare without a set operator (IAM User
/// Guide, "Single-valued vs. multivalued context keys").
pub(super) fn is_ambiguous(test: &Test, tests: &[&Test]) -> bool {
    values_of(&test.key) == Values::Unknown
        && test.operator != Operator::Null
        && test.quantifier == Quantifier::One
        && tests.iter().any(|test| test.quantifier != Quantifier::One)
}

/// Returns the cells of tests on one key that compare values of one type, or `None` if there are too many.
pub(super) fn cells(tests: &[&Test]) -> Option<Cells> {
    let present = present(tests, &points(tests)?)?;
    let is_always_present =
        tests.first().is_some_and(|test| ALWAYS_PRESENT.contains(&test.key.as_str()));
    let absent = (!is_always_present).then(|| bits(tests, when_absent));
    Some(Cells { present, absent })
}

/// Returns the tests for which the predicate is true, as bits.
fn bits(tests: &[&Test], truth: impl Fn(&Test) -> bool) -> Bits {
    tests.iter().enumerate().fold(0, |bits, (n, test)| bits | Bits::from(truth(test)) << n)
}

/// Returns the answers for requests that have the key, from the answers for single values.
fn present(tests: &[&Test], points: &BTreeSet<Bits>) -> Option<BTreeSet<Bits>> {
    let nulls = bits(tests, |test| test.operator == Operator::Null && test.has_value("false"));
    let is_null = bits(tests, |test| test.operator == Operator::Null);
    let of = |quantifier| bits(tests, |test| test.quantifier == quantifier) & !is_null;
    let (all, any) = (of(Quantifier::All), of(Quantifier::Any));
    let single: BTreeSet<Bits> = points.iter().map(|point| point | nulls).collect();
    if all | any == 0 {
        return Some(single);
    }
    let is_single = tests.first().is_some_and(|test| values_of(&test.key) == Values::One);
    let mut out = if is_single || of(Quantifier::One) != 0 {
        single
    } else {
        sets(points, all, any)?.into_iter().map(|set| set | nulls).collect()
    };
    // To set operators, an empty text is no value (IAM User Guide, "Set operators for multivalued context keys").
    let is_text = tests.iter().all(|test| {
        matches!(value_type(test), ValueType::Text | ValueType::Presence) && !is_boolean(&test.key)
    });
    if is_text {
        let empty = bits(tests, |test| match test.quantifier {
            Quantifier::One => with_value(test, "").unwrap_or_default(),
            Quantifier::All => true,
            Quantifier::Any => false,
        });
        out.insert((empty & !is_null) | nulls);
    }
    Some(out)
}

/// Returns the answers for sets of values, from the answers for single values.
fn sets(points: &BTreeSet<Bits>, all: Bits, any: Bits) -> Option<BTreeSet<Bits>> {
    let mut seen: BTreeSet<Bits> = points.clone();
    let mut open: Vec<Bits> = points.iter().copied().collect();
    while let Some(set) = open.pop() {
        if !work::spend(points.len()) {
            return None;
        }
        for point in points {
            let union = (set & point & all) | ((set | point) & any);
            if seen.insert(union) {
                open.push(union);
            }
        }
        if seen.len() > MAX_CELLS {
            return None;
        }
    }
    Some(seen)
}

/// Returns the combinations of answers for single values.
fn points(tests: &[&Test]) -> Option<BTreeSet<Bits>> {
    let kind = tests.iter().map(|test| value_type(test)).max().unwrap_or(ValueType::Presence);
    let negated = bits(tests, |test| test.negated);
    let mut plain = match kind {
        ValueType::Presence => BTreeSet::from([0]),
        ValueType::Text => texts(tests)?,
        ValueType::Number => {
            let whole = tests.iter().any(|test| INTEGER_KEYS.contains(&test.key.as_str()));
            ordered(tests, number, if whole { is_whole } else { |_| true }, |a, b| {
                !whole || (a.div_euclid(UNIT) + 1) * UNIT < b
            })?
        }
        ValueType::Date => ordered(tests, parse_date, |_| true, |_, _| true)?,
        ValueType::Address => nets(tests)?,
    };
    // A value of another type matches nothing.
    let key = tests.first().map(|test| test.key.as_str()).unwrap_or_default();
    if !matches!(kind, ValueType::Text | ValueType::Presence) && !is_of_type(key, kind) {
        plain.insert(0);
    }
    Some(plain.into_iter().map(|point| point ^ negated).collect())
}

/// Returns whether all values of a key are of the type.
fn is_of_type(key: &str, kind: ValueType) -> bool {
    match kind {
        ValueType::Presence | ValueType::Text => true,
        ValueType::Number => INTEGER_KEYS.contains(&key) || key == "aws:epochtime",
        ValueType::Date => {
            matches!(key, "aws:currenttime" | "aws:epochtime" | "aws:tokenissuetime")
        }
        ValueType::Address => matches!(key, "aws:sourceip" | "aws:vpcsourceip"),
    }
}

/// Returns the answers for texts: those that the tests name, and those that match their patterns.
fn texts(tests: &[&Test]) -> Option<BTreeSet<Bits>> {
    let lists: Vec<Vec<Pattern>> = tests.iter().map(|test| patterns(test)).collect();
    let answers = |matches: &dyn Fn(&Pattern) -> bool| {
        lists
            .iter()
            .enumerate()
            .fold(0, |bits, (n, list)| bits | Bits::from(list.iter().any(matches)) << n)
    };
    let count: usize = lists.iter().map(Vec::len).sum();
    if !work::spend(count * count) {
        return None;
    }
    let answers_for = |value: &str| answers(&|pattern| pattern.matches(value));
    // Any other key can have any value, and a `Bool` test of it is false for what is no boolean.
    if tests.first().is_some_and(|test| is_boolean(&test.key)) {
        return Some(["true", "false"].into_iter().map(answers_for).collect());
    }
    let distinct: BTreeSet<&Pattern> = lists.iter().flatten().collect();
    let wild: Vec<Pattern> =
        distinct.iter().filter(|p| p.exact().is_none()).map(|p| (*p).clone()).collect();
    let mut out: BTreeSet<Bits> =
        distinct.iter().filter_map(|p| p.exact()).map(answers_for).collect();
    let index: BTreeMap<&Pattern, usize> = wild.iter().enumerate().map(|(n, p)| (p, n)).collect();
    let matches = combinations(&wild)?;
    if !work::spend(matches.len() * count) {
        return None;
    }
    for matched in matches {
        out.insert(answers(&|pattern| index.get(pattern).is_some_and(|n| matched & (1 << n) != 0)));
    }
    Some(out)
}

/// Returns whether a number in the unit of [`number()`] is an integer.
fn is_whole(number: i128) -> bool {
    number % UNIT == 0
}

/// Returns the answers for ordered values: those that the tests name, and the gaps between them. `occurs` says whether
/// requests have a named value, and `has_gap` whether there is a value between two values.
fn ordered<T: Ord + Copy>(
    tests: &[&Test],
    parse: fn(&str) -> Option<T>,
    occurs: fn(T) -> bool,
    has_gap: impl Fn(T, T) -> bool,
) -> Option<BTreeSet<Bits>> {
    let values: Vec<Vec<T>> =
        tests.iter().map(|t| t.values.iter().filter_map(|value| parse(value)).collect()).collect();
    let named: BTreeSet<T> = values.iter().flatten().copied().collect();
    let named: Vec<T> = named.into_iter().collect();
    if !work::spend(2 * named.len() * values.iter().map(Vec::len).sum::<usize>()) {
        return None;
    }
    // Position 2n + 1 is the named value n, position 2n the gap before it.
    let position = |value: &T| named.binary_search(value).map_or(0, |n| 2 * n + 1);
    let places: Vec<Vec<usize>> =
        values.iter().map(|values| values.iter().map(position).collect()).collect();
    let occurs = |at: usize| {
        let (before, after) = (named.get((at / 2).wrapping_sub(1)), named.get(at / 2));
        if at.is_multiple_of(2) {
            before.zip(after).is_none_or(|(a, b)| has_gap(*a, *b))
        } else {
            after.is_none_or(|value| occurs(*value))
        }
    };
    let answer = |at: usize| {
        answers(tests, &places, |test, places| {
            places.iter().any(|is| {
                let is = *is;
                match test.operator {
                    Operator::NumericLessThan | Operator::DateLessThan => at < is,
                    Operator::NumericLessThanEquals | Operator::DateLessThanEquals => at <= is,
                    Operator::NumericGreaterThan | Operator::DateGreaterThan => at > is,
                    Operator::NumericGreaterThanEquals | Operator::DateGreaterThanEquals => {
                        at >= is
                    }
                    Operator::NumericEquals
                    | Operator::DateEquals
                    | Operator::StringEquals
                    | Operator::StringEqualsIgnoreCase
                    | Operator::StringLike
                    | Operator::ArnLike
                    | Operator::Bool
                    | Operator::BinaryEquals
                    | Operator::IpAddress
                    | Operator::Null
                    | Operator::Unknown(_) => at == is,
                }
            })
        })
    };
    Some((0..=2 * named.len()).filter(|at| occurs(*at)).map(answer).collect())
}

/// Returns the answers for IP addresses. They can only change at the first address of a block and after its last one.
fn nets(tests: &[&Test]) -> Option<BTreeSet<Bits>> {
    let blocks: Vec<Vec<(bool, u128, u128)>> =
        tests.iter().map(|t| t.values.iter().filter_map(|v| addresses(v)).collect()).collect();
    let mut edges = BTreeSet::from([(false, 0), (true, 0)]);
    for (six, first, last) in blocks.iter().flatten().copied() {
        let end = if six { u128::MAX } else { u32::MAX.into() };
        edges.insert((six, first));
        edges.extend((last < end).then(|| (six, last + 1)));
    }
    if !work::spend(edges.len() * blocks.iter().map(Vec::len).sum::<usize>()) {
        return None;
    }
    let answers = edges.into_iter().map(|(six, at)| {
        answers(tests, &blocks, |_, blocks| {
            let mut blocks = blocks.iter();
            blocks.any(|(of, first, last)| *of == six && (*first..=*last).contains(&at))
        })
    });
    Some(answers.collect())
}

/// Returns the tests for which the predicate is true, as bits. It gets the values of each test.
fn answers<T>(tests: &[&Test], values: &[T], truth: impl Fn(&Test, &T) -> bool) -> Bits {
    let all = tests.iter().zip(values).enumerate();
    all.fold(0, |bits, (n, (test, values))| bits | Bits::from(truth(test, values)) << n)
}
