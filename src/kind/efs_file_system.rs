//! EFS file systems. Their key is fixed at creation (EFS User Guide, Encrypting data at rest). AWS
//! assigns their ids; a file system is found again by its creation token and by its tags (EFS API
//! Reference, DescribeFileSystems).

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Spec, Tag, Tags, allowed, changed, fixed, fixed_key, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::key::{NAME_TAG, STACK_TAG};
use super::tags::TagRules;
use super::{Change, KeyRef, Setting, Violation};
use crate::digest;
use crate::policy::Need;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The throughput mode of a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throughput {
    /// Throughput grows with the size, with bursts.
    Bursting,
    /// Throughput follows the load.
    Elastic,
    /// Throughput is fixed.
    Provisioned {
        /// The throughput in MiB/s.
        mibps: u32,
    },
}

impl Throughput {
    fn mode(&self) -> String {
        let mode = match self {
            Self::Bursting => "bursting",
            Self::Elastic => "elastic",
            Self::Provisioned { .. } => "provisioned",
        };
        mode.to_owned()
    }

    fn mibps(&self) -> Option<u32> {
        match self {
            Self::Bursting | Self::Elastic => None,
            Self::Provisioned { mibps } => Some(*mibps),
        }
    }
}

/// The rules that move files between storage classes. EFS has no rule where the field is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The time without access after which a file moves to Infrequent Access, such as
    /// `AFTER_30_DAYS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_ia: Option<String>,
    /// The time without access after which a file moves to Archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_archive: Option<String>,
    /// The access after which a file moves back to the primary storage class, such as
    /// `AFTER_1_ACCESS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_primary: Option<String>,
}

/// A mount target, through which instances of an Availability Zone reach a file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountTarget {
    /// The id of the subnet. A file system has at most one mount target in an Availability Zone.
    pub subnet: String,
    /// The ids of the security groups. If `None`, a new mount target gets the default group of the
    /// VPC, and the groups of an existing one are not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<BTreeSet<String>>,
    /// The id, if the mount target exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A rule that moves files between storage classes, in the form of the EFS API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are AWS's parameters")]
pub enum LifecyclePolicy {
    #[serde(rename = "TransitionToIA")]
    TransitionToIa(String),
    TransitionToArchive(String),
    TransitionToPrimaryStorageClass(String),
}

/// The backup policy of a file system, in the form of the EFS API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct BackupPolicy {
    pub status: String,
}

calls! {
    /// The calls that change a file system. The id of one that does not exist yet is filled in when
    /// the call is sent.
    pub enum Call {
        CreateFileSystem {
            creation_token: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            performance_mode: Option<String>,
            encrypted: bool,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            kms_key_id: Option<KeyRef>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            throughput_mode: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            provisioned_throughput_in_mibps: Option<u32>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            availability_zone_name: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            backup: Option<bool>,
            tags: Vec<Tag>,
        },
        UpdateFileSystem {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            file_system_id: Option<String>,
            throughput_mode: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            provisioned_throughput_in_mibps: Option<u32>,
        },
        PutLifecycleConfiguration {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            file_system_id: Option<String>,
            lifecycle_policies: Vec<LifecyclePolicy>,
        },
        PutBackupPolicy {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            file_system_id: Option<String>,
            backup_policy: BackupPolicy,
        },
        CreateMountTarget {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            file_system_id: Option<String>,
            subnet_id: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            security_groups: Option<BTreeSet<String>>,
        },
        ModifyMountTargetSecurityGroups {
            mount_target_id: String,
            security_groups: BTreeSet<String>,
        },
        DeleteMountTarget {
            mount_target_id: String,
        },
        TagResource {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            resource_id: Option<String>,
            tags: Vec<Tag>,
        },
        UntagResource {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            resource_id: Option<String>,
            tag_keys: Vec<String>,
        },
        DeleteFileSystem {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            file_system_id: Option<String>,
        },
    }
}

/// The kind of file systems.
#[derive(Debug)]
pub struct EfsFileSystem;

const COPY: &str = "EFS does not change it after creation: declare a file system under another \
name, copy the files by EFS replication, DataSync or a backup, and mount the \
new file system";

impl Consumer for EfsFileSystem {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "EFS file system",
        service: "efs",
        reads: Reads {
            refresh: &[
                Read::always("DescribeFileSystems"),
                Read::of("DescribeMountTargets", &["mount_targets"]),
                Read::of("DescribeMountTargetSecurityGroups", &["mount_targets"]),
                Read::of("DescribeLifecycleConfiguration", &["lifecycle"]),
                Read::of("DescribeBackupPolicy", &["backup"]),
            ],
            watch: &["DescribeFileSystems", "DescribeMountTargets"],
            list: &["DescribeFileSystems"],
        },
        pace: Pace { first: 2, most: 10, limit: 1800 },
        identity: Identity::Id,
        names_are_global: false,
        grants_of: Some("elasticfilesystem"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "elasticfilesystem:file-system",
            service: "elasticfilesystem",
            prefix: "file-system/",
            is_id: false,
        }),
        copies: None,
        holds_data: true,
        tags: Some(TagRules::COMMON),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let settings = &to.settings;
        let throughput = settings.throughput_mode.as_ref();
        let create = CreateFileSystem {
            creation_token: creation_token(&to.common.tags, setting.name),
            performance_mode: settings.performance_mode.clone(),
            encrypted: true,
            kms_key_id: to.key().cloned(),
            throughput_mode: throughput.map(Throughput::mode),
            provisioned_throughput_in_mibps: throughput.and_then(Throughput::mibps),
            availability_zone_name: settings.availability_zone.clone(),
            backup: settings.backup,
            tags: tag_list(&to.common.tags),
        };
        let mut calls = vec![create.into()];
        let none = Lifecycle::default();
        if let Some(lifecycle) = settings.lifecycle.as_ref().filter(|given| **given != none) {
            calls.push(put_lifecycle(lifecycle, None));
        }
        let targets = settings.mount_targets.iter().flatten();
        calls.extend(targets.map(|target| create_mount_target(target, None)));
        Ok(calls)
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let (old, new) = (&from.settings, &to.settings);
        let performance = (old.performance_mode.as_ref(), new.performance_mode.as_ref());
        let zone = (old.availability_zone.as_ref(), new.availability_zone.as_ref());
        allowed([
            fixed_key(from, to, COPY),
            fixed("performance_mode", performance.0, performance.1, COPY),
            fixed("availability_zone", zone.0, zone.1, COPY),
        ])?;
        let id = setting.id.map(str::to_owned);
        let mut calls = Vec::new();
        let throughput = changed(old.throughput_mode.as_ref(), new.throughput_mode.as_ref());
        if let Some(throughput) = throughput {
            let update = UpdateFileSystem {
                file_system_id: id.clone(),
                throughput_mode: throughput.mode(),
                provisioned_throughput_in_mibps: throughput.mibps(),
            };
            calls.push(update.into());
        }
        if let Some(lifecycle) = changed(old.lifecycle.as_ref(), new.lifecycle.as_ref()) {
            calls.push(put_lifecycle(&lifecycle, id.clone()));
        }
        if let Some(backup) = changed(old.backup.as_ref(), new.backup.as_ref()) {
            let status = if backup { "ENABLED" } else { "DISABLED" }.to_owned();
            let backup_policy = BackupPolicy { status };
            calls.push(PutBackupPolicy { file_system_id: id.clone(), backup_policy }.into());
        }
        calls.extend(mount_targets(old, new, setting));
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| TagResource { resource_id: id.clone(), tags: tag_list(set) }.into(),
            |tag_keys| UntagResource { resource_id: id.clone(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    /// EFS does not delete a file system that has mount targets (EFS API Reference,
    /// DeleteFileSystem).
    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Some(targets) = &from.settings.mount_targets else {
            let reason = "the file system can have mount targets that were never declared";
            let help = "delete mount targets that are not in use, or declare them under `mount_targets` \
            and apply; then remove the file system from the configuration";
            return Err(vec![Violation::new("mount_targets", reason, help)]);
        };
        let ids = targets.iter().filter_map(|target| target.id.clone());
        let mut calls: Vec<Call> =
            ids.map(|mount_target_id| DeleteMountTarget { mount_target_id }.into()).collect();
        calls.push(DeleteFileSystem { file_system_id: setting.id.map(str::to_owned) }.into());
        Ok(calls)
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => {
                Some("deletes the file system with all its files and its mount targets".to_owned())
            }
            Change::Update { from, to } | Change::Import { from, to } => {
                let new = to.settings.mount_targets.as_ref()?;
                let mut old = from.settings.mount_targets.iter().flatten();
                let removed = old.find(|target| in_subnet(new, &target.subnet).is_none())?;
                Some(format!(
                    "clients that mount the file system through `{}` lose access to its files",
                    removed.subnet
                ))
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    /// Takes the undeclared fields of a mount target from the live one in the same subnet.
    fn met(mut declared: Settings, live: &Settings) -> Settings {
        let live = live.mount_targets.as_deref().unwrap_or_default();
        for target in declared.mount_targets.iter_mut().flatten() {
            if let Some(live) = live.iter().find(|live| live.subnet == target.subnet) {
                target.security_groups =
                    target.security_groups.take().or_else(|| live.security_groups.clone());
                target.id = target.id.take().or_else(|| live.id.clone());
            }
        }
        declared
    }

    /// A file system is ready when all its mount targets are ready.
    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateFileSystem(_) => Effect::Creates,
            Call::UpdateFileSystem(_) | Call::CreateMountTarget(_) | Call::DeleteMountTarget(_) => {
                Effect::Changes
            }
            Call::PutLifecycleConfiguration(_)
            | Call::PutBackupPolicy(_)
            | Call::ModifyMountTargetSecurityGroups(_)
            | Call::TagResource(_)
            | Call::UntagResource(_) => Effect::Marks,
            Call::DeleteFileSystem(_) => Effect::Deletes,
        }
    }

    /// EFS creates its grant with the credentials of the caller that creates the file system (EFS
    /// User Guide, Using AWS KMS keys for Amazon EFS).
    fn needs(_: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let Some(users) = scene.users() else {
            return Vec::new();
        };
        let actions = [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:CreateGrant",
            "kms:DescribeKey",
        ];
        let need = Need::new("AllowEfsForAuthorizedPrincipals", users, &actions)
            .with(scene.via("elasticfilesystem"))
            .when("StringEquals", "kms:CallerAccount", scene.place.account.as_str());
        vec![need]
    }
}

/// Returns the token by which EFS recognises a repeated creation: 1 to 64 characters, the same for
/// the same name in the same stack (EFS API Reference, CreateFileSystem: `CreationToken`).
fn creation_token(tags: &Tags, name: &str) -> String {
    let [stack, name] = [STACK_TAG, NAME_TAG].map(|key| tags.get(key).map_or(name, String::as_str));
    let token = format!("kmsctl:{stack}/{name}");
    if token.chars().count() <= 64 {
        return token;
    }
    format!("kmsctl:{}", digest::short(token, 48))
}

/// Returns the calls that change the mount targets. Deletions come first: a file system has at most one
/// mount target in an Availability Zone (EFS API Reference, CreateMountTarget).
fn mount_targets(old: &Settings, new: &Settings, setting: &Setting<'_>) -> Vec<Call> {
    let Some(new) = &new.mount_targets else {
        return Vec::new();
    };
    let old = old.mount_targets.as_deref().unwrap_or_default();
    let mut calls: Vec<Call> = Vec::new();
    for target in old {
        if in_subnet(new, &target.subnet).is_none()
            && let Some(mount_target_id) = target.id.clone()
        {
            calls.push(DeleteMountTarget { mount_target_id }.into());
        }
    }
    for target in new {
        let Some(existing) = in_subnet(old, &target.subnet) else {
            calls.push(create_mount_target(target, setting.id));
            continue;
        };
        if let (Some(groups), Some(id)) = (&target.security_groups, &existing.id)
            && existing.security_groups.as_ref() != Some(groups)
        {
            let modify = ModifyMountTargetSecurityGroups {
                mount_target_id: id.clone(),
                security_groups: groups.clone(),
            };
            calls.push(modify.into());
        }
    }
    calls
}

/// Returns the mount target in a subnet, if there is one.
fn in_subnet<'a>(targets: &'a [MountTarget], subnet: &str) -> Option<&'a MountTarget> {
    targets.iter().find(|target| target.subnet == subnet)
}

fn create_mount_target(target: &MountTarget, id: Option<&str>) -> Call {
    CreateMountTarget {
        file_system_id: id.map(str::to_owned),
        subnet_id: target.subnet.clone(),
        security_groups: target.security_groups.clone(),
    }
    .into()
}

fn put_lifecycle(lifecycle: &Lifecycle, file_system_id: Option<String>) -> Call {
    let Lifecycle { transition_to_ia, transition_to_archive, transition_to_primary } = lifecycle;
    let ia = transition_to_ia.clone().map(LifecyclePolicy::TransitionToIa);
    let archive = transition_to_archive.clone().map(LifecyclePolicy::TransitionToArchive);
    let primary =
        transition_to_primary.clone().map(LifecyclePolicy::TransitionToPrimaryStorageClass);
    let lifecycle_policies = [ia, archive, primary].into_iter().flatten().collect();
    PutLifecycleConfiguration { file_system_id, lifecycle_policies }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_for_the_same_name_and_never_too_long() {
        let tags = |name: &str| {
            Tags::from([
                (STACK_TAG.to_owned(), "stack".to_owned()),
                (NAME_TAG.to_owned(), name.to_owned()),
            ])
        };
        assert_eq!(creation_token(&tags("shared"), "shared"), "kmsctl:stack/shared");
        let (long, other) = ("x".repeat(60), format!("{}y", "x".repeat(59)));
        let token = creation_token(&tags(&long), &long);
        assert!(token.len() <= 64 && token.starts_with("kmsctl:"), "{token}");
        assert_eq!(token, creation_token(&tags(&long), &long));
        assert_ne!(token, creation_token(&tags(&other), &other));
    }
}
