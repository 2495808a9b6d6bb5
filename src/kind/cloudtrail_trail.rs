//! Trails of CloudTrail. Their key changes in place; log files that are written stay on the old one
//! (aws-semantics 5.6).

pub(crate) mod aws;
pub mod bucket;

use super::cloudtrail::{AdvancedEventSelector, SERVICE, tags_of};
use super::consumer::{
    Consumer, Effect, Encryption, Pace, Scene, Spec, Tag, allowed, missing, retagged, settings,
    tag_list,
};
use super::{Calls, Change, KeyRef, Setting, Violation};
use crate::id::Place;
use crate::policy::{Need, Who};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which events a trail takes, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSelector {
    /// `All`, `ReadOnly` or `WriteOnly`.
    pub read_write_type: String,
    /// Whether events of the management of resources.
    pub include_management_events: bool,
    /// Of which resources the events on data.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub data_resources: BTreeSet<DataResource>,
    /// The services whose management events are left out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude_management_event_sources: BTreeSet<String>,
}

/// Resources whose data events are taken, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataResource {
    /// Their type, such as `AWS::S3::Object`.
    pub r#type: String,
    /// The beginnings of their ARNs.
    pub values: BTreeSet<String>,
}

settings! {
    /// What a trail is.
    pub struct Settings {
        /// The bucket that it writes to.
        bucket: String,
        /// What the names of its log files begin with; empty for nothing.
        prefix: String,
        /// Whether it takes the events of all Regions.
        multi_region: bool,
        /// Whether it takes the events of the organization's accounts.
        organization: bool,
        /// Whether digests show that log files were changed.
        log_file_validation: bool,
        /// Whether it takes the events of services without a Region, such as IAM.
        include_global_events: bool,
        /// Which events it takes.
        event_selectors: BTreeSet<EventSelector>,
        /// Which events it takes, said field by field.
        advanced_event_selectors: BTreeSet<AdvancedEventSelector>,
        /// Whether it logs at all.
        logging: bool,
    }
}

/// The key of an update; none is written as nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrailKey {
    /// A key.
    Key(KeyRef),
    /// None: log files are encrypted by S3 alone.
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

/// What one `UpdateTrail` changes: AWS leaves alone what is not in it.
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

/// The calls that change a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "PascalCase")]
#[expect(missing_docs, reason = "the variants and fields are AWS's operations and parameters")]
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

/// The kind.
#[derive(Debug)]
pub struct CloudtrailTrail;

impl Consumer for CloudtrailTrail {
    type Settings = Settings;
    type Call = Call;
    const SERVICE: &'static str = "cloudtrail";
    const NAMED: bool = true;
    const READS: &'static str = "cloudtrail:DescribeTrails, GetTrailStatus, GetEventSelectors, ListTags; s3:ListBucket, GetBucketPolicy of the bucket";
    const PACE: Pace = Pace { first: 1, most: 10, limit: 300 };

    fn calls(
        change: Change<&Spec<Settings>>,
        setting: &Setting<'_>,
    ) -> Result<Calls<Call>, Vec<Violation>> {
        let name = || setting.name.to_owned();
        let calls = match change {
            Change::Create { to } => create(to, setting)?,
            Change::Update { from, to } | Change::Import { from, to } => update(from, to, setting),
            Change::Delete { .. } => vec![Call::DeleteTrail { name: name() }],
            Change::Forget { .. } => Vec::new(),
        };
        let mut calls = Calls::all_at(setting.place, calls);
        calls.risk = risk(&change);
        Ok(calls)
    }

    /// CloudTrail is done with a change when it answers; it may show a new trail a moment later.
    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateTrail { .. } => Effect::Creates,
            Call::UpdateTrail { .. }
            | Call::PutEventSelectors { .. }
            | Call::StartLogging { .. }
            | Call::StopLogging { .. }
            | Call::AddTags { .. }
            | Call::RemoveTags { .. } => Effect::Marks,
            Call::DeleteTrail { .. } => Effect::Deletes,
        }
    }

    /// CloudTrail User Guide, "Configure AWS KMS key policies for CloudTrail". The trail's ARN is
    /// known before the trail is there; for the trail of an organization it is that of the
    /// management account, in which the trail is declared. Decryption by CloudTrail itself is
    /// needed only where the bucket has an S3 Bucket Key.
    fn needs(_: &Spec<Settings>, scene: &Scene<'_>) -> Vec<Need> {
        let trail = trail_arn(scene.place, scene.name);
        let (partition, account) = (scene.place.region.partition(), &scene.place.account);
        let service = || Who::Service(SERVICE.to_owned());
        let need = |purpose, action: &str| {
            let need = Need::new(purpose, service(), &[action]);
            need.when("StringEquals", "aws:SourceArn", trail.clone())
        };
        let any = format!("arn:{partition}:cloudtrail:*:{account}:trail/*");
        let mut needs = vec![
            need("AllowCloudTrailEncryptLogs", "kms:GenerateDataKey*").when(
                "StringLike",
                CONTEXT,
                any,
            ),
            need("AllowCloudTrailDescribeKey", "kms:DescribeKey"),
            need("AllowCloudTrailDecryptTrail", "kms:Decrypt").optional(),
        ];
        if let Some(readers) = scene.users() {
            let purpose = "EnableCloudTrailLogDecryptPermissions";
            let need = Need::new(purpose, readers, &["kms:Decrypt"]);
            needs.push(need.when("Null", CONTEXT, "false"));
        }
        needs
    }
}

/// The key of the encryption context that CloudTrail encrypts log files with.
const CONTEXT: &str = "kms:EncryptionContext:aws:cloudtrail:arn";

/// The ARN of a trail, which follows from its name.
#[must_use]
pub fn trail_arn(place: &Place, name: &str) -> String {
    let (account, region) = (&place.account, &place.region);
    format!("arn:{}:cloudtrail:{region}:{account}:trail/{name}", region.partition())
}

/// Whether a change ends the logging.
#[must_use]
pub fn stops(from: &Spec<Settings>, to: &Spec<Settings>) -> bool {
    from.settings.logging != Some(false) && to.settings.logging == Some(false)
}

fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
    let settings = &to.settings;
    allowed([missing("bucket", settings.bucket.as_ref())])?;
    let name = || setting.name.to_owned();
    let mut calls = vec![Call::CreateTrail {
        name: name(),
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
    }];
    calls.extend(selected(&Settings::default(), settings, setting.name));
    // AWS makes trails that do not log.
    if settings.logging != Some(false) {
        calls.push(Call::StartLogging { name: name() });
    }
    Ok(calls)
}

fn update(from: &Spec<Settings>, to: &Spec<Settings>, setting: &Setting<'_>) -> Vec<Call> {
    let (old, new) = (&from.settings, &to.settings);
    let name = || setting.name.to_owned();
    let changed = TrailUpdate {
        s3_bucket_name: other(old.bucket.as_ref(), new.bucket.as_ref()),
        s3_key_prefix: other(old.prefix.as_ref(), new.prefix.as_ref()),
        include_global_service_events: other(
            old.include_global_events.as_ref(),
            new.include_global_events.as_ref(),
        ),
        is_multi_region_trail: other(old.multi_region.as_ref(), new.multi_region.as_ref()),
        enable_log_file_validation: other(
            old.log_file_validation.as_ref(),
            new.log_file_validation.as_ref(),
        ),
        kms_key_id: other(from.common.key.as_ref(), to.common.key.as_ref()).map(|key| match key {
            Encryption::Key(key) => TrailKey::Key(key),
            Encryption::Aws => TrailKey::Nothing,
        }),
        is_organization_trail: other(old.organization.as_ref(), new.organization.as_ref()),
    };
    let mut calls = Vec::new();
    if changed != TrailUpdate::default() {
        calls.push(Call::UpdateTrail { name: name(), settings: changed });
    }
    calls.extend(selected(old, new, setting.name));
    match other(old.logging.as_ref(), new.logging.as_ref()) {
        Some(true) => calls.push(Call::StartLogging { name: name() }),
        Some(false) => calls.push(Call::StopLogging { name: name() }),
        None => {}
    }
    let resource_id = || trail_arn(setting.place, setting.name);
    let (set, unset) = retagged(&from.common.tags, &to.common.tags);
    if !set.is_empty() {
        calls.push(Call::AddTags { resource_id: resource_id(), tags_list: tag_list(&set) });
    }
    if !unset.is_empty() {
        let tags_list = tags_of(&unset, &from.common.tags);
        calls.push(Call::RemoveTags { resource_id: resource_id(), tags_list });
    }
    calls
}

/// What is wanted, where it is not so already.
fn other<T: Clone + PartialEq>(old: Option<&T>, new: Option<&T>) -> Option<T> {
    new.filter(|_| old != new).cloned()
}

/// Selectors of one sort replace those of the other.
fn selected(old: &Settings, new: &Settings, name: &str) -> Option<Call> {
    let trail_name = name.to_owned();
    let basic = other(old.event_selectors.as_ref(), new.event_selectors.as_ref());
    let advanced =
        other(old.advanced_event_selectors.as_ref(), new.advanced_event_selectors.as_ref());
    let event_selectors: Vec<_> = basic.into_iter().flatten().collect();
    let advanced_event_selectors: Vec<_> = advanced.into_iter().flatten().collect();
    let any = !event_selectors.is_empty() || !advanced_event_selectors.is_empty();
    any.then_some(Call::PutEventSelectors { trail_name, event_selectors, advanced_event_selectors })
}

fn risk(change: &Change<&Spec<Settings>>) -> Option<String> {
    match change {
        Change::Delete { .. } => Some(
            "deletes the trail: what happens from then on is not logged; its log files stay in \
             the bucket, on their key"
                .to_owned(),
        ),
        Change::Update { from, to } | Change::Import { from, to } if stops(from, to) => {
            Some("stops the trail: what happens from then on is not logged".to_owned())
        }
        Change::Update { from, to } | Change::Import { from, to }
            if from.common.key != to.common.key =>
        {
            let old = from.key()?;
            Some(format!(
                "log files that are there stay on `{old}`: keep it as long as they are read"
            ))
        }
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Import { .. }
        | Change::Forget { .. } => None,
    }
}
