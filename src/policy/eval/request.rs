//! A request as far as it is known: who asks for what, of which key, with which condition keys.

use std::collections::{BTreeMap, BTreeSet};

use super::Principal;
use crate::policy::Problem;
use crate::policy::actions::{Action, IAM_ONLY, KEY_ACTIONS, nearest};
use crate::tree::Span;

/// The key that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The partition that it is in.
    pub partition: &'a str,
    /// The account that owns it.
    pub account: &'a str,
    /// Its ARN, where it is known.
    pub arn: Option<&'a str>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// What for.
    pub action: Asked,
    /// What else is known of it.
    pub context: Context,
}

/// The action of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One that a key policy can be about.
    Key(&'static Action),
    /// One that only an IAM policy can allow, by AWS's name without `kms:`.
    Iam(&'static str),
}

impl Asked {
    /// Reads `kms:Decrypt` or `Decrypt`, in any case.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let name = match text.split_once(':') {
            Some((service, name)) if service.eq_ignore_ascii_case("kms") => name,
            Some(_) | None => text,
        };
        let asked = |known: &&str| known.eq_ignore_ascii_case(name);
        if let Some(action) = KEY_ACTIONS.iter().find(|action| asked(&action.name)) {
            return Ok(Self::Key(action));
        }
        if let Some(action) = IAM_ONLY.iter().find(|action| asked(action)) {
            return Ok(Self::Iam(action));
        }
        let known = KEY_ACTIONS.iter().map(|action| action.name).chain(IAM_ONLY);
        let help = if name.eq_ignore_ascii_case("ReEncrypt") {
            "ReEncrypt needs `kms:ReEncryptFrom` of one key and `kms:ReEncryptTo` of the other"
                .to_owned()
        } else if name.contains(['*', '?']) {
            "a request is for one action, such as `kms:Decrypt`".to_owned()
        } else if let Some(near) = nearest(name, known) {
            format!("did you mean `kms:{near}`?")
        } else {
            "name an action of KMS, such as `kms:Decrypt`".to_owned()
        };
        let message = format!("`{text}` is not an action of KMS");
        Err(Problem::new(Span::default(), message).help(help))
    }

    /// Whether a request for it can have the condition key.
    #[must_use]
    pub fn can_have(self, key: &str) -> bool {
        super::facts::can_occur(&key.to_ascii_lowercase(), self)
    }

    /// AWS's name, without `kms:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key(action) => action.name,
            Self::Iam(name) => name,
        }
    }
}

/// What is known of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The request does not have it.
    Absent,
    /// The request has it, with these values.
    Known(BTreeSet<String>),
    /// The request does not have it, or has it with these values.
    AbsentOr(BTreeSet<String>),
    /// Nothing.
    Unknown,
}

impl Fact {
    /// One value.
    pub(super) fn value(value: impl Into<String>) -> Self {
        Self::Known(BTreeSet::from([value.into()]))
    }

    /// One of the two words of a `Bool`.
    pub(super) fn bool(holds: bool) -> Self {
        Self::value(if holds { "true" } else { "false" })
    }
}

/// The condition keys of a request that are not a consequence of who asks for what. A key that is not in it is absent,
/// unless AWS puts it into every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    entries: BTreeMap<String, Given>,
}

/// A condition key as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The name in the case it was given in: the keys of an encryption context are values elsewhere.
    pub(super) name: String,
    pub(super) fact: Fact,
}

impl Context {
    /// Sets what is known of a key; its name may be in any case.
    pub fn set(&mut self, name: &str, fact: Fact) {
        let given = Given { name: name.to_owned(), fact };
        self.entries.insert(name.to_ascii_lowercase(), given);
    }

    /// Adds a value to those of a key.
    pub fn add(&mut self, name: &str, value: &str) {
        let lower = name.to_ascii_lowercase();
        if let Some(Given { fact: Fact::Known(values), .. }) = self.entries.get_mut(&lower) {
            values.insert(value.to_owned());
        } else {
            self.set(name, Fact::value(value));
        }
    }

    /// Whether something was said of a key; its name may be in any case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(&name.to_ascii_lowercase())
    }

    /// What was given of a key, by its name in lower case.
    pub(super) fn get(&self, key: &str) -> Option<&Fact> {
        self.entries.get(key).map(|given| &given.fact)
    }

    /// What was given of the keys that begin so: the rest of the name in lower case, and the key.
    pub(super) fn under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Given)> {
        let entries = self.entries.iter();
        entries.filter_map(move |(key, given)| Some((key.strip_prefix(prefix)?, given)))
    }
}
