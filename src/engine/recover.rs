//! Settles the calls that an interrupted run left open, before a plan is made.

use super::Options;
use super::settle::{LostCall, Nonces, settle};
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::journal::{Event, Replay};
use crate::kind::address::Address;
use crate::kind::{Ids, Kind, Retry};
use std::time::Duration;
use tokio::time::Instant;

/// A call that was open and is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The address of the step.
    pub address: Address,
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// Whether AWS executed the call.
    pub executed: Executed,
}

/// Whether AWS executed a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// AWS has what the call creates.
    Yes,
    /// AWS does not have what the call creates.
    No,
    /// The call can be repeated without harm, so AWS was not read. The next plan shows whether the call is needed.
    Unknown,
}

/// Returns the ARNs of the recorded keys.
#[must_use]
pub fn ids(replay: &Replay) -> Ids {
    let keys = replay.state.records.iter().filter(|(address, _)| address.kind == Kind::Key);
    keys.filter_map(|(address, record)| Some((address.clone(), record.id.parse().ok()?))).collect()
}

/// Settles every open call by reading AWS. Each result is passed to `write` before it is applied to
/// `replay`; `write` appends it to the journal, or does nothing in a run that only reads. `now` is in
/// seconds since 1970.
///
/// # Errors
/// Returns an error if AWS cannot be read, or if a result cannot be written.
pub async fn recover<C: Cloud, E: From<CloudError>>(
    cloud: &C,
    options: &Options,
    replay: &mut Replay,
    now: u64,
    mut write: impl FnMut(&Event) -> Result<(), E>,
) -> Result<Vec<Recovered>, E> {
    let mut found = Vec::new();
    let (nonces, started) = (Nonces::default(), Instant::now());
    for (address, open) in replay.in_flight() {
        let ids = ids(replay);
        // Settling the earlier calls takes time, so the later calls are older by then.
        let now = now + started.elapsed().as_secs();
        let stack = replay.state.stack.to_string();
        let lost = LostCall {
            address: &address,
            stack: &stack,
            at: &open.at,
            call: &open.call,
            key: ids.get(&address),
            ids: &ids,
            nonce: open.nonce.as_deref(),
            age: Duration::from_secs(now.saturating_sub(open.time)),
        };
        let outcome = settle(cloud, options, &nonces, lost).await?;
        let number = open.number;
        let event = match &outcome {
            Some(outcome) => {
                let (address, outcome) = (address.clone(), outcome.clone());
                Event::Done { address, number, outcome }
            }
            None => Event::Failed { address: address.clone(), number, fault: Fault::Ambiguous },
        };
        write(&event)?;
        // This cannot fail: the event follows an intent that the replay has as open.
        drop(replay.absorb(&event));
        let executed = match (&outcome, open.call.retry()) {
            (Some(_), _) => Executed::Yes,
            (None, Retry::Repeat) => Executed::Unknown,
            (None, Retry::ProbeByTag | Retry::ProbeByName) => Executed::No,
        };
        let operation = open.call.operation();
        found.push(Recovered { address, operation, executed });
    }
    Ok(found)
}
