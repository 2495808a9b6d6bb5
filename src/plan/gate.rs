//! Judges a plan by the gates of the configuration. Pure.

use super::build::as_grant;
use super::{Finding, Plan, Step};
use crate::address::Address;
use crate::desired::Desired;
use crate::kind::{KeyRef, Spec, Violation};
use crate::policy::gates::{Breach, Judged};
use crate::policy::grants::Grant;
use crate::policy::{Document, KeyContext};
use std::collections::{BTreeMap, BTreeSet};

/// What to do about a gate.
const HELP: &str = "change the policy or the grant; or, if it is meant, have the gate changed by those \
                    who keep it";

/// Blocks what does not pass, and says of what AWS holds already that it would not.
pub(super) fn judge(plan: &mut Plan, desired: &Desired) {
    if desired.gates.is_empty() && desired.base.is_empty() {
        return;
    }
    let mut refused: BTreeMap<Address, Vec<Violation>> = BTreeMap::new();
    for (address, breaches) in breaches(plan, desired) {
        for Breach { gate, message } in breaches {
            let reason = format!("the gate `{gate}` is not passed: {message}");
            if plan.steps.iter().any(|step| step.address == address) {
                let violation = Violation::new("policy", reason, HELP);
                refused.entry(address.clone()).or_default().push(violation);
            } else {
                let rule = format!("gate-{gate}");
                plan.findings.push(Finding { rule, address: address.clone(), message: reason });
            }
        }
    }
    plan.refuse(refused);
}

/// The gates that the declared policies and grants do not pass, by the resource whose fault it is.
fn breaches(plan: &Plan, desired: &Desired) -> BTreeMap<Address, BTreeSet<Breach>> {
    let steps: BTreeMap<&Address, &Step> =
        plan.steps.iter().map(|step| (&step.address, step)).collect();
    let mut out: BTreeMap<Address, BTreeSet<Breach>> = BTreeMap::new();
    let mut grants: BTreeMap<&KeyRef, Vec<(&Address, Grant)>> = BTreeMap::new();
    for (address, declared) in &desired.resources {
        if let Spec::Grant(grant) = &declared.spec {
            grants.entry(&grant.key).or_default().push((address, as_grant(address, grant)));
        }
    }
    for (address, declared) in &desired.resources {
        let Spec::Key(spec) = &declared.spec else {
            continue;
        };
        let Some(after) = &spec.policy else {
            continue;
        };
        let key = KeyContext {
            account: Some(declared.place.account.to_string()),
            partition: declared.place.region.partition().to_owned(),
            arn: steps.get(address).and_then(|step| step.id.clone()),
        };
        let before = steps.get(address).and_then(|step| match step.change.from() {
            Some(Spec::Key(from)) => from.policy.as_ref(),
            Some(Spec::Alias(_) | Spec::Grant(_)) | None => None,
        });
        let base = desired.base.get(address);
        let alone = Judged { key: &key, before, after, base, grants: &[] };
        let mut own = desired.gates.standing(alone);
        own.extend(desired.gates.changing(alone));
        for (grant_address, grant) in
            grants.get(&KeyRef::Managed(address.clone())).into_iter().flatten()
        {
            // A grant is judged by itself.
            let nothing = Document::silent();
            let judged = Judged { after: &nothing, grants: std::slice::from_ref(grant), ..alone };
            let of_grant = desired.gates.standing(judged);
            if !of_grant.is_empty() {
                out.entry((*grant_address).clone()).or_default().extend(of_grant);
            }
        }
        if !own.is_empty() {
            out.insert(address.clone(), own);
        }
    }
    out
}
