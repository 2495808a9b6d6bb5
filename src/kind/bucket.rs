//! The bucket that a consumer writes to.

use super::Violation;
use crate::policy::Document;

/// The bucket of a consumer, as far as the caller may see it.
#[derive(Clone, Copy, Debug)]
pub enum SeenBucket<'a> {
    /// There is no such bucket.
    Missing,
    /// The bucket or its policy could not be read. The text is the error.
    Unreadable(&'a str),
    /// The policy of the bucket, if it has one.
    Policy(Option<&'a Document>),
}

/// Whether a consumer can write to its bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketCheck {
    /// The reason why it cannot, if it cannot.
    pub objection: Option<Violation>,
    /// The reason why that could not be checked, if it could not.
    pub unknown: Option<String>,
}
