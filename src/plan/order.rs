//! Which step waits for which, and a queue that hands out what is ready. Pure.

use super::Step;
use super::admit::{identities, made};
use super::replace::Slot;
use crate::address::Address;
use crate::kind::{Change, KeyRef, Kind, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Fills in what each step waits for, and sorts the steps into an executable order.
///
/// A resource is created and changed after the key that it will point at; a key is deleted after
/// everything that pointed at it has moved away or gone. What is taken away waits for
/// what may be made to take its place. What names a role waits for the step that
/// makes it. What leaves a key that goes on goes before the last calls on the key: those take away
/// what it needed. Kinds are ranked so that no rule can make a circle: only aliases and grants point, and
/// only at keys; a role waits for nothing.
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
        let named = identities(step);
        step.after.extend(named.iter().filter_map(|identity| made.get(identity).cloned()));
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

/// The two parts of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its calls.
    First,
    /// The calls that wait for everything that depends on the resource.
    Last,
}

/// A node of the queue: an index into the steps, and the part.
pub type Work = (usize, Part);

/// Hands out what is ready. Knows nothing of calls, time or tasks: the driver decides how much of
/// what is ready runs at once, and which first.
#[derive(Debug)]
pub struct Queue {
    waiting: BTreeMap<Work, BTreeSet<Work>>,
    followers: BTreeMap<Work, Vec<Work>>,
    ready: BTreeSet<Work>,
}

impl Queue {
    /// The queue over the steps of a plan.
    #[must_use]
    pub fn new(steps: &[Step]) -> Self {
        let index: BTreeMap<&Address, usize> =
            steps.iter().enumerate().map(|(n, step)| (&step.address, n)).collect();
        let has_last = |n: usize| steps.get(n).is_some_and(|step| !step.last.is_empty());
        let mut waiting: BTreeMap<Work, BTreeSet<Work>> = BTreeMap::new();
        for (n, step) in steps.iter().enumerate() {
            let after: BTreeSet<usize> =
                step.after.iter().filter_map(|address| index.get(address).copied()).collect();
            waiting.insert((n, Part::First), after.iter().map(|a| (*a, Part::First)).collect());
            if has_last(n) {
                waiting.entry((n, Part::Last)).or_default().insert((n, Part::First));
            }
            for before in after.into_iter().filter(|before| has_last(*before)) {
                waiting.entry((before, Part::Last)).or_default().insert((n, Part::First));
            }
        }
        let mut followers: BTreeMap<Work, Vec<Work>> = BTreeMap::new();
        for (work, after) in &waiting {
            for before in after {
                followers.entry(*before).or_default().push(*work);
            }
        }
        let ready = waiting.extract_if(.., |_, after| after.is_empty()).map(|(work, _)| work);
        let ready = ready.collect();
        Self { waiting, followers, ready }
    }

    /// What could be taken now.
    #[must_use]
    pub fn ready(&self) -> &BTreeSet<Work> {
        &self.ready
    }

    /// Takes `work`; whether it was ready.
    pub fn take(&mut self, work: Work) -> bool {
        self.ready.remove(&work)
    }

    /// `work` is done: what waited for it may become ready.
    pub fn finish(&mut self, work: Work) {
        for follower in self.followers.remove(&work).unwrap_or_default() {
            let Some(after) = self.waiting.get_mut(&follower) else {
                continue;
            };
            after.remove(&work);
            if after.is_empty() {
                self.waiting.remove(&follower);
                self.ready.insert(follower);
            }
        }
    }

    /// `work` failed: everything that waits for it, directly or not, will not run.
    pub fn fail(&mut self, work: Work) {
        let mut lost = vec![work];
        while let Some(work) = lost.pop() {
            self.waiting.remove(&work);
            lost.extend(self.followers.remove(&work).unwrap_or_default());
        }
    }
}
