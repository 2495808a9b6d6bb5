//! Key policies: reading, equality, building, and what a policy means for access. Pure: text and trees in, values out.

pub mod access;
mod actions;
mod arn;
pub mod bucket;
mod build;
mod canon;
pub mod derive;
mod document;
pub mod eval;
pub mod gates;
#[cfg(test)]
mod gates_tests;
pub mod grants;
mod json;
mod keys;
mod limit;
pub mod lint;
mod lockout;
pub mod meaning;
mod pattern;
#[cfg(test)]
mod properties;
mod reader;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use arn::{check_principal, is_service};
pub(crate) use keys::{known_condition_key, spelled_key};

pub use access::{AccessChange, Comparison, Effect, KeyContext, compare};
pub use actions::{Action, ActionSet, Capability, KEY_ACTIONS};
pub use build::{Roles, build};
pub use derive::{Derived, Need, Who};
pub use document::{Document, aws_default};
pub use json::json;
pub use lint::Finding;
pub use lockout::lockout;

use crate::tree::Span;

/// The text that stands for the ARN of the key a policy belongs to.
pub(crate) const OWN_KEY: &str = "${aws.key_arn}";

/// Why a text is not a usable policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without help.
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    /// The same problem with help.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
