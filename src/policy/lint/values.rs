//! Rules about values that a condition key never has.

use super::Finding;
use super::reserved;
use super::rules;
use super::written::{Word, WrittenCondition, WrittenStatement};
use crate::policy::arn::{has_region, is_account};
use crate::policy::condition_keys::{ConditionKey, KeyLookup, ValueKind, look_up};
use crate::policy::eval::operators::{is_number, network};
use crate::policy::limiting_conditions::has_variable;
use crate::policy::typed::{Operator, Quantifier};

pub(super) fn check(statement: &WrittenStatement<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for condition in &statement.conditions {
        let words = condition.values.iter();
        out.extend(words.filter_map(|word| checked(condition, *word)));
        out.extend(number(condition));
    }
    out
}

/// Returns whether no request meets the condition, because the key never has one of the values.
pub(super) fn is_never_met(condition: &WrittenCondition<'_>) -> bool {
    let is_impossible = |word: &Word<'_>| {
        checked(condition, *word).is_some_and(|finding| *finding.rule != rules::PRIVATE_IP)
    };
    condition.test.requires_key()
        && !condition.values.is_empty()
        && condition.values.iter().all(is_impossible)
}

fn checked(condition: &WrittenCondition<'_>, word: Word<'_>) -> Option<Finding> {
    if has_variable(word.text) {
        return None;
    }
    let kind = match look_up(condition.key.text) {
        KeyLookup::Key(known) => known.kind,
        KeyLookup::Unknown(_) | KeyLookup::OtherService => ValueKind::Free,
    };
    value(condition, kind, word)
}

/// Reports account ids that are written as numbers.
fn number(condition: &WrittenCondition<'_>) -> Vec<Finding> {
    let KeyLookup::Key(ConditionKey { kind: ValueKind::Account, .. }) = look_up(condition.key.text)
    else {
        return Vec::new();
    };
    let numbers = condition.values.iter().filter(|word| word.is_number);
    numbers.map(|word| super::principals::account_as_number(*word)).collect()
}

fn value(condition: &WrittenCondition<'_>, kind: ValueKind, word: Word<'_>) -> Option<Finding> {
    let message = |why: &str| format!("`{}` {why}", word.text);
    let impossible = |why: &str| Finding::new(&rules::IMPOSSIBLE_VALUE, word.span, message(why));
    let is_wild = word.text.contains(['*', '?']);
    match &condition.test.operator {
        Operator::Bool | Operator::Null => {
            let is_valid = ["true", "false"].iter().any(|is| word.text.eq_ignore_ascii_case(is));
            (!is_valid).then(|| impossible("is neither `true` nor `false`"))
        }
        Operator::IpAddress => {
            if network(word.text).is_none() {
                return Some(impossible("is not a CIDR block"));
            }
            let is_public_key = condition.test.key == "aws:sourceip";
            (is_public_key && is_private(word.text)).then(|| {
                let message = message("is a private address, which `aws:SourceIp` never is");
                Finding::new(&rules::PRIVATE_IP, word.span, message)
            })
        }
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => {
            (!is_number(word.text)).then(|| impossible("is not a number"))
        }
        Operator::StringEquals | Operator::StringEqualsIgnoreCase => {
            if is_wild && !matches!(kind, ValueKind::Free) {
                let message = message("is compared literally: `*` and `?` are not wildcards here");
                let finding = Finding::new(&rules::WILDCARD_EQUALS, word.span, message);
                return Some(
                    finding.help(format!("write `{}`, or the value", like_operator(condition))),
                );
            }
            mismatch(kind, word.text).or_else(|| pathless(condition, word.text)).map(impossible)
        }
        Operator::ArnLike => {
            let kind = if matches!(kind, ValueKind::Free | ValueKind::Word) {
                ValueKind::Arn
            } else {
                kind
            };
            mismatch(kind, word.text).or_else(|| pathless(condition, word.text)).map(impossible)
        }
        Operator::StringLike => {
            mismatch(kind, word.text).or_else(|| pathless(condition, word.text)).map(impossible)
        }
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals
        | Operator::BinaryEquals
        | Operator::Unknown(_) => None,
    }
}

/// Returns the operator of the condition that supports wildcards.
fn like_operator(condition: &WrittenCondition<'_>) -> String {
    let test = &condition.test;
    let set = match test.quantifier {
        Quantifier::One => "",
        Quantifier::All => "ForAllValues:",
        Quantifier::Any => "ForAnyValue:",
    };
    let not = if test.negated { "Not" } else { "" };
    let if_exists = if test.if_exists { "IfExists" } else { "" };
    format!("{set}String{not}Like{if_exists}")
}

/// Returns why the text, which may have wildcards, matches no value of this kind.
fn mismatch(kind: ValueKind, text: &str) -> Option<&'static str> {
    let is_wild = text.contains(['*', '?']);
    match kind {
        ValueKind::Account => {
            let is_valid = if is_wild {
                text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'?'))
            } else {
                is_account(text)
            };
            (!is_valid).then_some("is not an account id, which has 12 digits")
        }
        ValueKind::Organization => {
            let is_valid = text.starts_with("o-") || text.starts_with(['*', '?']);
            (!is_valid).then_some("is not an organization id, which begins with `o-`")
        }
        ValueKind::Arn => arn_mismatch(text),
        ValueKind::ViaService => {
            let is_valid = has_region(text)
                || (is_wild && text.split('.').count() < 4)
                || WITHOUT_REGION.contains(&text);
            (!is_valid)
                .then_some("has no Region: the key has values such as `s3.us-east-1.amazonaws.com`")
        }
        ValueKind::Bool => {
            let is_valid = ["true", "false"].iter().any(|is| text.eq_ignore_ascii_case(is));
            (!is_valid && !is_wild).then_some("is neither `true` nor `false`")
        }
        ValueKind::Free | ValueKind::Number | ValueKind::Word => None,
    }
}

/// The values of `kms:ViaService` without a Region that AWS documents (Incident Manager User Guide, "Setting up your
/// replication set").
const WITHOUT_REGION: [&str; 2] = ["ssm-incidents.amazonaws.com", "ssm-contacts.amazonaws.com"];

/// Returns why the text matches no role: roles that AWS made are only in the paths of AWS.
fn pathless(condition: &WrittenCondition<'_>, text: &str) -> Option<&'static str> {
    let role = text.splitn(6, ':').nth(5).filter(|_| condition.test.key == "aws:principalarn")?;
    reserved::path_of(role).map(
        |_| "lacks the path of the role: such roles exist only under the path that AWS gave them",
    )
}

/// Returns why the text, which may have wildcards, matches no ARN: an ARN has six fields, and an account that is empty
/// or has 12 digits.
fn arn_mismatch(text: &str) -> Option<&'static str> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let is_wild = text.contains(['*', '?']);
    let ["arn", _, _, _, account, _] = fields.as_slice() else {
        let is_valid = is_wild && text.starts_with(['*', '?', 'a']);
        return (!is_valid)
            .then_some("is not an ARN, which is `arn:partition:service:region:account:resource`");
    };
    let is_valid = account.is_empty()
        || account.contains(['*', '?'])
        || is_account(account)
        || *account == "aws";
    (!is_valid).then_some("is not an ARN: its account does not have 12 digits")
}

/// Address blocks that no request over the internet comes from (RFC 1918, RFC 6598, RFC 1122, RFC 3927, RFC 4193).
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
];

/// Returns whether every address of a CIDR block is private.
fn is_private(cidr: &str) -> bool {
    let Some(block) = network(cidr) else { return false };
    PRIVATE.iter().filter_map(|private| network(private)).any(|private| private.contains(&block))
}
