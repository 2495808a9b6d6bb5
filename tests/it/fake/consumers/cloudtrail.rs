//! CloudTrail.

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{CloudError, Fault, Outcome};
use kmsctl::cloud::{Bucket, BucketPolicy};
use kmsctl::id::Place;
use kmsctl::kind::cloudtrail_event_data_store as store;
use kmsctl::kind::cloudtrail_trail::{
    AddTags, Call, CreateTrail, DeleteTrail, EventSelector, PutEventSelectors, RemoveTags,
    Settings, StartLogging, StopLogging, TrailKey, TrailUpdate, UpdateTrail, trail_arn,
};
use kmsctl::kind::consumer::{self, Common, Encryption};
use kmsctl::kind::{ConsumerSpec, KeyRef};
use kmsctl::kind::{Object, Phase};
use std::collections::BTreeSet;

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateTrail(call) => return create(request, shelf, call),
        Call::UpdateTrail(UpdateTrail { name, settings }) => {
            let mut whole = settings_of(&mut request.held(shelf, name)?.object.spec).clone();
            update(&mut whole, settings);
            let bucket = bucket(request, name, &whole)?;
            let key = match &settings.kms_key_id {
                None => None,
                Some(TrailKey::Nothing) => Some(Encryption::Aws),
                Some(TrailKey::Key(key)) => Some(key_at(request, &bucket, Some(key))?),
            };
            let held = request.held(shelf, name)?;
            *settings_of(&mut held.object.spec) = whole;
            if let Some(key) = key {
                held.object.spec.common_mut().key = Some(key);
            }
        }
        Call::PutEventSelectors(PutEventSelectors {
            trail_name,
            event_selectors,
            advanced_event_selectors,
        }) => {
            let settings = settings_of(&mut request.held(shelf, trail_name)?.object.spec);
            if event_selectors.is_empty() == advanced_event_selectors.is_empty() {
                return request.fail(Fault::Invalid, "selectors of one sort, and at least one");
            }
            settings.event_selectors = Some(event_selectors.iter().cloned().collect());
            settings.advanced_event_selectors =
                Some(advanced_event_selectors.iter().cloned().collect());
        }
        Call::StartLogging(StartLogging { name }) => {
            settings_of(&mut request.held(shelf, name)?.object.spec).logging = Some(true);
        }
        Call::StopLogging(StopLogging { name }) => {
            settings_of(&mut request.held(shelf, name)?.object.spec).logging = Some(false);
        }
        Call::AddTags(AddTags { resource_id, tags_list }) => {
            retag(request.held(shelf, trail(resource_id))?, tags_list, &[]);
        }
        Call::RemoveTags(RemoveTags { resource_id, tags_list }) => {
            let keys: Vec<String> = tags_list.iter().map(|tag| tag.key.clone()).collect();
            retag(request.held(shelf, trail(resource_id))?, &[], &keys);
        }
        Call::DeleteTrail(DeleteTrail { name }) => return request.take(shelf, name),
    }
    Ok(Outcome::Done)
}

fn create(
    request: &Request<'_>,
    shelf: &mut Shelf,
    CreateTrail { name, settings: given, tags_list }: &CreateTrail,
) -> Answer {
    if shelf.contains_key(name) {
        return request.fail(Fault::AlreadyExists, "the name is taken");
    }
    if shelf.len() >= 5 {
        return request.fail(Fault::LimitExceeded, "5 trails a Region");
    }
    let all = EventSelector {
        read_write_type: "All".to_owned(),
        include_management_events: true,
        data_resources: BTreeSet::new(),
        exclude_management_event_sources: BTreeSet::new(),
    };
    let mut settings = Settings {
        bucket: None,
        prefix: Some(String::new()),
        multi_region: Some(false),
        organization: Some(false),
        log_file_validation: Some(false),
        include_global_events: Some(true),
        event_selectors: Some([all].into()),
        advanced_event_selectors: Some(BTreeSet::new()),
        logging: Some(false),
    };
    update(&mut settings, given);
    let bucket = bucket(request, name, &settings)?;
    let key = match &given.kms_key_id {
        Some(TrailKey::Key(key)) => Some(key),
        Some(TrailKey::Nothing) | None => None,
    };
    let key = key_at(request, &bucket, key)?;
    let common = Common { key: Some(key), existing: None, tags: tags_of(tags_list) };
    let spec = ConsumerSpec::CloudtrailTrail(consumer::Spec { common, settings });
    request.make(shelf, Object { id: name.clone(), spec, phase: Phase::Ready })
}

fn update(settings: &mut Settings, given: &TrailUpdate) {
    let set = |to: &mut Option<bool>, from: Option<bool>| *to = from.or(*to);
    set(&mut settings.multi_region, given.is_multi_region_trail);
    set(&mut settings.organization, given.is_organization_trail);
    set(&mut settings.log_file_validation, given.enable_log_file_validation);
    set(&mut settings.include_global_events, given.include_global_service_events);
    settings.bucket = given.s3_bucket_name.clone().or(settings.bucket.take());
    settings.prefix = given.s3_key_prefix.clone().or(settings.prefix.take());
}

/// Returns the bucket, if its policy allows CloudTrail to write the log files of the trail.
fn bucket(request: &Request<'_>, name: &str, settings: &Settings) -> Result<Bucket, CloudError> {
    if settings.multi_region == Some(true) && settings.include_global_events != Some(true) {
        return request.fail(Fault::Invalid, "a trail for all Regions, without global services");
    }
    let buckets = request.fake.buckets.borrow();
    let Some(bucket) = buckets.get(settings.bucket.as_deref().unwrap_or_default()) else {
        return request.fail(Fault::Invalid, "no such bucket");
    };
    let BucketPolicy::Text(policy) = &bucket.policy else {
        return request.fail(Fault::Invalid, "the bucket's policy");
    };
    let prefix = settings.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
    let folder = format!("/{prefix}AWSLogs/{}/*", request.at.account);
    let trail = trail_arn(request.at, name);
    if !policy.contains(&folder) || !(policy.contains(&trail) || policy.contains("trail/*")) {
        return request.fail(Fault::Invalid, "the bucket's policy");
    }
    Ok(bucket.clone())
}

/// Checks that the key is in the Region of the bucket.
fn key_at(
    request: &Request<'_>,
    bucket: &Bucket,
    key: Option<&KeyRef>,
) -> Result<Encryption, CloudError> {
    let there = Place { account: request.at.account.clone(), region: bucket.region.clone() };
    let Request { fake, bindings, name, .. } = *request;
    Request { fake, at: &there, bindings, name }.key(key)
}

fn trail(arn: &str) -> &str {
    arn.rsplit_once('/').unwrap().1
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    let found = match spec {
        ConsumerSpec::CloudtrailTrail(spec) => Some(&mut spec.settings),
        _ => None,
    };
    found.expect("a trail")
}

pub(super) fn store(request: &Request<'_>, shelf: &mut Shelf, call: &store::Call) -> Answer {
    match call {
        store::Call::CreateEventDataStore(call) => return create_store(request, shelf, call),
        store::Call::UpdateEventDataStore(store::UpdateEventDataStore { settings }) => {
            let key = settings.kms_key_id.as_ref().map(|key| request.key(Some(key))).transpose()?;
            let held = request.held(shelf, &request.id()?)?;
            if let Some(key) = key {
                let common = held.object.spec.common_mut();
                if common.key != Some(Encryption::Aws) {
                    return request.fail(Fault::Invalid, "it has a key");
                }
                common.key = Some(key);
            }
            update_store(store_of(&mut held.object.spec), settings);
        }
        store::Call::AddTags(store::AddTags { tags_list }) => {
            retag(request.held(shelf, &request.id()?)?, tags_list, &[]);
        }
        store::Call::RemoveTags(store::RemoveTags { tags_list }) => {
            let keys: Vec<String> = tags_list.iter().map(|tag| tag.key.clone()).collect();
            retag(request.held(shelf, &request.id()?)?, &[], &keys);
        }
        store::Call::DeleteEventDataStore(_) => {
            let id = request.id()?;
            let held = request.held(shelf, &id)?;
            if store_of(&mut held.object.spec).termination_protection == Some(true) {
                return request.fail(Fault::Invalid, "termination protection");
            }
            let gone = Object { phase: Phase::Gone, ..held.object.clone() };
            request.fake.gone.borrow_mut().push((request.at.clone(), gone));
            return request.take(shelf, &id);
        }
    }
    Ok(Outcome::Done)
}

fn create_store(
    request: &Request<'_>,
    shelf: &mut Shelf,
    store::CreateEventDataStore { settings: given, tags_list }: &store::CreateEventDataStore,
) -> Answer {
    let mut settings = store::Settings {
        name: None,
        retention_days: Some(366),
        multi_region: Some(true),
        organization: Some(false),
        advanced_event_selectors: Some(BTreeSet::new()),
        termination_protection: Some(true),
        federated: Some(false),
    };
    update_store(&mut settings, given);
    let taken = |spec: &ConsumerSpec| match spec {
        ConsumerSpec::CloudtrailEventDataStore(store) => store.settings.name == settings.name,
        _ => false,
    };
    let gone = request.fake.gone.borrow();
    let mut named = shelf.values().map(|held| &held.object.spec);
    if named.any(taken) || gone.iter().any(|(at, store)| at == request.at && taken(&store.spec)) {
        return request.fail(Fault::AlreadyExists, "the name is taken");
    }
    let key = request.key(given.kms_key_id.as_ref())?;
    let common = Common { key: Some(key), existing: None, tags: tags_of(tags_list) };
    let (account, region) = (&request.at.account, &request.at.region);
    let id =
        format!("arn:aws:cloudtrail:{region}:{account}:eventdatastore/{}", request.fake.number());
    let spec = ConsumerSpec::CloudtrailEventDataStore(consumer::Spec { common, settings });
    request.make(shelf, Object { id, spec, phase: Phase::Ready })
}

fn update_store(settings: &mut store::Settings, given: &store::StoreSettings) {
    let set = |to: &mut Option<bool>, from: Option<bool>| *to = from.or(*to);
    set(&mut settings.multi_region, given.multi_region_enabled);
    set(&mut settings.organization, given.organization_enabled);
    set(&mut settings.termination_protection, given.termination_protection_enabled);
    settings.retention_days = given.retention_period.or(settings.retention_days);
    settings.name = given.name.clone().or(settings.name.take());
    if let Some(selectors) = &given.advanced_event_selectors {
        settings.advanced_event_selectors = Some(selectors.iter().cloned().collect());
    }
}

fn store_of(spec: &mut ConsumerSpec) -> &mut store::Settings {
    let found = match spec {
        ConsumerSpec::CloudtrailEventDataStore(spec) => Some(&mut spec.settings),
        _ => None,
    };
    found.expect("an event data store")
}

/// Returns a bucket to which every trail of the tests' account may write.
pub(crate) fn open_bucket(region: &str) -> Bucket {
    let allow = |action: &str, resource: &str| {
        serde_json::json!({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": action, "Resource": resource, "Condition": {
                "StringLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:111122223333:trail/*"}}})
    };
    let statements = [
        allow("s3:GetBucketAcl", "arn:aws:s3:::*"),
        allow("s3:PutObject", "arn:aws:s3:::*/AWSLogs/111122223333/*"),
        allow("s3:PutObject", "arn:aws:s3:::*/2026/AWSLogs/111122223333/*"),
    ];
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let policy = BucketPolicy::Text(policy.to_string());
    Bucket { region: region.parse().unwrap(), policy }
}
