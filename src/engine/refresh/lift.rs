//! Converts the settings that were read to the form of declarations.

use super::identify::{Owner, target};
use super::{Aliases, Interest, Reading, Refresh, is_outage, unusable};
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::cloud::retry::{every_page, with_retries};
use crate::desired::Adopt;
use crate::id::{KeyArn, Name, Place};
use crate::kind::address::Address;
use crate::kind::grant::{self, Listed};
use crate::kind::key::{self, NAME_TAG, STACK_TAG};
use crate::kind::{KeyRef, Kind, Spec, alias};
use crate::live::{Live, Observed};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

impl<C: Cloud> Refresh<'_, C> {
    /// Converts the keys that were read, with their grants.
    pub(super) async fn lift_keys(
        &self,
        readings: Vec<(Address, Result<Reading, CloudError>)>,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        for (address, reading) in readings {
            let seen = match reading {
                Ok(reading) => self.lift_key(&address, reading, live),
                Err(error) if error.fault == Fault::NotFound => self.missing_key(&address, live),
                Err(error) => unusable(&error),
            };
            if matches!(seen, Observed::Unusable { .. }) {
                self.block_grants_on(&address, live);
            }
            live.observed.insert(address, seen);
        }
        self.describe_targets(live).await
    }

    /// Returns the result for a key that AWS does not have. A key is pending deletion for days before it
    /// is deleted, and AWS may not show a new key yet. A recorded key that is missing is therefore
    /// replaced only after a person has removed its record.
    fn missing_key(&self, address: &Address, live: &mut Live) -> Observed {
        let Some(record) = self.state.records.get(address) else {
            live.ids.remove(address);
            return Observed::Absent;
        };
        Observed::Unusable {
            reason: format!("the recorded key `{}` no longer exists", record.id),
            help: format!(
                "if it was created minutes ago, AWS may not show it yet: plan again; if it was \
                 deleted, the data that it encrypted is lost: run `kmsctl state forget {address}`, \
                 and the next apply creates a new key"
            ),
        }
    }

    /// Marks the grants on an unreadable key as unusable, because they may exist.
    fn block_grants_on(&self, key: &Address, live: &mut Live) {
        for address in self.grants_on.get(&KeyRef::Managed(key.clone())).into_iter().flatten() {
            let reason = format!("the grants on `{key}` cannot be read");
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
        match grants {
            Ok(grants) => {
                self.lift_grants_of(&KeyRef::Managed(address.clone()), &grants, live);
                self.lift_undeclared_grants(address, &arn, &grants, live);
                let mark = grant::mark(&self.desired.stack);
                let foreign = grants.into_iter().filter(|grant| !grant.name.starts_with(&mark));
                live.foreign_grants.insert(address.clone(), foreign.collect());
            }
            Err(error) => {
                let why = format!(
                    "could not list the grants on `{address}` ({error}): allow the caller kms:ListGrants"
                );
                live.unchecked.push(why);
            }
        }
        Observed::Present { id: arn.to_string(), place: arn.place(), spec, busy: None }
    }

    /// Returns the reason why the stack must not change a key, if any. The owner is decided by the key's
    /// tags. A key without tags is the stack's only if its declaration has `adopt`. A record is no
    /// proof, since it may be outdated.
    fn foreign_key(
        &self,
        address: &Address,
        metadata: &key::Metadata,
        tags: &BTreeMap<String, String>,
    ) -> Option<Observed> {
        if metadata.aws_managed {
            let reason = format!("`{}` is an AWS managed key and cannot be changed", metadata.arn);
            let help = "declare a customer managed key".to_owned();
            return Some(Observed::Unusable { reason, help });
        }
        let Some(stack) = tags.get(STACK_TAG) else {
            let declared = self.interest(address).declared;
            let adopted = declared.is_some_and(|key| key.adopt.is_some());
            let (arn, stack) = (&metadata.arn, &self.desired.stack);
            return (!adopted).then(|| untagged_key(address, arn, stack, declared.is_some()));
        };
        let other = tags.get(NAME_TAG).map(|name| {
            let address = Address::new(Kind::Key, name.clone());
            self.desired.renamed(&address).unwrap_or(address)
        });
        let is_another = |other: &Address| {
            other != address && address.original().as_ref() != Some(other) && self.is_known(other)
        };
        if let Some(other) = other.filter(is_another) {
            return Some(Observed::Unusable {
                reason: format!("`{}` is `{other}` already", metadata.arn),
                help: "a key has one address: remove one of the two declarations, or forget the \
                       other with `removed`"
                    .to_owned(),
            });
        }
        (stack != self.desired.stack.as_str()).then(|| Observed::Unusable {
            reason: format!("`{}` belongs to the stack `{stack}`", metadata.arn),
            help: "forget the key in that stack first (`removed`), and remove its tags".to_owned(),
        })
    }

    /// Returns whether the address is declared or recorded.
    pub(super) fn is_known(&self, address: &Address) -> bool {
        let interest = self.interest(address);
        interest.declared.is_some() || interest.record.is_some()
    }

    /// Returns the live policy. If it is the declared policy with the key's own ARN filled in, returns
    /// the declared form.
    fn document(
        &self,
        text: &str,
        arn: &KeyArn,
        interest: &[&key::Spec],
    ) -> Result<Document, Observed> {
        let live = Document::from_live(text, self.desired.home.region.partition()).map_err(
            |problems| Observed::Unusable {
                reason: format!(
                    "its policy cannot be parsed: {}",
                    problems.first().map(|p| p.message.as_str()).unwrap_or_default()
                ),
                help: "inspect it with `aws kms get-key-policy`".to_owned(),
            },
        )?;
        let own = arn.to_string();
        let declared = interest.iter().filter_map(|spec| spec.policy.as_ref());
        let same = declared
            .filter(|policy| policy.names_own_key())
            .find(|policy| policy.with_own_key(&own) == live);
        Ok(same.cloned().unwrap_or(live))
    }

    /// Describes the keys that resources refer to and that the stack does not manage.
    async fn describe_targets(&self, live: &mut Live) -> Result<(), CloudError> {
        let own: BTreeSet<&KeyArn> = live.ids.values().collect();
        let aliased = live.targets.values().filter(|arn| !own.contains(arn));
        let wanted: BTreeSet<KeyArn> =
            self.desired.existing.iter().chain(aliased).cloned().collect();
        let asks = wanted.iter().map(|arn| async move {
            (arn, with_retries(&self.options.retry, async || self.cloud.describe(arn).await).await)
        });
        for (arn, answer) in self.concurrently(asks).await {
            match answer {
                Ok(metadata) => {
                    let fact = metadata.fact();
                    live.key_facts.insert(KeyRef::Arn(arn.clone()), fact);
                }
                Err(error) if is_outage(&error) => return Err(error),
                Err(error) => self.block_users_of(arn, &error, live),
            }
        }
        Ok(())
    }

    /// Marks the resources that refer to an unreadable key as unusable.
    fn block_users_of(&self, arn: &KeyArn, error: &CloudError, live: &mut Live) {
        for (address, declared) in &self.desired.resources {
            let points =
                declared.spec.refs().into_iter().any(|key| *key == KeyRef::Arn(arn.clone()));
            if points {
                live.observed.insert(address.clone(), unusable(error));
            }
        }
    }

    /// Adds the stack's grants on a declared key that are neither declared nor recorded, for example
    /// because the record was lost. The names of the grants contain their addresses.
    fn lift_undeclared_grants(
        &self,
        key: &Address,
        arn: &KeyArn,
        listed: &[Listed],
        live: &mut Live,
    ) {
        if !self.desired.resources.contains_key(key) {
            return;
        }
        let (target, place) = (KeyRef::Managed(key.clone()), arn.place());
        for (name, (id, spec)) in grant::marked(&self.desired.stack, &target, &place, listed) {
            let address = Address::new(Kind::Grant, name);
            let address = self.desired.renamed(&address).unwrap_or(address);
            let is_known = self.is_known(&address) || self.desired.forget.contains(&address);
            if !is_known && !is_lifted(live, &id) {
                let spec = Box::new(Spec::Grant(spec));
                let seen = Observed::Present { id, place: place.clone(), spec, busy: None };
                live.observed.insert(address, seen);
            }
        }
    }

    /// Adds the aliases of the stack's keys that are neither declared nor recorded. An alias does not show
    /// who created it.
    pub(super) fn find_undeclared_aliases(&self, aliases: &Aliases, live: &mut Live) {
        let known: BTreeSet<(&Place, &str)> = self
            .addresses(Kind::Alias)
            .into_iter()
            .filter_map(|address| {
                let interest = self.interest(address);
                let place =
                    interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place))?;
                Some((place, interest.specs().find_map(Spec::as_alias)?.name.as_str()))
            })
            .collect();
        let keys: BTreeMap<&KeyArn, &Address> =
            live.ids.iter().map(|(address, arn)| (arn, address)).collect();
        let mut undeclared = BTreeMap::new();
        for (place, entries) in aliases {
            for (name, arn) in entries {
                if let Some(key) = keys.get(arn)
                    && !known.contains(&(place, name.as_str()))
                {
                    undeclared.insert((place.clone(), name.clone()), (*key).clone());
                }
            }
        }
        live.undeclared_aliases = undeclared;
    }

    /// Reads the declared and recorded aliases.
    pub(super) async fn lift_aliases(
        &self,
        aliases: &Aliases,
        live: &mut Live,
    ) -> Result<(), CloudError> {
        let keys: BTreeMap<KeyArn, Address> =
            live.ids.iter().map(|(address, arn)| (arn.clone(), address.clone())).collect();
        let duplicates: BTreeMap<KeyArn, Address> = live
            .duplicates
            .iter()
            .flat_map(|(key, all)| all.iter().map(|one| (one.arn.clone(), key.clone())))
            .filter(|(_, key)| !self.is_adopted(key))
            .collect();
        for address in self.addresses(Kind::Alias) {
            let interest = self.interest(address);
            let Some(Spec::Alias(wanted)) = interest.specs().next() else {
                continue;
            };
            let place = interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place));
            let Some(place) = place else {
                continue;
            };
            if live.observed.contains_key(address) {
                continue;
            }
            let seen = match target(aliases, place, wanted.name.as_str()) {
                None => Observed::Absent,
                Some(arn) if let Some(key) = duplicates.get(&arn) => {
                    alias_of_duplicate(wanted, &arn, key, live.ids.get(key))
                }
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

    /// Returns whether the configuration names the ARN of a key.
    fn is_adopted(&self, key: &Address) -> bool {
        let adopt = self.interest(key).declared.and_then(|declared| declared.adopt.as_ref());
        matches!(adopt, Some(Adopt::Key(_)))
    }

    /// Returns the earlier address of a grant whose key was moved.
    fn earlier(&self, grant: &Address) -> Option<Address> {
        let (key, rest) = grant.name.split_once('/')?;
        let new = Address::new(Kind::Key, key);
        let (old, _) = self.desired.moved.iter().find(|(_, to)| **to == new)?;
        Some(Address::new(Kind::Grant, format!("{}/{rest}", old.name)))
    }

    /// Returns whether a grant is declared on another key than `key`.
    fn is_elsewhere(&self, interest: &Interest<'_>, key: &KeyRef) -> bool {
        let declared = interest.declared.map(|declared| declared.spec.refs());
        declared.is_some_and(|refs| !refs.into_iter().any(|of| of == key))
    }

    /// Reads the grants on keys that the stack does not manage. The grants on its own keys were read
    /// together with the keys.
    pub(super) async fn lift_grants(&self, live: &mut Live) -> Result<(), CloudError> {
        let arns = self.grants_on.keys().filter_map(|key| match key {
            KeyRef::Arn(arn) => Some((key, arn)),
            KeyRef::Managed(_) | KeyRef::Alias(_) => None,
        });
        let asks = arns.map(|(key, arn)| async move {
            let retry = &self.options.retry;
            (key, every_page(retry, async |from| self.cloud.grants(arn, from).await).await)
        });
        for (key, answer) in self.concurrently(asks).await {
            match answer {
                Ok(grants) => self.lift_grants_of(key, &grants, live),
                Err(error) if is_outage(&error) => return Err(error),
                Err(error) => {
                    let grants = self.grants_on.get(key).into_iter().flatten();
                    live.observed.extend(grants.map(|grant| (grant.clone(), unusable(&error))));
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
            let earlier = self.earlier(address);
            let wanted = grant::Wanted {
                stack: &self.desired.stack,
                name: &address.name,
                earlier: earlier.as_ref().map(|address| address.name.as_str()),
                place,
                spec: wanted,
                recorded: interest.record.map(|record| record.id.as_str()),
            };
            match grant::lift(wanted, listed) {
                // A grant that is declared on another key now, and still exists on this one, must be
                // revoked. The two keys are read in any order.
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

/// Returns whether a grant is part of an observed grant. A grant that was created under an earlier name of
/// its key belongs to the address whose record has its id.
fn is_lifted(live: &Live, id: &String) -> bool {
    live.observed.values().any(|seen| match seen {
        Observed::Present { spec, .. } => spec
            .as_grant()
            .is_some_and(|grant| grant.id.as_ref() == Some(id) || grant.superseded.contains(id)),
        Observed::Absent | Observed::Unusable { .. } => false,
    })
}

fn found(live: &Live, address: &Address) -> bool {
    matches!(live.observed.get(address), Some(Observed::Present { .. } | Observed::Unusable { .. }))
}

/// Returns the result for a recorded key that carries no tags of any stack.
fn untagged_key(address: &Address, arn: &KeyArn, stack: &Name, declared: bool) -> Observed {
    let adopt = if declared { format!("write `adopt: {arn}`, or ") } else { String::new() };
    Observed::Unusable {
        reason: format!("`{arn}` is recorded, but does not have the tags of this stack"),
        help: format!(
            "if the key belongs to this stack, {adopt}add the tags `{STACK_TAG}={stack}` and \
             `{NAME_TAG}={}` to it again; if it does not, run `kmsctl state forget {address}`",
            address.name
        ),
    }
}

/// Returns the result for a recorded alias of a key that the stack does not manage. AWS does not show who
/// created an alias, so kmsctl does not delete it.
fn kept_alias(address: &Address, recorded: &alias::Spec, arn: &KeyArn) -> Observed {
    let name = &recorded.name;
    Observed::Unusable {
        reason: format!(
            "the alias is no longer declared, but `{name}` points to `{arn}`, which does not belong \
             to this stack"
        ),
        help: format!(
            "if the alias is not needed, delete it with `aws kms delete-alias --alias-name {name}`; \
             stop managing it with `removed: [{{address: {address}, action: forget}}]`"
        ),
    }
}

/// Returns the result for an alias that refers to a further key with the tags of `key`. Two runs that use
/// different keys must not repoint the alias in turn.
fn alias_of_duplicate(
    wanted: &alias::Spec,
    arn: &KeyArn,
    key: &Address,
    used: Option<&KeyArn>,
) -> Observed {
    let used = used.map(|used| format!(", for which the stack uses `{used}`")).unwrap_or_default();
    Observed::Unusable {
        reason: format!(
            "`{}` refers to `{arn}`, which carries the tags of `{key}`{used}",
            wanted.name
        ),
        help: format!(
            "if the alias refers to the right key, write `adopt: {arn}` in the declaration of `{key}`; \
             otherwise write `adopt` with the ARN of the other key, and the alias is moved to it"
        ),
    }
}

/// Returns the result for a declared alias that points to a key of another owner.
fn foreign_alias(wanted: &alias::Spec, arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!("`{}` points to `{arn}`, which does not belong to this stack", wanted.name),
        help: format!(
            "take that key over with `adopt: {name}`; or declare it with `existing: {arn}`, and the \
             alias can point to another key; or choose another alias; or have the owner of the key \
             delete the alias",
            name = wanted.name
        ),
    }
}
