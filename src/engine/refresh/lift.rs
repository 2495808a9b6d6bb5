//! Converts the settings that were read to the form of declarations.

use super::identify::not_shown;
use super::{Interest, Reading, Refresh, unusable, wants_policy};
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::desired::Adopt;
use crate::id::{KeyArn, Name};
use crate::kind::address::Address;
use crate::kind::key::{self, NAME_TAG, STACK_TAG};
use crate::kind::{KeyRef, Kind, Spec};
use crate::live::{Live, Observed};
use crate::policy::Document;
use crate::retry::with_retries;
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
        self.describe_targets(live).await?;
        self.drop_leaving_replicas(live).await?;
        self.refer_replicas(live);
        Ok(())
    }

    /// Removes the undeclared replicas that are pending deletion. The primary key lists them until they are deleted.
    async fn drop_leaving_replicas(&self, live: &mut Live) -> Result<(), CloudError> {
        let mut undeclared = Vec::new();
        for (key, regions) in &live.replicas {
            let Some(arn) = live.ids.get(key) else {
                continue;
            };
            for region in regions {
                let name = key.name.split_once('/').map_or(key.name.as_str(), |(name, _)| name);
                let address = Address::new(Kind::Key, format!("{name}/{region}"));
                if !self.is_known(&address) {
                    undeclared.push((key.clone(), arn.related(region)));
                }
            }
        }
        let asks = undeclared.into_iter().map(|(key, arn)| async move {
            (
                with_retries(&self.options.retry, async || self.cloud.describe(&arn).await).await,
                key,
                arn,
            )
        });
        for (answer, key, arn) in self.concurrently(asks).await {
            let is_leaving = match answer {
                Ok(metadata) => metadata.is_dying(),
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) => error.fault == Fault::NotFound,
            };
            if is_leaving {
                let found = live.found.get_mut(&key).map(|found| &mut found.replicas);
                for regions in live.replicas.get_mut(&key).into_iter().chain(found) {
                    regions.remove(&arn.region);
                }
            }
        }
        Ok(())
    }

    /// Returns the result for a key that AWS does not have. A key is pending deletion for days before it is deleted,
    /// and AWS may not show a new key yet. A recorded key that is missing is therefore replaced only after a person has
    /// removed its record, and one that was just found by its tags is not known.
    fn missing_key(&self, address: &Address, live: &mut Live) -> Observed {
        let Some(record) = self.state.records.get(address) else {
            let declared = self.interest(address).declared;
            // A replica can be missing, because the ARN of its primary key gives its own.
            if declared.is_some_and(|of| of.spec.as_key().is_some_and(|key| key.primary.is_some()))
            {
                live.ids.remove(address);
                return Observed::Absent;
            }
            return match (
                declared.and_then(|declared| declared.adopt.as_ref()),
                live.ids.get(address),
            ) {
                (Some(Adopt::Key(arn)), _) => Observed::Unusable {
                    reason: format!("the key to adopt does not exist: `{arn}`"),
                    help: "set `adopt` to an existing alias, key id or key ARN".to_owned(),
                },
                (_, Some(arn)) => not_shown(arn),
                (_, None) => Observed::Absent,
            };
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

    fn lift_key(&self, address: &Address, reading: Reading, live: &mut Live) -> Observed {
        let Reading { metadata, policy, rotation, tags, grants } = reading;
        if let Some(seen) = self.foreign_key(address, &metadata, &tags) {
            if tags.get(STACK_TAG).is_none_or(|stack| *stack != self.desired.stack.as_str()) {
                live.unmarked.insert(address.clone());
            }
            return seen;
        }
        let interest = self.interest(address).keys();
        let policy = policy.as_deref().map(|text| self.document(text, &metadata.arn, &interest));
        let policy = match policy.transpose() {
            Ok(policy) => policy,
            Err(seen) => return seen,
        };
        if self.is_only_tagged(address)
            && let Some(policy) = &policy
        {
            live.found.insert(address.clone(), key::Found::new(&metadata, policy.clone()));
        }
        let policy =
            if wants_policy(&interest) || self.desired.has_gates() { policy } else { None };
        let arn = metadata.arn.clone();
        live.created.insert(arn.clone(), metadata.created);
        live.replicas.insert(address.clone(), metadata.replicas.clone());
        let fact = metadata.fact();
        live.key_facts.insert(KeyRef::Managed(address.clone()), fact.clone());
        live.key_facts.insert(KeyRef::Arn(arn.clone()), fact);
        let spec = Box::new(Spec::Key(key::lift(&metadata, rotation, policy, &tags, &interest)));
        match grants {
            Ok(grants) => {
                let operations = grants.iter().flat_map(|grant| grant.operations.iter().cloned());
                live.granted.insert(arn.clone(), operations.collect());
                self.lift_grants_of(&KeyRef::Managed(address.clone()), &grants, live);
                self.lift_undeclared_grants(&KeyRef::Managed(address.clone()), &arn, &grants, live);
                let foreign =
                    grants.into_iter().filter(|grant| !self.manages_grant(live, &grant.grant_id));
                let foreign = foreign.collect();
                live.foreign_grants.insert(address.clone(), foreign);
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
        if self.was_taken_untagged(address) {
            let reason = format!("`{}` was taken over without the tags of the stack", metadata.arn);
            let help = format!(
                "stop managing it with `removed: [{{address: {address}, action: forget}}]`; to delete it, declare it again \
                 with `tag: true`, apply, and then remove it"
            );
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
        if stack == self.desired.stack.as_str()
            && let Some(other) = other.filter(|other| !self.is_at(address, other, &metadata.arn))
        {
            return self.misplaced(address, &other, &metadata.arn);
        }
        (stack != self.desired.stack.as_str()).then(|| Observed::Unusable {
            reason: format!("`{}` belongs to the stack `{stack}`", metadata.arn),
            help: "in that stack, list the key under `removed` with `action: forget` and `untag: true`, and apply it \
                   (`kmsctl explain ownership`)"
                .to_owned(),
        })
    }

    /// Returns whether a key with the tags of `tagged` can be at an address: its own, or that of a further key that is
    /// listed for deletion.
    fn is_at(&self, address: &Address, tagged: &Address, arn: &KeyArn) -> bool {
        let is_listed = self.desired.delete.contains(arn);
        tagged == address || (is_listed && address.original().as_ref() == Some(tagged))
    }

    /// Returns the result for a key with the tags of another address. Only a record and a declaration together rename a
    /// key: whoever can write one of them could otherwise have another key of the stack changed or deleted.
    fn misplaced(&self, address: &Address, tagged: &Address, arn: &KeyArn) -> Option<Observed> {
        if self.is_known(tagged) {
            return Some(Observed::Unusable {
                reason: format!("`{arn}` is `{tagged}` already"),
                help: self.one_address(address, tagged),
            });
        }
        let interest = self.interest(address);
        let help = match (interest.declared, interest.record) {
            (Some(_), Some(_)) => return None,
            (Some(_), None) => format!("write `moved: [{{from: {tagged}, to: {address}}}]`"),
            (None, _) if self.desired.forget.contains(address) => return None,
            (None, _) => format!(
                "run `kmsctl state mv {address} {tagged}`, or declare the key as `{}` and apply, which changes its tags",
                address.name
            ),
        };
        let reason = format!("`{arn}` has the tags of `{tagged}`");
        Some(Observed::Unusable { reason, help })
    }

    /// Returns whether a key that is no longer declared was taken over without the tags of the stack. Tags that it has
    /// now are no proof: whoever may tag keys can set them.
    fn was_taken_untagged(&self, address: &Address) -> bool {
        let Interest { declared: None, record: Some(record) } = self.interest(address) else {
            return false;
        };
        record.spec.as_key().is_some_and(|key| !key.tags.contains_key(STACK_TAG))
    }

    /// Returns whether only the tags of a key show that it belongs to a declared address.
    pub(super) fn is_only_tagged(&self, address: &Address) -> bool {
        let interest = self.interest(address);
        interest.record.is_none()
            && interest.declared.is_some_and(|declared| declared.adopt.is_none())
    }

    /// Returns what can be done about two addresses of one key. A declared one and one that is only recorded are the
    /// new and the old name of the key.
    pub(super) fn one_address(&self, one: &Address, other: &Address) -> String {
        let is_declared = |address: &Address| self.interest(address).declared.is_some();
        let (old, new) = match (is_declared(one), is_declared(other)) {
            (true, false) => (other, one),
            (false, true) => (one, other),
            (true, true) | (false, false) => {
                return "a key has one address: remove one of the two declarations".to_owned();
            }
        };
        // Replicas move with their primary key.
        let [old, new] = [old, new].map(|address| {
            let name = address.name.split('/').next().unwrap_or_default();
            Address::new(address.kind, name)
        });
        format!(
            "a key has one address: write `moved: [{{from: {old}, to: {new}}}]` if it has a new name (`kmsctl export --names \
             FILE` keeps the names of exported keys), or forget one of the two with `removed`"
        )
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
                    live.key_facts.insert(KeyRef::Arn(arn.clone()), metadata.fact());
                    self.refer(&metadata, live);
                }
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) => {
                    if self.desired.has_gates() {
                        live.referred.entry(arn.clone()).or_default().of.insert(arn.clone());
                    }
                    self.block_users_of(arn, &error, live);
                }
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
