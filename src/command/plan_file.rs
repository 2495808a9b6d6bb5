//! A saved plan: what was planned, and all that is needed to see whether it still holds.

use crate::desired::{Desired, SAVED};
use crate::failure::Failure;
use crate::plan::Plan;
use crate::store::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A plan with the declaration that it came from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlanFile {
    version: String,
    /// What was declared.
    pub(super) desired: Desired,
    /// The part of it that was planned; empty for all of it.
    pub(super) targets: Vec<String>,
    /// What was planned.
    pub(super) plan: Plan,
}

impl PlanFile {
    pub(super) fn new(desired: Desired, targets: Vec<String>, plan: Plan) -> Self {
        Self { version: SAVED.to_owned(), desired, targets, plan }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).map_err(|error| Failure::new(error.to_string()))?;
        Ok(write_atomic(path, &text)?)
    }

    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |what: String| Failure::new(format!("{}: {what}", path.display()));
        let text = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let hint = "make the plan again with `kmsctl plan --out`";
        let value: serde_json::Value = serde_json::from_slice(&text)
            .map_err(|error| fail(format!("not a saved plan: {error}")).hint(hint))?;
        match value.get("version").and_then(serde_json::Value::as_str) {
            Some(SAVED) => {}
            Some(other) => return Err(fail(format!("a plan of format {other}")).hint(hint)),
            None => return Err(fail("not a saved plan".to_owned()).hint(hint)),
        }
        serde_json::from_value(value)
            .map_err(|error| fail(format!("a damaged plan: {error}")).hint(hint))
    }
}
