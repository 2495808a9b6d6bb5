//! The texts a run works on, numbered, and positions in them.
//! Knows nothing of files: reading is `read`'s.

use crate::tree::Span;

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown in reports: the path as given.
    pub name: String,
    /// The whole text.
    pub text: String,
    index: Index,
}

/// What makes a position cheap to find: a stack has tens of thousands of them, and a file may be
/// one long line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    /// Where each line after the first starts.
    lines: Vec<usize>,
    /// How many characters come before each whole `BLOCK` of bytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

impl Index {
    fn new(text: &str) -> Self {
        let lines = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            characters.push(characters.last().unwrap_or(&0) + starts(block));
        }
        Self { lines, characters }
    }

    /// How many characters come before a byte.
    fn before(&self, text: &str, at: usize) -> usize {
        let block = at / BLOCK;
        let rest = text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or(0) + starts(rest)
    }
}

/// How many characters start within these bytes of UTF-8.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl Source {
    /// Line and column of a byte, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, at: usize) -> (usize, usize) {
        let at = self.text.floor_char_boundary(at);
        let line = self.index.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.index.lines.get(line));
        let before = |at| self.index.before(&self.text, at);
        (line + 1, before(at) - start.map_or(0, |start| before(*start)) + 1)
    }
}

/// All texts, each under the number that spans carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a text and returns its number. Texts past the 65535th share the last number,
    /// which belongs to none of them.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u16 {
        let number = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        if number < u16::MAX {
            let text = text.into();
            let index = Index::new(&text);
            self.0.push(Source { name: name.into(), text, index });
        }
        number
    }

    /// The text under a number.
    #[must_use]
    pub fn get(&self, number: u16) -> Option<&Source> {
        self.0.get(usize::from(number))
    }

    /// All texts.
    pub fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.0.iter()
    }

    /// The characters a span covers; nothing if it does not lie inside its text.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// Line and column of a span's start, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.get(span.source).map_or((1, 1), |source| source.position(span.start as usize))
    }

    /// A span's start as `file:line:column`.
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
    fn columns_count_characters_and_lines_count_from_one() {
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
    fn positions_are_those_of_counting() {
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
