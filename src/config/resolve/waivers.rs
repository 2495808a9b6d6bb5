//! The waivers of lint findings.

use std::time::SystemTime;

use super::Outer;

use crate::config::records::{Lint, StackFields, Waiver};
use crate::decode::{Diagnostic, Diagnostics, Part};
use crate::kind::Address;
use crate::policy::lint::{other_rules, rule};
use crate::waiver;

/// Returns the valid waivers, and the waived rules that another configuration does not waive.
pub(super) fn all(
    fields: &StackFields,
    outer: Option<&Outer>,
    d: &mut Diagnostics,
) -> (Vec<waiver::Waiver>, Vec<(Address, String)>) {
    let waivers = resolve(fields.lint.0.as_ref(), d);
    let new = outer.map(|outer| new(&waivers, outer, d)).unwrap_or_default();
    (waivers, new)
}

fn resolve(declared: Option<&Option<Lint>>, d: &mut Diagnostics) -> Vec<waiver::Waiver> {
    let waivers = declared.and_then(Option::as_ref).map(|lint| lint.waivers.as_slice());
    waivers
        .unwrap_or_default()
        .iter()
        .filter_map(|Part(declared)| waiver(declared.as_ref()?, d))
        .collect()
}

fn new(waivers: &[waiver::Waiver], outer: &Outer, d: &mut Diagnostics) -> Vec<(Address, String)> {
    let known = resolve(outer.declared.fields.lint.0.as_ref(), d);
    let is_known = |new: &&waiver::Waiver| {
        known.iter().any(|known| known.rule == new.rule && known.address == new.address)
    };
    let new = waivers.iter().filter(|waiver| !is_known(waiver));
    new.map(|waiver| (waiver.address.clone(), waiver.rule.id.to_owned())).collect()
}

fn waiver(raw: &Waiver, d: &mut Diagnostics) -> Option<waiver::Waiver> {
    let rule = match rule(&raw.rule.value) {
        // The authors of a change can write waivers, but must not be able to disable gates.
        Ok(rule) if *rule == other_rules::GATE => {
            let help = "ask the owners of the gate to change it";
            d.error(raw.rule.span, "a gate cannot be waived", help);
            None
        }
        Ok(rule) if rule.is_about_aws() => {
            let message = format!("{} cannot be waived: it is about what AWS has", rule.id);
            d.error(raw.rule.span, message, rule.help);
            None
        }
        Ok(rule) if rule.refused && !rule.is_obsolete() => {
            let message = format!("{} cannot be waived: AWS refuses such a policy", rule.id);
            d.error(raw.rule.span, message, "correct the policy");
            None
        }
        Ok(rule) => Some(rule),
        Err(near) => {
            let message = format!("there is no rule `{}`", raw.rule.value);
            let error = Diagnostic::error(raw.rule.span, message);
            d.push(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("`kmsctl lint --rules` lists the rules"),
            });
            None
        }
    };
    let address = match raw.address.value.parse::<Address>() {
        Ok(address) => Some(address),
        Err(message) => {
            d.error(raw.address.span, message, "write `kind/name`, such as `key/storage`");
            None
        }
    };
    if raw.reason.value.trim().is_empty() {
        d.error(
            raw.reason.span,
            "`reason` is empty",
            "write the reason why the finding is accepted",
        );
    }
    if !is_day(&raw.until.value) {
        let message = format!("`{}` is not a day", raw.until.value);
        d.error(raw.until.span, message, "write the last day, such as `2027-01-31`");
    }
    Some(waiver::Waiver {
        rule: rule?,
        address: address?,
        reason: raw.reason.value.clone(),
        until: raw.until.value.clone(),
        span: raw.span,
    })
}

/// Returns whether the text is a date, such as `2027-01-31`.
fn is_day(text: &str) -> bool {
    let time = humantime::parse_rfc3339(&format!("{text}T00:00:00Z"));
    text.len() == 10 && time.is_ok_and(|time| time >= SystemTime::UNIX_EPOCH)
}
