//! The findings of lint.

use super::rules::Rule;
use crate::tree::Span;
use serde::{Deserialize, Serialize};

/// A mistake or a likely mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that is broken.
    #[serde(with = "rule_id")]
    pub rule: &'static Rule,
    /// The text that the finding is about.
    #[serde(skip)]
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

/// Serializes a rule as its id.
mod rule_id {
    use crate::policy::lint::rules::{Rule, rule};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(rule: &&'static Rule, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(rule.id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<&'static Rule, D::Error> {
        let id = String::deserialize(d)?;
        rule(&id).map_err(|_| serde::de::Error::custom(format!("there is no rule `{id}`")))
    }
}
