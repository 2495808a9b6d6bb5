//! Conditions as literals: what is true or false of a request.
//!
//! A condition whose answer cannot be computed from the value of its key is a [`Literal::Doubt`]: either true or false,
//! known only by its text. The same doubt in two policies is the same; whatever else depends on one is only possible.

use ipnet::IpNet;

use super::super::eval::compare::{dates, network};
use super::super::keys::is_multi;
use super::super::meaning::{Operator, Quantifier, Test};
use super::glob::Pattern;

/// One thing that is true or false of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Literal {
    /// The value of a condition key decides.
    Test(Test),
    /// It is not known what decides; the text says what the question is.
    Doubt(String),
}

/// What kind of values an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Only whether there is a value.
    Presence,
    /// Texts, ARNs and truth values.
    Text,
    /// Decimal numbers.
    Number,
    /// Points in time.
    Date,
    /// Addresses of the Internet Protocol.
    Address,
}

/// The literal of a test; `variables` says whether `${…}` is a policy variable.
pub(super) fn literal(test: &Test, variables: bool) -> Literal {
    let mut test = test.clone();
    // KMS Developer Guide, condition keys: the old names of the two keys are still honoured.
    test.key = match test.key.as_str() {
        "kms:customermasterkeyspec" => "kms:keyspec".to_owned(),
        "kms:customermasterkeyusage" => "kms:keyusage".to_owned(),
        _ => test.key,
    };
    if decidable(&test, variables) {
        // `StringNotEqualsIfExists` is `StringNotEquals`: without the key both pass.
        test.if_exists &= !(test.negated && test.quantifier == Quantifier::One);
        return Literal::Test(test);
    }
    Literal::Doubt(super::words::verbatim(&test))
}

fn decidable(test: &Test, variables: bool) -> bool {
    if test.values.is_empty() || (variables && test.values.iter().any(|v| v.contains("${"))) {
        return false;
    }
    let truth = |value: &String| matches!(value.to_ascii_lowercase().as_str(), "true" | "false");
    match &test.operator {
        Operator::BinaryEquals | Operator::Unknown(_) => false,
        Operator::Null => {
            !test.if_exists && test.quantifier == Quantifier::One && test.values.iter().all(truth)
        }
        // AWS's answer is not documented (IAM User Guide, multivalued context keys; policy-semantics B9).
        _ if test.quantifier == Quantifier::One && is_multi(&test.key) => false,
        Operator::Bool => test.values.iter().all(truth),
        Operator::StringEquals | Operator::StringEqualsIgnoreCase | Operator::StringLike => true,
        Operator::ArnLike => test.values.iter().all(|value| Pattern::arn(value).is_some()),
        Operator::IpAddress => test.values.iter().all(|value| addresses(value).is_some()),
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => {
            test.values.iter().all(|value| number(value).is_some())
        }
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals => test.values.iter().all(|value| dates(value).is_some()),
    }
}

/// What kind of values the test compares.
pub(super) fn sort(test: &Test) -> Sort {
    match test.operator {
        Operator::StringEquals
        | Operator::StringEqualsIgnoreCase
        | Operator::StringLike
        | Operator::ArnLike
        | Operator::Bool
        | Operator::BinaryEquals
        | Operator::Unknown(_) => Sort::Text,
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => Sort::Number,
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals => Sort::Date,
        Operator::IpAddress => Sort::Address,
        Operator::Null => Sort::Presence,
    }
}

/// The patterns of a test of [`Sort::Text`].
pub(super) fn patterns(test: &Test) -> Vec<Pattern> {
    let each = test.values.iter();
    match test.operator {
        Operator::Null => Vec::new(),
        Operator::StringLike => each.map(|value| Pattern::like(value)).collect(),
        Operator::ArnLike => each.filter_map(|value| Pattern::arn(value)).collect(),
        Operator::StringEqualsIgnoreCase => {
            each.map(|value| Pattern::AnyCase(value.to_lowercase())).collect()
        }
        Operator::Bool => each.map(|value| Pattern::Exact(value.to_ascii_lowercase())).collect(),
        Operator::StringEquals
        | Operator::BinaryEquals
        | Operator::Unknown(_)
        | Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals
        | Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals
        | Operator::IpAddress => each.map(|value| Pattern::Exact(value.clone())).collect(),
    }
}

/// Whether a request without the key passes (IAM User Guide, condition operators: `…IfExists`, `Null`, negated
/// operators; and multivalued context keys).
pub(super) fn when_absent(test: &Test) -> bool {
    match (&test.operator, test.quantifier) {
        (Operator::Null, _) => null(test, "true"),
        (_, Quantifier::One) => test.negated || test.if_exists,
        (_, Quantifier::All) => true,
        (_, Quantifier::Any) => test.if_exists,
    }
}

/// Whether a `Null` test has that value.
pub(super) fn null(test: &Test, word: &str) -> bool {
    test.values.iter().any(|value| value.eq_ignore_ascii_case(word))
}

/// Whether a request whose key has this one value passes; `None` where the values are no texts.
pub(super) fn with_value(test: &Test, value: &str) -> Option<bool> {
    match sort(test) {
        Sort::Presence => Some(null(test, "false")),
        Sort::Text => {
            Some(patterns(test).iter().any(|pattern| pattern.matches(value)) != test.negated)
        }
        Sort::Number | Sort::Date | Sort::Address => None,
    }
}

/// A decimal number, in billionths; never through a float.
pub(super) fn number(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let fine = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !fine(whole) || !fine(part) || whole.len() > 24 || part.len() > 9 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = format!("{part:0<9}").parse().ok()?;
    Some(sign * (whole * 1_000_000_000 + part))
}

/// The first and the last address of a CIDR block, and whether they are of version 6.
pub(super) fn addresses(text: &str) -> Option<(bool, u128, u128)> {
    Some(match network(text)? {
        IpNet::V4(net) => {
            (false, u32::from(net.network()).into(), u32::from(net.broadcast()).into())
        }
        IpNet::V6(net) => (true, net.network().into(), net.broadcast().into()),
    })
}
