//! Finds the resources that depend on keys: the resources in the keys' Regions whose descriptions name
//! the key, and the grants that AWS services hold.

use super::Options;
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::id::{KeyArn, Place};
use crate::impact::{Dependant, Impact, Impacts, LAST_USE, Scanned, Unseen};
use crate::kind::{ConsumerKind, ConsumerQuery, KeyRef, Object, Phase};
use crate::retry::{RetryPolicy, every_page, with_retries};
use futures_util::stream::StreamExt;
use std::collections::BTreeSet;

/// The resources of one kind in one place.
struct List {
    place: Place,
    /// The kind, as [`Dependant::what`] names it.
    what: String,
    /// The service that holds grants on the keys for the resources.
    service: Option<&'static str>,
    /// The id and the key of each resource.
    found: Result<Vec<(String, Option<KeyArn>)>, CloudError>,
}

/// The largest number of attempts at a list. A list that AWS does not return is reported as unread.
const ATTEMPTS: u32 = 3;

/// Finds the resources that depend on each of the keys.
pub async fn scan<C: Cloud>(cloud: &C, options: &Options, keys: &BTreeSet<KeyArn>) -> Impacts {
    let attempts = options.retry.attempts.min(ATTEMPTS);
    let retry = RetryPolicy { attempts, ..options.retry.clone() };
    let options = &Options { retry, ..options.clone() };
    let mut impacts: Impacts = keys.iter().map(|key| (key.clone(), Impact::default())).collect();
    let places: BTreeSet<Place> = keys.iter().map(KeyArn::place).collect();
    let lists = places.iter().flat_map(|place| {
        let consumers = ConsumerKind::ALL.iter().map(move |kind| (place, *kind, None));
        let copies = ConsumerKind::ALL
            .iter()
            .filter_map(move |kind| Some((place, *kind, Some(kind.facts().copies?))));
        consumers.chain(copies)
    });
    let reads = lists.map(|(place, kind, copies)| async move {
        match copies {
            None => objects(cloud, options, place, kind).await,
            Some(of) => self::copies(cloud, options, place, kind, of.what).await,
        }
    });
    let lists: Vec<List> = options.concurrently(reads).collect().await;
    for list in lists {
        add(list, &mut impacts);
    }
    let asks = keys.iter().map(|key| async move { (key, of_key(cloud, options, key).await) });
    let own: Vec<(&KeyArn, Impact)> = options.concurrently(asks).collect().await;
    for (key, found) in own {
        if let Some(impact) = impacts.get_mut(key) {
            impact.dependants.extend(found.dependants);
            impact.scanned.extend(found.scanned);
            impact.unseen.extend(found.unseen);
            impact.last_usage = found.last_usage;
        }
    }
    impacts
}

async fn objects<C: Cloud>(
    cloud: &C,
    options: &Options,
    place: &Place,
    kind: ConsumerKind,
) -> List {
    let query = ConsumerQuery::all(kind);
    let found = with_retries(&options.retry, async || cloud.objects(place, &query).await).await;
    // A resource that is being deleted for good does not need its key any more.
    let found = found.map(|objects| {
        let left = objects.into_iter().filter(|object| object.phase != Phase::Gone);
        left.map(with_key).collect()
    });
    let service = kind.facts().grants_of;
    List { place: place.clone(), what: kind.as_str().to_owned(), service, found }
}

/// Returns the id of a consumer and the ARN of its key.
fn with_key(object: Object) -> (String, Option<KeyArn>) {
    let arn = object.spec.key().and_then(|key| match key {
        KeyRef::Arn(arn) => Some(arn.clone()),
        KeyRef::Managed(_) | KeyRef::Alias(_) => None,
    });
    (object.id, arn)
}

async fn copies<C: Cloud>(
    cloud: &C,
    options: &Options,
    place: &Place,
    kind: ConsumerKind,
    what: &str,
) -> List {
    let found = with_retries(&options.retry, async || cloud.copies(place, kind).await).await;
    let service = kind.facts().grants_of;
    List { place: place.clone(), what: what.to_owned(), service, found }
}

/// Adds a list to the impacts of the keys in its place.
fn add(list: List, impacts: &mut Impacts) {
    let List { place, what, service, found } = list;
    for (key, impact) in impacts.iter_mut().filter(|(key, _)| key.place() == place) {
        match &found {
            Ok(found) => {
                impact.scanned.insert(Scanned { what: what.clone(), count: found.len() });
                let using = found.iter().filter(|(_, of)| of.as_ref() == Some(key));
                impact.dependants.extend(using.map(|(id, _)| Dependant {
                    what: what.clone(),
                    id: id.clone(),
                    held_by: None,
                    service: service.map(str::to_owned),
                }));
            }
            Err(error) => {
                impact.unseen.insert(Unseen { what: what.clone(), why: error.to_string() });
            }
        }
    }
}

/// Returns the grants that AWS services hold on the key, and its last use.
async fn of_key<C: Cloud>(cloud: &C, options: &Options, key: &KeyArn) -> Impact {
    let mut impact = Impact::default();
    let what = "grant".to_owned();
    match every_page(&options.retry, async |from| cloud.grants(key, from).await).await {
        Ok(grants) => {
            impact.scanned.insert(Scanned { what: what.clone(), count: grants.len() });
            let of_services = grants.into_iter().filter(|grant| grant.is_of_service(&key.account));
            impact.dependants.extend(of_services.map(|grant| Dependant {
                what: what.clone(),
                id: grant.grant_id,
                held_by: Some(grant.grantee),
                service: None,
            }));
        }
        Err(error) => drop(impact.unseen.insert(Unseen { what, why: error.to_string() })),
    }
    match with_retries(&options.retry, async || cloud.last_usage(key).await).await {
        Ok(usage) => impact.last_usage = Some(usage),
        Err(error) => {
            let what = LAST_USE.to_owned();
            impact.unseen.insert(Unseen { what, why: error.to_string() });
        }
    }
    impact
}
