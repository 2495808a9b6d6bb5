//! Reads the buckets that consumers write to, each once: its Region, in which the key must be, and whether
//! its policy allows the service to write.

use super::Refresh;
use crate::answer::{CloudError, Fault};
use crate::cloud::{Bucket, BucketPolicy, Cloud};
use crate::id::{Place, Region};
use crate::kind::bucket::{BucketCheck, SeenBucket};
use crate::kind::consumer::Scene;
use crate::kind::{Address, ConsumerSpec, KeyRef, Spec};
use crate::live::{Live, Observed, Surroundings};
use crate::policy::Document;
use crate::retry::with_retries;
use std::collections::{BTreeMap, BTreeSet};

/// A declared consumer that writes to a bucket. Settings that are not declared have their live values.
struct Writer<'a> {
    address: &'a Address,
    place: &'a Place,
    spec: ConsumerSpec,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Reads the bucket of each declared consumer that writes to one.
    pub(super) async fn read_buckets(&self, live: &mut Live) -> Result<(), CloudError> {
        let writers = self.writers(live);
        let wanted: BTreeSet<(&Place, &str)> = writers
            .iter()
            .filter_map(|writer| Some((writer.place, writer.spec.bucket()?)))
            .collect();
        let reads = wanted.into_iter().map(|(place, bucket)| async move {
            let retry = &self.options.retry;
            let found = with_retries(retry, async || self.cloud.bucket(place, bucket).await).await;
            ((place, bucket), found)
        });
        let mut read = BTreeMap::new();
        for (at, bucket) in self.concurrently(reads).await {
            match bucket {
                Err(error) if error.fault.is_temporary() => return Err(error),
                bucket => drop(read.insert(at, bucket)),
            }
        }
        for writer in &writers {
            let bucket = writer.spec.bucket().unwrap_or_default();
            if let Some(found) = read.get(&(writer.place, bucket)) {
                let around = self.surroundings(writer, found.as_ref());
                live.surroundings.insert(writer.address.clone(), around);
            }
        }
        Ok(())
    }

    /// Returns the declared consumers that write to a bucket.
    fn writers(&self, live: &Live) -> Vec<Writer<'_>> {
        let mut writers = Vec::new();
        for (address, declared) in &self.desired.resources {
            let whole = match live.observed.get(address) {
                Some(Observed::Present { spec, .. }) => {
                    declared.spec.complete(spec, &self.desired.stack)
                }
                Some(Observed::Absent | Observed::Unusable { .. }) | None => declared.spec.clone(),
            };
            if let Spec::Consumer(spec) = whole
                && spec.bucket().is_some()
            {
                writers.push(Writer { address, place: &declared.place, spec });
            }
        }
        writers
    }

    /// Returns what a bucket means for the consumer that writes to it.
    fn surroundings(
        &self,
        writer: &Writer<'_>,
        found: Result<&Bucket, &CloudError>,
    ) -> Surroundings {
        let partition = writer.place.region.partition();
        let (key_region, check) = match found {
            Ok(bucket) => {
                let check = match &bucket.policy {
                    BucketPolicy::None => check(writer, SeenBucket::Policy(None)),
                    BucketPolicy::Hidden(why) => check(writer, SeenBucket::Unreadable(why)),
                    BucketPolicy::Text(text) => match Document::from_live(text, partition) {
                        Ok(policy) => check(writer, SeenBucket::Policy(Some(&policy))),
                        Err(_) => {
                            check(writer, SeenBucket::Unreadable("its policy cannot be parsed"))
                        }
                    },
                };
                (Some(bucket.region.clone()), check)
            }
            Err(error) if error.fault == Fault::NotFound => {
                (None, check(writer, SeenBucket::Missing))
            }
            // The Region of the bucket is not known, so the Region of the key is assumed to be correct.
            Err(error) => {
                let check = check(writer, SeenBucket::Unreadable(&error.to_string()));
                (self.region_of_key(writer), check)
            }
        };
        Surroundings { key_region, objection: check.objection, unknown: check.unknown }
    }

    fn region_of_key(&self, writer: &Writer<'_>) -> Option<Region> {
        match writer.spec.key()? {
            KeyRef::Managed(key) => Some(self.desired.resources.get(key)?.place.region.clone()),
            KeyRef::Arn(arn) => Some(arn.region.clone()),
            KeyRef::Alias(alias) => Some(alias.place.region.clone()),
        }
    }
}

fn check(writer: &Writer<'_>, bucket: SeenBucket<'_>) -> BucketCheck {
    let existing = writer.spec.common().existing.as_deref();
    let name = existing.unwrap_or(&writer.address.name);
    writer.spec.check_bucket(&Scene { place: writer.place, name, used_by: &[] }, bucket)
}
