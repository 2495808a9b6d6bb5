//! Clusters of RDS.

use std::collections::BTreeMap;

use super::super::super::Context;
use super::super::Given;
use super::{lower, number, on, or_true, span, text};
use crate::config::Named;
use crate::config::raw::{self, Part, Text};
use crate::kind::rds_cluster::{Capacity, Member, Serverless, Settings};
use crate::kind::{Kind, Spec};
use crate::tree::Span;

/// Aurora's units of capacity, at most.
const MOST_CAPACITY: f64 = 256.0;

impl Context<'_> {
    pub(super) fn rds_cluster(&mut self, name: &Text, raw: &raw::RdsCluster) {
        self.identifier(raw.existing.as_ref().unwrap_or(name), 63);
        let password = self.password(raw.master_password.as_ref());
        self.between("backup_retention_days", raw.backup_retention_days.as_ref(), 1, 35);
        self.between("port", raw.port.as_ref(), 1150, 65535);
        self.one_sort(raw);
        let settings = Settings {
            engine: lower(raw.engine.as_ref()),
            engine_version: text(raw.engine_version.as_ref()),
            database_name: text(raw.database_name.as_ref()),
            master_username: text(raw.master_username.as_ref()),
            managed_password: password.managed,
            password_with_key: password.with_key,
            password_env: password.variable,
            port: number(raw.port.as_ref()),
            subnet_group: lower(raw.subnet_group.as_ref()),
            security_groups: self.groups(raw.security_groups.as_ref()),
            backup_retention_days: number(raw.backup_retention_days.as_ref()),
            backup_window: self.daily(raw.backup_window.as_ref()),
            maintenance_window: self.weekly(raw.maintenance_window.as_ref()),
            deletion_protection: on(raw.deletion_protection.as_ref()),
            parameter_group: lower(raw.parameter_group.as_ref()),
            copy_tags_to_snapshot: on(raw.copy_tags_to_snapshot.as_ref()),
            instance_class: self.class(raw.instance_class.as_ref()),
            allocated_storage_gib: number(raw.allocated_storage_gib.as_ref()),
            storage_type: lower(raw.storage_type.as_ref()),
            iops: number(raw.iops.as_ref()),
            serverless_v2: raw.serverless_v2.as_ref().and_then(|raw| self.serverless(raw)),
            members: raw.members.as_ref().map(|members| self.members(&members.value)),
            final_snapshot: or_true(raw.final_snapshot.as_ref(), raw.existing.as_ref()),
            apply_immediately: or_true(raw.apply_immediately.as_ref(), raw.existing.as_ref()),
            resource_id: None,
        };
        if raw.existing.is_none() {
            let credentials = (raw.master_username.as_ref(), raw.master_password.is_some());
            self.creatable(name, raw.engine.as_ref(), credentials);
        }
        let creation = cluster_fields(raw);
        let given = Given {
            kind: Kind::RdsCluster,
            name,
            key: &raw.key,
            removable: false,
            tags: raw.tags.as_ref(),
            existing: raw.existing.as_ref(),
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &creation,
        };
        self.consumer(&given, settings, Spec::RdsCluster);
    }

    /// Aurora has instances of its own; the other clusters have a class and storage.
    fn one_sort(&mut self, raw: &raw::RdsCluster) {
        let Some(engine) = &raw.engine else {
            return;
        };
        let aurora = engine.value.to_ascii_lowercase().starts_with("aurora");
        let only = |field: &'static str, span: Option<Span>| span.map(|span| (field, span));
        let others = [
            only("instance_class", span(raw.instance_class.as_ref())),
            only("allocated_storage_gib", span(raw.allocated_storage_gib.as_ref())),
            only("iops", span(raw.iops.as_ref())),
        ];
        let auroras = [
            only("members", span(raw.members.as_ref())),
            only("serverless_v2", raw.serverless_v2.as_ref().map(|raw| raw.span)),
        ];
        for (field, span) in others.into_iter().flatten().filter(|_| aurora) {
            let help = "Aurora's storage grows by itself; its instances are its `members`";
            self.error(span, format!("`{field}` is not for `{}`", engine.value), help);
        }
        for (field, span) in auroras.into_iter().flatten().filter(|_| !aurora) {
            let help =
                "say `instance_class` and `allocated_storage_gib`: AWS makes three instances";
            self.error(span, format!("`{field}` is for Aurora only"), help);
        }
        if !aurora && raw.existing.is_none() && raw.instance_class.is_none() {
            let help = "say `instance_class` and `allocated_storage_gib`, or an engine of Aurora's";
            self.error(engine.span, "`instance_class` is not given", help);
        }
    }

    fn serverless(&mut self, raw: &raw::ServerlessV2) -> Option<Serverless> {
        let min_capacity = self.capacity(&raw.min_capacity)?;
        let max_capacity = self.capacity(&raw.max_capacity)?;
        if max_capacity < min_capacity || max_capacity.halves < 2 {
            let message = format!("at most `{}` is too little", raw.max_capacity.value);
            let help = "`max_capacity` is 1 at least, and not below `min_capacity`";
            self.error(raw.max_capacity.span, message, help);
        }
        Some(Serverless { min_capacity, max_capacity })
    }

    fn capacity(&mut self, raw: &Text) -> Option<Capacity> {
        let units =
            raw.value.parse::<f64>().ok().filter(|units| (0.0..=MOST_CAPACITY).contains(units));
        let capacity = units.and_then(|units| Capacity::try_from(units).ok());
        if capacity.is_none() {
            let help = "AWS takes 0 to 256, in halves: `0.5`, `8`";
            self.error(raw.span, format!("`{}` is no capacity", raw.value), help);
        }
        capacity
    }

    fn members(&mut self, raw: &Named<Part<raw::ClusterMember>>) -> BTreeMap<String, Member> {
        let mut members = BTreeMap::new();
        for (name, member) in raw {
            self.identifier(name, 63);
            let Part(Some(raw)) = member else {
                continue;
            };
            self.between("promotion_tier", raw.promotion_tier.as_ref(), 0, 15);
            let instance_class = self.class(Some(&raw.instance_class)).unwrap_or_default();
            let promotion_tier = number(raw.promotion_tier.as_ref()).unwrap_or(1);
            members.insert(name.value.clone(), Member { instance_class, promotion_tier });
        }
        members
    }
}

fn cluster_fields(raw: &raw::RdsCluster) -> Vec<(&'static str, Option<Span>)> {
    vec![
        ("engine", span(raw.engine.as_ref())),
        ("engine_version", span(raw.engine_version.as_ref())),
        ("database_name", span(raw.database_name.as_ref())),
        ("master_username", span(raw.master_username.as_ref())),
        ("master_password", span(raw.master_password.as_ref())),
        ("port", span(raw.port.as_ref())),
        ("subnet_group", span(raw.subnet_group.as_ref())),
        ("security_groups", span(raw.security_groups.as_ref())),
        ("backup_retention_days", span(raw.backup_retention_days.as_ref())),
        ("backup_window", span(raw.backup_window.as_ref())),
        ("maintenance_window", span(raw.maintenance_window.as_ref())),
        ("deletion_protection", span(raw.deletion_protection.as_ref())),
        ("parameter_group", span(raw.parameter_group.as_ref())),
        ("copy_tags_to_snapshot", span(raw.copy_tags_to_snapshot.as_ref())),
        ("instance_class", span(raw.instance_class.as_ref())),
        ("allocated_storage_gib", span(raw.allocated_storage_gib.as_ref())),
        ("storage_type", span(raw.storage_type.as_ref())),
        ("iops", span(raw.iops.as_ref())),
        ("serverless_v2", raw.serverless_v2.as_ref().map(|raw| raw.span)),
        ("members", span(raw.members.as_ref())),
        ("final_snapshot", span(raw.final_snapshot.as_ref())),
        ("apply_immediately", span(raw.apply_immediately.as_ref())),
    ]
}
