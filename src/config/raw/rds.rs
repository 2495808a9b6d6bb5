//! RDS.

use serde_json::{Value as Json, json};

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Decode, Diagnostic, Diagnostics, Named, Spanned};
use crate::tree::{Node, Value};

record! {
    /// RDS.
    pub struct Rds {
        /// Its instances, by their identifiers, in lower case.
        instances: Named<Part<RdsInstance>>,
        /// Its clusters, by their identifiers, in lower case.
        clusters: Named<Part<RdsCluster>>,
    }
}

record! {
    /// An instance of RDS. Its key is fixed at creation, for good.
    pub struct RdsInstance {
        /// What encrypts it: a key of the stack, an ARN, an alias.
        key: Settable<Text>,
        /// The database engine, such as `mysql` or `postgres`; fixed at creation.
        engine: Option<Text>,
        /// The engine's version, or the beginning of it: `8.0` is met by each `8.0.x`.
        engine_version: Option<Text>,
        /// The instance class, such as `db.t3.micro`.
        instance_class: Option<Text>,
        /// Storage in GiB; it can grow, not shrink.
        allocated_storage_gib: Option<Spanned<u32>>,
        /// Up to where AWS lets the storage grow by itself.
        max_allocated_storage_gib: Option<Spanned<u32>>,
        /// The storage type, such as `gp3`.
        storage_type: Option<Text>,
        /// Provisioned I/O operations a second.
        iops: Option<Spanned<u32>>,
        /// The master user; fixed at creation.
        master_username: Option<Text>,
        /// The master password: `managed`, `managed_with_key` or `{env: NAME}`.
        master_password: Option<Spanned<MasterPassword>>,
        /// The name of the first database; fixed at creation.
        db_name: Option<Text>,
        /// The port.
        port: Option<Spanned<u32>>,
        /// The DB subnet group; fixed at creation.
        subnet_group: Option<Text>,
        /// The VPC security groups, by their ids.
        security_groups: Option<Spanned<Vec<Text>>>,
        /// Whether a standby is kept in another availability zone.
        multi_az: Option<Spanned<bool>>,
        /// Whether it has a public address.
        publicly_accessible: Option<Spanned<bool>>,
        /// How many days automated backups are kept, 0 (none) to 35.
        backup_retention_days: Option<Spanned<u32>>,
        /// When backups are made, in UTC: `03:00-03:30`.
        backup_window: Option<Text>,
        /// When AWS may maintain it, in UTC: `sun:04:00-sun:05:00`.
        maintenance_window: Option<Text>,
        /// Whether AWS refuses to delete it.
        deletion_protection: Option<Spanned<bool>>,
        /// The DB parameter group.
        parameter_group: Option<Text>,
        /// Whether AWS upgrades it to minor versions.
        auto_minor_version_upgrade: Option<Spanned<bool>>,
        /// Whether snapshots get its tags.
        copy_tags_to_snapshot: Option<Spanned<bool>>,
        /// Performance Insights.
        performance_insights: Option<PerformanceInsights>,
        /// Whether a last snapshot is made when it is deleted; default true.
        final_snapshot: Option<Spanned<bool>>,
        /// Whether changes are made at once, and not in the maintenance window; default true.
        apply_immediately: Option<Spanned<bool>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The identifier of an instance that kmsctl did not make: its key is checked, and its
        /// statements are derived.
        existing: Option<Text>,
        /// Who creates it: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from it; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Performance Insights of an instance.
    pub struct PerformanceInsights {
        /// Whether they are on.
        enabled: Spanned<bool>,
        /// Whether their data is encrypted with the instance's key; else with AWS's for RDS.
        with_key: Option<Spanned<bool>>,
        /// How many days it is kept: 7, months of 31 days, or 731.
        retention_days: Option<Spanned<u32>>,
    }
}

record! {
    /// A cluster of RDS: Aurora's, or one of several availability zones. Its key is fixed at creation,
    /// for good.
    pub struct RdsCluster {
        /// What encrypts it: a key of the stack, an ARN, an alias.
        key: Settable<Text>,
        /// The database engine, such as `aurora-postgresql`; fixed at creation.
        engine: Option<Text>,
        /// The engine's version, or the beginning of it: `16` is met by each `16.x`.
        engine_version: Option<Text>,
        /// The name of the first database; fixed at creation.
        database_name: Option<Text>,
        /// The master user; fixed at creation.
        master_username: Option<Text>,
        /// The master password: `managed`, `managed_with_key` or `{env: NAME}`.
        master_password: Option<Spanned<MasterPassword>>,
        /// The port.
        port: Option<Spanned<u32>>,
        /// The DB subnet group; fixed at creation.
        subnet_group: Option<Text>,
        /// The VPC security groups, by their ids.
        security_groups: Option<Spanned<Vec<Text>>>,
        /// How many days automated backups are kept, 1 to 35.
        backup_retention_days: Option<Spanned<u32>>,
        /// When backups are made, in UTC: `03:00-03:30`.
        backup_window: Option<Text>,
        /// When AWS may maintain it, in UTC: `sun:04:00-sun:05:00`.
        maintenance_window: Option<Text>,
        /// Whether AWS refuses to delete it.
        deletion_protection: Option<Spanned<bool>>,
        /// The DB cluster parameter group.
        parameter_group: Option<Text>,
        /// Whether snapshots get its tags.
        copy_tags_to_snapshot: Option<Spanned<bool>>,
        /// The class of all instances, in a cluster of several availability zones (not Aurora).
        instance_class: Option<Text>,
        /// Storage in GiB, in a cluster of several availability zones.
        allocated_storage_gib: Option<Spanned<u32>>,
        /// The storage type, such as `aurora-iopt1`, or `io2` in a cluster of several zones.
        storage_type: Option<Text>,
        /// Provisioned I/O operations a second, in a cluster of several availability zones.
        iops: Option<Spanned<u32>>,
        /// How far instances of class `db.serverless` scale.
        serverless_v2: Option<ServerlessV2>,
        /// Aurora's instances, by their identifiers, in lower case: all that kmsctl makes in it.
        members: Option<Spanned<Named<Part<ClusterMember>>>>,
        /// Whether a last snapshot is made when it is deleted; default true.
        final_snapshot: Option<Spanned<bool>>,
        /// Whether changes are made at once, and not in the maintenance window; default true.
        apply_immediately: Option<Spanned<bool>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The identifier of a cluster that kmsctl did not make: its key is checked, and its
        /// statements are derived.
        existing: Option<Text>,
        /// Who creates it: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from it; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// How far instances of class `db.serverless` scale, in Aurora's units of capacity.
    pub struct ServerlessV2 {
        /// At least: 0 to 256, in halves.
        min_capacity: Text,
        /// At most: 1 to 256, in halves.
        max_capacity: Text,
    }
}

record! {
    /// An instance in a cluster of Aurora. It has the cluster's key.
    pub struct ClusterMember {
        /// The instance class, such as `db.r6g.large` or `db.serverless`.
        instance_class: Text,
        /// Which is promoted first where the writer fails: 0 before 15; default 1.
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
    /// A master password that RDS makes, and keeps in a secret.
    pub enum ManagedPassword {
        /// The secret is encrypted with AWS's key for secrets.
        Managed = "managed",
        /// The secret is encrypted with the resource's key.
        ManagedWithKey = "managed_with_key",
    }
}

record! {
    /// A master password from the environment: read when the call is sent, and kept nowhere.
    pub struct PasswordSource {
        /// The name of the environment's variable.
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
