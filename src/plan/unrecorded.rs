//! The drift of resources without a record, which are compared with the configuration.

use super::check::found::doubt;
use super::{Drift, field};
use crate::desired::Desired;
use crate::kind::{Address, Kind};
use crate::live::{Live, Observed};
use crate::state::State;

/// Returns the differences between AWS and the configuration of the resources without a record.
pub(super) fn drift(desired: &Desired, state: &State, live: &Live) -> Vec<Drift> {
    let mut drift = Vec::new();
    for (address, declared) in &desired.resources {
        if state.records.contains_key(address) || is_doubtful(address, desired, state, live) {
            continue;
        }
        let fields = match live.observed.get(address) {
            Some(Observed::Unusable { .. }) => continue,
            Some(Observed::Present { spec, .. }) => {
                let expected = declared.spec.complete(spec, &desired.stack);
                if expected == **spec {
                    continue;
                }
                field::changes(Some(&expected), Some(spec))
            }
            Some(Observed::Absent) | None => field::changes(Some(&declared.spec), None),
        };
        drift.push(Drift { address: address.clone(), fields });
    }
    // A grant of the stack that is neither declared nor recorded gives access.
    for (address, seen) in &live.observed {
        if address.kind == Kind::Grant
            && !desired.resources.contains_key(address)
            && !state.records.contains_key(address)
            && let Observed::Present { spec, .. } = seen
        {
            let fields = field::changes(None, Some(spec));
            drift.push(Drift { address: address.clone(), fields });
        }
    }
    drift
}

/// Returns whether a declared resource without a record was found only by its tags and may belong to somebody else.
pub(super) fn is_doubtful(
    address: &Address,
    desired: &Desired,
    state: &State,
    live: &Live,
) -> bool {
    let (Some(declared), Some(Observed::Present { id, spec, .. })) =
        (desired.resources.get(address), live.observed.get(address))
    else {
        return false;
    };
    !state.records.contains_key(address)
        && doubt(address, id, declared, spec, desired, live).is_some()
}
