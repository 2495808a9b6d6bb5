//! The stack's statements in the policy of a key that is not the stack's. Every other statement
//! stays what it is, character for character.

pub(crate) mod aws;

use super::call::calls;
use super::key::Shared;
use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use crate::id::Name;
use crate::policy::Document;
use serde::{Deserialize, Serialize};

/// Statements in a policy of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The key.
    pub key: KeyRef,
    /// The whole policy, as AWS has it or is to have it. Never declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Document>,
    /// The stack's own part of it.
    pub shared: Shared,
}

calls! {
    /// The calls that change such a policy.
    pub enum Call {
        PutKeyPolicy { key_id: KeyRef, policy_name: String, policy: String },
    }
}

/// The kind.
#[derive(Debug)]
pub struct KeyPolicy;

impl Resource for KeyPolicy {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        vec![&spec.key]
    }

    fn complete(declared: &Spec, live: &Spec, stack: &Name) -> Spec {
        let within = |policy| declared.shared.within(policy, stack);
        let policy = live.policy.as_ref().map(within);
        Spec { policy, ..declared.clone() }
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let put = |spec: &Spec, policy: &Document| {
            PutKeyPolicy {
                key_id: spec.key.clone(),
                policy_name: "default".to_owned(),
                policy: policy.to_json(),
            }
            .into()
        };
        let calls = match change {
            Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
                to.policy.as_ref().map(|policy| put(to, policy))
            }
            Change::Delete { from } => {
                let without = |policy| Shared::none().within(policy, setting.stack);
                from.policy.as_ref().map(|policy| put(from, &without(policy)))
            }
            Change::Forget { .. } => None,
        };
        Ok(Calls::all_at(setting.place, calls.into_iter().collect()))
    }

    fn retry(_: &Call) -> Retry {
        Retry::Repeat
    }

    fn principals(call: &Call) -> Vec<String> {
        let Call::PutKeyPolicy(call) = call;
        let read = Document::from_live(&call.policy, "aws").ok();
        read.map(|policy| policy.principals()).unwrap_or_default()
    }

    fn natural(spec: &Spec, _: &str, _: &crate::id::Place) -> Option<String> {
        Some(spec.key.to_string())
    }
}
