//! Sends the calls of file systems, and converts the SDK's descriptions of them.

use super::{
    Call, CreateFileSystem, CreateMountTarget, DeleteFileSystem, DeleteMountTarget, EfsFileSystem,
    Lifecycle, LifecyclePolicy, ModifyMountTargetSecurityGroups, MountTarget, PutBackupPolicy,
    PutLifecycleConfiguration, Settings, TagResource, Throughput, UntagResource, UpdateFileSystem,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Service, each};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::clients::Session;
use crate::sdk::error::{answer, done, local, part, unbuilt};
use aws_sdk_efs::Client;
use aws_sdk_efs::types::{
    self, FileSystemDescription, LifeCycleState, MountTargetDescription, Status, Tag,
    ThroughputMode,
};
use std::collections::BTreeSet;

/// The largest number of file systems per page.
const PAGE: i32 = 100;

impl Service for EfsFileSystem {
    /// Reads the selected file systems. All file systems are listed; the settings that need requests of
    /// their own are read concurrently for the selected ones.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        const OPERATION: &str = "DescribeFileSystems";
        let client = aws.efs(at).await;
        let read = |from| client.describe_file_systems().max_items(PAGE).set_marker(from).send();
        let mut found = Vec::new();
        for page in client.pages(OPERATION, read, |page| page.next_marker.clone()).await? {
            let systems = part(OPERATION, "list of file systems", page.file_systems)?.into_iter();
            found.extend(systems.filter(|system| {
                system.life_cycle_state != LifeCycleState::Deleted
                    && query.wants(&system.file_system_id, &tags_of(system))
            }));
        }
        let reads = found.iter().map(|system| object(&client, system, query));
        each(reads).await
    }

    /// Describes a file system and its mount targets.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeFileSystems";
        let client = aws.efs(at).await;
        let read = || client.describe_file_systems().file_system_id(id).send();
        let found = match client.read(OPERATION, read).await {
            Ok(answer) => answer.file_systems.into_iter().flatten().next(),
            Err(error) if error.fault == Fault::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(system) = found else {
            return Ok(Sight::gone());
        };
        let (phase, mut settings) = (phase_of(&system), lifted(&system));
        if phase != Phase::Ready || system.number_of_mount_targets == 0 {
            return Ok(Sight::new(phase, spec(&system, settings)));
        }
        match mount_targets(&client, id).await {
            Ok(targets) => {
                settings.mount_targets = Some(without_groups(&targets));
                Ok(Sight::new(with_targets(phase, &targets), spec(&system, settings)))
            }
            Err(error) if error.fault == Fault::NotFound => Ok(Sight::gone()),
            Err(error) => Err(error),
        }
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.efs(at).await;
        match call {
            Call::CreateFileSystem(call) => create_file_system(&client, call, bindings).await,
            Call::UpdateFileSystem(call) => update_file_system(&client, call, bindings).await,
            Call::PutLifecycleConfiguration(call) => {
                let PutLifecycleConfiguration { file_system_id, lifecycle_policies } = call;
                let id = own(PutLifecycleConfiguration::NAME, file_system_id.as_ref(), bindings)?;
                let policies = lifecycle_policies.iter().map(policy).collect();
                let request = client.put_lifecycle_configuration().file_system_id(id);
                let request = request.set_lifecycle_policies(Some(policies));
                done(PutLifecycleConfiguration::NAME, request.send().await)
            }
            Call::PutBackupPolicy(PutBackupPolicy { file_system_id, backup_policy }) => {
                let id = own(PutBackupPolicy::NAME, file_system_id.as_ref(), bindings)?;
                let policy =
                    types::BackupPolicy::builder().status(backup_policy.status.as_str().into());
                let policy = policy.build().map_err(unbuilt(PutBackupPolicy::NAME))?;
                let request = client.put_backup_policy().file_system_id(id).backup_policy(policy);
                done(PutBackupPolicy::NAME, request.send().await)
            }
            Call::CreateMountTarget(call) => create_mount_target(aws, at, call, bindings).await,
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
                let id = own(TagResource::NAME, resource_id.as_ref(), bindings)?;
                let given = tags(TagResource::NAME, given)?;
                let request = client.tag_resource().resource_id(id).set_tags(Some(given));
                done(TagResource::NAME, request.send().await)
            }
            Call::UntagResource(UntagResource { resource_id, tag_keys }) => {
                let id = own(UntagResource::NAME, resource_id.as_ref(), bindings)?;
                let request = client.untag_resource().resource_id(id);
                done(UntagResource::NAME, request.set_tag_keys(Some(tag_keys.clone())).send().await)
            }
            Call::DeleteFileSystem(DeleteFileSystem { file_system_id }) => {
                let id = own(DeleteFileSystem::NAME, file_system_id.as_ref(), bindings)?;
                let request = client.delete_file_system().file_system_id(id);
                done(DeleteFileSystem::NAME, request.send().await)
            }
        }
    }
}

async fn object(
    client: &Session<'_, Client>,
    system: &FileSystemDescription,
    query: &ConsumerQuery,
) -> Result<Object, CloudError> {
    let id = system.file_system_id.as_str();
    let mut settings = lifted(system);
    let mut phase = phase_of(system);
    let exists = !matches!(
        system.life_cycle_state,
        LifeCycleState::Deleting | LifeCycleState::Deleted | LifeCycleState::Error
    );
    if exists && query.asks(&["lifecycle"]) {
        settings.lifecycle = Some(lifecycle(client, id).await?);
    }
    if exists && query.asks(&["backup"]) {
        settings.backup = Some(backup(client, id).await?);
    }
    if exists && system.number_of_mount_targets > 0 && query.asks(&["mount_targets"]) {
        let targets = mount_targets(client, id).await?;
        phase = with_targets(phase, &targets);
        let reads = targets.iter().filter(|target| !is_being_deleted(target));
        let reads = reads.map(|target| mount_target(client, target));
        let mut targets = each(reads).await?;
        targets.sort();
        settings.mount_targets = Some(targets);
    }
    Ok(Object { id: id.to_owned(), spec: spec(system, settings).into(), phase })
}

fn spec(system: &FileSystemDescription, settings: Settings) -> consumer::Spec<Settings> {
    let key = if system.encrypted == Some(true) { system.kms_key_id() } else { None };
    let common = Common { key: Some(encryption(key)), existing: None, tags: tags_of(system) };
    consumer::Spec { common, settings }
}

/// Returns the mount targets that are not being deleted, without their security groups.
fn without_groups(targets: &[MountTargetDescription]) -> Vec<MountTarget> {
    let left = targets.iter().filter(|target| !is_being_deleted(target));
    let targets = left.map(|target| {
        let (subnet, id) = (target.subnet_id.clone(), Some(target.mount_target_id.clone()));
        MountTarget { subnet, security_groups: None, id }
    });
    targets.collect()
}

fn tags_of(system: &FileSystemDescription) -> Tags {
    let tags = system.tags().iter().filter(|tag| !tag.key.starts_with("aws:"));
    tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// Converts the settings that the list of file systems contains. If a file system has no mount
/// targets, they need no other request.
fn lifted(system: &FileSystemDescription) -> Settings {
    let mibps = system.provisioned_throughput_in_mibps.unwrap_or_default();
    let throughput = match system.throughput_mode() {
        Some(ThroughputMode::Provisioned) => {
            // The configuration accepts only whole numbers.
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

async fn lifecycle(client: &Session<'_, Client>, id: &str) -> Result<Lifecycle, CloudError> {
    const OPERATION: &str = "DescribeLifecycleConfiguration";
    let read = || client.describe_lifecycle_configuration().file_system_id(id).send();
    let answer = client.read(OPERATION, read).await?;
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

/// Reads whether automatic backups are on. A file system that never had them has no backup policy.
async fn backup(client: &Session<'_, Client>, id: &str) -> Result<bool, CloudError> {
    const OPERATION: &str = "DescribeBackupPolicy";
    let read = || client.describe_backup_policy().file_system_id(id).send();
    match client.read(OPERATION, read).await {
        Ok(answer) => {
            let status = answer.backup_policy().map(types::BackupPolicy::status);
            Ok(matches!(status, Some(Status::Enabled | Status::Enabling)))
        }
        Err(error) if error.fault == Fault::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn mount_targets(
    client: &Session<'_, Client>,
    id: &str,
) -> Result<Vec<MountTargetDescription>, CloudError> {
    const OPERATION: &str = "DescribeMountTargets";
    let read = |from| client.describe_mount_targets().file_system_id(id).set_marker(from).send();
    let pages = client.pages(OPERATION, read, |page| page.next_marker.clone()).await?;
    Ok(pages.into_iter().flat_map(|page| page.mount_targets.unwrap_or_default()).collect())
}

fn is_being_deleted(target: &MountTargetDescription) -> bool {
    matches!(target.life_cycle_state, LifeCycleState::Deleting | LifeCycleState::Deleted)
}

/// Reads a mount target. Its security groups are a request of their own, which fails while the
/// mount target is being created.
async fn mount_target(
    client: &Session<'_, Client>,
    target: &MountTargetDescription,
) -> Result<MountTarget, CloudError> {
    const OPERATION: &str = "DescribeMountTargetSecurityGroups";
    let id = target.mount_target_id.clone();
    let mut security_groups = None;
    if target.life_cycle_state == LifeCycleState::Available {
        let read = || client.describe_mount_target_security_groups().mount_target_id(&id).send();
        let answer = client.read(OPERATION, read).await?;
        security_groups = Some(answer.security_groups.into_iter().collect());
    }
    Ok(MountTarget { subnet: target.subnet_id.clone(), security_groups, id: Some(id) })
}

fn phase_of(system: &FileSystemDescription) -> Phase {
    match system.life_cycle_state.as_str() {
        "available" => Phase::Ready,
        "deleted" => Phase::Gone,
        word @ "error" => Phase::Broken(word.to_owned()),
        word => Phase::Busy(word.to_owned()),
    }
}

/// Returns the phase of a file system with its mount targets. It is busy while one of them is being
/// created or deleted.
fn with_targets(phase: Phase, targets: &[MountTargetDescription]) -> Phase {
    let broken = targets.iter().find(|target| target.life_cycle_state == LifeCycleState::Error);
    let busy = targets.iter().find(|target| {
        let state = &target.life_cycle_state;
        *state != LifeCycleState::Available && *state != LifeCycleState::Deleted
    });
    match (phase, broken, busy) {
        (Phase::Ready, Some(target), _) => Phase::Broken(state_text(target)),
        (Phase::Ready, None, Some(target)) => Phase::Busy(state_text(target)),
        (phase, _, _) => phase,
    }
}

fn state_text(target: &MountTargetDescription) -> String {
    format!("mount target {} {}", target.mount_target_id, target.life_cycle_state.as_str())
}

fn tags(operation: &'static str, tags: &[consumer::Tag]) -> Result<Vec<Tag>, CloudError> {
    let built = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// Returns the file system of a call: the one that the call names, or else the one that the step
/// created.
fn own(
    operation: &'static str,
    named: Option<&String>,
    bindings: &CallBindings<'_>,
) -> Result<String, CloudError> {
    let id = named.cloned().or_else(|| bindings.id.map(str::to_owned));
    id.ok_or_else(|| local(operation, Fault::Other, "the file system does not exist yet"))
}

fn groups(groups: &BTreeSet<String>) -> Option<Vec<String>> {
    Some(groups.iter().cloned().collect())
}

async fn create_file_system(
    client: &Client,
    call: &CreateFileSystem,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateFileSystem::NAME;
    let key = call.kms_key_id.as_ref().map(|key| resolve(NAME, key, bindings)).transpose()?;
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
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let request = client
        .update_file_system()
        .file_system_id(own(UpdateFileSystem::NAME, call.file_system_id.as_ref(), bindings)?)
        .throughput_mode(call.throughput_mode.as_str().into())
        .set_provisioned_throughput_in_mibps(call.provisioned_throughput_in_mibps.map(f64::from));
    done(UpdateFileSystem::NAME, request.send().await)
}

async fn create_mount_target(
    aws: &Aws,
    at: &Place,
    call: &CreateMountTarget,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let id = own(CreateMountTarget::NAME, call.file_system_id.as_ref(), bindings)?;
    let request = aws
        .efs(at)
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

/// Succeeds if the mount target exists already, because the answer to an earlier call was lost. EFS
/// reports only that the Availability Zone has a mount target, which may be in another subnet.
async fn is_there(
    aws: &Aws,
    at: &Place,
    id: &str,
    subnet: &str,
    error: CloudError,
) -> Result<Outcome, CloudError> {
    let client = aws.efs(at).await;
    let targets = mount_targets(&client, id).await?;
    if targets.iter().any(|target| target.subnet_id == subnet && !is_being_deleted(target)) {
        return Ok(Outcome::Done);
    }
    // The call can succeed once a mount target that is being deleted is gone.
    let is_temporary = targets.iter().any(is_being_deleted);
    let fault = if is_temporary { Fault::InvalidState } else { Fault::Unsupported };
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
