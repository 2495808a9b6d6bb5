//! Detects policies that would make the key unmanageable: no durable principal could change them.
//!
//! The check is stricter than AWS's own, which is about the caller alone: the policy "must allow the principal that is
//! making the request to make a subsequent PutKeyPolicy request" (KMS API Reference, PutKeyPolicy). AWS does not
//! document whether its check evaluates conditions.

use std::collections::BTreeSet;

use super::Document;
use super::document::check_size;
use super::eval::{
    Context, ContextValue, Decision, Denial, Principal, Request, RequestedAction, TargetKey,
};
use super::typed::{Effect, PrincipalName, TypedPolicy, TypedStatement};
use super::work;

/// The action that a principal needs to change the policy.
const PUT_KEY_POLICY: &str = "kms:PutKeyPolicy";

/// A policy that would make the key unmanageable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// The reason, as a lower-case fragment.
    pub reason: String,
    /// The correction, as a lower-case fragment.
    pub help: String,
}

/// The decisions about `kms:PutKeyPolicy` for the principals that may be allowed it.
#[derive(Default)]
struct Holders {
    /// The users, roles and root users that are allowed it, by ARN.
    allowed: BTreeSet<String>,
    /// The named principals that are allowed it, but not for long or not at all, by the reason.
    useless: BTreeSet<(Useless, String)>,
    /// The facts that the unknown decisions depend on.
    doubts: BTreeSet<String>,
    /// Whether a statement denies it explicitly to one of them.
    denied: bool,
}

/// Why a named principal cannot be relied on to change the policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Useless {
    Session,
    Deleted,
    OtherAccount,
}

/// Returns why the policy would lock the account out of the key, or `None` if it would not, or if AWS refuses the
/// policy for its size.
///
/// It does not if the account's root user, or two named users or roles of the account, may call `kms:PutKeyPolicy`
/// unconditionally, and the `caller`, if known, is not denied it. A principal that is allowed it only under a condition
/// does not count, because it is unknown whether the condition can be met.
#[must_use]
pub fn lockout(document: &Document, key: &TargetKey<'_>, caller: Option<&str>) -> Option<Lockout> {
    // AWS refuses such a policy. The decisions about every principal that it names would take the square of its size.
    if check_size(document.tree()).is_err() {
        return None;
    }
    let typed = document.typed();
    let root = format!("arn:{}:iam::{}:root", key.partition, key.account);
    let holders = Holders::of(&typed, key, &root);
    if !holders.are_durable(&root) {
        let names = if holders.allowed.is_empty() {
            "two users or roles as administrators"
        } else {
            "a second administrator"
        };
        return Some(Lockout {
            reason: holders.reason(key.account, caller),
            help: denying(document, &typed, key, &root).unwrap_or_else(|| {
                format!(
                    "keep the account-root statement (`delegate_to_iam: true`; in a `document`, write the statement), \
                     or name {names}"
                )
            }),
        });
    }
    let caller = caller?;
    let principal = Principal::parse(caller, key.partition).ok()?;
    let is_locked_out = matches!(may_change_policy(&typed, key, principal)?, Decision::Denied(_));
    is_locked_out.then(|| Lockout {
        reason: format!("the caller `{caller}` could not change the policy again"),
        help: match quoted(holders.allowed.iter().filter(|name| **name != root)) {
            others if others.is_empty() => {
                "remove the `Deny` about the caller, or make the change as the root user".to_owned()
            }
            others => format!(
                "make the change as one of those who can ({others}), or add the caller to the administrators"
            ),
        },
    })
}

/// Returns the correction if only `Deny` statements lock the account out.
fn denying(
    document: &Document,
    typed: &TypedPolicy,
    key: &TargetKey<'_>,
    root: &str,
) -> Option<String> {
    let is_deny = |statement: &&TypedStatement| statement.effect == Effect::Deny;
    let allows = typed.statements.iter().filter(|one| !is_deny(one)).cloned().collect();
    let without = TypedPolicy { statements: allows, ..typed.clone() };
    if !Holders::of(&without, key, root).are_durable(root) {
        return None;
    }
    let about_change = typed.statements.iter().filter(is_deny).filter(|one| is_about_change(one));
    let labels: BTreeSet<String> = about_change.map(|one| document.label(one)).collect();
    Some(format!("narrow or remove the `Deny` of `{PUT_KEY_POLICY}` in {}", quoted(&labels)))
}

/// Returns whether a statement is about changing the policy.
fn is_about_change(statement: &TypedStatement) -> bool {
    let change = super::actions::ActionSet::of(|action| action.name == "PutKeyPolicy");
    statement.actions.known().covers(change)
}

/// Decides `kms:PutKeyPolicy` for a principal, in a request of which nothing else is known. Whether the request
/// bypasses AWS's own check is the caller's choice, so a policy that forbids the bypass locks nobody out.
pub(super) fn may_change_policy(
    typed: &TypedPolicy,
    key: &TargetKey<'_>,
    principal: Principal,
) -> Option<Decision> {
    let action = RequestedAction::parse(PUT_KEY_POLICY).ok()?;
    let mut context = Context::open();
    let no = ContextValue::Known(BTreeSet::from(["false".to_owned()]));
    context.set("kms:BypassPolicyLockoutSafetyCheck", no);
    Some(super::eval::decide(typed, key, &[], &Request { principal, action, context }))
}

impl Holders {
    /// Decides about the root user, and unless it is allowed the action, about the principals that the policy names.
    fn of(typed: &TypedPolicy, key: &TargetKey<'_>, root: &str) -> Self {
        let mut holders = Self::default();
        holders.add(typed, key, root);
        if holders.allowed.is_empty() {
            for name in named(typed) {
                holders.name(typed, key, name);
            }
        }
        holders
    }

    /// Returns whether the policy can be changed although a user or role is deleted.
    fn are_durable(&self, root: &str) -> bool {
        self.allowed.contains(root) || self.allowed.len() > 1
    }

    fn add(&mut self, typed: &TypedPolicy, key: &TargetKey<'_>, who: &str) {
        let principal = Principal::parse(who, key.partition).ok();
        if principal.as_ref().is_some_and(|one| one.account().is_some_and(|of| of != key.account)) {
            self.useless.insert((Useless::OtherAccount, who.to_owned()));
            return;
        }
        if work::is_spent() {
            self.doubts.insert("decisions that take too many steps".to_owned());
            return;
        }
        match principal.and_then(|principal| may_change_policy(typed, key, principal)) {
            Some(Decision::Allowed(_)) if who.contains(":sts:") => {
                self.useless.insert((Useless::Session, who.to_owned()));
            }
            Some(Decision::Allowed(_)) => drop(self.allowed.insert(who.to_owned())),
            Some(Decision::Unknown(open)) => {
                let doubts = open.iter().flat_map(|open| &open.doubts);
                self.doubts.extend(doubts.map(ToString::to_string));
            }
            Some(Decision::Denied(Denial::Explicit(_))) => self.denied = true,
            Some(Decision::Denied(Denial::OtherAccount)) => {
                self.useless.insert((Useless::OtherAccount, who.to_owned()));
            }
            // A delegated decision is counted for the account's root user.
            Some(
                Decision::Denied(Denial::Implicit) | Decision::Delegated(_) | Decision::IamOnly,
            )
            | None => {}
        }
    }

    /// Adds a principal that an `Allow` statement names.
    fn name(&mut self, typed: &TypedPolicy, key: &TargetKey<'_>, name: &PrincipalName) {
        match name {
            PrincipalName::Identity(arn) => self.add(typed, key, arn),
            PrincipalName::UniqueId(id) => {
                self.useless.insert((Useless::Deleted, id.clone()));
            }
            PrincipalName::Account(account) => {
                let partition = match account.partition.as_str() {
                    "" => key.partition,
                    partition => partition,
                };
                let root = format!("arn:{partition}:iam::{}:root", account.id);
                self.add(typed, key, &root);
            }
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => {}
        }
    }

    /// Returns why the policy locks the account out.
    fn reason(&self, account: &str, caller: Option<&str>) -> String {
        if let Some(name) = self.allowed.first() {
            let who = if Some(name.as_str()) == caller { " (the caller)" } else { "" };
            let only = format!(
                "only `{name}`{who} could change the policy, and no one could after it is deleted"
            );
            return self.with_useless(only);
        }
        if !self.doubts.is_empty() {
            let doubts: Vec<&str> = self.doubts.iter().map(String::as_str).collect();
            return format!(
                "whether any principal could change the policy depends on {}",
                doubts.join("; ")
            );
        }
        if self.denied {
            return "a `Deny` denies `kms:PutKeyPolicy` to every principal that is allowed it"
                .to_owned();
        }
        self.with_useless(format!(
            "no user or role of the account `{account}` is allowed `kms:PutKeyPolicy`"
        ))
    }

    /// Adds why the other principals that are allowed `kms:PutKeyPolicy` do not count.
    fn with_useless(&self, mut text: String) -> String {
        for (kind, one, several) in [
            (Useless::Session, "is a session, which ends", "are sessions, which end"),
            (
                Useless::Deleted,
                "is the id of a deleted identity",
                "are the ids of deleted identities",
            ),
            (
                Useless::OtherAccount,
                "is of another account, which cannot change it",
                "are of other accounts, which cannot change it",
            ),
        ] {
            let of_kind: Vec<&String> = self
                .useless
                .iter()
                .filter(|(found, _)| *found == kind)
                .map(|(_, name)| name)
                .collect();
            if !of_kind.is_empty() {
                let is = if of_kind.len() == 1 { one } else { several };
                text = format!("{text}; {} {is}", quoted(of_kind));
            }
        }
        text
    }
}

/// Returns the names in backticks, separated by commas.
fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the principals that `Allow` statements about `kms:PutKeyPolicy` name.
fn named(typed: &TypedPolicy) -> BTreeSet<&PrincipalName> {
    typed
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow && !statement.principals.except)
        .filter(|statement| is_about_change(statement))
        .flat_map(|statement| &statement.principals.names)
        .collect()
}
