//! The statements that consumers add to the policies of their keys.

use std::collections::BTreeMap;

use super::super::Context;
use crate::config::Diagnostic;
use crate::kind::address::Address;
use crate::kind::key::Shared;
use crate::kind::{KeyRef, Kind, Spec, key_policy};
use crate::policy::derive::{self, Derived};
use crate::policy::{Document, Need, Problem};

impl Context<'_> {
    /// Puts the statements into the policy of a key.
    fn put(&self, spec: &mut Spec, needs: &[(String, Need)]) -> Option<Put> {
        if let Spec::KeyPolicy(policy) = spec {
            let mut shared = Some(policy.shared.clone());
            let put = self.put_shared(&mut shared, needs);
            policy.shared = shared?;
            return Some(put);
        }
        let Spec::Key(key) = spec else {
            return None;
        };
        let (Some(policy), None) = (&key.policy, &key.shared) else {
            return Some(self.put_shared(&mut key.shared, needs));
        };
        let derived = derive::derive(needs, "", policy);
        let merged = derive::with(policy, &derived, self.partition);
        Some((derived, merged.map(|merged| key.policy = Some(merged))))
    }

    /// Adds to the statements that are the stack's in a policy that is not.
    fn put_shared(&self, shared: &mut Option<Shared>, needs: &[(String, Need)]) -> Put {
        let prefix = Shared::prefix(&self.out.stack);
        let own = shared.as_ref().map_or_else(Document::empty, |own| own.statements.clone());
        let derived = derive::derive(needs, &prefix, &own);
        let merged = derive::with(&own, &derived, self.partition);
        let merged = merged.map(|statements| *shared = Some(Shared { statements }));
        (derived, merged)
    }

    /// Notes what a consumer needs of a key of the stack.
    pub(in super::super) fn derive_from(&mut self, address: &Address, spec: &Spec, needs: &[Need]) {
        let key = spec.common().and_then(|common| common.key.as_ref()?.key());
        let key = key.filter(|_| !needs.is_empty());
        let Some(key) = key.and_then(|key| self.policy_address(key)) else {
            return;
        };
        self.derive_for(&address.to_string(), key, needs);
    }

    /// Notes what is needed of a key of the stack; `source` is told beside the statements.
    pub(in super::super) fn derive_for(&mut self, source: &str, key: Address, needs: &[Need]) {
        if needs.is_empty() {
            return;
        }
        let each = needs.iter().map(|need| (source.to_owned(), need.clone()));
        self.needs.entry(key).or_default().extend(each);
    }

    /// Where statements about a key are declared: at the key, or at the stack's part of the policy of
    /// somebody else's key, as far as AWS takes one from here (KMS API Reference, `PutKeyPolicy`:
    /// "Cross-account use: No").
    fn policy_address(&mut self, key: &KeyRef) -> Option<Address> {
        if let Some(address) = key.managed() {
            return Some(address.clone());
        }
        let KeyRef::Arn(arn) = key else {
            return None;
        };
        let name = self.foreign.get(key)?.clone();
        let ours =
            arn.account == self.out.home.account || self.out.accounts.contains_key(&arn.account);
        let address = Address::new(Kind::KeyPolicy, name.value.clone());
        if ours && !self.out.resources.contains_key(&address) {
            let shared = Shared::none();
            let spec = key_policy::Spec { key: key.clone(), policy: None, shared };
            self.declare(address.clone(), name.span, arn.place(), false, Spec::KeyPolicy(spec));
        }
        ours.then_some(address)
    }

    /// Puts the statements into the policies.
    pub(in super::super) fn derive(&mut self) {
        for (key, needs) in std::mem::take(&mut self.needs) {
            let Some(mut declared) = self.out.resources.get(&key).cloned() else {
                continue;
            };
            let Some((derived, merged)) = self.put(&mut declared.spec, &needs) else {
                continue;
            };
            if let Err(problems) = merged {
                for problem in problems {
                    let message = format!("with what its consumers need, {}", problem.message);
                    let error = Diagnostic::error(declared.span, message);
                    self.d.push(Diagnostic { help: problem.help, ..error });
                }
            }
            declared.derived = derived.into_iter().map(|d| (d.sid, d.sources)).collect();
            self.out.resources.insert(key, declared);
        }
    }
}

/// The statements, and what is wrong with the policy that has them.
type Put = (Vec<Derived>, Result<(), Vec<Problem>>);

/// The needs of the keys so far, each with its source.
pub(in super::super) type Needs = BTreeMap<Address, Vec<(String, Need)>>;
