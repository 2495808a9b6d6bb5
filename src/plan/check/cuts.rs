//! Policy changes that withdraw statements from a key that a blocked consumer still uses.

use crate::kind::{KeyRef, Spec, Violation};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::derive::withdraws as withdraws_from;
use std::collections::BTreeMap;

/// Objects to changes that withdraw statements from the policy of a key while a consumer of the key,
/// which is no longer declared, is blocked: the consumer stays, and may need them.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let users = blocked_users(draft);
    if users.is_empty() {
        return Vec::new();
    }
    let steps = draft.plan.steps.iter().filter(|step| withdraws(step));
    let objections = steps.filter_map(|step| {
        let part = step.change.to().and_then(Spec::as_key_policy).map(|policy| policy.key.clone());
        let key = part.unwrap_or_else(|| KeyRef::Managed(step.address.clone()));
        let user = users.get(&key)?;
        let reason =
            format!("`{user}` is blocked, and may still need the statements to be removed");
        let help = format!("resolve what blocks `{user}` first");
        Some(Objection::new(&step.address, Violation::new("policy", reason, help)))
    });
    objections.collect()
}

/// The blocked consumers that are not declared, by the keys that they use in AWS.
fn blocked_users(draft: &Draft<'_>) -> BTreeMap<KeyRef, String> {
    let blocked = draft.plan.blocked.iter().map(|blocked| &blocked.address);
    let undeclared = blocked.filter(|address| {
        address.kind.is_consumer() && !draft.desired.resources.contains_key(*address)
    });
    let users = undeclared.filter_map(|address| match draft.live.observed.get(address)? {
        Observed::Present { spec, .. } => {
            let key = spec.as_consumer()?.key()?;
            Some((key.clone(), address.to_string()))
        }
        Observed::Absent | Observed::Unusable { .. } => None,
    });
    users.collect()
}

/// Whether a step removes or changes a statement of a policy.
fn withdraws(step: &Step) -> bool {
    let policy = |spec: Option<&Spec>| spec.and_then(Spec::policy).cloned();
    let policies = policy(step.change.from()).zip(policy(step.change.to()));
    policies.is_some_and(|(before, after)| withdraws_from(&before, &after))
}
