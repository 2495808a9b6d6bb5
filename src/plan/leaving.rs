//! The resources that leave the stack and stay in AWS.

use super::Drift;
use crate::desired::Desired;
use crate::id::Place;
use crate::kind::{Address, KeyRef, Spec, Violation, alias};
use crate::live::{Live, Observed};
use crate::state::{Record, State};

/// The reason for forgetting a resource that the configuration lists.
const LISTED: &str = "listed under `removed`";
/// The reason for taking the stack's tags off a key.
pub(super) const UNTAGGED: &str = "listed under `removed`: another stack can take the key over";
/// The reason for forgetting a resource that kmsctl did not create.
const NOT_CREATED: &str = "kept in AWS, because kmsctl did not create it";
/// The reason for forgetting a grant that another owner created.
const GRANT_KEPT: &str = "kmsctl did not create the grant: it stays";
/// The reason for forgetting a role.
const ROLE_KEPT: &str = "kept in AWS, because services may use the role";
/// The reason for forgetting an alias that was taken over.
const ALIAS_KEPT: &str = "kept in AWS, because it existed before the stack took it over";

/// Returns why a resource that is not declared stays in AWS without a record; `None` if the stack deletes it, or has
/// nothing to do with it.
pub(super) fn kept(
    address: &Address,
    record: Option<&Record>,
    seen: &Observed,
    desired: &Desired,
    live: &Live,
) -> Option<String> {
    if desired.lets_go(address, record.map(|record| &record.spec)) {
        return Some(LISTED.to_owned());
    }
    let record = record?;
    if live.released.contains(address) {
        return Some(GRANT_KEPT.to_owned());
    }
    let why = why_kept(record, !matches!(seen, Observed::Absent))?;
    // `kmsctl destroy` removes every declaration itself.
    Some(if desired.destroys { why.to_owned() } else { format!("no longer declared; {why}") })
}

/// Returns why a recorded resource outlives its declaration, if it does.
fn why_kept(record: &Record, is_there: bool) -> Option<&'static str> {
    if record.spec.as_consumer().is_some_and(|spec| spec.common().existing.is_some()) {
        return Some(NOT_CREATED);
    }
    match &record.spec {
        Spec::ServiceLinkedRole(_) if is_there => Some(ROLE_KEPT),
        Spec::Alias(alias) if is_there && record.found.contains(alias.name.as_str()) => {
            Some(ALIAS_KEPT)
        }
        Spec::Key(_)
        | Spec::KeyPolicy(_)
        | Spec::Grant(_)
        | Spec::Consumer(_)
        | Spec::ServiceLinkedRole(_)
        | Spec::Alias(_) => None,
    }
}

/// Returns why a declared resource has to be created.
pub(super) fn missing(address: &Address, state: &State, live: &Live) -> &'static str {
    match state.records.get(address) {
        Some(_) if live.released.contains(address) => {
            "the grant of another owner that stood for it does not give the same access; it stays"
        }
        Some(_) => "deleted outside kmsctl",
        None => "not in AWS yet",
    }
}

/// Returns the drift of an alias that somebody pointed to the key of another owner.
pub(super) fn repointed(address: &Address, record: &Record, live: &Live) -> Option<Drift> {
    let now = live.repointed.get(address)?;
    let before = record.spec.as_alias()?;
    let after = alias::Spec { target: KeyRef::Arn(now.clone()), ..before.clone() };
    Drift::between(address, Some(&record.spec), Some(&Spec::Alias(after)))
}

/// Returns the objection to taking tags off a key that could not be read.
pub(super) fn hidden_tags(reason: &str, help: &str) -> Violation {
    let reason = format!("it is not certain that the tags are those of the stack: {reason}");
    Violation::new(
        "untag",
        reason,
        format!("{help}; or remove `untag`, and the key keeps its tags"),
    )
}

/// Returns whether another address declares the object: the address of an alias changes if the Region of the stack
/// changes.
pub(super) fn is_declared_elsewhere(
    address: &Address,
    place: &Place,
    spec: &Spec,
    desired: &Desired,
) -> bool {
    let Spec::Alias(alias) = spec else {
        return false;
    };
    desired.resources.iter().any(|(other, declared)| {
        let same = matches!(&declared.spec, Spec::Alias(other) if other.name == alias.name);
        same && other != address && declared.place == *place
    })
}
