//! Sends one call, and repeats it until AWS has executed it once or rejects it permanently.

use super::error::StepError;
use super::{Host, Progress, Run};
use crate::answer::{CloudError, Fault, Outcome};
use crate::cloud::Cloud;
use crate::cloud::retry::Tries;
use crate::engine::identities::{KnownIdentities, Refusal, refusal};
use crate::engine::settle::{LostCall, settle};
use crate::id::KeyArn;
use crate::kind::CallBindings;
use crate::kind::consumer::{Effect, Goal};
use crate::kind::{Call, Ids, Retry, Spec, alias, grant, key};
use crate::plan::{PlannedCall, Step};
use crate::policy::Document;
use std::time::Duration;
use tokio::time::Instant;

/// Returns the error of a call that is not repeated, although repeating it might succeed.
fn given_up(error: CloudError) -> StepError {
    if error.fault == Fault::Ambiguous {
        StepError::Unsettled(error)
    } else {
        StepError::Refused(error)
    }
}

/// The time for which a new key may be unknown to KMS. KMS is eventually consistent: usually within a few
/// seconds, in some cases after several minutes (KMS Developer Guide, "AWS KMS eventual consistency").
pub(super) const LAG: Duration = Duration::from_secs(180);
/// The time for which a new policy may not apply to the caller. AWS documents up to five minutes, but a
/// caller who is denied permanently should not wait that long for the error.
const DENIED_LAG: Duration = Duration::from_secs(30);
/// The number of the attempt whose pause is long enough for AWS to become consistent.
const LAG_ATTEMPT: u32 = 5;
/// The time for which KMS may not know a principal that IAM has just created (IAM User Guide, "Changes
/// that I make are not always immediately visible").
const PRINCIPAL_LAG: Duration = Duration::from_secs(120);

/// The reaction to a failed call.
enum Reaction {
    /// AWS already has the state that the call would create.
    Done,
    /// AWS did not execute the call, or executing it twice is harmless: repeat it.
    Again,
    /// AWS may not show a recent change yet: repeat the call if this run changed its key at most
    /// `most` ago.
    Lag { most: Duration },
    /// Another operation on the consumer is in progress: repeat the call once it ends.
    Busy,
    /// The call names a principal that does not exist, or that KMS does not know yet.
    UnknownPrincipal,
    /// Check whether AWS executed the call; if not, repeat it if `again` is set.
    Probe { again: bool },
    /// The error is final.
    Refused,
}

impl<C: Cloud, W: Host> Run<'_, C, W> {
    /// Sends a call and returns its outcome.
    pub(super) async fn send(
        &self,
        step: &Step,
        planned: &PlannedCall,
        nonce: Option<&str>,
    ) -> Result<Outcome, StepError> {
        let PlannedCall { at, call } = planned;
        let (mut tries, mut unknown_since) = (Tries::default(), None);
        loop {
            let ids = self.ids_of(step);
            let key = self.key_of(step, &ids);
            let id = self.id_of(step);
            let late =
                CallBindings { key: key.as_ref(), ids: Some(&ids), nonce, id: id.as_deref() };
            let error = match self.cloud.call(at, call, late).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            if self.host.stop() {
                return Err(given_up(error));
            }
            let (address, stack) = (&step.address, self.plan.stack.as_str());
            let (key, age) = (key.as_ref(), Duration::ZERO);
            let lost = LostCall { address, stack, at, call, key, ids: &ids, nonce, age };
            match self.reaction(call, &error) {
                Reaction::Done => return Ok(Outcome::Done),
                Reaction::Refused => return Err(StepError::Refused(error)),
                Reaction::Lag { most }
                    if self.touched(step, &ids).is_some_and(|age| age < most) =>
                {
                    let pause = self.options.retry.pause(LAG_ATTEMPT);
                    self.pause(step, call, pause, "AWS does not show a recent change yet").await;
                    continue;
                }
                Reaction::Lag { .. } => return Err(StepError::Refused(error)),
                Reaction::UnknownPrincipal => {
                    let since = *unknown_since.get_or_insert_with(Instant::now);
                    self.wait_for_principal(step, call, error, since).await?;
                    continue;
                }
                Reaction::Probe { again } => match self.probe(step, lost).await? {
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
            if !tries.may_repeat(&self.options.retry, error.fault) {
                return Err(given_up(error));
            }
            self.pause(step, call, tries.pause(&self.options.retry), "no answer or throttled")
                .await;
        }
    }

    async fn pause(&self, step: &Step, call: &Call, pause: Duration, why: &str) {
        let why = format!("{why}; retrying");
        self.host.report(Progress::Waiting { step, operation: call.operation(), why: &why });
        tokio::time::sleep(pause).await;
    }

    /// Checks whether AWS executed the call whose answer was lost, and returns its outcome if so. If
    /// AWS cannot be read, the call stays open.
    async fn probe(&self, step: &Step, lost: LostCall<'_>) -> Result<Option<Outcome>, StepError> {
        let why = "the outcome is unknown; checking whether AWS executed the call";
        self.host.report(Progress::Waiting { step, operation: lost.call.operation(), why });
        settle(self.cloud, self.options, &self.nonces, lost).await.map_err(StepError::Unsettled)
    }

    /// Waits for the principals of a policy or grant that KMS refused. If IAM has just created one,
    /// returns after a pause; the call is then repeated. Otherwise returns the error, with the
    /// principals that do not exist or, if all exist, with those that the call names.
    async fn wait_for_principal(
        &self,
        step: &Step,
        call: &Call,
        mut error: CloudError,
        since: Instant,
    ) -> Result<(), StepError> {
        let left = PRINCIPAL_LAG.saturating_sub(since.elapsed());
        let known = KnownIdentities { created: &self.created_roles, accounts: &self.accounts };
        match refusal(self.cloud, self.options, call, known, self.host.now()).await {
            Refusal::Missing(missing) => {
                error.message = format!("{}: {}", missing.join("; "), error.message);
                Err(StepError::Refused(error))
            }
            Refusal::MayPass if !left.is_zero() => {
                let seconds = left.as_secs();
                let why = format!(
                    "KMS does not know a new principal yet; retrying for up to {seconds} s"
                );
                self.host.report(Progress::Waiting {
                    step,
                    operation: call.operation(),
                    why: &why,
                });
                tokio::time::sleep(Duration::from_secs(5).min(left)).await;
                Ok(())
            }
            Refusal::MayPass | Refusal::Other => {
                if let Some(suspects) = suspects(call) {
                    error.message = format!("{} ({suspects})", error.message);
                }
                Err(StepError::Refused(error))
            }
        }
    }

    fn reaction(&self, call: &Call, error: &CloudError) -> Reaction {
        let deletes = matches!(
            call,
            Call::Alias(alias::Call::DeleteAlias(_)) | Call::Grant(grant::Call::RevokeGrant(_))
        );
        let changes_deletion = matches!(
            call,
            Call::Key(key::Call::ScheduleKeyDeletion(_) | key::Call::CancelKeyDeletion(_))
        );
        let creates_role = matches!(call, Call::ServiceLinkedRole(_));
        if let Call::Consumer(call) = call {
            return of_consumer(call.effect(), error.fault);
        }
        match error.fault {
            Fault::Throttled | Fault::Unsent => Reaction::Again,
            Fault::Ambiguous => match call.retry() {
                Retry::Repeat => Reaction::Again,
                Retry::ProbeByTag | Retry::ProbeByName => Reaction::Probe { again: true },
            },
            Fault::AlreadyExists => Reaction::Probe { again: false },
            Fault::InvalidState if changes_deletion => Reaction::Probe { again: false },
            Fault::NotFound if deletes => Reaction::Done,
            Fault::NotFound | Fault::InvalidState => Reaction::Lag { most: LAG },
            Fault::Denied => Reaction::Lag { most: DENIED_LAG },
            // IAM answers `InvalidInput` if the service-linked role exists already (IAM API Reference,
            // `CreateServiceLinkedRole`).
            Fault::Invalid if creates_role => Reaction::Probe { again: false },
            Fault::Malformed => Reaction::UnknownPrincipal,
            Fault::Key
            | Fault::Credentials
            | Fault::Invalid
            | Fault::LimitExceeded
            | Fault::Unsupported
            | Fault::Other => Reaction::Refused,
        }
    }

    /// Returns the time since this run last created a key of the step or changed its policy.
    fn touched(&self, step: &Step, ids: &Ids) -> Option<Duration> {
        let specs = step.change.from().into_iter().chain(step.change.to());
        let mut keys: Vec<KeyArn> =
            specs.flat_map(Spec::refs).filter_map(|key| key.resolve(ids)).collect();
        keys.extend(self.key_of(step, ids));
        let touched = self.touched.borrow();
        keys.iter().filter_map(|key| touched.get(key)).map(Instant::elapsed).min()
    }
}

/// Names the principals that a refused call may be refused for. KMS does not say which one it does not know. The identities
/// that could be looked up exist, and an account's root always does, so a service principal comes first.
fn suspects(call: &Call) -> Option<String> {
    let services = call.policy().map(Document::services).unwrap_or_default();
    if !services.is_empty() {
        let services: Vec<String> = services.into_iter().collect();
        return Some(format!(
            "KMS may not know a service principal of the policy: {}",
            services.join(", ")
        ));
    }
    let mut named = call.principals();
    named.retain(|name| !name.ends_with(":root"));
    (!named.is_empty()).then(|| format!("the call names {}", named.join(", ")))
}

/// Returns the reaction to an error of a service that uses a key. A service sees a new key and its policy
/// as late as any other caller.
fn of_consumer(effect: Effect, fault: Fault) -> Reaction {
    let creates = effect == Effect::Creates;
    match fault {
        Fault::Throttled | Fault::Unsent => Reaction::Again,
        Fault::Ambiguous if creates => Reaction::Probe { again: true },
        Fault::Ambiguous => Reaction::Again,
        Fault::AlreadyExists if creates => Reaction::Probe { again: false },
        // Another object is in the way, and the new one does not exist: there is nothing to wait for.
        Fault::InvalidState if creates => Reaction::Again,
        Fault::AlreadyExists | Fault::InvalidState => Reaction::Busy,
        Fault::NotFound if effect == Effect::Deletes => Reaction::Done,
        Fault::Key | Fault::NotFound => Reaction::Lag { most: LAG },
        Fault::Invalid | Fault::Denied => Reaction::Lag { most: DENIED_LAG },
        Fault::Credentials
        | Fault::Malformed
        | Fault::LimitExceeded
        | Fault::Unsupported
        | Fault::Other => Reaction::Refused,
    }
}
