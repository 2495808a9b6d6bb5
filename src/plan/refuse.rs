//! Blocks steps. Only this module removes steps from a draft: the steps with objections, and then every
//! step that cannot be executed without them. Pure.

use super::check::{cuts, grants, losses};
use super::draft::Draft;
use super::obstacle::is_in_another_place;
use super::slot::Slot;
use super::{Blocked, Step, order};
use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Spec, Violation};
use crate::live::Observed;
use std::collections::{BTreeMap, BTreeSet};

/// The reason why a step must not be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    /// The address of the step.
    pub(super) address: Address,
    /// The reason, and what to do.
    pub(super) violation: Violation,
}

impl Objection {
    pub(super) fn new(address: &Address, violation: Violation) -> Self {
        Self { address: address.clone(), violation }
    }

    /// Creates the objection to a step that needs a blocked step.
    fn behind(address: &Address, blocked: &Address) -> Self {
        let reason = format!("`{blocked}` is blocked");
        let help = format!("resolve what blocks `{blocked}` first");
        Self::new(address, Violation::new("", reason, help))
    }
}

/// Objects to the creation of a replica of a blocked key. What blocks the key, such as `multi_region`, may be what the
/// replica needs.
fn replica_of_a_blocked_key(step: &Step, blocked: &BTreeSet<&Address>) -> Option<Objection> {
    let Change::Create { to: Spec::Key(key) } = &step.change else {
        return None;
    };
    let primary = key.primary.as_ref()?.key.managed()?;
    blocked.contains(primary).then(|| Objection::behind(&step.address, primary))
}

impl Draft<'_> {
    /// Blocks the steps with objections, and then repeatedly the steps that need a blocked step.
    pub(super) fn refuse(&mut self, objections: Vec<Objection>) {
        let mut next = objections;
        loop {
            self.block(next);
            next = losses::check(self);
            next.extend(grants::check(self));
            next.extend(cuts::check(self));
            next.extend(self.consequences());
            if next.is_empty() {
                break;
            }
        }
    }

    /// Moves the steps with objections from the plan to the refused steps.
    fn block(&mut self, objections: Vec<Objection>) {
        let objected: BTreeSet<Address> =
            objections.iter().map(|objection| objection.address.clone()).collect();
        let is_refused = |step: &mut Step| objected.contains(&step.address);
        for step in self.plan.steps.extract_if(.., is_refused) {
            self.refused.insert(step.address.clone(), step);
        }
        for Objection { address, violation } in objections {
            let Violation { field, reason, help } = violation;
            self.plan.blocked.push(Blocked { address, field, reason, help });
        }
    }

    /// Returns objections to the steps that cannot be executed without the steps that are blocked so far.
    fn consequences(&self) -> Vec<Objection> {
        if self.plan.blocked.is_empty() {
            return Vec::new();
        }
        let blocked: BTreeSet<&Address> =
            self.plan.blocked.iter().map(|blocked| &blocked.address).collect();
        let mut all: Vec<Step> =
            self.plan.steps.iter().chain(self.refused.values()).cloned().collect();
        order::order(&mut all);
        let waits: BTreeMap<&Address, &BTreeSet<Address>> =
            all.iter().map(|step| (&step.address, &step.after)).collect();
        let replaced = self.unreplaced(&blocked);
        let steps = self.plan.steps.iter();
        let found = steps.filter_map(|step| {
            let before = waits.get(&step.address).into_iter().flat_map(|after| after.iter());
            self.on_a_blocked_key(step, &blocked)
                .or_else(|| replica_of_a_blocked_key(step, &blocked))
                .or_else(|| replacement(step, &replaced))
                .or_else(|| self.after_a_refusal(step, before))
                .or_else(|| self.without_its_statement(step))
        });
        found.collect()
    }

    /// Objects to a step that makes a resource refer to a blocked key, if the key does not exist or may
    /// belong to another owner. Also objects to deleting an alias or grant of such a key.
    fn on_a_blocked_key(&self, step: &Step, blocked: &BTreeSet<&Address>) -> Option<Objection> {
        let managed = |spec: Option<&Spec>| -> Vec<Address> {
            let refs = spec.map(Spec::refs).unwrap_or_default();
            refs.into_iter().filter_map(KeyRef::managed).cloned().collect()
        };
        let coming = managed(step.change.to());
        // A consumer may leave a key that is kept. It must not be forgotten: it still needs the key, and
        // the next plan would not know that.
        let may_leave =
            step.address.kind.is_consumer() && !matches!(step.change, Change::Forget { .. });
        let leaving = if may_leave { Vec::new() } else { managed(step.change.from()) };
        let mut keys = coming.iter().chain(&leaving);
        let key = keys.find(|key| blocked.contains(key) && self.is_unusable(key))?;
        Some(Objection::behind(&step.address, key))
    }

    /// Returns whether no resource may rely on a blocked key.
    fn is_unusable(&self, key: &Address) -> bool {
        let declared = self.desired.resources.get(key);
        let observed = self.live.observed.get(key);
        let elsewhere = observed
            .zip(declared)
            .is_some_and(|(observed, declared)| is_in_another_place(observed, declared).is_some());
        declared.is_none()
            || self.doubtful.contains(key)
            || !self.live.ids.contains_key(key)
            || elsewhere
            || self.coming.contains(key)
            || matches!(observed, Some(Observed::Unusable { .. }))
    }

    /// Objects to a step that must come after a refused step. A refused update or import does not count,
    /// because its resource exists and other resources can refer to it.
    fn after_a_refusal<'s>(
        &self,
        step: &Step,
        mut before: impl Iterator<Item = &'s Address>,
    ) -> Option<Objection> {
        let first = before.find(|before| {
            self.refused.get(*before).is_some_and(|refused| {
                !matches!(refused.change, Change::Update { .. } | Change::Import { .. })
            })
        })?;
        Some(Objection::behind(&step.address, first))
    }

    /// Objects to a consumer that begins to use a key, if the step that adds the consumer's statements to
    /// the key's policy is refused.
    fn without_its_statement(&self, step: &Step) -> Option<Objection> {
        let declared = self.desired.resources.get(&step.address)?;
        if declared.needs.is_empty() {
            return None;
        }
        let keys = |spec: Option<&Spec>| -> BTreeSet<KeyRef> {
            spec.map(Spec::refs).unwrap_or_default().into_iter().cloned().collect()
        };
        let coming =
            keys(step.change.to()).difference(&keys(step.change.from())).cloned().collect();
        let source = step.address.to_string();
        let writes = |refused: &&Step| {
            let derived = self.desired.resources.get(&refused.address).map(|key| &key.derived);
            let derives =
                derived.is_some_and(|derived| derived.values().any(|from| from.contains(&source)));
            derives && self.writes_policy_of(refused, &coming)
        };
        let policy = self.refused.values().find(writes)?;
        Some(Objection::behind(&step.address, &policy.address))
    }

    /// Returns whether the step changes the policy of one of the keys.
    fn writes_policy_of(&self, step: &Step, keys: &BTreeSet<KeyRef>) -> bool {
        let part = step.change.to().and_then(Spec::as_key_policy).map(|policy| policy.key.clone());
        let key = part.unwrap_or_else(|| KeyRef::Managed(step.address.clone()));
        keys.contains(&key)
    }

    /// Returns the slots whose new resources are blocked, and the address of a blocked resource.
    fn unreplaced<'s>(&self, blocked: &BTreeSet<&'s Address>) -> BTreeMap<Slot, &'s Address> {
        let is_new = |address: &Address| {
            !matches!(self.live.observed.get(address), Some(Observed::Present { .. }))
        };
        let slot = |address: &Address| Slot::of(&self.desired.resources.get(address)?.spec);
        let new = blocked.iter().filter(|address| is_new(address));
        new.filter_map(|address| Some((slot(address)?, *address))).collect()
    }
}

/// Objects to deleting a resource while the resource that may replace it is blocked.
fn replacement(step: &Step, unreplaced: &BTreeMap<Slot, &Address>) -> Option<Objection> {
    let Change::Delete { from } = &step.change else {
        return None;
    };
    let instead = unreplaced.get(&Slot::of(from)?)?;
    let reason = format!("`{instead}`, which may replace it, is blocked");
    let help = format!("resolve what blocks `{instead}` first");
    Some(Objection::new(&step.address, Violation::new("", reason, help)))
}
