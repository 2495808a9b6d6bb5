//! EFS (aws-semantics 5.3).

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::cloud::{Fault, Object, Outcome, Phase};
use kmsctl::kind::Spec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::efs_file_system::{
    Call, Lifecycle, LifecyclePolicy, MountTarget, Settings, Throughput,
};
use std::collections::BTreeSet;

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateFileSystem { .. } => return create(request, shelf, call),
        Call::CreateMountTarget { file_system_id, subnet_id, security_groups } => {
            return create_mount_target(
                request,
                shelf,
                file_system_id.as_ref(),
                (subnet_id, security_groups.as_ref()),
            );
        }
        Call::ModifyMountTargetSecurityGroups { mount_target_id, security_groups } => {
            let id = owner(request, shelf, mount_target_id)?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            let targets = settings.mount_targets.iter_mut().flatten();
            for target in targets.filter(|t| t.id.as_ref() == Some(mount_target_id)) {
                target.security_groups = Some(security_groups.clone());
            }
        }
        Call::DeleteMountTarget { mount_target_id } => {
            let Ok(id) = owner(request, shelf, mount_target_id) else {
                return Ok(Outcome::Done);
            };
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            let targets = settings.mount_targets.as_mut().unwrap();
            targets.retain(|target| target.id.as_ref() != Some(mount_target_id));
        }
        Call::DeleteFileSystem { file_system_id } => {
            let id = own(request, file_system_id.as_ref())?;
            let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
            if settings.mount_targets.iter().flatten().next().is_some() {
                return request.fail(Fault::InvalidState, "it has mount targets");
            }
            return request.take(shelf, &id);
        }
        Call::TagResource { resource_id, tags } => {
            retag(request.held(shelf, &own(request, resource_id.as_ref())?)?, tags, &[]);
        }
        Call::UntagResource { resource_id, tag_keys } => {
            retag(request.held(shelf, &own(request, resource_id.as_ref())?)?, &[], tag_keys);
        }
        Call::UpdateFileSystem { file_system_id, .. }
        | Call::PutLifecycleConfiguration { file_system_id, .. }
        | Call::PutBackupPolicy { file_system_id, .. } => {
            let id = own(request, file_system_id.as_ref())?;
            configure(request, settings_of(&mut request.held(shelf, &id)?.object.spec), call)?;
        }
    }
    Ok(Outcome::Done)
}

fn own(request: &Request<'_>, named: Option<&String>) -> Result<String, kmsctl::cloud::CloudError> {
    named.cloned().map_or_else(|| request.id(), Ok)
}

/// The file system that has the mount target.
fn owner(
    request: &Request<'_>,
    shelf: &mut Shelf,
    target: &str,
) -> Result<String, kmsctl::cloud::CloudError> {
    let found = shelf.iter_mut().find_map(|(id, held)| {
        let mut targets = settings_of(&mut held.object.spec).mount_targets.iter().flatten();
        targets.any(|known| known.id.as_deref() == Some(target)).then(|| id.clone())
    });
    found.map_or_else(|| request.fail(Fault::NotFound, "no such mount target"), Ok)
}

/// The id follows from the token: a token is good for one file system at a time.
fn create(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    let Call::CreateFileSystem {
        creation_token,
        performance_mode,
        encrypted,
        kms_key_id,
        throughput_mode,
        provisioned_throughput_in_mibps,
        availability_zone_name,
        backup,
        tags,
    } = call
    else {
        return request.fail(Fault::Other, "not the creation of a file system");
    };
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
    let spec = Spec::EfsFileSystem(consumer::Spec { common, settings });
    request.make(shelf, Object { id: format!("fs-{number:08x}"), spec, phase: Phase::Ready })
}

fn create_mount_target(
    request: &Request<'_>,
    shelf: &mut Shelf,
    named: Option<&String>,
    (subnet, groups): (&str, Option<&BTreeSet<String>>),
) -> Answer {
    let id = own(request, named)?;
    let settings = settings_of(&mut request.held(shelf, &id)?.object.spec);
    let targets = settings.mount_targets.as_mut().unwrap();
    // As its half of the SDK says: one that is there already is the one that was wanted.
    if targets.iter().any(|target| target.subnet == subnet) {
        return Ok(Outcome::Done);
    }
    // Here a subnet's last letter is its zone.
    if targets.iter().any(|target| target.subnet.chars().last() == subnet.chars().last()) {
        return request.fail(Fault::AlreadyExists, "the zone has a mount target");
    }
    let default = || BTreeSet::from(["sg-default".to_owned()]);
    targets.push(MountTarget {
        subnet: subnet.to_owned(),
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
) -> Result<Throughput, kmsctl::cloud::CloudError> {
    match (mode, mibps) {
        ("bursting", None) => Ok(Throughput::Bursting),
        ("elastic", None) => Ok(Throughput::Elastic),
        ("provisioned", Some(mibps)) => Ok(Throughput::Provisioned { mibps }),
        _ => request.fail(Fault::Invalid, "no such throughput"),
    }
}

fn configure(
    request: &Request<'_>,
    settings: &mut Settings,
    call: &Call,
) -> Result<(), kmsctl::cloud::CloudError> {
    match call {
        Call::UpdateFileSystem { throughput_mode, provisioned_throughput_in_mibps, .. } => {
            let new = throughput(request, throughput_mode, *provisioned_throughput_in_mibps)?;
            if settings.throughput_mode.as_ref() == Some(&new) {
                return request.fail(Fault::Invalid, "it is so already");
            }
            settings.throughput_mode = Some(new);
        }
        Call::PutLifecycleConfiguration { lifecycle_policies, .. } => {
            let mut lifecycle = Lifecycle::default();
            for policy in lifecycle_policies {
                let (place, rule) = match policy {
                    LifecyclePolicy::TransitionToIa(rule) => {
                        (&mut lifecycle.transition_to_ia, rule)
                    }
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
        }
        Call::PutBackupPolicy { backup_policy, .. } => {
            settings.backup = Some(backup_policy.status == "ENABLED");
        }
        _ => return request.fail(Fault::Other, "no change of the settings"),
    }
    Ok(())
}

fn settings_of(spec: &mut Spec) -> &mut Settings {
    let found = match spec {
        Spec::EfsFileSystem(spec) => Some(&mut spec.settings),
        _ => None,
    };
    found.expect("a file system")
}
