//! The principals that a policy and its grants name. Most principals of a gate occur in none of the many policies of a
//! stack, so that their requests need not be decided one by one.

use super::breach::{PolicyChange, matching, through};
use crate::policy::KeyContext;
use crate::policy::actions::ActionSet;
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
    /// The accounts of federated sessions, the actions that they are allowed, and the statement or the grant.
    federated: Vec<(&'a str, ActionSet, String)>,
}

impl<'a> Named<'a> {
    pub(super) fn of(typed: &'a TypedPolicy, change: PolicyChange<'a>) -> Self {
        let mut named = Self {
            is_open: typed.unclear,
            parts: BTreeSet::new(),
            accounts: BTreeSet::new(),
            federated: Vec::new(),
        };
        for statement in typed.statements.iter().filter(|one| one.effect != Effect::Deny) {
            named.is_open |= statement.unclear || statement.principals.except;
            statement.principals.names.iter().for_each(|name| named.add(name));
            let sessions = statement.principals.names.iter().filter_map(|name| {
                let PrincipalName::Identity(arn) = name else {
                    return None;
                };
                federated_in(arn)
            });
            named.federated.extend(sessions.map(|account| {
                let source = through(None, &[change.after.label(statement)]);
                (account, statement.actions.known(), source)
            }));
        }
        for grant in change.grants {
            if let Some(account) = federated_in(&grant.grantee) {
                let actions = matching(grant.operations.iter().map(|one| format!("kms:{one}")));
                named.federated.push((account, actions, through(Some(grant.label()), &[])));
            }
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

    /// Returns the statements and grants that allow a federated session some of the actions, if any user of its account can
    /// make such a session, and the principal is one (IAM User Guide, `GetFederationToken`).
    pub(super) fn by_federation(
        &self,
        who: &str,
        actions: ActionSet,
    ) -> impl Iterator<Item = &String> {
        let account = who.contains(":user/").then(|| who.split(':').nth(4)).flatten();
        let found = self.federated.iter().filter(move |(of, allowed, _)| {
            Some(*of) == account && !allowed.and(actions).is_empty()
        });
        found.map(|(_, _, source)| source)
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

/// Returns the account of a federated session.
fn federated_in(arn: &str) -> Option<&str> {
    let mut fields = arn.splitn(6, ':').skip(4);
    let (account, resource) = (fields.next()?, fields.next()?);
    resource.starts_with("federated-user/").then_some(account)
}
