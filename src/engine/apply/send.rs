//! Sends one call until AWS has executed it once, or will not.

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

/// How a call ends badly.
pub(super) enum Stuck {
    /// AWS has not executed it, and will not.
    Refused(CloudError),
    /// Nobody knows whether AWS has executed it.
    Unsettled(CloudError),
}

impl Stuck {
    /// How a call ends that is not sent again, though it could be.
    fn by(error: CloudError) -> Self {
        if error.fault == Fault::Ambiguous { Self::Unsettled(error) } else { Self::Refused(error) }
    }
}

/// How long a key that was just made may answer as if it had not been (aws-semantics 1.8).
const LAG: Duration = Duration::from_secs(180);
/// How long its policy may not have reached the caller. AWS says up to five minutes (appendix B);
/// a caller who is denied for good should not wait that long to hear it.
const DENIED_LAG: Duration = Duration::from_secs(30);
/// The attempt whose pause is long enough where time heals.
const SLOWLY: u32 = 5;
/// How long KMS may not know a principal that IAM has just made (aws-semantics 1.8).
const STRANGE: Duration = Duration::from_secs(120);

/// What an error means for a call (aws-semantics 1.7 and appendix B).
enum Meaning {
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
    ) -> Result<Outcome, Stuck> {
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
                return Err(Stuck::by(error));
            }
            let (address, stack) = (&step.address, self.plan.stack.as_str());
            let (key, age) = (key.as_ref(), Duration::ZERO);
            let lost = Lost { address, stack, at, call, key, ids: &ids, nonce, age };
            match self.meaning(call, &error) {
                Meaning::Done => return Ok(Outcome::Done),
                Meaning::Refused => return Err(Stuck::Refused(error)),
                Meaning::Lag { most } if self.touched(step, &ids).is_some_and(|age| age < most) => {
                    self.pause(step, call, SLOWLY, "AWS does not show what was just made").await;
                    continue;
                }
                Meaning::Lag { .. } => return Err(Stuck::Refused(error)),
                Meaning::Stranger => {
                    let since = *stranger.get_or_insert_with(Instant::now);
                    self.stranger(step, call, error, since).await?;
                    continue;
                }
                Meaning::Look { again } => match self.look(step, lost).await? {
                    Some(outcome) => return Ok(outcome),
                    None if again => {}
                    None => return Err(Stuck::Refused(error)),
                },
                Meaning::Busy => self.idle(step, &error).await?,
                Meaning::Again => {}
            }
            attempt += 1;
            if attempt >= self.effort.patience.attempts {
                return Err(Stuck::by(error));
            }
            self.pause(step, call, attempt, "not answered, or too fast for AWS").await;
        }
    }

    /// Waits until AWS is done with what it is at.
    async fn idle(&self, step: &Step, error: &CloudError) -> Result<(), Stuck> {
        self.until(step, Goal::Ready).await.map_err(|why| {
            let CloudError { operation, fault, code, message, request_id } = error;
            let message = format!("{message}; {why}");
            let (code, request_id) = (code.clone(), request_id.clone());
            Stuck::Refused(CloudError { operation, fault: *fault, code, message, request_id })
        })
    }

    async fn pause(&self, step: &Step, call: &Call, attempt: u32, why: &str) {
        let why = format!("{why}: trying again");
        let operation = call.request().0;
        self.world.tell(Progress::Waiting { step, operation: &operation, why: &why });
        tokio::time::sleep(self.effort.patience.pause(attempt)).await;
    }

    /// Whether the call whose answer was lost was executed. If that cannot be found out, the call
    /// stays open.
    async fn look(&self, step: &Step, lost: Lost<'_>) -> Result<Option<Outcome>, Stuck> {
        let operation = lost.call.request().0;
        let why = "the answer was lost: looking whether AWS has executed it";
        self.world.tell(Progress::Waiting { step, operation: &operation, why });
        settle(self.cloud, self.effort, &self.nonces, lost).await.map_err(Stuck::Unsettled)
    }

    /// AWS does not take a policy or a grant. Somebody who does not exist is named; somebody whom
    /// IAM has just made is waited for.
    async fn stranger(
        &self,
        step: &Step,
        call: &Call,
        mut error: CloudError,
        since: Instant,
    ) -> Result<(), Stuck> {
        let left = STRANGE.saturating_sub(since.elapsed());
        let whom = Whom { made: &self.made, accounts: &self.accounts };
        match refusal(self.cloud, self.effort, call, whom, self.world.now()).await {
            Refusal::Missing(who) => {
                error.message = format!("{}: {}", who.join("; "), error.message);
                Err(Stuck::Refused(error))
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
                Err(Stuck::Refused(error))
            }
        }
    }

    fn meaning(&self, call: &Call, error: &CloudError) -> Meaning {
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
            Fault::Throttled | Fault::Unsent => Meaning::Again,
            Fault::Ambiguous => match call.retry() {
                Retry::Repeat => Meaning::Again,
                Retry::ProbeByTag | Retry::ProbeByName => Meaning::Look { again: true },
            },
            Fault::AlreadyExists => Meaning::Look { again: false },
            Fault::InvalidState if scheduled => Meaning::Look { again: false },
            Fault::NotFound if gone => Meaning::Done,
            Fault::NotFound | Fault::InvalidState => Meaning::Lag { most: LAG },
            Fault::Denied => Meaning::Lag { most: DENIED_LAG },
            // IAM says so of a role that is there already (aws-semantics 5.2).
            Fault::Invalid if named => Meaning::Look { again: false },
            Fault::Malformed => Meaning::Stranger,
            Fault::Key
            | Fault::Invalid
            | Fault::LimitExceeded
            | Fault::Unsupported
            | Fault::Other => Meaning::Refused,
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

/// What an error means for a call to a service that uses a key. A service sees a key and its policy
/// as late as anybody else (aws-semantics 1.8).
fn of_consumer(effect: Effect, fault: Fault) -> Meaning {
    let creates = effect == Effect::Creates;
    match fault {
        Fault::Throttled | Fault::Unsent => Meaning::Again,
        Fault::Ambiguous if creates => Meaning::Look { again: true },
        Fault::Ambiguous => Meaning::Again,
        Fault::AlreadyExists if creates => Meaning::Look { again: false },
        // What is in the way is another object: what this makes is not there to be waited for.
        Fault::InvalidState if creates => Meaning::Again,
        Fault::AlreadyExists | Fault::InvalidState => Meaning::Busy,
        Fault::NotFound if effect == Effect::Deletes => Meaning::Done,
        Fault::Key | Fault::NotFound => Meaning::Lag { most: LAG },
        Fault::Invalid | Fault::Denied => Meaning::Lag { most: DENIED_LAG },
        Fault::Malformed | Fault::LimitExceeded | Fault::Unsupported | Fault::Other => {
            Meaning::Refused
        }
    }
}
