//! Clusters of RDS: Aurora clusters, Multi-AZ clusters, and the clusters of Amazon DocumentDB and Amazon
//! Neptune, which have the same API. Their key is fixed at creation, and the
//! instances in a cluster have the cluster's key (Aurora User Guide, Encrypting Amazon Aurora
//! resources).

mod answers;
pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Snapshots, Spec, Tag, Tags, allowed, changed, fixed, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::key::NAME_TAG;
use super::rds::storage::Storage;
use super::rds::{self, IMMUTABLE, Password, Secret, parameters, version};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A number of Aurora capacity units, in steps of a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Capacity {
    /// The number of halves.
    pub halves: u32,
}

impl TryFrom<f64> for Capacity {
    type Error = String;
    fn try_from(units: f64) -> Result<Self, String> {
        match format!("{:.0}", units * 2.0).parse::<u32>() {
            Ok(halves) if f64::from(halves) == units * 2.0 => Ok(Self { halves }),
            _ => Err(format!("{units} is not a multiple of 0.5")),
        }
    }
}

impl From<Capacity> for f64 {
    fn from(capacity: Capacity) -> Self {
        Self::from(capacity.halves) / 2.0
    }
}

/// The capacity range of Aurora Serverless v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serverless {
    /// The minimum capacity.
    pub min_capacity: Capacity,
    /// The maximum capacity.
    pub max_capacity: Capacity,
}

/// The capacity range of Aurora Serverless v2, in the form of the RDS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Scaling {
    pub min_capacity: Capacity,
    pub max_capacity: Capacity,
}

/// An instance in a cluster. It has the cluster's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The instance class.
    pub instance_class: String,
    /// The order of promotion if the writer fails, from 0 (first) to 15.
    pub promotion_tier: u32,
}

impl Settings {
    fn storage(&self) -> Storage<'_> {
        Storage {
            engine: self.engine.as_deref(),
            kind: self.storage_type.as_deref(),
            size: self.allocated_storage_gib,
            iops: self.iops,
            throughput: None,
            is_multi_az_cluster: self.instance_class.is_some(),
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
        engine_version = "EngineVersion": String,
        manage_master_user_password = "ManageMasterUserPassword": bool,
        master_user_secret_kms_key_id = "MasterUserSecretKmsKeyId": KeyRef,
        master_user_password = "MasterUserPassword": Secret,
        port = "Port": u32,
        vpc_security_group_ids = "VpcSecurityGroupIds": Vec<String>,
        backup_retention_period = "BackupRetentionPeriod": u32,
        preferred_backup_window = "PreferredBackupWindow": String,
        preferred_maintenance_window = "PreferredMaintenanceWindow": String,
        deletion_protection = "DeletionProtection": bool,
        db_cluster_parameter_group_name = "DBClusterParameterGroupName": String,
        copy_tags_to_snapshot = "CopyTagsToSnapshot": bool,
        db_cluster_instance_class = "DBClusterInstanceClass": String,
        allocated_storage = "AllocatedStorage": u32,
        storage_type = "StorageType": String,
        iops = "Iops": u32,
        serverless_v2_scaling_configuration = "ServerlessV2ScalingConfiguration": Scaling,
    }
}

parameters! {
    /// The parameters that can be set at creation only.
    pub struct Fixed {
        engine = "Engine": String,
        database_name = "DatabaseName": String,
        master_username = "MasterUsername": String,
        db_subnet_group_name = "DBSubnetGroupName": String,
        kms_key_id = "KmsKeyId": KeyRef,
        storage_encrypted = "StorageEncrypted": bool,
    }
}

calls! {
    /// The calls that change a cluster and the instances in it.
    pub enum Call {
        CreateDBCluster {
            #[serde(rename = "DBClusterIdentifier")]
            db_cluster_identifier: String,
            #[serde(flatten)]
            fixed: Box<Fixed>,
            #[serde(flatten)]
            alterable: Box<Alterable>,
            tags: Vec<Tag>,
        },
        ModifyDBCluster {
            #[serde(rename = "DBClusterIdentifier")]
            db_cluster_identifier: String,
            #[serde(flatten)]
            alterable: Box<Alterable>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            allow_major_version_upgrade: Option<bool>,
            apply_immediately: bool,
        },
        CreateDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            #[serde(rename = "DBClusterIdentifier")]
            db_cluster_identifier: String,
            #[serde(rename = "DBInstanceClass")]
            db_instance_class: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            engine: Option<String>,
            promotion_tier: u32,
            tags: Vec<Tag>,
        },
        ModifyDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            #[serde(rename = "DBInstanceClass", default, skip_serializing_if = "Option::is_none")]
            db_instance_class: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            promotion_tier: Option<u32>,
            apply_immediately: bool,
        },
        DeleteDBInstance {
            #[serde(rename = "DBInstanceIdentifier")]
            db_instance_identifier: String,
            skip_final_snapshot: bool,
        },
        AddTagsToResource {
            resource_name: String,
            tags: Vec<Tag>,
        },
        RemoveTagsFromResource {
            resource_name: String,
            tag_keys: Vec<String>,
        },
        DeleteDBCluster {
            #[serde(rename = "DBClusterIdentifier")]
            db_cluster_identifier: String,
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

/// The kind of clusters.
#[derive(Debug)]
pub struct RdsCluster;

impl Consumer for RdsCluster {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "RDS cluster",
        service: "rds",
        reads: Reads {
            refresh: &[
                Read::always("DescribeDBClusters"),
                Read::of("DescribeDBInstances", &["members"]),
            ],
            watch: &["DescribeDBClusters", "DescribeDBInstances"],
            list: &["DescribeDBClusters", "DescribeDBClusterSnapshots"],
        },
        pace: Pace { first: 3, most: 30, limit: 7200 },
        identity: Identity::Name,
        names_are_global: false,
        grants_of: Some("rds"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "rds:cluster",
            service: "rds",
            prefix: "cluster:",
            is_id: false,
        }),
        copies: Some(Snapshots { what: "rds_cluster_snapshot", noun: "RDS cluster snapshot" }),
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
        allowed([missing("key", to.key()), missing("engine", new.engine.as_ref())])?;
        let fixed = Fixed {
            engine: new.engine.clone(),
            database_name: new.database_name.clone(),
            master_username: new.master_username.clone(),
            db_subnet_group_name: new.subnet_group.clone(),
            kms_key_id: to.key().cloned(),
            storage_encrypted: Some(true),
        };
        let alterable = altered(&Spec::default(), to);
        let create = CreateDBCluster {
            db_cluster_identifier: setting.name.to_owned(),
            fixed: Box::new(fixed),
            alterable: Box::new(alterable),
            tags: tag_list(&to.common.tags),
        };
        let mut calls = vec![create.into()];
        calls.extend(members(&Spec::default(), to, setting));
        Ok(calls)
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        check_update(from, to)?;
        let mut calls = Vec::new();
        let alterable = altered(from, to);
        if !alterable.is_empty() {
            let allow = alterable.engine_version.is_some().then_some(true);
            let modify = ModifyDBCluster {
                db_cluster_identifier: setting.name.to_owned(),
                alterable: Box::new(alterable),
                allow_major_version_upgrade: allow,
                apply_immediately: to.settings.apply_immediately.unwrap_or(true),
            };
            calls.push(modify.into());
        }
        let arn = rds::arn(setting, "cluster");
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTagsToResource { resource_name: arn.clone(), tags: tag_list(set) }.into(),
            |tag_keys| RemoveTagsFromResource { resource_name: arn.clone(), tag_keys }.into(),
        ));
        calls.extend(members(from, to, setting));
        Ok(calls)
    }

    /// RDS does not delete a cluster that has instances: they are deleted first.
    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let mut calls = Vec::new();
        if from.settings.deletion_protection == Some(true) {
            let alterable = Alterable { deletion_protection: Some(false), ..Alterable::default() };
            let modify = ModifyDBCluster {
                db_cluster_identifier: setting.name.to_owned(),
                alterable: Box::new(alterable),
                allow_major_version_upgrade: None,
                apply_immediately: true,
            };
            calls.push(modify.into());
        }
        let members = from.settings.members.iter().flat_map(BTreeMap::keys);
        calls.extend(members.map(|name| delete_member(name)));
        let snapshot = final_snapshot(from, setting);
        let delete = DeleteDBCluster {
            db_cluster_identifier: setting.name.to_owned(),
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
                    "deletes the cluster with its data and its automated backups; the final \
                    snapshot `{snapshot}` stays, and needs the key"
                ),
                None => {
                    "deletes the cluster with all its data and its automated backups, without a \
                    final snapshot"
                        .to_owned()
                }
            }),
            Change::Update { from, to } | Change::Import { from, to } => {
                let deleted = members(from, to, setting).into_iter().find_map(|call| match call {
                    Call::DeleteDBInstance(call) => Some(call.db_instance_identifier),
                    Call::CreateDBCluster(_)
                    | Call::ModifyDBCluster(_)
                    | Call::CreateDBInstance(_)
                    | Call::ModifyDBInstance(_)
                    | Call::AddTagsToResource(_)
                    | Call::RemoveTagsFromResource(_)
                    | Call::DeleteDBCluster(_) => None,
                });
                let upgrade = altered(from, to).engine_version.map(|version| {
                    format!("upgrades to {version}: the database is not available for some minutes")
                });
                let deleted = deleted.map(|name| {
                    format!("deletes the instance `{name}`; the data stays in the cluster")
                });
                upgrade.or(deleted)
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    fn is_deferred(settings: &Settings) -> bool {
        settings.apply_immediately == Some(false)
    }

    fn final_snapshot(call: &Call) -> Option<&str> {
        if let Call::DeleteDBCluster(call) = call {
            call.final_db_snapshot_identifier.as_deref()
        } else {
            None
        }
    }

    fn secret(settings: &Settings) -> Option<&str> {
        settings.password_env.as_deref()
    }

    /// A cluster is ready once the instances in it are ready, and deleted ones are gone.
    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateDBCluster(_) => Effect::Creates,
            Call::ModifyDBCluster(_)
            | Call::CreateDBInstance(_)
            | Call::ModifyDBInstance(_)
            | Call::DeleteDBInstance(_) => Effect::Changes,
            Call::AddTagsToResource(_) | Call::RemoveTagsFromResource(_) => Effect::Marks,
            Call::DeleteDBCluster(_) => Effect::Deletes,
        }
    }

    fn needs(spec: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        rds::needs(scene, spec.settings.password_with_key == Some(true))
    }

    /// AWS reports the full version, and may have upgraded it.
    fn met(mut declared: Settings, live: &Settings) -> Settings {
        declared.engine_version = version::met(
            declared.engine.as_deref(),
            declared.engine_version.as_ref(),
            live.engine_version.as_ref(),
            live.auto_minor_version_upgrade != Some(false),
        );
        declared
    }

    fn unseen(live: &mut Settings, known: &Settings, interrupted: bool) {
        live.final_snapshot = known.final_snapshot;
        live.apply_immediately = known.apply_immediately;
        if known.apply_immediately == Some(false) && !interrupted {
            awaited(live, known);
        }
        // An interrupted apply may not have set the password, so it is set again.
        if live.managed_password != Some(true) && !interrupted {
            live.password_env.clone_from(&known.password_env);
        }
    }
}

/// Takes the settings that change in the maintenance window, and that AWS does not show until then, from what was
/// applied last (RDS API Reference, ClusterPendingModifiedValues: the class, the port and the capacity are not
/// among its fields).
fn awaited(live: &mut Settings, known: &Settings) {
    if known.instance_class.is_some() {
        live.instance_class.clone_from(&known.instance_class);
    }
    live.port = known.port.or(live.port);
    live.serverless_v2 = known.serverless_v2.or(live.serverless_v2);
}

/// Returns the parameters of the cluster itself that differ.
fn altered(from: &Spec<Settings>, to: &Spec<Settings>) -> Alterable {
    let (old, new) = (&from.settings, &to.settings);
    let password = Password::change(old.password(), new.password());
    let secret_key = if password.with_key { to.key() } else { None };
    let groups = changed(old.security_groups.as_ref(), new.security_groups.as_ref());
    let scaling = changed(old.serverless_v2.as_ref(), new.serverless_v2.as_ref());
    let scaling = scaling.map(|range| Scaling {
        min_capacity: range.min_capacity,
        max_capacity: range.max_capacity,
    });
    let storage = new.storage().changed(&old.storage());
    macro_rules! changed {
        ($field:ident) => {
            changed(old.$field.as_ref(), new.$field.as_ref())
        };
    }
    Alterable {
        engine_version: changed!(engine_version),
        manage_master_user_password: password.manage,
        master_user_secret_kms_key_id: secret_key.cloned(),
        master_user_password: password.secret,
        port: changed!(port),
        vpc_security_group_ids: groups.map(|groups| groups.into_iter().collect()),
        backup_retention_period: changed!(backup_retention_days),
        preferred_backup_window: changed!(backup_window),
        preferred_maintenance_window: changed!(maintenance_window),
        deletion_protection: changed!(deletion_protection),
        db_cluster_parameter_group_name: changed!(parameter_group),
        copy_tags_to_snapshot: changed!(copy_tags_to_snapshot),
        db_cluster_instance_class: changed!(instance_class),
        allocated_storage: storage.size,
        storage_type: storage.kind,
        iops: storage.iops,
        serverless_v2_scaling_configuration: scaling,
    }
}

/// Returns the calls that change the instances of the cluster. New instances are created before old
/// ones are deleted.
fn members(from: &Spec<Settings>, to: &Spec<Settings>, setting: &Setting<'_>) -> Vec<Call> {
    let none = BTreeMap::new();
    let old = from.settings.members.as_ref().unwrap_or(&none);
    let new = to.settings.members.as_ref().unwrap_or(&none);
    let mut calls: Vec<Call> = Vec::new();
    for (name, member) in new {
        match old.get(name) {
            None => {
                let create = CreateDBInstance {
                    db_instance_identifier: name.clone(),
                    db_cluster_identifier: setting.name.to_owned(),
                    db_instance_class: member.instance_class.clone(),
                    engine: to.settings.engine.clone(),
                    promotion_tier: member.promotion_tier,
                    tags: tag_list(&member_tags(&to.common.tags, name)),
                };
                calls.push(create.into());
            }
            Some(old) if old == member => {}
            Some(old) => {
                let (class, tier) = (&member.instance_class, &member.promotion_tier);
                let modify = ModifyDBInstance {
                    db_instance_identifier: name.clone(),
                    db_instance_class: changed(Some(&old.instance_class), Some(class)),
                    promotion_tier: changed(Some(&old.promotion_tier), Some(tier)),
                    apply_immediately: to.settings.apply_immediately.unwrap_or(true),
                };
                calls.push(modify.into());
            }
        }
    }
    let removed = old.keys().filter(|name| !new.contains_key(*name));
    calls.extend(removed.map(|name| delete_member(name)));
    calls
}

/// Returns the tags of an instance: those of the cluster, with the name of the instance. By this
/// name, kmsctl recognises the instance as its own.
fn member_tags(tags: &Tags, name: &str) -> Tags {
    let mut tags = tags.clone();
    tags.insert(NAME_TAG.to_owned(), name.to_owned());
    tags
}

/// Returns the call that deletes an instance. RDS creates no final snapshot of Aurora instances,
/// because the data is in the cluster.
fn delete_member(name: &str) -> Call {
    DeleteDBInstance { db_instance_identifier: name.to_owned(), skip_final_snapshot: true }.into()
}

/// Checks whether RDS supports the change.
fn check_update(from: &Spec<Settings>, to: &Spec<Settings>) -> Result<(), Vec<Violation>> {
    let (old, new) = (&from.settings, &to.settings);
    macro_rules! fixed {
        ($($field:ident),+) => {[$(
            fixed(stringify!($field), old.$field.as_ref(), new.$field.as_ref(), IMMUTABLE)
        ),+]};
    }
    let fixed = fixed!(engine, database_name, master_username, subnet_group);
    let others = [
        rds::keyed(from, to),
        version::downgraded(old.engine_version.as_ref(), new.engine_version.as_ref()),
        Password::fixed(old.password(), new.password()),
    ];
    let storage = new.storage().refused(&old.storage()).into_iter().map(Some);
    allowed(fixed.into_iter().chain(others).chain(storage))
}

/// Returns the name of the final snapshot, unless the configuration excludes it.
fn final_snapshot(from: &Spec<Settings>, setting: &Setting<'_>) -> Option<String> {
    if from.settings.final_snapshot == Some(false) {
        return None;
    }
    Some(rds::final_snapshot(setting.name, from.settings.resource_id.as_deref()))
}
