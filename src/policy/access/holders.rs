//! The access table: who can do what with a key.

use serde::{Deserialize, Serialize};

use super::change::AccessChange;
use super::compare::given;
use super::grant_changes::grant_changes;
use super::key_context::KeyContext;
use super::level::{Certainty, ChangeKind, Direction, Level};
use super::names::{
    EVERY_SERVICE, OTHER_SERVICE, PrincipalAccount, is_federated, principal_account,
};
use crate::policy::Document;
use crate::policy::actions::Action;
use crate::policy::grants::Grant;

/// Principals that can do something with a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON output")]
pub struct Holder {
    /// The principals, as in [`AccessChange::principal`].
    pub principal: String,
    /// The principals among them that do not have the access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The actions, sorted. A pattern stands for all actions that it matches, now and in the future.
    pub actions: Vec<String>,
    /// The words for what the actions are used for.
    pub capabilities: Vec<String>,
    /// The condition on the requests, if there is one.
    pub condition: Option<String>,
    /// [`Level::Allowed`], or [`Level::Delegated`] if IAM policies of the principal's account decide.
    pub access: Level,
    /// Whether the access is certain.
    pub certainty: Certainty,
    /// The labels of the statements that allow the access: the Sid, or the position, such as `#2`.
    pub statements: Vec<String>,
    /// The label of the grant that allows the access, if it is a grant.
    pub grant: Option<String>,
    /// Whether strangers have the access, without a condition on who they are.
    pub public: bool,
    /// Whether a service has the access without a condition on the resource that it acts for.
    pub confused_deputy: bool,
    /// Whether the principal is a deleted identity, which AWS returns as a unique id.
    pub dangling: bool,
    /// Whether the access is only to actions that AWS may add and that a pattern matches.
    #[serde(default)]
    pub future: bool,
}

impl Holder {
    /// Returns the account of the principals.
    #[must_use]
    pub fn account(&self) -> PrincipalAccount<'_> {
        principal_account(&self.principal)
    }

    /// Returns whether the principals are AWS services that no statement names.
    #[must_use]
    pub fn is_any_service(&self) -> bool {
        [EVERY_SERVICE, OTHER_SERVICE].contains(&self.principal.as_str())
    }

    /// Returns whether the principals are federated sessions. Any user of their account can make one with any name (AWS
    /// STS API Reference, GetFederationToken).
    #[must_use]
    pub fn is_federated(&self) -> bool {
        is_federated(&self.principal)
    }
}

/// Returns who can do what with a key through its policy and its grants, every action or one, or `None` if that is
/// unknown: the policy distinguishes too many principals, or has unknown elements.
#[must_use]
pub fn access_table(
    document: &Document,
    grants: &[Grant],
    key: &KeyContext,
    action: Option<&'static Action>,
) -> Option<Vec<Holder>> {
    let comparison = given(document, key, action);
    if comparison.open {
        return None;
    }
    let mut out: Vec<Holder> = comparison
        .changes
        .into_iter()
        .filter(|change| change.direction == Direction::Gained && change.to >= Level::Delegated)
        .map(|change| holder(change, None))
        .collect();
    for grant in grants {
        let operations = grant.operations.iter();
        let operations = operations.filter(|name| action.is_none_or(|only| only.name == **name));
        let narrowed = Grant { operations: operations.cloned().collect(), ..grant.clone() };
        for change in grant_changes(None, Some(&narrowed)) {
            out.push(holder(change, Some(grant.label().to_owned())));
        }
    }
    out.sort();
    Some(out)
}

fn holder(change: AccessChange, grant: Option<String>) -> Holder {
    Holder {
        dangling: change.kind == ChangeKind::Dangling,
        future: change.kind == ChangeKind::Future,
        principal: change.principal,
        except: change.except,
        actions: change.actions,
        capabilities: change.capabilities,
        condition: change.condition,
        access: change.to,
        certainty: change.certainty,
        statements: change.statements,
        grant,
        public: change.public,
        confused_deputy: change.confused_deputy,
    }
}
