//! The whole configuration: the fields of a stack, and the sections that list the consumers of its keys.

use super::{
    AcceptUse, Account, AutoScaling, Defaults, Gates, Key, Lint, Moved, Removed, ServiceLinkedRole,
};
use crate::decode::{
    Decode, Diagnostics, Named, Part, Property, Record as _, Text, known_fields, mismatch, object,
    record,
};
use crate::id::{AccountId, Name, Region};
use crate::kind::ConsumerKind;
use crate::kind::declaration::{AnyDeclaration, Reader, Section};
use crate::tree::{Node, Value};
use serde_json::{Value as Json, json};

record! {
    /// A stack: the resources that kmsctl manages as declared here.
    pub struct StackFields {
        /// The stack's name. Tags in AWS name it as the owner of a resource, and it has one state.
        @like(Name::schema) stack: Part<Option<Text>>,
        /// The account of the stack; kmsctl refuses to run against any other.
        @like(AccountId::schema) account: Part<Option<Text>>,
        /// The Region of the stack; default: that of the AWS configuration.
        @like(Region::schema) region: Part<Option<Text>>,
        /// Values for `${var.NAME}`; `--var NAME=VALUE` overrides them. A variable that is null must be set
        /// with `--var`. `${aws.account_id}`, `${aws.region}` and `${aws.partition}` are always available;
        /// every other `${...}` is left to IAM, but `${NAME}` of a declared variable is an error.
        @names(Name::schema) vars: Part<Option<Named<Option<Text>>>>,
        /// Settings of every key and resource that does not set its own.
        defaults: Part<Option<Defaults>>,
        /// Other accounts, by names of yours: grants can be created from them.
        @names(Name::schema) accounts: Part<Named<Part<Account>>>,
        /// KMS keys, by names of yours, with their aliases, policies and grants.
        @names(Name::schema) keys: Part<Named<Part<Key>>>,
        /// EC2 Auto Scaling: groups whose volumes a key encrypts.
        auto_scaling: Part<Option<AutoScaling>>,
        /// Service-linked roles that policies and grants name. A missing one is created first, with
        /// `iam:CreateServiceLinkedRole`; none is ever changed or deleted.
        service_linked_roles: Part<Vec<Part<ServiceLinkedRole>>>,
        /// Limits that every change of access must keep, for pipelines in which not every plan is reviewed.
        gates: Part<Option<Gates>>,
        /// Keys that have a new name in the configuration. The key itself stays; only its name tag changes. An
        /// entry can be removed once every apply has seen it.
        moved: Part<Vec<Part<Moved>>>,
        /// Resources that kmsctl stops managing without a change in AWS, and duplicate keys to delete.
        removed: Part<Vec<Part<Removed>>>,
        /// Keys that are disabled or deleted although KMS recorded a use within the last 7 days, or a list of
        /// resources could not be read; a key is then disabled even if a resource that depends on it is known. A plan
        /// reports an entry that none of its steps needs.
        accept_use: Part<Vec<Part<AcceptUse>>>,
        /// Settings of `kmsctl lint`.
        lint: Part<Option<Lint>>,
    }
}

/// A declared consumer of a key.
#[derive(Debug)]
pub struct Consumer {
    /// The kind of the consumer.
    pub kind: ConsumerKind,
    /// The name that the user chose.
    pub name: Text,
    /// The declaration.
    pub declaration: Box<dyn AnyDeclaration>,
}

/// A stack with all its sections.
#[derive(Debug)]
pub struct Stack {
    /// The fields that are not consumers.
    pub fields: StackFields,
    /// The consumers, in the order of their kinds. Those with errors are left out.
    pub consumers: Vec<Consumer>,
    /// What the entries refer to, if some of them have errors, so that these references are checked too.
    pub references: Vec<Reference>,
}

/// A text that names another entry of the configuration.
#[derive(Debug)]
pub enum Reference {
    /// The key of a consumer or a group.
    Key(Text),
    /// The account of a grant or a group.
    Account(Text),
}

impl Reference {
    /// Returns the references in a configuration.
    fn all(root: &Node, sections: &[(Section, Vec<(ConsumerKind, Reader)>)]) -> Vec<Self> {
        let mut all = Vec::new();
        for (section, kinds) in sections {
            for (kind, reader) in kinds {
                let list =
                    entry(root, section.name).and_then(|all| entry(all, reader.syntax.list.0));
                let single = list.filter(|_| kind.is_single());
                for one in single.into_iter().chain(values(list.filter(|_| !kind.is_single()))) {
                    all.extend(text(one, "key").map(Self::Key));
                }
            }
        }
        for group in values(entry(root, "auto_scaling").and_then(|all| entry(all, "groups"))) {
            all.extend(text(group, "key").map(Self::Key));
            all.extend(text(group, "account").map(Self::Account));
        }
        for key in values(entry(root, KEYS)) {
            for holder in std::iter::once(key).chain(values(entry(key, "replicas"))) {
                let grants = values(entry(holder, "grants"));
                all.extend(grants.filter_map(|grant| text(grant, "account").map(Self::Account)));
            }
        }
        all
    }
}

/// Returns the values of a map.
fn values(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.as_slice(),
        Some(_) | None => &[],
    };
    entries.iter().map(|entry| &entry.value)
}

/// Returns the text of a field.
fn text(node: &Node, field: &str) -> Option<Text> {
    let node = entry(node, field)?;
    match &node.value {
        Value::Text(text) | Value::Number(text) => {
            Some(Text { span: node.span, value: text.clone() })
        }
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

impl Decode for Stack {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let sections = sections();
        let before = d.len();
        known_fields(node, &names(&sections), Self::schema, d)?;
        let fields = StackFields::read(node, d);
        let mut consumers = Vec::new();
        for (section, kinds) in &sections {
            if let Some(node) = entry(node, section.name) {
                read(*section, node, kinds, &mut consumers, d);
            }
        }
        let references =
            if d.len() > before { Reference::all(node, &sections) } else { Vec::new() };
        Some(Self { fields: fields?, consumers, references })
    }

    fn schema() -> Json {
        let mut schema = StackFields::schema();
        if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
            for (name, property) in std::mem::take(properties) {
                let is_keys = name == KEYS;
                properties.insert(name, property);
                if is_keys {
                    for (section, kinds) in sections() {
                        properties.insert(section.name.to_owned(), section_schema(section, &kinds));
                    }
                }
            }
        }
        schema
    }
}

/// The field that the consumers' sections follow.
const KEYS: &str = "keys";

/// Returns the sections that list consumers, with the kinds in each.
fn sections() -> Vec<(Section, Vec<(ConsumerKind, Reader)>)> {
    let mut sections: Vec<(Section, Vec<(ConsumerKind, Reader)>)> = Vec::new();
    for kind in ConsumerKind::ALL {
        let reader = kind.reader();
        let section = reader.syntax.section;
        match sections.iter_mut().find(|(other, _)| *other == section) {
            Some((_, kinds)) => kinds.push((*kind, reader)),
            None => sections.push((section, vec![(*kind, reader)])),
        }
    }
    sections
}

/// Returns the entries of a section to which several files can add, such as `volumes` of `ebs`.
pub(in crate::config) fn collections(section: &str) -> Vec<&'static str> {
    match section {
        "auto_scaling" => vec!["groups"],
        "lint" => vec!["waivers"],
        _ => {
            let lists = ConsumerKind::ALL.iter().filter(|kind| !kind.is_single());
            let syntaxes = lists.map(|kind| kind.reader().syntax);
            let within = syntaxes.filter(|syntax| syntax.section.name == section);
            within.map(|syntax| syntax.list.0).collect()
        }
    }
}

/// Returns the names of all fields: the consumers' sections follow the keys.
fn names(sections: &[(Section, Vec<(ConsumerKind, Reader)>)]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in StackFields::FIELDS {
        names.push(*name);
        if *name == KEYS {
            names.extend(sections.iter().map(|(section, _)| section.name));
        }
    }
    names
}

fn entry<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(entries) => {
            entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    }
}

/// Reads the lists of a section.
fn read(
    syntax: Section,
    section: &Node,
    kinds: &[(ConsumerKind, Reader)],
    consumers: &mut Vec<Consumer>,
    d: &mut Diagnostics,
) {
    match &section.value {
        Value::Null => {}
        Value::Map(_) => {
            let lists: Vec<&str> = kinds.iter().map(|(_, reader)| reader.syntax.list.0).collect();
            let before = d.len();
            known_fields(section, &lists, || section_schema(syntax, kinds), d);
            lead_to_list(section, kinds, before, d);
            for (kind, reader) in kinds {
                for (name, declaration) in (reader.read)(section, d) {
                    consumers.push(Consumer { kind: *kind, name, declaration });
                }
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            let mut error = mismatch(section, "a map");
            error.help = kinds.last().and_then(|(_, reader)| {
                let example = (reader.example)()?;
                Some(format!("write `{}: {{{}: {example}}}`", syntax.name, reader.syntax.list.0))
            });
            d.push(error);
        }
    }
}

/// Leads the declarations that are beside the lists of a section to the list whose fields they have.
fn lead_to_list(
    section: &Node,
    kinds: &[(ConsumerKind, Reader)],
    before: usize,
    d: &mut Diagnostics,
) {
    let Value::Map(entries) = &section.value else { return };
    for error in d.since(before) {
        let unknown = entries.iter().find(|entry| error.span == Some(entry.key_span));
        let Some((unknown, Value::Map(fields))) = unknown.map(|one| (one, &one.value.value)) else {
            continue;
        };
        let lists = kinds.iter().filter(|(kind, _)| !kind.is_single());
        let known = |reader: &Reader| {
            let names = (reader.fields)();
            fields.iter().filter(|field| names.contains(&field.key.as_str())).count()
        };
        let best = lists.rev().max_by_key(|(_, reader)| known(reader));
        if let Some((_, reader)) = best.filter(|(_, reader)| known(reader) > 0) {
            let (name, list) = (&unknown.key, reader.syntax.list.0);
            error.help = Some(format!("indent `{name}` under `{list}:`"));
        }
    }
}

fn section_schema(section: Section, kinds: &[(ConsumerKind, Reader)]) -> Json {
    let lists: Vec<Property> = kinds
        .iter()
        .map(|(_, reader)| Property {
            name: reader.syntax.list.0,
            docs: std::slice::from_ref(&reader.syntax.list.1),
            schema: reader.schema,
            required: false,
            marks: Vec::new(),
        })
        .collect();
    json!({
        "anyOf": [object(section.description, &lists), {"type": "null"}],
        "description": section.description,
    })
}
