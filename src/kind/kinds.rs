//! The list of the kinds of resources, and the enums over them. All kinds of consumers are one
//! variant.

use super::by_kind::{self, ByKind};
use super::consumers::{self, ConsumerCall, ConsumerKind, ConsumerSpec};
use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use super::{alias, grant, key, key_policy, service_linked_role};
use crate::decode::nearest;
use crate::id::{Name, Place};
use crate::policy::Document;
use serde::de::VariantAccess;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Declares the enums over all kinds, and the match from each variant to its kind.
macro_rules! kinds {
    ($($kind:ident => $module:ident, $label:literal;)+) => {
        /// The kinds of resources, in the order in which plans list them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub enum Kind {
            $(#[doc = $label] $kind,)+
            /// A kind of consumer.
            Consumer(ConsumerKind),
        }

        impl Kind {
            /// Returns every kind.
            pub fn all() -> impl Iterator<Item = Self> {
                let consumers = ConsumerKind::ALL.iter().copied().map(Self::Consumer);
                [$(Self::$kind),+].into_iter().chain(consumers)
            }

            /// Returns the kind's name in addresses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $label,)+
                    Self::Consumer(kind) => kind.as_str(),
                }
            }

            /// Returns the AWS service, as the CLI names it.
            #[must_use]
            pub fn service(self) -> &'static str {
                match self {
                    $(Self::$kind => $module::$kind::SERVICE,)+
                    Self::Consumer(kind) => kind.facts().service,
                }
            }

            /// Returns the names of the operations that change resources of the kind.
            #[must_use]
            pub fn operations(self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind => $module::Call::OPERATIONS,)+
                    Self::Consumer(kind) => kind.operations(),
                }
            }
        }

        /// A declared or live resource of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub enum Spec {
            $(
                #[doc = $label]
                #[serde(rename = $label)]
                $kind(<$module::$kind as Resource>::Spec),
            )+
            /// A consumer.
            #[serde(untagged)]
            Consumer(ConsumerSpec),
        }

        impl ByKind for Spec {
            fn content<'de, A: VariantAccess<'de>>(
                kind: Kind,
                content: A,
            ) -> Result<Self, A::Error> {
                match kind {
                    $(Kind::$kind => content.newtype_variant().map(Self::$kind),)+
                    Kind::Consumer(kind) => ConsumerSpec::content(kind, content).map(Self::Consumer),
                }
            }
        }

        impl Spec {
            /// Returns the kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)+
                    Self::Consumer(spec) => Kind::Consumer(spec.kind()),
                }
            }

            /// Returns the keys that the resource refers to.
            #[must_use]
            pub fn refs(&self) -> Vec<&KeyRef> {
                match self {
                    $(Self::$kind(spec) => $module::$kind::refs(spec),)+
                    Self::Consumer(spec) => spec.key().into_iter().collect(),
                }
            }

            /// Returns AWS's identifier, if it is known before the resource exists. `name` is the
            /// name in the address.
            #[must_use]
            pub fn natural(&self, name: &str, place: &Place) -> Option<String> {
                match self {
                    $(Self::$kind(spec) => $module::$kind::natural(spec, place),)+
                    Self::Consumer(spec) => spec.natural(name),
                }
            }

            /// Returns `self`, with every field that is not declared taken from `live`.
            #[must_use]
            pub fn complete(&self, live: &Self, stack: &Name) -> Self {
                match (self, live) {
                    $((Self::$kind(declared), Self::$kind(live)) =>
                        Self::$kind($module::$kind::complete(declared, live, stack)),)+
                    (Self::Consumer(declared), Self::Consumer(live)) =>
                        Self::Consumer(declared.complete(live)),
                    _ => self.clone(),
                }
            }
        }

        /// An AWS call of any kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub enum Call {
            $(
                #[doc = $label]
                #[serde(rename = $label)]
                $kind(<$module::$kind as Resource>::Call),
            )+
            /// A call that changes a consumer.
            #[serde(untagged)]
            Consumer(ConsumerCall),
        }

        impl ByKind for Call {
            fn content<'de, A: VariantAccess<'de>>(
                kind: Kind,
                content: A,
            ) -> Result<Self, A::Error> {
                match kind {
                    $(Kind::$kind => content.newtype_variant().map(Self::$kind),)+
                    Kind::Consumer(kind) => ConsumerCall::content(kind, content).map(Self::Consumer),
                }
            }
        }

        impl Call {
            /// Returns the kind of the resource that the call changes.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)+
                    Self::Consumer(call) => Kind::Consumer(call.kind()),
                }
            }

            /// Returns the AWS service.
            #[must_use]
            pub fn service(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $module::$kind::SERVICE,)+
                    Self::Consumer(call) => call.kind().facts().service,
                }
            }

            /// Returns the way in which a lost answer is settled.
            #[must_use]
            pub fn retry(&self) -> Retry {
                match self {
                    $(Self::$kind(call) => $module::$kind::retry(call),)+
                    Self::Consumer(call) => call.retry(),
                }
            }

            /// Returns whether the call changes a key, its policy, tags, rotation, grants or aliases.
            #[must_use]
            pub fn changes_key(&self) -> bool {
                match self {
                    $(Self::$kind(call) => $module::$kind::changes_key(call),)+
                    Self::Consumer(_) => false,
                }
            }

            /// Returns the name of the operation.
            #[must_use]
            pub fn operation(&self) -> &'static str {
                match self {
                    $(Self::$kind(call) => call.operation(),)+
                    Self::Consumer(call) => call.operation(),
                }
            }
        }

        /// Returns the calls that execute `change`.
        ///
        /// # Errors
        /// Returns the violations if the change is not possible.
        pub fn calls(
            change: &Change<Spec>,
            setting: &Setting<'_>,
        ) -> Result<Calls<Call>, Vec<Violation>> {
            $({
                let narrowed = change.as_ref().try_map(|spec| {
                    if let Spec::$kind(spec) = spec { Some(spec) } else { None }
                });
                if let Some(change) = narrowed {
                    return $module::$kind::calls(change, setting)
                        .map(|calls| calls.map(Call::$kind));
                }
            })+
            let Some(change) = change.as_ref().try_map(Spec::as_consumer) else {
                return Err(vec![Violation::kind_changed()]);
            };
            consumers::calls(&change, setting).map(|calls| calls.map(Call::Consumer))
        }
    };
}

// The only list of kinds in the crate besides that of the consumers.
kinds! {
    ServiceLinkedRole => service_linked_role, "service_linked_role";
    Key => key, "key";
    KeyPolicy => key_policy, "key_policy";
    Alias => alias, "alias";
    Grant => grant, "grant";
}

impl Kind {
    /// Returns the kind of consumer, if it is one.
    #[must_use]
    pub fn consumer(self) -> Option<ConsumerKind> {
        if let Self::Consumer(kind) = self { Some(kind) } else { None }
    }

    /// Returns whether keys encrypt resources of the kind.
    #[must_use]
    pub fn is_consumer(self) -> bool {
        self.consumer().is_some()
    }
}

impl From<ConsumerKind> for Kind {
    fn from(kind: ConsumerKind) -> Self {
        Self::Consumer(kind)
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::all().map(Self::as_str).collect();
            match nearest(text, known.iter().copied()) {
                Some(near) => {
                    format!("`{text}` is not a kind of resource: did you mean `{near}`?")
                }
                None => {
                    format!("`{text}` is not a kind of resource: use one of {}", known.join(", "))
                }
            }
        })
    }
}

impl TryFrom<String> for Kind {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        by_kind::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        by_kind::deserialize(deserializer)
    }
}

impl Spec {
    /// Returns the form in which the resource is created. If the stack does not manage the policy
    /// of a key, the key gets AWS's default policy.
    #[must_use]
    pub fn newborn(&self, place: &Place, stack: &Name) -> Self {
        if let Self::Key(key) = self { Self::Key(key.newborn(place, stack)) } else { self.clone() }
    }

    /// Returns `self`, with the intended values of undeclared fields that an interrupted apply was
    /// changing.
    #[must_use]
    pub fn resumed(&self, intent: &Self) -> Self {
        match (self, intent) {
            (Self::Key(declared), Self::Key(intent)) => Self::Key(declared.resumed(intent)),
            _ => self.clone(),
        }
    }

    /// Returns the record after `to` is applied. `before` is the current record.
    #[must_use]
    pub fn recorded(&self, before: Option<&Self>, to: &Self) -> Self {
        match (self, to) {
            (Self::Key(declared), Self::Key(to)) => {
                Self::Key(declared.recorded(before.and_then(Self::as_key), to))
            }
            _ => self.clone(),
        }
    }

    /// Returns why the change is refused while the resource is protected.
    #[must_use]
    pub fn interruption(&self, to: &Self) -> Option<Violation> {
        match (self, to) {
            (Self::Key(from), Self::Key(to)) => from.interruption(to),
            (Self::Consumer(from), Self::Consumer(to)) => from.interruption(to),
            _ => None,
        }
    }

    /// Returns the fields by name, for the comparison that plans show.
    ///
    /// # Errors
    /// Returns the error of serde. The specs of this crate can always be serialized.
    pub fn fields(&self) -> serde_json::Result<Value> {
        let mut written = serde_json::to_value(self)?;
        Ok(written.get_mut(self.kind().as_str()).map(Value::take).unwrap_or_default())
    }

    /// Returns the names of the fields that are set.
    #[must_use]
    pub fn mentions(&self) -> BTreeSet<String> {
        let Ok(Value::Object(fields)) = self.fields() else {
            return BTreeSet::new();
        };
        fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect()
    }

    /// Returns the reference to a key, if it can be changed to another key.
    pub fn key_mut(&mut self) -> Option<&mut KeyRef> {
        match self {
            Self::Alias(alias) => Some(&mut alias.target),
            Self::KeyPolicy(policy) => Some(&mut policy.key),
            Self::Grant(grant) => Some(&mut grant.key),
            Self::Consumer(consumer) => consumer.common_mut().key.as_mut()?.key_mut(),
            Self::ServiceLinkedRole(_) | Self::Key(_) => None,
        }
    }

    /// Returns the key policy that it contains, if any.
    #[must_use]
    pub fn policy(&self) -> Option<&Document> {
        let own = self.as_key().and_then(|key| key.policy.as_ref());
        own.or_else(|| self.as_key_policy()?.policy.as_ref())
    }

    /// Returns the key, if it is one.
    #[must_use]
    pub fn as_key(&self) -> Option<&key::Spec> {
        if let Self::Key(spec) = self { Some(spec) } else { None }
    }

    /// Returns the statements in the policy of a key that is not the stack's, if it is that.
    #[must_use]
    pub fn as_key_policy(&self) -> Option<&key_policy::Spec> {
        if let Self::KeyPolicy(spec) = self { Some(spec) } else { None }
    }

    /// Returns the form with the stack's statements of another form. AWS shows these statements only within the policy,
    /// so a live form has those of the declaration.
    #[must_use]
    pub fn with_statements_of(&self, other: &Self) -> Self {
        let mut spec = self.clone();
        match (&mut spec, other) {
            (Self::Key(key), Self::Key(other)) => key.shared.clone_from(&other.shared),
            (Self::KeyPolicy(policy), Self::KeyPolicy(other)) => {
                policy.shared.clone_from(&other.shared);
            }
            _ => {}
        }
        spec
    }

    /// Returns the grant, if it is one.
    #[must_use]
    pub fn as_grant(&self) -> Option<&grant::Spec> {
        if let Self::Grant(spec) = self { Some(spec) } else { None }
    }

    /// Returns the alias, if it is one.
    #[must_use]
    pub fn as_alias(&self) -> Option<&alias::Spec> {
        if let Self::Alias(spec) = self { Some(spec) } else { None }
    }

    /// Returns the consumer, if it is one.
    #[must_use]
    pub fn as_consumer(&self) -> Option<&ConsumerSpec> {
        if let Self::Consumer(spec) = self { Some(spec) } else { None }
    }
}

impl Call {
    /// Returns the name of the operation and its parameters, as the AWS API names them.
    #[must_use]
    pub fn request(&self) -> (&'static str, Value) {
        let operation = self.operation();
        let parameters = serde_json::to_value(self).ok().and_then(|mut written| {
            let call = written.get_mut(self.kind().as_str())?;
            call.get_mut(operation).map(Value::take)
        });
        (operation, parameters.unwrap_or_default())
    }

    /// Returns the ARNs of the identities that must exist for AWS to accept the call.
    #[must_use]
    pub fn principals(&self) -> Vec<String> {
        match self {
            Self::Grant(call) => call.principals(),
            Self::Key(_)
            | Self::KeyPolicy(_)
            | Self::ServiceLinkedRole(_)
            | Self::Alias(_)
            | Self::Consumer(_) => self.policy().map(Document::principals).unwrap_or_default(),
        }
    }

    /// Returns the key policy that the call contains, if any.
    #[must_use]
    pub fn policy(&self) -> Option<&Document> {
        match self {
            Self::Key(call) => call.policy(),
            Self::KeyPolicy(call) => Some(call.policy()),
            Self::Grant(_) | Self::ServiceLinkedRole(_) | Self::Alias(_) | Self::Consumer(_) => {
                None
            }
        }
    }

    /// Returns the key on which the call creates a grant, if it creates one.
    #[must_use]
    pub fn is_grant_made(&self) -> Option<&KeyRef> {
        if let Self::Grant(grant::Call::CreateGrant(call)) = self {
            Some(&call.key_id)
        } else {
            None
        }
    }

    /// Returns the call that changes a consumer, if it is one.
    #[must_use]
    pub fn as_consumer(&self) -> Option<&ConsumerCall> {
        if let Self::Consumer(call) = self { Some(call) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_parsed_from_their_names() {
        let kinds: Vec<Kind> = Kind::all().collect();
        assert!(kinds.is_sorted());
        assert_eq!(kinds.len(), 5 + ConsumerKind::ALL.len());
        for kind in kinds {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_spec_is_written_under_the_name_of_its_kind() {
        for text in [
            r#"{"alias":{"name":"alias/a","target":"key/a"}}"#,
            r#"{"dynamodb_table":{"key":"key/a","tags":{"a":"b"},"point_in_time_recovery":true}}"#,
        ] {
            let spec: Spec = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&spec).unwrap(), text);
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::from_value::<Spec>(value).unwrap(), spec);
        }
    }

    #[test]
    fn errors_of_a_spec_name_the_kind_or_the_field() {
        let error = |text: &str| serde_json::from_str::<Spec>(text).unwrap_err().to_string();
        let unknown = error(r#"{"dynamodb_tables": {"key": "none"}}"#);
        assert!(unknown.starts_with(
            "`dynamodb_tables` is not a kind of resource: did you mean `dynamodb_table`?"
        ));
        let unknown = error(r#"{"lambda": {"key": "none"}}"#);
        assert!(unknown.starts_with("`lambda` is not a kind of resource: use one of"));
        assert!(unknown.contains("grant, ebs_default"), "{unknown}");
        let content = error(r#"{"dynamodb_table": {"key": 1}}"#);
        assert!(content.starts_with("invalid type: integer `1`, expected a string"), "{content}");
        assert!(error(r#"{"alias": {"name": "alias/a"}}"#).starts_with("missing field `target`"));
    }
}
