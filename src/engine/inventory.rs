//! Reads all keys of some Regions, with as few requests as AWS's interface allows.

use super::Options;
use crate::answer::{CloudError, Denied, Fault};
use crate::cloud::{AliasEntry, Cloud};
use crate::id::{AliasName, KeyArn, Place};
use crate::inventory::{Held, Inventory, LeftOut, Other, Selector, User};
use crate::kind::grant::Listed;
use crate::kind::key::{self, Metadata, Rotation, STACK_TAG};
use crate::kind::{ConsumerKind, ConsumerQuery, KeyRef, Object, Phase};
use crate::retry::{every_page, with_retries};
use futures_util::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

/// What is read.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The places.
    pub places: BTreeSet<Place>,
    /// The keys. All, if it is empty.
    pub keys: Vec<Selector>,
    /// Whether the resources are listed that the keys encrypt.
    pub consumers: bool,
}

/// Reads the keys. `progress` is told how many keys were read, and how many there are.
///
/// # Errors
/// Returns an error if a list of keys cannot be read, or if AWS as a whole cannot be reached. A list of aliases may be
/// denied unless a key is wanted by an alias. A key that cannot be read is left out with its reason.
pub async fn inventory<C: Cloud>(
    cloud: &C,
    options: &Options,
    wanted: &Wanted,
    progress: impl Fn(usize, usize),
) -> Result<Inventory, CloudError> {
    let run = Run { cloud, options };
    let mut out = Inventory::default();
    let aliases = run.aliases(wanted, &mut out).await?;
    let keys = run.keys(wanted, &aliases).await?;
    let of_aws: BTreeSet<&KeyArn> = aliases
        .iter()
        .filter(|((_, name), _)| name.starts_with("alias/aws/"))
        .map(|(_, arn)| arn)
        .collect();
    let (own, managed): (Vec<&KeyArn>, Vec<&KeyArn>) =
        keys.iter().partition(|arn| !of_aws.contains(arn));
    out.left_out.extend(managed.into_iter().map(|arn| (arn.clone(), LeftOut::AwsManaged)));
    let own = own.into_iter().cloned().collect();
    run.read(own, &mut out, &progress).await?;
    // A key with an id was looked for in all places.
    let is_tried = |arn: &KeyArn| wanted.keys.contains(&Selector::Id(arn.id().to_owned()));
    out.left_out.retain(|arn, why| *why != LeftOut::Missing || !is_tried(arn));
    out.unmatched = unmatched(wanted, &aliases, &out);
    let related = out.related(&wanted.places);
    run.read(related, &mut out, &progress).await?;
    for ((place, name), arn) in &aliases {
        let name: Option<AliasName> = name.parse().ok();
        if let (Some(held), Some(name)) = (out.keys.get_mut(arn), name)
            && arn.place() == *place
        {
            held.aliases.insert(name);
        }
    }
    out.drop_replicas();
    if wanted.consumers {
        run.consumers(&wanted.places, &mut out).await;
    }
    Ok(out)
}

/// Returns the wanted aliases and ids that no key has.
fn unmatched(wanted: &Wanted, aliases: &Aliases, read: &Inventory) -> Vec<String> {
    let is_unmatched = |selector: &&Selector| match selector {
        Selector::Alias(..) => {
            !aliases.keys().any(|(place, name)| selector.names_alias(place, name))
        }
        Selector::Id(id) => !read.keys.keys().chain(read.left_out.keys()).any(|arn| arn.id() == id),
        Selector::Key(_) => false,
    };
    wanted.keys.iter().filter(is_unmatched).map(Selector::to_string).collect()
}

/// What was read of a key.
enum Read {
    Held(Box<Held>),
    LeftOut(LeftOut),
}

/// The answers about a key besides its metadata.
struct Details {
    policy: Result<String, CloudError>,
    rotation: Result<Option<Rotation>, CloudError>,
    tags: Result<BTreeMap<String, String>, CloudError>,
    grants: Result<Vec<Listed>, CloudError>,
}

impl Details {
    /// Returns why the key is left out: its stack, even if the rest is denied, else everything that is denied.
    fn left_out(&self) -> Option<LeftOut> {
        if let Some(stack) = self.tags.as_ref().ok().and_then(|tags| tags.get(STACK_TAG)) {
            return Some(LeftOut::OfStack(stack.clone()));
        }
        let errors = [
            self.policy.as_ref().err(),
            self.rotation.as_ref().err(),
            self.tags.as_ref().err(),
            self.grants.as_ref().err(),
        ];
        let denied = errors.into_iter().flatten().filter(|error| error.fault == Fault::Denied);
        let denied: BTreeSet<Denied> = denied.map(|error| error.denial("kms")).collect();
        (!denied.is_empty()).then_some(LeftOut::Denied(denied))
    }
}

/// The keys behind the aliases of each place.
type Aliases = BTreeMap<(Place, String), KeyArn>;

struct Run<'a, C> {
    cloud: &'a C,
    options: &'a Options,
}

impl<C> Clone for Run<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Run<'_, C> {}

impl<C: Cloud> Run<'_, C> {
    /// Lists the aliases. Without them, a key can be found by its id, and named otherwise.
    async fn aliases(&self, wanted: &Wanted, found: &mut Inventory) -> Result<Aliases, CloudError> {
        let by_alias = |selector: &Selector| matches!(selector, Selector::Alias(..));
        let are_needed = wanted.keys.iter().any(by_alias);
        let mut out = Aliases::new();
        for place in &wanted.places {
            let entries =
                every_page(&self.options.retry, async |from| self.cloud.aliases(place, from).await);
            let entries = match entries.await {
                Err(error) if error.fault == Fault::Denied && !are_needed => {
                    found.unnamed.insert(place.clone(), error.denial("kms"));
                    continue;
                }
                entries => entries?,
            };
            let targets = entries.into_iter().filter_map(|AliasEntry { name, target }| {
                Some(((place.clone(), name), KeyArn::at(place, &target?)))
            });
            out.extend(targets);
        }
        Ok(out)
    }

    /// Returns the keys to read. The keys of a Region are listed only if all of them are wanted.
    async fn keys(
        &self,
        wanted: &Wanted,
        aliases: &Aliases,
    ) -> Result<BTreeSet<KeyArn>, CloudError> {
        let mut out = BTreeSet::new();
        for selector in &wanted.keys {
            match selector {
                Selector::Key(arn) => drop(out.insert(arn.clone())),
                Selector::Id(id) => {
                    out.extend(wanted.places.iter().map(|place| KeyArn::at(place, id)));
                }
                Selector::Alias(..) => {
                    let all = aliases.iter();
                    let named = all.filter(|((place, name), _)| selector.names_alias(place, name));
                    out.extend(named.map(|(_, arn)| arn.clone()));
                }
            }
        }
        if wanted.keys.is_empty() {
            for place in &wanted.places {
                let ids = every_page(&self.options.retry, async |from| {
                    self.cloud.keys(place, from).await
                })
                .await?;
                out.extend(ids.iter().map(|id| KeyArn::at(place, id)));
            }
        }
        Ok(out)
    }

    /// Reads some keys. If none of them can be read because AWS does not answer, that is the error.
    async fn read(
        &self,
        keys: BTreeSet<KeyArn>,
        out: &mut Inventory,
        progress: &impl Fn(usize, usize),
    ) -> Result<(), CloudError> {
        let reads = keys.iter().map(|arn| async move { (arn, self.key(arn).await) });
        let mut reads = pin!(self.options.concurrently(reads));
        let (mut count, mut silent) = (0, Vec::new());
        while let Some((arn, read)) = reads.next().await {
            count += 1;
            progress(count, keys.len());
            let why = match read {
                Ok(Read::Held(held)) => {
                    out.keys.insert(arn.clone(), *held);
                    continue;
                }
                Ok(Read::LeftOut(why)) => why,
                Err(error) if error.fault == Fault::NotFound => LeftOut::Missing,
                Err(error) => {
                    let why = LeftOut::Failed(error.to_string());
                    silent.extend(Some(error).filter(|error| error.fault.is_temporary()));
                    why
                }
            };
            out.left_out.insert(arn.clone(), why);
        }
        match silent.pop().filter(|_| silent.len() + 1 == keys.len()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn key(&self, arn: &KeyArn) -> Result<Read, CloudError> {
        let retry = &self.options.retry;
        let metadata = match with_retries(retry, async || self.cloud.describe(arn).await).await {
            Err(error) if error.fault == Fault::Denied => {
                let rest = self.details(arn, true).await.left_out();
                let more = if let Some(LeftOut::Denied(more)) = &rest {
                    more.clone()
                } else {
                    BTreeSet::new()
                };
                let all = more.into_iter().chain([error.denial("kms")]).collect();
                let stack = rest.filter(|rest| matches!(rest, LeftOut::OfStack(_)));
                return Ok(Read::LeftOut(stack.unwrap_or(LeftOut::Denied(all))));
            }
            metadata => metadata?,
        };
        if metadata.aws_managed {
            return Ok(Read::LeftOut(LeftOut::AwsManaged));
        }
        if metadata.is_dying() {
            let date = metadata.deletion_date.clone().unwrap_or_else(|| metadata.state.clone());
            return Ok(Read::LeftOut(LeftOut::PendingDeletion(date)));
        }
        let details = self.details(arn, rotates(&metadata)).await;
        if let Some(why) = details.left_out() {
            return Ok(Read::LeftOut(why));
        }
        let Details { policy, rotation, tags, grants } = details;
        let (policy, rotation, tags, grants) = (policy?, rotation?, tags?, grants?);
        let aliases = BTreeSet::new();
        let held = Held { metadata, policy, rotation, tags, grants, aliases };
        Ok(Read::Held(Box::new(held)))
    }

    /// Reads what `DescribeKey` does not return.
    async fn details(&self, arn: &KeyArn, rotates: bool) -> Details {
        let retry = &self.options.retry;
        let rotation = async {
            match rotates {
                true => {
                    let read = with_retries(retry, async || self.cloud.rotation(arn).await);
                    read.await.map(Some)
                }
                false => Ok(None),
            }
        };
        let (policy, rotation, tags, grants) = tokio::join!(
            with_retries(retry, async || self.cloud.policy(arn).await),
            rotation,
            with_retries(retry, async || self.cloud.tags(arn).await),
            every_page(retry, async |from| self.cloud.grants(arn, from).await),
        );
        Details { policy, rotation, tags, grants }
    }

    /// Lists the resources of every kind, and their snapshots.
    async fn consumers(&self, places: &BTreeSet<Place>, out: &mut Inventory) {
        let kinds = ConsumerKind::ALL.iter().copied();
        let lists = kinds.flat_map(|kind| places.iter().map(move |place| (place, kind)));
        let retry = &self.options.retry;
        let reads = lists.clone().map(|(place, kind)| async move {
            let query = ConsumerQuery::all(kind);
            let list = with_retries(retry, async || self.cloud.objects(place, &query).await);
            (place, kind, list.await)
        });
        let objects: Vec<_> = self.options.concurrently(reads).collect().await;
        for (place, kind, list) in objects {
            match list {
                Ok(objects) => objects.into_iter().for_each(|one| add(out, place, kind, one)),
                Err(error) => drop(out.unseen.insert(kind.as_str().to_owned(), error.to_string())),
            }
        }
        let of_copies = lists.filter_map(|(place, kind)| Some((place, kind, kind.facts().copies?)));
        let reads = of_copies.map(|(place, kind, of)| async move {
            (of, with_retries(retry, async || self.cloud.copies(place, kind).await).await)
        });
        let copies: Vec<_> = self.options.concurrently(reads).collect().await;
        for (of, list) in copies {
            match list {
                Ok(copies) => {
                    let known = copies.into_iter().filter_map(|(id, key)| Some((id, key?)));
                    let own = known.filter(|(_, key)| out.keys.contains_key(key));
                    let others = own.map(|(id, key)| Other { key, noun: of.noun, id });
                    out.others.extend(others.collect::<Vec<_>>());
                }
                Err(error) => drop(out.unseen.insert(of.what.to_owned(), error.to_string())),
            }
        }
    }
}

/// Adds a resource that one of the keys encrypts. A setting of the whole Region is no resource that an entry can name.
fn add(out: &mut Inventory, place: &Place, kind: ConsumerKind, object: Object) {
    let Some(KeyRef::Arn(key)) = object.spec.key() else { return };
    if object.phase == Phase::Gone || !out.keys.contains_key(key) {
        return;
    }
    let (key, id) = (key.clone(), object.id);
    match kind.is_single() {
        true => drop(out.others.insert(Other { key, noun: kind.facts().noun, id })),
        false => drop(out.consumers.insert(User { key, place: place.clone(), kind, id })),
    }
}

/// Returns whether `GetKeyRotationStatus` knows the key. The rotation of a replica is that of its primary key.
fn rotates(metadata: &Metadata) -> bool {
    let is_primary = metadata.primary_region.as_ref().is_none_or(|r| *r == metadata.arn.region);
    is_primary && key::can_rotate(&metadata.spec, &metadata.origin)
}
