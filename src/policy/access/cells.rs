//! The cells of a condition key: the combinations of answers that tests on the key can have.
//!
//! The tests on a key divide all requests into finitely many cells; within a cell, every test has one answer. The cells
//! are exact: for each there is a value, or a set of values, that is in it. A combination of answers without a cell
//! cannot occur.

use std::collections::{BTreeMap, BTreeSet};

use super::literal::{ValueType, addresses, number, patterns, value_type, when_absent};
use super::value_pattern::{Pattern, combinations};
use crate::policy::condition_keys::is_boolean;
use crate::policy::eval::operators::parse_date;
use crate::policy::typed::{Operator, Quantifier, Test};

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
const ALWAYS_PRESENT: [&str; 8] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:requestedregion",
    "aws:useragent",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:multiregion",
];

/// Returns whether the tests on one key can be compared with each other: they must compare values of one type.
pub(super) fn comparable(tests: &[&Test]) -> bool {
    let sorts: BTreeSet<ValueType> = tests.iter().map(|test| value_type(test)).collect();
    tests.len() < 64 && sorts.iter().filter(|sort| **sort != ValueType::Presence).count() < 2
}

/// Returns the cells of tests on one key, or `None` if there are too many. Bit n of a cell is the answer of test n.
pub(super) fn cells(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let mut cells = present(tests, &points(tests)?)?;
    if !tests.first().is_some_and(|test| ALWAYS_PRESENT.contains(&test.key.as_str())) {
        cells.insert(bits(tests, when_absent));
    }
    Some(cells)
}

/// Returns the tests for which the predicate is true, as bits.
fn bits(tests: &[&Test], truth: impl Fn(&Test) -> bool) -> u64 {
    tests.iter().enumerate().fold(0, |bits, (n, test)| bits | u64::from(truth(test)) << n)
}

/// Returns the answers for requests that have the key, from the answers for single values.
fn present(tests: &[&Test], points: &BTreeSet<u64>) -> Option<BTreeSet<u64>> {
    let nulls = bits(tests, |test| test.operator == Operator::Null && test.has_value("false"));
    let is_null = bits(tests, |test| test.operator == Operator::Null);
    let of = |quantifier| bits(tests, |test| test.quantifier == quantifier) & !is_null;
    let (all, any) = (of(Quantifier::All), of(Quantifier::Any));
    if all | any == 0 || of(Quantifier::One) != 0 {
        // A key that is tested without a set operator has one value.
        return Some(points.iter().map(|point| point | nulls).collect());
    }
    let mut seen: BTreeSet<u64> = points.clone();
    let mut open: Vec<u64> = points.iter().copied().collect();
    while let Some(set) = open.pop() {
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
    Some(seen.into_iter().map(|set| set | nulls).collect())
}

/// Returns the combinations of answers for single values.
fn points(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let kind = tests.iter().map(|test| value_type(test)).max().unwrap_or(ValueType::Presence);
    let negated = bits(tests, |test| test.negated);
    let plain = match kind {
        ValueType::Presence => BTreeSet::from([0]),
        ValueType::Text => texts(tests)?,
        ValueType::Number => {
            let whole = tests.iter().any(|test| INTEGER_KEYS.contains(&test.key.as_str()));
            ordered(tests, number, |a, b| whole && b - a <= 1_000_000_000)
        }
        ValueType::Date => ordered(tests, parse_date, |_, _| false),
        ValueType::Address => nets(tests),
    };
    Some(plain.into_iter().map(|point| point ^ negated).collect())
}

/// Returns the answers for texts: those that the tests name, and those that match their patterns.
fn texts(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let lists: Vec<Vec<Pattern>> = tests.iter().map(|test| patterns(test)).collect();
    let answers = |matches: &dyn Fn(&Pattern) -> bool| {
        lists
            .iter()
            .enumerate()
            .fold(0, |bits, (n, list)| bits | u64::from(list.iter().any(matches)) << n)
    };
    let answers_for = |value: &str| answers(&|pattern| pattern.matches(value));
    // Any other key can have any value, and a `Bool` test of it is false for what is no boolean.
    if tests.first().is_some_and(|test| is_boolean(&test.key)) {
        return Some(["true", "false"].into_iter().map(answers_for).collect());
    }
    let distinct: BTreeSet<&Pattern> = lists.iter().flatten().collect();
    let wild: Vec<Pattern> =
        distinct.iter().filter(|p| p.exact().is_none()).map(|p| (*p).clone()).collect();
    if wild.len() >= 64 {
        return None;
    }
    let mut out: BTreeSet<u64> =
        distinct.iter().filter_map(|p| p.exact()).map(answers_for).collect();
    let index: BTreeMap<&Pattern, usize> = wild.iter().enumerate().map(|(n, p)| (p, n)).collect();
    for matched in combinations(&wild)? {
        out.insert(answers(&|pattern| index.get(pattern).is_some_and(|n| matched & (1 << n) != 0)));
    }
    Some(out)
}

/// Returns the answers for ordered values: those that the tests name, and the gaps between them. `adjacent` says
/// whether there is no value between two values.
fn ordered<T: Ord + Copy>(
    tests: &[&Test],
    parse: fn(&str) -> Option<T>,
    adjacent: impl Fn(T, T) -> bool,
) -> BTreeSet<u64> {
    let named: BTreeSet<T> =
        tests.iter().flat_map(|test| &test.values).filter_map(|value| parse(value)).collect();
    let named: Vec<T> = named.into_iter().collect();
    // Position 2n + 1 is the named value n, position 2n the gap before it.
    let position = |value: T| named.binary_search(&value).map_or(0, |n| 2 * n + 1);
    let is_empty_gap = |at: usize| {
        let (before, after) = (named.get((at / 2).wrapping_sub(1)), named.get(at / 2));
        at.is_multiple_of(2) && before.zip(after).is_some_and(|(a, b)| adjacent(*a, *b))
    };
    let answer = |at: usize| {
        bits(tests, |test| {
            test.values.iter().filter_map(|value| parse(value)).any(|value| {
                let is = position(value);
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
    (0..=2 * named.len()).filter(|at| !is_empty_gap(*at)).map(answer).collect()
}

/// Returns the answers for IP addresses. They can only change at the first address of a block and after its last one.
fn nets(tests: &[&Test]) -> BTreeSet<u64> {
    let blocks: BTreeSet<(bool, u128, u128)> =
        tests.iter().flat_map(|test| &test.values).filter_map(|value| addresses(value)).collect();
    let mut edges = BTreeSet::from([(false, 0), (true, 0)]);
    for (six, first, last) in blocks {
        let end = if six { u128::MAX } else { u32::MAX.into() };
        edges.insert((six, first));
        edges.extend((last < end).then(|| (six, last + 1)));
    }
    let answers = edges.into_iter().map(|(six, at)| {
        bits(tests, |test| {
            let mut blocks = test.values.iter().filter_map(|value| addresses(value));
            blocks.any(|(of, first, last)| of == six && (first..=last).contains(&at))
        })
    });
    answers.collect()
}
