//! Conditions in words, such as `kms:ViaService = s3.eu-west-1.amazonaws.com`.

use crate::policy::condition_keys::spelled_key;
use crate::policy::pattern::with_variables;
use crate::policy::typed::{Operator, Quantifier, Test};

/// Returns a test in words, as passed or as failed.
pub(in crate::policy) fn test(test: &Test, passes: bool) -> String {
    let key = spelled_key(&test.key);
    let values: Vec<String> = test.values.iter().map(|value| with_variables(value)).collect();
    let values = values.join(" | ");
    if test.operator == Operator::Null {
        return match (test.has_value("true"), test.has_value("false")) {
            (true, false) if passes => format!("{key} is absent"),
            (false, true) if !passes => format!("{key} is absent"),
            (true, false) | (false, true) => format!("{key} is present"),
            _ => format!("{}Null {key} = {values}", if passes { "" } else { "not " }),
        };
    }
    let compared = |negated: bool| match (operator_words(&test.operator, &values), negated) {
        (Some(("=", tail)), true) => format!("{key} != {values}{tail}"),
        (Some((word, tail)), true) => format!("{key} not {word} {values}{tail}"),
        (Some((word, tail)), false) => format!("{key} {word} {values}{tail}"),
        (None, true) => format!("not ({} {key} = {values})", operator_name(&test.operator)),
        (None, false) => format!("{} {key} = {values}", operator_name(&test.operator)),
    };
    let tail = if test.if_exists { ", if present" } else { "" };
    match test.quantifier {
        // A negated operator is met without the key too, so the negation of a test without `IfExists` is the negated
        // operator.
        Quantifier::One if passes || !test.if_exists => {
            format!("{}{tail}", compared(test.negated == passes))
        }
        Quantifier::One => format!("{key} is present and {}", compared(!test.negated)),
        Quantifier::All | Quantifier::Any => {
            let all = test.quantifier == Quantifier::All;
            let word = if all { "every value of " } else { "a value of " };
            let text = format!("{word}{}{tail}", compared(test.negated));
            if passes { text } else { format!("not ({text})") }
        }
    }
}

/// Returns a test with its operator and values as written. Tests that are written differently have different texts.
pub(super) fn verbatim(test: &Test) -> String {
    let quantifier = match test.quantifier {
        Quantifier::One => "",
        Quantifier::All => "ForAllValues:",
        Quantifier::Any => "ForAnyValue:",
    };
    let not = if test.negated { "not " } else { "" };
    let tail = if test.if_exists { "IfExists" } else { "" };
    let values: Vec<String> = test.values.iter().map(|value| with_variables(value)).collect();
    let (operator, key) = (operator_name(&test.operator), spelled_key(&test.key));
    format!("{not}{quantifier}{operator}{tail} {key} = {}", values.join(" | "))
}

/// Returns the word between the key and the values, and the text after the values.
fn operator_words(operator: &Operator, values: &str) -> Option<(&'static str, &'static str)> {
    Some(match operator {
        Operator::StringEquals
        | Operator::NumericEquals
        | Operator::DateEquals
        | Operator::Bool => ("=", ""),
        Operator::StringEqualsIgnoreCase => ("=", " in any case"),
        Operator::StringLike | Operator::ArnLike if !values.contains(['*', '?']) => ("=", ""),
        Operator::StringLike | Operator::ArnLike => ("like", ""),
        Operator::NumericLessThan | Operator::DateLessThan => ("<", ""),
        Operator::NumericLessThanEquals | Operator::DateLessThanEquals => ("<=", ""),
        Operator::NumericGreaterThan | Operator::DateGreaterThan => (">", ""),
        Operator::NumericGreaterThanEquals | Operator::DateGreaterThanEquals => (">=", ""),
        Operator::IpAddress => ("in", ""),
        Operator::BinaryEquals | Operator::Unknown(_) | Operator::Null => return None,
    })
}

/// Returns the name of an operator.
fn operator_name(operator: &Operator) -> String {
    if let Operator::Unknown(word) = operator { word.clone() } else { format!("{operator:?}") }
}
