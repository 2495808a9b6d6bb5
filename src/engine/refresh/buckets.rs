//! Reads the bucket of each trail once: its Region, in which the trail's key must be, and whether its
//! policy allows CloudTrail to write (CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail").

use super::{Refresh, is_outage};
use crate::answer::{CloudError, Fault};
use crate::cloud::retry::with_retries;
use crate::cloud::{Bucket, BucketPolicy, Cloud};
use crate::id::{Place, Region};
use crate::kind::address::Address;
use crate::kind::cloudtrail_trail::bucket::Writer;
use crate::kind::cloudtrail_trail::{Settings, trail_arn};
use crate::kind::consumer::Encryption;
use crate::kind::{KeyRef, Spec, Violation};
use crate::live::{Live, Observed, Surroundings};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

/// The settings of a declared trail that concern its bucket.
struct Trail<'a> {
    address: &'a Address,
    place: &'a Place,
    name: String,
    settings: Settings,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the bucket of each declared trail.
    pub(super) async fn read_buckets(&self, live: &mut Live) -> Result<(), CloudError> {
        let trails = self.trails(live);
        let wanted: BTreeSet<(&Place, &str)> = trails
            .iter()
            .filter_map(|trail| Some((trail.place, trail.settings.bucket.as_deref()?)))
            .collect();
        let reads = wanted.into_iter().map(|(place, bucket)| async move {
            let retry = &self.options.retry;
            let found = with_retries(retry, async || self.cloud.bucket(place, bucket).await).await;
            ((place, bucket), found)
        });
        let mut read = BTreeMap::new();
        for (at, bucket) in self.concurrently(reads).await {
            match bucket {
                Err(error) if is_outage(&error) => return Err(error),
                bucket => drop(read.insert(at, bucket)),
            }
        }
        for trail in &trails {
            let bucket = trail.settings.bucket.as_deref().unwrap_or_default();
            match read.get(&(trail.place, bucket)) {
                Some(Ok(found)) => self.judge(trail, bucket, found, live),
                Some(Err(error)) => self.unreadable(trail, bucket, error, live),
                None => {}
            }
        }
        Ok(())
    }

    /// Returns the declared trails. Settings that are not declared have their live values.
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

    /// Checks whether CloudTrail can write to the bucket.
    fn judge(&self, trail: &Trail<'_>, bucket: &str, found: &Bucket, live: &mut Live) {
        around(trail, live).key_region = Some(found.region.clone());
        let policy = match &found.policy {
            BucketPolicy::None => None,
            BucketPolicy::Text(text) => {
                match Document::from_live(text, trail.place.region.partition()) {
                    Ok(policy) => Some(policy),
                    Err(_) => {
                        let why = "its policy cannot be parsed".to_owned();
                        around(trail, live).unknown = Some(unknown(bucket, &why));
                        return;
                    }
                }
            }
            BucketPolicy::Hidden(why) => {
                around(trail, live).unknown = Some(unknown(bucket, why));
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

    /// Records that the bucket does not exist or could not be read.
    fn unreadable(&self, trail: &Trail<'_>, bucket: &str, error: &CloudError, live: &mut Live) {
        if error.fault == Fault::NotFound {
            let arn = trail_arn(trail.place, &trail.name);
            let reason = format!("there is no bucket `{bucket}`");
            let help = format!(
                "create it first, with a policy that allows CloudTrail to write for `{arn}` (kmsctl \
                 prints the missing statements once the bucket exists); or correct the name"
            );
            around(trail, live).objection = Some(Violation::new("bucket", reason, help));
            return;
        }
        around(trail, live).unknown = Some(unknown(bucket, &error.to_string()));
        // The Region of the bucket is not known, so the Region of the key is assumed to be correct.
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

/// Returns the surroundings of a trail.
fn around<'l>(trail: &Trail<'_>, live: &'l mut Live) -> &'l mut Surroundings {
    live.surroundings.entry(trail.address.clone()).or_default()
}

/// Returns the message that the policy of a bucket could not be checked.
fn unknown(bucket: &str, why: &str) -> String {
    format!(
        "could not check whether CloudTrail may write to the bucket `{bucket}` ({why}): allow the \
         caller s3:ListBucket and s3:GetBucketPolicy on it, or check it yourself"
    )
}
