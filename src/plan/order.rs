//! Which step waits for which, and a queue that hands out what is ready. Pure.

use super::Step;
use super::check::identities::{made, named};
use super::slot::Slot;
use crate::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Fills in what each step waits for, and sorts the steps into an executable order.
///
/// A resource is created and changed after the key that it will point at; a key is deleted after
/// everything that pointed at it has moved away or gone. What is taken away waits for
/// what may be made to take its place. What names a role waits for the step that
/// makes it. What leaves a key that goes on goes before the last calls on the key: those take away
/// what it needed. [`stuck`] finds steps that wait for each other.
pub fn order(steps: &mut [Step]) {
    let deleted = |step: &&Step| matches!(step.change, Change::Delete { .. });
    let doomed: BTreeSet<Address> = keys(steps.iter().filter(deleted));
    let lately = |step: &&Step| !step.last.is_empty();
    let late: BTreeSet<Address> = keys(steps.iter().filter(lately));
    let others: BTreeSet<Address> = keys(steps.iter().filter(|step| !deleted(step)));
    let mut before_key: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    let made = made(steps);
    let coming = policies(steps.iter(), Change::to);
    let leaving = policies(steps.iter().filter(deleted), Change::from);
    let creations = creations(steps);
    for step in steps.iter_mut() {
        let identities = named(step);
        step.after.extend(identities.iter().filter_map(|identity| made.get(identity).cloned()));
        for key in managed(step.change.to()) {
            if others.contains(&key) {
                step.after.insert(key);
            }
        }
        for key in managed(step.change.from()) {
            if doomed.contains(&key) {
                before_key.entry(key).or_default().insert(step.address.clone());
            } else if late.contains(&key) {
                step.after.insert(key);
            }
        }
        if let Change::Delete { from } = &step.change {
            let instead = Slot::of(from).and_then(|slot| creations.get(&slot));
            step.after.extend(instead.into_iter().flatten().cloned());
        }
        let refs = step.change.to().map(Spec::refs).unwrap_or_default();
        let policy = refs.into_iter().find_map(|key| coming.get(key));
        step.after.extend(policy.filter(|policy| **policy != step.address).cloned());
        let refs = step.change.from().map(Spec::refs).unwrap_or_default();
        let policy = refs.into_iter().find_map(|key| leaving.get(key));
        if let Some(policy) = policy.filter(|policy| **policy != step.address) {
            before_key.entry(policy.clone()).or_default().insert(step.address.clone());
        }
    }
    for step in steps.iter_mut() {
        step.after.extend(before_key.remove(&step.address).unwrap_or_default());
    }
    steps.sort_by_key(|step| {
        let rank = match (&step.change, step.address.kind) {
            (_, Kind::ServiceLinkedRole) => 0,
            (Change::Delete { from: Spec::Key(key) }, Kind::Key) if key.primary.is_some() => 3,
            (Change::Delete { .. }, Kind::Key) => 4,
            (_, Kind::Key) => 1,
            (Change::Delete { .. }, Kind::KeyPolicy) => 3,
            (_, Kind::KeyPolicy) => 1,
            (_, _) => 2,
        };
        (rank, step.address.clone())
    });
}

/// The steps that change the policies of keys that are not the stack's, by the key.
fn policies<'a>(
    steps: impl Iterator<Item = &'a Step>,
    side: impl Fn(&Change<Spec>) -> Option<&Spec>,
) -> BTreeMap<KeyRef, Address> {
    let each = steps.filter_map(|step| {
        let policy = side(&step.change)?.as_key_policy()?;
        Some((policy.key.clone(), step.address.clone()))
    });
    each.collect()
}

/// The steps that make something, by its slot.
fn creations(steps: &[Step]) -> BTreeMap<Slot, Vec<Address>> {
    let mut creations: BTreeMap<Slot, Vec<Address>> = BTreeMap::new();
    for step in steps {
        if let Change::Create { to } = &step.change
            && let Some(slot) = Slot::of(to)
        {
            creations.entry(slot).or_default().push(step.address.clone());
        }
    }
    creations
}

fn keys<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<Address> {
    let keys = steps.filter(|step| step.address.kind == Kind::Key);
    keys.map(|step| step.address.clone()).collect()
}

fn managed(spec: Option<&Spec>) -> Vec<Address> {
    let refs = spec.map(Spec::refs).unwrap_or_default();
    refs.into_iter().filter_map(KeyRef::managed).cloned().collect()
}

/// A half of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// The calls before anything that depends on the resource.
    First,
    /// The calls after everything that depends on the resource.
    Last,
}

/// A node of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkItem {
    /// The index of the step.
    pub step: usize,
    /// The half of it.
    pub half: Half,
}

impl WorkItem {
    fn first(step: usize) -> Self {
        Self { step, half: Half::First }
    }

    fn last(step: usize) -> Self {
        Self { step, half: Half::Last }
    }
}

/// Hands out what is ready. A step is two nodes: its first half waits for the first halves of the
/// steps before it, its last half for its own first half and for the first halves of the steps after
/// it. The queue knows nothing of calls, time or tasks: the driver decides how much of what is ready
/// runs at once, and which first.
#[derive(Debug)]
pub struct Queue {
    waiting: BTreeMap<WorkItem, BTreeSet<WorkItem>>,
    followers: BTreeMap<WorkItem, Vec<WorkItem>>,
    ready: BTreeSet<WorkItem>,
}

impl Queue {
    /// Returns the queue over the steps of a plan.
    #[must_use]
    pub fn new(steps: &[Step]) -> Self {
        let index: BTreeMap<&Address, usize> =
            steps.iter().enumerate().map(|(n, step)| (&step.address, n)).collect();
        let has_last = |n: usize| steps.get(n).is_some_and(|step| !step.last.is_empty());
        let mut waiting: BTreeMap<WorkItem, BTreeSet<WorkItem>> = BTreeMap::new();
        for (n, step) in steps.iter().enumerate() {
            let after: BTreeSet<usize> =
                step.after.iter().filter_map(|address| index.get(address).copied()).collect();
            let before = after.iter().map(|before| WorkItem::first(*before));
            waiting.insert(WorkItem::first(n), before.collect());
            if has_last(n) {
                waiting.entry(WorkItem::last(n)).or_default().insert(WorkItem::first(n));
            }
            for before in after.into_iter().filter(|before| has_last(*before)) {
                waiting.entry(WorkItem::last(before)).or_default().insert(WorkItem::first(n));
            }
        }
        let mut followers: BTreeMap<WorkItem, Vec<WorkItem>> = BTreeMap::new();
        for (item, after) in &waiting {
            for before in after {
                followers.entry(*before).or_default().push(*item);
            }
        }
        let ready = waiting.extract_if(.., |_, after| after.is_empty()).map(|(item, _)| item);
        let ready = ready.collect();
        Self { waiting, followers, ready }
    }

    /// The nodes that can be taken now.
    #[must_use]
    pub fn ready(&self) -> &BTreeSet<WorkItem> {
        &self.ready
    }

    /// Takes a node, and returns whether it was ready.
    pub fn take(&mut self, item: WorkItem) -> bool {
        self.ready.remove(&item)
    }

    /// Marks a node as done: what waited for it may become ready.
    pub fn finish(&mut self, item: WorkItem) {
        for follower in self.followers.remove(&item).unwrap_or_default() {
            let Some(after) = self.waiting.get_mut(&follower) else {
                continue;
            };
            after.remove(&item);
            if after.is_empty() {
                self.waiting.remove(&follower);
                self.ready.insert(follower);
            }
        }
    }

    /// Marks a node as failed: everything that waits for it, directly or not, will not run.
    pub fn fail(&mut self, item: WorkItem) {
        let mut lost = vec![item];
        while let Some(item) = lost.pop() {
            self.waiting.remove(&item);
            lost.extend(self.followers.remove(&item).unwrap_or_default());
        }
    }
}

/// Returns the steps that can never begin, because they wait for each other.
#[must_use]
pub fn stuck(steps: &[Step]) -> BTreeSet<Address> {
    let mut queue = Queue::new(steps);
    while let Some(item) = queue.ready.pop_first() {
        queue.finish(item);
    }
    let left = queue.waiting.keys().filter_map(|item| steps.get(item.step));
    left.map(|step| step.address.clone()).collect()
}
