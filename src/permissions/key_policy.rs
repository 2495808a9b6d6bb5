//! The statements that the policies of keys need, because they do not leave the decision to IAM policies.

use super::Ask;
use super::statements::Permit;
use super::subject::{KeyTarget, subjects};
use crate::kind::{Kind, Spec};
use crate::policy::Document;
use crate::policy::eval::{
    Context, Decision, Denial, Principal, Request, RequestedAction, TargetKey, decide,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A statement that the policy of a key needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyStatement {
    /// The addresses of the keys.
    pub keys: BTreeSet<String>,
    /// The ARN of the identity.
    pub principal: String,
    /// The actions.
    pub actions: BTreeSet<&'static str>,
}

impl KeyStatement {
    /// Returns the statement in the form of a key policy.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "Sid": "kmsctl manages the key",
            "Effect": "Allow",
            "Principal": { "AWS": self.principal },
            "Action": self.actions,
            "Resource": "*",
        })
    }
}

/// Returns the statements that the declared policies lack. A key policy that allows an action only under conditions is
/// left to its author.
pub(super) fn key_statements(ask: &Ask<'_>, permits: &[Permit]) -> Vec<KeyStatement> {
    let mut lacking: BTreeMap<(String, BTreeSet<&'static str>), BTreeSet<String>> = BTreeMap::new();
    for (address, subject) in subjects(ask.desired, ask.state) {
        let policy = subject.spec.as_ref().and_then(Spec::policy);
        let (Kind::Key, Some(policy)) = (address.kind, policy) else { continue };
        let credentials = ask.credentials(&subject.place.account);
        let identity = ask.identity(credentials);
        let wanted = permits.iter().filter(|permit| {
            let is_about = permit.keys.iter().any(|key| subject.keys.contains(key));
            permit.account == *credentials && is_about && permit.call.1 != "every key"
        });
        let actions: BTreeSet<&'static str> = wanted.map(|permit| permit.action).collect();
        let place = &subject.place;
        let arn = subject.keys.iter().find_map(|key| match key {
            KeyTarget::Arn(arn) => Some(arn.to_string()),
            KeyTarget::Tagged(_) | KeyTarget::Alias(..) | KeyTarget::All(_) => None,
        });
        let key = TargetKey {
            partition: place.region.partition(),
            account: place.account.as_str(),
            arn: arn.as_deref(),
        };
        let denied: BTreeSet<&'static str> =
            actions.into_iter().filter(|action| lacks(policy, &key, identity, action)).collect();
        if !denied.is_empty() {
            let place = (identity.to_owned(), denied);
            lacking.entry(place).or_default().insert(address.to_string());
        }
    }
    let all = lacking.into_iter();
    all.map(|((principal, actions), keys)| KeyStatement { keys, principal, actions }).collect()
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
