//! Whether the new EBS volumes of a Region are encrypted, and with which key where none is named:
//! settings of the account that are always there (aws-semantics 5.1). They are taken over rather
//! than made, and left as they are once nobody declares them: taking a protection away is said,
//! with `encryption: false` or `key: null`.

pub(crate) mod aws;

use super::consumer::{Consumer, Effect, Pace, Scene, Spec, settings};
use super::{Calls, Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};

settings! {
    /// What holds for the Region's new volumes.
    pub struct Settings {
        /// Whether all of them are encrypted.
        encryption: bool,
    }
}

/// The calls that change the settings; sending one twice changes nothing (aws-semantics 5.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "PascalCase")]
#[expect(missing_docs, reason = "the variants and fields are AWS's operations and parameters")]
pub enum Call {
    ModifyEbsDefaultKmsKeyId { kms_key_id: KeyRef },
    ResetEbsDefaultKmsKeyId {},
    EnableEbsEncryptionByDefault {},
    DisableEbsEncryptionByDefault {},
}

/// The kind. Its one resource in a stack has no name, and counts as one that kmsctl did not make:
/// its id is the Region.
#[derive(Debug)]
pub struct EbsDefault;

impl Consumer for EbsDefault {
    type Settings = Settings;
    type Call = Call;
    const SERVICE: &'static str = "ec2";
    const NAMED: bool = true;
    const READS: &'static str = "ec2:GetEbsEncryptionByDefault, GetEbsDefaultKmsKeyId";
    const PACE: Pace = Pace { first: 1, most: 1, limit: 60 };

    fn calls(
        change: Change<&Spec<Settings>>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Call>, Vec<Violation>> {
        let nothing = Spec::default();
        let (from, to) = match change {
            Change::Create { to } => (&nothing, to),
            Change::Update { from, to } | Change::Import { from, to } => (from, to),
            Change::Delete { .. } | Change::Forget { .. } => {
                return Ok(Calls::all_at(setting.place, Vec::new()));
            }
        };
        let mut calls = Calls::all_at(setting.place, between(from, to));
        calls.risk = risk(from, to, setting);
        Ok(calls)
    }

    fn effect(_: &Call) -> Effect {
        Effect::Marks
    }

    /// Nobody: who launches instances is not known here. Volumes and Auto Scaling groups say it.
    fn needs(_: &Spec<Settings>, _: &Scene<'_>) -> Vec<Need> {
        Vec::new()
    }
}

/// The key first: no volume is encrypted with the old one in between.
fn between(from: &Spec<Settings>, to: &Spec<Settings>) -> Vec<Call> {
    let mut calls = Vec::new();
    if from.common.key != to.common.key && to.common.key.is_some() {
        calls.push(match to.key() {
            Some(key) => Call::ModifyEbsDefaultKmsKeyId { kms_key_id: key.clone() },
            None => Call::ResetEbsDefaultKmsKeyId {},
        });
    }
    match to.settings.encryption.filter(|on| from.settings.encryption != Some(*on)) {
        Some(true) => calls.push(Call::EnableEbsEncryptionByDefault {}),
        Some(false) => calls.push(Call::DisableEbsEncryptionByDefault {}),
        None => {}
    }
    calls
}

/// What everybody in the account sees of it (aws-semantics 9.2, 18).
fn risk(from: &Spec<Settings>, to: &Spec<Settings>, setting: &Setting<'_>) -> Option<String> {
    let region = &setting.place.region;
    let mut risks = Vec::new();
    if from.common.key != to.common.key && to.common.key.is_some() {
        risks.push(match to.key() {
            Some(key) => format!(
                "changes the key of every new volume in {region} that names none to `{key}`: who \
                 launches instances there must be allowed to use it"
            ),
            None => format!(
                "changes the key of every new volume in {region} that names none to the one that \
                 AWS manages, which no other account can use"
            ),
        });
    }
    match to.settings.encryption.filter(|on| from.settings.encryption != Some(*on)) {
        Some(true) => risks.push(format!(
            "encrypts every new volume in {region}, whoever makes it: unencrypted ones, and \
             instance types that know no encryption, cannot be launched any more"
        )),
        Some(false) => risks.push(format!(
            "new volumes in {region} are no longer encrypted unless they say so themselves"
        )),
        None => {}
    }
    (!risks.is_empty()).then(|| risks.join("; "))
}
