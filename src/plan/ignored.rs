//! Says why a difference between AWS and the record leads to no change.

use super::{Drift, Plan, Step};
use crate::kind::{Address, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The explanation for a key that was disabled by another caller, perhaps in an emergency.
const DISABLED: &str = "the key stays disabled, because the configuration does not set `enabled`: write `enabled: true` \
                        to enable it, or `enabled: false` to keep it disabled";
const DYING: &str = "its deletion is scheduled already";
const UNSET: &str = "nothing is changed, because the configuration does not set these fields";

/// Adds the reasons to the differences of a plan that no step and no blocked change is about.
pub(super) fn explain(plan: &mut Plan, destroys: bool) {
    let steps: BTreeMap<&Address, &Step> =
        plan.steps.iter().map(|step| (&step.address, step)).collect();
    let blocked: BTreeSet<&Address> = plan.blocked.iter().map(|blocked| &blocked.address).collect();
    for drift in &mut plan.drift {
        let step = steps.get(&drift.address).copied();
        if !blocked.contains(&drift.address) {
            drift.ignored = reason(drift, step, destroys).map(str::to_owned);
        }
    }
}

fn reason(drift: &Drift, step: Option<&Step>, destroys: bool) -> Option<&'static str> {
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
        None => Some(UNSET),
    }
}
