//! The live form of resources: what AWS reports, in the fields of a declaration.

use crate::id::{AliasArn, KeyArn, Place, Region};
use crate::kind::address::Address;
use crate::kind::grant::Listed;
use crate::kind::key::Found;
use crate::kind::{Ids, KeyFacts, Kind, Spec, Violation};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

/// The resource that AWS has at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// AWS has no such resource.
    Absent,
    /// AWS has the resource, and the stack manages it or takes it over.
    Present {
        /// AWS's identifier.
        id: String,
        /// The account and Region.
        place: Place,
        /// The live form, limited to the fields that the declaration and the record mention.
        spec: Box<Spec>,
        /// AWS's name of the operation in progress, if any.
        busy: Option<String>,
    },
    /// The stack must not change the resource, or could not read it. The plan blocks its step and the
    /// steps that need it.
    Unusable {
        /// The reason, as a fragment.
        reason: String,
        /// The help: what to do.
        help: String,
    },
}

/// A further key that carries the tags of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The ARN.
    pub arn: KeyArn,
    /// The time of its creation, in seconds since 1970.
    pub created: u64,
}

/// Facts about other resources that decide whether a consumer works, such as the bucket of a trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The required Region of the key, if it differs from the consumer's own Region.
    pub key_region: Option<Region>,
    /// The reason why the consumer would not work, if any.
    pub objection: Option<Violation>,
    /// The reason why kmsctl could not check it, if any.
    pub unknown: Option<String>,
}

/// Who has access to a key that the stack does not manage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referred {
    /// The keys that resources refer to: the key itself, or a key of which it is a replica.
    pub of: BTreeSet<KeyArn>,
    /// The policy. It is left out if it cannot be read, and if the stack has statements in it.
    pub policy: Option<Document>,
    /// The grants of other owners. They are left out if they cannot be listed.
    pub grants: Option<Vec<Listed>>,
}

/// The live form of a stack.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The resources at every declared or recorded address, and those that carry the stack's tags.
    pub observed: BTreeMap<Address, Observed>,
    /// The ARNs of the stack's keys.
    pub ids: Ids,
    /// The keys that were listed because a key of the stack was not found otherwise.
    pub listed: BTreeSet<KeyArn>,
    /// The creation times of the stack's keys, in seconds since 1970.
    pub created: BTreeMap<KeyArn, u64>,
    /// The Regions of the replicas of the stack's multi-Region keys.
    pub replicas: BTreeMap<Address, BTreeSet<Region>>,
    /// The specs, usages and states of the keys that resources refer to.
    pub key_facts: KeyFacts,
    /// The keys behind the aliases that resources refer to.
    pub targets: BTreeMap<AliasArn, KeyArn>,
    /// The surroundings of the consumers that depend on more than their key.
    pub surroundings: BTreeMap<Address, Surroundings>,
    /// The aliases that refer to a key of the stack and are neither declared nor recorded, by their place and
    /// name.
    pub undeclared_aliases: BTreeMap<(Place, String), Address>,
    /// The keys of other owners that recorded aliases point to, although the stack pointed them to another key.
    pub repointed: BTreeMap<Address, KeyArn>,
    /// The undeclared keys that look like declared keys under an old name: the declared addresses by the old
    /// ones.
    pub renamed: BTreeMap<Address, Address>,
    /// The creation time of the newest key that belongs to the stack, or whose tags AWS may not show yet, in
    /// seconds since 1970. It is only known if a declared resource without a record is missing.
    pub newest: Option<u64>,
    /// The further keys that carry the tags of an address.
    pub duplicates: BTreeMap<Address, Vec<Duplicate>>,
    /// The grants on the keys of the stack that AWS services and other owners created: their names do not carry
    /// the mark of the stack, and no declared grant stands for them.
    pub foreign_grants: BTreeMap<Address, Vec<Listed>>,
    /// The operations that the grants on each key of the stack allow, as far as its grants were listed.
    pub granted: BTreeMap<KeyArn, BTreeSet<String>>,
    /// The recorded grants that another owner created, and that are no longer declared, or not with the same access.
    pub released: BTreeSet<Address>,
    /// The declared grants for which a grant of another owner stands: one with the same access.
    pub borrowed: BTreeSet<Address>,
    /// The keys of records that do not carry the tags of the stack any more, as AWS shows.
    pub unmarked: BTreeSet<Address>,
    /// The declared keys that were found only by their tags: without a record and without `adopt`.
    pub found: BTreeMap<Address, Found>,
    /// The keys that resources refer to and that the stack does not manage. They are read only if a gate is in
    /// force.
    pub referred: BTreeMap<KeyArn, Referred>,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
    /// The caller's ARN, as STS reports it.
    pub caller: Option<String>,
}

impl Live {
    /// Returns whether the identity is a service-linked role of the stack that IAM already has.
    #[must_use]
    pub fn has_identity(&self, arn: &str) -> bool {
        self.observed.iter().any(|(address, observed)| {
            let found = matches!(observed, Observed::Present { id, .. } if id == arn);
            found && address.kind == Kind::ServiceLinkedRole
        })
    }

    /// Returns the addresses of the keys by their ARNs.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<&KeyArn, &Address> {
        self.ids.iter().map(|(address, arn)| (arn, address)).collect()
    }

    /// Returns AWS's name of the operation in progress on a resource, if any.
    #[must_use]
    pub fn busy(&self, address: &Address) -> Option<&str> {
        match self.observed.get(address)? {
            Observed::Present { busy, .. } => busy.as_deref(),
            Observed::Absent | Observed::Unusable { .. } => None,
        }
    }
}
