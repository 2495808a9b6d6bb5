//! What a change of policy means for access, statement by statement.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::actions::{IAM_ONLY, glob, spelled_action, spelled_key};
use super::canon::{Conditions, Principals, Set, Statement};
use super::{Document, OWN_KEY};

/// Which way access changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Something becomes possible.
    Gained,
    /// Something ceases to be possible.
    Lost,
}

/// Access that somebody gains or loses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccessChange {
    /// Which way.
    pub effect: Effect,
    /// An ARN, a service, `*`, or `everyone except …`.
    pub principal: String,
    /// Actions and action patterns, sorted.
    pub actions: Vec<String>,
    /// Under which condition, if any.
    pub condition: Option<String>,
}

/// One principal, one action pattern (lower-case), one condition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Atom {
    principal: String,
    action: Action,
    condition: Option<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Pattern(String),
    AllExcept(Set),
}

/// What the step from `old` to `new` (`None`: no policy) changes, by comparing who is allowed and denied what.
#[must_use]
pub fn access_changes(old: Option<&Document>, new: Option<&Document>) -> Vec<AccessChange> {
    let mut groups: BTreeMap<(Effect, String, Option<String>), BTreeSet<String>> = BTreeMap::new();
    for (kind, appears, goes) in
        [("Allow", Effect::Gained, Effect::Lost), ("Deny", Effect::Lost, Effect::Gained)]
    {
        let before = atoms(old, kind);
        let after = atoms(new, kind);
        for (effect, from, to) in [(appears, &after, &before), (goes, &before, &after)] {
            for atom in from.iter().filter(|atom| !to.iter().any(|other| covers(other, atom))) {
                let group = (effect, atom.principal.clone(), atom.condition.clone());
                groups.entry(group).or_default().insert(atom.action.text());
            }
        }
    }
    let change = |((effect, principal, condition), actions): (_, BTreeSet<String>)| AccessChange {
        effect,
        principal,
        actions: actions.into_iter().collect(),
        condition,
    };
    groups.into_iter().map(change).collect()
}

impl Action {
    fn text(&self) -> String {
        match self {
            Self::Pattern(pattern) => spelled_action(pattern),
            Self::AllExcept(set) => {
                let names: Vec<String> = set.iter().map(|action| spelled_action(action)).collect();
                format!("all actions except {}", names.join(", "))
            }
        }
    }
}

/// Whether `wide` says everything that `narrow` says.
fn covers(wide: &Atom, narrow: &Atom) -> bool {
    let action = match (&wide.action, &narrow.action) {
        (Action::Pattern(wide), Action::Pattern(narrow)) => glob(wide, narrow),
        (Action::Pattern(wide), Action::AllExcept(_)) => matches!(wide.as_str(), "*" | "kms:*"),
        (Action::AllExcept(wide), Action::AllExcept(narrow)) => wide.is_subset(narrow),
        (Action::AllExcept(wide), Action::Pattern(narrow)) => {
            !narrow.contains(['*', '?']) && !wide.iter().any(|pattern| glob(pattern, narrow))
        }
    };
    action
        && wide.principal == narrow.principal
        && (wide.condition.is_none() || wide.condition == narrow.condition)
}

fn atoms(document: Option<&Document>, effect: &str) -> BTreeSet<Atom> {
    let mut out = BTreeSet::new();
    let statements = document.iter().flat_map(|document| &document.canonical().statements);
    for statement in statements.filter(|statement| statement.effect.as_deref() == Some(effect)) {
        let actions: Vec<Action> = match (&statement.action, &statement.not_action) {
            (Some(set), _) => {
                set.iter().filter(|action| !dead(action)).cloned().map(Action::Pattern).collect()
            }
            (None, Some(set)) => vec![Action::AllExcept(set.clone())],
            (None, None) => Vec::new(),
        };
        for condition in conditions(statement) {
            for principal in principals(statement) {
                for action in &actions {
                    let (principal, condition) = (principal.clone(), condition.clone());
                    out.insert(Atom { principal, action: action.clone(), condition });
                }
            }
        }
    }
    out
}

/// An action that does nothing in a key policy.
fn dead(action: &str) -> bool {
    action
        .strip_prefix("kms:")
        .is_some_and(|name| IAM_ONLY.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The condition once per resource: `*` adds nothing, any other resource is a condition of its own.
fn conditions(statement: &Statement) -> BTreeSet<Option<String>> {
    let condition = statement.condition.as_ref().map(condition_text);
    let with = |limit: Option<String>| match (&condition, limit) {
        (Some(condition), Some(limit)) => Some(format!("{condition} and {limit}")),
        (Some(condition), None) => Some(condition.clone()),
        (None, limit) => limit,
    };
    let limit = |resource: &String| match resource.as_str() {
        "*" | OWN_KEY => None,
        other => Some(format!("the resource is {other}")),
    };
    let mut out: BTreeSet<Option<String>> =
        statement.resource.iter().flatten().map(|resource| with(limit(resource))).collect();
    if let Some(set) = &statement.not_resource {
        let names: Vec<&str> = set.iter().map(String::as_str).collect();
        out.insert(with(Some(format!("the resource is not {}", names.join(", ")))));
    }
    out
}

fn condition_text(condition: &Conditions) -> String {
    let mut parts = Vec::new();
    for (operator, keys) in condition {
        for (key, values) in keys {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            parts.push(format!("{operator} {} = {}", spelled_key(key), values.join(" | ")));
        }
    }
    if parts.is_empty() { "an empty condition".to_owned() } else { parts.join(" and ") }
}

fn principals(statement: &Statement) -> Vec<String> {
    if let Some(excepted) = &statement.not_principal {
        return vec![format!("everyone except {}", listed(excepted).join(", "))];
    }
    statement.principal.as_ref().map(listed).unwrap_or_default()
}

fn listed(principals: &Principals) -> Vec<String> {
    match principals {
        Principals::Everyone => vec!["*".to_owned()],
        Principals::Typed(types) => types.values().flatten().cloned().collect(),
    }
}
