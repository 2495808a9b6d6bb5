//! The drift of resources without a record, which are compared with the configuration.

use super::same_access::with_live_policy;
use super::{Drift, Happened};
use crate::desired::Desired;
use crate::kind::{Address, Kind};
use crate::live::{Live, Observed};
use crate::state::State;
use std::collections::BTreeSet;

/// Returns the differences between AWS and the configuration of the resources without a record. The doubtful ones are
/// not compared.
pub(super) fn drift(
    desired: &Desired,
    state: &State,
    live: &Live,
    doubtful: &BTreeSet<Address>,
) -> Vec<Drift> {
    let mut drift = Vec::new();
    for (address, declared) in &desired.resources {
        if state.records.contains_key(address) || doubtful.contains(address) {
            continue;
        }
        let found = match live.observed.get(address) {
            Some(Observed::Unusable { .. }) => continue,
            Some(Observed::Present { spec, .. }) => {
                let expected = declared.spec.complete(spec, &desired.stack);
                let same = with_live_policy(address, &expected, spec, desired, live);
                let expected = same.unwrap_or(expected);
                let happened = match spec.as_key().and_then(|key| key.deletion.as_ref()) {
                    Some(_) => Happened::Scheduled,
                    None => Happened::Changed,
                };
                Drift::between(address, Some(&expected), Some(spec))
                    .map(|drift| Drift { happened, ..drift })
            }
            Some(Observed::Absent) | None => Drift::between(address, Some(&declared.spec), None)
                .map(|drift| Drift { happened: Happened::Missing, ..drift }),
        };
        drift.extend(found);
    }
    // A grant of the stack that is neither declared nor recorded gives access.
    for (address, seen) in &live.observed {
        if address.kind == Kind::Grant
            && !desired.resources.contains_key(address)
            && !state.records.contains_key(address)
            && let Observed::Present { spec, .. } = seen
        {
            drift.extend(Drift::between(address, None, Some(spec)));
        }
    }
    drift
}
