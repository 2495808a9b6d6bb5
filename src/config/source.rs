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
            self.0.push(Source { name: name.into(), text: text.into() });
        }
        number
    }

    /// The text under a number.
    #[must_use]
    pub fn get(&self, number: u16) -> Option<&Source> {
        self.0.get(usize::from(number))
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
        let Some(source) = self.get(span.source) else {
            return (1, 1);
        };
        let end = source.text.floor_char_boundary(span.start as usize);
        let before = source.text.get(..end).unwrap_or("");
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or("");
        (line, last.chars().count() + 1)
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
}
