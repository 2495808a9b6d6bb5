//! Reads the aliases of the stack.

use super::identify::{Owner, target};
use super::{Aliases, Refresh};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::desired::Adopt;
use crate::id::{KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::key::STACK_TAG;
use crate::kind::{KeyRef, Kind, Spec, alias};
use crate::live::{Live, Observed};
use crate::retry::with_retries;
use std::collections::{BTreeMap, BTreeSet};

impl<C: Cloud> Refresh<'_, C> {
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
        let keys = live.addresses();
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
                        None if self.may_refer(interest.record.is_some(), wanted, &arn).await? => {
                            present(KeyRef::Arn(arn))
                        }
                        None if matches!(self.owner(&arn).await?, Owner::Ours(_)) => {
                            present(KeyRef::Arn(arn))
                        }
                        None => self.of_another_owner(address, wanted, arn, live),
                    }
                }
            };
            live.observed.insert(address.clone(), seen);
        }
        self.describe_alias_targets(live).await
    }

    /// Returns the result for an alias that points to a key of another owner, and notes it if the stack had pointed it
    /// to another key.
    fn of_another_owner(
        &self,
        address: &Address,
        wanted: &alias::Spec,
        arn: KeyArn,
        live: &mut Live,
    ) -> Observed {
        let before = self.recorded_target(address, live).filter(|before| *before != arn);
        let seen = match self.interest(address).declared {
            None => self.kept_alias(address, wanted, &arn),
            Some(_) => foreign_alias(wanted, &arn),
        };
        if before.is_some() {
            live.repointed.insert(address.clone(), arn);
        }
        with_way_back(seen, wanted, before.as_ref())
    }

    /// Returns the key that a recorded alias pointed to, if it is known.
    fn recorded_target(&self, address: &Address, live: &Live) -> Option<KeyArn> {
        match &self.state.records.get(address)?.spec.as_alias()?.target {
            KeyRef::Managed(key) => {
                let recorded = || self.state.records.get(key)?.id.parse().ok();
                live.ids.get(key).cloned().or_else(recorded)
            }
            KeyRef::Arn(arn) => Some(arn.clone()),
            KeyRef::Alias(_) => None,
        }
    }

    /// Reads the types of the keys behind aliases that are unknown so far. They decide whether an alias can be
    /// moved to another key without a gap.
    async fn describe_alias_targets(&self, live: &mut Live) -> Result<(), CloudError> {
        let targets: BTreeSet<KeyArn> = live
            .observed
            .values()
            .filter_map(|seen| match seen {
                Observed::Present { spec, .. } => spec.as_alias().map(|alias| &alias.target),
                Observed::Absent | Observed::Unusable { .. } => None,
            })
            .filter(|target| !live.key_facts.contains_key(target))
            .filter_map(|target| match target {
                KeyRef::Arn(arn) => Some(arn.clone()),
                KeyRef::Managed(_) | KeyRef::Alias(_) => None,
            })
            .collect();
        let retry = &self.options.retry;
        let reads = targets.into_iter().map(|arn| async move {
            (with_retries(retry, async || self.cloud.describe(&arn).await).await, arn)
        });
        for (read, arn) in self.concurrently(reads).await {
            match read {
                Ok(metadata) => drop(live.key_facts.insert(KeyRef::Arn(arn), metadata.fact())),
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Returns whether a declared alias that refers to a key of another owner may be changed. The configuration names
    /// the key as `existing`, and the alias is recorded, stays, or is no other stack's.
    async fn may_refer(
        &self,
        is_recorded: bool,
        wanted: &alias::Spec,
        arn: &KeyArn,
    ) -> Result<bool, CloudError> {
        let stays = wanted.target == KeyRef::Arn(arn.clone());
        Ok(self.desired.existing.contains(arn)
            && (stays || is_recorded || !self.is_of_another_stack(arn).await?))
    }

    /// Returns whether a key carries the tag of another stack, or may carry it. Its aliases are that stack's.
    async fn is_of_another_stack(&self, arn: &KeyArn) -> Result<bool, CloudError> {
        match self.tags(arn).await {
            Ok(tags) => {
                Ok(tags.get(STACK_TAG).is_some_and(|stack| *stack != self.desired.stack.as_str()))
            }
            Err(error) if error.fault.is_temporary() => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// Returns whether the configuration names the ARN of a key.
    fn is_adopted(&self, key: &Address) -> bool {
        let adopt = self.interest(key).declared.and_then(|declared| declared.adopt.as_ref());
        matches!(adopt, Some(Adopt::Key(_)))
    }

    /// Returns the result for a recorded alias of a key that the stack does not manage. AWS does not show who created
    /// an alias, so kmsctl does not delete it.
    fn kept_alias(&self, address: &Address, recorded: &alias::Spec, arn: &KeyArn) -> Observed {
        let name = &recorded.name;
        let points = format!("`{name}` points to `{arn}`, which does not belong to this stack");
        Observed::Unusable {
            // `kmsctl destroy` removes every declaration itself.
            reason: match self.desired.destroys {
                true => points,
                false => format!("the alias is no longer declared, but {points}"),
            },
            help: format!(
                "if the alias is not needed, delete it with `aws kms delete-alias --alias-name {name}`; \
                 stop managing it with `removed: [{{address: {address}, action: forget}}]`"
            ),
        }
    }
}

/// Puts the way back before the other helps, if the alias pointed to `before`. kmsctl does not point it back itself:
/// the owner of the other key may have been given the alias.
fn with_way_back(seen: Observed, alias: &alias::Spec, before: Option<&KeyArn>) -> Observed {
    match (seen, before) {
        (Observed::Unusable { reason, help }, Some(before)) => {
            let name = &alias.name;
            let back = format!("aws kms update-alias --alias-name {name} --target-key-id {before}");
            Observed::Unusable { reason, help: format!("point it back with `{back}`; or {help}") }
        }
        (seen, _) => seen,
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
