//! The fields that trails and event data stores share.

use super::{AdvancedEventSelector, FieldSelector};
use crate::decode::{Decode, Diagnostics, Spanned, Text, record};
use crate::form::{self, Form};
use crate::kind::declaration::Section;
use crate::tree::{Node, Span};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The section of CloudTrail.
pub const SECTION: Section =
    Section { name: "cloudtrail", description: "CloudTrail: trails and event data stores." };

record! {
    /// Events that are recorded: those that meet all conditions on their fields.
    pub struct AdvancedEventSelectorFields {
        /// A name for people.
        @like(names)
        name: Option<Text>,
        /// Conditions on fields of an event, all of which it must meet; one on `eventCategory` is required.
        @required @list(some) field_selectors: Spanned<Vec<FieldSelectorFields>>,
    }
}

record! {
    /// A condition on a field of an event.
    pub struct FieldSelectorFields {
        /// The field, such as `eventCategory`, `resources.type` or `eventName`.
        @like(event_fields)
        field: String,
        /// The field equals one of these.
        @like(values)
        equals: Vec<String>,
        /// The field begins with one of these.
        @like(values)
        starts_with: Vec<String>,
        /// The field ends with one of these.
        @like(values)
        ends_with: Vec<String>,
        /// The field equals none of these.
        @like(values)
        not_equals: Vec<String>,
        /// The field begins with none of these.
        @like(values)
        not_starts_with: Vec<String>,
        /// The field ends with none of these.
        @like(values)
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

/// The form of the names of selectors.
const NAME: Form = Form::any(0, 1000);
/// The form of the values of a condition.
const VALUE: Form = Form::any(1, 2048);

fn names() -> Json {
    NAME.schema()
}

fn values() -> Json {
    VALUE.schema()
}

fn some() -> Json {
    json!({"minItems": 1})
}

/// Returns the JSON Schema of the fields of events (see `condition`).
fn event_fields() -> Json {
    json!({
        "type": ["string", "number", "boolean"],
        "minimum": 0,
        "maxLength": 1000,
        "pattern": r"^[\p{Alphabetic}\p{N}_.|]+$",
    })
}

/// The advanced event selectors of a trail or an event data store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvancedEventSelectors(BTreeSet<AdvancedEventSelector>);

impl From<AdvancedEventSelectors> for BTreeSet<AdvancedEventSelector> {
    fn from(selectors: AdvancedEventSelectors) -> Self {
        selectors.0
    }
}

impl AdvancedEventSelectors {
    /// Returns the number of selectors.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
        form::with(Vec::<AdvancedEventSelectorFields>::schema(), json!({"minItems": 1}))
    }
}

fn selector(fields: AdvancedEventSelectorFields, d: &mut Diagnostics) -> AdvancedEventSelector {
    if let Some(name) = &fields.name
        && !NAME.accepts(&name.value)
    {
        let help = "CloudTrail accepts at most 1000 characters";
        let message = "the name of the selector is too long";
        d.error(name.span, message, help);
    }
    let Spanned { span, value: given } = fields.field_selectors;
    let mut field_selectors = BTreeSet::new();
    for fields in given {
        let span = fields.span;
        let selector = FieldSelector::from(fields);
        condition(&selector, span, d);
        field_selectors.insert(selector);
    }
    category(&field_selectors, span, d);
    AdvancedEventSelector { name: fields.name.map(|name| name.value), field_selectors }
}

/// The fields that CloudTrail only compares for equality with one value (CloudTrail API Reference,
/// AdvancedFieldSelector).
const ONE_VALUE: [&str; 3] = ["eventCategory", "readOnly", "resources.type"];

/// Checks a condition on one field (CloudTrail API Reference, AdvancedFieldSelector).
fn condition(selector: &FieldSelector, span: Span, d: &mut Diagnostics) {
    let field = selector.field.as_str();
    let is_valid = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '|');
    if !(1..=1000).contains(&field.chars().count()) || !field.chars().all(is_valid) {
        let message = format!("`{field}` is not a field of events");
        d.error(span, message, "write it as `eventCategory`, `resources.type` or `eventName`");
    }
    if selector.values() == 0 {
        let message = format!("the condition on `{field}` has no value");
        let help = "give `equals`, `starts_with`, `ends_with`, or one of them with `not_`";
        d.error(span, message, help);
    } else if ONE_VALUE.contains(&field) && (selector.values() > 1 || selector.equals.is_empty()) {
        let message = format!("`{field}` has one value, with `equals`");
        let help = "write a selector for each value";
        d.error(span, message, help);
    } else if field == "readOnly" && !selector.equals.iter().all(|is| is == "true" || is == "false")
    {
        let help = "write `equals: ['true']` or `['false']`, or remove the condition for both";
        d.error(span, "`readOnly` is `true` or `false`", help);
    }
    if !selector.all().all(|value| VALUE.accepts(value)) {
        let message = format!("a value of the condition on `{field}` is empty or too long");
        d.error(span, message, "CloudTrail accepts 1 to 2048 characters");
    }
}

/// Checks that the selector names the category of its events, and the type of the resources of data events.
fn category(selectors: &BTreeSet<FieldSelector>, span: Span, d: &mut Diagnostics) {
    let of = |field: &str| selectors.iter().find(|selector| selector.field == field);
    let Some(category) = of("eventCategory") else {
        let help = "add `{field: eventCategory, equals: [Management]}`, or `[Data]`";
        d.error(span, "a selector must name the category of its events", help);
        return;
    };
    if category.equals.iter().eq(["Data"]) && of("resources.type").is_none() {
        let help = "add `{field: resources.type, equals: [AWS::S3::Object]}`, or another type";
        d.error(span, "a selector of data events must name the type of the resources", help);
    }
}
