//! Tests of the errors with which the services of consumers refuse a call for a while, throttle it, or do not
//! know its resource. The answers are those of the API models: JSON with `__type` (DynamoDB, CloudTrail), JSON
//! with a header (OpenSearch, EFS), and XML (RDS, EC2).

use super::*;
use crate::answer::{Fault, later};
use crate::sdk::replay::replay_responses;
use aws_sdk_kms::config::http::HttpResponse;
use serde_json::{Value, json};

/// The form in which a service answers with an error.
#[derive(Clone, Copy)]
enum Form {
    /// `__type` in the body. The text is the namespace.
    Type(&'static str),
    /// The header `x-amzn-ErrorType`.
    Header,
    /// RDS's XML.
    Rds,
    /// EC2's XML.
    Ec2,
}

const DYNAMODB: Form = Form::Type("com.amazonaws.dynamodb.v20120810#");
const CLOUDTRAIL: Form = Form::Type("");

fn response(form: Form, status: u16, code: &str, message: &str) -> HttpResponse {
    let body = match form {
        Form::Type(space) => {
            json!({"__type": format!("{space}{code}"), "message": message}).to_string()
        }
        Form::Header => json!({"message": message}).to_string(),
        Form::Rds => format!(
            "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r1</RequestId></ErrorResponse>"
        ),
        Form::Ec2 => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>r1</RequestID></Response>"
        ),
    };
    let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
    if matches!(form, Form::Header) {
        response
            .headers_mut()
            .insert("x-amzn-errortype", format!("{code}:http://internal.amazon.com/x/"));
    }
    response
}

fn call(kind: &str, operation: &str, parameters: Value) -> Call {
    serde_json::from_value(json!({ kind: { operation: parameters } })).unwrap()
}

/// Returns the error of a call with this answer.
async fn refused(call: &Call, form: Form, status: u16, code: &str, message: &str) -> CloudError {
    let at = super::tests::arn().place();
    let replay = replay_responses([response(form, status, code, message)].into_iter());
    let id = CallBindings { id: Some("x"), ..CallBindings::default() };
    let error = replay.aws.call(&at, call, id).await.unwrap_err();
    assert_eq!(replay.bodies().len(), 1, "a change is sent once");
    assert_eq!(error.code.as_deref(), Some(code), "{error}");
    error
}

#[tokio::test]
async fn a_service_that_refuses_a_call_for_a_while_is_asked_again_for_as_long_as_it_needs() {
    let recovery = json!({"TableName": "t", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    let backups = call("dynamodb_table", "UpdateContinuousBackups", recovery);
    let protection = json!({"TableName": "t", "DeletionProtectionEnabled": false});
    let update = call("dynamodb_table", "UpdateTable", protection);
    let delete = call("dynamodb_table", "DeleteTable", json!({"TableName": "t"}));
    let tags =
        json!({"ResourceArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t", "Tags": []});
    let tag = call("dynamodb_table", "TagResource", tags);
    let keys =
        json!({"ResourceArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t", "TagKeys": ["k"]});
    let untag = call("dynamodb_table", "UntagResource", keys);
    let trail = call("cloudtrail_trail", "StartLogging", json!({"Name": "t"}));
    let store = call("cloudtrail_event_data_store", "DeleteEventDataStore", json!({}));
    let domain = call(
        "es_domain",
        "UpgradeDomain",
        json!({"DomainName": "d", "TargetVersion": "OpenSearch_2.19"}),
    );
    let instance = json!({"DBInstanceIdentifier": "i", "SkipFinalSnapshot": true});
    let instance = call("rds_instance", "DeleteDBInstance", instance);
    let cluster = json!({"DBClusterIdentifier": "c", "SkipFinalSnapshot": true});
    let cluster = call("rds_cluster", "DeleteDBCluster", cluster);
    let unavailable = "Backups are being enabled for the table: t. Please retry later";
    let limit = "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously";
    let protected_table = "Resource cannot be deleted as it is currently protected against deletion. Disable \
                           deletion protection first.";
    let change = "A change/update is in progress. Please wait for it to complete before requesting another change.";
    let protected =
        "Cannot delete protected DB Instance, please disable deletion protection and try again.";
    let protected_cluster =
        "Cannot delete protected Cluster, please disable deletion protection and try again.";
    let invalid = "ValidationException";
    let combination = "InvalidParameterCombination";
    let terminates = "EventDataStoreTerminationProtectedException";
    for (call, form, code, message, minutes) in [
        (&backups, DYNAMODB, "ContinuousBackupsUnavailableException", unavailable, 20),
        (&update, DYNAMODB, "LimitExceededException", limit, 10),
        (&tag, DYNAMODB, "LimitExceededException", limit, 10),
        (&untag, DYNAMODB, "LimitExceededException", "too many operations", 10),
        (&update, DYNAMODB, "ResourceInUseException", "Table is being updated: t", 2),
        (&delete, DYNAMODB, invalid, protected_table, 1),
        (&trail, CLOUDTRAIL, "ConflictException", "Please wait a few minutes", 10),
        (&store, CLOUDTRAIL, terminates, "Termination protection is enabled", 1),
        (&domain, Form::Header, invalid, change, 10),
        (&instance, Form::Rds, combination, protected, 1),
        (&instance, Form::Rds, "InvalidDBInstanceState", "Instance i is not available", 2),
        (&cluster, Form::Rds, combination, protected_cluster, 1),
    ] {
        let error = refused(call, form, 400, code, message).await;
        let fault = if code == "ResourceInUseException" {
            Fault::AlreadyExists
        } else {
            Fault::InvalidState
        };
        assert_eq!(error.fault, fault, "{code}");
        assert_eq!(later::patience_with(&error).as_secs(), minutes * 60, "{code}");
    }
    // The same codes with another meaning are final.
    for (call, form, code, message, fault) in [
        (&delete, DYNAMODB, invalid, "1 validation error detected", Fault::Invalid),
        (&backups, DYNAMODB, "LimitExceededException", "too much", Fault::LimitExceeded),
        (&domain, Form::Header, invalid, "Invalid target version", Fault::Invalid),
        (&domain, Form::Header, "LimitExceededException", "too many domains", Fault::LimitExceeded),
        (
            &instance,
            Form::Rds,
            combination,
            "FinalDBSnapshotIdentifier is required",
            Fault::Invalid,
        ),
    ] {
        assert_eq!(refused(call, form, 400, code, message).await.fault, fault, "{code} {message}");
    }
}

#[tokio::test]
async fn every_code_of_throttling_is_known_and_so_is_the_status_of_unknown_codes() {
    let table = call("dynamodb_table", "DeleteTable", json!({"TableName": "t"}));
    let trail = call("cloudtrail_trail", "StartLogging", json!({"Name": "t"}));
    let domain = call("es_domain", "DeleteDomain", json!({"DomainName": "d"}));
    let system = call("efs_file_system", "DeleteFileSystem", json!({}));
    let instance = json!({"DBInstanceIdentifier": "i", "SkipFinalSnapshot": true});
    let instance = call("rds_instance", "DeleteDBInstance", instance);
    let tags = json!({"Resources": ["vol-1"], "Tags": [{"Key": "k", "Value": "v"}]});
    let tags = call("ebs_volume", "CreateTags", tags);
    for (call, form, status, code) in [
        (&table, DYNAMODB, 400, "ThrottlingException"),
        (&table, DYNAMODB, 400, "ProvisionedThroughputExceededException"),
        (&table, DYNAMODB, 400, "TransactionInProgressException"),
        (&table, DYNAMODB, 400, "RequestLimitExceeded"),
        (&trail, CLOUDTRAIL, 400, "ThrottlingException"),
        (&domain, Form::Header, 429, "TooManyRequestsException"),
        (&domain, Form::Header, 400, "ThrottlingException"),
        (&system, Form::Header, 429, "ThrottlingException"),
        (&instance, Form::Rds, 400, "Throttling"),
        (&tags, Form::Ec2, 503, "RequestLimitExceeded"),
        (&tags, Form::Ec2, 503, "EC2ThrottledException"),
        (&tags, Form::Ec2, 400, "ConcurrentTagAccess"),
        (&tags, Form::Ec2, 503, "BandwidthLimitExceeded"),
        (&tags, Form::Ec2, 400, "PriorRequestNotComplete"),
        (&tags, Form::Ec2, 429, "NobodyKnowsThisCode"),
        (&domain, Form::Header, 429, "NobodyKnowsThisCode"),
        (&instance, Form::Rds, 429, "NobodyKnowsThisCode"),
    ] {
        let error = refused(call, form, status, code, "slower, please").await;
        assert_eq!(error.fault, Fault::Throttled, "{status} {code}");
    }
    let other = refused(&table, DYNAMODB, 400, "NobodyKnowsThisCode", "x").await;
    assert_eq!(other.fault, Fault::Other);
}

#[tokio::test]
async fn a_table_without_backups_is_not_found() {
    let recovery = json!({"TableName": "t", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    let backups = call("dynamodb_table", "UpdateContinuousBackups", recovery);
    let missing =
        refused(&backups, DYNAMODB, 400, "TableNotFoundException", "Table not found: t").await;
    assert_eq!(missing.fault, Fault::NotFound);
}

/// What AWS refuses because of a quota is refused for good, so the message says which quota it is and how it is raised.
#[tokio::test]
async fn a_quota_is_named_with_the_way_to_raise_it() {
    let instance = json!({"DBInstanceIdentifier": "i", "SkipFinalSnapshot": true});
    let instance = call("rds_instance", "DeleteDBInstance", instance);
    let trail = call("cloudtrail_trail", "StartLogging", json!({"Name": "t"}));
    let system = call("efs_file_system", "DeleteFileSystem", json!({}));
    let domain = json!({"DomainName": "d", "TargetVersion": "OpenSearch_2.19"});
    let domain = call("es_domain", "UpgradeDomain", domain);
    let (limit, trails) = ("LimitExceededException", "MaximumNumberOfTrailsExceededException");
    for (call, form, code, parts) in [
        (&instance, Form::Rds, "SnapshotQuotaExceeded", ["manual snapshots", "(Amazon RDS)"]),
        (&instance, Form::Rds, "StorageQuotaExceeded", ["the storage of all DB", "Service Quotas"]),
        (&trail, CLOUDTRAIL, trails, ["trails in a Region (5", "AWS does not raise it"]),
        (&system, Form::Header, "FileSystemLimitExceeded", ["EFS file systems", "(Amazon EFS)"]),
        (&domain, Form::Header, limit, ["OpenSearch Service domains", "Service Quotas"]),
    ] {
        let error = refused(call, form, 400, code, "too many").await;
        assert_eq!(error.fault, Fault::LimitExceeded, "{code}");
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
