//! The services whose resources use keys, with the documented rules: a name can be used once, a
//! busy resource accepts no call, and the key must be usable.

mod cloudtrail;
mod dynamodb;
mod ebs;
mod efs;
mod es;

pub(crate) use cloudtrail::open_bucket;
pub(crate) use s3::make_bucket;
mod rds_cluster;
mod rds_instance;
mod s3;

use super::lag::{Regions, Shelves};
use super::{FakeAws, fail};
use kmsctl::answer::{CloudError, Fault, Outcome};
use kmsctl::id::{KeyArn, Place};
use kmsctl::kind::consumer::{Effect, Encryption, Tag, Tags};
use kmsctl::kind::key::STACK_TAG;
use kmsctl::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use kmsctl::kind::{ConsumerCall, ConsumerKind, KeyRef};
use std::collections::BTreeMap;

/// A consumer of the stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) object: Object,
    /// The number of further reads during which the consumer is busy.
    pub(crate) busy: u64,
    /// Whether the consumer is deleted once it is no longer busy.
    pub(crate) going: bool,
}

/// The consumers of one kind in one place, by id.
pub(crate) type Shelf = BTreeMap<String, Held>;

pub(super) type Answer = Result<Outcome, CloudError>;

/// A call to a service.
pub(super) struct Request<'a> {
    pub(super) fake: &'a FakeAws,
    pub(super) at: &'a Place,
    pub(super) bindings: &'a CallBindings<'a>,
    pub(super) name: &'static str,
}

impl Request<'_> {
    pub(super) fn fail<T>(&self, fault: Fault, message: &str) -> Result<T, CloudError> {
        Err(fail(self.name, fault, message))
    }

    /// Returns the key, if the service can use it.
    pub(super) fn key(&self, key: Option<&KeyRef>) -> Result<Encryption, CloudError> {
        let Some(key) = key else {
            return Ok(Encryption::Aws);
        };
        let arn = self.bindings.ids.and_then(|ids| key.resolve(ids));
        let arn = arn.or_else(|| key.resolve(&BTreeMap::new()));
        let Some(arn) = arn else {
            return self.fail(Fault::Invalid, "a key that is not there");
        };
        self.usable(&arn)?;
        Ok(Encryption::Key(KeyRef::Arn(arn)))
    }

    fn usable(&self, arn: &KeyArn) -> Result<(), CloudError> {
        if self.fake.faults.borrow().services_lag && !self.fake.shows_enabled(arn) {
            return self.fail(Fault::Key, "no such key yet, or not enabled yet");
        }
        let regions = self.fake.regions.borrow();
        let found = regions.get(&arn.place()).and_then(|region| region.keys.get(arn.id()));
        match found {
            _ if arn.region != self.at.region => self.fail(Fault::Key, "a key of another Region"),
            None => self.fail(Fault::Key, "no such key"),
            Some(key) if key.meta.state != "Enabled" => self.fail(Fault::Key, "not enabled"),
            Some(key) if key.meta.spec != "SYMMETRIC_DEFAULT" => {
                self.fail(Fault::Key, "not symmetric")
            }
            Some(_) => Ok(()),
        }
    }

    /// Adds a new object.
    pub(super) fn make(&self, shelf: &mut Shelf, object: Object) -> Answer {
        let id = object.id.clone();
        if shelf.contains_key(&id) {
            return self.fail(Fault::AlreadyExists, "the name is taken");
        }
        let busy = self.fake.faults.borrow().busy;
        shelf.insert(id.clone(), Held { object, busy, going: false });
        Ok(Outcome::Made(id))
    }

    /// Returns the object of a call, if it is not busy.
    pub(super) fn held<'s>(
        &self,
        shelf: &'s mut Shelf,
        id: &str,
    ) -> Result<&'s mut Held, CloudError> {
        match shelf.get_mut(id) {
            None => self.fail(Fault::NotFound, "no such object"),
            Some(held) if held.going => self.fail(Fault::InvalidState, "it is being deleted"),
            Some(held) if held.busy > 0 => self.fail(Fault::InvalidState, "it is being changed"),
            Some(held) => Ok(held),
        }
    }

    /// Begins the deletion of an object.
    pub(super) fn take(&self, shelf: &mut Shelf, id: &str) -> Answer {
        let busy = self.fake.faults.borrow().busy;
        let held = self.held(shelf, id)?;
        (held.busy, held.going) = (busy, true);
        if busy == 0 {
            shelf.remove(id);
        }
        Ok(Outcome::Done)
    }

    /// Returns the id that is bound to a call, for a resource whose id AWS assigns.
    pub(super) fn id(&self) -> Result<String, CloudError> {
        let id = self.bindings.id.map(str::to_owned);
        id.map_or_else(|| self.fail(Fault::Invalid, "no id"), Ok)
    }
}

pub(super) fn tags_of(tags: &[Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// Sets and removes tags.
pub(super) fn retag(held: &mut Held, set: &[Tag], unset: &[String]) {
    let tags = &mut held.object.spec.common_mut().tags;
    tags.extend(tags_of(set));
    tags.retain(|key, _| !unset.contains(key));
}

impl FakeAws {
    /// Executes a call to a service.
    pub(super) fn consume(
        &self,
        at: &Place,
        call: &ConsumerCall,
        bindings: &CallBindings<'_>,
        name: &'static str,
    ) -> Answer {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.entry((call.kind(), at.clone())).or_default();
        let request = Request { fake: self, at, bindings, name };
        let answer = match call {
            ConsumerCall::EbsDefault(call) => ebs::set_default(&request, shelf, call),
            ConsumerCall::EbsVolume(call) => ebs::execute(&request, shelf, call),
            ConsumerCall::CloudtrailTrail(call) => cloudtrail::execute(&request, shelf, call),
            ConsumerCall::CloudtrailEventDataStore(call) => {
                cloudtrail::store(&request, shelf, call)
            }
            ConsumerCall::DynamodbTable(call) => dynamodb::execute(&request, shelf, call),
            ConsumerCall::EfsFileSystem(call) => efs::execute(&request, shelf, call),
            ConsumerCall::EsDomain(call) => es::execute(&request, shelf, call),
            ConsumerCall::RdsInstance(call) => rds_instance::execute(&request, shelf, call),
            ConsumerCall::RdsCluster(call) => rds_cluster::execute(&request, shelf, call),
            ConsumerCall::S3Bucket(call) => s3::execute(&request, shelf, call),
        };
        if let (Ok(_), Effect::Changes) = (&answer, call.effect()) {
            for held in shelf.values_mut().filter(|held| bindings.id == Some(&held.object.id)) {
                held.busy = self.faults.borrow().busy;
            }
        }
        answer
    }

    pub(super) fn found(
        &self,
        shelves: &Shelves,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Vec<Object> {
        if query.kind == ConsumerKind::EbsDefault {
            let held = shelves.get(&(query.kind, at.clone())).and_then(|s| s.values().next());
            return vec![held.map_or_else(|| ebs::default_of(at), |held| held.object.clone())];
        }
        let shelf = shelves.get(&(query.kind, at.clone())).into_iter().flatten();
        let wanted = shelf.filter(|(id, held)| query.wants(id, &held.object.spec.common().tags));
        let wanted = wanted.map(|(_, held)| Object { phase: phase(held), ..held.object.clone() });
        let gone = self.gone.borrow();
        let gone =
            gone.iter().filter(|(place, object)| place == at && object.spec.kind() == query.kind);
        wanted.chain(gone.map(|(_, object)| object.clone())).collect()
    }

    /// Returns the sight of a consumer. Each look brings the end of the operation nearer.
    pub(super) fn look(&self, at: &Place, kind: ConsumerKind, id: &str) -> Sight {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.entry((kind, at.clone())).or_default();
        let Some(held) = shelf.get_mut(id) else {
            return sight(at, kind, None);
        };
        let now = sight(at, kind, Some(held));
        held.busy = held.busy.saturating_sub(1);
        if held.going && held.busy == 0 {
            shelf.remove(id);
        }
        now
    }

    /// Returns the only consumer of a kind with an id.
    pub(crate) fn consumer(&self, kind: ConsumerKind, id: &str) -> Held {
        let shelves = self.shelves.borrow();
        let mut all = shelves.iter().filter(|((k, _), _)| *k == kind).flat_map(|(_, shelf)| shelf);
        all.find(|(known, _)| *known == id).map(|(_, held)| held.clone()).expect("the consumer")
    }

    /// Changes a consumer outside of kmsctl.
    pub(crate) fn tamper_consumer(
        &self,
        kind: ConsumerKind,
        id: &str,
        change: impl FnOnce(&mut Held),
    ) {
        let mut shelves = self.shelves.borrow_mut();
        let mut all = shelves.iter_mut().filter(|((k, _), _)| *k == kind).flat_map(|(_, s)| s);
        change(all.find(|(known, _)| *known == id).map(|(_, held)| held).expect("the consumer"));
    }
}

/// Returns the ARNs of the keys and consumers that carry the tag of a stack.
pub(super) fn arns_of(
    regions: &Regions,
    shelves: &Shelves,
    at: &Place,
    stack: &str,
) -> Vec<String> {
    let keys = regions.get(at).into_iter().flat_map(|region| region.keys.values());
    let ours = keys.filter(|key| key.tags.get(STACK_TAG).is_some_and(|tag| tag == stack));
    let mut arns: Vec<String> = ours.map(|key| key.meta.arn.to_string()).collect();
    for ((kind, place), shelf) in shelves {
        let Some(form) = kind.facts().arn.filter(|_| place == at) else {
            continue;
        };
        for (id, held) in shelf {
            let tags = &held.object.spec.common().tags;
            if tags.get(STACK_TAG).is_some_and(|tag| tag == stack) {
                let (service, prefix) = (form.service, form.prefix);
                let (region, account) = (&at.region, &at.account);
                arns.push(if form.is_id {
                    id.clone()
                } else {
                    format!("arn:aws:{service}:{region}:{account}:{prefix}{id}")
                });
            }
        }
    }
    arns
}

/// Returns the sight of a consumer. The encryption defaults of a Region always exist.
pub(super) fn sight(at: &Place, kind: ConsumerKind, held: Option<&Held>) -> Sight {
    match held {
        Some(held) => Sight::new(phase(held), held.object.spec.clone()),
        None if kind == ConsumerKind::EbsDefault => {
            Sight::new(Phase::Ready, ebs::default_of(at).spec)
        }
        None => Sight::gone(),
    }
}

fn phase(held: &Held) -> Phase {
    match (held.busy, held.going, &held.object.phase) {
        (0, true, _) => Phase::Gone,
        (0, false, phase) => phase.clone(),
        (_, true, _) => Phase::Busy("deleting".to_owned()),
        (_, false, _) => Phase::Busy("updating".to_owned()),
    }
}
