//! What prevents the change of one resource.

use crate::desired::{Declared, Desired};
use crate::kind::{Address, Kind, Spec, Violation, key};
use crate::live::{Live, Observed};
use crate::state::Record;

/// Returns why a resource must not be changed to `to`, if so. `is_guarded` says whether a resource without a record is
/// protected whatever its declaration says. `primary` is the primary key in another Region, declared and
/// live, if the resource is a multi-Region key whose primary key has moved there.
pub(super) fn obstacle(
    declared: &Declared,
    record: Option<&Record>,
    is_guarded: bool,
    (from, to): (&Spec, &Spec),
    primary: Primary<'_>,
) -> Option<Violation> {
    let rotation = match (&declared.spec, from) {
        (Spec::Key(declared), Spec::Key(live)) => {
            let decides = match primary {
                Primary::Here => Some((declared, live)),
                Primary::There(declared, live) => Some((declared, live)),
                Primary::Unknown => None,
            };
            key::waking(declared, live, decides)
        }
        _ => None,
    };
    let protect = declared.protect || record.map_or(is_guarded, |record| record.protect);
    rotation.or_else(|| if protect { from.interruption(to) } else { None })
}

/// The key that decides the rotation of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Primary<'a> {
    /// The key itself.
    Here,
    /// The declared and the live form of the key of another Region.
    There(&'a key::Spec, &'a key::Spec),
    /// A key of another Region that the stack does not declare.
    Unknown,
}

impl<'a> Primary<'a> {
    /// Returns the key that decides the rotation of a key.
    pub(super) fn of(
        address: &Address,
        declared: &Declared,
        from: &Spec,
        desired: &'a Desired,
        live: &'a Live,
    ) -> Self {
        let region = from.as_key().and_then(|key| key.primary_region.as_ref());
        let Some(region) = region.filter(|region| **region != declared.place.region) else {
            return Self::Here;
        };
        let replica = Address::new(Kind::Key, format!("{}/{region}", address.name));
        let declared = desired.resources.get(&replica).and_then(|replica| replica.spec.as_key());
        let found = match live.observed.get(&replica) {
            Some(Observed::Present { spec, .. }) => spec.as_key(),
            Some(_) | None => None,
        };
        match (declared, found) {
            (Some(declared), Some(found)) => Self::There(declared, found),
            _ => Self::Unknown,
        }
    }
}

/// Returns whether a resource encrypts or holds data.
pub(super) fn has_data(address: &Address) -> bool {
    address.kind == Kind::Key || address.kind.is_consumer()
}

/// Returns the objection to a resource that is declared in another Region or account, since AWS cannot
/// move resources.
pub(super) fn is_in_another_place(seen: &Observed, declared: &Declared) -> Option<Violation> {
    let Observed::Present { place, spec, .. } = seen else {
        return None;
    };
    let stays = spec.as_key().is_some() || spec.as_consumer().is_some();
    (stays && *place != declared.place).then(|| {
        let (what, beside) = match spec.as_key() {
            Some(_) => ("key", ", and change the resources that use this one"),
            None => ("resource", ""),
        };
        Violation::new(
            "region",
            format!("the {what} is in {place}, and AWS cannot move it to {}", declared.place),
            format!(
                "set `region: {}` for this {what}; or declare a new one under another name{beside}",
                place.region
            ),
        )
    })
}
