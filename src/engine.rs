//! The code that calls AWS: `refresh` reads the live resources, `look` repeats that
//! while AWS may not show recent changes, `survey` reads what a draft needs,
//! `apply` executes a plan, `settle` and `recover` find out whether AWS executed a call whose answer
//! was lost, `impact` finds the dependants of a key, `inventory` reads all keys of a Region, and `rotate` rotates a key
//! on demand.
//!
//! It is generic over the `Cloud` trait, and uses neither the SDK nor files nor the terminal.

pub mod apply;
pub mod identities;
pub mod impact;
pub mod inventory;
pub mod look;
pub mod preflight;
pub mod recover;
pub mod refresh;
pub mod rotate;
pub mod settle;
pub mod survey;

use crate::retry::RetryPolicy;
use futures_util::stream::{self, Stream, StreamExt};
use std::time::Duration;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of steps, and of reads, that are in flight at the same time.
    pub parallelism: usize,
    /// The number of times that a call is repeated, and the delays between them.
    pub retry: RetryPolicy,
    /// The time for which a call is repeated that AWS denies after a change of the policy, the grants, the tags or
    /// the aliases of its key.
    pub patience: Duration,
}

impl Options {
    /// Runs the reads concurrently, up to `parallelism` at a time. The results arrive in any order.
    pub fn concurrently<T>(
        &self,
        reads: impl Iterator<Item = impl Future<Output = T>>,
    ) -> impl Stream<Item = T> {
        stream::iter(reads).buffer_unordered(self.parallelism.max(1))
    }
}
