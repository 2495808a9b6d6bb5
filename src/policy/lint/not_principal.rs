//! Principals that a `Deny` with `NotPrincipal` does not exempt, although it names them.

use std::collections::BTreeSet;

use super::Finding;
use super::rules;
use super::written::WrittenStatement;
use crate::policy::typed::PrincipalName;

/// A principal of an account. Roles and sessions are compared by the name of the role, without its path, which a
/// session's ARN does not contain.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Named<'a> {
    Account(&'a str),
    Role(&'a str, &'a str),
    SessionOf(&'a str, &'a str),
    Other(&'a str),
}

impl<'a> Named<'a> {
    fn of(name: &'a PrincipalName) -> Option<Self> {
        let arn = match name {
            PrincipalName::Account(account) => return Some(Self::Account(&account.id)),
            PrincipalName::Identity(arn) => arn,
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::UniqueId(_)
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => return None,
        };
        let mut fields = arn.splitn(6, ':').skip(4);
        let (account, resource) = (fields.next()?, fields.next()?);
        Some(match resource.split_once('/') {
            Some(("role", rest)) => Self::Role(account, rest.rsplit('/').next().unwrap_or(rest)),
            Some(("assumed-role", rest)) => {
                Self::SessionOf(account, rest.split('/').next().unwrap_or(rest))
            }
            Some(_) | None => Self::Other(account),
        })
    }

    /// Returns the principals that must be named beside this one, in words.
    fn companions(&self) -> Vec<(Self, &'static str)> {
        match *self {
            Self::Account(_) => Vec::new(),
            Self::Role(account, role) => vec![
                (Self::SessionOf(account, role), "the sessions of the role"),
                (Self::Account(account), "the account"),
            ],
            Self::SessionOf(account, role) => vec![
                (Self::Role(account, role), "the role"),
                (Self::Account(account), "the account"),
            ],
            Self::Other(account) => vec![(Self::Account(account), "the account")],
        }
    }
}

/// Reports identities that a `Deny` with `NotPrincipal` does not exempt: the account of an identity, and a role beside
/// its session, must be named too (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
pub(super) fn not_exempt(statement: &WrittenStatement<'_>) -> Vec<Finding> {
    if !statement.denies() {
        return Vec::new();
    }
    let all: BTreeSet<Named<'_>> =
        statement.principals.iter().filter_map(|named| Named::of(&named.name)).collect();
    let mut out = Vec::new();
    for named in &statement.principals {
        let companions = Named::of(&named.name).map(|one| one.companions()).unwrap_or_default();
        let missing: Vec<&str> = companions
            .iter()
            .filter(|(companion, _)| !all.contains(companion))
            .map(|(_, words)| *words)
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "`{}` may not be exempt from the `Deny`: {} must be named too",
                named.word.text,
                missing.join(" and ")
            );
            out.push(Finding::new(&rules::NOT_EXEMPT, named.word.span, message));
        }
    }
    out
}
