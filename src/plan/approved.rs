//! The approval of a plan. Only an approved plan can be applied.

use super::Plan;

/// A plan that may be applied.
#[derive(Clone, Debug)]
pub struct Approved(Plan);

/// The reason why a saved plan is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Another run has changed the state since.
    State,
    /// AWS has changed since, so that a new plan differs from the saved one.
    Aws,
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
            Err(Stale::Aws)
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
