//! The records of declared resources, as a plan writes them, and rebuilt from AWS before the stack is destroyed.

use super::check::found::doubt;
use super::obstacle::is_in_another_place;
use super::{Blocked, takeover};
use crate::desired::{Declared, Desired};
use crate::kind::key::STACK_TAG;
use crate::kind::{Address, Spec, Violation};
use crate::live::{Live, Observed};
use crate::state::{Record, State};
use std::collections::{BTreeMap, BTreeSet};

/// Adds the missing records of the declared resources that AWS has. The protection is that of the
/// configuration. Returns the resources that cannot be destroyed, because it is not certain that they belong to the
/// stack; they get no record.
#[must_use]
pub fn rebuild(state: &mut State, desired: &Desired, live: &Live) -> Vec<Blocked> {
    let mut blocked = Vec::new();
    let before = state.clone();
    for (address, declared) in &desired.resources {
        let Some(seen) = live.observed.get(address) else {
            continue;
        };
        if state.records.contains_key(address) || deletion(seen).is_some() {
            continue;
        }
        if let Some(violation) = objection(address, declared, seen, desired, live) {
            let Violation { field, reason, help } = violation;
            blocked.push(Blocked { address: address.clone(), field, reason, help });
        } else if let Observed::Present { id, spec, .. } = seen {
            let complete = declared.spec.complete(spec, &desired.stack);
            let found = takeover::found(address, (spec, &complete), desired, &before);
            let mut record = record(declared, None, id, &complete, found);
            record.protect |= desired.is_guarded(address);
            state.records.insert(address.clone(), record);
        }
    }
    blocked
}

/// Returns the declared keys without a record whose deletion is scheduled, with AWS's dates. Nothing is left to destroy
/// of them.
#[must_use]
pub fn scheduled(state: &State, desired: &Desired, live: &Live) -> BTreeMap<Address, String> {
    let declared = desired.resources.keys();
    let unrecorded = declared.filter(|address| !state.records.contains_key(address));
    let dated = |address: &Address| {
        Some((address.clone(), deletion(live.observed.get(address)?)?.to_owned()))
    };
    unrecorded.filter_map(dated).collect()
}

/// Returns the date on which KMS deletes a key, if its deletion is scheduled.
fn deletion(seen: &Observed) -> Option<&str> {
    match seen {
        Observed::Present { spec, .. } => spec.as_key()?.deletion.as_deref(),
        Observed::Absent | Observed::Unusable { .. } => None,
    }
}

/// Returns the record of a resource that is as declared. `complete` is its whole form.
pub(super) fn record(
    declared: &Declared,
    before: Option<&Record>,
    id: &str,
    complete: &Spec,
    found: BTreeSet<String>,
) -> Record {
    Record {
        id: id.to_owned(),
        place: declared.place.clone(),
        spec: declared.spec.recorded(before.map(|record| &record.spec), complete),
        protect: declared.protect,
        found,
        partial: false,
        intent: None,
    }
}

/// Returns why a resource without a record must not be deleted.
fn objection(
    address: &Address,
    declared: &Declared,
    seen: &Observed,
    desired: &Desired,
    live: &Live,
) -> Option<Violation> {
    let (id, spec) = match seen {
        Observed::Absent => return None,
        Observed::Unusable { reason, help } => return Some(Violation::new("", reason, help)),
        Observed::Present { id, spec, .. } => (id, spec),
    };
    if declared.spec.as_key().is_some_and(|key| !key.tags.contains_key(STACK_TAG)) {
        let reason = "it was taken over without the tags of the stack";
        let help =
            "write `tag: true` and apply, or stop managing it with `removed: [{action: forget}]`";
        return Some(Violation::new("", reason, help));
    }
    if live.duplicates.contains_key(address) && declared.adopt.is_none() {
        let reason =
            "several keys carry the tags of this key, and there is no record of the right one";
        let help = "name the right key with `adopt: ARN` in its declaration";
        return Some(Violation::new("", reason, help));
    }
    let mut aliases = live.undeclared_aliases.iter();
    if let Some(((_, alias), _)) = aliases.find(|(_, key)| *key == address) {
        let reason = format!("`{alias}` refers to `{id}` and is not declared");
        let help =
            "declare the alias if it belongs to the stack; otherwise somebody else uses the key";
        return Some(Violation::new("", reason, help));
    }
    is_in_another_place(seen, declared)
        .or_else(|| doubt(address, id, declared, spec, desired, live))
}
