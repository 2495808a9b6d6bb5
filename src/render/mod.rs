//! Writing a plan: for people, for machines, for pull requests and as commands. Pure: a plan in, a
//! text out. Every string that comes from a configuration or from AWS is escaped on the way.

pub(crate) mod access;
pub mod commands;
pub(crate) mod holders;
#[cfg(test)]
mod hostile_tests;
pub mod human;
pub mod impact;
pub mod json;
pub mod lint;
#[cfg(test)]
mod lint_tests;
pub mod markdown;
mod page;
#[cfg(test)]
mod samples;
pub mod sarif;
#[cfg(test)]
mod tests;
mod words;

/// How the text form is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// With exact actions and whole policies where a summary would do.
    pub verbose: bool,
    /// The columns that prose is wrapped at.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, verbose: false, width: 80 }
    }
}

/// The text with what a CI system would take for a command made harmless: a line that begins with
/// `::` (GitHub also looks behind white space) and `##[` anywhere.
#[must_use]
pub fn workflow_safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        let indent = line.strip_suffix(rest).unwrap_or_default();
        out.push_str(indent);
        let rest = match rest.strip_prefix("::") {
            Some(command) => {
                out.push_str("\\u{3a}:");
                command
            }
            None => rest,
        };
        out.push_str(&rest.replace("##[", "#\\u{23}["));
    }
    out
}
