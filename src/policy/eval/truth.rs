//! Three-valued logic (Kleene), where what is not known says what it depends on.

use std::collections::BTreeSet;
use std::fmt;

/// What an answer depends on that is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The value of a condition key, in lower case.
    Key(String),
    /// A condition key has several values, and the condition has no set operator: which of them count is not documented.
    Several(String),
    /// A condition compares texts that are not of its operator's type.
    Type(String),
    /// A condition lists no values: AWS's documents contradict each other.
    NoValues(String),
    /// A word that is no condition operator, or one that takes no prefix or suffix.
    Operator(String),
    /// A policy variable that is not well formed, or that stands for several values or for a wildcard.
    Variable(String),
    /// The role's path: a session's ARN does not have it.
    RolePath,
    /// The name of the role session.
    SessionName,
    /// The user behind a federated session.
    FederatedUser,
    /// The unique id of the one who asks.
    PrincipalId,
    /// The identity provider behind a session.
    Provider,
    /// Whether `{"AWS": "*"}` includes services.
    ServiceAsIdentity,
    /// A `NotPrincipal` that lists the identity without its account, or the account without the identity: AWS says that
    /// it "might deny" (IAM User Guide, `NotPrincipal`).
    PartlyListed,
    /// The ARN of the key.
    KeyArn,
    /// A wildcard of a resource that would have to match across colons.
    ResourceWildcard,
    /// Elements that are not understood, or an empty `Condition`.
    Unclear,
    /// Which identities of an account a grant to the account is for.
    GrantToAccount,
    /// Whether the keys of a grant's encryption context constraint differ by case: AWS's documents contradict each other.
    ConstraintCase(String),
    /// Whether a grant's constraint on the source counts for an operation that ignores constraints.
    SourceConstraint,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::policy::keys::spelled_key as spelled;
        match self {
            Self::Key(key) => write!(f, "the condition key `{}`", spelled(key)),
            Self::Several(key) => {
                write!(f, "which values of `{}` count, without a set operator", spelled(key))
            }
            Self::Type(key) => {
                write!(f, "a value of `{}` that is not of its operator's type", spelled(key))
            }
            Self::NoValues(key) => write!(f, "what no values for `{}` mean", spelled(key)),
            Self::Operator(operator) => write!(f, "the condition operator `{operator}`"),
            Self::Variable(text) => write!(f, "the policy variable in `{text}`"),
            Self::RolePath => f.write_str("the role's path, which a session's ARN does not have"),
            Self::SessionName => f.write_str("the name of the role session"),
            Self::FederatedUser => f.write_str("the user behind the federated session"),
            Self::PrincipalId => f.write_str("the unique id of the principal"),
            Self::Provider => f.write_str("the identity provider behind the session"),
            Self::ServiceAsIdentity => f.write_str("whether `{\"AWS\": \"*\"}` includes services"),
            Self::PartlyListed => {
                f.write_str("a `NotPrincipal` that lists the identity or its account, not both")
            }
            Self::KeyArn => f.write_str("the key's ARN"),
            Self::ResourceWildcard => f.write_str("a wildcard across the colons of an ARN"),
            Self::Unclear => f.write_str("elements that are not understood"),
            Self::GrantToAccount => f.write_str("whom in the account the grant is for"),
            Self::ConstraintCase(key) => {
                write!(f, "whether case counts in the grant's constraint on `{key}`")
            }
            Self::SourceConstraint => {
                f.write_str("whether the grant's source constraint counts for this operation")
            }
        }
    }
}

/// Yes, no, or: it depends.
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

    /// Whether all hold.
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

    /// Whether one holds.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::all(truths.into_iter().map(Self::not)).not()
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
