//! EFS file systems. Their key is fixed at creation (EFS User Guide, Encrypting data at rest). AWS
//! assigns their ids; a file system is found again by its creation token and by its tags (EFS API
//! Reference, DescribeFileSystems).

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Scene, Spec, Tag, Tags,
    allowed, fixed, fixed_key, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::key::{NAME_TAG, STACK_TAG};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// How fast a file system is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throughput {
    /// As fast as it is large, with bursts.
    Bursting,
    /// As fast as it needs to be.
    Elastic,
    /// As fast as is paid for.
    Provisioned {
        /// MiB a second.
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

/// When files move to cheaper storage, and back: all of it, what is not said is not done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// AWS's name of how long a file is not used before it moves to Infrequent Access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_ia: Option<String>,
    /// The same before it moves to Archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_archive: Option<String>,
    /// AWS's name of when it comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_primary: Option<String>,
}

/// Where instances of one Availability Zone reach a file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountTarget {
    /// The subnet: a file system has one mount target a zone.
    pub subnet: String,
    /// Who may connect; `None` is left alone: AWS takes the VPC's default group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<BTreeSet<String>>,
    /// AWS's identifier, of one that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// One move between kinds of storage, in AWS's words: each stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are AWS's parameters")]
pub enum LifecyclePolicy {
    #[serde(rename = "TransitionToIA")]
    TransitionToIa(String),
    TransitionToArchive(String),
    TransitionToPrimaryStorageClass(String),
}

/// Whether AWS Backup makes automatic backups, in AWS's words.
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

/// The kind.
#[derive(Debug)]
pub struct EfsFileSystem;

const COPY: &str = "EFS cannot change it: declare a file system under another name, copy the files \
                    by EFS replication, DataSync or a backup, and mount that one";

impl Consumer for EfsFileSystem {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        service: "efs",
        reads: "elasticfilesystem:DescribeFileSystems, DescribeMountTargets, DescribeMountTargetSecurityGroups, DescribeLifecycleConfiguration, DescribeBackupPolicy",
        pace: Pace { first: 2, most: 10, limit: 1800 },
        identity: Identity::Id,
        grants_of: Some("elasticfilesystem"),
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
        let id = || setting.id.map(str::to_owned);
        let mut calls = Vec::new();
        let throughput = new.throughput_mode.as_ref();
        if let Some(throughput) = throughput.filter(|new| old.throughput_mode.as_ref() != Some(new))
        {
            let update = UpdateFileSystem {
                file_system_id: id(),
                throughput_mode: throughput.mode(),
                provisioned_throughput_in_mibps: throughput.mibps(),
            };
            calls.push(update.into());
        }
        let lifecycle = new.lifecycle.as_ref();
        if let Some(lifecycle) = lifecycle.filter(|new| old.lifecycle.as_ref() != Some(new)) {
            calls.push(put_lifecycle(lifecycle, id()));
        }
        if let Some(on) = new.backup.filter(|on| old.backup != Some(*on)) {
            let status = if on { "ENABLED" } else { "DISABLED" }.to_owned();
            let backup_policy = BackupPolicy { status };
            calls.push(PutBackupPolicy { file_system_id: id(), backup_policy }.into());
        }
        calls.extend(mount_targets(old, new, setting));
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| TagResource { resource_id: id(), tags: tag_list(set) }.into(),
            |tag_keys| UntagResource { resource_id: id(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    /// EFS does not delete a file system that has mount targets (EFS API Reference,
    /// DeleteFileSystem).
    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Some(targets) = &from.settings.mount_targets else {
            let reason = "it has mount targets that the configuration never named";
            let help = "make sure that nobody uses them and delete them; or declare them under \
                        `mount_targets`, apply, and take the file system away then";
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
                let stays = |old: &MountTarget| new.iter().any(|new| new.subnet == old.subnet);
                let mut old = from.settings.mount_targets.iter().flatten();
                let gone = old.find(|old| !stays(old))?;
                let subnet = &gone.subnet;
                Some(format!("clients lose the files that they mount through `{subnet}`"))
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    /// A mount target counts as a part of its file system, which is ready only once all of them are.
    /// Takes what is not declared of a mount target from the live one in the same subnet.
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
            .when("StringEquals", "kms:ViaService", scene.via("elasticfilesystem"))
            .when("StringEquals", "kms:CallerAccount", scene.place.account.as_str());
        vec![need]
    }
}

/// The token by which EFS recognises a repeated creation: 1 to 64 characters, the same for the same
/// name in the same stack (EFS API Reference, CreateFileSystem: `CreationToken`).
fn creation_token(tags: &Tags, name: &str) -> String {
    let tag = |key: &str| tags.get(key).map_or(name, String::as_str);
    let token = format!("kmsctl:{}/{}", tag(STACK_TAG), tag(NAME_TAG));
    if token.chars().count() <= 64 {
        return token;
    }
    let digest = Sha256::digest(token.as_bytes());
    let hex: String = digest.iter().take(24).map(|byte| format!("{byte:02x}")).collect();
    format!("kmsctl:{hex}")
}

/// The calls that change the mount targets. Deletions come first: a file system has at most one mount
/// target in an Availability Zone (EFS API Reference, CreateMountTarget).
fn mount_targets(old: &Settings, new: &Settings, setting: &Setting<'_>) -> Vec<Call> {
    let Some(new) = &new.mount_targets else {
        return Vec::new();
    };
    let old = old.mount_targets.as_deref().unwrap_or_default();
    let stays = |old: &&MountTarget| new.iter().any(|new| new.subnet == old.subnet);
    let gone = old.iter().filter(|old| !stays(old)).filter_map(|old| old.id.clone());
    let mut calls: Vec<Call> =
        gone.map(|mount_target_id| DeleteMountTarget { mount_target_id }.into()).collect();
    for target in new {
        let there = old.iter().find(|old| old.subnet == target.subnet);
        let Some(there) = there else {
            calls.push(create_mount_target(target, setting.id));
            continue;
        };
        if let (Some(groups), Some(id)) = (&target.security_groups, &there.id)
            && there.security_groups.as_ref() != Some(groups)
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
