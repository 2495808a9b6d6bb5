//! RDS instances.

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::rds_instance::{
    AddTagsToResource, Alterable, Call, CreateDBInstance, DeleteDBInstance, ModifyDBInstance,
    RemoveTagsFromResource, Settings,
};
use kmsctl::kind::{Object, Phase};

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateDBInstance(CreateDBInstance {
            db_instance_identifier: id,
            fixed,
            alterable,
            tags,
        }) => {
            if fixed.kms_key_id.is_some() && fixed.storage_encrypted != Some(true) {
                return request.fail(Fault::Invalid, "KmsKeyId without StorageEncrypted");
            }
            if fixed.engine.is_none() || alterable.db_instance_class.is_none() {
                return request.fail(Fault::Invalid, "no engine, or no class");
            }
            let mut settings = Settings {
                engine: fixed.engine.clone(),
                engine_version: Some("8.0.39".to_owned()),
                storage_type: Some("gp2".to_owned()),
                master_username: fixed.master_username.clone(),
                managed_password: Some(false),
                db_name: fixed.db_name.clone(),
                port: Some(fixed.port.unwrap_or(3306)),
                subnet_group: Some(fixed.db_subnet_group_name.clone().unwrap_or("default".into())),
                security_groups: Some(["sg-default".to_owned()].into()),
                multi_az: Some(false),
                publicly_accessible: Some(false),
                backup_retention_days: Some(1),
                backup_window: Some("03:10-03:40".to_owned()),
                maintenance_window: Some("mon:04:00-mon:04:30".to_owned()),
                deletion_protection: Some(false),
                parameter_group: Some("default.mysql8.0".to_owned()),
                auto_minor_version_upgrade: Some(true),
                copy_tags_to_snapshot: Some(false),
                performance_insights: Some(false),
                resource_id: Some(format!("db-{}", id.to_uppercase())),
                ..Settings::default()
            };
            alter(request, &mut settings, alterable)?;
            let key = Some(request.key(fixed.kms_key_id.as_ref())?);
            let common = Common { key, existing: None, tags: tags_of(tags) };
            let spec = ConsumerSpec::RdsInstance(consumer::Spec { common, settings });
            let object = Object { id: id.clone(), spec, phase: Phase::Ready };
            return request.make(shelf, object);
        }
        Call::ModifyDBInstance(ModifyDBInstance {
            db_instance_identifier,
            alterable,
            db_port_number,
            ..
        }) => {
            let held = request.held(shelf, db_instance_identifier)?;
            let settings = settings_of(&mut held.object.spec);
            alter(request, settings, alterable)?;
            settings.port = db_port_number.or(settings.port);
        }
        Call::AddTagsToResource(AddTagsToResource { resource_name, tags }) => {
            retag(request.held(shelf, name(resource_name, "db"))?, tags, &[]);
        }
        Call::RemoveTagsFromResource(RemoveTagsFromResource { resource_name, tag_keys }) => {
            retag(request.held(shelf, name(resource_name, "db"))?, &[], tag_keys);
        }
        Call::DeleteDBInstance(DeleteDBInstance {
            db_instance_identifier: id,
            skip_final_snapshot,
            final_db_snapshot_identifier,
        }) => {
            let held = request.held(shelf, id)?;
            if settings_of(&mut held.object.spec).deletion_protection == Some(true) {
                return request.fail(Fault::Invalid, "deletion protection");
            }
            if *skip_final_snapshot == final_db_snapshot_identifier.is_some() {
                return request.fail(Fault::Invalid, "a last snapshot, or none");
            }
            return request.take(shelf, id);
        }
    }
    Ok(Outcome::Done)
}

/// Returns the last part of an ARN, which must be of the given kind.
pub(super) fn name<'a>(arn: &'a str, kind: &str) -> &'a str {
    arn.rsplit_once(&format!(":{kind}:")).expect("an ARN of that kind").1
}

/// Returns the full version that RDS chooses for a version prefix.
pub(super) fn spelled_out(version: &str) -> String {
    match version.split('.').count() {
        1 => format!("{version}.4"),
        2 if version.starts_with('8') => format!("{version}.39"),
        _ => version.to_owned(),
    }
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    match spec {
        ConsumerSpec::RdsInstance(spec) => &mut spec.settings,
        other => panic!("{other:?}"),
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
    if managed == Some(false) && wanted.master_user_password.is_none() {
        return request.fail(Fault::Invalid, "no password any more");
    }
    storage(request, settings, wanted)?;
    let secret = request.key(wanted.master_user_secret_kms_key_id.as_ref())?;
    let insights = request.key(wanted.performance_insights_kms_key_id.as_ref())?;
    macro_rules! take {
        ($($field:ident = $parameter:ident),* $(,)?) => {
            $(settings.$field = wanted.$parameter.clone().or(settings.$field.take());)*
        };
    }
    take! {
        instance_class = db_instance_class,
        max_allocated_storage_gib = max_allocated_storage,
        managed_password = manage_master_user_password,
        multi_az = multi_az,
        publicly_accessible = publicly_accessible,
        backup_retention_days = backup_retention_period,
        backup_window = preferred_backup_window,
        maintenance_window = preferred_maintenance_window,
        deletion_protection = deletion_protection,
        parameter_group = db_parameter_group_name,
        auto_minor_version_upgrade = auto_minor_version_upgrade,
        copy_tags_to_snapshot = copy_tags_to_snapshot,
        performance_insights = enable_performance_insights,
        performance_insights_days = performance_insights_retention_period,
    }
    if let Some(version) = &wanted.engine_version {
        settings.engine_version = Some(spelled_out(version));
    }
    if let Some(groups) = &wanted.vpc_security_group_ids {
        settings.security_groups = Some(groups.iter().cloned().collect());
    }
    match managed {
        Some(true) => settings.password_with_key = Some(secret.key().is_some()),
        Some(false) => settings.password_with_key = None,
        None => {}
    }
    if wanted.enable_performance_insights == Some(true) {
        settings.performance_insights_with_key = Some(insights.key().is_some());
    }
    Ok(())
}

/// Changes the storage as RDS does: it wants the size and the I/O operations of provisioned storage
/// together, and rounds an increase up.
fn storage(
    request: &Request<'_>,
    settings: &mut Settings,
    wanted: &Alterable,
) -> Result<(), kmsctl::answer::CloudError> {
    let differs = wanted.storage_type.is_some()
        || wanted.allocated_storage.is_some()
        || wanted.iops.is_some()
        || wanted.storage_throughput.is_some();
    if !differs {
        return Ok(());
    }
    let old = settings.allocated_storage_gib;
    let kind = wanted.storage_type.clone().or(settings.storage_type.take());
    let is_sql_server =
        settings.engine.as_deref().is_some_and(|engine| engine.starts_with("sqlserver"));
    let rounded = |new: u32| match old {
        Some(old) if new > old && !is_sql_server => new.max((f64::from(old) * 1.1).ceil() as u32),
        _ => new,
    };
    let size = wanted.allocated_storage.map(rounded).or(old);
    if size < old {
        return request.fail(Fault::Invalid, "storage only grows");
    }
    let is_small = size < Some(400) && !is_sql_server;
    match kind.as_deref() {
        Some("gp3") if is_small => {
            if wanted.iops.is_some() || wanted.storage_throughput.is_some() {
                return request
                    .fail(Fault::Invalid, "IOPS or storage throughput of less than 400 GiB");
            }
            (settings.iops, settings.storage_throughput) = (Some(3000), Some(125));
        }
        Some("gp3" | "io1" | "io2") => {
            let is_new = old.is_none();
            if !is_new && (wanted.iops.is_none() || wanted.allocated_storage.is_none()) {
                return request
                    .fail(Fault::Invalid, "you must specify both the storage size and iops");
            }
            settings.iops = wanted.iops.or(Some(12_000));
            settings.storage_throughput = wanted.storage_throughput.or(Some(500));
        }
        _ => (settings.iops, settings.storage_throughput) = (None, None),
    }
    (settings.storage_type, settings.allocated_storage_gib) = (kind, size);
    Ok(())
}
