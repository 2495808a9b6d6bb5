//! Says why a difference between AWS and the record leads to no change.

use super::{Drift, FieldChange, Happened, Plan, Step, field};
use crate::desired::Desired;
use crate::id::Place;
use crate::kind::{Address, Kind, Spec};
use crate::live::{Live, Observed};
use crate::state::State;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The explanation for a key that was disabled by another caller, perhaps in an emergency.
const DISABLED: &str = "the key stays disabled, because the configuration does not set `enabled`: write `enabled: true` \
                        to enable it, or `enabled: false` to keep it disabled";
const DYING: &str = "its deletion is scheduled already";
const UNSET: &str = "nothing is changed, because the configuration does not set these fields";
const SAME: &str = "nothing is changed, because the configuration has these values too, or does not set the \
                    fields";

/// Leaves out the grants and the other resources that only have another address now: what a record names exists.
pub(super) fn renamed(plan: &mut Plan, state: &State, live: &Live) {
    let present = live.observed.iter().filter_map(|(address, seen)| match seen {
        Observed::Present { id, place, .. } => Some((address.kind, id.as_str(), place)),
        Observed::Absent | Observed::Unusable { .. } => None,
    });
    let found: BTreeSet<(Kind, &str, &Place)> = present.collect();
    plan.drift.retain(|drift| {
        let record = state.records.get(&drift.address);
        let exists = record.is_some_and(|record| {
            found.contains(&(drift.address.kind, record.id.as_str(), &record.place))
        });
        drift.happened != Happened::Deleted || drift.address.kind == Kind::Key || !exists
    });
}

/// Adds the reasons to the differences of a plan that no step and no blocked change is about.
pub(super) fn explain(plan: &mut Plan, desired: &Desired) {
    let steps: BTreeMap<&Address, &Step> =
        plan.steps.iter().map(|step| (&step.address, step)).collect();
    let blocked: BTreeSet<&Address> = plan.blocked.iter().map(|blocked| &blocked.address).collect();
    for drift in &mut plan.drift {
        let step = steps.get(&drift.address).copied();
        if !blocked.contains(&drift.address) {
            let declared = desired.resources.get(&drift.address).map(|one| &one.spec);
            let reason = reason(drift, step, declared, desired.destroys);
            drift.ignored = reason.map(str::to_owned);
        }
    }
}

fn reason(
    drift: &Drift,
    step: Option<&Step>,
    declared: Option<&Spec>,
    destroys: bool,
) -> Option<&'static str> {
    let is_handled =
        |path: &str| step.is_some_and(|step| step.fields.iter().any(|field| field.path == path));
    let is_disabled = drift.address.kind == Kind::Key
        && drift.fields.iter().any(|f| f.path == "enabled" && f.after == Value::Bool(false));
    if is_disabled && !is_handled("enabled") {
        return Some(DISABLED);
    }
    let is_dying =
        drift.fields.iter().any(|f| f.path.starts_with("deletion") && !f.after.is_null());
    match step {
        Some(_) => None,
        None if is_dying => Some(DYING),
        // Nothing is declared then.
        None if destroys => None,
        None => Some(if is_declared(drift, declared) { SAME } else { UNSET }),
    }
}

/// Returns whether the configuration has one of the values that AWS has now.
fn is_declared(drift: &Drift, declared: Option<&Spec>) -> bool {
    let Some(declared) = declared else { return false };
    let values = field::changes(None, Some(declared));
    let is_same =
        |one: &FieldChange, other: &FieldChange| one.path == other.path && one.after == other.after;
    drift.fields.iter().any(|field| values.iter().any(|value| is_same(field, value)))
}
