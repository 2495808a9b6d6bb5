//! The canonical form: two documents are the same (L1) exactly when their canonical forms are equal.

use std::collections::{BTreeMap, BTreeSet};

/// A list whose order and repetitions do not count.
pub(super) type Set = BTreeSet<String>;
/// Operator, lower-case key, values.
pub(super) type Conditions = BTreeMap<String, BTreeMap<String, Set>>;

/// A document without what does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Canonical {
    pub(super) version: Option<String>,
    pub(super) id: Option<String>,
    pub(super) statements: BTreeSet<Statement>,
    /// What is not understood, as JSON: only in documents AWS returned.
    pub(super) extra: BTreeMap<String, String>,
}

/// A statement without what does not count. Actions are lower-case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Option<String>,
    pub(super) principal: Option<Principals>,
    pub(super) not_principal: Option<Principals>,
    pub(super) action: Option<Set>,
    pub(super) not_action: Option<Set>,
    pub(super) resource: Option<Set>,
    pub(super) not_resource: Option<Set>,
    pub(super) condition: Option<Conditions>,
    /// What is not understood, as JSON.
    pub(super) extra: BTreeMap<String, String>,
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Principals {
    /// The bare `"*"`.
    Everyone,
    /// By type; empty types are gone.
    Typed(BTreeMap<String, Set>),
}
