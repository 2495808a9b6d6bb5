//! Renames recorded keys as the configuration says. AWS is not changed: the next plan changes the key's
//! name tag, and finds the grants by their recorded ids.

use crate::desired::Desired;
use crate::kind::{Address, KeyRef, Kind};
use crate::state::State;

/// The old and the new address of a key are recorded as different keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{from}` cannot be moved to `{to}`: `{to}` is recorded as another key")]
pub struct Conflict {
    /// The old address.
    pub from: Address,
    /// The new address.
    pub to: Address,
}

/// Renames the records of moved keys, of their replicas and of their grants. If both addresses of a key are
/// recorded with one id, an interrupted apply has moved the key, and the record of the old address is
/// dropped.
///
/// # Errors
/// Returns an error, and changes nothing, if both addresses of a key are recorded as different keys.
pub fn apply(state: &mut State, desired: &Desired) -> Result<(), Conflict> {
    if desired.moved.is_empty() {
        return Ok(());
    }
    for (from, record) in state.records.iter().filter(|(address, _)| address.kind == Kind::Key) {
        if let Some(to) = desired.renamed(from)
            && state.records.get(&to).is_some_and(|other| other.id != record.id)
        {
            return Err(Conflict { from: from.clone(), to });
        }
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
    Ok(())
}
