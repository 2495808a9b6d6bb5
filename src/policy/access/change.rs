//! Changes of access as data. The JSON output and the plan files contain these types.

use serde::{Deserialize, Serialize};

use super::level::{Certainty, ChangeKind, Direction, Level};
use super::names::{PrincipalAccount, principal_account};

/// Access that principals gain or lose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessChange {
    /// The direction of the change.
    #[serde(rename = "effect")]
    pub direction: Direction,
    /// An ARN, a pattern of ARNs, a service principal, `*` for everyone, or words such as `every
    /// identity of account …`. The ARN of an account's root includes the identities that its IAM
    /// policies allow.
    pub principal: String,
    /// The principals among them that the change does not apply to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The actions, sorted. A pattern stands for all actions that it matches, now and in the future.
    pub actions: Vec<String>,
    /// The condition on the requests that the change applies to, if it does not apply to all.
    pub condition: Option<String>,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// Whether the change certainly happens.
    pub certainty: Certainty,
    /// The words for what the actions are used for.
    pub capabilities: Vec<String>,
    /// The level of access before the change.
    pub from: Level,
    /// The level of access after the change.
    pub to: Level,
    /// The condition under which there was access before, if it is replaced by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The condition under which there is access afterwards, if it replaces another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether an IAM policy of the principal's account must allow the access too.
    pub delegated: bool,
    /// Whether strangers gain the access, without a condition on who they are.
    pub public: bool,
    /// Whether a service gains the access without a condition on the resource that it acts for, so that anyone can make
    /// it act (IAM User Guide, "The confused deputy problem").
    pub confused_deputy: bool,
    /// The labels of the statements that cause the change: the Sid, or the position, such as `#2`.
    pub statements: Vec<String>,
    /// The labels of the grants that allow the same. Access that is lost in the policy remains through them, unless it
    /// is denied explicitly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
}

impl AccessChange {
    /// Returns the account of the principals.
    #[must_use]
    pub fn account(&self) -> PrincipalAccount<'_> {
        principal_account(&self.principal)
    }
}

/// Whether two documents are the same policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameDocument {
    /// They are the same, so no call is needed.
    Same,
    /// They differ.
    Different,
}

/// Whether two policies give the same access to the actions that exist today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameAccess {
    /// They give the same access.
    Same,
    /// They give different access.
    Changed,
    /// It depends on facts that kmsctl cannot know.
    Unknown,
}

/// The sum of all changes of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetChange {
    /// Access does not change.
    None,
    /// Access is only gained.
    Gain,
    /// Access is only lost.
    Loss,
    /// Access is gained and lost.
    Both,
    /// Access to the actions that exist today does not change, but a wildcard can match future actions.
    FutureActionsOnly,
    /// It depends on facts that kmsctl cannot know.
    Unknown,
}

/// The result of comparing two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Whether the documents are the same.
    pub document: SameDocument,
    /// Whether the access is the same.
    pub access: SameAccess,
    /// The sum of all changes.
    pub change: NetChange,
    /// The changes.
    #[serde(rename = "access_changes")]
    pub changes: Vec<AccessChange>,
    /// Whether there may be more changes: the principals are too many to distinguish, or a document has unknown
    /// elements.
    #[serde(skip)]
    pub open: bool,
}

impl Comparison {
    /// Returns whether the policies certainly give the same access, to the actions that exist today and to future
    /// ones, and name the same deleted identities.
    #[must_use]
    pub fn is_certainly_none(&self) -> bool {
        self.access == SameAccess::Same
            && self.change == NetChange::None
            && self.changes.is_empty()
            && !self.open
    }
}
