//! Literals: conditions that are true or false for a request.
//!
//! A condition whose answer cannot be computed from the value of its key is a [`Literal::Doubt`], which is only known
//! by its text. The same doubt in two policies has the same answer; a change that depends on a doubt is only possible.

use ipnet::IpNet;

use super::condition_text::{self, verbatim};
use super::value_pattern::Pattern;
use crate::policy::condition_keys::is_multi;
use crate::policy::eval::operators::{network, parse_date};
use crate::policy::typed::{Operator, Quantifier, Test};

/// A condition that is true or false for a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Literal {
    /// A test of the value of a condition key.
    Test(Test),
    /// An assumption, stated by its text, whose truth is unknown.
    Doubt(String),
}

impl Literal {
    /// Returns the literal in words, as true or as false.
    pub(super) fn text(&self, is_true: bool) -> String {
        match self {
            Self::Test(test) => condition_text::test(test, is_true),
            Self::Doubt(text) if is_true => text.clone(),
            Self::Doubt(text) => format!("not ({text})"),
        }
    }
}

/// The type of the values that an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueType {
    /// Whether there is a value.
    Presence,
    /// Strings, ARNs and booleans.
    Text,
    /// Decimal numbers.
    Number,
    /// Dates.
    Date,
    /// IP addresses.
    Address,
}

/// Returns the literal of a test; `variables` says whether `${…}` is a policy variable.
pub(super) fn literal(test: &Test, variables: bool) -> Literal {
    let mut test = test.clone();
    // KMS still supports the old names of these keys (KMS Developer Guide, "Condition keys for AWS KMS").
    test.key = match test.key.as_str() {
        "kms:customermasterkeyspec" => "kms:keyspec".to_owned(),
        "kms:customermasterkeyusage" => "kms:keyusage".to_owned(),
        _ => test.key,
    };
    if is_decidable(&test, variables) {
        // A request without the key meets `StringNotEqualsIfExists` and `StringNotEquals` alike.
        test.if_exists &= !(test.negated && test.quantifier == Quantifier::One);
        return Literal::Test(test);
    }
    Literal::Doubt(verbatim(&test))
}

/// Returns whether the value of the key decides the test.
fn is_decidable(test: &Test, variables: bool) -> bool {
    if test.values.is_empty() || (variables && test.values.iter().any(|v| v.contains("${"))) {
        return false;
    }
    let is_bool = |value: &String| matches!(value.to_ascii_lowercase().as_str(), "true" | "false");
    match &test.operator {
        Operator::BinaryEquals | Operator::Unknown(_) => false,
        Operator::Null => {
            !test.if_exists && test.quantifier == Quantifier::One && test.values.iter().all(is_bool)
        }
        // IAM does not document how a multivalued key compares without a set operator (IAM User Guide, "Single-valued
        // vs. multivalued context keys").
        _ if test.quantifier == Quantifier::One && is_multi(&test.key) => false,
        Operator::Bool => test.values.iter().all(is_bool),
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
        | Operator::DateGreaterThanEquals => {
            test.values.iter().all(|value| parse_date(value).is_some())
        }
    }
}

/// Returns the type of the values that the test compares.
pub(super) fn value_type(test: &Test) -> ValueType {
    match test.operator {
        Operator::StringEquals
        | Operator::StringEqualsIgnoreCase
        | Operator::StringLike
        | Operator::ArnLike
        | Operator::Bool
        | Operator::BinaryEquals
        | Operator::Unknown(_) => ValueType::Text,
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => ValueType::Number,
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals => ValueType::Date,
        Operator::IpAddress => ValueType::Address,
        Operator::Null => ValueType::Presence,
    }
}

/// Returns the patterns of a test of [`ValueType::Text`].
pub(super) fn patterns(test: &Test) -> Vec<Pattern> {
    let values = test.values.iter();
    match test.operator {
        Operator::Null => Vec::new(),
        Operator::StringLike => values.map(|value| Pattern::like(value)).collect(),
        Operator::ArnLike => values.filter_map(|value| Pattern::arn(value)).collect(),
        Operator::StringEqualsIgnoreCase => {
            values.map(|value| Pattern::AnyCase(value.to_lowercase())).collect()
        }
        Operator::Bool => values.map(|value| Pattern::Exact(value.to_ascii_lowercase())).collect(),
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
        | Operator::IpAddress => values.map(|value| Pattern::Exact(value.clone())).collect(),
    }
}

/// Returns whether a request without the key passes the test (IAM User Guide, "IAM JSON policy elements: Condition
/// operators" and "Set operators for multivalued context keys").
pub(super) fn when_absent(test: &Test) -> bool {
    match (&test.operator, test.quantifier) {
        (Operator::Null, _) => test.has_value("true"),
        (_, Quantifier::One) => test.negated || test.if_exists,
        (_, Quantifier::All) => true,
        (_, Quantifier::Any) => test.if_exists,
    }
}

/// Returns whether a request whose key has only this value passes the test, or `None` if the test does not compare
/// texts.
pub(super) fn with_value(test: &Test, value: &str) -> Option<bool> {
    match value_type(test) {
        ValueType::Presence => Some(test.has_value("false")),
        ValueType::Text => {
            Some(patterns(test).iter().any(|pattern| pattern.matches(value)) != test.negated)
        }
        ValueType::Number | ValueType::Date | ValueType::Address => None,
    }
}

/// Parses a decimal number into billionths. It does not use floats, which would round.
pub(super) fn number(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || whole.len() > 24 || part.len() > 9 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = format!("{part:0<9}").parse().ok()?;
    Some(sign * (whole * 1_000_000_000 + part))
}

/// Parses a CIDR block. Returns whether it is of IP version 6, and its first and last address.
pub(super) fn addresses(text: &str) -> Option<(bool, u128, u128)> {
    Some(match network(text)? {
        IpNet::V4(net) => {
            (false, u32::from(net.network()).into(), u32::from(net.broadcast()).into())
        }
        IpNet::V6(net) => (true, net.network().into(), net.broadcast().into()),
    })
}
