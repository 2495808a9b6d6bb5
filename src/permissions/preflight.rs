//! The planned calls that the keys' own policies deny, as far as that is known before the first call.
//!
//! Only what is certain is reported as denied: a condition whose values are not known is no denial, and neither is the
//! lack of an `Allow` for what a grant on the key may allow.

use super::table::{Need, On, find};
use crate::id::{AccountId, KeyArn, Place};
use crate::kind::{Address, Call, Ids, KeyRef, Spec, alias, grant};
use crate::plan::{Plan, PlannedCall, Step};
use crate::policy::Document;
use crate::policy::eval::{
    Context, Decision, Denial, Principal, Request, RequestedAction, TargetKey, decide,
};
use std::collections::{BTreeMap, BTreeSet};

/// The facts that are known before the first call.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The ARNs of the stack's keys.
    pub ids: &'a Ids,
    /// The live policies of keys, as far as they were read.
    pub policies: &'a BTreeMap<KeyArn, Document>,
    /// The live policies of further keys, which were read for this check.
    pub more: &'a BTreeMap<KeyArn, Document>,
    /// The operations that the grants on each key allow, as far as its grants were listed.
    pub granted: &'a BTreeMap<KeyArn, BTreeSet<String>>,
    /// The account and the ARN of the identity that makes the calls.
    pub home: &'a AccountId,
    /// The ARN of that identity.
    pub caller: &'a str,
    /// The roles that the run assumes in other accounts.
    pub roles: &'a BTreeMap<AccountId, String>,
}

impl Facts<'_> {
    /// Returns the live policy of a key, if it is known.
    #[must_use]
    pub fn policy(&self, key: &KeyArn) -> Option<&Document> {
        self.policies.get(key).or_else(|| self.more.get(key))
    }

    /// Returns the ARN of the identity that sends the calls to an account.
    #[must_use]
    pub fn identity(&self, account: &AccountId) -> &str {
        let role = self.roles.get(account).filter(|_| account != self.home);
        role.map_or(self.caller, String::as_str)
    }
}

/// An action that the policy of a key denies to the identity that needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// The key.
    pub key: KeyArn,
    /// The ARN of the identity.
    pub identity: String,
    /// The Sid or the number of the `Deny` statement, such as `#2`; `None` if no statement allows the action or leaves
    /// it to IAM policies.
    pub statement: Option<String>,
    /// The action.
    pub action: &'static str,
    /// The addresses of the resources that need it.
    pub addresses: BTreeSet<Address>,
}

/// Returns every action of a plan that the policy of a key certainly denies.
#[must_use]
pub fn denied(plan: &Plan, facts: &Facts<'_>) -> Vec<Denied> {
    let coming = coming(plan, facts);
    let mut found: BTreeMap<(KeyArn, String, Option<String>, &'static str), BTreeSet<Address>> =
        BTreeMap::new();
    for (step, planned) in calls(plan) {
        let identity = facts.identity(&planned.at.account);
        for (key, action) in needed(step, planned, facts) {
            let Some(policy) = facts.policy(&key) else { continue };
            let is_granted = may_be_granted(&key, action, plan, facts);
            let denial = |policy| denial(policy, &key, identity, action, is_granted);
            let Some(statement) = denial(policy) else { continue };
            // A policy of the same run may allow the calls after it.
            let later = coming.get(&key).filter(|_| action != "kms:PutKeyPolicy");
            let is_allowed_later =
                later.into_iter().flatten().any(|policy| denial(policy).is_none());
            if !is_allowed_later {
                let place = (key, identity.to_owned(), statement, action);
                found.entry(place).or_default().insert(step.address.clone());
            }
        }
    }
    let all = found.into_iter();
    all.map(|((key, identity, statement, action), addresses)| Denied {
        key,
        identity,
        statement,
        action,
        addresses,
    })
    .collect()
}

/// Returns the existing keys that the calls of a plan are about and whose policies are not known.
#[must_use]
pub fn unread(plan: &Plan, facts: &Facts<'_>) -> BTreeSet<KeyArn> {
    let keys = calls(plan).flat_map(|(step, planned)| keys(step, planned, facts));
    keys.filter(|key| facts.policy(key).is_none()).collect()
}

fn calls(plan: &Plan) -> impl Iterator<Item = (&Step, &PlannedCall)> {
    plan.steps
        .iter()
        .flat_map(|step| step.calls.iter().chain(&step.last).map(move |call| (step, call)))
}

/// Returns the policies that the run gives to existing keys.
fn coming<'a>(plan: &'a Plan, facts: &Facts<'_>) -> BTreeMap<KeyArn, Vec<&'a Document>> {
    let mut coming: BTreeMap<KeyArn, Vec<&Document>> = BTreeMap::new();
    for (step, planned) in calls(plan) {
        if let Some(policy) = planned.call.policy() {
            for key in keys(step, planned, facts) {
                coming.entry(key).or_default().push(policy);
            }
        }
    }
    coming
}

/// Returns the actions on existing keys that a call needs.
fn needed(step: &Step, planned: &PlannedCall, facts: &Facts<'_>) -> Vec<(KeyArn, &'static str)> {
    let Some((_, operation)) = find(planned.call.service(), planned.call.operation()) else {
        return Vec::new();
    };
    let is_direct =
        |need: &&Need| matches!(need.on, On::Key | On::Primary) && need.dependent.is_none();
    let actions: Vec<&'static str> =
        operation.needs().filter(is_direct).map(|need| need.action).collect();
    let keys = keys(step, planned, facts);
    keys.into_iter()
        .flat_map(|key| actions.iter().map(move |action| (key.clone(), *action)))
        .collect()
}

/// Returns the existing keys that a call is about.
fn keys(step: &Step, planned: &PlannedCall, facts: &Facts<'_>) -> BTreeSet<KeyArn> {
    let refs: Vec<KeyRef> = match &planned.call {
        Call::Key(_) => {
            let own = step.id.as_deref().and_then(|id| id.parse::<KeyArn>().ok());
            let at: &Place = &planned.at;
            let primary =
                step.change.to().and_then(Spec::as_key).and_then(|key| key.primary.clone());
            match (own, primary) {
                (Some(arn), _) => vec![KeyRef::Arn(KeyArn::at(at, arn.id()))],
                (None, Some(primary)) => {
                    let arn = primary.key.resolve(facts.ids);
                    arn.into_iter().map(|arn| KeyRef::Arn(KeyArn::at(at, arn.id()))).collect()
                }
                (None, None) => Vec::new(),
            }
        }
        Call::Alias(alias::Call::UpdateAlias(_)) => {
            let specs = step.change.from().into_iter().chain(step.change.to());
            specs.flat_map(Spec::refs).cloned().collect()
        }
        Call::Alias(_) | Call::Grant(_) | Call::KeyPolicy(_) => {
            let spec = step.change.to().or(step.change.from());
            spec.into_iter().flat_map(Spec::refs).cloned().collect()
        }
        Call::ServiceLinkedRole(_) | Call::Consumer(_) => Vec::new(),
    };
    refs.iter().filter_map(|key| key.resolve(facts.ids)).collect()
}

/// Returns whether a grant on a key may allow an action: one that exists, or one that the plan creates.
fn may_be_granted(key: &KeyArn, action: &str, plan: &Plan, facts: &Facts<'_>) -> bool {
    let name = action.strip_prefix("kms:").unwrap_or(action);
    let is_planned = || {
        let grants = plan.steps.iter().filter_map(|step| step.change.to()?.as_grant());
        let mut own = grants.filter(|grant| grant.key.resolve(facts.ids).as_ref() == Some(key));
        own.any(|grant| grant.operations.contains(name))
    };
    grant::operations().contains(name)
        && (facts.granted.get(key).is_none_or(|granted| granted.contains(name)) || is_planned())
}

/// Returns the statement by which a policy certainly denies an action, if it does: `Some(None)` if nothing in it allows
/// the action, and no grant may.
fn denial(
    policy: &Document,
    key: &KeyArn,
    identity: &str,
    action: &str,
    is_granted: bool,
) -> Option<Option<String>> {
    match decision(policy, key, identity, action)? {
        Decision::Denied(Denial::Explicit(number)) => {
            let policy = policy.with_own_key(&key.to_string());
            let typed = policy.typed();
            let label = typed.statements.get(number).map(|statement| policy.label(statement));
            Some(Some(label.unwrap_or_default()))
        }
        Decision::Denied(Denial::Implicit | Denial::OtherAccount) => (!is_granted).then_some(None),
        Decision::Allowed(_)
        | Decision::Delegated(_)
        | Decision::Unknown(_)
        | Decision::IamOnly => None,
    }
}

/// Returns whether the policy of a key allows an action to an identity, so that no IAM policy needs to.
#[must_use]
pub fn is_allowed(policy: &Document, key: &KeyArn, identity: &str, action: &str) -> bool {
    matches!(decision(policy, key, identity, action), Some(Decision::Allowed(_)))
}

/// Decides about an action of which nothing but the identity is known. Returns `None` for what is no identity or
/// action.
fn decision(policy: &Document, key: &KeyArn, identity: &str, action: &str) -> Option<Decision> {
    let arn = key.to_string();
    let principal = Principal::parse(identity, key.region.partition()).ok()?;
    let action = RequestedAction::parse(action).ok()?;
    let target = TargetKey {
        partition: key.region.partition(),
        account: key.account.as_str(),
        arn: Some(&arn),
    };
    let request = Request { principal, action, context: Context::open() };
    Some(decide(&policy.with_own_key(&arn).typed(), &target, &[], &request))
}
