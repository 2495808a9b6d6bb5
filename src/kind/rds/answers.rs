//! The parts of RDS's answers that instances and clusters share (RDS API Reference).

use crate::sdk::query::List;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Formatter};

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    #[serde(
        rename = "DBInstances",
        alias = "DBClusters",
        alias = "DBSnapshots",
        alias = "DBClusterSnapshots"
    )]
    pub(crate) items: List<T>,
    #[serde(rename = "Marker")]
    pub(crate) marker: Option<String>,
}

/// An instance, which may be a part of a cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Instance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) identifier: Option<String>,
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) cluster: Option<String>,
    #[serde(rename = "DBInstanceStatus")]
    pub(crate) status: Option<String>,
    #[serde(rename = "DBInstanceClass")]
    pub(crate) class: Option<String>,
    pub(crate) engine: Option<String>,
    pub(crate) engine_version: Option<String>,
    pub(crate) allocated_storage: Option<u32>,
    pub(crate) max_allocated_storage: Option<u32>,
    pub(crate) storage_type: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) storage_throughput: Option<u32>,
    pub(crate) storage_encrypted: Option<bool>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) master_username: Option<String>,
    pub(crate) master_user_secret: Option<MasterUserSecret>,
    #[serde(rename = "DBName")]
    pub(crate) db_name: Option<String>,
    pub(crate) db_instance_port: Option<u32>,
    pub(crate) endpoint: Option<Endpoint>,
    #[serde(rename = "DBSubnetGroup")]
    pub(crate) subnet_group: Option<SubnetGroup>,
    #[serde(default)]
    pub(crate) vpc_security_groups: List<SecurityGroup>,
    #[serde(rename = "MultiAZ")]
    pub(crate) multi_az: Option<bool>,
    pub(crate) publicly_accessible: Option<bool>,
    pub(crate) backup_retention_period: Option<u32>,
    pub(crate) preferred_backup_window: Option<String>,
    pub(crate) preferred_maintenance_window: Option<String>,
    pub(crate) deletion_protection: Option<bool>,
    #[serde(rename = "DBParameterGroups", default)]
    pub(crate) parameter_groups: List<ParameterGroup>,
    pub(crate) auto_minor_version_upgrade: Option<bool>,
    pub(crate) copy_tags_to_snapshot: Option<bool>,
    pub(crate) performance_insights_enabled: Option<bool>,
    #[serde(rename = "PerformanceInsightsKMSKeyId")]
    pub(crate) performance_insights_kms_key_id: Option<String>,
    pub(crate) performance_insights_retention_period: Option<u32>,
    pub(crate) promotion_tier: Option<u32>,
    pub(crate) dbi_resource_id: Option<String>,
    #[serde(default)]
    pub(crate) tag_list: List<Tag>,
    #[serde(rename = "PendingModifiedValues", default)]
    pub(crate) pending: Pending,
}

/// The secret with the master password.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MasterUserSecret {
    pub(crate) kms_key_id: Option<String>,
}

/// Where a database is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Endpoint {
    pub(crate) port: Option<u32>,
}

/// A subnet group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SubnetGroup {
    #[serde(rename = "DBSubnetGroupName")]
    pub(crate) name: Option<String>,
}

/// A security group and whether it is being added or removed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SecurityGroup {
    pub(crate) vpc_security_group_id: Option<String>,
    pub(crate) status: Option<String>,
}

/// A parameter group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ParameterGroup {
    #[serde(rename = "DBParameterGroupName")]
    pub(crate) name: Option<String>,
}

/// A tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
}

/// The changes of an instance or a cluster that RDS has accepted and not made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    /// Whether there are changes, of these settings or of others.
    pub(crate) exist: bool,
    pub(crate) instance_class: Option<String>,
    pub(crate) engine_version: Option<String>,
    pub(crate) allocated_storage: Option<u32>,
    pub(crate) storage_type: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) storage_throughput: Option<u32>,
    pub(crate) port: Option<u32>,
    pub(crate) multi_az: Option<bool>,
    pub(crate) backup_retention_period: Option<u32>,
}

impl<'de> Deserialize<'de> for Pending {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Changes)
    }
}

struct Changes;

impl<'de> Visitor<'de> for Changes {
    type Value = Pending;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("pending changes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pending, A::Error> {
        let mut pending = Pending::default();
        while let Some(name) = map.next_key::<String>()? {
            pending.exist = true;
            match &*name {
                "DBInstanceClass" => pending.instance_class = map.next_value()?,
                "EngineVersion" => pending.engine_version = map.next_value()?,
                "AllocatedStorage" => pending.allocated_storage = map.next_value()?,
                "StorageType" => pending.storage_type = map.next_value()?,
                "Iops" => pending.iops = map.next_value()?,
                "StorageThroughput" => pending.storage_throughput = map.next_value()?,
                "Port" => pending.port = map.next_value()?,
                "MultiAZ" => pending.multi_az = map.next_value()?,
                "BackupRetentionPeriod" => pending.backup_retention_period = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(pending)
    }
}

/// A snapshot of an instance or of a cluster.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Snapshot {
    #[serde(rename = "DBSnapshotIdentifier", alias = "DBClusterSnapshotIdentifier")]
    pub(crate) identifier: Option<String>,
    pub(crate) snapshot_type: Option<String>,
    pub(crate) kms_key_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(inner: &str) -> Result<Instance, quick_xml::DeError> {
        quick_xml::de::from_str(&format!("<DBInstance>{inner}</DBInstance>"))
    }

    /// RDS returns an empty element for an instance without changes.
    #[test]
    fn every_change_of_an_instance_is_pending() {
        for (none, exist) in [
            ("", false),
            ("<PendingModifiedValues/>", false),
            ("<PendingModifiedValues>\n  </PendingModifiedValues>", false),
            (
                "<PendingModifiedValues><MasterUserPassword>****</MasterUserPassword></PendingModifiedValues>",
                true,
            ),
            (
                "<PendingModifiedValues><PendingCloudwatchLogsExports><LogTypesToEnable><member>audit</member>\
                 </LogTypesToEnable></PendingCloudwatchLogsExports></PendingModifiedValues>",
                true,
            ),
            ("<PendingModifiedValues><ProcessorFeatures/></PendingModifiedValues>", true),
        ] {
            assert_eq!(instance(none).unwrap().pending.exist, exist, "{none}");
        }
        let found = instance(
            "<PendingModifiedValues><Port>3307</Port><ProcessorFeatures/><MultiAZ>true</MultiAZ>\
             <AllocatedStorage>40</AllocatedStorage></PendingModifiedValues>",
        );
        let Pending { port, multi_az, allocated_storage, engine_version, .. } =
            found.unwrap().pending;
        assert_eq!(
            (port, multi_az, allocated_storage, engine_version),
            (Some(3307), Some(true), Some(40), None)
        );
    }

    #[test]
    fn what_is_missing_is_not_known_and_what_cannot_be_read_is_an_error() {
        let found = instance("<VpcSecurityGroups/><TagList></TagList>").unwrap();
        assert_eq!((found.iops, found.multi_az, found.engine), (None, None, None));
        assert!(found.tag_list.0.is_empty() && found.vpc_security_groups.0.is_empty());
        for unreadable in [
            "<Iops>many</Iops>",
            "<Iops/>",
            "<MultiAZ>perhaps</MultiAZ>",
            "<PendingModifiedValues><Iops>many</Iops></PendingModifiedValues>",
            "<Engine>mysql",
        ] {
            assert!(instance(unreadable).is_err(), "{unreadable}");
        }
    }

    #[test]
    fn texts_are_kept_as_they_are() {
        let found = instance(
            "<TagList><Tag><Value> a &amp;&#32;b%20+ </Value><Key>k</Key></Tag><Tag><Key>e</Key><Value/></Tag>\
             <Tag><Key>w</Key><Value> </Value></Tag></TagList>",
        );
        let tags =
            found.unwrap().tag_list.0.into_iter().map(|tag| (tag.key.unwrap(), tag.value.unwrap()));
        let expected = [("k", " a & b%20+ "), ("e", ""), ("w", " ")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(tags.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_page_without_its_list_cannot_be_read() {
        for name in ["DBInstances", "DBClusters", "DBSnapshots", "DBClusterSnapshots"] {
            let page: Page<Tag> =
                quick_xml::de::from_str(&format!("<Result><{name}/></Result>")).unwrap();
            assert!(page.items.0.is_empty() && page.marker.is_none());
        }
        assert!(
            quick_xml::de::from_str::<Page<Tag>>("<Result><Marker>m</Marker></Result>").is_err()
        );
    }
}
