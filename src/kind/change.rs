//! The change of a resource, its calls, and the reasons why a change is refused.

use crate::id::Place;
use serde::{Deserialize, Serialize};

/// The difference between the live and the desired form of a resource.
///
/// | Variant | Meaning | Calls |
/// |---|---|---|
/// | `Create` | the resource does not exist | at least one |
/// | `Update` | the resource is the stack's, and differs | any number; none if only the record differs |
/// | `Import` | the resource exists, and the stack takes it over | at least one |
/// | `Delete` | the resource is the stack's, and is not declared | at least one |
/// | `Forget` | the stack stops managing the resource | none, or one that takes the stack's tags off |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change<T> {
    /// The resource does not exist.
    Create {
        /// The desired form.
        to: T,
    },
    /// The resource is the stack's, and differs from its declaration.
    Update {
        /// The live form.
        from: T,
        /// The desired form.
        to: T,
    },
    /// The resource exists, and the stack takes it over.
    Import {
        /// The live form.
        from: T,
        /// The desired form.
        to: T,
    },
    /// The resource is the stack's, and is not declared.
    Delete {
        /// The live form.
        from: T,
    },
    /// The stack stops managing the resource.
    Forget {
        /// The live form.
        from: T,
    },
}

impl<T> Change<T> {
    /// Returns the desired form, if the change has one.
    pub fn to(&self) -> Option<&T> {
        match self {
            Self::Create { to } | Self::Update { to, .. } | Self::Import { to, .. } => Some(to),
            Self::Delete { .. } | Self::Forget { .. } => None,
        }
    }

    /// Returns the live form, if the change has one.
    pub fn from(&self) -> Option<&T> {
        match self {
            Self::Create { .. } => None,
            Self::Update { from, .. }
            | Self::Import { from, .. }
            | Self::Delete { from }
            | Self::Forget { from } => Some(from),
        }
    }

    /// Returns the label of the change in every output.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Import { .. } => "import",
            Self::Delete { .. } => "delete",
            Self::Forget { .. } => "forget",
        }
    }

    /// Returns the change with references to the forms.
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Create { to } => Change::Create { to },
            Self::Update { from, to } => Change::Update { from, to },
            Self::Import { from, to } => Change::Import { from, to },
            Self::Delete { from } => Change::Delete { from },
            Self::Forget { from } => Change::Forget { from },
        }
    }

    /// Converts the forms of the change. Returns `None` if a form cannot be converted.
    pub fn try_map<U>(self, mut f: impl FnMut(T) -> Option<U>) -> Option<Change<U>> {
        Some(match self {
            Self::Create { to } => Change::Create { to: f(to)? },
            Self::Update { from, to } => Change::Update { from: f(from)?, to: f(to)? },
            Self::Import { from, to } => Change::Import { from: f(from)?, to: f(to)? },
            Self::Delete { from } => Change::Delete { from: f(from)? },
            Self::Forget { from } => Change::Forget { from: f(from)? },
        })
    }
}

/// The reason why a change is refused, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The field that cannot be changed; empty for the resource as a whole.
    pub field: String,
    /// The reason, as a fragment.
    pub reason: String,
    /// The help: what to do.
    pub help: String,
}

impl Violation {
    /// Creates a violation about `field`.
    pub fn new(
        field: impl Into<String>,
        reason: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), reason: reason.into(), help: help.into() }
    }

    /// Creates the violation of a change whose two forms are of different kinds.
    pub(super) fn kind_changed() -> Self {
        Self::new("", "the kind of the resource changed", "use another address")
    }
}

/// The way to find out whether AWS executed a call whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The call is idempotent, so it is sent again.
    Repeat,
    /// AWS is searched for the object with the call's nonce tag. The call is sent again only if
    /// there is none.
    ProbeByTag,
    /// AWS is searched for the object with the call's name.
    ProbeByName,
}

/// The calls of a change, before and after the calls of the resources that depend on this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls<C> {
    /// The calls before those of the dependent resources, in this order.
    pub first: Vec<(Place, C)>,
    /// The calls after those of the dependent resources. KMS, for example, creates no grants on a
    /// disabled key.
    pub last: Vec<(Place, C)>,
    /// The warning that a plan shows about the change, if any.
    pub risk: Option<String>,
}

impl<C> Calls<C> {
    pub(super) fn all_at(place: &Place, calls: Vec<C>) -> Self {
        let first = calls.into_iter().map(|call| (place.clone(), call)).collect();
        Self { first, last: Vec::new(), risk: None }
    }

    pub(super) fn map<D>(self, f: impl Fn(C) -> D) -> Calls<D> {
        let [first, last] = [self.first, self.last]
            .map(|calls| calls.into_iter().map(|(place, call)| (place, f(call))).collect());
        Calls { first, last, risk: self.risk }
    }
}
