//! Whom a statement lets in that it does not name: everyone, or a service for anybody's resources.

use super::Finding;
use super::rules;
use super::written::{Named, Policy, Statement};
use crate::policy::meaning::{Name, Quantifier};

pub(super) fn check(statement: &Statement<'_>, policy: &Policy<'_>) -> Vec<Finding> {
    if statement.actions.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for named in statement.allowed() {
        match &named.name {
            Name::Everyone | Name::AnyIdentity => {
                if !statement.clauses.iter().any(|clause| clause.test.limits_who())
                    && !guarded(statement, policy)
                {
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
    let clause = statement.clauses.iter().find(|clause| clause.test.says_who()).unwrap_or(clause);
    let message = format!(
        "anyone in any account gets access: `{}` on `{}` does not limit who",
        clause.operator.text, clause.key.text
    );
    Finding::new(&rules::PUBLIC, named.word.span, message)
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
            && clause.test.is_fixed()
    };
    policy.statements.iter().any(|deny| guards(&deny))
}

/// A service that acts for anybody (IAM User Guide, the confused deputy problem).
fn deputy(named: &Named<'_>, statement: &Statement<'_>) -> Option<Finding> {
    if statement.clauses.iter().any(|clause| clause.test.limits_source()) {
        return None;
    }
    let message = format!("`{}` may use the key for anybody's resources", named.word.text);
    Some(Finding::new(&rules::CONFUSED_DEPUTY, named.word.span, message))
}
