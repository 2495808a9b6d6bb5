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
}

impl Approved {
    /// Approves a plan that a person has seen and accepted, or that needs no confirmation
    /// (`--auto-approve`).
    #[must_use]
    pub fn by_consent(plan: Plan) -> Self {
        Self(plan)
    }

    /// Approves a plan that was saved and reviewed, if the fresh plan is the same. Both plans must be
    /// narrowed to the same targets.
    ///
    /// # Errors
    /// Returns the reason why the saved plan is stale.
    pub fn as_saved(saved: &Plan, fresh: Plan) -> Result<Self, Stale> {
        if saved.base != fresh.base {
            Err(Stale::State)
        } else if saved.steps != fresh.steps || saved.blocked != fresh.blocked {
            Err(Stale::Aws(differing(saved, &fresh)))
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
