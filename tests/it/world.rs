//! The host of the engine, and a stack for repeated runs.

use crate::fake::{FakeAws, Kill, Meanwhile, NOW, Rng};
use kmsctl::answer::CloudError;
use kmsctl::desired::Desired;
use kmsctl::engine::apply::{Ended, Host, HostError, Known, Progress, announce, apply};
use kmsctl::engine::inventory::{Wanted, inventory};
use kmsctl::engine::look::{self, Clock};
use kmsctl::engine::preflight::{Preflight, preflight};
use kmsctl::engine::survey::survey;
use kmsctl::engine::{Options, recover};
use kmsctl::inventory::Inventory;
use kmsctl::journal::{Event, Replay};
use kmsctl::kind::address::Address;
use kmsctl::live::Live;
use kmsctl::moved;
use kmsctl::plan::order::WorkItem;
use kmsctl::plan::{Approved, Drifts, Plan, draft};
use kmsctl::retry::RetryPolicy;
use kmsctl::state::State;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::runtime::Runtime;

/// A host with the journal in memory and random choices.
struct Memory<'a> {
    journal: &'a RefCell<Vec<u8>>,
    fake: &'a FakeAws,
    nonces: &'a Cell<u64>,
    announced: &'a Announced,
    stop: &'a Cell<bool>,
    told: &'a RefCell<BTreeSet<String>>,
    rng: &'a Rng,
    /// Whether the run is interrupted once it waits for AWS.
    impatient: bool,
    /// The time at which the run is interrupted.
    stop_at: Option<Duration>,
}

impl Host for Memory<'_> {
    fn write(&self, event: &Event) -> Result<(), HostError> {
        if self.fake.killed.get() {
            return Err("killed".into());
        }
        let mut journal = self.journal.borrow_mut();
        serde_json::to_writer(&mut *journal, event)?;
        journal.push(b'\n');
        Ok(())
    }

    fn nonce(&self, address: &Address, number: usize) -> Result<String, HostError> {
        if let Some(nonce) = self.announced.get(&(address.clone(), number)) {
            return Ok(nonce.clone());
        }
        let next = self.nonces.get().checked_add(1).ok_or("no random numbers")?;
        self.nonces.set(next);
        Ok(format!("nonce-{}", self.nonces.get()))
    }

    fn now(&self) -> u64 {
        NOW + self.fake.clock().as_secs()
    }

    fn stop(&self) -> bool {
        let is_late = self.stop_at.is_some_and(|at| self.fake.clock() >= at);
        self.stop.get() || is_late
    }

    fn report(&self, progress: Progress<'_>) {
        if let Progress::Polling { doing, .. } = progress {
            self.told.borrow_mut().insert(doing.to_owned());
        }
        if self.impatient && matches!(progress, Progress::Polling { .. }) {
            self.stop.set(true);
        }
    }

    fn choose(&self, ready: &BTreeSet<WorkItem>) -> Option<WorkItem> {
        let n = usize::try_from(self.rng.below(ready.len().max(1) as u64)).unwrap_or_default();
        ready.iter().nth(n).copied()
    }
}

/// The nonces that a run announced before its first call.
type Announced = BTreeMap<(Address, usize), String>;

/// A stack: the stand-in, the state and the journal.
pub(crate) struct Stack {
    pub(crate) fake: FakeAws,
    pub(crate) state: State,
    pub(crate) journal: RefCell<Vec<u8>>,
    pub(crate) stop: Cell<bool>,
    /// The reasons for waiting that the runs reported.
    pub(crate) told: RefCell<BTreeSet<String>>,
    /// Whether a run is interrupted once it waits for AWS.
    pub(crate) impatient: Cell<bool>,
    /// The time at which a run is interrupted.
    pub(crate) stop_at: Cell<Option<Duration>>,
    /// The number of seconds between the calls of an interrupted run and the next run.
    pub(crate) later: Cell<u64>,
    /// The users and roles that are deleted after the next run has made its plan.
    pub(crate) leaving: RefCell<BTreeSet<String>>,
    /// A change of AWS after the next run has made its plan.
    pub(crate) meanwhile: Cell<Option<Meanwhile>>,
    pub(crate) nonces: Cell<u64>,
    /// Whether a run announces its calls, as with a state in S3.
    pub(crate) announces: bool,
    /// What the latest run announced.
    pub(crate) announced: RefCell<Vec<u8>>,
    rng: Rng,
    pub(crate) options: Options,
    /// The runtime, whose clock stands still between the runs.
    runtime: Runtime,
}

pub(crate) fn lineage(name: &str) -> State {
    State::begin("stack".parse().unwrap(), name.to_owned())
}

impl Stack {
    pub(crate) fn new(seed: u64) -> Self {
        let retry = RetryPolicy {
            throttled: Duration::from_secs(600),
            attempts: 60,
            base: Duration::from_millis(50),
            cap: Duration::from_secs(5),
            ..RetryPolicy::default()
        };
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        Self {
            fake: FakeAws::new(seed),
            state: lineage("one"),
            journal: RefCell::default(),
            stop: Cell::new(false),
            told: RefCell::default(),
            impatient: Cell::new(false),
            stop_at: Cell::new(None),
            later: Cell::new(60),
            leaving: RefCell::default(),
            meanwhile: Cell::new(None),
            nonces: Cell::new(0),
            announces: false,
            announced: RefCell::default(),
            rng: Rng::new(seed ^ 0xabcd),
            options: Options { parallelism: 4, retry, patience: Duration::from_secs(300) },
            runtime,
        }
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Lets some time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.block_on(async { tokio::time::sleep(Duration::from_secs(seconds)).await });
    }

    /// Returns the time since the first request, by the clock of the runs.
    pub(crate) fn clock(&self) -> Duration {
        let _runtime = self.runtime.enter();
        self.fake.clock()
    }

    /// Returns the number of keys that every read shows now.
    pub(crate) fn keys_shown(&self) -> usize {
        // Outside of the runtime, the time is not that of the runs.
        let _runtime = self.runtime.enter();
        self.fake.keys_shown()
    }

    pub(crate) fn replay(&self) -> Replay {
        let mut replay = Replay::new(self.state.clone());
        replay.read(&self.journal.borrow()).expect("a journal that a run wrote");
        replay
    }

    async fn look(&self, desired: &Desired, keep: bool) -> Result<(Plan, Live), CloudError> {
        let mut replay = self.replay();
        moved::apply(&mut replay.state, desired).expect("no conflict");
        let write = |event: &Event| -> Result<(), CloudError> {
            if keep {
                let mut journal = self.journal.borrow_mut();
                serde_json::to_writer(&mut *journal, event).unwrap();
                journal.push(b'\n');
            }
            Ok(())
        };
        let now = NOW + self.fake.clock().as_secs() + self.later.get();
        recover::recover(&self.fake, &self.options, &mut replay, now, write).await?;
        let live = self.see(desired, &replay.state).await?;
        let draft = draft(desired, &replay.state, &live);
        let accounts = desired.own_accounts();
        let (survey, _) = survey(&self.fake, &self.options, &draft, &live, &accounts, now).await;
        let plan = draft.finish(&survey);
        Ok((plan, live))
    }

    async fn see(&self, desired: &Desired, state: &State) -> Result<Live, CloudError> {
        let now = NOW + self.fake.clock().as_secs() + self.later.get();
        let interrupted = !self.journal.borrow().is_empty();
        let clock = Clock { now, settle: Duration::from_secs(15), interrupted };
        look::look(&self.fake, &self.options, desired, state, None, clock, |_| {}).await
    }

    /// Adds the missing records of the declared resources, as `kmsctl destroy` does.
    pub(crate) fn rebuild(&mut self, desired: &Desired) -> Vec<String> {
        self.fake.begin(None);
        let live = self.block_on(self.see(desired, &self.state)).expect("a refresh");
        let blocked = kmsctl::plan::rebuild(&mut self.state, desired, &live);
        blocked.into_iter().map(|blocked| blocked.reason).collect()
    }

    /// Makes a plan without applying it.
    pub(crate) fn plan_only(&self, desired: &Desired) -> Plan {
        self.fake.begin(None);
        let calls = self.fake.mutations.get();
        let plan = self.block_on(self.look(desired, false)).expect("a plan").0;
        assert_eq!(calls, self.fake.mutations.get(), "planning changed AWS");
        plan
    }

    /// Checks a plan before its first call, as `kmsctl apply` does for this caller.
    pub(crate) fn preflight(&self, desired: &Desired, caller: &str) -> Preflight {
        self.fake.begin(None);
        let calls = self.fake.mutations.get();
        let found = self.block_on(async {
            let (plan, live) = self.look(desired, false).await.expect("a plan");
            let known = Known::of(live, desired.own_accounts());
            let stack = (desired, &self.state);
            preflight(&self.fake, &self.options, &plan, &known, stack, caller).await
        });
        assert_eq!(calls, self.fake.mutations.get(), "the check changed AWS");
        found
    }

    /// Makes a drift report.
    pub(crate) fn drifts(&self, desired: &Desired) -> Drifts {
        self.fake.begin(None);
        self.block_on(async {
            let replay = self.replay();
            let live = self.see(desired, &replay.state).await;
            draft(desired, &replay.state, &live.expect("a refresh")).drifts(&replay.state)
        })
    }

    /// Reads the keys of the account.
    pub(crate) fn inventory(&self, wanted: &Wanted) -> Inventory {
        self.fake.begin(None);
        let read = inventory(&self.fake, &self.options, wanted, |_, _| {});
        self.block_on(read).expect("an inventory")
    }

    /// Returns what does not pass the gates in AWS, as `kmsctl lint --live` does.
    pub(crate) fn breaches(&self, desired: &Desired) -> Vec<kmsctl::plan::Finding> {
        self.fake.begin(None);
        self.block_on(async {
            let replay = self.replay();
            let live = self.see(desired, &replay.state).await.expect("a refresh");
            draft(desired, &replay.state, &live).breaches()
        })
    }

    /// Announces the steps and the nonces of a plan, as a run with its state in S3 does.
    fn announce(&self, plan: &Plan) -> Announced {
        let next = || {
            self.nonces.set(self.nonces.get().wrapping_add(1));
            Ok::<_, HostError>(format!("nonce-{}", self.nonces.get()))
        };
        let events = announce(plan, NOW + self.fake.clock().as_secs(), next).unwrap();
        let (lineage, serial) = (self.state.lineage.clone(), self.state.serial);
        let mut text = serde_json::to_vec(&Event::Run { lineage, serial }).unwrap();
        let mut nonces = Announced::new();
        for event in events {
            text.push(b'\n');
            serde_json::to_writer(&mut text, &event).unwrap();
            if let Event::Intended { address, number, nonce: Some(nonce), .. } = event {
                nonces.insert((address, number), nonce);
            }
        }
        text.push(b'\n');
        self.announced.replace(text);
        nonces
    }

    /// Makes a run that is killed at a mutating call. Returns `None` if the run did not reach the
    /// call.
    pub(crate) fn run_until(
        &mut self,
        desired: &Desired,
        crash: Option<(usize, Kill)>,
    ) -> Option<(Plan, Ended)> {
        self.fake.begin(crash);
        let done = self.block_on(async {
            let (plan, live) = self.look(desired, true).await.expect("a plan");
            let announced = if self.announces { self.announce(&plan) } else { Announced::new() };
            let host = Memory {
                journal: &self.journal,
                announced: &announced,
                fake: &self.fake,
                nonces: &self.nonces,
                stop: &self.stop,
                told: &self.told,
                rng: &self.rng,
                impatient: self.impatient.get(),
                stop_at: self.stop_at.get(),
            };
            let (lineage, serial) = (self.state.lineage.clone(), self.state.serial);
            host.write(&Event::Run { lineage, serial }).unwrap();
            self.fake.faults.borrow_mut().missing.append(&mut self.leaving.borrow_mut());
            if let Some(meanwhile) = self.meanwhile.take() {
                meanwhile(&self.fake);
            }
            let approved = Approved::by_consent(plan.clone());
            let known = Known::of(live, desired.own_accounts());
            let killed = std::future::poll_fn(|_| match self.fake.killed.get() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            });
            tokio::select! {
                biased;
                ended = apply(&self.fake, &host, &self.options, &approved, known) => {
                    Some((plan, ended))
                }
                () = killed => None,
            }
        });
        let (plan, ended) = done?;
        let replay = self.replay();
        if replay.is_settled() {
            self.state = replay.state;
            moved::apply(&mut self.state, desired).expect("no conflict");
            self.state.remember(&plan.remember);
            self.state.serial += 1;
            if !plan.steps.is_empty() {
                // Outside of the runtime, the time is not that of the runs.
                let _runtime = self.runtime.enter();
                self.state.changed = NOW + self.fake.clock().as_secs();
            }
            self.journal.borrow_mut().clear();
        }
        // The stored state is read back unchanged.
        let stored = State::read(&self.state.write().unwrap()).unwrap();
        assert_eq!(stored, self.state);
        Some((plan, ended))
    }

    pub(crate) fn run(&mut self, desired: &Desired) -> (Plan, Ended) {
        self.run_until(desired, None).expect("no kill was asked for")
    }

    /// Makes a run that must apply all changes.
    pub(crate) fn applied(&mut self, desired: &Desired) -> Plan {
        let (plan, ended) = self.run(desired);
        assert!(ended.is_complete(), "{ended:#?}");
        assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
        plan
    }

    /// Checks that the plan has no calls.
    pub(crate) fn settled_in_aws(&self, desired: &Desired) {
        let plan = self.plan_only(desired);
        assert!(plan.is_empty(), "{:#?} {:#?}", plan.steps, plan.blocked);
    }

    /// Checks that the plan has no calls, no drift and no changed records.
    pub(crate) fn settled(&self, desired: &Desired) {
        let plan = self.plan_only(desired);
        assert!(plan.is_empty(), "{:#?} {:#?}", plan.steps, plan.blocked);
        assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
        assert!(plan.remember.is_empty(), "{:#?}", plan.remember);
    }
}
