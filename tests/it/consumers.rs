//! What consumes keys, each kind through its whole life on the stand-in: made, planned empty, found
//! again without a state, killed at every call, changed, drifted, refused, kept, deleted.

mod auto_scaling;
mod cloudtrail;
mod dynamodb;
mod ebs;
mod efs;
mod es;
mod policies;
mod rds;

use crate::fake::{FakeAws, Held, Kill};
use crate::world::{Stack, lineage};
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::Kind;
use kmsctl::kind::consumer::{Effect, Encryption, Tags};
use kmsctl::plan::Plan;
use std::collections::BTreeMap;

pub(crate) const KEYS: &str = "stack: stack
region: eu-central-1
keys:
  a: {aliases: [a], policy: {}}
  b: {aliases: [b], policy: {}}
";

/// A configuration, which must be good.
pub(crate) fn desired(text: &str) -> Desired {
    desired_in(text, "eu-central-1")
}

/// The same where AWS's own configuration says the Region.
pub(crate) fn desired_in(text: &str, region: &str) -> Desired {
    let (desired, messages) = resolved(text, region);
    assert!(messages.is_empty(), "{messages:?}");
    desired.expect("a configuration")
}

/// The errors of a configuration, which must be bad.
pub(crate) fn refused(text: &str) -> Vec<String> {
    let (_, messages) = resolved(text, "eu-central-1");
    assert!(!messages.is_empty(), "{text}");
    messages
}

fn resolved(text: &str, region: &str) -> (Option<Desired>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    std::fs::write(&file, text).unwrap();
    let input = Input { paths: vec![file], vars: BTreeMap::new() };
    let (mut loaded, diagnostics) = load(&input);
    let messages = |all: kmsctl::config::Diagnostics| match all.has_errors() {
        true => all.into_iter().map(|d| d.message).collect::<Vec<_>>(),
        false => Vec::new(),
    };
    if diagnostics.has_errors() {
        return (None, messages(diagnostics));
    }
    let surroundings =
        Surroundings { account: "111122223333".parse().unwrap(), region: region.parse().unwrap() };
    let (desired, diagnostics) = loaded.resolve(&surroundings);
    (desired, messages(diagnostics))
}

/// What is wrong with a configuration, which must be bad.
pub(crate) fn wrong(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&file, text.as_bytes()).unwrap();
    let (mut loaded, first) = load(&Input { paths: vec![file], vars: BTreeMap::new() });
    let surroundings = Surroundings {
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    let (_, second) = loaded.resolve(&surroundings);
    assert!(first.has_errors() || second.has_errors(), "nothing is wrong with {text}");
    first.into_iter().chain(second).map(|diagnostic| diagnostic.message).collect()
}

/// One kind, and what happens to one resource of it.
pub(crate) struct Case {
    pub(crate) kind: Kind,
    /// AWS's id, where the configuration gives it; else the only one of its kind is meant.
    pub(crate) id: &'static str,
    /// The resource, after `KEYS`; `PROTECT` stands where `protect: false` goes.
    pub(crate) text: &'static str,
    /// The same, changed in place.
    pub(crate) changed: &'static str,
    /// The same, changed in a way that AWS cannot.
    pub(crate) blocked: &'static str,
    /// The field that is blocked.
    pub(crate) field: &'static str,
    /// The same resource, as one that kmsctl did not make.
    pub(crate) existing: &'static str,
}

impl Case {
    fn of(&self, text: &str) -> Desired {
        desired(&format!("{KEYS}{}", text.replace("PROTECT", "protect: true")))
    }

    fn free(&self, text: &str) -> Desired {
        desired(&format!("{KEYS}{}", text.replace("PROTECT", "protect: false")))
    }

    fn count(&self, stack: &Stack) -> usize {
        let shelves = stack.fake.shelves.borrow();
        shelves.iter().filter(|((kind, _), _)| *kind == self.kind).map(|(_, s)| s.len()).sum()
    }

    fn id(&self, stack: &Stack) -> String {
        let shelves = stack.fake.shelves.borrow();
        let mut all = shelves.iter().filter(|((kind, _), _)| *kind == self.kind);
        all.find_map(|(_, shelf)| shelf.keys().next().cloned()).expect("one")
    }

    fn made(&self) -> Stack {
        let mut stack = Stack::new(1);
        stack.applied(&self.of(self.text));
        stack.settled(&self.of(self.text));
        assert_eq!(self.count(&stack), 1);
        assert_eq!(*stack.fake.refusals.borrow(), [""; 0]);
        stack
    }

    /// Everything that must hold of every kind.
    pub(crate) fn lives(&self) {
        let stack = self.made();
        assert!(self.id.is_empty() || self.id(&stack) == self.id);
        self.is_found_without_a_state();
        self.survives_kills();
        self.changes_and_drifts();
        self.is_refused();
        self.is_kept_and_deleted();
        self.is_waited_for();
        self.is_stopped_and_gone_on_with();
        self.is_used_as_it_is();
        self.is_not_taken_from_a_stranger();
        self.is_left_alone_once_it_is_a_strangers();
    }

    /// A resource of the same name, or id, that somebody else made.
    fn strangers(&self) -> Held {
        let stack = self.made();
        let mut held = stack.fake.consumer(self.kind, &self.id(&stack));
        let common = held.object.spec.common_mut().unwrap();
        common.key = Some(Encryption::Aws);
        common.tags = Tags::from([("team".to_owned(), "other".to_owned())]);
        held
    }

    fn put(&self, fake: &FakeAws, held: &Held) {
        let mut shelves = fake.shelves.borrow_mut();
        let shelf = shelves.entry((self.kind, crate::build::home())).or_default();
        shelf.insert(held.object.id.clone(), held.clone());
    }

    /// The operation that makes it.
    fn creation(&self) -> &'static str {
        let plan = Stack::new(1).plan_only(&self.of(self.text));
        let mut calls = plan.steps.iter().flat_map(|step| step.calls.iter().map(|c| &c.call));
        calls.find(|call| call.effect() == Some(Effect::Creates)).unwrap().operation()
    }

    /// AWS refuses to make it, or the name was taken since the plan was made, and somebody else makes
    /// one of that name: it is neither changed nor deleted by a later run.
    fn is_not_taken_from_a_stranger(&self) {
        if self.id.is_empty() {
            return;
        }
        let theirs = self.strangers();
        for quota in [true, false] {
            let mut stack = Stack::new(5);
            stack.applied(&desired(KEYS));
            if quota {
                stack.fake.faults.borrow_mut().refused.insert(self.creation().to_owned());
            } else {
                let (kind, held) = (self.kind, theirs.clone());
                stack.meanwhile.set(Some(Box::new(move |fake: &FakeAws| {
                    let mut shelves = fake.shelves.borrow_mut();
                    let shelf = shelves.entry((kind, crate::build::home())).or_default();
                    shelf.insert(held.object.id.clone(), held);
                })));
            }
            let (_, ended) = stack.run(&self.free(self.text));
            assert!(!ended.failed.is_empty(), "{ended:?}");
            let recorded = stack.state.records.keys().any(|address| address.kind == self.kind);
            assert!(!recorded, "what AWS refused is not recorded");
            stack.fake.faults.borrow_mut().refused.clear();
            self.put(&stack.fake, &theirs);
            self.stays(&mut stack, &theirs);
        }
    }

    /// It was deleted by hand, and somebody else has made one of that name or id.
    fn is_left_alone_once_it_is_a_strangers(&self) {
        let mut stack = self.made();
        stack.applied(&self.free(self.text));
        let mut theirs = self.strangers();
        theirs.object.id = self.id(&stack);
        self.put(&stack.fake, &theirs);
        self.stays(&mut stack, &theirs);
    }

    fn stays(&self, stack: &mut Stack, theirs: &Held) {
        let runs = [self.free(self.text), self.free(self.changed), desired(KEYS)];
        for all in runs {
            let declared = all.resources.keys().any(|address| address.kind == self.kind);
            let recorded = stack.state.records.keys().any(|address| address.kind == self.kind);
            let (plan, _) = stack.run(&all);
            let blocked = plan.blocked.iter().any(|blocked| blocked.address.kind == self.kind);
            assert_eq!(blocked, declared || recorded, "{plan:#?}");
            let held = stack.fake.consumer(self.kind, &theirs.object.id);
            assert_eq!(held.object, theirs.object, "{:#?}", plan.steps);
        }
    }

    fn is_found_without_a_state(&self) {
        let mut stack = self.made();
        stack.state = lineage("two");
        let again = stack.plan_only(&self.of(self.text));
        assert!(again.is_empty(), "{:#?} {:#?}", again.steps, again.blocked);
        stack.applied(&self.of(self.text));
        stack.settled(&self.of(self.text));
        assert_eq!(self.count(&stack), 1);
    }

    fn survives_kills(&self) {
        for kill in [Kill::Before, Kill::After] {
            for n in 1.. {
                let mut stack = Stack::new(n as u64);
                stack.fake.faults.borrow_mut().busy = 2;
                let desired = self.of(self.text);
                if stack.run_until(&desired, Some((n, kill))).is_some() {
                    break;
                }
                stack.applied(&desired);
                stack.applied(&desired);
                stack.settled(&desired);
                assert_eq!((self.count(&stack), stack.fake.keys_total()), (1, 2), "{n} {kill:?}");
            }
        }
    }

    fn changes_and_drifts(&self) {
        let mut stack = self.made();
        let before = stack.fake.consumer(self.kind, &self.id(&stack)).object.spec;
        let plan = stack.applied(&self.of(self.changed));
        assert!(plan.drift.is_empty() && !plan.steps.is_empty(), "a change is no drift");
        stack.settled(&self.of(self.changed));
        // Somebody changes it back.
        let id = self.id(&stack);
        stack.fake.tamper_consumer(self.kind, &id, |held| held.object.spec = before);
        let plan = stack.plan_only(&self.of(self.changed));
        assert!(!plan.drift.is_empty() && !plan.steps.is_empty(), "{plan:#?}");
        stack.applied(&self.of(self.changed));
        stack.settled(&self.of(self.changed));
    }

    fn is_refused(&self) {
        let stack = self.made();
        let plan = stack.plan_only(&self.of(self.blocked));
        let fields: Vec<&str> = plan.blocked.iter().map(|b| b.field.as_str()).collect();
        assert!(fields.contains(&self.field), "{:#?}", plan.blocked);
        assert!(!plan.steps.iter().any(|step| step.address.kind == self.kind));
        assert!(plan.blocked.iter().all(|blocked| !blocked.help.is_empty()));
    }

    fn is_kept_and_deleted(&self) {
        let mut stack = self.made();
        let plan = stack.plan_only(&desired(KEYS));
        assert!(plan.blocked.iter().any(|b| b.reason.contains("protected")), "{plan:#?}");
        stack.applied(&self.free(self.text));
        stack.fake.faults.borrow_mut().busy = 2;
        let plan = stack.applied(&desired(KEYS));
        assert_eq!((self.count(&stack), plan.count("delete")), (0, 1));
        stack.settled(&desired(KEYS));
    }

    fn is_waited_for(&self) {
        let mut stack = Stack::new(3);
        stack.fake.faults.borrow_mut().busy = 4;
        stack.applied(&self.of(self.text));
        assert_eq!(stack.fake.consumer(self.kind, &self.id(&stack)).busy, 0);
        stack.settled(&self.of(self.text));
    }

    /// An apply that is stopped while AWS is at work is gone on with, and waits for the rest.
    fn is_stopped_and_gone_on_with(&self) {
        let mut stack = Stack::new(4);
        stack.applied(&desired(KEYS));
        stack.fake.faults.borrow_mut().busy = 6;
        stack.impatient.set(true);
        let (_, ended) = stack.run(&self.of(self.text));
        assert!(ended.stopped && !ended.is_complete(), "{ended:?}");
        stack.stop.set(false);
        stack.impatient.set(false);
        stack.applied(&self.of(self.text));
        assert_eq!(stack.fake.consumer(self.kind, &self.id(&stack)).busy, 0);
        stack.applied(&self.of(self.text));
        stack.settled(&self.of(self.text));
        assert_eq!(self.count(&stack), 1);
    }

    fn is_used_as_it_is(&self) {
        let mut stack = self.made();
        let id = self.id(&stack);
        stack.fake.tamper_consumer(self.kind, &id, |held| {
            held.object.spec.common_mut().unwrap().tags = Tags::new();
        });
        // By its name alone it is somebody else's.
        stack.state = lineage("two");
        if !self.id.is_empty() {
            let plan = stack.plan_only(&self.of(self.text));
            assert!(plan.blocked.iter().any(|b| b.help.contains("existing")), "{plan:#?}");
        }
        let existing = self.of(&self.existing.replace("ID", &id));
        let plan = stack.applied(&existing);
        assert!(plan.steps.iter().all(|step| step.address.kind != self.kind), "{plan:#?}");
        stack.settled(&existing);
        let plan = stack.applied(&desired(KEYS));
        assert_eq!((self.count(&stack), plan.count("forget")), (1, 1));
    }
}

/// The statements of a key's policy that follow from consumers: by Sid, from which.
pub(crate) fn derived(desired: &Desired, key: &str) -> Vec<(String, String)> {
    let declared = &desired.resources[&crate::build::key_at(key)];
    let join = |sources: &std::collections::BTreeSet<String>| {
        sources.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    declared.derived.iter().map(|(sid, from)| (sid.clone(), join(from))).collect()
}

/// The policy that a key is to have.
pub(crate) fn policy(desired: &Desired, key: &str) -> serde_json::Value {
    let declared = &desired.resources[&crate::build::key_at(key)];
    let policy = declared.spec.as_key().unwrap().policy.as_ref().expect("a policy");
    serde_json::from_str(&policy.to_json()).unwrap()
}

/// The operations of a plan, in its order.
pub(crate) fn operations(plan: &Plan) -> Vec<&'static str> {
    let calls = plan.steps.iter().flat_map(|step| step.calls.iter().chain(&step.last));
    calls.map(|planned| planned.call.operation()).collect()
}
