//! Executes a plan: ready steps side by side, the calls of a step one after the other, each with
//! its intent on disk before it goes out.

use super::Effort;
use super::settle::Nonces;
use crate::address::Address;
use crate::cloud::{Cloud, Outcome};
use crate::id::{AccountId, IdentityArn, KeyArn};
use crate::journal::{Draft, Event};
use crate::kind::consumer::{Effect, Goal};
use crate::kind::{Call, Ids, KeyRef, Kind, Spec, key};
use crate::plan::order::{Half, Queue, WorkItem};
use crate::plan::{Approved, Plan, PlannedCall, Step};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Notify;
use tokio::time::Instant;

mod error;
mod send;
mod wait;

pub use error::{StepError, WaitError, WorldError};

/// What the applier needs from the world.
pub trait World {
    /// Puts the event on disk. Once this returns, it survives a crash.
    ///
    /// # Errors
    /// If it could not be put there: no call goes out then.
    fn write(&self, event: &Event) -> Result<(), WorldError>;
    /// A random text that no other run has.
    ///
    /// # Errors
    /// If there is no randomness: the call that needs it does not go out then.
    fn nonce(&self) -> Result<String, WorldError>;
    /// Seconds since 1970.
    fn now(&self) -> u64;
    /// Whether to stop at the next safe point.
    fn stop(&self) -> bool;
    /// Tells what happens.
    fn tell(&self, progress: Progress<'_>);
    /// Which of the steps that are ready begins next: by default the one furthest down the order,
    /// so that the aliases of the first keys do not wait for the last key's turn in AWS's quotas,
    /// and a run that stops leaves few keys half done.
    fn choose(&self, ready: &BTreeSet<WorkItem>) -> Option<WorkItem> {
        ready.last().copied()
    }
}

/// What happens while a plan is executed.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Progress<'a> {
    Began {
        step: &'a Step,
    },
    Waiting {
        step: &'a Step,
        operation: &'a str,
        why: &'a str,
    },
    /// AWS is at work: on what, and for how long so far.
    Polling {
        step: &'a Step,
        doing: &'a str,
        seconds: u64,
    },
    Finished {
        step: &'a Step,
    },
    Failed {
        step: &'a Step,
        error: &'a StepError,
    },
}

/// How an apply ended. Not a `Result`: each ending has a report.
#[derive(Debug)]
pub struct Ended {
    /// What was finished.
    pub finished: Vec<Address>,
    /// What failed, and why.
    pub failed: Vec<(Address, StepError)>,
    /// What was not begun.
    pub left: Vec<Address>,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

impl Ended {
    /// Whether everything was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty()
    }
}

/// What is known before the first call.
#[derive(Debug)]
pub struct Known {
    /// The ARNs of the stack's keys that exist already.
    pub ids: Ids,
    /// The accounts whose IAM can be asked.
    pub accounts: BTreeSet<AccountId>,
}

struct Run<'a, C, W> {
    cloud: &'a C,
    world: &'a W,
    effort: &'a Effort,
    plan: &'a Plan,
    ids: RefCell<Ids>,
    /// The keys that were made or whose policies were written, and when.
    touched: RefCell<BTreeMap<KeyArn, Instant>>,
    nonces: Nonces,
    /// The roles that the plan makes: IAM may not show them at once.
    made: BTreeSet<IdentityArn>,
    accounts: BTreeSet<AccountId>,
    broken: Cell<bool>,
    /// AWS's identifiers of the consumers that were made.
    consumers: RefCell<BTreeMap<Address, String>>,
    /// How many steps only wait for AWS.
    idle: Cell<usize>,
    /// Rings when a step begins to wait: another one can begin.
    freed: Notify,
}

/// Executes the plan.
pub async fn apply<C: Cloud, W: World>(
    cloud: &C,
    world: &W,
    effort: &Effort,
    plan: &Approved,
    known: Known,
) -> Ended {
    let plan = plan.plan();
    let run = Run {
        cloud,
        world,
        effort,
        plan,
        ids: RefCell::new(known.ids),
        touched: RefCell::default(),
        nonces: Nonces::default(),
        made: plan.makes(),
        accounts: known.accounts,
        broken: Cell::new(false),
        consumers: RefCell::default(),
        idle: Cell::new(0),
        freed: Notify::new(),
    };
    run.drive().await
}

impl<C: Cloud, W: World> Run<'_, C, W> {
    async fn drive(&self) -> Ended {
        let mut queue = Queue::new(&self.plan.steps);
        let mut running = FuturesUnordered::new();
        let mut ended =
            Ended { finished: Vec::new(), failed: Vec::new(), left: Vec::new(), stopped: false };
        loop {
            let halted = self.broken.get() || self.world.stop();
            while !halted && running.len() - self.idle.get() < self.effort.parallelism.max(1) {
                let Some(work) = self.world.choose(queue.ready()) else {
                    break;
                };
                queue.take(work);
                running.push(async move { (work, self.work(work).await) });
            }
            let next = tokio::select! {
                biased;
                next = running.next() => next,
                () = self.freed.notified(), if !running.is_empty() => continue,
            };
            let Some((work, result)) = next else {
                ended.stopped = self.world.stop();
                break;
            };
            let Some(step) = self.plan.steps.get(work.step) else {
                continue;
            };
            match result {
                Ok(()) => {
                    queue.finish(work);
                    if work.half == Half::Last || step.last.is_empty() {
                        ended.finished.push(step.address.clone());
                        self.world.tell(Progress::Finished { step });
                    }
                }
                Err(error) => {
                    queue.fail(work);
                    self.world.tell(Progress::Failed { step, error: &error });
                    ended.failed.push((step.address.clone(), error));
                }
            }
        }
        let failed = ended.failed.iter().map(|(address, _)| address);
        let done: BTreeSet<&Address> = ended.finished.iter().chain(failed).collect();
        let steps = self.plan.steps.iter().map(|step| &step.address);
        ended.left = steps.filter(|address| !done.contains(address)).cloned().collect();
        ended
    }

    async fn work(&self, WorkItem { step, half }: WorkItem) -> Result<(), StepError> {
        let Some(step) = self.plan.steps.get(step) else {
            return Ok(());
        };
        let (calls, offset) = match half {
            Half::First => (&step.calls, 0),
            Half::Last => (&step.last, step.calls.len()),
        };
        let address = || step.address.clone();
        if half == Half::First {
            self.world.tell(Progress::Began { step });
            self.write(&Event::Began { address: address(), draft: draft(step).map(Box::new) })?;
            if step.busy.is_some() {
                self.until(step, Goal::Ready).await?;
            }
        }
        for (n, planned) in calls.iter().enumerate() {
            if n > 0 && self.world.stop() {
                return Err(StepError::Stopped);
            }
            self.call(step, offset + n, planned).await?;
            if let Some(goal) = planned.call.goal() {
                self.until(step, goal).await?;
            }
        }
        if half == Half::Last || step.last.is_empty() {
            self.write(&Event::Finished { address: address() })?;
        }
        Ok(())
    }

    fn write(&self, event: &Event) -> Result<(), StepError> {
        let written = self.world.write(event).inspect_err(|_| self.broken.set(true));
        Ok(written?)
    }

    /// One call: intent, request, outcome.
    async fn call(
        &self,
        step: &Step,
        number: usize,
        planned: &PlannedCall,
    ) -> Result<(), StepError> {
        let PlannedCall { at, call } = planned;
        let makes =
            matches!(call, Call::Key(key::Call::CreateKey { .. } | key::Call::ReplicateKey { .. }));
        let creates = makes || call.effect() == Some(Effect::Creates);
        let nonce = creates.then(|| self.world.nonce()).transpose()?;
        let address = || step.address.clone();
        self.write(&Event::Intended {
            address: address(),
            number,
            at: at.clone(),
            call: Box::new(call.clone()),
            nonce: nonce.clone(),
            time: self.world.now(),
        })?;
        match self.send(step, planned, nonce.as_deref()).await {
            Ok(outcome) => {
                self.note(step, call, &outcome);
                self.write(&Event::Done { address: address(), number, outcome })?;
                Ok(())
            }
            Err(error) => {
                // A call of which the outcome is not known stays an open intent: the next run settles
                // it.
                if let StepError::Refused(refused) | StepError::Busy { refused, .. } = &error {
                    let fault = refused.fault;
                    self.write(&Event::Failed { address: address(), number, fault })?;
                }
                Err(error)
            }
        }
    }

    /// Remembers what later calls need to know of this one.
    fn note(&self, step: &Step, call: &Call, outcome: &Outcome) {
        if let Outcome::Made(id) = outcome {
            self.consumers.borrow_mut().insert(step.address.clone(), id.clone());
        }
        let key = match (outcome, call) {
            (Outcome::Key(arn), _) => {
                self.ids.borrow_mut().insert(step.address.clone(), arn.clone());
                Some(arn.clone())
            }
            (_, Call::Key(key::Call::PutKeyPolicy { .. })) => self.key_of(step, &self.ids_of(step)),
            _ => None,
        };
        self.touched.borrow_mut().extend(key.map(|key| (key, Instant::now())));
    }

    /// The ARNs that the calls of a step may name: of its own key and of those that it points at.
    fn ids_of(&self, step: &Step) -> Ids {
        let specs = step.change.from().into_iter().chain(step.change.to());
        let managed = specs.flat_map(Spec::refs).filter_map(KeyRef::managed);
        let ids = self.ids.borrow();
        let known = |address: &Address| Some((address.clone(), ids.get(address)?.clone()));
        managed.chain([&step.address]).filter_map(known).collect()
    }

    fn key_of(&self, step: &Step, ids: &Ids) -> Option<KeyArn> {
        let recorded = || step.id.as_ref().and_then(|id| id.parse().ok());
        let is_key = step.address.kind == Kind::Key;
        is_key.then(|| ids.get(&step.address).cloned().or_else(recorded)).flatten()
    }
}

fn draft(step: &Step) -> Option<Draft> {
    let spec = step.record.clone()?;
    let natural = spec.natural(&step.address.name, &step.place);
    Some(Draft {
        id: step.id.clone().or(natural),
        place: step.place.clone(),
        spec,
        protect: step.protect,
        intent: step.change.to().cloned().map(Box::new),
    })
}
