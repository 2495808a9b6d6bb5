//! The types that trails and event data stores share: event selectors in the form of the CloudTrail
//! API.

pub(crate) mod aws;
pub mod fields;

use super::consumer::{Tag, Tags};
use super::tags::TagRules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The service principal that CloudTrail calls KMS and S3 with (CloudTrail User Guide, Configure AWS
/// KMS key policies for CloudTrail).
pub const SERVICE: &str = "cloudtrail.amazonaws.com";

/// The rules for tags (CloudTrail API Reference, Tag: `TagValue` has a character at least).
pub const TAGS: TagRules = TagRules { empty_values: false, ..TagRules::COMMON };

/// A selector of events. It selects the events that meet all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdvancedEventSelector {
    /// The name of the selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The conditions.
    pub field_selectors: BTreeSet<FieldSelector>,
}

/// A condition on a field of an event.
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
    /// Returns the number of values. CloudTrail limits the number of values of all selectors
    /// together.
    #[must_use]
    pub fn values(&self) -> usize {
        self.all().count()
    }

    /// Returns the values.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let all = [
            &self.equals,
            &self.starts_with,
            &self.ends_with,
            &self.not_equals,
            &self.not_starts_with,
            &self.not_ends_with,
        ];
        all.into_iter().flatten()
    }
}

/// Returns the tags with these keys. `RemoveTags` of CloudTrail requires the values too.
pub(crate) fn tags_of(keys: &[String], tags: &Tags) -> Vec<Tag> {
    keys.iter()
        .map(|key| Tag { key: key.clone(), value: tags.get(key).cloned().unwrap_or_default() })
        .collect()
}
