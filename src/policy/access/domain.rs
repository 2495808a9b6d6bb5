//! The values that a condition key can have, as far as tests tell them apart: the algebra under the comparison.
//!
//! All requests fall into finitely many cells; within a cell every test on the key has one answer. The cells are exact:
//! each has a value, or a set of values, that is in it. So a relation between tests is read off them, and a combination of
//! answers that has no cell cannot happen.

use std::collections::{BTreeMap, BTreeSet};

use super::super::eval::compare::dates;
use super::super::meaning::{Operator, Quantifier, Test};
use super::glob::{Pattern, combinations};
use super::literal::{Sort, addresses, null, number, patterns, sort, when_absent};

/// Cells beyond which a key is not looked at any closer.
const MOST: usize = 4_096;

/// Keys whose numbers are whole.
const WHOLE: [&str; 4] = [
    "aws:multifactorauthage",
    "kms:rotationperiodindays",
    "kms:schedulekeydeletionpendingwindowindays",
    "kms:trailingdayswithoutkeyusage",
];

/// Keys that every request has (IAM User Guide, global condition keys: "always included"; KMS Developer Guide, condition
/// keys: properties of the key).
const PRESENT: [&str; 8] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:requestedregion",
    "aws:useragent",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:multiregion",
];

/// Whether the tests on one key can be compared with each other at all.
pub(super) fn comparable(tests: &[&Test]) -> bool {
    let sorts: BTreeSet<Sort> = tests.iter().map(|test| sort(test)).collect();
    tests.len() < 64 && sorts.iter().filter(|sort| **sort != Sort::Presence).count() < 2
}

/// The combinations of answers that tests on one key have: bit n is the answer of test n. `None`: too many to tell.
pub(super) fn cells(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let absent = bits(tests, when_absent);
    let present = present(tests, &points(tests)?)?;
    let always = tests.first().is_some_and(|test| PRESENT.contains(&test.key.as_str()));
    Some(present.into_iter().chain((!always).then_some(absent)).collect())
}

fn bits(tests: &[&Test], truth: impl Fn(&Test) -> bool) -> u64 {
    tests.iter().enumerate().fold(0, |bits, (n, test)| bits | u64::from(truth(test)) << n)
}

/// From the answers for single values to the answers for a request that has the key.
fn present(tests: &[&Test], points: &BTreeSet<u64>) -> Option<BTreeSet<u64>> {
    let nulls = bits(tests, |test| test.operator == Operator::Null && null(test, "false"));
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
        if seen.len() > MOST {
            return None;
        }
    }
    Some(seen.into_iter().map(|set| set | nulls).collect())
}

/// The combinations of answers for single values.
fn points(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let kind = tests.iter().map(|test| sort(test)).max().unwrap_or(Sort::Presence);
    let negated = bits(tests, |test| test.negated);
    let plain = match kind {
        Sort::Presence => BTreeSet::from([0]),
        Sort::Text => texts(tests)?,
        Sort::Number => {
            let whole = tests.iter().any(|test| WHOLE.contains(&test.key.as_str()));
            ordered(tests, number, |a, b| whole && b - a <= 1_000_000_000)
        }
        Sort::Date => ordered(tests, dates, |_, _| false),
        Sort::Address => nets(tests),
    };
    Some(plain.into_iter().map(|point| point ^ negated).collect())
}

/// Texts: those that are named, and those that match patterns.
fn texts(tests: &[&Test]) -> Option<BTreeSet<u64>> {
    let of: Vec<Vec<Pattern>> = tests.iter().map(|test| patterns(test)).collect();
    let answer = |matches: &dyn Fn(&Pattern) -> bool| {
        let each = of.iter().enumerate();
        each.fold(0, |bits, (n, of)| bits | u64::from(of.iter().any(matches)) << n)
    };
    let at = |value: &str| answer(&|pattern| pattern.matches(value));
    if tests.iter().any(|test| test.operator == Operator::Bool) {
        return Some(["true", "false"].into_iter().map(at).collect());
    }
    let distinct: BTreeSet<&Pattern> = of.iter().flatten().collect();
    let wild: Vec<Pattern> =
        distinct.iter().filter(|p| p.exact().is_none()).map(|p| (*p).clone()).collect();
    if wild.len() >= 64 {
        return None;
    }
    let mut out: BTreeSet<u64> = distinct.iter().filter_map(|p| p.exact()).map(at).collect();
    let index: BTreeMap<&Pattern, usize> = wild.iter().enumerate().map(|(n, p)| (p, n)).collect();
    for matched in combinations(&wild)? {
        let hit = |p: &Pattern| index.get(p).is_some_and(|n| matched & (1 << n) != 0);
        out.insert(answer(&hit));
    }
    Some(out)
}

/// Ordered values: the named ones and the gaps between them. `adjacent` says that nothing lies between two.
fn ordered<T: Ord + Copy>(
    tests: &[&Test],
    parse: fn(&str) -> Option<T>,
    adjacent: impl Fn(T, T) -> bool,
) -> BTreeSet<u64> {
    let named: BTreeSet<T> =
        tests.iter().flat_map(|test| &test.values).filter_map(|value| parse(value)).collect();
    let named: Vec<T> = named.into_iter().collect();
    // Named value n is at 2n + 1, the gap before it at 2n.
    let place = |value: T| named.binary_search(&value).map_or(0, |n| 2 * n + 1);
    let empty = |at: usize| {
        let (before, after) = (named.get((at / 2).wrapping_sub(1)), named.get(at / 2));
        at.is_multiple_of(2) && before.zip(after).is_some_and(|(a, b)| adjacent(*a, *b))
    };
    let answer = |at: usize| {
        bits(tests, |test| {
            test.values.iter().filter_map(|value| parse(value)).any(|value| {
                let is = place(value);
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
    (0..=2 * named.len()).filter(|at| !empty(*at)).map(answer).collect()
}

/// Addresses: at each edge of a block the answers may change, and nowhere else.
fn nets(tests: &[&Test]) -> BTreeSet<u64> {
    let blocks: BTreeSet<(bool, u128, u128)> =
        tests.iter().flat_map(|test| &test.values).filter_map(|value| addresses(value)).collect();
    let mut edges = BTreeSet::from([(false, 0), (true, 0)]);
    for (six, first, last) in blocks {
        let end = if six { u128::MAX } else { u32::MAX.into() };
        edges.insert((six, first));
        edges.extend((last < end).then(|| (six, last + 1)));
    }
    let answer = |(six, at): (bool, u128)| {
        bits(tests, |test| {
            let mut blocks = test.values.iter().filter_map(|value| addresses(value));
            blocks.any(|(of, first, last)| of == six && (first..=last).contains(&at))
        })
    };
    edges.into_iter().map(answer).collect()
}
