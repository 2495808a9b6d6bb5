//! Turns grouped changes into [`AccessChange`]s.

use std::collections::BTreeSet;

use super::change::AccessChange;
use super::grouped_change::GroupedChange;
use super::level::{Certainty, ChangeKind, Direction, Level};
use crate::policy::actions::{ActionSet, spelled_action};

/// Returns a change as data: one for the known actions, and one for actions that are only possible in the future.
pub(super) fn present(principal: &str, change: &GroupedChange<'_>) -> Vec<AccessChange> {
    let delta = &change.key.delta;
    let known = change.extent.actions.known;
    let (covered, future): (Vec<&String>, Vec<&String>) = change
        .extent
        .actions
        .future
        .iter()
        .partition(|pattern| !known.is_empty() && known.covers(ActionSet::matching(pattern)));
    let mut out = Vec::new();
    if !known.is_empty() {
        out.push(access_change(
            principal,
            change,
            delta.kind,
            spelled_actions(known, &covered),
            known,
        ));
    }
    if !future.is_empty() {
        let is_dangling = delta.kind == ChangeKind::Dangling;
        let kind = if is_dangling { ChangeKind::Dangling } else { ChangeKind::Future };
        let actions = future.iter().map(|pattern| spelled_action(pattern)).collect();
        out.push(access_change(principal, change, kind, actions, ActionSet::NONE));
    }
    out
}

fn access_change(
    principal: &str,
    change: &GroupedChange<'_>,
    kind: ChangeKind,
    actions: Vec<String>,
    known: ActionSet,
) -> AccessChange {
    let delta = &change.key.delta;
    let is_gained = delta.direction == Direction::Gained;
    let is_future = kind == ChangeKind::Future;
    let labels: BTreeSet<String> =
        change.extent.statements.iter().map(|statement| statement.label.clone()).collect();
    AccessChange {
        direction: delta.direction,
        principal: principal.to_owned(),
        except: change.except.iter().cloned().collect(),
        actions,
        condition: delta.condition.clone(),
        kind,
        certainty: if is_future { Certainty::Possible } else { delta.certainty },
        capabilities: known.capabilities(),
        from: delta.from,
        to: delta.to,
        before: delta.before.clone(),
        after: delta.after.clone(),
        delegated: delta.from.max(delta.to) == Level::Delegated,
        public: is_gained
            && principal == "*"
            && delta.without_caller_limit
            && delta.to >= Level::Delegated,
        confused_deputy: is_gained
            && delta.without_source_limit
            && delta.certainty == Certainty::Certain
            && delta.to == Level::Allowed
            && kind != ChangeKind::Dangling,
        statements: labels.into_iter().collect(),
        grants: change.key.grants.iter().cloned().collect(),
    }
}

/// Returns the names of actions, with patterns in place of the actions that they match. A pattern that another one
/// covers is left out.
fn spelled_actions(known: ActionSet, patterns: &[&String]) -> Vec<String> {
    let mut rest = known;
    let mut out: BTreeSet<String> = BTreeSet::new();
    for pattern in patterns {
        let matched = ActionSet::matching(pattern);
        let is_covered = patterns.iter().any(|other| {
            let by_other = ActionSet::matching(other);
            other != pattern && by_other.covers(matched) && by_other != matched
        });
        if !is_covered && !matched.is_empty() {
            out.insert(spelled_action(pattern));
        }
        rest = rest.without(matched);
    }
    out.extend(rest.iter().map(|action| format!("kms:{}", action.name)));
    out.into_iter().collect()
}
