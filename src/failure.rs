//! Exit codes, and errors with hints. Errors of other modules get their exit code here.

use crate::answer::{CloudError, Fault};
use crate::store::StoreError;

/// The exit codes of the program, as `kmsctl explain exit-codes` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded.
    Done = 0,
    /// The command failed.
    Error = 1,
    /// The command succeeded and found changes.
    Changes = 2,
    /// A change is blocked, or a check found an error.
    Refused = 3,
    /// Some changes were applied and some were not.
    Partial = 4,
    /// The saved plan is stale, the state is locked, or another run of the stack is at work.
    Conflict = 5,
    /// The command line is wrong.
    Usage = 64,
    /// The run was interrupted.
    Interrupted = 130,
}

/// An error as it is shown to a person.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The message, which may have several lines; empty if a report has said everything.
    pub message: String,
    /// The help: what to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Creates an error with exit code 1 and without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, message: message.into(), hint: None }
    }

    /// Replaces the exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Replaces the hint.
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
                "wait until that run ends: the lock ends with its process; if it ran on another machine that no longer \
                 exists, remove the lock with `kmsctl state unlock {}`",
                holder.id
            )),
            StoreError::InUse(holder) => failure.exit(Exit::Conflict).hint(format!(
                "wait until that run ends, or end its process with `kill {}`: it stops as soon as the calls that are \
                 under way have an answer",
                holder.pid
            )),
            StoreError::State { .. } | StoreError::Journal { .. } => failure.hint(
                "restore the file from a backup, or move it away: the next plan rebuilds the records \
                 from AWS, where it finds the keys by their tags",
            ),
            StoreError::Leased(_) => failure.exit(Exit::Conflict).hint("wait until that run ends"),
            StoreError::LeaseLost(_) => failure.exit(Exit::Conflict).hint(
                "run `kmsctl apply` again: it finds what this run has created, and continues",
            ),
            StoreError::Changed(_) => failure.exit(Exit::Conflict).hint(
                "run the command again: it reads the new state, and finds what this run has created",
            ),
            StoreError::Remote { source, .. } if source.fault == Fault::Denied => failure.hint(
                "the state needs `s3:GetObject`, `s3:PutObject` and `s3:ListBucket`; without the last \
                 one S3 does not tell an object that does not exist from one that may not be read",
            ),
            StoreError::NothingToUnlock => {
                let after = crate::store::lease::TERM.as_secs();
                failure.hint(format!(
                    "run the command again: if the holder has died, it waits for at most {after} s"
                ))
            }
            StoreError::NoSuchLock(_) => {
                failure.hint("a command that finds the state locked names the id of the lock")
            }
            StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                failure.hint("create the folder, or name another one")
            }
            StoreError::Remote { .. } | StoreError::Io { .. } => failure,
        }
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self { hint: error.help(), ..Self::new(error.to_string()) }
    }
}
