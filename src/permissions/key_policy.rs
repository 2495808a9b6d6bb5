//! The statements that the policies of keys need, because they do not leave the decision to IAM policies.

use super::Ask;
use super::statements::{Permit, Statement, statements};
use super::subject::{KeyTarget, subjects};
use crate::kind::{Kind, Spec};
use crate::policy::Document;
use crate::policy::eval::{
    Context, Decision, Denial, Principal, Request, RequestedAction, TargetKey, decide,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The statements that the policies of some keys need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyStatements {
    /// The addresses of the keys.
    pub keys: BTreeSet<String>,
    /// The ARN of the identity.
    pub principal: String,
    /// The statements, with the bounds of the IAM policies.
    pub statements: Vec<Statement>,
}

impl KeyStatements {
    /// Returns the statements in the form of a key policy.
    #[must_use]
    pub fn json(&self) -> Value {
        let statements = self.statements.iter().map(|statement| {
            let mut json = statement.json();
            if let Value::Object(fields) = &mut json {
                fields.insert("Sid".to_owned(), format!("kmsctl {}", statement.sid).into());
                fields.insert("Principal".to_owned(), json!({ "AWS": self.principal }));
            }
            json
        });
        Value::Array(statements.collect())
    }
}

/// Returns the statements that the declared policies lack. A key policy that allows an action only under conditions is
/// left to its author.
pub(super) fn key_statements(ask: &Ask<'_>, permits: &[Permit]) -> Vec<KeyStatements> {
    let mut lacking: BTreeMap<(String, Vec<Statement>), BTreeSet<String>> = BTreeMap::new();
    for (address, subject) in subjects(ask.desired, ask.state) {
        let policy = subject.spec.as_ref().and_then(Spec::policy);
        let (Kind::Key, Some(policy)) = (address.kind, policy) else { continue };
        let credentials = ask.credentials(&subject.place.account);
        let identity = ask.identity(credentials);
        let place = &subject.place;
        let arn = subject.keys.iter().find_map(KeyTarget::arn).map(ToString::to_string);
        let key = TargetKey {
            partition: place.region.partition(),
            account: place.account.as_str(),
            arn: arn.as_deref(),
        };
        let wanted = permits.iter().filter(|permit| {
            // In the policy of a saved plan, an own key is named by its ARN.
            let is_own = |key: &KeyTarget| {
                let is_named =
                    |own: &KeyTarget| matches!(key, KeyTarget::Arn(_)) && own.arn() == key.arn();
                subject.keys.iter().any(|own| own == key || is_named(own))
            };
            let is_about = permit.keys.iter().any(is_own);
            permit.account == *credentials && is_about && permit.call.1 != "every key"
        });
        // Many keys have the same permits.
        let actions: BTreeSet<&str> = wanted.clone().map(|permit| permit.action).collect();
        let denied: BTreeSet<&str> =
            actions.into_iter().filter(|action| lacks(policy, &key, identity, action)).collect();
        let wanted = wanted.filter(|permit| denied.contains(permit.action));
        let bounds: Vec<Permit> = wanted.map(Permit::of_key_policy).collect();
        if !bounds.is_empty() {
            let place = (identity.to_owned(), statements(&bounds));
            lacking.entry(place).or_default().insert(address.to_string());
        }
    }
    let all = lacking.into_iter();
    all.map(|((principal, statements), keys)| KeyStatements { keys, principal, statements })
        .collect()
}

/// Returns whether no statement of the policy lets the identity, or the IAM policies of its account, do something.
fn lacks(policy: &Document, key: &TargetKey<'_>, identity: &str, action: &str) -> bool {
    let principal = Principal::parse(identity, key.partition);
    let (Ok(principal), Ok(action)) = (principal, RequestedAction::parse(action)) else {
        return false;
    };
    let request = Request { principal, action, context: Context::open() };
    let decision = decide(&policy.typed(), key, &[], &request);
    decision == Decision::Denied(Denial::Implicit)
}
