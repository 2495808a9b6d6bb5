//! Parses YAML text into a `Node` with serde-saphyr.
//!
//! serde-saphyr converts plain scalars to types. The text of a number is read from the source
//! again, so that `1.10` and `012345678901` stay as written. serde-saphyr accepts duplicate keys;
//! they are rejected here, where both positions are known. A value from an alias or a merge key has
//! the span of the anchored text. Custom tags are rejected.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Location, Options, Spanned};

use super::yaml_errors;
use crate::decode::{Diagnostic, Diagnostics, Sources};
use crate::tree::{Entry, Node, Span, Value};

/// The levels of nesting of a file.
pub const MAX_DEPTH: usize = 64;
const STACK_BYTES: usize = 64 << 20;
/// The values in a file.
pub const MAX_NODES: usize = 500_000;
/// The aliases in a file.
pub const MAX_ALIASES: usize = 10_000;
/// The anchors in a file.
pub const MAX_ANCHORS: usize = 1_000;
/// The values of a file that aliases repeat.
pub const MAX_REPLAYED: usize = 100_000;

/// Parses one document. An empty document is an empty map. The depth of nesting, the number of
/// nodes and the expansion of aliases are limited, so time, memory and stack are bounded.
///
/// Of a duplicate key the first value is used, and the rest of the text is still parsed. Returns
/// `None` if the text is not valid YAML; only the first error is reported then.
pub fn yaml(text: &str, source: u16, d: &mut Diagnostics) -> Option<Node> {
    let mut node = with_duplicates(text, source, d)?;
    keep_first(&mut node, d);
    Some(node)
}

/// Parses the text with a number, and hides its secrets, also those under duplicate keys.
pub(super) fn of_source(number: u16, sources: &mut Sources, d: &mut Diagnostics) -> Option<Node> {
    let mut node = with_duplicates(text_of(number, sources), number, d)?;
    sources.hide_secrets(&node);
    keep_first(&mut node, d);
    Some(node)
}

/// Parses the text with a number, which gives values of variables, and hides all values. Each may be a secret.
pub(super) fn of_variables(
    number: u16,
    sources: &mut Sources,
    d: &mut Diagnostics,
) -> Option<Node> {
    let Some(mut node) = with_duplicates(text_of(number, sources), number, d) else {
        sources.hide_text(number);
        return None;
    };
    sources.hide_variables(&node);
    keep_first(&mut node, d);
    Some(node)
}

fn text_of(number: u16, sources: &Sources) -> &str {
    sources.get(number).map_or("", |source| &source.text)
}

/// Parses one document, whose maps may have duplicate keys.
fn with_duplicates(text: &str, source: u16, d: &mut Diagnostics) -> Option<Node> {
    let reader = Reader { text, source, d: Diagnostics::default() };

    // The parser is recursive and its frames are large. At the maximum depth it would overflow the
    // 2 MiB stack of a worker thread, so it runs on a thread with a larger stack.
    let (node, more) = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, || reader.read()) {
            Ok(thread) => thread.join().unwrap_or_else(|_| failed("the YAML reader failed")),
            Err(error) => failed(&format!("cannot start a thread: {error}")),
        }
    });
    d.extend(more);
    node
}

/// Returns the result of a parser that failed.
fn failed(message: &str) -> (Option<Node>, Diagnostics) {
    let mut d = Diagnostics::default();
    d.push(Diagnostic::error(None, message));
    (None, d)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ANCHORS,
            max_documents: 1,
            // A single anchor that a thousand keys use is normal. The expansion of aliases is
            // limited below.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// A value as serde-saphyr parses it, with duplicate keys.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
        inner.deserialize_any(self)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// Returns the message and the help for an exceeded limit.
fn limit(error: &Error) -> Option<(String, &'static str)> {
    const MERGE: &str = "use fewer aliases, or put what they repeat into `defaults`";
    const SPLIT: &str = "split it into several files: `-f` takes a folder";
    // Within an alias, serde-saphyr returns the error only as text.
    if error.to_string().starts_with("alias replay limit exceeded") {
        let message = format!("the aliases of this file repeat more than {MAX_REPLAYED} values");
        return Some((message, MERGE));
    }
    let Error::Budget { breach, .. } = error else {
        return None;
    };
    let (what, help) = if let BudgetBreach::Documents { .. } = breach {
        ("more than one document in a file".to_owned(), "write one file for each document")
    } else if let BudgetBreach::Depth { .. } = breach {
        (format!("lists and maps are nested deeper than {MAX_DEPTH}"), "nest less")
    } else if let BudgetBreach::Aliases { .. } = breach {
        (format!("more than {MAX_ALIASES} aliases in a file"), MERGE)
    } else if let BudgetBreach::Anchors { .. } = breach {
        (format!("more than {MAX_ANCHORS} anchors in a file"), SPLIT)
    } else if let BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } = breach {
        (format!("more than {MAX_NODES} values in a file"), SPLIT)
    } else {
        ("the file exceeds a limit of the YAML reader".to_owned(), SPLIT)
    };
    Some((what, help))
}

struct Reader<'a> {
    text: &'a str,
    source: u16,
    d: Diagnostics,
}

impl Reader<'_> {
    fn read(mut self) -> (Option<Node>, Diagnostics) {
        if let Some(at) = self.text.find('\0') {
            let span = self.span(at, at + 1);
            self.d.push(Diagnostic::error(span, "the text has a NUL character"));
            return (None, self.d);
        }
        let raw: Spanned<Raw> = match serde_saphyr::from_str_with_options(self.text, options()) {
            Ok(raw) => raw,
            Err(error) => {
                self.d.push(self.failed(&error));
                return (None, self.d);
            }
        };
        let mut node = self.node(raw);
        if node.value == Value::Null {
            node.value = Value::Map(Vec::new());
        }
        (Some(node), self.d)
    }

    /// Returns a span that is moved to lie inside the text and on character boundaries.
    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.text.floor_char_boundary(start);
        let end = self.text.floor_char_boundary(end).max(start);
        Span {
            source: self.source,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }

    fn located(&self, location: Location) -> Span {
        let place = location.span();
        if let (Some(start), Some(length)) = (place.byte_offset(), place.byte_len()) {
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            return self.span(start, start.saturating_add(length));
        }
        let skip = usize::try_from(location.line().saturating_sub(1)).unwrap_or(usize::MAX);
        let before: usize = self.text.split_inclusive('\n').take(skip).map(str::len).sum();
        let line = self.text.get(before..).unwrap_or("");
        let columns = usize::try_from(location.column().saturating_sub(1)).unwrap_or(usize::MAX);
        let inside: usize =
            line.chars().take_while(|c| *c != '\n').take(columns).map(char::len_utf8).sum();
        self.span(before + inside, before + inside)
    }

    /// Returns the span without the white space at its end, which serde-saphyr may include.
    fn trimmed(&self, span: Span) -> Span {
        let covered = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let end = span.start as usize + covered.trim_end().len();
        self.span(span.start as usize, end)
    }

    fn failed(&self, error: &serde_saphyr::Error) -> Diagnostic {
        let error = error.without_snippet();
        let mut message = error.to_string();
        if let Some(at) = message.find(" at line ") {
            message.truncate(at);
        }
        let limit = limit(error);
        if let Some((what, _)) = &limit {
            message.clone_from(what);
        }
        let mut span = error.location().map(|location| self.located(location));
        if let Some(span) = &mut span
            && span.start == span.end
        {
            let next = self.text.get(span.start as usize..).and_then(|rest| rest.chars().next());
            *span = self
                .span(span.start as usize, span.start as usize + next.map_or(0, char::len_utf8));
        }
        if let Some(error) = limit.is_none().then(|| self.of_toml(span)).flatten() {
            return error;
        }
        let explained = yaml_errors::explained(&message);
        match (limit, explained) {
            (Some((_, help)), _) => Diagnostic::error(span, message).help(help),
            (None, Some((message, help))) => match self.without_colon(message, span) {
                Some(error) => error,
                None => Diagnostic::error(span, message).help(help),
            },
            (None, None) => Diagnostic::error(span, message).help(yaml_errors::OTHERWISE),
        }
    }

    /// Returns the error for a line of TOML, `NAME = VALUE`, where the parser cannot read on.
    fn of_toml(&self, found: Option<Span>) -> Option<Diagnostic> {
        let at = found?.start as usize;
        let start = self.text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(start..)?.lines().next()?;
        let (name, _) = line.split_once(" = ")?;
        let indent = name.len() - name.trim_start().len();
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        {
            return None;
        }
        let span = self.span(start + indent, start + indent + name.len());
        let error = Diagnostic::error(
            span,
            "this line is TOML, and the configuration is YAML: a colon follows a name, not `=`",
        );
        let help = format!(
            "write `{name}: VALUE`, and indent the fields of a section below its name; `kmsctl init` writes a first \
             configuration"
        );
        Some(error.help(help))
    }

    /// Returns the error for a name without its colon, on the line above the one where the parser noticed it.
    fn without_colon(&self, message: &str, found: Option<Span>) -> Option<Diagnostic> {
        if !message.starts_with("`: ` separates") {
            return None;
        }
        let before = self.text.get(..found?.start as usize)?;
        let line = before.rfind('\n')?;
        let (indent, above) = (before.len() - line, before.get(..line)?.trim_end());
        let start = above.rfind('\n').map_or(0, |at| at + 1);
        let name = above.get(start..)?.trim_start();
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let is_above = above.len() - start - name.len() < indent;
        if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) || !is_above {
            return None;
        }
        let span = self.span(above.len() - name.len(), above.len());
        let error = Diagnostic::error(span, format!("`{name}` has no `:`"));
        Some(
            error
                .help(format!("write `{name}:`, or quote the text if the next line belongs to it")),
        )
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let mut span = self.trimmed(self.located(raw.defined));
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Text(text) => Value::Text(text),
            Raw::Number(read) => {
                let written = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
                let plain = !written.is_empty()
                    && written
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
                Value::Number(if plain { written.to_owned() } else { read })
            }
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let last = items.iter().map(|item| item.span.end).max();
                span.end = span.end.max(last.unwrap_or(0));
                Value::List(items)
            }
            Raw::Map(entries) => {
                let entries: Vec<Entry> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key_span = self.trimmed(self.located(key.defined));
                        Entry { key: key.value, key_span, value: self.node(value) }
                    })
                    .collect();
                let last =
                    entries.iter().map(|entry| entry.value.span.end.max(entry.key_span.end)).max();
                span.end = span.end.max(last.unwrap_or(0));
                Value::Map(entries)
            }
        };
        Node { span, value }
    }
}

/// Reports duplicate keys, and keeps the first value of each.
fn keep_first(node: &mut Node, d: &mut Diagnostics) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| keep_first(item, d)),
        Value::Map(entries) => {
            let mut seen: BTreeMap<String, Span> = BTreeMap::new();
            entries.retain_mut(|entry| {
                let first = seen.get(&entry.key).copied();
                if let Some(first) = first {
                    let message = format!("the key `{}` is given twice", entry.key);
                    let error =
                        Diagnostic::error(entry.key_span, message).label("given again here");
                    d.push(error.also(first, "first given here").help("keep one of the two"));
                } else {
                    seen.insert(entry.key.clone(), entry.key_span);
                }
                // A duplicate value is checked for errors, too.
                keep_first(&mut entry.value, d);
                first.is_none()
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
