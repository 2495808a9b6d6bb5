//! Checks the keys that resources refer to and that the stack does not manage against the gates.

use super::gates::{HELP, finding};
use crate::gate;
use crate::kind::address::Address;
use crate::kind::grant::{self, Listed};
use crate::kind::{KeyRef, Spec, Violation};
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::grants::Grant;
use std::collections::BTreeMap;

/// Objects to the steps that make a resource use a key that does not pass a gate. If a resource uses it already, the
/// result is a finding instead.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> (Vec<Objection>, Vec<Finding>) {
    let (mut objections, mut findings) = (Vec::new(), Vec::new());
    let changed: BTreeMap<&Address, Option<&Spec>> =
        draft.plan.steps.iter().map(|step| (&step.address, step.change.from())).collect();
    for (arn, referred) in &draft.live.referred {
        let foreign = |listed: &&Listed| !listed.is_of_service(&arn.account);
        let grants = referred.grants.iter().filter(foreign);
        let grants: Vec<Grant> = grants.map(grant::listed_in_policy_words).collect();
        let breaches = gate::of_referred(&draft.desired, arn, referred.policy.as_ref(), &grants);
        if breaches.is_empty() {
            continue;
        }
        let key = KeyRef::Arn(arn.clone());
        let uses = |spec: &Spec| spec.refs().contains(&&key);
        let users = draft.desired.resources.iter().filter(|(_, declared)| uses(&declared.spec));
        for (address, _) in users {
            for breach in &breaches {
                let reason = format!(
                    "its key `{arn}` does not pass the gate `{}`: {}",
                    breach.gate, breach.message
                );
                match changed.get(address) {
                    Some(from) if !from.is_some_and(uses) => {
                        let violation = Violation::new("key", reason, HELP);
                        objections.push(Objection::new(address, violation));
                    }
                    Some(_) | None => findings.push(finding(breach.gate, address, reason)),
                }
            }
        }
    }
    (objections, findings)
}
