//! Consumers of every kind, over the full life cycle on the stand-in: created, planned again
//! without changes, found without a state, killed at every call, changed, drifted, refused,
//! protected and deleted.

mod auto_scaling;
mod cloudtrail;
mod dynamodb;
mod ebs;
mod efs;
mod es;
mod policies;
mod rds;
mod s3;

use crate::fake::{FakeAws, Held, Kill};
use crate::world::{Stack, lineage};
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::consumer::{Effect, Encryption, Tags};
use kmsctl::kind::{ConsumerCall, ConsumerKind};
use kmsctl::plan::Plan;

pub(crate) const KEYS: &str = "stack: stack
region: eu-central-1
keys:
  a: {aliases: [a], policy: {}}
  b: {aliases: [b], policy: {}}
";

/// Resolves a configuration, which must be valid.
pub(crate) fn desired(text: &str) -> Desired {
    desired_in(text, "eu-central-1")
}

/// Resolves a configuration, which must be valid, with a default Region.
pub(crate) fn desired_in(text: &str, region: &str) -> Desired {
    let (desired, messages) = resolved(text, region);
    assert!(messages.is_empty(), "{messages:?}");
    desired.expect("a configuration")
}

/// Returns the errors of a configuration, which must be invalid.
pub(crate) fn refused(text: &str) -> Vec<String> {
    let (_, messages) = resolved(text, "eu-central-1");
    assert!(!messages.is_empty(), "{text}");
    messages
}

fn resolved(text: &str, region: &str) -> (Option<Desired>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    std::fs::write(&file, text).unwrap();
    let input = Input { paths: vec![file], ..Input::default() };
    let (mut loaded, diagnostics) = load(&input);
    let messages = |all: kmsctl::decode::Diagnostics| match all.has_errors() {
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

/// Returns the messages of the errors of a configuration, which must be invalid.
pub(crate) fn wrong(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kmsctl.yaml");
    kmsctl::store::write_atomic(&file, text.as_bytes()).unwrap();
    let (mut loaded, first) = load(&Input { paths: vec![file], ..Input::default() });
    let surroundings = Surroundings {
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    let (_, second) = loaded.resolve(&surroundings);
    assert!(first.has_errors() || second.has_errors(), "nothing is wrong with {text}");
    first.into_iter().chain(second).map(|diagnostic| diagnostic.message).collect()
}

/// A resource of one kind, with its changes.
pub(crate) struct Case {
    pub(crate) kind: ConsumerKind,
    /// AWS's id, if the configuration sets it; otherwise the resource is the only one of its kind.
    pub(crate) id: &'static str,
    /// The declaration, which follows `KEYS`. `PROTECT` is the placeholder for `protect: false`.
    pub(crate) text: &'static str,
    /// The declaration with a change in place.
    pub(crate) changed: &'static str,
    /// The declaration with a change that AWS does not support.
    pub(crate) blocked: &'static str,
    /// The field that is blocked.
    pub(crate) field: &'static str,
    /// The declaration as an existing resource, which kmsctl did not create.
    pub(crate) existing: &'static str,
}

/// The kinds whose resources kmsctl creates.
pub(crate) const CASES: [&Case; 8] = [
    &cloudtrail::TRAIL,
    &cloudtrail::STORE,
    &dynamodb::CASE,
    &ebs::CASE,
    &efs::CASE,
    &es::CASE,
    &rds::INSTANCE,
    &rds::CLUSTER,
];

impl Case {
    pub(crate) fn of(&self, text: &str) -> Desired {
        desired(&format!("{KEYS}{}", text.replace("PROTECT", "protect: true")))
    }

    pub(crate) fn free(&self, text: &str) -> Desired {
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

    /// Checks the full life cycle.
    pub(crate) fn check_life_cycle(&self) {
        let stack = self.made();
        assert!(self.id.is_empty() || self.id(&stack) == self.id);
        self.is_found_without_a_state();
        self.stays_without_a_record_once_it_is_not_declared();
        self.survives_kills();
        self.changes_and_drifts();
        self.is_refused();
        self.is_kept_and_deleted();
        self.is_waited_for();
        self.is_interrupted_and_continued();
        self.is_used_as_it_is();
        self.is_not_taken_from_another_owner();
        self.is_not_changed_once_another_owner_has_recreated_it();
    }

    /// The record is lost or old, and the resource leaves the configuration. It is reported, and neither
    /// it nor the statements that it needs are deleted.
    fn stays_without_a_record_once_it_is_not_declared(&self) {
        if self.kind.facts().arn.is_none() {
            return;
        }
        for record in [lineage("two"), self.old_record()] {
            let mut stack = self.made();
            let policy = stack.fake.key("a").policy;
            stack.state = record;
            let (plan, _) = stack.run(&desired(KEYS));
            let found: Vec<_> = plan
                .findings
                .iter()
                .filter(|finding| finding.address.kind.consumer() == Some(self.kind))
                .collect();
            assert_eq!(found.len(), 1, "{plan:#?}");
            assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
            assert_eq!(self.count(&stack), 1);
            assert_eq!(stack.fake.key("a").policy, policy);
        }
    }

    /// Returns the record from before the resource was created.
    fn old_record(&self) -> kmsctl::state::State {
        let mut stack = Stack::new(1);
        stack.applied(&desired(KEYS));
        stack.state
    }

    /// Returns a resource of the same name or id that another owner created.
    fn strangers(&self) -> Held {
        let stack = self.made();
        let mut held = stack.fake.consumer(self.kind, &self.id(&stack));
        let common = held.object.spec.common_mut();
        common.key = Some(Encryption::Aws);
        common.tags = Tags::from([("team".to_owned(), "other".to_owned())]);
        held
    }

    fn put(&self, fake: &FakeAws, held: &Held) {
        let mut shelves = fake.shelves.borrow_mut();
        let shelf = shelves.entry((self.kind, crate::build::home())).or_default();
        shelf.insert(held.object.id.clone(), held.clone());
    }

    /// Returns the operation that creates the resource.
    fn creation(&self) -> &'static str {
        let plan = Stack::new(1).plan_only(&self.of(self.text));
        let calls = plan.steps.iter().flat_map(|step| step.calls.iter());
        let mut calls = calls.filter_map(|planned| planned.call.as_consumer());
        let creates = |call: &&ConsumerCall| call.effect() == Effect::Creates;
        calls.find(creates).unwrap().operation()
    }

    /// AWS refuses to create the resource, or the name is in use since the plan was made, and
    /// another owner creates a resource of that name. A later run must neither change nor delete
    /// it.
    fn is_not_taken_from_another_owner(&self) {
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
            let recorded = stack
                .state
                .records
                .keys()
                .any(|address| address.kind.consumer() == Some(self.kind));
            assert!(!recorded, "what AWS refused is not recorded");
            stack.fake.faults.borrow_mut().refused.clear();
            self.put(&stack.fake, &theirs);
            self.stays(&mut stack, &theirs);
        }
    }

    /// The resource was deleted by hand, and another owner has created one of that name or id.
    fn is_not_changed_once_another_owner_has_recreated_it(&self) {
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
            let declared =
                all.resources.keys().any(|address| address.kind.consumer() == Some(self.kind));
            let recorded = stack
                .state
                .records
                .keys()
                .any(|address| address.kind.consumer() == Some(self.kind));
            let (plan, _) = stack.run(&all);
            let blocked = plan
                .blocked
                .iter()
                .any(|blocked| blocked.address.kind.consumer() == Some(self.kind));
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
        // The change is reverted outside of kmsctl.
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
        assert!(!plan.steps.iter().any(|step| step.address.kind.consumer() == Some(self.kind)));
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

    /// An apply is interrupted while AWS changes the resource. The next one waits for AWS and
    /// continues.
    fn is_interrupted_and_continued(&self) {
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
            held.object.spec.common_mut().tags = Tags::new();
        });
        // Without tags and without a record, its name alone does not make it the stack's.
        stack.state = lineage("two");
        if !self.id.is_empty() {
            let plan = stack.plan_only(&self.of(self.text));
            assert!(plan.blocked.iter().any(|b| b.help.contains("existing")), "{plan:#?}");
        }
        let existing = self.of(&self.existing.replace("ID", &id));
        let plan = stack.applied(&existing);
        assert!(
            plan.steps.iter().all(|step| step.address.kind.consumer() != Some(self.kind)),
            "{plan:#?}"
        );
        stack.settled(&existing);
        let plan = stack.applied(&desired(KEYS));
        assert_eq!((self.count(&stack), plan.count("forget")), (1, 1));
    }
}

/// Returns the derived statements of a key's policy: the Sids, and the consumers of each.
pub(crate) fn derived(desired: &Desired, key: &str) -> Vec<(String, String)> {
    let declared = &desired.resources[&crate::build::key_at(key)];
    let derived = declared.derived.iter();
    derived.map(|(sid, from)| (sid.clone(), Vec::from_iter(from.clone()).join(" "))).collect()
}

/// Returns the declared policy of a key.
pub(crate) fn policy(desired: &Desired, key: &str) -> serde_json::Value {
    let declared = &desired.resources[&crate::build::key_at(key)];
    let policy = declared.spec.as_key().unwrap().policy.as_ref().expect("a policy");
    serde_json::from_str(&policy.to_json()).unwrap()
}

/// Returns the operations of a plan, in its order.
pub(crate) fn operations(plan: &Plan) -> Vec<&'static str> {
    let calls = plan.steps.iter().flat_map(|step| step.calls.iter().chain(&step.last));
    calls.map(|planned| planned.call.operation()).collect()
}

#[test]
fn drift_names_the_consumers_of_a_key_that_is_pending_deletion() {
    let text = "stack: stack\nregion: eu-central-1\nkeys: {k: {}}\ndynamodb:\n  tables:\n    orders: {key: k, partition_key: {name: id, type: S}}\n";
    let mut stack = Stack::new(1);
    stack.applied(&desired(text));
    stack.fake.tamper("k", |key| {
        key.meta.state = "PendingDeletion".to_owned();
        key.meta.deletion_date = Some("soon".to_owned());
    });
    let drifts = stack.drifts(&desired(text));
    let found =
        drifts.findings.iter().find(|found| found.address.to_string() == "dynamodb_table/orders");
    let found = found.unwrap_or_else(|| panic!("{:?}", drifts.findings));
    assert!(
        found.rule == "key-unusable"
            && found.message.ends_with("cannot be used: `kmsctl apply` cancels the deletion"),
        "{found:?}"
    );
    // A recorded resource whose declaration is gone cannot be used either.
    for (rest, help) in [
        ("keys: {k: {}}\n", ": `kmsctl apply` cancels the deletion"),
        ("", ": declare the key again, and `kmsctl apply` cancels its deletion"),
    ] {
        let drifts = stack.drifts(&desired(&format!("stack: stack\nregion: eu-central-1\n{rest}")));
        let of_table = drifts.findings.iter().find(|found| found.rule == "key-unusable");
        let of_table = of_table.unwrap_or_else(|| panic!("{rest}: {:?}", drifts.findings));
        assert_eq!(of_table.address.to_string(), "dynamodb_table/orders");
        assert!(of_table.message.ends_with(help), "{of_table:?}");
    }
}
