//! The other accounts, from which grants are created.

use std::collections::BTreeMap;

use super::scope::{Scope, parse};
use crate::config::records;
use crate::decode::{Diagnostic, Diagnostics, Named, Part, Text};
use crate::id::{AccountId, Name};

/// The other accounts of a stack.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// The ids by the names in the configuration; `None` for an account with errors.
    by_name: BTreeMap<String, Option<AccountId>>,
    /// The ARN of the role to assume in each account.
    pub(super) roles: BTreeMap<AccountId, String>,
}

pub(super) fn resolve(
    declared: Option<&Named<Part<records::Account>>>,
    scope: &Scope<'_>,
    d: &mut Diagnostics,
) -> Accounts {
    let mut accounts = Accounts::default();
    for (name, Part(account)) in declared.into_iter().flatten() {
        parse::<Name>(name, d);
        let id = account.as_ref().and_then(|account| parse::<AccountId>(&account.id, d));
        accounts.by_name.insert(name.value.clone(), id.clone());
        if let (Some(account), Some(id)) = (account, id)
            && let Some(role) = role(account, &id, scope, d)
            && accounts.roles.insert(id.clone(), role).is_some()
        {
            let message = format!("another entry of `accounts` has the id {id}");
            d.error(account.id.span, message, "keep one entry for each account");
        }
    }
    accounts
}

/// Returns the ARN of the role to assume.
fn role(
    account: &records::Account,
    id: &AccountId,
    scope: &Scope<'_>,
    d: &mut Diagnostics,
) -> Option<String> {
    let role = scope.principal(&account.role, id, d)?;
    if role.starts_with(&format!("arn:{}:iam::{id}:role/", scope.partition)) {
        return Some(role);
    }
    let message = format!("`{}` is not a role of account {id}", account.role.value);
    d.error(account.role.span, message, "write `role/NAME`, a role of that account");
    None
}

impl Accounts {
    /// Returns the id of the account with this name.
    pub(super) fn id(
        &self,
        name: &Text,
        scope: &Scope<'_>,
        d: &mut Diagnostics,
    ) -> Option<AccountId> {
        if let Some(known) = self.by_name.get(&name.value) {
            return known.clone();
        }
        if !scope.gaps.text {
            let help = match d.suggest(&name.value, self.by_name.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it under `accounts`, with its id and a role".to_owned(),
            };
            let message = format!("`accounts` has no entry `{}`", name.value);
            d.push_once(Diagnostic::error(name.span, message).help(help));
        }
        None
    }
}
