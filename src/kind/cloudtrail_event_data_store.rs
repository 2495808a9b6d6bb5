//! Event data stores of CloudTrail Lake. Their key can be added once, and neither changed nor taken
//! away (aws-semantics 5.7). AWS has closed CloudTrail Lake to new customers on 2026-05-31: an
//! account that has had no store before cannot make one.

pub(crate) mod aws;

use super::cloudtrail::{AdvancedEventSelector, SERVICE, tags_of};
use super::consumer::{
    Consumer, Effect, Encryption, Pace, Scene, Spec, Tag, allowed, fixed_key, missing, retagged,
    settings, tag_list,
};
use super::{Calls, Change, KeyRef, Setting, Violation};
use crate::policy::{Need, Who};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

settings! {
    /// What an event data store is.
    pub struct Settings {
        /// AWS's name of it.
        name: String,
        /// For how many days events are kept.
        retention_days: u32,
        /// Whether it takes the events of all Regions.
        multi_region: bool,
        /// Whether it takes the events of the organization's accounts.
        organization: bool,
        /// Which events it takes.
        advanced_event_selectors: BTreeSet<AdvancedEventSelector>,
        /// Whether AWS refuses to delete it.
        termination_protection: bool,
        /// Whether other services query it by Lake query federation: only AWS says so.
        federated: bool,
    }
}

/// What a store is made with, or what one `UpdateEventDataStore` changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct StoreSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_region_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_period: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_protection_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KeyRef>,
}

/// The calls that change an event data store. Which one (`EventDataStore`, `ResourceId`) is put in
/// when they are sent: AWS makes up its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "PascalCase")]
#[expect(missing_docs, reason = "the variants and fields are AWS's operations and parameters")]
pub enum Call {
    CreateEventDataStore {
        #[serde(flatten)]
        settings: StoreSettings,
        tags_list: Vec<Tag>,
    },
    UpdateEventDataStore {
        #[serde(flatten)]
        settings: StoreSettings,
    },
    AddTags {
        tags_list: Vec<Tag>,
    },
    RemoveTags {
        tags_list: Vec<Tag>,
    },
    DeleteEventDataStore {},
}

/// The kind.
#[derive(Debug)]
pub struct CloudtrailEventDataStore;

const KEY_STAYS: &str = "CloudTrail never takes a key away from a store, nor gives it another: make \
                         a store under another name with the new key, keep this one and its key as \
                         long as its events are needed, then take it out of the configuration";

impl Consumer for CloudtrailEventDataStore {
    type Settings = Settings;
    type Call = Call;
    const SERVICE: &'static str = "cloudtrail";
    const NAMED: bool = false;
    const READS: &'static str = "cloudtrail:ListEventDataStores, GetEventDataStore, ListTags";
    const PACE: Pace = Pace { first: 2, most: 20, limit: 900 };

    fn calls(
        change: Change<&Spec<Settings>>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Call>, Vec<Violation>> {
        let calls = match change {
            Change::Create { to } => create(to)?,
            Change::Update { from, to } | Change::Import { from, to } => update(from, to)?,
            Change::Delete { from } => delete(from)?,
            Change::Forget { .. } => Vec::new(),
        };
        let mut calls = Calls::all_at(setting.place, calls);
        calls.risk = risk(&change);
        Ok(calls)
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateEventDataStore { .. } => Effect::Creates,
            Call::UpdateEventDataStore { .. } => Effect::Changes,
            Call::AddTags { .. } | Call::RemoveTags { .. } => Effect::Marks,
            Call::DeleteEventDataStore {} => Effect::Deletes,
        }
    }

    /// CloudTrail User Guide, "Configure AWS KMS key policies for CloudTrail", event data stores. The
    /// ARN of a store is known only once it is there, and the conditions on the encryption context
    /// that trails have are not for stores.
    fn needs(_: &Spec<Settings>, scene: &Scene<'_>) -> Vec<Need> {
        let service = || Who::Service(SERVICE.to_owned());
        let mut needs = vec![
            Need::new(ENCRYPT, service(), &["kms:GenerateDataKey", "kms:Decrypt"]),
            Need::new("AllowCloudTrailDescribeKeyEds", service(), &["kms:DescribeKey"]),
        ];
        if let Some(users) = scene.users() {
            let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
            needs.push(Need::new("EnableUserKeyPermissionsEds", users, &actions));
        }
        needs
    }
}

/// The purpose of the statement that can be narrowed once the store is there.
pub const ENCRYPT: &str = "AllowCloudTrailEncryptEds";

fn create(to: &Spec<Settings>) -> Result<Vec<Call>, Vec<Violation>> {
    allowed([missing("name", to.settings.name.as_ref())])?;
    let settings = changed(&Settings::default(), &to.settings, to.key().cloned());
    Ok(vec![Call::CreateEventDataStore { settings, tags_list: tag_list(&to.common.tags) }])
}

fn update(from: &Spec<Settings>, to: &Spec<Settings>) -> Result<Vec<Call>, Vec<Violation>> {
    let adds = from.common.key == Some(Encryption::Aws) && to.key().is_some();
    allowed([fixed_key(from, to, KEY_STAYS).filter(|_| !adds)])?;
    let mut calls = Vec::new();
    let added = to.key().filter(|_| adds).cloned();
    let settings = changed(&from.settings, &to.settings, added);
    if settings != StoreSettings::default() {
        calls.push(Call::UpdateEventDataStore { settings });
    }
    let (set, unset) = retagged(&from.common.tags, &to.common.tags);
    if !set.is_empty() {
        calls.push(Call::AddTags { tags_list: tag_list(&set) });
    }
    if !unset.is_empty() {
        calls.push(Call::RemoveTags { tags_list: tags_of(&unset, &from.common.tags) });
    }
    Ok(calls)
}

fn changed(old: &Settings, new: &Settings, kms_key_id: Option<KeyRef>) -> StoreSettings {
    fn other<T: Clone + PartialEq>(old: Option<&T>, new: Option<&T>) -> Option<T> {
        new.filter(|_| old != new).cloned()
    }
    let selectors =
        other(old.advanced_event_selectors.as_ref(), new.advanced_event_selectors.as_ref());
    StoreSettings {
        name: other(old.name.as_ref(), new.name.as_ref()),
        advanced_event_selectors: selectors.map(|each| each.into_iter().collect()),
        multi_region_enabled: other(old.multi_region.as_ref(), new.multi_region.as_ref()),
        organization_enabled: other(old.organization.as_ref(), new.organization.as_ref()),
        retention_period: other(old.retention_days.as_ref(), new.retention_days.as_ref()),
        termination_protection_enabled: other(
            old.termination_protection.as_ref(),
            new.termination_protection.as_ref(),
        ),
        kms_key_id,
    }
}

/// A store that other services query cannot be deleted, nor one that AWS protects
/// (`DeleteEventDataStore`).
fn delete(from: &Spec<Settings>) -> Result<Vec<Call>, Vec<Violation>> {
    let federated = from.settings.federated == Some(true);
    allowed([federated.then(|| {
        let help = "end the federation first: `aws cloudtrail disable-federation`";
        Violation::new("", "other services query it by Lake query federation", help)
    })])?;
    let mut calls = Vec::new();
    if from.settings.termination_protection != Some(false) {
        let settings = StoreSettings {
            termination_protection_enabled: Some(false),
            ..StoreSettings::default()
        };
        calls.push(Call::UpdateEventDataStore { settings });
    }
    calls.push(Call::DeleteEventDataStore {});
    Ok(calls)
}

fn risk(change: &Change<&Spec<Settings>>) -> Option<String> {
    match change {
        Change::Delete { .. } => Some(
            "deletes the event data store with all its events: AWS can restore it for 7 days, in \
             which its name stays taken"
                .to_owned(),
        ),
        Change::Update { from, to } | Change::Import { from, to } => {
            let (old, new) = (from.settings.retention_days, to.settings.retention_days);
            let days = new.filter(|new| old.is_some_and(|old| *new < old))?;
            Some(format!("removes the events that are older than {days} days"))
        }
        Change::Create { .. } | Change::Forget { .. } => None,
    }
}
