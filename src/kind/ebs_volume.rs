//! EBS volumes. The key, the Availability Zone and the snapshot of a volume are fixed, and its size
//! only grows (EC2 API Reference, ModifyVolume).

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, SECTION, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Scene, Spec, Tag, allowed,
    fixed, fixed_key, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use crate::policy::derive::Condition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The types whose I/O operations are given; those of the others follow from their size.
pub(crate) const WITH_IOPS: [&str; 3] = ["gp3", "io1", "io2"];
/// The types whose throughput is given.
pub(crate) const WITH_THROUGHPUT: [&str; 1] = ["gp3"];

/// The tags of what a call makes, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct TagSpecification {
    pub resource_type: String,
    pub tags: Vec<Tag>,
}

/// A tag to take away, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct TagKey {
    pub key: String,
}

/// What one `ModifyVolume` changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Modification {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_attach_enabled: Option<bool>,
}

calls! {
    /// The calls that change a volume. The client token of `CreateVolume` is the call's nonce.
    pub enum Call {
        CreateVolume {
            availability_zone: String,
            encrypted: bool,
            kms_key_id: KeyRef,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            snapshot_id: Option<String>,
            /// What a modification can change, too.
            #[serde(flatten)]
            form: Modification,
            tag_specifications: Vec<TagSpecification>,
        },
        ModifyVolume {
            volume_id: String,
            #[serde(flatten)]
            form: Modification,
        },
        CreateTags {
            resources: Vec<String>,
            tags: Vec<Tag>,
        },
        DeleteTags {
            resources: Vec<String>,
            tags: Vec<TagKey>,
        },
        DeleteVolume {
            volume_id: String,
        },
    }
}

/// The kind.
#[derive(Debug)]
pub struct EbsVolume;

const ANOTHER: &str = "a volume keeps it for life: make a snapshot of it, and from that a volume \
                       under another name; or take this one as it is";
const COPY: &str = "a volume keeps its key for life: make a snapshot of it, copy that with the \
                    key, and make a volume from the copy under another name (`snapshot_id`)";

impl Consumer for EbsVolume {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        service: "ec2",
        reads: "ec2:DescribeVolumes, DescribeVolumesModifications",
        // AWS's own waiter looks every 15 seconds for 10 minutes; a large change of the form takes
        // longer (EBS User Guide, "Monitor the progress of EBS volume modifications").
        pace: Pace { first: 2, most: 15, limit: 1800 },
        identity: Identity::Id,
        grants_of: Some("ec2"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        copies: Some("ebs_snapshot"),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Settings { availability_zone, size_gib, snapshot_id, multi_attach, .. } = &to.settings;
        let size = size_gib.map(|_| ()).or(snapshot_id.as_ref().map(|_| ()));
        allowed([
            missing("availability_zone", availability_zone.as_ref()),
            missing("size_gib", size.as_ref()),
            missing("key", to.key()),
        ])?;
        let (Some(availability_zone), Some(key)) = (availability_zone.clone(), to.key()) else {
            return Err(Vec::new());
        };
        let tags = tag_list(&to.common.tags);
        let create = CreateVolume {
            availability_zone,
            encrypted: true,
            kms_key_id: key.clone(),
            snapshot_id: snapshot_id.clone(),
            form: Modification {
                size: *size_gib,
                volume_type: to.settings.r#type.clone(),
                iops: to.settings.iops,
                throughput: to.settings.throughput,
                multi_attach_enabled: *multi_attach,
            },
            tag_specifications: vec![TagSpecification { resource_type: "volume".to_owned(), tags }],
        };
        Ok(vec![create.into()])
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let (old, new) = (&from.settings, &to.settings);
        let zones = (old.availability_zone.as_ref(), new.availability_zone.as_ref());
        let snapshots = (old.snapshot_id.as_ref(), new.snapshot_id.as_ref());
        allowed([
            fixed_key(from, to, COPY),
            fixed("availability_zone", zones.0, zones.1, ANOTHER),
            fixed("snapshot_id", snapshots.0, snapshots.1, ANOTHER),
            shrinks(old, new),
            shared(old, new),
        ])?;
        let mut calls = Vec::new();
        let form = modification(old, new);
        if form != Modification::default() {
            calls.push(ModifyVolume { volume_id: id(setting), form }.into());
        }
        let resources = || vec![id(setting)];
        let keys = |unset: Vec<String>| unset.into_iter().map(|key| TagKey { key }).collect();
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| CreateTags { resources: resources(), tags: tag_list(set) }.into(),
            |unset| DeleteTags { resources: resources(), tags: keys(unset) }.into(),
        ));
        Ok(calls)
    }

    fn delete(_: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(vec![DeleteVolume { volume_id: id(setting) }.into()])
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => Some("deletes the volume with all that is on it".to_owned()),
            Change::Update { from, to } | Change::Import { from, to }
                if modification(&from.settings, &to.settings) != Modification::default() =>
            {
                Some("AWS takes the next change of its form hours later at the earliest".to_owned())
            }
            Change::Create { .. }
            | Change::Update { .. }
            | Change::Import { .. }
            | Change::Forget { .. } => None,
        }
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateVolume(_) => Effect::Creates,
            Call::ModifyVolume(_) => Effect::Changes,
            Call::CreateTags(_) | Call::DeleteTags(_) => Effect::Marks,
            Call::DeleteVolume(_) => Effect::Deletes,
        }
    }

    /// EC2 uses the key, and creates a grant on it, with the credentials of the caller that creates or
    /// attaches the volume (EBS User Guide, Requirements for Amazon EBS encryption).
    fn needs(_: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let Some(users) = scene.users() else {
            return Vec::new();
        };
        let account = |arn: &String| arn.split(':').nth(4).map(str::to_owned);
        let callers: BTreeSet<String> = scene.used_by.iter().filter_map(account).collect();
        let actions = [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncrypt*",
        ];
        let mut using = Need::new("AllowEbsUse", users.clone(), &actions).when(
            "StringEquals",
            "kms:ViaService",
            scene.via("ec2"),
        );
        using.conditions.push(Condition {
            operator: "StringEquals".to_owned(),
            key: "kms:CallerAccount".to_owned(),
            values: callers,
        });
        let granting = Need::new("AllowEbsGrants", users, &["kms:CreateGrant"]);
        vec![using, granting.when("Bool", "kms:GrantIsForAWSResource", "true")]
    }
}

/// AWS's name of a volume that is there.
fn id(setting: &Setting<'_>) -> String {
    setting.id.unwrap_or(setting.name).to_owned()
}

/// What differs. A change of the type resets `Iops` and `Throughput` unless they are given, too (EC2
/// API Reference, ModifyVolume).
fn modification(old: &Settings, new: &Settings) -> Modification {
    let retyped = old.r#type != new.r#type;
    let takes = |types: &[&str]| {
        new.r#type.as_deref().is_none_or(|volume_type| types.contains(&volume_type))
    };
    Modification {
        size: new.size_gib.filter(|_| old.size_gib != new.size_gib),
        volume_type: new.r#type.clone().filter(|_| retyped),
        iops: new.iops.filter(|_| (retyped || old.iops != new.iops) && takes(&WITH_IOPS)),
        throughput: new
            .throughput
            .filter(|_| (retyped || old.throughput != new.throughput) && takes(&WITH_THROUGHPUT)),
        multi_attach_enabled: new.multi_attach.filter(|_| old.multi_attach != new.multi_attach),
    }
}

/// Refuses a smaller size: EC2 does not shrink a volume (EC2 API Reference, ModifyVolume: `Size`).
fn shrinks(old: &Settings, new: &Settings) -> Option<Violation> {
    let (old, new) = (old.size_gib?, new.size_gib?);
    (new < old).then(|| {
        let reason = format!("it has {old} GiB, and AWS shrinks no volume to {new}");
        let help = format!(
            "say `size_gib: {old}`; or make a smaller volume under another name, and copy the files"
        );
        Violation::new("size_gib", reason, help)
    })
}

/// Refuses a change of Multi-Attach, which EC2 makes for io2 volumes only (EBS User Guide, Enable
/// Multi-Attach).
fn shared(old: &Settings, new: &Settings) -> Option<Violation> {
    let io2 = new.r#type.as_deref() == Some("io2");
    let help = "AWS changes it later for io2 volumes only: make a volume under another name from a \
                snapshot of this one, or take it as it is";
    fixed("multi_attach", old.multi_attach.as_ref(), new.multi_attach.as_ref(), help)
        .filter(|_| !io2)
}
