//! What must happen to a resource, by which calls, and what forbids it.

use crate::id::Place;
use serde::{Deserialize, Serialize};

/// What must happen so that live becomes desired.
///
/// | variant | means | calls |
/// |---|---|---|
/// | `Create` | AWS has nothing | at least one |
/// | `Update` | ours, and different | any number; none where only kmsctl's own memory differs |
/// | `Import` | exists, and becomes ours | at least one |
/// | `Delete` | ours, and no longer declared | at least one |
/// | `Forget` | no longer ours; AWS is not touched | none |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change<T> {
    /// AWS has nothing.
    Create {
        /// What will be.
        to: T,
    },
    /// Ours, and different.
    Update {
        /// What is.
        from: T,
        /// What will be.
        to: T,
    },
    /// Exists, and becomes ours.
    Import {
        /// What is.
        from: T,
        /// What will be.
        to: T,
    },
    /// Ours, and no longer declared.
    Delete {
        /// What is.
        from: T,
    },
    /// No longer ours.
    Forget {
        /// What is.
        from: T,
    },
}

impl<T> Change<T> {
    /// What will be, if anything.
    pub fn to(&self) -> Option<&T> {
        match self {
            Self::Create { to } | Self::Update { to, .. } | Self::Import { to, .. } => Some(to),
            Self::Delete { .. } | Self::Forget { .. } => None,
        }
    }

    /// What is, if anything.
    pub fn from(&self) -> Option<&T> {
        match self {
            Self::Create { .. } => None,
            Self::Update { from, .. }
            | Self::Import { from, .. }
            | Self::Delete { from }
            | Self::Forget { from } => Some(from),
        }
    }

    /// The label of the change in every output.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Import { .. } => "import",
            Self::Delete { .. } => "delete",
            Self::Forget { .. } => "forget",
        }
    }

    /// The change by reference.
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Create { to } => Change::Create { to },
            Self::Update { from, to } => Change::Update { from, to },
            Self::Import { from, to } => Change::Import { from, to },
            Self::Delete { from } => Change::Delete { from },
            Self::Forget { from } => Change::Forget { from },
        }
    }

    /// The same change of another form of the resource, where every part has that form.
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

/// What forbids a change, and what does work instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The field that cannot become what it should be; empty for the resource as a whole.
    pub field: String,
    /// Why, as a fragment.
    pub reason: String,
    /// What to do.
    pub help: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(
        field: impl Into<String>,
        reason: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), reason: reason.into(), help: help.into() }
    }
}

/// How a call whose answer was lost is settled: did AWS execute it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Sending it again changes nothing.
    Repeat,
    /// Never to be repeated unseen: the object that carries the call's nonce tag is looked for.
    ProbeByTag,
    /// The object of that name is looked for.
    ProbeByName,
}

/// The calls of a change: `first` in order, then everything that depends on the resource, then
/// `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls<C> {
    /// In this order, before anything that depends on the resource.
    pub first: Vec<(Place, C)>,
    /// After everything that depends on the resource (a key takes no grants once it is disabled).
    pub last: Vec<(Place, C)>,
    /// What a person should know before agreeing.
    pub risk: Option<String>,
}

impl<C> Calls<C> {
    pub(super) fn all_at(place: &Place, calls: Vec<C>) -> Self {
        let first = calls.into_iter().map(|call| (place.clone(), call)).collect();
        Self { first, last: Vec::new(), risk: None }
    }

    pub(super) fn map<D>(self, f: impl Fn(C) -> D) -> Calls<D> {
        let each = |calls: Vec<(Place, C)>| calls.into_iter().map(|(p, c)| (p, f(c))).collect();
        Calls { first: each(self.first), last: each(self.last), risk: self.risk }
    }
}
