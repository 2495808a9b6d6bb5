//! What passes between a kind and AWS beside the declared form and the calls. Pure data.

use super::{Ids, KeyRef, Kind, Spec, key};
use crate::answer::{CloudError, Fault};
use crate::id::KeyArn;
use std::collections::{BTreeMap, BTreeSet};

/// What a call needs that no plan can hold.
#[derive(Clone, Debug, Default)]
pub struct CallBindings<'a> {
    /// The key that the call is about, for the calls that change a key.
    pub key: Option<&'a KeyArn>,
    /// The ARNs of the stack's keys.
    pub ids: Option<&'a Ids>,
    /// The nonce of a call that makes something.
    pub nonce: Option<&'a str>,
    /// AWS's identifier of the consumer that the call is about.
    pub id: Option<&'a str>,
}

/// The ARN of the key that a call points at.
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

/// How far AWS is with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is usable.
    Ready,
    /// AWS is at work on it; AWS's word for it.
    Busy(String),
    /// It will not become usable by itself; AWS's words for it.
    Broken(String),
    /// There is none.
    Gone,
}

/// A consumer of keys, as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// AWS's identifier, as its calls take it.
    pub id: String,
    /// Its form, with all its tags and every setting that was asked for; the key by its ARN.
    pub spec: Spec,
    /// How far AWS is with it.
    pub phase: Phase,
}

/// Which consumers are looked for, in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerQuery {
    /// Of what kind.
    pub kind: Kind,
    /// Those that carry the tag of this stack; with no name, all.
    pub stack: String,
    /// And those of these ids or names.
    pub ids: BTreeSet<String>,
    /// The settings that are to be read, where each takes a request of its own.
    pub fields: BTreeSet<String>,
}

impl ConsumerQuery {
    /// Every one of a kind, whosever it is.
    #[must_use]
    pub fn all(kind: Kind) -> Self {
        Self { kind, stack: String::new(), ids: BTreeSet::new(), fields: BTreeSet::new() }
    }

    /// Whether all of the kind are sought.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.stack.is_empty()
    }

    /// Whether an object with this id and these tags is one of them.
    #[must_use]
    pub fn wants(&self, id: &str, tags: &BTreeMap<String, String>) -> bool {
        let tag = tags.get(key::STACK_TAG);
        self.is_all() || self.ids.contains(id) || tag.is_some_and(|tag| *tag == self.stack)
    }

    /// Whether one of these settings is to be read.
    #[must_use]
    pub fn asks(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains(*field))
    }
}
