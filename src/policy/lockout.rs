//! Whether somebody who lasts can still change the policy. Stricter than AWS, whose check is about the caller alone.

use std::collections::BTreeSet;

use super::actions::glob;
use super::canon::{Principals, Set, Statement};
use super::{Document, OWN_KEY};

const PUT: &str = "kms:putkeypolicy";

/// Who may change the policy without any condition.
#[derive(Default)]
struct Holders {
    /// The account, or everyone.
    account: bool,
    everyone: bool,
    named: BTreeSet<String>,
}

/// `None` when the policy leaves the account, or two named users or roles of it, able to change the policy for good;
/// else why it does not.
#[must_use]
pub fn lockout(document: &Document, account: &str) -> Option<String> {
    let statements = &document.canonical().statements;
    let mut holders = Holders::default();
    let mut conditional = false;
    for statement in statements.iter().filter(|s| s.effect.as_deref() == Some("Allow") && acts(s)) {
        if !statement.resource.iter().flatten().any(|resource| own(resource, account)) {
            continue;
        }
        if statement.condition.is_some() {
            conditional = true;
            continue;
        }
        grant(&mut holders, statement, account);
    }
    let allowed = holders.account || holders.everyone || holders.named.len() > 1;
    for statement in statements.iter().filter(|s| s.effect.as_deref() != Some("Allow") && acts(s)) {
        if covers_key(statement, account) && !only_insecure(statement) {
            deny(&mut holders, statement, account);
        }
    }
    if holders.account || holders.everyone || holders.named.len() > 1 {
        return None;
    }
    Some(why(&holders, allowed, conditional, account))
}

fn why(holders: &Holders, allowed: bool, conditional: bool, account: &str) -> String {
    if allowed {
        return "a `Deny` takes `kms:PutKeyPolicy` from those who have it".to_owned();
    }
    if let Some(name) = holders.named.first() {
        return format!("only `{name}` may change the policy, and nobody could once it is deleted");
    }
    if conditional {
        return "`kms:PutKeyPolicy` is allowed only under conditions".to_owned();
    }
    format!("nobody in the account `{account}` is allowed `kms:PutKeyPolicy`")
}

/// Whether the statement is about `kms:PutKeyPolicy`.
fn acts(statement: &Statement) -> bool {
    let matches = |set: &Set| set.iter().any(|pattern| glob(pattern, PUT));
    statement.action.as_ref().is_some_and(matches)
        || statement.not_action.as_ref().is_some_and(|set| !matches(set))
}

/// Whether an allowed resource is this key.
fn own(resource: &str, account: &str) -> bool {
    if resource == "*" || resource == OWN_KEY {
        return true;
    }
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", _, "kms", _, owner, key] = fields.as_slice() else {
        return false;
    };
    (*owner == account || *owner == "*") && key.starts_with("key/")
}

/// Whether a denied resource may be this key: only what is certainly something else is not.
fn covers_key(statement: &Statement, account: &str) -> bool {
    let other = |resource: &String| {
        let fields: Vec<&str> = resource.splitn(6, ':').collect();
        let ["arn", _, service, _, owner, _] = fields.as_slice() else {
            return false;
        };
        !glob(service, "kms") || !glob(owner, account)
    };
    let named = statement.resource.iter().flatten().any(|resource| !other(resource));
    named || statement.not_resource.as_ref().is_some_and(|set| !set.contains("*"))
}

/// A Deny of requests without TLS: AWS has no such requests to deny.
fn only_insecure(statement: &Statement) -> bool {
    let Some(condition) = &statement.condition else {
        return false;
    };
    condition.len() == 1
        && condition.iter().all(|(operator, keys)| {
            matches!(operator.as_str(), "Bool" | "BoolIfExists")
                && keys.len() == 1
                && keys.get("aws:securetransport").is_some_and(|values| values.iter().eq(["false"]))
        })
}

fn names(statement: &Statement) -> impl Iterator<Item = &String> {
    let types = match &statement.principal {
        Some(Principals::Typed(types)) => types.get("AWS"),
        Some(Principals::Everyone) | None => None,
    };
    types.into_iter().flatten()
}

fn grant(holders: &mut Holders, statement: &Statement, account: &str) {
    if statement.principal == Some(Principals::Everyone) {
        holders.everyone = true;
    }
    for name in names(statement) {
        let fields: Vec<&str> = name.splitn(6, ':').collect();
        match fields.as_slice() {
            ["*"] => holders.everyone = true,
            ["arn", _, "iam", _, owner, "root"] if *owner == account => holders.account = true,
            ["arn", _, "iam", _, owner, identity]
                if *owner == account
                    && (identity.starts_with("user/") || identity.starts_with("role/")) =>
            {
                holders.named.insert(name.clone());
            }
            _ => {}
        }
    }
}

fn deny(holders: &mut Holders, statement: &Statement, account: &str) {
    let root = format!(":iam::{account}:root");
    let all = statement.not_principal.is_some()
        || statement.principal == Some(Principals::Everyone)
        || names(statement).any(|name| name == "*" || name.ends_with(&root));
    if all {
        *holders = Holders::default();
        return;
    }
    for name in names(statement) {
        holders.named.remove(name);
    }
}
