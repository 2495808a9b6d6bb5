//! What AWS held before the stack took it over: aliases that kmsctl did not create, and tags that it did not set. They
//! stay when they leave the configuration.

use super::{Plan, TakenOver};
use crate::desired::{Declared, Desired};
use crate::kind::{Address, KeyRef, Spec};
use crate::live::{Live, Observed};
use crate::state::{Record, State};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The beginning of the keys of kmsctl's own tags.
const OWN: &str = "kmsctl:";

/// Returns the alias or the keys of the tags that AWS held before the stack declared them, as long as kmsctl has not
/// changed them. `from` is the live form, and `to` the form after the plan.
pub(super) fn found(
    address: &Address,
    (from, to): (&Spec, &Spec),
    desired: &Desired,
    state: &State,
) -> BTreeSet<String> {
    let record = state.records.get(address);
    let declared = desired.resources.get(address);
    match (from, to, declared) {
        (Spec::Key(from), Spec::Key(to), Some(declared)) => {
            let kept = from.tags.iter().filter(|(tag, value)| to.tags.get(*tag) == Some(*value));
            let kept = kept.map(|(tag, _)| tag).filter(|tag| !tag.starts_with(OWN));
            kept.filter(|tag| was_there(tag, record, declared)).cloned().collect()
        }
        (Spec::Alias(from), Spec::Alias(to), Some(_)) if from == to => {
            let is_found = match record {
                Some(record) => !record.found.is_empty(),
                None => was_made_before(&to.target, desired, state),
            };
            is_found.then(|| to.name.to_string()).into_iter().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Returns whether a declared tag that the key has was there before it was declared.
fn was_there(tag: &str, record: Option<&Record>, declared: &Declared) -> bool {
    let Some(record) = record else {
        return declared.adopt.is_some();
    };
    let recorded = record.spec.as_key().is_some_and(|key| key.tags.contains_key(tag));
    // An interrupted apply may have set a tag that is not recorded.
    record.found.contains(tag) || (!recorded && !record.partial)
}

/// Returns whether an alias without a record was not created by kmsctl. If the record of its key is missing too, the
/// state may be lost: then this is certain only for a key that is taken over. A key that the stack does not manage has
/// no record, and its aliases are those of its owner unless a record tells otherwise.
fn was_made_before(target: &KeyRef, desired: &Desired, state: &State) -> bool {
    let Some(key) = target.managed() else {
        return true;
    };
    let is_adopted = desired.resources.get(key).is_some_and(|key| key.adopt.is_some());
    is_adopted || state.records.get(key).is_some_and(|record| !record.partial)
}

/// Returns the tags that were there before they were declared, are not declared any more, and stay.
pub(super) fn let_go(
    desired: &Desired,
    state: &State,
    live: &Live,
) -> BTreeMap<Address, BTreeSet<String>> {
    let keys = state.records.iter().filter_map(|(address, record)| {
        let declared = desired.resources.get(address)?;
        let Observed::Present { spec, .. } = live.observed.get(address)? else {
            return None;
        };
        let tags = &spec.as_key()?.tags;
        let left = left_tags(declared, Some(record)).filter(|tag| tags.contains_key(*tag));
        Some((address.clone(), left.cloned().collect::<BTreeSet<String>>()))
    });
    keys.filter(|(_, left)| !left.is_empty()).collect()
}

/// Returns the recorded tags that were there before they were declared, and are not declared any more.
fn left_tags<'a>(
    declared: &Declared,
    record: Option<&'a Record>,
) -> impl Iterator<Item = &'a String> {
    let found = record.map(|record| &record.found).into_iter().flatten();
    let declared = declared.spec.as_key().map(|key| &key.tags);
    found.filter(move |tag| declared.is_some_and(|tags| !tags.contains_key(*tag)))
}

/// Returns the live form without the tags that were there before they were declared, and are not declared any more.
pub(super) fn without_left_tags<'a>(
    live: &'a Spec,
    declared: &Declared,
    record: Option<&Record>,
) -> Cow<'a, Spec> {
    let mut live = Cow::Borrowed(live);
    for tag in left_tags(declared, record) {
        if let Spec::Key(key) = live.to_mut() {
            key.tags.remove(tag);
        }
    }
    live
}

/// Removes what is not taken over, because it is blocked. Nothing that belongs to such a key is recorded either: what
/// has a record is not checked as a take-over again.
pub(super) fn forget_blocked(plan: &mut Plan, coming: &BTreeSet<Address>) {
    let blocked: BTreeSet<&Address> = plan.blocked.iter().map(|blocked| &blocked.address).collect();
    let is_refused = |address: &Address| blocked.contains(address) && coming.contains(address);
    let is_left = |address: &Address, record: &Record| {
        let keys = record.spec.refs().into_iter().filter_map(KeyRef::managed);
        let of_key = !address.kind.is_consumer() && keys.into_iter().any(is_refused);
        is_refused(address) || of_key
    };
    let records =
        plan.remember.iter().filter_map(|(address, record)| Some((address, record.as_ref()?)));
    let left = records.filter(|(address, record)| is_left(address, record));
    let left: BTreeSet<Address> = left.map(|(address, _)| address.clone()).collect();
    plan.remember.retain(|address, _| !left.contains(address));
    plan.taken.retain(|address, _| !blocked.contains(address) && !left.contains(address));
    plan.taken_with.retain(|address, _| !blocked.contains(address));
    plan.let_go.retain(|address, _| !blocked.contains(address));
}

/// Returns whether a declared resource was not made by the stack: the configuration takes it over, a grant of another
/// owner stands for it, or it is an alias that was `found` on a key that the stack does not manage.
pub(super) fn is_taken(
    address: &Address,
    declared: &Declared,
    found: &BTreeSet<String>,
    live: &Live,
) -> bool {
    let alias = declared.spec.as_alias();
    let is_of_other = alias.is_some_and(|alias| alias.target.managed().is_none());
    declared.adopt.is_some()
        || live.borrowed.contains(address)
        || (is_of_other && !found.is_empty())
}

/// Returns the declared resources that are to be taken over and have no record yet.
pub(super) fn coming(desired: &Desired, state: &State) -> BTreeSet<Address> {
    let adopted = desired.resources.iter().filter(|(_, declared)| declared.adopt.is_some());
    let new = adopted.filter(|(address, _)| !state.records.contains_key(*address));
    new.map(|(address, _)| address.clone()).collect()
}

/// Adds what is newly taken over with a key.
pub(super) fn note(
    taken_with: &mut BTreeMap<Address, TakenOver>,
    address: &Address,
    spec: &Spec,
    found: &BTreeSet<String>,
    record: Option<&Record>,
) {
    let known = record.map(|record| &record.found);
    let new = found.iter().filter(|name| known.is_none_or(|known| !known.contains(*name)));
    for name in new.cloned() {
        match spec.as_alias().map(|alias| alias.target.managed()) {
            Some(Some(key)) => {
                taken_with.entry(key.clone()).or_default().aliases.insert(name);
            }
            Some(None) => {}
            None => drop(taken_with.entry(address.clone()).or_default().tags.insert(name)),
        }
    }
}
