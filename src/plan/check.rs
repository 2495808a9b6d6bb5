//! The checks of a draft: functions from a draft to objections, which block steps, and findings.

pub(super) mod cuts;
pub(super) mod found;
pub(super) mod gates;
pub(super) mod grants;
pub(super) mod identities;
pub(super) mod in_use;
pub(super) mod keys;
pub(super) mod losses;
pub(super) mod undeclared;

use super::{Blocked, Finding};
use crate::desired::Desired;
use crate::kind::address::Address;
use crate::policy::lint::Severity;
use crate::policy::lint::other_rules::LOCKOUT;
use std::collections::BTreeSet;

/// Returns the lint findings about the declared policies and keys. Notes are left out; `lint` shows
/// them. A lockout that is already blocked is left out, too.
pub(super) fn declared(desired: &Desired, blocked: &[Blocked]) -> Vec<Finding> {
    let locked: BTreeSet<&Address> = blocked
        .iter()
        .filter(|blocked| blocked.field == "policy")
        .map(|blocked| &blocked.address)
        .collect();
    let shown = desired.findings.iter().filter(|(address, finding)| {
        let is_blocked = *finding.rule == LOCKOUT && locked.contains(address);
        finding.rule.severity != Severity::Note && !is_blocked
    });
    let shown = shown.map(|(address, finding)| Finding {
        rule: finding.rule.id.to_owned(),
        address: address.clone(),
        message: format!("{}: {}", finding.message, finding.help),
    });
    let new = desired.new_waivers.iter().map(|(address, rule)| Finding {
        rule: "new-waiver".to_owned(),
        address: address.clone(),
        message: format!("the waiver of {rule} is not in the configuration that `--gates` names"),
    });
    shown.chain(new).collect()
}
