//! Refuses changes of keys that AWS would reject or that would do harm.

use super::{DEFAULT_ORIGIN, DEFAULT_SPEC, PENDING_IMPORT, Rotation, Spec, can_rotate};
use crate::kind::{KeyFacts, KeyRef, Setting, Violation};
use crate::policy::{self, Document, Lockout};

/// Refuses a policy with which the key could become unmanageable. KMS checks only whether the
/// caller can change the policy now (KMS API Reference, PutKeyPolicy:
/// `BypassPolicyLockoutSafetyCheck`). A policy that names one role passes that check, but if the
/// role is deleted, no one can change the policy.
pub(super) fn lockout(
    setting: &Setting<'_>,
    from: Option<&Spec>,
    to: &Spec,
) -> Result<(), Vec<Violation>> {
    let Some(policy) = &to.policy else {
        return Ok(());
    };
    let unchanged = from.is_some_and(|from| from.policy.as_ref() == Some(policy));
    // Statements that are added to an existing policy do not make the key unmanageable.
    if unchanged || to.allow_lockout.is_some() || to.shared.is_some() {
        return Ok(());
    }
    match shut_out(policy, setting) {
        None => Ok(()),
        Some(found) => Err(vec![Violation::new(
            "policy",
            format!("the key could become unmanageable: {}", found.reason),
            format!("{}, or set `allow_lockout: <reason>` in the policy", found.help),
        )]),
    }
}

/// Returns why the key could become unmanageable, if it could.
#[must_use]
pub fn shut_out(policy: &Document, setting: &Setting<'_>) -> Option<Lockout> {
    let place = setting.place;
    let (partition, account) = (place.region.partition(), place.account.as_str());
    let key = policy::eval::TargetKey { partition, account, arn: setting.id };
    policy::lockout(policy, &key, setting.caller)
}

/// Refuses to change fields that KMS cannot change. Replacing the key would make its data
/// unreadable.
pub(super) fn immutable(from: &Spec, to: &Spec) -> Result<(), Vec<Violation>> {
    let fields = [
        ("spec", &from.spec, &to.spec),
        ("usage", &from.usage, &to.usage),
        ("origin", &from.origin, &to.origin),
        ("custom_key_store_id", &from.custom_key_store_id, &to.custom_key_store_id),
        ("xks_key_id", &from.xks_key_id, &to.xks_key_id),
    ];
    let mut violations: Vec<Violation> = fields
        .into_iter()
        .filter(|(_, from, to)| from != to)
        .map(|(field, from, to)| fixed(field, from.as_deref(), to.as_deref()))
        .collect();
    if from.multi_region != to.multi_region {
        let [from, to] = [from.multi_region, to.multi_region]
            .map(|multi| multi.map(|m| if m { "true" } else { "false" }));
        violations.push(fixed("multi_region", from, to));
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// Refuses settings of a key without key material. Its state is `PendingImport`, in which KMS
/// rejects `DisableKey` (KMS Developer Guide, "Key states of AWS KMS keys").
pub(super) fn importable(to: &Spec) -> Result<(), Vec<Violation>> {
    if to.origin.as_deref() != Some("EXTERNAL") || to.enabled != Some(false) {
        return Ok(());
    }
    let reason = "a key cannot be disabled before its key material is imported";
    let help = "remove `enabled`, import the key material, and then set `enabled: false`";
    Err(vec![Violation::new("enabled", reason, help)])
}

/// Returns why AWS refuses `what` on the key, if the key waits for its key material. KMS rejects `CreateGrant`
/// and `ReplicateKey` in the state `PendingImport` (KMS Developer Guide, "Key states of AWS KMS keys").
#[must_use]
pub fn waits_for_material(key: &KeyRef, facts: &KeyFacts, what: &str) -> Option<Violation> {
    if facts.get(key)?.state.as_deref() != Some(PENDING_IMPORT) {
        return None;
    }
    let reason =
        format!("`{key}` waits for its key material, and AWS creates no {what} until then");
    let help = "import the key material, and then apply again";
    Some(Violation::new("key", reason, help))
}

/// Refuses to make another key the primary key while the key is disabled (KMS API Reference, UpdatePrimaryRegion:
/// `DisabledException`).
pub(super) fn movable(from: &Spec, to: &Spec) -> Result<(), Vec<Violation>> {
    let is_move = from.primary_region.is_some() && from.primary_region != to.primary_region;
    if !is_move || to.primary.is_some() || to.enabled != Some(false) {
        return Ok(());
    }
    let reason = "the primary Region of a disabled key cannot be changed";
    let help = "enable the key and its replicas, apply the change, and then disable the key again";
    Err(vec![Violation::new("primary_region", reason, help)])
}

/// Refuses to replicate a key without key material.
pub(super) fn replicable(to: &Spec, facts: &KeyFacts) -> Result<(), Vec<Violation>> {
    let waits =
        to.primary.as_ref().and_then(|primary| waits_for_material(&primary.key, facts, "replica"));
    waits.map_or(Ok(()), |violation| Err(vec![violation]))
}

/// Refuses to rotate a key that KMS cannot rotate. KMS rotates only symmetric encryption keys with
/// key material that KMS generated (KMS Developer Guide, "Rotate AWS KMS keys").
pub(super) fn rotatable(from: &Spec, to: &Spec) -> Result<(), Vec<Violation>> {
    if from.rotation == to.rotation {
        return Ok(());
    }
    let (spec, origin) = (from.spec.as_deref(), from.origin.as_deref());
    let (spec, origin) = (spec.unwrap_or(DEFAULT_SPEC), origin.unwrap_or(DEFAULT_ORIGIN));
    if !can_rotate(spec, origin) && to.rotation != Some(Rotation::Off) {
        let reason = format!("a key of spec {spec} and origin {origin} cannot rotate");
        let help = "set `rotation: {enabled: false}` for this key";
        return Err(vec![Violation::new("rotation", reason, help)]);
    }
    Ok(())
}

/// Refuses to change the rotation of a disabled key. KMS changes the rotation only of enabled keys
/// (KMS Developer Guide, "Key states of AWS KMS keys"), and a key that was disabled outside kmsctl
/// is not enabled for this, not even temporarily. `primary` is the declared and the live form of the primary key, which
/// decides the rotation, as far as they are known.
#[must_use]
pub fn waking(declared: &Spec, live: &Spec, primary: Option<(&Spec, &Spec)>) -> Option<Violation> {
    let rotates = declared.rotation.is_some() && declared.rotation != live.rotation;
    let (declared, live) = primary?;
    let is_disabled = live.enabled == Some(false) && live.deletion.is_none();
    if !is_disabled || declared.enabled.is_some() || !rotates {
        return None;
    }
    Some(Violation::new(
        "rotation",
        "the key was disabled outside kmsctl, and KMS changes the rotation of enabled keys only",
        "set `enabled: true` or `enabled: false`, or set the current rotation",
    ))
}

fn fixed(field: &str, from: Option<&str>, to: Option<&str>) -> Violation {
    let (from, to) = (from.unwrap_or("unset"), to.unwrap_or("unset"));
    Violation::new(
        field,
        format!("fixed at creation: the current value is `{from}`, the declared value is `{to}`"),
        "kmsctl does not replace keys, because data could no longer be decrypted; declare another \
        key, point the aliases to it, and keep this key as long as data is encrypted with it",
    )
}
