//! Constructors of trees that read like policies.

use crate::tree::{Entry, Node, Span, Value};

/// Returns a document of the current version of the policy language.
pub(super) fn policy(id: &str, statements: Vec<Node>) -> Node {
    map(vec![
        ("Version", text("2012-10-17")),
        ("Id", text(id)),
        ("Statement", node(Value::List(statements))),
    ])
}

/// Returns an unconditional statement that allows the actions on the key.
pub(super) fn allow(sid: &str, principals: &[String], actions: &[&str]) -> Node {
    map(vec![
        ("Sid", text(sid)),
        ("Effect", text("Allow")),
        ("Principal", map(vec![("AWS", texts(principals.iter().map(String::as_str)))])),
        ("Action", texts(actions.iter().copied())),
        ("Resource", text("*")),
    ])
}

pub(super) fn node(value: Value) -> Node {
    Node { span: Span::default(), value }
}

pub(super) fn text(text: &str) -> Node {
    node(Value::Text(text.to_owned()))
}

/// Returns one text as text and several as a list, the way AWS's console writes them.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Node {
    let mut nodes: Vec<Node> = texts.map(text).collect();
    if nodes.len() == 1
        && let Some(only) = nodes.pop()
    {
        return only;
    }
    node(Value::List(nodes))
}

pub(super) fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_span: Span::default(), value }
}

pub(super) fn map(entries: Vec<(&str, Node)>) -> Node {
    node(Value::Map(entries.into_iter().map(|(key, value)| entry(key, value)).collect()))
}
