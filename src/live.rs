//! What AWS reports now, in the vocabulary of declarations.

use crate::address::Address;
use crate::id::{AliasArn, KeyArn, Place, Region};
use crate::kind::{Ids, KeyFacts, Kind, Spec, Violation};
use std::collections::BTreeMap;

/// What AWS has at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Nothing.
    Absent,
    /// The resource, which is the stack's or is to become the stack's.
    Present {
        /// AWS's identifier.
        id: String,
        /// The account and Region.
        place: Place,
        /// The form of the resource, cut to what the declaration and the record mention.
        spec: Box<Spec>,
        /// The operation that AWS has still in progress, if any.
        busy: Option<String>,
    },
    /// A resource that the stack must not touch, or that could not be read: blocks its own steps and
    /// those that need it.
    Unusable {
        /// The reason, as a fragment.
        reason: String,
        /// The way out.
        help: String,
    },
}

/// What else in AWS decides whether a consumer works: the bucket of a trail, for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The Region that the key must be in, where that is not the consumer's own.
    pub key_region: Option<Region>,
    /// Why the consumer would not work.
    pub objection: Option<Violation>,
    /// Why it is not known whether it would work.
    pub unknown: Option<String>,
}

/// What AWS reports now.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// What AWS has at each declared or recorded address, and at those that carry the stack's tags.
    pub observed: BTreeMap<Address, Observed>,
    /// The ARNs of the stack's keys.
    pub ids: Ids,
    /// The specs, usages and states of the keys that resources point at.
    pub key_facts: KeyFacts,
    /// The keys behind the aliases that resources point at.
    pub targets: BTreeMap<AliasArn, KeyArn>,
    /// The surroundings of consumers that depend on more than their key.
    pub surroundings: BTreeMap<Address, Surroundings>,
    /// The caller's ARN, as STS reports it.
    pub caller: Option<String>,
}

impl Live {
    /// Whether an identity was found in IAM already: a service-linked role of the stack.
    #[must_use]
    pub fn has_identity(&self, arn: &str) -> bool {
        self.observed.iter().any(|(address, observed)| {
            let found = matches!(observed, Observed::Present { id, .. } if id == arn);
            found && address.kind == Kind::ServiceLinkedRole
        })
    }

    /// The operation that AWS has still in progress at an address.
    #[must_use]
    pub fn busy(&self, address: &Address) -> Option<&str> {
        match self.observed.get(address)? {
            Observed::Present { busy, .. } => busy.as_deref(),
            Observed::Absent | Observed::Unusable { .. } => None,
        }
    }
}
