//! Conditions in words: `kms:ViaService = s3.eu-west-1.amazonaws.com`.

use super::super::keys::spelled_key;
use super::super::meaning::{Operator, Quantifier, Test};
use super::literal::{Literal, null};

/// A literal that is true, or that is false.
pub(super) fn literal(literal: &Literal, is: bool) -> String {
    match literal {
        Literal::Test(of) => test(of, is),
        Literal::Doubt(text) if is => text.clone(),
        Literal::Doubt(text) => format!("not ({text})"),
    }
}

/// A test that passes, or that does not.
pub(super) fn test(test: &Test, is: bool) -> String {
    let key = spelled_key(&test.key);
    let values: Vec<&str> = test.values.iter().map(String::as_str).collect();
    let values = values.join(" | ");
    if test.operator == Operator::Null {
        return match (null(test, "true"), null(test, "false")) {
            (true, false) if is => format!("{key} is absent"),
            (false, true) if !is => format!("{key} is absent"),
            (true, false) | (false, true) => format!("{key} is present"),
            _ => format!("{}Null {key} = {values}", if is { "" } else { "not " }),
        };
    }
    let compared = |negated: bool| match (operator(&test.operator, &values), negated) {
        (Some(("=", tail)), true) => format!("{key} != {values}{tail}"),
        (Some((word, tail)), true) => format!("{key} not {word} {values}{tail}"),
        (Some((word, tail)), false) => format!("{key} {word} {values}{tail}"),
        (None, true) => format!("not ({} {key} = {values})", raw(&test.operator)),
        (None, false) => format!("{} {key} = {values}", raw(&test.operator)),
    };
    let tail = if test.if_exists { ", if present" } else { "" };
    match test.quantifier {
        // What is not equal may be absent: AWS's negated operators pass without the key.
        Quantifier::One if is || !test.if_exists => {
            format!("{}{tail}", compared(test.negated == is))
        }
        Quantifier::One => format!("{key} is present and {}", compared(!test.negated)),
        Quantifier::All | Quantifier::Any => {
            let all = test.quantifier == Quantifier::All;
            let word = if all { "every value of " } else { "a value of " };
            let text = format!("{word}{}{tail}", compared(test.negated));
            if is { text } else { format!("not ({text})") }
        }
    }
}

/// A test as it stands, to the letter: what is written differently is different.
pub(super) fn verbatim(test: &Test) -> String {
    let quantifier = match test.quantifier {
        Quantifier::One => "",
        Quantifier::All => "ForAllValues:",
        Quantifier::Any => "ForAnyValue:",
    };
    let not = if test.negated { "not " } else { "" };
    let tail = if test.if_exists { "IfExists" } else { "" };
    let values: Vec<&str> = test.values.iter().map(String::as_str).collect();
    let (operator, key) = (raw(&test.operator), spelled_key(&test.key));
    format!("{not}{quantifier}{operator}{tail} {key} = {}", values.join(" | "))
}

/// The word between key and values, and what follows.
fn operator(operator: &Operator, values: &str) -> Option<(&'static str, &'static str)> {
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

fn raw(operator: &Operator) -> String {
    if let Operator::Unknown(word) = operator { word.clone() } else { format!("{operator:?}") }
}
