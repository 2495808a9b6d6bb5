//! What a policy takes from a consumer is taken only once the consumer is gone. Pure.

use super::Step;
use crate::kind::{Call, KeyRef, key, key_policy};
use crate::policy::derive;

/// Moves the writing of a policy behind the steps of the consumers that leave its key. Where others
/// come to the key at the same time, the policy is written twice: first with what both need.
pub(super) fn defer(steps: &mut [Step]) {
    for index in 0..steps.len() {
        let Some((key, put)) = steps.get(index).and_then(writing) else {
            continue;
        };
        let points = |step: &Step, from: bool| {
            let spec = if from { step.change.from() } else { step.change.to() };
            let refs = spec.map(|spec| spec.refs()).unwrap_or_default();
            step.address.kind.is_consumer() && refs.into_iter().any(|of| *of == key)
        };
        let mut leaving: Vec<&mut Step> = Vec::new();
        let mut arriving = false;
        let address = steps.get(index).map(|step| step.address.clone());
        for step in steps.iter_mut() {
            arriving |= points(step, false);
            if points(step, true) && !points(step, false) {
                leaving.push(step);
            }
        }
        let Some(address) = address.filter(|_| !leaving.is_empty()) else {
            continue;
        };
        for step in leaving {
            step.after.insert(address.clone());
        }
        if let Some(step) = steps.get_mut(index) {
            split(step, put, arriving);
        }
    }
}

/// The key whose policy a step writes, and which of its calls does.
fn writing(step: &Step) -> Option<(KeyRef, usize)> {
    let old = step.change.from()?.policy()?;
    let new = step.change.to()?.policy()?;
    let put = step.calls.iter().position(|planned| text(&planned.call).is_some())?;
    let own = step.change.to()?.as_key_policy().map(|policy| policy.key.clone());
    (old != new).then(|| (own.unwrap_or_else(|| KeyRef::Managed(step.address.clone())), put))
}

/// The text of the policy that a call writes.
fn text(call: &Call) -> Option<&String> {
    if let Call::Key(key::Call::PutKeyPolicy { policy, .. })
    | Call::KeyPolicy(key_policy::Call::PutKeyPolicy { policy, .. }) = call
    {
        return Some(policy);
    }
    None
}

fn text_mut(call: &mut Call) -> Option<&mut String> {
    if let Call::Key(key::Call::PutKeyPolicy { policy, .. })
    | Call::KeyPolicy(key_policy::Call::PutKeyPolicy { policy, .. }) = call
    {
        return Some(policy);
    }
    None
}

fn split(step: &mut Step, put: usize, arriving: bool) {
    let both = match (step.change.from(), step.change.to()) {
        (Some(from), Some(to)) if arriving => from.policy().zip(to.policy()),
        _ => None,
    };
    let both = both.and_then(|(old, new)| derive::union(old, new));
    // Too large for both: who comes must not wait for what goes.
    if arriving && both.is_none() {
        return;
    }
    let last = step.calls.remove(put);
    if let Some(both) = both {
        let mut first = last.clone();
        if let Some(policy) = text_mut(&mut first.call) {
            *policy = both.to_json();
        }
        step.calls.insert(put, first);
    }
    step.last.insert(0, last);
}
