//! The keys of an account, as AWS holds them. Pure data.

use crate::answer::Denied;
use crate::id::{AliasArn, AliasName, BadId, KeyArn, Place, is_key_id};
use crate::kind::ConsumerKind;
use crate::kind::address::glob;
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The keys of some Regions of an account.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The customer managed keys.
    pub keys: BTreeMap<KeyArn, Held>,
    /// The keys that are left out.
    pub left_out: BTreeMap<KeyArn, LeftOut>,
    /// The places whose aliases the caller may not list, so that the aliases of their keys are not known.
    pub unnamed: BTreeMap<Place, Denied>,
    /// The wanted aliases and ids that no key has.
    pub unmatched: Vec<String>,
    /// The resources that the keys encrypt. They are listed only if that was asked.
    pub consumers: BTreeSet<User>,
    /// What else needs the keys, and no entry of a configuration names: snapshots and settings of Regions.
    pub others: BTreeSet<Other>,
    /// The kinds of resources that could not be listed, as [`Dependant::what`] names them, with the errors.
    ///
    /// [`Dependant::what`]: crate::impact::Dependant::what
    pub unseen: BTreeMap<String, String>,
}

impl Inventory {
    /// Returns the keys in some places that are related to multi-Region keys, and were not read.
    #[must_use]
    pub fn related(&self, places: &BTreeSet<Place>) -> BTreeSet<KeyArn> {
        let all = self.keys.values().flat_map(|held| {
            let arn = &held.metadata.arn;
            let others = held.metadata.replicas.iter();
            others.map(|region| arn.related(region))
        });
        let is_wanted = |arn: &KeyArn| {
            let is_known = self.keys.contains_key(arn) || self.left_out.contains_key(arn);
            places.contains(&arn.place()) && !is_known
        };
        all.filter(is_wanted).collect()
    }

    /// Moves the replicas whose primary keys are not read to those that are left out.
    pub fn drop_replicas(&mut self) {
        let lone: Vec<(KeyArn, KeyArn)> = self
            .keys
            .iter()
            .filter_map(|(arn, held)| Some((arn.clone(), held.primary()?)))
            .filter(|(_, primary)| !self.keys.contains_key(primary))
            .collect();
        for (arn, primary) in lone {
            self.keys.remove(&arn);
            self.left_out.insert(arn, LeftOut::ReplicaOf(primary));
        }
    }
}

/// A key with everything that is read of it.
#[derive(Clone, Debug)]
pub struct Held {
    /// The answer of `DescribeKey`.
    pub metadata: Metadata,
    /// The text of the policy.
    pub policy: String,
    /// The rotation of a key that can rotate.
    pub rotation: Option<Rotation>,
    /// The tags, without those of AWS.
    pub tags: BTreeMap<String, String>,
    /// The grants.
    pub grants: Vec<Listed>,
    /// The aliases.
    pub aliases: BTreeSet<AliasName>,
}

impl Held {
    /// Returns the primary key, if this is a replica.
    #[must_use]
    pub fn primary(&self) -> Option<KeyArn> {
        let arn = &self.metadata.arn;
        let primary = arn.related(self.metadata.primary_region.as_ref()?);
        (primary != *arn).then_some(primary)
    }
}

/// Why a key is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The key is an AWS managed key.
    AwsManaged,
    /// The key is deleted on a day.
    PendingDeletion(String),
    /// The key is a replica, and the Region of its primary key is not read.
    ReplicaOf(KeyArn),
    /// The key carries the tag of a stack. The text is its value, which need not be a name.
    OfStack(String),
    /// The caller may not read the key.
    Denied(BTreeSet<Denied>),
    /// There is no such key.
    Missing,
    /// The key could not be read for another reason. The text is AWS's error.
    Failed(String),
}

/// A resource that a key encrypts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The key.
    pub key: KeyArn,
    /// The place of the resource.
    pub place: Place,
    /// The kind of the resource.
    pub kind: ConsumerKind,
    /// AWS's identifier of the resource.
    pub id: String,
}

/// What needs a key, and no entry of a configuration names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// The key.
    pub key: KeyArn,
    /// AWS's name of the kind.
    pub noun: &'static str,
    /// AWS's identifier.
    pub id: String,
}

/// A text that names keys which exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The keys with an alias that matches the pattern, such as `alias/prod/*`, in one place or in all places.
    Alias(Option<Place>, String),
    /// The key with an id, which may be in any place.
    Id(String),
    /// The key with an ARN.
    Key(KeyArn),
}

impl FromStr for Selector {
    type Err = BadId;

    /// Parses an ARN of a key or an alias, a key id, or an alias with or without `alias/`.
    fn from_str(text: &str) -> Result<Self, BadId> {
        if text.starts_with("arn:") {
            return match text.splitn(6, ':').nth(5).filter(|name| name.starts_with("alias/")) {
                // The alias of an AWS managed key names a key as well.
                Some(name) => Ok(Self::Alias(Some(AliasArn::place_of(text)?), name.to_owned())),
                None => Ok(Self::Key(text.parse()?)),
            };
        }
        if is_key_id(text) {
            return Ok(Self::Id(text.to_owned()));
        }
        let alias = text.strip_prefix("alias/").unwrap_or(text);
        Ok(Self::Alias(None, format!("alias/{alias}")))
    }
}

impl Selector {
    /// Returns the place that the text names.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Alias(place, _) => place.clone(),
            Self::Id(_) => None,
            Self::Key(arn) => Some(arn.place()),
        }
    }

    /// Returns whether the text names a key by its alias.
    #[must_use]
    pub fn names_alias(&self, place: &Place, name: &str) -> bool {
        match self {
            Self::Alias(at, pattern) => {
                at.as_ref().is_none_or(|at| at == place) && glob(pattern, name)
            }
            Self::Id(_) | Self::Key(_) => false,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(None, pattern) => f.write_str(pattern),
            Self::Alias(Some(Place { account, region }), pattern) => {
                write!(f, "arn:{}:kms:{region}:{account}:{pattern}", region.partition())
            }
            Self::Id(id) => f.write_str(id),
            Self::Key(arn) => arn.fmt(f),
        }
    }
}
