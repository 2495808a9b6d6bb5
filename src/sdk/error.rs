//! Classifies the errors of the SDK by error codes, HTTP statuses and types. Messages count only for the
//! errors of [`later`].

use super::TIME_OUT;
use super::bounded::Excess;
use super::gate::Withheld;
use super::secret::concealed;
use crate::answer::{CloudError, Fault, Outcome, later};
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_kms::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use std::error::Error;
use std::io;

/// Creates an error that does not come from AWS.
pub(crate) fn local(
    operation: &'static str,
    fault: Fault,
    message: impl Into<String>,
) -> CloudError {
    CloudError { operation, fault, code: None, message: message.into(), request_id: None }
}

/// Creates the error of an answer that AWS sent as a success and that lacks what every such answer
/// contains. AWS may have executed the request, and the same read may succeed later.
pub(crate) fn incomplete(operation: &'static str, missing: &str) -> CloudError {
    local(operation, Fault::Ambiguous, format!("the answer contains no {missing}"))
}

/// Returns a part of an answer that every successful answer contains.
pub(crate) fn part<T>(
    operation: &'static str,
    name: &str,
    part: Option<T>,
) -> Result<T, CloudError> {
    part.ok_or_else(|| incomplete(operation, name))
}

/// Returns the conversion of the error for a part of a request that the SDK cannot build.
pub(crate) fn unbuilt(operation: &'static str) -> impl Fn(BuildError) -> CloudError {
    move |error| local(operation, Fault::Invalid, chain(&error))
}

/// The largest number of characters of a message of AWS. An endpoint could send megabytes, once for each key.
const MOST: usize = 4096;

/// Returns a message without the end of a very long one.
fn shortened(message: &str) -> String {
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// Returns the answer to a request, with the error converted and classified.
pub(crate) fn answer<T, E>(
    operation: &'static str,
    sent: Result<T, SdkError<E>>,
) -> Result<T, CloudError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    sent.map_err(|error| {
        let fault = fault(operation, &error);
        let message = match (&error, error.message()) {
            (_, Some(message)) => message.to_owned(),
            (SdkError::ServiceError(_), None) => match error.raw_response() {
                Some(raw) if raw.status().is_success() => {
                    "the answer of AWS cannot be read".to_owned()
                }
                Some(raw) => format!(
                    "the answer has HTTP status {} and no error code of AWS; a proxy may have sent it",
                    raw.status()
                ),
                None => chain(&error),
            },
            _ if is_about_credentials(&error) => {
                format!("there are no usable AWS credentials: {}", without_wrappers(&chain(&error)))
            }
            (SdkError::TimeoutError(_), None) => {
                format!("no answer came within {} s", TIME_OUT.as_secs())
            }
            _ => own(&error).unwrap_or_else(|| chain(&error)),
        };
        let shown = |text: &str| shortened(&concealed(text));
        let message = shown(&message);
        let (code, request_id) = (error.code().map(shown), error.request_id().map(shown));
        CloudError { operation, fault, code, message, request_id }
    })
}

/// Returns the outcome of a call whose answer is not needed.
pub(crate) fn done<T, E>(
    operation: &'static str,
    sent: Result<T, SdkError<E>>,
) -> Result<Outcome, CloudError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    answer(operation, sent).map(|_| Outcome::Done)
}

fn fault<E>(operation: &str, error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Fault::Unsent,
        SdkError::DispatchFailure(_) if is_about_credentials(error) => Fault::Credentials,
        SdkError::DispatchFailure(_) if never_connected(error) => Fault::Unsent,
        SdkError::DispatchFailure(_) if withheld(error).is_some() => Fault::Unsent,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
            Fault::Ambiguous
        }
        SdkError::ServiceError(service) => {
            let (code, message) = (error.code().unwrap_or_default(), error.message());
            if later::patience(operation, code, message.unwrap_or_default()).is_some() {
                return Fault::InvalidState;
            }
            by_code(code).unwrap_or_else(|| by_status(service.raw()))
        }
        _ => Fault::Ambiguous,
    }
}

/// Returns the class of an error without a known code. A success that cannot be read says nothing about
/// the outcome. HTTP 429 means too many requests, whoever sends it (RFC 6585, section 4).
fn by_status(answer: &HttpResponse) -> Fault {
    let status = answer.status();
    match status.as_u16() {
        429 => Fault::Throttled,
        _ if status.is_success() || status.is_server_error() => Fault::Ambiguous,
        _ => Fault::Other,
    }
}

/// The error codes of each class, as the API references of the services list them under "Errors".
const CODES: &[(Fault, &[&str])] = &[
    (
        Fault::Key,
        &[
            "KMSKeyNotAccessibleFault",
            "InsufficientEncryptionPolicyException",
            "KmsException",
            "KmsKeyDisabledException",
            "KmsKeyNotFoundException",
            "InvalidKmsKeyIdException",
        ],
    ),
    (
        Fault::NotFound,
        &[
            "DBInstanceNotFound",
            "DBInstanceNotFoundFault",
            "DBClusterNotFoundFault",
            "TrailNotFoundException",
            "EventDataStoreNotFoundException",
            "NoSuchBucket",
            "NoSuchBucketPolicy",
            "FileSystemNotFound",
            "MountTargetNotFound",
            "PolicyNotFound",
            "InvalidVolume.NotFound",
            "InvalidSnapshot.NotFound",
            "NotFoundException",
            "InvalidGrantIdException",
            "NoSuchEntity",
            "NoSuchEntityException",
            "ResourceNotFoundException",
            "TableNotFoundException",
        ],
    ),
    (
        Fault::AlreadyExists,
        &[
            "DBInstanceAlreadyExists",
            "DBClusterAlreadyExistsFault",
            "TrailAlreadyExistsException",
            "EventDataStoreAlreadyExistsException",
            "FileSystemAlreadyExists",
            "MountTargetConflict",
            "ResourceAlreadyExistsException",
            "AlreadyExistsException",
            "EntityAlreadyExists",
            "ResourceInUseException",
            "TableAlreadyExistsException",
        ],
    ),
    (
        Fault::Denied,
        &[
            "AccessDeniedException",
            "AccessDenied",
            "UnauthorizedOperation",
            "NotAuthorized",
            "OptInRequired",
        ],
    ),
    (
        Fault::Credentials,
        &[
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "IncompleteSignature",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "RequestTimeTooSkewed",
            "InvalidToken",
            "InvalidAccessKeyId",
        ],
    ),
    (
        Fault::Throttled,
        &[
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
            // The other codes for which the AWS SDKs slow down.
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            // Another request changes the bucket or the object; S3 asks the caller to try again (S3 API Reference,
            // "Error responses").
            "OperationAborted",
            // Two requests changed the tags at the same time (EC2 API Reference, "Error codes").
            "ConcurrentTagAccess",
        ],
    ),
    (
        Fault::InvalidState,
        &[
            "InvalidDBInstanceState",
            "InvalidDBInstanceStateFault",
            "InvalidDBClusterStateFault",
            "InactiveEventDataStoreException",
            "InvalidEventDataStoreStatusException",
            "FileSystemInUse",
            "IncorrectFileSystemLifeCycleState",
            "IncorrectMountTargetState",
            "IncorrectState",
            "KMSInvalidStateException",
            "DisabledException",
        ],
    ),
    (
        Fault::LimitExceeded,
        &[
            "InstanceQuotaExceeded",
            "StorageQuotaExceeded",
            "DBClusterQuotaExceededFault",
            "SnapshotQuotaExceeded",
            "MaximumNumberOfTrailsExceededException",
            "EventDataStoreMaxLimitExceededException",
            "TagsLimitExceededException",
            "ServiceQuotaExceededException",
            "TooManyRequests",
            "FileSystemLimitExceeded",
            "ThroughputLimitExceeded",
            "InsufficientThroughputCapacity",
            "NetworkInterfaceLimitExceeded",
            "SecurityGroupLimitExceeded",
            "NoFreeAddressesInSubnet",
            "IncorrectModificationState",
            "VolumeModificationRateExceeded",
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "TagLimitExceeded",
            "LimitExceededException",
            "LimitExceeded",
        ],
    ),
    (
        Fault::Unsupported,
        &[
            "DisabledOperationException",
            "UnsupportedAvailabilityZone",
            "AvailabilityZonesMismatch",
            "UnsupportedOperationException",
            "NotSupportedService",
        ],
    ),
    (
        Fault::Invalid,
        &[
            "InsufficientS3BucketPolicyException",
            "S3BucketDoesNotExistException",
            "InvalidEventSelectorsException",
            "InvalidParameterCombinationException",
            "InvalidParameterException",
            "InvalidHomeRegionException",
            "InvalidTrailNameException",
            "InvalidS3BucketNameException",
            "InvalidS3PrefixException",
            "BadRequest",
            "SubnetNotFound",
            "SecurityGroupNotFound",
            "InvalidTypeException",
            "InvalidParameter",
            "InvalidParameterCombination",
            "InvalidParameterDependency",
            "MissingParameter",
            "ValidationException",
            "ValidationError",
            "SerializationException",
            "InvalidParameterValue",
            "InvalidInput",
            "TagException",
            "InvalidAliasNameException",
            "InvalidMarkerException",
            "InvalidGrantTokenException",
            "InvalidKeyUsageException",
            "CustomKeyStoreNotFoundException",
            "XksKeyNotFoundException",
            "XksKeyAlreadyInUseException",
            "XksKeyInvalidConfigurationException",
        ],
    ),
    (Fault::Malformed, &["MalformedPolicyDocumentException", "InvalidArnException"]),
    (
        Fault::Ambiguous,
        &[
            "InternalException",
            // S3 waited too long for the rest of the request.
            "RequestTimeout",
            "RequestTimeoutException",
            "DependencyTimeout",
            "DependencyFailureException",
            "KMSInternalException",
            "DependencyTimeoutException",
            "InternalFailure",
            "InternalError",
            "InternalServerError",
            "ServiceUnavailable",
            "ServiceFailure",
            "ServiceUnavailableException",
        ],
    ),
];

fn by_code(code: &str) -> Option<Fault> {
    // EC2's codes for a key that it cannot use (EC2 API Reference, "Error codes").
    if code.starts_with("InvalidKMSKey.") {
        return Some(Fault::Key);
    }
    CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(fault, _)| *fault)
}

/// Returns the error and the chain of its sources.
fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns the messages of an error and its sources, such as `dispatch failure: io error:
/// Connection refused`. A source that repeats the end of the message before it is left out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

/// Returns the text without the words of the SDK that say only that there is a cause.
fn without_wrappers(text: &str) -> &str {
    let wrappers = ["dispatch failure: ", "other: ", "the credential provider was not enabled: "];
    wrappers.iter().fold(text, |text, wrapper| text.strip_prefix(wrapper).unwrap_or(text))
}

/// Returns whether the SDK failed to get credentials. It gets them before it connects, so the
/// request was not sent.
fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    // The SDKs do not re-export the type of these errors, so it is inferred from the trait's method.
    fn is_of<F, E>(
        error: &(dyn Error + 'static),
        _: fn(&'static SharedCredentialsProvider) -> F,
    ) -> bool
    where
        F: Future<Output = Result<Credentials, E>>,
        E: Error + 'static,
    {
        error.is::<E>()
    }
    causes(error).any(|cause| is_of(cause, ProvideCredentials::provide_credentials))
}

/// Returns the error of the gate, if the request was not sent for its sake.
fn withheld<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Withheld> {
    causes(error).find_map(|cause| cause.downcast_ref::<Withheld>())
}

/// Returns the message of an error of kmsctl's own that the SDK passed on.
fn own(error: &(dyn Error + 'static)) -> Option<String> {
    let excess = causes(error).find_map(|cause| cause.downcast_ref::<Excess>());
    withheld(error).map(ToString::to_string).or_else(|| excess.map(ToString::to_string))
}

/// Returns whether the connection certainly failed before it was established. After any other error
/// the request may have been sent.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kms::error::ConnectorError;
    use aws_sdk_kms::operation::enable_key::EnableKeyError;

    fn classified(error: SdkError<EnableKeyError>) -> CloudError {
        answer::<(), _>("EnableKey", Err(error)).unwrap_err()
    }

    fn io(kind: io::ErrorKind) -> SdkError<EnableKeyError> {
        SdkError::dispatch_failure(ConnectorError::io(io::Error::from(kind).into()))
    }

    #[test]
    fn an_error_never_quotes_a_secret() {
        crate::sdk::secret::keep("hunter2&secret", "$HUNTER");
        let quoted = "MasterUserPassword=hunter2%26secret";
        let meta = aws_sdk_kms::error::ErrorMetadata::builder();
        let meta = meta.code(quoted).message(format!("bad request: {quoted}")).build();
        let response = HttpResponse::new(400.try_into().unwrap(), "".into());
        let told = classified(SdkError::service_error(EnableKeyError::generic(meta), response));
        assert_eq!(told.message, "bad request: MasterUserPassword=$HUNTER");
        assert_eq!(told.code.as_deref(), Some("MasterUserPassword=$HUNTER"));
    }

    #[test]
    fn a_long_message_is_shortened() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"\u{e4}".repeat(1_000_000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (MOST + 1, true));
    }

    #[test]
    fn only_requests_that_were_certainly_not_sent_are_unsent() {
        let refused = classified(io(io::ErrorKind::ConnectionRefused));
        assert_eq!(refused.fault, Fault::Unsent);
        assert!(refused.message.contains("connection refused"), "{refused}");
        assert_eq!(classified(SdkError::construction_failure("x")).fault, Fault::Unsent);

        let response = HttpResponse::new(200.try_into().unwrap(), "".into());
        for ambiguous in [
            io(io::ErrorKind::ConnectionReset),
            io(io::ErrorKind::BrokenPipe),
            SdkError::timeout_error("x"),
            SdkError::dispatch_failure(ConnectorError::timeout("x".into())),
            SdkError::dispatch_failure(ConnectorError::other("x".into(), None)),
            SdkError::response_error("x", response),
        ] {
            assert_eq!(classified(ambiguous).fault, Fault::Ambiguous);
        }
    }
}
