//! The list of the kinds of consumers, and the enums over them.

use super::bucket::{BucketCheck, SeenBucket};
use super::consumer::{self, Common, Consumer, Effect, Encryption, Facts, Goal, Identity, Scene};
use super::declaration::Reader;
use super::{Calls, Change, KeyRef, Retry, Setting, Violation};
use serde::Serialize;
use serde::de::VariantAccess;

/// Declares the enums over the kinds of consumers, and the match from each variant to its kind.
macro_rules! consumers {
    ($($kind:ident => $module:ident, $label:literal;)+) => {
        /// The kinds of consumers, in the order in which plans list them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ConsumerKind { $(#[doc = $label] $kind),+ }

        impl ConsumerKind {
            /// Every kind of consumer.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Returns the kind's name in addresses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $label),+ }
            }

            /// Returns the facts about the kind.
            #[must_use]
            pub fn facts(self) -> &'static Facts {
                match self { $(Self::$kind => &<super::$module::$kind as Consumer>::FACTS),+ }
            }

            /// Returns AWS's name of what reports for programs call `what`, such as `EBS volume` for `ebs_volume`.
            #[must_use]
            pub fn noun_of(what: &str) -> &str {
                let all = Self::ALL.iter().map(|kind| (kind.as_str(), kind.facts()));
                let mut nouns = all.flat_map(|(name, facts)| {
                    let copies = facts.copies.map(|copies| (copies.what, copies.noun));
                    [(name, facts.noun)].into_iter().chain(copies)
                });
                nouns.find(|(name, _)| *name == what).map_or(what, |(_, noun)| noun)
            }

            /// Returns the names of the operations that change resources of the kind.
            #[must_use]
            pub fn operations(self) -> &'static [&'static str] {
                match self { $(Self::$kind => super::$module::Call::OPERATIONS),+ }
            }

            /// Returns whether a stack has at most one resource of the kind, which then has no name.
            #[must_use]
            pub fn is_single(self) -> bool {
                self.facts().identity == Identity::Single
            }

            /// Returns the reader of the kind's declarations.
            #[must_use]
            pub fn reader(self) -> Reader {
                match self { $(Self::$kind => Reader::of::<super::$module::$kind>()),+ }
            }
        }

        /// A declared or live consumer of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub enum ConsumerSpec {
            $(
                #[doc = $label]
                #[serde(rename = $label)]
                $kind(consumer::Spec<<super::$module::$kind as Consumer>::Settings>),
            )+
        }

        $(impl From<consumer::Spec<<super::$module::$kind as Consumer>::Settings>> for ConsumerSpec {
            fn from(spec: consumer::Spec<<super::$module::$kind as Consumer>::Settings>) -> Self {
                Self::$kind(spec)
            }
        })+

        impl ConsumerSpec {
            /// Reads the content that is written under the name of `kind`.
            pub(super) fn content<'de, A: VariantAccess<'de>>(
                kind: ConsumerKind,
                content: A,
            ) -> Result<Self, A::Error> {
                match kind {
                    $(ConsumerKind::$kind => content.newtype_variant().map(Self::$kind)),+
                }
            }

            /// Returns the kind.
            #[must_use]
            pub fn kind(&self) -> ConsumerKind {
                match self { $(Self::$kind(_) => ConsumerKind::$kind),+ }
            }

            /// Returns the fields that all consumers have.
            #[must_use]
            pub fn common(&self) -> &Common {
                match self { $(Self::$kind(spec) => &spec.common),+ }
            }

            /// Returns the fields that all consumers have.
            pub fn common_mut(&mut self) -> &mut Common {
                match self { $(Self::$kind(spec) => &mut spec.common),+ }
            }

            /// Returns the service principal of the service-linked role that the consumer needs, if AWS does
            /// not create that role together with the consumer.
            #[must_use]
            pub fn role(&self) -> Option<&'static str> {
                match self { $(Self::$kind(spec) => super::$module::$kind::role(&spec.settings)),+ }
            }

            /// Returns the environment variable that holds a secret of the consumer, if it has one.
            #[must_use]
            pub fn secret(&self) -> Option<&str> {
                match self { $(Self::$kind(spec) => super::$module::$kind::secret(&spec.settings)),+ }
            }

            /// Returns the bucket that the consumer writes to, if it needs one.
            #[must_use]
            pub fn bucket(&self) -> Option<&str> {
                match self { $(Self::$kind(spec) => super::$module::$kind::bucket(&spec.settings)),+ }
            }

            /// Checks whether the consumer can write to its bucket.
            #[must_use]
            pub fn check_bucket(&self, scene: &Scene<'_>, bucket: SeenBucket<'_>) -> BucketCheck {
                match self {
                    $(Self::$kind(spec) =>
                        super::$module::$kind::check_bucket(&spec.settings, scene, bucket)),+
                }
            }

            /// Returns why the change is refused while the consumer is protected.
            #[must_use]
            pub fn interruption(&self, to: &Self) -> Option<Violation> {
                match (self, to) {
                    $((Self::$kind(from), Self::$kind(to)) => super::$module::$kind::interruption(from, to),)+
                    _ => None,
                }
            }

            /// Returns the name that AWS reserves for the deleted consumer, and why it cannot be
            /// used.
            #[must_use]
            pub fn reserved_name(&self, id: &str) -> Option<(String, Violation)> {
                match self { $(Self::$kind(spec) => super::$module::$kind::reserved_name(spec, id)),+ }
            }

            /// Sets the settings that AWS does not return to the values that were applied last. If
            /// that apply was interrupted, the settings that it may have changed are left out.
            pub fn fill_unseen(&mut self, known: &Self, interrupted: bool) {
                match (self, known) {
                    $((Self::$kind(live), Self::$kind(known)) =>
                        super::$module::$kind::unseen(&mut live.settings, &known.settings, interrupted),)+
                    _ => {}
                }
            }

            /// Returns `self`, with every field that is not set taken from `other`.
            #[must_use]
            pub(super) fn or(&self, other: &Self) -> Self {
                match (self, other) {
                    $((Self::$kind(one), Self::$kind(other)) => Self::$kind(one.or(other)),)+
                    _ => self.clone(),
                }
            }

            /// Returns whether AWS makes the declared changes only in the maintenance window.
            #[must_use]
            pub(super) fn is_deferred(&self) -> bool {
                match self { $(Self::$kind(spec) => super::$module::$kind::is_deferred(&spec.settings)),+ }
            }

            /// Returns `self`, with every field that is not declared taken from `live`.
            #[must_use]
            pub fn complete(&self, live: &Self) -> Self {
                match (self, live) {
                    $((Self::$kind(declared), Self::$kind(live)) =>
                        Self::$kind(consumer::complete::<super::$module::$kind>(declared, live)),)+
                    _ => self.clone(),
                }
            }
        }

        /// An AWS call that changes a consumer of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub enum ConsumerCall {
            $(
                #[doc = $label]
                #[serde(rename = $label)]
                $kind(<super::$module::$kind as Consumer>::Call),
            )+
        }

        impl ConsumerCall {
            /// Reads the content that is written under the name of `kind`.
            pub(super) fn content<'de, A: VariantAccess<'de>>(
                kind: ConsumerKind,
                content: A,
            ) -> Result<Self, A::Error> {
                match kind {
                    $(ConsumerKind::$kind => content.newtype_variant().map(Self::$kind)),+
                }
            }

            /// Returns the kind of the consumer that the call changes.
            #[must_use]
            pub fn kind(&self) -> ConsumerKind {
                match self { $(Self::$kind(_) => ConsumerKind::$kind),+ }
            }

            /// Returns the name of the final snapshot that the call creates, if it creates one.
            #[must_use]
            pub fn final_snapshot(&self) -> Option<&str> {
                match self { $(Self::$kind(call) => super::$module::$kind::final_snapshot(call)),+ }
            }

            /// Returns the effect of the call on the consumer.
            #[must_use]
            pub fn effect(&self) -> Effect {
                match self { $(Self::$kind(call) => super::$module::$kind::effect(call)),+ }
            }

            /// Returns the name of the operation.
            #[must_use]
            pub fn operation(&self) -> &'static str {
                match self { $(Self::$kind(call) => call.operation()),+ }
            }
        }

        /// Returns the calls that execute the change.
        ///
        /// # Errors
        /// Returns the violations if the change is not possible.
        pub(super) fn calls(
            change: &Change<&ConsumerSpec>,
            setting: &Setting<'_>,
        ) -> Result<Calls<ConsumerCall>, Vec<Violation>> {
            $({
                let narrowed = change.as_ref().try_map(|spec| {
                    if let ConsumerSpec::$kind(spec) = *spec { Some(spec) } else { None }
                });
                if let Some(change) = narrowed {
                    return consumer::calls::<super::$module::$kind>(&change, setting)
                        .map(|calls| calls.map(ConsumerCall::$kind));
                }
            })+
            Err(vec![Violation::kind_changed()])
        }
    };
}

/// The only list of kinds of consumers in the crate.
macro_rules! consumer_kinds {
    ($declare:ident) => {
        $declare! {
            EbsDefault => ebs_default, "ebs_default";
            EbsVolume => ebs_volume, "ebs_volume";
            CloudtrailTrail => cloudtrail_trail, "cloudtrail_trail";
            CloudtrailEventDataStore => cloudtrail_event_data_store, "cloudtrail_event_data_store";
            DynamodbTable => dynamodb_table, "dynamodb_table";
            EfsFileSystem => efs_file_system, "efs_file_system";
            EsDomain => es_domain, "es_domain";
            RdsInstance => rds_instance, "rds_instance";
            RdsCluster => rds_cluster, "rds_cluster";
        S3Bucket => s3_bucket, "s3_bucket";
                }
    };
}
pub(super) use consumer_kinds;

consumer_kinds!(consumers);

impl ConsumerSpec {
    /// Returns the customer managed key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        self.common().key.as_ref().and_then(Encryption::key)
    }

    /// Returns AWS's identifier, if it is known before the consumer exists. `name` is the name in
    /// the address.
    #[must_use]
    pub fn natural(&self, name: &str) -> Option<String> {
        let given = self.common().existing.clone();
        given.or_else(|| match self.kind().facts().identity {
            Identity::Name | Identity::Single => Some(name.to_owned()),
            Identity::Id => None,
        })
    }
}

impl ConsumerCall {
    /// Returns the way in which a lost answer is settled.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.effect() {
            Effect::Creates => Retry::ProbeByName,
            Effect::Changes | Effect::Marks | Effect::Deletes => Retry::Repeat,
        }
    }

    /// Returns the state that the consumer must reach before the next call of the step, if any.
    #[must_use]
    pub fn goal(&self) -> Option<Goal> {
        match self.effect() {
            Effect::Creates | Effect::Changes => Some(Goal::Ready),
            Effect::Deletes => Some(Goal::Gone),
            Effect::Marks => None,
        }
    }
}
