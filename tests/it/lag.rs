//! Runs while AWS shows its contents from before the latest calls, or the old and the new contents in turn
//! (KMS Developer Guide, "AWS KMS eventual consistency"). Nothing is created twice, nothing changes that
//! needs no change, and a run never ends in an error for that reason.

use crate::build::storage;
use crate::consumers::{CASES, KEYS, desired};
use crate::crash::updated;
use crate::fake::{Faults, make_bucket};
use crate::record::steps;
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::id::Place;
use kmsctl::kind::ConsumerKind;
use kmsctl::plan::Plan;
use serde_json::Value;
use std::collections::BTreeSet;

mod killed;
mod later;
mod repeated;
mod states;
mod waits;

/// A declaration and a change of it.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) first: Desired,
    pub(crate) changed: Desired,
}

impl Example {
    /// Creates an example in which nothing is protected.
    fn new(name: &'static str, mut first: Desired, mut changed: Desired) -> Self {
        for desired in [&mut first, &mut changed] {
            desired.resources.values_mut().for_each(|declared| declared.protect = false);
        }
        Self { name, first, changed }
    }
}

/// Returns keys with aliases and grants, a key with a replica, and a consumer of each kind.
pub(crate) fn examples() -> Vec<Example> {
    let replicas = |description| desired(&crate::replicas::text(description, false));
    let with = |consumer: &str| desired(&format!("{KEYS}{consumer}"));
    let default = |key| with(&format!("ebs: {{default: {{encryption: true, key: {key}}}}}"));
    let bucket = |key| with(&format!("s3: {{buckets: {{data: {{existing: mine, key: {key}}}}}}}"));
    let mut all = vec![
        Example::new("key", storage(), updated()),
        Example::new("replica", replicas("one"), replicas("two")),
        Example::new("ebs_default", default("a"), default("b")),
        Example::new("s3_bucket", bucket("a"), bucket("b")),
    ];
    all.extend(CASES.iter().map(|case| {
        // A final snapshot would keep its key.
        let is_database = case.kind.as_str().starts_with("rds");
        let free = if is_database { "final_snapshot: false, PROTECT" } else { "PROTECT" };
        let of = |text: &str| case.free(&text.replace("PROTECT", free));
        Example::new(case.kind.as_str(), of(case.text), of(case.changed))
    }));
    all
}

/// How AWS lags: the number of seconds, and the seed if reads show the old and the new contents in turn.
#[derive(Clone, Copy, Debug)]
struct Lag(u64, Option<u64>);

/// Reads that show the contents from before the latest calls.
const STALE: [Lag; 2] = [Lag(2, None), Lag(10, None)];
/// Reads that show the old and the new contents at random.
const FLAPPING: [Lag; 4] = [Lag(2, Some(1)), Lag(10, Some(2)), Lag(10, Some(3)), Lag(10, Some(4))];

fn stack(Lag(lag, flap): Lag) -> Stack {
    let stack = Stack::new(flap.unwrap_or_default());
    make_bucket(&stack.fake, &crate::build::home(), "mine");
    let faults = if flap.is_some() { Faults::flapping(lag) } else { Faults::stale(lag) };
    *stack.fake.faults.borrow_mut() = Faults { calls_lag: true, ..faults };
    stack.later.set(0);
    stack
}

/// Collects what is wrong, so that a failed test shows all of it, and counts the runs that must finish.
#[derive(Default)]
struct Wrong {
    wrong: Vec<String>,
    runs: usize,
    finished: usize,
}

impl Wrong {
    fn check(&mut self, about: &str, what: &str, is_right: bool, detail: impl FnOnce() -> String) {
        if !is_right {
            self.wrong.push(format!("{about}: {what}: {}", detail()));
        }
    }

    /// Makes a run that must finish.
    fn run(&mut self, about: &str, stack: &mut Stack, desired: &Desired) {
        let (plan, ended) = stack.run(desired);
        self.runs += 1;
        self.finished += usize::from(ended.is_complete() && plan.blocked.is_empty());
        self.check(about, "the run failed", ended.is_complete(), || format!("{:?}", ended.failed));
        self.check(about, "blocked", plan.blocked.is_empty(), || format!("{:?}", plan.blocked));
    }

    /// Makes a plan, a drift report and a run, none of which may show or make a change.
    fn changes_nothing(&mut self, about: &str, stack: &mut Stack, desired: &Desired) {
        let plan = stack.plan_only(desired);
        self.check(about, "the plan has steps", plan.steps.is_empty(), || steps(&plan).join(", "));
        let mut drift = plan.drift;
        drift.extend(stack.drifts(desired).drift);
        self.check(about, "false drift", drift.is_empty(), || format!("{drift:?}"));
        let mut findings = plan.findings;
        // The rules of `lint` do not concern what AWS shows.
        findings.retain(|finding| !finding.rule.starts_with("KMS"));
        self.check(about, "findings", findings.is_empty(), || format!("{findings:?}"));
        self.run(about, stack, desired);
        let calls = stack.fake.mutations.get();
        self.check(about, "calls", calls == 0, || calls.to_string());
    }

    /// Makes a run that may repeat a call, but changes nothing in AWS.
    fn has_no_effect(&mut self, about: &str, stack: &mut Stack, desired: &Desired) {
        let before = stack.fake.contents();
        self.run(about, stack, desired);
        let is_same = stack.fake.contents() == before;
        self.check(about, "AWS has changed", is_same, || {
            format!("{} keys, {:?}", stack.fake.keys_total(), outcome(stack).1)
        });
    }

    /// Makes a run that cannot see every key, and another one when AWS shows all. A second key is not
    /// created where AWS hints at the first one. Otherwise every later plan reports it, and nothing that
    /// exists is deleted or refers to another key. `keys` is the number of keys of a run that sees all.
    fn no_unreported_key(
        &mut self,
        about: &str,
        lag: Lag,
        stack: &mut Stack,
        desired: &Desired,
        (keys, hint): (usize, Hint),
    ) {
        let before = aliases(stack);
        stack.run(desired);
        stack.wait(lag.0);
        let (plan, ended) = stack.run(desired);
        stack.wait(lag.0);
        let later = stack.plan_only(desired);
        let total = stack.fake.keys_total();
        let detail = || format!("{total} keys, {hint:?}, {:?} {:?}", plan.blocked, ended.failed);
        let reports = |plan: &Plan| {
            keys + plan.findings.iter().filter(|finding| finding.rule == "duplicate-key").count()
        };
        self.check(about, "a second key", hint == Hint::None || total == keys, detail);
        self.check(about, "not reported", total == reports(&plan).max(reports(&later)), detail);
        self.check(about, "not reported later", total == reports(&later), detail);
        let is_done = ended.is_complete() && plan.blocked.is_empty();
        self.check(about, "not finished", is_done || total > keys, detail);
        let after = aliases(stack);
        self.check(about, "aliases", before.is_subset(&after), || format!("{before:?} {after:?}"));
        let regions = stack.fake.regions.borrow();
        let mut all = regions.values().flat_map(|region| region.keys.values());
        self.check(about, "deletion", !all.any(|key| key.meta.is_dying()), detail);
    }

    /// Checks that nothing is wrong.
    fn report(self) {
        self.report_except(&[]);
    }

    /// Prints the numbers of the runs, and checks that nothing is wrong, except with the examples that are documented
    /// as not right.
    #[expect(clippy::print_stdout, reason = "the numbers are for people, with `--nocapture`")]
    fn report_except(self, known: &[&str]) {
        let name = |wrong: &String| wrong.split(',').next().unwrap_or_default().to_owned();
        println!("{} runs, {} finished", self.runs, self.finished);
        let names: BTreeSet<String> = self.wrong.iter().map(name).collect();
        let is_known = names.iter().map(String::as_str).eq(known.iter().copied());
        assert!(is_known, "{} are wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

/// What AWS shows a run that does not see every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// Another key of the stack: the run must look again before it creates a key.
    Certain,
    /// Nothing, or a key that flaps: the race remains.
    None,
}

fn hint(lag: Lag, stack: &Stack) -> Hint {
    if lag.1.is_none() && stack.keys_shown() > 0 { Hint::Certain } else { Hint::None }
}

/// Returns the keys that the aliases refer to.
fn aliases(stack: &Stack) -> BTreeSet<(Place, String, String)> {
    let regions = stack.fake.regions.borrow();
    let all = regions.iter().flat_map(|(place, region)| {
        region.aliases.iter().map(move |(name, id)| (place.clone(), name.clone(), id.clone()))
    });
    all.collect()
}

/// The keys, and the number of consumers of each kind.
type Outcome = (Value, Vec<(ConsumerKind, usize)>);

fn outcome(stack: &Stack) -> Outcome {
    let shelves = stack.fake.shelves.borrow();
    let counts = shelves.iter().map(|((kind, _), shelf)| (*kind, shelf.len()));
    (stack.fake.picture(), counts.filter(|(_, count)| *count > 0).collect())
}

/// Returns the declaration without the consumers.
pub(crate) fn without_consumers(all: &Desired) -> Desired {
    let mut fewer = all.clone();
    fewer.resources.retain(|address, _| !address.kind.is_consumer());
    fewer
}
