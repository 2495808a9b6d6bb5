//! The events that a run announces before its first call, for a store that does not keep each event.

use super::{creates, pending_record};
use crate::journal::Event;
use crate::plan::{Plan, PlannedCall};

/// Returns what a later run needs if it learns nothing else of this run: for each step the record that
/// the step writes, and the intent of the call that creates its resource, with its nonce. A step has
/// at most one such call. `now` is in seconds since 1970.
///
/// # Errors
/// Returns the error of `nonce`.
pub fn announce<E>(
    plan: &Plan,
    now: u64,
    mut nonce: impl FnMut() -> Result<String, E>,
) -> Result<Vec<Event>, E> {
    let mut events = Vec::new();
    for step in &plan.steps {
        let address = || step.address.clone();
        let draft = pending_record(step).map(Box::new);
        events.push(Event::Planned { address: address(), draft });
        let mut calls = step.calls.iter().chain(&step.last).enumerate();
        if let Some((number, PlannedCall { at, call })) =
            calls.find(|(_, planned)| creates(&planned.call))
        {
            events.push(Event::Intended {
                address: address(),
                number,
                at: at.clone(),
                call: Box::new(call.clone()),
                nonce: Some(nonce()?),
                time: now,
            });
        }
    }
    Ok(events)
}
