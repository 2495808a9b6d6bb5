//! The store that keeps nothing: every run finds the resources of the stack in AWS.

use super::{Holder, Store, StoreError, Waiting};
use crate::id::Name;
use crate::journal::{Event, Replay};
use crate::sdk::gate::Permit;
use crate::state::State;
use std::sync::Arc;

/// A store without a record, a journal and a lock.
#[derive(Debug)]
pub struct Nowhere {
    stack: Name,
}

impl Nowhere {
    /// Creates the store of a stack.
    #[must_use]
    pub fn new(stack: Name) -> Self {
        Self { stack }
    }
}

impl Store for Nowhere {
    async fn read(&self, lineage: &str) -> Result<Replay, StoreError> {
        Ok(Replay::new(State::begin(self.stack.clone(), lineage.to_owned())))
    }

    async fn lock(&self, _: &Holder, _: Waiting<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn unlock(&self) {}

    async fn check_unlocked(&self, _: Waiting<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn break_lock(&self, id: &str, _: &str) -> Result<Holder, StoreError> {
        Err(StoreError::NoSuchLock(id.to_owned()))
    }

    fn permit(&self) -> Option<Arc<dyn Permit>> {
        None
    }

    fn lost(&self) -> Option<String> {
        None
    }

    fn has_journal(&self) -> bool {
        false
    }

    async fn begin(&self, _: &State, _: &[Event]) -> Result<(), StoreError> {
        Ok(())
    }

    fn append(&self, _: &Event) -> Result<(), StoreError> {
        Ok(())
    }

    async fn suspend(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn commit(&self, _: &State) -> Result<(), StoreError> {
        Ok(())
    }
}
