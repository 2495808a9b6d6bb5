//! Waits until AWS is done with a consumer: it answers most calls long before.

use super::error::WaitError;
use super::{Progress, Run, World};
use crate::cloud::retry::patiently;
use crate::cloud::{Cloud, Phase};
use crate::kind::consumer::{Goal, Pace};
use crate::plan::Step;
use std::time::Duration;
use tokio::time::Instant;

/// How long AWS may not show what it has just made.
const UNSEEN: Duration = Duration::from_secs(60);
/// How soon a wish to stop is heard.
const TICK: Duration = Duration::from_millis(500);

impl<C: Cloud, W: World> Run<'_, C, W> {
    /// Waits for `goal`. Other steps begin meanwhile, as if this one were not there.
    pub(super) async fn until(&self, step: &Step, goal: Goal) -> Result<(), WaitError> {
        let (Some(pace), Some(id)) = (step.address.kind.pace(), self.id_of(step)) else {
            return Ok(());
        };
        self.idle.set(self.idle.get() + 1);
        self.freed.notify_one();
        let waited = self.poll(step, goal, pace, &id).await;
        self.idle.set(self.idle.get() - 1);
        waited
    }

    async fn poll(&self, step: &Step, goal: Goal, pace: Pace, id: &str) -> Result<(), WaitError> {
        let started = Instant::now();
        let (mut pause, mut seen) = (Duration::from_secs(pace.first), false);
        loop {
            let ask = async || self.cloud.phase(&step.place, step.address.kind, id).await;
            let phase = patiently(&self.effort.patience, ask).await?;
            let elapsed = started.elapsed();
            let doing = match (goal, phase) {
                (Goal::Ready, Phase::Ready) | (Goal::Gone, Phase::Gone) => return Ok(()),
                // An earlier request to delete it has done so.
                (Goal::Ready, Phase::Gone) if step.change.to().is_none() => return Ok(()),
                (Goal::Ready, Phase::Broken(word)) => {
                    return Err(WaitError::Broken(word));
                }
                (Goal::Ready, Phase::Gone) if seen || elapsed >= UNSEEN => {
                    return Err(WaitError::Vanished);
                }
                (Goal::Ready, Phase::Gone) => "not shown yet".to_owned(),
                (_, Phase::Busy(word)) => word,
                (Goal::Gone, Phase::Ready | Phase::Broken(_)) => "not deleted yet".to_owned(),
            };
            seen |= doing != "not shown yet";
            if elapsed >= Duration::from_secs(pace.limit) {
                return Err(WaitError::TimedOut { elapsed: spell(elapsed), doing });
            }
            let seconds = elapsed.as_secs();
            self.world.tell(Progress::Polling { step, doing: &doing, seconds });
            self.rest(pause).await.map_err(|()| WaitError::Stopped(doing))?;
            pause = (pause * 3 / 2).min(Duration::from_secs(pace.most));
        }
    }

    /// Sleeps; an error as soon as the run is to stop.
    async fn rest(&self, pause: Duration) -> Result<(), ()> {
        let until = Instant::now() + pause;
        while !self.world.stop() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(TICK)).await;
        }
        Err(())
    }

    /// AWS's identifier of the consumer that a step is about.
    pub(super) fn id_of(&self, step: &Step) -> Option<String> {
        let made = self.consumers.borrow().get(&step.address).cloned();
        let spec = step.change.to().or(step.change.from());
        made.or_else(|| step.id.clone()).or_else(|| spec?.natural(&step.address.name, &step.place))
    }
}

fn spell(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}
