//! Waits until AWS has finished an operation on a consumer. Most calls are answered long before that,
//! and AWS may show a consumer as it was before the call for a while.

use super::PATIENCE;
use super::error::{StepError, WaitError};
use super::{Host, Progress, Run};
use crate::cloud::Cloud;
use crate::kind::consumer::Goal;
use crate::kind::{
    ConsumerCall, ConsumerKind, KeyFacts, Phase, Setting, Shown, Sight, Spec, shown,
};
use crate::plan::{PlannedCall, Step};
use crate::retry::with_retries;
use std::time::Duration;
use tokio::time::Instant;

/// The time after which the only answer that AWS gives is believed, although the resource should be there
/// and in order: AWS may not show a new resource yet, or still show an earlier failure.
const BELIEVED: Duration = Duration::from_secs(60);
/// The time after which AWS counts as having replaced a value of a call, such as a size that it rounds up.
/// It is longer than any service documents for its answers to become consistent.
const REPLACED: Duration = Duration::from_secs(600);
/// The interval between checks for a request to stop.
const STOP_CHECK: Duration = Duration::from_millis(500);
/// The status of a new resource that AWS does not show yet.
const NOT_VISIBLE: &str = "not visible yet";
/// The status of a changed resource that AWS shows as it was before the change.
const NOT_SHOWN: &str = "the change is not visible yet";
/// The status before the first answer, and between two answers that agree.
const NOT_CONFIRMED: &str = "not confirmed yet";

/// The state that a wait is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited<'a> {
    pub(super) goal: Goal,
    /// The call whose effect AWS must show.
    pub(super) call: Option<&'a ConsumerCall>,
}

impl Awaited<'_> {
    /// Waits for the end of an operation that another caller started.
    pub(super) const READY: Self = Self { goal: Goal::Ready, call: None };
}

/// The meaning of one answer.
enum Meaning {
    /// AWS shows the awaited state.
    Reached,
    /// AWS shows no failure, and not the awaited state. The text says what it shows.
    Unfinished(String),
    /// AWS shows a state that the resource does not leave by itself.
    Bad(WaitError),
}

impl<C: Cloud, W: Host> Run<'_, C, W> {
    /// Waits until the resource of the step reaches the state, and returns whether AWS reported an operation
    /// in progress. A waiting step does not count as running, so another step can begin.
    pub(super) async fn until(&self, step: &Step, awaited: Awaited<'_>) -> Result<bool, WaitError> {
        let (Some(kind), Some(id)) = (step.address.kind.consumer(), self.id_of(step)) else {
            return Ok(false);
        };
        self.idle.set(self.idle.get() + 1);
        self.freed.notify_one();
        let waited = self.poll(step, awaited, kind, &id).await;
        self.idle.set(self.idle.get() - 1);
        waited
    }

    /// Asks until two answers in a row show the awaited state. The first question is asked only after a
    /// pause: right after a change, AWS answers with the state from before it.
    async fn poll(
        &self,
        step: &Step,
        awaited: Awaited<'_>,
        kind: ConsumerKind,
        id: &str,
    ) -> Result<bool, WaitError> {
        let pace = kind.facts().pace;
        let first = Duration::from_secs(pace.first);
        let started = Instant::now();
        let (mut pause, mut reached, mut was_busy) = (first, false, false);
        let (mut bad_since, mut unlike_since) = (None, None);
        let mut doing = NOT_CONFIRMED.to_owned();
        loop {
            let next = if reached { first } else { pause };
            self.rest(next).await.map_err(|()| WaitError::Stopped(doing))?;
            let sight = with_retries(&self.options.retry, async || {
                self.cloud.sight(&step.place, kind, id).await
            });
            let meaning = match sight.await {
                Ok(sight) => {
                    was_busy |= matches!(sight.phase, Phase::Busy(_));
                    self.meaning(step, awaited, sight, &mut unlike_since)
                }
                // A short outage does not end a wait of hours.
                Err(error) if error.fault.is_temporary() => {
                    Meaning::Unfinished("no answer".to_owned())
                }
                Err(error) => return Err(error.into()),
            };
            let elapsed = started.elapsed();
            doing = match meaning {
                Meaning::Reached if reached => return Ok(was_busy),
                Meaning::Reached => {
                    (reached, bad_since) = (true, None);
                    doing = NOT_CONFIRMED.to_owned();
                    continue;
                }
                Meaning::Bad(error) => {
                    let since = *bad_since.get_or_insert(elapsed);
                    if elapsed.saturating_sub(since) >= BELIEVED {
                        return Err(error);
                    }
                    if let WaitError::Broken(word) = error { word } else { NOT_VISIBLE.to_owned() }
                }
                Meaning::Unfinished(doing) => {
                    bad_since = None;
                    doing
                }
            };
            reached = false;
            if elapsed >= Duration::from_secs(pace.limit) {
                return Err(WaitError::TimedOut { elapsed: spell(elapsed), doing });
            }
            let seconds = elapsed.as_secs();
            self.host.report(Progress::Polling { step, doing: &doing, seconds });
            pause = (pause * 3 / 2).min(Duration::from_secs(pace.most));
        }
    }

    /// Returns the meaning of an answer. `unlike_since` is the time since which AWS shows the resource as
    /// ready with other values than those of the call.
    fn meaning(
        &self,
        step: &Step,
        Awaited { goal, call }: Awaited<'_>,
        sight: Sight,
        unlike_since: &mut Option<Instant>,
    ) -> Meaning {
        let shown = match call {
            Some(call) if sight.phase == Phase::Ready => self.shown(step, call, &sight),
            Some(_) | None => Shown::All,
        };
        if shown == Shown::All {
            *unlike_since = None;
        }
        match (goal, sight.phase) {
            (Goal::Gone, Phase::Gone) => Meaning::Reached,
            (Goal::Gone, Phase::Ready | Phase::Broken(_)) => {
                Meaning::Unfinished("not deleted yet".to_owned())
            }
            (_, Phase::Busy(word)) => Meaning::Unfinished(word),
            // An earlier deletion request has taken effect.
            (Goal::Ready, Phase::Gone) if step.change.to().is_none() => Meaning::Reached,
            (Goal::Ready, Phase::Gone) => Meaning::Bad(WaitError::Vanished),
            (Goal::Ready, Phase::Broken(word)) => Meaning::Bad(WaitError::Broken(word)),
            (Goal::Ready, Phase::Ready) => {
                let unlike = unlike_since.get_or_insert_with(Instant::now).elapsed();
                match shown {
                    Shown::All => Meaning::Reached,
                    Shown::Key if unlike >= REPLACED => Meaning::Reached,
                    Shown::Key | Shown::Nothing => Meaning::Unfinished(NOT_SHOWN.to_owned()),
                }
            }
        }
    }

    /// Returns what AWS shows of a call of the step.
    fn shown(&self, step: &Step, call: &ConsumerCall, sight: &Sight) -> Shown {
        let forms = [step.change.to(), step.change.from()].into_iter().flatten();
        let existing =
            forms.filter_map(Spec::as_consumer).find_map(|s| s.common().existing.as_deref());
        let setting = Setting {
            stack: &self.plan.stack,
            place: &step.place,
            keys: &KeyFacts::new(),
            id: step.id.as_deref(),
            name: existing.unwrap_or(&step.address.name),
            caller: None,
        };
        shown(&step.change, call, sight, &self.ids_of(step), &setting)
    }

    /// Sleeps for `pause`. Returns an error as soon as the run is asked to stop.
    pub(super) async fn rest(&self, pause: Duration) -> Result<(), ()> {
        tokio::select! {
            biased;
            () = self.stopped() => Err(()),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Waits until the run is asked to stop.
    pub(super) async fn stopped(&self) {
        while !self.host.stop() {
            tokio::time::sleep(STOP_CHECK).await;
        }
    }

    /// Waits until the run has been asked to stop for so long that it no longer waits for an answer.
    pub(super) async fn out_of_patience(&self) {
        self.stopped().await;
        tokio::time::sleep(PATIENCE).await;
    }

    /// Waits until the request quotas allow the call. Returns an error as soon as the run is asked to stop.
    pub(super) async fn admitted(&self, planned: &PlannedCall) -> Result<(), StepError> {
        tokio::select! {
            biased;
            () = self.cloud.admit(&planned.at, &planned.call) => Ok(()),
            () = self.stopped() => Err(StepError::Stopped),
        }
    }

    /// Returns AWS's identifier of the consumer that a step changes.
    pub(super) fn id_of(&self, step: &Step) -> Option<String> {
        let made = self.consumers.borrow().get(&step.address).cloned();
        let spec = step.change.to().or(step.change.from());
        made.or_else(|| step.id.clone()).or_else(|| spec?.natural(&step.address.name, &step.place))
    }
}

/// Returns the time in whole seconds as text, such as `2m 5s`.
fn spell(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}
