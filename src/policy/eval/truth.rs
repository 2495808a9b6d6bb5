//! Kleene's three-valued logic. An unknown value carries the facts that it depends on.

use std::collections::BTreeSet;
use std::fmt;

/// An unknown fact that an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The value of a condition key, given in lower case.
    Key(String),
    /// The values of a condition key that a condition without a set operator compares, if the key has several. AWS does
    /// not document it.
    Several(String),
    /// The result of a comparison with a value that is not of the operator's type.
    Type(String),
    /// The result of a condition without values. AWS's documents contradict each other.
    NoValues(String),
    /// The meaning of an unknown condition operator, or of a prefix or suffix that the operator does not support.
    Operator(String),
    /// The value of a policy variable that is not well formed, or that stands for several values or for a wildcard.
    Variable(String),
    /// The path of the role, which is not part of a session's ARN.
    RolePath,
    /// The name of the role session.
    SessionName,
    /// The user of a federated user session.
    FederatedUser,
    /// The unique id of the principal.
    PrincipalId,
    /// The identity provider of a session.
    Provider,
    /// Whether `{"AWS": "*"}` includes services.
    ServiceAsIdentity,
    /// The effect of a `NotPrincipal` that lists the identity without its account, or the account without the identity.
    /// It "might deny" (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
    PartlyListed,
    /// The ARN of the key.
    KeyArn,
    /// Whether a wildcard in a resource matches across colons.
    ResourceWildcard,
    /// The effect of unknown elements, or of an empty `Condition`.
    Unclear,
    /// The identities that a grant to an account is for.
    GrantToAccount,
    /// Whether case matters for the keys of a grant's encryption context constraint. AWS's documents contradict each
    /// other.
    ConstraintCase(String),
    /// Whether a grant's source constraint applies to an operation that ignores the other constraints.
    SourceConstraint,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::policy::condition_keys::spelled_key as spelled;
        match self {
            Self::Key(key) => write!(f, "the condition key `{}`", spelled(key)),
            Self::Several(key) => {
                write!(f, "which values of `{}` count, without a set operator", spelled(key))
            }
            Self::Type(key) => {
                write!(f, "a value of `{}` that is not of its operator's type", spelled(key))
            }
            Self::NoValues(key) => {
                write!(f, "what an empty list of values for `{}` means", spelled(key))
            }
            Self::Operator(operator) => write!(f, "the condition operator `{operator}`"),
            Self::Variable(text) => write!(f, "the policy variable in `{text}`"),
            Self::RolePath => f.write_str("the role's path, which a session's ARN does not have"),
            Self::SessionName => f.write_str("the name of the role session"),
            Self::FederatedUser => f.write_str("the user of the federated session"),
            Self::PrincipalId => f.write_str("the unique id of the principal"),
            Self::Provider => f.write_str("the identity provider of the session"),
            Self::ServiceAsIdentity => f.write_str("whether `{\"AWS\": \"*\"}` includes services"),
            Self::PartlyListed => {
                f.write_str("a `NotPrincipal` that lists the identity or its account, not both")
            }
            Self::KeyArn => f.write_str("the key's ARN"),
            Self::ResourceWildcard => f.write_str("a wildcard across the colons of an ARN"),
            Self::Unclear => f.write_str("unknown elements"),
            Self::GrantToAccount => f.write_str("which identities of the account the grant is for"),
            Self::ConstraintCase(key) => {
                write!(f, "whether case matters in the grant's constraint on `{key}`")
            }
            Self::SourceConstraint => {
                f.write_str("whether the grant's source constraint applies to this operation")
            }
        }
    }
}

/// A truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    No,
    Yes,
    Maybe(BTreeSet<Doubt>),
}

impl Truth {
    pub(super) fn maybe(doubt: Doubt) -> Self {
        Self::Maybe(BTreeSet::from([doubt]))
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Maybe(doubts) => Self::Maybe(doubts),
        }
    }

    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Maybe(mut doubts) => match other() {
                Self::No => Self::No,
                Self::Yes => Self::Maybe(doubts),
                Self::Maybe(more) => {
                    doubts.extend(more);
                    Self::Maybe(doubts)
                }
            },
        }
    }

    pub(super) fn or(self, other: impl FnOnce() -> Self) -> Self {
        self.not().and(|| other().not()).not()
    }

    /// Returns whether all are true.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut truths = truths.into_iter();
        let mut all = Self::Yes;
        while all != Self::No
            && let Some(next) = truths.next()
        {
            all = all.and(|| next);
        }
        all
    }

    /// Returns whether at least one is true.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::all(truths.into_iter().map(Self::not)).not()
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}
