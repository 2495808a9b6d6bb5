//! The gates and waivers that the command line takes from another configuration, such as that of the base
//! branch. The authors of a change can edit the configuration, but not these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::merge::Merged;
use super::records::Stack;
use super::{Variables, interpolate_node, read, yaml};
use crate::decode::{Decode as _, Diagnostic, Diagnostics, Sources};
use crate::tree::{Node, Span, Value};

/// The sections that are read of the other configuration.
const SECTIONS: [&str; 2] = ["gates", "lint"];

/// The sections of the other configuration, and its variables.
#[derive(Clone, Debug)]
pub(super) struct Outer {
    root: Node,
    vars: BTreeMap<String, String>,
}

/// Reads the gates and waivers of another configuration. Errors go to `d`.
pub(super) fn load(
    path: &PathBuf,
    given: &BTreeMap<String, String>,
    sources: &mut Sources,
    d: &mut Diagnostics,
) -> Option<Outer> {
    let mut unread = Diagnostics::default();
    let numbers = read(std::slice::from_ref(path), sources, &mut unread);
    let is_read = !unread.has_errors();
    d.extend(unread);
    if !is_read {
        return None;
    }
    let (mut merged, mut span) = (Merged::default(), None);
    for number in numbers {
        let node = yaml(sources.get(number).map_or("", |source| &source.text), number, d)?;
        span = span.or(Some(node.span));
        if let Value::Map(entries) = node.value {
            let wanted = ["gates", "lint", "vars"];
            let wanted = entries.into_iter().filter(|entry| wanted.contains(&entry.key.as_str()));
            wanted.for_each(|entry| merged.add(entry, d));
        }
    }
    let mut entries = merged.into_entries();
    let vars = entries.iter().find(|entry| entry.key == "vars");
    let mut values = vars.map(|vars| texts(&vars.value)).unwrap_or_default();
    for (name, value) in given {
        if let Some(known) = values.get_mut(name) {
            known.clone_from(value);
        }
    }
    entries.retain(|entry| SECTIONS.contains(&entry.key.as_str()));
    if !entries.iter().any(|entry| entry.key == "gates" && entry.value.value != Value::Null) {
        // A wrong path must not disable the gates.
        let message = format!("`{}` has no `gates`", path.display());
        let help = "name a configuration with `gates`, such as that of the base branch";
        d.push(Diagnostic::error(None, message).help(help));
        return None;
    }
    let root = Node { span: span.unwrap_or_default(), value: Value::Map(entries) };
    Some(Outer { root, vars: values })
}

fn texts(vars: &Node) -> BTreeMap<String, String> {
    let Value::Map(entries) = &vars.value else {
        return BTreeMap::new();
    };
    let text = |value: &Value| super::merge::scalar(value).unwrap_or_default().to_owned();
    entries.iter().map(|entry| (entry.key.clone(), text(&entry.value.value))).collect()
}

impl Outer {
    /// Interpolates and decodes the sections. `vars` are the variables of the stack.
    pub(super) fn decode(&self, vars: &Variables, d: &mut Diagnostics) -> Option<Stack> {
        let own = Variables {
            vars: self.vars.clone(),
            unset: BTreeSet::new(),
            open: false,
            ..vars.clone()
        };
        let mut root = self.root.clone();
        interpolate_node(&mut root, &own, d);
        Stack::decode(&root, d)
    }

    /// Returns the position of the gates.
    pub(super) fn span(&self) -> Span {
        super::merge::entry(&self.root, "gates").map_or(self.root.span, |gates| gates.value.span)
    }
}
