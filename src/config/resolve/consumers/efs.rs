//! EFS file systems.

use std::collections::BTreeSet;

use super::super::Context;
use super::Given;
use crate::config::Spanned;
use crate::config::raw::{self, Efs, Part, PerformanceMode, Text, ThroughputMode};
use crate::kind::efs_file_system::{Lifecycle, MountTarget, Settings, Throughput};
use crate::kind::{Kind, Spec};

/// How many security groups a mount target can have (EFS quotas).
const MAX_GROUPS: usize = 5;
/// The most MiB a second that EFS provides without being asked by a person (EFS CreateFileSystem).
const MAX_MIBPS: u32 = 3414;

impl Context<'_> {
    pub(in super::super) fn efs(&mut self, raw: &Efs) {
        for (name, system) in &raw.file_systems {
            if let Part(Some(system)) = system {
                self.file_system(name, system);
            }
        }
    }

    fn file_system(&mut self, name: &Text, raw: &raw::FileSystem) {
        self.modes(raw);
        let mount_targets = self.mount_targets(raw);
        let settings = Settings {
            performance_mode: raw.performance_mode.as_ref().map(|m| m.value.as_str().to_owned()),
            throughput_mode: self.throughput(raw),
            availability_zone: raw.availability_zone.as_ref().map(|zone| zone.value.clone()),
            backup: raw.backup.as_ref().map(|backup| backup.value),
            lifecycle: raw.lifecycle.as_ref().map(|lifecycle| self.lifecycle(raw, lifecycle)),
            mount_targets,
        };
        let given = Given {
            kind: Kind::EfsFileSystem,
            name,
            key: &raw.key,
            removable: false,
            tags: raw.tags.as_ref(),
            existing: raw.existing.as_ref(),
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &[
                ("performance_mode", raw.performance_mode.as_ref().map(|m| m.span)),
                ("throughput_mode", raw.throughput_mode.as_ref().map(|m| m.span)),
                ("provisioned_throughput", raw.provisioned_throughput.as_ref().map(|t| t.span)),
                ("availability_zone", raw.availability_zone.as_ref().map(|zone| zone.span)),
                ("backup", raw.backup.as_ref().map(|backup| backup.span)),
                ("lifecycle", raw.lifecycle.as_ref().map(|lifecycle| lifecycle.span)),
                ("mount_targets", raw.mount_targets.as_ref().map(|targets| targets.span)),
            ],
        };
        self.consumer(&given, settings, Spec::EfsFileSystem);
    }

    /// What does not go together (EFS User Guide, performance modes).
    fn modes(&mut self, raw: &raw::FileSystem) {
        let is_max = |mode: &&Spanned<PerformanceMode>| mode.value == PerformanceMode::MaxIo;
        let Some(mode) = raw.performance_mode.as_ref().filter(is_max) else {
            return;
        };
        let help = "EFS recommends `generalPurpose` for all file systems: drop `maxIO`";
        if raw.availability_zone.is_some() {
            self.error(mode.span, "a file system in one zone cannot be `maxIO`", help);
        }
        if raw.throughput_mode.as_ref().is_some_and(|m| m.value == ThroughputMode::Elastic) {
            self.error(mode.span, "an elastic file system cannot be `maxIO`", help);
        }
    }

    fn throughput(&mut self, raw: &raw::FileSystem) -> Option<Throughput> {
        let mode = raw.throughput_mode.as_ref();
        match (mode.map(|mode| mode.value), &raw.provisioned_throughput) {
            (None, None) => None,
            (Some(ThroughputMode::Bursting), None) => Some(Throughput::Bursting),
            (Some(ThroughputMode::Elastic), None) => Some(Throughput::Elastic),
            (Some(ThroughputMode::Provisioned), Some(mibps)) => {
                if !(1..=MAX_MIBPS).contains(&mibps.value) {
                    let message = format!("a throughput of {} MiB/s is not possible", mibps.value);
                    self.error(mibps.span, message, format!("EFS accepts 1 to {MAX_MIBPS}"));
                }
                Some(Throughput::Provisioned { mibps: mibps.value })
            }
            (Some(ThroughputMode::Provisioned), None) => {
                let help = "say `provisioned_throughput:` in MiB/s, or another mode";
                let span = mode.map_or(raw.span, |mode| mode.span);
                self.error(span, "provisioned throughput wants a number", help);
                None
            }
            (None | Some(ThroughputMode::Bursting | ThroughputMode::Elastic), Some(mibps)) => {
                let help = "say `throughput_mode: provisioned`, or drop the number";
                self.error(mibps.span, "the throughput is not provisioned", help);
                None
            }
        }
    }

    /// EFS moves to Archive later than to Infrequent Access, and only elastic file systems (EFS
    /// PutLifecycleConfiguration).
    fn lifecycle(&mut self, raw: &raw::FileSystem, given: &raw::Lifecycle) -> Lifecycle {
        if let (Some(ia), Some(archive)) = (&given.transition_to_ia, &given.transition_to_archive)
            && archive.value <= ia.value
        {
            let help = "files go to Infrequent Access first: let them wait longer for Archive";
            self.error(archive.span, "Archive does not come later than Infrequent Access", help);
        }
        let slow = raw.throughput_mode.as_ref();
        let slow = slow.is_none_or(|mode| mode.value != ThroughputMode::Elastic);
        if let Some(archive) = given.transition_to_archive.as_ref().filter(|_| slow) {
            let help = "say `throughput_mode: elastic`, or drop `transition_to_archive`";
            self.error(archive.span, "only elastic file systems have Archive", help);
        }
        let unused =
            |rule: Option<&Spanned<raw::Unused>>| rule.map(|r| r.value.as_str().to_owned());
        let used = given.transition_to_primary.as_ref();
        Lifecycle {
            transition_to_ia: unused(given.transition_to_ia.as_ref()),
            transition_to_archive: unused(given.transition_to_archive.as_ref()),
            transition_to_primary: used.map(|rule| rule.value.as_str().to_owned()),
        }
    }

    fn mount_targets(&mut self, raw: &raw::FileSystem) -> Option<Vec<MountTarget>> {
        let given = raw.mount_targets.as_ref()?;
        let mut subnets = BTreeSet::new();
        for target in &given.value {
            self.prefixed(&target.subnet, "subnet-", "a subnet");
            if !subnets.insert(target.subnet.value.as_str()) {
                let message = format!("`{}` has a mount target already", target.subnet.value);
                self.error(target.subnet.span, message, "a zone has room for one: drop this one");
            }
            let groups = target.security_groups.as_ref();
            for group in groups.iter().flat_map(|groups| &groups.value) {
                self.prefixed(group, "sg-", "a security group");
            }
            if let Some(groups) =
                groups.filter(|g| g.value.is_empty() || g.value.len() > MAX_GROUPS)
            {
                let message = format!("{} security groups are not possible", groups.value.len());
                self.error(groups.span, message, format!("name 1 to {MAX_GROUPS}"));
            }
        }
        if let (Some(zone), Some(second)) = (&raw.availability_zone, given.value.get(1)) {
            let message = format!("a file system in `{}` has one mount target", zone.value);
            self.error(second.span, message, "keep the one whose subnet is in that zone");
        }
        let each = given.value.iter().map(|target| MountTarget {
            subnet: target.subnet.value.clone(),
            security_groups: target
                .security_groups
                .as_ref()
                .map(|groups| groups.value.iter().map(|group| group.value.clone()).collect()),
            id: None,
        });
        let mut targets: Vec<MountTarget> = each.collect();
        targets.sort();
        Some(targets)
    }

    /// An id of EC2's, which tells by its first letters what it is of.
    pub(super) fn prefixed(&mut self, text: &Text, prefix: &str, what: &str) {
        if !text.value.starts_with(prefix) && !self.gaps.text {
            let message = format!("`{}` is not the id of {what}", text.value);
            self.error(text.span, message, format!("write it as AWS shows it: `{prefix}…`"));
        }
    }
}
