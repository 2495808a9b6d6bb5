//! The entry of one key, with everything that a plan leaves as it is.

use super::policy::Form;
use super::yaml::{Yaml, scalar};
use super::{Family, Request, grants};
use crate::config::escaped;
use crate::id::{AliasName, Region};
use crate::inventory::Held;
use crate::kind::key::{self, Rotation};
use crate::text::counted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A part of an entry that can be left out: it is left alone then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The properties that AWS fixes at creation.
    Fixed,
    Description,
    Tags,
    Aliases,
    Rotation,
    Enabled,
}

impl Part {
    pub(super) const ALL: [Self; 6] =
        [Self::Fixed, Self::Description, Self::Tags, Self::Aliases, Self::Rotation, Self::Enabled];

    /// Returns the beginning of the sentence that says that the part is left out.
    pub(super) fn subject(self) -> &'static str {
        match self {
            Self::Fixed => "spec, usage and origin are",
            Self::Description => "description is",
            Self::Tags => "tags are",
            Self::Aliases => "aliases are",
            Self::Rotation => "rotation is",
            Self::Enabled => "state is",
        }
    }
}

/// How a key and its replicas are written.
#[derive(Clone)]
pub(super) struct Shape {
    /// The parts that are left out.
    pub(super) without: BTreeSet<Part>,
    /// The keys of the tags that are left out.
    pub(super) no_tags: BTreeSet<String>,
    /// The ids of the grants that are left out.
    pub(super) no_grants: BTreeSet<String>,
    /// The policy of the key and of each replica.
    pub(super) policies: Vec<Form>,
}

impl Shape {
    /// Returns the shape with another policy of the key, or of the replica with a number.
    pub(super) fn with(&self, number: usize, form: Form) -> Self {
        let mut next = self.clone();
        if let Some(policy) = next.policies.get_mut(number) {
            *policy = form;
        }
        next
    }
}

/// Returns the text of the entry, and the policies for files of their own, if `folder` names the folder of these files.
pub(super) fn written(
    family: &Family<'_>,
    request: &Request,
    shape: &Shape,
    folder: Option<&str>,
) -> (String, BTreeMap<String, String>) {
    let mut documents = BTreeMap::new();
    let mut of = |held: &Held, form: Option<&Form>, is_replica: bool| {
        let file = family.file(held);
        let path = folder.map(|folder| format!("{folder}/{file}"));
        let fields = fields(held, shape, form, path.as_deref(), request, is_replica);
        if let (Some(Form::Document { text, .. }), Some(_)) = (form, folder) {
            documents.insert(file, format!("{}\n", as_written(text)));
        }
        fields
    };
    let mut fields = of(family.held, shape.policies.first(), false);
    let replicas = family.replicas.iter().zip(shape.policies.iter().skip(1));
    let replicas: Vec<(String, Yaml)> = replicas
        .map(|(held, form)| {
            let fields = of(held, Some(form), true);
            (held.metadata.arn.region.to_string(), Yaml::Map(fields))
        })
        .collect();
    if !replicas.is_empty() {
        fields.push(("replicas".to_owned(), Yaml::Map(replicas)));
    }
    let mut text = format!("  {}:\n", scalar(family.name.as_str()));
    for line in comments(family) {
        let _ = writeln!(text, "    # {line}");
    }
    Yaml::Map(fields).block(&mut text, 4);
    (text, documents)
}

/// Returns a policy whose texts stand for themselves in a file: kmsctl replaces variables in its values, not in its
/// keys.
fn as_written(text: &str) -> String {
    fn escape(value: &mut Value) {
        match value {
            Value::String(text) => *text = escaped(text),
            Value::Array(items) => items.iter_mut().for_each(escape),
            Value::Object(entries) => entries.values_mut().for_each(escape),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let Some(mut value) = serde_json::from_str(text).ok().filter(|_| escaped(text) != text) else {
        return text.to_owned();
    };
    escape(&mut value);
    format!("{value:#}")
}

/// Returns the fields of a key or a replica.
fn fields(
    held: &Held,
    shape: &Shape,
    policy: Option<&Form>,
    path: Option<&str>,
    request: &Request,
    is_replica: bool,
) -> Vec<(String, Yaml)> {
    let metadata = &held.metadata;
    let account = &metadata.arn.account;
    let has = |part: Part| !shape.without.contains(&part);
    let mut out: Vec<(String, Yaml)> = Vec::new();
    let mut put = |name: &str, value: Yaml| out.push((name.to_owned(), value));
    let flag = |value: bool| Yaml::Plain(value.to_string());
    if !is_replica {
        put("adopt", Yaml::text(metadata.arn.to_string()));
        if metadata.arn.region != request.home.region {
            put("region", Yaml::text(metadata.arn.region.to_string()));
        }
        let fixed = if has(Part::Fixed) { fixed(held) } else { Vec::new() };
        for (name, value) in fixed {
            put(name, value);
        }
    }
    if has(Part::Description) && !metadata.description.is_empty() {
        put("description", Yaml::text(&metadata.description));
    }
    if has(Part::Aliases) && !held.aliases.is_empty() {
        put("aliases", Yaml::texts(held.aliases.iter().map(AliasName::bare)));
    }
    let mut tags = held.tags.iter().filter(|(tag, _)| !shape.no_tags.contains(*tag)).peekable();
    if has(Part::Tags) && tags.peek().is_some() {
        put("tags", Yaml::pairs(tags));
    }
    if has(Part::Enabled) && metadata.state == "Disabled" {
        put("enabled", flag(false));
    }
    if let (true, Some(Rotation::EveryDays(days))) = (has(Part::Rotation), held.rotation) {
        let period = ("period_days".to_owned(), Yaml::Plain(days.to_string()));
        put("rotation", Yaml::Map(vec![period]));
    }
    if let Some(policy) = policy.and_then(|form| form.yaml(account, path)) {
        put("policy", policy);
    }
    let sorted = grants::sorted(held);
    let taken = sorted.taken.iter().filter(|(_, g)| !shape.no_grants.contains(&g.grant_id));
    let taken: Vec<(String, Yaml)> =
        taken.map(|(name, grant)| (name.clone(), grants::yaml(grant, account))).collect();
    if !taken.is_empty() {
        put("grants", Yaml::Map(taken));
    }
    out
}

/// Returns the properties that AWS fixes at creation, unless they are those of an ordinary key.
fn fixed(held: &Held) -> Vec<(&'static str, Yaml)> {
    let metadata = &held.metadata;
    let mut out = Vec::new();
    let usual = key::rule(&metadata.spec).and_then(|rule| rule.usages.first().copied());
    if metadata.spec != key::DEFAULT_SPEC {
        out.push(("spec", Yaml::text(&metadata.spec)));
    }
    if metadata.spec != key::DEFAULT_SPEC || usual != Some(metadata.usage.as_str()) {
        out.push(("usage", Yaml::text(&metadata.usage)));
    }
    if metadata.origin != key::DEFAULT_ORIGIN {
        out.push(("origin", Yaml::text(&metadata.origin)));
    }
    if metadata.multi_region {
        out.push(("multi_region", Yaml::Plain("true".to_owned())));
    }
    let stores = [
        ("custom_key_store_id", &metadata.custom_key_store_id),
        ("xks_key_id", &metadata.xks_key_id),
    ];
    for (name, value) in stores {
        out.extend(value.iter().map(|value| (name, Yaml::text(value))));
    }
    out
}

/// Returns what is said about a key.
fn comments(family: &Family<'_>) -> Vec<String> {
    let metadata = &family.held.metadata;
    let mut out = Vec::new();
    if !["Enabled", "Disabled"].contains(&metadata.state.as_str()) {
        out.push(format!("Its state is {}.", metadata.state));
    }
    let services = grants::sorted(family.held).of_services;
    if services > 0 {
        let grants = counted(services, "grant");
        out.push(format!("AWS services hold {grants} on it, which are left alone."));
    }
    let read: BTreeSet<_> = family.replicas.iter().map(|held| &held.metadata.arn.region).collect();
    let others = metadata.replicas.iter().filter(|region| !read.contains(region));
    let others: Vec<&str> = others.map(Region::as_str).collect();
    if !others.is_empty() {
        out.push(format!("Its replicas in {} were not read (--regions).", others.join(", ")));
    }
    out
}
