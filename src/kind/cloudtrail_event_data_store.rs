//! Event data stores of CloudTrail Lake. A key can be added to a store that has none, and can then be
//! neither changed nor removed (CloudTrail API Reference, UpdateEventDataStore: `KmsKeyId`). AWS
//! closed CloudTrail Lake to new customers on 2026-05-31: an account that has had no store before
//! cannot create one.

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::cloudtrail::{AdvancedEventSelector, SERVICE, TAGS, tags_of};
use super::consumer::{
    ArnForm, Consumer, Effect, Encryption, Facts, Identity, KeyAccount, KeyRegion, Pace, Read,
    Reads, Scene, Spec, Tag, allowed, changed, fixed_key, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::decode::Spanned;
use crate::policy::derive::Condition;
use crate::policy::{Need, PrincipalSet};
use serde::{Deserialize, Serialize};

/// The settings with which a store is created, or that one `UpdateEventDataStore` changes.
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

calls! {
    /// The calls that change an event data store. Its ARN (`EventDataStore`, `ResourceId`), which AWS
    /// assigns, is filled in when a call is sent.
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
}

/// The kind of event data stores.
#[derive(Debug)]
pub struct CloudtrailEventDataStore;

const FIXED_KEY: &str = "CloudTrail neither changes nor removes the key of a store: declare a store \
with the new key under another name, keep this store and its key as long as \
its events are needed, and then remove it from the configuration";

impl Consumer for CloudtrailEventDataStore {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "CloudTrail event data store",
        service: "cloudtrail",
        reads: Reads {
            refresh: &[
                Read::always("ListEventDataStores"),
                Read::always("GetEventDataStore"),
                Read::always("ListTags"),
            ],
            watch: &["GetEventDataStore"],
            list: &["ListEventDataStores", "ListTags", "GetEventDataStore"],
        },
        pace: Pace { first: 2, most: 20, limit: 900 },
        identity: Identity::Id,
        names_are_global: false,
        grants_of: None,
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "cloudtrail",
            service: "cloudtrail",
            prefix: "eventdatastore/",
            is_id: true,
        }),
        copies: None,
        holds_data: true,
        tags: Some(TAGS),
        keeps_deleted_names: true,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        allowed([missing("name", to.settings.name.as_ref())])?;
        let settings = changes(&Settings::default(), &to.settings, to.key().cloned());
        Ok(vec![CreateEventDataStore { settings, tags_list: tag_list(&to.common.tags) }.into()])
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        _: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let mut added_key = None;
        if from.common.key == Some(Encryption::Aws) && to.key().is_some() {
            added_key = to.key().cloned();
        } else {
            allowed([fixed_key(from, to, FIXED_KEY)])?;
        }
        let mut calls = Vec::new();
        let settings = changes(&from.settings, &to.settings, added_key);
        if settings != StoreSettings::default() {
            calls.push(UpdateEventDataStore { settings }.into());
        }
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTags { tags_list: tag_list(set) }.into(),
            |unset| RemoveTags { tags_list: tags_of(&unset, &from.common.tags) }.into(),
        ));
        Ok(calls)
    }

    /// CloudTrail deletes neither a store with Lake query federation nor one with termination
    /// protection (CloudTrail API Reference, DeleteEventDataStore).
    fn delete(from: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        if from.settings.federated == Some(true) {
            let reason = "Lake query federation is enabled, so other services can query the store";
            let help = "disable the federation first: `aws cloudtrail disable-federation`";
            return Err(vec![Violation::new("", reason, help)]);
        }
        let mut calls = Vec::new();
        if from.settings.termination_protection != Some(false) {
            let settings = StoreSettings {
                termination_protection_enabled: Some(false),
                ..StoreSettings::default()
            };
            calls.push(UpdateEventDataStore { settings }.into());
        }
        calls.push(DeleteEventDataStore {}.into());
        Ok(calls)
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => Some(
                "deletes the event data store with all its events; AWS can restore it for 7 days, \
                during which its name is reserved"
                    .to_owned(),
            ),
            Change::Update { from, to } | Change::Import { from, to } => {
                let (old, new) = (from.settings.retention_days, to.settings.retention_days);
                match (old, new) {
                    (Some(old), Some(days)) if days < old => Some(format!(
                        "deletes the events that are older than {}",
                        crate::text::counted(days, "day")
                    )),
                    (_, _) => None,
                }
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateEventDataStore(_) => Effect::Creates,
            Call::UpdateEventDataStore(_) => Effect::Changes,
            Call::AddTags(_) | Call::RemoveTags(_) => Effect::Marks,
            Call::DeleteEventDataStore(_) => Effect::Deletes,
        }
    }

    /// Source: CloudTrail User Guide, Configure AWS KMS key policies for CloudTrail, event data
    /// stores. The ARN of a store is known only once it exists; the condition on the encryption
    /// context that the statements for trails have does not apply to stores.
    fn needs(spec: &Spec<Settings>, fields: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let service = PrincipalSet::Service(SERVICE.to_owned());
        let mut encrypt = Need::new(
            "AllowCloudTrailEncryptEds",
            service.clone(),
            &["kms:GenerateDataKey", "kms:Decrypt"],
        );
        if let Some(Spanned { value: true, .. }) = fields.source_arn {
            encrypt.conditions.extend(from_stores(spec, scene));
        }
        let mut needs = vec![
            encrypt,
            Need::new("AllowCloudTrailDescribeKeyEds", service, &["kms:DescribeKey"]),
        ];
        if let Some(users) = scene.users() {
            let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
            needs.push(Need::new("EnableUserKeyPermissionsEds", users, &actions));
        }
        needs
    }

    /// CloudTrail reserves the name of a deleted store for the seven days in which the store can be
    /// restored (CloudTrail API Reference, `DeleteEventDataStore`).
    fn reserved_name(deleted: &Spec<Settings>, id: &str) -> Option<(String, Violation)> {
        let name = deleted.settings.name.clone()?;
        let reason = format!(
            "the event data store `{name}` is pending deletion, and AWS reserves its name for 7 days"
        );
        let help = format!(
            "restore it (`aws cloudtrail restore-event-data-store --event-data-store {id}`) and plan \
             again, choose another name, or wait"
        );
        Some((name, Violation::new("", reason, help)))
    }
}

/// Returns the conditions that limit CloudTrail to one store. If the ARN is not known yet, they
/// limit CloudTrail to the stores of the account and Region.
fn from_stores(spec: &Spec<Settings>, scene: &Scene<'_>) -> [Condition; 2] {
    let (account, region) = (&scene.place.account, &scene.place.region);
    let arn = match &spec.common.existing {
        Some(arn) => Condition::new("StringEquals", "aws:SourceArn", arn.clone()),
        None => {
            let any = format!(
                "arn:{}:cloudtrail:{region}:{account}:eventdatastore/*",
                region.partition()
            );
            Condition::new("ArnLike", "aws:SourceArn", any)
        }
    };
    [Condition::new("StringEquals", "aws:SourceAccount", account.as_str()), arn]
}

/// Returns the settings that differ.
fn changes(old: &Settings, new: &Settings, kms_key_id: Option<KeyRef>) -> StoreSettings {
    let selectors =
        changed(old.advanced_event_selectors.as_ref(), new.advanced_event_selectors.as_ref());
    StoreSettings {
        name: changed(old.name.as_ref(), new.name.as_ref()),
        advanced_event_selectors: selectors.map(|selectors| selectors.into_iter().collect()),
        multi_region_enabled: changed(old.multi_region.as_ref(), new.multi_region.as_ref()),
        organization_enabled: changed(old.organization.as_ref(), new.organization.as_ref()),
        retention_period: changed(old.retention_days.as_ref(), new.retention_days.as_ref()),
        termination_protection_enabled: changed(
            old.termination_protection.as_ref(),
            new.termination_protection.as_ref(),
        ),
        kms_key_id,
    }
}
