//! Why a policy cannot be written as roles: what stands in the way first.

use super::{ByRoles, KeyUse, Role, alone, recognized, statements};
use crate::policy::access::KeyContext;
use crate::policy::typed::Effect;
use crate::policy::typed::{PrincipalName, TypedStatement};
use crate::policy::{ActionSet, Document, spelled_key};
use crate::text::some_of;
use crate::tree::{Node, Value};
use std::collections::BTreeSet;

/// The largest number of actions that a reason names.
const NAMED: usize = 3;

/// Returns why [`by_roles`](super::by_roles) finds no words for the policy, as a clause without a full stop.
#[must_use]
pub fn why_no_roles(document: &Document, of: KeyUse<'_>) -> String {
    let all = statements(document.tree());
    let found: Vec<(&Node, Option<Role>)> =
        all.into_iter().map(|statement| (statement, recognized(statement, of).0)).collect();
    let mut reasons = found.iter().zip(1..).filter_map(|((statement, role), number)| {
        let why = match role {
            None => of_statement(statement, of),
            Some(Role::Use) => "lets its principals use the key, but no statement lets the same ones create grants for \
                                AWS services, as `users` does"
                .to_owned(),
            Some(Role::Attachment) => "lets its principals create grants for AWS services, but no statement lets the same \
                                       ones use the key, as `users` does"
                .to_owned(),
            Some(Role::Root | Role::Administrators | Role::Decrypt | Role::Encrypt) => return None,
        };
        Some(format!("{} {why}", named(statement, number)))
    });
    let is_role = |role: Option<Role>| {
        matches!(role, Some(Role::Root | Role::Administrators | Role::Decrypt | Role::Encrypt))
    };
    // With a role beside it, any statement can stay as it is, unless it is not understood.
    if !found.iter().any(|(_, role)| is_role(*role)) {
        return reasons.next().unwrap_or_else(|| "it has no statements".to_owned());
    }
    let typed = document.typed();
    let is_unclear = |statement: &Node| {
        alone(statement, of).is_none_or(|one| one.typed().statements.iter().any(|one| one.unclear))
    };
    let unclear = found.iter().zip(1..).find(|((statement, _), _)| is_unclear(statement));
    match unclear {
        Some(((statement, _), number)) => {
            format!("{} {}", named(statement, number), of_statement(statement, of))
        }
        None if typed.unclear => {
            "it has elements beside its statements that kmsctl does not know".to_owned()
        }
        None if !typed.variables => {
            "it is not of the version 2012-10-17, which roles give it, so `${…}` would get another meaning".to_owned()
        }
        None => "it is too complex to compare its access with that of roles for certain".to_owned(),
    }
}

/// Returns the name of a statement: its Sid, else its number.
fn named(statement: &Node, number: usize) -> String {
    match text(statement, "Sid").filter(|sid| !sid.is_empty()) {
        Some(sid) => format!("statement `{sid}`"),
        None => format!("statement {number}"),
    }
}

fn field<'a>(statement: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &statement.value else {
        return None;
    };
    entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
}

fn text<'a>(statement: &'a Node, name: &str) -> Option<&'a str> {
    if let Value::Text(text) = &field(statement, name)?.value { Some(text) } else { None }
}

/// Returns why no role is a statement, as a predicate.
fn of_statement(statement: &Node, of: KeyUse<'_>) -> String {
    let document = alone(statement, of);
    let typed = document.as_ref().map(Document::typed);
    let Some([only]) = typed.as_ref().map(|typed| typed.statements.as_slice()) else {
        return "cannot be read".to_owned();
    };
    if only.effect == Effect::Deny {
        return "denies access, which roles do not express".to_owned();
    }
    if only.unclear {
        let elements: Vec<String> = only.unread.keys().map(|name| format!("`{name}`")).collect();
        return format!("has elements that kmsctl does not understand ({})", elements.join(", "));
    }
    if only.principals.except {
        return "has `NotPrincipal`, which roles do not express".to_owned();
    }
    if let Some(why) = only.principals.names.iter().find_map(|name| of_principal(name, of.key)) {
        return why;
    }
    if only.actions.except {
        return "has `NotAction`, which roles do not express".to_owned();
    }
    match &only.resources {
        None => return "has no resource, so it has no effect".to_owned(),
        Some(resources) if resources.except => {
            return "has `NotResource`, which roles do not express".to_owned();
        }
        Some(resources) if !resources.patterns.contains("*") => {
            let all: Vec<String> =
                resources.patterns.iter().map(|one| format!("`{one}`")).collect();
            return format!("is limited to the resource {}, where roles have `*`", all.join(", "));
        }
        Some(_) => {}
    }
    let conditions = only.conditions.iter().map(|test| test.key.as_str());
    if let Some(key) = conditions.into_iter().find(|key| *key != "kms:grantisforawsresource") {
        let key = spelled_key(key);
        return format!("has a condition on `{key}`, which roles do not express");
    }
    of_actions(only, of)
}

/// Returns why a principal is not one of a role.
fn of_principal(name: &PrincipalName, key: &KeyContext) -> Option<String> {
    let what = match name {
        PrincipalName::Identity(_) => return None,
        PrincipalName::Account(account)
            if key.account.as_ref().is_some_and(|own| account.is(&key.partition, own)) =>
        {
            return None;
        }
        PrincipalName::Account(account) => format!("the account {}", account.id),
        PrincipalName::Everyone | PrincipalName::AnyIdentity => "everyone (`*`)".to_owned(),
        PrincipalName::UniqueId(id) => format!("`{id}`, the id of a deleted user or role"),
        PrincipalName::Service(service) => format!("the AWS service `{service}`"),
        PrincipalName::Provider(provider) => format!("the identity provider `{provider}`"),
        PrincipalName::Other(text) => format!("`{text}`, which is no user or role"),
    };
    Some(format!("is for {what}, and roles are for users and roles of IAM"))
}

/// Returns how the actions differ from those of the most similar role.
fn of_actions(only: &TypedStatement, of: KeyUse<'_>) -> String {
    let own = only.actions.known();
    let names: BTreeSet<String> = only
        .principals
        .names
        .iter()
        .filter_map(
            |name| if let PrincipalName::Identity(arn) = name { Some(arn.clone()) } else { None },
        )
        .collect();
    if names.is_empty() {
        let missing = ActionSet::ALL.without(own);
        return match missing.is_empty() {
            true => "lists actions, where `delegate_to_iam` leaves `kms:*` to the account's IAM policies".to_owned(),
            false => format!(
                "does not leave {} to the account's IAM policies, as `delegate_to_iam` does",
                listed(missing)
            ),
        };
    }
    if names.len() < only.principals.names.len() {
        return "is for the account together with users or roles, which are different roles"
            .to_owned();
    }
    let templates = ByRoles {
        administrators: names.clone(),
        users: names.clone(),
        decrypt_only: names.clone(),
        encrypt_only: names,
        ..ByRoles::default()
    };
    let templates = templates.document(of);
    let templates = templates.iter().flat_map(|document| statements(document.tree()));
    let words = ["administrators", "users", "users", "decrypt_only", "encrypt_only"];
    let differences = words.into_iter().zip(templates).filter_map(|(word, template)| {
        let typed = alone(template, of)?.typed();
        let template = typed.statements.first()?;
        let role = template.actions.known();
        let has_condition = template.conditions.iter().next().is_some();
        Some((word, own.without(role), role.without(own), has_condition))
    });
    let nearest =
        differences.min_by_key(|(_, more, less, _)| more.iter().count() + less.iter().count());
    let Some((role, more, less, has_condition)) = nearest else {
        return "has actions that are those of no role".to_owned();
    };
    let mut parts = Vec::new();
    if !more.is_empty() {
        parts.push(format!("allows {}", listed(more)));
    }
    if !less.is_empty() {
        parts.push(format!("does not allow {}", listed(less)));
    }
    if parts.is_empty() {
        return of_conditions(only.conditions.iter().next().is_some(), has_condition, role);
    }
    format!("{}, unlike the role `{role}`", parts.join(" and "))
}

/// Returns how a statement differs from that of a role with the same actions.
fn of_conditions(has_one: bool, role_has_one: bool, role: &str) -> String {
    match (has_one, role_has_one) {
        (false, true) => format!("lacks the condition of the role `{role}`"),
        (true, false) => format!("has a condition, which the role `{role}` does not have"),
        (true, true) | (false, false) => format!(
            "allows the actions of the role `{role}` with other wildcards, so the two may differ in actions that AWS \
             adds later"
        ),
    }
}

/// Returns the first of some actions.
fn listed(actions: ActionSet) -> String {
    let names: Vec<String> = actions.iter().map(|action| format!("kms:{}", action.name)).collect();
    some_of(&names, NAMED)
}
