//! Checks for new grants on disabled keys. KMS refuses `CreateGrant` on a key that is not enabled (KMS
//! Developer Guide, "Key states of AWS KMS keys"). kmsctl neither enables a key temporarily nor begins
//! an apply that is certain to fail.

use crate::kind::address::Address;
use crate::kind::{Call, Spec, Violation, key};
use crate::live::Observed;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;

/// Objects to steps that create grants on keys that are disabled and stay disabled.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let found = draft.plan.steps.iter().filter_map(|step| {
        let key = granted(step).filter(|key| is_disabled(draft, key))?;
        let reason =
            format!("`{key}` is disabled, and KMS does not create grants on a disabled key");
        let help = "enable the key (`enabled: true`), or do not change the grant";
        Some(Objection::new(&step.address, Violation::new("", reason, help)))
    });
    found.collect()
}

/// Returns the key of the stack on which a step creates a grant.
fn granted(step: &Step) -> Option<&Address> {
    step.calls.iter().find_map(|planned| Call::is_grant_made(&planned.call)?.managed())
}

/// Returns whether the key is disabled and stays disabled.
fn is_disabled(draft: &Draft<'_>, key: &Address) -> bool {
    let disabled = match draft.live.observed.get(key) {
        Some(Observed::Present { spec, .. }) => {
            matches!(&**spec, Spec::Key(spec) if spec.enabled == Some(false))
        }
        Some(Observed::Absent | Observed::Unusable { .. }) | None => false,
    };
    disabled && !is_enabled_by(draft, key)
}

/// Returns whether the draft enables the key.
fn is_enabled_by(draft: &Draft<'_>, key: &Address) -> bool {
    let enable = Call::Key(key::EnableKey {}.into());
    let step = draft.plan.steps.iter().find(|step| step.address == *key);
    step.is_some_and(|step| step.calls.iter().any(|planned| planned.call == enable))
}
