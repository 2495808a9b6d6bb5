//! What is questionable about a key's settings, and what of all that is waived.

use std::time::SystemTime;

use super::Context;
use crate::config::Diagnostic;
use crate::config::raw::{Key, Text, Waiver};
use crate::kind::address::Address;
use crate::kind::key::{self, Rotation, can_rotate};
use crate::policy::Finding;
use crate::policy::lint::{Rule, other_rules, rule};
use crate::tree::Span;
use crate::waiver;

/// The usage of a declared key, where it is said or there is only one.
pub(super) fn usage(raw: &Key) -> Option<&str> {
    if let Some(usage) = &raw.usage {
        return Some(&usage.value);
    }
    let spec = raw.spec.as_ref().map_or(key::DEFAULT_SPEC, |spec| spec.value.as_str());
    match key::rule(spec)?.usages {
        [only] if raw.adopt.is_none() || raw.spec.is_some() => Some(only),
        _ => None,
    }
}

/// A key as declared, and what came of it.
pub(super) struct Settings<'a> {
    pub(super) name: &'a Text,
    pub(super) raw: &'a Key,
    pub(super) spec: &'a key::Spec,
    pub(super) protect: Option<bool>,
}

/// A deletion window below this is a note.
const SHORT_WINDOW: u32 = 14;

impl Context<'_> {
    pub(super) fn settings(&mut self, settings: &Settings<'_>, address: &Address) {
        let Settings { name, raw, spec, protect } = settings;
        let mut add = |rule: &'static Rule, span: Option<Span>, message: &str| {
            let finding = Finding::new(rule, span.unwrap_or(name.span), message);
            self.out.findings.push((address.clone(), finding));
        };
        let key_spec = spec.spec.as_deref().unwrap_or(key::DEFAULT_SPEC);
        let origin = spec.origin.as_deref().unwrap_or(key::DEFAULT_ORIGIN);
        // Of a key that is taken over, what is not declared is not known.
        let off = spec.rotation == Some(Rotation::Off)
            || (spec.rotation.is_none() && raw.adopt.is_none());
        if off && can_rotate(key_spec, origin) {
            let span = raw.rotation.as_ref().map(|rotation| rotation.span);
            add(&other_rules::ROTATION, span, "the key does not rotate");
        }
        if key_spec == "RSA_2048" && spec.usage.as_deref() == Some("ENCRYPT_DECRYPT") {
            let span = raw.spec.as_ref().map(|spec| spec.span);
            add(&other_rules::RSA_2048, span, "2048 bits are too few for an RSA key that encrypts");
        }
        if spec.multi_region == Some(true) {
            let span = raw.multi_region.as_ref().map(|multi| multi.span);
            add(&other_rules::MULTI_REGION, span, "the key can be replicated to other Regions");
        }
        if *protect == Some(false) {
            let span = raw.protect.as_ref().map(|protect| protect.span);
            add(&other_rules::UNPROTECTED, span, "the key is not protected from deletion");
        }
        if spec.deletion_window_days < SHORT_WINDOW {
            let span = raw.deletion_window_days.as_ref().map(|days| days.span);
            let message = format!("a deletion waits {} days only", spec.deletion_window_days);
            add(&other_rules::DELETION_WINDOW, span, &message);
        }
        if raw.aliases.is_empty() && raw.adopt.is_none() {
            add(&other_rules::NO_ALIAS, None, "the key has no alias");
        }
        if spec.enabled == Some(false) {
            let span = raw.enabled.as_ref().map(|enabled| enabled.span);
            add(&other_rules::DISABLED, span, "the key is disabled");
        }
    }

    pub(super) fn waiver(&mut self, raw: &Waiver) {
        let rule = match rule(&raw.rule.value) {
            // Gates are for those who keep them; a waiver is written by whoever breaks them.
            Ok(rule) if *rule == other_rules::GATE => {
                let help = "have the gate changed by its owners";
                self.error(raw.rule.span, "a gate cannot be waived", help);
                None
            }
            Ok(rule) => Some(rule),
            Err(near) => {
                let message = format!("there is no rule `{}`", raw.rule.value);
                let error = Diagnostic::error(raw.rule.span, message);
                self.d.push(match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help("`kmsctl lint --rules` lists the rules"),
                });
                None
            }
        };
        let address = match raw.address.value.parse::<Address>() {
            Ok(address) => Some(address),
            Err(message) => {
                self.error(raw.address.span, message, "write `kind/name`, such as `key/storage`");
                None
            }
        };
        if raw.reason.value.trim().is_empty() {
            self.error(raw.reason.span, "the waiver gives no reason", "say why it is fine");
        }
        if !is_day(&raw.until.value) {
            let message = format!("`{}` is not a day", raw.until.value);
            self.error(raw.until.span, message, "write the last day, such as `2027-01-31`");
        }
        if let (Some(rule), Some(address)) = (rule, address) {
            self.out.waivers.push(waiver::Waiver {
                rule,
                address,
                reason: raw.reason.value.clone(),
                until: raw.until.value.clone(),
                span: raw.span,
            });
        }
    }
}

/// Whether the text is a day of the calendar, `2027-01-31`.
fn is_day(text: &str) -> bool {
    let time = humantime::parse_rfc3339(&format!("{text}T00:00:00Z"));
    text.len() == 10 && time.is_ok_and(|time| time >= SystemTime::UNIX_EPOCH)
}
