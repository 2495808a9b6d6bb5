//! A stand-in for services with many resources and with quotas, by the clock of the test. It answers the
//! requests of a refresh.

use super::Aws;
use super::replay::stand_in;
use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The calls and the throttled calls of an operation.
pub(crate) type Counts = BTreeMap<String, (u32, u32)>;

#[derive(Debug)]
struct Shared {
    /// The number of resources of each kind.
    count: usize,
    /// The quotas. Other operations have none.
    quotas: BTreeMap<&'static str, f64>,
    buckets: BTreeMap<String, (f64, Instant)>,
    counts: Counts,
}

/// The stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Crowded(Arc<Mutex<Shared>>);

impl Crowded {
    /// Creates a stand-in with so many resources of each kind and these requests per second.
    pub(crate) fn new(count: usize, quotas: &[(&'static str, f64)]) -> Self {
        let (quotas, buckets) = (quotas.iter().copied().collect(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Shared { count, quotas, buckets, counts: Counts::new() })))
    }

    /// Returns the SDK with the documented quotas, connected to the stand-in.
    pub(crate) fn aws(&self) -> Aws {
        stand_in(self.clone()).with_quotas()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap().counts.clone()
    }

    /// Counts a call, and returns whether it is throttled.
    fn is_throttled(&self, operation: &str) -> bool {
        let mut shared = self.0.lock().unwrap();
        let quota = shared.quotas.get(operation).copied();
        let throttled = quota.is_some_and(|quota| {
            let now = Instant::now();
            let bucket = shared.buckets.entry(operation.to_owned()).or_insert((quota, now));
            let gained = now.duration_since(bucket.1).as_secs_f64() * quota;
            let tokens = (bucket.0 + gained).min(quota);
            *bucket = (if tokens >= 1.0 { tokens - 1.0 } else { tokens }, now);
            tokens < 1.0
        });
        let count = shared.counts.entry(operation.to_owned()).or_default();
        count.0 += 1;
        count.1 += u32::from(throttled);
        throttled
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let body = request.body().bytes().unwrap_or_default();
        let parameters: Value = serde_json::from_slice(body).unwrap_or_default();
        let (operation, subject) = named(request);
        if self.is_throttled(&operation) {
            let body = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
            let mut response = HttpResponse::new(400.try_into().unwrap(), body.to_string().into());
            response.headers_mut().insert("x-amzn-errortype", "ThrottlingException");
            return response;
        }
        let count = self.0.lock().unwrap().count;
        let body = answer(&operation, &subject, &parameters, count).to_string();
        HttpResponse::new(200.try_into().unwrap(), body.into())
    }
}

/// Returns the operation of a request, and the resource in its path.
fn named(request: &HttpRequest) -> (String, String) {
    if let Some(target) = request.headers().get("x-amz-target") {
        return (target.rsplit('.').next().unwrap().to_owned(), String::new());
    }
    let path = request.uri().split("amazonaws.com").nth(1).unwrap();
    let path = path.split('?').next().unwrap().trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let (operation, subject) = match parts.as_slice() {
        ["2015-02-01", "file-systems"] => ("DescribeFileSystems", ""),
        ["2015-02-01", "file-systems", id, "lifecycle-configuration"] => {
            ("DescribeLifecycleConfiguration", *id)
        }
        ["2015-02-01", "file-systems", id, "backup-policy"] => ("DescribeBackupPolicy", *id),
        ["2021-01-01", "domain"] => ("ListDomainNames", ""),
        ["2021-01-01", "opensearch", "domain-info"] => ("DescribeDomains", ""),
        ["2021-01-01", "tags"] => ("ListTags of OpenSearch", ""),
        other => panic!("{other:?}"),
    };
    (operation.to_owned(), subject.to_owned())
}

fn answer(operation: &str, subject: &str, parameters: &Value, count: usize) -> Value {
    let arn =
        |service: &str, name: &str| format!("arn:aws:{service}:eu-west-1:111122223333:{name}");
    let name = |key: &str| parameters[key].as_str().unwrap_or_default().to_owned();
    let names = (0..count).map(|n| format!("n{n}"));
    match operation {
        "DescribeTable" => json!({"Table": {
            "TableName": name("TableName"), "TableStatus": "ACTIVE",
            "TableArn": arn("dynamodb", &format!("table/{}", name("TableName"))),
        }}),
        "ListTagsOfResource" => json!({"Tags": [{"Key": "kmsctl:stack", "Value": "s"}]}),
        "DescribeContinuousBackups" => json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}}),
        "DescribeTrails" => json!({"trailList": names.map(|name| json!({
            "Name": name, "S3BucketName": "logs", "HomeRegion": "eu-west-1",
            "TrailARN": arn("cloudtrail", &format!("trail/{name}"))})).collect::<Vec<_>>()}),
        "ListTags" => json!({"ResourceTagList": parameters["ResourceIdList"].as_array().unwrap()
            .iter().map(|id| json!({"ResourceId": id, "TagsList": []})).collect::<Vec<_>>()}),
        "GetTrailStatus" => json!({"IsLogging": true}),
        "GetEventSelectors" => json!({"EventSelectors": []}),
        "DescribeFileSystems" => json!({"FileSystems": names.map(|name| json!({
            "FileSystemId": name, "OwnerId": "111122223333", "CreationToken": name,
            "CreationTime": 1.7e9, "LifeCycleState": "available", "NumberOfMountTargets": 0,
            "SizeInBytes": {"Value": 1}, "PerformanceMode": "generalPurpose",
            "Tags": [{"Key": "kmsctl:stack", "Value": "s"}]})).collect::<Vec<_>>()}),
        "DescribeLifecycleConfiguration" => json!({"LifecyclePolicies": []}),
        "DescribeBackupPolicy" => {
            assert!(!subject.is_empty());
            json!({"BackupPolicy": {"Status": "DISABLED"}})
        }
        "ListDomainNames" => json!({"DomainNames": names.map(|name| json!({
            "DomainName": name, "EngineType": "OpenSearch"})).collect::<Vec<_>>()}),
        "DescribeDomains" => json!({"DomainStatusList": parameters["DomainNames"].as_array()
            .unwrap().iter().map(|name| json!({
                "DomainId": name, "DomainName": name, "ClusterConfig": {}, "Created": true,
                "ARN": arn("es", &format!("domain/{}", name.as_str().unwrap()))}))
            .collect::<Vec<_>>()}),
        "ListTags of OpenSearch" => json!({"TagList": [{"Key": "kmsctl:stack", "Value": "s"}]}),
        other => panic!("{other}"),
    }
}

impl HttpConnector for Crowded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let stand_in = self.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let answer = stand_in.answer(&request);
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(answer)
        })
    }
}
