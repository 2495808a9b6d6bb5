//! Sends the calls of trails, and converts the SDK's descriptions of them.

use super::{
    AddTags, Call, CloudtrailTrail, CreateTrail, DataResource, DeleteTrail, EventSelector,
    PutEventSelectors, RemoveTags, Settings, StartLogging, StopLogging, TrailKey, UpdateTrail,
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
use aws_sdk_cloudtrail::types::{self, Trail};
use std::collections::BTreeMap;

impl Service for CloudtrailTrail {
    /// Reads the trails whose home Region is that of the place: all trails in one request, and their
    /// tags in requests for twenty trails. The status and the event selectors of each selected trail
    /// are one request each.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        const OPERATION: &str = "DescribeTrails";
        let client = aws.cloudtrail(at).await;
        let read = || client.describe_trails().include_shadow_trails(false).send();
        let described = client.read(OPERATION, read).await?;
        let home = format!(":cloudtrail:{}:{}:trail/", at.region, at.account);
        let trails = part(OPERATION, "list of trails", described.trail_list.as_deref())?;
        let trails: Vec<&Trail> = trails
            .iter()
            .filter(|trail| trail.trail_arn().is_some_and(|arn| arn.contains(&home)))
            .collect();
        let arns: Vec<&str> = trails.iter().filter_map(|trail| trail.trail_arn()).collect();
        let all: BTreeMap<String, Tags> = tags_of(aws, at, &arns).await?;
        let wanted = trails.into_iter().filter_map(|trail| {
            let tags = all.get(trail.trail_arn()?).cloned().unwrap_or_default();
            query.wants(trail.name()?, &tags).then_some((trail, tags))
        });
        let reads = wanted.map(|(trail, tags)| object(aws, at, trail, tags, query));
        each(reads).await
    }

    /// Describes a trail. A trail has no other phases than `Ready` and `Gone`.
    async fn sight(aws: &Aws, at: &Place, name: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "GetTrail";
        let client = aws.cloudtrail(at).await;
        match client.read(OPERATION, || client.get_trail().name(name).send()).await {
            Ok(found) => Ok(Sight {
                spec: found.trail().map(|trail| spec(trail, Tags::new(), lifted(trail)).into()),
                ..Sight { phase: Phase::Ready, ..Sight::gone() }
            }),
            Err(error) if error.fault == Fault::NotFound => Ok(Sight::gone()),
            Err(error) => Err(error),
        }
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
            Call::CreateTrail(call) => create_trail(&client, call, bindings).await,
            Call::UpdateTrail(call) => update_trail(&client, call, bindings).await,
            Call::PutEventSelectors(call) => put_event_selectors(&client, call).await,
            Call::StartLogging(StartLogging { name }) => {
                done(StartLogging::NAME, client.start_logging().name(name).send().await)
            }
            Call::StopLogging(StopLogging { name }) => {
                done(StopLogging::NAME, client.stop_logging().name(name).send().await)
            }
            Call::AddTags(AddTags { resource_id, tags_list }) => {
                let request = client.add_tags().resource_id(resource_id);
                let request = request.set_tags_list(Some(tags(AddTags::NAME, tags_list)?));
                done(AddTags::NAME, request.send().await)
            }
            Call::RemoveTags(RemoveTags { resource_id, tags_list }) => {
                let request = client.remove_tags().resource_id(resource_id);
                let request = request.set_tags_list(Some(tags(RemoveTags::NAME, tags_list)?));
                done(RemoveTags::NAME, request.send().await)
            }
            Call::DeleteTrail(DeleteTrail { name }) => {
                done(DeleteTrail::NAME, client.delete_trail().name(name).send().await)
            }
        }
    }
}

async fn object(
    aws: &Aws,
    at: &Place,
    trail: &Trail,
    tags: Tags,
    query: &ConsumerQuery,
) -> Result<Object, CloudError> {
    let client = aws.cloudtrail(at).await;
    let name = trail.name().unwrap_or_default();
    let mut settings = lifted(trail);
    if query.asks(&["logging"]) {
        const STATUS: &str = "GetTrailStatus";
        let status = client.read(STATUS, || client.get_trail_status().name(name).send()).await?;
        settings.logging = Some(status.is_logging().unwrap_or_default());
    }
    if query.asks(&["event_selectors", "advanced_event_selectors"]) {
        const SELECTORS: &str = "GetEventSelectors";
        let read = || client.get_event_selectors().trail_name(name).send();
        let given = client.read(SELECTORS, read).await?;
        settings.event_selectors =
            Some(given.event_selectors().iter().map(lifted_selector).collect());
        settings.advanced_event_selectors =
            Some(lifted_selectors(given.advanced_event_selectors()));
    }
    let spec = spec(trail, tags, settings).into();
    Ok(Object { id: name.to_owned(), spec, phase: Phase::Ready })
}

fn spec(trail: &Trail, tags: Tags, settings: Settings) -> consumer::Spec<Settings> {
    let common = Common { key: Some(encryption(trail.kms_key_id())), existing: None, tags };
    consumer::Spec { common, settings }
}

fn lifted(trail: &Trail) -> Settings {
    Settings {
        bucket: trail.s3_bucket_name().map(str::to_owned),
        prefix: Some(trail.s3_key_prefix().unwrap_or_default().to_owned()),
        multi_region: Some(trail.is_multi_region_trail().unwrap_or_default()),
        organization: Some(trail.is_organization_trail().unwrap_or_default()),
        log_file_validation: Some(trail.log_file_validation_enabled().unwrap_or_default()),
        include_global_events: Some(trail.include_global_service_events().unwrap_or_default()),
        event_selectors: None,
        advanced_event_selectors: None,
        logging: None,
    }
}

fn lifted_selector(selector: &types::EventSelector) -> EventSelector {
    let resources = selector.data_resources().iter().map(|resource| DataResource {
        r#type: resource.r#type().unwrap_or_default().to_owned(),
        values: resource.values().iter().cloned().collect(),
    });
    let sources = selector.exclude_management_event_sources();
    EventSelector {
        read_write_type: selector.read_write_type().map_or("All", |kind| kind.as_str()).to_owned(),
        include_management_events: selector.include_management_events().unwrap_or(true),
        data_resources: resources.collect(),
        exclude_management_event_sources: sources.iter().cloned().collect(),
    }
}

fn key(
    operation: &'static str,
    key: Option<&TrailKey>,
    bindings: &CallBindings<'_>,
) -> Result<Option<String>, CloudError> {
    match key {
        None => Ok(None),
        Some(TrailKey::Nothing) => Ok(Some(String::new())),
        Some(TrailKey::Key(key)) => resolve(operation, key, bindings).map(Some),
    }
}

async fn create_trail(
    client: &Client,
    CreateTrail { name, settings, tags_list }: &CreateTrail,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let Some(bucket) = &settings.s3_bucket_name else {
        return Err(local(CreateTrail::NAME, Fault::Invalid, "the trail has no bucket"));
    };
    let request = client
        .create_trail()
        .name(name)
        .s3_bucket_name(bucket)
        .set_s3_key_prefix(settings.s3_key_prefix.clone())
        .set_include_global_service_events(settings.include_global_service_events)
        .set_is_multi_region_trail(settings.is_multi_region_trail)
        .set_enable_log_file_validation(settings.enable_log_file_validation)
        .set_kms_key_id(key(CreateTrail::NAME, settings.kms_key_id.as_ref(), bindings)?)
        .set_is_organization_trail(settings.is_organization_trail)
        .set_tags_list(Some(tags(CreateTrail::NAME, tags_list)?));
    answer(CreateTrail::NAME, request.send().await)?;
    Ok(Outcome::Made(name.clone()))
}

async fn update_trail(
    client: &Client,
    UpdateTrail { name, settings }: &UpdateTrail,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let request = client
        .update_trail()
        .name(name)
        .set_s3_bucket_name(settings.s3_bucket_name.clone())
        .set_s3_key_prefix(settings.s3_key_prefix.clone())
        .set_include_global_service_events(settings.include_global_service_events)
        .set_is_multi_region_trail(settings.is_multi_region_trail)
        .set_enable_log_file_validation(settings.enable_log_file_validation)
        .set_kms_key_id(key(UpdateTrail::NAME, settings.kms_key_id.as_ref(), bindings)?)
        .set_is_organization_trail(settings.is_organization_trail);
    done(UpdateTrail::NAME, request.send().await)
}

async fn put_event_selectors(
    client: &Client,
    call: &PutEventSelectors,
) -> Result<Outcome, CloudError> {
    let basic: Vec<_> = call.event_selectors.iter().map(selector).collect();
    let advanced = selectors(PutEventSelectors::NAME, &call.advanced_event_selectors)?;
    let request = client
        .put_event_selectors()
        .trail_name(&call.trail_name)
        .set_event_selectors(Some(basic).filter(|basic| !basic.is_empty()))
        .set_advanced_event_selectors(Some(advanced).filter(|all| !all.is_empty()));
    done(PutEventSelectors::NAME, request.send().await)
}

fn selector(wanted: &EventSelector) -> types::EventSelector {
    let resources = wanted.data_resources.iter().map(|resource| {
        let values = resource.values.iter().cloned().collect();
        types::DataResource::builder().r#type(&resource.r#type).set_values(Some(values)).build()
    });
    let sources = wanted.exclude_management_event_sources.iter().cloned();
    types::EventSelector::builder()
        .read_write_type(wanted.read_write_type.as_str().into())
        .include_management_events(wanted.include_management_events)
        .set_data_resources(Some(resources.collect()))
        .set_exclude_management_event_sources(Some(sources.collect()))
        .build()
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
    const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

    fn described() -> String {
        let trail = |name: &str, arn: &str| {
            json!({"Name": name, "S3BucketName": "logs", "TrailARN": arn, "HomeRegion": "eu-west-1",
                "IncludeGlobalServiceEvents": true, "IsMultiRegionTrail": true,
                "LogFileValidationEnabled": true, "KmsKeyId": KEY, "IsOrganizationTrail": false,
                "HasCustomEventSelectors": true, "HasInsightSelectors": false})
        };
        let abroad = ARN.replace("111122223333", "444455556666");
        json!({"trailList": [trail("main", ARN), trail("theirs", &abroad),
            trail("other", &ARN.replace("main", "other"))]})
        .to_string()
    }

    fn query(fields: &[&str]) -> ConsumerQuery {
        ConsumerQuery {
            kind: ConsumerKind::CloudtrailTrail,
            stack: "s".to_owned(),
            ids: ["main".to_owned()].into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    #[tokio::test]
    async fn a_trail_is_read_with_its_tags_and_the_requested_settings() {
        let tags = json!({"ResourceTagList": [
            {"ResourceId": ARN, "TagsList": [{"Key": "kmsctl:stack", "Value": "s"}]},
            {"ResourceId": ARN.replace("main", "other"), "TagsList": []}]})
        .to_string();
        let selectors = json!({"TrailARN": ARN, "EventSelectors": [{"ReadWriteType": "WriteOnly",
            "IncludeManagementEvents": true, "DataResources": [
                {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}],
            "ExcludeManagementEventSources": []}]})
        .to_string();
        let replay = replay(&[
            (200, &described()),
            (200, &tags),
            (200, r#"{"IsLogging": true}"#),
            (200, &selectors),
        ]);
        let found = replay.aws.objects(&home(), &query(&["logging", "event_selectors"])).await;
        let found = found.unwrap();
        assert_eq!((found.len(), found[0].id.as_str()), (1, "main"));
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(
            spec["cloudtrail_trail"],
            json!({"key": KEY, "tags": {"kmsctl:stack": "s"}, "bucket": "logs", "prefix": "",
                "multi_region": true, "organization": false, "log_file_validation": true,
                "include_global_events": true, "logging": true, "advanced_event_selectors": [],
                "event_selectors": [{"ReadWriteType": "WriteOnly",
                    "IncludeManagementEvents": true, "DataResources": [
                        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}]}]})
        );
        let asked = replay.json();
        assert_eq!(asked[0], json!({"includeShadowTrails": false}));
        let arns = [ARN.to_owned(), ARN.replace("main", "other")];
        assert_eq!(asked[1], json!({ "ResourceIdList": arns }));
        assert_eq!(asked[2], json!({"Name": "main"}));
    }

    #[tokio::test]
    async fn settings_that_are_not_requested_need_no_request() {
        let replay = replay(&[(200, &described()), (200, r#"{"ResourceTagList": []}"#)]);
        assert_eq!(replay.aws.objects(&home(), &query(&[])).await.unwrap().len(), 1);
        assert_eq!(replay.bodies().len(), 2);
    }

    #[tokio::test]
    async fn a_trail_is_ready_or_gone() {
        let gone = r#"{"__type": "TrailNotFoundException", "message": "no"}"#;
        for (status, body, phase) in
            [(200, r#"{"Trail": {}}"#, Phase::Ready), (400, gone, Phase::Gone)]
        {
            let aws = replay(&[(status, body)]).aws;
            assert_eq!(
                aws.sight(&home(), ConsumerKind::CloudtrailTrail, "main").await.unwrap().phase,
                phase
            );
        }
    }

    async fn sent(call: Value) -> Value {
        let call: Call = serde_json::from_value(json!({ "cloudtrail_trail": call })).unwrap();
        let replay = replay(&[(200, "{}")]);
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings = CallBindings { ids: Some(&ids), ..CallBindings::default() };
        replay.aws.call(&home(), &call, bindings).await.unwrap();
        replay.json().remove(0)
    }

    #[tokio::test]
    async fn the_calls_are_sent_with_their_parameters() {
        let tags = json!([{"Key": "kmsctl:stack", "Value": "s"}]);
        let create = json!({"Name": "main", "S3BucketName": "logs", "IsMultiRegionTrail": true,
            "EnableLogFileValidation": true, "KmsKeyId": "key/a", "TagsList": tags});
        let mut expected = create.clone();
        expected["KmsKeyId"] = KEY.into();
        assert_eq!(sent(json!({ "CreateTrail": create })).await, expected);
        for (operation, body) in [
            ("UpdateTrail", json!({"Name": "main", "KmsKeyId": ""})),
            (
                "UpdateTrail",
                json!({"Name": "main", "S3KeyPrefix": "", "IsOrganizationTrail": true}),
            ),
            ("StopLogging", json!({"Name": "main"})),
            ("RemoveTags", json!({"ResourceId": ARN, "TagsList": tags})),
            (
                "PutEventSelectors",
                json!({"TrailName": "main", "AdvancedEventSelectors": [{"Name": "all",
                    "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]}),
            ),
        ] {
            assert_eq!(sent(json!({ operation: body })).await, body);
        }
    }

    #[tokio::test]
    async fn an_unusable_key_is_distinguished_from_an_unusable_bucket() {
        for (code, fault) in [
            ("InsufficientEncryptionPolicyException", Fault::Key),
            ("KmsException", Fault::Key),
            ("InsufficientS3BucketPolicyException", Fault::Invalid),
            ("S3BucketDoesNotExistException", Fault::Invalid),
            ("TrailAlreadyExistsException", Fault::AlreadyExists),
            ("MaximumNumberOfTrailsExceededException", Fault::LimitExceeded),
        ] {
            let call: Call = serde_json::from_value(
                json!({"cloudtrail_trail": {"StartLogging": {"Name": "main"}}}),
            )
            .unwrap();
            let body = json!({"__type": code, "message": "no"}).to_string();
            let aws = replay(&[(400, &body)]).aws;
            let error = aws.call(&home(), &call, CallBindings::default()).await.unwrap_err();
            assert_eq!(error.fault, fault, "{code}");
        }
    }
}
