//! What talks to AWS: refresh reads, identities asks IAM, settle finds out what became of
//! a lost call, apply executes.
//! Generic over `Cloud`; knows neither the SDK nor files nor terminals.

pub mod apply;
pub mod identities;
pub mod impact;
pub mod recover;
pub mod refresh;
pub mod settle;
pub mod survey;

use crate::cloud::retry::Patience;
use futures_util::stream::{self, Stream, StreamExt};

/// How hard the engine tries.
#[derive(Clone, Debug)]
pub struct Effort {
    /// How many steps, and how many resources to read, are in flight at once.
    pub parallelism: usize,
    /// How often and how long a call is tried again.
    pub patience: Patience,
}

impl Effort {
    /// Does the reads at once, as many as are allowed; the answers in any order.
    pub fn side_by_side<T>(
        &self,
        reads: impl Iterator<Item = impl Future<Output = T>>,
    ) -> impl Stream<Item = T> {
        stream::iter(reads).buffer_unordered(self.parallelism.max(1))
    }
}
