//! Reads the consumers of keys. They are found by the ids in their records, by their declared names, and
//! by the stack's tags, with one list for each kind and place.

use super::{Aliases, Refresh, unreadable};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::{KeyArn, Name, Place};
use crate::kind::address::Address;
use crate::kind::consumer::Encryption;
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::{
    ConsumerKind, ConsumerQuery, ConsumerSpec, KeyRef, Object, Phase, Spec, Violation,
};
use crate::live::{Live, Observed};
use crate::permissions::table;
use crate::retry::with_retries;
use std::collections::{BTreeMap, BTreeSet};

/// The search for the resources of one kind in one place.
struct Search<'a> {
    place: Place,
    sought: ConsumerQuery,
    /// The addresses, with AWS's identifiers if they are known.
    addresses: BTreeMap<&'a Address, Option<String>>,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the declared and recorded consumers, and those that carry the stack's tags.
    pub(super) async fn lift_consumers(
        &self,
        aliases: &Aliases,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        let own: BTreeMap<KeyArn, Address> =
            live.ids.iter().map(|(address, arn)| (arn.clone(), address.clone())).collect();
        let searches: Vec<Search<'_>> = self.searches();
        let reads = searches.into_iter().map(|search| async move {
            let missing = |found: &Result<Vec<Object>, CloudError>| {
                found.as_ref().is_ok_and(|found| self.misses_recorded(&search, found))
            };
            let ask = async || {
                let ask = async || self.cloud.objects(&search.place, &search.sought).await;
                with_retries(&self.options.retry, ask).await
            };
            let found = self.until_visible(ask, missing).await;
            (search, found)
        });
        for (search, found) in self.concurrently(reads).await {
            match found {
                Ok(found) => {
                    let managed = aws_managed(aliases, &search.place);
                    let named = found.into_iter().map(|mut object| {
                        name_key(&mut object.spec, &managed, &own);
                        object
                    });
                    self.lift_found(&search, named.collect(), live);
                }
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) => {
                    let reads = table::reads(search.sought.kind);
                    for address in search.addresses.keys() {
                        let reason = format!("it cannot be read: {error}");
                        let help = format!("allow the caller to read it: {reads}");
                        let seen = unreadable(reason, &error, &help);
                        live.observed.insert((*address).clone(), seen);
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns one search for each kind and place that is declared or recorded. Without a state, kinds
    /// that the configuration does not mention are not searched, because kmsctl deletes only recorded
    /// consumers.
    fn searches(&self) -> Vec<Search<'_>> {
        let mut searches: BTreeMap<(ConsumerKind, Place), Search<'_>> = BTreeMap::new();
        for kind in ConsumerKind::ALL.iter().copied() {
            for address in self.addresses(kind) {
                let interest = self.interest(address);
                let recorded = interest.record.map(|record| &record.place);
                let Some(place) = recorded.or(interest.declared.map(|d| &d.place)) else {
                    continue;
                };
                let search = searches.entry((kind, place.clone())).or_insert_with(|| Search {
                    place: place.clone(),
                    sought: ConsumerQuery {
                        kind,
                        stack: self.desired.stack.to_string(),
                        ids: BTreeSet::new(),
                        fields: BTreeSet::new(),
                    },
                    addresses: BTreeMap::new(),
                });
                let natural = interest.consumers().find_map(|s| s.natural(&address.name));
                let id = interest.record.map(|record| record.id.clone()).or(natural);
                search.sought.ids.extend(id.clone());
                if id.is_none() && kind.facts().keeps_deleted_names {
                    search.sought.ids.insert(address.name.clone());
                }
                search.sought.fields.extend(interest.specs().flat_map(Spec::mentions));
                search.addresses.insert(address, id);
            }
        }
        searches.into_values().collect()
    }

    /// Returns whether AWS does not show a recorded resource.
    fn misses_recorded(&self, search: &Search<'_>, found: &[Object]) -> bool {
        search.addresses.iter().any(|(address, id)| {
            let recorded = self.interest(address).record.is_some();
            recorded && !found.iter().any(|object| Some(&object.id) == id.as_ref())
        })
    }

    fn lift_found(&self, search: &Search<'_>, found: Vec<Object>, live: &mut Live) {
        let (gone, left): (Vec<Object>, Vec<Object>) =
            found.into_iter().partition(|object| object.phase == Phase::Gone);
        for (address, id) in &search.addresses {
            let ours = |object: &Object| self.is_tagged(object, address);
            let by_id = left.iter().position(|object| Some(&object.id) == id.as_ref());
            let tagged: Vec<usize> =
                (0..left.len()).filter(|n| left.get(*n).is_some_and(&ours)).collect();
            let seen = match (by_id, tagged.as_slice()) {
                (Some(n), _) => self.lift_nth(search, address, left.get(n)),
                (None, [n]) => self.lift_nth(search, address, left.get(*n)),
                (None, []) => self.lift_missing(address, &gone),
                (None, several) => several_tagged(several.iter().filter_map(|n| left.get(*n))),
            };
            live.observed.insert((*address).clone(), seen);
        }
        for object in left {
            self.lift_unclaimed(search.sought.kind, &search.place, object, live);
        }
    }

    fn is_tagged(&self, object: &Object, address: &Address) -> bool {
        let tag = |key: &str| object.spec.common().tags.get(key).map(String::as_str);
        tag(STACK_TAG) == Some(self.desired.stack.as_str()) && tag(NAME_TAG) == Some(&address.name)
    }

    /// Returns the result for a resource that AWS does not have. A resource that is declared as `existing`
    /// must exist. The name of any other declared resource must be free.
    fn lift_missing(&self, address: &Address, gone: &[Object]) -> Observed {
        let taken = |object: &Object| {
            let (name, violation) = object.spec.reserved_name(&object.id)?;
            let Violation { reason, help, .. } = violation;
            (name == address.name).then_some(Observed::Unusable { reason, help })
        };
        let Some(declared) = self.interest(address).declared else {
            return Observed::Absent;
        };
        if let Some(taken) = gone.iter().find_map(taken) {
            return taken;
        }
        let existing = declared.spec.as_consumer().and_then(|spec| spec.common().existing.as_ref());
        let Some(existing) = existing else {
            return Observed::Absent;
        };
        let creates = address.kind.consumer().is_some_and(|kind| kind.reader().syntax.creates);
        let or_create = if creates { ", or leave out `existing` to create one" } else { "" };
        Observed::Unusable {
            reason: format!("`{existing}` does not exist"),
            help: format!("name a resource that exists in this account and Region{or_create}"),
        }
    }

    fn lift_nth(
        &self,
        search: &Search<'_>,
        address: &Address,
        object: Option<&Object>,
    ) -> Observed {
        let lift = |object| self.lift_object(search, address, object);
        object.cloned().map_or(Observed::Absent, lift)
    }

    fn lift_object(&self, search: &Search<'_>, address: &Address, object: Object) -> Observed {
        let Object { id, mut spec, phase } = object;
        let interest = self.interest(address);
        let existing = interest.consumers().next().and_then(|spec| spec.common().existing.clone());
        if existing.is_none()
            && let Some(seen) = self.foreign_consumer(address, &id, &spec)
        {
            return seen;
        }
        let busy = match phase {
            Phase::Broken(word) => return broken(&id, &word),
            Phase::Busy(word) => Some(word),
            Phase::Ready | Phase::Gone => None,
        };
        let wanted: BTreeSet<String> = interest
            .consumers()
            .flat_map(|spec| spec.common().tags.keys().cloned())
            .chain([STACK_TAG, NAME_TAG].map(str::to_owned))
            .collect();
        let common = spec.common_mut();
        common.tags.retain(|key, _| wanted.contains(key) && existing.is_none());
        common.existing = existing;
        let known = match (interest.record, interest.declared) {
            (Some(record), _) => Some((&record.spec, record.partial)),
            (None, Some(declared)) => Some((&declared.spec, false)),
            (None, None) => None,
        };
        if let Some((Spec::Consumer(known), interrupted)) = known {
            spec.fill_unseen(known, interrupted);
        }
        let spec = Box::new(Spec::Consumer(spec));
        Observed::Present { id, place: search.place.clone(), spec, busy }
    }

    /// Returns the reason why the stack must not change a resource, if any. The owner is decided by the
    /// tags. A record is no proof, since the resource may have been deleted and another owner may have
    /// created one with the same name.
    fn foreign_consumer(
        &self,
        address: &Address,
        id: &str,
        spec: &ConsumerSpec,
    ) -> Option<Observed> {
        let tag = |key: &str| spec.common().tags.get(key).map(String::as_str);
        let stack = tag(STACK_TAG);
        if stack != Some(self.desired.stack.as_str()) {
            let recorded = self.interest(address).record.is_some();
            return Some(foreign(address, id, stack, recorded.then_some(&self.desired.stack)));
        }
        let other = Address::new(address.kind, tag(NAME_TAG)?);
        (other != *address && self.is_known(&other)).then(|| Observed::Unusable {
            reason: format!("`{id}` is `{other}` already"),
            help: "a resource has one address: remove one of the two declarations, or forget the \
                   other with `removed`"
                .to_owned(),
        })
    }

    /// Adds a resource that carries the stack's tags, and is neither declared nor recorded.
    pub(super) fn lift_unclaimed(
        &self,
        kind: ConsumerKind,
        place: &Place,
        object: Object,
        live: &mut Live,
    ) {
        let tag = |key: &str| object.spec.common().tags.get(key);
        let (Some(stack), Some(name)) = (tag(STACK_TAG), tag(NAME_TAG)) else {
            return;
        };
        if stack != self.desired.stack.as_str() {
            return;
        }
        let address = Address::new(kind, name.clone());
        if live.observed.contains_key(&address) || self.desired.forget.contains(&address) {
            return;
        }
        let (id, spec) = (object.id, Box::new(Spec::Consumer(object.spec)));
        live.observed
            .insert(address, Observed::Present { id, place: place.clone(), spec, busy: None });
    }
}

/// Returns the AWS managed keys in a place.
pub(super) fn aws_managed(aliases: &Aliases, place: &Place) -> BTreeSet<KeyArn> {
    let all = aliases.get(place).into_iter().flatten();
    all.filter(|(name, _)| name.starts_with("alias/aws/")).map(|(_, arn)| arn.clone()).collect()
}

/// Replaces the ARN of a key by its address if the key belongs to the stack, and the ARN of an AWS managed
/// key by [`Encryption::Aws`].
pub(super) fn name_key(
    spec: &mut ConsumerSpec,
    managed: &BTreeSet<KeyArn>,
    own: &BTreeMap<KeyArn, Address>,
) {
    let Some(key) = &mut spec.common_mut().key else {
        return;
    };
    let Some(KeyRef::Arn(arn)) = key.key() else {
        return;
    };
    if managed.contains(arn) {
        *key = Encryption::Aws;
    } else if let Some(address) = own.get(arn) {
        *key = Encryption::Key(KeyRef::Managed(address.clone()));
    }
}

/// Returns the result for a resource of another owner. `owner` is the stack that its tags name, and
/// `recorded` is this stack if it has a record of the resource.
fn foreign(address: &Address, id: &str, owner: Option<&str>, recorded: Option<&Name>) -> Observed {
    let whose = match (owner, recorded) {
        (Some(owner), _) => format!("belongs to the stack `{owner}`"),
        (None, None) => "already exists, and does not belong to this stack".to_owned(),
        (None, Some(_)) => "is recorded, but does not have the tags of this stack".to_owned(),
    };
    let tag_again = match (owner, recorded) {
        (None, Some(stack)) => format!(
            "if the resource belongs to this stack, add the tags `{STACK_TAG}={stack}` and \
             `{NAME_TAG}={}` to it again; if it does not, ",
            address.name
        ),
        (Some(_), _) | (None, None) => String::new(),
    };
    let forget = match recorded {
        Some(_) => format!("; `kmsctl state forget {address}` removes the record"),
        None => String::new(),
    };
    Observed::Unusable {
        reason: format!("`{id}` {whose}"),
        help: format!(
            "{tag_again}choose another name, or write `existing: {id}` to use it as it is{forget}"
        ),
    }
}

/// Returns the result for a resource in a state that it does not leave by itself.
fn broken(id: &str, state: &str) -> Observed {
    Observed::Unusable {
        reason: format!("AWS reports that `{id}` is `{state}`"),
        help:
            "repair or delete the resource in AWS, and plan again; its key may be disabled, or its \
               service may not be allowed to use the key"
                .to_owned(),
    }
}

/// Returns the result for an address whose tags several resources carry.
fn several_tagged<'a>(objects: impl Iterator<Item = &'a Object>) -> Observed {
    let list: Vec<&str> = objects.map(|object| object.id.as_str()).collect();
    Observed::Unusable {
        reason: format!("several resources carry its tags: {}", list.join(", ")),
        help: format!("keep one: remove the tags `{STACK_TAG}` and `{NAME_TAG}` from the others"),
    }
}
