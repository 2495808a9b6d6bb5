//! The gate on accounts: who may have access besides the key's own account.

use super::breach::{Breach, PolicyChange, through, unknown};
use crate::policy::access::{Certainty, Holder, PrincipalAccount};
use crate::policy::arn::{is_account, is_service};
use crate::policy::typed::{Effect, Operator, PrincipalName, Quantifier, Test, TypedStatement};
use crate::policy::work;
use std::collections::BTreeSet;

/// Reports access of the public and of accounts that are not listed: of their principals, and of AWS services that act
/// for them.
pub(super) fn check(
    accounts: &BTreeSet<String>,
    change: PolicyChange<'_>,
    table: Option<&[Holder]>,
    out: &mut BTreeSet<Breach>,
) {
    let Some(table) = table else {
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
            // Anybody can make some service act.
            PrincipalAccount::NoAccount if holder.is_any_service() && may_act_for_all(holder) => {
                "anybody who makes an AWS service act".to_owned()
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
        if let Some(provider) = shared_provider(statement) {
            let source = through(None, &[change.after.label(statement)]);
            let message = format!("an account that is not named has access ({provider}){source}");
            out.insert(Breach { gate: "accounts", message });
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

/// Returns whether a service may act for any account. A gate passes only what is certain.
fn may_act_for_all(holder: &Holder) -> bool {
    holder.confused_deputy || holder.certainty != Certainty::Certain
}

/// Returns the identity provider of a statement that is called like a service, and that accounts share: an identity
/// pool of any account has sessions of it (Amazon Cognito Developer Guide, "Using role-based access control").
fn shared_provider(statement: &TypedStatement) -> Option<&str> {
    let providers = statement.principals.names.iter().filter_map(|name| {
        if let PrincipalName::Provider(provider) = name { Some(provider.as_str()) } else { None }
    });
    let is_open = statement.effect == Effect::Allow && !statement.principals.except;
    let mut shared = providers.filter(|provider| is_open && is_service(provider));
    shared.next()
}

/// Returns the accounts that are not allowed, and that a statement lets AWS services act for. The conditions of a
/// statement must all be met, so one that certainly names allowed accounts only is enough. A statement without any
/// condition on accounts is left to lint.
fn by_services(statement: &TypedStatement, is_allowed: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let is_of_service = |name: &PrincipalName| {
        matches!(name, PrincipalName::Service(name) if is_service(name))
            || *name == PrincipalName::Everyone
    };
    let names = &statement.principals;
    if statement.effect != Effect::Allow || !(names.except || names.names.iter().any(is_of_service))
    {
        return BTreeSet::new();
    }
    let mut strangers = BTreeSet::new();
    for test in &statement.conditions {
        let Some(found) = named_accounts(test) else {
            continue;
        };
        let found: BTreeSet<Option<String>> =
            found.into_iter().map(|account| stranger(account, &is_allowed)).collect();
        // Services have no account, so that these keys limit nothing.
        let is_of_caller =
            ["kms:calleraccount", "aws:principalaccount"].contains(&test.key.as_str());
        let is_certain = !test.if_exists && test.quantifier != Quantifier::All && !is_of_caller;
        if is_certain && found.iter().eq([&None]) {
            return BTreeSet::new();
        }
        strangers.extend(found.into_iter().flatten());
    }
    strangers
}

/// Returns the accounts whose resources meet a condition; `*` for accounts that it does not name. Returns `None` if the
/// condition is not about accounts.
fn named_accounts(test: &Test) -> Option<BTreeSet<&str>> {
    // AWS's services set the pairs of the encryption context whose names begin with `aws:`.
    let is_context = test.key.starts_with("kms:encryptioncontext:aws:");
    let is_about = match test.key.as_str() {
        "aws:sourceaccount" | "aws:sourceowner" | "aws:sourcearn" | "aws:sourceorgid"
        | "aws:sourceorgpaths" => true,
        "kms:calleraccount" | "aws:principalaccount" => !test.negated,
        _ => is_context && test.values.iter().any(|value| value.contains(':') || value == "*"),
    };
    if !is_about || test.operator == Operator::Null {
        return None;
    }
    let is_positive = !test.negated
        && matches!(
            test.operator,
            Operator::StringEquals
                | Operator::StringEqualsIgnoreCase
                | Operator::StringLike
                | Operator::ArnLike
        );
    if !is_positive || test.key.starts_with("aws:sourceorg") {
        return Some(BTreeSet::from(["*"]));
    }
    let values = test.values.iter().map(String::as_str);
    Some(match test.key.as_str() {
        "aws:sourceaccount" | "aws:sourceowner" | "kms:calleraccount" | "aws:principalaccount" => {
            values.collect()
        }
        _ if test.operator == Operator::StringLike => values.map(account_like).collect(),
        _ => values.map(|arn| account_in(arn).unwrap_or("*")).collect(),
    })
}

/// Returns the account of a pattern of ARNs. In a pattern of texts, `*` also stands for colons, so that the account is
/// certain only if no wildcard comes before it, or a fixed text follows it.
fn account_like(pattern: &str) -> &str {
    let is_open = |text: &str| text.contains(['*', '?']);
    let account = account_in(pattern).unwrap_or("*");
    let before = pattern.split(':').take(4).any(is_open);
    let rest = pattern.splitn(6, ':').nth(5).unwrap_or("*");
    if before && rest.starts_with(['*', '?']) { "*" } else { account }
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
