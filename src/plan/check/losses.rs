//! The deletion of a key that something of the stack still needs. AWS deletes a key whatever it
//! encrypts, and nothing that it encrypts can be read after that (KMS Developer Guide, "Delete an
//! AWS KMS key").

use crate::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec, Violation};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::BTreeMap;

/// Objects to the deletion of keys that consumers keep: those that are protected, kept, or not
/// kmsctl's to delete.
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

fn needed(users: &[String]) -> Violation {
    Violation::new(
        "",
        format!("without the key {} would stop working", users.join(", ")),
        "delete that first, or give it another key; what is not kmsctl's to delete, leave out in a \
         run before",
    )
}

/// The consumers that AWS has, by the key of the stack that they use.
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

/// The key of the stack that a consumer uses.
fn key_of(spec: &Spec) -> Option<&Address> {
    spec.common()?.key.as_ref()?.key().and_then(KeyRef::managed)
}

/// Whether a consumer's step deletes it, or gives it another key.
fn leaves(step: Option<&&Step>, key: &Address) -> bool {
    step.is_some_and(|step| match &step.change {
        Change::Delete { .. } => true,
        Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
            key_of(to) != Some(key)
        }
        Change::Forget { .. } => false,
    })
}
