//! The keys that do not pass a gate, and the resources that use them or begin to.

use super::gates::{HELP, finding};
use crate::gate;
use crate::id::KeyArn;
use crate::kind::address::Address;
use crate::kind::grant::{self, Listed};
use crate::kind::{KeyRef, Kind, Spec, Violation};
use crate::live::{Observed, Referred};
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::Document;
use crate::policy::gates::Breach;
use crate::policy::grants::Grant;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that do not pass a gate: the gates, and the reasons.
#[derive(Debug, Default)]
pub(super) struct Bad {
    keys: BTreeMap<KeyRef, Vec<(&'static str, String)>>,
}

impl Bad {
    pub(super) fn add(&mut self, key: KeyRef, gate: &'static str, reason: String) {
        self.keys.entry(key).or_default().push((gate, reason));
    }

    /// Adds the keys that resources refer to and that the stack does not manage.
    pub(super) fn add_referred(&mut self, draft: &Draft<'_>) {
        let shared = shared_policies(draft);
        let own: BTreeSet<&KeyArn> = draft.live.ids.values().collect();
        for (arn, referred) in &draft.live.referred {
            let users: Vec<&KeyArn> = referred.of.iter().filter(|of| !own.contains(of)).collect();
            if users.is_empty() {
                continue;
            }
            for breach in breaches(draft, arn, referred, &shared) {
                let Breach { gate, message } = breach;
                let reason = format!("its key `{arn}` does not pass the gate `{gate}`: {message}");
                for of in &users {
                    self.add(KeyRef::Arn((*of).clone()), gate, reason.clone());
                }
            }
        }
    }

    /// Objects to the steps that make a resource use one of the keys.
    pub(super) fn objections(&self, draft: &Draft<'_>) -> Vec<Objection> {
        let mut out = Vec::new();
        for step in &draft.plan.steps {
            let (from, to) = (refs(step.change.from()), refs(step.change.to()));
            for key in to.into_iter().filter(|key| !from.contains(key)) {
                for (_, reason) in self.keys.get(key).into_iter().flatten() {
                    let violation = Violation::new("key", reason, HELP);
                    out.push(Objection::new(&step.address, violation));
                }
            }
        }
        out
    }

    /// Returns the findings about the resources that use a key of another owner already.
    pub(super) fn findings(&self, draft: &Draft<'_>) -> Vec<Finding> {
        let steps: BTreeMap<&Address, Option<&Spec>> =
            draft.plan.steps.iter().map(|step| (&step.address, step.change.from())).collect();
        let mut out = Vec::new();
        for (address, declared) in &draft.desired.resources {
            if address.kind == Kind::KeyPolicy {
                continue;
            }
            for key in refs(Some(&declared.spec)) {
                let is_new = steps.get(address).is_some_and(|from| !refs(*from).contains(&key));
                if matches!(key, KeyRef::Arn(_)) && !is_new {
                    let found = self.keys.get(key).into_iter().flatten();
                    out.extend(found.map(|(gate, text)| finding(gate, address, text.clone())));
                }
            }
        }
        out
    }
}

/// Returns the gates that the undeclared replicas of the stack's keys do not pass, by the addresses of the keys:
/// whoever can use a replica can use what the key encrypted.
pub(super) fn replicas(draft: &Draft<'_>) -> Vec<(Address, &'static str, String)> {
    let own = draft.live.addresses();
    let mut out = Vec::new();
    for (arn, referred) in &draft.live.referred {
        let keys: Vec<&Address> =
            referred.of.iter().filter_map(|of| own.get(of).copied()).collect();
        if keys.is_empty() {
            continue;
        }
        for Breach { gate, message } in breaches(draft, arn, referred, &BTreeMap::new()) {
            let reason = format!(
                "its undeclared replica in {} does not pass the gate `{gate}`: {message}",
                arn.region
            );
            out.extend(keys.iter().map(|key| ((*key).clone(), gate, reason.clone())));
        }
    }
    out
}

/// Returns the gates that a key does not pass which the stack does not manage.
fn breaches(
    draft: &Draft<'_>,
    arn: &KeyArn,
    referred: &Referred,
    shared: &BTreeMap<&KeyRef, &Document>,
) -> BTreeSet<Breach> {
    let foreign = |listed: &&Listed| !listed.is_of_service(&arn.account);
    let grants = referred.grants.iter().flatten().filter(foreign);
    let grants: Vec<Grant> = grants.map(grant::listed_in_policy_words).collect();
    let policy =
        referred.policy.as_ref().or_else(|| shared.get(&KeyRef::Arn(arn.clone())).copied());
    let own = arn.account == draft.desired.home.account;
    let mut breaches = gate::of_referred(&draft.desired, arn, policy, &grants);
    if own && (policy.is_none() || referred.grants.is_none()) {
        breaches.extend(gate::of_unknown(&draft.desired));
    }
    breaches
}

/// Returns the policies in which the stack has statements.
fn shared_policies<'a>(draft: &Draft<'a>) -> BTreeMap<&'a KeyRef, &'a Document> {
    let all = draft.live.observed.values().filter_map(|seen| match seen {
        Observed::Present { spec, .. } => Some((&spec.as_key_policy()?.key, spec.policy()?)),
        Observed::Absent | Observed::Unusable { .. } => None,
    });
    all.collect()
}

fn refs(spec: Option<&Spec>) -> Vec<&KeyRef> {
    spec.map(Spec::refs).unwrap_or_default()
}
