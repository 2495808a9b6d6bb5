//! What trails and event data stores have in common: which events they take, in AWS's words.

pub(crate) mod aws;
pub mod fields;

use super::consumer::{Tag, Tags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The service principal that CloudTrail calls KMS and S3 with (CloudTrail User Guide, Configure AWS
/// KMS key policies for CloudTrail).
pub const SERVICE: &str = "cloudtrail.amazonaws.com";

/// Which events are taken: those for which every field is as one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdvancedEventSelector {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What must hold of each field.
    pub field_selectors: BTreeSet<FieldSelector>,
}

/// What must hold of a field of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct FieldSelector {
    pub field: String,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub equals: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub starts_with: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ends_with: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_equals: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_starts_with: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_ends_with: BTreeSet<String>,
}

impl FieldSelector {
    /// How many values it has: AWS counts those of all selectors together.
    #[must_use]
    pub fn values(&self) -> usize {
        let all = [
            &self.equals,
            &self.starts_with,
            &self.ends_with,
            &self.not_equals,
            &self.not_starts_with,
            &self.not_ends_with,
        ];
        all.iter().map(|values| values.len()).sum()
    }
}

/// The tags of these keys, with their values: CloudTrail takes whole tags away.
pub(crate) fn tags_of(keys: &[String], tags: &Tags) -> Vec<Tag> {
    let tag =
        |key: &String| Tag { key: key.clone(), value: tags.get(key).cloned().unwrap_or_default() };
    keys.iter().map(tag).collect()
}
