//! The fields of a file system.

use super::{Lifecycle, MountTarget, Throughput};
use crate::decode::{Decode, Diagnostics, Spanned, choice, record};
use crate::form::Form;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::kind::values::{SecurityGroup, Set, Subnet, aws_id, positive};
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The number of security groups that a mount target can have (EFS API Reference, CreateMountTarget:
/// `SecurityGroups`). The quota of the VPC may be lower.
const MAX_GROUPS: usize = 100;

/// The form of the ids of file systems.
const FILE_SYSTEM: Form = Form::id("fs-");

pub(super) const SYNTAX: Syntax = Syntax {
    section: Section { name: "efs", description: "EFS: file systems." },
    list: ("file_systems", "File systems, by names of yours."),
    resource: "An EFS file system.",
    example: "{key: NAME}",
    key: "The key that encrypts the file system: the name of a key of the stack, or the ARN or an alias of \
          another key. Fixed at creation: for another key, create a new file system and replicate.",
    removable_key: false,
    existing: "The id of a file system that kmsctl did not create: its key is checked, and statements are \
               derived.",
    existing_form: || FILE_SYSTEM.schema(),
    used_by: Some((
        "used_by",
        "Principals that create and mount the file system: a derived statement lets them use the key \
         through EFS.",
    )),
    creates: true,
};

settings! {
    /// The settings of a file system.
    pub struct Settings {
        /// The performance mode; fixed at creation.
        performance_mode: String as PerformanceMode,
        /// The throughput mode, with the throughput if it is provisioned.
        @live throughput_mode: Throughput,
        /// The throughput mode; default of AWS: `bursting`.
        @declared throughput_mode: Option<Spanned<ThroughputMode>>,
        /// Throughput in MiB/s; with `throughput_mode: provisioned` only.
        @declared @like(positive) provisioned_throughput: Option<Spanned<u32>>,
        /// The Availability Zone of a One Zone file system, such as `eu-central-1a`; fixed at creation.
        availability_zone: String,
        /// Whether AWS Backup creates automatic backups.
        backup: bool,
        /// The rules that move files to cheaper storage. A rule that is not given is removed; `{}`
        /// removes all.
        lifecycle: Lifecycle as LifecycleFields,
        /// All mount targets, at most one in each Availability Zone.
        mount_targets: Vec<MountTarget> as MountTargets,
    }
}

choice! {
    /// The performance mode of a file system.
    pub enum PerformanceMode {
        /// Recommended for nearly all uses.
        GeneralPurpose = "generalPurpose",
        /// Higher latency, for thousands of clients.
        MaxIo = "maxIO",
    }
}

choice! {
    /// The throughput mode of a file system.
    pub enum ThroughputMode {
        /// Throughput grows with the size, with bursts.
        Bursting = "bursting",
        /// Throughput follows the load.
        Elastic = "elastic",
        /// Throughput is fixed at `provisioned_throughput`.
        Provisioned = "provisioned",
    }
}

record! {
    /// The rules that move files to cheaper storage and back.
    pub struct LifecycleFields {
        /// The time without access after which a file moves to Infrequent Access.
        transition_to_ia: Option<Spanned<Unused>>,
        /// The time without access after which a file moves to Archive; longer than that for
        /// Infrequent Access, and with elastic throughput only.
        transition_to_archive: Option<Spanned<Unused>>,
        /// The access after which a file moves back to the primary storage.
        transition_to_primary: Option<Spanned<Used>>,
    }
}

choice! {
    /// The time without access to a file, as the EFS API names it.
    pub enum Unused {
        /// A day.
        Day1 = "AFTER_1_DAY",
        /// A week.
        Days7 = "AFTER_7_DAYS",
        /// Two weeks.
        Days14 = "AFTER_14_DAYS",
        /// A month.
        Days30 = "AFTER_30_DAYS",
        /// Two months.
        Days60 = "AFTER_60_DAYS",
        /// Three months.
        Days90 = "AFTER_90_DAYS",
        /// Six months.
        Days180 = "AFTER_180_DAYS",
        /// Nine months.
        Days270 = "AFTER_270_DAYS",
        /// A year.
        Days365 = "AFTER_365_DAYS",
    }
}

choice! {
    /// The number of accesses to a file, as the EFS API names it.
    pub enum Used {
        /// Once.
        Once = "AFTER_1_ACCESS",
    }
}

impl From<LifecycleFields> for Lifecycle {
    fn from(fields: LifecycleFields) -> Self {
        Self {
            transition_to_ia: fields.transition_to_ia.map(|rule| rule.value.into()),
            transition_to_archive: fields.transition_to_archive.map(|rule| rule.value.into()),
            transition_to_primary: fields.transition_to_primary.map(|rule| rule.value.into()),
        }
    }
}

record! {
    /// A mount target, through which instances of an Availability Zone reach a file system.
    pub struct MountTargetFields {
        /// The id of the subnet.
        subnet: Spanned<Subnet>,
        /// The ids of 1 to 100 security groups; default of AWS: the VPC's default group.
        @list(groups)
        security_groups: Option<Spanned<Set<SecurityGroup>>>,
    }
}

/// Returns the JSON Schema of the number of security groups.
fn groups() -> Json {
    json!({"minItems": 1, "maxItems": MAX_GROUPS})
}

/// The mount targets of a file system, each in another subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTargets(Vec<MountTargetFields>);

impl Decode for MountTargets {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let targets = Vec::<MountTargetFields>::decode(node, d)?;
        let mut subnets = BTreeSet::new();
        for target in &targets {
            let subnet = &target.subnet.value.0;
            if !subnets.insert(subnet) {
                let message = format!("`{subnet}` has a mount target already");
                let help = "an Availability Zone has one mount target: remove this one";
                d.error(target.subnet.span, message, help);
            }
            if let Some(groups) = &target.security_groups
                && !(1..=MAX_GROUPS).contains(&groups.value.0.len())
            {
                let message = format!("{} security groups are not possible", groups.value.0.len());
                let help = format!("name 1 to {MAX_GROUPS}");
                d.error(groups.span, message, help);
            }
        }
        Some(Self(targets))
    }
    fn schema() -> Json {
        Vec::<MountTargetFields>::schema()
    }
}

impl From<MountTargets> for Vec<MountTarget> {
    fn from(targets: MountTargets) -> Self {
        let mut targets: Self = targets.0.into_iter().map(MountTarget::from).collect();
        targets.sort();
        targets
    }
}

impl From<MountTargetFields> for MountTarget {
    fn from(fields: MountTargetFields) -> Self {
        Self {
            subnet: fields.subnet.value.into(),
            security_groups: fields.security_groups.map(|groups| groups.value.into()),
            id: None,
        }
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if let Some(existing) = check.existing
        && let Some((message, help)) = aws_id(&existing.value, FILE_SYSTEM, "a file system")
    {
        check.error(existing.span, message, help);
    }
    check.zone(fields.availability_zone.as_ref());
    performance(fields, check);
    storage(fields, check);
    if let (Some(zone), Some(targets)) = (&fields.availability_zone, &fields.mount_targets)
        && let Some(second) = targets.value.0.get(1)
    {
        let message = format!("a file system in `{}` has one mount target", zone.value);
        check.error(second.span, message, "keep the one whose subnet is in that zone");
    }
    let throughput_mode = throughput(fields, check);
    Settings { throughput_mode, ..consumer::Settings::of(fields) }
}

/// Checks the settings that the performance mode excludes (EFS User Guide, Performance modes).
fn performance(fields: &Fields, check: &mut Check<'_>) {
    let Some(Spanned { value: PerformanceMode::MaxIo, span }) = fields.performance_mode else {
        return;
    };
    let help = "EFS recommends `generalPurpose` for all file systems: remove `maxIO`";
    if fields.availability_zone.is_some() {
        check.error(span, "a file system in one zone cannot be `maxIO`", help);
    }
    if is_elastic(fields) {
        check.error(span, "an elastic file system cannot be `maxIO`", help);
    }
}

fn is_elastic(fields: &Fields) -> bool {
    fields.throughput_mode.as_ref().is_some_and(|mode| mode.value == ThroughputMode::Elastic)
}

/// Checks that files move to Archive later than to Infrequent Access, and only in elastic file systems
/// (EFS API Reference, PutLifecycleConfiguration).
fn storage(fields: &Fields, check: &mut Check<'_>) {
    let Some(lifecycle) = &fields.lifecycle else {
        return;
    };
    let Some(archive) = &lifecycle.value.transition_to_archive else {
        return;
    };
    if let Some(ia) = &lifecycle.value.transition_to_ia
        && archive.value <= ia.value
    {
        let help = "files move to Infrequent Access first: set a longer time for Archive";
        check.error(archive.span, "Archive does not come later than Infrequent Access", help);
    }
    if !is_elastic(fields) {
        let help = "set `throughput_mode: elastic`, or remove `transition_to_archive`";
        check.error(archive.span, "only elastic file systems have Archive", help);
    }
}

fn throughput(fields: &Fields, check: &mut Check<'_>) -> Option<Throughput> {
    let mode = fields.throughput_mode.as_ref();
    match (mode.map(|mode| mode.value), &fields.provisioned_throughput) {
        (None, None) => None,
        (Some(ThroughputMode::Bursting), None) => Some(Throughput::Bursting),
        (Some(ThroughputMode::Elastic), None) => Some(Throughput::Elastic),
        (Some(ThroughputMode::Provisioned), Some(mibps)) => {
            // AWS raises the largest throughput of an account on request.
            if mibps.value == 0 {
                let message = "a throughput of 0 MiB/s is not possible";
                check.error(mibps.span, message, "EFS accepts 1 and more");
            }
            Some(Throughput::Provisioned { mibps: mibps.value })
        }
        (Some(ThroughputMode::Provisioned), None) => {
            let help = "set `provisioned_throughput:` in MiB/s, or another mode";
            let span = mode.map_or(fields.span, |mode| mode.span);
            check.error(span, "`provisioned` needs a throughput", help);
            None
        }
        (None | Some(ThroughputMode::Bursting | ThroughputMode::Elastic), Some(mibps)) => {
            let help = "set `throughput_mode: provisioned`, or remove the number";
            check.error(mibps.span, "the throughput is not provisioned", help);
            None
        }
    }
}
