//! Makes text safe for a terminal and for the log of a CI system: no control character, no invisible character and no
//! command of a CI system reaches them raw. Also writes numbers with their nouns.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Returns whether a character may change how a terminal shows the characters around it, or is not visible: control
/// characters (ESC and the C1 controls included), line separators, formatting characters, the characters that Unicode
/// ignores by default (Unicode Standard, `Default_Ignorable_Code_Point`), such as tags, signs without a form, and the
/// blanks that look like a space. The wide space of Japanese does not.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || c.is_whitespace() && !matches!(c, ' ' | '\u{3000}')
        || matches!(
            c,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{0600}'..='\u{0605}'
                | '\u{06dd}'
                | '\u{070f}'
                | '\u{0890}'..='\u{0891}'
                | '\u{08e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1345f}'
                | '\u{16fe4}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d159}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns a number and its noun, such as `1 call`, `2 calls` or `0 policies`. `noun` is the singular.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        format!("{number} {noun}")
    } else {
        format!("{number} {}", plural(noun))
    }
}

/// Returns the plural of an English noun with a regular one.
#[must_use]
pub fn plural(noun: &str) -> String {
    let is_vowel = |c: char| "aeiou".contains(c);
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(is_vowel) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// Returns names in one line: the first `most`, and the number of the others.
#[must_use]
pub fn some_of(names: &[impl AsRef<str>], most: usize) -> String {
    let first: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => first.join(", "),
        rest => format!("{} and {rest} more", first.join(", ")),
    }
}

/// What an output is written in. A character that must not appear is escaped as the medium allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Text for people, Markdown and CSV.
    Text,
    /// JSON and SARIF.
    Json,
    /// A script for a shell. The texts of others are in single quotes.
    Shell,
}

/// Escapes the commands of CI systems: a line that begins with `::` (GitHub; it also accepts white space before it),
/// and `##[`, `##vso[` (Azure Pipelines, GitHub) or `##teamcity[` anywhere in a line.
#[must_use]
pub fn inert(text: &str, medium: Medium) -> Cow<'_, str> {
    let text = without_hash_commands(text, medium);
    // JSON strings and shell words of others do not begin a line.
    if medium != Medium::Text || !text.contains("::") {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        out.push_str(line.strip_suffix(rest).unwrap_or_default());
        match rest.strip_prefix("::") {
            Some(command) => {
                out.push_str("\\u{3a}:");
                out.push_str(command);
            }
            None => out.push_str(rest),
        }
    }
    Cow::Owned(out)
}

/// Separates two number signs before letters and a bracket.
fn without_hash_commands(text: &str, medium: Medium) -> Cow<'_, str> {
    let instead = match medium {
        Medium::Text => "#\\u{23}",
        Medium::Json => "#\\u0023",
        // The quotes end, and begin again.
        Medium::Shell => "#''#",
    };
    let is_command =
        |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('[');
    let mut out = String::new();
    let mut done = 0;
    for (at, sign) in text.match_indices('#') {
        let rest = text.get(at + sign.len()..).unwrap_or_default();
        // The last two of several signs begin the command.
        if text.get(..at).is_some_and(|before| before.ends_with('#')) && is_command(rest) {
            out.push_str(text.get(done..at - 1).unwrap_or_default());
            out.push_str(instead);
            done = at + sign.len();
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns the text on one line, with every unsafe character (also line feed and tab) written as
/// `\u{..}`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Wraps text into lines of at most `width` columns, and returns each line with its indent. A word that is longer than
/// a line is not broken, and spaces between words stay. The lines after the first are indented by `hang` more columns.
#[must_use]
pub fn wrapped(text: &str, indent: usize, hang: usize, width: usize) -> Vec<(usize, String)> {
    let width = width.max(40);
    let (mut out, mut line, mut at) = (Vec::new(), String::new(), indent);
    for word in printable(text).split(' ') {
        let length = at + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            out.push((at, std::mem::take(&mut line).trim_end().to_owned()));
            at = indent + hang;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push((at, line.trim_end().to_owned()));
    out
}

/// Returns the text without unsafe characters, but with the same number of bytes and the same lines.
/// The renderer of source excerpts counts positions in bytes.
pub(crate) fn printable_same_length(text: &str) -> Cow<'_, str> {
    let kept = |c: char| !is_unsafe(c) || matches!(c, '\n' | '\t');
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| match c.len_utf8() {
        _ if kept(c) => c,
        1 => ' ',
        2 => '\u{a4}',
        3 => '\u{fffd}',
        _ => '\u{1f533}',
    });
    Cow::Owned(replaced.collect())
}

/// The size of a text in JSON or XML.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// The number of bytes.
    pub bytes: usize,
    /// The number of elements, members and items, or more. Each can take hundreds of bytes of memory, however short its
    /// text is.
    pub parts: usize,
}

impl Size {
    /// Returns the size of a text.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let begins = |byte: &&u8| matches!(byte, b'<' | b'{' | b'[' | b',');
        Self { bytes: bytes.len(), parts: bytes.iter().filter(begins).count() }
    }

    /// Returns the sum of two sizes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, parts: self.parts + other.parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_number_of_signs_makes_a_command() {
        for signs in 2..10 {
            for name in ["vso", "teamcity", ""] {
                let text = format!("a {}{name}[x]b", "#".repeat(signs));
                for medium in [Medium::Text, Medium::Json, Medium::Shell] {
                    let safe = inert(&text, medium);
                    assert!(!safe.contains(&format!("##{name}[")), "{safe}");
                }
            }
        }
        assert_eq!(inert("## [x] and #[x]", Medium::Text), "## [x] and #[x]");
    }

    #[test]
    fn a_noun_has_its_plural() {
        let nouns =
            ["call", "policy", "key", "alias", "box", "branch", "day"].map(|n| counted(2_u32, n));
        let expected =
            ["2 calls", "2 policies", "2 keys", "2 aliases", "2 boxes", "2 branches", "2 days"];
        assert_eq!(nouns, expected);
    }

    proptest! {
        #[test]
        fn only_one_is_singular(number in prop_oneof![Just(1_u64), 0..3_u64, any::<u64>()], noun in "[a-z]{2,9}") {
            let text = counted(number, &noun);
            let begins = text.starts_with(&number.to_string());
            prop_assert!(begins, "{}", text);
            prop_assert_eq!(text.ends_with(&format!(" {noun}")), number == 1, "{}", text);
        }
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(
            printable("a\u{1b}[31m\u{9b}\n\t\u{202e}b"),
            "a\\u{1b}[31m\\u{9b}\\u{a}\\u{9}\\u{202e}b"
        );
        assert!(matches!(printable("schlüssel 鍵"), Cow::Borrowed(_)));
    }

    #[test]
    fn printable_same_length_keeps_bytes_and_lines() {
        let text = "ä\u{1b}\u{9b}\u{202e}\n\tx";
        let shown = printable_same_length(text);
        assert_eq!(shown, "ä \u{a4}\u{fffd}\n\tx");
        assert_eq!(shown.len(), text.len());
    }
}
