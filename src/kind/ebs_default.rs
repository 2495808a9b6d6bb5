//! Whether new EBS volumes of a Region are encrypted, and with which key where none is named. These
//! are settings of the account that always exist (EBS User Guide, Amazon EBS encryption): they are
//! imported rather than created, and stay as they are once nobody declares them. Removing the
//! protection must be declared, with `encryption: false` or `key: null`.

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Scene, Spec,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;

calls! {
    /// The calls that change the settings. Each sets a value: sending one twice changes nothing.
    pub enum Call {
        ModifyEbsDefaultKmsKeyId { kms_key_id: KeyRef },
        ResetEbsDefaultKmsKeyId {},
        EnableEbsEncryptionByDefault {},
        DisableEbsEncryptionByDefault {},
    }
}

/// The kind. Its one resource in a stack has no name, and counts as one that kmsctl did not make:
/// its id is the Region.
#[derive(Debug)]
pub struct EbsDefault;

impl Consumer for EbsDefault {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        service: "ec2",
        reads: "ec2:GetEbsEncryptionByDefault, GetEbsDefaultKmsKeyId",
        pace: Pace { first: 1, most: 1, limit: 60 },
        identity: Identity::Single,
        grants_of: Some("ec2"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        copies: None,
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Self::update(&Spec::default(), to, setting)
    }

    /// Changes the key first: no volume is encrypted with the old one in between.
    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        _: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let mut calls = Vec::new();
        if from.common.key != to.common.key && to.common.key.is_some() {
            calls.push(match to.key() {
                Some(key) => ModifyEbsDefaultKmsKeyId { kms_key_id: key.clone() }.into(),
                None => ResetEbsDefaultKmsKeyId {}.into(),
            });
        }
        match to.settings.encryption.filter(|on| from.settings.encryption != Some(*on)) {
            Some(true) => calls.push(EnableEbsEncryptionByDefault {}.into()),
            Some(false) => calls.push(DisableEbsEncryptionByDefault {}.into()),
            None => {}
        }
        Ok(calls)
    }

    /// The settings stay as they are: there is nothing to delete.
    fn delete(_: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(Vec::new())
    }

    fn risk(change: &Change<&Spec<Settings>>, setting: &Setting<'_>) -> Option<String> {
        match change {
            Change::Create { to } => risk(&Spec::default(), to, setting),
            Change::Update { from, to } | Change::Import { from, to } => risk(from, to, setting),
            Change::Delete { .. } | Change::Forget { .. } => None,
        }
    }

    fn effect(_: &Call) -> Effect {
        Effect::Marks
    }

    /// Nothing: who launches instances is not known here. The declarations of volumes and Auto Scaling
    /// groups say it.
    fn needs(_: &Spec<Settings>, _: &Fields, _: &Scene<'_>) -> Vec<Need> {
        Vec::new()
    }
}

/// What the change means for everybody in the account: the settings hold for every new volume of the
/// Region (EC2 API Reference, EnableEbsEncryptionByDefault and ModifyEbsDefaultKmsKeyId).
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
