//! The findings of lint.

use super::rules::Rule;
use crate::tree::Span;

/// A mistake or a likely mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// The text that the finding is about.
    pub span: Span,
    /// The message, as a lower-case fragment.
    pub message: String,
    /// A suggestion.
    pub help: String,
}

impl Finding {
    /// Creates a finding with the help of its rule.
    #[must_use]
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self { rule, span, message: message.into(), help: rule.help.to_owned() }
    }

    /// Replaces the help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}
