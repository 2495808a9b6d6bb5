//! What each kind of resource that is no consumer must know, and what its changes are made in.

use super::{Calls, Change, KeyRef, Retry, Violation};
use crate::id::{Name, Place};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a key when the plan is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFact {
    /// Its spec, such as `SYMMETRIC_DEFAULT`.
    pub spec: String,
    /// Its usage, such as `ENCRYPT_DECRYPT`.
    pub usage: String,
    /// Its state, such as `Enabled`; where only the configuration is known, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What is known of the keys that resources point at, when the plan is made.
pub type KeyFacts = BTreeMap<KeyRef, KeyFact>;

/// What a change is made in.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The stack: what is its own is named after it.
    pub stack: &'a Name,
    /// Where the resource is, or will be.
    pub place: &'a Place,
    /// The keys that resources point at.
    pub keys: &'a KeyFacts,
    /// AWS's identifier of the resource, where it exists.
    pub id: Option<&'a str>,
    /// The resource's name in the configuration.
    pub name: &'a str,
    /// Who makes the calls: an ARN, as STS says it.
    pub caller: Option<&'a str>,
}

/// What a kind of resource that is no consumer must know (consumers: [`super::consumer::Consumer`]).
/// Pure: no SDK, no async, no clock.
pub trait Resource {
    /// What can be declared, and the vocabulary that live objects are lifted into.
    type Spec: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS calls that change a resource of the kind (see `calls!`).
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS service, as the CLI and CloudTrail name it.
    const SERVICE: &'static str;

    /// Returns the keys that the resource points at; they become dependencies.
    fn refs(spec: &Self::Spec) -> Vec<&KeyRef>;

    /// Returns AWS's identifier, where it is known before the resource exists.
    fn natural(spec: &Self::Spec, place: &Place) -> Option<String>;

    /// Returns `declared` with every field that its author left out taken from `live`.
    fn complete(declared: &Self::Spec, live: &Self::Spec, stack: &Name) -> Self::Spec;

    /// Returns the calls that bring the change about.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn calls(
        change: Change<&Self::Spec>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Self::Call>, Vec<Violation>>;

    /// Returns how a lost answer to `call` is settled.
    fn retry(call: &Self::Call) -> Retry;
}
