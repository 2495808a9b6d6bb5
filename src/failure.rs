//! How a command ends: the exit codes, and errors with hints. The one place where an error gets
//! its exit code.

use crate::cloud::{CloudError, Fault};
use crate::store::StoreError;

/// The exit codes, as the README lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Error.
    Error = 1,
    /// Success, with changes.
    Changes = 2,
    /// Refused: something is blocked.
    Refused = 3,
    /// Applied in part.
    Partial = 4,
    /// The saved plan is stale, or the state is locked.
    Conflict = 5,
    /// Wrong use of the command line.
    Usage = 64,
    /// Interrupted at a safe point.
    Interrupted = 130,
}

/// An error as a person sees it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong; several lines where there are several errors.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// An error with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, message: message.into(), hint: None }
    }

    /// The same with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            StoreError::Locked(holder) => failure.exit(Exit::Conflict).hint(format!(
                "wait until it ends; if it is surely dead: `kmsctl state unlock {}`",
                holder.id
            )),
            StoreError::State { .. } | StoreError::Journal { .. } => failure.hint(
                "move the file away: the next plan rebuilds the records from AWS by the keys' tags",
            ),
            StoreError::Io { .. } | StoreError::NoSuchLock(_) => failure,
        }
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        let failure = Self::new(error.to_string());
        if error.fault == Fault::Unsent {
            failure.hint("check the network, the Region and AWS_ENDPOINT_URL")
        } else if error.fault == Fault::Denied {
            failure.hint("check the credentials and what they may do")
        } else {
            failure
        }
    }
}
