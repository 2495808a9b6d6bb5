//! The kinds of resources: what each must know, and the one list of them.
//!
//! A kind is one file: its declared form (`Spec`), its AWS calls (`Call`), and how a change of the
//! one becomes a list of the other. Adding a kind is that file, its `aws.rs` half beside it, and a
//! line in the table at the end of this file; the compiler names what is left. Everything here is
//! pure; only the `aws.rs` halves know the SDK.

pub mod address;
pub mod alias;
mod call;
mod change;
pub mod cloudtrail;
pub mod cloudtrail_event_data_store;
pub mod cloudtrail_trail;
pub mod consumer;
pub mod dynamodb_table;
pub mod ebs_default;
pub mod ebs_volume;
pub mod efs_file_system;
pub mod es_domain;
mod exchange;
pub mod grant;
pub mod key;
pub mod key_policy;
pub mod rds;
pub mod rds_cluster;
pub mod rds_instance;
pub mod service_linked_role;

pub use address::Address;
pub use change::{Calls, Change, Retry, Violation};
pub(crate) use exchange::resolve;
pub use exchange::{CallBindings, ConsumerQuery, Object, Phase};

use crate::id::{AliasArn, KeyArn, Name, Place};
use crate::policy::{Document, Need};
use consumer::{Common, Effect, Facts, Goal, Scene};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// A key as another resource names it: the only thing in a plan that may be unknown until apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyRef {
    /// A key of the stack.
    Managed(Address),
    /// A key that the stack only points at.
    Arn(KeyArn),
    /// The same by its alias, until AWS has been asked which key it is.
    Alias(AliasArn),
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed(address) => address.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
        }
    }
}

impl TryFrom<String> for KeyRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("arn:") && text.contains(":alias/") {
            return AliasArn::from_str(&text).map(Self::Alias).map_err(|e| e.to_string());
        }
        if text.starts_with("arn:") {
            return KeyArn::from_str(&text).map(Self::Arn).map_err(|e| e.to_string());
        }
        text.parse().map(Self::Managed)
    }
}

impl From<KeyRef> for String {
    fn from(key: KeyRef) -> Self {
        key.to_string()
    }
}

/// The ARNs of the stack's keys, as far as they exist.
pub type Ids = BTreeMap<Address, KeyArn>;

impl KeyRef {
    /// The key's ARN, if it exists yet.
    #[must_use]
    pub fn resolve(&self, ids: &Ids) -> Option<KeyArn> {
        match self {
            Self::Managed(address) => ids.get(address).cloned(),
            Self::Arn(arn) => Some(arn.clone()),
            Self::Alias(_) => None,
        }
    }

    /// The address, of a key of the stack.
    #[must_use]
    pub fn managed(&self) -> Option<&Address> {
        match self {
            Self::Managed(address) => Some(address),
            Self::Arn(_) | Self::Alias(_) => None,
        }
    }

    /// The alias, of a key that is known by nothing else.
    #[must_use]
    pub fn alias(&self) -> Option<&AliasArn> {
        match self {
            Self::Alias(alias) => Some(alias),
            Self::Managed(_) | Self::Arn(_) => None,
        }
    }
}

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

/// What a kind must know. Pure: no SDK, no async, no clock.
pub trait Resource {
    /// What can be declared, and the vocabulary that live objects are lifted into.
    type Spec: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS calls that change a resource of the kind (see `calls!`).
    type Call: Clone + Eq + Serialize + DeserializeOwned;
    /// The AWS service, as the CLI and CloudTrail name it.
    const SERVICE: &'static str;

    /// The keys that the resource points at; they become dependencies.
    fn refs(spec: &Self::Spec) -> Vec<&KeyRef>;
    /// `declared` with every field that its author left out taken from `live`.
    fn complete(declared: &Self::Spec, live: &Self::Spec, stack: &Name) -> Self::Spec;
    /// `declared`, with what an apply that was cut short was doing to fields that the configuration
    /// leaves to AWS: live may show a stage of that.
    fn resumed(declared: &Self::Spec, intent: &Self::Spec) -> Self::Spec {
        let _ = intent;
        declared.clone()
    }
    /// What the record says once `to` is applied: the declaration, and whatever else is worth
    /// watching from now on. `before` is what the record says now.
    fn recorded(declared: &Self::Spec, before: Option<&Self::Spec>, to: &Self::Spec) -> Self::Spec {
        let _ = (before, to);
        declared.clone()
    }
    /// The calls that bring the change about, or everything that forbids it.
    ///
    /// # Errors
    /// The violations, each with what does work.
    fn calls(
        change: Change<&Self::Spec>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Self::Call>, Vec<Violation>>;
    /// How a lost answer to `call` is settled.
    fn retry(call: &Self::Call) -> Retry;
    /// The ARNs of the identities that must exist for AWS to take `call`.
    fn principals(call: &Self::Call) -> Vec<String>;

    /// AWS's identifier, where it is known before the resource exists.
    fn natural(spec: &Self::Spec, name: &str, place: &Place) -> Option<String> {
        let _ = (spec, name, place);
        None
    }
    /// What a consumer of keys has.
    fn common(spec: &Self::Spec) -> Option<&Common> {
        let _ = spec;
        None
    }
    /// What a consumer of keys has.
    fn common_mut(spec: &mut Self::Spec) -> Option<&mut Common> {
        let _ = spec;
        None
    }
    /// What a consumer's call does.
    fn effect(call: &Self::Call) -> Option<Effect> {
        let _ = call;
        None
    }
    /// The facts about a kind of consumer; `None` for what KMS itself has.
    fn facts() -> Option<&'static Facts> {
        None
    }
    /// Returns why a protected resource must not be changed like this: the change stops something.
    fn interruption(from: &Self::Spec, to: &Self::Spec) -> Option<Violation> {
        let _ = (from, to);
        None
    }
    /// The name that AWS keeps for a deleted consumer, and why it cannot be used.
    fn reserved_name(deleted: &Self::Spec, id: &str) -> Option<(String, Violation)> {
        let _ = (deleted, id);
        None
    }
    /// What must be allowed on its key for a consumer to work.
    fn needs(spec: &Self::Spec, scene: &Scene<'_>) -> Vec<Need> {
        let _ = (spec, scene);
        Vec::new()
    }
    /// Fills in what AWS does not show of a consumer from what was last applied, or may have been.
    fn unseen(live: &mut Self::Spec, known: &Self::Spec, interrupted: bool) {
        let _ = (live, known, interrupted);
    }
}

/// Declares the closed sums over all kinds, and the one match from each to its kind.
macro_rules! kinds {
    ($($variant:ident => $module:ident :: $resource:ident, $label:literal;)+) => {
        /// The kinds of resources, in the order in which plans list them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = $label] $variant),+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kind's name in addresses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }

            /// The facts about a kind of consumer; `None` for what KMS itself has.
            #[must_use]
            pub fn facts(self) -> Option<&'static Facts> {
                match self { $(Self::$variant => $module::$resource::facts()),+ }
            }

            /// Whether a key encrypts resources of the kind.
            #[must_use]
            pub fn is_consumer(self) -> bool {
                self.facts().is_some()
            }
        }

        /// A declared or live resource of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Spec { $(#[doc = $label] $variant(<$module::$resource as Resource>::Spec)),+ }

        /// An AWS call of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Call { $(#[doc = $label] $variant(<$module::$resource as Resource>::Call)),+ }

        impl Spec {
            /// The kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),+ }
            }

            /// The keys it points at.
            #[must_use]
            pub fn refs(&self) -> Vec<&KeyRef> {
                match self { $(Self::$variant(spec) => $module::$resource::refs(spec)),+ }
            }

            /// AWS's identifier, where it is known before the resource exists.
            #[must_use]
            pub fn natural(&self, name: &str, place: &Place) -> Option<String> {
                match self {
                    $(Self::$variant(spec) => $module::$resource::natural(spec, name, place)),+
                }
            }

            /// What a consumer of keys has.
            #[must_use]
            pub fn common(&self) -> Option<&Common> {
                match self { $(Self::$variant(spec) => $module::$resource::common(spec)),+ }
            }

            /// What a consumer of keys has.
            #[must_use]
            pub fn common_mut(&mut self) -> Option<&mut Common> {
                match self { $(Self::$variant(spec) => $module::$resource::common_mut(spec)),+ }
            }

            /// What must be allowed on its key for a consumer to work.
            #[must_use]
            pub fn needs(&self, scene: &Scene<'_>) -> Vec<Need> {
                match self { $(Self::$variant(spec) => $module::$resource::needs(spec, scene)),+ }
            }

            /// Returns why the resource must not be changed like this while it is protected.
            #[must_use]
            pub fn interruption(&self, to: &Self) -> Option<Violation> {
                match (self, to) {
                    $((Self::$variant(from), Self::$variant(to)) =>
                        $module::$resource::interruption(from, to),)+
                    _ => None,
                }
            }

            /// The name that AWS keeps for the deleted resource, and why it cannot be used.
            #[must_use]
            pub fn reserved_name(&self, id: &str) -> Option<(String, Violation)> {
                match self {
                    $(Self::$variant(deleted) => $module::$resource::reserved_name(deleted, id)),+
                }
            }

            /// Fills in what AWS does not show from what was last applied. Where that apply was
            /// interrupted, what it may or may not have changed in AWS is left out.
            pub fn fill_unseen(&mut self, known: &Self, interrupted: bool) {
                match (self, known) {
                    $((Self::$variant(live), Self::$variant(known)) =>
                        $module::$resource::unseen(live, known, interrupted),)+
                    _ => {}
                }
            }

            /// `self` with every field that its author left out taken from `live`.
            #[must_use]
            pub fn complete(&self, live: &Self, stack: &Name) -> Self {
                match (self, live) {
                    $((Self::$variant(declared), Self::$variant(live)) =>
                        Self::$variant($module::$resource::complete(declared, live, stack)),)+
                    _ => self.clone(),
                }
            }

            /// `self`, with what an apply that was cut short was doing beside it.
            #[must_use]
            pub fn resumed(&self, intent: &Self) -> Self {
                match (self, intent) {
                    $((Self::$variant(declared), Self::$variant(intent)) =>
                        Self::$variant($module::$resource::resumed(declared, intent)),)+
                    _ => self.clone(),
                }
            }

            /// What the record says once `to` is applied.
            #[must_use]
            pub fn recorded(&self, before: Option<&Self>, to: &Self) -> Self {
                match (self, to) {
                    $((Self::$variant(declared), Self::$variant(to)) => {
                        let before = before.and_then(|before| {
                            if let Self::$variant(before) = before { Some(before) } else { None }
                        });
                        Self::$variant($module::$resource::recorded(declared, before, to))
                    })+
                    _ => self.clone(),
                }
            }

            /// The fields by name, for the comparison that people see.
            ///
            /// # Errors
            /// Never for the specs of this crate; the signature is serde's.
            pub fn fields(&self) -> serde_json::Result<serde_json::Value> {
                match self { $(Self::$variant(spec) => serde_json::to_value(spec)),+ }
            }
        }

        /// The calls that bring `change` about, or everything that forbids it.
        ///
        /// # Errors
        /// The violations, each with what does work.
        pub fn calls(
            change: &Change<Spec>,
            setting: &Setting<'_>,
        ) -> Result<Calls<Call>, Vec<Violation>> {
            $({
                let narrowed = change.as_ref().try_map(|spec| {
                    if let Spec::$variant(spec) = spec { Some(spec) } else { None }
                });
                if let Some(change) = narrowed {
                    return $module::$resource::calls(change, setting)
                        .map(|calls| calls.map(Call::$variant));
                }
            })+
            Err(vec![Violation::new("", "the kind of the resource changed", "use another address")])
        }

        impl Call {
            /// The AWS service.
            #[must_use]
            pub fn service(&self) -> &'static str {
                match self { $(Self::$variant(_) => $module::$resource::SERVICE),+ }
            }

            /// The ARNs of the identities that must exist for AWS to take the call.
            #[must_use]
            pub fn principals(&self) -> Vec<String> {
                match self { $(Self::$variant(call) => $module::$resource::principals(call)),+ }
            }

            /// What a consumer's call does.
            #[must_use]
            pub fn effect(&self) -> Option<Effect> {
                match self { $(Self::$variant(call) => $module::$resource::effect(call)),+ }
            }

            /// The kind of what it is about.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),+ }
            }

            /// How a lost answer is settled.
            #[must_use]
            pub fn retry(&self) -> Retry {
                match self { $(Self::$variant(call) => $module::$resource::retry(call)),+ }
            }

            /// AWS's name of the operation.
            #[must_use]
            pub fn operation(&self) -> &'static str {
                match self { $(Self::$variant(call) => call.operation()),+ }
            }

            /// AWS's name of the operation, and its parameters as AWS's API names them.
            #[must_use]
            pub fn request(&self) -> (&'static str, serde_json::Value) {
                let written = match self {
                    $(Self::$variant(call) => serde_json::to_value(call),)+
                };
                let parameters = written.ok().and_then(|mut call| {
                    call.get_mut(self.operation()).map(serde_json::Value::take)
                });
                (self.operation(), parameters.unwrap_or_default())
            }
        }
    };
}

// The only list of kinds in the crate.
kinds! {
    ServiceLinkedRole => service_linked_role::ServiceLinkedRole, "service_linked_role";
    Key => key::Key, "key";
    KeyPolicy => key_policy::KeyPolicy, "key_policy";
    Alias => alias::Alias, "alias";
    Grant => grant::Grant, "grant";
    EbsDefault => ebs_default::EbsDefault, "ebs_default";
    EbsVolume => ebs_volume::EbsVolume, "ebs_volume";
    CloudtrailTrail => cloudtrail_trail::CloudtrailTrail, "cloudtrail_trail";
    CloudtrailEventDataStore => cloudtrail_event_data_store::CloudtrailEventDataStore, "cloudtrail_event_data_store";
    DynamodbTable => dynamodb_table::DynamodbTable, "dynamodb_table";
    EfsFileSystem => efs_file_system::EfsFileSystem, "efs_file_system";
    EsDomain => es_domain::EsDomain, "es_domain";
    RdsInstance => rds_instance::RdsInstance, "rds_instance";
    RdsCluster => rds_cluster::RdsCluster, "rds_cluster";
}

impl Spec {
    /// The form that is created: a key whose policy is not the stack's begins with AWS's own.
    #[must_use]
    pub fn newborn(&self, place: &Place, stack: &Name) -> Self {
        if let Self::Key(key) = self { Self::Key(key.newborn(place, stack)) } else { self.clone() }
    }

    /// The key that it points at.
    pub fn key_mut(&mut self) -> Option<&mut KeyRef> {
        if let Self::Alias(alias) = self {
            return Some(&mut alias.target);
        }
        if let Self::KeyPolicy(policy) = self {
            return Some(&mut policy.key);
        }
        if let Self::Grant(grant) = self {
            return Some(&mut grant.key);
        }
        self.common_mut()?.key.as_mut()?.key_mut()
    }

    /// The key, if it is one.
    #[must_use]
    pub fn as_key(&self) -> Option<&key::Spec> {
        if let Self::Key(spec) = self { Some(spec) } else { None }
    }

    /// The statements in the policy of somebody else's key, if it is that.
    #[must_use]
    pub fn as_key_policy(&self) -> Option<&key_policy::Spec> {
        if let Self::KeyPolicy(spec) = self { Some(spec) } else { None }
    }

    /// The policy of a key that it holds.
    #[must_use]
    pub fn policy(&self) -> Option<&Document> {
        let own = self.as_key().and_then(|key| key.policy.as_ref());
        own.or_else(|| self.as_key_policy()?.policy.as_ref())
    }

    /// The grant, if it is one.
    #[must_use]
    pub fn as_grant(&self) -> Option<&grant::Spec> {
        if let Self::Grant(spec) = self { Some(spec) } else { None }
    }

    /// The alias, if it is one.
    #[must_use]
    pub fn as_alias(&self) -> Option<&alias::Spec> {
        if let Self::Alias(spec) = self { Some(spec) } else { None }
    }

    /// The names of the fields that it mentions.
    #[must_use]
    pub fn mentions(&self) -> BTreeSet<String> {
        let Ok(serde_json::Value::Object(fields)) = self.fields() else {
            return BTreeSet::new();
        };
        fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect()
    }
}

impl Call {
    /// The key on which it makes a grant.
    #[must_use]
    pub fn is_grant_made(&self) -> Option<&KeyRef> {
        if let Self::Grant(grant::Call::CreateGrant(call)) = self {
            Some(&call.key_id)
        } else {
            None
        }
    }

    /// The name of the last snapshot of a database that the call deletes, where one is made.
    #[must_use]
    pub fn final_snapshot(&self) -> Option<&String> {
        if let Self::RdsInstance(rds_instance::Call::DeleteDBInstance(call)) = self {
            return call.final_db_snapshot_identifier.as_ref();
        }
        if let Self::RdsCluster(rds_cluster::Call::DeleteDBCluster(call)) = self {
            return call.final_db_snapshot_identifier.as_ref();
        }
        None
    }

    /// What AWS must be done with before the next call of the step.
    #[must_use]
    pub fn goal(&self) -> Option<Goal> {
        match self.effect()? {
            Effect::Creates | Effect::Changes => Some(Goal::Ready),
            Effect::Deletes => Some(Goal::Gone),
            Effect::Marks => None,
        }
    }
}
