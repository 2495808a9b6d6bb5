//! The fields of an event data store.

use crate::decode::{Spanned, Text};
use crate::form;
use crate::id::{AccountId, Region};
use crate::kind::cloudtrail::AdvancedEventSelector;
use crate::kind::cloudtrail::fields::{AdvancedEventSelectors, SECTION};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Syntax};
use crate::kind::values::Within;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The most advanced event selectors of an event data store (CloudTrail API Reference,
/// CreateEventDataStore).
const MAX_SELECTORS: usize = 5;

pub(super) const SYNTAX: Syntax = Syntax {
    section: SECTION,
    list: ("event_data_stores", "Event data stores, by their names in AWS."),
    resource: "An event data store of CloudTrail Lake, which keeps events for queries. Only accounts that \
               had one before 2026-05-31 can create one.",
    example: "{key: NAME}",
    key: "The key that encrypts it: the name of a key of the stack, or the ARN or an alias of another key; \
    null for a key that AWS owns. A key can be added later, but neither changed nor removed.",
    removable_key: true,
    existing: "The ARN of an event data store that kmsctl did not create: only its key is managed.",
    existing_form: arns,
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
        existing(&arn.clone(), check);
    } else if !(3..=128).contains(&check.name.value.len()) {
        // The characters are those of the names of all resources (CloudTrail API Reference,
        // EventDataStoreName: `^[a-zA-Z0-9._\-]+$`).
        let message = format!("`{}` is not the name of an event data store", check.name.value);
        let help = "CloudTrail accepts 3 to 128 letters, digits, `.`, `_` and `-`";
        check.error(check.name.span, message, help);
    }
    if let Some(selectors) = &fields.advanced_event_selectors
        && selectors.value.len() > MAX_SELECTORS
    {
        let message = format!("{} selectors are too many", selectors.value.len());
        let help = format!("CloudTrail accepts {MAX_SELECTORS} for an event data store");
        check.error(selectors.span, message, help);
    }
    let name = if check.existing.is_none() { Some(check.name.value.clone()) } else { None };
    Settings { name, ..consumer::Settings::of(fields) }
}

/// Returns the JSON Schema of the ARNs of event data stores.
fn arns() -> Json {
    let (region, account) = (Region::PATTERN, AccountId::FORM.pattern());
    form::text(&format!("arn:aws[a-z-]*:cloudtrail:{region}:{account}:eventdatastore/[\\s\\S]*"))
}

/// Checks the ARN of an event data store, which contains its account and its Region.
fn existing(arn: &Text, check: &mut Check<'_>) {
    let fields: Vec<&str> = arn.value.splitn(6, ':').collect();
    let ["arn", _, "cloudtrail", region, account, id] = fields.as_slice() else {
        return no_store(arn, check);
    };
    if !id.starts_with("eventdatastore/") {
        return no_store(arn, check);
    }
    let is_here = *region == check.place.region.as_str();
    if check.region_known && !is_here {
        let message =
            format!("the store is in {region}, but it is declared in {}", check.place.region);
        check.error(arn.span, message, format!("set `region: {region}`"));
    } else if check.account_known && *account != check.place.account.as_str() {
        let message = format!("the store is in account {account}, which is not the stack's");
        check.error(arn.span, message, "declare it in the stack of that account");
    }
}

fn no_store(arn: &Text, check: &mut Check<'_>) {
    let message = format!("`{}` is not the ARN of an event data store", arn.value);
    let help = "`aws cloudtrail list-event-data-stores` lists the ARNs";
    check.error(arn.span, message, help);
}
