//! Records of declared resources, rebuilt from AWS before the stack is destroyed.

use super::check::found::doubt;
use crate::desired::Desired;
use crate::live::{Live, Observed};
use crate::state::{Record, State};

/// Adds the missing records of the declared resources that AWS has. The protection is that of the
/// configuration. A resource that may belong to somebody else gets no record.
pub fn rebuild(state: &mut State, desired: &Desired, live: &Live) {
    for (address, declared) in &desired.resources {
        if state.records.contains_key(address) {
            continue;
        }
        let Some(Observed::Present { id, place, spec, .. }) = live.observed.get(address) else {
            continue;
        };
        if *place != declared.place || doubt(address, id, declared, spec, desired, live).is_some() {
            continue;
        }
        let complete = declared.spec.complete(spec, &desired.stack);
        let record = Record {
            id: id.clone(),
            place: place.clone(),
            spec: declared.spec.recorded(None, &complete),
            protect: declared.protect,
            partial: false,
            intent: None,
        };
        state.records.insert(address.clone(), record);
    }
}
