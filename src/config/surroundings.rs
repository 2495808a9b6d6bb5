//! The account and Region for which a configuration is resolved.

use crate::id::{AccountId, Region};

/// The account and Region for which a configuration is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The account of the credentials.
    pub account: AccountId,
    /// The default Region of the resources.
    pub region: Region,
}

/// The values that are not known while a configuration is resolved. No error may result from them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gaps {
    /// Whether a text could not be read, so that declarations may be missing.
    pub(super) text: bool,
    /// Whether an example replaces the account of the stack.
    pub(super) account: bool,
    /// Whether an example replaces the Region of the stack.
    pub(super) region: bool,
}
