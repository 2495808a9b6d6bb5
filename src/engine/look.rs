//! Reads the live resources of a stack until AWS shows the recent changes.
//!
//! KMS, IAM and the tagging APIs are eventually consistent: for some seconds after a change they may return the
//! form before it, and the two forms in turn (KMS Developer Guide, "AWS KMS eventual consistency"). A plan from
//! such answers would create a resource twice, or report and undo a change that nobody made. The resources are
//! read again while
//!
//! - the last call of the record is less than the settle time ago, and AWS does not match the record or the run was
//!   interrupted, or
//! - a declared resource without a record is missing and a key of the stack is less than a minute old, as after
//!   a run that died or whose record is lost.

use super::Options;
use super::refresh::refresh;
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::desired::Desired;
use crate::kind::address::Address;
use crate::live::{Live, Observed};
use crate::state::{Record, State};
use std::time::Duration;
use tokio::time::Instant;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(3);
/// The age up to which a key shows that another run may have changed AWS a moment ago, in seconds.
const YOUNG: u64 = 60;

/// What is known about the time of the looks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time in seconds since 1970.
    pub now: u64,
    /// The longest time for which AWS may return the form before a change.
    pub settle: Duration,
    /// Whether the last run was interrupted, so that the record does not show what AWS has.
    pub interrupted: bool,
}

/// Reads the live resources of a stack as [`refresh`] does, and again while AWS may not show recent changes.
/// `waiting` is called once, before the first pause, with its longest time in seconds.
///
/// # Errors
/// Returns the error of [`refresh`].
pub async fn look<C: Cloud>(
    cloud: &C,
    options: &Options,
    desired: &Desired,
    state: &State,
    caller: Option<&str>,
    clock: Clock,
    waiting: impl Fn(u64),
) -> Result<Live, CloudError> {
    let mut live = refresh(cloud, options, desired, state, caller, clock.now).await?;
    let started = Instant::now();
    let since = Duration::from_secs(clock.now.saturating_sub(state.changed));
    let recent = clock.settle.saturating_sub(since);
    let mut is_first = true;
    loop {
        let elapsed = started.elapsed();
        let is_late = elapsed < recent && (clock.interrupted || !shows(&live, desired, state));
        let is_lost = elapsed < clock.settle && may_miss(&live, clock.now);
        if !is_late && !is_lost {
            return Ok(live);
        }
        let left = if is_lost { clock.settle } else { recent }.saturating_sub(elapsed);
        if std::mem::take(&mut is_first) {
            // Part of a second counts as one.
            waiting(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
        }
        tokio::time::sleep(PAUSE.min(left)).await;
        let earlier = live;
        live = refresh(cloud, options, desired, state, caller, clock.now).await?;
        if is_late && !clock.interrupted {
            keep_seen(earlier, &mut live, desired, state);
        }
    }
}

/// Returns whether AWS shows exactly what is recorded.
fn shows(live: &Live, desired: &Desired, state: &State) -> bool {
    let recorded = state.records.iter().all(|(address, record)| {
        live.observed.get(address).is_some_and(|seen| is_as_recorded(seen, record, desired))
    });
    recorded
        && live.undeclared_aliases.is_empty()
        && live.observed.iter().all(|(address, seen)| !is_left(address, seen, desired, state))
}

/// Returns whether a resource is as its record says. An interrupted run may have left any form.
fn is_as_recorded(seen: &Observed, record: &Record, desired: &Desired) -> bool {
    match seen {
        Observed::Present { spec, .. } => {
            let expected = record.spec.complete(spec, &desired.stack);
            record.partial || expected == spec.with_statements_of(&expected)
        }
        Observed::Absent | Observed::Unusable { .. } => false,
    }
}

/// Returns whether AWS still shows a resource that is neither declared nor recorded any more.
fn is_left(address: &Address, seen: &Observed, desired: &Desired, state: &State) -> bool {
    matches!(seen, Observed::Present { .. })
        && !desired.resources.contains_key(address)
        && !state.records.contains_key(address)
}

/// Returns whether a declared resource without a record may exist although AWS does not show it: one is missing, and
/// a key is so new that AWS may not show everything that was created with it.
fn may_miss(live: &Live, now: u64) -> bool {
    live.newest.is_some_and(|created| created.saturating_add(YOUNG) > now)
}

/// Keeps what an earlier look has shown as recorded. A later answer to the contrary is an old one.
fn keep_seen(earlier: Live, live: &mut Live, desired: &Desired, state: &State) {
    live.undeclared_aliases.retain(|alias, _| earlier.undeclared_aliases.contains_key(alias));
    live.observed.retain(|address, seen| {
        let was_left = earlier
            .observed
            .get(address)
            .is_some_and(|before| is_left(address, before, desired, state));
        was_left || !is_left(address, seen, desired, state)
    });
    for (address, before) in earlier.observed {
        let Some(record) = state.records.get(&address) else {
            continue;
        };
        let is_known = is_as_recorded(&before, record, desired);
        let now = live.observed.get(&address);
        if is_known && !now.is_some_and(|seen| is_as_recorded(seen, record, desired)) {
            live.observed.insert(address, before);
        }
    }
}
