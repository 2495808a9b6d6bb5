//! DynamoDB tables. Their key changes in place; the old key is needed until the table's description
//! shows the new one (DynamoDB Developer Guide, DynamoDB encryption at rest usage notes).

pub(crate) mod aws;
mod fields;

pub use fields::{Attribute, Billing, Fields, Settings};

use super::call::calls;
use super::consumer::{
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Scene, Spec, Tag, allowed,
    fixed, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::{Change, KeyRef, Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};

impl Attribute {
    fn definition(&self) -> AttributeDefinition {
        let (attribute_name, attribute_type) = (self.name.clone(), self.r#type.clone());
        AttributeDefinition { attribute_name, attribute_type }
    }

    fn element(&self, kind: &str) -> KeySchemaElement {
        KeySchemaElement { attribute_name: self.name.clone(), key_type: kind.to_owned() }
    }
}

/// How a table is encrypted, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SseSpecification {
    /// Whether with a key of KMS; else with one that AWS owns.
    pub enabled: bool,
    /// `KMS`.
    #[serde(rename = "SSEType", default, skip_serializing_if = "Option::is_none")]
    pub sse_type: Option<String>,
    /// The key.
    #[serde(rename = "KMSMasterKeyId", default, skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<KeyRef>,
}

/// An attribute and its type, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

/// A part of the primary key, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct KeySchemaElement {
    pub attribute_name: String,
    pub key_type: String,
}

/// Capacity, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Throughput {
    pub read_capacity_units: i64,
    pub write_capacity_units: i64,
}

/// What one `UpdateTable` changes: AWS takes one thing at a time, and refuses what is so already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub enum TableUpdate {
    /// The key.
    Encryption {
        #[serde(rename = "SSESpecification")]
        sse_specification: SseSpecification,
    },
    /// Who pays for what.
    Billing {
        billing_mode: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provisioned_throughput: Option<Throughput>,
    },
    /// Whether AWS refuses to delete the table.
    Protection { deletion_protection_enabled: bool },
}

/// Whether the table can be restored to a point in time, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Recovery {
    pub point_in_time_recovery_enabled: bool,
}

calls! {
    /// The calls that change a table.
    pub enum Call {
        CreateTable {
            table_name: String,
            attribute_definitions: Vec<AttributeDefinition>,
            key_schema: Vec<KeySchemaElement>,
            billing_mode: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            provisioned_throughput: Option<Throughput>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            deletion_protection_enabled: Option<bool>,
            #[serde(rename = "SSESpecification", default, skip_serializing_if = "Option::is_none")]
            sse_specification: Option<SseSpecification>,
            tags: Vec<Tag>,
        },
        UpdateTable {
            table_name: String,
            #[serde(flatten)]
            update: TableUpdate,
        },
        UpdateContinuousBackups {
            table_name: String,
            point_in_time_recovery_specification: Recovery,
        },
        TagResource {
            resource_arn: String,
            tags: Vec<Tag>,
        },
        UntagResource {
            resource_arn: String,
            tag_keys: Vec<String>,
        },
        DeleteTable {
            table_name: String,
        },
    }
}

/// The kind.
#[derive(Debug)]
pub struct DynamodbTable;

const IMMUTABLE: &str = "DynamoDB cannot change it; make a table under another name and copy the \
                         items, or take this one as it is";

impl Consumer for DynamodbTable {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        service: "dynamodb",
        reads: "dynamodb:DescribeTable, ListTagsOfResource, DescribeContinuousBackups",
        pace: Pace { first: 2, most: 20, limit: 1800 },
        identity: Identity::Name,
        grants_of: Some("dynamodb"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        copies: None,
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Settings { partition_key, sort_key, billing, .. } = &to.settings;
        allowed([missing("partition_key", partition_key.as_ref())])?;
        let parts = || {
            partition_key
                .iter()
                .map(|key| (key, "HASH"))
                .chain(sort_key.iter().map(|key| (key, "RANGE")))
        };
        let (billing_mode, provisioned_throughput) = billed(billing.as_ref());
        let create = CreateTable {
            table_name: setting.name.to_owned(),
            attribute_definitions: parts().map(|(key, _)| key.definition()).collect(),
            key_schema: parts().map(|(key, kind)| key.element(kind)).collect(),
            billing_mode,
            provisioned_throughput,
            deletion_protection_enabled: to.settings.deletion_protection,
            sse_specification: to.key().map(|key| sse(Some(key))),
            tags: tag_list(&to.common.tags),
        };
        let mut calls = vec![create.into()];
        if to.settings.point_in_time_recovery == Some(true) {
            calls.push(recovery(setting.name, true));
        }
        Ok(calls)
    }

    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let (old, new) = (&from.settings, &to.settings);
        allowed([
            fixed(
                "partition_key",
                old.partition_key.as_ref(),
                new.partition_key.as_ref(),
                IMMUTABLE,
            ),
            fixed("sort_key", old.sort_key.as_ref(), new.sort_key.as_ref(), IMMUTABLE),
        ])?;
        let mut calls = Vec::new();
        let table_name = || setting.name.to_owned();
        let mut change =
            |update| calls.push(UpdateTable { table_name: table_name(), update }.into());
        if from.common.key != to.common.key {
            change(TableUpdate::Encryption { sse_specification: sse(to.key()) });
        }
        if old.billing != new.billing {
            let (billing_mode, provisioned_throughput) = billed(new.billing.as_ref());
            change(TableUpdate::Billing { billing_mode, provisioned_throughput });
        }
        if let Some(enabled) =
            new.deletion_protection.filter(|on| old.deletion_protection != Some(*on))
        {
            change(TableUpdate::Protection { deletion_protection_enabled: enabled });
        }
        if let Some(on) =
            new.point_in_time_recovery.filter(|on| old.point_in_time_recovery != Some(*on))
        {
            calls.push(recovery(setting.name, on));
        }
        let resource_arn = || table_arn(setting);
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| TagResource { resource_arn: resource_arn(), tags: tag_list(set) }.into(),
            |tag_keys| UntagResource { resource_arn: resource_arn(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let table_name = || setting.name.to_owned();
        let mut calls = Vec::new();
        if from.settings.deletion_protection == Some(true) {
            let update = TableUpdate::Protection { deletion_protection_enabled: false };
            calls.push(UpdateTable { table_name: table_name(), update }.into());
        }
        calls.push(DeleteTable { table_name: table_name() }.into());
        Ok(calls)
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => Some("deletes the table with all its items".to_owned()),
            Change::Update { from, to } | Change::Import { from, to }
                if from.common.key != to.common.key =>
            {
                let old = from.key()?;
                Some(format!(
                    "on-demand backups stay on `{old}`: keep it as long as they are needed"
                ))
            }
            Change::Create { .. }
            | Change::Update { .. }
            | Change::Import { .. }
            | Change::Forget { .. } => None,
        }
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateTable(_) => Effect::Creates,
            Call::UpdateTable(_) => Effect::Changes,
            Call::UpdateContinuousBackups(_) | Call::TagResource(_) | Call::UntagResource(_) => {
                Effect::Marks
            }
            Call::DeleteTable(_) => Effect::Deletes,
        }
    }

    /// DynamoDB uses the key with the credentials of each caller that creates the table or reads and
    /// writes its items. The Region is a wildcard because global tables need that (DynamoDB Developer
    /// Guide, DynamoDB encryption at rest usage notes).
    fn needs(_: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let Some(users) = scene.users() else {
            return Vec::new();
        };
        let actions = [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey",
            "kms:CreateGrant",
        ];
        let via = scene.via("dynamodb").replace(scene.place.region.as_str(), "*");
        let need = Need::new("AllowDynamoDBTables", users, &actions);
        vec![need.when("StringLike", "kms:ViaService", via)]
    }
}

fn sse(key: Option<&KeyRef>) -> SseSpecification {
    SseSpecification {
        enabled: key.is_some(),
        sse_type: key.map(|_| "KMS".to_owned()),
        kms_master_key_id: key.cloned(),
    }
}

fn billed(billing: Option<&Billing>) -> (String, Option<Throughput>) {
    match billing {
        None | Some(Billing::PayPerRequest) => ("PAY_PER_REQUEST".to_owned(), None),
        Some(Billing::Provisioned { read_capacity, write_capacity }) => {
            let (read_capacity_units, write_capacity_units) = (*read_capacity, *write_capacity);
            let throughput = Throughput { read_capacity_units, write_capacity_units };
            ("PROVISIONED".to_owned(), Some(throughput))
        }
    }
}

fn recovery(table: &str, on: bool) -> Call {
    UpdateContinuousBackups {
        table_name: table.to_owned(),
        point_in_time_recovery_specification: Recovery { point_in_time_recovery_enabled: on },
    }
    .into()
}

fn table_arn(setting: &Setting<'_>) -> String {
    let (account, region, name) = (&setting.place.account, &setting.place.region, setting.name);
    format!("arn:{}:dynamodb:{region}:{account}:table/{name}", region.partition())
}
