//! The approval of a plan. Only an approved plan can be applied.

use super::Plan;
use crate::kind::address::Address;
use std::collections::BTreeSet;

/// A plan that may be applied.
#[derive(Clone, Debug)]
pub struct Approved(Plan);

/// The reason why a saved plan is stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Another run has changed the state since.
    State,
    /// AWS has changed since, so that a new plan differs from the saved one at these addresses.
    Aws(BTreeSet<Address>),
    /// The plan shows something else besides the same steps: who gains and loses access, a drift or a finding.
    Shown(&'static str),
}

impl Approved {
    /// Approves a plan that a person has seen and accepted, or that needs no confirmation
    /// (`--auto-approve`).
    #[must_use]
    pub fn by_consent(plan: Plan) -> Self {
        Self(plan)
    }

    /// Approves a plan that was saved and reviewed, if the fresh plan is the same and shows the same. Both plans must
    /// be narrowed to the same targets.
    ///
    /// # Errors
    /// Returns the reason why the saved plan is stale.
    pub fn as_saved(saved: &Plan, fresh: Plan) -> Result<Self, Stale> {
        if saved.base != fresh.base {
            Err(Stale::State)
        } else if saved.steps != fresh.steps || saved.blocked != fresh.blocked {
            Err(Stale::Aws(differing(saved, &fresh)))
        } else if let Some(what) = otherwise_shown(saved, &fresh) {
            Err(Stale::Shown(what))
        } else {
            Ok(Self(fresh))
        }
    }

    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// Returns what the plans show differently besides their steps. A person approved what the saved plan shows.
fn otherwise_shown(saved: &Plan, fresh: &Plan) -> Option<&'static str> {
    let parts = [
        ("access", saved.access == fresh.access),
        ("drift", saved.drift == fresh.drift),
        ("findings", saved.findings == fresh.findings),
        ("gates", gates(saved) == gates(fresh)),
        ("roles in other accounts", saved.roles == fresh.roles),
        ("what could not be checked", unchecked(saved) == unchecked(fresh)),
        ("resources without a record", saved.found == fresh.found),
        ("what is taken over", saved.taken == fresh.taken),
        ("the stack", saved.stack == fresh.stack && saved.home == fresh.home),
        ("aliases and tags that are taken over", saved.taken_with == fresh.taken_with),
        ("tags that are let go", saved.let_go == fresh.let_go),
        ("policies with the same access", saved.same_access == fresh.same_access),
    ];
    let differing = parts.into_iter().find(|(_, is_same)| !is_same);
    differing.map(|(name, _)| name)
}

/// Returns the names of the gates in force. Their files can have other paths on another machine.
fn gates(plan: &Plan) -> BTreeSet<&str> {
    plan.gates.values().flatten().map(String::as_str).collect()
}

/// Returns what could not be checked, without the errors in parentheses: they can contain the ids of requests.
fn unchecked(plan: &Plan) -> BTreeSet<&str> {
    let texts = plan.unchecked.iter();
    texts.map(|text| text.split_once(" (").map_or(text.as_str(), |(what, _)| what)).collect()
}

/// Returns the addresses whose steps or blocked changes differ.
fn differing(saved: &Plan, fresh: &Plan) -> BTreeSet<Address> {
    let steps = |plan: &Plan, other: &Plan| -> Vec<Address> {
        let changed = plan.steps.iter().filter(|step| !other.steps.contains(step));
        let blocked = plan.blocked.iter().filter(|blocked| !other.blocked.contains(blocked));
        let blocked = blocked.map(|blocked| blocked.address.clone());
        changed.map(|step| step.address.clone()).chain(blocked).collect()
    };
    steps(saved, fresh).into_iter().chain(steps(fresh, saved)).collect()
}
