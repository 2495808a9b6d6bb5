//! Fields that are written in a wrong record, and words of other tools that have no field.

use std::collections::VecDeque;

use serde_json::Value as Json;

use super::example;
use crate::tree::{Entry, Node, Value};

/// The longest way to a field that a help shows.
const MOST_STEPS: usize = 5;

/// What to do with a service that has no section.
const SERVICE: &str = "kmsctl has no section for this service: a statement in the key's `policy: {statements: [...]}` lets \
                       it use the key";

/// Words of other tools, without underscores and in lower case, and what to do instead.
const WITHOUT_FIELD: &[(&str, &str)] = &[
    (
        "awstemplateformatversion",
        "remove it: kmsctl reads YAML of its own, not CloudFormation templates",
    ),
    ("backend", "remove it: `--state` says where the state is"),
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
    ("profile", "remove it: `--profile` names the profile of AWS"),
    (
        "regions",
        "write `region: REGION`, the stack's; a resource can have a `region` of its own, and a key `replicas`",
    ),
    ("retireondelete", "remove it: kmsctl revokes a grant that is no longer declared"),
    ("secretsmanager", SERVICE),
    ("sns", SERVICE),
    ("sqs", SERVICE),
    ("ssm", SERVICE),
    ("lambda", SERVICE),
    ("logs", SERVICE),
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
    /// The steps, each with the schema in which it is taken.
    steps: Vec<(Step, Json)>,
    schema: Json,
}

/// Returns the shortest way from a record to a field with a name.
pub(super) fn way(record: &Json, name: &str) -> Option<Way> {
    let mut open = VecDeque::from([(Vec::<(Step, &Json)>::new(), record)]);
    while let Some((steps, schema)) = open.pop_front() {
        if steps.len() > MOST_STEPS {
            return None;
        }
        let below = |step| [steps.as_slice(), &[(step, schema)]].concat();
        if let Some(options) = schema.get("anyOf").and_then(Json::as_array) {
            options.iter().rev().for_each(|option| open.push_front((steps.clone(), option)));
            continue;
        }
        let fields = schema.get("properties").and_then(Json::as_object);
        for (field, inner) in fields.into_iter().flatten() {
            let steps = below(Step::Field(field.clone()));
            if field == name && steps.len() > 1 {
                let steps = steps.into_iter().map(|(step, at)| (step, at.clone())).collect();
                return Some(Way { steps, schema: inner.clone() });
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

/// Returns the field of a record that holds named records with the fields of an entry, which is beside it.
pub(super) fn list_of<'a>(record: &'a Json, entry: &Entry) -> Option<&'a str> {
    let Value::Map(fields) = &entry.value.value else {
        return None;
    };
    let lists = record.get("properties").and_then(Json::as_object)?.iter();
    let known = |list: &Json| {
        let inner = example::without_null(list).get("additionalProperties");
        let known = inner.and_then(|inner| inner.get("properties")).and_then(Json::as_object);
        known.map_or(0, |known| fields.iter().filter(|f| known.contains_key(&f.key)).count())
    };
    let (list, count) = lists.map(|(name, list)| (name, known(list))).max_by_key(|(_, n)| *n)?;
    // One word or number more often belongs to a holder of anchors.
    let is_plain = |field: &Entry| !matches!(field.value.value, Value::Map(_) | Value::List(_));
    let is_holder = entry.key.starts_with("x-") || fields.iter().all(is_plain) && count < 2;
    (count > 0 && !is_holder).then_some(list.as_str())
}

impl Way {
    fn fields(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.steps.iter().filter_map(|(step, _)| step.field())
    }

    /// Returns the field of the record with which the way begins.
    pub(super) fn first(&self) -> &str {
        self.fields().next().unwrap_or_default()
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
        let name = self.fields().next_back().unwrap_or_default();
        let inner = self.steps.len().saturating_sub(1);
        let outer: Vec<&str> =
            self.steps.iter().take(inner).filter_map(|(step, _)| step.shown()).collect();
        let place = outer.join(".");
        format!("`{name}` belongs in `{place}`: write `{}`", self.written(found))
    }

    /// Returns how the field is written within the record, with all that the records on the way need.
    pub(super) fn written(&self, found: &Node) -> String {
        let name = self.fields().next_back().unwrap_or_default();
        let mut text =
            example::value(name, &self.schema, found).unwrap_or_else(|| "...".to_owned());
        for (at, (step, record)) in self.steps.iter().enumerate().rev() {
            let before =
                |count: usize| self.steps.get(at.checked_sub(count)?).map(|(step, _)| step);
            let outer = match before(1) {
                Some(Step::Item) => before(2).and_then(Step::field),
                other => other.and_then(Step::field),
            };
            text = match step {
                Step::Name if outer == Some("replicas") => format!("{{REGION: {text}}}"),
                Step::Name => format!("{{NAME: {text}}}"),
                Step::Item => format!("[{text}]"),
                Step::Field(field) if at == 0 => format!("{field}: {text}"),
                Step::Field(field) => example::with_field(record, outer, field, text),
            };
        }
        text
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
