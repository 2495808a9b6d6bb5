//! Makes text safe for a terminal: no control character reaches it raw.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns whether a character may change how a terminal shows the characters around it: control
/// characters (ESC and the C1 controls included), line separators and directional formatting
/// characters.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
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
        _ => '\u{fffd}',
    });
    Cow::Owned(replaced.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

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
