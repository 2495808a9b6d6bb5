//! What a configuration is resolved in.

use crate::id::{AccountId, Region};

/// What only AWS knows, and the configuration needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The account of the credentials.
    pub account: AccountId,
    /// The default Region of the resources.
    pub region: Region,
}

/// What is not known while a configuration is resolved. No error may follow from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gaps {
    /// A text could not be read, so that declarations may be missing.
    pub(super) text: bool,
    /// Another account stands in for that of the stack.
    pub(super) account: bool,
    /// Another Region stands in for that of the stack.
    pub(super) region: bool,
}
