//! The gates and waivers that the command line takes from another configuration, such as that of the base
//! branch. The authors of a change can edit the configuration, but not these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::load::{Declared, Given, merge, variables};
use super::merge::entry;
use super::records::Stack;
use super::resolve;
use super::surroundings::Surroundings;
use super::{interpolate_node, read};
use crate::decode::{Decode as _, Diagnostic, Diagnostics, Sources};
use crate::id::{AccountId, KeyArn};
use crate::kind::{Address, ConsumerKind, Kind};
use crate::tree::{Node, Value};

/// The sections that are read of the other configuration.
const SECTIONS: [&str; 5] = ["account", "gates", "lint", "stack", "vars"];

/// The sections of the other configuration, and its variables.
#[derive(Clone, Debug)]
pub(super) struct Outer {
    /// The sections that must be right.
    root: Node,
    /// All sections as far as they can be read.
    all: Node,
    vars: Declared,
}

/// Reads the gates and waivers of another configuration. Errors go to `d`.
pub(super) fn load(
    path: &Path,
    given: &Given,
    sources: &mut Sources,
    d: &mut Diagnostics,
) -> Option<Outer> {
    let numbers = read(&[PathBuf::from(path)], sources, d);
    if numbers.is_empty() {
        return None;
    }
    // An error elsewhere in that configuration is not one of the gates. What it does not say is protected.
    let all = merge(&numbers, sources, |_| true, &mut Diagnostics::default()).0;
    let is_wanted = |section: &str| SECTIONS.contains(&section);
    let (mut root, is_whole) = merge(&numbers, sources, |entry| is_wanted(&entry.key), d);
    if !is_whole {
        return None;
    }
    // The other configuration need not declare every variable of the command line.
    let is_declared =
        |name: &str| entry(&root, "vars").is_some_and(|vars| entry(&vars.value, name).is_some());
    let given = given.iter().filter(|(name, _)| is_declared(name));
    let given = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    let vars = variables(&root, &given, false, d);
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|entry| entry.key != "vars");
    }
    let names_a_gate = |gates: &Node| match &gates.value {
        Value::Map(gates) => !gates.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => false,
    };
    if !entry(&root, "gates").is_some_and(|gates| names_a_gate(&gates.value)) {
        // A wrong path must not disable the gates.
        let message = format!("`{}` has no `gates`", path.display());
        let help = "name a configuration with `gates`, such as that of the base branch";
        d.push(Diagnostic::error(None, message).help(help));
        return None;
    }
    Some(Outer { root, all, vars })
}

/// Returns the keys, replicas and consumers with `protect: false`, their own or the default. A value that is not known
/// counts as protection.
fn unprotected(root: &Node) -> BTreeMap<Address, Option<String>> {
    let open_by_default = within(root, "defaults").is_some_and(|defaults| is_open(defaults, false));
    let mut out = BTreeMap::new();
    for (name, key) in within(root, "keys").into_iter().flat_map(entries) {
        let adopted = within(key, "adopt").and_then(|node| text(&node.value));
        if is_open(key, open_by_default) {
            out.insert(Address::new(Kind::Key, name), adopted.clone());
        }
        for (region, replica) in within(key, "replicas").into_iter().flat_map(entries) {
            if is_open(replica, open_by_default) {
                let replica = Address::new(Kind::Key, format!("{name}/{region}"));
                out.insert(replica, adopted.as_deref().map(|arn| moved_to(arn, region)));
            }
        }
    }
    for kind in ConsumerKind::ALL.iter().filter(|kind| !kind.is_single()) {
        let syntax = kind.reader().syntax;
        let list = within(root, syntax.section.name).and_then(|node| within(node, syntax.list.0));
        let open = list.into_iter().flat_map(entries);
        let open = open.filter(|(_, declared)| is_open(declared, open_by_default));
        out.extend(open.map(|(name, _)| (Address::new(*kind, name), None)));
    }
    out
}

/// Returns the ARN of the key with the same id in another Region.
fn moved_to(arn: &str, region: &str) -> String {
    let Ok(key) = arn.parse::<KeyArn>() else {
        return arn.to_owned();
    };
    region.parse().map_or_else(|_| arn.to_owned(), |region| key.related(&region).to_string())
}

/// Returns the ids of the other accounts.
fn accounts(root: &Node) -> BTreeSet<AccountId> {
    let declared = within(root, "accounts").into_iter().flat_map(entries);
    let ids = declared.filter_map(|(_, account)| text(&within(account, "id")?.value));
    ids.filter_map(|id| id.parse().ok()).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Returns whether a declaration is not protected.
fn is_open(declared: &Node, by_default: bool) -> bool {
    let protect = within(declared, "protect");
    // `null` stands for a value that is not declared.
    let Some(protect) = protect.filter(|node| node.value != Value::Null) else {
        return by_default;
    };
    bool::decode(protect, &mut Diagnostics::default()) == Some(false)
}

fn within<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entry(node, name).map(|entry| &entry.value)
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let all = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
    };
    all.iter().map(|entry| (entry.key.as_str(), &entry.value))
}

impl Outer {
    /// Interpolates and decodes the sections. Errors go to `d`.
    pub(super) fn decode(
        &self,
        surroundings: &Surroundings,
        d: &mut Diagnostics,
    ) -> Option<resolve::Outer> {
        let vars = self.vars.resolve(surroundings, d);
        let mut root = self.root.clone();
        interpolate_node(&mut root, &vars, d);
        let mut all = self.all.clone();
        interpolate_node(&mut all, &vars, &mut Diagnostics::default());
        Some(resolve::Outer {
            declared: Stack::decode(&root, d)?,
            span: entry(&root, "gates").map_or(root.span, |gates| gates.value.span),
            unprotected: unprotected(&all),
            accounts: accounts(&all),
        })
    }
}
