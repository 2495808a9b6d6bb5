//! Adds the statements that consumers need to the policies of their keys.

use std::collections::BTreeMap;

use super::Resources;
use super::accounts::Accounts;
use super::consumers::Needs;
use super::scope::Scope;
use crate::decode::{Diagnostic, Diagnostics, Text};
use crate::desired::Declared;
use crate::kind::key::Shared;
use crate::kind::{Address, KeyRef, Kind, Spec, key_policy};
use crate::policy::derive::{self, Derived};
use crate::policy::{Document, Need, Problem};

/// The context that decides which policies the stack can change.
pub(super) struct Own<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) accounts: &'a Accounts,
    /// The names of the keys that are not the stack's.
    pub(super) foreign: &'a BTreeMap<KeyRef, Text>,
}

/// Adds the statements. Needs of keys whose policies the stack cannot change are left out.
pub(super) fn resolve(
    needs: Vec<Needs>,
    own: &Own<'_>,
    resources: &mut Resources,
    d: &mut Diagnostics,
) {
    let mut by_policy: BTreeMap<Address, Vec<(String, Need)>> = BTreeMap::new();
    for Needs { source, key, needs } in needs {
        if !needs.is_empty()
            && let Some(address) = own.policy_of(&key, resources)
        {
            let all = by_policy.entry(address).or_default();
            all.extend(needs.into_iter().map(|need| (source.clone(), need)));
        }
    }
    for (address, needs) in by_policy {
        if let Some(declared) = resources.get_mut(&address) {
            own.add(declared, &needs, d);
        }
    }
}

/// The derived statements, and the problems of the policy that contains them.
type Added = (Vec<Derived>, Result<(), Vec<Problem>>);

impl Own<'_> {
    /// Returns the address of the policy of a key: that of the key, or of the stack's statements in the
    /// policy of a key of others. AWS accepts no policy from another account (KMS API Reference,
    /// PutKeyPolicy: "Cross-account use: No").
    fn policy_of(&self, key: &KeyRef, resources: &mut Resources) -> Option<Address> {
        if let Some(address) = key.managed() {
            return Some(address.clone());
        }
        let KeyRef::Arn(arn) = key else {
            return None;
        };
        let name = self.foreign.get(key)?;
        let is_reachable = arn.account == self.scope.home.account
            || self.accounts.roles.contains_key(&arn.account);
        if !is_reachable {
            return None;
        }
        let address = Address::new(Kind::KeyPolicy, name.value.clone());
        resources.entry(address.clone()).or_insert_with(|| {
            let spec = key_policy::Spec { key: key.clone(), policy: None, shared: Shared::none() };
            let declared = Declared::new(Spec::KeyPolicy(spec), arn.place());
            Declared { span: name.span, ..declared }
        });
        Some(address)
    }

    /// Adds statements to a declared policy, and reports the problems of the result.
    fn add(&self, declared: &mut Declared, needs: &[(String, Need)], d: &mut Diagnostics) {
        let (derived, result) = match &mut declared.spec {
            Spec::KeyPolicy(policy) => {
                let mut shared = Some(policy.shared.clone());
                let added = self.add_shared(&mut shared, needs);
                if let Some(shared) = shared {
                    policy.shared = shared;
                }
                added
            }
            Spec::Key(key) => match (&key.policy, &key.shared) {
                (Some(policy), None) => {
                    let derived = derive::derive(needs, "", policy);
                    let merged = derive::with(policy, &derived, self.scope.partition);
                    (derived, merged.map(|merged| key.policy = Some(merged)))
                }
                (_, _) => self.add_shared(&mut key.shared, needs),
            },
            Spec::ServiceLinkedRole(_) | Spec::Alias(_) | Spec::Grant(_) | Spec::Consumer(_) => {
                return;
            }
        };
        for problem in result.err().into_iter().flatten() {
            let message = format!("with the statements of its consumers, {}", problem.message);
            let error = Diagnostic::error(declared.span, message);
            d.push(Diagnostic { help: problem.help, ..error });
        }
        declared.derived = derived.into_iter().map(|d| (d.sid, d.sources)).collect();
    }

    /// Adds statements to those of the stack in a policy that is not the stack's.
    fn add_shared(&self, shared: &mut Option<Shared>, needs: &[(String, Need)]) -> Added {
        let prefix = Shared::prefix(self.scope.stack);
        let own = shared.as_ref().map_or_else(Document::empty, |own| own.statements.clone());
        let derived = derive::derive(needs, &prefix, &own);
        let merged = derive::with(&own, &derived, self.scope.partition);
        (derived, merged.map(|statements| *shared = Some(Shared { statements })))
    }
}
