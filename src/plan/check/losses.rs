//! Checks for the deletion of keys that consumers of the stack still use. AWS deletes a key regardless of
//! the data that it encrypts, and that data cannot be decrypted after that (KMS Developer Guide, "Delete
//! an AWS KMS key").

use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec, Violation};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::BTreeMap;

/// Objects to the deletion of keys that consumers still use after the plan, for example because they are
/// protected or because kmsctl did not create them.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let steps = &draft.plan.steps;
    let is_deletion = |step: &&Step| {
        step.address.kind == Kind::Key && matches!(step.change, Change::Delete { .. })
    };
    let mut deletions = steps.iter().filter(is_deletion).peekable();
    if deletions.peek().is_none() {
        return Vec::new();
    }
    let steps: BTreeMap<&Address, &Step> = steps.iter().map(|step| (&step.address, step)).collect();
    let users = users(draft);
    let objections = deletions.filter_map(|step| {
        let key = &step.address;
        let staying = users.get(key)?.iter().filter(|user| !leaves(steps.get(*user), key));
        let names: Vec<String> = staying.map(|user| format!("`{user}`")).collect();
        (!names.is_empty()).then(|| Objection::new(key, needed(&names)))
    });
    objections.collect()
}

/// Returns the objection to deleting a key that the consumers use.
fn needed(users: &[String]) -> Violation {
    Violation::new(
        "",
        format!("without the key, {} would stop working", users.join(", ")),
        "in an apply before, give these resources another key or, if their kind allows it, `key: null`, or \
         delete them",
    )
}

/// Returns the live consumers, by the key of the stack that they use.
fn users<'a>(draft: &'a Draft<'_>) -> BTreeMap<&'a Address, Vec<&'a Address>> {
    let mut users: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    for (address, observed) in &draft.live.observed {
        if let Observed::Present { spec, .. } = observed
            && let Some(key) = key_of(spec)
        {
            users.entry(key).or_default().push(address);
        }
    }
    users
}

/// Returns the key of the stack that a consumer uses.
fn key_of(spec: &Spec) -> Option<&Address> {
    spec.as_consumer()?.key().and_then(KeyRef::managed)
}

/// Returns whether the step of a consumer deletes the consumer or gives it another key.
fn leaves(step: Option<&&Step>, key: &Address) -> bool {
    step.is_some_and(|step| match &step.change {
        Change::Delete { .. } => true,
        Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
            key_of(to) != Some(key)
        }
        Change::Forget { .. } => false,
    })
}
