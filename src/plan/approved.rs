//! The consent to a plan. Only an approved plan can be applied.

use super::Plan;

/// A plan that somebody has agreed to.
#[derive(Clone, Debug)]
pub struct Approved(Plan);

/// What has changed since a plan was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The records: another run has applied something.
    State,
    /// AWS: planning again makes another plan.
    Aws,
}

impl Approved {
    /// A plan that a person has seen and agreed to, or that needs no consent (`--auto-approve`).
    #[must_use]
    pub fn by_consent(plan: Plan) -> Self {
        Self(plan)
    }

    /// A plan that was saved and reviewed, if planning again on today's AWS and records makes the same
    /// one. Both are narrowed to the same targets.
    ///
    /// # Errors
    /// What has changed since.
    pub fn as_saved(saved: &Plan, fresh: Plan) -> Result<Self, Stale> {
        if saved.base != fresh.base {
            Err(Stale::State)
        } else if saved.steps != fresh.steps || saved.blocked != fresh.blocked {
            Err(Stale::Aws)
        } else {
            Ok(Self(fresh))
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}
