//! Rotations on demand, with the rules of KMS.

use super::{FakeAws, fail};
use kmsctl::answer::{CloudError, Fault};
use kmsctl::id::KeyArn;
use kmsctl::kind::key::{Material, PastRotation};
use std::time::Duration;

const NAME: &str = "RotateKeyOnDemand";
/// The time that a rotation takes.
const TAKES: Duration = Duration::from_secs(5);

/// The rotations of a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotating {
    pub(crate) materials: Vec<Material>,
    /// The time at which the rotation in progress began.
    since: Option<Duration>,
    /// The number of calls that were executed.
    pub(crate) executed: usize,
}

impl FakeAws {
    /// Returns the start of the rotation in progress. One that has taken long enough is complete.
    pub(super) fn rotation_in_progress(&self, key: &KeyArn) -> Option<Duration> {
        let mut all = self.rotations.borrow_mut();
        let rotating = all.entry(key.id().to_owned()).or_default();
        let since = rotating.since?;
        if self.clock() < since + TAKES {
            return Some(since);
        }
        rotating.since = None;
        let date = format!("2027-01-01T00:00:{:02}Z", rotating.materials.len());
        let rotation = PastRotation { date, way: "ON_DEMAND".to_owned(), key_material_id: None };
        let state = Some("CURRENT".to_owned());
        rotating.materials.push(Material { state, rotation: Some(rotation) });
        None
    }

    pub(super) fn materials_of(&self, key: &KeyArn) -> Vec<Material> {
        self.rotation_in_progress(key);
        self.rotations.borrow()[key.id()].materials.clone()
    }

    /// Rotates a key, and injects the faults.
    pub(super) fn rotate_with_faults(&self, key: &KeyArn) -> Result<(), CloudError> {
        let faults = self.faults.borrow().clone();
        let early = if self.rng.below(100) < faults.throttle {
            Some(fail(NAME, Fault::Throttled, "rate exceeded"))
        } else if self.rng.below(100) < faults.fail500 {
            Some(fail(NAME, Fault::Ambiguous, "internal failure"))
        } else {
            None
        };
        let result = early.map_or_else(|| self.execute_rotation(key), Err);
        self.log.borrow_mut().push((NAME.to_owned(), result.is_ok()));
        result?;
        if self.rng.below(100) < faults.lose_answers {
            return Err(fail(NAME, Fault::Ambiguous, "the answer was lost"));
        }
        Ok(())
    }

    fn execute_rotation(&self, key: &KeyArn) -> Result<(), CloudError> {
        let meta = self.of(NAME, key, |key| key.meta.clone())?;
        if meta.spec != "SYMMETRIC_DEFAULT" || meta.origin == "AWS_CLOUDHSM" {
            return Err(fail(NAME, Fault::Unsupported, "not this key"));
        }
        if meta.state != "Enabled" {
            return Err(fail(NAME, Fault::InvalidState, "not enabled"));
        }
        if meta.primary_region.is_some_and(|primary| primary != key.region) {
            return Err(fail(NAME, Fault::Unsupported, "not the primary key"));
        }
        if self.rotation_in_progress(key).is_some() {
            return Err(fail(NAME, Fault::Other, "a rotation is in progress"));
        }
        let now = self.clock();
        let mut all = self.rotations.borrow_mut();
        let rotating = all.entry(key.id().to_owned()).or_default();
        let used = rotating.materials.iter().filter_map(|material| material.rotation.as_ref());
        if used.filter(|rotation| rotation.way == "ON_DEMAND").count() >= 25 {
            return Err(fail(NAME, Fault::LimitExceeded, "25 rotations"));
        }
        rotating.since = Some(now);
        rotating.executed += 1;
        Ok(())
    }
}
