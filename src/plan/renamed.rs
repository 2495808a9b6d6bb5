//! Keys that look like undeclared keys of the stack under a new name.

use crate::desired::{Declared, Desired};
use crate::id::Place;
use crate::kind::{Address, Kind, Spec, Violation, key};
use crate::live::{Live, Observed};
use crate::state::State;

/// The keys of the stack that are not declared and stay.
pub(super) struct Undeclared<'a>(Vec<(&'a Address, &'a str, &'a Place, &'a key::Spec)>);

impl<'a> Undeclared<'a> {
    /// Finds the keys. A recorded key whose deletion is prepared (`protect: false`) does not stay.
    pub(super) fn of(desired: &Desired, state: &State, live: &'a Live) -> Self {
        let mut keys = Vec::new();
        for (address, seen) in &live.observed {
            let leaves = desired.forget.contains(address)
                || state.records.get(address).is_some_and(|record| !record.protect);
            if address.kind == Kind::Key
                && !desired.resources.contains_key(address)
                && !leaves
                && let Observed::Present { id, place, spec, .. } = seen
                && let Spec::Key(key) = &**spec
                && key.deletion.is_none()
            {
                keys.push((address, id.as_str(), place, key));
            }
        }
        Self(keys)
    }

    /// Returns why a declared key must not be created: an undeclared key has the same description and the
    /// same fixed properties, so it is probably this key under its old name.
    pub(super) fn objection(&self, address: &Address, declared: &Declared) -> Option<Violation> {
        let Spec::Key(new) = &declared.spec else {
            return None;
        };
        let description = new.description.as_deref().filter(|text| !text.is_empty())?;
        let is_same = |old: &key::Spec| {
            old.description.as_deref() == Some(description)
                && new.spec.as_ref().is_none_or(|spec| old.spec.as_ref() == Some(spec))
                && new.usage.as_ref().is_none_or(|usage| old.usage.as_ref() == Some(usage))
                && new.multi_region.unwrap_or(false) == old.multi_region.unwrap_or(false)
        };
        let (old, id, ..) =
            self.0.iter().find(|(_, _, place, key)| **place == declared.place && is_same(key))?;
        Some(Violation::new(
            "",
            format!(
                "`{old}` (`{id}`) is not declared, and has the same description: this looks like the \
                 same key under a new name"
            ),
            format!(
                "if the key was renamed, add `moved: [{{from: {old}, to: {address}}}]` to the \
                 configuration, or run `kmsctl state mv {old} {address}`; if it was not, change the \
                 description, or list `{old}` under `removed`"
            ),
        ))
    }
}
