//! Who can do what with a key: the table, and what a grant adds to it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::Document;
use super::super::actions::{Action, ActionSet, Capability};
use super::super::grants::{Constraint, Grant};
use super::present::{Home, home};
use super::{AccessChange, Certainty, Effect, KeyContext, Level, Shape, compare};

/// Somebody who can do something with a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Who, as in [`AccessChange::principal`].
    pub principal: String,
    /// Those of them who cannot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Actions, sorted; a pattern stands for all that it matches, now and later.
    pub actions: Vec<String>,
    /// What the actions are for, in words.
    pub capabilities: Vec<String>,
    /// Under which condition, if any.
    pub condition: Option<String>,
    /// [`Level::Allowed`], or [`Level::Delegated`] to IAM policies of the principal's account.
    pub access: Level,
    /// Whether it is known.
    pub certainty: Certainty,
    /// The statements it comes through, by Sid; by place, such as `#2`, where there is none.
    pub statements: Vec<String>,
    /// The grant it comes through, if it is one.
    pub grant: Option<String>,
    /// Whether strangers have it, without a condition on who they are.
    pub public: bool,
    /// Whether a service has it for whoever makes it act.
    pub confused_deputy: bool,
    /// Whether it is a deleted identity, which AWS shows by its unique id.
    pub dangling: bool,
}

impl Holder {
    /// Whose it is.
    #[must_use]
    pub fn home(&self) -> Home<'_> {
        home(&self.principal)
    }
}

/// Who can do what with a key, through its policy and through its grants; `None` where it is not known, because the
/// policy tells too many principals apart, or has elements that are not understood.
#[must_use]
pub fn access_table(
    document: &Document,
    grants: &[Grant],
    key: &KeyContext,
) -> Option<Vec<Holder>> {
    let comparison = compare(None, Some(document), key, &[]);
    if comparison.open {
        return None;
    }
    let gained = comparison
        .changes
        .into_iter()
        .filter(|change| change.effect == Effect::Gained && change.to >= Level::Delegated);
    let through_grants = grants.iter().flat_map(|grant| {
        let name = Some(grant.label().to_owned());
        grant_changes(None, Some(grant)).into_iter().map(move |change| (change, name.clone()))
    });
    let mut out: Vec<Holder> =
        gained.map(|change| (change, None)).chain(through_grants).map(holder).collect();
    out.sort();
    Some(out)
}

fn holder((change, grant): (AccessChange, Option<String>)) -> Holder {
    Holder {
        dangling: change.kind == Shape::Dangling,
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

/// What the step from one grant to another (`None`: no grant) means for access. Of a grant that is replaced for the same
/// principal under the same constraint, only what differs.
#[must_use]
pub fn grant_changes(old: Option<&Grant>, new: Option<&Grant>) -> Vec<AccessChange> {
    let same = old
        .zip(new)
        .is_some_and(|(old, new)| old.grantee == new.grantee && constraint(old) == constraint(new));
    let line = |effect: Effect, of: Option<&Grant>, other: Option<&Grant>| {
        let of = of?;
        let other = other.filter(|_| same).map(|other| &other.operations);
        let operations: BTreeSet<&String> =
            of.operations.iter().filter(|op| !other.is_some_and(|o| o.contains(*op))).collect();
        (!operations.is_empty()).then(|| by_grant(effect, of, &operations))
    };
    line(Effect::Lost, old, new).into_iter().chain(line(Effect::Gained, new, old)).collect()
}

fn by_grant(effect: Effect, grant: &Grant, operations: &BTreeSet<&String>) -> AccessChange {
    let known = ActionSet::of(|action| operations.iter().any(|op| *op == action.name));
    let gained = effect == Effect::Gained;
    let id = super::super::arn::is_unique_id(&grant.grantee);
    let kind = match effect {
        _ if id => Shape::Dangling,
        Effect::Gained => Shape::Gains,
        Effect::Lost => Shape::Loses,
    };
    // Not documented: whether every identity of an account has a grant to the account.
    let account = grant.grantee.ends_with(":root");
    AccessChange {
        effect,
        principal: grant.grantee.clone(),
        except: Vec::new(),
        actions: operations.iter().map(|operation| format!("kms:{operation}")).collect(),
        condition: constraint(grant),
        kind,
        certainty: if account || grant.unclear { Certainty::Possible } else { Certainty::Certain },
        capabilities: capabilities(known),
        from: if gained { Level::Denied } else { Level::Allowed },
        to: if gained { Level::Allowed } else { Level::Denied },
        before: None,
        after: None,
        delegated: false,
        public: false,
        confused_deputy: false,
        statements: Vec::new(),
        grants: Vec::new(),
    }
}

/// The requests that a grant is for, in words.
fn constraint(grant: &Grant) -> Option<String> {
    let context = grant.context.as_ref().map(|constraint| {
        let (form, pairs) = match constraint {
            Constraint::Equals(pairs) => ("is", pairs),
            Constraint::Subset(pairs) => ("contains", pairs),
        };
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("encryption context {form} {}", pairs.join(", "))
    });
    let source = grant.source.as_ref().map(|arn| format!("aws:SourceArn = {arn}"));
    let unclear = grant.unclear.then(|| "its other constraints hold".to_owned());
    let all: Vec<String> = context.into_iter().chain(source).chain(unclear).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// What actions are for, in words, each once; `everything` where nothing is left out.
pub(super) fn capabilities(actions: ActionSet) -> Vec<String> {
    if actions == ActionSet::ALL {
        return vec!["everything".to_owned()];
    }
    let words: BTreeSet<Capability> =
        actions.iter().map(|action: &Action| action.capability).collect();
    words.into_iter().map(|capability| capability.word().to_owned()).collect()
}
