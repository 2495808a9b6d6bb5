//! Findings about live policies that the plan leaves as they are, and that AWS would refuse today.

use super::{gates, refused_in};
use crate::kind::Address;
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::policy::lint::Severity;
use std::collections::BTreeSet;

/// Returns the findings. A policy that is declared in the same words already has the findings of its declaration.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Finding> {
    let steps = draft.plan.steps.iter();
    let written: BTreeSet<&Address> = steps
        .filter(|step| gates::written(step, &draft.desired).is_some())
        .map(|step| &step.address)
        .collect();
    let mut findings = Vec::new();
    for (address, declared) in &draft.desired.resources {
        if written.contains(address) {
            continue;
        }
        let Some(held) = gates::held_policy(address, &draft.desired, draft.live) else {
            continue;
        };
        if declared.spec.policy() == held.after.as_ref() {
            continue;
        }
        findings.extend(refused_in(&held).into_iter().map(|found| Finding {
            severity: Severity::Warning,
            rule: found.rule.id.to_owned(),
            address: address.clone(),
            message: format!(
                "{}; AWS has such a policy, and would refuse it in a call: {}",
                found.message, found.help
            ),
        }));
    }
    findings
}
