//! The consumers of keys: found by their records, by the names that the configuration gives, and by
//! the stack's tags; listed once a kind and place.

use super::buckets::{looks_for_names, name_taken};
use super::{Aliases, Refresh, look_again, unreachable, unread};
use crate::address::Address;
use crate::cloud::retry::patiently;
use crate::cloud::{Cloud, CloudError, Object, Phase, Sought};
use crate::id::{KeyArn, Name, Place};
use crate::kind::consumer::Encryption;
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::{KeyRef, Kind, Spec};
use crate::live::{Live, Observed};
use std::collections::{BTreeMap, BTreeSet};

/// What is looked for in one place, of one kind.
struct Search<'a> {
    place: Place,
    sought: Sought,
    /// The addresses, and AWS's identifiers as far as they are known.
    addresses: BTreeMap<&'a Address, Option<String>>,
}

impl<C: Cloud> Refresh<'_, C> {
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
                patiently(&self.effort.patience, ask).await
            };
            let found = look_again(ask, missing).await;
            (search, found)
        });
        for (search, found) in self.side_by_side(reads).await {
            match found {
                Ok(found) => {
                    let managed = aws_managed(aliases, &search.place);
                    let named = found.into_iter().map(|mut object| {
                        name_key(&mut object.spec, &managed, &own);
                        object
                    });
                    self.lift_found(&search, named.collect(), live);
                }
                Err(error) if unreachable(&error) => return Err(error),
                Err(error) => {
                    let reads = search.sought.kind.reads();
                    for address in search.addresses.keys() {
                        let reason = format!("it cannot be read: {error}");
                        let help = format!("let the caller read it: {reads}");
                        let seen = unread(reason, &error, &help);
                        live.observed.insert((*address).clone(), seen);
                    }
                }
            }
        }
        Ok(())
    }

    /// One search a kind and place. Where there is no state, the kinds that the configuration does
    /// not mention are not looked for: nothing is recorded of them that could be deleted.
    fn searches(&self) -> Vec<Search<'_>> {
        let mut searches: BTreeMap<(Kind, Place), Search<'_>> = BTreeMap::new();
        for kind in Kind::ALL.iter().copied().filter(|kind| kind.is_consumer()) {
            for address in self.addresses(kind) {
                let interest = self.interest(address);
                let recorded = interest.record.map(|record| &record.place);
                let Some(place) = recorded.or(interest.declared.map(|d| &d.place)) else {
                    continue;
                };
                let search = searches.entry((kind, place.clone())).or_insert_with(|| Search {
                    place: place.clone(),
                    sought: Sought {
                        kind,
                        stack: self.desired.stack.to_string(),
                        ids: BTreeSet::new(),
                        fields: BTreeSet::new(),
                    },
                    addresses: BTreeMap::new(),
                });
                let natural = interest.specs().find_map(|s| s.natural(&address.name, place));
                let id = interest.record.map(|record| record.id.clone()).or(natural);
                search.sought.ids.extend(id.clone());
                if id.is_none() && looks_for_names(kind) {
                    search.sought.ids.insert(address.name.clone());
                }
                search.sought.fields.extend(interest.specs().flat_map(Spec::mentions));
                search.addresses.insert(address, id);
            }
        }
        searches.into_values().collect()
    }

    /// Whether something is recorded that AWS does not show.
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
            self.lift_unclaimed(search, object, live);
        }
    }

    fn is_tagged(&self, object: &Object, address: &Address) -> bool {
        let tags = object.spec.common().map(|common| &common.tags);
        let tag = |key: &str| tags.and_then(|tags| tags.get(key)).map(String::as_str);
        tag(STACK_TAG) == Some(self.desired.stack.as_str()) && tag(NAME_TAG) == Some(&address.name)
    }

    /// One that the configuration says exists already must be there; another must be possible.
    fn lift_missing(&self, address: &Address, gone: &[Object]) -> Observed {
        let taken = |object: &Object| name_taken(&object.spec, &object.id, &address.name);
        let declared = self.interest(address).declared.is_some();
        if let Some(taken) = gone.iter().filter(|_| declared).find_map(taken) {
            return taken;
        }
        let existing = self
            .interest(address)
            .declared
            .and_then(|declared| declared.spec.common().and_then(|common| common.existing.clone()));
        existing.map_or(Observed::Absent, |existing| Observed::Unusable {
            reason: format!("`{existing}` is not there"),
            help: "name one that exists in this account and Region, or declare what to create \
                   instead of `existing`"
                .to_owned(),
        })
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
        let existing =
            interest.specs().find_map(|spec| spec.common().map(|c| c.existing.clone())).flatten();
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
            .specs()
            .filter_map(|spec| spec.common())
            .flat_map(|common| common.tags.keys().cloned())
            .chain([STACK_TAG, NAME_TAG].map(str::to_owned))
            .collect();
        if let Some(common) = spec.common_mut() {
            common.tags.retain(|key, _| wanted.contains(key) && existing.is_none());
            common.existing = existing;
        }
        // What an apply that was cut short did of what AWS does not show is not known: it is done
        // again.
        let known = match interest.record {
            Some(record) => (!record.partial).then_some(&record.spec),
            None => interest.declared.map(|declared| &declared.spec),
        };
        if let Some(known) = known {
            spec.fill_unseen(known);
        }
        Observed::Present { id, place: search.place.clone(), spec: Box::new(spec), busy }
    }

    /// Why a resource must not be touched: its tags say whose it is. A record proves nothing, since
    /// a resource of that name may have been deleted and made again by somebody else.
    fn foreign_consumer(&self, address: &Address, id: &str, spec: &Spec) -> Option<Observed> {
        let tags = spec.common().map(|common| &common.tags);
        let tag = |key: &str| tags.and_then(|tags| tags.get(key)).map(String::as_str);
        let stack = tag(STACK_TAG);
        if stack != Some(self.desired.stack.as_str()) {
            let recorded = self.interest(address).record.is_some();
            return Some(foreign(address, id, stack, recorded.then_some(&self.desired.stack)));
        }
        let other = Address::new(address.kind, tag(NAME_TAG)?);
        (other != *address && self.is_known(&other)).then(|| Observed::Unusable {
            reason: format!("`{id}` is `{other}` already"),
            help: "one resource has one address: drop one of the two declarations, or forget the \
                   other with `removed`"
                .to_owned(),
        })
    }

    /// One that carries the stack's tags, but is neither declared nor recorded.
    fn lift_unclaimed(&self, search: &Search<'_>, object: Object, live: &mut Live) {
        let tags = object.spec.common().map(|common| &common.tags);
        let name = tags.filter(|tags| {
            tags.get(STACK_TAG).map(String::as_str) == Some(self.desired.stack.as_str())
        });
        let Some(name) = name.and_then(|tags| tags.get(NAME_TAG)) else {
            return;
        };
        let address = Address::new(search.sought.kind, name.clone());
        if live.observed.contains_key(&address) || self.desired.forget.contains(&address) {
            return;
        }
        let (id, spec) = (object.id, Box::new(object.spec));
        live.observed.insert(
            address,
            Observed::Present { id, place: search.place.clone(), spec, busy: None },
        );
    }
}

/// The keys that AWS manages in a place: no keys of a customer.
fn aws_managed(aliases: &Aliases, place: &Place) -> BTreeSet<KeyArn> {
    let all = aliases.get(place).into_iter().flatten();
    all.filter(|(name, _)| name.starts_with("alias/aws/")).map(|(_, arn)| arn.clone()).collect()
}

/// Calls a key of the stack by its address.
fn name_key(spec: &mut Spec, managed: &BTreeSet<KeyArn>, own: &BTreeMap<KeyArn, Address>) {
    let Some(key) = spec.common_mut().and_then(|common| common.key.as_mut()) else {
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

/// `recorded` is the stack, where it has a record of the resource.
fn foreign(address: &Address, id: &str, owner: Option<&str>, recorded: Option<&Name>) -> Observed {
    let whose = match (owner, recorded) {
        (Some(owner), _) => format!("belongs to the stack `{owner}`"),
        (None, None) => "is there already, and is not this stack's".to_owned(),
        (None, Some(_)) => "is recorded, but does not carry the tags of this stack".to_owned(),
    };
    let again = recorded.filter(|_| owner.is_none()).map(|stack| {
        let name = &address.name;
        format!(
            "if it is this stack's, give it the tags `{STACK_TAG}={stack}` and `{NAME_TAG}={name}` \
             again; if it is not, "
        )
    });
    let forget = recorded.map(|_| format!("; `kmsctl state forget {address}` drops the record"));
    let (again, forget) = (again.unwrap_or_default(), forget.unwrap_or_default());
    Observed::Unusable {
        reason: format!("`{id}` {whose}"),
        help: format!(
            "{again}choose another name, or write `existing: {id}` to use it as it is{forget}"
        ),
    }
}

fn broken(id: &str, word: &str) -> Observed {
    Observed::Unusable {
        reason: format!("AWS says that `{id}` is `{word}`"),
        help:
            "see what AWS says about it: its key may be disabled or not allowed; repair or delete \
               it there, and plan again"
                .to_owned(),
    }
}

fn several_tagged<'a>(objects: impl Iterator<Item = &'a Object>) -> Observed {
    let list: Vec<&str> = objects.map(|object| object.id.as_str()).collect();
    Observed::Unusable {
        reason: format!("several carry its tags: {}", list.join(", ")),
        help: format!("keep one: take the tags `{STACK_TAG}` and `{NAME_TAG}` off the others"),
    }
}
