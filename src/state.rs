//! The state: what kmsctl last recorded about the resources of a stack. If it is lost, the records of the
//! declared resources, and of the keys with the stack's tags, are rebuilt from AWS.

use crate::id::{Name, Place};
use crate::kind::Spec;
use crate::kind::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The format version that this program writes. It also reads version 1, which additionally recorded
/// the names of grants and statements. Those names are now computed from the stack's name.
pub const VERSION: u32 = 2;

/// The record of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// AWS's identifier, such as the ARN of a key or role, the name of an alias or the id of a grant.
    pub id: String,
    /// The account and Region of the resource.
    pub place: Place,
    /// The form as last applied.
    pub spec: Spec,
    /// Whether kmsctl refuses to delete or disable the resource.
    pub protect: bool,
    /// What AWS held before the stack declared it, and kmsctl has not changed since: the name of an alias, or the keys
    /// of a key's tags. It stays when it leaves the configuration.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub found: BTreeSet<String>,
    /// Whether an apply was interrupted while it changed the resource. Missing settings are not drift
    /// then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The form that the interrupted apply was creating. AWS may show an intermediate form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Box<Spec>>,
}

/// The records of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The random id of the state's history, created together with the state.
    pub lineage: String,
    /// The number of the state in its history. Each run that changes the state increases it.
    pub serial: u64,
    /// The time of the last call that changed AWS, in seconds since 1970; 0 if it is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed: u64,
    /// The name of the stack.
    pub stack: Name,
    /// The records of the resources.
    pub records: BTreeMap<Address, Record>,
}

impl State {
    /// Returns what to do if a key has a new name in the configuration, as a lower-case fragment. `kmsctl state mv`
    /// changes a record, so there must be one.
    #[must_use]
    pub fn renaming(&self, old: &Address, new: &Address) -> String {
        let moved = format!(
            "if the key was renamed, add `moved: [{{from: {old}, to: {new}}}]` to the configuration"
        );
        match self.records.contains_key(old) {
            true => format!("{moved}, or run `kmsctl state mv {old} {new}`"),
            false => moved,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(time: &u64) -> bool {
    *time == 0
}

/// The format version of a state.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// The reason why a state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The text is not JSON, or has the wrong fields.
    #[error("the state is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// The state is that of another stack: it was copied, or somebody replaced it.
    #[error("the state belongs to the stack `{found}`, not to `{stack}`")]
    OtherStack {
        /// The stack of the state.
        found: Name,
        /// The stack of the run.
        stack: Name,
    },
    /// A newer version of the program wrote the state.
    #[error(
        "the state has format {found}, and this program reads up to format {VERSION}: use a newer kmsctl"
    )]
    Newer {
        /// The format version of the state.
        found: u64,
    },
}

impl State {
    /// Creates an empty state with serial 0.
    #[must_use]
    pub fn begin(stack: Name, lineage: String) -> Self {
        Self { version: VERSION, lineage, serial: 0, changed: 0, stack, records: BTreeMap::new() }
    }

    /// Reads a state. The version is checked before any other field is read. Fields that it does not know are ignored.
    ///
    /// # Errors
    /// Returns an error if the text is damaged or newer than this program.
    pub fn read(text: &[u8]) -> Result<Self, StateError> {
        let Versioned { version } = serde_json::from_slice(text)?;
        if version > u64::from(VERSION) {
            return Err(StateError::Newer { found: version });
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// Writes the records that a plan changes without any call. `None` removes the record of a resource
    /// that no longer exists.
    pub fn remember(&mut self, found: &BTreeMap<Address, Option<Record>>) {
        for (address, record) in found {
            match record {
                Some(record) => self.records.insert(address.clone(), record.clone()),
                None => self.records.remove(address),
            };
        }
    }

    /// Returns the text to store, as indented JSON in a stable order, so that version control shows
    /// small differences.
    ///
    /// # Errors
    /// Serializing the types of this crate does not fail; the signature is serde's.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}
