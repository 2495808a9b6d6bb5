//! Key policies: documents, lint, evaluation, comparison of access, gates, and derived statements.
//!
//! Everything here is pure: text and trees in, values out.
//!
//! | Module | Provides |
//! |---|---|
//! | [`Document`] | a policy as the author wrote it, compared by its canonical form |
//! | [`typed`] | the statements of a policy as typed values |
//! | [`eval`] | the decision about one request |
//! | [`access`] | who can do what, and what a change of the policy changes |
//! | [`lint`] | mistakes in a policy as written |
//! | [`gates`] | the limits that a pipeline sets for policies and changes |
//! | [`mod@derive`] | statements for the resources that use a key |
//!
//! No two files here depend on each other, directly or through others; `tests/it/architecture/circles.rs` checks it.

pub mod access;
mod actions;
mod arn;
pub mod bucket;
mod build;
mod canonical;
mod condition_keys;
pub mod derive;
mod document;
pub mod eval;
pub mod gates;
pub mod grants;
mod json;
mod key_match;
mod limiting_conditions;
pub mod lint;
mod lockout;
mod nodes;
mod pattern;
mod principal_facts;
pub mod principal_forms;
mod reader;
mod roles;
#[cfg(test)]
mod tests;
pub mod typed;
mod value_pattern;
mod variables;
pub mod verdict;
pub mod work;
mod write;

pub(crate) use arn::{
    check_principal, is_service, is_unique_id, partitions, whole_principal, with_account,
};
pub(crate) use condition_keys::{known_condition_key, spelled_key};
pub(crate) use document::check_size;

pub use access::{AccessChange, Comparison, Direction, KeyContext, compare, same_access};
pub use actions::{Action, ActionSet, Capability, KEY_ACTIONS};
pub use build::{Roles, build};
pub use derive::{Derived, Need, PrincipalSet};
pub use document::{Document, MOST_RECORDED, aws_default};
pub use json::json;
pub use lint::Finding;
pub use lockout::{Lockout, lockout};
pub use roles::{ByRoles, KeyUse, by_roles, is_default, why_no_roles};

use crate::tree::Span;

/// The placeholder for the ARN of the key that a policy belongs to.
pub(crate) const OWN_KEY: &str = "${aws.key_arn}";

/// A reason why a text is not a valid policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The text that the problem is about.
    pub span: Span,
    /// The message, as a lower-case fragment.
    pub message: String,
    /// A suggestion, if there is one.
    pub help: Option<String>,
}

impl Problem {
    /// Creates a problem without help.
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    /// Adds help to the problem.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
