//! The settings of every key and resource that does not set its own.

use std::collections::BTreeMap;

use super::scope::days_within;
use crate::config::records;
use crate::decode::{Diagnostics, Named, Spanned, Text};
use crate::id::Name;
use crate::kind::key::{self, NAME_TAG, Rotation, STACK_TAG};

/// The defaults of a stack.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) rotation: Option<Rotation>,
    pub(super) deletion_window_days: Option<u32>,
    pub(super) protect: Option<bool>,
}

pub(super) fn resolve(
    declared: Option<&Option<records::Defaults>>,
    d: &mut Diagnostics,
) -> Defaults {
    let Some(Some(declared)) = declared else {
        return Defaults::default();
    };
    Defaults {
        tags: declared.tags.as_ref().map(|declared| tags(declared, d)).unwrap_or_default(),
        rotation: declared.rotation.as_ref().and_then(|declared| rotation(declared, d)),
        deletion_window_days: declared
            .deletion_window_days
            .as_ref()
            .and_then(|days| deletion_window(days, d)),
        protect: declared.protect.as_ref().map(|protect| protect.value),
    }
}

impl Defaults {
    /// Returns whether a resource with this `protect` field is protected.
    pub(super) fn protects(&self, declared: Option<&Spanned<bool>>) -> bool {
        declared.map(|protect| protect.value).or(self.protect).unwrap_or(true)
    }

    /// Returns the declared tags of a resource, and the tags that mark it as the stack's.
    pub(super) fn tags(
        &self,
        stack: &Name,
        name: &Text,
        own: Option<&Spanned<Named<Text>>>,
        d: &mut Diagnostics,
    ) -> BTreeMap<String, String> {
        let mut all = self.tags.clone();
        if let Some(own) = own {
            all.extend(tags(&own.value, d));
        }
        if all.len() > key::MAX_TAGS {
            let span = own.map_or(name.span, |tags| tags.span);
            let message = format!("{} tags are too many", all.len());
            let help =
                format!("AWS allows 50, of which kmsctl needs 3: keep {} at most", key::MAX_TAGS);
            d.error(span, message, help);
        }
        all.insert(STACK_TAG.to_owned(), stack.to_string());
        all.insert(NAME_TAG.to_owned(), name.value.clone());
        all
    }
}

fn tags(declared: &Named<Text>, d: &mut Diagnostics) -> BTreeMap<String, String> {
    for (key, value) in declared {
        let lower = key.value.to_ascii_lowercase();
        if let Some(prefix) = ["aws:", "kmsctl:"].iter().find(|prefix| lower.starts_with(**prefix))
        {
            let message = format!("the tag `{}` is reserved", key.value);
            d.error(key.span, message, format!("choose a key without `{prefix}`"));
        }
        let length = key.value.chars().count();
        if !(1..=128).contains(&length) {
            let message = format!("a tag's key of {length} characters is not possible");
            d.error(key.span, message, "AWS accepts 1 to 128");
        }
        let length = value.value.chars().count();
        if length > 256 {
            let message = format!("a tag's value of {length} characters is too long");
            d.error(value.span, message, "AWS accepts at most 256");
        }
    }
    declared.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
}

/// Returns the rotation that the fields declare.
pub(super) fn rotation(declared: &records::Rotation, d: &mut Diagnostics) -> Option<Rotation> {
    let is_on = declared.enabled.as_ref().is_none_or(|enabled| enabled.value);
    match &declared.period_days {
        Some(period) if !is_on => {
            let help = "remove `period_days`, or `enabled: false`";
            d.error(period.span, "a rotation that is switched off has no period", help);
            None
        }
        Some(period) => {
            days_within("a rotation period", period, 90, 2560, d).map(Rotation::EveryDays)
        }
        None if is_on => Some(Rotation::EveryDays(365)),
        None => Some(Rotation::Off),
    }
}

/// Returns the days that a deletion waits.
pub(super) fn deletion_window(days: &Spanned<u32>, d: &mut Diagnostics) -> Option<u32> {
    days_within("a deletion window", days, 7, 30, d)
}
