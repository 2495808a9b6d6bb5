//! The store in S3: two objects for each stack. `STACK.json` holds the state, and during a run the
//! journal that the run announced before its first call. `STACK.lease` is the lease.
//!
//! Every write is conditional: `If-None-Match: *` creates an object, and `If-Match` replaces exactly
//! the content that this run knows. So no run overwrites what it has not read. Nothing is deleted. A
//! read after a write returns what was written (S3 User Guide, "Amazon S3 data consistency model").
//!
//! The journal in S3 is not written call by call. It names every resource that the run may create,
//! with its nonce, so the number of requests does not depend on the number of calls.

use super::lease::{Clock, Lease, Renewals, Terms, boot_time};
use super::{Holder, Store, StoreError, Waiting};
use crate::answer::{CloudError, Fault};
use crate::id::Name;
use crate::journal::{Event, Replay, Stored};
use crate::retry::{RetryPolicy, with_retries};
use crate::sdk::gate::Permit;
use crate::sdk::objects::{Bucket, Condition, Object};
use crate::state::{State, StateError};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest pause between two looks at another run's lease.
const LOOK: Duration = Duration::from_secs(5);

/// The objects of a bucket. A method sends one request.
pub trait Objects: Send + Sync + 'static {
    /// Reads an object. Returns `None` if there is no such object.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Object>, CloudError>> + Send;

    /// Writes an object if the condition holds, and returns its new entity tag. Returns `None` if the
    /// condition does not hold.
    fn put(
        &self,
        key: &str,
        text: Vec<u8>,
        condition: Condition<'_>,
    ) -> impl Future<Output = Result<Option<String>, CloudError>> + Send;
}

impl Objects for Bucket {
    async fn get(&self, key: &str) -> Result<Option<Object>, CloudError> {
        Self::get(self, key).await
    }

    async fn put(
        &self,
        key: &str,
        text: Vec<u8>,
        condition: Condition<'_>,
    ) -> Result<Option<String>, CloudError> {
        Self::put(self, key, text, condition).await
    }
}

/// The state and the lease of one stack in a bucket.
#[derive(Debug)]
pub struct S3<O> {
    objects: Arc<O>,
    /// The address of the objects without the last part of their names, such as
    /// `s3://bucket/prefix/stack`.
    address: String,
    /// The key of the objects without the last part, such as `prefix/stack`.
    key: String,
    stack: Name,
    clock: Clock,
    retry: RetryPolicy,
    known: RefCell<Known>,
    renewals: RefCell<Option<Renewals>>,
}

/// What this run knows of the state's object.
#[derive(Debug, Default)]
struct Known {
    /// The entity tag; `None` if there is no object.
    etag: Option<String>,
    /// The state in the object.
    state: Option<State>,
    /// The events since that state.
    journal: Vec<Event>,
    /// Whether the object lacks the outcomes of calls that this run may have sent.
    is_behind: bool,
}

impl<O: Objects> S3<O> {
    /// Creates the store of `stack` under `prefix`, which is empty or ends without a slash. No request
    /// is sent.
    #[must_use]
    pub fn new(objects: Arc<O>, bucket: &str, prefix: &str, stack: Name) -> Self {
        Self::with_clock(objects, bucket, prefix, stack, boot_time)
    }

    /// Creates the store with another clock, which measures the lease.
    #[must_use]
    pub fn with_clock(
        objects: Arc<O>,
        bucket: &str,
        prefix: &str,
        stack: Name,
        clock: Clock,
    ) -> Self {
        let slash = if prefix.is_empty() { "" } else { "/" };
        let key = format!("{prefix}{slash}{stack}");
        Self {
            objects,
            address: format!("s3://{bucket}/{key}"),
            key,
            stack,
            clock,
            retry: RetryPolicy::default(),
            known: RefCell::default(),
            renewals: RefCell::default(),
        }
    }

    /// Ends the renewals of the lease as the death of the process does.
    pub fn abandon(&self) {
        if let Some(renewals) = self.renewals.take() {
            renewals.abandon();
        }
    }

    fn address(&self, extension: &str) -> String {
        format!("{}.{extension}", self.address)
    }

    fn remote(&self, extension: &str) -> impl Fn(CloudError) -> StoreError {
        let object = self.address(extension);
        move |source| StoreError::Remote { object: object.clone(), source }
    }

    async fn get(&self, extension: &str) -> Result<Option<Object>, StoreError> {
        let key = format!("{}.{extension}", self.key);
        let read = with_retries(&self.retry, async || self.objects.get(&key).await).await;
        read.map_err(self.remote(extension))
    }

    /// Waits until nobody but `own` holds the lease, and returns the entity tag of its object. Returns
    /// an error as soon as the holder renews the lease: its run is alive.
    async fn free(
        &self,
        own: Option<&Holder>,
        waiting: Waiting<'_>,
    ) -> Result<Option<String>, StoreError> {
        let mut first: Option<String> = None;
        loop {
            let Some(object) = self.get("lease").await? else {
                return Ok(None);
            };
            let left = Terms::left(&object);
            let holder = Terms::read(&object).map_or_else(unknown_holder, |terms| terms.holder);
            if left.is_zero() || own == Some(&holder) {
                return Ok(Some(object.etag));
            }
            match &first {
                Some(etag) if *etag != object.etag => {
                    return Err(StoreError::Leased(Box::new(holder)));
                }
                Some(_) => {}
                None => {
                    waiting(&holder, left.as_secs());
                    first = Some(object.etag);
                }
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    fn lease(&self) -> Option<Arc<Lease>> {
        self.renewals.borrow().as_ref().map(|renewals| Arc::clone(&renewals.lease))
    }

    /// Replaces the object of the state, if it is what this run knows and this run holds the lease.
    async fn replace(&self, stored: Stored) -> Result<(), StoreError> {
        let address = self.address("json");
        let damaged = |source| {
            let path = PathBuf::from(&address);
            StoreError::State { path, source: StateError::Damaged(source) }
        };
        let text = stored.write().map_err(damaged)?;
        let etag = self.known.borrow().etag.clone();
        let condition = etag.as_deref().map_or(Condition::Absent, Condition::Unchanged);
        let key = format!("{}.json", self.key);
        match self.write(&key, &text, condition).await? {
            Some(etag) => {
                let Stored { state, .. } = stored;
                let mut known = self.known.borrow_mut();
                known.etag = Some(etag);
                known.state = Some(state);
                Ok(())
            }
            None => Err(StoreError::Changed(address)),
        }
    }

    /// Writes the object of the state under a condition. If the answer to an attempt is lost, the
    /// following attempts find out whether S3 executed it: the condition no longer holds then, and the
    /// object has the text. No attempt begins after the lease is lost.
    async fn write(
        &self,
        key: &str,
        text: &[u8],
        condition: Condition<'_>,
    ) -> Result<Option<String>, StoreError> {
        let not_held = || StoreError::LeaseLost("it was not taken".to_owned());
        let lease = self.lease().ok_or_else(not_held)?;
        let (mut attempt, mut is_unsure) = (1, false);
        loop {
            lease.ready().await.map_err(StoreError::LeaseLost)?;
            match self.objects.put(key, text.to_vec(), condition).await {
                Ok(None) if is_unsure => {
                    lease.ready().await.map_err(StoreError::LeaseLost)?;
                    let found = self.get("json").await?;
                    return Ok(found.filter(|object| object.text == text).map(|o| o.etag));
                }
                Err(error) if error.fault.is_temporary() && attempt < self.retry.attempts => {
                    is_unsure |= error.fault == Fault::Ambiguous;
                    tokio::time::sleep(self.retry.pause(attempt)).await;
                    attempt += 1;
                }
                written => return written.map_err(self.remote("json")),
            }
        }
    }
}

fn unknown_holder() -> Holder {
    Holder {
        id: "unknown".to_owned(),
        who: "another program".to_owned(),
        pid: 0,
        command: "kmsctl".to_owned(),
        since: "an unknown time".to_owned(),
    }
}

impl<O: Objects> Store for S3<O> {
    async fn read(&self, lineage: &str) -> Result<Replay, StoreError> {
        let found = self.get("json").await?;
        let mut known = self.known.borrow_mut();
        known.etag = found.as_ref().map(|object| object.etag.clone());
        known.journal.clear();
        let Some(object) = found else {
            let state = State::begin(self.stack.clone(), lineage.to_owned());
            known.state = Some(state.clone());
            return Ok(Replay::new(state));
        };
        let path = || PathBuf::from(self.address("json"));
        let stored = Stored::read(&object.text, &self.stack)
            .map_err(|source| StoreError::State { path: path(), source })?;
        known.journal.clone_from(&stored.journal);
        known.state = Some(stored.state.clone());
        stored.replay().map_err(|source| StoreError::Journal { path: path(), source })
    }

    async fn lock(&self, holder: &Holder, waiting: Waiting<'_>) -> Result<(), StoreError> {
        let key = format!("{}.lease", self.key);
        let mut attempt = 1;
        loop {
            // If the answer to an attempt was lost, this run may hold the lease already.
            let etag = self.free(Some(holder), waiting).await?;
            let condition = etag.as_deref().map_or(Condition::Absent, Condition::Unchanged);
            let begun = Renewals::begin(&self.objects, &key, holder.clone(), condition, self.clock);
            match begun.await {
                Ok(Some(renewals)) => {
                    self.renewals.replace(Some(renewals));
                    return Ok(());
                }
                // Another run took the lease first.
                Ok(None) => {}
                Err(error) if error.fault.is_temporary() && attempt < self.retry.attempts => {
                    tokio::time::sleep(self.retry.pause(attempt)).await;
                    attempt += 1;
                }
                Err(error) => return Err(self.remote("lease")(error)),
            }
        }
    }

    /// If the object lacks outcomes, the lease is not given back. The next run begins only after it has
    /// ended, and by then AWS shows what the last call of this run created.
    async fn unlock(&self) {
        let (renewals, is_behind) = (self.renewals.take(), self.known.borrow().is_behind);
        match renewals {
            Some(renewals) if is_behind => renewals.abandon(),
            Some(renewals) => renewals.end().await,
            None => {}
        }
    }

    async fn check_unlocked(&self, waiting: Waiting<'_>) -> Result<(), StoreError> {
        self.free(None, waiting).await.map(drop)
    }

    fn break_lock(&self, _: &str, _: &str) -> Result<Holder, StoreError> {
        Err(StoreError::NothingToUnlock)
    }

    fn permit(&self) -> Option<Arc<dyn Permit>> {
        self.lease().map(|lease| lease as Arc<dyn Permit>)
    }

    fn lost(&self) -> Option<String> {
        self.lease()?.lost()
    }

    fn has_journal(&self) -> bool {
        !self.known.borrow().journal.is_empty()
    }

    async fn begin(&self, state: &State, planned: &[Event]) -> Result<(), StoreError> {
        let run = Event::Run { lineage: state.lineage.clone(), serial: state.serial };
        let journal = std::iter::once(&run).chain(planned).cloned().collect();
        self.replace(Stored { state: state.clone(), journal }).await?;
        let mut known = self.known.borrow_mut();
        known.journal = vec![run];
        known.is_behind = true;
        Ok(())
    }

    /// Keeps the event in memory. S3 has the events that the run announced.
    fn append(&self, event: &Event) -> Result<(), StoreError> {
        self.known.borrow_mut().journal.push(event.clone());
        Ok(())
    }

    async fn suspend(&self) -> Result<(), StoreError> {
        let (state, journal) = {
            let known = self.known.borrow();
            (known.state.clone(), known.journal.clone())
        };
        if let Some(state) = state {
            self.replace(Stored { state, journal }).await?;
        }
        self.known.borrow_mut().is_behind = false;
        Ok(())
    }

    async fn commit(&self, state: &State) -> Result<(), StoreError> {
        self.replace(Stored { state: state.clone(), journal: Vec::new() }).await?;
        let mut known = self.known.borrow_mut();
        known.journal.clear();
        known.is_behind = false;
        Ok(())
    }
}
