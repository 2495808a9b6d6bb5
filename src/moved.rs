//! Renames recorded keys as the configuration says. AWS is not changed: the next plan changes the key's
//! name tag, and finds the grants by their recorded ids.

use crate::desired::Desired;
use crate::kind::{Address, KeyRef};
use crate::state::State;

/// Renames the records of moved keys, of their replicas and of their grants. A record that already has the
/// new address is kept, and the record of the old address is dropped: an interrupted apply has moved it.
pub fn apply(state: &mut State, desired: &Desired) {
    if desired.moved.is_empty() {
        return;
    }
    for (address, mut record) in std::mem::take(&mut state.records) {
        if let Some(key) = record.spec.key_mut()
            && let KeyRef::Managed(of) = key
            && let Some(to) = desired.renamed(of)
        {
            *key = KeyRef::Managed(to);
        }
        let renamed: Option<Address> = desired.renamed(&address);
        match renamed {
            Some(to) => drop(state.records.entry(to).or_insert(record)),
            None => drop(state.records.insert(address, record)),
        }
    }
}
