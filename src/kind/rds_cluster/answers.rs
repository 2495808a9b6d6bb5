//! The parts of RDS's descriptions of clusters that matter (RDS API Reference, DBCluster).

use crate::kind::rds::answers::{MasterUserSecret, Pending, SecurityGroup, Tag};
use crate::sdk::query::List;
use serde::Deserialize;

/// A cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub(super) identifier: Option<String>,
    pub(super) status: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) engine_version: Option<String>,
    pub(super) database_name: Option<String>,
    pub(super) master_username: Option<String>,
    pub(super) master_user_secret: Option<MasterUserSecret>,
    pub(super) port: Option<u32>,
    #[serde(rename = "DBSubnetGroup")]
    pub(super) subnet_group: Option<String>,
    #[serde(default)]
    pub(super) vpc_security_groups: List<SecurityGroup>,
    pub(super) backup_retention_period: Option<u32>,
    pub(super) preferred_backup_window: Option<String>,
    pub(super) preferred_maintenance_window: Option<String>,
    pub(super) deletion_protection: Option<bool>,
    #[serde(rename = "DBClusterParameterGroup")]
    pub(super) parameter_group: Option<String>,
    pub(super) copy_tags_to_snapshot: Option<bool>,
    #[serde(rename = "DBClusterInstanceClass")]
    pub(super) instance_class: Option<String>,
    pub(super) allocated_storage: Option<u32>,
    pub(super) storage_type: Option<String>,
    pub(super) storage_encrypted: Option<bool>,
    pub(super) kms_key_id: Option<String>,
    pub(super) iops: Option<u32>,
    #[serde(rename = "ServerlessV2ScalingConfiguration")]
    pub(super) scaling: Option<Scaling>,
    pub(super) auto_minor_version_upgrade: Option<bool>,
    pub(super) db_cluster_resource_id: Option<String>,
    #[serde(default)]
    pub(super) tag_list: List<Tag>,
    #[serde(rename = "PendingModifiedValues", default)]
    pub(super) pending: Pending,
}

/// The capacity of a serverless cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Scaling {
    pub(super) min_capacity: Option<f64>,
    pub(super) max_capacity: Option<f64>,
}
