//! The keys that do not pass a gate, and the resources that use them or begin to.

use super::gates::{HELP, finding};
use crate::gate;
use crate::kind::address::Address;
use crate::kind::grant::{self, Listed};
use crate::kind::{KeyRef, Kind, Spec, Violation};
use crate::live::Observed;
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::policy::Document;
use crate::policy::grants::Grant;
use std::collections::BTreeMap;

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
        let shared: BTreeMap<&KeyRef, &Document> = draft
            .live
            .observed
            .values()
            .filter_map(|seen| match seen {
                Observed::Present { spec, .. } => {
                    Some((&spec.as_key_policy()?.key, spec.policy()?))
                }
                Observed::Absent | Observed::Unusable { .. } => None,
            })
            .collect();
        for (arn, referred) in &draft.live.referred {
            let foreign = |listed: &&Listed| !listed.is_of_service(&arn.account);
            let grants = referred.grants.iter().flatten().filter(foreign);
            let grants: Vec<Grant> = grants.map(grant::listed_in_policy_words).collect();
            let key = KeyRef::Arn(arn.clone());
            let policy = referred.policy.as_ref().or_else(|| shared.get(&key).copied());
            let own = arn.account == draft.desired.home.account;
            let mut breaches = gate::of_referred(&draft.desired, arn, policy, &grants);
            if own && (policy.is_none() || referred.grants.is_none()) {
                breaches.extend(gate::of_unknown(&draft.desired));
            }
            for of in &referred.of {
                for breach in &breaches {
                    let reason = format!(
                        "its key `{arn}` does not pass the gate `{}`: {}",
                        breach.gate, breach.message
                    );
                    self.add(KeyRef::Arn(of.clone()), breach.gate, reason);
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

fn refs(spec: Option<&Spec>) -> Vec<&KeyRef> {
    spec.map(Spec::refs).unwrap_or_default()
}
