//! Values that a condition key never has.

use super::super::keys::{Kind, Known, key};
use super::Finding;
use super::rules;
use super::written::{Clause, Statement, Word};
use crate::policy::arn::is_account;
use crate::policy::eval::compare::{is_number, network};
use crate::policy::limit::has_variable;
use crate::policy::meaning::{Operator, Quantifier};

pub(super) fn check(statement: &Statement<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for clause in &statement.clauses {
        let kind = match key(clause.key.text) {
            Known::Key(known) => known.kind,
            Known::Unknown(_) | Known::Foreign => Kind::Free,
        };
        let words = clause.values.iter().filter(|word| !has_variable(word.text));
        out.extend(words.filter_map(|word| value(clause, kind, *word)));
    }
    out
}

fn value(clause: &Clause<'_>, kind: Kind, word: Word<'_>) -> Option<Finding> {
    let message = |why: &str| format!("`{}` {why}", word.text);
    let impossible = |why: &str| Finding::new(&rules::IMPOSSIBLE_VALUE, word.span, message(why));
    let wild = word.text.contains(['*', '?']);
    match &clause.test.operator {
        Operator::Bool | Operator::Null => {
            let fine = ["true", "false"].iter().any(|is| word.text.eq_ignore_ascii_case(is));
            (!fine).then(|| impossible("is neither `true` nor `false`"))
        }
        Operator::IpAddress => {
            network(word.text).is_none().then(|| impossible("is no range of addresses"))
        }
        Operator::NumericEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => {
            (!is_number(word.text)).then(|| impossible("is no number"))
        }
        Operator::StringEquals | Operator::StringEqualsIgnoreCase => {
            if wild && !matches!(kind, Kind::Free) {
                let message = message("is compared as it is: `*` and `?` are no wildcards here");
                let finding = Finding::new(&rules::WILDCARD_EQUALS, word.span, message);
                return Some(finding.help(format!("write `{}`, or the value", like(clause))));
            }
            form(kind, word.text).map(impossible)
        }
        Operator::ArnLike => {
            let kind = if matches!(kind, Kind::Free | Kind::Word) { Kind::Arn } else { kind };
            form(kind, word.text).map(impossible)
        }
        Operator::StringLike => form(kind, word.text).map(impossible),
        Operator::DateEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals
        | Operator::BinaryEquals
        | Operator::Unknown(_) => None,
    }
}

/// The operator that knows wildcards.
fn like(clause: &Clause<'_>) -> String {
    let test = &clause.test;
    let set = match test.quantifier {
        Quantifier::One => "",
        Quantifier::All => "ForAllValues:",
        Quantifier::Any => "ForAnyValue:",
    };
    let not = if test.negated { "Not" } else { "" };
    let if_exists = if test.if_exists { "IfExists" } else { "" };
    format!("{set}String{not}Like{if_exists}")
}

/// Why no value of the kind is matched by the text, which may have wildcards.
fn form(kind: Kind, text: &str) -> Option<&'static str> {
    let wild = text.contains(['*', '?']);
    match kind {
        Kind::Account => {
            let fine = match wild {
                true => text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'?')),
                false => is_account(text),
            };
            (!fine).then_some("is no account id: one has 12 digits")
        }
        Kind::Organization => {
            let fine = text.starts_with("o-") || text.starts_with(['*', '?']);
            (!fine).then_some("is no id of an organization: one begins with `o-`")
        }
        Kind::Arn => arn(text),
        Kind::ViaService => {
            let labels = text.split('.').count();
            let fine = wild || (text.contains(".amazonaws.com") && labels >= 4);
            (!fine).then_some("has no Region: the key is like `s3.us-east-1.amazonaws.com`")
        }
        Kind::Bool => {
            let fine = ["true", "false"].iter().any(|is| text.eq_ignore_ascii_case(is));
            (!fine && !wild).then_some("is neither `true` nor `false`")
        }
        Kind::Free | Kind::Number | Kind::Word => None,
    }
}

/// An ARN has six fields, and its account is empty or 12 digits.
fn arn(text: &str) -> Option<&'static str> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let wild = text.contains(['*', '?']);
    let ["arn", _, _, _, account, _] = fields.as_slice() else {
        let fine = wild && text.starts_with(['*', '?', 'a']);
        return (!fine)
            .then_some("is no ARN: one is `arn:partition:service:region:account:resource`");
    };
    let fine = account.is_empty()
        || account.contains(['*', '?'])
        || is_account(account)
        || *account == "aws";
    (!fine).then_some("is no ARN: its account does not have 12 digits")
}
