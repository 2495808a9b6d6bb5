//! The gates and waivers that the command line takes from another configuration, such as that of the base
//! branch. The authors of a change can edit the configuration, but not these.

use std::path::{Path, PathBuf};

use super::load::{Declared, Given, merge, variables};
use super::merge::entry;
use super::records::Stack;
use super::surroundings::Surroundings;
use super::{interpolate_node, read};
use crate::decode::{Decode as _, Diagnostic, Diagnostics, Sources};
use crate::tree::{Node, Span, Value};

/// The sections that are read of the other configuration.
const SECTIONS: [&str; 5] = ["account", "gates", "lint", "stack", "vars"];

/// The sections of the other configuration, and its variables.
#[derive(Clone, Debug)]
pub(super) struct Outer {
    root: Node,
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
    Some(Outer { root, vars })
}

impl Outer {
    /// Interpolates and decodes the sections. Errors go to `d`.
    pub(super) fn decode(&self, surroundings: &Surroundings, d: &mut Diagnostics) -> Option<Stack> {
        let vars = self.vars.resolve(surroundings, d);
        let mut root = self.root.clone();
        interpolate_node(&mut root, &vars, d);
        Stack::decode(&root, d)
    }

    /// Returns the position of the gates.
    pub(super) fn span(&self) -> Span {
        entry(&self.root, "gates").map_or(self.root.span, |gates| gates.value.span)
    }
}
