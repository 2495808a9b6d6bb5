//! The EBS encryption defaults of a Region: whether new volumes are encrypted, and the default key.
//! These settings of the account always exist (EBS User Guide, Amazon EBS encryption), so they are
//! imported instead of created, and stay unchanged when they are not declared any more. To turn the
//! encryption off, declare `encryption: false` or `key: null`.

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene, Spec,
    changed,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;

calls! {
    /// The calls that change the settings. All calls are idempotent.
    pub enum Call {
        ModifyEbsDefaultKmsKeyId { kms_key_id: KeyRef },
        ResetEbsDefaultKmsKeyId {},
        EnableEbsEncryptionByDefault {},
        DisableEbsEncryptionByDefault {},
    }
}

/// The kind of the encryption defaults. A stack has at most one resource of it, which has no name.
/// The resource counts as one that kmsctl did not create, and its id is the Region.
#[derive(Debug)]
pub struct EbsDefault;

impl Consumer for EbsDefault {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "EBS default encryption",
        service: "ec2",
        reads: Reads {
            refresh: &[
                Read::of("GetEbsEncryptionByDefault", &["encryption"]),
                Read::of("GetEbsDefaultKmsKeyId", &["key"]),
            ],
            watch: &["GetEbsEncryptionByDefault", "GetEbsDefaultKmsKeyId"],
            list: &["GetEbsDefaultKmsKeyId"],
        },
        pace: Pace { first: 1, most: 10, limit: 900 },
        identity: Identity::Single,
        names_are_global: false,
        grants_of: Some("ec2"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: None,
        copies: None,
        holds_data: false,
        tags: None,
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Self::update(&Spec::default(), to, setting)
    }

    /// Changes the key first, so that no volume is encrypted with the old key between the two
    /// calls.
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
        match changed(from.settings.encryption.as_ref(), to.settings.encryption.as_ref()) {
            Some(true) => calls.push(EnableEbsEncryptionByDefault {}.into()),
            Some(false) => calls.push(DisableEbsEncryptionByDefault {}.into()),
            None => {}
        }
        Ok(calls)
    }

    /// Returns no calls, because the settings cannot be deleted.
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

    /// EC2 may show the old key for a while (EC2 Developer Guide, "Ensuring eventual consistency"), and that
    /// key must not be disabled before.
    fn effect(call: &Call) -> Effect {
        match call {
            Call::ModifyEbsDefaultKmsKeyId(_) | Call::ResetEbsDefaultKmsKeyId(_) => Effect::Changes,
            Call::EnableEbsEncryptionByDefault(_) | Call::DisableEbsEncryptionByDefault(_) => {
                Effect::Marks
            }
        }
    }

    /// Returns no needs, because the identities that launch instances are not known. The
    /// declarations of volumes and Auto Scaling groups name them.
    fn needs(_: &Spec<Settings>, _: &Fields, _: &Scene<'_>) -> Vec<Need> {
        Vec::new()
    }
}

/// Returns the warning about the effect on the account. The settings apply to every new volume of
/// the Region (EC2 API Reference, EnableEbsEncryptionByDefault and ModifyEbsDefaultKmsKeyId).
fn risk(from: &Spec<Settings>, to: &Spec<Settings>, setting: &Setting<'_>) -> Option<String> {
    let region = &setting.place.region;
    let mut risks = Vec::new();
    if from.common.key != to.common.key && to.common.key.is_some() {
        risks.push(match to.key() {
            Some(key) => format!(
                "changes the default key of new volumes in {region} to `{key}`: identities that \
                launch instances there must be allowed to use it"
            ),
            None => format!(
                "changes the default key of new volumes in {region} to the AWS managed key, which \
                no other account can use"
            ),
        });
    }
    match changed(from.settings.encryption.as_ref(), to.settings.encryption.as_ref()) {
        Some(true) => risks.push(format!(
            "encrypts every new volume in {region}: unencrypted volumes can no longer be created, \
             and instance types without support for encryption can no longer be launched"
        )),
        Some(false) => risks.push(format!(
            "new volumes in {region} are no longer encrypted unless the request asks for it"
        )),
        None => {}
    }
    if risks.is_empty() { None } else { Some(risks.join("; ")) }
}
