//! Rules about public access, and about services that act for any resource.

use super::Finding;
use super::rules;
use super::written::{NamedPrincipal, WrittenCondition, WrittenPolicy, WrittenStatement};
use crate::policy::actions::{ActionSet, Capability};
use crate::policy::limiting_conditions::SOURCE_KEYS;
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
            PrincipalName::Service(_) => {
                out.extend(confused_deputy(named, statement));
                out.extend(source_of_events(named, statement));
            }
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
    if !uses_key(statement)
        || is_event_delivery(named, statement)
        || statement.conditions.iter().any(WrittenCondition::is_through_topic)
    {
        return None;
    }
    let message = format!("`{}` may use the key for the resources of any account", named.word.text);
    Some(Finding::new(&rules::CONFUSED_DEPUTY, named.word.span, message))
}

/// Returns whether the statement allows to use the key. Reading its properties is no use of it: DynamoDB's guide allows
/// `kms:Get*`, which includes the parameters for an import. Grants that are for AWS resources only are created when the
/// resource is.
fn uses_key(statement: &WrittenStatement<'_>) -> bool {
    let see = ActionSet::of(|action| {
        action.capability == Capability::See || action.name == "GetParametersForImport"
    });
    let grants = ActionSet::of(|action| action.capability == Capability::Grant);
    let is_for_resources = statement.conditions.iter().any(|condition| {
        condition.test.key == "kms:grantisforawsresource"
            && condition.test.requires_key()
            && condition.test.has_value("true")
    });
    let harmless = if is_for_resources { see.or(grants) } else { see };
    !harmless.covers(statement.known_actions)
}

/// The actions with which EventBridge sends events to an encrypted topic or queue.
fn is_event_delivery(named: &NamedPrincipal<'_>, statement: &WrittenStatement<'_>) -> bool {
    let sends = ActionSet::of(|action| {
        action.name == "Decrypt" || action.name.starts_with("GenerateDataKey")
    });
    named.word.text == "events.amazonaws.com" && sends.covers(statement.known_actions)
}

/// Reports conditions that EventBridge does not meet when it sends events to an encrypted topic: its requests have no
/// source keys (SNS Developer Guide, "Enable compatibility between event sources from AWS services and encrypted
/// topics"). Those for an event bus, an archive or a connection have them, with an encryption context or an ARN of such
/// a resource.
fn source_of_events(
    named: &NamedPrincipal<'_>,
    statement: &WrittenStatement<'_>,
) -> Option<Finding> {
    if !is_event_delivery(named, statement) || !uses_key(statement) {
        return None;
    }
    let is_other_use = statement.conditions.iter().any(|condition| {
        condition.test.key.starts_with("kms:encryptioncontext")
            || condition.test.key == "aws:sourcearn"
                && condition.values.iter().all(|value| !value.text.contains(":rule/"))
    });
    let condition = statement
        .conditions
        .iter()
        .find(|condition| SOURCE_KEYS.contains(&condition.test.key.as_str()))
        .filter(|condition| condition.test.requires_key() && !is_other_use)?;
    let message = format!(
        "EventBridge does not send `{}` to an encrypted SNS topic, so it cannot deliver events there",
        condition.key.text
    );
    Some(Finding::new(&rules::EVENT_SOURCE, condition.key.span, message))
}
