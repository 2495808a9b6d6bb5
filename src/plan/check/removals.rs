//! The gate on the number of principals that lose access to one key in one change: by its policy, by its grants, and
//! because the key is disabled or deleted.

use super::gates::{HELP, key_context, reason, written};
use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Spec, Violation, grant};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::Document;
use crate::policy::gates::{Lost, excess, lost};
use std::collections::{BTreeMap, BTreeSet};

/// The access to a key that ends, and the steps that end it.
#[derive(Default)]
struct Ending<'a> {
    lost: Lost,
    steps: BTreeSet<&'a Address>,
}

/// Objects to the steps by which more principals lose access to a key than a change may.
pub(super) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let Some(limit) = draft.desired.all_gates().filter_map(|gates| gates.removals).min() else {
        return Vec::new();
    };
    let mut endings: BTreeMap<KeyRef, Ending<'_>> = BTreeMap::new();
    for step in &draft.plan.steps {
        for (key, lost) in losses(step, draft) {
            let ending = endings.entry(key).or_default();
            ending.lost.extend(lost);
            ending.steps.insert(&step.address);
        }
    }
    let mut objections = Vec::new();
    for Ending { lost, steps } in endings.values() {
        if let Some(breach) = excess(limit, lost) {
            let violation = || Violation::new("", reason(&breach), HELP);
            objections.extend(steps.iter().map(|address| Objection::new(address, violation())));
        }
    }
    objections
}

/// Returns who loses access by a step, by key.
fn losses(step: &Step, draft: &Draft<'_>) -> Vec<(KeyRef, Lost)> {
    if let Some(from) = step.change.from().and_then(Spec::as_grant) {
        let to = step.change.to().and_then(Spec::as_grant);
        return by_grant(step, from, to).into_iter().collect();
    }
    let own = || KeyRef::Managed(step.address.clone());
    let shared = step.change.from().and_then(Spec::as_key_policy);
    let key = shared.map_or_else(own, |policy| policy.key.clone());
    let mut all = Vec::new();
    if let Some(subject) = written(step, &draft.desired)
        && let (Some(before), Some(after)) = (&subject.before, &subject.after)
    {
        all.push((key.clone(), lost(before, after, &subject.key)));
    }
    if ends(step) {
        all.push((key, by_end(step, draft)));
    }
    all
}

/// Returns who loses access by a grant that is revoked, or that another grant with less access replaces.
fn by_grant(step: &Step, from: &grant::Spec, to: Option<&grant::Spec>) -> Option<(KeyRef, Lost)> {
    let is_less = match (&step.change, to) {
        (Change::Delete { .. }, _) => true,
        (Change::Update { .. } | Change::Import { .. }, Some(to)) => {
            let is_narrower = to.constraints.is_some() && to.constraints != from.constraints;
            from.grantee != to.grantee || !from.operations.is_subset(&to.operations) || is_narrower
        }
        _ => false,
    };
    is_less.then(|| (from.key.clone(), Lost::of([from.grantee.clone()])))
}

/// Returns whether the step disables a key that is enabled, or deletes it.
fn ends(step: &Step) -> bool {
    let is_disabled = |spec: &Spec| spec.as_key().is_some_and(|key| key.enabled == Some(false));
    let is_key = step.change.from().is_some_and(|spec| spec.as_key().is_some());
    is_key
        && match &step.change {
            Change::Delete { .. } => true,
            Change::Update { from, to } => is_disabled(to) && !is_disabled(from),
            Change::Create { .. } | Change::Import { .. } | Change::Forget { .. } => false,
        }
}

/// Returns everyone who has access to a key by its policy or by a grant.
fn by_end(step: &Step, draft: &Draft<'_>) -> Lost {
    let own = draft.live.observed.values().filter_map(|seen| match seen {
        Observed::Present { spec, .. } => spec.as_grant(),
        Observed::Absent | Observed::Unusable { .. } => None,
    });
    let own = own.filter(|grant| grant.key.managed() == Some(&step.address));
    let own = own.map(|grant| grant.grantee.clone());
    let foreign = draft.live.foreign_grants.get(&step.address).into_iter().flatten();
    // AWS services use the key for resources, whose impact is judged by itself.
    let foreign = foreign.filter(|grant| !grant.is_of_service(&step.place.account));
    let mut all = Lost::of(own.chain(foreign.map(|grant| grant.grantee.clone())));
    if let Some(policy) = step.change.from().and_then(Spec::policy) {
        all.extend(lost(policy, &Document::empty(), &key_context(step)));
    }
    all
}
