//! What all resources that a key encrypts have in common: their owner, their key, their tags, how a
//! lost call is settled, and what must be waited for.
//!
//! A kind of consumer implements only what is its own: its settings, its calls, and what its service
//! needs of the key. Everything in this folder but the `aws.rs` halves is pure.

use super::bucket::{BucketCheck, SeenBucket};
use super::declaration::{Check, Syntax};
use super::{Calls, Change, KeyRef, Setting, Violation};
use crate::decode::Record;
use crate::id::{KeyArn, Place};
use crate::policy::{Need, PrincipalSet};
use crate::tree::Span;
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

/// The key that AWS reports, which is an ARN but for the default of EBS: that is told by its alias.
pub(crate) fn encryption(key: Option<&str>) -> Encryption {
    let arn = key.and_then(|key| key.parse::<KeyArn>().ok());
    arn.map_or(Encryption::Aws, |arn| Encryption::Key(KeyRef::Arn(arn)))
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

/// The settings of a kind. Every field can be `None`: kmsctl does not manage it then.
pub trait Settings: Clone + Eq + Default + Serialize + DeserializeOwned {
    /// The fields in the configuration.
    type Fields: Record;

    /// Returns the settings that the fields declare.
    fn of(fields: &Self::Fields) -> Self;

    /// Returns the names and positions of the given fields that are not possible beside `existing`.
    fn given(fields: &Self::Fields) -> Vec<(&'static str, Span)>;

    /// Returns `self`, with every field that is not declared taken from `live`.
    #[must_use]
    fn or(&self, live: &Self) -> Self;
}

/// Declares the settings of a kind, and their fields in the configuration:
///
/// ```ignore
/// settings! {
///     /// A table.
///     pub struct Settings {
///         /// Whether AWS refuses to delete it.
///         deletion_protection: bool,
///         /// The daily time for backups. `Daily` checks the text.
///         backup_window: String as Daily,
///         /// A field of the configuration that is no setting: `Consumer::declared` reads it.
///         @declared master_password: Option<Spanned<MasterPassword>>,
///         /// The same, but possible beside `existing`, because it concerns only the derived statements.
///         @policy source_arn: Option<Spanned<bool>>,
///         /// A setting that is no field of the configuration.
///         @live resource_id: String,
///     }
/// }
/// ```
///
/// declares the struct `Settings`, in which each setting is an `Option`, and the record `Fields`, in which
/// each field that is not required is an `Option`. Doc comments are the descriptions of the fields. After
/// `as` stands the type that decodes the field and converts into that of the setting.
macro_rules! settings {
    ($(#[doc = $doc:literal])* pub struct Settings { $($body:tt)* }) => {
        $crate::kind::consumer::settings! { @fields [$([$doc])*] [] [] [] [] $($body)* }
    };

    // One field after the other: the settings, the fields, the settings that are fields, and the fields
    // that are not possible beside `existing`.
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* @declared $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)*]
            [$($fields)* $(#[doc = $doc])* $field: $type,]
            [$($both)*] [$($all)* $field] $($rest)*
        }
    };
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* @policy $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)*]
            [$($fields)* $(#[doc = $doc])* $field: $type,]
            [$($both)*] [$($all)*] $($rest)*
        }
    };
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* @live $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)* $(#[doc = $doc])* $field: $type,]
            [$($fields)*]
            [$($both)*] [$($all)*] $($rest)*
        }
    };
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* $field:ident : $type:ty as $decoded:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)* $(#[doc = $doc])* $field: $type,]
            [$($fields)* $(#[doc = $doc])* $field: Option<$crate::decode::Spanned<$decoded>>,]
            [$($both)* $field] [$($all)* $field] $($rest)*
        }
    };
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)*] [$($fields)*] [$($both)*] [$($all)*]
            $(#[doc = $doc])* $field: $type as $type, $($rest)*
        }
    };

    (@fields [$([$doc:literal])*]
        [$($(#[doc = $sdoc:literal])* $setting:ident : $type:ty,)*]
        [$($fields:tt)*]
        [$($both:ident)*] [$($all:ident)*]
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct Settings {
            $($(#[doc = $sdoc])* #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $setting: Option<$type>,)*
        }

        $crate::decode::record! {
            $(#[doc = $doc])*
            pub struct Fields { $($fields)* }
        }

        impl $crate::kind::consumer::Settings for Settings {
            type Fields = Fields;

            fn of(fields: &Fields) -> Self {
                let mut settings = Self::default();
                $(settings.$both = fields.$both.as_ref().map(|given| given.value.clone().into());)*
                settings
            }

            fn given(fields: &Fields) -> Vec<(&'static str, $crate::tree::Span)> {
                let all = [$((
                    $crate::decode::bare(stringify!($all)),
                    $crate::decode::Given::given(&fields.$all),
                )),*];
                all.into_iter().filter_map(|(name, span)| Some((name, span?))).collect()
            }

            fn or(&self, live: &Self) -> Self {
                Self { $($setting: self.$setting.clone().or_else(|| live.$setting.clone()),)* }
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

/// How AWS identifies a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By the name in the configuration.
    Name,
    /// By an id that AWS chooses.
    Id,
    /// Not at all: each Region of an account has exactly one.
    Single,
}

/// The accounts whose keys a service accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAccount {
    /// Only the resource's own account.
    Own,
    /// Any account, if the key's policy allows it.
    Any,
}

/// The Region that a service requires the key to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRegion {
    /// The resource's own Region.
    Own,
    /// The Region of the bucket that the resource writes to, which only AWS knows.
    Bucket,
}

/// What the rest of kmsctl must know about a kind of consumer. Every kind states every fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The AWS service, as the CLI and CloudTrail name it.
    pub service: &'static str,
    /// The IAM actions that a refresh needs.
    pub reads: &'static str,
    /// How often, and for how long, to ask AWS whether an operation has ended.
    pub pace: Pace,
    /// How AWS identifies a resource.
    pub identity: Identity,
    /// The service that holds grants on the key for a resource, as the grants name it. AWS retires the
    /// grants with the service's last resource.
    pub grants_of: Option<&'static str>,
    /// The accounts whose keys the service accepts.
    pub key_account: KeyAccount,
    /// The Region that the service requires the key to be in.
    pub key_region: KeyRegion,
    /// The name of the resource's snapshots, which stay encrypted with the key after the resource has been
    /// deleted; `None` if it has none.
    pub copies: Option<&'static str>,
    /// Whether the name of a deleted resource stays in use for a while.
    pub keeps_deleted_names: bool,
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
    pub fn users(&self) -> Option<PrincipalSet> {
        let named = !self.used_by.is_empty();
        named.then(|| PrincipalSet::Identities(self.used_by.iter().cloned().collect()))
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
    /// The AWS calls that change a resource of the kind (see `calls!`).
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// What the rest of kmsctl must know about the kind.
    const FACTS: Facts;
    /// How users declare resources of the kind.
    const SYNTAX: Syntax;

    /// Checks the rules between the fields, and returns the declared settings. Errors go to `check`.
    fn declared(
        fields: &<Self::Settings as Settings>::Fields,
        check: &mut Check<'_>,
    ) -> Self::Settings;

    /// The calls that create the resource.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn create(
        to: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// The calls that turn the resource from one form into another.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn update(
        from: &Spec<Self::Settings>,
        to: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// The calls that delete the resource.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn delete(
        from: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// What a person should know before agreeing to the change.
    fn risk(change: &Change<&Spec<Self::Settings>>, setting: &Setting<'_>) -> Option<String>;

    /// What the call does.
    fn effect(call: &Self::Call) -> Effect;

    /// Returns what the key's policy must allow for the resource to work. Each kind names the guide of
    /// its service that says so.
    fn needs(
        spec: &Spec<Self::Settings>,
        fields: &<Self::Settings as Settings>::Fields,
        scene: &Scene<'_>,
    ) -> Vec<Need>;

    /// The completed declaration, in AWS's words where it is met by other words than its own.
    #[must_use]
    fn met(declared: Self::Settings, live: &Self::Settings) -> Self::Settings {
        let _ = live;
        declared
    }

    /// Fills in what AWS does not show from what was last applied. Where that apply was interrupted,
    /// what it may or may not have changed in AWS is left out, to be applied again.
    fn unseen(live: &mut Self::Settings, known: &Self::Settings, interrupted: bool) {
        let _ = (live, known, interrupted);
    }

    /// Returns the name of the final snapshot that the call creates, if it creates one.
    fn final_snapshot(call: &Self::Call) -> Option<&str> {
        let _ = call;
        None
    }

    /// Returns the bucket that the resource writes to, if it needs one.
    fn bucket(settings: &Self::Settings) -> Option<&str> {
        let _ = settings;
        None
    }

    /// Checks whether the resource can write to its bucket.
    fn check_bucket(
        settings: &Self::Settings,
        scene: &Scene<'_>,
        bucket: SeenBucket<'_>,
    ) -> BucketCheck {
        let _ = (settings, scene, bucket);
        BucketCheck::default()
    }

    /// Returns why a protected resource must not be changed like this: the change stops something
    /// that nothing brings back.
    fn interruption(from: &Spec<Self::Settings>, to: &Spec<Self::Settings>) -> Option<Violation> {
        let _ = (from, to);
        None
    }

    /// The name that AWS keeps for a deleted resource, and why it cannot be used. Only kinds whose facts
    /// say `keeps_deleted_names` have one.
    fn reserved_name(deleted: &Spec<Self::Settings>, id: &str) -> Option<(String, Violation)> {
        let _ = (deleted, id);
        None
    }
}

/// Returns `declared` with every field that its author left out taken from `live`.
pub(super) fn complete<T: Consumer>(
    declared: &Spec<T::Settings>,
    live: &Spec<T::Settings>,
) -> Spec<T::Settings> {
    let key = declared.common.key.clone().or_else(|| live.common.key.clone());
    Spec {
        common: Common { key, ..declared.common.clone() },
        settings: T::met(declared.settings.or(&live.settings), &live.settings),
    }
}

/// Returns the calls that bring the change about.
///
/// # Errors
/// The violations, each with what does work.
pub(super) fn calls<T: Consumer>(
    change: &Change<&Spec<T::Settings>>,
    setting: &Setting<'_>,
) -> Result<Calls<T::Call>, Vec<Violation>> {
    let calls = match change {
        Change::Create { to } => T::create(to, setting)?,
        Change::Update { from, to } | Change::Import { from, to } => T::update(from, to, setting)?,
        Change::Delete { from } => T::delete(from, setting)?,
        Change::Forget { .. } => Vec::new(),
    };
    let risk = T::risk(change, setting);
    Ok(Calls { risk, ..Calls::all_at(setting.place, calls) })
}

/// The calls that turn the tags `from` into the tags `to`: one that sets tags and one that removes
/// those with the given keys, each only where there is something to do.
pub(super) fn tag_calls<C>(
    from: &Tags,
    to: &Tags,
    set: impl FnOnce(&Tags) -> C,
    unset: impl FnOnce(Vec<String>) -> C,
) -> Vec<C> {
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
    let changed: Tags = changed.map(|(key, value)| (key.clone(), value.clone())).collect();
    let removed = from.keys().filter(|key| !to.contains_key(*key)).cloned();
    let removed: Vec<String> = removed.collect();
    let set = (!changed.is_empty()).then(|| set(&changed));
    let unset = (!removed.is_empty()).then(|| unset(removed));
    set.into_iter().chain(unset).collect()
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
