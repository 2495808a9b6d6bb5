//! Sends the calls of event data stores, and converts the SDK's descriptions of them.

use super::{
    AddTags, Call, CloudtrailEventDataStore, CreateEventDataStore, DeleteEventDataStore,
    RemoveTags, Settings, UpdateEventDataStore,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Service, each};
use crate::kind::cloudtrail::aws::{lifted as lifted_selectors, selectors, tags, tags_of};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done, local, part};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::operation::get_event_data_store::GetEventDataStoreOutput;
use aws_sdk_cloudtrail::types::{EventDataStoreStatus, FederationStatus};

/// An entry of `ListEventDataStores`, which returns only the ARN and the name.
struct Listed {
    arn: String,
    name: String,
}

impl Service for CloudtrailEventDataStore {
    /// Reads event data stores: the list of all in pages, their tags in requests for twenty stores, and
    /// each selected store in one request. A store that is pending deletion is included if its name is
    /// selected, because the name is still in use.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let all = list(aws, at).await?;
        let arns: Vec<&str> = all.iter().map(|store| store.arn.as_str()).collect();
        let tags = match tags_of(aws, at, &arns).await {
            Ok(tags) => tags,
            // The request fails for all stores if CloudTrail does not return the tags of one that is
            // pending deletion.
            Err(error) if matches!(error.fault, Fault::InvalidState | Fault::NotFound) => {
                let existing = existing(aws, at, &arns).await?;
                tags_of(aws, at, &existing).await?
            }
            Err(error) => return Err(error),
        };
        let wanted = all.into_iter().filter_map(|store| {
            let tags = tags.get(&store.arn).cloned().unwrap_or_default();
            let is_wanted = query.ids.contains(&store.name) || query.wants(&store.arn, &tags);
            is_wanted.then_some((store, tags))
        });
        let reads = wanted.map(|(store, tags)| object(aws, at, store, tags));
        let found = each(reads).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Describes an event data store.
    async fn sight(aws: &Aws, at: &Place, arn: &str) -> Result<Sight, CloudError> {
        let store = describe(aws, at, arn).await?;
        Ok(store.map_or_else(Sight::gone, |store| {
            let spec = spec(&store, Tags::new(), String::new());
            Sight::new(phase_of(&store), spec)
        }))
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.cloudtrail(at).await;
        match call {
            Call::CreateEventDataStore(call) => {
                create_event_data_store(&client, call, bindings).await
            }
            Call::UpdateEventDataStore(call) => {
                update_event_data_store(&client, call, bindings).await
            }
            Call::AddTags(AddTags { tags_list }) => {
                let request = client.add_tags().resource_id(store(AddTags::NAME, bindings)?);
                let request = request.set_tags_list(Some(tags(AddTags::NAME, tags_list)?));
                done(AddTags::NAME, request.send().await)
            }
            Call::RemoveTags(RemoveTags { tags_list }) => {
                let request = client.remove_tags().resource_id(store(RemoveTags::NAME, bindings)?);
                let request = request.set_tags_list(Some(tags(RemoveTags::NAME, tags_list)?));
                done(RemoveTags::NAME, request.send().await)
            }
            Call::DeleteEventDataStore(_) => {
                let arn = store(DeleteEventDataStore::NAME, bindings)?;
                let request = client.delete_event_data_store().event_data_store(arn);
                done(DeleteEventDataStore::NAME, request.send().await)
            }
        }
    }
}

async fn list(aws: &Aws, at: &Place) -> Result<Vec<Listed>, CloudError> {
    const OPERATION: &str = "ListEventDataStores";
    let client = aws.cloudtrail(at).await;
    let read = |from| client.list_event_data_stores().max_results(1000).set_next_token(from).send();
    let mut all = Vec::new();
    for page in client.pages(OPERATION, read, |page| page.next_token.clone()).await? {
        let stores =
            part(OPERATION, "list of event data stores", page.event_data_stores.as_deref())?;
        all.extend(stores.iter().filter_map(|store| {
            let arn = store.event_data_store_arn()?.to_owned();
            Some(Listed { arn, name: store.name().unwrap_or_default().to_owned() })
        }));
    }
    Ok(all)
}

/// Returns the stores that are not pending deletion.
async fn existing<'a>(aws: &Aws, at: &Place, arns: &[&'a str]) -> Result<Vec<&'a str>, CloudError> {
    let reads = arns.iter().map(|arn| CloudtrailEventDataStore::sight(aws, at, arn));
    let sights = each(reads).await?;
    let stores = arns.iter().zip(sights).filter(|(_, sight)| sight.phase != Phase::Gone);
    Ok(stores.map(|(arn, _)| *arn).collect())
}

async fn object(
    aws: &Aws,
    at: &Place,
    store: Listed,
    tags: Tags,
) -> Result<Option<Object>, CloudError> {
    let Some(described) = describe(aws, at, &store.arn).await? else {
        return Ok(None);
    };
    let spec = spec(&described, tags, store.name).into();
    Ok(Some(Object { id: store.arn, spec, phase: phase_of(&described) }))
}

fn spec(store: &GetEventDataStoreOutput, tags: Tags, name: String) -> consumer::Spec<Settings> {
    let common = Common { key: Some(encryption(store.kms_key_id())), existing: None, tags };
    consumer::Spec { common, settings: lifted(store, name) }
}

fn lifted(store: &GetEventDataStoreOutput, name: String) -> Settings {
    let days = store.retention_period().and_then(|days| u32::try_from(days).ok());
    let federation = store.federation_status();
    let federated = federation.is_some_and(|status| *status != FederationStatus::Disabled);
    Settings {
        name: Some(store.name().map_or(name, str::to_owned)),
        retention_days: days,
        multi_region: Some(store.multi_region_enabled().unwrap_or_default()),
        organization: Some(store.organization_enabled().unwrap_or_default()),
        advanced_event_selectors: Some(lifted_selectors(store.advanced_event_selectors())),
        termination_protection: Some(store.termination_protection_enabled().unwrap_or_default()),
        federated: Some(federated),
    }
}

async fn describe(
    aws: &Aws,
    at: &Place,
    arn: &str,
) -> Result<Option<GetEventDataStoreOutput>, CloudError> {
    const OPERATION: &str = "GetEventDataStore";
    let client = aws.cloudtrail(at).await;
    let read = || client.get_event_data_store().event_data_store(arn).send();
    match client.read(OPERATION, read).await {
        Ok(described) => Ok(Some(described)),
        Err(error) if error.fault == Fault::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the phase of an event data store. A store that is pending deletion counts as gone,
/// although AWS can restore it for 7 days. A store whose ingestion is stopped counts as ready,
/// because it can be queried.
fn phase_of(store: &GetEventDataStoreOutput) -> Phase {
    match store.status() {
        Some(EventDataStoreStatus::Enabled | EventDataStoreStatus::StoppedIngestion) | None => {
            Phase::Ready
        }
        Some(EventDataStoreStatus::PendingDeletion) => Phase::Gone,
        Some(
            status @ (EventDataStoreStatus::Created
            | EventDataStoreStatus::StartingIngestion
            | EventDataStoreStatus::StoppingIngestion),
        ) => Phase::Busy(status.as_str().to_owned()),
        Some(status) => Phase::Broken(status.as_str().to_owned()),
    }
}

fn store(operation: &'static str, bindings: &CallBindings<'_>) -> Result<String, CloudError> {
    let arn = bindings.id.map(str::to_owned);
    arn.ok_or_else(|| local(operation, Fault::Other, "the event data store does not exist yet"))
}

async fn create_event_data_store(
    client: &Client,
    CreateEventDataStore { settings, tags_list }: &CreateEventDataStore,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateEventDataStore::NAME;
    let key = settings.kms_key_id.as_ref().map(|key| resolve(NAME, key, bindings)).transpose()?;
    let wanted = settings.advanced_event_selectors.as_ref();
    let request = client
        .create_event_data_store()
        .set_name(settings.name.clone())
        .set_advanced_event_selectors(wanted.map(|all| selectors(NAME, all)).transpose()?)
        .set_multi_region_enabled(settings.multi_region_enabled)
        .set_organization_enabled(settings.organization_enabled)
        .set_retention_period(settings.retention_period.and_then(|days| i32::try_from(days).ok()))
        .set_termination_protection_enabled(settings.termination_protection_enabled)
        .set_kms_key_id(key)
        .set_tags_list(Some(tags(NAME, tags_list)?));
    let made = answer(NAME, request.send().await)?;
    made.event_data_store_arn.map(Outcome::Made).ok_or_else(|| {
        local(NAME, Fault::Ambiguous, "the answer contains no ARN of an event data store")
    })
}

async fn update_event_data_store(
    client: &Client,
    UpdateEventDataStore { settings }: &UpdateEventDataStore,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = UpdateEventDataStore::NAME;
    let key = settings.kms_key_id.as_ref().map(|key| resolve(NAME, key, bindings)).transpose()?;
    let wanted = settings.advanced_event_selectors.as_ref();
    let request = client
        .update_event_data_store()
        .event_data_store(store(NAME, bindings)?)
        .set_name(settings.name.clone())
        .set_advanced_event_selectors(wanted.map(|all| selectors(NAME, all)).transpose()?)
        .set_multi_region_enabled(settings.multi_region_enabled)
        .set_organization_enabled(settings.organization_enabled)
        .set_retention_period(settings.retention_period.and_then(|days| i32::try_from(days).ok()))
        .set_termination_protection_enabled(settings.termination_protection_enabled)
        .set_kms_key_id(key);
    done(NAME, request.send().await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{Call, ConsumerKind, Ids};
    use crate::sdk::replay::replay;
    use serde_json::{Value, json};

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:eventdatastore/EXAMPLE-f852-4e8f";

    fn described(status: &str) -> String {
        json!({"EventDataStoreArn": ARN, "Name": "lake", "Status": status, "KmsKeyId": KEY,
            "AdvancedEventSelectors": [{"Name": "Default management events", "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Management"]}]}],
            "MultiRegionEnabled": true, "OrganizationEnabled": false, "RetentionPeriod": 90,
            "TerminationProtectionEnabled": true, "CreatedTimestamp": 1640995200.0,
            "BillingMode": "EXTENDABLE_RETENTION_PRICING", "FederationStatus": "DISABLED"})
        .to_string()
    }

    fn listed(arn: &str, name: &str, next: Option<&str>) -> String {
        let store = json!({"EventDataStoreArn": arn, "Name": name});
        json!({"EventDataStores": [store], "NextToken": next}).to_string()
    }

    fn tagged(arn: &str, stack: &str) -> String {
        let tags = json!([{"Key": "kmsctl:stack", "Value": stack}]);
        json!({"ResourceTagList": [{"ResourceId": arn, "TagsList": tags}]}).to_string()
    }

    fn query(ids: &[&str]) -> ConsumerQuery {
        ConsumerQuery {
            kind: ConsumerKind::CloudtrailEventDataStore,
            stack: "s".to_owned(),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            fields: [].into(),
        }
    }

    #[tokio::test]
    async fn a_store_is_found_by_its_tags_on_any_page() {
        let replay = replay(&[
            (200, &listed("arn:other", "other", Some("more"))),
            (200, &listed(ARN, "lake", None)),
            (200, &tagged(ARN, "s")),
            (200, &described("ENABLED")),
        ]);
        let found = replay.aws.objects(&home(), &query(&[])).await.unwrap();
        assert_eq!((found.len(), found[0].id.as_str()), (1, ARN));
        assert_eq!(found[0].phase, Phase::Ready);
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(
            spec["cloudtrail_event_data_store"],
            json!({"key": KEY, "tags": {"kmsctl:stack": "s"}, "name": "lake", "federated": false,
                "retention_days": 90, "multi_region": true, "organization": false,
                "termination_protection": true, "advanced_event_selectors": [
                    {"Name": "Default management events", "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]}]}]})
        );
        let asked = replay.json();
        assert_eq!(asked[1], json!({"MaxResults": 1000, "NextToken": "more"}));
        assert_eq!(asked[2], json!({"ResourceIdList": ["arn:other", ARN]}));
        assert_eq!(asked[3], json!({"EventDataStore": ARN}));
    }

    #[tokio::test]
    async fn a_store_pending_deletion_is_returned_if_its_name_is_selected() {
        let inactive = r#"{"__type": "InactiveEventDataStoreException", "message": "no"}"#;
        let replay = replay(&[
            (200, &listed(ARN, "lake", None)),
            (400, inactive),
            (200, &described("PENDING_DELETION")),
            (200, &described("PENDING_DELETION")),
        ]);
        let found = replay.aws.objects(&home(), &query(&["lake"])).await.unwrap();
        assert_eq!((found.len(), &found[0].phase), (1, &Phase::Gone));
    }

    #[tokio::test]
    async fn a_store_pending_deletion_counts_as_gone() {
        for (status, expected) in [
            ("ENABLED", Phase::Ready),
            ("STOPPED_INGESTION", Phase::Ready),
            ("CREATED", Phase::Busy("CREATED".to_owned())),
            ("STARTING_INGESTION", Phase::Busy("STARTING_INGESTION".to_owned())),
            ("PENDING_DELETION", Phase::Gone),
        ] {
            let aws = replay(&[(200, &described(status))]).aws;
            let phase = aws
                .sight(&home(), ConsumerKind::CloudtrailEventDataStore, ARN)
                .await
                .unwrap()
                .phase;
            assert_eq!(phase, expected);
        }
        let gone = r#"{"__type": "EventDataStoreNotFoundException", "message": "no"}"#;
        let aws = replay(&[(400, gone)]).aws;
        let phase =
            aws.sight(&home(), ConsumerKind::CloudtrailEventDataStore, ARN).await.unwrap().phase;
        assert_eq!(phase, Phase::Gone);
    }

    async fn sent(call: Value, answer: &str) -> (Outcome, Value) {
        let call = json!({ "cloudtrail_event_data_store": call });
        let call: Call = serde_json::from_value(call).unwrap();
        let replay = replay(&[(200, answer)]);
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings = CallBindings { ids: Some(&ids), id: Some(ARN), ..CallBindings::default() };
        let outcome = replay.aws.call(&home(), &call, bindings).await.unwrap();
        (outcome, replay.json().remove(0))
    }

    #[tokio::test]
    async fn the_calls_name_the_store_that_the_step_created() {
        let tags = json!([{"Key": "kmsctl:stack", "Value": "s"}]);
        let mut body = json!({"Name": "lake", "RetentionPeriod": 90, "KmsKeyId": "key/a",
            "TerminationProtectionEnabled": false, "TagsList": tags, "AdvancedEventSelectors": [
                {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]});
        let answer = json!({"EventDataStoreArn": ARN, "Status": "CREATED"}).to_string();
        let (made, asked) = sent(json!({ "CreateEventDataStore": body }), &answer).await;
        body["KmsKeyId"] = KEY.into();
        assert_eq!((made, asked), (Outcome::Made(ARN.to_owned()), body));
        for (call, body) in [
            (
                json!({"UpdateEventDataStore": {"TerminationProtectionEnabled": false}}),
                json!({"EventDataStore": ARN, "TerminationProtectionEnabled": false}),
            ),
            (json!({"AddTags": {"TagsList": tags}}), json!({"ResourceId": ARN, "TagsList": tags})),
            (json!({"DeleteEventDataStore": {}}), json!({ "EventDataStore": ARN })),
        ] {
            assert_eq!(sent(call, "{}").await, (Outcome::Done, body));
        }
    }
}
