//! Reads the live resources of every declared or recorded address, in as few calls as possible. Never
//! changes AWS.
//!
//! `ListAliases` and the tagging search are read once in each Region. The keys behind the declared aliases
//! are read first, and all keys of a Region only if keys are still missing or there are no records at all
//! (which restores a lost state). Then each key is read once, limited to the settings that its declaration
//! or its record mentions.

mod aliases;
mod buckets;
mod claims;
mod consumers;
mod grants;
mod identify;
mod lift;
mod policies;
mod referred;
mod roles;
mod undeclared;

use super::Options;
use super::settle::PAUSES;
use crate::answer::{CloudError, Fault};
use crate::cloud::{AliasEntry, Cloud};
use crate::desired::{Declared, Desired};
use crate::id::{AliasArn, KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::grant::Listed;
use crate::kind::key::{self, Metadata, Rotation};
use crate::kind::{ConsumerSpec, KeyRef, Kind, Spec};
use crate::live::{Live, Observed};
use crate::retry::{every_page, with_retries};
use crate::state::{Record, State};
use futures_util::stream::StreamExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// The keys behind the aliases of each place, by alias name.
type Aliases = BTreeMap<Place, BTreeMap<String, KeyArn>>;

/// The ARNs of the resources that carry the stack's tags in each place, as the Resource Groups Tagging API
/// lists them, or the error of the search.
type Tagged = BTreeMap<Place, Result<Vec<String>, CloudError>>;

/// The settings that were read of one key.
struct Reading {
    metadata: Metadata,
    policy: Option<String>,
    rotation: Option<Rotation>,
    tags: BTreeMap<String, String>,
    /// The grants, or the error if the caller may not list them.
    grants: Result<Vec<Listed>, CloudError>,
}

struct Refresh<'a, C> {
    cloud: &'a C,
    options: &'a Options,
    desired: &'a Desired,
    state: &'a State,
    /// The declared and recorded grants, by key.
    grants_on: BTreeMap<KeyRef, BTreeSet<Address>>,
    /// The tags of the keys that were read so far.
    tags: RefCell<BTreeMap<KeyArn, BTreeMap<String, String>>>,
    /// When the refresh began.
    began: Instant,
    /// The time after which nothing that AWS has is hidden any more, since the refresh began.
    hidden: Duration,
}

/// The time after which AWS shows everything that was created (KMS Developer Guide, "AWS KMS eventual consistency": in
/// some cases several minutes).
const VISIBLE: Duration = Duration::from_secs(300);

/// Reads the live resources of a stack. `caller` is the caller's ARN, if it is known. `now` is the time in seconds
/// since 1970; a recorded resource that is missing is waited for only if the last call of the record is at most a few
/// minutes ago.
///
/// # Errors
/// Returns an error if AWS as a whole cannot be reached. A single resource that cannot be read is
/// `Observed::Unusable` instead.
pub async fn refresh<C: Cloud>(
    cloud: &C,
    options: &Options,
    desired: &Desired,
    state: &State,
    caller: Option<&str>,
    now: u64,
) -> Result<Live, CloudError> {
    let grants_on = grants_on(desired, state);
    let (began, tags) = (Instant::now(), RefCell::default());
    let is_old = state.changed > 0 && now.saturating_sub(state.changed) > VISIBLE.as_secs();
    let hidden = if is_old { 0 } else { PAUSES.iter().sum() };
    let hidden = Duration::from_secs(hidden);
    let run = Refresh { cloud, options, desired, state, grants_on, tags, began, hidden };
    let (aliases, tagged) = tokio::join!(run.aliases(), run.tagged());
    let aliases = aliases?;
    let identified = run.identify(&aliases, &tagged).await?;
    let mut live = Live {
        observed: identified.unusable,
        renamed: identified.renamed,
        duplicates: identified.duplicates,
        listed: identified.listed,
        caller: caller.map(str::to_owned),
        ..Live::default()
    };
    live.ids = identified.found;
    for (address, duplicates) in &live.duplicates {
        let leaving = duplicates.iter().filter(|one| desired.delete.contains(&one.arn));
        live.ids.extend(leaving.map(|one| (address.duplicate(&one.arn), one.arn.clone())));
    }
    live.targets = run.targets(&aliases);
    let readings = run.read_keys(&live.ids).await?;
    run.lift_keys(readings, &mut live).await?;
    run.lift_aliases(&aliases, &mut live).await?;
    run.find_undeclared_aliases(&aliases, &mut live);
    run.lift_grants(&mut live).await?;
    run.lift_roles(&mut live).await?;
    run.lift_policies(&mut live).await?;
    run.read_referred(&mut live).await?;
    run.lift_consumers(&aliases, &mut live).await?;
    run.find_undeclared_consumers(&aliases, &tagged, &mut live).await?;
    run.read_buckets(&mut live).await?;
    if run.is_incomplete(&live, !identified.contradictory.is_empty()) {
        let unclear = identified.bare.into_iter().chain(identified.contradictory).collect();
        let bare = run.created(unclear).await?;
        live.newest = live.created.values().copied().chain(bare).max();
    }
    Ok(live)
}

/// The declaration and the record of an address.
struct Interest<'a> {
    declared: Option<&'a Declared>,
    record: Option<&'a Record>,
}

impl<'a> Interest<'a> {
    fn specs(&self) -> impl Iterator<Item = &'a Spec> {
        self.declared.map(|d| &d.spec).into_iter().chain(self.record.map(|r| &r.spec))
    }

    fn consumers(&self) -> impl Iterator<Item = &'a ConsumerSpec> {
        self.specs().filter_map(Spec::as_consumer)
    }

    fn keys(&self) -> Vec<&'a key::Spec> {
        self.specs().filter_map(Spec::as_key).collect()
    }
}

impl<C: Cloud> Refresh<'_, C> {
    fn interest(&self, address: &Address) -> Interest<'_> {
        Interest {
            declared: self.desired.resources.get(address),
            record: self.state.records.get(address),
        }
    }

    fn addresses(&self, kind: impl Into<Kind>) -> BTreeSet<&Address> {
        let kind = kind.into();
        let all = self.desired.resources.keys().chain(self.state.records.keys());
        all.filter(|address| address.kind == kind).collect()
    }

    /// Returns the places of the declared and recorded resources whose kind is `wanted`.
    fn places(&self, wanted: impl Fn(Kind) -> bool) -> BTreeSet<Place> {
        let declared = self.desired.resources.iter().map(|(a, d)| (a, &d.place));
        let recorded = self.state.records.iter().map(|(a, r)| (a, &r.place));
        let all = declared.chain(recorded).filter(|(address, _)| wanted(address.kind));
        all.map(|(_, place)| place.clone()).collect()
    }

    /// Returns whether a declared resource without a record is missing, or is a key that is not known because what AWS
    /// shows is `contradictory`.
    fn is_incomplete(&self, live: &Live, contradictory: bool) -> bool {
        let declared = self.desired.resources.keys();
        declared.filter(|address| !self.state.records.contains_key(address)).any(|address| {
            match live.observed.get(address) {
                Some(Observed::Absent) | None => true,
                Some(Observed::Unusable { .. }) => contradictory && address.kind == Kind::Key,
                Some(Observed::Present { .. }) => false,
            }
        })
    }

    /// Returns the creation times of keys. A key that is listed and cannot be found is a new one.
    async fn created(&self, keys: BTreeSet<KeyArn>) -> Result<Vec<u64>, CloudError> {
        let retry = &self.options.retry;
        let reads = keys.iter().map(|arn| async move {
            with_retries(retry, async || self.cloud.describe(arn).await).await
        });
        let mut created = Vec::new();
        for read in self.concurrently(reads).await {
            match read {
                Ok(metadata) => created.push(metadata.created),
                Err(error) if error.fault == Fault::NotFound => created.push(u64::MAX),
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(created)
    }

    /// Returns the keys behind the aliases that resources refer to.
    fn targets(&self, aliases: &Aliases) -> BTreeMap<AliasArn, KeyArn> {
        let refs = self.desired.resources.values().flat_map(|declared| declared.spec.refs());
        let named = refs.filter_map(KeyRef::alias);
        let found = named.filter_map(|alias| {
            let target = identify::target(aliases, &alias.place, alias.name.as_str())?;
            Some((alias.clone(), target))
        });
        found.collect()
    }

    async fn aliases(&self) -> Result<Aliases, CloudError> {
        let mut places =
            self.places(|kind| kind == Kind::Key || kind == Kind::Alias || kind.is_consumer());
        let named = self.desired.resources.values().flat_map(|declared| declared.spec.refs());
        places.extend(named.filter_map(KeyRef::alias).map(|alias| alias.place.clone()));
        let lists = places.into_iter().map(|place| async move {
            let entries = every_page(&self.options.retry, async |from| {
                self.cloud.aliases(&place, from).await
            })
            .await?;
            let arn = |AliasEntry { name, target }| Some((name, KeyArn::at(&place, &target?)));
            let targets = entries.into_iter().filter_map(arn).collect();
            Ok((place, targets))
        });
        self.concurrently(lists).await.into_iter().collect()
    }

    /// Runs the reads concurrently. The results are in any order.
    async fn concurrently<T>(
        &self,
        reads: impl Iterator<Item = impl Future<Output = T>>,
    ) -> Vec<T> {
        self.options.concurrently(reads).collect().await
    }

    /// Repeats a read while its result is `missing`, for as long as AWS may not show a new resource. Without
    /// the repetition a second resource could be created.
    ///
    /// A resource was created before the refresh began. Once the refresh has lasted that long, nothing new is hidden
    /// any more, so that thousands of missing resources are not waited for one after the other.
    async fn until_visible<T>(
        &self,
        mut read: impl AsyncFnMut() -> T,
        missing: impl Fn(&T) -> bool,
    ) -> T {
        let mut found = read().await;
        for seconds in PAUSES {
            if !missing(&found) || self.began.elapsed() >= self.hidden {
                break;
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            found = read().await;
        }
        found
    }

    /// Reads the keys concurrently. A key that does not exist or that the caller may not read has an
    /// error of its own.
    async fn read_keys(
        &self,
        ids: &BTreeMap<Address, KeyArn>,
    ) -> Result<Vec<(Address, Result<Reading, CloudError>)>, CloudError> {
        let reads = ids.iter().map(|(address, arn)| async move {
            let missing = |reading: &Result<Reading, CloudError>| {
                matches!(reading, Err(error) if error.fault == Fault::NotFound)
            };
            let read = async || self.read_key(address, arn).await;
            let reading = self.until_visible(read, missing).await;
            (address.clone(), reading)
        });
        let all = self.concurrently(reads).await;
        let (mut kept, mut fatal) = (Vec::new(), None);
        for (address, reading) in all {
            match reading {
                Err(error) if error.fault.is_temporary() => fatal = Some(error),
                reading => kept.push((address, reading)),
            }
        }
        fatal.map_or(Ok(kept), Err)
    }

    /// Returns the tags of a key. Tags that were read are not read again.
    async fn tags(&self, arn: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
        if let Some(tags) = self.tags.borrow().get(arn) {
            return Ok(tags.clone());
        }
        let tags = with_retries(&self.options.retry, async || self.cloud.tags(arn).await).await?;
        self.tags.borrow_mut().insert(arn.clone(), tags.clone());
        Ok(tags)
    }

    async fn read_key(&self, address: &Address, arn: &KeyArn) -> Result<Reading, CloudError> {
        let retry = &self.options.retry;
        let keys = self.interest(address).keys();
        let rotates = |key: &&key::Spec| {
            let spec = key.spec.as_deref().unwrap_or(key::DEFAULT_SPEC);
            let origin = key.origin.as_deref().unwrap_or(key::DEFAULT_ORIGIN);
            key.rotation.is_some() && key::can_rotate(spec, origin)
        };
        let rotation = async {
            if !keys.iter().any(rotates) {
                return Ok(None);
            }
            match with_retries(retry, async || self.cloud.rotation(arn).await).await {
                // KMS reports no rotation for asymmetric and HMAC keys, imported material and custom key
                // stores (KMS API Reference, `GetKeyRotationStatus`).
                Err(error) if error.fault == Fault::Unsupported => Ok(None),
                answer => answer.map(Some),
            }
        };
        let policy = async {
            let is_judged = self.desired.has_gates();
            if !wants_policy(&keys) && !self.is_only_tagged(address) && !is_judged {
                return Ok(None);
            }
            with_retries(retry, async || self.cloud.policy(arn).await).await.map(Some)
        };
        let grants = async {
            let all = every_page(retry, async |from| self.cloud.grants(arn, from).await).await;
            // Without declared or recorded grants, the key can be used although its grants are unknown.
            let needed = self.grants_on.contains_key(&KeyRef::Managed(address.clone()));
            match all {
                Err(error) if !needed && !error.fault.is_temporary() => Ok(Err(error)),
                all => all.map(Ok),
            }
        };
        let mut describe = pin!(with_retries(retry, async || self.cloud.describe(arn).await));
        let mut rest = pin!(async { tokio::join!(rotation, policy, self.tags(arn), grants) });
        // For a key that does not exist, every call fails: the others are not waited for.
        let (metadata, rest) = tokio::select! {
            biased;
            metadata = &mut describe => (metadata?, rest.await),
            rest = &mut rest => (describe.await?, rest),
        };
        let (rotation, policy, tags, grants) = rest;
        let (rotation, policy, tags, grants) = (rotation?, policy?, tags?, grants?);
        Ok(Reading { metadata, policy, rotation, tags, grants })
    }
}

/// Returns whether the declaration or the record of a key mentions its policy.
fn wants_policy(interest: &[&key::Spec]) -> bool {
    interest.iter().any(|key| key.policy.is_some() || key.shared.is_some())
}

/// Returns the declared and recorded grants, by key.
fn grants_on(desired: &Desired, state: &State) -> BTreeMap<KeyRef, BTreeSet<Address>> {
    let declared = desired.resources.iter().map(|(address, declared)| (address, &declared.spec));
    let recorded = state.records.iter().map(|(address, record)| (address, &record.spec));
    let mut grants: BTreeMap<KeyRef, BTreeSet<Address>> = BTreeMap::new();
    for (address, spec) in declared.chain(recorded) {
        if let Spec::Grant(grant) = spec {
            grants.entry(grant.key.clone()).or_default().insert(address.clone());
        }
    }
    grants
}

fn unusable(error: &CloudError) -> Observed {
    unreadable(
        format!("it cannot be read: {error}"),
        error,
        "allow the caller kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus, \
         kms:ListResourceTags and kms:ListGrants, in the key's policy or with IAM policies",
    )
}

/// Returns the result for a resource that could not be read. `denied` is the help if the caller lacks a
/// permission.
fn unreadable(reason: String, error: &CloudError, denied: &str) -> Observed {
    let help = if error.fault == Fault::Denied {
        denied
    } else {
        "resolve the error from AWS, and plan again"
    };
    Observed::Unusable { reason, help: help.to_owned() }
}
