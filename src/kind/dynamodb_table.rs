//! DynamoDB tables. Their key changes in place; the old key is needed until the table's description
//! shows the new one (DynamoDB Developer Guide, DynamoDB encryption at rest usage notes).

pub(crate) mod aws;
mod fields;

pub use fields::{Attribute, Billing, Fields, Settings};

use super::call::calls;
use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Spec, Tag, allowed, changed, fixed, missing, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::tags::TagRules;
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

/// The encryption of a table, in the form of the DynamoDB API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SseSpecification {
    /// Whether a KMS key encrypts the table. Otherwise an AWS owned key does.
    pub enabled: bool,
    /// The type, which is always `KMS`.
    #[serde(rename = "SSEType", default, skip_serializing_if = "Option::is_none")]
    pub sse_type: Option<String>,
    /// The key.
    #[serde(rename = "KMSMasterKeyId", default, skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<KeyRef>,
}

/// An attribute and its type, in the form of the DynamoDB API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

/// A part of the primary key, in the form of the DynamoDB API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct KeySchemaElement {
    pub attribute_name: String,
    pub key_type: String,
}

/// The provisioned capacity, in the form of the DynamoDB API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Throughput {
    pub read_capacity_units: i64,
    pub write_capacity_units: i64,
}

/// The change of one `UpdateTable`. DynamoDB accepts one change per request, and rejects a request
/// that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub enum TableUpdate {
    /// The key.
    Encryption {
        #[serde(rename = "SSESpecification")]
        sse_specification: SseSpecification,
    },
    /// The billing mode.
    Billing {
        billing_mode: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provisioned_throughput: Option<Throughput>,
    },
    /// Whether AWS refuses to delete the table.
    Protection { deletion_protection_enabled: bool },
}

/// The point-in-time recovery of a table, in the form of the DynamoDB API.
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

/// The kind of tables.
#[derive(Debug)]
pub struct DynamodbTable;

const IMMUTABLE: &str = "DynamoDB does not change it after creation: declare a table under another \
name and copy the items, or set the current value";

impl Consumer for DynamodbTable {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "DynamoDB table",
        service: "dynamodb",
        reads: Reads {
            refresh: &[
                Read::always("DescribeTable"),
                Read::always("ListTagsOfResource"),
                Read::of("DescribeContinuousBackups", &["point_in_time_recovery"]),
            ],
            watch: &["DescribeTable"],
            list: &["ListTables", "DescribeTable"],
        },
        pace: Pace { first: 2, most: 20, limit: 1800 },
        identity: Identity::Name,
        names_are_global: false,
        grants_of: Some("dynamodb"),
        key_account: KeyAccount::Any,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "dynamodb:table",
            service: "dynamodb",
            prefix: "table/",
            is_id: false,
        }),
        copies: None,
        holds_data: true,
        tags: Some(TagRules::COMMON),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let Settings { partition_key, sort_key, billing, .. } = &to.settings;
        allowed([missing("partition_key", partition_key.as_ref())])?;
        let mut attribute_definitions = Vec::new();
        let mut key_schema = Vec::new();
        for (attribute, key_type) in [(partition_key, "HASH"), (sort_key, "RANGE")] {
            if let Some(attribute) = attribute {
                attribute_definitions.push(attribute.definition());
                key_schema.push(attribute.element(key_type));
            }
        }
        let (billing_mode, provisioned_throughput) = billed(billing.as_ref());
        let create = CreateTable {
            table_name: setting.name.to_owned(),
            attribute_definitions,
            key_schema,
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
        let mut updates = Vec::new();
        if from.common.key != to.common.key {
            updates.push(TableUpdate::Encryption { sse_specification: sse(to.key()) });
        }
        if old.billing != new.billing {
            let (billing_mode, provisioned_throughput) = billed(new.billing.as_ref());
            updates.push(TableUpdate::Billing { billing_mode, provisioned_throughput });
        }
        let protection =
            changed(old.deletion_protection.as_ref(), new.deletion_protection.as_ref());
        if let Some(deletion_protection_enabled) = protection {
            updates.push(TableUpdate::Protection { deletion_protection_enabled });
        }
        let mut calls: Vec<Call> = updates
            .into_iter()
            .map(|update| UpdateTable { table_name: setting.name.to_owned(), update }.into())
            .collect();
        let recovers =
            changed(old.point_in_time_recovery.as_ref(), new.point_in_time_recovery.as_ref());
        if let Some(enabled) = recovers {
            calls.push(recovery(setting.name, enabled));
        }
        let arn = table_arn(setting);
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| TagResource { resource_arn: arn.clone(), tags: tag_list(set) }.into(),
            |tag_keys| UntagResource { resource_arn: arn.clone(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    fn delete(from: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        let table_name = setting.name.to_owned();
        let mut calls = Vec::new();
        if from.settings.deletion_protection == Some(true) {
            let update = TableUpdate::Protection { deletion_protection_enabled: false };
            calls.push(UpdateTable { table_name: table_name.clone(), update }.into());
        }
        calls.push(DeleteTable { table_name }.into());
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
                    "on-demand backups stay encrypted with `{old}`: keep it as long as they are needed"
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

    /// Application Auto Scaling may have set another capacity.
    fn met(mut declared: Settings, live: &Settings) -> Settings {
        declared.billing = declared.billing.map(|billing| billing.met(live.billing.as_ref()));
        declared
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
        let need = Need::new("AllowDynamoDBTables", users, &actions);
        vec![need.with(scene.via_anywhere("dynamodb"))]
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
        Some(Billing::Provisioned { read_capacity, write_capacity, .. }) => {
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
