//! The checks of a draft: functions from a draft to objections, which block steps, and findings.

pub(super) mod cuts;
pub(super) mod found;
pub(super) mod gates;
pub(super) mod grants;
pub(super) mod held;
pub(super) mod identities;
pub(super) mod in_use;
pub(super) mod keys;
pub(super) mod losses;
pub(super) mod primary;
pub(super) mod referred;
mod removals;
pub(super) mod undeclared;

use super::draft::Draft;
use super::refuse::Objection;
use super::{Blocked, Finding, Step};
use crate::desired::Desired;
use crate::gate::Subject;
use crate::kind::Violation;
use crate::kind::address::Address;
use crate::policy;
use crate::policy::lint::other_rules::{LOCKOUT, UNCHECKED};
use crate::policy::lint::{Facts, Severity, lint};
use crate::policy::work;
use std::collections::BTreeSet;

/// Objects to the steps that send a policy that AWS refuses.
pub(super) fn refused(draft: &Draft<'_>) -> Vec<Objection> {
    work::within(work::LINT, || refused_now(draft))
}

fn refused_now(draft: &Draft<'_>) -> Vec<Objection> {
    let sends = |step: &&Step| {
        let mut calls = step.calls.iter().chain(&step.last);
        calls.any(|planned| planned.call.policy().is_some())
    };
    let steps = draft.plan.steps.iter().filter(sends);
    let written: Vec<Subject> =
        steps.filter_map(|step| gates::written(step, &draft.desired)).collect();
    let sent: BTreeSet<&Address> = written.iter().map(|subject| &subject.address).collect();
    let mut found: BTreeSet<(&Address, &str)> = BTreeSet::new();
    let mut objections = Vec::new();
    let declared = draft.desired.findings.iter();
    for (address, finding) in
        declared.filter(|(address, f)| f.rule.refused && sent.contains(address))
    {
        found.insert((address, finding.rule.id));
        objections.push(refusal(address, finding));
    }
    // A policy of which the stack manages only its own statements is sent with all others.
    for subject in &written {
        let refused = refused_in(subject);
        let new = refused.iter().filter(|f| !found.contains(&(&subject.address, f.rule.id)));
        objections.extend(new.map(|finding| refusal(&subject.address, finding)));
    }
    objections
}

/// Returns the findings about what AWS would refuse of a whole policy.
fn refused_in(subject: &Subject) -> Vec<policy::Finding> {
    let Some(policy) = &subject.after else {
        return Vec::new();
    };
    let facts = Facts {
        partition: &subject.key.partition,
        account: subject.key.account.as_deref(),
        key_arn: subject.key.arn.as_deref(),
        lockout_wanted: true,
        ..Facts::default()
    };
    let mut findings = lint(policy.tree(), &facts);
    // What is not checked may be refused.
    findings.retain(|finding| finding.rule.refused || *finding.rule == UNCHECKED);
    findings
}

fn refusal(address: &Address, finding: &policy::Finding) -> Objection {
    let reason = format!("AWS refuses the policy: {} [{}]", finding.message, finding.rule.id);
    Objection::new(address, Violation::new("policy", reason, &*finding.help))
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
