//! RDS clusters with their instances.

use super::rds_instance::{name, spelled_out};
use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::key::NAME_TAG;
use kmsctl::kind::rds_cluster::{
    AddTagsToResource, Alterable, Call, CreateDBCluster, DeleteDBCluster, Fixed, Member,
    ModifyDBCluster, RemoveTagsFromResource, Serverless, Settings,
};
use kmsctl::kind::{Object, Phase};
use std::collections::BTreeMap;

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateDBCluster(CreateDBCluster {
            db_cluster_identifier: id,
            fixed,
            alterable,
            tags,
        }) => {
            let mut settings = fresh(id, fixed);
            alter(request, &mut settings, alterable)?;
            let key = Some(request.key(fixed.kms_key_id.as_ref())?);
            let common = Common { key, existing: None, tags: tags_of(tags) };
            let spec = ConsumerSpec::RdsCluster(consumer::Spec { common, settings });
            let object = Object { id: id.clone(), spec, phase: Phase::Ready };
            return request.make(shelf, object);
        }
        Call::ModifyDBCluster(ModifyDBCluster { db_cluster_identifier, alterable, .. }) => {
            let held = request.held(shelf, db_cluster_identifier)?;
            alter(request, settings_of(&mut held.object.spec), alterable)?;
        }
        Call::AddTagsToResource(AddTagsToResource { resource_name, tags }) => {
            retag(request.held(shelf, name(resource_name, "cluster"))?, tags, &[]);
        }
        Call::RemoveTagsFromResource(RemoveTagsFromResource { resource_name, tag_keys }) => {
            retag(request.held(shelf, name(resource_name, "cluster"))?, &[], tag_keys);
        }
        Call::DeleteDBCluster(DeleteDBCluster {
            db_cluster_identifier: id,
            skip_final_snapshot,
            final_db_snapshot_identifier,
        }) => {
            let settings = settings_of(&mut request.held(shelf, id)?.object.spec);
            if settings.deletion_protection == Some(true) {
                return request.fail(Fault::Invalid, "deletion protection");
            }
            if settings.members.as_ref().is_some_and(|members| !members.is_empty()) {
                return request.fail(Fault::InvalidState, "it still contains instances");
            }
            if *skip_final_snapshot == final_db_snapshot_identifier.is_some() {
                return request.fail(Fault::Invalid, "a last snapshot, or none");
            }
            return request.take(shelf, id);
        }
        Call::CreateDBInstance(call) => {
            let (engine, members) = members_of(request, shelf)?;
            if call.db_cluster_identifier != request.id()? || call.engine != *engine {
                return request.fail(Fault::Invalid, "another cluster, or another engine");
            }
            let name = call.db_instance_identifier.clone();
            let tags = tags_of(&call.tags);
            assert_eq!(tags.get(NAME_TAG), Some(&name), "by this it is known as ours");
            let (instance_class, promotion_tier) =
                (call.db_instance_class.clone(), call.promotion_tier);
            // An existing instance of the stack is not an error (see `create_db_instance`).
            members.insert(name, Member { instance_class, promotion_tier });
        }
        Call::ModifyDBInstance(call) => {
            let (_, members) = members_of(request, shelf)?;
            let Some(member) = members.get_mut(&call.db_instance_identifier) else {
                return request.fail(Fault::NotFound, "no such instance");
            };
            if let Some(class) = &call.db_instance_class {
                member.instance_class.clone_from(class);
            }
            member.promotion_tier = call.promotion_tier.unwrap_or(member.promotion_tier);
        }
        Call::DeleteDBInstance(call) => {
            let (_, members) = members_of(request, shelf)?;
            if !call.skip_final_snapshot {
                return request.fail(Fault::Invalid, "there are no last snapshots of members");
            }
            members.remove(&call.db_instance_identifier);
        }
    }
    Ok(Outcome::Done)
}

/// Returns the engine and the members of the cluster of a call.
fn members_of<'a>(
    request: &Request<'_>,
    shelf: &'a mut Shelf,
) -> Result<(&'a Option<String>, &'a mut BTreeMap<String, Member>), kmsctl::answer::CloudError> {
    let settings = settings_of(&mut request.held(shelf, &request.id()?)?.object.spec);
    Ok((&settings.engine, settings.members.get_or_insert_default()))
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    match spec {
        ConsumerSpec::RdsCluster(spec) => &mut spec.settings,
        other => panic!("{other:?}"),
    }
}

fn fresh(id: &str, fixed: &Fixed) -> Settings {
    Settings {
        engine: fixed.engine.clone(),
        engine_version: Some("16.4".to_owned()),
        database_name: fixed.database_name.clone(),
        master_username: fixed.master_username.clone(),
        managed_password: Some(false),
        port: Some(5432),
        subnet_group: Some(fixed.db_subnet_group_name.clone().unwrap_or("default".into())),
        security_groups: Some(["sg-default".to_owned()].into()),
        backup_retention_days: Some(1),
        backup_window: Some("03:10-03:40".to_owned()),
        maintenance_window: Some("mon:04:00-mon:04:30".to_owned()),
        deletion_protection: Some(false),
        parameter_group: Some("default.aurora-postgresql16".to_owned()),
        copy_tags_to_snapshot: Some(false),
        allocated_storage_gib: Some(1),
        storage_type: Some("aurora".to_owned()),
        members: Some(BTreeMap::new()),
        resource_id: Some(format!("cluster-{}", id.to_uppercase())),
        ..Settings::default()
    }
}

fn alter(
    request: &Request<'_>,
    settings: &mut Settings,
    wanted: &Alterable,
) -> Result<(), kmsctl::answer::CloudError> {
    let managed = wanted.manage_master_user_password;
    if managed == Some(true) && wanted.master_user_password.is_some() {
        return request.fail(Fault::Invalid, "a password beside a managed one");
    }
    let secret = request.key(wanted.master_user_secret_kms_key_id.as_ref())?;
    macro_rules! take {
        ($($field:ident = $parameter:ident),* $(,)?) => {
            $(settings.$field = wanted.$parameter.clone().or(settings.$field.take());)*
        };
    }
    take! {
        managed_password = manage_master_user_password,
        port = port,
        backup_retention_days = backup_retention_period,
        backup_window = preferred_backup_window,
        maintenance_window = preferred_maintenance_window,
        deletion_protection = deletion_protection,
        parameter_group = db_cluster_parameter_group_name,
        copy_tags_to_snapshot = copy_tags_to_snapshot,
        instance_class = db_cluster_instance_class,
        allocated_storage_gib = allocated_storage,
        storage_type = storage_type,
        iops = iops,
    }
    if let Some(version) = &wanted.engine_version {
        settings.engine_version = Some(spelled_out(version));
    }
    if let Some(groups) = &wanted.vpc_security_group_ids {
        settings.security_groups = Some(groups.iter().cloned().collect());
    }
    if let Some(scaling) = wanted.serverless_v2_scaling_configuration {
        let (min_capacity, max_capacity) = (scaling.min_capacity, scaling.max_capacity);
        settings.serverless_v2 = Some(Serverless { min_capacity, max_capacity });
    }
    match managed {
        Some(true) => settings.password_with_key = Some(secret.key().is_some()),
        Some(false) => settings.password_with_key = None,
        None => {}
    }
    Ok(())
}
