//! Lint notes on the settings of a key.

use super::KeyPhase;
use crate::config::records::Key;
use crate::decode::{Given, Text};
use crate::kind::Address;
use crate::kind::key::{self, Family, Rotation, can_rotate};
use crate::policy::Finding;
use crate::policy::lint::{Rule, other_rules};

/// Returns the usage of a declared key, if it is declared or the spec has only one.
pub(super) fn usage(raw: &Key) -> Option<&str> {
    if let Some(usage) = &raw.usage {
        return Some(&usage.value);
    }
    let is_new = raw.adopt.is_none() && raw.existing.is_none();
    let spec = raw.spec.as_ref().map_or(key::DEFAULT_SPEC, |spec| spec.value.as_str());
    match key::rule(spec)?.usages {
        [only] if is_new || raw.spec.is_some() => Some(only),
        _ => None,
    }
}

/// Returns whether a declared key has a public key.
pub(super) fn is_asymmetric(raw: &Key) -> bool {
    let spec = raw.spec.as_ref().and_then(|spec| key::rule(&spec.value));
    spec.is_some_and(|spec| spec.family == Family::Asymmetric)
}

/// Shorter deletion windows get a note, in days.
const SHORT_WINDOW: u32 = 14;

impl KeyPhase<'_, '_> {
    /// Adds the notes about a key.
    pub(super) fn note(&mut self, address: &Address, name: &Text, raw: &Key, spec: &key::Spec) {
        let mut add = |rule: &'static Rule, field: &dyn Given, message: &str| {
            let finding = Finding::new(rule, field.given().unwrap_or(name.span), message);
            self.out.findings.push((address.clone(), finding));
        };
        let key_spec = spec.spec.as_deref().unwrap_or(key::DEFAULT_SPEC);
        let origin = spec.origin.as_deref().unwrap_or(key::DEFAULT_ORIGIN);
        // The settings of an adopted key that are not declared are not known.
        let is_adopted = raw.adopt.is_some();
        let is_off =
            spec.rotation == Some(Rotation::Off) || (spec.rotation.is_none() && !is_adopted);
        if is_off && can_rotate(key_spec, origin) {
            add(&other_rules::ROTATION, &raw.rotation, "the key does not rotate");
        }
        if key_spec == "RSA_2048" && spec.usage.as_deref() == Some("ENCRYPT_DECRYPT") {
            let message = "2048 bits are too few for an RSA key that encrypts";
            add(&other_rules::RSA_2048, &raw.spec, message);
        }
        if spec.multi_region == Some(true) {
            let message = "the key can be replicated to other Regions";
            add(&other_rules::MULTI_REGION, &raw.multi_region, message);
        }
        if !self.reads.defaults.protects(raw.protect.as_ref()) {
            let message = "the key is not protected from deletion";
            add(&other_rules::UNPROTECTED, &raw.protect, message);
        }
        if spec.deletion_window_days < SHORT_WINDOW {
            let message = format!("a deletion waits only {} days", spec.deletion_window_days);
            add(&other_rules::DELETION_WINDOW, &raw.deletion_window_days, &message);
        }
        if raw.aliases.is_empty() && !is_adopted {
            add(&other_rules::NO_ALIAS, &None::<Text>, "the key has no alias");
        }
        if spec.enabled == Some(false) {
            add(&other_rules::DISABLED, &raw.enabled, "the key is disabled");
        }
    }
}
