//! The settings of every key and resource that does not set its own.

use std::collections::BTreeMap;

use super::scope::days_within;
use crate::config::records;
use crate::decode::{Diagnostics, Named, Spanned, Text};
use crate::id::Name;
use crate::kind::key::{self, NAME_TAG, Rotation, STACK_TAG};
use crate::kind::tags::TagRules;

/// The defaults of a stack.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    /// The tags, with their positions.
    tags: Vec<(Text, Text)>,
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
        rules: &TagRules,
        d: &mut Diagnostics,
    ) -> BTreeMap<String, String> {
        let own_tags = own.into_iter().flat_map(|own| &own.value);
        let declared: BTreeMap<&str, &(Text, Text)> =
            self.tags.iter().chain(own_tags).map(|tag| (tag.0.value.as_str(), tag)).collect();
        for (key, value) in declared.values() {
            rules.check(key, value, d);
        }
        let most = rules.most - rules.own;
        if declared.len() > most {
            let span = own.map_or(name.span, |tags| tags.span);
            let message = format!("{} tags are too many", declared.len());
            let help = format!(
                "AWS allows {}, of which kmsctl needs {}: keep {most} at most",
                rules.most, rules.own
            );
            d.error(span, message, help);
        }
        let mut all: BTreeMap<String, String> = declared
            .values()
            .map(|(key, value)| (key.value.clone(), value.value.clone()))
            .collect();
        all.insert(STACK_TAG.to_owned(), stack.to_string());
        all.insert(NAME_TAG.to_owned(), name.value.clone());
        all
    }
}

/// Returns the default tags. Each service that tags a resource with them has rules of its own.
fn tags(declared: &Named<Text>, d: &mut Diagnostics) -> Vec<(Text, Text)> {
    for (key, value) in declared {
        TagRules::ANY.check(key, value, d);
    }
    declared.into_iter().cloned().collect()
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
            days_within("a rotation period", period, key::ROTATION_DAYS, d).map(Rotation::EveryDays)
        }
        None if is_on => Some(Rotation::EveryDays(365)),
        None => Some(Rotation::Off),
    }
}

/// Returns the days that a deletion waits.
pub(super) fn deletion_window(days: &Spanned<u32>, d: &mut Diagnostics) -> Option<u32> {
    days_within("a deletion window", days, key::DELETION_DAYS, d)
}
