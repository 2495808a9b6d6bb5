//! The key materials of a key, and whether it can be rotated on demand.

use super::{DEFAULT_ORIGIN, DEFAULT_SPEC, ENCRYPT, Metadata};
use crate::kind::Violation;
use serde::Serialize;

/// The number of on-demand rotations that KMS allows for the lifetime of a key (KMS API Reference, RotateKeyOnDemand).
pub const ON_DEMAND_ROTATIONS: usize = 25;

/// The type of a rotation that a person or a program asked for (KMS API Reference, RotationsListEntry).
const ON_DEMAND: &str = "ON_DEMAND";
/// The origin of imported key material.
const IMPORTED: &str = "EXTERNAL";
/// The state of imported key material that the next rotation makes current.
const READY: &str = "PENDING_ROTATION";

/// A key material of a key, as `ListKeyRotations` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// The state, such as `CURRENT` or `PENDING_ROTATION`, if KMS returns it.
    pub state: Option<String>,
    /// The rotation by which the material became current; `None` for the first one and for one that waits.
    pub rotation: Option<PastRotation>,
}

/// A rotation that is complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PastRotation {
    /// The time, such as `2027-01-31T12:00:00Z`.
    pub date: String,
    /// `AUTOMATIC` or `ON_DEMAND`.
    #[serde(rename = "type")]
    pub way: String,
    /// The id of the new key material, if KMS returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_id: Option<String>,
}

/// The rotations of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotations {
    /// The complete rotations, the oldest first.
    pub past: Vec<PastRotation>,
    /// The states of the imported key materials that wait for a rotation.
    pub waiting: Vec<String>,
}

impl Rotations {
    /// Returns the rotations by which key materials became current.
    #[must_use]
    pub fn of(materials: Vec<Material>) -> Self {
        let mut all = Self::default();
        for Material { state, rotation } in materials {
            match (rotation, state) {
                (Some(rotation), _) => all.past.push(rotation),
                (None, Some(state)) if state.starts_with("PENDING_") => all.waiting.push(state),
                (None, _) => {}
            }
        }
        all.past.sort();
        all
    }

    /// Returns the number of rotations on demand.
    #[must_use]
    pub fn on_demand(&self) -> usize {
        self.past.iter().filter(|rotation| rotation.way == ON_DEMAND).count()
    }

    /// Returns the number of rotations on demand that KMS still allows.
    #[must_use]
    pub fn left(&self) -> usize {
        ON_DEMAND_ROTATIONS.saturating_sub(self.on_demand())
    }

    /// Returns the rotations in one line, such as `2 times, last 2027-01-31T12:00:00Z (on demand); 24 of 25 rotations
    /// on demand left`.
    #[must_use]
    pub fn words(&self) -> String {
        let left = format!("{} of {ON_DEMAND_ROTATIONS} rotations on demand left", self.left());
        format!("{}; {left}", self.history())
    }

    /// Returns the past rotations in words, such as `once, last 2027-01-31T12:00:00Z (on demand)`.
    #[must_use]
    pub fn history(&self) -> String {
        let times = match self.past.len() {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let last = self.past.last().map(|last| {
            let way = if last.way == ON_DEMAND { "on demand" } else { "automatic" };
            format!(", last {} ({way})", last.date)
        });
        format!("{times}{}", last.unwrap_or_default())
    }
}

fn refused(reason: impl Into<String>, help: &str) -> Option<Violation> {
    Some(Violation::new("", reason.into(), help))
}

/// Returns why KMS rotates no key like this on demand (KMS API Reference, RotateKeyOnDemand; KMS Developer Guide, "Key
/// states of AWS KMS keys").
#[must_use]
pub fn unrotatable(key: &Metadata) -> Option<Violation> {
    if key.aws_managed {
        return refused("it is an AWS managed key", "KMS rotates it every year by itself");
    }
    if let Some(never) = never_rotated(key) {
        return Some(never);
    }
    if key.state == "Enabled" {
        return None;
    }
    let help = match key.state.as_str() {
        "Disabled" => "enable it first",
        "PendingImport" => "import its key material first",
        _ if key.is_dying() => "cancel its deletion, and enable it first",
        _ => "try again when it is enabled",
    };
    refused(format!("its state is {}", key.state), help)
}

/// Returns why KMS never rotates a key of this spec, usage and origin, if so.
#[must_use]
pub fn never_rotated(key: &Metadata) -> Option<Violation> {
    if key.spec != DEFAULT_SPEC || key.usage != ENCRYPT {
        let reason = format!("its spec is {}, and KMS rotates only SYMMETRIC_DEFAULT", key.spec);
        return refused(reason, "create a new key, and let its users change over to it");
    }
    if ![DEFAULT_ORIGIN, IMPORTED].contains(&key.origin.as_str()) {
        let help = "create a new key in the key store, and let its users change over to it";
        return refused("KMS does not rotate keys of a custom key store", help);
    }
    None
}

/// Returns why KMS would refuse to rotate the key now. `started` is the start of a rotation on demand that is in
/// progress.
#[must_use]
pub fn rotation_obstacle(
    key: &Metadata,
    rotations: &Rotations,
    started: Option<&str>,
) -> Option<Violation> {
    if let Some(started) = started {
        let reason = format!("a rotation on demand is in progress since {started}");
        return refused(reason, "KMS completes it by itself, and refuses another one until then");
    }
    if rotations.left() == 0 {
        let reason = format!(
            "KMS allows {ON_DEMAND_ROTATIONS} rotations on demand for the lifetime of a key, and all are used up"
        );
        let help = "AWS does not raise this quota: let KMS rotate the key by itself (`kmsctl explain keys.rotation`), or \
                    create a new key";
        return refused(reason, help);
    }
    if key.origin != IMPORTED || rotations.waiting.iter().any(|state| state == READY) {
        return None;
    }
    if rotations.waiting.is_empty() {
        let help = "import it first: `aws kms import-key-material --import-type NEW_KEY_MATERIAL`";
        return refused(
            "its key material is imported, and no new material waits for a rotation",
            help,
        );
    }
    let help = "import the same key material into each replica first";
    refused("the new key material is not imported into all replicas yet", help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Metadata {
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        Metadata {
            arn: arn.parse().unwrap(),
            spec: DEFAULT_SPEC.to_owned(),
            usage: ENCRYPT.to_owned(),
            origin: DEFAULT_ORIGIN.to_owned(),
            state: "Enabled".to_owned(),
            created: 0,
            description: String::new(),
            multi_region: false,
            custom_key_store_id: None,
            xks_key_id: None,
            deletion_date: None,
            aws_managed: false,
            primary_region: None,
            replicas: std::collections::BTreeSet::new(),
        }
    }

    fn past(date: &str, way: &str) -> Material {
        let (date, way) = (date.to_owned(), way.to_owned());
        let rotation = PastRotation { date, way, key_material_id: None };
        Material { state: None, rotation: Some(rotation) }
    }

    fn first(state: &str) -> Material {
        Material { state: Some(state.to_owned()), rotation: None }
    }

    #[test]
    fn only_rotations_on_demand_use_up_the_quota() {
        let mut all = vec![first("NON_CURRENT"), past("2027-01-02T00:00:00Z", "AUTOMATIC")];
        assert_eq!(
            Rotations::of(all.clone()).words(),
            "once, last 2027-01-02T00:00:00Z (automatic); 25 of 25 rotations on demand left"
        );
        all.insert(0, past("2027-03-02T00:00:00Z", "ON_DEMAND"));
        assert_eq!(
            Rotations::of(all).words(),
            "2 times, last 2027-03-02T00:00:00Z (on demand); 24 of 25 rotations on demand left"
        );
        assert_eq!(Rotations::default().words(), "never; 25 of 25 rotations on demand left");
        let all: Vec<Material> =
            (0..26).map(|n| past(&format!("2027-01-{n:02}"), "ON_DEMAND")).collect();
        for count in 0..=26 {
            let rotations = Rotations::of(all[..count].to_vec());
            let obstacle = rotation_obstacle(&key(), &rotations, None);
            assert_eq!(obstacle.is_some(), count >= 25, "{count}");
            assert_eq!(rotations.left(), 25 - count.min(25));
        }
    }

    #[test]
    fn keys_that_kms_does_not_rotate_are_refused_with_the_reason() {
        type Change = fn(&mut Metadata);
        let cases: [(&str, Change); 8] = [
            ("AWS managed", |key| key.aws_managed = true),
            ("RSA_2048", |key| key.spec = "RSA_2048".to_owned()),
            ("HMAC_256", |key| key.spec = "HMAC_256".to_owned()),
            ("custom key store", |key| key.origin = "AWS_CLOUDHSM".to_owned()),
            ("custom key store", |key| key.origin = "EXTERNAL_KEY_STORE".to_owned()),
            ("Disabled", |key| key.state = "Disabled".to_owned()),
            ("PendingImport", |key| key.state = "PendingImport".to_owned()),
            ("PendingDeletion", |key| key.state = "PendingDeletion".to_owned()),
        ];
        assert_eq!(unrotatable(&key()), None);
        for (said, change) in cases {
            let mut key = key();
            change(&mut key);
            let refused = unrotatable(&key).unwrap();
            assert!(refused.reason.contains(said), "{refused:?}");
        }
    }

    #[test]
    fn imported_material_must_wait_for_the_rotation_in_all_regions() {
        let imported = Metadata { origin: IMPORTED.to_owned(), ..key() };
        let with =
            |states: &[&str]| Rotations::of(states.iter().map(|state| first(state)).collect());
        let none = rotation_obstacle(&imported, &with(&["CURRENT"]), None).unwrap();
        assert!(none.reason.contains("no new material waits"), "{none:?}");
        let some = with(&["CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"]);
        let partly = rotation_obstacle(&imported, &some, None).unwrap();
        assert!(partly.reason.contains("all replicas"), "{partly:?}");
        let ready = with(&["CURRENT", READY]);
        assert_eq!(rotation_obstacle(&imported, &ready, None), None);
        let busy = rotation_obstacle(&imported, &ready, Some("2027-01-01T00:00:00Z")).unwrap();
        assert!(busy.reason.contains("since 2027-01-01T00:00:00Z"), "{busy:?}");
        assert_eq!(rotation_obstacle(&key(), &Rotations::default(), None), None);
    }
}
