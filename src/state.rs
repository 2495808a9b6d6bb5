//! What kmsctl last recorded: a memory, not the truth. A lost state is rebuilt from AWS.

use crate::address::Address;
use crate::id::{Name, Place};
use crate::kind::Spec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format that this program writes. It reads format 1, too, which also kept by what names the
/// stack knows its grants and statements: those are computed from the stack's name since.
pub const VERSION: u32 = 2;

/// One recorded resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// AWS's identifier: a key's or a role's ARN, an alias's name, a grant's id.
    pub id: String,
    /// Where it is.
    pub place: Place,
    /// Its form as last applied.
    pub spec: Spec,
    /// Whether deleting and disabling it is refused.
    pub protect: bool,
    /// An apply was cut short within this resource: what it lacks is not drift.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What that apply was bringing about. AWS may show something on the way there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Box<Spec>>,
}

/// The records of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// Which history the state belongs to: random, given when the state began.
    pub lineage: String,
    /// Grows with each run that changed something.
    pub serial: u64,
    /// The stack.
    pub stack: Name,
    /// The records.
    pub records: BTreeMap<Address, Record>,
}

/// Why a state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not JSON, or not of the form.
    #[error("the state is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// Written by a newer program.
    #[error(
        "the state has format {found}, this program reads format {VERSION}: use a newer kmsctl"
    )]
    Newer {
        /// Its format.
        found: u64,
    },
}

impl State {
    /// An empty state with a lineage of its own.
    #[must_use]
    pub fn begin(stack: Name, lineage: String) -> Self {
        Self { version: VERSION, lineage, serial: 0, stack, records: BTreeMap::new() }
    }

    /// Reads a state. The only way in: the version is looked at before anything else.
    ///
    /// # Errors
    /// If the text is damaged or newer than this program.
    pub fn read(text: &[u8]) -> Result<Self, StateError> {
        let value: serde_json::Value = serde_json::from_slice(text)?;
        let found = value.get("version").and_then(serde_json::Value::as_u64);
        match found {
            Some(found) if found > u64::from(VERSION) => Err(StateError::Newer { found }),
            _ => Ok(serde_json::from_value(value)?),
        }
    }

    /// Writes down what a plan found out without any call; `None` drops what is gone.
    pub fn remember(&mut self, found: &BTreeMap<Address, Option<Record>>) {
        for (address, record) in found {
            match record {
                Some(record) => self.records.insert(address.clone(), record.clone()),
                None => self.records.remove(address),
            };
        }
    }

    /// The text to store: stable, so that a version control system shows small differences.
    ///
    /// # Errors
    /// Never for the types of this crate; the signature is serde's.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}
