//! The key that a compared policy belongs to.

/// The known facts about the key that a policy belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyContext {
    /// The account that owns the key, if it is known.
    pub account: Option<String>,
    /// The partition of the key.
    pub partition: String,
    /// The ARN of the key, if it is known.
    pub arn: Option<String>,
}
