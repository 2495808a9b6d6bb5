//! The access that a changed grant gives or takes.

use std::collections::BTreeSet;

use super::change::AccessChange;
use super::level::{Certainty, ChangeKind, Direction, Level};
use crate::policy::actions::ActionSet;
use crate::policy::arn::is_unique_id;
use crate::policy::grants::{Constraint, Grant};

/// Returns the changes of access when one grant replaces another; `None` stands for no grant.
///
/// If both grants have the same grantee and the same constraints, only operations that one of them lacks change.
#[must_use]
pub fn grant_changes(old: Option<&Grant>, new: Option<&Grant>) -> Vec<AccessChange> {
    let is_same_access = match (old, new) {
        (Some(old), Some(new)) => {
            old.grantee == new.grantee && constraint_text(old) == constraint_text(new)
        }
        _ => false,
    };
    let mut out = Vec::new();
    for (direction, grant, other) in [(Direction::Lost, old, new), (Direction::Gained, new, old)] {
        let Some(grant) = grant else { continue };
        let mut operations: BTreeSet<&String> = grant.operations.iter().collect();
        if let Some(other) = other
            && is_same_access
        {
            operations.retain(|operation| !other.operations.contains(*operation));
        }
        if !operations.is_empty() {
            out.push(grant_change(direction, grant, &operations));
        }
    }
    out
}

fn grant_change(
    direction: Direction,
    grant: &Grant,
    operations: &BTreeSet<&String>,
) -> AccessChange {
    let known = ActionSet::of(|action| operations.iter().any(|op| *op == action.name));
    let (kind, from, to) = match direction {
        Direction::Gained => (ChangeKind::Gains, Level::Denied, Level::Allowed),
        Direction::Lost => (ChangeKind::Loses, Level::Allowed, Level::Denied),
    };
    let is_deleted = is_unique_id(&grant.grantee);
    // AWS does not document which identities of an account can use a grant to the account.
    let is_for_account = grant.grantee.ends_with(":root");
    let is_certain = !is_for_account && !grant.unclear;
    AccessChange {
        direction,
        principal: grant.grantee.clone(),
        except: Vec::new(),
        actions: operations.iter().map(|operation| format!("kms:{operation}")).collect(),
        condition: constraint_text(grant),
        kind: if is_deleted { ChangeKind::Dangling } else { kind },
        certainty: if is_certain { Certainty::Certain } else { Certainty::Possible },
        capabilities: known.capabilities(),
        from,
        to,
        before: None,
        after: None,
        delegated: false,
        public: false,
        confused_deputy: false,
        statements: Vec::new(),
        grants: Vec::new(),
    }
}

/// Returns the constraints of a grant in words, or `None` if it has none.
pub(in crate::policy) fn constraint_text(grant: &Grant) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(constraint) = &grant.context {
        let (verb, pairs) = match constraint {
            Constraint::Equals(pairs) => ("is", pairs),
            Constraint::Subset(pairs) => ("contains", pairs),
        };
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        parts.push(format!("encryption context {verb} {}", pairs.join(", ")));
    }
    if let Some(arn) = &grant.source {
        parts.push(format!("aws:SourceArn = {arn}"));
    }
    if grant.unclear {
        parts.push("its other constraints are met".to_owned());
    }
    if parts.is_empty() { None } else { Some(parts.join(" and ")) }
}
