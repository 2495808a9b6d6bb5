//! Executes a plan. Steps that are ready run concurrently, the calls of one step run in order, and
//! the intent of each call is on disk before the call is sent.

use super::Options;
use super::settle::Nonces;
use crate::answer::Outcome;
use crate::cloud::Cloud;
use crate::id::{AccountId, IdentityArn, KeyArn};
use crate::journal::{Event, PendingRecord};
use crate::kind::address::Address;
use crate::kind::consumer::Effect;
use crate::kind::{Call, ConsumerCall, Ids, KeyRef, Kind, Spec, key};
use crate::live::{Live, Observed};
use crate::plan::order::{Half, Queue, WorkItem};
use crate::plan::{Approved, Plan, PlannedCall, Step};
use crate::policy::Document;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rivals::Rivals;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use wait::Awaited;

mod announce;
mod error;
mod rivals;
mod send;
mod wait;

pub use announce::announce;
pub use error::{HostError, StepError, WaitError};

/// The time for which a run that is asked to stop waits for the answer to a call. The next run finds out what AWS made
/// of a call without one.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The journal, the clock and the other services that a run of [`apply`] needs.
pub trait Host {
    /// Writes the event to disk. Once this returns, the event survives a crash.
    ///
    /// # Errors
    /// Returns an error if the event could not be written. No call is sent then.
    fn write(&self, event: &Event) -> Result<(), HostError>;
    /// Returns a random text that no other run uses, for the call `number` of the step. If the call was
    /// announced ([`announce`]), this is the announced nonce.
    ///
    /// # Errors
    /// Returns an error if there is no source of randomness. The call that needs the text is not sent
    /// then.
    fn nonce(&self, address: &Address, number: usize) -> Result<String, HostError>;
    /// Returns the time in seconds since 1970.
    fn now(&self) -> u64;
    /// Returns whether the run is asked to stop at the next safe point.
    fn stop(&self) -> bool;
    /// Reports progress.
    fn report(&self, progress: Progress<'_>);
    /// Chooses the next step among those that are ready. By default this is the last one in the order
    /// of the plan. The aliases of the first keys then do not wait until the last key is created, and
    /// a run that stops leaves few keys incomplete.
    fn choose(&self, ready: &BTreeSet<WorkItem>) -> Option<WorkItem> {
        ready.last().copied()
    }
}

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names of the fields describe them")]
pub enum Progress<'a> {
    /// A step begins.
    Began { step: &'a Step },
    /// A call is repeated or checked after a pause.
    Waiting { step: &'a Step, operation: &'a str, why: &'a str },
    /// AWS executes an operation, or does not execute the call yet. `doing` is AWS's name of the operation or
    /// the reason, and `seconds` the time so far.
    Polling { step: &'a Step, doing: &'a str, seconds: u64 },
    /// A step is finished.
    Finished { step: &'a Step },
    /// A step failed.
    Failed { step: &'a Step, error: &'a StepError },
}

/// The end of a run. This is not a `Result`, because every end is reported in the same way.
#[derive(Debug)]
pub struct Ended {
    /// The addresses of the finished steps.
    pub finished: Vec<Address>,
    /// The addresses of the failed steps, and their errors.
    pub failed: Vec<(Address, StepError)>,
    /// The addresses of the steps that neither finished nor failed.
    pub left: Vec<Address>,
    /// Whether the run was asked to stop.
    pub stopped: bool,
}

impl Ended {
    /// Returns whether every step is finished.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty()
    }
}

/// The facts that are known before the first call.
#[derive(Debug)]
pub struct Known {
    /// The ARNs of the stack's existing keys.
    pub ids: Ids,
    /// The keys that existed in the Regions of the stack when the plan was made.
    pub seen: BTreeSet<KeyArn>,
    /// The creation times of the stack's keys, in seconds since 1970.
    pub created: BTreeMap<KeyArn, u64>,
    /// The accounts whose IAM kmsctl can read.
    pub accounts: BTreeSet<AccountId>,
    /// The live policies of keys, as far as they were read.
    pub policies: BTreeMap<KeyArn, Document>,
    /// The operations that the grants on each key allow, as far as its grants were listed.
    pub granted: BTreeMap<KeyArn, BTreeSet<String>>,
}

impl Known {
    /// Returns what a refresh has shown.
    #[must_use]
    pub fn of(live: Live, accounts: BTreeSet<AccountId>) -> Self {
        let policies = policies(&live);
        let Live { ids, listed: seen, created, granted, .. } = live;
        Self { ids, seen, created, accounts, policies, granted }
    }

    /// Returns the keys that were created less than [`LAG`](send::LAG) before `now`, with the times of their creation.
    fn young(&self, now: u64) -> BTreeMap<KeyArn, Instant> {
        let ages = self.created.iter().map(|(arn, created)| (arn, now.saturating_sub(*created)));
        let young = ages.filter(|(_, age)| *age < send::LAG.as_secs());
        let touched = young.filter_map(|(arn, age)| {
            Some((arn.clone(), Instant::now().checked_sub(Duration::from_secs(age))?))
        });
        touched.collect()
    }
}

/// Returns the policies that a refresh has read, by the keys.
fn policies(live: &Live) -> BTreeMap<KeyArn, Document> {
    let own = live.observed.iter().filter_map(|(address, observed)| {
        let Observed::Present { spec, .. } = observed else { return None };
        let key = match spec.as_ref() {
            Spec::Key(_) => live.ids.get(address)?.clone(),
            Spec::KeyPolicy(policy) => policy.key.resolve(&live.ids)?,
            Spec::Alias(_) | Spec::Grant(_) | Spec::ServiceLinkedRole(_) | Spec::Consumer(_) => {
                return None;
            }
        };
        Some((key, spec.policy()?.clone()))
    });
    let referred = live.referred.iter();
    let referred = referred.filter_map(|(key, found)| Some((key.clone(), found.policy.clone()?)));
    referred.chain(own).collect()
}

struct Run<'a, C, W> {
    cloud: &'a C,
    host: &'a W,
    options: &'a Options,
    plan: &'a Plan,
    ids: RefCell<Ids>,
    /// The time of the last change of each key that this run changed or that is new.
    touched: RefCell<BTreeMap<KeyArn, Instant>>,
    nonces: Nonces,
    /// The roles that the plan creates. IAM may not show them at once.
    created_roles: BTreeSet<IdentityArn>,
    accounts: BTreeSet<AccountId>,
    rivals: Rivals,
    /// Whether no further step may begin: the journal could not be written, or another run is at work.
    halted: Cell<bool>,
    /// AWS's identifiers of the consumers that this run created.
    consumers: RefCell<BTreeMap<Address, String>>,
    /// The number of running steps that only wait for AWS.
    idle: Cell<usize>,
    /// Notified when a step begins to wait, so that another step can begin.
    freed: Notify,
}

/// Executes the plan, and returns once no further step can run.
pub async fn apply<C: Cloud, W: Host>(
    cloud: &C,
    host: &W,
    options: &Options,
    plan: &Approved,
    known: Known,
) -> Ended {
    let plan = plan.plan();
    let touched = RefCell::new(known.young(host.now()));
    let run = Run {
        cloud,
        host,
        options,
        plan,
        ids: RefCell::new(known.ids),
        touched,
        nonces: Nonces::default(),
        created_roles: plan.roles_to_create(),
        accounts: known.accounts,
        rivals: Rivals::new(known.seen),
        halted: Cell::new(false),
        consumers: RefCell::default(),
        idle: Cell::new(0),
        freed: Notify::new(),
    };
    run.drive().await
}

impl<C: Cloud, W: Host> Run<'_, C, W> {
    async fn drive(&self) -> Ended {
        let mut queue = Queue::new(&self.plan.steps);
        let mut running = FuturesUnordered::new();
        let mut ended =
            Ended { finished: Vec::new(), failed: Vec::new(), left: Vec::new(), stopped: false };
        loop {
            let halted = self.halted.get() || self.host.stop();
            while !halted && running.len() - self.idle.get() < self.options.parallelism.max(1) {
                let Some(work) = self.host.choose(queue.ready()) else {
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
                ended.stopped = self.host.stop();
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
                        self.host.report(Progress::Finished { step });
                    }
                }
                Err(error) => {
                    queue.fail(work);
                    self.host.report(Progress::Failed { step, error: &error });
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
            self.host.report(Progress::Began { step });
            let draft = pending_record(step).map(Box::new);
            self.write(&Event::Began { address: address(), draft })?;
            if step.busy.is_some() {
                self.until(step, Awaited::READY).await?;
            }
        }
        for (n, planned) in calls.iter().enumerate() {
            if n > 0 && self.host.stop() {
                return Err(StepError::Stopped);
            }
            self.call(step, offset + n, planned).await?;
            let call = planned.call.as_consumer();
            if let Some(goal) = call.and_then(ConsumerCall::goal) {
                self.until(step, Awaited { goal, call }).await?;
            }
        }
        if half == Half::Last || step.last.is_empty() {
            self.write(&Event::Finished { address: address() })?;
        }
        Ok(())
    }

    fn write(&self, event: &Event) -> Result<(), StepError> {
        let written = self.host.write(event).inspect_err(|_| self.halted.set(true));
        Ok(written?)
    }

    /// Makes one call: writes its intent, sends it, and writes its outcome.
    async fn call(
        &self,
        step: &Step,
        number: usize,
        planned: &PlannedCall,
    ) -> Result<(), StepError> {
        let PlannedCall { at, call } = planned;
        let nonce = creates(call).then(|| self.host.nonce(&step.address, number)).transpose()?;
        let turn = self.turn(at, call, nonce.as_deref()).await?;
        self.admitted(planned).await?;
        let address = || step.address.clone();
        self.write(&Event::Intended {
            address: address(),
            number,
            at: at.clone(),
            call: Box::new(call.clone()),
            nonce: nonce.clone(),
            time: self.host.now(),
        })?;
        match self.send(step, planned, nonce.as_deref()).await {
            Ok(outcome) => {
                self.note(step, call, &outcome);
                self.write(&Event::Done { address: address(), number, outcome })?;
                match turn {
                    Some(turn) => self.end_turn(step, at, turn).await,
                    None => Ok(()),
                }
            }
            Err(error) => {
                // A call whose outcome is not known stays an open intent. The next run settles it.
                if let StepError::Refused(refused) | StepError::Busy { refused, .. } = &error {
                    let fault = refused.fault;
                    self.write(&Event::Failed { address: address(), number, fault })?;
                }
                Err(error)
            }
        }
    }

    /// Remembers the results that later calls need.
    fn note(&self, step: &Step, call: &Call, outcome: &Outcome) {
        if let Outcome::Made(id) = outcome {
            self.consumers.borrow_mut().insert(step.address.clone(), id.clone());
        }
        if let Outcome::Key(arn) = outcome {
            self.ids.borrow_mut().insert(step.address.clone(), arn.clone());
        }
        if call.changes_key() {
            let keys = self.keys_of(step, &self.ids_of(step)).into_iter();
            self.touched.borrow_mut().extend(keys.map(|key| (key, Instant::now())));
        }
    }

    /// Returns the known ARNs of the step's own key and of the keys that it refers to.
    fn ids_of(&self, step: &Step) -> Ids {
        let specs = step.change.from().into_iter().chain(step.change.to());
        let managed = specs.flat_map(Spec::refs).filter_map(KeyRef::managed);
        let ids = self.ids.borrow();
        let known = |address: &Address| Some((address.clone(), ids.get(address)?.clone()));
        managed.chain([&step.address]).filter_map(known).collect()
    }

    /// Returns the step's own key and the keys that it refers to, if they are known.
    fn keys_of(&self, step: &Step, ids: &Ids) -> Vec<KeyArn> {
        let specs = step.change.from().into_iter().chain(step.change.to());
        let referred = specs.flat_map(Spec::refs).filter_map(|key| key.resolve(ids));
        referred.chain(self.key_of(step, ids)).collect()
    }

    fn key_of(&self, step: &Step, ids: &Ids) -> Option<KeyArn> {
        if step.address.kind != Kind::Key {
            return None;
        }
        ids.get(&step.address).cloned().or_else(|| step.id.as_ref()?.parse().ok())
    }
}

/// Returns whether the call creates something that must be found again if its answer is lost.
fn creates(call: &Call) -> bool {
    match call {
        Call::Key(call) => {
            matches!(call, key::Call::CreateKey(_) | key::Call::ReplicateKey(_))
        }
        Call::Consumer(call) => call.effect() == Effect::Creates,
        Call::ServiceLinkedRole(_) | Call::KeyPolicy(_) | Call::Alias(_) | Call::Grant(_) => false,
    }
}

/// Returns the record that the finished step writes; `None` if the step removes the record.
fn pending_record(step: &Step) -> Option<PendingRecord> {
    let spec = step.record.clone()?;
    let natural = spec.natural(&step.address.name, &step.place);
    Some(PendingRecord {
        id: step.id.clone().or(natural),
        place: step.place.clone(),
        spec,
        protect: step.protect,
        found: step.found.clone(),
        intent: step.change.to().cloned().map(Box::new),
    })
}
