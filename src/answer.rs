//! What AWS answers to a request: an outcome, or an error with what it means. Pure data.

use crate::id::KeyArn;
use serde::{Deserialize, Serialize};

/// What a failure means for whoever made the call. Set from the error's code and the transport's
/// classification, never from message text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Not there.
    NotFound,
    /// Already there.
    AlreadyExists,
    /// The caller may not.
    Denied,
    /// Too fast; surely not executed.
    Throttled,
    /// The object's state does not allow it.
    InvalidState,
    /// The request is wrong.
    Invalid,
    /// A policy or a grant that AWS does not take: for one, because a principal in it does not
    /// exist, or KMS does not know it yet.
    Malformed,
    /// A service cannot use the key: it is disabled, not shown yet, or its policy does not allow it.
    Key,
    /// A quota is used up.
    LimitExceeded,
    /// Not answered, or answered with a server's fault: may have been executed or not.
    Ambiguous,
    /// Not sent: the connection or the credentials failed before.
    Unsent,
    /// The operation does not apply to this object.
    Unsupported,
    /// Something else.
    Other,
}

/// A request that AWS did not answer as hoped.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}{}", reference(.code.as_deref(), .request_id.as_deref()))]
pub struct CloudError {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// What it means.
    pub fault: Fault,
    /// AWS's error code.
    pub code: Option<String>,
    /// What AWS says.
    pub message: String,
    /// The request's id, for AWS's support.
    pub request_id: Option<String>,
}

/// What AWS's support asks for, after a message.
fn reference(code: Option<&str>, request_id: Option<&str>) -> String {
    match (code, request_id) {
        (Some(code), Some(id)) => format!(" ({code}, request {id})"),
        (Some(one), None) => format!(" ({one})"),
        (None, Some(id)) => format!(" (request {id})"),
        (None, None) => String::new(),
    }
}

/// What a mutating call brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A key was made.
    Key(KeyArn),
    /// A grant was made, with this id.
    Grant(String),
    /// A consumer of keys was made, with this id.
    Made(String),
    /// Nothing that has an identity.
    Done,
}
