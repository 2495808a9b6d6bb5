//! Whether the policy of a bucket lets an AWS service in: as much of IAM's language as such statements are written in.
//!
//! `decide` in `eval` is about keys: it knows which condition keys requests to KMS have. Here, what is not known counts as
//! fulfilled, so that "no" is certain.

use super::Document;
use super::meaning::{Name, On, Operator, Rule, Test, Verdict, Who};
use super::pattern::glob;

/// A request of a service.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The service's principal.
    pub service: &'a str,
    /// The action, such as `s3:PutObject`.
    pub action: &'a str,
    /// The ARN.
    pub resource: &'a str,
    /// The condition keys that it has, in lower case, with their values.
    pub context: &'a [(&'a str, &'a str)],
}

/// Whether the policy may let the service do it; false only where it surely does not.
#[must_use]
pub fn lets(policy: &Document, ask: &Ask<'_>) -> bool {
    let meaning = policy.meaning();
    let mut allowed = meaning.unclear;
    for rule in &meaning.rules {
        match (rule.verdict, applies(rule, ask)) {
            (Verdict::Allow, Some(true) | None) => allowed = true,
            (Verdict::Deny, Some(true)) => return false,
            (Verdict::Allow, Some(false)) | (Verdict::Deny, Some(false) | None) => {}
        }
    }
    allowed
}

/// Whether the statement is about the request; `None` where that is not known.
fn applies(rule: &Rule, ask: &Ask<'_>) -> Option<bool> {
    let Some(on) = &rule.on else {
        return Some(false);
    };
    let unclear = rule.unclear.then_some(None);
    let tests = rule.when.iter().map(|test| holds(test, ask));
    let parts = [who(&rule.who, ask), Some(rule.what.matches(ask.action)), covers(on, ask)];
    let all: Vec<Option<bool>> = parts.into_iter().chain(tests).chain(unclear).collect();
    if all.contains(&Some(false)) {
        Some(false)
    } else if all.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn who(who: &Who, ask: &Ask<'_>) -> Option<bool> {
    let named = |name: &Name| match name {
        Name::Everyone => Some(true),
        Name::Service(service) => Some(service == ask.service),
        // Whether a service is among them is not documented.
        Name::AnyIdentity => None,
        Name::Account(_)
        | Name::Identity(_)
        | Name::UniqueId(_)
        | Name::Provider(_)
        | Name::Other(_) => Some(false),
    };
    if who.except { None } else { any(who.names.iter().map(named)) }
}

fn covers(on: &On, ask: &Ask<'_>) -> Option<bool> {
    let like = |pattern: &String| literal(pattern).map(|pattern| glob(pattern, ask.resource));
    any(on.patterns.iter().map(like)).map(|named| named != on.except)
}

fn holds(test: &Test, ask: &Ask<'_>) -> Option<bool> {
    let (_, value) = ask.context.iter().find(|(key, _)| *key == test.key)?;
    let one = |due: &String| {
        let due = literal(due)?;
        Some(match test.operator {
            Operator::StringEquals => due == *value,
            Operator::StringEqualsIgnoreCase | Operator::Bool => due.eq_ignore_ascii_case(value),
            Operator::StringLike | Operator::ArnLike => glob(due, value),
            Operator::Null => due.eq_ignore_ascii_case("false"),
            Operator::NumericEquals
            | Operator::NumericLessThan
            | Operator::NumericLessThanEquals
            | Operator::NumericGreaterThan
            | Operator::NumericGreaterThanEquals
            | Operator::DateEquals
            | Operator::DateLessThan
            | Operator::DateLessThanEquals
            | Operator::DateGreaterThan
            | Operator::DateGreaterThanEquals
            | Operator::BinaryEquals
            | Operator::IpAddress
            | Operator::Unknown(_) => return None,
        })
    };
    any(test.values.iter().map(one)).map(|fits| fits != test.negated)
}

/// The text, unless it has policy variables, whose values are not known.
fn literal(text: &str) -> Option<&str> {
    (!text.contains("${")).then_some(text)
}

fn any(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut open = Some(false);
    for test in tests {
        match test {
            Some(true) => return Some(true),
            Some(false) => {}
            None => open = None,
        }
    }
    open
}
