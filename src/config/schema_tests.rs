//! The JSON Schema takes what decoding takes, both ways: documents that are generated from the schema are decoded, and
//! documents that decoding takes are validated.
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::load::{Given, from_sources};
use super::resolve_tests::{STORAGE, here};
use super::{editor_schema, yaml};
use crate::decode::{Diagnostics, Severity, Sources};
use crate::tree::{Node, Value};

pub(super) mod generate;
mod mutate;

use generate::Dice;

/// A compiled schema.
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new(schema: Json) -> Self {
        let mut compiler = Compiler::new();
        compiler.add_resource("kmsctl.json", schema).unwrap();
        let mut schemas = Schemas::new();
        let index = compiler.compile("kmsctl.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, value: &Json) -> Result<(), String> {
        self.schemas.validate(value, self.index).map_err(|error| format!("{error:#}"))
    }
}

/// Returns the messages of the errors of a configuration, without those of files that do not exist.
fn errors(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let number = sources.add("a.yaml", text);
    let mut d = Diagnostics::default();
    let mut loaded = from_sources(sources, &[number], &Given::new(), &mut d);
    let (_, more) = loaded.resolve(&here());
    d.extend(more);
    let errors = d.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|error| error.message.clone()).collect()
}

/// Returns a document as YAML in which every character is printable ASCII.
pub(super) fn written(value: &Json) -> String {
    match value {
        Json::String(text) => {
            let mut out = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' | '\\' => out.extend(['\\', c]),
                    ' '..='~' => out.push(c),
                    _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
                }
            }
            out + "\""
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", written(&json!(key)), written(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Returns the data of a YAML text as a validator sees it: without the spelling of numbers.
fn data(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(text) => match text.parse::<u64>() {
            Ok(number) => json!(number),
            Err(_) => serde_json::from_str(text).unwrap(),
        },
        Value::Text(text) => json!(text),
        Value::List(items) => items.iter().map(data).collect(),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.clone(), data(&entry.value))).collect(),
        ),
    }
}

fn parsed(text: &str) -> Json {
    let mut d = Diagnostics::default();
    let node = yaml(text, 0, &mut d).unwrap();
    assert!(d.is_empty());
    data(&node)
}

/// Returns the texts of the files below a folder that end with `.yaml`.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(".github") {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Each file of a configuration in several files fits the schema alone.
#[test]
fn every_example_fits_the_schema() {
    let validator = Validator::new(editor_schema());
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut all);
    assert!(all.len() >= 10, "{all:?}");
    all.push(("STORAGE".to_owned(), STORAGE.to_owned()));
    all.push(("empty".to_owned(), "# nothing\n".to_owned()));
    for (name, text) in all {
        assert_eq!(validator.check(&parsed(&text)), Ok(()), "{name}");
    }
}

/// The errors about references, about rules between several values, and about the texts of other languages (policies).
/// `...` stands for any text. All other errors are about one value, which the schema must describe.
const BETWEEN_VALUES: &[&str] = &[
    // References, also to files, to AWS, and to the command line.
    "unknown variable",
    "only a key that is taken over can be without the stack's tags",
    "a key that is taken over by an alias gets the stack's tags",
    "there is no key `",
    "`accounts` has no entry `",
    "`...` is not declared",
    "`...` has no value",
    "cannot read ",
    "`...` is not a saved plan",
    "the stack belongs to account ",
    "the key is in ",
    "the store is in ",
    "the source is in the partition ",
    "this key is not in the stack's partition ",
    "`...` is not an Availability Zone of ",
    "`...` is not a role of account ",
    "the key has no replica in ",
    // A Region or an identity, and its partition.
    "`...` is in the partition `",
    "`...` is not in the partition `",
    // The names and settings of a resource, and `existing`, which makes a name a label.
    "`...` is not given",
    "`...` cannot be declared beside `",
    "`...` is not an identifier of RDS",
    "`...` is not the name of a domain",
    "`...` is not the name of a table",
    "`...` is not the name of a trail",
    "`...` is not the name of an event data store",
    "neither `encryption` nor `key` is given",
    "`key: null` is not possible",
    // An address, and the action on it.
    "`arn:...` is not a kind of resource",
    "`...` is not the ARN of a key",
    // The spec, usage, origin and Regions of a key.
    "a key of spec ",
    "a key of origin ",
    "a key of this spec ",
    "a key in a custom key store ",
    "the key is not a multi-Region key",
    "the policy of this key is not the stack's",
    "this key cannot have encryption contexts",
    "AWS has keys of spec ",
    "AWS has no keys of spec ",
    "a rotation that is switched off has no period",
    // The parts of a grant.
    "a grant for `...` needs ",
    "a grant has one constraint on the context",
    "`constraints` has no constraint",
    "the grants are not named",
    "`...` cannot be a principal of a grant",
    // The parts of a resource.
    "`pay_per_request` has no capacity",
    "`provisioned` needs ",
    "a highest capacity of ",
    "the throughput is not provisioned",
    "only elastic file systems have Archive",
    "an elastic file system ",
    "Archive does not come later",
    "a file system in ",
    "a volume ",
    "volumes of type `",
    "`...` of a volume ",
    "a throughput of ",
    "... IOPS are too many for ",
    "a domain in ",
    "... data nodes do not fill ",
    "... subnets are not possible",
    "a selector must name the category of its events",
    "a selector of data events must name ",
    "the condition on `...` has no value",
    "`...` has one value, with `equals`",
    "`readOnly` is `true` or `false`",
    "`...` is not the beginning of an ARN of ",
    "a trail for all Regions must record ",
    "the time for backups overlaps ",
    "`...` has ... minutes",
    "`...` is not possible while Performance Insights are off",
    "a maximum of ",
    "a member of class `",
    "`bucket_key` is possible only with a key of KMS",
    "`...` has a mount target already",
    "the role of `...` does not support a suffix",
    "`AWSServiceRole...` has ... characters",
    "`service_linked_role/...` is not an address: `AWSServiceRole",
    // Tags of `defaults`, which apply to resources with other rules.
    "the key of a tag cannot contain ",
    "the value of a tag cannot contain ",
    "the tag `...` needs a value here",
    "a tag's key of 128 characters ",
    "the tag `rds:...` is reserved",
    "the value of a tag cannot begin with `",
    "... tags are too many",
    // Several declarations of one thing.
    "`...` and `...` exclude each other",
    "`...` is declared twice",
    "`...` is listed twice",
    "`...` is both declared and ",
    "`...` is an alias of two keys",
    "the role `...` is declared twice",
    "only a resource that is forgotten can lose ",
    "`untag` is for keys, and ",
    "another entry of `accounts` has the id ",
    "`...` is moved twice",
    // Wildcards.
    "`...*...` matches no action",
    "`...?...` matches no action",
    // The language of policies.
    "expected `...` here",
    "expected a value",
    "the policy has no `",
    "unknown policy element `",
    "unknown statement element `",
    "a statement ",
    "`Statement` is empty",
];

pub(super) fn is_between_values(message: &str) -> bool {
    BETWEEN_VALUES.iter().any(|known| {
        let mut rest = message;
        known.split("...").enumerate().all(|(n, part)| match rest.find(part) {
            Some(at) if n > 0 || at == 0 => {
                rest = &rest[at + part.len()..];
                true
            }
            _ => false,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn decoding_takes_what_the_schema_takes(seed in any::<u64>()) {
        thread_local! {
            static SCHEMA: (Json, Validator) = (editor_schema(), Validator::new(editor_schema()));
        }
        SCHEMA.with(|(schema, validator)| {
            let document = generate::document(schema, &mut Dice::new(seed));
            // The generator does not know what `not` excludes.
            if validator.check(&document).is_err() {
                return Ok(());
            }
            let text = written(&document);
            for message in errors(&text) {
                prop_assert!(is_between_values(&message), "{}\n{}", message, text);
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_schema_takes_what_decoding_takes(seed in any::<u64>()) {
        thread_local! {
            static SCHEMA: (Json, Validator, Vec<Json>) =
                (editor_schema(), Validator::new(editor_schema()), mutate::seeds());
        }
        SCHEMA.with(|(schema, validator, seeds)| {
            let mut dice = Dice::new(seed);
            let document = mutate::document(seeds, schema, &mut dice);
            let text = written(&document);
            if errors(&text).is_empty() {
                let found = validator.check(&document);
                prop_assert!(found.is_ok(), "{}\n{}", found.unwrap_err(), text);
            }
            Ok(())
        })?;
    }
}
