//! Renders plans for people, for programs, for pull requests and as AWS CLI commands. Pure. Every string
//! from a configuration or from AWS is escaped.

pub(crate) mod access;
pub(crate) mod access_lines;
mod blocks;
pub mod commands;
mod comment;
#[cfg(test)]
mod comment_tests;
mod csv;
#[cfg(test)]
mod deletion_tests;
mod drifted;
#[cfg(test)]
mod drifted_tests;
pub(crate) mod evidence;
pub mod explain;
mod fields;
pub(crate) mod findings;
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
pub mod outputs;
mod page;
pub mod permissions;
#[cfg(test)]
mod samples;
pub mod sarif;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

pub use words::deletions;

/// What the caller's credentials are for, as a plan shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Caller {
    /// The ARN of the identity that makes the calls.
    pub arn: Option<String>,
    /// The alias of the account, if the caller may read it.
    pub alias: Option<String>,
}

/// The style of the text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are used.
    pub color: bool,
    /// Whether exact actions and whole policies are shown instead of summaries.
    pub verbose: bool,
    /// The width in columns at which prose is wrapped.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, verbose: false, width: 80 }
    }
}

impl Style {
    /// Returns the colour if colours are used.
    pub(crate) fn paint<'c>(&self, color: Option<&'c str>) -> Option<&'c str> {
        if self.color { color } else { None }
    }
}
