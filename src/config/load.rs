//! The two phases of the configuration: its texts are read and merged, then, once the account and
//! the Region are known, resolved. Knows nothing of what keys and grants mean: that is `resolve`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use super::merge::{TWICE, entry, merge, scalar};
use super::resolve::{Context, stack};
use super::{
    Decode as _, Diagnostic, Diagnostics, Named, Sources, Spanned, Variables, interpolate_node,
    mismatch, nearest, raw, read, yaml,
};
use crate::desired::Desired;
use crate::id::{AccountId, BadId, Name, Region};
use crate::tree::{Node, Span, Value};

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Files and folders; `kmsctl.yaml` where there are none.
    pub paths: Vec<PathBuf>,
    /// Values from the command line.
    pub vars: BTreeMap<String, String>,
}

/// What must be asked of AWS before a configuration can be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The account of the credentials.
    pub account: AccountId,
    /// The Region to work in.
    pub region: Region,
}

/// A configuration that is read and merged.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The texts, which spans point into.
    pub sources: Sources,
    root: Node,
    vars: Vec<(String, Node)>,
    stack: Option<Spanned<Name>>,
    account: Option<Spanned<AccountId>>,
    region: Option<Spanned<Region>>,
    /// Something was wrong; the rest can still be looked at.
    failed: bool,
    /// So much was wrong that looking at the rest would tell of errors that are none.
    incomplete: bool,
}

/// Reads, parses and merges the texts.
#[must_use]
pub fn load(input: &Input) -> (Loaded, Diagnostics) {
    let mut d = Diagnostics::default();
    let mut sources = Sources::new();
    let paths = match input.paths.as_slice() {
        [] => vec![PathBuf::from("kmsctl.yaml")],
        paths => paths.to_vec(),
    };
    let numbers = read(&paths, &mut sources, &mut d);
    let loaded = from_sources(sources, &numbers, &input.vars, &mut d);
    (loaded, d)
}

/// Parses and merges texts that were read.
pub(super) fn from_sources(
    sources: Sources,
    numbers: &[u16],
    given: &BTreeMap<String, String>,
    d: &mut Diagnostics,
) -> Loaded {
    let (mut entries, mut span) = (Vec::new(), None);
    for number in numbers {
        let text = sources.get(*number).map_or("", |source| &source.text);
        match yaml(text, *number) {
            Ok(node) => {
                span = span.or(Some(node.span));
                match node.value {
                    Value::Map(more) => {
                        more.into_iter().for_each(|e| merge(&mut entries, e, d));
                    }
                    Value::Null => {}
                    Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                        d.push(mismatch(&node, "a map"));
                    }
                }
            }
            Err(error) => d.push(error),
        }
    }
    let root = Node { span: span.unwrap_or_default(), value: Value::Map(entries) };
    let mut incomplete = d.iter().any(|e| !e.message.ends_with(TWICE)) && d.has_errors();
    let vars = variables(&root, given, &mut incomplete, d);
    let mut loaded = Loaded {
        sources,
        root,
        vars,
        stack: None,
        account: None,
        region: None,
        failed: false,
        incomplete,
    };
    if !incomplete {
        loaded.identify(d);
    }
    loaded.failed = d.has_errors();
    loaded
}

/// The variables with their values: from the command line, else as declared.
fn variables(
    root: &Node,
    given: &BTreeMap<String, String>,
    incomplete: &mut bool,
    d: &mut Diagnostics,
) -> Vec<(String, Node)> {
    let mut out = Vec::new();
    let before = d.iter().count();
    let declared: Option<Named<Option<raw::Text>>> = entry(root, "vars").map_or_else(
        || Some(Named::default()),
        |vars| Option::decode(&vars.value, d).map(Option::unwrap_or_default),
    );
    let known: BTreeSet<&str> =
        declared.iter().flat_map(Named::iter).map(|(name, _)| name.value.as_str()).collect();
    for (name, value) in declared.iter().flat_map(Named::iter) {
        if let Err(bad) = name.value.parse::<Name>() {
            d.push(Diagnostic::error(name.span, bad.message).help(bad.help));
        }
        // A value of the command line is taken as it is, without variables in it.
        match (given.get(&name.value), value) {
            (Some(text), _) => out.push((name.value.clone(), literal(text, Span::default()))),
            (None, Some(text)) => out.push((name.value.clone(), literal(&text.value, text.span))),
            (None, None) => d.push(
                Diagnostic::error(name.span, format!("`{}` has no value", name.value))
                    .help(format!("give one with `--var {}=VALUE`", name.value)),
            ),
        }
    }
    if declared.is_some() && !*incomplete {
        for name in given.keys().filter(|name| !known.contains(name.as_str())) {
            let error =
                Diagnostic::error(None, format!("`--var {name}`: no such variable is declared"));
            d.push(match nearest(name, known.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("declare it under `vars`"),
            });
        }
    }
    *incomplete |= d.iter().count() > before;
    out
}

fn literal(text: &str, span: Span) -> Node {
    Node { span, value: Value::Text(text.to_owned()) }
}

/// The text of a variable.
fn plain(vars: &[(String, Node)]) -> BTreeMap<String, String> {
    let text = |node: &Node| scalar(&node.value).unwrap_or("").to_owned();
    vars.iter().map(|(name, node)| (name.clone(), text(node))).collect()
}

impl Loaded {
    /// The account the stack belongs to, if it says so.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.value.clone())
    }

    /// The stack's Region, if it says so.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region.as_ref().map(|region| region.value.clone())
    }

    /// The stack's name, if it has a good one.
    #[must_use]
    pub fn stack(&self) -> Option<&Name> {
        self.stack.as_ref().map(|stack| &stack.value)
    }

    fn identify(&mut self, d: &mut Diagnostics) {
        self.stack = self.identity("stack", d);
        self.account = self.identity("account", d);
        self.region = self.identity("region", d);
        if entry(&self.root, "stack").is_none_or(|e| e.value.value == Value::Null) {
            let start = Span { end: self.root.span.start, ..self.root.span };
            d.push(
                Diagnostic::error(start, "missing field `stack`")
                    .help("name the stack, such as `stack: payments-prod`"),
            );
        }
    }

    fn identity<T: FromStr<Err = BadId>>(
        &self,
        field: &str,
        d: &mut Diagnostics,
    ) -> Option<Spanned<T>> {
        let mut node = entry(&self.root, field)?.value.clone();
        if node.value == Value::Null {
            return None;
        }
        if scalar(&node.value).is_some_and(|text| text.contains("${aws.")) {
            let message = format!("`{field}` must be known before anything is asked of AWS");
            d.push(
                Diagnostic::error(node.span, message)
                    .help("only `${var.NAME}` can be used in `stack`, `account` and `region`"),
            );
            return None;
        }
        let vars = Variables { vars: plain(&self.vars), ..Variables::default() };
        let errors = d.iter().count();
        interpolate_node(&mut node, &vars, d);
        if d.iter().count() > errors {
            return None;
        }
        let text = String::decode(&node, d)?;
        match text.parse() {
            Ok(value) => Some(Spanned { span: node.span, value }),
            Err(bad) => {
                d.push(Diagnostic::error(node.span, bad.message).help(bad.help));
                None
            }
        }
    }

    /// What the configuration declares in these surroundings, and all that is wrong with it.
    /// Errors that `load` reported are not repeated; after one there is no result.
    #[must_use]
    pub fn resolve(&mut self, surroundings: &Surroundings) -> (Option<Desired>, Diagnostics) {
        let mut d = Diagnostics::default();
        if self.incomplete {
            return (None, d);
        }
        if let Some(own) = &self.account
            && own.value != surroundings.account
        {
            let message = format!(
                "this stack belongs to account {}, the credentials are of {}",
                own.value, surroundings.account
            );
            d.push(
                Diagnostic::error(own.span, message)
                    .help("use a profile of that account (`--profile`, AWS_PROFILE)"),
            );
        }
        let vars = self.variables(surroundings, &mut d);
        let mut root = self.root.clone();
        if let Value::Map(entries) = &mut root.value {
            entries.retain(|e| !["stack", "account", "region", "vars"].contains(&e.key.as_str()));
        }
        interpolate_node(&mut root, &vars, &mut d);
        let declared = raw::Stack::decode(&root, &mut d);
        let name = self.stack.as_ref().map(|name| name.value.clone());
        let (Some(declared), Some(name)) = (declared, name.or_else(|| "unnamed".parse().ok()))
        else {
            return (None, d);
        };
        let context = Context::new(name, surroundings, &vars, &mut self.sources, d);
        let (desired, d) = stack(context, &declared);
        let good = !self.failed && !d.has_errors();
        (good.then_some(desired), d)
    }

    fn variables(&self, surroundings: &Surroundings, d: &mut Diagnostics) -> Variables {
        let mut vars = Variables {
            vars: BTreeMap::new(),
            account: surroundings.account.to_string(),
            region: surroundings.region.to_string(),
            partition: surroundings.region.partition().to_owned(),
        };
        let mut nodes = self.vars.clone();
        for (_, node) in nodes.iter_mut().filter(|(_, node)| node.span != Span::default()) {
            interpolate_node(node, &vars, d);
        }
        vars.vars = plain(&nodes);
        vars
    }
}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut out = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kmsctl configuration",
    });
    if let (Some(out), serde_json::Value::Object(fields)) =
        (out.as_object_mut(), raw::Stack::schema())
    {
        out.extend(fields);
        out.insert("required".to_owned(), serde_json::json!(["stack"]));
    }
    out
}
