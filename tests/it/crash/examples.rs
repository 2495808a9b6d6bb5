//! Every example configuration, and every kind of resource, on the stand-in: an apply, a change, a destroy, and an
//! apply that is disturbed by hand and then destroyed. Each is killed before and after every call, with what the next
//! run has of it from everything to nothing.

use crate::build::{empty, home, place};
use crate::examples::declared;
use crate::fake::{FakeAws, Kill, Rng, make_bucket, open_bucket};
use crate::record::steps;
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::key::{NAME_TAG, Rotation};
use kmsctl::kind::{ConsumerKind, Spec};
use kmsctl::plan::Plan;
use kmsctl::state::State;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The folder and the file of each example, and its account.
const EXAMPLES: [(&str, &str, &str); 9] = [
    ("auto-scaling", "kmsctl.yaml", OURS),
    ("auto-scaling", "other-account.yaml", "444455556666"),
    ("cloudtrail", "kmsctl.yaml", OURS),
    ("dynamodb", "kmsctl.yaml", OURS),
    ("elasticsearch", "kmsctl.yaml", OURS),
    ("fleet", "", OURS),
    ("github-actions", "kmsctl.yaml", OURS),
    ("s3", "kmsctl.yaml", OURS),
    ("storage", "kmsctl.yaml", OURS),
];
const OURS: &str = "111122223333";

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Apply,
    Update,
    Destroy,
    /// A killed apply; then somebody changes AWS by hand, and the stack is destroyed.
    Disturbed,
}

const RUNS: [Run; 4] = [Run::Apply, Run::Update, Run::Destroy, Run::Disturbed];

/// What the next run has of the killed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Everything,
    /// The state from before the killed run, and what that run announced, as in S3.
    Announced,
    /// The state from before the killed run.
    State,
    /// The disk is gone.
    Nothing,
}

const LEFT: [Left; 4] = [Left::Everything, Left::Announced, Left::State, Left::Nothing];

/// A cell of an example: the run, the number of the call, the moment, and what is left.
type Cell = (Run, usize, Kill, Left);

/// What is not right: the example, the run, the check, and why.
const KNOWN: [(&str, Run, &str, &str); 1] = [(
    "cloudtrail_event_data_store",
    Run::Destroy,
    "AWS differs",
    "differs: a store that is pending deletion blocks the deletion of its key, but only after a kill",
)];

/// An example in its versions.
struct Example {
    name: String,
    first: Desired,
    changed: Desired,
    none: Desired,
}

impl Example {
    fn of(&(folder, file, account): &(&str, &str, &str)) -> Self {
        let mut first = declared(folder, file, account);
        first.resources.values_mut().for_each(|declared| declared.protect = false);
        let mut changed = first.clone();
        changed.resources.values_mut().for_each(|declared| change(&mut declared.spec));
        Self::new(&format!("{folder}/{file}"), first, changed)
    }

    fn new(name: &str, first: Desired, changed: Desired) -> Self {
        let none = Desired { stack: first.stack.clone(), home: first.home.clone(), ..empty() };
        Self { name: name.to_owned(), first, changed, none }
    }

    /// Returns the example configurations, and an example of each kind.
    fn all() -> Vec<Self> {
        let kinds = crate::lag::examples().into_iter();
        let kinds = kinds.map(|kind| Self::new(kind.name, kind.first, kind.changed));
        EXAMPLES.iter().map(Self::of).chain(kinds).collect()
    }

    fn stack(&self) -> Stack {
        let mut stack = Stack::new(3);
        if self.name == "auto-scaling/kmsctl.yaml" {
            let role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
            let role = format!("arn:aws:iam::{OURS}:role/{role}");
            stack.fake.faults.borrow_mut().missing.insert(role);
        }
        let trails = open_bucket("eu-west-1");
        stack.fake.buckets.borrow_mut().insert("my-trail-bucket".to_owned(), trails);
        make_bucket(&stack.fake, &place("eu-west-3"), "my-reports-bucket");
        make_bucket(&stack.fake, &home(), "mine");
        stack.state = self.no_record();
        stack.announces = true;
        stack
    }

    fn no_record(&self) -> State {
        State::begin(self.first.stack.clone(), "one".to_owned())
    }

    /// Returns a stack that is ready for the run that is killed, and the declaration of that run.
    fn prepared(&self, run: Run) -> (Stack, &Desired) {
        let mut stack = self.stack();
        if [Run::Update, Run::Destroy].contains(&run) {
            stack.applied(&self.first);
        }
        let killed = match run {
            Run::Apply | Run::Disturbed => &self.first,
            Run::Update => &self.changed,
            Run::Destroy => &self.none,
        };
        (stack, killed)
    }

    /// Returns the outcomes of a run that is not killed, with and without a record of the run before, and the
    /// number of its calls. Without that record, a tag that is no longer declared stays.
    fn calm(&self, run: Run) -> (Vec<Outcome>, usize) {
        let (mut stack, desired) = self.prepared(run);
        stack.run(desired);
        let calls = stack.fake.mutations.get();
        if run == Run::Disturbed {
            disturb(&stack.fake);
            stack.run(&self.none);
        }
        let mut outcomes = vec![Outcome::of(&stack.fake)];
        if run == Run::Update {
            let (mut stack, desired) = self.prepared(run);
            stack.state = self.no_record();
            stack.run(desired);
            outcomes.push(Outcome::of(&stack.fake));
        }
        (outcomes, calls)
    }
}

/// Changes what can be changed in place.
fn change(spec: &mut Spec) {
    match spec {
        Spec::Key(key) => {
            key.description = Some("changed".to_owned());
            key.tags.insert("cost".to_owned(), "7".to_owned());
            if key.rotation.is_some() {
                key.rotation = Some(Rotation::EveryDays(180));
            }
        }
        Spec::Grant(grant) => grant.operations = ["Encrypt".to_owned()].into(),
        Spec::Consumer(consumer) if consumer.common().tags.contains_key(NAME_TAG) => {
            consumer.common_mut().tags.insert("cost".to_owned(), "7".to_owned());
        }
        _ => {}
    }
}

/// Changes AWS by hand.
fn disturb(fake: &FakeAws) {
    for region in fake.regions.borrow_mut().values_mut() {
        for key in region.keys.values_mut() {
            key.meta.state = "Disabled".to_owned();
            key.meta.description = "by hand".to_owned();
            key.grants.clear();
        }
        region.aliases.pop_first();
    }
    for shelf in fake.shelves.borrow_mut().values_mut() {
        for held in shelf.values_mut() {
            held.object.spec.common_mut().tags.insert("by".to_owned(), "hand".to_owned());
        }
    }
}

/// What a stack has in AWS.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    picture: Value,
    consumers: BTreeMap<ConsumerKind, usize>,
    /// The names of the keys that are not pending deletion, and of the consumers of the stack.
    names: BTreeSet<String>,
    aliases: usize,
}

impl Outcome {
    fn of(fake: &FakeAws) -> Self {
        let shelves = fake.shelves.borrow();
        let counts = shelves.iter().map(|((kind, _), shelf)| (*kind, shelf.len()));
        let consumers = counts.filter(|(_, count)| *count > 0).collect();
        let held = shelves.values().flat_map(|shelf| shelf.values());
        let tags = held.map(|held| &held.object.spec.common().tags);
        let regions = fake.regions.borrow();
        let keys = regions.values().flat_map(|region| region.keys.values());
        let tags = tags.chain(keys.filter(|key| !key.meta.is_dying()).map(|key| &key.tags));
        let names = tags.filter_map(|tags| tags.get(NAME_TAG).cloned()).collect();
        Self { picture: fake.picture(), consumers, names, aliases: fake.aliases_total() }
    }

    /// Returns whether nothing is left that is not left after runs that nothing kills.
    fn is_as_destroyed_as(&self, calm: &Self) -> bool {
        self.names.is_subset(&calm.names) && self.aliases <= calm.aliases
    }

    /// Returns whether the plan names everything that is left, except what is left after runs that nothing
    /// kills.
    fn is_named(&self, calm: &Self, plan: &Plan) -> bool {
        let blocked = plan.blocked.iter().map(|blocked| &blocked.address);
        let found = plan.findings.iter().map(|finding| &finding.address);
        let named: BTreeSet<&String> = blocked.chain(found).map(|address| &address.name).collect();
        self.names.difference(&calm.names).all(|name| named.contains(name))
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Wrong {
    cells: usize,
    new: Vec<String>,
    /// The entries of [`KNOWN`] that were found.
    known: BTreeSet<usize>,
}

/// Makes the runs of one cell.
fn check(example: &Example, calm: &[Outcome], (run, n, kill, left): Cell, wrong: &mut Wrong) {
    let mut check = |what: &str, is_right: bool, detail: String| {
        let of = (example.name.as_str(), run, what);
        let known = KNOWN.iter().position(|(name, run, what, _)| (*name, *run, *what) == of);
        match known {
            _ if is_right => {}
            Some(known) => drop(wrong.known.insert(known)),
            None => {
                let name = &example.name;
                let cell = format!("{name}, {run:?}, {kill:?} call {n}, {left:?}");
                wrong.new.push(format!("{cell}: {what}: {detail}"));
            }
        }
    };
    let (mut stack, desired) = example.prepared(run);
    let killed = stack.run_until(desired, Some((n, kill))).is_none();
    check("not killed", killed, String::new());
    match left {
        Left::Everything => {}
        Left::Announced => drop(stack.journal.replace(stack.announced.take())),
        Left::State => stack.journal.borrow_mut().clear(),
        Left::Nothing => {
            stack.journal.borrow_mut().clear();
            stack.state = example.no_record();
        }
    }
    if run == Run::Disturbed {
        disturb(&stack.fake);
    }
    let destroys = [Run::Destroy, Run::Disturbed].contains(&run);
    let last = if destroys { &example.none } else { desired };
    if destroys && left != Left::Everything {
        stack.rebuild(&example.first);
    }
    let (mut plan, ended) = stack.run(last);
    check("the run failed", ended.failed.is_empty(), format!("{:?}", ended.failed));
    if destroys && left != Left::Everything {
        // Without a record, what is there is named and stays. It is destroyed after an apply.
        let found = Outcome::of(&stack.fake);
        check("not named", found.is_named(&calm[0], &plan), format!("{found:?} {plan:?}"));
        if found != calm[0] {
            for desired in [&example.first, last] {
                let (later, ended) = stack.run(desired);
                check("a later run failed", ended.failed.is_empty(), format!("{:?}", ended.failed));
                plan = later;
            }
        }
    }
    let found = Outcome::of(&stack.fake);
    let is_right = match (run, left) {
        (Run::Disturbed, Left::Everything) => found.is_as_destroyed_as(&calm[0]),
        // What was changed by hand may block the apply.
        (Run::Disturbed, _) => found.is_named(&calm[0], &plan),
        _ => calm.contains(&found),
    };
    check("AWS differs", is_right, format!("{found:?} instead of {calm:?}: {plan:?}"));
    let refusals = stack.fake.refusals.borrow().clone();
    check("refusals", refusals.is_empty(), format!("{refusals:?}"));
    let again = stack.plan_only(last);
    check("the next plan has steps", again.steps.is_empty(), format!("{:?}", steps(&again)));
}

/// Checks the cells that `chooses` accepts.
fn matrix(mut chooses: impl FnMut(&Example) -> bool) -> Wrong {
    let mut wrong = Wrong::default();
    for example in Example::all() {
        for run in RUNS {
            let (calm, calls) = example.calm(run);
            for n in 1..=calls {
                for kill in [Kill::Before, Kill::After] {
                    for left in LEFT {
                        if chooses(&example) {
                            wrong.cells += 1;
                            check(&example, &calm, (run, n, kill, left), &mut wrong);
                        }
                    }
                }
            }
        }
    }
    let Wrong { cells, new, .. } = &wrong;
    assert!(new.is_empty(), "{} of {cells} cells:\n{}", new.len(), new.join("\n"));
    wrong
}

/// A sample of the cells, the same in every run.
#[test]
fn a_sample_of_the_kills_of_every_example_is_survived() {
    let rng = Rng::new(11);
    // The fleet has twelve keys, and its runs are slow.
    let wrong = matrix(|example| {
        let rarity = if example.name == "fleet/" { 80 } else { 20 };
        rng.below(rarity) == 0
    });
    assert!(wrong.cells > 150, "{}", wrong.cells);
}

#[test]
#[ignore = "takes minutes"]
fn every_kill_of_every_example_is_survived() {
    let wrong = matrix(|_| true);
    assert!(wrong.cells > 4000, "{}", wrong.cells);
    assert_eq!(wrong.known, (0..KNOWN.len()).collect(), "what is right by now");
}
