//! The resources that requests are about, and the forms in which a policy names them.

use crate::desired::{Adopt, Desired};
use crate::id::{AliasName, KeyArn, Name, Place};
use crate::kind::consumer::Identity;
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::{Address, ConsumerSpec, KeyRef, Kind, Spec, key};
use crate::state::State;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The form in which a policy names keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyTarget {
    /// A key with the stack's tag.
    Tagged(OwnKey),
    /// The key behind an alias of a place.
    Alias(Place, AliasName),
    /// A key.
    Arn(KeyArn),
    /// Every key of a place.
    All(Place),
}

/// A key of the stack, which has the stack's tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OwnKey {
    /// The account and Region.
    pub(super) place: Place,
    /// The values of the tag with its name: two if the key is moved.
    pub(super) names: BTreeSet<String>,
    /// Its ARN, if it is recorded.
    pub(super) recorded: Option<KeyArn>,
}

impl OwnKey {
    /// Creates a key of which nothing but its name is known. A replica has the name of its primary key.
    fn unknown(place: &Place, address: &Address) -> Self {
        let name = address.name.split('/').next().unwrap_or_default();
        Self { place: place.clone(), names: BTreeSet::from([name.to_owned()]), recorded: None }
    }

    /// Returns the related key in another Region.
    fn at(&self, place: &Place) -> Self {
        let recorded = self.recorded.as_ref().map(|arn| KeyArn::at(place, arn.id()));
        Self { place: place.clone(), names: self.names.clone(), recorded }
    }
}

impl KeyTarget {
    /// Returns the account and Region.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Tagged(key) => key.place.clone(),
            Self::Alias(place, _) | Self::All(place) => place.clone(),
            Self::Arn(arn) => arn.place(),
        }
    }

    /// Returns the ARN of the key, if it is known.
    pub(super) fn arn(&self) -> Option<&KeyArn> {
        match self {
            Self::Arn(arn) => Some(arn),
            Self::Tagged(key) => key.recorded.as_ref(),
            Self::Alias(..) | Self::All(_) => None,
        }
    }

    /// Returns the same keys in the Region of a request: related multi-Region keys have the same key id and tags.
    pub(super) fn at(&self, place: &Place) -> Self {
        match self {
            Self::Tagged(key) => Self::Tagged(key.at(place)),
            Self::All(_) => Self::All(place.clone()),
            Self::Alias(at, name) => Self::Alias(at.clone(), name.clone()),
            Self::Arn(arn) => Self::Arn(KeyArn::at(place, arn.id())),
        }
    }
}

/// The form in which a policy names the resource itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// By its ARN.
    Exact(String),
    /// By a pattern and the stack's tag.
    Tagged(String),
    /// All resources that match a pattern.
    All(String),
    /// The API has no ARN for it.
    Nameless,
}

/// A resource that requests are about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The address, or what the requests are about.
    pub(super) label: String,
    /// The kind.
    pub(super) kind: Option<Kind>,
    /// The account and Region.
    pub(super) place: Place,
    /// The declared or recorded form.
    pub(super) spec: Option<Spec>,
    /// The fields of the form.
    pub(super) fields: Value,
    /// The form in which a policy names it.
    pub(super) own: Own,
    /// The name of a resource that the stack tags with it, and its ARN, if it is recorded.
    pub(super) named: Option<(String, Option<String>)>,
    /// AWS's identifier, or `*`.
    pub(super) id: String,
    /// The keys that it is about.
    pub(super) keys: BTreeSet<KeyTarget>,
    /// The primary key of a replica.
    pub(super) primary: Option<KeyTarget>,
    /// Whether the resource is declared.
    pub(super) declared: bool,
    /// Whether kmsctl creates and deletes it.
    pub(super) owned: bool,
    /// Whether kmsctl refuses to delete it.
    pub(super) protect: bool,
    /// How it leaves the stack, if it stays in AWS.
    pub(super) leaving: Option<Leaving>,
}

/// How a resource leaves the stack that stays in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nothing is changed.
    Untouched,
    /// The key loses the stack's tags.
    Untagged,
}

impl Subject {
    /// Creates a subject that is no resource of the stack.
    pub(super) fn of(label: impl Into<String>, place: &Place) -> Self {
        Self {
            label: label.into(),
            kind: None,
            place: place.clone(),
            spec: None,
            fields: Value::Null,
            own: Own::Nameless,
            named: None,
            id: "*".to_owned(),
            keys: BTreeSet::new(),
            primary: None,
            declared: true,
            owned: false,
            protect: true,
            leaving: None,
        }
    }

    /// Creates the subject of requests about keys.
    pub(super) fn keys(label: impl Into<String>, target: KeyTarget) -> Self {
        let place = target.place();
        Self { keys: BTreeSet::from([target]), ..Self::of(label, &place) }
    }

    /// Creates the subject of requests that name an identifier.
    pub(super) fn named(label: impl Into<String>, place: &Place, id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::of(label, place) }
    }

    /// Creates the subject of requests about all resources of a kind in a place.
    pub(super) fn all(kind: Kind, place: &Place) -> Self {
        let own = kind.consumer().and_then(|kind| kind.facts().arn);
        let own = own.map_or(Own::Nameless, |form| Own::All(arn(place, &form, "*")));
        Self { kind: Some(kind), own, ..Self::of(format!("every {}", kind.as_str()), place) }
    }

    /// Returns the consumer, if it is one.
    pub(super) fn consumer(&self) -> Option<&ConsumerSpec> {
        self.spec.as_ref().and_then(Spec::as_consumer)
    }

    /// Returns the declared tags; `None` if kmsctl sets none.
    pub(super) fn tags(&self) -> Option<&BTreeMap<String, String>> {
        match self.spec.as_ref()? {
            Spec::Key(key) => Some(&key.tags),
            Spec::Consumer(consumer) => Some(&consumer.common().tags),
            Spec::KeyPolicy(_) | Spec::Alias(_) | Spec::Grant(_) | Spec::ServiceLinkedRole(_) => {
                None
            }
        }
    }
}

fn arn(place: &Place, form: &crate::kind::consumer::ArnForm, id: &str) -> String {
    if form.is_id && id.starts_with("arn:") {
        return id.to_owned();
    }
    let Place { account, region } = place;
    format!("arn:{}:{}:{region}:{account}:{}{id}", region.partition(), form.service, form.prefix)
}

/// Returns the resources of a stack: those that are declared, and those that are only recorded.
pub(super) fn subjects(desired: &Desired, state: &State) -> BTreeMap<Address, Subject> {
    let declared = desired.resources.iter().map(|(address, declared)| {
        let form = Form {
            spec: &declared.spec,
            place: &declared.place,
            protect: declared.protect,
            adopt: declared.adopt.as_ref(),
            declared: true,
            id: state.records.get(address).map(|record| record.id.as_str()),
        };
        (address.clone(), subject(desired, state, address, &form))
    });
    let gone =
        state.records.iter().filter(|(address, _)| !desired.resources.contains_key(*address));
    let gone = gone.map(|(address, record)| {
        let form = Form {
            spec: &record.spec,
            place: &record.place,
            protect: record.protect,
            adopt: None,
            declared: false,
            id: Some(&record.id),
        };
        (address.clone(), subject(desired, state, address, &form))
    });
    let duplicates = desired.delete.iter().map(|arn| {
        let address = Address::new(Kind::Key, arn.to_string());
        let subject = Subject {
            declared: false,
            protect: false,
            kind: Some(Kind::Key),
            ..Subject::keys(format!("duplicate {arn}"), KeyTarget::Arn(arn.clone()))
        };
        (address, subject)
    });
    declared.chain(gone).chain(duplicates).collect()
}

/// What is known about a resource.
pub(super) struct Form<'a> {
    pub(super) spec: &'a Spec,
    pub(super) place: &'a Place,
    pub(super) protect: bool,
    pub(super) adopt: Option<&'a Adopt>,
    pub(super) declared: bool,
    /// AWS's identifier, if it is recorded.
    pub(super) id: Option<&'a str>,
}

/// Returns the subject of the requests about a resource.
pub(super) fn subject(
    desired: &Desired,
    state: &State,
    address: &Address,
    form: &Form<'_>,
) -> Subject {
    let Form { spec, place, .. } = form;
    let names = Names { desired, state };
    let primary = spec.as_key().and_then(|key| key.primary.as_ref());
    let own_key = spec.as_key().map(|key| names.key(address, key, form));
    let refs = spec.refs();
    let refs = refs.into_iter().filter(|key| primary.is_none_or(|primary| primary.key != **key));
    let keys = own_key.into_iter().chain(refs.map(|key| names.target(key, place)));
    let existing = spec.as_consumer().and_then(|spec| spec.common().existing.as_deref());
    let (own, id) = own(spec, address, place, form.id);
    let facts = spec.as_consumer().and_then(|spec| spec.kind().facts().arn);
    let recorded = match (&own, facts.zip(form.id)) {
        (Own::Tagged(_), Some((form, id))) => Some(arn(place, &form, id)),
        _ => None,
    };
    Subject {
        named: Some((address.name.clone(), recorded)),
        label: address.to_string(),
        kind: Some(address.kind),
        place: (*place).clone(),
        fields: spec.fields().unwrap_or_default(),
        own,
        id,
        keys: keys.collect(),
        primary: primary.map(|primary| names.target(&primary.key, place).at(&at(place, primary))),
        declared: form.declared,
        owned: existing.is_none() && form.adopt.is_none(),
        protect: form.protect,
        leaving: leaving(desired, address, spec),
        spec: Some((*spec).clone()),
    }
}

fn leaving(desired: &Desired, address: &Address, spec: &Spec) -> Option<Leaving> {
    if desired.untags(address) {
        Some(Leaving::Untagged)
    } else if desired.lets_go(address, Some(spec)) {
        Some(Leaving::Untouched)
    } else {
        None
    }
}

fn at(place: &Place, primary: &crate::kind::key::Primary) -> Place {
    Place { region: primary.region.clone(), ..place.clone() }
}

/// Returns the form in which a policy names a resource that is not a key, and AWS's identifier.
fn own(spec: &Spec, address: &Address, place: &Place, known: Option<&str>) -> (Own, String) {
    match spec {
        Spec::ServiceLinkedRole(role) => (Own::Exact(role.arn(place)), role.arn(place)),
        Spec::Consumer(consumer) => {
            let facts = consumer.kind().facts();
            let given = consumer.common().existing.as_deref();
            let id = match facts.identity {
                Identity::Name => given.or(known).or(Some(address.name.as_str())),
                Identity::Id | Identity::Single => given,
            };
            let own = match (facts.arn, id) {
                (Some(form), Some(id)) => Own::Exact(arn(place, &form, id)),
                (Some(form), None) => Own::Tagged(arn(place, &form, "*")),
                (None, _) => Own::Nameless,
            };
            (own, id.unwrap_or("*").to_owned())
        }
        Spec::Key(_) | Spec::KeyPolicy(_) | Spec::Alias(_) | Spec::Grant(_) => {
            (Own::Nameless, "*".to_owned())
        }
    }
}

/// The names of keys in policies.
pub(super) struct Names<'a> {
    pub(super) desired: &'a Desired,
    pub(super) state: &'a State,
}

impl Names<'_> {
    /// Returns the form in which a policy names a key that is referred to.
    pub(super) fn target(&self, key: &KeyRef, place: &Place) -> KeyTarget {
        match key {
            KeyRef::Arn(arn) => KeyTarget::Arn(arn.clone()),
            KeyRef::Alias(alias) => KeyTarget::Alias(alias.place.clone(), alias.name.clone()),
            KeyRef::Managed(address) => self.managed(address, place),
        }
    }

    fn managed(&self, address: &Address, place: &Place) -> KeyTarget {
        let record = self.state.records.get(address);
        let known = record.map(|record| record.id.as_str());
        let declared = self.desired.resources.get(address);
        let form = match (declared, record) {
            (Some(declared), _) => Form {
                spec: &declared.spec,
                place: &declared.place,
                protect: declared.protect,
                adopt: declared.adopt.as_ref(),
                declared: true,
                id: known,
            },
            (None, Some(record)) => Form {
                spec: &record.spec,
                place: &record.place,
                protect: record.protect,
                adopt: None,
                declared: false,
                id: known,
            },
            (None, None) => return KeyTarget::Tagged(OwnKey::unknown(place, address)),
        };
        match form.spec.as_key() {
            Some(key) => self.key(address, key, &form),
            None => KeyTarget::Tagged(OwnKey::unknown(place, address)),
        }
    }

    /// Returns the form in which a policy names a key of the stack. A key that is taken over does not carry the stack's
    /// tag yet, and may never get it.
    fn key(&self, address: &Address, key: &key::Spec, form: &Form<'_>) -> KeyTarget {
        match form.adopt {
            Some(Adopt::Key(arn)) => return KeyTarget::Arn(arn.clone()),
            Some(Adopt::Alias(alias)) => {
                return KeyTarget::Alias(form.place.clone(), alias.clone());
            }
            Some(Adopt::Grant(_)) | None => {}
        }
        let is_tagged = key.tags.get(STACK_TAG).is_some_and(|stack| self.is_own(stack));
        let recorded = form.id.and_then(|id| id.parse().ok());
        match recorded {
            Some(arn) if !is_tagged => KeyTarget::Arn(arn),
            recorded => KeyTarget::Tagged(OwnKey {
                place: form.place.clone(),
                names: self.tags_of(address, key),
                recorded,
            }),
        }
    }

    /// Returns the values that the tag with the name of a key has before and after a plan.
    fn tags_of(&self, address: &Address, key: &key::Spec) -> BTreeSet<String> {
        let before = self.state.records.get(address).and_then(|record| record.spec.as_key());
        let named = [Some(key), before].into_iter().flatten();
        let named = named.filter_map(|key| key.tags.get(NAME_TAG).cloned());
        // A replica has the name of its key.
        let base = address.name.split('/').next();
        let moved = self.desired.moved.iter().filter(|(_, new)| base == Some(new.name.as_str()));
        named.chain(moved.map(|(old, _)| old.name.clone())).collect()
    }

    fn is_own(&self, stack: &str) -> bool {
        let own: &Name = &self.desired.stack;
        own.as_str() == stack
    }
}
