//! What depends on a key, and what was looked at to know it. Pure data.

use crate::id::KeyArn;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Something that needs a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependant {
    /// What it is: the kind of a resource as in addresses, or AWS's word for what is no resource.
    pub what: String,
    /// AWS's identifier.
    pub id: String,
    /// Who holds it, of a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// When a key was last used, as far as KMS has recorded it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsage {
    /// When; `None` if not since the recording began.
    pub when: Option<String>,
    /// For what.
    pub operation: Option<String>,
    /// Since when KMS records.
    pub recorded_since: Option<String>,
}

/// A list that was looked through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scanned {
    /// Of what.
    pub what: String,
    /// How many there were.
    pub count: usize,
}

/// What could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What is known of the use of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// What needs it.
    pub dependants: BTreeSet<Dependant>,
    /// When it was last used.
    pub last_usage: Option<LastUsage>,
    /// What was looked through.
    pub scanned: BTreeSet<Scanned>,
    /// What could not be.
    pub unseen: BTreeSet<Unseen>,
}

/// By key.
pub type Impacts = BTreeMap<KeyArn, Impact>;

impl Impact {
    /// What a person should know, though nothing was found: what was not seen, and the last use.
    #[must_use]
    pub fn caution(&self) -> Option<String> {
        let mut said = Vec::new();
        if let Some(when) = self.last_usage.as_ref().and_then(|usage| usage.when.as_ref()) {
            said.push(format!("last used {when}"));
        }
        if !self.unseen.is_empty() {
            let names: Vec<&str> = self.unseen.iter().map(|unseen| unseen.what.as_str()).collect();
            said.push(format!("not looked at: {}", names.join(", ")));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}
