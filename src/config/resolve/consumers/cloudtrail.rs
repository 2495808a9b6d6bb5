//! CloudTrail's trails and event data stores.

use super::super::Context;
use super::Given;
use crate::config::Spanned;
use crate::config::raw::{self, Cloudtrail, Part, Text};
use crate::kind::address::Address;
use crate::kind::cloudtrail::{AdvancedEventSelector, FieldSelector};
use crate::kind::cloudtrail_event_data_store as store;
use crate::kind::cloudtrail_trail::{self as trail, DataResource, EventSelector};
use crate::kind::{Kind, Spec};
use crate::policy::derive::Condition;
use crate::tree::Span;
use std::collections::BTreeSet;

/// What CloudTrail accepts as the name of a trail or a store (CloudTrail API, `CreateTrail`).
const NAMES: &str = "CloudTrail wants 3 to 128 letters, digits, `.`, `_` and `-`, beginning and ending \
                     with a letter or a digit, and no two signs side by side";

impl Context<'_> {
    pub(in super::super) fn cloudtrail(&mut self, raw: &Cloudtrail) {
        for (name, trail) in &raw.trails {
            if let Part(Some(trail)) = trail {
                self.trail(name, trail);
            }
        }
        for (name, store) in &raw.event_data_stores {
            if let Part(Some(store)) = store {
                self.event_data_store(name, store);
            }
        }
    }

    fn trail(&mut self, name: &Text, raw: &raw::Trail) {
        let existing = raw.existing.as_ref();
        self.trail_name(existing.unwrap_or(name));
        if existing.is_none() && raw.bucket.is_none() {
            let help = "say `bucket: NAME`, or `existing:` for a trail that is there already";
            self.error(name.span, "`bucket` is not given", help);
        }
        if let Some(bucket) = &raw.bucket {
            self.bucket(bucket);
        }
        if let Some(prefix) = &raw.prefix {
            self.prefix(prefix);
        }
        self.everywhere(raw);
        if let (Some(_), Some(advanced)) = (&raw.event_selectors, &raw.advanced_event_selectors) {
            let help = "a trail has selectors of one sort: keep one of the two";
            let message = "`advanced_event_selectors` stands beside `event_selectors`";
            self.error(advanced.span, message, help);
        }
        let settings = trail::Settings {
            bucket: raw.bucket.as_ref().map(|bucket| bucket.value.clone()),
            prefix: raw.prefix.as_ref().map(|prefix| prefix.value.clone()),
            multi_region: flag(raw.multi_region.as_ref()),
            organization: flag(raw.organization.as_ref()),
            log_file_validation: flag(raw.log_file_validation.as_ref()),
            include_global_events: flag(raw.include_global_events.as_ref()),
            event_selectors: raw.event_selectors.as_ref().map(|all| self.event_selectors(all)),
            advanced_event_selectors: self.advanced(raw.advanced_event_selectors.as_ref()),
            logging: flag(raw.logging.as_ref()).or(existing.is_none().then_some(true)),
        };
        let given = Given {
            kind: Kind::CloudtrailTrail,
            name,
            key: &raw.key,
            removable: true,
            tags: raw.tags.as_ref(),
            existing,
            used_by: raw.log_readers.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &[
                ("bucket", raw.bucket.as_ref().map(|text| text.span)),
                ("prefix", raw.prefix.as_ref().map(|text| text.span)),
                ("multi_region", span(raw.multi_region.as_ref())),
                ("organization", span(raw.organization.as_ref())),
                ("log_file_validation", span(raw.log_file_validation.as_ref())),
                ("include_global_events", span(raw.include_global_events.as_ref())),
                ("event_selectors", span(raw.event_selectors.as_ref())),
                ("advanced_event_selectors", span(raw.advanced_event_selectors.as_ref())),
                ("logging", span(raw.logging.as_ref())),
            ],
        };
        self.consumer(&given, settings, Spec::CloudtrailTrail);
    }

    fn trail_name(&mut self, name: &Text) {
        let text = name.value.as_str();
        let sign = |c: char| matches!(c, '.' | '_' | '-');
        let known = text.chars().all(|c| c.is_ascii_alphanumeric() || sign(c));
        let ends = text.starts_with(sign) || text.ends_with(sign);
        let chars: Vec<char> = text.chars().collect();
        let doubled = chars.windows(2).any(|pair| pair.iter().all(|c| sign(*c)));
        let address = text.parse::<std::net::Ipv4Addr>().is_ok();
        let length = (3..=128).contains(&chars.len());
        if !known || ends || doubled || address || !length {
            self.error(name.span, format!("`{text}` is not the name of a trail"), NAMES);
        }
    }

    fn bucket(&mut self, bucket: &Text) {
        let text = bucket.value.as_str();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let known = text.chars().all(|c| good(c) || matches!(c, '.' | '-' | '_'));
        let known = known && text.starts_with(good) && text.ends_with(good);
        if !known || !(3..=63).contains(&text.len()) {
            let help = "give its bare name: 3 to 63 small letters, digits, `.` and `-`";
            self.error(bucket.span, format!("`{text}` is not the name of a bucket"), help);
        }
    }

    fn prefix(&mut self, prefix: &Text) {
        let text = prefix.value.as_str();
        if text.chars().count() > 200 {
            let help = "CloudTrail accepts at most 200 characters";
            self.error(prefix.span, "the prefix is too long", help);
        }
        if text.starts_with('/') || text.ends_with('/') {
            let help = "CloudTrail puts the `/` between the prefix and `AWSLogs` itself";
            self.error(prefix.span, format!("the prefix `{text}` has a `/` at its end"), help);
        }
    }

    /// CloudTrail refuses one that is for all Regions and not for the services without one.
    fn everywhere(&mut self, raw: &raw::Trail) {
        let on = |flag: Option<&Spanned<bool>>| flag.map(|flag| flag.value);
        let off = raw.include_global_events.as_ref().filter(|global| !global.value);
        if let Some(global) = off
            && on(raw.multi_region.as_ref()) == Some(true)
        {
            let help = "say `include_global_events: true`, or take `multi_region` away";
            let message = "a trail for all Regions takes the events of global services, too";
            self.error(global.span, message, help);
        }
    }

    fn event_selectors(
        &mut self,
        raw: &Spanned<Vec<raw::EventSelector>>,
    ) -> BTreeSet<EventSelector> {
        if !(1..=5).contains(&raw.value.len()) {
            let help = "CloudTrail accepts 1 to 5; without the field, they are left alone";
            self.error(raw.span, format!("{} event selectors", raw.value.len()), help);
        }
        let resources = raw.value.iter().flat_map(|selector| &selector.data_resources);
        let count: usize = resources.map(|resource| resource.values.value.len()).sum();
        if count > 250 {
            let help = "CloudTrail accepts 250 in all selectors of a trail together";
            self.error(raw.span, format!("{count} data resources are too many"), help);
        }
        let resource = |raw: &raw::DataResource| DataResource {
            r#type: raw.r#type.as_str().to_owned(),
            values: texts(&raw.values.value),
        };
        let selector = |raw: &raw::EventSelector| {
            let excluded = raw.exclude_management_event_sources.iter();
            let kind = raw.read_write_type.unwrap_or(raw::ReadWriteType::All);
            EventSelector {
                read_write_type: kind.as_str().to_owned(),
                include_management_events: flag(raw.management_events.as_ref()).unwrap_or(true),
                data_resources: raw.data_resources.iter().map(resource).collect(),
                exclude_management_event_sources: excluded
                    .map(|source| source.as_str().to_owned())
                    .collect(),
            }
        };
        raw.value.iter().map(selector).collect()
    }

    fn advanced(
        &mut self,
        raw: Option<&Spanned<Vec<raw::AdvancedEventSelector>>>,
    ) -> Option<BTreeSet<AdvancedEventSelector>> {
        let raw = raw?;
        if raw.value.is_empty() {
            let help = "name at least one, or take the field away: then they are left alone";
            self.error(raw.span, "`advanced_event_selectors` is empty", help);
        }
        let selectors: BTreeSet<AdvancedEventSelector> =
            raw.value.iter().map(|raw| self.advanced_selector(raw)).collect();
        let fields = selectors.iter().flat_map(|selector| &selector.field_selectors);
        let count: usize = fields.map(FieldSelector::values).sum();
        if count > 500 {
            let help = "CloudTrail accepts 500 in all selectors together";
            self.error(raw.span, format!("{count} values are too many"), help);
        }
        Some(selectors)
    }

    fn advanced_selector(&mut self, raw: &raw::AdvancedEventSelector) -> AdvancedEventSelector {
        if let Some(name) = raw.name.as_ref().filter(|name| name.value.chars().count() > 1000) {
            let help = "CloudTrail accepts at most 1000 characters";
            self.error(name.span, "the name of the selector is too long", help);
        }
        let fields: BTreeSet<FieldSelector> = raw.field_selectors.value.iter().map(field).collect();
        let category =
            |field: &FieldSelector| field.field == "eventCategory" && !field.equals.is_empty();
        if !fields.iter().any(category) {
            let help = "add `{field: eventCategory, equals: [Management]}`, or `[Data]`";
            let message = "a selector says which category of events it takes";
            self.error(raw.field_selectors.span, message, help);
        }
        for raw in raw.field_selectors.value.iter().filter(|raw| field(raw).values() == 0) {
            let message = format!("nothing is said of `{}`", raw.field.value);
            let help = "give `equals`, `starts_with`, `ends_with`, or one of them with `not_`";
            self.error(raw.span, message, help);
        }
        let name = raw.name.as_ref().map(|name| name.value.clone());
        AdvancedEventSelector { name, field_selectors: fields }
    }

    fn event_data_store(&mut self, name: &Text, raw: &raw::EventDataStore) {
        let existing = raw.existing.as_ref();
        if let Some(arn) = existing.filter(|arn| !is_store(&arn.value)) {
            let message = format!("`{}` is not the ARN of an event data store", arn.value);
            let help = "`aws cloudtrail list-event-data-stores` shows it";
            self.error(arn.span, message, help);
        }
        let length = name.value.chars().count();
        if existing.is_none() && !(3..=128).contains(&length) {
            let message = format!("`{}` is not the name of an event data store", name.value);
            self.error(name.span, message, "CloudTrail wants 3 to 128 characters");
        }
        let days = raw.retention_days.as_ref();
        let settings = store::Settings {
            name: existing.is_none().then(|| name.value.clone()),
            retention_days: days.and_then(|days| self.in_range("retention", days, 7, 3653)),
            multi_region: flag(raw.multi_region.as_ref()),
            organization: flag(raw.organization.as_ref()),
            advanced_event_selectors: self.advanced(raw.advanced_event_selectors.as_ref()),
            termination_protection: flag(raw.termination_protection.as_ref()),
            federated: None,
        };
        let given = Given {
            kind: Kind::CloudtrailEventDataStore,
            name,
            key: &raw.key,
            removable: true,
            tags: raw.tags.as_ref(),
            existing,
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &[
                ("retention_days", span(days)),
                ("multi_region", span(raw.multi_region.as_ref())),
                ("organization", span(raw.organization.as_ref())),
                ("advanced_event_selectors", span(raw.advanced_event_selectors.as_ref())),
                ("termination_protection", span(raw.termination_protection.as_ref())),
            ],
        };
        self.consumer(&given, settings, Spec::CloudtrailEventDataStore);
        if flag(raw.source_arn.as_ref()) == Some(true) {
            self.narrow(name, existing);
        }
    }

    /// Narrows what CloudTrail may do with the key to stores of the account. Which ARN a store will
    /// have is not known here, unless it is given; its beginning is.
    fn narrow(&mut self, name: &Text, existing: Option<&Text>) {
        let address = Address::new(Kind::CloudtrailEventDataStore, name.value.clone());
        let Some(declared) = self.out.resources.get_mut(&address) else {
            return;
        };
        let (account, region) = (&declared.place.account, &declared.place.region);
        let any =
            format!("arn:{}:cloudtrail:{region}:{account}:eventdatastore/*", region.partition());
        let conditions = [
            Condition::new("StringEquals", "aws:SourceAccount", account.as_str()),
            match existing {
                Some(arn) => Condition::new("StringEquals", "aws:SourceArn", arn.value.clone()),
                None => Condition::new("ArnLike", "aws:SourceArn", any),
            },
        ];
        let source = address.to_string();
        let derived = self.needs.values_mut().flatten().filter(|(from, _)| *from == source);
        let needs = derived.map(|(_, need)| need).chain(&mut declared.needs);
        for need in needs.filter(|need| need.purpose == store::ENCRYPT) {
            need.conditions.extend(conditions.iter().cloned());
        }
    }
}

fn is_store(arn: &str) -> bool {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(fields.as_slice(), ["arn", _, "cloudtrail", _, _, id] if id.starts_with("eventdatastore/"))
}

fn flag(raw: Option<&Spanned<bool>>) -> Option<bool> {
    raw.map(|flag| flag.value)
}

fn span<T>(raw: Option<&Spanned<T>>) -> Option<Span> {
    raw.map(|given| given.span)
}

fn texts(raw: &[Text]) -> BTreeSet<String> {
    raw.iter().map(|text| text.value.clone()).collect()
}

fn field(raw: &raw::FieldSelector) -> FieldSelector {
    FieldSelector {
        field: raw.field.value.clone(),
        equals: texts(&raw.equals),
        starts_with: texts(&raw.starts_with),
        ends_with: texts(&raw.ends_with),
        not_equals: texts(&raw.not_equals),
        not_starts_with: texts(&raw.not_starts_with),
        not_ends_with: texts(&raw.not_ends_with),
    }
}
