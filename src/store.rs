//! Where the state of a stack is kept, and who may change it: a folder, a prefix of an S3 bucket, or nowhere.
//! Only this module writes files, and only it writes objects of the store's bucket.

mod choice;
pub mod folder;
pub mod lease;
mod nowhere;
pub mod s3;

pub use choice::{AnyStore, Location};
pub use folder::{Folder, write_atomic};
pub use nowhere::Nowhere;
pub use s3::S3;

use crate::answer::CloudError;
use crate::journal::{Event, JournalError, Replay};
use crate::sdk::gate::Permit;
use crate::state::{State, StateError};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The run that holds a lock or a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The id of the lock, for `state unlock`.
    pub id: String,
    /// The user and the host, such as `ann@build-1`.
    pub who: String,
    /// The process id.
    pub pid: u32,
    /// The command that the process runs, such as `apply`.
    pub command: String,
    /// The time at which the lock was taken, in RFC 3339.
    pub since: String,
}

impl Holder {
    /// Returns the host of the process.
    #[must_use]
    pub fn host(&self) -> &str {
        self.who.rsplit_once('@').map_or("", |(_, host)| host)
    }
}

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file system operation failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// S3 refused a request, or did not answer.
    #[error("{object}: {source}")]
    Remote {
        /// The address of the object.
        object: String,
        /// The error of S3.
        source: CloudError,
    },
    /// The state cannot be read.
    #[error("{}: {source}", .path.display())]
    State {
        /// The path of the file, or the address of the object.
        path: PathBuf,
        /// The reason.
        source: StateError,
    },
    /// The journal cannot be replayed.
    #[error("{}: {source}", .path.display())]
    Journal {
        /// The path of the file, or the address of the object.
        path: PathBuf,
        /// The reason.
        source: JournalError,
    },
    /// Another run holds the lock.
    #[error("the state is locked: {} has been running `{}` (process {}) since {}", .0.who, .0.command, .0.pid, .0.since)]
    Locked(Box<Holder>),
    /// Another run holds the lease, and renews it.
    #[error("the state is locked: {} has been running `{}` (process {}) since {}", .0.who, .0.command, .0.pid, .0.since)]
    Leased(Box<Holder>),
    /// This run no longer holds the lease.
    #[error("this run no longer holds the lease on the state: {0}")]
    LeaseLost(String),
    /// The object has changed since this run read it.
    #[error("{0}: another program has changed it since this run read it")]
    Changed(String),
    /// The process that holds the lock is alive.
    #[error("the lock is in use: {} is running `{}` (process {}) since {}", .0.who, .0.command, .0.pid, .0.since)]
    InUse(Box<Holder>),
    /// No lock has the given id.
    #[error("there is no lock with the id `{0}`")]
    NoSuchLock(String),
    /// The store has a lease, which nobody has to remove.
    #[error("there is no lock to remove: a lease in S3 ends by itself")]
    NothingToUnlock,
}

/// Is called once if the store waits to find out whether the holder of a lease still runs. The number
/// is the longest time to wait in seconds.
pub type Waiting<'a> = &'a dyn Fn(&Holder, u64);

/// The store of one stack: its state, the journal of a run whose results are not in the state yet, and
/// the lock or lease that lets one run at a time change them.
#[expect(async_fn_in_trait, reason = "a run uses its store on one task: futures need not be Send")]
pub trait Store {
    /// Reads the state and replays the journal of an interrupted run. If there is no state, it is empty
    /// and has the lineage `lineage`.
    ///
    /// # Errors
    /// Returns an error if the state or the journal cannot be read, or is damaged.
    async fn read(&self, lineage: &str) -> Result<Replay, StoreError>;

    /// Takes the lock. Once this returns, no other run that uses the same store holds it. The lock is
    /// released by `unlock`, or some time after the process ends.
    ///
    /// # Errors
    /// Returns `Locked` or `Leased` with the holder if another run holds the lock.
    async fn lock(&self, holder: &Holder, waiting: Waiting<'_>) -> Result<(), StoreError>;

    /// Releases the lock. If that fails, or if the store lacks the outcome of a call, the lock ends by
    /// itself some time later.
    async fn unlock(&self);

    /// Checks that no run holds the lock. A run that only reads would otherwise see AWS and the state
    /// in the middle of another run's changes.
    ///
    /// # Errors
    /// Returns `Locked` or `Leased` with the holder if a run holds the lock.
    async fn check_unlocked(&self, waiting: Waiting<'_>) -> Result<(), StoreError>;

    /// Removes the lock with the id `id` by force, and returns its holder. `host` is the host of this process.
    ///
    /// # Errors
    /// Returns an error if there is no such lock, or if a process of this host still holds it.
    fn break_lock(&self, id: &str, host: &str) -> Result<Holder, StoreError>;

    /// Returns the check that each request to AWS must pass while the lock is held, if the lock can be
    /// lost while the process runs.
    fn permit(&self) -> Option<Arc<dyn Permit>>;

    /// Returns the reason why the lock was lost while the process runs; `None` if it was not.
    fn lost(&self) -> Option<String>;

    /// Returns whether there is a journal whose results are not in the state.
    fn has_journal(&self) -> bool;

    /// Begins the journal of a run. Once this returns, a later run that has nothing but this store
    /// finds every resource that this run creates. `planned` are the events that the run announces.
    ///
    /// # Errors
    /// Returns an error if the events could not be stored. No call may be sent then.
    async fn begin(&self, state: &State, planned: &[Event]) -> Result<(), StoreError>;

    /// Adds an event to the journal. A store that does not keep every event has kept the announced
    /// events before.
    ///
    /// # Errors
    /// Returns an error if the event could not be stored. It then counts as not written.
    fn append(&self, event: &Event) -> Result<(), StoreError>;

    /// Stores the journal of a run that ends with calls whose outcome is not known.
    ///
    /// # Errors
    /// Returns an error if the journal could not be stored. The announced events stay stored.
    async fn suspend(&self) -> Result<(), StoreError>;

    /// Stores the state and removes the journal.
    ///
    /// # Errors
    /// Returns an error if the state could not be stored.
    async fn commit(&self, state: &State) -> Result<(), StoreError>;
}
