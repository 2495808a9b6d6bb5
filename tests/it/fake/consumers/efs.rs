//! EFS.

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::efs_file_system::{
    Call, CreateFileSystem, CreateMountTarget, DeleteFileSystem, DeleteMountTarget, Lifecycle,
    LifecyclePolicy, ModifyMountTargetSecurityGroups, MountTarget, PutBackupPolicy, Settings,
    TagResource, Throughput, UntagResource,
};
use kmsctl::kind::{Object, Phase};
use std::collections::BTreeSet;

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateFileSystem(call) => return create(request, shelf, call),
        Call::CreateMountTarget(call) => return create_mount_target(request, shelf, call),
        Call::ModifyMountTargetSecurityGroups(ModifyMountTargetSecurityGroups {
            mount_target_id,
            security_groups,
        }) => {
            let id = owner(request, shelf, mount_target_id)?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            let targets = settings.mount_targets.iter_mut().flatten();
            for target in targets.filter(|t| t.id.as_ref() == Some(mount_target_id)) {
                target.security_groups = Some(security_groups.clone());
            }
        }
        Call::DeleteMountTarget(DeleteMountTarget { mount_target_id }) => {
            let Ok(id) = owner(request, shelf, mount_target_id) else {
                return Ok(Outcome::Done);
            };
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            let targets = settings.mount_targets.as_mut().unwrap();
            targets.retain(|target| target.id.as_ref() != Some(mount_target_id));
        }
        Call::DeleteFileSystem(DeleteFileSystem { file_system_id }) => {
            let id = own(request, file_system_id.as_ref())?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            if settings.mount_targets.iter().flatten().next().is_some() {
                return request.fail(Fault::InvalidState, "it has mount targets");
            }
            return request.take(shelf, &id);
        }
        Call::TagResource(TagResource { resource_id, tags }) => {
            retag(request.held(shelf, &own(request, resource_id.as_ref())?)?, tags, &[]);
        }
        Call::UntagResource(UntagResource { resource_id, tag_keys }) => {
            retag(request.held(shelf, &own(request, resource_id.as_ref())?)?, &[], tag_keys);
        }
        Call::UpdateFileSystem(call) => {
            let id = own(request, call.file_system_id.as_ref())?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            let mibps = call.provisioned_throughput_in_mibps;
            let new = throughput(request, &call.throughput_mode, mibps)?;
            if settings.throughput_mode.as_ref() == Some(&new) {
                return request.fail(Fault::Invalid, "it is so already");
            }
            settings.throughput_mode = Some(new);
        }
        Call::PutLifecycleConfiguration(call) => {
            let id = own(request, call.file_system_id.as_ref())?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            put_lifecycle(request, settings, &call.lifecycle_policies)?;
        }
        Call::PutBackupPolicy(PutBackupPolicy { file_system_id, backup_policy }) => {
            let id = own(request, file_system_id.as_ref())?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            settings.backup = Some(backup_policy.status == "ENABLED");
        }
    }
    Ok(Outcome::Done)
}

fn own(
    request: &Request<'_>,
    named: Option<&String>,
) -> Result<String, kmsctl::answer::CloudError> {
    named.cloned().map_or_else(|| request.id(), Ok)
}

/// Returns the file system with the mount target.
fn owner(
    request: &Request<'_>,
    shelf: &mut Shelf,
    target: &str,
) -> Result<String, kmsctl::answer::CloudError> {
    let found = shelf.iter_mut().find_map(|(id, held)| {
        let mut targets = settings_of(&mut held.object.spec).mount_targets.iter().flatten();
        targets.any(|known| known.id.as_deref() == Some(target)).then(|| id.clone())
    });
    found.map_or_else(|| request.fail(Fault::NotFound, "no such mount target"), Ok)
}

/// Creates a file system. The id is computed from the token, because a token can be used for one
/// file system at a time.
fn create(request: &Request<'_>, shelf: &mut Shelf, call: &CreateFileSystem) -> Answer {
    let CreateFileSystem {
        creation_token,
        performance_mode,
        encrypted,
        kms_key_id,
        throughput_mode,
        provisioned_throughput_in_mibps,
        availability_zone_name,
        backup,
        tags,
    } = call;
    if creation_token.is_empty() || creation_token.len() > 64 || !encrypted {
        return request.fail(Fault::Invalid, "a token of 1 to 64 characters, and a key only so");
    }
    let number = creation_token
        .bytes()
        .fold(7_u32, |n, byte| n.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let settings = Settings {
        performance_mode: Some(performance_mode.clone().unwrap_or("generalPurpose".to_owned())),
        throughput_mode: Some(throughput(
            request,
            throughput_mode.as_deref().unwrap_or("bursting"),
            *provisioned_throughput_in_mibps,
        )?),
        availability_zone: availability_zone_name.clone(),
        backup: Some(backup.unwrap_or(availability_zone_name.is_some())),
        lifecycle: Some(Lifecycle::default()),
        mount_targets: Some(Vec::new()),
    };
    let key = Some(request.key(kms_key_id.as_ref())?);
    let common = Common { key, existing: None, tags: tags_of(tags) };
    let spec = ConsumerSpec::EfsFileSystem(consumer::Spec { common, settings });
    request.make(shelf, Object { id: format!("fs-{number:08x}"), spec, phase: Phase::Ready })
}

fn create_mount_target(
    request: &Request<'_>,
    shelf: &mut Shelf,
    call: &CreateMountTarget,
) -> Answer {
    let id = own(request, call.file_system_id.as_ref())?;
    let (subnet, groups) = (&call.subnet_id, call.security_groups.as_ref());
    let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
    let targets = settings.mount_targets.as_mut().unwrap();
    // Like `kind::efs_file_system::aws`: an existing mount target in the subnet counts as success.
    if targets.iter().any(|target| target.subnet == *subnet) {
        return Ok(Outcome::Done);
    }
    // In the stand-in, the last letter of a subnet is its Availability Zone.
    if targets.iter().any(|target| target.subnet.chars().last() == subnet.chars().last()) {
        return request.fail(Fault::AlreadyExists, "the zone has a mount target");
    }
    let default = || BTreeSet::from(["sg-default".to_owned()]);
    targets.push(MountTarget {
        subnet: subnet.clone(),
        security_groups: Some(groups.cloned().unwrap_or_else(default)),
        id: Some(format!("fsmt-{subnet}")),
    });
    targets.sort();
    Ok(Outcome::Done)
}

fn throughput(
    request: &Request<'_>,
    mode: &str,
    mibps: Option<u32>,
) -> Result<Throughput, kmsctl::answer::CloudError> {
    match (mode, mibps) {
        ("bursting", None) => Ok(Throughput::Bursting),
        ("elastic", None) => Ok(Throughput::Elastic),
        ("provisioned", Some(mibps)) => Ok(Throughput::Provisioned { mibps }),
        _ => request.fail(Fault::Invalid, "no such throughput"),
    }
}

fn put_lifecycle(
    request: &Request<'_>,
    settings: &mut Settings,
    policies: &[LifecyclePolicy],
) -> Result<(), kmsctl::answer::CloudError> {
    let mut lifecycle = Lifecycle::default();
    for policy in policies {
        let (place, rule) = match policy {
            LifecyclePolicy::TransitionToIa(rule) => (&mut lifecycle.transition_to_ia, rule),
            LifecyclePolicy::TransitionToArchive(rule) => {
                (&mut lifecycle.transition_to_archive, rule)
            }
            LifecyclePolicy::TransitionToPrimaryStorageClass(rule) => {
                (&mut lifecycle.transition_to_primary, rule)
            }
        };
        *place = Some(rule.clone());
    }
    if lifecycle.transition_to_archive.is_some()
        && settings.throughput_mode != Some(Throughput::Elastic)
    {
        return request.fail(Fault::Invalid, "Archive only where elastic");
    }
    settings.lifecycle = Some(lifecycle);
    Ok(())
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    let found = match spec {
        ConsumerSpec::EfsFileSystem(spec) => Some(&mut spec.settings),
        _ => None,
    };
    found.expect("a file system")
}
