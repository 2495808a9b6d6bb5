//! Literals: conditions that are true or false for a request.
//!
//! A condition whose answer cannot be computed from the value of its key is a [`Literal::Doubt`], which is only known
//! by its text. The same doubt in two policies has the same answer; a change that depends on a doubt is only possible.

use ipnet::IpNet;

use super::condition_text;
use super::doubt::Doubt;
use crate::policy::condition_keys::is_multi;
use crate::policy::eval::operators::{network, parse_date};
use crate::policy::typed::{Operator, Quantifier, Test};
use crate::policy::value_pattern::Pattern;

/// A condition that is true or false for a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Literal {
    /// A test of the value of a condition key.
    Test(Test),
    /// An assumption whose truth is unknown.
    Doubt(Doubt),
}

impl Literal {
    /// Returns the literal in words, as true or as false.
    pub(super) fn text(&self, is_true: bool) -> String {
        match self {
            Self::Test(test) => condition_text::test(test, is_true),
            Self::Doubt(Doubt::Principal { text, negated }) => {
                Doubt::Principal { text: text.clone(), negated: *negated == is_true }.text()
            }
            Self::Doubt(doubt) if is_true => doubt.text(),
            Self::Doubt(doubt) => format!("not ({})", doubt.text()),
        }
    }

    /// Returns the test whose key decides the literal if a request does not have the key.
    pub(super) fn absence_decides(&self) -> Option<&Test> {
        match self {
            Self::Test(test) => Some(test),
            Self::Doubt(doubt) => doubt.absence_decides(),
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

/// Returns a test with one name for a condition key that has two, and without `IfExists` where it has no effect.
pub(super) fn normal(test: &Test) -> Test {
    let mut test = test.clone();
    // KMS still supports the old names of these keys (KMS Developer Guide, "Condition keys for AWS KMS").
    test.key = match test.key.as_str() {
        "kms:customermasterkeyspec" => "kms:keyspec".to_owned(),
        "kms:customermasterkeyusage" => "kms:keyusage".to_owned(),
        _ => test.key,
    };
    // A request without the key meets `StringNotEqualsIfExists` and `StringNotEquals` alike.
    let is_plain = !matches!(test.operator, Operator::Null | Operator::Unknown(_));
    test.if_exists &= !(is_plain && test.negated && test.quantifier == Quantifier::One);
    test
}

/// Returns the literal of a normal test without policy variables.
pub(super) fn literal(test: &Test) -> Literal {
    if is_decidable(test) {
        return Literal::Test(test.clone());
    }
    doubt(test, false)
}

/// Returns the doubt about a normal test.
pub(super) fn doubt(test: &Test, variables: bool) -> Literal {
    // Nothing is documented about what an unknown operator, a suffix that an operator does not have, or a list without
    // values does with a request that does not have the key.
    let is_odd_null =
        test.operator == Operator::Null && (test.if_exists || test.quantifier != Quantifier::One);
    let is_odd =
        is_odd_null || test.values.is_empty() || matches!(test.operator, Operator::Unknown(_));
    let null_values = test.operator == Operator::Null;
    Literal::Doubt(Doubt::Test {
        test: test.clone(),
        variables: variables && has_variable(test),
        may_be_absent: !is_odd && !null_values,
    })
}

/// Returns whether a value of the test contains a policy variable.
pub(super) fn has_variable(test: &Test) -> bool {
    test.values.iter().any(|value| value.contains("${"))
}

/// Returns whether the operator compares texts in which policy variables are replaced.
pub(super) fn is_text(test: &Test) -> bool {
    matches!(
        test.operator,
        Operator::StringEquals
            | Operator::StringEqualsIgnoreCase
            | Operator::StringLike
            | Operator::ArnLike
    )
}

/// Returns whether the value of the key decides the test.
fn is_decidable(test: &Test) -> bool {
    !test.values.is_empty()
        && has_comparable_values(test)
        && test.values.iter().all(|value| is_of_type(test, value))
}

/// Returns whether every value that is of the operator's type can be compared with the value of the key.
pub(super) fn has_comparable_values(test: &Test) -> bool {
    if matches!(test.operator, Operator::BinaryEquals | Operator::Unknown(_)) {
        return false;
    }
    if test.operator == Operator::Null {
        return !test.if_exists && test.quantifier == Quantifier::One;
    }
    // IAM does not document how a multivalued key compares without a set operator (IAM User Guide, "Single-valued vs.
    // multivalued context keys").
    test.quantifier != Quantifier::One || !is_multi(&test.key)
}

/// Returns whether a value is of the operator's type.
pub(super) fn is_of_type(test: &Test, value: &str) -> bool {
    match &test.operator {
        Operator::BinaryEquals | Operator::Unknown(_) => false,
        Operator::Null | Operator::Bool => {
            matches!(value.to_ascii_lowercase().as_str(), "true" | "false")
        }
        Operator::StringEquals | Operator::StringEqualsIgnoreCase | Operator::StringLike => true,
        Operator::ArnLike => Pattern::arn(value).is_some(),
        Operator::IpAddress => addresses(value).is_some(),
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => number(value).is_some(),
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals => parse_date(value).is_some(),
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
        Operator::StringEqualsIgnoreCase => values.map(|value| Pattern::any_case(value)).collect(),
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

/// The number 1 in the unit of [`number()`].
pub(super) const UNIT: i128 = 1_000_000_000;

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
    Some(sign * (whole * UNIT + part))
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
