//! Writes lines for a terminal, with colours and wrapping.

use crate::text::printable;

pub(super) const GREEN: &str = "32";
pub(super) const YELLOW: &str = "33";
pub(super) const RED: &str = "31";
pub(super) const CYAN: &str = "36";
pub(super) const DIM: &str = "2";
pub(super) const BOLD: &str = "1";
pub(super) const BOLD_RED: &str = "1;31";

/// Appends a line. `color` is an ANSI SGR code.
pub(super) fn put(out: &mut String, indent: usize, color: Option<&str>, text: &str) {
    out.push_str(&" ".repeat(indent));
    match color {
        Some(code) => {
            for part in ["\u{1b}[", code, "m", text, "\u{1b}[0m"] {
                out.push_str(part);
            }
        }
        None => out.push_str(text),
    }
    out.push('\n');
}

/// Wraps text into lines of at most `width` columns, and returns each line with its indent. A word that is
/// longer than a line is not broken. The lines after the first are indented by `hang` more columns.
pub(super) fn wrapped(
    text: &str,
    indent: usize,
    hang: usize,
    width: usize,
) -> Vec<(usize, String)> {
    let width = width.max(40);
    let (mut out, mut line, mut at) = (Vec::new(), String::new(), indent);
    for word in printable(text).split(' ').filter(|word| !word.is_empty()) {
        let length = at + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            out.push((at, std::mem::take(&mut line)));
            at = indent + hang;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push((at, line));
    out
}
