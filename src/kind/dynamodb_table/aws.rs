//! Sends the calls of tables, and converts the SDK's descriptions of them.

use super::{
    Attribute, AttributeDefinition, Billing, Call, CreateTable, DeleteTable, DynamodbTable,
    KeySchemaElement, Settings, SseSpecification, TableUpdate, TagResource, Throughput,
    UntagResource, UpdateContinuousBackups, UpdateTable,
};
use crate::answer::later::of_dynamodb_tags;
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Service, each};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::clients::Session;
use crate::sdk::error::{answer, done, part, unbuilt};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    self, BillingMode, KeyType, PointInTimeRecoveryStatus, ProvisionedThroughput, TableDescription,
    TableStatus, Tag,
};
use std::collections::BTreeSet;

impl Service for DynamodbTable {
    /// Reads the tables with the selected names, concurrently, because DynamoDB describes one table per
    /// request. Tables are not searched by the stack's tag.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let names = if query.is_all() { names(aws, at).await? } else { query.ids.clone() };
        let reads = names.iter().map(|name| object(aws, at, name, query));
        let found = each(reads).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Describes a table.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        let table = describe(aws, at, id).await?;
        Ok(table.map_or_else(Sight::gone, |table| {
            Sight::new(phase_of(&table), spec(&table, Tags::new(), lifted(&table)))
        }))
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.dynamodb(at).await;
        match call {
            Call::CreateTable(call) => create_table(&client, call, bindings).await,
            Call::UpdateTable(call) => update_table(&client, call, bindings).await,
            Call::UpdateContinuousBackups(call) => update_continuous_backups(&client, call).await,
            Call::TagResource(TagResource { resource_arn, tags: given }) => {
                let request = client.tag_resource().resource_arn(resource_arn);
                let request = request.set_tags(Some(tags(TagResource::NAME, given)?));
                of_dynamodb_tags(done(TagResource::NAME, request.send().await))
            }
            Call::UntagResource(UntagResource { resource_arn, tag_keys }) => {
                let request = client.untag_resource().resource_arn(resource_arn);
                let request = request.set_tag_keys(Some(tag_keys.clone()));
                of_dynamodb_tags(done(UntagResource::NAME, request.send().await))
            }
            Call::DeleteTable(DeleteTable { table_name }) => {
                done(DeleteTable::NAME, client.delete_table().table_name(table_name).send().await)
            }
        }
    }
}

/// Reads the names of all tables.
async fn names(aws: &Aws, at: &Place) -> Result<BTreeSet<String>, CloudError> {
    const OPERATION: &str = "ListTables";
    let client = aws.dynamodb(at).await;
    let read = |from| client.list_tables().set_exclusive_start_table_name(from).send();
    let mut names = BTreeSet::new();
    for page in client.pages(OPERATION, read, |page| page.last_evaluated_table_name.clone()).await?
    {
        names.extend(part(OPERATION, "list of tables", page.table_names)?);
    }
    Ok(names)
}

async fn object(
    aws: &Aws,
    at: &Place,
    name: &str,
    query: &ConsumerQuery,
) -> Result<Option<Object>, CloudError> {
    let client = aws.dynamodb(at).await;
    let Some(table) = describe(aws, at, name).await? else {
        return Ok(None);
    };
    let tags = match table.table_arn() {
        Some(arn) if !query.is_all() => tags_of(&client, arn).await?,
        Some(_) | None => Tags::new(),
    };
    let mut settings = lifted(&table);
    if query.asks(&["point_in_time_recovery"]) {
        const BACKUPS: &str = "DescribeContinuousBackups";
        let read = || client.describe_continuous_backups().table_name(name).send();
        let answer = client.read(BACKUPS, read).await?;
        let backups = answer.continuous_backups_description();
        let status = backups
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        settings.point_in_time_recovery = Some(is_on(status));
    }
    let phase = phase_of(&table);
    let spec = spec(&table, tags, settings).into();
    Ok(Some(Object { id: name.to_owned(), spec, phase }))
}

/// Returns whether point-in-time recovery is on or being switched on, for which DynamoDB has the status
/// `ENABLING`, which the API Reference does not mention.
fn is_on(status: Option<&PointInTimeRecoveryStatus>) -> bool {
    let status = status.map(PointInTimeRecoveryStatus::as_str);
    matches!(status, Some("ENABLED" | "ENABLING"))
}

fn spec(table: &TableDescription, tags: Tags, settings: Settings) -> consumer::Spec<Settings> {
    let key = table.sse_description().and_then(|sse| sse.kms_master_key_arn());
    let common = Common { key: Some(encryption(key)), existing: None, tags };
    consumer::Spec { common, settings }
}

async fn tags_of(client: &Session<'_, Client>, arn: &str) -> Result<Tags, CloudError> {
    const OPERATION: &str = "ListTagsOfResource";
    let read = |from| client.list_tags_of_resource().resource_arn(arn).set_next_token(from).send();
    let mut tags = Tags::new();
    for page in client.pages(OPERATION, read, |page| page.next_token.clone()).await? {
        let found = part(OPERATION, "list of tags", page.tags)?.into_iter();
        tags.extend(found.map(|tag| (tag.key, tag.value)));
    }
    Ok(tags)
}

async fn describe(
    aws: &Aws,
    at: &Place,
    name: &str,
) -> Result<Option<TableDescription>, CloudError> {
    const OPERATION: &str = "DescribeTable";
    let client = aws.dynamodb(at).await;
    match client.read(OPERATION, || client.describe_table().table_name(name).send()).await {
        Ok(described) => Ok(described.table),
        Err(error) if error.fault == Fault::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the phase of a table. While the encryption of a table is being changed, the table is busy,
/// because it still needs the old key (DynamoDB Developer Guide, "DynamoDB encryption at rest usage
/// notes").
fn phase_of(table: &TableDescription) -> Phase {
    let sse = table.sse_description().and_then(|sse| sse.status()).map(types::SseStatus::as_str);
    match table.table_status() {
        Some(TableStatus::Active) if matches!(sse, Some("ENABLING" | "DISABLING" | "UPDATING")) => {
            Phase::Busy("its key is being changed".to_owned())
        }
        Some(TableStatus::Active) | None => Phase::Ready,
        Some(status @ (TableStatus::Creating | TableStatus::Updating | TableStatus::Deleting)) => {
            Phase::Busy(status.as_str().to_owned())
        }
        Some(status) => Phase::Broken(status.as_str().to_owned()),
    }
}

fn lifted(table: &TableDescription) -> Settings {
    let mode = table.billing_mode_summary().and_then(|billing| billing.billing_mode());
    let billing = if mode == Some(&BillingMode::PayPerRequest) {
        Billing::PayPerRequest
    } else {
        let throughput = table.provisioned_throughput();
        let read = throughput.and_then(|given| given.read_capacity_units);
        let write = throughput.and_then(|given| given.write_capacity_units);
        Billing::Provisioned {
            read_capacity: read.unwrap_or_default(),
            write_capacity: write.unwrap_or_default(),
            max_read_capacity: None,
            max_write_capacity: None,
        }
    };
    Settings {
        partition_key: attribute(table, &KeyType::Hash),
        sort_key: attribute(table, &KeyType::Range),
        billing: Some(billing),
        deletion_protection: Some(table.deletion_protection_enabled().unwrap_or_default()),
        point_in_time_recovery: None,
    }
}

fn attribute(table: &TableDescription, kind: &KeyType) -> Option<Attribute> {
    let name = table.key_schema().iter().find(|key| key.key_type == *kind)?.attribute_name();
    let mut definitions = table.attribute_definitions().iter();
    let definition = definitions.find(|definition| definition.attribute_name == name)?;
    let r#type = definition.attribute_type.as_str().to_owned();
    Some(Attribute { name: name.to_owned(), r#type })
}

fn tags(operation: &'static str, tags: &[consumer::Tag]) -> Result<Vec<Tag>, CloudError> {
    let built = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

fn throughput(
    operation: &'static str,
    wanted: Option<Throughput>,
) -> Result<Option<ProvisionedThroughput>, CloudError> {
    let Some(Throughput { read_capacity_units, write_capacity_units }) = wanted else {
        return Ok(None);
    };
    let units = ProvisionedThroughput::builder()
        .read_capacity_units(read_capacity_units)
        .write_capacity_units(write_capacity_units);
    units.build().map(Some).map_err(unbuilt(operation))
}

fn encrypted(
    operation: &'static str,
    sse: &SseSpecification,
    bindings: &CallBindings<'_>,
) -> Result<types::SseSpecification, CloudError> {
    let key =
        sse.kms_master_key_id.as_ref().map(|key| resolve(operation, key, bindings)).transpose()?;
    let kind = sse.sse_type.as_deref().map(types::SseType::from);
    let built = types::SseSpecification::builder().enabled(sse.enabled).set_sse_type(kind);
    Ok(built.set_kms_master_key_id(key).build())
}

async fn create_table(
    client: &Client,
    call: &CreateTable,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateTable::NAME;
    let sse = call.sse_specification.as_ref().map(|sse| encrypted(NAME, sse, bindings));
    let request = client
        .create_table()
        .table_name(&call.table_name)
        .set_attribute_definitions(Some(definitions(NAME, &call.attribute_definitions)?))
        .set_key_schema(Some(elements(NAME, &call.key_schema)?))
        .billing_mode(call.billing_mode.as_str().into())
        .set_provisioned_throughput(throughput(NAME, call.provisioned_throughput)?)
        .set_deletion_protection_enabled(call.deletion_protection_enabled)
        .set_sse_specification(sse.transpose()?)
        .set_tags(Some(tags(NAME, &call.tags)?));
    answer(NAME, request.send().await)?;
    Ok(Outcome::Made(call.table_name.clone()))
}

async fn update_table(
    client: &Client,
    UpdateTable { table_name, update }: &UpdateTable,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = UpdateTable::NAME;
    let request = client.update_table().table_name(table_name);
    let request = match update {
        TableUpdate::Encryption { sse_specification } => {
            request.sse_specification(encrypted(NAME, sse_specification, bindings)?)
        }
        TableUpdate::Billing { billing_mode, provisioned_throughput } => request
            .billing_mode(billing_mode.as_str().into())
            .set_provisioned_throughput(throughput(NAME, *provisioned_throughput)?),
        TableUpdate::Protection { deletion_protection_enabled } => {
            request.deletion_protection_enabled(*deletion_protection_enabled)
        }
    };
    done(NAME, request.send().await)
}

async fn update_continuous_backups(
    client: &Client,
    call: &UpdateContinuousBackups,
) -> Result<Outcome, CloudError> {
    const NAME: &str = UpdateContinuousBackups::NAME;
    let on = call.point_in_time_recovery_specification.point_in_time_recovery_enabled;
    let recovery = types::PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(on)
        .build()
        .map_err(unbuilt(NAME))?;
    let request = client
        .update_continuous_backups()
        .table_name(&call.table_name)
        .point_in_time_recovery_specification(recovery);
    done(NAME, request.send().await)
}

fn definitions(
    operation: &'static str,
    wanted: &[AttributeDefinition],
) -> Result<Vec<types::AttributeDefinition>, CloudError> {
    let built = wanted.iter().map(|wanted| {
        types::AttributeDefinition::builder()
            .attribute_name(&wanted.attribute_name)
            .attribute_type(wanted.attribute_type.as_str().into())
            .build()
    });
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

fn elements(
    operation: &'static str,
    wanted: &[KeySchemaElement],
) -> Result<Vec<types::KeySchemaElement>, CloudError> {
    let built = wanted.iter().map(|wanted| {
        types::KeySchemaElement::builder()
            .attribute_name(&wanted.attribute_name)
            .key_type(wanted.key_type.as_str().into())
            .build()
    });
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{Call, ConsumerKind, Ids};
    use crate::sdk::replay::replay;
    use serde_json::json;

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn described(status: &str, sse: &str) -> String {
        json!({"Table": {
            "TableName": "t", "TableStatus": status, "DeletionProtectionEnabled": true,
            "TableArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
            "SSEDescription": {"Status": sse, "SSEType": "KMS", "KMSMasterKeyArn": KEY},
        }})
        .to_string()
    }

    #[tokio::test]
    async fn a_table_is_ready_after_its_key_has_changed() {
        for (status, sse, expected) in [
            ("ACTIVE", "ENABLED", Phase::Ready),
            ("ACTIVE", "UPDATING", Phase::Busy("its key is being changed".to_owned())),
            ("ACTIVE", "ENABLING", Phase::Busy("its key is being changed".to_owned())),
            ("ACTIVE", "DISABLING", Phase::Busy("its key is being changed".to_owned())),
            ("CREATING", "ENABLED", Phase::Busy("CREATING".to_owned())),
            (
                "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
                "ENABLED",
                Phase::Broken("INACCESSIBLE_ENCRYPTION_CREDENTIALS".to_owned()),
            ),
        ] {
            let aws = replay(&[(200, &described(status, sse))]).aws;
            assert_eq!(
                aws.sight(&home(), ConsumerKind::DynamodbTable, "t").await.unwrap().phase,
                expected
            );
        }
        let gone = r#"{"__type": "com.amazonaws.dynamodb#ResourceNotFoundException"}"#;
        let aws = replay(&[(400, gone)]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::DynamodbTable, "t").await.unwrap().phase,
            Phase::Gone
        );
    }

    #[tokio::test]
    async fn a_table_is_read_with_its_tags_and_the_requested_settings() {
        let recovery = json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}})
        .to_string();
        let tags = r#"{"Tags": [{"Key": "kmsctl:stack", "Value": "s"}]}"#;
        let replay =
            replay(&[(200, &described("ACTIVE", "ENABLED")), (200, tags), (200, &recovery)]);
        let query = ConsumerQuery {
            kind: ConsumerKind::DynamodbTable,
            stack: "s".to_owned(),
            ids: ["t".to_owned()].into(),
            fields: ["point_in_time_recovery".to_owned()].into(),
        };
        let found = replay.aws.objects(&home(), &query).await.unwrap();
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(
            spec["dynamodb_table"],
            json!({"key": KEY, "tags": {"kmsctl:stack": "s"}, "deletion_protection": true,
                "partition_key": {"name": "id", "type": "S"}, "billing": "pay_per_request",
                "point_in_time_recovery": true})
        );
    }

    #[tokio::test]
    async fn a_call_is_sent_with_the_arn_of_its_key() {
        let call: Call = serde_json::from_value(json!({"dynamodb_table": {"UpdateTable": {
            "TableName": "t",
            "SSESpecification": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "key/a"}}}}))
        .unwrap();
        let replay = replay(&[(200, "{}")]);
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings = CallBindings { ids: Some(&ids), ..CallBindings::default() };
        assert_eq!(replay.aws.call(&home(), &call, bindings).await.unwrap(), Outcome::Done);
        let expected = json!({"TableName": "t", "SSESpecification": {
            "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": KEY}});
        assert_eq!(replay.json(), [expected]);
    }

    #[test]
    fn recovery_that_is_being_switched_on_is_on() {
        let on = |word: &str| is_on(Some(&PointInTimeRecoveryStatus::from(word)));
        assert!(on("ENABLED") && on("ENABLING"));
        assert!(!on("DISABLED") && !on("DISABLING") && !is_on(None));
    }
}
