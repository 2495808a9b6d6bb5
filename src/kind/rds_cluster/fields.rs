//! The fields of a cluster.

mod sort;

use super::{Capacity, Member, Serverless};
use crate::decode::{Decode, Diagnostics, Named, Part, Spanned, Text, record};
use crate::form;
use crate::kind::ConsumerKind;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::rds::fields::{
    InstanceClass, MasterPassword, PasswordSettings, SECTION, SERVERLESS, identifier, identifiers,
};
use crate::kind::rds::window::{self, Daily, Weekly};
use crate::kind::values::{Lower, SecurityGroup, Set, Within};
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most instances of a cluster (Aurora User Guide, "Adding Aurora Replicas to a DB cluster"; Amazon DocumentDB
/// Developer Guide, "Quotas and limits"; Neptune User Guide, "Neptune limits").
const MAX_MEMBERS: usize = 16;
/// The highest capacity, in Aurora capacity units.
const MAX_CAPACITY: f64 = 256.0;

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("clusters", "Clusters, by their identifiers in AWS, in lower case."),
    resource: "A cluster of Aurora, Amazon DocumentDB or Amazon Neptune, or a Multi-AZ DB cluster of RDS.",
    example: "{engine: aurora-postgresql, master_username: dbadmin, master_password: \
    managed, key: NAME}",
    key: "The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key. \
          Fixed at creation: for another key, copy a snapshot with it and restore.",
    removable_key: false,
    existing: "The identifier of a cluster that kmsctl did not create: its key is checked, and statements \
               are derived.",
    existing_form: identifiers,
    used_by: Some((
        "used_by",
        "Principals that create it: a derived statement lets them use the key through RDS.",
    )),
    creates: true,
};

settings! {
    /// The settings of a cluster.
    pub struct Settings {
        /// The database engine: `aurora-mysql`, `aurora-postgresql`, `docdb` (Amazon DocumentDB), `neptune`
        /// (Amazon Neptune), or `mysql` or `postgres` for a Multi-AZ DB cluster; required unless `existing`
        /// is given. Fixed at creation.
        engine: String as Lower,
        /// The engine version, or the beginning of it: `16` accepts every `16.x`. A newer minor version is
        /// accepted if AWS upgrades the cluster by itself.
        engine_version: String,
        /// The name of the first database; not for DocumentDB and Neptune. Fixed at creation.
        database_name: String,
        /// The name of the master user; required unless `existing` is given. Neptune has none. Fixed at
        /// creation.
        master_username: String,
        /// The master password; required unless `existing` is given. RDS creates and keeps one, or kmsctl
        /// reads it from an environment variable: `{env: NAME}`. It is never written into the
        /// configuration. Neptune has none.
        @declared master_password: Option<Spanned<MasterPassword>>,
        /// Whether RDS keeps the master password in a secret.
        @live managed_password: bool,
        /// Whether that secret is encrypted with the cluster's key.
        @live password_with_key: bool,
        /// The environment variable that holds the password, which AWS does not show.
        @live password_env: String,
        /// The port, 1150 to 65535.
        port: u32 as Within<1150, 65535>,
        /// The name of the DB subnet group; fixed at creation.
        subnet_group: String as Lower,
        /// The ids of the VPC security groups.
        security_groups: BTreeSet<String> as Set<SecurityGroup>,
        /// Days that automated backups are kept, 1 to 35.
        backup_retention_days: u32 as Within<1, 35>,
        /// The daily time for backups, in UTC, such as `03:00-03:30`.
        backup_window: String as Daily,
        /// The weekly time for maintenance, in UTC, such as `sun:04:00-sun:05:00`.
        maintenance_window: String as Weekly,
        /// Whether AWS refuses to delete it.
        deletion_protection: bool,
        /// The name of the DB cluster parameter group.
        parameter_group: String as Lower,
        /// Whether its tags are copied to snapshots.
        copy_tags_to_snapshot: bool,
        /// The class of all instances of a Multi-AZ DB cluster.
        instance_class: String as InstanceClass,
        /// Storage in GiB of a Multi-AZ DB cluster.
        allocated_storage_gib: u32,
        /// The storage type: `aurora` or `aurora-iopt1`; `standard` or `iopt1` for DocumentDB and Neptune;
        /// `gp3`, `io1` or `io2` for a Multi-AZ DB cluster.
        storage_type: String as Lower,
        /// Provisioned I/O operations per second of a Multi-AZ DB cluster.
        iops: u32,
        /// The capacity range of instances of class `db.serverless`.
        serverless_v2: Serverless,
        /// The instances that kmsctl creates in a cluster, by their identifiers, in lower case. A Multi-AZ DB
        /// cluster has none of its own.
        members: BTreeMap<String, Member> as Members,
        /// Whether a final snapshot is created when it is deleted; default: true.
        final_snapshot: bool,
        /// Whether changes are made at once instead of in the maintenance window; default: true.
        apply_immediately: bool,
        /// Whether AWS upgrades it to new minor versions.
        @live auto_minor_version_upgrade: bool,
        /// AWS's id, which no other cluster will ever have.
        @live resource_id: String,
    }
}

record! {
    /// The capacity range of instances of class `db.serverless`, in capacity units.
    pub struct ServerlessFields {
        /// The minimum: 0 to 256, in steps of 0.5.
        min_capacity: Spanned<CapacityField>,
        /// The maximum: 1 to 256, in steps of 0.5.
        max_capacity: Spanned<CapacityField>,
    }
}

/// A number of Aurora capacity units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityField(Capacity);

impl Decode for CapacityField {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, d)?;
        if is_decimal(&text)
            && let Ok(units) = text.parse::<f64>()
            && (0.0..=MAX_CAPACITY).contains(&units)
            && let Ok(capacity) = Capacity::try_from(units)
        {
            return Some(Self(capacity));
        }
        let help = "AWS accepts 0 to 256, in halves: `0.5`, `8`";
        d.error(node.span, format!("`{text}` is not a capacity"), help);
        None
    }
    fn schema() -> Json {
        json!({"anyOf": [
            {"type": "number", "minimum": 0, "maximum": MAX_CAPACITY, "multipleOf": 0.5},
            form::text(&format!("(({})([.](0|5)?)?|256([.]0?)?)", form::digits(0, 255))),
        ]})
    }
}

/// Returns whether a text is a number with at most one digit after the point.
fn is_decimal(text: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    !whole.is_empty() && is_digits(whole) && is_digits(rest) && rest.len() <= 1
}

impl Decode for Serverless {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let fields = ServerlessFields::decode(node, d)?;
        let (min, max) = (fields.min_capacity.value.0, fields.max_capacity.value.0);
        if max < min || max.halves < 2 {
            let message = format!("a maximum of {} is too low", f64::from(max));
            let help = "`max_capacity` is at least 1, and not below `min_capacity`";
            d.error(fields.max_capacity.span, message, help);
        }
        Some(Self { min_capacity: min, max_capacity: max })
    }
    fn schema() -> Json {
        ServerlessFields::schema()
    }
}

record! {
    /// Each is encrypted with the cluster's key.
    pub struct MemberFields {
        /// The instance class, such as `db.r6g.large` or `db.serverless`.
        instance_class: Spanned<InstanceClass>,
        /// The order of promotion if the writer fails, 0 (first) to 15; default: 1.
        promotion_tier: Option<Within<0, 15>>,
    }
}

/// The instances of a cluster, by their identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(Vec<(Text, MemberFields)>);

impl Decode for Members {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let Named(members) = Named::<Part<MemberFields>>::decode(node, d)?;
        let mut all = Vec::new();
        for (name, Part(member)) in members {
            identifier(&name, d);
            if let Some(member) = member {
                all.push((name, member));
            }
        }
        Some(Self(all))
    }
    fn schema() -> Json {
        form::with(
            Named::<MemberFields>::schema(),
            json!({"propertyNames": identifiers(), "maxProperties": MAX_MEMBERS}),
        )
    }
}

impl From<Members> for BTreeMap<String, Member> {
    fn from(members: Members) -> Self {
        let mut all = Self::new();
        for (name, fields) in members.0 {
            let promotion_tier = fields.promotion_tier.map_or(1, u32::from);
            let instance_class = fields.instance_class.value.into();
            all.insert(name.value, Member { instance_class, promotion_tier });
        }
        all
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    identifier(&check.name_in_aws().clone(), check.d);
    members(fields, check);
    sort::check(fields, check);
    window::check(fields.backup_window.as_ref(), fields.maintenance_window.as_ref(), check);
    let password = PasswordSettings::of(fields.master_password.as_ref());
    let settings: Settings = consumer::Settings::of(fields);
    Settings {
        managed_password: password.managed,
        password_with_key: password.with_key,
        password_env: password.variable,
        final_snapshot: check.default_true(settings.final_snapshot),
        apply_immediately: check.default_true(settings.apply_immediately),
        ..settings
    }
}

/// Checks the number of the members, and that the cluster has a capacity for those whose capacity AWS scales. AWS
/// wants the capacity before it creates such an instance (RDS API Reference, CreateDBInstance).
fn members(fields: &Fields, check: &mut Check<'_>) {
    let Some(members) = &fields.members else {
        return;
    };
    let all = &members.value.0;
    check.parts = all.iter().map(|(name, _)| (ConsumerKind::RdsInstance, name.clone())).collect();
    if let Some((name, _)) = all.get(MAX_MEMBERS) {
        let message = format!("{} members are too many", all.len());
        check.error(name.span, message, "AWS accepts a writer and 15 readers in a cluster");
    }
    let serverless = all.iter().find(|(_, member)| member.instance_class.value.0 == SERVERLESS);
    if let Some((_, member)) = serverless
        && fields.serverless_v2.is_none()
    {
        let message = format!("a member of class `{SERVERLESS}` needs a capacity");
        let help = "set `serverless_v2: {min_capacity: 1, max_capacity: 8}` for the cluster";
        check.error(member.instance_class.span, message, help);
    }
}
