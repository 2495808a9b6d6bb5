//! The fields of an event data store.

use crate::decode::Spanned;
use crate::kind::cloudtrail::AdvancedEventSelector;
use crate::kind::cloudtrail::fields::{AdvancedEventSelectors, SECTION};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::values::Within;
use std::collections::BTreeSet;

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("event_data_stores", "Event data stores, by their names in AWS."),
    resource: "An event data store of CloudTrail Lake, which keeps events for queries. Only accounts that \
               had one before 2026-05-31 can create one.",
    key: "The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key; \
    null for a key that AWS owns. A key can be added later, but neither changed nor removed.",
    removable_key: true,
    existing: "The ARN of an event data store that kmsctl did not create: only its key is managed.",
    used_by: Some((
        "used_by",
        "Principals that query it and read the results: a derived statement lets them use the key.",
    )),
    creates: true,
};

settings! {
    /// The settings of an event data store.
    pub struct Settings {
        /// The name in AWS, which is the name of the declaration.
        @live name: String,
        /// Days that events are kept, 7 to 3653.
        retention_days: u32 as Within<7, 3653>,
        /// Whether it records the events of all Regions.
        multi_region: bool,
        /// Whether it records the events of all accounts of the organization.
        organization: bool,
        /// The events that it records; default of AWS: all management events.
        advanced_event_selectors: BTreeSet<AdvancedEventSelector> as AdvancedEventSelectors,
        /// Whether AWS refuses to delete it; default of AWS: true. kmsctl turns it off before a deletion
        /// that `protect` allows.
        termination_protection: bool,
        /// Whether other services query it by Lake query federation, which only AWS reports.
        @live federated: bool,
        /// Whether CloudTrail may use the key for event data stores of this account and Region only (for
        /// this store, with `existing`). It is a second step: apply without it first, because AWS documents
        /// the condition for stores that exist.
        @policy source_arn: Option<Spanned<bool>>,
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if let Some(arn) = check.existing {
        if !is_store(&arn.value) {
            let message = format!("`{}` is not the ARN of an event data store", arn.value);
            let help = "`aws cloudtrail list-event-data-stores` lists the ARNs";
            check.error(arn.span, message, help);
        }
    } else if !(3..=128).contains(&check.name.value.len()) {
        // The characters are those of the names of all resources (CloudTrail API Reference,
        // EventDataStoreName: `^[a-zA-Z0-9._\-]+$`).
        let message = format!("`{}` is not the name of an event data store", check.name.value);
        let help = "CloudTrail accepts 3 to 128 letters, digits, `.`, `_` and `-`";
        check.error(check.name.span, message, help);
    }
    let name = if check.existing.is_none() { Some(check.name.value.clone()) } else { None };
    Settings { name, ..consumer::Settings::of(fields) }
}

fn is_store(arn: &str) -> bool {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(fields.as_slice(), ["arn", _, "cloudtrail", _, _, id] if id.starts_with("eventdatastore/"))
}
