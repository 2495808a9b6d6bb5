//! EBS volumes, and what holds for the new ones of a Region.

use super::super::Context;
use super::Given;
use crate::config::Spanned;
use crate::config::raw::{self, Ebs, Part, Settable, Text, VolumeType};
use crate::desired::Declared;
use crate::id::Place;
use crate::kind::address::Address;
use crate::kind::consumer::{Common, Spec as Consumer, Tags};
use crate::kind::{self, Kind, Spec, ebs_default, ebs_volume};
use std::ops::RangeInclusive;

/// What AWS takes for a type of volumes.
struct Limits {
    size: RangeInclusive<u32>,
    iops: Option<RangeInclusive<u32>>,
    throughput: Option<RangeInclusive<u32>>,
}

/// EC2 API Reference, CreateVolume: `Size`, `Iops`, `Throughput`.
fn limits(volume: VolumeType) -> Limits {
    let of = |size, iops, throughput| Limits { size, iops, throughput };
    match volume {
        VolumeType::Gp2 => of(1..=16_384, None, None),
        VolumeType::Gp3 => of(1..=65_536, Some(3_000..=80_000), Some(125..=2_000)),
        VolumeType::Io1 => of(4..=16_384, Some(100..=64_000), None),
        VolumeType::Io2 => of(4..=65_536, Some(100..=256_000), None),
        VolumeType::St1 | VolumeType::Sc1 => of(125..=16_384, None, None),
        VolumeType::Standard => of(1..=1_024, None, None),
    }
}

/// Where the type is not declared, it is one of them.
const ANY: Limits = Limits { size: 1..=65_536, iops: None, throughput: None };

impl Context<'_> {
    pub(in super::super) fn ebs(&mut self, raw: &Ebs) {
        if let Some(Part(Some(default))) = &raw.default {
            self.ebs_default(default);
        }
        for (name, volume) in &raw.volumes {
            if let Part(Some(volume)) = volume {
                self.volume(name, volume);
            }
        }
    }

    /// The settings are always there: they count as existing ones, whose id is the Region.
    fn ebs_default(&mut self, raw: &raw::EbsDefault) {
        let Some(place) = self.place(raw.region.as_ref()) else {
            return;
        };
        let name = Spanned { span: raw.span, value: String::new() };
        let key = match &raw.key {
            Settable::Missing => None,
            Settable::Null(_) | Settable::Value(_) => {
                let given = bare(Kind::EbsDefault, &name, &raw.key);
                self.encryption(&given, &place)
            }
        };
        let encryption = raw.encryption.as_ref().map(|on| on.value);
        if encryption.is_none() && raw.key == Settable::Missing {
            let help = "say `encryption: true`, or which `key` encrypts new volumes";
            self.error(raw.span, "nothing is said of new volumes", help);
        }
        let existing = Some(place.region.to_string());
        let common = Common { key, existing, tags: Tags::new() };
        let settings = ebs_default::Settings { encryption };
        let spec = Spec::EbsDefault(Consumer { common, settings });
        let address = Address::new(Kind::EbsDefault, "");
        self.places.insert(address.clone(), raw.span);
        let declared = Declared { span: raw.span, ..Declared::new(spec, place) };
        self.out.resources.insert(address, declared);
    }

    fn volume(&mut self, name: &Text, raw: &raw::Volume) {
        match &raw.existing {
            Some(existing) => self.begins(existing, "vol-", "a volume"),
            None => self.must_have(name, raw),
        }
        if let Some(snapshot) = &raw.snapshot_id {
            self.begins(snapshot, "snap-", "a snapshot");
        }
        let place = self.place_unless_unknown(raw.region.as_ref());
        if let (Some(zone), Some(place)) = (&raw.availability_zone, place) {
            self.zone(zone, &place);
        }
        self.form(raw);
        let number = |given: &Option<Spanned<u32>>| {
            given.as_ref().and_then(|given| i32::try_from(given.value).ok())
        };
        let settings = ebs_volume::Settings {
            availability_zone: raw.availability_zone.as_ref().map(|zone| zone.value.clone()),
            size_gib: number(&raw.size_gib),
            r#type: raw.r#type.as_ref().map(|given| given.value.as_str().to_owned()),
            iops: number(&raw.iops),
            throughput: number(&raw.throughput),
            snapshot_id: raw.snapshot_id.as_ref().map(|id| id.value.clone()),
            multi_attach: raw.multi_attach.as_ref().map(|on| on.value),
        };
        let given = Given {
            tags: raw.tags.as_ref(),
            existing: raw.existing.as_ref(),
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            removable: false,
            creation: &[
                ("availability_zone", raw.availability_zone.as_ref().map(|zone| zone.span)),
                ("size_gib", raw.size_gib.as_ref().map(|size| size.span)),
                ("type", raw.r#type.as_ref().map(|given| given.span)),
                ("iops", raw.iops.as_ref().map(|iops| iops.span)),
                ("throughput", raw.throughput.as_ref().map(|given| given.span)),
                ("snapshot_id", raw.snapshot_id.as_ref().map(|id| id.span)),
                ("multi_attach", raw.multi_attach.as_ref().map(|on| on.span)),
            ],
            ..bare(Kind::EbsVolume, name, &raw.key)
        };
        self.consumer(&given, settings, kind::Spec::EbsVolume);
    }

    fn begins(&mut self, text: &Text, start: &str, what: &str) {
        let rest = text.value.strip_prefix(start).unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let help = format!("write it as AWS does: `{start}` and hexadecimal digits");
            self.error(text.span, format!("`{}` is not the id of {what}", text.value), help);
        }
    }

    fn must_have(&mut self, name: &Text, raw: &raw::Volume) {
        let help = "or `existing:` for a volume that is there already";
        if raw.availability_zone.is_none() {
            let help = format!("say `availability_zone: {}a`, {help}", self.out.home.region);
            self.error(name.span, "`availability_zone` is not given", help);
        }
        if raw.size_gib.is_none() && raw.snapshot_id.is_none() {
            let help = format!("say `size_gib: 20`, `snapshot_id:` for a copy, {help}");
            self.error(name.span, "`size_gib` is not given", help);
        }
    }

    /// The place, where it does not depend on what is not known yet.
    fn place_unless_unknown(&self, region: Option<&Text>) -> Option<Place> {
        match region {
            None if self.gaps.region => None,
            None => Some(self.out.home.clone()),
            // A wrong Region is told where the resource is declared.
            Some(text) => {
                let region = text.value.parse().ok()?;
                Some(Place { account: self.out.home.account.clone(), region })
            }
        }
    }

    fn zone(&mut self, zone: &Text, place: &Place) {
        let rest = zone.value.strip_prefix(place.region.as_str());
        if rest.is_none_or(|rest| !rest.ends_with(|c: char| c.is_ascii_lowercase())) {
            let message = format!("`{}` is not a zone of {}", zone.value, place.region);
            let help = format!("write its name, such as `{}a`", place.region);
            self.error(zone.span, message, help);
        }
    }

    fn form(&mut self, raw: &raw::Volume) {
        let named = raw.r#type.as_ref().map(|given| given.value);
        let limits = named.map_or(ANY, limits);
        let of = match named {
            Some(named) => format!("of type {}", named.as_str()),
            None => "without a `type`".to_owned(),
        };
        self.within("size_gib", raw.size_gib.as_ref(), Some(limits.size), &of);
        self.within("iops", raw.iops.as_ref(), limits.iops, &of);
        self.within("throughput", raw.throughput.as_ref(), limits.throughput, &of);
        let provisioned = matches!(named, Some(VolumeType::Io1 | VolumeType::Io2));
        if let (true, None, Some(given)) = (provisioned, &raw.iops, &raw.r#type) {
            let help = "say `iops:`, or choose `type: gp3`, which has 3000";
            self.error(given.span, format!("a volume {of} wants `iops`"), help);
        }
        if let Some(on) = raw.multi_attach.as_ref().filter(|on| on.value && !provisioned) {
            let help = "several instances can attach io1 and io2 volumes only";
            self.error(on.span, format!("a volume {of} takes no `multi_attach`"), help);
        }
    }

    fn within(
        &mut self,
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
                "iops" => "AWS takes it for `type: gp3`, `io1` and `io2`",
                _ => "AWS takes it for `type: gp3`",
            };
            self.error(given.span, format!("a volume {of} takes no `{field}`"), help);
            return;
        };
        if !limits.contains(&given.value) {
            let message = format!("`{field}` of a volume {of} cannot be {}", given.value);
            let help = format!("AWS accepts {} to {}", limits.start(), limits.end());
            self.error(given.span, message, help);
        }
    }
}

/// A consumer of which nothing but the key is said.
pub(super) fn bare<'a>(kind: Kind, name: &'a Text, key: &'a Settable<Text>) -> Given<'a> {
    Given {
        kind,
        name,
        key,
        removable: true,
        tags: None,
        existing: None,
        used_by: None,
        derive_policy: None,
        protect: None,
        region: None,
        creation: &[],
    }
}
