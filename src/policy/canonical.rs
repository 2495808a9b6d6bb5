//! The canonical form of a policy. Two documents are the same policy exactly if their canonical forms are equal.

use std::collections::{BTreeMap, BTreeSet};

/// A list whose order and repetitions do not matter.
pub(super) type Set = BTreeSet<String>;
/// Conditions by operator, then by condition key in lower case.
pub(super) type Conditions = BTreeMap<String, BTreeMap<String, Set>>;

/// A document in canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Canonical {
    pub(super) version: Option<String>,
    pub(super) id: Option<String>,
    pub(super) statements: BTreeSet<CanonicalStatement>,
    /// Unknown elements as JSON. Only documents returned by AWS have any.
    pub(super) extra: BTreeMap<String, String>,
}

/// A statement in canonical form. Actions are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CanonicalStatement {
    pub(super) sid: Option<String>,
    pub(super) effect: Option<String>,
    pub(super) principal: Option<Principals>,
    pub(super) not_principal: Option<Principals>,
    pub(super) action: Option<Set>,
    pub(super) not_action: Option<Set>,
    pub(super) resource: Option<Set>,
    pub(super) not_resource: Option<Set>,
    pub(super) condition: Option<Conditions>,
    /// Unknown elements as JSON.
    pub(super) extra: BTreeMap<String, String>,
}

/// The value of `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Principals {
    /// The bare `"*"`.
    Everyone,
    /// Principals by type. Types without principals are left out.
    Typed(BTreeMap<String, Set>),
}
