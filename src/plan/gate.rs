//! Judges a plan by the gates of the configuration. Pure.

use super::{Finding, Plan, Step};
use crate::address::Address;
use crate::desired::Desired;
use crate::gate::{Changing, breaches};
use crate::kind::Violation;
use crate::policy::gates::Breach;
use std::collections::BTreeMap;

/// What to do about a gate.
const HELP: &str = "change the policy or the grant; or, if it is meant, have the gate changed by those \
                    who keep it";

/// Blocks what does not pass, and says of what AWS holds already that it would not.
pub(super) fn judge(plan: &mut Plan, desired: &Desired) {
    let steps: BTreeMap<&Address, &Step> =
        plan.steps.iter().map(|step| (&step.address, step)).collect();
    let found = breaches(desired, |address| {
        let step = steps.get(address);
        let before = step.and_then(|step| step.change.from()?.as_key()?.policy.as_ref());
        Changing { id: step.and_then(|step| step.id.as_deref()), before }
    });
    let mut refused: BTreeMap<Address, Vec<Violation>> = BTreeMap::new();
    let mut findings = Vec::new();
    for (address, breaches) in found {
        for Breach { gate, message } in breaches {
            let reason = format!("the gate `{gate}` is not passed: {message}");
            if steps.contains_key(&address) {
                let violation = Violation::new("policy", reason, HELP);
                refused.entry(address.clone()).or_default().push(violation);
            } else {
                let rule = format!("gate-{gate}");
                findings.push(Finding { rule, address: address.clone(), message: reason });
            }
        }
    }
    plan.findings.extend(findings);
    plan.refuse(refused);
}
