//! Sends one call, and repeats it until AWS has executed it once or rejects it permanently.

use super::error::StepError;
use super::wait::Awaited;
use super::{Host, Progress, Run};
use crate::answer::later::patience_with;
use crate::answer::{CloudError, Fault, Outcome};
use crate::cloud::Cloud;
use crate::engine::identities::{KnownIdentities, Refusal, refusal};
use crate::engine::settle::{LostCall, settle};
use crate::kind::CallBindings;
use crate::kind::consumer::Effect;
use crate::kind::{Call, Ids, Retry, alias, grant, key};
use crate::plan::{PlannedCall, Step};
use crate::policy::Document;
use crate::retry::Tries;
use std::time::Duration;
use tokio::time::Instant;

/// The reasons for repeating a call.
const NOT_SHOWN: &str = "a recent change of the key is not visible yet";
const DENIED: &str = "access is denied; a change of a policy or grant applies everywhere only after up to five \
                      minutes (--patience)";
const NOT_ALLOWED: &str = "the service cannot use the key yet; a change of a key or its policy applies everywhere \
                           only after up to five minutes";
/// The time after which a change of a policy or grant applies everywhere (KMS Developer Guide, "Grants in AWS KMS"
/// and "Troubleshooting ABAC for AWS KMS").
const APPLIES: Duration = Duration::from_secs(300);
/// The shortest pause, so that the last call before the end of the patience is not repeated at once.
const SHORTEST: Duration = Duration::from_millis(10);

/// The failed attempts at one call.
#[derive(Debug, Default)]
struct Attempts {
    tries: Tries,
    /// The number of attempts to which AWS did not show a recent change.
    lags: u32,
    /// The time since which KMS does not know a principal.
    unknown_since: Option<Instant>,
    /// The time since which the service refuses the call for a while.
    refused_since: Option<Instant>,
    /// The part of this time for which AWS has reported an operation in progress.
    busy: Duration,
}

/// Adds to a denial that a change of the key may not apply yet. `age` is the age of the change. A denial for lack of an
/// IAM policy is about the key only if the caller relies on its policy or a grant.
fn lagging(error: CloudError, age: Option<Duration>) -> CloudError {
    match age {
        Some(age) if error.fault == Fault::Denied && age < APPLIES => {
            let only_if = match error.message.contains("no identity-based policy") {
                true => "; if its policy or a grant allows the call, ",
                false => ": ",
            };
            let message = format!(
                "{}; the key was changed {} s ago, and such a change applies everywhere only after up to five \
                 minutes{only_if}run apply again, or set a longer `--patience`",
                error.message,
                age.as_secs()
            );
            CloudError { message, ..error }
        }
        _ => error,
    }
}

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
/// The time for which a service that does not know a key yet may call the request invalid.
const INVALID_LAG: Duration = Duration::from_secs(30);
/// The pause before a call is repeated that AWS refuses for a while.
const LATER: Duration = Duration::from_secs(5);
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
    /// `most` ago. `why` is the reason for people.
    Lag { most: Duration, why: &'static str },
    /// The service refuses the call for a while, usually because another operation on the consumer is in
    /// progress: repeat the call once it ends.
    Later,
    /// The call names a principal that does not exist, or that KMS does not know yet.
    UnknownPrincipal,
    /// Check whether AWS executed the call; if not, repeat it if `again` is set.
    Probe { again: bool },
    /// The error is final.
    Refused,
}

impl<C: Cloud, W: Host> Run<'_, C, W> {
    /// Sends a call and returns its outcome.
    ///
    /// The quota of the first attempt has been waited for ([`Run::admitted`]).
    pub(super) async fn send(
        &self,
        step: &Step,
        planned: &PlannedCall,
        nonce: Option<&str>,
    ) -> Result<Outcome, StepError> {
        let PlannedCall { at, call } = planned;
        let mut attempts = Attempts::default();
        loop {
            let ids = self.ids_of(step);
            let key = self.key_of(step, &ids);
            let id = self.id_of(step);
            let late =
                CallBindings { key: key.as_ref(), ids: Some(&ids), nonce, id: id.as_deref() };
            let sent = tokio::select! {
                biased;
                sent = self.cloud.call(at, call, late) => sent,
                () = self.out_of_patience() => return Err(StepError::StoppedOpen),
            };
            let error = match sent {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            if self.host.stop() {
                return Err(given_up(error));
            }
            let (address, stack) = (&step.address, self.plan.stack.as_str());
            let (key, age) = (key.as_ref(), Duration::ZERO);
            let lost = LostCall { address, stack, at, call, key, ids: &ids, nonce, age };
            let is_open = error.fault == Fault::Ambiguous;
            if let Some(outcome) = self.react(step, lost, error, &mut attempts).await? {
                return Ok(outcome);
            }
            self.admitted(planned)
                .await
                .map_err(|stopped| if is_open { StepError::StoppedOpen } else { stopped })?;
        }
    }

    /// Reacts to a failed call. Returns the outcome if AWS has the result of the call, and `None`, after a pause, if
    /// the call is to be sent again.
    async fn react(
        &self,
        step: &Step,
        lost: LostCall<'_>,
        error: CloudError,
        attempts: &mut Attempts,
    ) -> Result<Option<Outcome>, StepError> {
        let (call, ids, retry) = (lost.call, lost.ids, &self.options.retry);
        match self.reaction(call, &error) {
            Reaction::Done => return Ok(Some(Outcome::Done)),
            Reaction::Refused => return Err(StepError::Refused(error)),
            Reaction::Lag { most, why } => {
                let age = self.touched(step, ids);
                let left = age.map(|age| most.saturating_sub(age)).unwrap_or_default();
                if left.is_zero() {
                    return Err(StepError::Refused(lagging(error, age)));
                }
                let pause = retry.pause(LAG_ATTEMPT + attempts.lags).min(left).max(SHORTEST);
                attempts.lags += 1;
                let (operation, most) = (call.operation(), most.as_secs());
                let doing = format!("{operation}: {why}; retrying for up to {most} s");
                let seconds = age.unwrap_or_default().as_secs();
                self.host.report(Progress::Polling { step, doing: &doing, seconds });
                self.rest(pause).await.map_err(|()| given_up(error))?;
                return Ok(None);
            }
            Reaction::Later => {
                self.later(step, call, error, attempts).await?;
                return Ok(None);
            }
            Reaction::UnknownPrincipal => {
                let since = *attempts.unknown_since.get_or_insert_with(Instant::now);
                self.wait_for_principal(step, call, error, since).await?;
                return Ok(None);
            }
            Reaction::Probe { again } => match self.probe(step, lost, attempts.tries.next()).await?
            {
                Some(outcome) => return Ok(Some(outcome)),
                None if again => {}
                None => return Err(StepError::Refused(error)),
            },
            Reaction::Again => {}
        }
        if !attempts.tries.may_repeat(retry, error.fault) {
            return Err(given_up(error));
        }
        let pause = attempts.tries.pause(retry);
        let why = attempts.tries.words(retry, error.fault, pause);
        self.host.report(Progress::Waiting { step, operation: call.operation(), why: &why });
        self.rest(pause).await.map_err(|()| given_up(error))?;
        Ok(None)
    }

    /// Waits before a call is repeated that AWS refuses for a while. Returns an error if AWS has refused it for
    /// longer than the service needs. The time for which AWS reports an operation in progress does not count.
    async fn later(
        &self,
        step: &Step,
        call: &Call,
        error: CloudError,
        attempts: &mut Attempts,
    ) -> Result<(), StepError> {
        let began = Instant::now();
        let since = *attempts.refused_since.get_or_insert(began);
        let creates = call.as_consumer().is_some_and(|call| call.effect() == Effect::Creates);
        // A resource that does not exist yet is in no operation.
        if !creates {
            match self.until(step, Awaited::READY).await {
                Ok(true) => attempts.busy += began.elapsed(),
                Ok(false) => {}
                Err(wait) => return Err(StepError::Busy { refused: error, wait: Box::new(wait) }),
            }
        }
        let patience = patience_with(&error);
        let spent = since.elapsed().saturating_sub(attempts.busy);
        let left = patience.saturating_sub(spent);
        if left.is_zero() {
            return Err(given_up(error));
        }
        let (operation, code) = (call.operation(), error.code.as_deref().unwrap_or("refused"));
        let most = patience.as_secs();
        let doing = format!("{operation}: not possible yet ({code}); retrying for up to {most} s");
        self.host.report(Progress::Polling { step, doing: &doing, seconds: spent.as_secs() });
        self.rest(LATER.min(left)).await.map_err(|()| given_up(error))
    }

    /// Checks whether AWS executed the call whose answer was lost, and returns its outcome if so. If
    /// AWS cannot be read, the call stays open.
    async fn probe(
        &self,
        step: &Step,
        lost: LostCall<'_>,
        attempt: u32,
    ) -> Result<Option<Outcome>, StepError> {
        let why = format!(
            "the outcome of attempt {attempt} is unknown; checking whether AWS executed the call"
        );
        self.host.report(Progress::Waiting { step, operation: lost.call.operation(), why: &why });
        tokio::select! {
            biased;
            found = settle(self.cloud, self.options, &self.nonces, lost) => {
                found.map_err(StepError::Unsettled)
            }
            () = self.stopped() => Err(StepError::StoppedOpen),
        }
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
                let (operation, most) = (call.operation(), PRINCIPAL_LAG.as_secs());
                let doing = format!(
                    "{operation}: KMS does not know a new principal yet; retrying for up to {most} s"
                );
                let seconds = since.elapsed().as_secs();
                self.host.report(Progress::Polling { step, doing: &doing, seconds });
                let pause = Duration::from_secs(5).min(left);
                self.rest(pause).await.map_err(|()| StepError::Refused(error))
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
            // A change of a key does not allow what the service itself denies.
            if error.denied_action().is_some_and(|action| !action.starts_with("kms:")) {
                return Reaction::Refused;
            }
            return of_consumer(call.effect(), error.fault, self.options.patience);
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
            Fault::NotFound | Fault::InvalidState => Reaction::Lag { most: LAG, why: NOT_SHOWN },
            Fault::Denied => Reaction::Lag { most: self.options.patience, why: DENIED },
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

    /// Returns the time since the last change of a key of the step in this run.
    fn touched(&self, step: &Step, ids: &Ids) -> Option<Duration> {
        let keys = self.keys_of(step, ids);
        let touched = self.touched.borrow();
        keys.iter().filter_map(|key| touched.get(key)).map(Instant::elapsed).min()
    }
}

/// Names the principals that a refused call may be refused for. KMS does not say which one it does not know. The
/// identities that could be looked up exist, and an account's root always does, so a service principal comes first.
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
fn of_consumer(effect: Effect, fault: Fault, patience: Duration) -> Reaction {
    let creates = effect == Effect::Creates;
    match fault {
        Fault::Throttled | Fault::Unsent => Reaction::Again,
        Fault::Ambiguous if creates => Reaction::Probe { again: true },
        Fault::Ambiguous => Reaction::Again,
        Fault::AlreadyExists if creates => Reaction::Probe { again: false },
        Fault::AlreadyExists | Fault::InvalidState => Reaction::Later,
        Fault::NotFound if effect == Effect::Deletes => Reaction::Done,
        Fault::Key => Reaction::Lag { most: patience.max(LAG), why: NOT_ALLOWED },
        Fault::NotFound => Reaction::Lag { most: LAG, why: NOT_SHOWN },
        Fault::Invalid => Reaction::Lag { most: INVALID_LAG, why: NOT_SHOWN },
        Fault::Denied => Reaction::Lag { most: patience, why: DENIED },
        Fault::Credentials
        | Fault::Malformed
        | Fault::LimitExceeded
        | Fault::Unsupported
        | Fault::Other => Reaction::Refused,
    }
}
