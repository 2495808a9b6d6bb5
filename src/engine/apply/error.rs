//! Why a step ends without being finished. AWS's answers keep their code and request id.

use crate::cloud::CloudError;
use std::error::Error;

/// Why the surroundings of a run (the journal, the source of randomness) failed.
pub type WorldError = Box<dyn Error + Send + Sync>;

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// AWS refused the call, or the call could not be sent.
    #[error(transparent)]
    Refused(CloudError),
    /// It is not known whether AWS executed the call: the next run finds out.
    #[error("{0}; whether AWS has executed it is not known, and the next run finds out")]
    Unsettled(CloudError),
    /// AWS has not finished what an earlier call began.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// AWS refused the call because of an operation in progress that did not end.
    #[error("{refused}; {wait}")]
    Busy {
        /// AWS's refusal.
        refused: CloudError,
        /// Why waiting for the operation ended.
        #[source]
        wait: Box<WaitError>,
    },
    /// The run was asked to stop.
    #[error("stopped between two calls, as asked")]
    Stopped,
    /// The journal could not be written, so no call was sent.
    #[error("nothing more was sent: {0}")]
    World(#[from] WorldError),
}

/// Why waiting for AWS ended before the operation did.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The resource will not become usable.
    #[error("AWS reports the state `{0}`, from which the resource does not recover by itself")]
    Broken(String),
    /// AWS accepted the call and deleted the resource again. Some services do so when they cannot use
    /// the key.
    #[error(
        "AWS accepted the call and deleted the resource again: most often because its key is disabled, \
         or may not be used by the caller"
    )]
    Vanished,
    /// The operation took too long.
    #[error(
        "after {elapsed} the operation is still in progress ({doing}) and goes on without kmsctl: run \
         apply again later"
    )]
    TimedOut {
        /// How long it was waited for.
        elapsed: String,
        /// AWS's word for the operation.
        doing: String,
    },
    /// The run was asked to stop.
    #[error("stopped while the operation is in progress ({0}): the next run checks how it ended")]
    Stopped(String),
    /// The resource could not be read.
    #[error(transparent)]
    Unreadable(#[from] CloudError),
}
