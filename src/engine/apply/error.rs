//! The errors of a step. AWS's errors keep their code and request id.

use crate::answer::CloudError;
use std::error::Error;

/// An error of the [`Host`](super::Host): of the journal or of the source of randomness.
pub type HostError = Box<dyn Error + Send + Sync>;

/// The reason why a step was not finished.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// AWS refused the call, or the call could not be sent.
    #[error(transparent)]
    Refused(CloudError),
    /// It is not known whether AWS executed the call. The next run finds out.
    #[error("{0}; outcome unknown: the next run checks whether AWS executed the call")]
    Unsettled(CloudError),
    /// AWS did not finish the operation that an earlier call started.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// AWS refused the call because of an operation in progress that did not end.
    #[error("{refused}; {wait}")]
    Busy {
        /// AWS's refusal.
        refused: CloudError,
        /// The reason why waiting for the operation ended.
        #[source]
        wait: Box<WaitError>,
    },
    /// Another run of the stack creates keys at the same time.
    #[error(
        "another run of this stack has created `{theirs}`: no further call was sent, and nothing was deleted{}; \
         wait until that run has ended, and plan again",
        .own.as_ref().map(|own| format!(" (this run has created `{own}`)")).unwrap_or_default()
    )]
    Rival {
        /// The ARN of the key that the other run created.
        theirs: String,
        /// The ARN of the key that this run created.
        own: Option<String>,
    },
    /// The run was asked to stop.
    #[error("stopped on request, between two calls")]
    Stopped,
    /// The run was asked to stop before a call was repeated whose outcome is not known.
    #[error("stopped on request; the next run finds out whether AWS has executed the call")]
    StoppedOpen,
    /// The host failed, so no call was sent.
    #[error("no further call was sent: {0}")]
    Host(#[from] HostError),
}

impl StepError {
    /// Returns whether the step ended because the run was asked to stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped | Self::StoppedOpen)
    }

    /// Returns what to do about the error before apply runs again; `None` if nothing has to be done, or if the message
    /// says it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Refused(error) | Self::Wait(WaitError::Unreadable(error)) => error.help(),
            Self::Unsettled(_)
            | Self::Wait(_)
            | Self::Busy { .. }
            | Self::Rival { .. }
            | Self::Stopped
            | Self::StoppedOpen
            | Self::Host(_) => None,
        }
    }

    /// Returns whether running apply again continues without anything being corrected first.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(error) => error.fault.is_temporary(),
            Self::Wait(wait) => match wait {
                WaitError::Broken(_) | WaitError::Vanished => false,
                WaitError::TimedOut { .. } | WaitError::Stopped(_) => true,
                WaitError::Unreadable(error) => error.fault.is_temporary(),
            },
            Self::Unsettled(_) | Self::Busy { .. } | Self::Stopped | Self::StoppedOpen => true,
            Self::Rival { .. } | Self::Host(_) => false,
        }
    }
}

/// The reason why waiting for AWS ended before the operation did.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The resource is in a state, named as AWS names it, that it does not leave by itself.
    #[error("AWS reports the state `{0}`, from which the resource does not recover by itself")]
    Broken(String),
    /// AWS accepted the call and deleted the resource again. Some services do this if they cannot use
    /// the key.
    #[error(
        "AWS accepted the call and then deleted the resource: usually its key is disabled, or the \
         caller is not allowed to use the key"
    )]
    Vanished,
    /// The operation took too long.
    #[error(
        "after {elapsed} the operation is still in progress ({doing}) and continues without kmsctl: \
         run apply again later"
    )]
    TimedOut {
        /// The time that kmsctl waited.
        elapsed: String,
        /// AWS's name of the operation.
        doing: String,
    },
    /// The run was asked to stop while AWS executed the named operation.
    #[error("stopped while the operation is in progress ({0}): the next run checks how it ended")]
    Stopped(String),
    /// The resource could not be read.
    #[error(transparent)]
    Unreadable(#[from] CloudError),
}
