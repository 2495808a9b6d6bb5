//! The fields that trails and event data stores share.

use super::{AdvancedEventSelector, FieldSelector};
use crate::decode::{Decode, Diagnostics, Spanned, Text, record};
use crate::kind::declaration::Section;
use crate::tree::Node;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The section of CloudTrail.
pub const SECTION: Section =
    Section { name: "cloudtrail", description: "CloudTrail: trails and event data stores." };

record! {
    /// Events that are recorded: those that meet all conditions on their fields.
    pub struct AdvancedEventSelectorFields {
        /// A name for people.
        name: Option<Text>,
        /// Conditions on fields of an event, all of which it must meet; one on `eventCategory` is required.
        @required field_selectors: Spanned<Vec<FieldSelectorFields>>,
    }
}

record! {
    /// A condition on a field of an event.
    pub struct FieldSelectorFields {
        /// The field, such as `eventCategory`, `resources.type` or `eventName`.
        field: String,
        /// The field equals one of these.
        equals: Vec<String>,
        /// The field begins with one of these.
        starts_with: Vec<String>,
        /// The field ends with one of these.
        ends_with: Vec<String>,
        /// The field equals none of these.
        not_equals: Vec<String>,
        /// The field begins with none of these.
        not_starts_with: Vec<String>,
        /// The field ends with none of these.
        not_ends_with: Vec<String>,
    }
}

impl From<FieldSelectorFields> for FieldSelector {
    fn from(fields: FieldSelectorFields) -> Self {
        Self {
            field: fields.field,
            equals: fields.equals.into_iter().collect(),
            starts_with: fields.starts_with.into_iter().collect(),
            ends_with: fields.ends_with.into_iter().collect(),
            not_equals: fields.not_equals.into_iter().collect(),
            not_starts_with: fields.not_starts_with.into_iter().collect(),
            not_ends_with: fields.not_ends_with.into_iter().collect(),
        }
    }
}

/// The advanced event selectors of a trail or an event data store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvancedEventSelectors(BTreeSet<AdvancedEventSelector>);

impl From<AdvancedEventSelectors> for BTreeSet<AdvancedEventSelector> {
    fn from(selectors: AdvancedEventSelectors) -> Self {
        selectors.0
    }
}

impl Decode for AdvancedEventSelectors {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let fields = Vec::<AdvancedEventSelectorFields>::decode(node, d)?;
        if fields.is_empty() {
            let help = "name at least one, or remove the field to leave the selectors as they are";
            let message = "`advanced_event_selectors` is empty";
            d.error(node.span, message, help);
        }
        let selectors: BTreeSet<AdvancedEventSelector> =
            fields.into_iter().map(|fields| selector(fields, d)).collect();
        let values: usize = selectors
            .iter()
            .flat_map(|selector| &selector.field_selectors)
            .map(FieldSelector::values)
            .sum();
        if values > 500 {
            let help = "CloudTrail accepts 500 in all selectors together";
            let message = format!("{values} values are too many");
            d.error(node.span, message, help);
        }
        Some(Self(selectors))
    }
    fn schema() -> Json {
        Vec::<AdvancedEventSelectorFields>::schema()
    }
}

fn selector(fields: AdvancedEventSelectorFields, d: &mut Diagnostics) -> AdvancedEventSelector {
    if let Some(name) = &fields.name
        && name.value.chars().count() > 1000
    {
        let help = "CloudTrail accepts at most 1000 characters";
        let message = "the name of the selector is too long";
        d.error(name.span, message, help);
    }
    let Spanned { span, value: conditions } = fields.field_selectors;
    let mut field_selectors = BTreeSet::new();
    for condition in conditions {
        let span = condition.span;
        let condition = FieldSelector::from(condition);
        if condition.values() == 0 {
            let message = format!("the condition on `{}` has no value", condition.field);
            let help = "give `equals`, `starts_with`, `ends_with`, or one of them with `not_`";
            d.error(span, message, help);
        }
        field_selectors.insert(condition);
    }
    let names_category = field_selectors.iter().any(|condition: &FieldSelector| {
        condition.field == "eventCategory" && !condition.equals.is_empty()
    });
    if !names_category {
        let help = "add `{field: eventCategory, equals: [Management]}`, or `[Data]`";
        let message = "a selector must name the category of its events";
        d.error(span, message, help);
    }
    AdvancedEventSelector { name: fields.name.map(|name| name.value), field_selectors }
}
