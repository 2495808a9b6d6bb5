//! Clusters of RDS (aws-semantics 5.4), with the instances in them.

use super::rds_instance::{name, spelled_out};
use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::cloud::{Fault, Object, Outcome, Phase};
use kmsctl::kind::Spec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::key::NAME_TAG;
use kmsctl::kind::rds_cluster::{Alterable, Call, Fixed, Member, Serverless, Settings};
use std::collections::BTreeMap;

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateDBCluster { db_cluster_identifier: id, fixed, alterable, tags } => {
            let mut settings = fresh(id, fixed);
            alter(request, &mut settings, alterable)?;
            let key = Some(request.key(fixed.kms_key_id.as_ref())?);
            let common = Common { key, existing: None, tags: tags_of(tags) };
            let spec = Spec::RdsCluster(consumer::Spec { common, settings });
            let object = Object { id: id.clone(), spec, phase: Phase::Ready };
            return request.make(shelf, object);
        }
        Call::ModifyDBCluster { db_cluster_identifier, alterable, .. } => {
            let held = request.held(shelf, db_cluster_identifier)?;
            alter(request, settings_of(&mut held.object.spec), alterable)?;
        }
        Call::AddTagsToResource { resource_name, tags } => {
            retag(request.held(shelf, name(resource_name, "cluster"))?, tags, &[]);
        }
        Call::RemoveTagsFromResource { resource_name, tag_keys } => {
            retag(request.held(shelf, name(resource_name, "cluster"))?, &[], tag_keys);
        }
        Call::DeleteDBCluster {
            db_cluster_identifier: id,
            skip_final_snapshot,
            final_db_snapshot_identifier,
        } => {
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
        Call::CreateDBInstance(_)
        | Call::ModifyDBInstance { .. }
        | Call::DeleteDBInstance { .. } => on_member(request, shelf, call)?,
    }
    Ok(Outcome::Done)
}

fn on_member(
    request: &Request<'_>,
    shelf: &mut Shelf,
    call: &Call,
) -> Result<(), kmsctl::cloud::CloudError> {
    let cluster = request.id()?;
    let settings = settings_of(&mut request.held(shelf, &cluster)?.object.spec);
    let engine = settings.engine.clone();
    let members = settings.members.get_or_insert_default();
    match call {
        Call::CreateDBInstance(wanted) => {
            let name = wanted.db_instance_identifier.clone().unwrap();
            if wanted.db_cluster_identifier.as_ref() != Some(&cluster) || wanted.engine != engine {
                return request.fail(Fault::Invalid, "another cluster, or another engine");
            }
            let tags = tags_of(wanted.tags.as_deref().unwrap_or_default());
            assert_eq!(tags.get(NAME_TAG), Some(&name), "by this it is known as ours");
            let instance_class = wanted.db_instance_class.clone().unwrap();
            let promotion_tier = wanted.promotion_tier.unwrap_or(1);
            // One that is there already, and ours, is no failure (`create_member`).
            members.insert(name, Member { instance_class, promotion_tier });
        }
        Call::ModifyDBInstance {
            db_instance_identifier,
            db_instance_class,
            promotion_tier,
            ..
        } => {
            let Some(member) = members.get_mut(db_instance_identifier) else {
                return request.fail(Fault::NotFound, "no such instance");
            };
            if let Some(class) = db_instance_class {
                member.instance_class.clone_from(class);
            }
            member.promotion_tier = promotion_tier.unwrap_or(member.promotion_tier);
        }
        Call::DeleteDBInstance { db_instance_identifier, skip_final_snapshot } => {
            if !skip_final_snapshot {
                return request.fail(Fault::Invalid, "there are no last snapshots of members");
            }
            members.remove(db_instance_identifier);
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn settings_of(spec: &mut Spec) -> &mut Settings {
    match spec {
        Spec::RdsCluster(spec) => &mut spec.settings,
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
) -> Result<(), kmsctl::cloud::CloudError> {
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
