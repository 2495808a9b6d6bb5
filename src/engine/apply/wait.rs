//! Waits until AWS has finished an operation on a consumer. Most calls are answered long before that.

use super::error::WaitError;
use super::{Host, Progress, Run};
use crate::cloud::Cloud;
use crate::cloud::retry::with_retries;
use crate::kind::consumer::Goal;
use crate::kind::{ConsumerKind, Phase};
use crate::plan::Step;
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for which AWS may not show a new resource.
const VISIBILITY_LAG: Duration = Duration::from_secs(60);
/// The interval between checks for a request to stop.
const STOP_CHECK: Duration = Duration::from_millis(500);
/// The status of a new resource that AWS does not show yet.
const NOT_VISIBLE: &str = "not visible yet";

impl<C: Cloud, W: Host> Run<'_, C, W> {
    /// Waits until the resource of the step reaches `goal`. A waiting step does not count as running, so
    /// another step can begin.
    pub(super) async fn until(&self, step: &Step, goal: Goal) -> Result<(), WaitError> {
        let (Some(kind), Some(id)) = (step.address.kind.consumer(), self.id_of(step)) else {
            return Ok(());
        };
        self.idle.set(self.idle.get() + 1);
        self.freed.notify_one();
        let waited = self.poll(step, goal, kind, &id).await;
        self.idle.set(self.idle.get() - 1);
        waited
    }

    async fn poll(
        &self,
        step: &Step,
        goal: Goal,
        kind: ConsumerKind,
        id: &str,
    ) -> Result<(), WaitError> {
        let pace = kind.facts().pace;
        let started = Instant::now();
        let (mut pause, mut seen) = (Duration::from_secs(pace.first), false);
        loop {
            let phase = with_retries(&self.options.retry, async || {
                self.cloud.phase(&step.place, kind, id).await
            })
            .await?;
            let elapsed = started.elapsed();
            let doing = match (goal, phase) {
                (Goal::Ready, Phase::Ready) | (Goal::Gone, Phase::Gone) => return Ok(()),
                // An earlier deletion request has taken effect.
                (Goal::Ready, Phase::Gone) if step.change.to().is_none() => return Ok(()),
                (Goal::Ready, Phase::Broken(word)) => {
                    return Err(WaitError::Broken(word));
                }
                (Goal::Ready, Phase::Gone) if seen || elapsed >= VISIBILITY_LAG => {
                    return Err(WaitError::Vanished);
                }
                (Goal::Ready, Phase::Gone) => NOT_VISIBLE.to_owned(),
                (_, Phase::Busy(word)) => word,
                (Goal::Gone, Phase::Ready | Phase::Broken(_)) => "not deleted yet".to_owned(),
            };
            seen |= doing != NOT_VISIBLE;
            if elapsed >= Duration::from_secs(pace.limit) {
                return Err(WaitError::TimedOut { elapsed: spell(elapsed), doing });
            }
            let seconds = elapsed.as_secs();
            self.host.report(Progress::Polling { step, doing: &doing, seconds });
            self.rest(pause).await.map_err(|()| WaitError::Stopped(doing))?;
            pause = (pause * 3 / 2).min(Duration::from_secs(pace.most));
        }
    }

    /// Sleeps for `pause`. Returns an error as soon as the run is asked to stop.
    async fn rest(&self, pause: Duration) -> Result<(), ()> {
        let until = Instant::now() + pause;
        while !self.host.stop() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(STOP_CHECK)).await;
        }
        Err(())
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
