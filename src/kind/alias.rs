//! Aliases. An alias is identified by its name, and belongs to the stack that owns its key.

pub(crate) mod aws;

use super::call::calls;
use super::{Calls, Change, KeyFacts, KeyRef, Resource, Retry, Setting, Violation, key};
use crate::id::{AliasName, Name, Place};
use serde::{Deserialize, Serialize};

/// An alias and its target key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The name, with `alias/`.
    pub name: AliasName,
    /// The target key.
    pub target: KeyRef,
}

calls! {
    /// The calls that change an alias.
    pub enum Call {
        CreateAlias { alias_name: AliasName, target_key_id: KeyRef },
        UpdateAlias { alias_name: AliasName, target_key_id: KeyRef },
        DeleteAlias { alias_name: AliasName },
    }
}

/// The kind of aliases.
#[derive(Debug)]
pub struct Alias;

impl Resource for Alias {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        vec![&spec.target]
    }

    fn natural(spec: &Spec, _: &Place) -> Option<String> {
        Some(spec.name.to_string())
    }

    fn complete(declared: &Spec, _: &Spec, _: &Name) -> Spec {
        declared.clone()
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let Setting { place, keys, .. } = *setting;

        Ok(match change {
            Change::Create { to } => Calls::all_at(place, vec![create(to)]),
            Change::Update { from, to } | Change::Import { from, to } => {
                if same_type(&from.target, &to.target, keys) {
                    let update = UpdateAlias {
                        alias_name: to.name.clone(),
                        target_key_id: to.target.clone(),
                    }
                    .into();
                    Calls::all_at(place, vec![update])
                } else {
                    let mut calls = Calls::all_at(place, vec![delete(from), create(to)]);
                    calls.risk = Some(
                        "deletes the alias and creates it again, because the keys differ in type \
                        or usage; between the two calls the alias does not exist"
                            .to_owned(),
                    );
                    calls
                }
            }
            Change::Delete { from } => {
                let mut calls = Calls::all_at(place, vec![delete(from)]);
                calls.risk = Some("requests that name the alias fail".to_owned());
                calls
            }
            Change::Forget { .. } => Calls::all_at(place, Vec::new()),
        })
    }

    fn retry(_: &Call) -> Retry {
        Retry::ProbeByName
    }

    /// Policies can give access by the aliases of a key (`kms:ResourceAliases`).
    fn changes_key(_: &Call) -> bool {
        true
    }
}

fn create(to: &Spec) -> Call {
    CreateAlias { alias_name: to.name.clone(), target_key_id: to.target.clone() }.into()
}

fn delete(from: &Spec) -> Call {
    DeleteAlias { alias_name: from.name.clone() }.into()
}

/// Returns whether `UpdateAlias` can move an alias from one key to the other: both must be
/// symmetric, both asymmetric or both HMAC keys, with the same usage (KMS API Reference,
/// UpdateAlias). An unknown key counts as different, because deleting and creating the alias always
/// works.
fn same_type(from: &KeyRef, to: &KeyRef, facts: &KeyFacts) -> bool {
    match (type_of(from, facts), type_of(to, facts)) {
        (Some(from), Some(to)) => from == to,
        (_, _) => false,
    }
}

/// Returns the family and the usage of a key, if they are known.
fn type_of<'a>(key: &KeyRef, facts: &'a KeyFacts) -> Option<(key::Family, &'a str)> {
    let fact = facts.get(key)?;
    Some((key::rule(&fact.spec)?.family, fact.usage.as_str()))
}
