//! What all resources that a key encrypts have in common: whose they are, which key, which tags, how
//! a lost call is settled, and what must be waited for.
//!
//! A kind of consumer says only what is its own: its settings, its calls, and what its service
//! needs of the key. Everything in this folder but the `aws.rs` halves is pure.

use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use crate::id::{Name, Place};
use crate::policy::{Need, Who};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags, as the configuration writes them.
pub type Tags = BTreeMap<String, String>;

/// What encrypts a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Encryption {
    /// A key of a customer.
    Key(KeyRef),
    /// A key of AWS's, or nothing: no key of a customer.
    Aws,
}

impl Encryption {
    /// The key, where it is one of a customer.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        match self {
            Self::Key(key) => Some(key),
            Self::Aws => None,
        }
    }

    /// The key, where it is one of a customer.
    pub fn key_mut(&mut self) -> Option<&mut KeyRef> {
        match self {
            Self::Key(key) => Some(key),
            Self::Aws => None,
        }
    }
}

impl TryFrom<String> for Encryption {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == "none" { Ok(Self::Aws) } else { text.try_into().map(Self::Key) }
    }
}

impl From<Encryption> for String {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Key(key) => key.into(),
            Encryption::Aws => "none".to_owned(),
        }
    }
}

/// What every consumer has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Common {
    /// What encrypts it; `None` is left alone.
    pub key: Option<Encryption>,
    /// AWS's name or id of a resource that kmsctl did not make: it is neither created nor deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// The declared tags and kmsctl's own; nobody else's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
}

/// A consumer: what all of them have, and its own settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec<S> {
    /// What all of them have.
    #[serde(flatten)]
    pub common: Common,
    /// What is the kind's own.
    #[serde(flatten)]
    pub settings: S,
}

impl<S> Spec<S> {
    /// The customer's key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        self.common.key.as_ref().and_then(Encryption::key)
    }
}

/// The settings of a kind: every field may be left out.
pub trait Settings: Clone + Eq + Default + Serialize + DeserializeOwned {
    /// `self`, with every field that its author left out taken from `live`.
    #[must_use]
    fn or(&self, live: &Self) -> Self;
}

/// Declares the settings of a kind: each field is an `Option`, `None` is left alone.
macro_rules! settings {
    ($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$ty>,)*
        }

        impl $crate::kind::consumer::Settings for $name {
            fn or(&self, live: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| live.$field.clone()),)* }
            }
        }
    };
}
pub(crate) use settings;

/// What a call does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Makes it. A lost call is settled by looking for it; then it must become ready.
    Creates,
    /// Changes it; then it must become ready again. Sending it twice changes nothing.
    Changes,
    /// Changes it at once. Sending it twice changes nothing.
    Marks,
    /// Deletes it; then it must go.
    Deletes,
}

/// What AWS must be done with before the next call of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It is usable.
    Ready,
    /// It is gone.
    Gone,
}

/// How often AWS is asked whether it is done, and for how long. In seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Before the first look.
    pub first: u64,
    /// Between two looks, at most: each pause is half as long again as the one before.
    pub most: u64,
    /// From when on it is not waited for any longer.
    pub limit: u64,
}

/// Where a consumer is, and for whom its key must work.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Where it is, or will be.
    pub place: &'a Place,
    /// AWS's name of it, where the configuration gives it.
    pub name: &'a str,
    /// The ARNs of the identities that create or use it.
    pub used_by: &'a [String],
}

impl Scene<'_> {
    /// The identities that create or use it, if any are named.
    #[must_use]
    pub fn users(&self) -> Option<Who> {
        let named = !self.used_by.is_empty();
        named.then(|| Who::Identities(self.used_by.iter().cloned().collect()))
    }

    /// The condition under which a call reaches KMS through a service of the place.
    #[must_use]
    pub fn via(&self, service: &str) -> String {
        let suffix = if self.place.region.partition() == "aws-cn" { ".cn" } else { "" };
        format!("{service}.{}.amazonaws.com{suffix}", self.place.region)
    }
}

/// What a kind of consumer must know. Pure: no SDK, no async, no clock.
pub trait Consumer {
    /// What can be declared beside the key and the tags.
    type Settings: Settings;
    /// The AWS calls of the kind, one variant a call, its fields AWS's parameters.
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS service, as the CLI and CloudTrail name it.
    const SERVICE: &'static str;
    /// Whether AWS knows it by the name in the configuration; else by an id of AWS's.
    const NAMED: bool;
    /// The IAM actions that a refresh needs.
    const READS: &'static str;
    /// How long AWS takes.
    const PACE: Pace;

    /// The calls that bring the change about, or everything that forbids it.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn calls(
        change: Change<&Spec<Self::Settings>>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Self::Call>, Vec<Violation>>;

    /// What the call does.
    fn effect(call: &Self::Call) -> Effect;

    /// What must be allowed on the key for the resource to work (aws-semantics 5).
    fn needs(spec: &Spec<Self::Settings>, scene: &Scene<'_>) -> Vec<Need>;

    /// The completed declaration, in AWS's words where it is met by other words than its own.
    #[must_use]
    fn met(declared: Self::Settings, live: &Self::Settings) -> Self::Settings {
        let _ = live;
        declared
    }

    /// Fills in what AWS does not show from what was last applied.
    fn unseen(live: &mut Self::Settings, known: &Self::Settings) {
        let _ = (live, known);
    }
}

impl<T: Consumer> Resource for T {
    type Spec = Spec<T::Settings>;
    type Call = T::Call;
    const SERVICE: &'static str = T::SERVICE;

    fn refs(spec: &Self::Spec) -> Vec<&KeyRef> {
        spec.key().into_iter().collect()
    }

    fn complete(declared: &Self::Spec, live: &Self::Spec, _: &Name) -> Self::Spec {
        let key = declared.common.key.clone().or_else(|| live.common.key.clone());
        Spec {
            common: Common { key, ..declared.common.clone() },
            settings: T::met(declared.settings.or(&live.settings), &live.settings),
        }
    }

    fn calls(
        change: Change<&Self::Spec>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Self::Call>, Vec<Violation>> {
        match &change {
            Change::Forget { .. } => Ok(Calls::all_at(setting.place, Vec::new())),
            Change::Create { .. }
            | Change::Update { .. }
            | Change::Import { .. }
            | Change::Delete { .. } => <T as Consumer>::calls(change, setting),
        }
    }

    fn retry(call: &Self::Call) -> Retry {
        match T::effect(call) {
            Effect::Creates => Retry::ProbeByName,
            Effect::Changes | Effect::Marks | Effect::Deletes => Retry::Repeat,
        }
    }

    fn principals(_: &Self::Call) -> Vec<String> {
        Vec::new()
    }

    fn common(spec: &Self::Spec) -> Option<&Common> {
        Some(&spec.common)
    }

    fn common_mut(spec: &mut Self::Spec) -> Option<&mut Common> {
        Some(&mut spec.common)
    }

    fn natural(spec: &Self::Spec, name: &str, _: &Place) -> Option<String> {
        let given = spec.common.existing.clone();
        given.or_else(|| T::NAMED.then(|| name.to_owned()))
    }

    fn effect(call: &Self::Call) -> Option<Effect> {
        Some(T::effect(call))
    }

    fn reads() -> &'static str {
        T::READS
    }

    fn pace() -> Option<Pace> {
        Some(T::PACE)
    }

    fn needs(spec: &Self::Spec, scene: &Scene<'_>) -> Vec<Need> {
        <T as Consumer>::needs(spec, scene)
    }

    fn unseen(live: &mut Self::Spec, known: &Self::Spec) {
        <T as Consumer>::unseen(&mut live.settings, &known.settings);
    }
}

/// The tags to set and the keys of those to take away.
#[must_use]
pub fn retagged(from: &Tags, to: &Tags) -> (Tags, Vec<String>) {
    let set = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
    let unset = from.keys().filter(|key| !to.contains_key(*key)).cloned();
    (set.map(|(key, value)| (key.clone(), value.clone())).collect(), unset.collect())
}

/// A tag as most of AWS's APIs write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Tags as most of AWS's APIs write them.
#[must_use]
pub fn tag_list(tags: &Tags) -> Vec<Tag> {
    let each = tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    each.collect()
}

/// Refuses another key where AWS cannot change it; `how` says what does work.
#[must_use]
pub fn fixed_key<S>(from: &Spec<S>, to: &Spec<S>, how: &str) -> Option<Violation> {
    (from.common.key != to.common.key).then(|| {
        let name = |spec: &Spec<S>| match spec.key() {
            Some(key) => format!("`{key}`"),
            None => "no key of yours".to_owned(),
        };
        Violation::new(
            "key",
            format!(
                "fixed at creation: it has {}, the configuration says {}",
                name(from),
                name(to)
            ),
            how,
        )
    })
}

/// Refuses a difference that AWS cannot make go away.
#[must_use]
pub fn fixed<T: PartialEq + Serialize>(
    field: &str,
    from: Option<&T>,
    to: Option<&T>,
    how: &str,
) -> Option<Violation> {
    let text = |value: Option<&T>| match value.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::String(text))) => format!("`{text}`"),
        Some(Ok(value)) => format!("`{value}`"),
        Some(Err(_)) | None => "nothing".to_owned(),
    };
    (from != to).then(|| {
        let (from, to) = (text(from), text(to));
        Violation::new(
            field,
            format!("fixed at creation: it is {from}, the configuration says {to}"),
            how,
        )
    })
}

/// What must be given for AWS to create the resource.
#[must_use]
pub fn missing<T>(field: &str, value: Option<&T>) -> Option<Violation> {
    value.is_none().then(|| {
        let reason = format!("AWS creates none without `{field}`");
        Violation::new(
            field,
            reason,
            format!("say `{field}:`, or name a resource with `existing:`"),
        )
    })
}

/// The violations, or none.
///
/// # Errors
/// If there is one.
pub fn allowed(
    violations: impl IntoIterator<Item = Option<Violation>>,
) -> Result<(), Vec<Violation>> {
    let found: Vec<Violation> = violations.into_iter().flatten().collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}
