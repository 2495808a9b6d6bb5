//! Takes out of a plan what names users and roles that do not exist: it would fail half-way. Pure.

use super::{Blocked, Plan, Step};
use crate::address::Address;
use crate::id::IdentityArn;
use crate::kind::service_linked_role::Spec as Role;
use crate::kind::{Change, Spec, Violation};
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

    /// The roles that its steps make, by whose step.
    #[must_use]
    pub fn makes(&self) -> BTreeMap<IdentityArn, Address> {
        made(&self.steps)
    }

    /// Blocks the steps that name an identity that is not there, and those that cannot go on
    /// without them.
    pub fn admit(&mut self, standings: &BTreeMap<IdentityArn, Standing>) {
        let mut refused: BTreeMap<Address, Vec<Violation>> = BTreeMap::new();
        let made = self.makes();
        for step in &self.steps {
            let (mut objections, mut help) = (Vec::new(), BTreeSet::new());
            for identity in identities(step).iter().filter(|named| !made.contains_key(*named)) {
                let standing = standings.get(identity);
                objections.extend(standing.and_then(|standing| standing.objection(identity)));
                help.extend(standing.and_then(|standing| self.remedy(identity, standing)));
            }
            if !objections.is_empty() {
                let help: Vec<&str> = help.into_iter().collect();
                let violation = Violation::new("", objections.join("; "), help.join("; "));
                refused.insert(step.address.clone(), vec![violation]);
            }
        }
        self.refuse(refused);
    }

    /// What to do about an identity that is not there.
    fn remedy(&self, identity: &IdentityArn, standing: &Standing) -> Option<&'static str> {
        let ours = *identity.account() == self.home.account;
        match standing {
            Standing::Exists { .. } => None,
            Standing::Missing if ours && Role::of(identity).is_some() => {
                Some("declare it under `service_linked_roles` and kmsctl creates it")
            }
            Standing::Missing | Standing::Elsewhere { .. } => Some(
                "create it first, or correct the name: AWS takes no policy and no grant that names \
                 somebody who does not exist",
            ),
        }
    }

    /// Blocks steps, and those that cannot go on without them.
    pub(super) fn refuse(&mut self, mut refused: BTreeMap<Address, Vec<Violation>>) {
        let mut needed: BTreeSet<Address> = BTreeSet::new();
        // Steps are in an executable order, so one pass sees every chain.
        for step in std::mem::take(&mut self.steps) {
            let waits = step.after.iter().find(|before| needed.contains(*before));
            let violations = match (refused.remove(&step.address), waits) {
                (Some(violations), _) => violations,
                (None, Some(before)) => vec![Violation::new(
                    "",
                    format!("`{before}` is blocked"),
                    format!("resolve what blocks `{before}` first"),
                )],
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
            for Violation { field, reason, help } in violations {
                let address = step.address.clone();
                self.blocked.push(Blocked { address, field, reason, help });
            }
        }
    }
}

/// The roles that steps make, by whose step.
pub(super) fn made(steps: &[Step]) -> BTreeMap<IdentityArn, Address> {
    let each = steps.iter().filter_map(|step| match &step.change {
        Change::Create { to: Spec::ServiceLinkedRole(role) } => {
            Some((role.arn(&step.place).parse().ok()?, step.address.clone()))
        }
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Delete { .. }
        | Change::Forget { .. } => None,
    });
    each.collect()
}

/// Whom the calls of a step name.
pub(super) fn identities(step: &Step) -> BTreeSet<IdentityArn> {
    let calls = step.calls.iter().chain(&step.last);
    let named = calls.flat_map(|planned| planned.call.principals());
    named.filter_map(|arn| arn.parse().ok()).collect()
}
