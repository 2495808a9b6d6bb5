//! What prevents the change of one resource.

use crate::desired::Declared;
use crate::kind::{Address, Kind, Spec, Violation, key};
use crate::live::Observed;
use crate::state::Record;

/// Returns why a resource must not be changed to `to`, if so.
pub(super) fn obstacle(
    declared: &Declared,
    record: Option<&Record>,
    from: &Spec,
    to: &Spec,
) -> Option<Violation> {
    let rotation = match (&declared.spec, from) {
        (Spec::Key(declared), Spec::Key(live)) => key::waking(declared, live),
        _ => None,
    };
    let protect = declared.protect || record.is_some_and(|record| record.protect);
    rotation.or_else(|| if protect { from.interruption(to) } else { None })
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
