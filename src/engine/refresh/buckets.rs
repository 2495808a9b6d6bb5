//! Reads the buckets of trails, each once: their Regions, in which the trails' keys must be, and whether
//! their policies let CloudTrail write (CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail").

use super::{Refresh, unreachable};
use crate::address::Address;
use crate::cloud::retry::patiently;
use crate::cloud::{Bucket, BucketPolicy, Cloud, CloudError, Fault};
use crate::id::{Place, Region};
use crate::kind::cloudtrail_trail::bucket::Writer;
use crate::kind::cloudtrail_trail::{Settings, trail_arn};
use crate::kind::consumer::Encryption;
use crate::kind::{KeyRef, Kind, Spec, Violation};
use crate::live::{Live, Observed, Surroundings};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

/// A declared trail, as far as its bucket matters.
struct Trail<'a> {
    address: &'a Address,
    place: &'a Place,
    name: String,
    settings: Settings,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the bucket of each declared trail.
    pub(super) async fn look_at_buckets(&self, live: &mut Live) -> Result<(), CloudError> {
        let trails = self.trails(live);
        let wanted: BTreeSet<(&Place, &str)> = trails
            .iter()
            .filter_map(|trail| Some((trail.place, trail.settings.bucket.as_deref()?)))
            .collect();
        let reads = wanted.into_iter().map(|(place, bucket)| async move {
            let ask = async || self.cloud.bucket(place, bucket).await;
            ((place, bucket), patiently(&self.effort.patience, ask).await)
        });
        let mut read = BTreeMap::new();
        for (at, bucket) in self.side_by_side(reads).await {
            match bucket {
                Err(error) if unreachable(&error) => return Err(error),
                bucket => drop(read.insert(at, bucket)),
            }
        }
        for trail in &trails {
            let bucket = trail.settings.bucket.as_deref().unwrap_or_default();
            match read.get(&(trail.place, bucket)) {
                Some(Ok(found)) => self.judge(trail, bucket, found, live),
                Some(Err(error)) => self.unread(trail, bucket, error, live),
                None => {}
            }
        }
        Ok(())
    }

    /// The declared trails, with what AWS has where nothing is declared.
    fn trails(&self, live: &Live) -> Vec<Trail<'_>> {
        let trails = self.desired.resources.iter().filter_map(|(address, declared)| {
            let Spec::CloudtrailTrail(spec) = &declared.spec else {
                return None;
            };
            let seen = match live.observed.get(address) {
                Some(Observed::Present { spec, .. }) => Some(&**spec),
                Some(Observed::Absent | Observed::Unusable { .. }) | None => None,
            };
            let settings = match seen.map(|seen| declared.spec.complete(seen, &self.desired.stack))
            {
                Some(Spec::CloudtrailTrail(whole)) => whole.settings,
                Some(_) | None => spec.settings.clone(),
            };
            let name = spec.common.existing.clone().unwrap_or_else(|| address.name.clone());
            Some(Trail { address, place: &declared.place, name, settings })
        });
        trails.collect()
    }

    fn judge(&self, trail: &Trail<'_>, bucket: &str, found: &Bucket, live: &mut Live) {
        around(trail, live).key_region = Some(found.region.clone());
        let policy = match &found.policy {
            BucketPolicy::None => None,
            BucketPolicy::Text(text) => {
                match Document::from_live(text, trail.place.region.partition()) {
                    Ok(policy) => Some(policy),
                    Err(_) => {
                        let why = "its policy is not understood".to_owned();
                        around(trail, live).unknown = Some(unsure(bucket, &why));
                        return;
                    }
                }
            }
            BucketPolicy::Hidden(why) => {
                around(trail, live).unknown = Some(unsure(bucket, why));
                return;
            }
        };
        let writer = Writer {
            place: trail.place,
            name: &trail.name,
            bucket,
            prefix: trail.settings.prefix.as_deref().unwrap_or_default(),
            organization: trail.settings.organization == Some(true),
        };
        if let Some(objection) = writer.objection(policy.as_ref()) {
            around(trail, live).objection = Some(objection);
        }
    }

    fn unread(&self, trail: &Trail<'_>, bucket: &str, error: &CloudError, live: &mut Live) {
        if error.fault == Fault::NotFound {
            let arn = trail_arn(trail.place, &trail.name);
            let reason = format!("there is no bucket `{bucket}`");
            let help = format!(
                "create it first, with a policy that lets CloudTrail write for `{arn}`: kmsctl says \
                 which once the bucket is there; or correct the name"
            );
            around(trail, live).objection = Some(Violation::new("bucket", reason, help));
            return;
        }
        around(trail, live).unknown = Some(unsure(bucket, &error.to_string()));
        // Wherever its key is may be right.
        if let Some(region) = self.region_of_key(trail.address) {
            around(trail, live).key_region = Some(region);
        }
    }

    fn region_of_key(&self, address: &Address) -> Option<Region> {
        let declared = self.desired.resources.get(address)?;
        match declared.spec.common()?.key.as_ref().and_then(Encryption::key)? {
            KeyRef::Managed(key) => Some(self.desired.resources.get(key)?.place.region.clone()),
            KeyRef::Arn(arn) => Some(arn.region.clone()),
            KeyRef::Alias(alias) => Some(alias.place.region.clone()),
        }
    }
}

fn around<'l>(trail: &Trail<'_>, live: &'l mut Live) -> &'l mut Surroundings {
    live.surroundings.entry(trail.address.clone()).or_default()
}

fn unsure(bucket: &str, why: &str) -> String {
    format!(
        "whether CloudTrail may write to the bucket `{bucket}` could not be looked at ({why}): let \
         the caller do s3:ListBucket and s3:GetBucketPolicy on it, or make sure of it yourself"
    )
}

/// Returns why a name cannot be used: CloudTrail keeps the name of a deleted event data store for the
/// seven days in which the store can be restored (CloudTrail API Reference, `DeleteEventDataStore`).
pub(super) fn name_taken(spec: &Spec, id: &str, name: &str) -> Option<Observed> {
    let Spec::CloudtrailEventDataStore(store) = spec else {
        return None;
    };
    (store.settings.name.as_deref() == Some(name)).then(|| Observed::Unusable {
        reason: format!(
            "the event data store `{name}` is being deleted, and AWS keeps its name for 7 days"
        ),
        help: format!(
            "restore it (`aws cloudtrail restore-event-data-store --event-data-store {id}`) and plan \
             again, choose another name, or wait"
        ),
    })
}

/// The kinds whose names are looked for beside their ids.
pub(super) fn looks_for_names(kind: Kind) -> bool {
    kind == Kind::CloudtrailEventDataStore
}
