//! Instances and clusters of RDS.

mod cluster;

use std::collections::BTreeSet;

use super::super::Context;
use super::Given;
use crate::config::raw::{self, ManagedPassword, MasterPassword, Part, Rds, Text};
use crate::config::{Spanned, nearest};
use crate::kind::rds::is_variable;
use crate::kind::rds_instance::Settings;
use crate::kind::{Kind, Spec};
use crate::tree::Span;

/// What a declaration says of a password: whether it is managed, whether with the key, the variable.
#[derive(Default)]
struct Password {
    managed: Option<bool>,
    with_key: Option<bool>,
    variable: Option<String>,
}

fn on(raw: Option<&Spanned<bool>>) -> Option<bool> {
    raw.map(|on| on.value)
}

fn number(raw: Option<&Spanned<u32>>) -> Option<u32> {
    raw.map(|number| number.value)
}

fn text(raw: Option<&Text>) -> Option<String> {
    raw.map(|text| text.value.clone())
}

/// A name that AWS stores in lower case.
fn lower(raw: Option<&Text>) -> Option<String> {
    raw.map(|text| text.value.to_ascii_lowercase())
}

fn span<T>(raw: Option<&Spanned<T>>) -> Option<Span> {
    raw.map(|raw| raw.span)
}

/// What is true where nothing is said; of what kmsctl did not make nothing is.
fn or_true(raw: Option<&Spanned<bool>>, existing: Option<&Text>) -> Option<bool> {
    existing.is_none().then(|| raw.is_none_or(|on| on.value))
}

impl Context<'_> {
    pub(in super::super) fn rds(&mut self, raw: &Rds) {
        for (name, instance) in &raw.instances {
            if let Part(Some(instance)) = instance {
                self.rds_instance(name, instance);
            }
        }
        for (name, cluster) in &raw.clusters {
            if let Part(Some(cluster)) = cluster {
                self.rds_cluster(name, cluster);
            }
        }
    }

    fn rds_instance(&mut self, name: &Text, raw: &raw::RdsInstance) {
        self.identifier(raw.existing.as_ref().unwrap_or(name), 63);
        let password = self.password(raw.master_password.as_ref());
        let insights = raw.performance_insights.as_ref();
        self.between("backup_retention_days", raw.backup_retention_days.as_ref(), 0, 35);
        self.between("port", raw.port.as_ref(), 1150, 65535);
        self.grows(raw);
        self.retention(insights.and_then(|insights| insights.retention_days.as_ref()));
        let settings = Settings {
            engine: lower(raw.engine.as_ref()),
            engine_version: text(raw.engine_version.as_ref()),
            instance_class: self.class(raw.instance_class.as_ref()),
            allocated_storage_gib: number(raw.allocated_storage_gib.as_ref()),
            max_allocated_storage_gib: number(raw.max_allocated_storage_gib.as_ref()),
            storage_type: lower(raw.storage_type.as_ref()),
            iops: number(raw.iops.as_ref()),
            master_username: text(raw.master_username.as_ref()),
            managed_password: password.managed,
            password_with_key: password.with_key,
            password_env: password.variable,
            db_name: text(raw.db_name.as_ref()),
            port: number(raw.port.as_ref()),
            subnet_group: lower(raw.subnet_group.as_ref()),
            security_groups: self.groups(raw.security_groups.as_ref()),
            multi_az: on(raw.multi_az.as_ref()),
            publicly_accessible: on(raw.publicly_accessible.as_ref()),
            backup_retention_days: number(raw.backup_retention_days.as_ref()),
            backup_window: self.daily(raw.backup_window.as_ref()),
            maintenance_window: self.weekly(raw.maintenance_window.as_ref()),
            deletion_protection: on(raw.deletion_protection.as_ref()),
            parameter_group: lower(raw.parameter_group.as_ref()),
            auto_minor_version_upgrade: on(raw.auto_minor_version_upgrade.as_ref()),
            copy_tags_to_snapshot: on(raw.copy_tags_to_snapshot.as_ref()),
            performance_insights: insights.map(|insights| insights.enabled.value),
            performance_insights_with_key: insights.and_then(|i| on(i.with_key.as_ref())),
            performance_insights_days: insights.and_then(|i| number(i.retention_days.as_ref())),
            final_snapshot: or_true(raw.final_snapshot.as_ref(), raw.existing.as_ref()),
            apply_immediately: or_true(raw.apply_immediately.as_ref(), raw.existing.as_ref()),
            resource_id: None,
        };
        self.sized(name, raw);
        let creation = instance_fields(raw);
        let given = Given {
            kind: Kind::RdsInstance,
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
        self.consumer(&given, settings, Spec::RdsInstance);
    }

    /// What AWS wants for a new instance.
    fn sized(&mut self, name: &Text, raw: &raw::RdsInstance) {
        if raw.existing.is_none() {
            let credentials = (raw.master_username.as_ref(), raw.master_password.is_some());
            self.creatable(name, raw.engine.as_ref(), credentials);
            let class = raw.instance_class.is_none().then_some("instance_class");
            let storage = raw.allocated_storage_gib.is_none().then_some("allocated_storage_gib");
            for field in class.into_iter().chain(storage) {
                let help = format!("say `{field}:`, or `existing:` for an instance that is there");
                self.error(name.span, format!("`{field}` is not given"), help);
            }
        }
    }

    /// What AWS wants for a new instance or cluster.
    fn creatable(&mut self, name: &Text, engine: Option<&Text>, master: (Option<&Text>, bool)) {
        if engine.is_none() {
            let help = "say `engine:`, or `existing:` for one that is there already";
            self.error(name.span, "`engine` is not given", help);
        }
        let help = "say `master_username: NAME` and `master_password: managed`";
        match master {
            (Some(_), true) => {}
            (None, true) => self.error(name.span, "`master_username` is not given", help),
            (_, false) => self.error(name.span, "`master_password` is not given", help),
        }
    }

    /// RDS keeps identifiers in lower case: the configuration says what AWS shows.
    fn identifier(&mut self, name: &Text, most: usize) {
        let value = name.value.as_str();
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = value.len() <= most
            && value.starts_with(|c: char| c.is_ascii_lowercase())
            && value.chars().all(known)
            && !value.ends_with('-')
            && !value.contains("--");
        if !good {
            let help = format!(
                "1 to {most} lower-case letters, digits and hyphens; a letter first, no hyphen last, \
                 no two hyphens in a row"
            );
            self.error(name.span, format!("`{value}` is no identifier of RDS"), help);
        }
    }

    fn password(&mut self, raw: Option<&Spanned<MasterPassword>>) -> Password {
        let managed =
            |with_key| Password { managed: Some(true), with_key: Some(with_key), variable: None };
        match raw.map(|raw| &raw.value) {
            None => Password::default(),
            Some(MasterPassword::Managed(ManagedPassword::Managed)) => managed(false),
            Some(MasterPassword::Managed(ManagedPassword::ManagedWithKey)) => managed(true),
            Some(MasterPassword::From(source)) => {
                if !is_variable(&source.env.value) {
                    let help = "letters, digits and `_`, such as `ORDERS_PASSWORD`: the value stays \
                                in the environment";
                    let message = "this is no name of a variable of the environment";
                    self.error(source.env.span, message, help);
                }
                let variable = Some(source.env.value.clone());
                Password { managed: Some(false), with_key: None, variable }
            }
        }
    }

    fn between(&mut self, field: &str, raw: Option<&Spanned<u32>>, least: u32, most: u32) {
        if let Some(raw) = raw.filter(|raw| !(least..=most).contains(&raw.value)) {
            let message = format!("`{field}` is {}", raw.value);
            self.error(raw.span, message, format!("AWS takes {least} to {most}"));
        }
    }

    /// AWS wants room to grow: a tenth at least.
    fn grows(&mut self, raw: &raw::RdsInstance) {
        let (Some(now), Some(most)) = (&raw.allocated_storage_gib, &raw.max_allocated_storage_gib)
        else {
            return;
        };
        let least = now.value.saturating_add(now.value.div_ceil(10));
        if most.value < least {
            let message = format!("{} GiB leave no room to grow from {}", most.value, now.value);
            self.error(most.span, message, format!("AWS takes {least} and more here"));
        }
    }

    fn retention(&mut self, raw: Option<&Spanned<u32>>) {
        let good = |days: u32| {
            days == 7 || days == 731 || days.is_multiple_of(31) && (31..=713).contains(&days)
        };
        if let Some(raw) = raw.filter(|raw| !good(raw.value)) {
            let message = format!("Performance Insights are not kept for {} days", raw.value);
            let help = "AWS takes 7, a multiple of 31 up to 713, or 731";
            self.error(raw.span, message, help);
        }
    }

    fn class(&mut self, raw: Option<&Text>) -> Option<String> {
        let raw = raw?;
        if !raw.value.starts_with("db.") {
            let help = format!("did you mean `db.{}`?", raw.value);
            self.error(raw.span, format!("`{}` is no class of RDS", raw.value), help);
        }
        Some(raw.value.clone())
    }

    fn groups(&mut self, raw: Option<&Spanned<Vec<Text>>>) -> Option<BTreeSet<String>> {
        let raw = raw?;
        for group in raw.value.iter().filter(|group| !group.value.starts_with("sg-")) {
            let help = "give the group's id, such as `sg-0123456789abcdef0`";
            self.error(group.span, format!("`{}` is no security group", group.value), help);
        }
        Some(raw.value.iter().map(|group| group.value.clone()).collect())
    }

    /// `hh:mm-hh:mm`.
    fn daily(&mut self, raw: Option<&Text>) -> Option<String> {
        let raw = raw?;
        let good = raw.value.split_once('-').is_some_and(|(from, to)| is_time(from) && is_time(to));
        if !good {
            let help = "write it in UTC, as `03:00-03:30`";
            self.error(raw.span, format!("`{}` is no time of the day", raw.value), help);
        }
        Some(raw.value.clone())
    }

    /// `ddd:hh:mm-ddd:hh:mm`. AWS shows the days in lower case.
    fn weekly(&mut self, raw: Option<&Text>) -> Option<String> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let raw = raw?;
        let window = raw.value.to_ascii_lowercase();
        let is_moment = |text: &str| {
            text.split_once(':').is_some_and(|(day, time)| DAYS.contains(&day) && is_time(time))
        };
        let good =
            window.split_once('-').is_some_and(|(from, to)| is_moment(from) && is_moment(to));
        if !good {
            let day = window.get(..3).and_then(|day| nearest(day, DAYS));
            let day = day.unwrap_or("sun");
            let help = format!("write it in UTC, as `{day}:04:00-{day}:05:00`");
            self.error(raw.span, format!("`{}` is no time of the week", raw.value), help);
        }
        Some(window)
    }
}

fn is_time(text: &str) -> bool {
    let part = |text: &str, most: u32| {
        text.len() == 2 && text.parse::<u32>().is_ok_and(|number| number <= most)
    };
    text.split_once(':').is_some_and(|(hours, minutes)| part(hours, 23) && part(minutes, 59))
}

fn instance_fields(raw: &raw::RdsInstance) -> Vec<(&'static str, Option<Span>)> {
    vec![
        ("engine", span(raw.engine.as_ref())),
        ("engine_version", span(raw.engine_version.as_ref())),
        ("instance_class", span(raw.instance_class.as_ref())),
        ("allocated_storage_gib", span(raw.allocated_storage_gib.as_ref())),
        ("max_allocated_storage_gib", span(raw.max_allocated_storage_gib.as_ref())),
        ("storage_type", span(raw.storage_type.as_ref())),
        ("iops", span(raw.iops.as_ref())),
        ("master_username", span(raw.master_username.as_ref())),
        ("master_password", span(raw.master_password.as_ref())),
        ("db_name", span(raw.db_name.as_ref())),
        ("port", span(raw.port.as_ref())),
        ("subnet_group", span(raw.subnet_group.as_ref())),
        ("security_groups", span(raw.security_groups.as_ref())),
        ("multi_az", span(raw.multi_az.as_ref())),
        ("publicly_accessible", span(raw.publicly_accessible.as_ref())),
        ("backup_retention_days", span(raw.backup_retention_days.as_ref())),
        ("backup_window", span(raw.backup_window.as_ref())),
        ("maintenance_window", span(raw.maintenance_window.as_ref())),
        ("deletion_protection", span(raw.deletion_protection.as_ref())),
        ("parameter_group", span(raw.parameter_group.as_ref())),
        ("auto_minor_version_upgrade", span(raw.auto_minor_version_upgrade.as_ref())),
        ("copy_tags_to_snapshot", span(raw.copy_tags_to_snapshot.as_ref())),
        ("performance_insights", raw.performance_insights.as_ref().map(|raw| raw.span)),
        ("final_snapshot", span(raw.final_snapshot.as_ref())),
        ("apply_immediately", span(raw.apply_immediately.as_ref())),
    ]
}
