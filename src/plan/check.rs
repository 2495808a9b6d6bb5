//! What must not be carried out, and what should be said of the rest: functions from a draft to
//! objections and findings.

pub(super) mod gates;
pub(super) mod grants;
pub(super) mod identities;
pub(super) mod in_use;
pub(super) mod keys;
pub(super) mod losses;

use super::{Blocked, Finding};
use crate::address::Address;
use crate::desired::Desired;
use crate::policy::lint::Severity;
use crate::policy::lint::beside::LOCKOUT;
use std::collections::BTreeSet;

/// The findings about the declared policies and keys. Notes are left to `lint`: a plan has more
/// important things to say. A lock-out that is refused is not repeated.
pub(super) fn declared(desired: &Desired, blocked: &[Blocked]) -> Vec<Finding> {
    let locked: BTreeSet<&Address> = blocked
        .iter()
        .filter(|blocked| blocked.field == "policy")
        .map(|blocked| &blocked.address)
        .collect();
    let told = desired.findings.iter().filter(|(address, finding)| {
        let is_refused = *finding.rule == LOCKOUT && locked.contains(address);
        finding.rule.severity != Severity::Note && !is_refused
    });
    told.map(|(address, finding)| Finding {
        rule: finding.rule.id.to_owned(),
        address: address.clone(),
        message: format!("{}: {}", finding.message, finding.help),
    })
    .collect()
}
