//! The lease on the state of a stack in S3. It lets one run at a time make changes, and it ends by
//! itself: nobody has to remove it after its holder has died.
//!
//! The holder takes and renews the lease by conditional writes of one object. Another run may take it
//! over once the object has not been written for [`TERM`]. It compares two times of S3 to find that
//! out: the object's `Last-Modified` (S3 User Guide, "Working with object metadata"), and the `Date` of
//! the answer (S3 API Reference, "Common Response Headers").
//!
//! The holder measures the same span with its own clock, from the moment before it sent its last
//! write, so for the holder the lease ends earlier. A request to AWS is sent only if the request's
//! time-out ends before the lease does. A lease that has ended is not renewed.

use super::Holder;
use super::s3::Objects;
use crate::answer::CloudError;
use crate::sdk::TIME_OUT;
use crate::sdk::gate::Permit;
use crate::sdk::objects::{Condition, Object};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The time after the last write for which nobody may take over the lease.
pub const TERM: Duration = Duration::from_secs(60);
/// The holder ends its lease earlier by this. S3's times have whole seconds, and the two times may come
/// from different machines of S3.
const MARGIN: Duration = Duration::from_secs(5);
/// The pause between two renewals.
const RENEWAL: Duration = Duration::from_secs(10);
/// The longest time to wait for the answer to a renewal.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause after a renewal that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Returns the time since some moment in the past. It must not stand still while the process does.
pub type Clock = fn() -> Duration;

/// Returns the time since the machine was started, including the time that it slept. `Instant` does
/// not count that time on Linux, where it is `CLOCK_MONOTONIC`, and the wall clock may be set back.
#[must_use]
pub fn boot_time() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// The content of the lease's object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// The holder.
    pub(super) holder: Holder,
    /// The seconds after the last write for which nobody may take over the lease.
    seconds: u64,
    /// The number of writes by the holder. Each write changes the content, and so the entity tag.
    writes: u64,
    /// Whether the holder has given the lease back.
    released: bool,
}

impl Terms {
    fn new(holder: Holder) -> Self {
        Self { holder, seconds: TERM.as_secs(), writes: 1, released: false }
    }

    fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the content of the object if it is a lease.
    pub(super) fn read(object: &Object) -> Option<Self> {
        serde_json::from_slice(&object.text).ok()
    }

    /// Returns the time until anybody may take the lease, by the clock of S3. An object that is not a
    /// lease counts as one that was never released.
    pub(super) fn left(object: &Object) -> Duration {
        let seconds = match Self::read(object) {
            Some(terms) if terms.released => 0,
            // Whoever can write the object cannot make others wait for longer than the longest lease.
            Some(terms) => terms.seconds.min(TERM.as_secs()),
            None => TERM.as_secs(),
        };
        Duration::from_secs(object.written.saturating_add(seconds).saturating_sub(object.now))
    }
}

/// A lease that this run holds, or held.
#[derive(Debug)]
pub struct Lease {
    clock: Clock,
    state: Mutex<State>,
    /// Notified when the run gives the lease back.
    done: Notify,
}

#[derive(Debug)]
struct State {
    /// The end of the lease, by the clock of this machine.
    end: Duration,
    /// The reason why the lease was lost.
    lost: Option<String>,
}

impl Lease {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the reason why the lease is lost; `None` if this run holds it.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        let mut state = self.state();
        if state.lost.is_none() && (self.clock)() >= state.end {
            state.lost = Some(
                "it could not be renewed in time, because the process stood still or S3 was not \
                 reachable"
                    .to_owned(),
            );
        }
        state.lost.clone()
    }

    fn lose(&self, reason: String) {
        self.state().lost.get_or_insert(reason);
    }

    /// Waits until a request may be sent, which is at once unless the renewals are late.
    ///
    /// # Errors
    /// Returns the reason why the lease is lost.
    pub(super) async fn ready(&self) -> Result<(), String> {
        loop {
            match (self.check(), self.lost()) {
                (Ok(()), _) => return Ok(()),
                (Err(_), Some(reason)) => return Err(reason),
                (Err(_), None) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

impl Permit for Lease {
    fn check(&self) -> Result<(), String> {
        if let Some(reason) = self.lost() {
            return Err(format!("the lease on the state is lost: {reason}"));
        }
        if (self.clock)() + TIME_OUT > self.state().end {
            return Err("the lease on the state is about to end and is being renewed".to_owned());
        }
        Ok(())
    }
}

/// The renewals of a lease, which run beside the run.
#[derive(Debug)]
pub(super) struct Renewals {
    pub(super) lease: Arc<Lease>,
    task: JoinHandle<()>,
}

impl Renewals {
    /// Takes the lease if `condition` holds, and begins to renew it. Returns `None` if the condition
    /// does not hold. An error leaves a lease that ends by itself, or none.
    pub(super) async fn begin<O: Objects>(
        objects: &Arc<O>,
        key: &str,
        holder: Holder,
        condition: Condition<'_>,
        clock: Clock,
    ) -> Result<Option<Self>, CloudError> {
        let terms = Terms::new(holder);
        let sent = clock();
        let Some(etag) = objects.put(key, terms.text(), condition).await? else {
            return Ok(None);
        };
        let state = Mutex::new(State { end: sent + TERM - MARGIN, lost: None });
        let lease = Arc::new(Lease { clock, state, done: Notify::new() });
        let (objects, key) = (Arc::clone(objects), key.to_owned());
        let renewal = Renewal { objects, key, terms, etag, lease: Arc::clone(&lease) };
        Ok(Some(Self { lease, task: tokio::spawn(renewal.run()) }))
    }

    /// Gives the lease back.
    pub(super) async fn end(self) {
        self.lease.done.notify_one();
        // If the task is cancelled, the lease ends by itself.
        drop(self.task.await);
    }

    /// Ends the renewals as the death of the process does.
    pub(super) fn abandon(&self) {
        self.task.abort();
    }
}

struct Renewal<O> {
    objects: Arc<O>,
    key: String,
    terms: Terms,
    etag: String,
    lease: Arc<Lease>,
}

impl<O: Objects> Renewal<O> {
    /// Renews the lease until the run gives it back or loses it.
    async fn run(mut self) {
        let mut pause = RENEWAL;
        loop {
            let lease = Arc::clone(&self.lease);
            tokio::select! {
                biased;
                () = lease.done.notified() => {
                    self.terms.released = true;
                    self.renew().await;
                    return;
                }
                () = tokio::time::sleep(pause) => {}
            }
            pause = if self.renew().await { RENEWAL } else { AGAIN };
            if self.lease.lost().is_some() {
                return;
            }
        }
    }

    /// Writes the object once, and returns whether that succeeded.
    async fn renew(&mut self) -> bool {
        if self.lease.lost().is_some() {
            return false;
        }
        self.terms.writes += 1;
        let sent = (self.lease.clock)();
        let write =
            self.objects.put(&self.key, self.terms.text(), Condition::Unchanged(&self.etag));
        match tokio::time::timeout(PATIENCE, write).await {
            Ok(Ok(Some(etag))) => {
                self.etag = etag;
                self.lease.state().end = sent + TERM - MARGIN;
                true
            }
            Ok(Ok(None)) => {
                self.look().await;
                false
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Finds out whether the object was written by another run, or by a renewal of this run whose
    /// answer was lost.
    async fn look(&mut self) {
        match tokio::time::timeout(PATIENCE, self.objects.get(&self.key)).await {
            Ok(Ok(Some(object))) => match Terms::read(&object) {
                Some(terms) if terms.holder == self.terms.holder => self.etag = object.etag,
                Some(Terms { holder, .. }) => self.lease.lose(format!(
                    "{} took it over with `{}` at {}",
                    holder.who, holder.command, holder.since
                )),
                None => self.lease.lose("its object was overwritten".to_owned()),
            },
            Ok(Ok(None)) => self.lease.lose("its object was deleted".to_owned()),
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_cannot_make_others_wait_for_longer_than_the_longest_lease() {
        let left = |seconds: u64| {
            let text = serde_json::json!({
                "holder": {"id": "x", "who": "x", "pid": 1, "command": "apply", "since": ""},
                "seconds": seconds, "writes": 1, "released": false,
            });
            let text = text.to_string().into_bytes();
            Terms::left(&Object { text, etag: String::new(), written: 100, now: 100 })
        };
        assert_eq!(left(30), Duration::from_secs(30));
        assert_eq!(left(1_000_000_000), TERM);
    }
}
