//! Policy changes that withdraw statements from a key that an undeclared consumer still uses.

use crate::kind::{Address, ConsumerSpec, KeyRef, Spec, Violation};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::derive::withdraws as withdraws_from;
use std::collections::{BTreeMap, BTreeSet};

/// Objects to changes that withdraw statements from the policy of a key while a consumer of the key, which is
/// no longer declared, stays: its deletion is blocked, or it has no record. It may need the statements.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let users = staying_users(draft);
    if users.is_empty() {
        return Vec::new();
    }
    let mut objections = Vec::new();
    for step in draft.plan.steps.iter().filter(|step| withdraws(step)) {
        let policy = step.change.to().and_then(Spec::as_key_policy);
        let key = match policy {
            Some(policy) => policy.key.clone(),
            None => KeyRef::Managed(step.address.clone()),
        };
        if let Some(user) = users.get(&key) {
            let reason = format!(
                "`{user}` is no longer declared but stays, and may still need the statements to be \
                 removed"
            );
            let help = format!(
                "declare `{user}` again, or delete it; or resolve what blocks its deletion; or remove \
                 its tags `kmsctl:stack` and `kmsctl:name` if it does not need the key"
            );
            objections.push(Objection::new(&step.address, Violation::new("policy", reason, help)));
        }
    }
    objections
}

/// Returns the undeclared consumers that no step deletes or forgets, by the keys that they use in AWS.
fn staying_users(draft: &Draft<'_>) -> BTreeMap<KeyRef, String> {
    let leaving: BTreeSet<&Address> = draft
        .plan
        .steps
        .iter()
        .filter(|step| step.change.to().is_none())
        .map(|step| &step.address)
        .collect();
    let mut users = BTreeMap::new();
    for (address, seen) in &draft.live.observed {
        if address.kind.is_consumer()
            && !draft.desired.resources.contains_key(address)
            && !draft.desired.forget.contains(address)
            && !leaving.contains(address)
            && let Observed::Present { spec, .. } = seen
            && let Some(key) = spec.as_consumer().and_then(ConsumerSpec::key)
        {
            users.insert(key.clone(), address.to_string());
        }
    }
    users
}

/// Whether a step removes or changes a statement of a policy.
fn withdraws(step: &Step) -> bool {
    let policy = |spec: Option<&Spec>| spec.and_then(Spec::policy).cloned();
    let policies = policy(step.change.from()).zip(policy(step.change.to()));
    policies.is_some_and(|(before, after)| withdraws_from(&before, &after))
}
