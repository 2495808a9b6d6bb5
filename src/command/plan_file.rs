//! Saved plans: a plan, and the configuration that is needed to check that the plan is still valid.

use crate::desired::{Desired, SAVED};
use crate::digest::sha256;
use crate::failure::{Exit, Failure};
use crate::file::{open_given, read_record, reason};
use crate::plan::Plan;
use crate::policy::gates::Gates;
use crate::render::Caller;
use crate::store::write_atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// A plan with the configuration that it was made from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlanFile {
    version: String,
    /// The resolved configuration.
    pub(super) desired: Desired,
    /// The targets of the plan; empty if the plan covers the whole stack.
    pub(super) targets: Vec<String>,
    /// Who made the plan.
    pub(super) caller: Caller,
    /// The plan.
    pub(super) plan: Plan,
}

/// The format version of a saved plan.
#[derive(Deserialize)]
struct Format {
    version: String,
}

impl PlanFile {
    /// Creates a saved plan in the current format.
    pub(super) fn new(desired: Desired, targets: Vec<String>, caller: Caller, plan: Plan) -> Self {
        Self { version: SAVED.to_owned(), desired, targets, caller, plan }
    }

    /// Writes the plan to a file atomically. Returns the SHA-256 digest of the file in hexadecimal digits.
    pub(super) fn write(&self, path: &Path) -> Result<String, Failure> {
        let text = serde_json::to_vec(self).map_err(|error| Failure::new(error.to_string()))?;
        write_atomic(path, &text)?;
        Ok(sha256(&text))
    }

    /// Returns what the plan shows differently from the declaration that it contains, if anything.
    fn contradiction(&self) -> Option<&'static str> {
        let Self { desired, plan, .. } = self;
        let shown: BTreeSet<&str> = plan.gates.values().flatten().map(String::as_str).collect();
        let mut gates: BTreeSet<&str> = desired.all_gates().flat_map(Gates::names).collect();
        gates.extend(desired.base.as_ref().map(|_| "base"));
        let parts = [
            ("stack", plan.stack == desired.stack),
            ("account or Region", plan.home == desired.home),
            ("role", plan.roles == desired.accounts),
            ("list of gates", shown == gates && plan.gates == desired.gate_files),
        ];
        parts.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name)
    }

    /// Reads a plan from a file, and checks its format and its digest, if one is demanded.
    pub(super) fn read(path: &Path, digest: Option<&str>) -> Result<Self, Failure> {
        let fail = |what: String| Failure::new(format!("{}: {what}", path.display()));
        let text = open_given(path).and_then(read_record);
        let text = text.map_err(|error| {
            fail(reason(&error)).hint(format!(
                "the path is relative to the current folder; `kmsctl plan --out {}` writes the file",
                path.display()
            ))
        })?;
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let hint = match is_yaml {
            true => format!("`-f {}` names the configuration", path.display()),
            false => "make the plan again with `kmsctl plan --out`".to_owned(),
        };
        let hint = hint.as_str();
        let actual = sha256(&text);
        if digest.is_some_and(|digest| !digest.trim().eq_ignore_ascii_case(&actual)) {
            let what = format!(
                "this is not the plan with the digest that is demanded: its digest is {actual}"
            );
            return Err(fail(what).exit(Exit::Conflict));
        }
        let format: Result<Format, _> = serde_json::from_slice(&text);
        match format.map(|format| format.version) {
            Ok(version) if version == SAVED => {}
            Ok(other) => {
                let what = format!("the plan has format {other}, and this program reads {SAVED}");
                return Err(fail(what).hint(hint));
            }
            Err(error) => {
                let why = if is_yaml { String::new() } else { format!(": {error}") };
                return Err(fail(format!("this is not a saved plan{why}")).hint(hint));
            }
        }
        let damaged = |why: &str| fail(format!("the saved plan is damaged: {why}")).hint(hint);
        let read: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))?;
        // Every field must be one that is shown and compared.
        match serde_json::to_vec(&read) {
            Ok(again) if again == text => match read.contradiction() {
                Some(what) => Err(damaged(&format!("it shows another {what} than it has"))),
                None => Ok(read),
            },
            Ok(_) => Err(damaged("it is not the text that this program writes")),
            Err(error) => Err(damaged(&error.to_string())),
        }
    }
}
