//! The stack's statements in the policy of a key that the stack does not manage. Every other
//! statement stays unchanged, character for character.

pub(crate) mod aws;

use super::call::calls;
use super::key::Shared;
use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use crate::id::{Name, Place};
use crate::policy::Document;
use serde::{Deserialize, Serialize};

/// The stack's statements in the policy of a key that the stack does not manage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The key.
    pub key: KeyRef,
    /// The complete policy, current or planned. Never declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Document>,
    /// The stack's statements.
    pub shared: Shared,
}

calls! {
    /// The calls that change the policy.
    pub enum Call {
        PutKeyPolicy { key_id: KeyRef, policy_name: String, policy: Document },
    }
}

impl Call {
    /// Returns the key policy that the call contains.
    #[must_use]
    pub fn policy(&self) -> &Document {
        let Self::PutKeyPolicy(call) = self;
        &call.policy
    }
}

/// The kind of these statements.
#[derive(Debug)]
pub struct KeyPolicy;

impl Resource for KeyPolicy {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        vec![&spec.key]
    }

    fn natural(spec: &Spec, _: &Place) -> Option<String> {
        Some(spec.key.to_string())
    }

    fn complete(declared: &Spec, live: &Spec, stack: &Name) -> Spec {
        let policy = live.policy.as_ref().map(|policy| declared.shared.within(policy, stack));
        Spec { policy, ..declared.clone() }
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let calls = match change {
            Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
                to.policy.clone().map(|policy| put_policy(to, policy))
            }
            Change::Delete { from } => from
                .policy
                .as_ref()
                .map(|policy| put_policy(from, Shared::none().within(policy, setting.stack))),
            Change::Forget { .. } => None,
        };
        Ok(Calls::all_at(setting.place, calls.into_iter().collect()))
    }

    fn retry(_: &Call) -> Retry {
        Retry::Repeat
    }

    fn changes_key(_: &Call) -> bool {
        true
    }
}

fn put_policy(spec: &Spec, policy: Document) -> Call {
    let (key_id, policy_name) = (spec.key.clone(), "default".to_owned());
    PutKeyPolicy { key_id, policy_name, policy }.into()
}
