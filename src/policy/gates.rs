//! Gates: limits on the access that policies may allow and on the changes of a plan, for pipelines
//! in which not every plan is read.
//!
//! A gate passes only if that is certain. Possible access, and access that is unknown, does not pass.

mod accounts;
mod breach;
mod named;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::text::counted;

use super::access::{
    Certainty, Holder, KeyContext, Level, PrincipalAccount, access_table, compare,
};
use super::actions::ActionSet;
use super::arn::is_account;
use super::eval::{Decision, Principal, Source, TargetKey, ask};
use super::grants::Grant;
use super::typed::TypedPolicy;
use super::{AccessChange, Direction, Document, work};
use breach::{matching, through, unknown, whole_account};
use named::Named;

pub use breach::{Breach, PolicyChange};

/// The gates of a stack. They apply to every key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// A policy that no key's policy may exceed.
    pub reference: Option<Document>,
    /// Access that must not be allowed.
    pub forbidden: Vec<Forbidden>,
    /// The accounts that may have access besides the key's own. Other accounts and the public may not.
    pub accounts: Option<BTreeSet<String>>,
    /// The number of principals that may lose access to a key in one change.
    pub removals: Option<usize>,
}

/// Access that must not be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forbidden {
    /// ARNs of users and roles, and service principals. `*` stands for every principal except those that IAM policies
    /// of the key's own account allow.
    pub principals: BTreeSet<String>,
    /// Actions and patterns of actions, such as `kms:Put*`.
    pub actions: BTreeSet<String>,
}

impl Gates {
    /// Returns whether no gate is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the names of the gates in the configuration.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let Self { reference, forbidden, accounts, removals } = self;
        let gates = [
            ("reference", reference.is_some()),
            ("forbidden", !forbidden.is_empty()),
            ("accounts", accounts.is_some()),
            ("removals", removals.is_some()),
        ];
        gates.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect()
    }

    /// Returns the breaches by the proposed policy and the grants, whatever the current policy is.
    #[must_use]
    pub fn standing(&self, change: PolicyChange<'_>) -> BTreeSet<Breach> {
        let mut out = BTreeSet::new();
        if let Some(reference) = &self.reference {
            exceeding("reference", "the reference policy", reference, change, &mut out);
        }
        let typed = change.after.typed();
        let table = OnceCell::new();
        let table = || {
            let made = || access_table(change.after, change.grants, change.key, None);
            table.get_or_init(made).as_deref()
        };
        for forbidden in &self.forbidden {
            if work::is_spent() {
                break;
            }
            forbidden.check(change, &typed, &table, &mut out);
        }
        if let Some(accounts) = &self.accounts {
            accounts::check(accounts, change, table(), &mut out);
        }
        if work::is_spent() {
            out.extend(self.unknown(false));
        }
        out
    }

    /// Returns the breaches by a policy that is unknown; `has_base` says whether there is a base revision of it.
    #[must_use]
    pub fn unknown(&self, has_base: bool) -> BTreeSet<Breach> {
        [
            ("reference", self.reference.is_some()),
            ("forbidden", !self.forbidden.is_empty()),
            ("accounts", self.accounts.is_some()),
            ("removals", self.removals.is_some()),
            ("base", has_base),
        ]
        .into_iter()
        .filter(|(_, is_configured)| *is_configured)
        .map(|(gate, _)| unknown(gate, "what the policy will be"))
        .collect()
    }

    /// Returns the breaches by the change itself.
    #[must_use]
    pub fn changing(&self, change: PolicyChange<'_>) -> BTreeSet<Breach> {
        let mut out = BTreeSet::new();
        if let Some(base) = change.base {
            exceeding("base", "the base", base, change, &mut out);
        }
        out
    }

    /// Returns the breach by a key of another account, whose owner decides who has access.
    #[must_use]
    pub fn owner(&self, account: &str) -> Option<Breach> {
        let accounts = self.accounts.as_ref().filter(|accounts| !accounts.contains(account))?;
        let known: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let but =
            if known.is_empty() { String::new() } else { format!(" or {}", known.join(", ")) };
        let message =
            format!("it is a key of the account {account}, not of the stack's accounts{but}");
        Some(Breach { gate: "accounts", message })
    }
}

/// Who loses access to a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// The principals.
    names: BTreeSet<String>,
    /// Whether there may be more.
    is_open: bool,
}

impl Lost {
    /// Returns that some principals lose access.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect(), is_open: false }
    }

    /// Adds what others lose.
    pub fn extend(&mut self, more: Self) {
        self.names.extend(more.names);
        self.is_open |= more.is_open;
    }
}

/// Returns who loses access by the change of a policy.
#[must_use]
pub fn lost(before: &Document, after: &Document, key: &KeyContext) -> Lost {
    let comparison = compare(Some(before), Some(after), key, &[]);
    let changes = comparison.changes.into_iter();
    let lost = changes.filter(|change| change.direction == Direction::Lost);
    Lost { names: lost.map(|change| change.principal).collect(), is_open: comparison.open }
}

/// Returns the breach by more principals that lose access than one change may affect.
#[must_use]
pub fn excess(limit: usize, lost: &Lost) -> Option<Breach> {
    let count = lost.names.len();
    if count <= limit {
        return lost.is_open.then(|| unknown("removals", "how many principals lose access"));
    }
    let names: Vec<&str> = lost.names.iter().map(String::as_str).collect();
    let verb = if count == 1 { "loses" } else { "lose" };
    let who = counted(count, "principal");
    let message = format!("{who} {verb} access, at most {limit} may: {}", names.join(", "));
    Some(Breach { gate: "removals", message })
}

/// Reports access by the proposed policy and the grants that `limit` does not allow.
fn exceeding(
    gate: &'static str,
    name: &str,
    limit: &Document,
    change: PolicyChange<'_>,
    out: &mut BTreeSet<Breach>,
) {
    let comparison = compare(Some(limit), Some(change.after), change.key, &[]);
    for gained in comparison.changes.iter().filter(|c| c.direction == Direction::Gained) {
        let message = format!("{}, which {name} does not allow", describe_gain(gained));
        out.insert(Breach { gate, message });
    }
    if comparison.open {
        out.insert(unknown(gate, &format!("whether it allows more than {name}")));
    }
    let typed = limit.typed();
    for grant in change.grants {
        // An account stands for its users and roles. One that no statement names has what all of them have.
        let any = whole_account(&grant.grantee)
            .map(|account| format!("arn:{}:iam::{account}:role/any", change.key.partition));
        let grantee = any.as_deref().unwrap_or(&grant.grantee);
        for operation in &grant.operations {
            let action = format!("kms:{operation}");
            let decision = decide(&typed, &[], change.key, grantee, &action);
            // A grant gives access that IAM policies do not have to allow.
            if !matches!(decision, Some(Decision::Allowed(_))) {
                let (who, source) = (&grant.grantee, through(Some(grant.label()), &[]));
                let message = format!("{who} gains {action}{source}, which {name} does not allow");
                out.insert(Breach { gate, message });
            }
        }
    }
}

fn describe_gain(change: &AccessChange) -> String {
    let verb = if change.certainty == Certainty::Certain { "gains" } else { "may gain" };
    let mut text = format!("{} {verb} {}", change.principal, change.actions.join(", "));
    if let Some(condition) = &change.condition {
        let _ = write!(text, " when {condition}");
    }
    text + &through(None, &change.statements)
}

/// Decides a request of which only the principal and the action are known. Returns `None` if the key's account is
/// unknown, or if there is no such principal or action.
fn decide(
    typed: &TypedPolicy,
    grants: &[Grant],
    key: &KeyContext,
    who: &str,
    action: &str,
) -> Option<Decision> {
    let account = key.account.as_deref()?;
    let key = TargetKey { partition: &key.partition, account, arn: key.arn.as_deref() };
    // The encryption context and the resource of the request are not known, so a constraint may be met.
    let grants: Vec<Grant> = grants
        .iter()
        .map(|grant| Grant {
            unclear: grant.unclear || grant.context.is_some() || grant.source.is_some(),
            context: None,
            source: None,
            ..grant.clone()
        })
        .collect();
    ask(typed, &key, &grants, Principal::parse(who, key.partition).ok()?, action)
}

impl Forbidden {
    fn check<'t>(
        &self,
        change: PolicyChange<'_>,
        typed: &TypedPolicy,
        table: &impl Fn() -> Option<&'t [Holder]>,
        out: &mut BTreeSet<Breach>,
    ) {
        let actions = matching(&self.actions);
        let named = Named::of(typed, change);
        for who in self.principals.iter().filter(|who| *who != "*") {
            let root = || format!("arn:{}:iam::{who}:root", change.key.partition);
            let who = if is_account(who) { root() } else { who.clone() };
            if !work::spend(8) {
                return;
            }
            if named.tells_sessions_of(&who) {
                let table = table();
                if !work::spend(64 * table.map_or(0, <[Holder]>::len)) {
                    return;
                }
                out.extend(by_sessions(&who, actions, table));
            }
            if named.leaves_to_iam(&who, change.key) {
                continue;
            }
            if !by_requests(&who, actions, typed, change, out) {
                return;
            }
        }
        // An account stands for its users and roles too, as it does in a policy.
        let accounts: BTreeSet<&str> =
            self.principals.iter().filter_map(|who| whole_account(who)).collect();
        let is_everyone = self.principals.contains("*");
        if !is_everyone && accounts.is_empty() {
            return;
        }
        let is_meant = |holder: &Holder| match holder.account() {
            _ if is_everyone => true,
            PrincipalAccount::Account(account) => accounts.contains(account),
            PrincipalAccount::AnyAccount => true,
            PrincipalAccount::NoAccount => false,
        };
        match table() {
            Some(table) => {
                if !work::spend(64 * table.len()) {
                    return;
                }
                out.extend(table.iter().filter(|holder| is_meant(holder)).filter_map(|holder| {
                    let matched = matching(&holder.actions).and(actions);
                    forbidden_holder(holder, matched, change.key)
                }));
            }
            None => drop(out.insert(unknown("forbidden", "who has access"))),
        }
    }
}

/// Reports the forbidden actions that a principal is or may be allowed. Actions that are allowed in the same way are
/// one breach. Returns whether there were enough steps.
fn by_requests(
    who: &str,
    actions: ActionSet,
    typed: &TypedPolicy,
    change: PolicyChange<'_>,
    out: &mut BTreeSet<Breach>,
) -> bool {
    let mut ways: BTreeMap<Way, Vec<String>> = BTreeMap::new();
    for action in actions.iter() {
        if !work::spend(256 * (typed.statements.len() + change.grants.len() + 1)) {
            return false;
        }
        let action = format!("kms:{}", action.name);
        if let Some(way) = forbidden_action(who, &action, typed, change) {
            ways.entry(way).or_default().push(action);
        }
    }
    out.extend(ways.iter().map(|(way, actions)| way.breach(who, &actions.join(", "))));
    true
}

/// Reports that a user may have some of the forbidden actions by a federated session.
fn by_sessions(who: &str, actions: ActionSet, table: Option<&[Holder]>) -> Vec<Breach> {
    let Some(table) = table else {
        return vec![unknown(
            "forbidden",
            &format!("who has access by a federated session of {who}"),
        )];
    };
    let account = who.split(':').nth(4);
    let is_meant = |holder: &&Holder| {
        let of_account = match holder.account() {
            PrincipalAccount::Account(of) => Some(of) == account,
            PrincipalAccount::AnyAccount => true,
            PrincipalAccount::NoAccount => false,
        };
        let some = !matching(&holder.actions).and(actions).is_empty();
        holder.is_federated() && holder.access > Level::Delegated && of_account && some
    };
    let found = table.iter().filter(is_meant).map(|holder| {
        let source = through(holder.grant.as_deref(), &holder.statements);
        let message = format!("{who} may be allowed access by a federated session{source}");
        Breach { gate: "forbidden", message }
    });
    found.collect()
}

/// Reports a principal that has some of the forbidden actions. Access that IAM policies of the key's own account decide
/// about is exempt.
fn forbidden_holder(holder: &Holder, matched: ActionSet, key: &KeyContext) -> Option<Breach> {
    // A grant for an account allows what no IAM policy has to allow.
    let is_delegated = holder.grant.is_none() && is_whole_own_account(&holder.principal, key);
    if matched.is_empty() || is_delegated {
        return None;
    }
    let actions: Vec<String> =
        matched.iter().map(|action| format!("kms:{}", action.name)).collect();
    let source = through(holder.grant.as_deref(), &holder.statements);
    let message = format!("{} is allowed {}{source}", holder.principal, actions.join(", "));
    Some(Breach { gate: "forbidden", message })
}

/// How a principal is or may be allowed an action.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Unknown,
    /// The verb, and the statements or the grant.
    Through(&'static str, String),
}

impl Way {
    fn breach(&self, who: &str, actions: &str) -> Breach {
        match self {
            Self::Unknown => unknown("forbidden", &format!("whether {who} has {actions}")),
            Self::Through(verb, through) => {
                let message = format!("{who} {verb} {actions}{through}");
                Breach { gate: "forbidden", message }
            }
        }
    }
}

/// Returns how a principal is or may be allowed a forbidden action, if it may be.
fn forbidden_action(
    who: &str,
    action: &str,
    typed: &TypedPolicy,
    change: PolicyChange<'_>,
) -> Option<Way> {
    let PolicyChange { after, grants, key, .. } = change;
    let Some(decision) = decide(typed, grants, key, who, action) else {
        return Some(Way::Unknown);
    };
    let (verb, sources) = match decision {
        Decision::Allowed(source) => ("is allowed", vec![source]),
        Decision::Unknown(undecided) => {
            ("may be allowed", undecided.into_iter().map(|one| one.source).collect())
        }
        // IAM policies of the key's own account are exempt; those of another account are not.
        Decision::Delegated(index) if !is_of_own_account(who, key) => {
            ("may be allowed", vec![Source::Statement(index)])
        }
        Decision::Delegated(_) | Decision::Denied(_) | Decision::IamOnly => return None,
    };
    let (mut statements, mut grant) = (Vec::new(), None);
    for source in sources {
        match source {
            Source::Statement(index) => {
                statements.extend(typed.statements.get(index).map(|one| after.label(one)));
            }
            Source::Grant(index) => grant = grant.or(grants.get(index).map(Grant::label)),
            Source::Document => {}
        }
    }
    Some(Way::Through(verb, through(grant, &statements)))
}

fn is_whole_own_account(who: &str, key: &KeyContext) -> bool {
    key.account.as_deref().is_some_and(|account| who.ends_with(&format!(":iam::{account}:root")))
}

fn is_of_own_account(arn: &str, key: &KeyContext) -> bool {
    arn.split(':').nth(4) == key.account.as_deref()
}
