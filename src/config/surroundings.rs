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

/// The values that replace the account and the Region of a stack while its configuration is checked without AWS. They
/// occur nowhere in the configuration, and must not occur in an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// The partition of the example Region.
    pub(super) partition: &'static str,
    /// The example account; `None` if the account is declared.
    pub(super) account: Option<AccountId>,
    /// The example Region; `None` if the Region is declared.
    pub(super) region: Option<Region>,
}

impl Examples {
    /// Returns the text without the example values: principals of the stack's account are named as the configuration
    /// names them.
    #[must_use]
    pub fn removed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(account) = &self.account {
            let partition = self.partition;
            for (from, to) in [
                (format!("`arn:{partition}:iam::{account}:root`"), "the account"),
                (format!("arn:{partition}:iam::{account}:"), ""),
                (format!("arn:{partition}:sts::{account}:"), ""),
                (format!("the account `{account}`"), "the stack's account"),
                (format!("the account {account}"), "the stack's account"),
                (format!("account {account}"), "the stack's account"),
                (account.to_string(), "ACCOUNT"),
            ] {
                text = text.replace(&from, to);
            }
        }
        match &self.region {
            Some(region) => text.replace(region.as_str(), "the stack's Region"),
            None => text,
        }
    }
}
