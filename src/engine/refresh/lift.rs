//! Puts what was read into the words of declarations.

use super::identify::{Owner, target};
use super::{Aliases, Interest, Reading, Refresh, obstructed, unreachable};
use crate::address::Address;
use crate::cloud::retry::{every_page, patiently};
use crate::cloud::{Cloud, CloudError, Fault};
use crate::id::{KeyArn, Name};
use crate::kind::grant::{self, Listed};
use crate::kind::key::{self, NAME_TAG, STACK_TAG};
use crate::kind::{KeyRef, Kind, Spec, alias};
use crate::live::{Live, Observed};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

impl<C: Cloud> Refresh<'_, C> {
    pub(super) async fn lift_keys(
        &self,
        readings: Vec<(Address, Result<Reading, CloudError>)>,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        for (address, reading) in readings {
            let seen = match reading {
                Ok(reading) => self.lift_key(&address, reading, live),
                Err(error) if error.fault == Fault::NotFound => self.gone(&address, live),
                Err(error) => obstructed(&error),
            };
            if matches!(seen, Observed::Unusable { .. }) {
                self.obstruct_grants_on(&address, live);
            }
            live.observed.insert(address, seen);
        }
        self.point_at(live).await
    }

    /// A key does not vanish without days of pending deletion, and AWS may be late to show one: a new
    /// one under the same name is made only once a person has said that the old one is gone.
    fn gone(&self, address: &Address, live: &mut Live) -> Observed {
        let Some(record) = self.state.records.get(address) else {
            live.ids.remove(address);
            return Observed::Absent;
        };
        Observed::Unusable {
            reason: format!("`{}`, which it was, is not there", record.id),
            help: format!(
                "if it was made minutes ago, AWS may not show it yet: plan again; if it is gone for \
                 good, with what it encrypted, `kmsctl state forget {address}` lets a new one be made"
            ),
        }
    }

    /// The grants of a key that cannot be looked at are not absent.
    fn obstruct_grants_on(&self, key: &Address, live: &mut Live) {
        for address in self.grants_on.get(&KeyRef::Managed(key.clone())).into_iter().flatten() {
            let reason = format!("the grants of `{key}` cannot be looked at");
            let help = format!("resolve what blocks `{key}` first");
            live.observed.insert(address.clone(), Observed::Unusable { reason, help });
        }
    }

    fn lift_key(&self, address: &Address, reading: Reading, live: &mut Live) -> Observed {
        let Reading { metadata, policy, rotation, tags, grants } = reading;
        if let Some(seen) = self.foreign_key(address, &metadata, &tags) {
            return seen;
        }
        let interest = self.interest(address).keys();
        let policy = policy.as_deref().map(|text| self.document(text, &metadata.arn, &interest));
        let policy = match policy.transpose() {
            Ok(policy) => policy,
            Err(seen) => return seen,
        };
        let arn = metadata.arn.clone();
        let fact = metadata.fact();
        live.key_facts.insert(KeyRef::Managed(address.clone()), fact.clone());
        live.key_facts.insert(KeyRef::Arn(arn.clone()), fact);
        let spec = Box::new(Spec::Key(key::lift(&metadata, rotation, policy, &tags, &interest)));
        if let Some(grants) = grants {
            self.lift_grants_of(&KeyRef::Managed(address.clone()), &grants, live);
        }
        Observed::Present { id: arn.to_string(), place: arn.place(), spec, busy: None }
    }

    /// Why a key must not be touched. Its tags say whose it is; the configuration may name one that
    /// is nobody's. A record proves nothing: it may be old, or written by somebody else.
    fn foreign_key(
        &self,
        address: &Address,
        metadata: &key::Metadata,
        tags: &BTreeMap<String, String>,
    ) -> Option<Observed> {
        if metadata.aws_managed {
            let reason = format!("`{}` is managed by AWS and cannot be changed", metadata.arn);
            let help = "declare a key of your own".to_owned();
            return Some(Observed::Unusable { reason, help });
        }
        let Some(stack) = tags.get(STACK_TAG) else {
            let declared = self.interest(address).declared;
            let adopted = declared.is_some_and(|key| key.adopt.is_some());
            let (arn, stack) = (&metadata.arn, &self.desired.stack);
            return (!adopted).then(|| untagged_key(address, arn, stack, declared.is_some()));
        };
        let other = tags.get(NAME_TAG).map(|name| Address::new(Kind::Key, name.clone()));
        if let Some(other) = other.filter(|other| other != address && self.is_known(other)) {
            return Some(Observed::Unusable {
                reason: format!("`{}` is `{other}` already", metadata.arn),
                help: "one key has one address: drop one of the two declarations, or forget the \
                       other with `removed`"
                    .to_owned(),
            });
        }
        (stack != self.desired.stack.as_str()).then(|| Observed::Unusable {
            reason: format!("`{}` belongs to the stack `{stack}`", metadata.arn),
            help: "let that stack forget the key first (`removed`), and take its tags off"
                .to_owned(),
        })
    }

    pub(super) fn is_known(&self, address: &Address) -> bool {
        let interest = self.interest(address);
        interest.declared.is_some() || interest.record.is_some()
    }

    /// The live policy; where it is the declared one with the key's own ARN filled in, in the
    /// declared words.
    fn document(
        &self,
        text: &str,
        arn: &KeyArn,
        interest: &[&key::Spec],
    ) -> Result<Document, Observed> {
        let live = Document::from_live(text, self.desired.home.region.partition()).map_err(
            |problems| Observed::Unusable {
                reason: format!(
                    "its policy cannot be understood: {}",
                    problems.first().map(|p| p.message.as_str()).unwrap_or_default()
                ),
                help: "look at it with `aws kms get-key-policy`".to_owned(),
            },
        )?;
        let own = arn.to_string();
        let declared = interest.iter().filter_map(|spec| spec.policy.as_ref());
        let same = declared
            .filter(|policy| policy.names_own_key())
            .find(|policy| policy.with_own_key(&own) == live);
        Ok(same.cloned().unwrap_or(live))
    }

    /// Describes the keys that are only pointed at.
    async fn point_at(&self, live: &mut Live) -> Result<(), CloudError> {
        let own: BTreeSet<&KeyArn> = live.ids.values().collect();
        let aliased = live.targets.values().filter(|arn| !own.contains(arn));
        let wanted: BTreeSet<KeyArn> =
            self.desired.existing.iter().chain(aliased).cloned().collect();
        let asks = wanted.iter().map(|arn| async move {
            let ask = async || self.cloud.describe(arn).await;
            (arn, patiently(&self.effort.patience, ask).await)
        });
        for (arn, answer) in self.side_by_side(asks).await {
            match answer {
                Ok(metadata) => {
                    let fact = metadata.fact();
                    live.key_facts.insert(KeyRef::Arn(arn.clone()), fact);
                }
                Err(error) if unreachable(&error) => return Err(error),
                Err(error) => self.obstruct_all_on(arn, &error, live),
            }
        }
        Ok(())
    }

    fn obstruct_all_on(&self, arn: &KeyArn, error: &CloudError, live: &mut Live) {
        for (address, declared) in &self.desired.resources {
            let points =
                declared.spec.refs().into_iter().any(|key| *key == KeyRef::Arn(arn.clone()));
            if points {
                live.observed.insert(address.clone(), obstructed(error));
            }
        }
    }

    pub(super) async fn lift_aliases(
        &self,
        aliases: &Aliases,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        let keys: BTreeMap<KeyArn, Address> =
            live.ids.iter().map(|(address, arn)| (arn.clone(), address.clone())).collect();
        for address in self.addresses(Kind::Alias) {
            let interest = self.interest(address);
            let Some(Spec::Alias(wanted)) = interest.specs().next() else {
                continue;
            };
            let place = interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place));
            let Some(place) = place.filter(|_| !live.observed.contains_key(address)) else {
                continue;
            };
            let seen = match target(aliases, place, wanted.name.as_str()) {
                None => Observed::Absent,
                Some(arn) => {
                    let present = |target| Observed::Present {
                        id: wanted.name.to_string(),
                        place: place.clone(),
                        busy: None,
                        spec: Box::new(Spec::Alias(alias::Spec {
                            name: wanted.name.clone(),
                            target,
                        })),
                    };
                    match keys.get(&arn) {
                        Some(key) => present(KeyRef::Managed(key.clone())),
                        None if self.desired.existing.contains(&arn) => present(KeyRef::Arn(arn)),
                        None if matches!(self.owner(&arn).await?, Owner::Ours(_)) => {
                            present(KeyRef::Arn(arn))
                        }
                        None if interest.declared.is_none() => kept_alias(address, wanted, &arn),
                        None => foreign_alias(wanted, &arn),
                    }
                }
            };
            live.observed.insert(address.clone(), seen);
        }
        Ok(())
    }

    /// Whether a grant is declared on another key than `key`.
    fn is_elsewhere(&self, interest: &Interest<'_>, key: &KeyRef) -> bool {
        let declared = interest.declared.map(|declared| declared.spec.refs());
        declared.is_some_and(|refs| !refs.into_iter().any(|of| of == key))
    }

    /// Grants on keys that are not the stack's; those on its own keys were read with the key.
    pub(super) async fn lift_grants(&self, live: &mut Live) -> Result<(), CloudError> {
        let arns = self.grants_on.keys().filter_map(|key| match key {
            KeyRef::Arn(arn) => Some((key, arn)),
            KeyRef::Managed(_) | KeyRef::Alias(_) => None,
        });
        let asks = arns.map(|(key, arn)| async move {
            let list = async |from: Option<&str>| self.cloud.grants(arn, from).await;
            (key, every_page(&self.effort.patience, list).await)
        });
        for (key, answer) in self.side_by_side(asks).await {
            match answer {
                Ok(grants) => self.lift_grants_of(key, &grants, live),
                Err(error) if unreachable(&error) => return Err(error),
                Err(error) => {
                    let grants = self.grants_on.get(key).into_iter().flatten();
                    live.observed.extend(grants.map(|grant| (grant.clone(), obstructed(&error))));
                }
            }
        }
        Ok(())
    }

    fn lift_grants_of(&self, key: &KeyRef, listed: &[Listed], live: &mut Live) {
        for address in self.grants_on.get(key).into_iter().flatten() {
            let interest = self.interest(address);
            let wanted =
                interest.specs().filter_map(Spec::as_grant).find(|grant| grant.key == *key);
            let place = interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place));
            let (Some(wanted), Some(place)) = (wanted, place) else {
                continue;
            };
            let wanted = grant::Wanted {
                stack: &self.desired.stack,
                name: &address.name,
                place,
                spec: wanted,
                recorded: interest.record.map(|record| record.id.as_str()),
            };
            match grant::lift(wanted, listed) {
                // One that is left on a key that the declaration has moved away from is what must
                // go; the other key is looked at as well, in any order.
                Some((id, spec)) if self.is_elsewhere(&interest, key) || !found(live, address) => {
                    let spec = Box::new(Spec::Grant(spec));
                    let seen = Observed::Present { id, place: place.clone(), spec, busy: None };
                    live.observed.insert(address.clone(), seen);
                }
                Some(_) => {}
                None if live.observed.contains_key(address) => {}
                None => {
                    live.observed.insert(address.clone(), Observed::Absent);
                }
            }
        }
    }
}

fn found(live: &Live, address: &Address) -> bool {
    matches!(live.observed.get(address), Some(Observed::Present { .. } | Observed::Unusable { .. }))
}

/// A key that carries no tags of any stack, and that the configuration does not name.
fn untagged_key(address: &Address, arn: &KeyArn, stack: &Name, declared: bool) -> Observed {
    let adopt = if declared { format!("write `adopt: {arn}`, or ") } else { String::new() };
    Observed::Unusable {
        reason: format!("`{arn}` is recorded, but does not carry the tags of this stack"),
        help: format!(
            "if it is this stack's, {adopt}give it the tags \
             `{STACK_TAG}={stack}` and `{NAME_TAG}={}` again; if it is not, \
             `kmsctl state forget {address}`",
            address.name
        ),
    }
}

/// Nothing in AWS shows who made an alias. One on a key of somebody else is not deleted.
fn kept_alias(address: &Address, recorded: &alias::Spec, arn: &KeyArn) -> Observed {
    let name = &recorded.name;
    Observed::Unusable {
        reason: format!(
            "it is no longer declared, but `{name}` points at `{arn}`, which is not this stack's"
        ),
        help: format!(
            "delete it with `aws kms delete-alias --alias-name {name}` if nobody needs it, and stop \
             managing it with `removed: [{{address: {address}, action: forget}}]`"
        ),
    }
}

fn foreign_alias(wanted: &alias::Spec, arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!("`{}` points at `{arn}`, which is not this stack's", wanted.name),
        help: format!(
            "take that key over with `adopt: {name}`, declare it with `existing: {arn}` for the alias \
             to be pointed elsewhere, choose another alias, or have its owner delete the alias",
            name = wanted.name
        ),
    }
}
