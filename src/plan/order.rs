//! The order of steps, and a queue of the steps that are ready. Pure.

use super::Step;
use super::check::identities::{named_by, roles_to_create};
use super::slot::Slot;
use crate::id::IdentityArn;
use crate::kind::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Sets the steps that each step waits for, and sorts the steps into an executable order.
///
/// * A resource is created or changed after the key that it will refer to.
/// * A key is deleted after every resource that referred to it has moved to another key or is deleted.
/// * A resource is deleted after the creation of the resource that may replace it.
/// * A policy or grant that names a role is changed after the role is created, and a consumer that needs a
///   service-linked role after that role.
/// * A consumer leaves a key before the last calls on the key, which remove the permissions that the
///   consumer needed.
///
/// [`stuck`] finds steps that wait for each other.
pub fn order(steps: &mut [Step]) {
    let is_deletion = |step: &&Step| matches!(step.change, Change::Delete { .. });
    let deleted_keys: BTreeSet<Address> = keys(steps.iter().filter(is_deletion));
    let kept_keys: BTreeSet<Address> = keys(steps.iter().filter(|step| !is_deletion(step)));
    let with_last_calls: BTreeSet<Address> =
        keys(steps.iter().filter(|step| !step.last.is_empty()));
    let mut before_key: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    let roles = roles_to_create(steps);
    let coming = policies(steps.iter(), Change::to);
    let leaving = policies(steps.iter().filter(is_deletion), Change::from);
    let creations = creations(steps);
    for step in steps.iter_mut() {
        let identities = named_by(step);
        step.after.extend(identities.iter().filter_map(|identity| roles.get(identity).cloned()));
        step.after.extend(own_role(step, &roles));
        for key in managed(step.change.to()) {
            if kept_keys.contains(&key) {
                step.after.insert(key);
            }
        }
        for key in managed(step.change.from()) {
            if deleted_keys.contains(&key) {
                before_key.entry(key).or_default().insert(step.address.clone());
            } else if with_last_calls.contains(&key) {
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

/// Returns the step that creates the service-linked role that a consumer needs.
fn own_role(step: &Step, roles: &BTreeMap<IdentityArn, Address>) -> Option<Address> {
    let service = step.change.to()?.as_consumer()?.role()?;
    roles.values().find(|role| role.name == service).cloned()
}

/// Returns the steps that change the policies of keys that the stack does not manage, by key. `side`
/// chooses the form before or after the change.
fn policies<'a>(
    steps: impl Iterator<Item = &'a Step>,
    side: impl Fn(&Change<Spec>) -> Option<&Spec>,
) -> BTreeMap<KeyRef, Address> {
    let policy = |step: &Step| {
        let policy = side(&step.change)?.as_key_policy()?;
        Some((policy.key.clone(), step.address.clone()))
    };
    steps.filter_map(policy).collect()
}

/// Returns the steps that create resources, by slot.
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

/// Returns the addresses of the steps that change keys.
fn keys<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<Address> {
    let keys = steps.filter(|step| step.address.kind == Kind::Key);
    keys.map(|step| step.address.clone()).collect()
}

/// Returns the keys of the stack that a form refers to.
fn managed(spec: Option<&Spec>) -> Vec<Address> {
    let refs = spec.map(Spec::refs).unwrap_or_default();
    refs.into_iter().filter_map(KeyRef::managed).cloned().collect()
}

/// One of the two halves of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// The calls that come before the steps that depend on the resource.
    First,
    /// The calls that come after the steps that depend on the resource.
    Last,
}

/// A node of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkItem {
    /// The index of the step.
    pub step: usize,
    /// The half of the step.
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

/// A queue of the steps that are ready to run. Each step has two nodes. Its first half waits for the
/// first halves of the steps before it. Its last half waits for its own first half, and for the first
/// halves of the steps after it. The caller decides which ready nodes run, and how many at the same time.
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
        let ready =
            waiting.extract_if(.., |_, after| after.is_empty()).map(|(item, _)| item).collect();
        Self { waiting, followers, ready }
    }

    /// Returns the nodes that are ready.
    #[must_use]
    pub fn ready(&self) -> &BTreeSet<WorkItem> {
        &self.ready
    }

    /// Removes a node from the ready nodes, and returns whether it was ready.
    pub fn take(&mut self, item: WorkItem) -> bool {
        self.ready.remove(&item)
    }

    /// Marks a node as done. Nodes that waited for it may become ready.
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

    /// Marks a node as failed. The nodes that wait for it, directly or indirectly, never become ready.
    pub fn fail(&mut self, item: WorkItem) {
        let mut unreachable = vec![item];
        while let Some(item) = unreachable.pop() {
            self.waiting.remove(&item);
            unreachable.extend(self.followers.remove(&item).unwrap_or_default());
        }
    }
}

/// Returns the steps that cannot run because others failed, each with the first failed step that it waits for, directly
/// or indirectly.
#[must_use]
pub fn held_up(steps: &[Step], failed: &[&Address]) -> BTreeMap<Address, Address> {
    let followers = Queue::new(steps).followers;
    let mut held = BTreeMap::new();
    for cause in failed {
        let place = steps.iter().position(|step| step.address == **cause);
        let mut open: Vec<WorkItem> = place.map(WorkItem::first).into_iter().collect();
        let mut seen: BTreeSet<WorkItem> = open.iter().copied().collect();
        while let Some(item) = open.pop() {
            let next = followers.get(&item).into_iter().flatten();
            open.extend(next.filter(|item| seen.insert(**item)));
        }
        let addresses = seen.iter().filter_map(|item| Some(&steps.get(item.step)?.address));
        for address in addresses.filter(|address| !failed.contains(address)) {
            held.entry(address.clone()).or_insert_with(|| (*cause).clone());
        }
    }
    held
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
