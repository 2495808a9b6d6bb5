//! Detects policies that would make the key unmanageable: no durable principal could change them.
//!
//! The check is stricter than AWS's own, which is about the caller alone: the policy "must allow the principal that is
//! making the request to make a subsequent PutKeyPolicy request" (KMS API Reference, PutKeyPolicy). AWS does not
//! document whether its check evaluates conditions.

use std::collections::BTreeSet;

use super::Document;
use super::eval::{Decision, Denial, Principal, TargetKey, ask};
use super::typed::{Effect, PrincipalName, TypedPolicy};

/// The action that a principal needs to change the policy.
pub(super) const PUT_KEY_POLICY: &str = "kms:PutKeyPolicy";

/// The decisions about `kms:PutKeyPolicy` for the principals that may be allowed it.
#[derive(Default)]
struct Holders {
    /// The principals that are allowed it, by ARN.
    allowed: BTreeSet<String>,
    /// The facts that the unknown decisions depend on.
    doubts: BTreeSet<String>,
    /// Whether a statement denies it explicitly to one of them.
    denied: bool,
}

/// Returns why the policy would lock the account out of the key, or `None` if it would not.
///
/// It does not if the account's root user, or two named users or roles of the account, may call `kms:PutKeyPolicy`
/// unconditionally, and the `caller`, if known, is not denied it. A principal that is allowed it only under a condition
/// does not count, because it is unknown whether the condition can be met.
#[must_use]
pub fn lockout(document: &Document, key: &TargetKey<'_>, caller: Option<&str>) -> Option<String> {
    let typed = document.typed();
    let root = format!("arn:{}:iam::{}:root", key.partition, key.account);
    let mut holders = Holders::default();
    holders.add(&typed, key, &root);
    if holders.allowed.is_empty() {
        for name in named_identities(&typed) {
            holders.add(&typed, key, &name);
        }
    }
    let durable = holders.allowed.contains(&root) || holders.allowed.len() > 1;
    if !durable {
        return Some(reason(&holders, key.account, caller));
    }
    let caller = caller?;
    let locked_out = matches!(decide(&typed, key, caller)?, Decision::Denied(_));
    locked_out.then(|| format!("the caller `{caller}` could not change the policy again"))
}

impl Holders {
    fn add(&mut self, typed: &TypedPolicy, key: &TargetKey<'_>, who: &str) {
        match decide(typed, key, who) {
            Some(Decision::Allowed(_)) => drop(self.allowed.insert(who.to_owned())),
            Some(Decision::Unknown(open)) => {
                let doubts = open.iter().flat_map(|open| &open.doubts);
                self.doubts.extend(doubts.map(ToString::to_string));
            }
            Some(Decision::Denied(Denial::Explicit(_))) => self.denied = true,
            // A delegated decision is counted for the account's root user.
            Some(Decision::Denied(_) | Decision::Delegated(_) | Decision::IamOnly) | None => {}
        }
    }
}

/// Decides `kms:PutKeyPolicy` for a principal, in a request of which nothing else is known.
fn decide(typed: &TypedPolicy, key: &TargetKey<'_>, who: &str) -> Option<Decision> {
    ask(typed, key, &[], Principal::parse(who, key.partition).ok()?, PUT_KEY_POLICY)
}

/// Returns the users and roles that `Allow` statements name. Sessions are left out because they end, and unique ids
/// because their identities are deleted.
fn named_identities(typed: &TypedPolicy) -> BTreeSet<String> {
    typed
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow && !statement.principals.except)
        .flat_map(|statement| &statement.principals.names)
        .filter_map(|name| match name {
            PrincipalName::Identity(arn) if arn.contains(":iam:") => Some(arn.clone()),
            PrincipalName::Identity(_)
            | PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::Account(_)
            | PrincipalName::UniqueId(_)
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => None,
        })
        .collect()
}

/// Returns why the policy locks the account out.
fn reason(holders: &Holders, account: &str, caller: Option<&str>) -> String {
    if let Some(name) = holders.allowed.first() {
        let who = if Some(name.as_str()) == caller { " (the caller)" } else { "" };
        return format!(
            "only `{name}`{who} could change the policy, and no one could after it is deleted"
        );
    }
    if !holders.doubts.is_empty() {
        let doubts: Vec<&str> = holders.doubts.iter().map(String::as_str).collect();
        return format!(
            "whether any principal could change the policy depends on {}",
            doubts.join("; ")
        );
    }
    if holders.denied {
        return "a `Deny` denies `kms:PutKeyPolicy` to every principal that is allowed it"
            .to_owned();
    }
    format!("no principal of the account `{account}` is allowed `kms:PutKeyPolicy`")
}
