//! Rules about public access, and about services that act for any resource.

use super::Finding;
use super::rules;
use super::written::{NamedPrincipal, WrittenPolicy, WrittenStatement};
use crate::policy::typed::{PrincipalName, Quantifier};

pub(super) fn check(statement: &WrittenStatement<'_>, policy: &WrittenPolicy<'_>) -> Vec<Finding> {
    if statement.known_actions.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for named in statement.allowed() {
        match &named.name {
            PrincipalName::Everyone | PrincipalName::AnyIdentity => {
                if !statement.conditions.iter().any(|condition| condition.test.limits_caller())
                    && !is_guarded(statement, policy)
                {
                    out.push(public(named, statement));
                }
            }
            PrincipalName::Service(_) => out.extend(confused_deputy(named, statement)),
            PrincipalName::Account(_)
            | PrincipalName::Identity(_)
            | PrincipalName::UniqueId(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => {}
        }
    }
    out
}

/// Reports access for everyone.
fn public(named: &NamedPrincipal<'_>, statement: &WrittenStatement<'_>) -> Finding {
    let Some(condition) = statement.conditions.first() else {
        let message = "anyone in any account has access, without a condition";
        return Finding::new(&rules::PUBLIC, named.word.span, message);
    };
    let condition = statement
        .conditions
        .iter()
        .find(|condition| condition.test.concerns_caller())
        .unwrap_or(condition);
    let message = format!(
        "anyone in any account has access: `{}` on `{}` does not limit the caller",
        condition.operator.text, condition.key.text
    );
    Finding::new(&rules::PUBLIC, named.word.span, message)
}

/// Returns whether another statement denies all actions of the statement to everyone who does not meet a limiting
/// condition.
fn is_guarded(statement: &WrittenStatement<'_>, policy: &WrittenPolicy<'_>) -> bool {
    policy.statements.iter().any(|deny| guards(deny, statement))
}

/// Returns whether the statement denies the actions of the other one to all principals without
/// a certain condition.
fn guards(deny: &WrittenStatement<'_>, statement: &WrittenStatement<'_>) -> bool {
    let [condition] = deny.conditions.as_slice() else {
        return false;
    };
    let mut principals = deny.principals.iter();
    let is_for_everyone = principals.any(|principal| {
        matches!(principal.name, PrincipalName::Everyone | PrincipalName::AnyIdentity)
    });
    let resources = deny.resources.as_ref();
    deny.denies()
        && !deny.excepts()
        && is_for_everyone
        && resources.is_some_and(|on| !on.except && on.words.iter().any(|w| w.text == "*"))
        && deny.known_actions.covers(statement.known_actions)
        && condition.test.negated
        && condition.test.quantifier == Quantifier::One
        && condition.test.has_fixed_values()
}

/// Reports a service that may use the key for any resource (IAM User Guide, "The confused deputy problem").
fn confused_deputy(
    named: &NamedPrincipal<'_>,
    statement: &WrittenStatement<'_>,
) -> Option<Finding> {
    if statement.conditions.iter().any(|condition| condition.test.limits_source()) {
        return None;
    }
    let message = format!("`{}` may use the key for the resources of any account", named.word.text);
    Some(Finding::new(&rules::CONFUSED_DEPUTY, named.word.span, message))
}
