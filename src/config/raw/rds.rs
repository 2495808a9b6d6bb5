//! RDS.

use serde_json::{Value as Json, json};

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Decode, Diagnostic, Diagnostics, Named, Spanned};
use crate::tree::{Node, Value};

record! {
    /// RDS.
    pub struct Rds {
        /// Instances, by their identifiers in AWS, in lower case.
        instances: Named<Part<RdsInstance>>,
        /// Clusters, by their identifiers in AWS, in lower case.
        clusters: Named<Part<RdsCluster>>,
    }
}

record! {
    /// An RDS instance.
    pub struct RdsInstance {
        /// The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key.
        /// Fixed at creation: for another key, copy a snapshot with it and restore.
        key: Settable<Text>,
        /// The database engine, such as `mysql` or `postgres`; required unless `existing` is given. Fixed
        /// at creation.
        engine: Option<Text>,
        /// The engine version, or the beginning of it: `8.0` accepts every `8.0.x`.
        engine_version: Option<Text>,
        /// The instance class, such as `db.t3.micro`; required unless `existing` is given.
        instance_class: Option<Text>,
        /// Storage in GiB, which can grow but not shrink; required unless `existing` is given.
        allocated_storage_gib: Option<Spanned<u32>>,
        /// The limit in GiB up to which RDS grows the storage by itself.
        max_allocated_storage_gib: Option<Spanned<u32>>,
        /// The storage type, such as `gp3`.
        storage_type: Option<Text>,
        /// Provisioned I/O operations per second.
        iops: Option<Spanned<u32>>,
        /// The name of the master user; required unless `existing` is given. Fixed at creation.
        master_username: Option<Text>,
        /// The master password; required unless `existing` is given. RDS creates and keeps one, or kmsctl
        /// reads it from an environment variable: `{env: NAME}`. It is never written into the
        /// configuration.
        master_password: Option<Spanned<MasterPassword>>,
        /// The name of the first database; fixed at creation.
        db_name: Option<Text>,
        /// The port, 1150 to 65535.
        port: Option<Spanned<u32>>,
        /// The name of the DB subnet group; fixed at creation.
        subnet_group: Option<Text>,
        /// The ids of the VPC security groups.
        security_groups: Option<Spanned<Vec<Text>>>,
        /// Whether a standby runs in another Availability Zone.
        multi_az: Option<Spanned<bool>>,
        /// Whether it has a public IP address.
        publicly_accessible: Option<Spanned<bool>>,
        /// Days that automated backups are kept, 0 (none) to 35.
        backup_retention_days: Option<Spanned<u32>>,
        /// The daily time for backups, in UTC, such as `03:00-03:30`.
        backup_window: Option<Text>,
        /// The weekly time for maintenance, in UTC, such as `sun:04:00-sun:05:00`.
        maintenance_window: Option<Text>,
        /// Whether AWS refuses to delete it.
        deletion_protection: Option<Spanned<bool>>,
        /// The name of the DB parameter group.
        parameter_group: Option<Text>,
        /// Whether RDS upgrades it to new minor versions.
        auto_minor_version_upgrade: Option<Spanned<bool>>,
        /// Whether its tags are copied to snapshots.
        copy_tags_to_snapshot: Option<Spanned<bool>>,
        /// Performance Insights settings.
        performance_insights: Option<PerformanceInsights>,
        /// Whether a final snapshot is created when it is deleted; default: true.
        final_snapshot: Option<Spanned<bool>>,
        /// Whether changes are made at once instead of in the maintenance window; default: true.
        apply_immediately: Option<Spanned<bool>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The identifier of an instance that kmsctl did not create: its key is checked, and statements are
        /// derived.
        existing: Option<Text>,
        /// Principals that create it: a derived statement lets them use the key through RDS.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that it needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Performance Insights of an instance.
    pub struct PerformanceInsights {
        /// Whether Performance Insights is on.
        enabled: Spanned<bool>,
        /// Whether its data is encrypted with the instance's key instead of AWS's key for RDS.
        with_key: Option<Spanned<bool>>,
        /// Days that its data is kept: 7, a multiple of 31 up to 713, or 731.
        retention_days: Option<Spanned<u32>>,
    }
}

record! {
    /// An RDS cluster: an Aurora cluster, or a Multi-AZ DB cluster.
    pub struct RdsCluster {
        /// The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key.
        /// Fixed at creation: for another key, copy a snapshot with it and restore.
        key: Settable<Text>,
        /// The database engine, such as `aurora-postgresql`; required unless `existing` is given. Fixed at
        /// creation.
        engine: Option<Text>,
        /// The engine version, or the beginning of it: `16` accepts every `16.x`.
        engine_version: Option<Text>,
        /// The name of the first database; fixed at creation.
        database_name: Option<Text>,
        /// The name of the master user; required unless `existing` is given. Fixed at creation.
        master_username: Option<Text>,
        /// The master password; required unless `existing` is given. RDS creates and keeps one, or kmsctl
        /// reads it from an environment variable: `{env: NAME}`. It is never written into the
        /// configuration.
        master_password: Option<Spanned<MasterPassword>>,
        /// The port, 1150 to 65535.
        port: Option<Spanned<u32>>,
        /// The name of the DB subnet group; fixed at creation.
        subnet_group: Option<Text>,
        /// The ids of the VPC security groups.
        security_groups: Option<Spanned<Vec<Text>>>,
        /// Days that automated backups are kept, 1 to 35.
        backup_retention_days: Option<Spanned<u32>>,
        /// The daily time for backups, in UTC, such as `03:00-03:30`.
        backup_window: Option<Text>,
        /// The weekly time for maintenance, in UTC, such as `sun:04:00-sun:05:00`.
        maintenance_window: Option<Text>,
        /// Whether AWS refuses to delete it.
        deletion_protection: Option<Spanned<bool>>,
        /// The name of the DB cluster parameter group.
        parameter_group: Option<Text>,
        /// Whether its tags are copied to snapshots.
        copy_tags_to_snapshot: Option<Spanned<bool>>,
        /// The class of all instances of a Multi-AZ DB cluster (not Aurora).
        instance_class: Option<Text>,
        /// Storage in GiB of a Multi-AZ DB cluster.
        allocated_storage_gib: Option<Spanned<u32>>,
        /// The storage type, such as `aurora-iopt1`, or `io2` for a Multi-AZ DB cluster.
        storage_type: Option<Text>,
        /// Provisioned I/O operations per second of a Multi-AZ DB cluster.
        iops: Option<Spanned<u32>>,
        /// The capacity range of instances of class `db.serverless`.
        serverless_v2: Option<ServerlessV2>,
        /// The instances of an Aurora cluster that kmsctl creates, by their identifiers, in lower case.
        members: Option<Spanned<Named<Part<ClusterMember>>>>,
        /// Whether a final snapshot is created when it is deleted; default: true.
        final_snapshot: Option<Spanned<bool>>,
        /// Whether changes are made at once instead of in the maintenance window; default: true.
        apply_immediately: Option<Spanned<bool>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The identifier of a cluster that kmsctl did not create: its key is checked, and statements are
        /// derived.
        existing: Option<Text>,
        /// Principals that create it: a derived statement lets them use the key through RDS.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that it needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// The capacity range of instances of class `db.serverless`, in Aurora capacity units.
    pub struct ServerlessV2 {
        /// The minimum: 0 to 256, in steps of 0.5.
        min_capacity: Text,
        /// The maximum: 1 to 256, in steps of 0.5.
        max_capacity: Text,
    }
}

record! {
    /// An instance of an Aurora cluster. It is encrypted with the cluster's key.
    pub struct ClusterMember {
        /// The instance class, such as `db.r6g.large` or `db.serverless`.
        instance_class: Text,
        /// The order of promotion if the writer fails, 0 (first) to 15; default: 1.
        promotion_tier: Option<Spanned<u32>>,
    }
}

/// A master password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterPassword {
    /// Kept by RDS.
    Managed(ManagedPassword),
    /// Read from the environment.
    From(PasswordSource),
}

choice! {
    /// A master password that RDS creates and keeps in a secret.
    pub enum ManagedPassword {
        /// RDS creates it and keeps it in Secrets Manager, encrypted with AWS's key.
        Managed = "managed",
        /// RDS creates it and keeps it in Secrets Manager, encrypted with the resource's key.
        ManagedWithKey = "managed_with_key",
    }
}

record! {
    /// A master password from an environment variable.
    pub struct PasswordSource {
        /// The name of the environment variable. It is read when the call is sent, and its value is written
        /// nowhere.
        env: Text,
    }
}

impl Decode for MasterPassword {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Map(_) => PasswordSource::decode(node, d).map(Self::From),
            Value::Text(text) if ["managed", "managed_with_key"].contains(&text.as_str()) => {
                ManagedPassword::decode(node, d).map(Self::Managed)
            }
            // What is written here may be a password: it is not repeated.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                let message = "a master password is not written into a configuration";
                let help = "say `managed`, `managed_with_key`, or `{env: NAME}` for a variable of \
                            the environment";
                d.push(Diagnostic::error(node.span, message).help(help));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({"anyOf": [ManagedPassword::schema(), PasswordSource::schema()]})
    }
}
