//! The values of condition keys that are given with a request.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::principal_facts::Fact;
use crate::policy::value_pattern::Pattern;

/// The knowledge about the value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// The request does not have the key.
    Absent,
    /// The request has the key with these values.
    Known(BTreeSet<String>),
    /// The request does not have the key, or has it with these values.
    AbsentOr(BTreeSet<String>),
    /// The request has the key with one of these values.
    OneOf(Language),
    /// It is unknown whether the request has the key, and with which values.
    Unknown,
}

/// A set of texts: those that match one of some patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(Vec<Pattern>);

impl Language {
    /// Creates the set of the texts that match one of the patterns.
    pub(super) fn of(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Returns the patterns.
    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.0
    }
}

impl From<Fact> for ContextValue {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Absent => Self::Absent,
            Fact::Is(value) => Self::value(value),
            Fact::AbsentOr(value) => Self::AbsentOr(BTreeSet::from([value])),
            // Any text that is no ARN stands for the value.
            Fact::AbsentOrNoIdentity => Self::AbsentOr(BTreeSet::from(["no identity".to_owned()])),
            Fact::Undocumented => Self::Unknown,
        }
    }
}

impl ContextValue {
    /// Creates a single known value.
    pub(super) fn value(value: impl Into<String>) -> Self {
        Self::Known(BTreeSet::from([value.into()]))
    }

    /// Creates a known value `true` or `false`.
    pub(super) fn bool(value: bool) -> Self {
        Self::value(if value { "true" } else { "false" })
    }
}

/// The condition keys that are given with a request, in addition to those that follow from its principal and action.
///
/// A key that is not given is absent, unless AWS puts it into every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    entries: BTreeMap<String, GivenKey>,
    /// Whether a key that is not given is unknown instead of absent.
    open: bool,
}

/// A condition key as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GivenKey {
    /// The name in the case it was given in. The case matters for encryption contexts: their keys are values of
    /// `kms:EncryptionContextKeys`.
    pub(super) name: String,
    pub(super) value: ContextValue,
}

impl Context {
    /// Creates a context in which every key that is not given is unknown.
    #[must_use]
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Returns the value of a key that is not given.
    pub(super) fn rest(&self) -> ContextValue {
        if self.open { ContextValue::Unknown } else { ContextValue::Absent }
    }

    /// Sets the value of a key. Its name can be in any case.
    pub fn set(&mut self, name: &str, value: ContextValue) {
        let given = GivenKey { name: name.to_owned(), value };
        self.entries.insert(name.to_ascii_lowercase(), given);
    }

    /// Adds a value to the values of a key.
    pub fn add(&mut self, name: &str, value: &str) {
        let lower = name.to_ascii_lowercase();
        if let Some(GivenKey { value: ContextValue::Known(values), .. }) =
            self.entries.get_mut(&lower)
        {
            values.insert(value.to_owned());
        } else {
            self.set(name, ContextValue::value(value));
        }
    }

    /// Returns whether a key is given. Its name can be in any case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(&name.to_ascii_lowercase())
    }

    /// Returns the value of a given key, by its name in lower case.
    pub(super) fn get(&self, key: &str) -> Option<&ContextValue> {
        self.entries.get(key).map(|given| &given.value)
    }

    /// Returns the given keys that begin with a prefix, each with the rest of its name in lower case.
    pub(super) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a GivenKey)> {
        self.entries.iter().filter_map(move |(key, given)| Some((key.strip_prefix(prefix)?, given)))
    }
}
