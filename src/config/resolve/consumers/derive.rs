//! The statements that consumers add to the policies of their keys.

use std::collections::BTreeMap;

use super::super::Context;
use crate::address::Address;
use crate::config::Diagnostic;
use crate::id::Name;
use crate::kind::key::{self, Shared};
use crate::kind::{KeyRef, Spec};
use crate::policy::derive::{self, Derived};
use crate::policy::{Document, Need};
use sha2::{Digest, Sha256};

/// What the Sids of a stack's statements in somebody else's policy begin with: Sids of key policies
/// take letters, digits and spaces (aws-semantics 4.2), names of stacks more than those.
pub(in super::super) fn prefix(stack: &Name) -> String {
    let digest = Sha256::digest(stack.as_str().as_bytes());
    let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { ' ' };
    let words: String = stack.as_str().chars().map(plain).collect();
    format!("kmsctl {words} {mark} ")
}

impl Context<'_> {
    /// Notes what a consumer needs of a key of the stack.
    pub(in super::super) fn derive_from(&mut self, address: &Address, spec: &Spec, needs: &[Need]) {
        let key = spec.common().and_then(|common| common.key.as_ref()?.key());
        let Some(key) = key.and_then(KeyRef::managed).cloned() else {
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

    /// Puts the statements into the policies.
    pub(in super::super) fn derive(&mut self) {
        for (key, needs) in std::mem::take(&mut self.needs) {
            let Some(mut declared) = self.out.resources.get(&key).cloned() else {
                continue;
            };
            let Spec::Key(spec) = &mut declared.spec else {
                continue;
            };
            let owned = spec.shared.is_none() && spec.policy.is_some();
            let prefix = if owned { String::new() } else { prefix(&self.out.stack) };
            let derived = derive::derive(&needs, &prefix);
            let merged = match &spec.policy {
                Some(policy) if owned => {
                    derive::with(policy, &derived, self.partition).map(|policy| {
                        spec.policy = Some(policy);
                    })
                }
                Some(_) | None => shared(spec, &derived, &prefix, self.partition),
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

/// Adds to the statements that are the stack's in a policy that is not.
fn shared(
    spec: &mut key::Spec,
    derived: &[Derived],
    prefix: &str,
    partition: &str,
) -> Result<(), Vec<crate::policy::Problem>> {
    let own = spec.shared.as_ref().map_or_else(Document::silent, |own| own.statements.clone());
    let statements = derive::with(&own, derived, partition)?;
    spec.shared = Some(Shared { prefix: prefix.to_owned(), statements });
    Ok(())
}

/// The needs of the keys so far, each with its source.
pub(in super::super) type Needs = BTreeMap<Address, Vec<(String, Need)>>;
