//! Action atoms: the known actions, and one future action for every wildcard.

use crate::policy::actions::{Action, ActionSet, IAM_ONLY, glob};
use crate::policy::eval::RequestedAction;
use crate::policy::typed::ActionElement;

/// Stands for the part of a future action's name that only a wildcard matches.
const NEW: &str = "\u{1}";

/// An action that no statement distinguishes from others of its kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ActionAtom {
    /// One of [`crate::policy::KEY_ACTIONS`].
    Known(&'static Action),
    /// An action that AWS may add. The pattern matches it, and so does every pattern that covers the pattern.
    Future {
        /// The pattern of the policy in lower case.
        pattern: String,
        /// The name that patterns are matched with.
        name: String,
    },
}

impl ActionAtom {
    /// Returns the future action that a pattern matches, or `None` if no future action of KMS can match it.
    pub(super) fn future(pattern: &str) -> Option<Self> {
        let is_wild = pattern.contains(['*', '?']);
        let pattern = if pattern == "*" { "kms:*" } else { pattern };
        if !is_wild && (!pattern.starts_with("kms:") || is_known(pattern)) {
            return None;
        }
        let name = pattern.replace(['*', '?'], NEW);
        let is_of_kms = glob("kms:*", &name) || glob(pattern, &format!("kms:{NEW}"));
        is_of_kms.then(|| Self::Future { pattern: pattern.to_owned(), name })
    }

    /// Returns whether an `Action` element matches the action; `known` is the element's set of known actions.
    pub(super) fn is_in(&self, element: &ActionElement, known: ActionSet) -> bool {
        match self {
            Self::Known(action) => known.has(action),
            Self::Future { name, .. } => {
                element.patterns.iter().any(|pattern| glob(pattern, name)) != element.except
            }
        }
    }

    /// Returns whether a principal of another account can be allowed the action. A future action is assumed to support
    /// it.
    pub(super) fn crosses_accounts(&self) -> bool {
        match self {
            Self::Known(action) => action.crosses_accounts(),
            Self::Future { .. } => true,
        }
    }

    /// Returns whether a request for the action can have the condition key. A future action is assumed to have every
    /// key.
    pub(super) fn carries(&self, key: &str) -> bool {
        match self {
            Self::Known(action) => RequestedAction::Key(action).carries(key),
            Self::Future { .. } => true,
        }
    }
}

/// Returns whether the text, in lower case, is a known action.
fn is_known(text: &str) -> bool {
    !ActionSet::matching(text).is_empty()
        || IAM_ONLY.iter().any(|name| format!("kms:{}", name.to_ascii_lowercase()) == text)
}
