//! EBS volumes. The key, the Availability Zone and the snapshot of a volume are fixed, and its size
//! only grows (EC2 API Reference, ModifyVolume).

mod answers;
pub(crate) mod aws;
mod fields;

pub use fields::{Fields, SECTION, Settings};

use super::call::calls;
use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Snapshots, Spec, Tag, allowed, changed, fixed, fixed_key, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::tags::{TagCharacters, TagRules};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use crate::policy::derive::Condition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The rules for tags (EC2 API Reference, Tag; EC2 User Guide, "Tag restrictions": EC2 takes any
/// character, other services do not).
const TAGS: TagRules =
    TagRules { characters: TagCharacters::Any, longest_key: 127, ..TagRules::COMMON };

/// The volume types with a setting for I/O operations per second.
pub(crate) const WITH_IOPS: [&str; 3] = ["gp3", "io1", "io2"];
/// The volume types with a setting for the throughput.
pub(crate) const WITH_THROUGHPUT: [&str; 1] = ["gp3"];

/// The tags of the resource that a call creates, in the form of the EC2 API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct TagSpecification {
    pub resource_type: String,
    pub tags: Vec<Tag>,
}

/// A tag to remove, in the form of the EC2 API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct TagKey {
    pub key: String,
}

/// The settings that one `ModifyVolume` changes.
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
            /// The settings that `ModifyVolume` can change later.
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

/// The kind of volumes.
#[derive(Debug)]
pub struct EbsVolume;

const IMMUTABLE: &str = "EC2 does not change it after creation: create a snapshot of the volume, \
and declare a volume from the snapshot under another name; or set the \
current value";
const FIXED_KEY: &str = "EC2 does not change the key of a volume: create a snapshot of it, copy the \
snapshot with the new key, and declare a volume from the copy under \
another name (`snapshot_id`)";

impl Consumer for EbsVolume {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "EBS volume",
        service: "ec2",
        reads: Reads {
            refresh: &[
                Read::always("DescribeVolumes"),
                Read::of(
                    "DescribeVolumesModifications",
                    &["size_gib", "type", "iops", "throughput", "multi_attach"],
                ),
            ],
            watch: &["DescribeVolumes", "DescribeVolumesModifications"],
            list: &["DescribeVolumes", "DescribeSnapshots"],
        },
        // AWS's own waiter looks every 15 seconds for 10 minutes; a large change of the form takes
        // longer (EBS User Guide, "Monitor the progress of EBS volume modifications").
        pace: Pace { first: 2, most: 15, limit: 1800 },
        identity: Identity::Id,
        names_are_global: false,
        grants_of: Some("ec2"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "ec2:volume",
            service: "ec2",
            prefix: "volume/",
            is_id: false,
        }),
        copies: Some(Snapshots { what: "ebs_snapshot", noun: "EBS snapshot" }),
        holds_data: true,
        tags: Some(TAGS),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Settings { availability_zone, size_gib, snapshot_id, multi_attach, .. } = &to.settings;
        let has_size = size_gib.is_some() || snapshot_id.is_some();
        allowed([
            missing("availability_zone", availability_zone.as_ref()),
            if has_size { None } else { missing("size_gib", size_gib.as_ref()) },
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
            fixed_key(from, to, FIXED_KEY),
            fixed("availability_zone", zones.0, zones.1, IMMUTABLE),
            fixed("snapshot_id", snapshots.0, snapshots.1, IMMUTABLE),
            shrinks(old, new),
            multi_attach(old, new),
        ])?;
        let mut calls = Vec::new();
        let form = modification(old, new);
        if form != Modification::default() {
            calls.push(ModifyVolume { volume_id: id(setting), form }.into());
        }
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| CreateTags { resources: vec![id(setting)], tags: tag_list(set) }.into(),
            |unset| {
                let tags = unset.into_iter().map(|key| TagKey { key }).collect();
                DeleteTags { resources: vec![id(setting)], tags }.into()
            },
        ));
        Ok(calls)
    }

    fn delete(_: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(vec![DeleteVolume { volume_id: id(setting) }.into()])
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => Some("deletes the volume with all its data".to_owned()),
            Change::Update { from, to } | Change::Import { from, to }
                if modification(&from.settings, &to.settings) != Modification::default() =>
            {
                Some("EC2 accepts the next modification once this one has completed, and four in 24 hours".to_owned())
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
        let accounts = scene.used_by.iter().filter_map(|arn| arn.split(':').nth(4));
        let callers: BTreeSet<String> = accounts.map(str::to_owned).collect();
        let actions = [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncrypt*",
        ];
        let mut using = Need::new("AllowEbsUse", users.clone(), &actions).with(scene.via("ec2"));
        using.conditions.push(Condition {
            operator: "StringEquals".to_owned(),
            key: "kms:CallerAccount".to_owned(),
            values: callers,
        });
        let mut granting = Need::new("AllowEbsGrants", users, &["kms:CreateGrant"]);
        granting.conditions.clone_from(&using.conditions);
        vec![using, granting.when("Bool", "kms:GrantIsForAWSResource", "true")]
    }
}

/// Returns the id of an existing volume.
fn id(setting: &Setting<'_>) -> String {
    setting.id.unwrap_or(setting.name).to_owned()
}

/// Returns the settings that differ. EC2 resets `Iops` and `Throughput` if the type changes and
/// they are not given (EC2 API Reference, ModifyVolume), so they are given again.
fn modification(old: &Settings, new: &Settings) -> Modification {
    let volume_type = new.r#type.as_deref();
    let mut modification = Modification {
        size: changed(old.size_gib.as_ref(), new.size_gib.as_ref()),
        volume_type: changed(old.r#type.as_ref(), new.r#type.as_ref()),
        multi_attach_enabled: changed(old.multi_attach.as_ref(), new.multi_attach.as_ref()),
        ..Modification::default()
    };
    let is_retyped = old.r#type != new.r#type;
    if volume_type.is_none_or(|name| WITH_IOPS.contains(&name))
        && (is_retyped || old.iops != new.iops)
    {
        modification.iops = new.iops;
    }
    if volume_type.is_none_or(|name| WITH_THROUGHPUT.contains(&name))
        && (is_retyped || old.throughput != new.throughput)
    {
        modification.throughput = new.throughput;
    }
    modification
}

/// Refuses a smaller size: EC2 does not shrink a volume (EC2 API Reference, ModifyVolume: `Size`).
fn shrinks(old: &Settings, new: &Settings) -> Option<Violation> {
    let (old, new) = (old.size_gib?, new.size_gib?);
    if new >= old {
        return None;
    }
    let reason = format!("the volume has {old} GiB, and EC2 cannot reduce its size to {new} GiB");
    let help = format!(
        "set `size_gib: {old}`; or declare a smaller volume under another name, and copy the files"
    );
    Some(Violation::new("size_gib", reason, help))
}

/// Refuses to change Multi-Attach, except for io2 volumes (EBS User Guide, Enable Multi-Attach).
fn multi_attach(old: &Settings, new: &Settings) -> Option<Violation> {
    if new.r#type.as_deref() == Some("io2") {
        return None;
    }
    let help = "EC2 changes it after creation for io2 volumes only: declare a volume under another \
                name from a snapshot of this volume, or set the current value";
    fixed("multi_attach", old.multi_attach.as_ref(), new.multi_attach.as_ref(), help)
}
