//! Writes YAML that a person can read: short collections in one line, long ones in blocks. Texts stand for themselves:
//! what kmsctl would replace in them is escaped.

use crate::config::escaped;
use crate::tree::{Node, Value};
use std::fmt::Write as _;

/// The largest width of a collection in one line, in characters.
const WIDTH: usize = 96;

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// A text, which is quoted if it must be.
    Text(String),
    /// A number, or `true` or `false`.
    Plain(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// A text of several lines, as a block.
    Block(String),
}

impl Yaml {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns a list of texts.
    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Returns a map of texts.
    pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.clone(), Self::text(value))).collect())
    }

    /// Converts a part of a policy.
    pub(super) fn of_node(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Plain("null".to_owned()),
            Value::Bool(value) => Self::Plain(value.to_string()),
            Value::Number(text) => Self::Plain(text.clone()),
            Value::Text(text) => Self::text(text),
            Value::List(items) => Self::List(items.iter().map(Self::of_node).collect()),
            Value::Map(entries) => {
                let pairs = entries.iter();
                Self::Map(pairs.map(|e| (e.key.clone(), Self::of_node(&e.value))).collect())
            }
        }
    }

    /// Returns the value in one line; `None` if it has a block.
    fn line(&self) -> Option<String> {
        let joined = |parts: Option<Vec<String>>| parts.map(|parts| parts.join(", "));
        Some(match self {
            Self::Text(text) => scalar(&escaped(text)),
            Self::Plain(text) => text.clone(),
            Self::Block(_) => return None,
            Self::List(items) => {
                format!("[{}]", joined(items.iter().map(Self::line).collect())?)
            }
            Self::Map(pairs) => {
                let parts = pairs.iter();
                let parts =
                    parts.map(|(key, value)| Some(format!("{}: {}", scalar(key), value.line()?)));
                format!("{{{}}}", joined(parts.collect())?)
            }
        })
    }

    /// Writes the value after its key, which has been written without a line break.
    fn after_key(&self, out: &mut String, indent: usize, used: usize) {
        let line = self.line().filter(|line| match self {
            Self::Text(_) | Self::Plain(_) => true,
            Self::List(_) | Self::Map(_) | Self::Block(_) => used + line.chars().count() < WIDTH,
        });
        if let Some(line) = line {
            let _ = writeln!(out, " {line}");
            return;
        }
        if let Self::Block(text) = self {
            out.push_str(" |\n");
            for line in escaped(text).lines() {
                let _ = writeln!(out, "{}{line}", " ".repeat(indent + 2));
            }
            return;
        }
        out.push('\n');
        self.block(out, indent + 2);
    }

    /// Writes the value as a block.
    pub(super) fn block(&self, out: &mut String, indent: usize) {
        let pad = " ".repeat(indent);
        match self {
            Self::Map(pairs) => {
                for (key, value) in pairs {
                    let key = scalar(key);
                    let _ = write!(out, "{pad}{key}:");
                    value.after_key(out, indent, indent + key.chars().count() + 2);
                }
            }
            Self::List(items) => {
                for item in items {
                    let line = item.line().filter(|line| indent + 2 + line.chars().count() < WIDTH);
                    if let Some(line) = line {
                        let _ = writeln!(out, "{pad}- {line}");
                        continue;
                    }
                    let mut inner = String::new();
                    item.block(&mut inner, indent + 2);
                    let _ = writeln!(out, "{pad}- {}", inner.trim_start().trim_end());
                }
            }
            Self::Text(_) | Self::Plain(_) | Self::Block(_) => {
                let _ = writeln!(out, "{pad}{}", self.line().unwrap_or_default());
            }
        }
    }
}

/// Returns a text as a scalar that every YAML reader takes for the same text.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-/.".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    // A number such as `1e5` begins with a digit; `.inf` with a dot.
    if begins && text.chars().all(is_plain) && !is_word {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if crate::text::is_unsafe(c) || c.is_control() => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
