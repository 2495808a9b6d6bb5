//! Findings about live policies that the plan leaves as they are, and that AWS would refuse today.

use super::gates;
use crate::gate;
use crate::kind::Address;
use crate::live::Observed;
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::policy::lint::{Facts, Severity, lint};
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
        let Some(Observed::Present { spec, .. }) = draft.live.observed.get(address) else {
            continue;
        };
        let (Some(live), false) = (spec.policy(), written.contains(address)) else {
            continue;
        };
        if declared.spec.policy() == Some(live) {
            continue;
        }
        let key = match (draft.live.ids.get(address), spec.as_key_policy()) {
            (Some(key), _) => Some(gate::of_arn(key)),
            (None, Some(part)) => part.key.resolve(&draft.live.ids).map(|key| gate::of_arn(&key)),
            (None, None) => None,
        };
        let Some(key) = key else {
            continue;
        };
        let facts = Facts {
            partition: &key.partition,
            account: key.account.as_deref(),
            key_arn: key.arn.as_deref(),
            lockout_wanted: true,
            ..Facts::default()
        };
        let refused = lint(live.tree(), &facts).into_iter().filter(|found| found.rule.refused);
        findings.extend(refused.map(|found| Finding {
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
