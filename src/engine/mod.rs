//! What talks to AWS: refresh reads, identities asks IAM, settle finds out what became of
//! a lost call, apply executes.
//! Generic over `Cloud`; knows neither the SDK nor files nor terminals.

pub mod apply;
pub mod identities;
pub mod recover;
pub mod refresh;
pub mod settle;

use crate::cloud::retry::Patience;

/// How hard the engine tries.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Steps and reads in flight at once.
    pub parallelism: usize,
    /// How often and how long a call is tried again.
    pub patience: Patience,
}
