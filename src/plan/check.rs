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

use super::draft::Draft;
use super::refuse::Objection;
use super::{Blocked, Finding};
use crate::desired::Desired;
use crate::kind::Violation;
use crate::kind::address::Address;
use crate::policy::lint::Severity;
use crate::policy::lint::other_rules::LOCKOUT;
use std::collections::BTreeSet;

/// Objects to the steps that send a policy that AWS refuses.
pub(super) fn refused(draft: &Draft<'_>) -> Vec<Objection> {
    let sent: BTreeSet<&Address> = draft
        .plan
        .steps
        .iter()
        .filter(|step| gates::written(step, &draft.desired).is_some())
        .map(|step| &step.address)
        .collect();
    let is_sent = |address: &Address| sent.contains(address);
    let findings = draft.desired.findings.iter();
    findings
        .filter(|(address, finding)| finding.rule.refused && is_sent(address))
        .map(|(address, finding)| {
            let reason =
                format!("AWS refuses the policy: {} [{}]", finding.message, finding.rule.id);
            Objection::new(address, Violation::new("policy", reason, &*finding.help))
        })
        .collect()
}

/// Returns the lint findings about the declared policies and keys. Notes are left out; `lint` shows
/// them. What already blocks a policy is left out, too.
pub(super) fn declared(desired: &Desired, blocked: &[Blocked]) -> Vec<Finding> {
    let locked: BTreeSet<&Address> = blocked
        .iter()
        .filter(|blocked| blocked.field == "policy")
        .map(|blocked| &blocked.address)
        .collect();
    let shown = desired.findings.iter().filter(|(address, finding)| {
        let blocks = *finding.rule == LOCKOUT || finding.rule.refused;
        let is_blocked = blocks && locked.contains(address);
        finding.rule.severity != Severity::Note && !is_blocked
    });
    let shown = shown.map(|(address, finding)| Finding {
        severity: finding.rule.severity,
        rule: finding.rule.id.to_owned(),
        address: address.clone(),
        message: format!("{}: {}", finding.message, finding.help),
    });
    let new = desired.new_waivers.iter().map(|(address, rule)| Finding {
        severity: Severity::Warning,
        rule: "new-waiver".to_owned(),
        address: address.clone(),
        message: format!("the waiver of {rule} is not in the configuration that `--gates` names"),
    });
    shown.chain(new).collect()
}
