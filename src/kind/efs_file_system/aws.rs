//! A file system's calls as the SDK's requests, and the SDK's description of one as ours.

use super::{
    Call, CreateFileSystem, CreateMountTarget, DeleteFileSystem, DeleteMountTarget, Lifecycle,
    LifecyclePolicy, ModifyMountTargetSecurityGroups, MountTarget, PutBackupPolicy,
    PutLifecycleConfiguration, Settings, TagResource, Throughput, UntagResource, UpdateFileSystem,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::Spec;
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase};
use crate::sdk::Aws;
use crate::sdk::clients::ClientUse;
use crate::sdk::error::{answer, done, local, unbuilt};
use aws_sdk_efs::Client;
use aws_sdk_efs::types::{
    self, FileSystemDescription, LifeCycleState, MountTargetDescription, Status, Tag,
    ThroughputMode,
};
use std::collections::BTreeSet;

/// EFS lists file systems with their tags, up to 100 a page.
const PAGE: i32 = 100;

/// All file systems are listed; what takes requests of its own is asked of the wanted ones, side by
/// side.
pub(crate) async fn objects(
    aws: &Aws,
    at: &Place,
    sought: &ConsumerQuery,
) -> Result<Vec<Object>, CloudError> {
    const OPERATION: &str = "DescribeFileSystems";
    let client = aws.efs(at, ClientUse::Reading).await;
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let request = client.describe_file_systems().max_items(PAGE).set_marker(from);
        let page = answer(OPERATION, request.send().await)?;
        from = page.next_marker;
        let wanted = |system: &FileSystemDescription| {
            system.life_cycle_state != LifeCycleState::Deleted
                && sought.wants(&system.file_system_id, &tags_of(system))
        };
        found.extend(page.file_systems.into_iter().flatten().filter(wanted));
        if from.is_none() {
            break;
        }
    }
    let reads = found.iter().map(|system| object(&client, system, sought));
    futures_util::future::try_join_all(reads).await
}

async fn object(
    client: &Client,
    system: &FileSystemDescription,
    sought: &ConsumerQuery,
) -> Result<Object, CloudError> {
    let id = system.file_system_id.as_str();
    let mut settings = lifted(system);
    let mut phase = phase_of(system);
    let there = !matches!(
        system.life_cycle_state,
        LifeCycleState::Deleting | LifeCycleState::Deleted | LifeCycleState::Error
    );
    if there && sought.asks(&["lifecycle"]) {
        settings.lifecycle = Some(lifecycle(client, id).await?);
    }
    if there && sought.asks(&["backup"]) {
        settings.backup = Some(backup(client, id).await?);
    }
    if there && system.number_of_mount_targets > 0 && sought.asks(&["mount_targets"]) {
        let targets = mount_targets(client, id).await?;
        phase = with_targets(phase, &targets);
        let reads = targets.iter().filter(|target| !is_going(target));
        let reads = reads.map(|target| mount_target(client, target));
        let mut targets = futures_util::future::try_join_all(reads).await?;
        targets.sort();
        settings.mount_targets = Some(targets);
    }
    let key = system.kms_key_id().filter(|_| system.encrypted == Some(true));
    let common = Common { key: Some(encryption(key)), existing: None, tags: tags_of(system) };
    let spec = Spec::EfsFileSystem(consumer::Spec { common, settings });
    Ok(Object { id: id.to_owned(), spec, phase })
}

fn tags_of(system: &FileSystemDescription) -> Tags {
    let tags = system.tags().iter().filter(|tag| !tag.key.starts_with("aws:"));
    tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// What the list of file systems says already. One without mount targets needs no further request.
fn lifted(system: &FileSystemDescription) -> Settings {
    let mibps = system.provisioned_throughput_in_mibps.unwrap_or_default();
    let throughput = match system.throughput_mode() {
        Some(ThroughputMode::Provisioned) => {
            // Whole numbers are all that the configuration can say.
            let mibps = format!("{:.0}", mibps.max(0.0)).parse().unwrap_or(u32::MAX);
            Some(Throughput::Provisioned { mibps })
        }
        Some(ThroughputMode::Elastic) => Some(Throughput::Elastic),
        Some(ThroughputMode::Bursting) | None => Some(Throughput::Bursting),
        Some(_) => None,
    };
    Settings {
        performance_mode: Some(system.performance_mode.as_str().to_owned()),
        throughput_mode: throughput,
        availability_zone: system.availability_zone_name.clone(),
        backup: None,
        lifecycle: None,
        mount_targets: (system.number_of_mount_targets == 0).then(Vec::new),
    }
}

async fn lifecycle(client: &Client, id: &str) -> Result<Lifecycle, CloudError> {
    const OPERATION: &str = "DescribeLifecycleConfiguration";
    let request = client.describe_lifecycle_configuration().file_system_id(id);
    let answer = answer(OPERATION, request.send().await)?;
    let mut lifecycle = Lifecycle::default();
    for policy in answer.lifecycle_policies() {
        let ia = policy.transition_to_ia().map(|rule| rule.as_str().to_owned());
        let archive = policy.transition_to_archive().map(|rule| rule.as_str().to_owned());
        let primary = policy.transition_to_primary_storage_class();
        lifecycle.transition_to_ia = lifecycle.transition_to_ia.or(ia);
        lifecycle.transition_to_archive = lifecycle.transition_to_archive.or(archive);
        lifecycle.transition_to_primary =
            lifecycle.transition_to_primary.or(primary.map(|rule| rule.as_str().to_owned()));
    }
    Ok(lifecycle)
}

/// A file system that never had automatic backups has no policy about them.
async fn backup(client: &Client, id: &str) -> Result<bool, CloudError> {
    const OPERATION: &str = "DescribeBackupPolicy";
    let request = client.describe_backup_policy().file_system_id(id);
    match answer(OPERATION, request.send().await) {
        Ok(answer) => {
            let status = answer.backup_policy().map(types::BackupPolicy::status);
            Ok(matches!(status, Some(Status::Enabled | Status::Enabling)))
        }
        Err(error) if error.fault == Fault::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn mount_targets(
    client: &Client,
    id: &str,
) -> Result<Vec<MountTargetDescription>, CloudError> {
    const OPERATION: &str = "DescribeMountTargets";
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let request = client.describe_mount_targets().file_system_id(id).set_marker(from);
        let page = answer(OPERATION, request.send().await)?;
        found.extend(page.mount_targets.into_iter().flatten());
        from = page.next_marker;
        if from.is_none() {
            return Ok(found);
        }
    }
}

fn is_going(target: &MountTargetDescription) -> bool {
    matches!(target.life_cycle_state, LifeCycleState::Deleting | LifeCycleState::Deleted)
}

/// Its security groups are told by another request, and not while it is being made.
async fn mount_target(
    client: &Client,
    target: &MountTargetDescription,
) -> Result<MountTarget, CloudError> {
    const OPERATION: &str = "DescribeMountTargetSecurityGroups";
    let id = target.mount_target_id.clone();
    let mut security_groups = None;
    if target.life_cycle_state == LifeCycleState::Available {
        let request = client.describe_mount_target_security_groups().mount_target_id(&id);
        let answer = answer(OPERATION, request.send().await)?;
        security_groups = Some(answer.security_groups.into_iter().collect());
    }
    Ok(MountTarget { subnet: target.subnet_id.clone(), security_groups, id: Some(id) })
}

/// How far AWS is with the file system, and with its mount targets.
pub(crate) async fn phase(aws: &Aws, at: &Place, id: &str) -> Result<Phase, CloudError> {
    const OPERATION: &str = "DescribeFileSystems";
    let client = aws.efs(at, ClientUse::Reading).await;
    let request = client.describe_file_systems().file_system_id(id);
    let found = match answer(OPERATION, request.send().await) {
        Ok(answer) => answer.file_systems.into_iter().flatten().next(),
        Err(error) if error.fault == Fault::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some(system) = found else {
        return Ok(Phase::Gone);
    };
    let phase = phase_of(&system);
    if phase != Phase::Ready || system.number_of_mount_targets == 0 {
        return Ok(phase);
    }
    match mount_targets(&client, id).await {
        Ok(targets) => Ok(with_targets(phase, &targets)),
        Err(error) if error.fault == Fault::NotFound => Ok(Phase::Gone),
        Err(error) => Err(error),
    }
}

fn phase_of(system: &FileSystemDescription) -> Phase {
    match system.life_cycle_state.as_str() {
        "available" => Phase::Ready,
        "deleted" => Phase::Gone,
        word @ "error" => Phase::Broken(word.to_owned()),
        word => Phase::Busy(word.to_owned()),
    }
}

/// A file system is not ready while one of its mount targets comes or goes.
fn with_targets(phase: Phase, targets: &[MountTargetDescription]) -> Phase {
    let word = |target: &MountTargetDescription| {
        format!("mount target {} {}", target.mount_target_id, target.life_cycle_state.as_str())
    };
    let broken = targets.iter().find(|target| target.life_cycle_state == LifeCycleState::Error);
    let busy = targets.iter().find(|target| {
        let state = &target.life_cycle_state;
        *state != LifeCycleState::Available && *state != LifeCycleState::Deleted
    });
    match (phase, broken, busy) {
        (Phase::Ready, Some(target), _) => Phase::Broken(word(target)),
        (Phase::Ready, None, Some(target)) => Phase::Busy(word(target)),
        (phase, _, _) => phase,
    }
}

fn tags(operation: &'static str, tags: &[consumer::Tag]) -> Result<Vec<Tag>, CloudError> {
    let each = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    each.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// The file system that a call is about: the one that it names, else the one that was just made.
fn own(
    operation: &'static str,
    named: Option<&String>,
    late: &CallBindings<'_>,
) -> Result<String, CloudError> {
    let id = named.cloned().or_else(|| late.id.map(str::to_owned));
    id.ok_or_else(|| local(operation, Fault::Other, "the file system does not exist yet"))
}

fn groups(groups: &BTreeSet<String>) -> Option<Vec<String>> {
    Some(groups.iter().cloned().collect())
}

/// Sends the call.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let client = aws.efs(at, ClientUse::Changing).await;
    match call {
        Call::CreateFileSystem(call) => create_file_system(&client, call, late).await,
        Call::UpdateFileSystem(call) => update_file_system(&client, call, late).await,
        Call::PutLifecycleConfiguration(call) => {
            let PutLifecycleConfiguration { file_system_id, lifecycle_policies } = call;
            let id = own(PutLifecycleConfiguration::NAME, file_system_id.as_ref(), late)?;
            let policies = lifecycle_policies.iter().map(policy).collect();
            let request = client.put_lifecycle_configuration().file_system_id(id);
            let request = request.set_lifecycle_policies(Some(policies));
            done(PutLifecycleConfiguration::NAME, request.send().await)
        }
        Call::PutBackupPolicy(PutBackupPolicy { file_system_id, backup_policy }) => {
            let id = own(PutBackupPolicy::NAME, file_system_id.as_ref(), late)?;
            let policy =
                types::BackupPolicy::builder().status(backup_policy.status.as_str().into());
            let policy = policy.build().map_err(unbuilt(PutBackupPolicy::NAME))?;
            let request = client.put_backup_policy().file_system_id(id).backup_policy(policy);
            done(PutBackupPolicy::NAME, request.send().await)
        }
        Call::CreateMountTarget(call) => create_mount_target(aws, at, call, late).await,
        Call::ModifyMountTargetSecurityGroups(call) => {
            let request = client
                .modify_mount_target_security_groups()
                .mount_target_id(&call.mount_target_id)
                .set_security_groups(groups(&call.security_groups));
            done(ModifyMountTargetSecurityGroups::NAME, request.send().await)
        }
        Call::DeleteMountTarget(DeleteMountTarget { mount_target_id }) => {
            let request = client.delete_mount_target().mount_target_id(mount_target_id);
            match done(DeleteMountTarget::NAME, request.send().await) {
                Err(error) if error.fault == Fault::NotFound => Ok(Outcome::Done),
                sent => sent,
            }
        }
        Call::TagResource(TagResource { resource_id, tags: given }) => {
            let id = own(TagResource::NAME, resource_id.as_ref(), late)?;
            let given = tags(TagResource::NAME, given)?;
            let request = client.tag_resource().resource_id(id).set_tags(Some(given));
            done(TagResource::NAME, request.send().await)
        }
        Call::UntagResource(UntagResource { resource_id, tag_keys }) => {
            let id = own(UntagResource::NAME, resource_id.as_ref(), late)?;
            let request = client.untag_resource().resource_id(id);
            done(UntagResource::NAME, request.set_tag_keys(Some(tag_keys.clone())).send().await)
        }
        Call::DeleteFileSystem(DeleteFileSystem { file_system_id }) => {
            let id = own(DeleteFileSystem::NAME, file_system_id.as_ref(), late)?;
            let request = client.delete_file_system().file_system_id(id);
            done(DeleteFileSystem::NAME, request.send().await)
        }
    }
}

async fn create_file_system(
    client: &Client,
    call: &CreateFileSystem,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateFileSystem::NAME;
    let key = call.kms_key_id.as_ref().map(|key| resolve(NAME, key, late)).transpose()?;
    let mibps = call.provisioned_throughput_in_mibps.map(f64::from);
    let request = client
        .create_file_system()
        .creation_token(&call.creation_token)
        .set_performance_mode(call.performance_mode.as_deref().map(Into::into))
        .encrypted(call.encrypted)
        .set_kms_key_id(key)
        .set_throughput_mode(call.throughput_mode.as_deref().map(Into::into))
        .set_provisioned_throughput_in_mibps(mibps)
        .set_availability_zone_name(call.availability_zone_name.clone())
        .set_backup(call.backup)
        .set_tags(Some(tags(NAME, &call.tags)?));
    let made = answer(NAME, request.send().await)?;
    Ok(Outcome::Made(made.file_system_id))
}

async fn update_file_system(
    client: &Client,
    call: &UpdateFileSystem,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let request = client
        .update_file_system()
        .file_system_id(own(UpdateFileSystem::NAME, call.file_system_id.as_ref(), late)?)
        .throughput_mode(call.throughput_mode.as_str().into())
        .set_provisioned_throughput_in_mibps(call.provisioned_throughput_in_mibps.map(f64::from));
    done(UpdateFileSystem::NAME, request.send().await)
}

async fn create_mount_target(
    aws: &Aws,
    at: &Place,
    call: &CreateMountTarget,
    late: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let id = own(CreateMountTarget::NAME, call.file_system_id.as_ref(), late)?;
    let request = aws
        .efs(at, ClientUse::Changing)
        .await
        .create_mount_target()
        .file_system_id(&id)
        .subnet_id(&call.subnet_id)
        .set_security_groups(call.security_groups.as_ref().and_then(groups));
    match done(CreateMountTarget::NAME, request.send().await) {
        Err(error) if error.fault == Fault::AlreadyExists => {
            is_there(aws, at, &id, &call.subnet_id, error).await
        }
        sent => sent,
    }
}

/// A mount target that was made before: the answer to that was lost. EFS says of it that a zone has
/// room for one; whether it is the wanted one is looked up.
async fn is_there(
    aws: &Aws,
    at: &Place,
    id: &str,
    subnet: &str,
    error: CloudError,
) -> Result<Outcome, CloudError> {
    let client = aws.efs(at, ClientUse::Reading).await;
    let targets = mount_targets(&client, id).await?;
    let wanted = |target: &MountTargetDescription| target.subnet_id == subnet && !is_going(target);
    if targets.iter().any(wanted) {
        return Ok(Outcome::Done);
    }
    // One that is on its way out makes room; another one stays.
    let fault = if targets.iter().any(is_going) { Fault::InvalidState } else { Fault::Unsupported };
    Err(CloudError { fault, ..error })
}

fn policy(policy: &LifecyclePolicy) -> types::LifecyclePolicy {
    let built = types::LifecyclePolicy::builder();
    let built = match policy {
        LifecyclePolicy::TransitionToIa(rule) => built.transition_to_ia(rule.as_str().into()),
        LifecyclePolicy::TransitionToArchive(rule) => {
            built.transition_to_archive(rule.as_str().into())
        }
        LifecyclePolicy::TransitionToPrimaryStorageClass(rule) => {
            built.transition_to_primary_storage_class(rule.as_str().into())
        }
    };
    built.build()
}

#[cfg(test)]
#[path = "aws_tests.rs"]
mod tests;
