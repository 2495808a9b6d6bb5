//! Policy changes that remove a consumer's statements are made only after the consumer has left the key.
//! Pure.

use super::Step;
use crate::kind::{Call, KeyRef, Spec, key, key_policy};
use crate::policy::{Document, derive};

/// Moves the change of a policy after the steps of the consumers that leave its key. If other consumers
/// begin to use the key in the same plan, the policy is changed twice: first to the statements that both
/// need.
pub(super) fn defer(steps: &mut [Step]) {
    for index in 0..steps.len() {
        let Some((key, put)) = steps.get(index).and_then(writing) else {
            continue;
        };
        let uses_key = |spec: Option<&Spec>| {
            spec.is_some_and(|spec| spec.refs().into_iter().any(|of| *of == key))
        };
        let Some(address) = steps.get(index).map(|step| step.address.clone()) else {
            continue;
        };
        let (mut leaving, mut arriving) = (false, false);
        for step in steps.iter_mut().filter(|step| step.address.kind.is_consumer()) {
            let stays = uses_key(step.change.to());
            arriving |= stays;
            if uses_key(step.change.from()) && !stays {
                leaving = true;
                step.after.insert(address.clone());
            }
        }
        if leaving && let Some(step) = steps.get_mut(index) {
            split(step, put, arriving);
        }
    }
}

/// Returns the key whose policy a step changes, and the index of the call that changes it.
fn writing(step: &Step) -> Option<(KeyRef, usize)> {
    let old = step.change.from()?.policy()?;
    let new = step.change.to()?.policy()?;
    let put = step.calls.iter().position(|planned| puts_policy(&planned.call))?;
    let own = step.change.to()?.as_key_policy().map(|policy| policy.key.clone());
    (old != new).then(|| (own.unwrap_or_else(|| KeyRef::Managed(step.address.clone())), put))
}

fn puts_policy(call: &Call) -> bool {
    matches!(
        call,
        Call::Key(key::Call::PutKeyPolicy(_)) | Call::KeyPolicy(key_policy::Call::PutKeyPolicy(_))
    )
}

/// Returns the policy that a call writes, if any.
fn policy_mut(call: &mut Call) -> Option<&mut Document> {
    if let Call::Key(key::Call::PutKeyPolicy(key::PutKeyPolicy { policy, .. }))
    | Call::KeyPolicy(key_policy::Call::PutKeyPolicy(key_policy::PutKeyPolicy {
        policy,
        ..
    })) = call
    {
        return Some(policy);
    }
    None
}

/// Moves the call with the index `put` to the last calls of the step. If consumers arrive, another call
/// with the union of both policies takes its place.
fn split(step: &mut Step, put: usize, arriving: bool) {
    let both = match (step.change.from(), step.change.to()) {
        (Some(from), Some(to)) if arriving => from.policy().zip(to.policy()),
        _ => None,
    };
    let both = both.and_then(|(old, new)| derive::union(old, new));
    // There is no union within KMS's size limit. The arriving consumers must not wait for the others.
    if arriving && both.is_none() {
        return;
    }
    let last = step.calls.remove(put);
    if let Some(both) = both {
        let mut first = last.clone();
        if let Some(policy) = policy_mut(&mut first.call) {
            *policy = both;
        }
        step.calls.insert(put, first);
    }
    step.last.insert(0, last);
}
