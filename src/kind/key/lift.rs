//! Converts the answers of AWS about a key to the form of a declaration.

use super::{NAME_TAG, Rotation, STACK_TAG, Spec};
use crate::id::Region;
use crate::kind::KeyFact;
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

/// The answer of `DescribeKey`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of DescribeKey's KeyMetadata")]
pub struct Metadata {
    pub arn: crate::id::KeyArn,
    pub spec: String,
    pub usage: String,
    pub origin: String,
    pub state: String,
    /// The time of its creation, in seconds since 1970; 0 if KMS does not return it.
    pub created: u64,
    pub description: String,
    pub multi_region: bool,
    pub custom_key_store_id: Option<String>,
    pub xks_key_id: Option<String>,
    pub deletion_date: Option<String>,
    /// Whether the key is an AWS managed key, which cannot be changed.
    pub aws_managed: bool,
    /// The Region of the primary key of a multi-Region key, which may be this key.
    pub primary_region: Option<Region>,
    /// The Regions of the other keys that are related to a multi-Region key.
    pub replicas: BTreeSet<Region>,
}

/// What decides whether a key that was found only by its tags is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The spec, as AWS names it.
    pub spec: String,
    /// The usage, as AWS names it.
    pub usage: String,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// The origin of the key material, as AWS names it.
    pub origin: String,
    /// The custom key store, if the key is in one.
    pub custom_key_store_id: Option<String>,
    /// The Regions of its replicas.
    pub replicas: BTreeSet<Region>,
    /// The key policy.
    pub policy: Document,
}

impl Found {
    /// Returns the facts about a key with its policy.
    #[must_use]
    pub fn new(metadata: &Metadata, policy: Document) -> Self {
        Self {
            spec: metadata.spec.clone(),
            usage: metadata.usage.clone(),
            multi_region: metadata.multi_region,
            origin: metadata.origin.clone(),
            custom_key_store_id: metadata.custom_key_store_id.clone(),
            replicas: metadata.replicas.clone(),
            policy,
        }
    }
}

impl Metadata {
    /// Returns the facts that the resources on the key need.
    #[must_use]
    pub fn fact(&self) -> KeyFact {
        let (spec, usage) = (self.spec.clone(), self.usage.clone());
        let primary_region = self.primary_region.clone();
        KeyFact { spec, usage, state: Some(self.state.clone()), primary_region }
    }

    /// Returns whether the deletion of the key is scheduled.
    #[must_use]
    pub fn is_dying(&self) -> bool {
        self.state.starts_with("Pending") && self.state.ends_with("Deletion")
    }
}

/// Converts the answers of AWS to the form of a declaration. `interest` has the declared and the
/// recorded form. Fields that neither of them sets are left out. Values that AWS does not return
/// are taken from them: the deletion window, and the rotation of a key that is pending deletion,
/// which KMS returns as `false`.
#[must_use]
pub fn lift(
    metadata: &Metadata,
    rotation: Option<Rotation>,
    policy: Option<Document>,
    tags: &BTreeMap<String, String>,
    interest: &[&Spec],
) -> Spec {
    let first = interest.first();
    let mut kept = BTreeMap::new();
    for (key, value) in tags {
        if [STACK_TAG, NAME_TAG].contains(&key.as_str())
            || interest.iter().any(|spec| spec.tags.contains_key(key))
        {
            kept.insert(key.clone(), value.clone());
        }
    }
    let deletion_date = metadata.deletion_date.as_ref().unwrap_or(&metadata.state);
    Spec {
        spec: Some(metadata.spec.clone()),
        usage: Some(metadata.usage.clone()),
        origin: Some(metadata.origin.clone()),
        multi_region: Some(metadata.multi_region),
        primary: first.and_then(|spec| spec.primary.clone()),
        primary_region: metadata.primary_region.clone(),
        custom_key_store_id: metadata.custom_key_store_id.clone(),
        xks_key_id: metadata.xks_key_id.clone(),
        description: Some(metadata.description.clone()),
        enabled: match metadata.state.as_str() {
            "Enabled" => Some(true),
            "Disabled" => Some(false),
            // The key waits for its key material, or is changing to another state.
            _ => interest.iter().find_map(|spec| spec.enabled),
        },
        rotation: if metadata.is_dying() { first.and_then(|spec| spec.rotation) } else { rotation },
        policy,
        shared: interest.iter().find_map(|spec| spec.shared.clone()),
        allow_lockout: first.and_then(|spec| spec.allow_lockout.clone()),
        tags: kept,
        deletion_window_days: interest.last().map_or(30, |spec| spec.deletion_window_days),
        deletion: if metadata.is_dying() { Some(deletion_date.clone()) } else { None },
    }
}

/// Returns the declared tags. Those of the stack stay on a key whose declaration does not need them.
pub(super) fn with_marks(
    declared: &BTreeMap<String, String>,
    live: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let marks = [STACK_TAG, NAME_TAG];
    let held = live.iter().filter(|(tag, _)| marks.contains(&tag.as_str()));
    let mut tags: BTreeMap<String, String> =
        held.map(|(tag, value)| (tag.clone(), value.clone())).collect();
    tags.extend(declared.iter().map(|(tag, value)| (tag.clone(), value.clone())));
    tags
}
