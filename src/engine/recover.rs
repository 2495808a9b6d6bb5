//! Settles what an interrupted run left open, before anything is planned.

use super::Effort;
use super::settle::{Lost, Nonces, settle};
use crate::address::Address;
use crate::cloud::{Cloud, CloudError, Fault};
use crate::journal::{Event, Replay};
use crate::kind::{Ids, Kind};
use std::time::Duration;
use tokio::time::Instant;

/// What was found out about one open call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whose.
    pub address: Address,
    /// AWS's name of the operation.
    pub operation: String,
    /// Whether AWS had executed it.
    pub executed: bool,
}

/// The ARNs of the keys in the records.
#[must_use]
pub fn ids(replay: &Replay) -> Ids {
    let keys = replay.state.records.iter().filter(|(address, _)| address.kind == Kind::Key);
    keys.filter_map(|(address, record)| Some((address.clone(), record.id.parse().ok()?))).collect()
}

/// Settles every open call by looking at AWS. Each answer goes to `write` (the journal, or nowhere
/// for a run that only reads) before it is folded in. `now` is in seconds since 1970.
///
/// # Errors
/// If AWS cannot be asked, or the answer cannot be written.
pub async fn recover<C: Cloud, E: From<CloudError>>(
    cloud: &C,
    effort: &Effort,
    replay: &mut Replay,
    now: u64,
    mut write: impl FnMut(&Event) -> Result<(), E>,
) -> Result<Vec<Recovered>, E> {
    let mut found = Vec::new();
    let (nonces, started) = (Nonces::default(), Instant::now());
    for (address, open) in replay.in_flight() {
        let ids = ids(replay);
        // What is looked for meanwhile ages the calls that come after it.
        let now = now + started.elapsed().as_secs();
        let stack = replay.state.stack.to_string();
        let lost = Lost {
            address: &address,
            stack: &stack,
            at: &open.at,
            call: &open.call,
            key: ids.get(&address),
            ids: &ids,
            nonce: open.nonce.as_deref(),
            age: Duration::from_secs(now.saturating_sub(open.time)),
        };
        let outcome = settle(cloud, effort, &nonces, lost).await?;
        let number = open.number;
        let event = match &outcome {
            Some(outcome) => {
                let (address, outcome) = (address.clone(), outcome.clone());
                Event::Done { address, number, outcome }
            }
            None => Event::Failed { address: address.clone(), number, fault: Fault::Ambiguous },
        };
        write(&event)?;
        // The event answers an intent that the journal has just named.
        drop(replay.absorb(&event));
        let (operation, executed) = (open.call.request().0, outcome.is_some());
        found.push(Recovered { address, operation, executed });
    }
    Ok(found)
}
