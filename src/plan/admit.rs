//! Takes out of a plan what names users and roles that do not exist: it would fail half-way. Pure.

use super::{Blocked, Plan, Step};
use crate::address::Address;
use crate::id::IdentityArn;
use crate::kind::Change;
use std::collections::{BTreeMap, BTreeSet};

/// What IAM says about a user or a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Exists {
        /// When it was made, in seconds since 1970.
        created: u64,
    },
    /// One of the same name is there, under another path.
    Elsewhere {
        /// Its ARN.
        arn: String,
    },
    /// It is not there.
    Missing,
}

impl Standing {
    /// What is wrong, if anything.
    #[must_use]
    pub fn objection(&self, identity: &IdentityArn) -> Option<String> {
        match self {
            Self::Exists { .. } => None,
            Self::Missing => Some(format!("`{identity}` does not exist")),
            Self::Elsewhere { arn } => {
                Some(format!("`{identity}` does not exist; its name belongs to `{arn}`"))
            }
        }
    }
}

impl Plan {
    /// The users and roles that its calls name.
    #[must_use]
    pub fn identities(&self) -> BTreeSet<IdentityArn> {
        self.steps.iter().flat_map(identities).collect()
    }

    /// Blocks the steps that name an identity that is not there, and those that cannot go on
    /// without them.
    pub fn admit(&mut self, standings: &BTreeMap<IdentityArn, Standing>) {
        let mut refused: BTreeMap<Address, Vec<String>> = BTreeMap::new();
        for step in &self.steps {
            let objections: Vec<String> = identities(step)
                .iter()
                .filter_map(|identity| standings.get(identity)?.objection(identity))
                .collect();
            if !objections.is_empty() {
                refused.insert(step.address.clone(), objections);
            }
        }
        let mut needed: BTreeSet<Address> = BTreeSet::new();
        // Steps are in an executable order, so one pass sees every chain.
        for step in std::mem::take(&mut self.steps) {
            let waits = step.after.iter().find(|before| needed.contains(*before)).cloned();
            let blocked = match (refused.remove(&step.address), waits) {
                (Some(objections), _) => Blocked {
                    address: step.address.clone(),
                    field: String::new(),
                    reason: objections.join("; "),
                    help: "create it first, or correct the name: AWS takes no policy and no grant \
                           that names somebody who does not exist"
                        .to_owned(),
                },
                (None, Some(before)) => Blocked {
                    address: step.address.clone(),
                    field: String::new(),
                    reason: format!("`{before}` is blocked"),
                    help: format!("resolve what blocks `{before}` first"),
                },
                (None, None) => {
                    self.steps.push(step);
                    continue;
                }
            };
            // What exists already can still be pointed at.
            if !matches!(step.change, Change::Update { .. } | Change::Import { .. }) {
                needed.insert(step.address.clone());
            }
            self.access.retain(|access| access.source != step.address);
            self.blocked.push(blocked);
        }
    }
}

fn identities(step: &Step) -> BTreeSet<IdentityArn> {
    let calls = step.calls.iter().chain(&step.last);
    let named = calls.flat_map(|planned| planned.call.principals());
    named.filter_map(|arn| arn.parse().ok()).collect()
}
