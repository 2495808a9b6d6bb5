//! Eventual consistency: for a while after a call, AWS shows its contents from before the call.

use super::consumers::{Shelf, sight};
use super::{Event, FakeAws, FakeKey, NOW, Page, Region, fail, kms};
use kmsctl::answer::{CloudError, Fault};
use kmsctl::id::{KeyArn, Place};
use kmsctl::kind::{Call, ConsumerKind, Sight};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

pub(super) type Regions = BTreeMap<Place, Region>;
pub(super) type Shelves = BTreeMap<(ConsumerKind, Place), Shelf>;

/// The contents before a call.
#[derive(Debug)]
pub(super) struct Past {
    /// The time of the call.
    until: Duration,
    regions: Regions,
    shelves: Shelves,
}

impl FakeAws {
    /// Returns the time since the first request, by the clock of the test.
    pub(crate) fn clock(&self) -> Duration {
        self.began.get_or_init(Instant::now).elapsed()
    }

    /// Returns the creation time of the new key with a number, in seconds since 1970.
    pub(super) fn creation_time(&self, number: u64) -> u64 {
        match self.faults.borrow().lag {
            0 => self.created.get() + number,
            _ => NOW + self.clock().as_secs(),
        }
    }

    /// Executes a call, and keeps the contents from before it if AWS is to show them for a while.
    pub(super) fn keeping_the_past<T>(
        &self,
        execute: impl FnOnce() -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let lag = Duration::from_secs(self.faults.borrow().lag);
        if lag.is_zero() {
            return execute();
        }
        let until = self.clock();
        let regions = self.regions.borrow().clone();
        let shelves = self.shelves.borrow().clone();
        let done = execute()?;
        let mut past = self.past.borrow_mut();
        past.retain(|old| old.until + 2 * lag > until);
        past.push(Rc::new(Past { until, regions, shelves }));
        Ok(done)
    }

    /// Returns the moment whose contents a read shows.
    pub(super) fn moment(&self) -> Duration {
        let (lag, flap) = {
            let faults = self.faults.borrow();
            (Duration::from_secs(faults.lag), faults.flap)
        };
        let current = lag.is_zero() || (flap && self.rng.below(2) == 0);
        if current { self.clock() } else { self.clock().saturating_sub(lag) }
    }

    /// Returns the contents of a moment; `None` if they are the current ones.
    fn past(&self, moment: Duration) -> Option<Rc<Past>> {
        self.past.borrow().iter().find(|past| past.until > moment).cloned()
    }

    /// Reads the contents of a moment.
    pub(super) fn shown<T>(
        &self,
        moment: Duration,
        read: impl FnOnce(&Regions, &Shelves) -> T,
    ) -> T {
        match self.past(moment) {
            Some(past) => read(&past.regions, &past.shelves),
            None => read(&self.regions.borrow(), &self.shelves.borrow()),
        }
    }

    /// Returns whether a call finds the key.
    pub(super) fn shows(&self, key: &KeyArn) -> bool {
        let has = |regions: &Regions| {
            regions.get(&key.place()).is_some_and(|region| region.keys.contains_key(key.id()))
        };
        match self.past(self.moment()) {
            Some(past) => has(&past.regions),
            None => has(&self.regions.borrow()),
        }
    }

    /// Returns the error of an operation that its service refuses for a while.
    pub(super) fn refusal(&self, name: &'static str) -> Option<CloudError> {
        let faults = self.faults.borrow();
        let (code, message, seconds) = faults.refused_for.get(name)?;
        let since = *self.refused_since.borrow_mut().entry(name).or_insert_with(|| self.clock());
        if self.clock() >= since + Duration::from_secs(*seconds) {
            return None;
        }
        Some(CloudError {
            code: Some((*code).to_owned()),
            ..fail(name, Fault::InvalidState, message)
        })
    }

    /// Returns the error of a call about a key that KMS does not know yet, or does not know as it is yet.
    pub(super) fn lagging(
        &self,
        call: &Call,
        key: Option<&KeyArn>,
        name: &'static str,
    ) -> Option<CloudError> {
        let key = key?;
        if self.misses(key.id()) || !self.shows(key) {
            return Some(fail(name, Fault::NotFound, "not seen yet"));
        }
        let (denied_after, calls_lag) = {
            let faults = self.faults.borrow();
            (Duration::from_secs(faults.denied_after), faults.calls_lag)
        };
        let changed = self.changed.borrow().get(key.id()).copied();
        if changed.is_some_and(|changed| self.clock() < changed + denied_after) {
            return Some(fail(name, Fault::Denied, "not authorized yet"));
        }
        let past = self.past(self.moment()).filter(|_| calls_lag)?;
        let region = past.regions.get(&key.place())?;
        kms::accepts(region.keys.get(key.id())?, call, name).err()
    }

    /// Returns whether a service finds the key enabled.
    pub(super) fn shows_enabled(&self, key: &KeyArn) -> bool {
        let is_enabled = |regions: &Regions| {
            let key = regions.get(&key.place()).and_then(|region| region.keys.get(key.id()));
            key.is_some_and(|key| key.meta.state == "Enabled")
        };
        match self.past(self.moment()) {
            Some(past) => is_enabled(&past.regions),
            None => is_enabled(&self.regions.borrow()),
        }
    }

    /// Returns the number of keys that every read shows.
    pub(crate) fn keys_shown(&self) -> usize {
        let lag = Duration::from_secs(self.faults.borrow().lag);
        self.shown(self.clock().saturating_sub(lag), |regions, _| {
            regions.values().map(|region| region.keys.len()).sum()
        })
    }

    /// Reads a key.
    pub(super) fn of<T>(
        &self,
        operation: &'static str,
        key: &KeyArn,
        get: impl FnOnce(&FakeKey) -> T,
    ) -> Result<T, CloudError> {
        self.of_at(operation, key, self.moment(), get)
    }

    /// Reads a key as it was at a moment.
    pub(super) fn of_at<T>(
        &self,
        operation: &'static str,
        key: &KeyArn,
        moment: Duration,
        get: impl FnOnce(&FakeKey) -> T,
    ) -> Result<T, CloudError> {
        if self.misses(key.id()) {
            return Err(fail(operation, Fault::NotFound, "not seen yet"));
        }
        let found = self.shown(moment, |regions, _| {
            regions.get(&key.place()).and_then(|region| region.keys.get(key.id())).map(get)
        });
        found.ok_or_else(|| fail(operation, Fault::NotFound, "no such key"))
    }

    /// Looks at a consumer. A read of the current contents brings the end of the operation nearer.
    pub(super) fn sight_shown(&self, at: &Place, kind: ConsumerKind, id: &str) -> Sight {
        let of = |shelves: &Shelves| {
            sight(at, kind, shelves.get(&(kind, at.clone())).and_then(|shelf| shelf.get(id)))
        };
        let current = of(&self.shelves.borrow());
        let past = self.past(self.moment()).map(|past| of(&past.shelves));
        let is_current = past.as_ref().is_none_or(|past| *past == current);
        self.timeline.borrow_mut().push((self.clock(), Event::Look(is_current)));
        past.unwrap_or_else(|| self.look(at, kind, id))
    }

    /// Reads the page of a list after a marker. All pages show the same moment. A page has two items.
    pub(super) fn page<T>(
        &self,
        from: Option<&str>,
        list: impl FnOnce(Duration) -> Result<Vec<T>, CloudError>,
    ) -> Result<Page<T>, CloudError> {
        let (start, moment) = match from.map(|marker| marker.split_once('@').unwrap()) {
            Some((start, nanos)) => {
                (start.parse().unwrap(), Duration::from_nanos(nanos.parse().unwrap()))
            }
            None => (0, self.moment()),
        };
        let items = list(moment)?;
        let next =
            (items.len() > start + 2).then(|| format!("{}@{}", start + 2, moment.as_nanos()));
        Ok(Page { items: items.into_iter().skip(start).take(2).collect(), next })
    }
}
