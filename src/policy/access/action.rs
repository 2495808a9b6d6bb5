//! Actions as atoms: those that are known, and for every wildcard one that may come.

use super::super::actions::{Action, ActionSet, IAM_ONLY, glob};
use super::super::eval::{Asked, facts::can_occur};
use super::super::meaning::What;

/// Stands for the part of a future action's name that only a wildcard matches.
const NEW: &str = "\u{1}";

/// An action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ActionAtom {
    /// One of [`super::super::KEY_ACTIONS`].
    Known(&'static Action),
    /// One that AWS may add: it matches this pattern, and other patterns only as far as they cover it.
    Future {
        /// As in the policy, in lower case.
        pattern: String,
        name: String,
    },
}

impl ActionAtom {
    /// The action that a pattern leaves room for. `None` where all that it matches is known.
    pub(super) fn future(pattern: &str) -> Option<Self> {
        let wild = pattern.contains(['*', '?']);
        let pattern = if pattern == "*" { "kms:*" } else { pattern };
        let known = || {
            let lower = |name: &str| format!("kms:{}", name.to_ascii_lowercase());
            !ActionSet::matching(pattern).is_empty()
                || IAM_ONLY.iter().any(|name| lower(name) == pattern)
        };
        if !wild && (!pattern.starts_with("kms:") || known()) {
            return None;
        }
        let name = pattern.replace(['*', '?'], NEW);
        let ours = glob("kms:*", &name) || glob(pattern, &format!("kms:{NEW}"));
        ours.then(|| Self::Future { pattern: pattern.to_owned(), name })
    }

    /// Whether an `Action` element is about it; `known` are the known actions that it is about.
    pub(super) fn is_in(&self, what: &What, known: ActionSet) -> bool {
        match self {
            Self::Known(action) => known.has(action),
            Self::Future { name, .. } => {
                what.patterns.iter().any(|pattern| glob(pattern, name)) != what.except
            }
        }
    }

    /// Whether a principal of another account can be allowed it; of a future action it is not known, and taken to be.
    pub(super) fn crosses_accounts(&self) -> bool {
        match self {
            Self::Known(action) => action.crosses_accounts(),
            Self::Future { .. } => true,
        }
    }
}

/// Whether a request for the action can have the condition key; of a future action it is not known.
pub(super) fn carries(action: &ActionAtom, key: &str) -> bool {
    match action {
        ActionAtom::Known(action) => can_occur(key, Asked::Key(action)),
        ActionAtom::Future { .. } => true,
    }
}
