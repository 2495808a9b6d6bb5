//! Whom a statement lets in that it does not name: everyone, or a service for anybody's resources.
//!
//! A condition limits who only if a stranger cannot meet it: a positive comparison that needs its key, with fixed values, of
//! a key that says who calls or from where (policy-semantics B6; Security Hub KMS.5: wildcards and variables are not
//! fixed). `kms:ViaService`, encryption contexts, user agents, dates and MFA are met by strangers in their own accounts.

use super::Finding;
use super::document::has_variable;
use super::rules;
use super::written::{Clause, Named, Policy, Statement};
use crate::policy::arn::is_account;
use crate::policy::meaning::{Name, Operator, Quantifier, Test};

pub(super) fn check(statement: &Statement<'_>, policy: &Policy<'_>) -> Vec<Finding> {
    if statement.actions.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for named in statement.allowed() {
        match &named.name {
            Name::Everyone | Name::AnyIdentity => {
                if !statement.clauses.iter().any(limits) && !guarded(statement, policy) {
                    out.push(public(named, statement));
                }
            }
            Name::Service(_) => out.extend(deputy(named, statement)),
            Name::Account(_)
            | Name::Identity(_)
            | Name::UniqueId(_)
            | Name::Provider(_)
            | Name::Other(_) => {}
        }
    }
    out
}

fn public(named: &Named<'_>, statement: &Statement<'_>) -> Finding {
    let Some(clause) = statement.clauses.first() else {
        let message = "anyone in any account gets access, without a condition";
        return Finding::new(&rules::PUBLIC, named.word.span, message);
    };
    let clause =
        statement.clauses.iter().find(|clause| says_who(&clause.test.key)).unwrap_or(clause);
    let message = format!(
        "anyone in any account gets access: `{}` on `{}` does not limit who",
        clause.operator.text, clause.key.text
    );
    Finding::new(&rules::PUBLIC, named.word.span, message)
}

/// Keys that say who calls, or from where.
fn says_who(key: &str) -> bool {
    matches!(
        key,
        "kms:calleraccount"
            | "aws:principalaccount"
            | "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:principalarn"
            | "aws:userid"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:sourceip"
            | "aws:sourcearn"
            | "aws:sourceaccount"
            | "aws:sourceorgid"
            | "aws:sourceorgpaths"
    )
}

/// Whether a stranger cannot meet the condition.
fn limits(clause: &Clause<'_>) -> bool {
    clause.needs_key() && is_fixed(&clause.test)
}

/// Whether the key says who, and its values are fixed.
fn is_fixed(test: &Test) -> bool {
    let comparison = matches!(
        test.operator,
        Operator::StringEquals
            | Operator::StringEqualsIgnoreCase
            | Operator::StringLike
            | Operator::ArnLike
            | Operator::IpAddress
    );
    comparison && !test.values.is_empty() && test.values.iter().all(|v| fixed(&test.key, v))
}

fn fixed(key: &str, value: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
    if has_variable(value) {
        return false;
    }
    match key {
        "kms:calleraccount" | "aws:principalaccount" | "aws:sourceaccount" => is_account(value),
        "aws:principalorgid" | "aws:sourceorgid" | "aws:sourcevpc" | "aws:sourcevpce" => {
            plain(value)
        }
        "aws:principalorgpaths" | "aws:sourceorgpaths" => {
            value.split('/').next().is_some_and(plain) && value.contains('/')
        }
        "aws:principalarn" => {
            let fields: Vec<&str> = value.splitn(6, ':').collect();
            matches!(fields.as_slice(), ["arn", partition, service, _, account, _]
                if plain(partition) && plain(service) && is_account(account))
        }
        "aws:sourcearn" => {
            let fields: Vec<&str> = value.splitn(6, ':').collect();
            matches!(fields.as_slice(), ["arn", partition, service, _, account, resource]
                if plain(partition) && plain(service)
                    && (is_account(account) || (account.is_empty() && plain(resource))))
        }
        "aws:userid" => value.split(':').next().is_some_and(plain),
        "aws:sourceip" => !value.ends_with("/0"),
        _ => false,
    }
}

/// Whether a `Deny` of everyone but those who meet a limiting condition stands beside the statement, for all its actions.
fn guarded(statement: &Statement<'_>, policy: &Policy<'_>) -> bool {
    let everyone = |named: &Named<'_>| matches!(named.name, Name::Everyone | Name::AnyIdentity);
    let guards = |deny: &&Statement<'_>| {
        let [clause] = deny.clauses.as_slice() else {
            return false;
        };
        deny.denies()
            && !deny.excepts()
            && deny.names.iter().any(everyone)
            && deny
                .on
                .as_ref()
                .is_some_and(|on| !on.except && on.words.iter().any(|w| w.text == "*"))
            && deny.actions.covers(statement.actions)
            && clause.test.negated
            && clause.test.quantifier == Quantifier::One
            && is_fixed(&clause.test)
    };
    policy.statements.iter().any(|deny| guards(&deny))
}

/// A service that acts for anybody (IAM User Guide, the confused deputy problem). An encryption context that the service
/// itself sets to the resource's ARN limits it too: CloudTrail's and CloudWatch Logs' own policies do it so.
fn deputy(named: &Named<'_>, statement: &Statement<'_>) -> Option<Finding> {
    let bound = |clause: &Clause<'_>| {
        let key = clause.test.key.as_str();
        let context = key.starts_with("kms:encryptioncontext:aws:") && key.ends_with(":arn");
        clause.needs_key()
            && match context {
                true => clause.test.values.iter().all(|value| fixed("aws:sourcearn", value)),
                false => key.starts_with("aws:source") && is_fixed(&clause.test),
            }
            && !clause.test.values.is_empty()
    };
    if statement.clauses.iter().any(bound) {
        return None;
    }
    let message = format!("`{}` may use the key for anybody's resources", named.word.text);
    Some(Finding::new(&rules::CONFUSED_DEPUTY, named.word.span, message))
}
