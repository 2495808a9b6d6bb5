//! Detects another run of the same stack that creates keys at the same time, for example on a machine with
//! another record. The keys of a Region are listed before the first key is created there, and again right
//! after. Nothing that the other run created is changed.
//!
//! A race remains: two runs that create their keys within the time in which KMS does not list new keys do not
//! see each other. The next plan of either then reports the second key.

use super::{Host, Run, StepError};
use crate::cloud::Cloud;
use crate::id::{KeyArn, Place};
use crate::kind::key::{NONCE_TAG, STACK_TAG};
use crate::kind::{Call, key};
use crate::plan::Step;
use crate::retry::{every_page, with_retries};
use futures_util::stream::StreamExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{Mutex, MutexGuard};

/// What a run needs to tell its own keys from those of another run.
pub(super) struct Rivals {
    /// The keys that existed when the plan was made.
    seen: BTreeSet<KeyArn>,
    /// The nonces of the keys that this run creates.
    nonces: RefCell<BTreeSet<String>>,
    /// The places where both checks have passed. The lock is held while the first key of a place is created.
    passed: Mutex<BTreeSet<Place>>,
}

/// The right to create the first key in a place.
pub(super) type Turn<'a> = MutexGuard<'a, BTreeSet<Place>>;

impl Rivals {
    pub(super) fn new(seen: BTreeSet<KeyArn>) -> Self {
        Self { seen, nonces: RefCell::default(), passed: Mutex::default() }
    }
}

impl<C: Cloud, W: Host> Run<'_, C, W> {
    /// Checks for another run before the first key of a place is created. Returns `None` for any other call.
    pub(super) async fn turn(
        &self,
        at: &Place,
        call: &Call,
        nonce: Option<&str>,
    ) -> Result<Option<Turn<'_>>, StepError> {
        self.rivals.nonces.borrow_mut().extend(nonce.map(str::to_owned));
        if !matches!(call, Call::Key(key::Call::CreateKey(_))) {
            return Ok(None);
        }
        let passed = self.rivals.passed.lock().await;
        if passed.contains(at) {
            return Ok(None);
        }
        self.look_for_rivals(at).await?;
        Ok(Some(passed))
    }

    /// Checks again, after the first key of a place was created.
    pub(super) async fn end_turn(
        &self,
        step: &Step,
        at: &Place,
        mut turn: Turn<'_>,
    ) -> Result<(), StepError> {
        let mut looked = self.look_for_rivals(at).await;
        if let Err(StepError::Rival { own, .. }) = &mut looked {
            *own = self.ids.borrow().get(&step.address).map(ToString::to_string);
        }
        looked?;
        turn.insert(at.clone());
        Ok(())
    }

    /// Fails if there is a new key with the tag of the stack that this run did not create.
    async fn look_for_rivals(&self, at: &Place) -> Result<(), StepError> {
        let retry = &self.options.retry;
        let listed = every_page(retry, async |from| self.cloud.keys(at, from).await)
            .await
            .map_err(StepError::Refused)?;
        let own: BTreeSet<KeyArn> = self.ids.borrow().values().cloned().collect();
        let new = listed.iter().map(|id| KeyArn::at(at, id));
        let new = new.filter(|arn| !self.rivals.seen.contains(arn) && !own.contains(arn));
        let reads = new.map(|arn| async move {
            (with_retries(retry, async || self.cloud.tags(&arn).await).await, arn)
        });
        let reads: Vec<_> = self.options.concurrently(reads).collect().await;
        for (tags, arn) in reads {
            match tags {
                Ok(tags) if self.is_rival(&tags) => {
                    self.halted.set(true);
                    return Err(StepError::Rival { theirs: arn.to_string(), own: None });
                }
                Err(error) if error.fault.is_temporary() => return Err(StepError::Refused(error)),
                // A key whose tags the caller may not read belongs to somebody else.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn is_rival(&self, tags: &BTreeMap<String, String>) -> bool {
        let is_own = |nonce: &String| self.rivals.nonces.borrow().contains(nonce);
        tags.get(STACK_TAG).is_some_and(|stack| *stack == self.plan.stack.as_str())
            && !tags.get(NONCE_TAG).is_some_and(is_own)
    }
}
