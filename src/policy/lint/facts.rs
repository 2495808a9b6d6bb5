//! The known facts about the key of a policy.

use std::collections::BTreeSet;

use super::written::{WrittenPolicy, account_of};
use crate::policy::actions::{ActionSet, Capability};
use crate::policy::typed::PrincipalName;

/// The known facts about the key that a policy belongs to. Rules that need an unknown fact do not apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The partition of the key, or an empty text if it is unknown.
    pub partition: &'a str,
    /// The account that owns the key, if it is known.
    pub account: Option<&'a str>,
    /// The account that stands for the unknown account of the key in ARNs that kmsctl wrote.
    pub stand_in: Option<&'a str>,
    /// The Region of the key, if it is known.
    pub region: Option<&'a str>,
    /// The ARN of the key, if it is known.
    pub key_arn: Option<&'a str>,
    /// AWS's name for the usage of the key, if it is known.
    pub usage: Option<&'a str>,
    /// The ARN of the principal that will store the policy, if it is known.
    pub caller: Option<&'a str>,
    /// Whether the author accepts a policy that no principal can change.
    pub lockout_wanted: bool,
}

impl<'a> Facts<'a> {
    /// Returns the facts with the account that the policy itself tells, if the account is not known.
    ///
    /// A key policy delegates to the IAM policies of its own account by allowing the account to change the policy. If
    /// it does so for several accounts, or if another account stands next to a stand-in, the owner stays unknown.
    pub(super) fn with_owner(self, policy: &WrittenPolicy<'a>) -> Self {
        if self.account.is_some() {
            return self;
        }
        let named = policy.statements.iter().flat_map(|statement| &statement.principals);
        let mentioned: BTreeSet<String> =
            named.filter_map(|named| account_of(&named.name)).map(str::to_owned).collect();
        let account = match self.stand_in {
            Some(stand_in) if mentioned.contains(stand_in) => {
                (mentioned.len() == 1).then_some(stand_in)
            }
            Some(_) | None => only_owner(policy),
        };
        Self { account, ..self }
    }
}

/// Returns the account that may change the policy, if there is exactly one.
fn only_owner<'a>(policy: &WrittenPolicy<'a>) -> Option<&'a str> {
    let change_policy = ActionSet::of(|action| action.capability == Capability::ChangePolicy);
    let owners: BTreeSet<&str> = policy
        .statements
        .iter()
        .filter(|statement| statement.allows() && !statement.excepts())
        .filter(|statement| statement.known_actions.covers(change_policy))
        .flat_map(|statement| &statement.principals)
        .filter(|named| matches!(named.name, PrincipalName::Account(_)))
        .map(|named| named.word.text.split(':').nth(4).unwrap_or(named.word.text))
        .collect();
    owners.first().copied().filter(|_| owners.len() == 1)
}
