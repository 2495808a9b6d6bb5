//! Finds what depends on keys: everything in their Regions that says which key encrypts it, and the
//! grants that AWS services hold.

use super::Effort;
use crate::cloud::retry::{Patience, every_page, patiently};
use crate::cloud::{Cloud, CloudError, Copies, Sought};
use crate::id::{KeyArn, Place};
use crate::impact::{Dependant, Impact, Impacts, Scanned, Unseen};
use crate::kind::consumer::Encryption;
use crate::kind::{KeyRef, Kind};
use crate::policy::is_service;
use futures_util::stream::StreamExt;
use std::collections::BTreeSet;

/// One list of one place: what it is called, and what was found, with the key of each.
struct List {
    place: Place,
    what: String,
    found: Result<Vec<(String, Option<KeyArn>)>, CloudError>,
}

/// How often a list is asked for: what does not answer is told, and not waited for.
const ATTEMPTS: u32 = 3;

/// Looks for what depends on each of the keys.
pub async fn scan<C: Cloud>(cloud: &C, effort: &Effort, keys: &BTreeSet<KeyArn>) -> Impacts {
    let attempts = effort.patience.attempts.min(ATTEMPTS);
    let patience = Patience { attempts, ..effort.patience.clone() };
    let effort = &Effort { patience, ..effort.clone() };
    let mut impacts: Impacts = keys.iter().map(|key| (key.clone(), Impact::default())).collect();
    let places: BTreeSet<Place> = keys.iter().map(KeyArn::place).collect();
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.is_consumer()).collect();
    let lists = places.iter().flat_map(|place| {
        let consumers = kinds.iter().map(move |kind| (place, Some(*kind), None));
        let copies = Copies::ALL.iter().map(move |of| (place, None, Some(*of)));
        consumers.chain(copies)
    });
    let reads = lists.map(|(place, kind, copies)| async move {
        match (kind, copies) {
            (Some(kind), _) => objects(cloud, effort, place, kind).await,
            (None, Some(of)) => self::copies(cloud, effort, place, of).await,
            (None, None) => List { place: place.clone(), what: String::new(), found: Ok(vec![]) },
        }
    });
    let lists: Vec<List> = effort.side_by_side(reads).collect().await;
    for list in lists {
        enter(list, &mut impacts);
    }
    let asks = keys.iter().map(|key| async move { (key, of_key(cloud, effort, key).await) });
    let own: Vec<(&KeyArn, Impact)> = effort.side_by_side(asks).collect().await;
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

async fn objects<C: Cloud>(cloud: &C, effort: &Effort, place: &Place, kind: Kind) -> List {
    let sought = Sought::all(kind);
    let ask = async || cloud.objects(place, &sought).await;
    let found = patiently(&effort.patience, ask).await.map(|objects| {
        let each = objects.into_iter().map(|object| {
            let key = object.spec.common().and_then(|common| common.key.as_ref());
            let arn = key.and_then(Encryption::key).and_then(|key| match key {
                KeyRef::Arn(arn) => Some(arn.clone()),
                KeyRef::Managed(_) | KeyRef::Alias(_) => None,
            });
            (object.id, arn)
        });
        each.collect()
    });
    List { place: place.clone(), what: kind.as_str().to_owned(), found }
}

async fn copies<C: Cloud>(cloud: &C, effort: &Effort, place: &Place, of: Copies) -> List {
    let ask = async || cloud.copies(place, of).await;
    let found = patiently(&effort.patience, ask).await;
    List { place: place.clone(), what: of.as_str().to_owned(), found }
}

fn enter(list: List, impacts: &mut Impacts) {
    let List { place, what, found } = list;
    for (key, impact) in impacts.iter_mut().filter(|(key, _)| key.place() == place) {
        match &found {
            Ok(found) => {
                impact.scanned.insert(Scanned { what: what.clone(), count: found.len() });
                let using = found.iter().filter(|(_, of)| of.as_ref() == Some(key));
                impact.dependants.extend(using.map(|(id, _)| Dependant {
                    what: what.clone(),
                    id: id.clone(),
                    held_by: None,
                }));
            }
            Err(error) => {
                impact.unseen.insert(Unseen { what: what.clone(), why: error.to_string() });
            }
        }
    }
}

/// The grants of services, and the last use.
async fn of_key<C: Cloud>(cloud: &C, effort: &Effort, key: &KeyArn) -> Impact {
    let mut impact = Impact::default();
    let list = async |from: Option<&str>| cloud.grants(key, from).await;
    let what = "grant".to_owned();
    match every_page(&effort.patience, list).await {
        Ok(grants) => {
            impact.scanned.insert(Scanned { what: what.clone(), count: grants.len() });
            let of_services = grants.into_iter().filter(|grant| {
                let role = ["aws:ec2-infrastructure", "/aws-service-role/"];
                is_service(&grant.grantee) || role.iter().any(|part| grant.grantee.contains(part))
            });
            impact.dependants.extend(of_services.map(|grant| Dependant {
                what: what.clone(),
                id: grant.grant_id,
                held_by: Some(grant.grantee),
            }));
        }
        Err(error) => drop(impact.unseen.insert(Unseen { what, why: error.to_string() })),
    }
    match patiently(&effort.patience, async || cloud.last_usage(key).await).await {
        Ok(usage) => impact.last_usage = Some(usage),
        Err(error) => {
            let what = "its last use".to_owned();
            impact.unseen.insert(Unseen { what, why: error.to_string() });
        }
    }
    impact
}
