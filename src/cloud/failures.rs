//! Tests of the classes of errors, through the SDK. No request leaves the machine.

use super::tests::arn;
use super::*;
use crate::answer::Fault;
use crate::sdk::Aws;
use crate::sdk::replay::replay_with;
use aws_config::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use serde_json::json;

async fn failure(status: u16, code: &str) -> CloudError {
    let body = json!({ "__type": code, "message": "why" }).to_string();
    let replay = replay_with("x-amzn-requestid", [(status, "r1", body.as_str())].into_iter());
    let error = replay.aws.policy(&arn()).await.unwrap_err();
    let sent = ("GetKeyPolicy".to_owned(), json!({ "KeyId": arn(), "PolicyName": "default" }));
    assert_eq!(replay.kms(), [sent], "the SDK must not retry");
    error
}

#[tokio::test]
async fn codes_become_faults() {
    let expected = [
        (400, "NotFoundException", Fault::NotFound),
        (400, "com.amazonaws.kms#NotFoundException", Fault::NotFound),
        (400, "InvalidGrantIdException", Fault::NotFound),
        (400, "AlreadyExistsException", Fault::AlreadyExists),
        (400, "AccessDeniedException", Fault::Denied),
        (400, "ExpiredTokenException", Fault::Credentials),
        (400, "UnrecognizedClientException", Fault::Credentials),
        (403, "RequestTimeTooSkewed", Fault::Credentials),
        (403, "SignatureDoesNotMatch", Fault::Credentials),
        (400, "ThrottlingException", Fault::Throttled),
        (503, "SlowDown", Fault::Throttled),
        (409, "OperationAborted", Fault::Throttled),
        (400, "RequestTimeout", Fault::Ambiguous),
        (400, "KMSInvalidStateException", Fault::InvalidState),
        (400, "DisabledException", Fault::InvalidState),
        (400, "LimitExceededException", Fault::LimitExceeded),
        (400, "UnsupportedOperationException", Fault::Unsupported),
        (400, "MalformedPolicyDocumentException", Fault::Malformed),
        (400, "ValidationException", Fault::Invalid),
        (400, "InvalidInput", Fault::Invalid),
        (409, "EntityAlreadyExists", Fault::AlreadyExists),
        (409, "LimitExceeded", Fault::LimitExceeded),
        (400, "NotSupportedService", Fault::Unsupported),
        (500, "KMSInternalException", Fault::Ambiguous),
        (500, "DependencyTimeoutException", Fault::Ambiguous),
        (502, "Whatever", Fault::Ambiguous),
        (400, "Whatever", Fault::Other),
    ];
    for (status, code, fault) in expected {
        let error = failure(status, code).await;
        assert_eq!(error.fault, fault, "{status} {code}");
        assert_eq!((error.message.as_str(), error.request_id.as_deref()), ("why", Some("r1")));
        assert!(error.code.is_some_and(|found| code.ends_with(&found)));
    }
}

/// Returns a configuration with an endpoint that refuses every connection.
fn unreachable(base: aws_config::ConfigLoader) -> aws_config::ConfigLoader {
    base.endpoint_url("http://127.0.0.1:1")
        .region(aws_sdk_kms::config::Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
}

async fn real(base: aws_config::ConfigLoader) -> Aws {
    Aws::with_config(unreachable(base).load().await)
}

#[tokio::test]
async fn a_refused_connection_is_reported_as_unsent() {
    let aws = real(aws_config::defaults(BehaviorVersion::latest()).test_credentials()).await;
    let error = aws.policy(&arn()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Unsent, "{error}");
    assert!(error.message.to_lowercase().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn an_account_without_a_role_uses_the_callers_credentials_and_a_failed_assume_role_is_reported()
 {
    let aws = real(aws_config::defaults(BehaviorVersion::latest()).test_credentials()).await;
    let home: AccountId = "444455556666".parse().unwrap();
    let aws = aws.with_accounts(home.clone(), BTreeMap::new());
    let error = aws.policy(&arn()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Unsent, "the request went out with its own credentials");

    let role = "arn:aws:iam::111122223333:role/kms".to_owned();
    let accounts = BTreeMap::from([(arn().account, role)]);
    let error = aws.with_accounts(home, accounts).policy(&arn()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Credentials, "{error}");
    assert!(error.message.starts_with("there are no usable AWS credentials"), "{error}");
}
