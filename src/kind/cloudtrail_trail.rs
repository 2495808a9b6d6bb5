//! Trails of CloudTrail. Their key changes in place; log files that exist stay encrypted with the old
//! key (CloudTrail User Guide, Encrypting CloudTrail log files with AWS KMS keys).

pub(crate) mod aws;
mod bucket;
mod fields;

use bucket::Writer;
pub use fields::{Fields, Settings};

use super::bucket::{BucketCheck, SeenBucket};
use super::call::calls;
use super::cloudtrail::{AdvancedEventSelector, SERVICE, TAGS, tags_of};
use super::consumer::{
    ArnForm, Consumer, Effect, Encryption, Facts, Identity, KeyAccount, KeyRegion, Pace, Read,
    Reads, Scene, Spec, Tag, allowed, changed, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::id::Place;
use crate::policy::{Need, PrincipalSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A selector of events, in the form of the CloudTrail API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSelector {
    /// `All`, `ReadOnly` or `WriteOnly`.
    pub read_write_type: String,
    /// Whether management events are recorded.
    pub include_management_events: bool,
    /// The resources whose data events are recorded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub data_resources: BTreeSet<DataResource>,
    /// The services whose management events are not recorded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude_management_event_sources: BTreeSet<String>,
}

/// Resources whose data events are recorded, in the form of the CloudTrail API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataResource {
    /// The type of the resources, such as `AWS::S3::Object`.
    pub r#type: String,
    /// The prefixes of their ARNs.
    pub values: BTreeSet<String>,
}

/// The key in an update. It is serialized as an empty string if there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrailKey {
    /// The key that encrypts the log files.
    Key(KeyRef),
    /// No key: only S3 encrypts the log files.
    Nothing,
}

impl TryFrom<String> for TrailKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() { Ok(Self::Nothing) } else { text.try_into().map(Self::Key) }
    }
}

impl From<TrailKey> for String {
    fn from(key: TrailKey) -> Self {
        match key {
            TrailKey::Key(key) => key.into(),
            TrailKey::Nothing => Self::new(),
        }
    }
}

/// The settings that one `UpdateTrail` changes. AWS does not change a setting that is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct TrailUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_bucket_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_global_service_events: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_multi_region_trail: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_log_file_validation: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<TrailKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_organization_trail: Option<bool>,
}

calls! {
    /// The calls that change a trail.
    pub enum Call {
        CreateTrail {
            name: String,
            #[serde(flatten)]
            settings: TrailUpdate,
            tags_list: Vec<Tag>,
        },
        UpdateTrail {
            name: String,
            #[serde(flatten)]
            settings: TrailUpdate,
        },
        PutEventSelectors {
            trail_name: String,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            event_selectors: Vec<EventSelector>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            advanced_event_selectors: Vec<AdvancedEventSelector>,
        },
        StartLogging {
            name: String,
        },
        StopLogging {
            name: String,
        },
        AddTags {
            resource_id: String,
            tags_list: Vec<Tag>,
        },
        RemoveTags {
            resource_id: String,
            tags_list: Vec<Tag>,
        },
        DeleteTrail {
            name: String,
        },
    }
}

/// The kind of trails.
#[derive(Debug)]
pub struct CloudtrailTrail;

impl Consumer for CloudtrailTrail {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "CloudTrail trail",
        service: "cloudtrail",
        reads: Reads {
            refresh: &[
                Read::always("DescribeTrails"),
                Read::always("ListTags"),
                Read::of("GetTrailStatus", &["logging"]),
                Read::of("GetEventSelectors", &["event_selectors", "advanced_event_selectors"]),
            ],
            watch: &["GetTrail"],
            list: &["DescribeTrails", "ListTags"],
        },
        pace: Pace { first: 1, most: 10, limit: 900 },
        identity: Identity::Name,
        names_are_global: false,
        grants_of: None,
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Bucket,
        arn: Some(ArnForm {
            resource_type: "cloudtrail",
            service: "cloudtrail",
            prefix: "trail/",
            is_id: false,
        }),
        copies: None,
        holds_data: false,
        tags: Some(TAGS),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let settings = &to.settings;
        allowed([missing("bucket", settings.bucket.as_ref())])?;
        let create = CreateTrail {
            name: setting.name.to_owned(),
            settings: TrailUpdate {
                s3_bucket_name: settings.bucket.clone(),
                s3_key_prefix: settings.prefix.clone().filter(|prefix| !prefix.is_empty()),
                include_global_service_events: settings.include_global_events,
                is_multi_region_trail: settings.multi_region,
                enable_log_file_validation: settings.log_file_validation,
                kms_key_id: to.key().cloned().map(TrailKey::Key),
                is_organization_trail: settings.organization,
            },
            tags_list: tag_list(&to.common.tags),
        };
        let mut calls = vec![create.into()];
        calls.extend(selected(&Settings::default(), settings, setting.name));
        // `CreateTrail` does not start the logging.
        if settings.logging != Some(false) {
            calls.push(StartLogging { name: setting.name.to_owned() }.into());
        }
        Ok(calls)
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let (old, new) = (&from.settings, &to.settings);
        let name = setting.name.to_owned();
        let mut calls = Vec::new();
        let settings = trail_update(from, to);
        if settings != TrailUpdate::default() {
            calls.push(UpdateTrail { name: name.clone(), settings }.into());
        }
        calls.extend(selected(old, new, setting.name));
        match changed(old.logging.as_ref(), new.logging.as_ref()) {
            Some(true) => calls.push(StartLogging { name }.into()),
            Some(false) => calls.push(StopLogging { name }.into()),
            None => {}
        }
        let arn = trail_arn(setting.place, setting.name);
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTags { resource_id: arn.clone(), tags_list: tag_list(set) }.into(),
            |unset| {
                let tags_list = tags_of(&unset, &from.common.tags);
                RemoveTags { resource_id: arn.clone(), tags_list }.into()
            },
        ));
        Ok(calls)
    }

    fn delete(_: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(vec![DeleteTrail { name: setting.name.to_owned() }.into()])
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => Some(
                "deletes the trail: later events are not logged; its log files stay in the bucket, \
                encrypted with their key"
                    .to_owned(),
            ),
            Change::Update { from, to } | Change::Import { from, to }
                if Self::interruption(from, to).is_some() =>
            {
                Some("stops the trail: later events are not logged".to_owned())
            }
            Change::Update { from, to } | Change::Import { from, to }
                if from.common.key != to.common.key =>
            {
                let old = from.key()?;
                Some(format!(
                    "existing log files stay encrypted with `{old}`: keep it as long as they are read"
                ))
            }
            Change::Create { .. }
            | Change::Update { .. }
            | Change::Import { .. }
            | Change::Forget { .. } => None,
        }
    }

    fn bucket(settings: &Settings) -> Option<&str> {
        settings.bucket.as_deref()
    }

    fn check_bucket(settings: &Settings, scene: &Scene<'_>, bucket: SeenBucket<'_>) -> BucketCheck {
        let writer = Writer {
            place: scene.place,
            name: scene.name,
            bucket: settings.bucket.as_deref().unwrap_or_default(),
            prefix: settings.prefix.as_deref().unwrap_or_default(),
            organization: settings.organization == Some(true),
        };
        writer.check(bucket)
    }

    /// CloudTrail applies a change before it answers, but may show it, and a new trail, later. The old key
    /// of a trail must not be disabled before the trail has the new one.
    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateTrail(_) => Effect::Creates,
            Call::UpdateTrail(call) if call.settings.kms_key_id.is_some() => Effect::Changes,
            Call::UpdateTrail(_)
            | Call::PutEventSelectors(_)
            | Call::StartLogging(_)
            | Call::StopLogging(_)
            | Call::AddTags(_)
            | Call::RemoveTags(_) => Effect::Marks,
            Call::DeleteTrail(_) => Effect::Deletes,
        }
    }

    /// Source: CloudTrail User Guide, "Configure AWS KMS key policies for CloudTrail". The trail's
    /// ARN is known before the trail exists; the ARN of the trail of an organization is in the
    /// management account, where the trail is declared. CloudTrail itself decrypts only if the
    /// bucket has an S3 Bucket Key.
    fn needs(_: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let trail = trail_arn(scene.place, scene.name);
        let (partition, account) = (scene.place.region.partition(), &scene.place.account);
        let any = format!("arn:{partition}:cloudtrail:*:{account}:trail/*");
        let mut needs = vec![
            service_need("AllowCloudTrailEncryptLogs", "kms:GenerateDataKey*", &trail).when(
                "StringLike",
                CONTEXT,
                any,
            ),
            service_need("AllowCloudTrailDescribeKey", "kms:DescribeKey", &trail),
            service_need("AllowCloudTrailDecryptTrail", "kms:Decrypt", &trail).optional(),
        ];
        if let Some(readers) = scene.users() {
            let purpose = "EnableCloudTrailLogDecryptPermissions";
            let need = Need::new(purpose, readers, &["kms:Decrypt"]);
            needs.push(need.when("Null", CONTEXT, "false"));
        }
        needs
    }

    fn interruption(from: &Spec<Settings>, to: &Spec<Settings>) -> Option<Violation> {
        if from.settings.logging == Some(false) || to.settings.logging != Some(false) {
            return None;
        }
        Some(Violation::new(
            "logging",
            "the trail is protected, and a stopped trail logs no events",
            "first apply `protect: false`, and then `logging: false`",
        ))
    }
}

/// Returns the need of CloudTrail for one action for the trail with this ARN.
fn service_need(purpose: &str, action: &str, trail: &str) -> Need {
    let service = PrincipalSet::Service(SERVICE.to_owned());
    Need::new(purpose, service, &[action]).when("StringEquals", "aws:SourceArn", trail)
}

/// The key of the encryption context that CloudTrail encrypts log files with.
const CONTEXT: &str = "kms:EncryptionContext:aws:cloudtrail:arn";

/// Returns the ARN of a trail, which contains its name.
#[must_use]
pub fn trail_arn(place: &Place, name: &str) -> String {
    let (account, region) = (&place.account, &place.region);
    format!("arn:{}:cloudtrail:{region}:{account}:trail/{name}", region.partition())
}

/// Returns the settings that differ, except the event selectors and the logging.
fn trail_update(from: &Spec<Settings>, to: &Spec<Settings>) -> TrailUpdate {
    let (old, new) = (&from.settings, &to.settings);
    let key = changed(from.common.key.as_ref(), to.common.key.as_ref());
    TrailUpdate {
        s3_bucket_name: changed(old.bucket.as_ref(), new.bucket.as_ref()),
        s3_key_prefix: changed(old.prefix.as_ref(), new.prefix.as_ref()),
        include_global_service_events: changed(
            old.include_global_events.as_ref(),
            new.include_global_events.as_ref(),
        ),
        is_multi_region_trail: changed(old.multi_region.as_ref(), new.multi_region.as_ref()),
        enable_log_file_validation: changed(
            old.log_file_validation.as_ref(),
            new.log_file_validation.as_ref(),
        ),
        kms_key_id: key.map(|key| match key {
            Encryption::Key(key) => TrailKey::Key(key),
            Encryption::Aws => TrailKey::Nothing,
        }),
        is_organization_trail: changed(old.organization.as_ref(), new.organization.as_ref()),
    }
}

/// Returns the call that changes the event selectors, if they differ. Basic selectors replace
/// advanced ones, and the reverse.
fn selected(old: &Settings, new: &Settings, name: &str) -> Option<Call> {
    let trail_name = name.to_owned();
    let basic = changed(old.event_selectors.as_ref(), new.event_selectors.as_ref());
    let advanced =
        changed(old.advanced_event_selectors.as_ref(), new.advanced_event_selectors.as_ref());
    let event_selectors: Vec<_> = basic.into_iter().flatten().collect();
    let advanced_event_selectors: Vec<_> = advanced.into_iter().flatten().collect();
    if event_selectors.is_empty() && advanced_event_selectors.is_empty() {
        return None;
    }
    Some(PutEventSelectors { trail_name, event_selectors, advanced_event_selectors }.into())
}
