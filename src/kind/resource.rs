//! The trait of the kinds of resources that are not consumers, and the context of a change.

use super::{Calls, Change, KeyRef, Retry, Violation};
use crate::id::{Name, Place, Region};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The facts about a key that are known when the plan is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFact {
    /// The key spec, such as `SYMMETRIC_DEFAULT`.
    pub spec: String,
    /// The key usage, such as `ENCRYPT_DECRYPT`.
    pub usage: String,
    /// The key state, such as `Enabled`; `None` if only the configuration is known, and a new key is enabled
    /// at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The Region of the primary key of a live multi-Region key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_region: Option<Region>,
}

/// The facts about the keys that resources refer to.
pub type KeyFacts = BTreeMap<KeyRef, KeyFact>;

/// The context in which the calls of a change are computed.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The stack, whose name marks its resources and statements.
    pub stack: &'a Name,
    /// The account and Region of the resource.
    pub place: &'a Place,
    /// The facts about the keys that resources refer to.
    pub keys: &'a KeyFacts,
    /// AWS's identifier of the resource, if it exists.
    pub id: Option<&'a str>,
    /// The resource's name in the configuration.
    pub name: &'a str,
    /// The ARN of the caller, as STS returns it.
    pub caller: Option<&'a str>,
}

/// A kind of resource that is not a consumer (consumers: [`super::consumer::Consumer`]).
/// Implementations are pure: they use no SDK, no async code and no clock.
pub trait Resource {
    /// The form of a declaration, to which live objects are converted.
    type Spec: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS calls that change a resource of the kind (see `calls!`).
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS service, as the CLI and CloudTrail name it.
    const SERVICE: &'static str;

    /// Returns the keys that the resource refers to. They become dependencies.
    fn refs(spec: &Self::Spec) -> Vec<&KeyRef>;

    /// Returns AWS's identifier, if it is known before the resource exists.
    fn natural(spec: &Self::Spec, place: &Place) -> Option<String>;

    /// Returns `declared`, with every field that is not declared taken from `live`.
    fn complete(declared: &Self::Spec, live: &Self::Spec, stack: &Name) -> Self::Spec;

    /// Returns the calls that execute the change.
    ///
    /// # Errors
    /// Returns the violations if the change is not possible.
    fn calls(
        change: Change<&Self::Spec>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Self::Call>, Vec<Violation>>;

    /// Returns how a lost answer to `call` is settled.
    fn retry(call: &Self::Call) -> Retry;

    /// Returns whether the call changes a key, its policy, tags, rotation, grants or aliases. For a while after it,
    /// KMS may answer other calls about the key as if the change had not been made (KMS Developer Guide, "AWS
    /// KMS eventual consistency").
    fn changes_key(call: &Self::Call) -> bool;
}
