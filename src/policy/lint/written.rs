//! A policy as written: the position of every word, next to the typed principals and conditions.

use crate::policy::actions::ActionSet;
use crate::policy::typed::{ActionElement, Effect, PrincipalName, Test, principal_name, test};
use crate::tree::{Entry, Node, Span, Value};

/// A policy as written.
pub(super) struct WrittenPolicy<'a> {
    pub(super) node: &'a Node,
    pub(super) version: Option<Word<'a>>,
    pub(super) statements: Vec<WrittenStatement<'a>>,
}

/// A statement as written.
pub(super) struct WrittenStatement<'a> {
    pub(super) node: &'a Node,
    pub(super) sid: Option<Word<'a>>,
    pub(super) effect: Option<Effect>,
    /// The `Principal` or `NotPrincipal` element.
    pub(super) principal_entry: Option<&'a Entry>,
    pub(super) principals: Vec<NamedPrincipal<'a>>,
    /// The `Action` or `NotAction` element.
    pub(super) actions: Option<Element<'a>>,
    /// The known actions that the statement matches.
    pub(super) known_actions: ActionSet,
    /// The `Resource` or `NotResource` element.
    pub(super) resources: Option<Element<'a>>,
    /// The `Condition` element.
    pub(super) condition_entry: Option<&'a Entry>,
    pub(super) conditions: Vec<WrittenCondition<'a>>,
    /// Whether the statement applies to no request, because its resources are never the key, or because a condition
    /// compares a key with values that it never has.
    pub(super) idle: bool,
}

/// A scalar as text. IAM reads an unquoted boolean or number as its text.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
    /// Whether it is written as a number, without quotation marks.
    pub(super) is_number: bool,
}

/// An element that is a list of words.
pub(super) struct Element<'a> {
    /// Whether the name of the element begins with `Not`.
    pub(super) except: bool,
    /// The position of the element's name.
    pub(super) key: Span,
    pub(super) words: Vec<Word<'a>>,
}

/// A principal: its type, its text, and the typed name.
pub(super) struct NamedPrincipal<'a> {
    pub(super) kind: &'a str,
    pub(super) word: Word<'a>,
    pub(super) name: PrincipalName,
}

/// A condition as written, with its typed form.
pub(super) struct WrittenCondition<'a> {
    pub(super) operator: Word<'a>,
    pub(super) key: Word<'a>,
    pub(super) values: Vec<Word<'a>>,
    pub(super) test: Test,
}

impl<'a> WrittenPolicy<'a> {
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
                .map(WrittenStatement::of)
                .collect(),
        }
    }
}

impl<'a> WrittenStatement<'a> {
    fn of(node: &'a Node) -> Self {
        let entries = entries(node);
        let effect = match find(entries, "Effect").and_then(|entry| word(&entry.value)) {
            Some(Word { text: "Allow", .. }) => Some(Effect::Allow),
            Some(Word { text: "Deny", .. }) => Some(Effect::Deny),
            Some(_) | None => None,
        };
        let principal_entry = find(entries, "Principal").or_else(|| find(entries, "NotPrincipal"));
        let condition_entry = find(entries, "Condition");
        let actions = element(entries, "Action", "NotAction");
        Self {
            node,
            sid: find(entries, "Sid").and_then(|entry| word(&entry.value)),
            effect,
            principal_entry,
            principals: principal_entry.map(principals).unwrap_or_default(),
            known_actions: actions.as_ref().map_or(ActionSet::NONE, known_actions),
            actions,
            resources: element(entries, "Resource", "NotResource"),
            condition_entry,
            conditions: condition_entry.map(conditions).unwrap_or_default(),
            idle: false,
        }
    }

    pub(super) fn allows(&self) -> bool {
        self.effect == Some(Effect::Allow)
    }

    pub(super) fn denies(&self) -> bool {
        self.effect == Some(Effect::Deny)
    }

    /// Returns whether the statement has `NotPrincipal`.
    pub(super) fn excepts(&self) -> bool {
        self.principal_entry.is_some_and(|entry| entry.key == "NotPrincipal")
    }

    /// Returns the principals that the statement allows something. There is none if it does not allow, has
    /// `NotPrincipal`, or applies to no request.
    pub(super) fn allowed(&self) -> &[NamedPrincipal<'a>] {
        if self.allows() && !self.excepts() && !self.idle { &self.principals } else { &[] }
    }
}

impl WrittenCondition<'_> {
    /// Returns whether the condition limits a service to what it publishes to encrypted topics through Amazon SNS,
    /// whose own policies say who may publish (Developer Tools console User Guide, "Configure Amazon SNS topics for
    /// notifications").
    pub(super) fn is_through_topic(&self) -> bool {
        self.test.key == "kms:viaservice"
            && self.test.requires_key()
            && !self.values.is_empty()
            && self.values.iter().all(|value| value.text.starts_with("sns."))
    }
}

/// Returns the account of a principal.
pub(super) fn account_of(name: &PrincipalName) -> Option<&str> {
    match name {
        PrincipalName::Account(account) => Some(&account.id),
        PrincipalName::Identity(arn) => arn.split(':').nth(4),
        PrincipalName::Everyone
        | PrincipalName::AnyIdentity
        | PrincipalName::UniqueId(_)
        | PrincipalName::Service(_)
        | PrincipalName::Provider(_)
        | PrincipalName::Other(_) => None,
    }
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
    let is_number = matches!(node.value, Value::Number(_));
    Some(Word { text, span: node.span, is_number })
}

fn words(node: &Node) -> Vec<Word<'_>> {
    items(node).iter().filter_map(word).collect()
}

/// Returns the element with the first name, or else that with the second.
fn element<'a>(entries: &'a [Entry], name: &str, not_name: &str) -> Option<Element<'a>> {
    let entry = find(entries, name).or_else(|| find(entries, not_name))?;
    let words = words(&entry.value);
    Some(Element { except: entry.key == not_name, key: entry.key_span, words })
}

fn known_actions(element: &Element<'_>) -> ActionSet {
    let patterns = element.words.iter().map(|word| word.text.to_ascii_lowercase()).collect();
    ActionElement { except: element.except, patterns }.known()
}

fn principals(entry: &Entry) -> Vec<NamedPrincipal<'_>> {
    if let Some(word) = word(&entry.value) {
        let name = if word.text == "*" {
            PrincipalName::Everyone
        } else {
            PrincipalName::Other(word.text.to_owned())
        };
        return vec![NamedPrincipal { kind: "", word, name }];
    }
    let mut out = Vec::new();
    for Entry { key: kind, value, .. } in entries(&entry.value) {
        for word in words(value) {
            out.push(NamedPrincipal { kind, word, name: principal_name(kind, word.text) });
        }
    }
    out
}

fn conditions(entry: &Entry) -> Vec<WrittenCondition<'_>> {
    let mut out = Vec::new();
    for operator in entries(&entry.value) {
        for key in entries(&operator.value) {
            let values = words(&key.value);
            let set = values.iter().map(|word| word.text.to_owned()).collect();
            out.push(WrittenCondition {
                operator: Word { text: &operator.key, span: operator.key_span, is_number: false },
                key: Word { text: &key.key, span: key.key_span, is_number: false },
                values,
                test: test(&operator.key, &key.key.to_ascii_lowercase(), &set),
            });
        }
    }
    out
}
