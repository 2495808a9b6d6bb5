//! The access changes of a plan: who gains and who loses access to which key. Pure.

use super::{Access, Step, Via};
use crate::desired::Desired;
use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Spec, grant};
use crate::live::{Live, Observed};
use crate::policy::access::grant_changes;
use crate::policy::grants::Grant;
use crate::policy::{self, AccessChange, KeyContext};
use std::collections::BTreeSet;

/// Returns the access changes of a step. `steps` are all steps of the plan.
pub(super) fn access(step: &Step, steps: &[Step], desired: &Desired, live: &Live) -> Vec<Access> {
    let (from, to) = (step.change.from(), step.change.to());
    let forgets = matches!(step.change, Change::Forget { .. });
    match from.or(to) {
        Some(Spec::Key(_) | Spec::KeyPolicy(_)) if !forgets => {
            key_access(step, steps, desired, live)
        }
        Some(Spec::Grant(_)) if !forgets => grant_access(step),
        Some(_) | None => Vec::new(),
    }
}

/// Returns the access changes of a step that changes a policy.
fn key_access(step: &Step, steps: &[Step], desired: &Desired, live: &Live) -> Vec<Access> {
    let policy = |spec: Option<&Spec>| spec?.policy().cloned();
    let (from, to) = (policy(step.change.from()), policy(step.change.to()));
    if to.is_none() {
        return Vec::new();
    }
    let key = KeyContext {
        account: Some(step.place.account.to_string()),
        partition: step.place.region.partition().to_owned(),
        arn: step.id.clone().filter(|id| id.starts_with("arn:")),
    };
    let named = step.change.to().and_then(|to| to.as_key_policy()).map(|policy| policy.key.clone());
    let on = named.unwrap_or_else(|| KeyRef::Managed(step.address.clone()));
    let grants = if from.is_some() { grants(&on, steps, live) } else { Vec::new() };
    let changes = policy::compare(from.as_ref(), to.as_ref(), &key, &grants).changes;
    let declared = desired.resources.get(&step.address).map(|declared| &declared.derived);
    let sources = |change: &AccessChange| -> BTreeSet<String> {
        let sids = change.statements.iter();
        sids.filter_map(|sid| declared?.get(sid)).flatten().cloned().collect()
    };
    let access = |change| Access {
        key: step.address.to_string(),
        derived: sources(&change),
        change,
        via: Via::Policy,
        source: step.address.clone(),
    };
    changes.into_iter().map(access).collect()
}

/// Returns the grants of the stack on a key, as far as they are there before and after the plan.
fn grants(key: &KeyRef, steps: &[Step], live: &Live) -> Vec<Grant> {
    let on_key = |(address, observed): (&Address, &Observed)| match observed {
        Observed::Present { spec, .. } => {
            let grant = spec.as_grant().filter(|grant| grant.key == *key)?;
            let step = steps.iter().find(|step| step.address == *address);
            Some(grant::in_policy_words(address, &kept(grant, step)?))
        }
        Observed::Absent | Observed::Unusable { .. } => None,
    };
    live.observed.iter().filter_map(on_key).collect()
}

/// Returns what a step leaves of a grant, if anything.
fn kept(grant: &grant::Spec, step: Option<&Step>) -> Option<grant::Spec> {
    let mut kept = grant.clone();
    match step.map(|step| &step.change) {
        Some(Change::Delete { .. }) => return None,
        Some(Change::Update { to, .. } | Change::Import { to, .. } | Change::Create { to }) => {
            let to = to.as_grant().filter(|to| to.grantee == grant.grantee)?;
            kept.operations.retain(|operation| to.operations.contains(operation));
        }
        Some(Change::Forget { .. }) | None => {}
    }
    Some(kept)
}

/// Returns the access changes of a step that changes a grant.
fn grant_access(step: &Step) -> Vec<Access> {
    let of = |spec: Option<&Spec>| {
        let grant = spec?.as_grant()?;
        Some((grant.key.to_string(), grant::in_policy_words(&step.address, grant)))
    };
    let (old, new) = (of(step.change.from()), of(step.change.to()));
    let Some(key) = new.as_ref().or(old.as_ref()).map(|(key, _)| key.clone()) else {
        return Vec::new();
    };
    let (old, new) = (old.as_ref().map(|(_, grant)| grant), new.as_ref().map(|(_, grant)| grant));
    let access = |change| Access {
        key: key.clone(),
        change,
        derived: BTreeSet::new(),
        via: Via::Grant,
        source: step.address.clone(),
    };
    grant_changes(old, new).into_iter().map(access).collect()
}
