//! Writes lines for a terminal, with colours and wrapping.

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
