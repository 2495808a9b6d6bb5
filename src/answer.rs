//! The answers of AWS to requests: outcomes, and errors with their classes. Pure data.

mod help;
pub mod later;
pub mod pages;
mod quota;

pub use help::Denied;

use crate::id::KeyArn;
use serde::{Deserialize, Serialize};

/// The class of an error, which decides how the caller reacts to it. It is derived from the error's
/// code and from the transport's classification. The message counts only where one code stands for errors that end
/// by themselves and for others ([`later`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The object does not exist.
    NotFound,
    /// The object exists already.
    AlreadyExists,
    /// The caller has no permission.
    Denied,
    /// AWS does not accept the credentials, for example because they have expired or the clock of the caller is
    /// wrong, or there are none. AWS did not execute the request.
    Credentials,
    /// The request was throttled. AWS did not execute it.
    Throttled,
    /// The object is in a state that does not allow the request, or the service refuses it for a while.
    InvalidState,
    /// The request is not valid.
    Invalid,
    /// AWS rejects the policy or the grant. A possible cause is a principal that does not exist, or
    /// that KMS does not know yet.
    Malformed,
    /// A service cannot use the key: the key is disabled or not visible yet, or its policy does not
    /// allow the service.
    Key,
    /// The request would exceed a quota.
    LimitExceeded,
    /// AWS did not answer, or answered with a server error. It may have executed the request.
    Ambiguous,
    /// The request was not sent, because there was no connection or there were no credentials.
    Unsent,
    /// The operation does not apply to this object.
    Unsupported,
    /// Any other error.
    Other,
}

impl Fault {
    /// Returns whether the fault concerns AWS or the network as a whole, and not the request: the same request may
    /// succeed later.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        match self {
            Self::Throttled | Self::Ambiguous | Self::Unsent => true,
            Self::NotFound
            | Self::AlreadyExists
            | Self::Denied
            | Self::Credentials
            | Self::InvalidState
            | Self::Invalid
            | Self::Malformed
            | Self::Key
            | Self::LimitExceeded
            | Self::Unsupported
            | Self::Other => false,
        }
    }
}

/// A failed request.
#[derive(Debug, thiserror::Error)]
#[error(
    "{operation}: {message}{}{}",
    reference(.code.as_deref(), .request_id.as_deref()),
    quota::named(.operation, .code.as_deref())
)]
pub struct CloudError {
    /// The name of the operation.
    pub operation: &'static str,
    /// The class of the error.
    pub fault: Fault,
    /// The error code.
    pub code: Option<String>,
    /// The message.
    pub message: String,
    /// The request id, for AWS Support.
    pub request_id: Option<String>,
}

/// Returns the error code and the request id as the end of a message. AWS Support asks for them.
fn reference(code: Option<&str>, request_id: Option<&str>) -> String {
    match (code, request_id) {
        (Some(code), Some(id)) => format!(" ({code}, request {id})"),
        (Some(one), None) => format!(" ({one})"),
        (None, Some(id)) => format!(" (request {id})"),
        (None, None) => String::new(),
    }
}

/// The outcome of a call that AWS executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A key was created.
    Key(KeyArn),
    /// A grant with this id was created.
    Grant(String),
    /// A consumer with this id was created.
    Made(String),
    /// Nothing that has an identifier was created.
    Done,
}
