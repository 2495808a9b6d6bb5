//! The principals that a policy and its grants name. Most principals of a gate occur in none of the many policies of a
//! stack, so that their requests need not be decided one by one.

use super::breach::PolicyChange;
use crate::policy::KeyContext;
use crate::policy::arn::is_service;
use crate::policy::typed::{Account, Effect, PrincipalName, TypedPolicy};
use std::collections::BTreeSet;

/// The principals that the statements that allow something and the grants name.
pub(super) struct Named<'a> {
    /// Whether a principal may have access that is not named.
    is_open: bool,
    /// The parts of the names of users, roles and sessions.
    parts: BTreeSet<&'a str>,
    accounts: BTreeSet<&'a Account>,
    /// Whether federated sessions may have access that the user who makes them does not have.
    tells_sessions: bool,
}

/// The condition keys by which federated sessions differ from the user who makes them.
const OF_SESSIONS: [&str; 4] =
    ["aws:principalarn", "aws:principaltype", "aws:userid", "aws:username"];

impl<'a> Named<'a> {
    pub(super) fn of(typed: &'a TypedPolicy, change: PolicyChange<'a>) -> Self {
        let mut named = Self {
            is_open: typed.unclear,
            parts: BTreeSet::new(),
            accounts: BTreeSet::new(),
            tells_sessions: false,
        };
        for statement in typed.statements.iter().filter(|one| one.effect != Effect::Deny) {
            named.is_open |= statement.unclear || statement.principals.except;
            statement.principals.names.iter().for_each(|name| named.add(name));
            let names = statement.principals.names.iter();
            let mut tests = statement.conditions.iter();
            named.tells_sessions |= tests.any(|test| OF_SESSIONS.contains(&test.key.as_str()))
                || names
                    .into_iter()
                    .any(|name| matches!(name, PrincipalName::Identity(arn) if is_federated(arn)));
        }
        for grant in change.grants {
            named.tells_sessions |= is_federated(&grant.grantee);
            let is_named = grant.grantee.contains('/') || is_service(&grant.grantee);
            named.is_open |= grant.unclear || !is_named;
            named.parts.extend(grant.grantee.split('/'));
        }
        named
    }

    fn add(&mut self, name: &'a PrincipalName) {
        match name {
            PrincipalName::Account(account) => drop(self.accounts.insert(account)),
            PrincipalName::Identity(arn) => self.parts.extend(arn.split('/')),
            PrincipalName::Service(_) => {}
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::UniqueId(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => self.is_open = true,
        }
    }

    /// Returns whether a federated session of a user may have access that the user does not have.
    pub(super) fn tells_sessions_of(&self, who: &str) -> bool {
        self.tells_sessions && who.contains(":user/")
    }

    /// Returns whether the policy and the grants certainly leave a user or role to the IAM policies of the key's own
    /// account, if they allow it anything.
    pub(super) fn leaves_to_iam(&self, who: &str, key: &KeyContext) -> bool {
        let mut fields = who.splitn(6, ':');
        let (Some("arn"), Some(partition), Some("iam"), Some(_), Some(account), Some(resource)) = (
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ) else {
            return false;
        };
        let Some((_, name)) = resource.rsplit_once('/') else {
            return false;
        };
        let is_own = partition == key.partition && Some(account) == key.account.as_deref();
        !self.is_open
            && !self.parts.contains(name)
            && (is_own || !self.accounts.iter().any(|one| one.is(partition, account)))
    }
}

fn is_federated(arn: &str) -> bool {
    arn.contains(":federated-user/")
}
