//! A policy as it is written, with the place of every word, beside the typed meaning of names and conditions.

use crate::policy::actions::ActionSet;
use crate::policy::meaning::{Name, Test, Verdict, What, name, test};
use crate::policy::{OWN_KEY, arn};
use crate::tree::{Entry, Node, Span, Value};

/// A policy.
pub(super) struct Policy<'a> {
    pub(super) node: &'a Node,
    pub(super) version: Option<Word<'a>>,
    pub(super) statements: Vec<Statement<'a>>,
}

/// A statement.
pub(super) struct Statement<'a> {
    pub(super) node: &'a Node,
    pub(super) sid: Option<Word<'a>>,
    pub(super) verdict: Option<Verdict>,
    /// `Principal` or `NotPrincipal`.
    pub(super) who: Option<&'a Entry>,
    pub(super) names: Vec<Named<'a>>,
    /// `Action` or `NotAction`.
    pub(super) what: Option<Words<'a>>,
    /// The known actions that it is about.
    pub(super) actions: ActionSet,
    /// `Resource` or `NotResource`.
    pub(super) on: Option<Words<'a>>,
    pub(super) condition: Option<&'a Entry>,
    pub(super) clauses: Vec<Clause<'a>>,
}

/// A scalar as text. Unquoted ones are what AWS takes them for.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// The words of an element, and whether it is the one that begins with `Not`.
pub(super) struct Words<'a> {
    pub(super) except: bool,
    pub(super) key: Span,
    pub(super) words: Vec<Word<'a>>,
}

/// A principal: its type, its text, and what it means.
pub(super) struct Named<'a> {
    pub(super) kind: &'a str,
    pub(super) word: Word<'a>,
    pub(super) name: Name,
}

/// A condition.
pub(super) struct Clause<'a> {
    pub(super) operator: Word<'a>,
    pub(super) key: Word<'a>,
    pub(super) values: Vec<Word<'a>>,
    pub(super) test: Test,
}

impl<'a> Policy<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        let entries = entries(node);
        let statements = find(entries, "Statement").map(|entry| items(&entry.value));
        Self {
            node,
            version: find(entries, "Version").and_then(|entry| word(&entry.value)),
            statements: statements
                .unwrap_or_default()
                .iter()
                .filter(|item| matches!(item.value, Value::Map(_)))
                .map(Statement::of)
                .collect(),
        }
    }
}

impl<'a> Statement<'a> {
    fn of(node: &'a Node) -> Self {
        let entries = entries(node);
        let verdict = match find(entries, "Effect").and_then(|entry| word(&entry.value)) {
            Some(Word { text: "Allow", .. }) => Some(Verdict::Allow),
            Some(Word { text: "Deny", .. }) => Some(Verdict::Deny),
            Some(_) | None => None,
        };
        let who = find(entries, "Principal").or_else(|| find(entries, "NotPrincipal"));
        let condition = find(entries, "Condition");
        let what = either(entries, "Action", "NotAction");
        Self {
            node,
            sid: find(entries, "Sid").and_then(|entry| word(&entry.value)),
            verdict,
            who,
            names: who.map(names).unwrap_or_default(),
            actions: what.as_ref().map_or(ActionSet::NONE, actions),
            what,
            on: either(entries, "Resource", "NotResource"),
            condition,
            clauses: condition.map(clauses).unwrap_or_default(),
        }
    }

    pub(super) fn allows(&self) -> bool {
        self.verdict == Some(Verdict::Allow)
    }

    pub(super) fn denies(&self) -> bool {
        self.verdict == Some(Verdict::Deny)
    }

    /// Whether it is about all but the named.
    pub(super) fn excepts(&self) -> bool {
        self.who.is_some_and(|entry| entry.key == "NotPrincipal")
    }

    /// Whether it may be about this key.
    pub(super) fn concerns_key(&self) -> bool {
        self.on.as_ref().is_some_and(|on| on.except || on.words.iter().any(|w| may_be_key(w.text)))
    }

    /// The names that it allows something about this key.
    pub(super) fn allowed(&self) -> impl Iterator<Item = &Named<'a>> {
        let applies = self.allows() && !self.excepts() && self.concerns_key();
        self.names.iter().filter(move |_| applies)
    }
}

/// Whether a resource may be a key: `*`, the placeholder, or the ARN of one.
pub(super) fn may_be_key(text: &str) -> bool {
    if matches!(text, "*" | OWN_KEY) {
        return true;
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", _, service, region, account, key] = fields.as_slice() else {
        return false;
    };
    let open = |field: &str| field.contains(['*', '?', '$']);
    (*service == "kms" || open(service))
        && !region.is_empty()
        && (arn::is_account(account) || open(account))
        && (key.starts_with("key/") || open(key))
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            std::slice::from_ref(node)
        }
    }
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn word(node: &Node) -> Option<Word<'_>> {
    let text = match &node.value {
        Value::Text(text) | Value::Number(text) => text.as_str(),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    };
    Some(Word { text, span: node.span })
}

fn words(node: &Node) -> Vec<Word<'_>> {
    items(node).iter().filter_map(word).collect()
}

fn either<'a>(entries: &'a [Entry], is: &str, not: &str) -> Option<Words<'a>> {
    let entry = find(entries, is).or_else(|| find(entries, not))?;
    Some(Words { except: entry.key == not, key: entry.key_span, words: words(&entry.value) })
}

fn actions(words: &Words<'_>) -> ActionSet {
    let patterns = words.words.iter().map(|word| word.text.to_ascii_lowercase()).collect();
    What { except: words.except, patterns }.actions()
}

fn names(entry: &Entry) -> Vec<Named<'_>> {
    if let Some(word) = word(&entry.value) {
        let name =
            if word.text == "*" { Name::Everyone } else { Name::Other(word.text.to_owned()) };
        return vec![Named { kind: "", word, name }];
    }
    let kinds = entries(&entry.value).iter();
    let each = kinds.flat_map(|kind| words(&kind.value).into_iter().map(move |word| (kind, word)));
    each.map(|(kind, word)| Named { kind: &kind.key, word, name: name(&kind.key, word.text) })
        .collect()
}

fn clauses(entry: &Entry) -> Vec<Clause<'_>> {
    let mut out = Vec::new();
    for operator in entries(&entry.value) {
        for key in entries(&operator.value) {
            let values = words(&key.value);
            let set = values.iter().map(|word| word.text.to_owned()).collect();
            out.push(Clause {
                operator: Word { text: &operator.key, span: operator.key_span },
                key: Word { text: &key.key, span: key.key_span },
                values,
                test: test(&operator.key, &key.key.to_ascii_lowercase(), &set),
            });
        }
    }
    out
}
