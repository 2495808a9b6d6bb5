//! Fields that are written in a wrong record, and words of other tools that have no field.

use std::collections::VecDeque;

use serde_json::Value as Json;

use super::example;
use crate::tree::{Node, Value};

/// The longest way to a field that a help shows.
const MOST_STEPS: usize = 5;

/// Words of other tools, without underscores and in lower case, and what to do instead.
const WITHOUT_FIELD: &[(&str, &str)] = &[
    (
        "awstemplateformatversion",
        "remove it: kmsctl reads YAML of its own, not CloudFormation templates",
    ),
    (
        "conditions",
        "remove it: each stack has a configuration of its own; `--var` sets what differs",
    ),
    ("count", "write an entry for each resource"),
    ("data", "remove it: `existing: ARN` and `adopt: ARN` name what exists"),
    ("dependson", "remove it: the order follows from the references, such as `key: NAME`"),
    ("foreach", "write an entry for each resource"),
    ("mappings", "write the values into `vars`; `--var-file` sets those of an environment"),
    ("metadata", "remove it: comments begin with `#`"),
    ("module", "split the configuration into files: `-f` takes a folder"),
    ("modules", "split the configuration into files: `-f` takes a folder"),
    ("output", "remove it: `kmsctl output` prints the ARNs"),
    ("outputs", "remove it: `kmsctl output` prints the ARNs"),
    ("terraform", "remove it: `--state` says where the state is"),
];

/// Returns what to do with a word of another tool that has no field.
pub(super) fn without_field(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let plain = plain.to_ascii_lowercase();
    WITHOUT_FIELD.iter().find(|(word, _)| *word == plain).map(|(_, help)| *help)
}

/// A step from a schema to one inside it.
#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Name,
    Item,
}

/// The way from a record to a field inside it.
#[derive(Debug)]
pub(super) struct Way {
    steps: Vec<Step>,
    schema: Json,
    /// Whether the record of the field has fields that are required.
    is_partial: bool,
}

/// Returns the shortest way from a record to a field with a name.
pub(super) fn way(record: &Json, name: &str) -> Option<Way> {
    let mut open = VecDeque::from([(Vec::new(), record)]);
    while let Some((steps, schema)) = open.pop_front() {
        if steps.len() > MOST_STEPS {
            return None;
        }
        let below = |step| [steps.as_slice(), &[step]].concat();
        if let Some(options) = schema.get("anyOf").and_then(Json::as_array) {
            options.iter().rev().for_each(|option| open.push_front((steps.clone(), option)));
            continue;
        }
        let fields = schema.get("properties").and_then(Json::as_object);
        for (field, inner) in fields.into_iter().flatten() {
            let steps = below(Step::Field(field.clone()));
            if field == name && steps.len() > 1 {
                let required = schema.get("required").and_then(Json::as_array);
                let is_partial = required.is_some_and(|all| !all.is_empty());
                return Some(Way { steps, schema: inner.clone(), is_partial });
            }
            open.push_back((steps, inner));
        }
        for (inner, step) in [("additionalProperties", Step::Name), ("items", Step::Item)] {
            if let Some(inner) = schema.get(inner).filter(|inner| inner.is_object()) {
                open.push_back((below(step), inner));
            }
        }
    }
    None
}

impl Way {
    /// Returns the field of the record with which the way begins.
    pub(super) fn first(&self) -> &str {
        self.steps.iter().find_map(Step::field).unwrap_or_default()
    }

    /// Returns whether the field can have a value like one that was found: a map and a list are not texts.
    pub(super) fn takes(&self, found: &Node) -> bool {
        match &found.value {
            Value::Map(_) => example::has_kind(&self.schema, "object"),
            Value::List(_) => example::has_kind(&self.schema, "array"),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
        }
    }

    /// Returns the help for a field that is written in the record instead. `found` is its value.
    pub(super) fn help(&self, found: &Node) -> String {
        let name = self.steps.iter().rev().find_map(Step::field).unwrap_or_default();
        let inner = self.steps.len().saturating_sub(1);
        let outer: Vec<&str> = self.steps.iter().take(inner).filter_map(Step::shown).collect();
        let place = outer.join(".");
        format!("`{name}` belongs into `{place}`: write `{}`", self.written(name, found))
    }

    /// Returns how the field is written within the record.
    fn written(&self, name: &str, found: &Node) -> String {
        let mut text =
            example::value(name, &self.schema, found).unwrap_or_else(|| "...".to_owned());
        for step in self.steps.iter().rev() {
            text = match step {
                Step::Name => format!("{{NAME: {text}}}"),
                Step::Item => format!("[{text}]"),
                Step::Field(field) => {
                    // The example of an outer field has the other fields that its record requires.
                    let known = example::value(field, &Json::Null, found);
                    let known = known
                        .filter(|known| self.is_partial && known.contains(&format!("{name}: ")));
                    format!("{{{field}: {}}}", known.unwrap_or(text))
                }
            };
        }
        text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(&text).to_owned()
    }
}

impl Step {
    fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Name | Self::Item => None,
        }
    }

    fn shown(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Name => Some("NAME"),
            Self::Item => None,
        }
    }
}
