//! The parts that all kinds of consumers share: the key and the tags, the facts about a kind, and
//! the trait that each kind implements.
//!
//! A kind provides its settings, its calls, and the statements that its service needs. Everything
//! in this folder except the `aws.rs` files is pure.

use super::bucket::{BucketCheck, SeenBucket};
use super::declaration::{Check, Syntax};
pub use super::facts::{
    ArnForm, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Snapshots,
};
use super::{Calls, Change, KeyRef, Setting, Violation};
use crate::decode::Record;
use crate::id::{KeyArn, Place};
use crate::policy::derive::Condition;
use crate::policy::{Need, PrincipalSet};
use crate::tree::Span;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags by their keys.
pub type Tags = BTreeMap<String, String>;

/// The encryption key of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Encryption {
    /// A customer managed key.
    Key(KeyRef),
    /// A key that AWS owns or manages, or no encryption.
    Aws,
}

impl Encryption {
    /// Returns the customer managed key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        match self {
            Self::Key(key) => Some(key),
            Self::Aws => None,
        }
    }

    /// Returns the customer managed key, if there is one.
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

/// Converts the key that AWS reports. A text that is not the ARN of a key stands for
/// [`Encryption::Aws`], such as the alias of the AWS managed key of EBS.
pub(crate) fn encryption(key: Option<&str>) -> Encryption {
    let arn = key.and_then(|key| key.parse::<KeyArn>().ok());
    arn.map_or(Encryption::Aws, |arn| Encryption::Key(KeyRef::Arn(arn)))
}

/// The fields that all consumers have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Common {
    /// The encryption key; `None` if kmsctl does not change it.
    pub key: Option<Encryption>,
    /// The name or id in AWS of a resource that kmsctl neither creates nor deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// The declared tags and those of kmsctl. Tags of other owners are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
}

/// A consumer: the fields that all consumers have, and the settings of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec<S> {
    /// The fields that all consumers have.
    #[serde(flatten)]
    pub common: Common,
    /// The settings of the kind.
    #[serde(flatten)]
    pub settings: S,
}

impl<S: Settings> Spec<S> {
    /// Returns `self`, with the key and the settings that are not set taken from `other`.
    pub(super) fn or(&self, other: &Self) -> Self {
        let key = self.common.key.clone().or_else(|| other.common.key.clone());
        let common = Common { key, ..self.common.clone() };
        Self { common, settings: self.settings.or(&other.settings) }
    }
}

impl<S> Spec<S> {
    /// Returns the customer managed key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        self.common.key.as_ref().and_then(Encryption::key)
    }
}

/// The settings of a kind. kmsctl does not manage a field that is `None`.
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
///         /// A field of the configuration that is not a setting: `Consumer::declared` reads it.
///         @declared master_password: Option<Spanned<MasterPassword>>,
///         /// The same, but possible beside `existing`, because it concerns only the derived statements.
///         @policy source_arn: Option<Spanned<bool>>,
///         /// A setting that is not a field of the configuration.
///         @live resource_id: String,
///     }
/// }
/// ```
///
/// declares the struct `Settings`, in which each setting is an `Option`, and the record `Fields`,
/// in which each field that is not required is an `Option`. Doc comments are the descriptions of
/// the fields. The type after `as` decodes the field, and its values are converted to the type of
/// the setting.
macro_rules! settings {
    ($(#[doc = $doc:literal])* pub struct Settings { $($body:tt)* }) => {
        $crate::kind::consumer::settings! { @fields [$([$doc])*] [] [] [] [] $($body)* }
    };

    // Takes one field after the other, and collects the settings, the fields, the settings that are
    // fields, and the fields that are not possible beside `existing`.
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* @like($like:expr) $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)* $(#[doc = $doc])* $field: $type,]
            [$($fields)* $(#[doc = $doc])* @like($like)
                $field: Option<$crate::decode::Spanned<$type>>,]
            [$($both)* $field] [$($all)* $field] $($rest)*
        }
    };
    (@fields $docs:tt [$($settings:tt)*] [$($fields:tt)*] [$($both:ident)*] [$($all:ident)*]
        $(#[doc = $doc:literal])* @declared @$mark:ident($like:expr) $field:ident : $type:ty, $($rest:tt)*
    ) => {
        $crate::kind::consumer::settings! { @fields $docs
            [$($settings)*]
            [$($fields)* $(#[doc = $doc])* @$mark($like) $field: $type,]
            [$($both)*] [$($all)* $field] $($rest)*
        }
    };
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

/// The effect of a call on its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call creates the resource, which must then become ready. A lost call is settled by
    /// searching for the resource.
    Creates,
    /// The call changes the resource, which must then become ready again. The call is idempotent.
    Changes,
    /// The call changes the resource immediately. The call is idempotent.
    Marks,
    /// The call deletes the resource, which must then disappear.
    Deletes,
}

/// The state that a resource must reach before the next call of a step is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The resource can be used.
    Ready,
    /// The resource does not exist.
    Gone,
}

/// The place of a consumer, and the identities that use it.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The account and Region.
    pub place: &'a Place,
    /// The name in AWS, if the configuration gives it.
    pub name: &'a str,
    /// The ARNs of the identities that create or use the consumer.
    pub used_by: &'a [String],
}

impl Scene<'_> {
    /// Returns the identities that create or use the consumer, if any are named.
    #[must_use]
    pub fn users(&self) -> Option<PrincipalSet> {
        if self.used_by.is_empty() {
            return None;
        }
        Some(PrincipalSet::Identities(self.used_by.iter().cloned().collect()))
    }

    /// Returns the condition that a service of the place sends the request to KMS. In every partition, the
    /// KMS Developer Guide (`kms:ViaService`) has values that end in `amazonaws.com`. It does not say whether that
    /// is so where the hosts of the services have other names, so both values are accepted there.
    #[must_use]
    pub fn via(&self, service: &str) -> Condition {
        self.via_in(service, "StringEquals", self.place.region.as_str())
    }

    /// Returns the condition that a service of any Region sends the request to KMS.
    #[must_use]
    pub fn via_anywhere(&self, service: &str) -> Condition {
        self.via_in(service, "StringLike", "*")
    }

    fn via_in(&self, service: &str, operator: &str, region: &str) -> Condition {
        let domains = ["amazonaws.com", self.place.region.domain()];
        let values = domains.iter().map(|domain| format!("{service}.{region}.{domain}"));
        Condition {
            operator: operator.to_owned(),
            key: "kms:ViaService".to_owned(),
            values: values.collect(),
        }
    }
}

/// A kind of consumer. Implementations are pure: they use no SDK, no async code and no clock.
pub trait Consumer {
    /// The settings besides the key and the tags.
    type Settings: Settings;
    /// The AWS calls that change a resource of the kind (see `calls!`).
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// The facts about the kind.
    const FACTS: Facts;
    /// The syntax in which users declare resources of the kind.
    const SYNTAX: Syntax;

    /// Checks the rules between the fields, and returns the declared settings. Errors go to `check`.
    fn declared(
        fields: &<Self::Settings as Settings>::Fields,
        check: &mut Check<'_>,
    ) -> Self::Settings;

    /// Returns the calls that create the resource.
    ///
    /// # Errors
    /// Returns the violations if the resource cannot be created as declared.
    fn create(
        to: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// Returns the calls that change the resource from one form to another.
    ///
    /// # Errors
    /// Returns the violations if AWS does not support the change.
    fn update(
        from: &Spec<Self::Settings>,
        to: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// Returns the calls that delete the resource.
    ///
    /// # Errors
    /// Returns the violations if the resource cannot be deleted.
    fn delete(
        from: &Spec<Self::Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Self::Call>, Vec<Violation>>;

    /// Returns the warning that a plan shows about the change, if any.
    fn risk(change: &Change<&Spec<Self::Settings>>, setting: &Setting<'_>) -> Option<String>;

    /// Returns the effect of a call.
    fn effect(call: &Self::Call) -> Effect;

    /// Returns the access that the key's policy must allow for the resource to work. Each kind
    /// names the guide of its service that documents the access.
    fn needs(
        spec: &Spec<Self::Settings>,
        fields: &<Self::Settings as Settings>::Fields,
        scene: &Scene<'_>,
    ) -> Vec<Need>;

    /// Returns the declared settings, with the live value of each setting that satisfies the
    /// declared value although it differs, such as the version `8.0.39` for `8.0`.
    #[must_use]
    fn met(declared: Self::Settings, live: &Self::Settings) -> Self::Settings {
        let _ = live;
        declared
    }

    /// Sets the settings that AWS does not return to the values that were applied last. If that
    /// apply was interrupted, the settings that it may have changed are left out, so that they are
    /// applied again.
    fn unseen(live: &mut Self::Settings, known: &Self::Settings, interrupted: bool) {
        let _ = (live, known, interrupted);
    }

    /// Returns whether AWS makes the declared changes only in the maintenance window.
    #[must_use]
    fn is_deferred(settings: &Self::Settings) -> bool {
        let _ = settings;
        false
    }

    /// Returns the name of the final snapshot that the call creates, if it creates one.
    fn final_snapshot(call: &Self::Call) -> Option<&str> {
        let _ = call;
        None
    }

    /// Returns the service principal of the service-linked role that the resource needs, if AWS does not create that
    /// role together with the resource.
    fn role(settings: &Self::Settings) -> Option<&'static str> {
        let _ = settings;
        None
    }

    /// Returns the environment variable that holds a secret of the resource, if it has one.
    fn secret(settings: &Self::Settings) -> Option<&str> {
        let _ = settings;
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

    /// Returns why the change is refused for a protected resource, if it interrupts something that
    /// cannot be recovered.
    fn interruption(from: &Spec<Self::Settings>, to: &Spec<Self::Settings>) -> Option<Violation> {
        let _ = (from, to);
        None
    }

    /// Returns the name that AWS reserves for a deleted resource, and why it cannot be used. Only
    /// kinds whose facts set `keeps_deleted_names` have one.
    fn reserved_name(deleted: &Spec<Self::Settings>, id: &str) -> Option<(String, Violation)> {
        let _ = (deleted, id);
        None
    }
}

/// Returns `declared`, with every field that is not declared taken from `live`.
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

/// Returns the calls that execute the change.
///
/// # Errors
/// Returns the violations if the change is not possible.
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

/// Returns the calls that change the tags `from` to the tags `to`: one that sets tags and one that
/// removes tags by their keys, each only if it has an effect.
pub(super) fn tag_calls<C>(
    from: &Tags,
    to: &Tags,
    set: impl FnOnce(&Tags) -> C,
    unset: impl FnOnce(Vec<String>) -> C,
) -> Vec<C> {
    let changed: Tags = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let removed: Vec<String> = from.keys().filter(|key| !to.contains_key(*key)).cloned().collect();
    let mut calls = Vec::new();
    if !changed.is_empty() {
        calls.push(set(&changed));
    }
    if !removed.is_empty() {
        calls.push(unset(removed));
    }
    calls
}

/// A tag in the form of most AWS APIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The tag key.
    pub key: String,
    /// The tag value.
    pub value: String,
}

/// Converts tags to the form of most AWS APIs.
#[must_use]
pub fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Returns the desired value if it differs from the live value.
pub(crate) fn changed<T: Clone + PartialEq>(from: Option<&T>, to: Option<&T>) -> Option<T> {
    if from == to { None } else { to.cloned() }
}

/// Refuses to change a key that AWS cannot change. `help` describes what to do instead.
#[must_use]
pub fn fixed_key<S>(from: &Spec<S>, to: &Spec<S>, help: &str) -> Option<Violation> {
    if from.common.key == to.common.key {
        return None;
    }
    let [from, to] = [from, to].map(|spec| match spec.key() {
        Some(key) => format!("`{key}`"),
        None => "not customer managed".to_owned(),
    });
    let reason = format!("fixed at creation: the current key is {from}, the declared key is {to}");
    Some(Violation::new("key", reason, help))
}

/// Refuses to change a field that AWS cannot change. `help` describes what to do instead.
#[must_use]
pub fn fixed<T: PartialEq + Serialize>(
    field: &str,
    from: Option<&T>,
    to: Option<&T>,
    help: &str,
) -> Option<Violation> {
    if from == to {
        return None;
    }
    let [from, to] = [from, to].map(|value| match value.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::String(text))) => format!("`{text}`"),
        Some(Ok(value)) => format!("`{value}`"),
        Some(Err(_)) | None => "unset".to_owned(),
    });
    let reason =
        format!("fixed at creation: the current value is {from}, the declared value is {to}");
    Some(Violation::new(field, reason, help))
}

/// Returns the violation of a missing field that AWS requires to create the resource.
#[must_use]
pub fn missing<T>(field: &str, value: Option<&T>) -> Option<Violation> {
    if value.is_some() {
        return None;
    }
    let help = format!("set `{field}:`, or name an existing resource with `existing:`");
    Some(Violation::new(field, format!("AWS requires `{field}` to create the resource"), help))
}

/// Collects the violations.
///
/// # Errors
/// Returns the violations, if there are any.
pub fn allowed(
    violations: impl IntoIterator<Item = Option<Violation>>,
) -> Result<(), Vec<Violation>> {
    let found: Vec<Violation> = violations.into_iter().flatten().collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}
