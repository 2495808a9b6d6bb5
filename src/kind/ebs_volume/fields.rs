//! The fields of a volume.

use crate::decode::{Given as _, Spanned, choice};
use crate::form::Form;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::kind::values::{aws_id, checked};
use serde_json::{Value as Json, json};
use std::ops::RangeInclusive;

/// The section of everything about EBS.
pub const SECTION: Section = Section {
    name: "ebs",
    description: "EBS: the encryption default of the account, and volumes.",
};

/// The form of the ids of volumes.
const VOLUME: Form = Form::id("vol-");
/// The form of the ids of snapshots.
const SNAPSHOT: Form = Form::id("snap-");

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("volumes", "Volumes, by names of yours."),
    resource: "An EBS volume.",
    example: "{availability_zone: ZONE, size_gib: 20, type: gp3, key: NAME}",
    key: "The key that encrypts the volume: the name of a key of the stack, or the ARN or an alias of \
          another key. Fixed at creation: for another key, copy a snapshot with it and create a new \
          volume.",
    removable_key: false,
    existing: "The id of a volume that kmsctl did not create: its key is checked, and statements are \
               derived.",
    existing_form: || VOLUME.schema(),
    used_by: Some((
        "used_by",
        "Principals that create and attach the volume: derived statements let them use the key through \
         EC2, and create grants for AWS resources.",
    )),
    creates: true,
};

settings! {
    /// The settings of a volume.
    pub struct Settings {
        /// The Availability Zone, such as `eu-central-1a`; required unless `existing` is given. Fixed at
        /// creation.
        availability_zone: String,
        /// The size in GiB; it can grow. Default: the size of the snapshot.
        @like(sizes) size_gib: u32,
        /// The volume type; default of AWS: gp2.
        r#type: String as VolumeType,
        /// I/O operations per second; for gp3, io1 and io2.
        @like(all_iops) iops: u32,
        /// Throughput in MiB/s; for gp3.
        @like(all_throughputs) throughput: u32,
        /// The snapshot to create the volume from; fixed at creation.
        snapshot_id: String as Snapshot,
        /// Whether several instances can attach it at the same time; for io1 and io2.
        multi_attach: bool,
    }
}

choice! {
    /// The type of a volume.
    pub enum VolumeType {
        /// General Purpose SSD.
        Gp2 = "gp2",
        /// General Purpose SSD; IOPS and throughput are set apart from the size.
        Gp3 = "gp3",
        /// Provisioned IOPS SSD.
        Io1 = "io1",
        /// Provisioned IOPS SSD, more durable.
        Io2 = "io2",
        /// Throughput Optimized HDD.
        St1 = "st1",
        /// Cold HDD.
        Sc1 = "sc1",
        /// Magnetic, the previous generation.
        Standard = "standard",
    }
}

checked! {
    /// The id of a snapshot.
    pub struct Snapshot = |text| aws_id(text, SNAPSHOT, "a snapshot"), SNAPSHOT.schema();
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if let Some(existing) = check.existing
        && let Some((message, help)) = aws_id(&existing.value, VOLUME, "a volume")
    {
        check.error(existing.span, message, help);
    }
    required(fields, check);
    check.zone(fields.availability_zone.as_ref());
    form(fields, check);
    consumer::Settings::of(fields)
}

/// Returns the JSON Schema of sizes of volumes of all types.
fn sizes() -> Json {
    let ranges = Limits::all().map(|limits| limits.size);
    around(ranges)
}

/// Returns the JSON Schema of the IOPS of volumes of all types.
fn all_iops() -> Json {
    around(Limits::all().filter_map(|limits| limits.iops))
}

/// Returns the JSON Schema of the throughput of volumes of all types.
fn all_throughputs() -> Json {
    around(Limits::all().filter_map(|limits| limits.throughput))
}

/// Returns the JSON Schema of the numbers of all ranges.
fn around(ranges: impl Iterator<Item = RangeInclusive<u32>>) -> Json {
    let all: Vec<RangeInclusive<u32>> = ranges.collect();
    let low = all.iter().map(|range| *range.start()).min();
    let high = all.iter().map(|range| *range.end()).max();
    json!({"minimum": low, "maximum": high})
}

fn required(fields: &Fields, check: &mut Check<'_>) {
    let existing = "or `existing:` for a volume that exists";
    let help = format!("set `availability_zone: {}a`, {existing}", check.place.region);
    check.required("availability_zone", &fields.availability_zone, &help);
    if fields.snapshot_id.is_none() {
        let help = format!("set `size_gib: 20`, `snapshot_id:` for a copy, {existing}");
        check.required("size_gib", &fields.size_gib, &help);
    }
}

/// The values that AWS accepts for a type of volume; `None` if it accepts none.
struct Limits {
    size: RangeInclusive<u32>,
    iops: Option<RangeInclusive<u32>>,
    throughput: Option<RangeInclusive<u32>>,
}

impl Limits {
    /// Returns the limits of every type.
    fn all() -> impl Iterator<Item = Self> {
        VolumeType::ALL.iter().map(|volume| Self::of(Some(*volume)))
    }

    /// EC2 API Reference, CreateVolume: `Size`, `Iops`, `Throughput`. Without a type, only the size is
    /// known to be limited.
    fn of(volume: Option<VolumeType>) -> Self {
        let (size, iops, throughput) = match volume {
            None => (1..=65_536, None, None),
            Some(VolumeType::Gp2) => (1..=16_384, None, None),
            Some(VolumeType::Gp3) => (1..=65_536, Some(3_000..=80_000), Some(125..=2_000)),
            Some(VolumeType::Io1) => (4..=16_384, Some(100..=64_000), None),
            Some(VolumeType::Io2) => (4..=65_536, Some(100..=256_000), None),
            Some(VolumeType::St1 | VolumeType::Sc1) => (125..=16_384, None, None),
            Some(VolumeType::Standard) => (1..=1_024, None, None),
        };
        Self { size, iops, throughput }
    }
}

/// Checks the size and speed against the type.
fn form(fields: &Fields, check: &mut Check<'_>) {
    let volume = fields.r#type.as_ref().map(|given| given.value);
    let is_new = check.existing.is_none();
    let limits = match volume {
        // The default of CreateVolume.
        None if is_new => {
            Limits { iops: None, throughput: None, ..Limits::of(Some(VolumeType::Gp2)) }
        }
        volume => Limits::of(volume),
    };
    let of = match volume {
        Some(volume) => format!("of type {}", volume.as_str()),
        None => "without a `type`".to_owned(),
    };
    within(check, "size_gib", fields.size_gib.as_ref(), Some(limits.size), &of);
    within(check, "iops", fields.iops.as_ref(), limits.iops, &of);
    within(check, "throughput", fields.throughput.as_ref(), limits.throughput, &of);
    ratios(fields, volume, check);
    let provisioned = matches!(volume, Some(VolumeType::Io1 | VolumeType::Io2));
    if let (true, None, Some(span)) = (provisioned, &fields.iops, fields.r#type.given()) {
        let help = "set `iops:`, or choose `type: gp3`, which has 3000";
        check.error(span, format!("a volume {of} needs `iops`"), help);
    }
    if let Some(Spanned { value: true, span }) = fields.multi_attach
        && !provisioned
    {
        let help = "several instances can attach io1 and io2 volumes only";
        check.error(span, format!("a volume {of} has no `multi_attach`"), help);
    }
}

/// Checks the IOPS against the size, and the throughput against the IOPS (EBS User Guide, "General Purpose SSD volumes"
/// and "Provisioned IOPS SSD volumes"). A gp3 volume of any size has 3,000 IOPS.
fn ratios(fields: &Fields, volume: Option<VolumeType>, check: &mut Check<'_>) {
    let per_gib = match volume {
        Some(VolumeType::Gp3) => 500,
        Some(VolumeType::Io1) => 50,
        Some(VolumeType::Io2) => 1_000,
        Some(VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 | VolumeType::Standard) | None => {
            return;
        }
    };
    let Some(iops) = &fields.iops else {
        default_iops(fields, volume, check);
        return;
    };
    if let Some(size) = &fields.size_gib {
        let least = if volume == Some(VolumeType::Gp3) { 3_000 } else { 0 };
        let most = size.value.saturating_mul(per_gib).max(least);
        if iops.value > most {
            let message = format!("{} IOPS are too many for {} GiB", iops.value, size.value);
            let help = format!("EC2 accepts at most {per_gib} IOPS for each GiB, here {most}");
            check.error(iops.span, message, help);
        }
    }
    if let Some(throughput) = &fields.throughput
        && volume == Some(VolumeType::Gp3)
        && throughput.value > iops.value / 4
    {
        let (most, given) = (iops.value / 4, throughput.value);
        let message = format!("a throughput of {given} MiB/s is too much for {} IOPS", iops.value);
        let help = format!("EC2 accepts at most 0.25 MiB/s for each of the IOPS, here {most}");
        check.error(throughput.span, message, help);
    }
}

/// Checks the throughput of a new gp3 volume against the IOPS that it has without `iops`.
fn default_iops(fields: &Fields, volume: Option<VolumeType>, check: &mut Check<'_>) {
    if let Some(throughput) = &fields.throughput
        && volume == Some(VolumeType::Gp3)
        && check.existing.is_none()
        && throughput.value > 750
    {
        let given = throughput.value;
        let message =
            format!("a throughput of {given} MiB/s is too much for the 3000 IOPS of a new volume");
        let help = format!("set `iops: {}` or more", given.saturating_mul(4));
        check.error(throughput.span, message, help);
    }
}

fn within(
    check: &mut Check<'_>,
    field: &str,
    given: Option<&Spanned<u32>>,
    limits: Option<RangeInclusive<u32>>,
    of: &str,
) {
    let Some(given) = given else {
        return;
    };
    let Some(limits) = limits else {
        let help = match field {
            "iops" => "AWS accepts it for `type: gp3`, `io1` and `io2`",
            _ => "AWS accepts it for `type: gp3`",
        };
        check.error(given.span, format!("a volume {of} has no `{field}`"), help);
        return;
    };
    if !limits.contains(&given.value) {
        let message = format!("`{field}` of a volume {of} cannot be {}", given.value);
        let help = format!("AWS accepts {} to {}", limits.start(), limits.end());
        check.error(given.span, message, help);
    }
}
