//! The names of principal atoms in messages, and the account of the principals with such a name.

use super::principal_atom::{IdentityKind, PrincipalArn, PrincipalAtom, PrincipalClass};
use crate::policy::arn::{is_account, is_service, is_unique_id};
use crate::policy::value_pattern::Pattern;

/// The name of all services that are not named, if a service is named.
pub(super) const OTHER_SERVICE: &str = "every other AWS service";
/// The name of all services, if none is named.
pub(super) const EVERY_SERVICE: &str = "every AWS service";

/// The names of federated sessions that are not named, of an account and of other accounts.
const FEDERATED: &str = "every federated user";
const OTHER_FEDERATED: &str = "every other federated user";

/// Returns the name of an atom in messages.
pub(super) fn name(atom: &PrincipalAtom) -> String {
    match &atom.class {
        PrincipalClass::Root(account) => format!("the root user of account {account}"),
        PrincipalClass::Identity(identity) => identity.arn.clone(),
        PrincipalClass::SessionsOf(user) => format!("federated sessions of {}", user.arn),
        PrincipalClass::Other { account, kind } => {
            let identities = match kind {
                None | Some(IdentityKind::Root) => "every other identity",
                Some(IdentityKind::User) => "every other user",
                Some(IdentityKind::Role | IdentityKind::Session) => "every other role",
                Some(IdentityKind::Federated) => FEDERATED,
            };
            with_patterns(atom, format!("{identities} of account {account}"))
        }
        PrincipalClass::OtherAccounts { kind: None } if matches_no_pattern(atom) => "*".to_owned(),
        PrincipalClass::OtherAccounts { kind } => {
            let identities = match kind {
                None => "every identity",
                Some(IdentityKind::Root) => "every other root user",
                Some(IdentityKind::User) => "every other user",
                Some(IdentityKind::Role | IdentityKind::Session) => "every other role",
                Some(IdentityKind::Federated) => OTHER_FEDERATED,
            };
            with_patterns(atom, identities.to_owned())
        }
        PrincipalClass::Service(name)
        | PrincipalClass::UniqueId(name)
        | PrincipalClass::Provider(name) => name.clone(),
        PrincipalClass::OtherService => OTHER_SERVICE.to_owned(),
    }
}

/// Adds the patterns on `aws:PrincipalArn` that an atom matches to its name. A single pattern that says as much is the
/// name.
fn with_patterns(atom: &PrincipalAtom, name: String) -> String {
    let patterns: Vec<String> = match &atom.arn {
        PrincipalArn::Matches(patterns) => patterns.iter().map(Pattern::text).collect(),
        PrincipalArn::Is(_) | PrincipalArn::OneOf(_) | PrincipalArn::Unknown => Vec::new(),
    };
    let account = atom.account().map_or(PrincipalAccount::AnyAccount, PrincipalAccount::Account);
    match patterns.as_slice() {
        [] => name,
        [one]
            if [":user/", ":role/"].iter().any(|kind| one.contains(kind))
                && principal_account(one) == account =>
        {
            one.clone()
        }
        several => format!("{name} that matches {}", several.join(" and ")),
    }
}

/// Returns whether an atom matches no pattern on `aws:PrincipalArn`.
pub(super) fn matches_no_pattern(atom: &PrincipalAtom) -> bool {
    matches!(&atom.arn, PrincipalArn::Matches(patterns) if patterns.is_empty())
}

/// Returns whether the principals with this name are federated sessions that any user of their account can make.
pub(super) fn is_federated(name: &str) -> bool {
    name.contains(":federated-user/")
        || [FEDERATED, OTHER_FEDERATED].iter().any(|start| name.starts_with(start))
}

/// The account of the principals of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalAccount<'a> {
    /// Identities of this account.
    Account(&'a str),
    /// Identities of accounts that are not distinguished.
    AnyAccount,
    /// A service or a deleted identity, which has no account.
    NoAccount,
}

/// Returns the account of the principals with this name: the [`name`] of an atom, or the name of a grouped change.
pub(super) fn principal_account(name: &str) -> PrincipalAccount<'_> {
    let account_or_any = |account| {
        if is_account(account) {
            PrincipalAccount::Account(account)
        } else {
            PrincipalAccount::AnyAccount
        }
    };
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    if let ["arn", partition, service, region, account, _] = fields.as_slice() {
        // A wildcard of `StringLike` matches across colons, so the fields after it are uncertain.
        let is_wild = [partition, service, region].iter().any(|field| field.contains(['*', '?']));
        return if is_wild { PrincipalAccount::AnyAccount } else { account_or_any(account) };
    }
    let (who, _) = name.split_once(" that matches ").unwrap_or((name, ""));
    if let Some((_, account)) = who.rsplit_once(" of account ") {
        return account_or_any(account);
    }
    if [OTHER_SERVICE, EVERY_SERVICE].contains(&name) || is_service(name) || is_unique_id(name) {
        PrincipalAccount::NoAccount
    } else {
        PrincipalAccount::AnyAccount
    }
}
