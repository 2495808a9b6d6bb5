//! Saved plans: a plan, and the configuration that is needed to check that the plan is still valid.

use crate::desired::{Desired, SAVED};
use crate::failure::Failure;
use crate::plan::Plan;
use crate::store::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A plan with the configuration that it was made from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlanFile {
    version: String,
    /// The resolved configuration.
    pub(super) desired: Desired,
    /// The targets of the plan; empty if the plan covers the whole stack.
    pub(super) targets: Vec<String>,
    /// The plan.
    pub(super) plan: Plan,
}

impl PlanFile {
    /// Creates a saved plan in the current format.
    pub(super) fn new(desired: Desired, targets: Vec<String>, plan: Plan) -> Self {
        Self { version: SAVED.to_owned(), desired, targets, plan }
    }

    /// Writes the plan to a file atomically.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).map_err(|error| Failure::new(error.to_string()))?;
        Ok(write_atomic(path, &text)?)
    }

    /// Reads a plan from a file, and checks its format.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |what: String| Failure::new(format!("{}: {what}", path.display()));
        let text = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let hint = "make the plan again with `kmsctl plan --out`";
        let value: serde_json::Value = serde_json::from_slice(&text)
            .map_err(|error| fail(format!("this is not a saved plan: {error}")).hint(hint))?;
        match value.get("version").and_then(serde_json::Value::as_str) {
            Some(SAVED) => {}
            Some(other) => {
                let what = format!("the plan has format {other}, and this program reads {SAVED}");
                return Err(fail(what).hint(hint));
            }
            None => return Err(fail("this is not a saved plan".to_owned()).hint(hint)),
        }
        serde_json::from_value(value)
            .map_err(|error| fail(format!("the saved plan is damaged: {error}")).hint(hint))
    }
}
