//! Keys that look like undeclared keys of the stack under a new name.

use crate::desired::{Declared, Desired};
use crate::id::Place;
use crate::kind::{Address, Kind, Spec, Violation, key};
use crate::live::{Live, Observed};
use crate::state::State;

/// The keys of the stack that are not declared.
pub(super) struct Undeclared<'a>(Vec<(&'a Address, &'a str, &'a Place, &'a key::Spec)>);

impl<'a> Undeclared<'a> {
    /// Finds the keys.
    pub(super) fn of(desired: &Desired, live: &'a Live) -> Self {
        let mut keys = Vec::new();
        for (address, seen) in &live.observed {
            if address.kind == Kind::Key
                && !desired.resources.contains_key(address)
                && !desired.forget.contains(address)
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
    pub(super) fn objection(
        &self,
        address: &Address,
        declared: &Declared,
        state: &State,
    ) -> Option<Violation> {
        let Spec::Key(new) = &declared.spec else {
            return None;
        };
        let (old, id, ..) = self
            .0
            .iter()
            .find(|(_, _, place, old)| **place == declared.place && is_same(old, new))?;
        let likeness = match new.description.as_deref() {
            None | Some("") => "properties, without a description",
            Some(_) => "description",
        };
        Some(Violation::new(
            "",
            format!(
                "`{old}` (`{id}`) is not declared, and has the same {likeness}: this looks like the same \
                 key under a new name"
            ),
            format!(
                "{}; if it was not, declare `{old}` as well until `{address}` exists, or give `{address}` \
                 another description",
                state.renaming(old, address)
            ),
        ))
    }
}

/// Returns why an undeclared key must not be deleted: it looks like a declared key under its old name. The
/// alias of that key refers to it, or that key does not exist and has the same description.
pub(super) fn leaves(
    (desired, state): (&Desired, &State),
    live: &Live,
    old: &Address,
    place: &Place,
    spec: &Spec,
) -> Option<Violation> {
    let Spec::Key(key) = spec else {
        return None;
    };
    let new = match live.renamed.get(old) {
        Some(new) => new,
        None => successor(desired, live, place, key)?,
    };
    let reason = format!("it looks like `{new}` under its old name");
    let help =
        format!("{}; if it was not, declare both until `{new}` exists", state.renaming(old, new));
    Some(Violation::new("", reason, help))
}

/// Returns the declared key that does not exist and is probably an undeclared key under a new name.
fn successor<'a>(
    desired: &'a Desired,
    live: &Live,
    place: &Place,
    old: &key::Spec,
) -> Option<&'a Address> {
    for (address, declared) in &desired.resources {
        let is_missing = matches!(live.observed.get(address), None | Some(Observed::Absent));
        if is_missing
            && declared.place == *place
            && let Some(new) = declared.spec.as_key()
            && is_same(old, new)
        {
            return Some(address);
        }
    }
    None
}

/// Returns whether an existing key and a declared one have the same description, or both none, and the same
/// properties that AWS fixes at creation.
fn is_same(old: &key::Spec, new: &key::Spec) -> bool {
    let description = |key: &key::Spec| key.description.clone().unwrap_or_default();
    description(old) == description(new)
        && new.spec.as_ref().is_none_or(|spec| old.spec.as_ref() == Some(spec))
        && new.usage.as_ref().is_none_or(|usage| old.usage.as_ref() == Some(usage))
        && new.multi_region.unwrap_or(false) == old.multi_region.unwrap_or(false)
}
