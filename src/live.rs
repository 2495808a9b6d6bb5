//! What AWS reports now, in the vocabulary of declarations.

use crate::address::Address;
use crate::id::{AliasArn, KeyArn, Place, Region};
use crate::kind::{Ids, KeyFacts, Kind, Spec, Violation};
use std::collections::BTreeMap;

/// What was found at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Absent,
    /// The resource, ours or about to become ours.
    Present {
        /// AWS's identifier.
        id: String,
        /// Where it is.
        place: Place,
        /// Its form, cut to what the declaration and the record mention.
        spec: Box<Spec>,
    },
    /// Something that the stack must not touch, or could not look at: blocks its own steps only.
    Obstructed {
        /// Why, as a fragment.
        reason: String,
        /// What to do.
        help: String,
    },
}

/// What AWS reports now.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// What was found at each declared or recorded address, and at those that carry the stack's tag.
    pub seen: BTreeMap<Address, Seen>,
    /// The ARNs of the stack's keys.
    pub ids: Ids,
    /// What the keys are that resources point at.
    pub key_facts: KeyFacts,
    /// The keys behind the aliases that resources point at.
    pub targets: BTreeMap<AliasArn, KeyArn>,
    /// What AWS is at, with consumers that it is not done with.
    pub busy: BTreeMap<Address, String>,
    /// The Regions whose keys consumers need, where those are not their own.
    pub regions: BTreeMap<Address, Region>,
    /// What else is in AWS, and not the stack's, that consumers would not work with.
    pub objections: BTreeMap<Address, Violation>,
    /// What of that could not be looked at.
    pub unsure: BTreeMap<Address, String>,
    /// Who looks: an ARN, as STS says it.
    pub caller: Option<String>,
}

impl Live {
    /// Whether an identity was found in IAM already: a service-linked role of the stack.
    #[must_use]
    pub fn has_identity(&self, arn: &str) -> bool {
        self.seen.iter().any(|(address, seen)| {
            let found = matches!(seen, Seen::Present { id, .. } if id == arn);
            found && address.kind == Kind::ServiceLinkedRole
        })
    }
}
