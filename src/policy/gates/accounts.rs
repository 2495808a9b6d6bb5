//! The gate on accounts: who may have access besides the key's own account.

use super::breach::{Breach, PolicyChange, through, unknown};
use crate::policy::access::{PrincipalAccount, access_table};
use crate::policy::arn::{is_account, is_service};
use crate::policy::typed::{Effect, Operator, PrincipalName, Test, TypedStatement};
use crate::policy::work;
use std::collections::BTreeSet;

/// Reports access of the public and of accounts that are not listed: of their principals, and of AWS services that act
/// for them.
pub(super) fn check(
    accounts: &BTreeSet<String>,
    change: PolicyChange<'_>,
    out: &mut BTreeSet<Breach>,
) {
    let Some(table) = access_table(change.after, change.grants, change.key) else {
        out.insert(unknown("accounts", "who has access"));
        return;
    };
    let own = change.key.account.as_deref();
    let is_allowed = |account: &str| Some(account) == own || accounts.contains(account);
    for holder in table {
        let who = match holder.account() {
            _ if holder.public => "the public".to_owned(),
            PrincipalAccount::AnyAccount => "an account that is not named".to_owned(),
            PrincipalAccount::Account(account) if !is_allowed(account) => {
                format!("the account {account}")
            }
            PrincipalAccount::Account(_) | PrincipalAccount::NoAccount => continue,
        };
        let source = through(holder.grant.as_deref(), &holder.statements);
        let message = format!("{who} has access ({}){source}", holder.principal);
        out.insert(Breach { gate: "accounts", message });
    }
    let typed = change.after.typed();
    for statement in &typed.statements {
        if !work::spend(64) {
            return;
        }
        for who in by_services(statement, is_allowed) {
            let source = through(None, &[change.after.label(statement)]);
            let message = format!("{who} has access by an AWS service{source}");
            out.insert(Breach { gate: "accounts", message });
        }
    }
    for grant in change.grants {
        let ends = grant.retiring.as_deref().map(|who| (who, "may retire a grant"));
        let acts = grant.source.as_deref().map(|source| (source, "has access by an AWS service"));
        for (arn, what) in ends.into_iter().chain(acts) {
            if let Some(who) = account_in(arn).and_then(|account| stranger(account, is_allowed)) {
                let source = through(Some(grant.label()), &[]);
                out.insert(Breach { gate: "accounts", message: format!("{who} {what}{source}") });
            }
        }
    }
}

/// Returns the accounts that are not allowed, and that a statement lets AWS services act for. The conditions of a
/// statement must all be met, so one that names allowed accounts only is enough.
fn by_services(statement: &TypedStatement, is_allowed: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let is_of_service = |name: &PrincipalName| {
        matches!(name, PrincipalName::Service(name) if is_service(name))
            || *name == PrincipalName::Everyone
    };
    if statement.effect != Effect::Allow || !statement.principals.names.iter().any(is_of_service) {
        return BTreeSet::new();
    }
    let mut strangers = BTreeSet::new();
    for test in &statement.conditions {
        let found: BTreeSet<Option<String>> =
            named_accounts(test).into_iter().map(|name| stranger(name, &is_allowed)).collect();
        if found.iter().eq([&None]) {
            return BTreeSet::new();
        }
        strangers.extend(found.into_iter().flatten());
    }
    strangers
}

/// Returns the accounts whose resources meet a condition, as far as it names accounts. A name may have wildcards.
fn named_accounts(test: &Test) -> BTreeSet<&str> {
    let is_positive = !test.negated
        && matches!(
            test.operator,
            Operator::StringEquals
                | Operator::StringEqualsIgnoreCase
                | Operator::StringLike
                | Operator::ArnLike
        );
    let values = test.values.iter().map(String::as_str);
    match test.key.as_str() {
        _ if !is_positive => BTreeSet::new(),
        "aws:sourceaccount" | "kms:calleraccount" => values.collect(),
        "aws:sourcearn" => values.filter_map(account_in).collect(),
        _ => BTreeSet::new(),
    }
}

/// Returns the account of an ARN, or the whole text if it is an account. An ARN without an account, such as that of a
/// bucket, has none.
fn account_in(arn: &str) -> Option<&str> {
    if is_account(arn) {
        return Some(arn);
    }
    let account = arn.split(':').nth(4);
    match account {
        None if arn.contains(['*', '?']) => Some("*"),
        account => account.filter(|account| !account.is_empty()),
    }
}

/// Returns the words for an account that is not allowed.
fn stranger(account: &str, is_allowed: impl Fn(&str) -> bool) -> Option<String> {
    if is_allowed(account) {
        return None;
    }
    Some(match is_account(account) {
        true => format!("the account {account}"),
        false => "an account that is not named".to_owned(),
    })
}
