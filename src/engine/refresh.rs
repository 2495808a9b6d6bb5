//! Reads what AWS has, for every address of interest, in the fewest calls; never changes AWS.
//!
//! One sweep of `ListAliases` a Region. A key is known by its record; else by what it is to adopt;
//! else by its tags, looked for behind its aliases first and among all keys of the Region last
//! (that is also how a lost state is found again). Then each key is read once: only what its
//! declaration or its record mentions.

mod buckets;
mod consumers;
mod identify;
mod lift;
mod policies;
mod roles;

use super::Effort;
use super::settle::LOOKS;
use crate::address::Address;
use crate::cloud::retry::{every_page, patiently};
use crate::cloud::{AliasEntry, Cloud, CloudError, Fault};
use crate::desired::{Declared, Desired};
use crate::id::{AliasArn, KeyArn, Place};
use crate::kind::grant::Listed;
use crate::kind::key::{self, Metadata, Rotation};
use crate::kind::{KeyRef, Kind, Spec};
use crate::live::{Live, Observed};
use crate::state::{Record, State};
use futures_util::stream::StreamExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The aliases of each place, and the keys behind them.
type Aliases = BTreeMap<Place, BTreeMap<String, KeyArn>>;

/// What was read of one key.
struct Reading {
    metadata: Metadata,
    policy: Option<String>,
    rotation: Option<Rotation>,
    tags: BTreeMap<String, String>,
    grants: Option<Vec<Listed>>,
}

struct Refresh<'a, C> {
    cloud: &'a C,
    effort: &'a Effort,
    desired: &'a Desired,
    state: &'a State,
    /// The grants that are declared or recorded, by the key that they are on.
    grants_on: BTreeMap<KeyRef, BTreeSet<Address>>,
    /// The tags that were read: they tell whose a key is, and what it carries.
    tags: RefCell<BTreeMap<KeyArn, BTreeMap<String, String>>>,
}

/// Reads what AWS has. `caller` is the caller's ARN, where it is known.
///
/// # Errors
/// If AWS cannot be asked at all. What cannot be read of one resource is `Observed::Unusable`.
pub async fn refresh<C: Cloud>(
    cloud: &C,
    effort: &Effort,
    desired: &Desired,
    state: &State,
    caller: Option<&str>,
) -> Result<Live, CloudError> {
    let grants_on = grants_on(desired, state);
    let run = Refresh { cloud, effort, desired, state, grants_on, tags: RefCell::default() };
    let aliases = run.aliases().await?;
    let identified = run.identify(&aliases).await?;
    let mut live = Live {
        observed: identified.obstructed,
        caller: caller.map(str::to_owned),
        ..Live::default()
    };
    live.ids = identified.found;
    live.targets = run.targets(&aliases);
    let readings = run.read_keys(&live.ids).await?;
    run.lift_keys(readings, &mut live).await?;
    run.lift_aliases(&aliases, &mut live).await?;
    run.lift_grants(&mut live).await?;
    run.lift_roles(&mut live).await?;
    run.lift_policies(&mut live).await?;
    run.lift_consumers(&aliases, &mut live).await?;
    run.look_at_buckets(&mut live).await?;
    Ok(live)
}

/// The forms that an address is wanted in: declared, recorded.
struct Interest<'a> {
    declared: Option<&'a Declared>,
    record: Option<&'a Record>,
}

impl<'a> Interest<'a> {
    fn specs(&self) -> impl Iterator<Item = &'a Spec> {
        self.declared.map(|d| &d.spec).into_iter().chain(self.record.map(|r| &r.spec))
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

    fn addresses(&self, kind: Kind) -> BTreeSet<&Address> {
        let all = self.desired.resources.keys().chain(self.state.records.keys());
        all.filter(|address| address.kind == kind).collect()
    }

    /// The places of the resources of some kinds.
    fn places(&self, wanted: impl Fn(Kind) -> bool) -> BTreeSet<Place> {
        let declared = self.desired.resources.iter().map(|(a, d)| (a, &d.place));
        let recorded = self.state.records.iter().map(|(a, r)| (a, &r.place));
        let all = declared.chain(recorded).filter(|(address, _)| wanted(address.kind));
        all.map(|(_, place)| place.clone()).collect()
    }

    /// The keys behind the aliases that resources name.
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
        let places = places.into_iter();
        let lists = places.map(|place| async move {
            let list = async |from: Option<&str>| self.cloud.aliases(&place, from).await;
            let entries = every_page(&self.effort.patience, list).await?;
            let arn = |AliasEntry { name, target }| Some((name, KeyArn::at(&place, &target?)));
            let targets = entries.into_iter().filter_map(arn).collect();
            Ok((place, targets))
        });
        self.side_by_side(lists).await.into_iter().collect()
    }

    /// Does the reads at once; the answers in any order.
    async fn side_by_side<T>(
        &self,
        reads: impl Iterator<Item = impl Future<Output = T>>,
    ) -> Vec<T> {
        self.effort.side_by_side(reads).collect().await
    }

    /// Reads each key, side by side; what is denied or gone is an error of its own.
    async fn read_keys(
        &self,
        ids: &BTreeMap<Address, KeyArn>,
    ) -> Result<Vec<(Address, Result<Reading, CloudError>)>, CloudError> {
        let reads = ids.iter().map(|(address, arn)| async move {
            let gone = |reading: &Result<Reading, CloudError>| {
                matches!(reading, Err(error) if error.fault == Fault::NotFound)
            };
            let reading = look_again(async || self.read_key(address, arn).await, gone).await;
            (address.clone(), reading)
        });
        let all = self.side_by_side(reads).await;
        let (mut kept, mut fatal) = (Vec::new(), None);
        for (address, reading) in all {
            match reading {
                Err(error) if unreachable(&error) => fatal = Some(error),
                reading => kept.push((address, reading)),
            }
        }
        fatal.map_or(Ok(kept), Err)
    }

    /// The tags of a key, read once.
    async fn tags(&self, arn: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
        if let Some(tags) = self.tags.borrow().get(arn) {
            return Ok(tags.clone());
        }
        let ask = async || self.cloud.tags(arn).await;
        let tags = patiently(&self.effort.patience, ask).await?;
        self.tags.borrow_mut().insert(arn.clone(), tags.clone());
        Ok(tags)
    }

    async fn read_key(&self, address: &Address, arn: &KeyArn) -> Result<Reading, CloudError> {
        let patience = &self.effort.patience;
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
            let ask = async || self.cloud.rotation(arn).await;
            match patiently(patience, ask).await {
                // KMS reports no rotation for asymmetric and HMAC keys, imported material and custom key
                // stores (KMS API Reference, `GetKeyRotationStatus`).
                Err(error) if error.fault == Fault::Unsupported => Ok(None),
                answer => answer.map(Some),
            }
        };
        let policy = async {
            if keys.iter().all(|key| key.policy.is_none() && key.shared.is_none()) {
                return Ok(None);
            }
            patiently(patience, async || self.cloud.policy(arn).await).await.map(Some)
        };
        let grants = async {
            if !self.grants_on.contains_key(&KeyRef::Managed(address.clone())) {
                return Ok(None);
            }
            let list = async |from: Option<&str>| self.cloud.grants(arn, from).await;
            every_page(patience, list).await.map(Some)
        };
        let (metadata, rotation, policy, tags, grants) = tokio::join!(
            patiently(patience, async || self.cloud.describe(arn).await),
            rotation,
            policy,
            self.tags(arn),
            grants,
        );
        // The description is judged first: a key that is gone answers so to every question.
        let metadata = metadata?;
        let (rotation, policy, tags, grants) = (rotation?, policy?, tags?, grants?);
        Ok(Reading { metadata, policy, rotation, tags, grants })
    }
}

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

/// Whether the failure is AWS's or the network's as a whole, not one resource's.
fn unreachable(error: &CloudError) -> bool {
    matches!(error.fault, Fault::Throttled | Fault::Ambiguous | Fault::Unsent)
}

fn obstructed(error: &CloudError) -> Observed {
    unread(
        format!("it cannot be read: {error}"),
        error,
        "let the caller read it: kms:DescribeKey, GetKeyPolicy, GetKeyRotationStatus, \
         ListResourceTags and ListGrants, in the key's policy or by IAM",
    )
}

/// What could not be looked at; `denied` says what the caller must be allowed.
fn unread(reason: String, error: &CloudError, denied: &str) -> Observed {
    let help = if error.fault == Fault::Denied { denied } else { "see what AWS says" };
    Observed::Unusable { reason, help: help.to_owned() }
}

/// AWS shows new objects after seconds, and a second one must not be made because of that: what was
/// known and is `missing` is looked for again until it is believed that it is gone.
async fn look_again<T>(mut read: impl AsyncFnMut() -> T, missing: impl Fn(&T) -> bool) -> T {
    let mut found = read().await;
    for seconds in LOOKS {
        if !missing(&found) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        found = read().await;
    }
    found
}
