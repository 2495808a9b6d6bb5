//! Doubts: assumptions whose truth is unknown. Two doubts are the same only if everything that decides them is the
//! same.

use super::condition_text::verbatim;
use crate::policy::typed::{Effect, ResourceElement, Test, TypedStatement};

/// An assumption whose truth is unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// A test is met, although what is known about the value of its key does not decide it.
    Test {
        test: Test,
        /// Whether `${…}` in the values is a policy variable.
        variables: bool,
        /// Whether a request can be without the key, which decides the test.
        may_be_absent: bool,
    },
    /// A statement has an effect in spite of its unclear elements. The statement has no Sid.
    Statement(Box<TypedStatement>),
    /// The key is one of the resources.
    Resources {
        element: ResourceElement,
        /// Whether `${…}` in the patterns is a policy variable.
        variables: bool,
    },
    /// Something that AWS does not document about principals, in words; or that it is not so.
    Principal { text: String, negated: bool },
}

impl Doubt {
    /// Returns the assumption that a statement has an effect.
    pub(super) fn statement(statement: &TypedStatement) -> Self {
        Self::Statement(Box::new(TypedStatement { sid: None, ..statement.clone() }))
    }

    /// Returns the key and the test, if a request without the key decides the doubt.
    pub(super) fn absence_decides(&self) -> Option<&Test> {
        match self {
            Self::Test { test, may_be_absent: true, .. } => Some(test),
            Self::Test { .. }
            | Self::Statement(_)
            | Self::Resources { .. }
            | Self::Principal { .. } => None,
        }
    }

    /// Returns the assumption that the opposite is true, if there is one.
    pub(super) fn opposite(&self) -> Option<Self> {
        match self {
            Self::Principal { text, negated } => {
                Some(Self::Principal { text: text.clone(), negated: !negated })
            }
            Self::Test { .. } | Self::Statement(_) | Self::Resources { .. } => None,
        }
    }

    /// Returns the assumption in words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Test { test, .. } => verbatim(test),
            Self::Statement(statement) => statement_text(statement),
            Self::Resources { element, .. } => {
                let verb = if element.except { "is not" } else { "is" };
                let patterns: Vec<&str> = element.patterns.iter().map(String::as_str).collect();
                format!("the key {verb} {}", patterns.join(" | "))
            }
            Self::Principal { text, negated: false } => text.clone(),
            Self::Principal { text, negated: true } => format!("not ({text})"),
        }
    }
}

fn statement_text(statement: &TypedStatement) -> String {
    let effect = match statement.effect {
        Effect::Allow => "allows",
        Effect::Deny => "denies",
    };
    let is_principal = |(key, value): (&String, &String)| key == "Principal" && value == "missing";
    if statement.unread.iter().all(is_principal) {
        return format!("the statement {effect} something without a principal");
    }
    let unread: Vec<String> =
        statement.unread.iter().map(|(key, value)| format!("`{key}`: {value}")).collect();
    format!("the statement {effect} something in spite of {}", unread.join(", "))
}
