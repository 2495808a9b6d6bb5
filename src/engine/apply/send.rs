//! Sends one call until AWS has executed it once, or will not.

use super::error::StepError;
use super::{Progress, Run, World};
use crate::cloud::{Cloud, CloudError, Fault, Late, Outcome};
use crate::engine::identities::{Refusal, Whom, refusal};
use crate::engine::settle::{Lost, settle};
use crate::id::KeyArn;
use crate::kind::consumer::{Effect, Goal};
use crate::kind::{Call, Ids, Retry, Spec, alias, grant, key};
use crate::plan::{PlannedCall, Step};
use std::time::Duration;
use tokio::time::Instant;

/// The error of a call that is not sent again, though it could be.
fn given_up(error: CloudError) -> StepError {
    if error.fault == Fault::Ambiguous {
        StepError::Unsettled(error)
    } else {
        StepError::Refused(error)
    }
}

/// How long a new key may be unknown to KMS. KMS is eventually consistent: usually within a few seconds,
/// in some cases after several minutes (KMS Developer Guide, "AWS KMS eventual consistency").
const LAG: Duration = Duration::from_secs(180);
/// How long a new policy may not apply to the caller yet. AWS documents up to five minutes; a caller who
/// is denied for good should not wait that long to hear it.
const DENIED_LAG: Duration = Duration::from_secs(30);
/// The attempt whose pause is long enough for AWS to become consistent.
const SLOWLY: u32 = 5;
/// How long KMS may not know a principal that IAM has just created (IAM User Guide, "Changes that I make
/// are not always immediately visible").
const STRANGE: Duration = Duration::from_secs(120);

/// What to do about a call that failed.
enum Reaction {
    /// AWS is already as the call wants it.
    Done,
    /// Surely not executed, or harmless if it was: send it again.
    Again,
    /// AWS may be behind its own answers: send it again, if what it is about was touched no longer
    /// than `most` ago.
    Lag { most: Duration },
    /// AWS is at work on the consumer: send it again once that is done.
    Busy,
    /// A principal may be missing, or unknown to KMS yet.
    Stranger,
    /// Look at AWS; send it `again` if it was not executed.
    Look { again: bool },
    /// Final.
    Refused,
}

impl<C: Cloud, W: World> Run<'_, C, W> {
    pub(super) async fn send(
        &self,
        step: &Step,
        planned: &PlannedCall,
        nonce: Option<&str>,
    ) -> Result<Outcome, StepError> {
        let PlannedCall { at, call } = planned;
        let (mut attempt, mut stranger) = (0, None);
        loop {
            let ids = self.ids_of(step);
            let key = self.key_of(step, &ids);
            let id = self.id_of(step);
            let late = Late { key: key.as_ref(), ids: Some(&ids), nonce, id: id.as_deref() };
            let error = match self.cloud.call(at, call, late).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            if self.world.stop() {
                return Err(given_up(error));
            }
            let (address, stack) = (&step.address, self.plan.stack.as_str());
            let (key, age) = (key.as_ref(), Duration::ZERO);
            let lost = Lost { address, stack, at, call, key, ids: &ids, nonce, age };
            match self.reaction(call, &error) {
                Reaction::Done => return Ok(Outcome::Done),
                Reaction::Refused => return Err(StepError::Refused(error)),
                Reaction::Lag { most }
                    if self.touched(step, &ids).is_some_and(|age| age < most) =>
                {
                    self.pause(step, call, SLOWLY, "AWS does not show what was just made").await;
                    continue;
                }
                Reaction::Lag { .. } => return Err(StepError::Refused(error)),
                Reaction::Stranger => {
                    let since = *stranger.get_or_insert_with(Instant::now);
                    self.stranger(step, call, error, since).await?;
                    continue;
                }
                Reaction::Look { again } => match self.look(step, lost).await? {
                    Some(outcome) => return Ok(outcome),
                    None if again => {}
                    None => return Err(StepError::Refused(error)),
                },
                Reaction::Busy => {
                    if let Err(wait) = self.until(step, Goal::Ready).await {
                        return Err(StepError::Busy { refused: error, wait: Box::new(wait) });
                    }
                }
                Reaction::Again => {}
            }
            attempt += 1;
            if attempt >= self.effort.patience.attempts {
                return Err(given_up(error));
            }
            self.pause(step, call, attempt, "not answered, or too fast for AWS").await;
        }
    }

    async fn pause(&self, step: &Step, call: &Call, attempt: u32, why: &str) {
        let why = format!("{why}: trying again");
        let operation = call.request().0;
        self.world.tell(Progress::Waiting { step, operation: &operation, why: &why });
        tokio::time::sleep(self.effort.patience.pause(attempt)).await;
    }

    /// Whether the call whose answer was lost was executed. If that cannot be found out, the call
    /// stays open.
    async fn look(&self, step: &Step, lost: Lost<'_>) -> Result<Option<Outcome>, StepError> {
        let operation = lost.call.request().0;
        let why = "the answer was lost: looking whether AWS has executed it";
        self.world.tell(Progress::Waiting { step, operation: &operation, why });
        settle(self.cloud, self.effort, &self.nonces, lost).await.map_err(StepError::Unsettled)
    }

    /// AWS does not take a policy or a grant. Somebody who does not exist is named; somebody whom
    /// IAM has just made is waited for.
    async fn stranger(
        &self,
        step: &Step,
        call: &Call,
        mut error: CloudError,
        since: Instant,
    ) -> Result<(), StepError> {
        let left = STRANGE.saturating_sub(since.elapsed());
        let whom = Whom { made: &self.made, accounts: &self.accounts };
        match refusal(self.cloud, self.effort, call, whom, self.world.now()).await {
            Refusal::Missing(who) => {
                error.message = format!("{}: {}", who.join("; "), error.message);
                Err(StepError::Refused(error))
            }
            Refusal::Young if !left.is_zero() => {
                let why = format!(
                    "AWS does not know a principal in it yet: trying again, for {} s at most",
                    left.as_secs()
                );
                let operation = call.request().0;
                self.world.tell(Progress::Waiting { step, operation: &operation, why: &why });
                tokio::time::sleep(Duration::from_secs(5).min(left)).await;
                Ok(())
            }
            Refusal::Young | Refusal::Other => {
                let named = call.principals();
                if !named.is_empty() {
                    error.message = format!("{} (it names {})", error.message, named.join(", "));
                }
                Err(StepError::Refused(error))
            }
        }
    }

    fn reaction(&self, call: &Call, error: &CloudError) -> Reaction {
        let gone = matches!(
            call,
            Call::Alias(alias::Call::DeleteAlias { .. })
                | Call::Grant(grant::Call::RevokeGrant { .. })
        );
        let scheduled = matches!(
            call,
            Call::Key(key::Call::ScheduleKeyDeletion { .. } | key::Call::CancelKeyDeletion {})
        );
        let named = matches!(call, Call::ServiceLinkedRole(_));
        if let Some(effect) = call.effect() {
            return of_consumer(effect, error.fault);
        }
        match error.fault {
            Fault::Throttled | Fault::Unsent => Reaction::Again,
            Fault::Ambiguous => match call.retry() {
                Retry::Repeat => Reaction::Again,
                Retry::ProbeByTag | Retry::ProbeByName => Reaction::Look { again: true },
            },
            Fault::AlreadyExists => Reaction::Look { again: false },
            Fault::InvalidState if scheduled => Reaction::Look { again: false },
            Fault::NotFound if gone => Reaction::Done,
            Fault::NotFound | Fault::InvalidState => Reaction::Lag { most: LAG },
            Fault::Denied => Reaction::Lag { most: DENIED_LAG },
            // IAM answers `InvalidInput` if the service-linked role exists already (IAM API Reference,
            // `CreateServiceLinkedRole`).
            Fault::Invalid if named => Reaction::Look { again: false },
            Fault::Malformed => Reaction::Stranger,
            Fault::Key
            | Fault::Invalid
            | Fault::LimitExceeded
            | Fault::Unsupported
            | Fault::Other => Reaction::Refused,
        }
    }

    /// How long ago this run made the key that the step is about, or wrote its policy.
    fn touched(&self, step: &Step, ids: &Ids) -> Option<Duration> {
        let specs = step.change.from().into_iter().chain(step.change.to());
        let mut keys: Vec<KeyArn> =
            specs.flat_map(Spec::refs).filter_map(|key| key.resolve(ids)).collect();
        keys.extend(self.key_of(step, ids));
        let touched = self.touched.borrow();
        keys.iter().filter_map(|key| touched.get(key)).map(Instant::elapsed).min()
    }
}

/// The reaction to an error of a service that uses a key. A service sees a new key and its policy as late
/// as any other caller.
fn of_consumer(effect: Effect, fault: Fault) -> Reaction {
    let creates = effect == Effect::Creates;
    match fault {
        Fault::Throttled | Fault::Unsent => Reaction::Again,
        Fault::Ambiguous if creates => Reaction::Look { again: true },
        Fault::Ambiguous => Reaction::Again,
        Fault::AlreadyExists if creates => Reaction::Look { again: false },
        // What is in the way is another object: what this makes is not there to be waited for.
        Fault::InvalidState if creates => Reaction::Again,
        Fault::AlreadyExists | Fault::InvalidState => Reaction::Busy,
        Fault::NotFound if effect == Effect::Deletes => Reaction::Done,
        Fault::Key | Fault::NotFound => Reaction::Lag { most: LAG },
        Fault::Invalid | Fault::Denied => Reaction::Lag { most: DENIED_LAG },
        Fault::Malformed | Fault::LimitExceeded | Fault::Unsupported | Fault::Other => {
            Reaction::Refused
        }
    }
}
