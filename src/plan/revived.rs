//! Keys that are pending deletion, and whose deletion the plan cancels. `CancelKeyDeletion` leaves the key disabled
//! (KMS API Reference), and KMS does not tell whether the key was disabled before its deletion was scheduled.

use super::Step;
use crate::desired::Declared;
use crate::kind::{Address, Spec};
use crate::state::Record;

/// The risk of a key that is enabled although the configuration does not set `enabled`.
const ENABLED_TOO: &str = "cancels the scheduled deletion of the key, and enables it; a key that was disabled before its \
                           deletion was scheduled is enabled, too: write `enabled: false` to leave it disabled";

/// Returns the declaration with what undeclared fields get: what an interrupted apply was creating, or the recorded
/// form of a key that was disabled before its deletion was scheduled. Such a key stays disabled.
pub(super) fn wanted(declared: &Declared, record: Option<&Record>, live: &Spec) -> Option<Spec> {
    let record = record?;
    let is_dying = live.as_key().is_some_and(|key| key.deletion.is_some());
    let was_disabled = record.spec.as_key().is_some_and(|key| key.enabled == Some(false));
    let intent = record.intent.as_deref().or((is_dying && was_disabled).then_some(&record.spec))?;
    Some(declared.spec.resumed(intent))
}

/// Adds the risk to the step of a key that kmsctl enables on its own account.
pub(super) fn caution(step: Option<&mut Step>, address: &Address, declared: &Declared) {
    let Some(step) = step.filter(|step| step.address == *address) else {
        return;
    };
    let is_declared = declared.spec.as_key().is_some_and(|key| key.enabled.is_some());
    let is_revived =
        step.change.from().and_then(Spec::as_key).is_some_and(|from| from.deletion.is_some())
            && step.change.to().and_then(Spec::as_key).is_some_and(|to| to.enabled == Some(true));
    if is_revived && !is_declared {
        step.risk = Some(ENABLED_TOO.to_owned());
    }
}
