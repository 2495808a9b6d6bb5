//! Loads the configuration in two phases: reads and merges its texts, and resolves the result when
//! the account and the Region are known. `resolve` interprets the fields.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::merge::{Merged, entry, scalar};
use super::outer::{self, Outer};
use super::records::Stack;
use super::surroundings::{Examples, Gaps, Surroundings};
use super::{DEFAULT, Variables, interpolate_node, read, resolve, yaml};
use crate::decode::{
    Decode as _, Diagnostic, Diagnostics, Named, Sources, Spanned, Text, field, meant, mismatch,
    nearest, unspaced,
};
use crate::desired::Desired;
use crate::id::{AccountId, BadId, Name, PARTITIONS, Place, Region};
use crate::policy::work;
use crate::tree::{Entry, Node, Span, Value};

/// The largest number of keys, and of entries in the sections of other resources. Each takes some dozens of kilobytes
/// of memory at most.
pub const MAX_RESOURCES: usize = 20_000;

/// The sources of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The files and folders. If there are none, `kmsctl.yaml` is read.
    pub paths: Vec<PathBuf>,
    /// The values of variables from the command line.
    pub vars: BTreeMap<String, String>,
    /// Files of values of variables. Later files, and the command line, override earlier ones.
    pub var_files: Vec<PathBuf>,
    /// The configuration whose gates are in force beside those of the files.
    pub gates: Option<PathBuf>,
}

impl Input {
    /// Returns whether no file is named, and there is no `kmsctl.yaml`.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.paths.is_empty() && !Path::new(DEFAULT).exists()
    }
}

/// A configuration that is read and merged.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The texts that spans refer to.
    pub sources: Sources,
    root: Node,
    vars: Declared,
    outer: Option<Outer>,
    stack: Option<Spanned<Name>>,
    account: Option<Spanned<AccountId>>,
    region: Option<Spanned<Region>>,
    /// Whether errors were reported. The rest is still checked.
    failed: bool,
    /// Whether a text could not be read, so that declarations may be missing.
    partial: bool,
    /// The values that replace an account and a Region that are not declared.
    examples: Examples,
}

/// The declared variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    /// The names and values.
    values: Vec<(String, Node)>,
    /// The names of the variables without a value.
    unset: BTreeSet<String>,
    /// Whether there may be more variables, in texts that could not be read.
    open: bool,
}

/// The values of variables that do not come from the configuration. Those of the command line have no position.
pub(super) type Given = BTreeMap<String, Spanned<String>>;

/// Returns the values of variables from files and from the command line.
fn given(input: &Input, sources: &mut Sources, d: &mut Diagnostics) -> Given {
    let mut given = Given::new();
    for number in read(&input.var_files, sources, d) {
        let Some(node) = yaml::of_variables(number, sources, d) else {
            continue;
        };
        let before = d.len();
        let values: Option<Named<Text>> = Named::decode(&node, d);
        for error in d.since(before).filter(|error| error.span == Some(node.span)) {
            error.help.get_or_insert("write each variable as `NAME: VALUE`".to_owned());
        }
        for (name, value) in values.iter().flat_map(Named::iter) {
            given.insert(
                name.value.clone(),
                Spanned { value: value.value.clone(), span: name.span },
            );
        }
    }
    let own = input.vars.iter().map(|(name, value)| {
        (name.clone(), Spanned { value: value.clone(), span: Span::default() })
    });
    given.extend(own);
    given
}

/// Reads, parses and merges the texts.
#[must_use]
pub fn load(input: &Input) -> (Loaded, Diagnostics) {
    let mut d = Diagnostics::default();
    let mut sources = Sources::new();
    let paths = match input.paths.as_slice() {
        [] => vec![PathBuf::from(DEFAULT)],
        paths => paths.to_vec(),
    };
    let numbers = read(&paths, &mut sources, &mut d);
    let given = given(input, &mut sources, &mut d);
    let mut loaded = from_sources(sources, &numbers, &given, &mut d);
    if let Some(path) = &input.gates {
        loaded.outer = outer::load(path, &given, &mut loaded.sources, &mut d);
        loaded.failed |= d.has_errors();
        d.settle();
    }
    (loaded, d)
}

/// Parses a text that is not a file yet. `name` stands for it in messages.
#[must_use]
pub fn load_text(name: &str, text: String) -> (Loaded, Diagnostics) {
    let mut d = Diagnostics::default();
    let mut sources = Sources::new();
    let number = sources.add(name, text);
    (from_sources(sources, &[number], &Given::new(), &mut d), d)
}

/// Reads the gates of a configuration for a saved plan, which contains the rest.
#[must_use]
pub fn load_gates(path: &Path, input: &Input, stack: &Name) -> (Loaded, Diagnostics) {
    let mut d = Diagnostics::default();
    let mut sources = Sources::new();
    let number = sources.add("<saved plan>", format!("stack: {stack}\n"));
    let given = given(input, &mut sources, &mut d);
    let mut loaded = from_sources(sources, &[number], &Given::new(), &mut d);
    loaded.outer = outer::load(path, &given, &mut loaded.sources, &mut d);
    loaded.failed |= d.has_errors();
    d.settle();
    (loaded, d)
}

/// Parses and merges texts that were read.
pub(super) fn from_sources(
    mut sources: Sources,
    numbers: &[u16],
    given: &Given,
    d: &mut Diagnostics,
) -> Loaded {
    // Texts that could not be read are already reported.
    let is_read = !d.has_errors();
    let (root, is_whole) = merge(numbers, &mut sources, |_| true, d);
    let partial = !is_read || !is_whole;
    let vars = variables(&root, given, partial, d);
    let mut loaded = Loaded {
        sources,
        root,
        vars,
        outer: None,
        stack: None,
        account: None,
        region: None,
        failed: false,
        partial,
        examples: Examples::default(),
    };
    loaded.identify(d);
    loaded.failed = d.has_errors();
    d.settle();
    loaded
}

/// The help for a text that is no configuration.
const FORM: &str = "write each field as `NAME: VALUE`, such as `stack: payments-prod`; `kmsctl init` writes a first \
                    configuration";

/// Parses the texts, and merges their wanted top-level entries. Also returns whether every text could be parsed.
pub(super) fn merge(
    numbers: &[u16],
    sources: &mut Sources,
    wanted: impl Fn(&Entry) -> bool,
    d: &mut Diagnostics,
) -> (Node, bool) {
    let (mut merged, mut span, mut is_whole) = (Merged::default(), None, true);
    for number in numbers {
        let Some(node) = yaml::of_source(*number, sources, d) else {
            is_whole = false;
            continue;
        };
        span = span.or(Some(node.span));
        match node.value {
            Value::Map(more) => {
                more.into_iter().filter(&wanted).for_each(|entry| merged.add(entry, d));
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                let help = unspaced(&node).map_or_else(|| FORM.to_owned(), |(_, help)| help);
                d.push(mismatch(&node, "a map").help(help));
                is_whole = false;
            }
        }
    }
    let value = Value::Map(merged.into_entries());
    (Node { span: span.unwrap_or_default(), value }, is_whole)
}

/// Returns the variables. A value from the command line overrides the declared one.
pub(super) fn variables(
    root: &Node,
    given: &Given,
    partial: bool,
    d: &mut Diagnostics,
) -> Declared {
    let before = d.len();
    let declared: Option<Option<Named<Option<Text>>>> = field(root, "vars", &[], d);
    let declared = declared.map(Option::unwrap_or_default).filter(|_| d.len() == before);
    let mut out = Declared { open: partial || declared.is_none(), ..Declared::default() };
    let known: BTreeSet<&str> =
        declared.iter().flat_map(Named::iter).map(|(name, _)| name.value.as_str()).collect();
    for (name, value) in declared.iter().flat_map(Named::iter) {
        if let Err(bad) = name.value.parse::<Name>() {
            d.push(Diagnostic::error(name.span, bad.message).help(bad.help));
        }
        // A value from the command line is not interpolated.
        let node = match (given.get(&name.value), value) {
            (Some(given), _) => literal(&given.value, given.span),
            (None, Some(text)) => literal(&text.value, text.span),
            (None, None) => {
                d.push(
                    Diagnostic::error(name.span, format!("`{}` has no value", name.value))
                        .help(format!("set one with `--var {}=VALUE` or `--var-file`", name.value)),
                );
                out.unset.insert(name.value.clone());
                continue;
            }
        };
        out.values.push((name.value.clone(), node));
    }
    let unknown = given.iter().filter(|(name, _)| !out.open && !known.contains(name.as_str()));
    for (name, given) in unknown {
        let error = if given.span == Span::default() {
            Diagnostic::error(None, format!("`--var {name}`: the variable is not declared"))
        } else {
            Diagnostic::error(given.span, format!("the variable `{name}` is not declared"))
        };
        d.push(match nearest(name, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help("declare it under `vars`"),
        });
    }
    out
}

fn literal(text: &str, span: Span) -> Node {
    Node { span, value: Value::Text(text.to_owned()) }
}

/// Returns the texts of the variables by name.
fn plain(vars: &[(String, Node)]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, node) in vars {
        texts.insert(name.clone(), scalar(&node.value).unwrap_or("").to_owned());
    }
    texts
}

impl Loaded {
    /// Returns the account of the stack, if it is declared.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.value.clone())
    }

    /// Returns the Region of the stack, if it is declared.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.region.as_ref().map(|region| region.value.clone())
    }

    /// Returns the names of the keys, also if the configuration has errors. Empty once it is resolved or checked.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<String> {
        match entry(&self.root, "keys").map(|keys| &keys.value.value) {
            Some(Value::Map(keys)) => keys.iter().map(|key| key.key.clone()).collect(),
            Some(_) | None => BTreeSet::new(),
        }
    }

    /// Returns the name of the stack, if it is declared and valid.
    #[must_use]
    pub fn stack(&self) -> Option<&Name> {
        self.stack.as_ref().map(|stack| &stack.value)
    }

    /// Reads the name, the account and the Region of the stack.
    fn identify(&mut self, d: &mut Diagnostics) {
        self.stack = self.identity("stack", d);
        self.account = self.identity("account", d);
        self.region = self.identity("region", d);
        let fields = match &self.root.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                &[]
            }
        };
        // A misspelt field is reported as such.
        let is_name =
            |field: &str| meant(field, &["stack"]).or(nearest(field, ["stack"])).is_some();
        let named = match entry(&self.root, "stack") {
            Some(stack) => stack.value.value != Value::Null,
            None => fields.iter().any(|field| is_name(&field.key)),
        };
        if !named && !self.partial {
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
        let vars = Variables {
            vars: plain(&self.vars.values),
            unset: self.vars.unset.clone(),
            open: self.vars.open,
            ..Variables::default()
        };
        if !interpolate_node(&mut node, &vars, d) {
            return None;
        }
        let before = d.len();
        let text = String::decode(&node, d);
        for error in d.since(before) {
            error.help = Some(match field {
                "account" => "write `account: \"111122223333\"`".to_owned(),
                "region" => "write `region: REGION`".to_owned(),
                _ => format!("write `{field}: NAME`"),
            });
        }
        match text?.parse() {
            Ok(value) => Some(Spanned { span: node.span, value }),
            Err(bad) => {
                d.push(Diagnostic::error(node.span, bad.message).help(bad.help));
                None
            }
        }
    }

    /// Resolves the configuration for an account and a Region. Errors that `load` reported are not
    /// repeated. Returns `None` if `load` or `resolve` reported errors. The data of the texts is used
    /// up: a configuration is resolved or checked once.
    #[must_use]
    pub fn resolve(&mut self, surroundings: &Surroundings) -> (Option<Desired>, Diagnostics) {
        self.resolve_with(surroundings, Gaps::default())
    }

    /// Resolves the configuration without AWS. An example replaces an account or Region that is not
    /// declared, and the errors that could result from the example are not reported.
    #[must_use]
    pub fn check(&mut self, region: Option<Region>) -> (Option<Desired>, Diagnostics) {
        let (own, account) = (region.or_else(|| self.region()), self.account());
        let gaps = Gaps { region: own.is_none(), account: account.is_none(), text: false };
        let account = account.or_else(|| self.unused_account());
        let region = own.or_else(|| self.likely_region().parse().ok());
        let (Some(account), Some(region)) = (account, region) else {
            return (None, Diagnostics::default());
        };
        self.examples = Examples {
            partition: region.partition(),
            account: gaps.account.then(|| account.clone()),
            region: gaps.region.then(|| region.clone()).filter(|r| !self.occurs(r.as_str())),
        };
        let (desired, found) = self.resolve_with(&Surroundings { account, region }, gaps);
        let mut shown = Diagnostics::default();
        shown.extend(found.into_iter().map(|diagnostic| self.without_examples(diagnostic)));
        (desired, shown)
    }

    /// Returns the diagnostic without the example values in its texts.
    fn without_examples(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.message = self.examples.removed(&diagnostic.message);
        diagnostic.help = diagnostic.help.map(|help| self.examples.removed(&help));
        diagnostic
    }

    /// Returns the values that replace an account and a Region that are not declared.
    #[must_use]
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Returns whether the text occurs in the configuration.
    fn occurs(&self, text: &str) -> bool {
        self.sources.iter().any(|source| source.text.contains(text))
            || plain(&self.vars.values).values().any(|value| value.contains(text))
    }

    /// Returns an account id that does not occur in the configuration.
    fn unused_account(&self) -> Option<AccountId> {
        let ids = (0..u16::MAX).map(|n| format!("9{n:011}"));
        ids.into_iter().find(|id| !self.occurs(id))?.parse().ok()
    }

    /// Returns an example Region of the partition whose ARNs occur in the texts.
    fn likely_region(&self) -> &'static str {
        for partition in PARTITIONS {
            let prefix = format!("arn:{}:", partition.name);
            if self.sources.iter().any(|source| source.text.contains(&prefix)) {
                return partition.example;
            }
        }
        "us-east-1"
    }

    fn resolve_with(
        &mut self,
        surroundings: &Surroundings,
        gaps: Gaps,
    ) -> (Option<Desired>, Diagnostics) {
        let mut d = Diagnostics::default();
        if let Some(own) = &self.account
            && own.value != surroundings.account
        {
            let message = format!(
                "the stack belongs to account {}, but the credentials belong to account {}",
                own.value, surroundings.account
            );
            d.push(
                Diagnostic::error(own.span, message)
                    .help("use a profile of that account (`--profile`, AWS_PROFILE)"),
            );
        }
        let vars = self.vars.resolve(surroundings, &mut d);
        let empty = Node { span: self.root.span, value: Value::Map(Vec::new()) };
        let mut root = std::mem::replace(&mut self.root, empty);
        if let Value::Map(entries) = &mut root.value {
            entries.retain(|e| !["stack", "account", "region", "vars"].contains(&e.key.as_str()));
        }
        interpolate_node(&mut root, &vars, &mut d);
        let count = count_resources(&root);
        if count > MAX_RESOURCES {
            let message = format!("a stack of {count} resources is too large");
            let help = format!("declare at most {MAX_RESOURCES} keys and other resources");
            d.push(Diagnostic::error(None, message).help(help));
            return (None, d);
        }
        let declared = Stack::decode(&root, &mut d);
        drop(root);
        let outer = self.outer.as_ref().and_then(|outer| outer.decode(surroundings, &mut d));
        let name = self.stack.as_ref().map(|name| name.value.clone());
        let (Some(declared), Some(name)) = (declared, name.or_else(|| "unnamed".parse().ok()))
        else {
            d.settle();
            return (None, d);
        };
        let gaps = Gaps { text: self.partial, ..gaps };
        let home =
            Place { account: surroundings.account.clone(), region: surroundings.region.clone() };
        let sources = &mut self.sources;
        let given = resolve::Given { stack: name, home, gaps, vars: &vars, outer, sources };
        let desired = work::within(work::LINT, || resolve::stack(&declared, given, &mut d));
        let is_valid = !self.failed && !d.has_errors();
        d.settle();
        (if is_valid { Some(desired) } else { None }, d)
    }
}

/// Returns the number of keys, their aliases, grants and replicas, and consumers: the entries of `keys`, and those of
/// the sections within the sections of the services.
fn count_resources(root: &Node) -> usize {
    let entries = |node: &Node| match &node.value {
        Value::Map(entries) => entries.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => 0,
    };
    // The aliases and grants of a key, and those of its replicas.
    fn parts(key: &Node) -> usize {
        let Value::Map(fields) = &key.value else { return 0 };
        let of_field = |field: &Entry| match (field.key.as_str(), &field.value.value) {
            ("aliases", Value::List(aliases)) => aliases.len(),
            ("grants", Value::Map(grants)) => grants.len(),
            ("replicas", Value::Map(all)) => all.iter().map(|one| 1 + parts(&one.value)).sum(),
            _ => 0,
        };
        fields.iter().map(of_field).sum()
    }
    let Value::Map(sections) = &root.value else { return 0 };
    let in_section = |section: &Entry| match &section.value.value {
        Value::Map(keys) if section.key == "keys" => {
            keys.iter().map(|key| 1 + parts(&key.value)).sum()
        }
        Value::Map(kinds) => kinds.iter().map(|kind| entries(&kind.value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => 0,
    };
    sections.iter().map(in_section).sum()
}

impl Declared {
    /// Returns the variables for an account and a Region. Errors go to `d`.
    pub(super) fn resolve(&self, surroundings: &Surroundings, d: &mut Diagnostics) -> Variables {
        let mut vars = Variables {
            replaced: Cell::default(),
            suggestions: Cell::default(),
            vars: BTreeMap::new(),
            unset: self.unset.clone(),
            open: self.open,
            account: surroundings.account.to_string(),
            region: surroundings.region.to_string(),
            partition: surroundings.region.partition().to_owned(),
        };
        let mut values = self.values.clone();
        values.retain_mut(|(name, node)| {
            let is_known = node.span == Span::default() || interpolate_node(node, &vars, d);
            if !is_known {
                vars.unset.insert(name.clone());
            }
            is_known
        });
        vars.vars = plain(&values);
        vars
    }
}
