//! The texts of a run, by number, and positions in them. `read` reads the files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::secrets;
use crate::tree::{Node, Span};

/// A text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in messages, which is the path as given.
    pub name: String,
    /// The whole text.
    pub text: String,
    index: Index,
    /// The byte ranges of values that may be secrets, if the tree of the text is known.
    hidden: Option<Vec<Range<usize>>>,
    /// The byte ranges that may be secrets without a tree, after the first excerpt.
    hidden_by_text: OnceLock<Vec<Range<usize>>>,
}

/// An index that makes it cheap to find a position. A stack can have tens of thousands of
/// positions, and a file can be one long line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    /// The offset of each line after the first.
    lines: Vec<usize>,
    /// The number of characters before each block of `BLOCK` bytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

/// The length in bytes of the shortest part of a secret that a message does not quote. Shorter ones are signs and words
/// of the message.
const SHORTEST: usize = 4;

impl Index {
    fn new(text: &str) -> Self {
        let lines = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            characters.push(characters.last().unwrap_or(&0) + starts(block));
        }
        Self { lines, characters }
    }

    /// Returns the number of characters before a byte.
    fn before(&self, text: &str, at: usize) -> usize {
        let block = at / BLOCK;
        let rest = text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or(0) + starts(rest)
    }
}

/// Returns the number of characters that begin within these bytes of UTF-8.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Replaces the visible bytes in a range by `*`.
fn hide(bytes: &mut [u8], range: Range<usize>) {
    let hidden = bytes.get_mut(range).into_iter().flatten();
    hidden.filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ')).for_each(|byte| *byte = b'*');
}

impl Source {
    /// Returns a part of the text, from the beginning of a line, with `*` for each byte of a value that may be a
    /// secret. Blanks and line breaks stay.
    pub(crate) fn excerpt(&self, range: Range<usize>) -> Option<String> {
        let text = self.text.get(range.clone())?;
        let mut bytes = text.as_bytes().to_vec();
        for secret in self.hidden() {
            let (start, end) = (secret.start.max(range.start), secret.end.min(range.end));
            hide(&mut bytes, start.saturating_sub(range.start)..end.saturating_sub(range.start));
        }
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            let to = from + line.len();
            let is_beside = bytes.get(from..to) != text.as_bytes().get(from..to);
            if let Some(comment) = secrets::in_comment(line, is_beside) {
                hide(&mut bytes, from + comment.start..from + comment.end);
            }
            from = to;
        }
        // What is hidden begins and ends at characters, so the rest is still UTF-8.
        String::from_utf8(bytes).ok()
    }

    /// Returns the byte ranges that may be secrets.
    fn hidden(&self) -> &[Range<usize>] {
        let by_text = || self.hidden_by_text.get_or_init(|| secrets::in_text(&self.text));
        self.hidden.as_ref().unwrap_or_else(by_text)
    }

    /// Returns the size in bytes of the line that contains a byte.
    pub(super) fn line_size(&self, at: usize) -> usize {
        let lines = &self.index.lines;
        let line = lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| lines.get(line)).copied().unwrap_or(0);
        lines.get(line).copied().unwrap_or(self.text.len()).saturating_sub(start)
    }

    /// Returns the line and the column of a byte. Both begin with 1, and columns count characters.
    #[must_use]
    pub fn position(&self, at: usize) -> (usize, usize) {
        let at = self.text.floor_char_boundary(at);
        let line = self.index.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.index.lines.get(line));
        let line_start = start.map_or(0, |start| self.index.before(&self.text, *start));
        (line + 1, self.index.before(&self.text, at) - line_start + 1)
    }
}

/// All texts. Spans refer to them by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    texts: Vec<Source>,
    /// The numbers of the texts by their names.
    numbers: BTreeMap<String, u16>,
    /// The size of all texts in bytes.
    size: usize,
    /// The folders of the configuration.
    folders: Vec<PathBuf>,
}

impl Sources {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and returns its number. All texts after the 65535th get the last number, which
    /// refers to none of them.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u16 {
        let number = u16::try_from(self.texts.len()).unwrap_or(u16::MAX);
        if number < u16::MAX {
            let (name, text) = (name.into(), text.into());
            self.size += text.len();
            self.numbers.insert(name.clone(), number);
            let index = Index::new(&text);
            self.texts.push(Source {
                name,
                text,
                index,
                hidden: None,
                hidden_by_text: OnceLock::new(),
            });
        }
        number
    }

    /// Returns the number of the last text with a name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// Returns the size of all texts in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Hides the values that may be secrets in every excerpt of the text of a tree.
    pub fn hide_secrets(&mut self, tree: &Node) {
        self.hide_named(tree, secrets::Names::Fields);
    }

    /// Hides the values of variables in every excerpt of the text of a tree, whose fields they are.
    pub fn hide_variables(&mut self, tree: &Node) {
        self.hide_named(tree, secrets::Names::Variables);
    }

    /// Hides the values that may be secrets in every excerpt of a policy document, whose tree is `None` if it has an
    /// error.
    pub fn hide_in_policy(&mut self, number: u16, tree: Option<&Node>) {
        match (tree, self.texts.get_mut(usize::from(number))) {
            (Some(tree), _) => self.hide_named(tree, secrets::Names::Policy),
            (None, Some(source)) => {
                source.hidden.get_or_insert_default().extend(secrets::in_policy(&source.text));
            }
            (None, None) => {}
        }
    }

    fn hide_named(&mut self, tree: &Node, names: secrets::Names) {
        if let Some(source) = self.texts.get_mut(usize::from(tree.span.source)) {
            let mut found = Vec::new();
            secrets::in_tree(&source.text, tree, names, &mut found);
            let ranges = found.iter().map(|span| span.start as usize..span.end as usize);
            source.hidden.get_or_insert_default().extend(ranges);
        }
    }

    /// Adds a folder of the configuration, without links in its path.
    pub fn add_folder(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    /// Returns whether a path without links is in a folder of the configuration.
    #[must_use]
    pub fn is_inside(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder))
    }

    /// Hides a whole text in every excerpt.
    pub fn hide_text(&mut self, number: u16) {
        if let Some(source) = self.texts.get_mut(usize::from(number)) {
            source.hidden.get_or_insert_default().push(0..source.text.len());
        }
    }

    /// Returns a message about a place. What it quotes of a hidden text is left out, and all of it if the whole text of
    /// the source is hidden.
    #[must_use]
    pub(super) fn without_hidden<'m>(&self, span: Option<Span>, message: &'m str) -> Cow<'m, str> {
        let source = span.and_then(|span| self.get(span.source));
        let (Some(source), Some(span)) = (source, span) else {
            return Cow::Borrowed(message);
        };
        let is_whole = source.hidden().contains(&(0..source.text.len()));
        let (start, end) = (span.start as usize, span.end as usize);
        let around =
            source.hidden().iter().filter(|range| range.start <= start && end <= range.end);
        let hidden: Vec<&str> = around
            .filter_map(|range| source.text.get(range.clone()))
            .map(|text| text.trim().trim_matches(['"', '\'']))
            .filter(|text| !text.is_empty())
            .collect();
        if !is_whole && hidden.is_empty() {
            return Cow::Borrowed(message);
        }
        let is_in = |part: &str, text: &str| part.len() >= SHORTEST && text.contains(part);
        let is_hidden = |part: &str| {
            let mut hidden = hidden.iter();
            is_whole || hidden.any(|text| part == *text || is_in(part, text) || is_in(text, part))
        };
        let parts = message.split('`').enumerate();
        let parts =
            parts.map(|(number, part)| if number % 2 == 1 && is_hidden(part) { "…" } else { part });
        Cow::Owned(parts.collect::<Vec<_>>().join("`"))
    }

    /// Returns the text with a number.
    #[must_use]
    pub fn get(&self, number: u16) -> Option<&Source> {
        self.texts.get(usize::from(number))
    }

    /// Returns all texts.
    pub fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.texts.iter()
    }

    /// Returns the text of a span; empty if the span is outside of its source.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// Returns the line and the column of a span's start. Both begin with 1, and columns count
    /// characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.get(span.source).map_or((1, 1), |source| source.position(span.start as usize))
    }

    /// Returns a span's start as `file:line:column`.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let name = self.get(span.source).map_or("", |s| s.name.as_str());
        let (line, column) = self.position(span);
        format!("{}:{line}:{column}", crate::text::printable(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_begin_with_one_and_columns_count_characters() {
        let mut sources = Sources::new();
        assert_eq!(sources.add("a.yaml", "x"), 0);
        let source = sources.add("b.yaml", "eins: 1\n鍵ä: zwei\n");
        let span = Span { source, start: 15, end: 19 };
        assert_eq!(sources.text(span), "zwei");
        assert_eq!(sources.position(span), (2, 5));
        assert_eq!(sources.place(span), "b.yaml:2:5");
        let outside = Span { source, start: 900, end: 901 };
        assert_eq!(sources.text(outside), "");
        assert_eq!(sources.position(outside), (3, 1));
        assert_eq!(sources.place(Span { source: 9, ..span }), ":1:1");
    }

    #[test]
    fn the_index_finds_the_same_positions_as_counting() {
        let text = "鍵: 1\n\nä\n".repeat(700) + &"é".repeat(3000);
        let mut sources = Sources::new();
        let source = sources.add("a.yaml", text.as_str());
        for at in (0..text.len() + 3).step_by(7) {
            let before = &text[..text.floor_char_boundary(at)];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            let start = u32::try_from(at).unwrap();
            let span = Span { source, start, end: start };
            assert_eq!(sources.position(span), (line, column), "byte {at}");
        }
    }
}
