//! A parser of strict JSON (RFC 8259) that keeps the position of every value.

use std::collections::BTreeSet;

use super::Problem;
use crate::tree::{Entry, Node, Span, Value};

/// The deepest nesting that is accepted.
const MAX_DEPTH: usize = 64;

/// Parses strict JSON. Every duplicate key is a problem; the parser stops at the first syntax error.
pub fn json(text: &str, source: u16) -> Result<Node, Vec<Problem>> {
    if u32::try_from(text.len()).is_err() {
        let span = Span { source, start: 0, end: 0 };
        return Err(vec![Problem::new(span, "the text is larger than 4 GiB")]);
    }
    let mut parser = Parser { text, at: 0, source, duplicates: Vec::new() };
    let read = parser.document();
    let mut problems = parser.duplicates;
    match read {
        Ok(node) if problems.is_empty() => Ok(node),
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.push(problem);
            Err(problems)
        }
    }
}

/// The state of the parser.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    source: u16,
    /// Problems that do not stop the parser.
    duplicates: Vec<Problem>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let node = self.value(0)?;
        self.skip_space();
        if self.peek().is_some() {
            return Err(self.syntax_error("expected the end of the JSON text"));
        }
        Ok(node)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { source: self.source, start: narrow(start), end: narrow(end) }
    }

    /// Creates a syntax error at the current position, with the character found there.
    fn syntax_error(&self, expected: &str) -> Problem {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.chars().next();
        let end = self.at + found.map_or(0, char::len_utf8);
        let found = found.map_or_else(
            || "the end of the text".to_owned(),
            |c| {
                if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("`{c}`") }
            },
        );
        let message = format!("malformed JSON: {expected}, found {found}");
        Problem::new(self.span(self.at, end), message).help(self.repair(expected))
    }

    /// Returns what to do about a syntax error at the current position.
    fn repair(&self, expected: &str) -> &'static str {
        let before = self.text.get(..self.at).unwrap_or_default().trim_end();
        match self.peek() {
            None => "close every `{`, `[` and `\"`",
            Some(b'}' | b']') if before.ends_with(',') => "remove the comma before it",
            Some(b',') => "write a value before the comma, or remove it",
            Some(b'#' | b'/') => "remove the comment: JSON has none",
            Some(b'\'') => "write texts in double quotes",
            Some(b'"' | b'{') if expected.starts_with("expected `,`") => "write a comma before it",
            Some(b'}' | b']') => "check that each bracket closes the last one that is open",
            Some(_) => "write texts in double quotes, and a comma between two values",
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        self.skip_space();
        if depth >= MAX_DEPTH {
            return Err(
                self.syntax_error(&format!("expected at most {MAX_DEPTH} levels of nesting"))
            );
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(_) | None => return Err(self.syntax_error("expected a value")),
        };
        Ok(Node { span: self.span(start, self.at), value })
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Problem> {
        if !self.text.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(self.syntax_error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Problem> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        if serde_json::from_str::<&serde_json::value::RawValue>(raw).is_err() {
            let span = self.span(start, self.at);
            return Err(Problem::new(span, format!("malformed JSON: `{raw}` is not a number")));
        }
        Ok(Value::Number(raw.to_owned()))
    }

    fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..=0x1f) => {
                    return Err(self.syntax_error("expected the closing quote or an escape"));
                }
                Some(_) => self.at += 1,
                None => {
                    self.at = self.text.len();
                    return Err(self.syntax_error("expected the closing quote"));
                }
            }
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(raw).map_err(|_| {
            let span = self.span(start, self.at);
            Problem::new(span, "malformed JSON: an escape in this text is not valid")
        })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                Some(_) | None => return Err(self.syntax_error("expected `,` or `]`")),
            }
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(entries));
        }
        loop {
            let entry = self.entry(depth)?;
            if seen.insert(entry.key.clone()) {
                entries.push(entry);
            } else {
                let message = format!("`{}` is written twice", entry.key);
                self.duplicates
                    .push(Problem::new(entry.key_span, message).help("keep one of the two"));
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                Some(_) | None => return Err(self.syntax_error("expected `,` or `}`")),
            }
        }
        self.at += 1;
        Ok(Value::Map(entries))
    }

    fn entry(&mut self, depth: usize) -> Result<Entry, Problem> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(self.syntax_error("expected a key in double quotes"));
        }
        let start = self.at;
        let key = self.string()?;
        let key_span = self.span(start, self.at);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.syntax_error("expected `:`"));
        }
        self.at += 1;
        Ok(Entry { key, key_span, value: self.value(depth + 1)? })
    }
}
