//! Reads an authored tree into the canonical form and collects its problems.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::nearest;
use super::arn::{check_principal, is_service};
use super::canonical::{Canonical, CanonicalStatement, Conditions, Principals, Set};
use super::write::to_json;
use super::{OWN_KEY, Problem};
use crate::tree::{Entry, Node, Span, Value};

const TOP: [&str; 3] = ["Version", "Id", "Statement"];
/// The elements of a statement.
pub(super) const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const TYPES: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// Reads an authored tree, in which scalars are text and account ids are root ARNs (see [`super::write::authored`]).
///
/// Methods that read one element return whether it was understood; the caller keeps the others as JSON.
pub(super) struct Reader<'a> {
    pub(super) partition: &'a str,
    /// Whether problems are collected. They are not for documents that AWS returned, which may have elements that
    /// kmsctl does not know.
    pub(super) strict: bool,
    pub(super) problems: Vec<Problem>,
}

/// Returns the problem of a tree that is a part or a wrapping of a policy document, such as a single statement.
pub(super) fn misshapen(node: &Node) -> Option<Problem> {
    const WRAP: &str =
        "put it into a document: `{\"Version\": \"2012-10-17\", \"Statement\": [...]}`";
    let is_statement = |node: &Node| match &node.value {
        Value::Map(entries) => {
            let has = |key: &str| entries.iter().any(|entry| entry.key == key);
            !has("Statement")
                && has("Effect")
                && ELEMENTS.iter().filter(|element| has(element)).count() > 1
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => false,
    };
    match &node.value {
        _ if is_statement(node) => {
            Some(Problem::new(node.span, "this is a single statement, not a policy").help(WRAP))
        }
        Value::List(items) if !items.is_empty() && items.iter().all(is_statement) => {
            Some(Problem::new(node.span, "this is a list of statements, not a policy").help(WRAP))
        }
        Value::Map(entries) => {
            let is_wrapping = |key: &str| matches!(key, "Policy" | "PolicyDocument" | "policy");
            let wrapping = entries.iter().find(|entry| is_wrapping(&entry.key))?;
            let has_statement = entries.iter().any(|entry| entry.key == "Statement");
            let message = format!("the policy is inside of `{}`", wrapping.key);
            let help = "write the policy itself: `aws kms get-key-policy --query Policy --output text` prints it";
            (!has_statement).then(|| Problem::new(node.span, message).help(help))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    }
}

impl Reader<'_> {
    fn problem(&mut self, problem: Problem) {
        if self.strict {
            self.problems.push(problem);
        }
    }

    fn wrong_type(&mut self, what: &str, expected: &str, node: &Node) {
        let message = format!("`{what}` is {}, not {expected}", node.value.describe());
        self.problem(Problem::new(node.span, message).help(format!("`{what}` takes {expected}")));
    }

    fn unknown(&mut self, what: &str, span: Span, key: &str, known: &[&str]) {
        let help = match nearest(key, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.problem(Problem::new(span, format!("unknown {what} `{key}`")).help(help));
    }

    /// Reads a document. Returns `None` if it is not a map, or if it has the shape of something else.
    pub(super) fn document(&mut self, node: &Node) -> Option<Canonical> {
        let Value::Map(entries) = &node.value else {
            let message = format!("a policy is a map, not {}", node.value.describe());
            let problem = Problem::new(node.span, message);
            self.problems.push(misshapen(node).unwrap_or(problem));
            return None;
        };
        if let Some(problem) = misshapen(node).filter(|_| self.strict) {
            self.problems.push(problem);
            return None;
        }
        let mut canonical = Canonical::default();
        for entry in entries {
            let kept = match entry.key.as_str() {
                "Version" => self.text(entry, &mut canonical.version),
                "Id" => self.text(entry, &mut canonical.id),
                "Statement" => self.statements(&entry.value, &mut canonical.statements),
                key => {
                    self.unknown("policy element", entry.key_span, key, &TOP);
                    false
                }
            };
            if !kept {
                canonical.extra.insert(entry.key.clone(), to_json(&entry.value).to_string());
            }
        }
        if let Some(version) = &canonical.version
            && !matches!(version.as_str(), "2012-10-17" | "2008-10-17")
        {
            let span = entries
                .iter()
                .find(|entry| entry.key == "Version")
                .map_or(node.span, |entry| entry.value.span);
            let message = format!("`{version}` is not a version of the policy language");
            self.problem(Problem::new(span, message).help("write `2012-10-17`"));
        }
        if !entries.iter().any(|entry| entry.key == "Statement") {
            self.problem(Problem::new(node.span, "the policy has no `Statement`"));
        }
        Some(canonical)
    }

    fn text(&mut self, entry: &Entry, to: &mut Option<String>) -> bool {
        let Value::Text(text) = &entry.value.value else {
            self.wrong_type(&entry.key, "text", &entry.value);
            return false;
        };
        *to = Some(text.clone());
        true
    }

    /// Reads the statements of a document in their order, skipping what is not understood.
    pub(super) fn list_statements(&mut self, document: &Node) -> Vec<CanonicalStatement> {
        let Value::Map(entries) = &document.value else { return Vec::new() };
        let list = entries.iter().find(|entry| entry.key == "Statement");
        let items = match list.map(|list| &list.value) {
            Some(Node { value: Value::List(items), .. }) => items.as_slice(),
            Some(only) => std::slice::from_ref(only),
            None => &[],
        };
        items
            .iter()
            .map(|item| match &item.value {
                Value::Map(entries) => self.statement(item, entries),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::List(_) => CanonicalStatement::default(),
            })
            .collect()
    }

    fn statements(&mut self, node: &Node, to: &mut BTreeSet<CanonicalStatement>) -> bool {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Map(_) => std::slice::from_ref(node),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
                self.wrong_type("Statement", "a list of statements", node);
                return false;
            }
        };
        if items.is_empty() {
            let help = "a key policy needs at least one statement";
            self.problem(Problem::new(node.span, "`Statement` is empty").help(help));
        }
        if !self.strict && items.iter().any(|item| !matches!(item.value, Value::Map(_))) {
            return false;
        }
        for item in items {
            if let Value::Map(entries) = &item.value {
                to.insert(self.statement(item, entries));
            } else {
                let message = format!("a statement is a map, not {}", item.value.describe());
                self.problem(Problem::new(item.span, message));
            }
        }
        true
    }

    fn statement(&mut self, node: &Node, entries: &[Entry]) -> CanonicalStatement {
        let mut out = CanonicalStatement::default();
        for entry in entries {
            let kept = match entry.key.as_str() {
                "Sid" => self.text(entry, &mut out.sid),
                "Effect" => self.effect(entry, &mut out.effect),
                "Principal" => self.principals(entry, &mut out.principal),
                "NotPrincipal" => self.principals(entry, &mut out.not_principal),
                "Action" => self.actions(entry, &mut out.action),
                "NotAction" => self.actions(entry, &mut out.not_action),
                "Resource" => self.list(entry, &mut out.resource),
                "NotResource" => self.list(entry, &mut out.not_resource),
                "Condition" => self.condition(&entry.value, &mut out.condition),
                key => {
                    self.unknown("statement element", entry.key_span, key, &ELEMENTS);
                    false
                }
            };
            if !kept {
                out.extra.insert(entry.key.clone(), to_json(&entry.value).to_string());
            }
        }
        out.sid = out.sid.filter(|sid| !sid.is_empty());
        self.combination(node, entries);
        out
    }

    /// Reports missing elements, and elements that exclude each other.
    fn combination(&mut self, node: &Node, entries: &[Entry]) {
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        for key in ["Principal", "Action", "Resource"] {
            if let (Some(_), Some(not)) = (find(key), find(&format!("Not{key}"))) {
                let message = format!("a statement has both `{key}` and `Not{key}`");
                self.problem(Problem::new(not.key_span, message).help("keep one of the two"));
            }
        }
        if find("Effect").is_none() {
            let problem = Problem::new(node.span, "a statement has no `Effect`");
            self.problem(problem.help("write `Allow` or `Deny`"));
        }
        if find("Principal").is_none() && find("NotPrincipal").is_none() {
            let problem = Problem::new(node.span, "a statement has no `Principal`");
            self.problem(problem.help("name the principals that the statement is about"));
        }
    }

    fn effect(&mut self, entry: &Entry, to: &mut Option<String>) -> bool {
        if !self.text(entry, to) {
            return false;
        }
        if let Some(effect) = to
            && !matches!(effect.as_str(), "Allow" | "Deny")
        {
            let message = format!("`{effect}` is not an effect");
            self.problem(
                Problem::new(entry.value.span, message)
                    .help("write `Allow` or `Deny`, spelled exactly so"),
            );
        }
        true
    }

    /// Reads a text or a list of texts, with the position of each.
    fn texts<'n>(&mut self, what: &str, node: &'n Node) -> Option<Vec<(&'n str, Span)>> {
        let items = if let Value::List(items) = &node.value {
            items.as_slice()
        } else {
            std::slice::from_ref(node)
        };
        let mut out = Vec::new();
        let mut valid = true;
        for item in items {
            if let Value::Text(text) = &item.value {
                out.push((text.as_str(), item.span));
            } else {
                self.wrong_type(what, "text or a list of texts", item);
                valid = false;
            }
        }
        valid.then_some(out)
    }

    fn list(&mut self, entry: &Entry, to: &mut Option<Set>) -> bool {
        *to = self
            .texts(&entry.key, &entry.value)
            .map(|texts| texts.iter().map(|(text, _)| (*text).to_owned()).collect());
        to.is_some()
    }

    fn actions(&mut self, entry: &Entry, to: &mut Option<Set>) -> bool {
        let Some(texts) = self.texts(&entry.key, &entry.value) else {
            return false;
        };
        for (text, span) in &texts {
            if *text != "*" && !text.contains(':') {
                let problem = Problem::new(*span, format!("the action `{text}` names no service"));
                // YAML's `true`, `false` and `null` are read as texts, and are no actions.
                self.problem(problem.help(match *text {
                    "true" | "false" | "null" => {
                        "write an action, such as `kms:Decrypt`".to_owned()
                    }
                    _ => format!("write `kms:{text}`"),
                }));
            }
        }
        *to = Some(texts.iter().map(|(text, _)| text.to_ascii_lowercase()).collect());
        true
    }

    fn principals(&mut self, entry: &Entry, to: &mut Option<Principals>) -> bool {
        let entries = match &entry.value.value {
            Value::Text(text) if text == "*" => {
                *to = Some(Principals::Everyone);
                return true;
            }
            Value::Map(entries) => entries,
            Value::Text(text) => {
                let message = format!("`{}` is the bare text `{text}`", entry.key);
                let typed = with_type(text, self.partition);
                let help = format!("write `{}: {{{typed}}}`, or `\"*\"` for everyone", entry.key);
                self.problem(Problem::new(entry.value.span, message).help(help));
                return false;
            }
            Value::List(items) => {
                let help =
                    format!("write `{}: {{{}}}`", entry.key, all_with_type(items, self.partition));
                let message = format!("`{}` is a list, not `*` or a map", entry.key);
                self.problem(Problem::new(entry.value.span, message).help(help));
                return false;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.wrong_type(&entry.key, "`*` or a map", &entry.value);
                return false;
            }
        };
        let mut types = BTreeMap::new();
        for kind in entries {
            if !TYPES.contains(&kind.key.as_str()) {
                self.unknown("type of principal", kind.key_span, &kind.key, &TYPES);
                if !self.strict {
                    return false;
                }
            }
            let Some(texts) = self.texts(&kind.key, &kind.value) else {
                return false;
            };
            for (text, span) in
                texts.iter().filter(|(text, _)| kind.key == "AWS" && *text != OWN_KEY)
            {
                if let Some(problem) = check_principal(text, self.partition, *span) {
                    self.problem(problem);
                }
            }
            let names: Set = texts.iter().map(|(text, _)| (*text).to_owned()).collect();
            if !names.is_empty() {
                types.insert(kind.key.clone(), names);
            }
        }
        if types.is_empty() {
            self.problem(Problem::new(
                entry.value.span,
                format!("`{}` names no principal", entry.key),
            ));
        }
        *to = Some(Principals::Typed(types));
        true
    }

    fn condition(&mut self, node: &Node, to: &mut Option<Conditions>) -> bool {
        let Value::Map(operators) = &node.value else {
            self.wrong_type("Condition", "a map of operators", node);
            return false;
        };
        let mut out = Conditions::new();
        for operator in operators {
            let Value::Map(keys) = &operator.value.value else {
                self.wrong_type(&operator.key, "a map of condition keys", &operator.value);
                return false;
            };
            let read = out.entry(operator.key.clone()).or_default();
            for key in keys {
                let Some(texts) = self.texts(&key.key, &key.value) else {
                    return false;
                };
                let lower = key.key.to_ascii_lowercase();
                if read.contains_key(&lower) {
                    let message = format!("the condition key `{}` is written twice", key.key);
                    let help = "condition keys do not differ by case: write one list of values";
                    self.problem(Problem::new(key.key_span, message).help(help));
                    return false;
                }
                read.insert(lower, texts.iter().map(|(text, _)| (*text).to_owned()).collect());
            }
        }
        *to = Some(out);
        true
    }
}

/// Returns a list of principals with the type of the first one.
fn all_with_type(items: &[Node], partition: &str) -> String {
    let first = match items.first().map(|item| &item.value) {
        Some(Value::Text(text)) => with_type(text, partition),
        Some(_) | None => String::new(),
    };
    let (kind, name) = first.split_once(": ").unwrap_or(("AWS", "…"));
    format!("{kind}: [{name}]")
}

/// Returns a principal with its type, as a policy names it.
fn with_type(text: &str, partition: &str) -> String {
    let partition = if partition.is_empty() { "aws" } else { partition };
    if text.starts_with("role/") || text.starts_with("user/") {
        return format!("AWS: \"arn:{partition}:iam::ACCOUNT:{text}\"");
    }
    if is_service(text) {
        return format!("Service: {text}");
    }
    if text.starts_with("arn:") || text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return format!("AWS: \"{text}\"");
    }
    "AWS: …".to_owned()
}
