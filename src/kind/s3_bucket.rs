//! The default encryption of S3 buckets that exist. A change affects new objects only: existing objects
//! keep their encryption and their key (S3 User Guide, "Setting default server-side encryption behavior
//! for Amazon S3 buckets"). kmsctl neither creates nor deletes buckets.

pub(crate) mod aws;
mod fields;

pub use fields::{Fields, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene, Spec,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use crate::policy::derive::Condition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How S3 encrypts new objects, with the parameter names of S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    pub sse_algorithm: String,
    #[serde(rename = "KMSMasterKeyID", default, skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<KeyRef>,
}

/// The encryption types that S3 rejects, with the parameter names of S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct BlockedEncryptionTypes {
    pub encryption_type: BTreeSet<String>,
}

/// The only rule of a bucket, with the parameter names of S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Rule {
    pub apply_server_side_encryption_by_default: ByDefault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_key_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_encryption_types: Option<BlockedEncryptionTypes>,
}

/// The default encryption of a bucket, with the parameter names of S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct EncryptionConfiguration {
    pub rules: [Rule; 1],
}

calls! {
    /// The call that sets the default encryption of a bucket. It replaces the whole configuration.
    pub enum Call {
        PutBucketEncryption {
            bucket: String,
            server_side_encryption_configuration: EncryptionConfiguration,
        },
    }
}

/// The kind of buckets.
#[derive(Debug)]
pub struct S3Bucket;

impl Consumer for S3Bucket {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "S3 bucket",
        service: "s3api",
        reads: Reads {
            refresh: &[Read::always("GetBucketEncryption")],
            watch: &["GetBucketEncryption"],
            list: &["ListBuckets", "GetBucketEncryption"],
        },
        pace: Pace { first: 1, most: 10, limit: 900 },
        identity: Identity::Name,
        names_are_global: true,
        grants_of: None,
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: None,
        copies: None,
        holds_data: false,
        tags: None,
        keeps_deleted_names: false,
    };
    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    /// A bucket exists already, so its encryption is updated.
    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Self::update(&Spec::default(), to, setting)
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let same_bucket_key = from.settings.bucket_key == to.settings.bucket_key;
        if from.common.key == to.common.key && same_bucket_key {
            return Ok(Vec::new());
        }
        if to.settings.dual_layer == Some(true) && to.settings.bucket_key == Some(true) {
            let reason = "S3 encrypts the objects of this bucket twice (DSSE-KMS)";
            let help = "remove `bucket_key`: S3 supports bucket keys only with SSE-KMS";
            return Err(vec![Violation::new("bucket_key", reason, help)]);
        }
        let bucket = to.common.existing.as_deref().unwrap_or(setting.name).to_owned();
        let server_side_encryption_configuration = EncryptionConfiguration { rules: [rule(to)] };
        Ok(vec![PutBucketEncryption { bucket, server_side_encryption_configuration }.into()])
    }

    /// The encryption of a bucket stays as it is.
    fn delete(_: &Spec<Settings>, _: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(Vec::new())
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Update { from, to } | Change::Import { from, to } => risk(from, to),
            Change::Create { .. } | Change::Delete { .. } | Change::Forget { .. } => None,
        }
    }

    /// S3 may show the old encryption, and encrypt new objects with it, for a while (S3 User Guide, "Amazon
    /// S3 data consistency model": bucket configurations are eventually consistent).
    fn effect(_: &Call) -> Effect {
        Effect::Changes
    }

    /// S3 uses the key with the credentials of each caller that reads or writes objects (S3 User Guide,
    /// "Using server-side encryption with AWS KMS keys (SSE-KMS)", Permissions). The encryption context
    /// is the ARN of the bucket for objects that were written with a bucket key, and the ARN of the
    /// object for others ("Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys").
    fn needs(spec: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let Some(users) = scene.users() else {
            return Vec::new();
        };
        let service = scene.via("s3");
        let through_s3 = |purpose: &str, actions: &[&str]| {
            Need::new(purpose, users.clone(), actions).with(service.clone())
        };
        let objects = ["kms:Decrypt", "kms:GenerateDataKey"];
        if spec.settings.bucket_key != Some(true) {
            return vec![through_s3("AllowS3Objects", &objects)];
        }
        let bucket = format!("arn:{}:s3:::{}", scene.place.region.partition(), scene.name);
        let mut new = through_s3("AllowS3BucketKeys", &objects);
        new.conditions.push(Condition::new("StringEquals", CONTEXT, bucket.as_str()));
        // Objects that were written before the bucket key was enabled.
        let mut old = through_s3("AllowS3ObjectsWithoutBucketKey", &["kms:Decrypt"]);
        old.conditions.push(Condition::new("StringLike", CONTEXT, format!("{bucket}/*")));
        vec![new, old.optional()]
    }
}

/// The encryption context that S3 sends.
const CONTEXT: &str = "kms:EncryptionContext:aws:s3:arn";

fn rule(to: &Spec<Settings>) -> Rule {
    let algorithm = match (to.key(), to.settings.dual_layer) {
        (None, _) => "AES256",
        (Some(_), Some(true)) => "aws:kms:dsse",
        (Some(_), Some(false) | None) => "aws:kms",
    };
    Rule {
        apply_server_side_encryption_by_default: ByDefault {
            sse_algorithm: algorithm.to_owned(),
            kms_master_key_id: to.key().cloned(),
        },
        bucket_key_enabled: if to.key().is_some() { to.settings.bucket_key } else { None },
        blocked_encryption_types: to
            .settings
            .blocked_encryption_types
            .clone()
            .map(|encryption_type| BlockedEncryptionTypes { encryption_type }),
    }
}

/// Returns what a change of the key means for existing objects.
fn risk(from: &Spec<Settings>, to: &Spec<Settings>) -> Option<String> {
    if from.common.key == to.common.key {
        if from.settings.bucket_key == to.settings.bucket_key {
            return None;
        }
        return Some("affects new objects only".to_owned());
    }
    let new = match to.key() {
        Some(key) => format!("encrypts new objects with `{key}`"),
        None => "encrypts new objects with keys that S3 manages".to_owned(),
    };
    Some(match from.key() {
        Some(old) => format!(
            "{new}; existing objects stay encrypted with `{old}`: keep that key, and let their readers \
             use it, as long as the objects exist"
        ),
        None => format!("{new}; existing objects stay as they are"),
    })
}
