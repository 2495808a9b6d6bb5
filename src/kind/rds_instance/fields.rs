//! The fields of an instance.

use crate::decode::{Decode, Diagnostics, Spanned, record};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::rds::fields::{
    InstanceClass, MasterPassword, PasswordSettings, SECTION, SERVERLESS, identifier, identifiers,
    required,
};
use crate::kind::rds::window::{self, Daily, Weekly};
use crate::kind::rds::{engine, storage, version};
use crate::kind::values::{Lower, SecurityGroup, Set, Within};
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("instances", "Instances, by their identifiers in AWS, in lower case."),
    resource: "An RDS instance.",
    example: "{engine: postgres, instance_class: db.t4g.micro, allocated_storage_gib: 20, \
    master_username: dbadmin, master_password: managed, key: NAME}",
    key: "The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key. \
          Fixed at creation: for another key, copy a snapshot with it and restore.",
    removable_key: false,
    existing: "The identifier of an instance that kmsctl did not create: its key is checked, and statements \
               are derived.",
    existing_form: identifiers,
    used_by: Some((
        "used_by",
        "Principals that create it: a derived statement lets them use the key through RDS.",
    )),
    creates: true,
};

settings! {
    /// The settings of an instance.
    pub struct Settings {
        /// The database engine, such as `mysql` or `postgres`; required unless `existing` is given. Fixed
        /// at creation.
        engine: String as Lower,
        /// The engine version, or the beginning of it: `8.0` accepts every `8.0.x`. A newer minor version is
        /// accepted unless `auto_minor_version_upgrade` is false.
        engine_version: String,
        /// The instance class, such as `db.t3.micro`; required unless `existing` is given.
        instance_class: String as InstanceClass,
        /// Storage in GiB, which can grow but not shrink; required unless `existing` is given.
        allocated_storage_gib: u32,
        /// The limit in GiB up to which RDS grows the storage by itself.
        max_allocated_storage_gib: u32,
        /// The storage type, such as `gp3`.
        storage_type: String as Lower,
        /// Provisioned I/O operations per second.
        iops: u32,
        /// Throughput in MiB/s of `gp3` storage.
        storage_throughput: u32,
        /// The name of the master user; required unless `existing` is given. Fixed at creation.
        master_username: String,
        /// The master password; required unless `existing` is given. RDS creates and keeps one, or kmsctl
        /// reads it from an environment variable: `{env: NAME}`. It is never written into the
        /// configuration.
        @declared master_password: Option<Spanned<MasterPassword>>,
        /// Whether RDS keeps the master password in a secret.
        @live managed_password: bool,
        /// Whether that secret is encrypted with the instance's key.
        @live password_with_key: bool,
        /// The environment variable that holds the password, which AWS does not show.
        @live password_env: String,
        /// The name of the first database; fixed at creation.
        db_name: String,
        /// The port, 1150 to 65535.
        port: u32 as Within<1150, 65535>,
        /// The name of the DB subnet group; fixed at creation.
        subnet_group: String as Lower,
        /// The ids of the VPC security groups.
        security_groups: BTreeSet<String> as Set<SecurityGroup>,
        /// Whether a standby runs in another Availability Zone.
        multi_az: bool,
        /// Whether it has a public IP address.
        publicly_accessible: bool,
        /// Days that automated backups are kept, 0 (none) to 35.
        backup_retention_days: u32 as Within<0, 35>,
        /// The daily time for backups, in UTC, such as `03:00-03:30`.
        backup_window: String as Daily,
        /// The weekly time for maintenance, in UTC, such as `sun:04:00-sun:05:00`.
        maintenance_window: String as Weekly,
        /// Whether AWS refuses to delete it.
        deletion_protection: bool,
        /// The name of the DB parameter group.
        parameter_group: String as Lower,
        /// Whether RDS upgrades it to new minor versions.
        auto_minor_version_upgrade: bool,
        /// Whether its tags are copied to snapshots.
        copy_tags_to_snapshot: bool,
        /// Performance Insights settings.
        @declared performance_insights: Option<PerformanceInsights>,
        /// Whether Performance Insights is on.
        @live performance_insights: bool,
        /// Whether the data of Performance Insights is encrypted with the instance's key.
        @live performance_insights_with_key: bool,
        /// Days that the data of Performance Insights is kept.
        @live performance_insights_days: u32,
        /// Whether a final snapshot is created when it is deleted; default: true.
        final_snapshot: bool,
        /// Whether changes are made at once instead of in the maintenance window; default: true.
        apply_immediately: bool,
        /// AWS's id, which no other instance will ever have.
        @live resource_id: String,
    }
}

record! {
    /// Performance Insights of an instance.
    pub struct PerformanceInsights {
        /// Whether Performance Insights is on.
        enabled: bool,
        /// Whether its data is encrypted with the instance's key instead of AWS's key for RDS.
        with_key: Option<Spanned<bool>>,
        /// Days that its data is kept: 7, a multiple of 31 up to 713, or 731.
        retention_days: Option<Spanned<RetentionDays>>,
    }
}

/// The number of days that the data of Performance Insights is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionDays(u32);

impl RetentionDays {
    /// Returns every possible number (RDS API Reference, CreateDBInstance: `PerformanceInsightsRetentionPeriod`).
    fn all() -> impl Iterator<Item = u32> {
        [7].into_iter().chain((1..=23).map(|months| months * 31)).chain([731])
    }
}

impl Decode for RetentionDays {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let days = u32::decode(node, d)?;
        if !Self::all().any(|known| known == days) {
            let message = format!(
                "Performance Insights cannot keep data for {}",
                crate::text::counted(days, "day")
            );
            let help = "AWS accepts 7, a multiple of 31 up to 713, or 731";
            d.error(node.span, message, help);
        }
        Some(Self(days))
    }
    fn schema() -> Json {
        json!({"type": "integer", "enum": Self::all().collect::<Vec<_>>()})
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    identifier(&check.name_in_aws().clone(), check.d);
    required(check, &fields.engine, &fields.master_username, &fields.master_password);
    let help = "set `instance_class:`, or `existing:` for an instance that exists";
    check.required("instance_class", &fields.instance_class, help);
    let help = "set `allocated_storage_gib:`, or `existing:` for an instance that exists";
    check.required("allocated_storage_gib", &fields.allocated_storage_gib, help);
    if let Some(class) = &fields.instance_class
        && class.value.0 == SERVERLESS
    {
        let message = format!("instances of class `{SERVERLESS}` run in clusters only");
        let help = "declare a cluster under `rds.clusters`, and its instances as its `members`";
        check.error(class.span, message, help);
    }
    window::check(fields.backup_window.as_ref(), fields.maintenance_window.as_ref(), check);
    insights(fields.performance_insights.as_ref(), check);
    of_engine(fields, check);
    let password = PasswordSettings::of(fields.master_password.as_ref());
    let insights = fields.performance_insights.as_ref();
    let settings: Settings = consumer::Settings::of(fields);
    Settings {
        managed_password: password.managed,
        password_with_key: password.with_key,
        password_env: password.variable,
        performance_insights: insights.map(|insights| insights.enabled),
        performance_insights_with_key: insights
            .and_then(|insights| insights.with_key.as_ref())
            .map(|with_key| with_key.value),
        performance_insights_days: insights
            .and_then(|insights| insights.retention_days.as_ref())
            .map(|days| days.value.0),
        final_snapshot: check.default_true(settings.final_snapshot),
        apply_immediately: check.default_true(settings.apply_immediately),
        ..settings
    }
}

/// Checks the fields that depend on the engine.
fn of_engine(fields: &Fields, check: &mut Check<'_>) {
    let Some(engine) = &fields.engine else {
        return;
    };
    let Some(family) = engine::of_instance(engine, check) else {
        return;
    };
    engine::user(family, fields.master_username.as_ref(), check);
    engine::database(family, "db_name", fields.db_name.as_ref(), check);
    let port = fields.port.as_ref().map(|port| Spanned { span: port.span, value: port.value.0 });
    engine::port(family, port.as_ref(), check);
    if let Some(Spanned { value: Within(0), span }) = fields.backup_retention_days
        && engine.value.0.starts_with("custom-oracle")
    {
        let message = "an instance of RDS Custom for Oracle must have automated backups";
        check.error(span, message, "AWS accepts 1 to 35 here");
    }
    if fields.auto_minor_version_upgrade.as_ref().is_none_or(|upgrades| upgrades.value) {
        let switch = Some("auto_minor_version_upgrade");
        version::moving(&engine.value.0, fields.engine_version.as_ref(), switch, check);
    }
    let given = storage::Declared {
        family,
        engine: &engine.value.0,
        kind: fields.storage_type.as_ref().map(|kind| (kind.value.0.as_str(), kind.span)),
        size: fields.allocated_storage_gib.as_ref(),
        most: fields.max_allocated_storage_gib.as_ref(),
        iops: fields.iops.as_ref(),
        throughput: fields.storage_throughput.as_ref(),
        is_multi_az_cluster: false,
    };
    storage::check(&given, storage::OF_INSTANCES, check);
}

/// Checks that nothing is set for Performance Insights that are off.
fn insights(insights: Option<&PerformanceInsights>, check: &mut Check<'_>) {
    let Some(insights) = insights.filter(|insights| !insights.enabled) else {
        return;
    };
    let with_key = insights.with_key.as_ref().filter(|with_key| with_key.value);
    let given = [
        ("with_key", with_key.map(|with_key| with_key.span)),
        ("retention_days", insights.retention_days.as_ref().map(|days| days.span)),
    ];
    for (field, span) in given {
        if let Some(span) = span {
            let message = format!("`{field}` is not possible while Performance Insights are off");
            check.error(span, message, "remove it, or set `enabled: true`");
        }
    }
}
