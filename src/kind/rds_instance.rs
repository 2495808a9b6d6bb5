//! Instances of RDS. Their key is fixed at creation (RDS User Guide, Encrypting Amazon RDS resources).

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Snapshots, Spec, Tag, allowed, changed, fixed, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::rds::engine::Family;
use super::rds::storage::Storage;
use super::rds::{self, IMMUTABLE, Password, Secret, parameters, version};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;

impl Settings {
    fn storage(&self) -> Storage<'_> {
        Storage {
            engine: self.engine.as_deref(),
            kind: self.storage_type.as_deref(),
            size: self.allocated_storage_gib,
            iops: self.iops,
            throughput: self.storage_throughput,
            is_multi_az_cluster: false,
        }
    }

    fn password(&self) -> Password<'_> {
        Password {
            managed: self.managed_password,
            with_key: self.password_with_key,
            variable: self.password_env.as_deref(),
        }
    }
}

parameters! {
    /// The parameters that can be set at creation and changed later.
    pub struct Alterable {
        db_instance_class = "DBInstanceClass": String,
        engine_version = "EngineVersion": String,
        allocated_storage = "AllocatedStorage": u32,
        max_allocated_storage = "MaxAllocatedStorage": u32,
        storage_type = "StorageType": String,
        iops = "Iops": u32,
        storage_throughput = "StorageThroughput": u32,
        manage_master_user_password = "ManageMasterUserPassword": bool,
        master_user_secret_kms_key_id = "MasterUserSecretKmsKeyId": KeyRef,
        master_user_password = "MasterUserPassword": Secret,
        vpc_security_group_ids = "VpcSecurityGroupIds": Vec<String>,
        multi_az = "MultiAZ": bool,
        publicly_accessible = "PubliclyAccessible": bool,
        backup_retention_period = "BackupRetentionPeriod": u32,
        preferred_backup_window = "PreferredBackupWindow": String,
        preferred_maintenance_window = "PreferredMaintenanceWindow": String,
        deletion_protection = "DeletionProtection": bool,
        db_parameter_group_name = "DBParameterGroupName": String,
        auto_minor_version_upgrade = "AutoMinorVersionUpgrade": bool,
        copy_tags_to_snapshot = "CopyTagsToSnapshot": bool,
        enable_performance_insights = "EnablePerformanceInsights": bool,
        performance_insights_kms_key_id = "PerformanceInsightsKMSKeyId": KeyRef,
        performance_insights_retention_period = "PerformanceInsightsRetentionPeriod": u32,
    }
}

parameters! {
    /// The parameters that can be set at creation only.
    pub struct Fixed {
        engine = "Engine": String,
        master_username = "MasterUsername": String,
        db_name = "DBName": String,
        db_subnet_group_name = "DBSubnetGroupName": String,
        port = "Port": u32,
        kms_key_id = "KmsKeyId": KeyRef,
        storage_encrypted = "StorageEncrypted": bool,
    }
}

calls! {
    /// The calls that change an instance.
    pub enum Call {
        CreateDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            #[serde(flatten)]
            fixed: Box<Fixed>,
            #[serde(flatten)]
            alterable: Box<Alterable>,
            tags: Vec<Tag>,
        },
        ModifyDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            #[serde(flatten)]
            alterable: Box<Alterable>,
            #[serde(rename = "DBPortNumber", default, skip_serializing_if = "Option::is_none")]
            db_port_number: Option<u32>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            allow_major_version_upgrade: Option<bool>,
            apply_immediately: bool,
        },
        AddTagsToResource {
            resource_name: String,
            tags: Vec<Tag>,
        },
        RemoveTagsFromResource {
            resource_name: String,
            tag_keys: Vec<String>,
        },
        DeleteDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            skip_final_snapshot: bool,
            #[serde(
                rename = "FinalDBSnapshotIdentifier",
                default,
                skip_serializing_if = "Option::is_none"
            )]
            final_db_snapshot_identifier: Option<String>,
        },
    }
}

/// The kind of instances.
#[derive(Debug)]
pub struct RdsInstance;

impl Consumer for RdsInstance {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "RDS instance",
        service: "rds",
        reads: Reads {
            refresh: &[Read::always("DescribeDBInstances")],
            watch: &["DescribeDBInstances"],
            list: &["DescribeDBInstances", "DescribeDBSnapshots"],
        },
        pace: Pace { first: 3, most: 30, limit: 7200 },
        identity: Identity::Name,
        names_are_global: false,
        grants_of: Some("rds"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm { resource_type: "rds:db", service: "rds", prefix: "db:", is_id: false }),
        copies: Some(Snapshots { what: "rds_snapshot", noun: "RDS snapshot" }),
        holds_data: true,
        tags: Some(rds::TAGS),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let new = &to.settings;
        allowed([
            missing("key", to.key()),
            missing("engine", new.engine.as_ref()),
            missing("instance_class", new.instance_class.as_ref()),
        ])?;
        let fixed = Fixed {
            engine: new.engine.clone(),
            master_username: new.master_username.clone(),
            db_name: new.db_name.clone(),
            db_subnet_group_name: new.subnet_group.clone(),
            port: new.port,
            kms_key_id: to.key().cloned(),
            storage_encrypted: Some(true),
        };
        let storage = new.storage().created();
        let alterable = Alterable {
            allocated_storage: storage.size,
            storage_type: storage.kind,
            iops: storage.iops,
            storage_throughput: storage.throughput,
            ..altered(&Spec::default(), to)
        };
        let create = CreateDBInstance {
            db_instance_identifier: setting.name.to_owned(),
            fixed: Box::new(fixed),
            alterable: Box::new(alterable),
            tags: tag_list(&to.common.tags),
        };
        Ok(vec![create.into()])
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        check_update(from, to)?;
        let (old, new) = (&from.settings, &to.settings);
        let mut calls = Vec::new();
        let alterable = altered(from, to);
        let port = changed(old.port.as_ref(), new.port.as_ref());
        if !alterable.is_empty() || port.is_some() {
            let allow = alterable.engine_version.is_some().then_some(true);
            let modify = ModifyDBInstance {
                db_instance_identifier: setting.name.to_owned(),
                alterable: Box::new(alterable),
                db_port_number: port,
                allow_major_version_upgrade: allow,
                apply_immediately: new.apply_immediately.unwrap_or(true),
            };
            calls.push(modify.into());
        }
        let arn = rds::arn(setting, "db");
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTagsToResource { resource_name: arn.clone(), tags: tag_list(set) }.into(),
            |tag_keys| RemoveTagsFromResource { resource_name: arn.clone(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let mut calls = Vec::new();
        if from.settings.deletion_protection == Some(true) {
            let alterable = Alterable { deletion_protection: Some(false), ..Alterable::default() };
            let modify = ModifyDBInstance {
                db_instance_identifier: setting.name.to_owned(),
                alterable: Box::new(alterable),
                db_port_number: None,
                allow_major_version_upgrade: None,
                apply_immediately: true,
            };
            calls.push(modify.into());
        }
        let snapshot = final_snapshot(from, setting);
        let delete = DeleteDBInstance {
            db_instance_identifier: setting.name.to_owned(),
            skip_final_snapshot: snapshot.is_none(),
            final_db_snapshot_identifier: snapshot,
        };
        calls.push(delete.into());
        Ok(calls)
    }

    fn risk(change: &Change<&Spec<Settings>>, setting: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { from } => Some(match final_snapshot(from, setting) {
                Some(snapshot) => format!(
                    "deletes the instance with its data and its automated backups; the final \
                    snapshot `{snapshot}` stays, and needs the key"
                ),
                None => {
                    "deletes the instance with all its data and its automated backups, without a \
                    final snapshot"
                        .to_owned()
                }
            }),
            Change::Update { from, to } | Change::Import { from, to } => {
                let altered = altered(from, to);
                if altered.db_instance_class.is_none() && altered.engine_version.is_none() {
                    return None;
                }
                let risk = if to.settings.apply_immediately == Some(false) {
                    "the database will not be available for some minutes of the maintenance window"
                } else {
                    "the database is not available for some minutes"
                };
                Some(risk.to_owned())
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    fn is_deferred(settings: &Settings) -> bool {
        settings.apply_immediately == Some(false)
    }

    fn final_snapshot(call: &Call) -> Option<&str> {
        if let Call::DeleteDBInstance(call) = call {
            call.final_db_snapshot_identifier.as_deref()
        } else {
            None
        }
    }

    fn secret(settings: &Settings) -> Option<&str> {
        settings.password_env.as_deref()
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateDBInstance(_) => Effect::Creates,
            Call::ModifyDBInstance(_) => Effect::Changes,
            Call::AddTagsToResource(_) | Call::RemoveTagsFromResource(_) => Effect::Marks,
            Call::DeleteDBInstance(_) => Effect::Deletes,
        }
    }

    fn needs(spec: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        rds::needs(scene, spec.settings.password_with_key == Some(true))
    }

    /// AWS reports the full version and may have upgraded it, increases the storage if its autoscaling is
    /// on, and writes the names of Oracle's databases in upper case.
    fn met(mut declared: Settings, live: &Settings) -> Settings {
        declared.engine_version = version::met(
            declared.engine.as_deref(),
            declared.engine_version.as_ref(),
            live.engine_version.as_ref(),
            declared.auto_minor_version_upgrade == Some(true),
        );
        if declared.storage().is_small_gp3() {
            // They are fixed, and others once the storage has grown.
            (declared.iops, declared.storage_throughput) = (live.iops, live.storage_throughput);
        }
        let grows = declared.max_allocated_storage_gib.is_some();
        if grows && live.allocated_storage_gib > declared.allocated_storage_gib {
            declared.allocated_storage_gib = live.allocated_storage_gib;
        }
        let is_oracle = declared.engine.as_deref().and_then(Family::of) == Some(Family::Oracle);
        if let (Some(name), Some(now)) = (&declared.db_name, &live.db_name)
            && is_oracle
            && name.eq_ignore_ascii_case(now)
        {
            declared.db_name = Some(now.clone());
        }
        declared
    }

    fn unseen(live: &mut Settings, known: &Settings, interrupted: bool) {
        live.final_snapshot = known.final_snapshot;
        live.apply_immediately = known.apply_immediately;
        // An interrupted apply may not have set the password, so it is set again.
        if live.managed_password != Some(true) && !interrupted {
            live.password_env.clone_from(&known.password_env);
        }
    }
}

/// Returns the parameters that differ.
fn altered(from: &Spec<Settings>, to: &Spec<Settings>) -> Alterable {
    let (old, new) = (&from.settings, &to.settings);
    let password = Password::change(old.password(), new.password());
    let secret_key = if password.with_key { to.key() } else { None };
    let groups = changed(old.security_groups.as_ref(), new.security_groups.as_ref());
    let insights = changed(old.performance_insights.as_ref(), new.performance_insights.as_ref());
    let insights_key = if insights == Some(true) && new.performance_insights_with_key == Some(true)
    {
        to.key()
    } else {
        None
    };
    let storage = new.storage().changed(&old.storage());
    macro_rules! changed {
        ($field:ident) => {
            changed(old.$field.as_ref(), new.$field.as_ref())
        };
    }
    Alterable {
        db_instance_class: changed!(instance_class),
        engine_version: changed!(engine_version),
        allocated_storage: storage.size,
        max_allocated_storage: changed!(max_allocated_storage_gib),
        storage_type: storage.kind,
        iops: storage.iops,
        storage_throughput: storage.throughput,
        manage_master_user_password: password.manage,
        master_user_secret_kms_key_id: secret_key.cloned(),
        master_user_password: password.secret,
        vpc_security_group_ids: groups.map(|groups| groups.into_iter().collect()),
        multi_az: changed!(multi_az),
        publicly_accessible: changed!(publicly_accessible),
        backup_retention_period: changed!(backup_retention_days),
        preferred_backup_window: changed!(backup_window),
        preferred_maintenance_window: changed!(maintenance_window),
        deletion_protection: changed!(deletion_protection),
        db_parameter_group_name: changed!(parameter_group),
        auto_minor_version_upgrade: changed!(auto_minor_version_upgrade),
        copy_tags_to_snapshot: changed!(copy_tags_to_snapshot),
        enable_performance_insights: insights,
        performance_insights_kms_key_id: insights_key.cloned(),
        performance_insights_retention_period: changed!(performance_insights_days),
    }
}

/// Checks whether RDS supports the change.
fn check_update(from: &Spec<Settings>, to: &Spec<Settings>) -> Result<(), Vec<Violation>> {
    let (old, new) = (&from.settings, &to.settings);
    macro_rules! fixed {
        ($($field:ident),+) => {[$(
            fixed(stringify!($field), old.$field.as_ref(), new.$field.as_ref(), IMMUTABLE)
        ),+]};
    }
    let fixed = fixed!(engine, master_username, db_name, subnet_group);
    let others = [
        rds::keyed(from, to),
        version::downgraded(old.engine_version.as_ref(), new.engine_version.as_ref()),
        Password::fixed(old.password(), new.password()),
        fixed_insights_key(old, new),
    ];
    let storage = new.storage().refused(&old.storage()).into_iter().map(Some);
    allowed(fixed.into_iter().chain(others).chain(storage))
}

/// Refuses to change the key of Performance Insights, which is set when they are enabled.
fn fixed_insights_key(old: &Settings, new: &Settings) -> Option<Violation> {
    let stays_enabled =
        old.performance_insights == Some(true) && new.performance_insights == Some(true);
    if !stays_enabled || old.performance_insights_with_key == new.performance_insights_with_key {
        return None;
    }
    let reason = "the key of Performance Insights cannot be changed while they are enabled";
    let help = "set the current value; or first apply `performance_insights: {enabled: false}`, \
                        which deletes the recorded data";
    Some(Violation::new("performance_insights", reason, help))
}

/// Returns the name of the final snapshot, unless the configuration excludes it.
fn final_snapshot(from: &Spec<Settings>, setting: &Setting<'_>) -> Option<String> {
    if from.settings.final_snapshot == Some(false) {
        return None;
    }
    Some(rds::final_snapshot(setting.name, from.settings.resource_id.as_deref()))
}
