//! The data types, besides specs and calls, that the kinds exchange with the code that calls AWS.

use super::{ConsumerKind, ConsumerSpec, Ids, KeyRef, key};
use crate::answer::{CloudError, Fault};
use crate::id::KeyArn;
use std::collections::{BTreeMap, BTreeSet};

/// The values of a call that are known only when it is sent.
#[derive(Clone, Debug, Default)]
pub struct CallBindings<'a> {
    /// The key that the call changes, if it changes one.
    pub key: Option<&'a KeyArn>,
    /// The ARNs of the stack's keys.
    pub ids: Option<&'a Ids>,
    /// The nonce, if the call creates a resource.
    pub nonce: Option<&'a str>,
    /// AWS's identifier of the consumer that the call changes.
    pub id: Option<&'a str>,
}

/// Returns the ARN of a key that a call refers to.
pub(crate) fn resolve(
    operation: &'static str,
    key: &KeyRef,
    late: &CallBindings<'_>,
) -> Result<String, CloudError> {
    let known = late.ids.and_then(|ids| key.resolve(ids)).or(match key {
        KeyRef::Arn(arn) => Some(arn.clone()),
        KeyRef::Managed(_) | KeyRef::Alias(_) => None,
    });
    known.map(|arn| arn.to_string()).ok_or_else(|| CloudError {
        operation,
        fault: Fault::Other,
        code: None,
        message: format!("the key `{key}` does not exist yet"),
        request_id: None,
    })
}

/// The phase of a resource in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The resource can be used.
    Ready,
    /// AWS is changing the resource. The text is AWS's name of the operation.
    Busy(String),
    /// The resource cannot be used, and waiting does not help. The text is AWS's name of the state.
    Broken(String),
    /// The resource does not exist.
    Gone,
}

/// A consumer as one look at it shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The phase.
    pub phase: Phase,
    /// The key and the settings, as far as the look shows them; `None` if it shows none.
    pub spec: Option<ConsumerSpec>,
    /// Whether AWS has accepted changes that it has not begun to make.
    pub pending: bool,
}

impl Sight {
    /// Creates the sight of a consumer that does not exist.
    #[must_use]
    pub fn gone() -> Self {
        Self { phase: Phase::Gone, spec: None, pending: false }
    }

    /// Creates the sight of a consumer without pending changes.
    #[must_use]
    pub fn new(phase: Phase, spec: impl Into<ConsumerSpec>) -> Self {
        Self { phase, spec: Some(spec.into()), pending: false }
    }
}

/// A consumer of keys, as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// AWS's identifier, as the calls require it.
    pub id: String,
    /// The live form with all tags and every requested setting. It refers to the key by ARN.
    pub spec: ConsumerSpec,
    /// The phase.
    pub phase: Phase,
}

/// A query for consumers in one account and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerQuery {
    /// The kind of the consumers.
    pub kind: ConsumerKind,
    /// Selects the consumers with the tag of this stack. An empty name selects all consumers.
    pub stack: String,
    /// Selects the consumers with these ids or names too.
    pub ids: BTreeSet<String>,
    /// The settings to read, for services that need a request for each.
    pub fields: BTreeSet<String>,
}

impl ConsumerQuery {
    /// Creates the query for all consumers of a kind.
    #[must_use]
    pub fn all(kind: ConsumerKind) -> Self {
        Self { kind, stack: String::new(), ids: BTreeSet::new(), fields: BTreeSet::new() }
    }

    /// Returns whether the query selects all consumers of the kind.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.stack.is_empty()
    }

    /// Returns whether the query selects the consumer with this id and these tags.
    #[must_use]
    pub fn wants(&self, id: &str, tags: &BTreeMap<String, String>) -> bool {
        let tag = tags.get(key::STACK_TAG);
        self.is_all() || self.ids.contains(id) || tag.is_some_and(|tag| *tag == self.stack)
    }

    /// Returns whether one of these settings must be read.
    #[must_use]
    pub fn asks(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains(*field))
    }
}
