//! The errors with which a service refuses a call only for a while, although their codes do not always say
//! so. Pure data.

use super::{CloudError, Fault};
use std::time::Duration;

/// The time for which a call is repeated if the service says only that the resource is in another state. It
/// does not include the time for which AWS reports an operation in progress.
const USUAL: Duration = minutes(2);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

const LIMIT: &str = "LimitExceededException";
/// The time for which a call to DynamoDB is repeated because of other operations at the same time.
const SIMULTANEOUS: Duration = minutes(10);

/// A refusal that ends by itself.
struct Later {
    code: &'static str,
    /// A part of the message, in lower case. It is empty if the code stands for nothing else.
    text: &'static str,
    /// The operations. The list is empty if the code means the same for every operation.
    operations: &'static [&'static str],
    /// The time for which the call is repeated.
    patience: Duration,
}

const LATER: &[Later] = &[
    // DynamoDB enables backups of a new table only after the table is active (DynamoDB API Reference,
    // UpdateContinuousBackups). Terraform's provider waits for up to 20 minutes.
    Later {
        code: "ContinuousBackupsUnavailableException",
        text: "",
        operations: &[],
        patience: minutes(20),
    },
    // "Up to 500 simultaneous table operations are allowed per account" (DynamoDB API Reference,
    // LimitExceededException). The code also stands for the number of tables.
    Later {
        code: LIMIT,
        text: "",
        operations: &["CreateTable", "UpdateTable", "DeleteTable"],
        patience: SIMULTANEOUS,
    },
    // "Wait a few minutes, and then try the operation again" (CloudTrail API Reference,
    // ConflictException).
    Later { code: "ConflictException", text: "", operations: &[], patience: minutes(10) },
    // "A change/update is in progress. Please wait for it to complete before requesting another change."
    // A domain may be shown as active for some minutes before the service accepts a change.
    Later {
        code: "ValidationException",
        text: "in progress",
        operations: &[
            "UpdateDomainConfig",
            "UpgradeDomain",
            "DeleteDomain",
            "AddTags",
            "RemoveTags",
        ],
        patience: minutes(10),
    },
    // A call before this one has turned the protection off. RDS, DynamoDB and CloudTrail may refuse the
    // deletion until they know.
    Later {
        code: "InvalidParameterCombination",
        text: "cannot delete protected",
        operations: &["DeleteDBInstance", "DeleteDBCluster"],
        patience: minutes(1),
    },
    Later {
        code: "ValidationException",
        text: "protected against deletion",
        operations: &["DeleteTable"],
        patience: minutes(1),
    },
    Later {
        code: "EventDataStoreTerminationProtectedException",
        text: "",
        operations: &["DeleteEventDataStore"],
        patience: minutes(1),
    },
];

/// Returns the time for which a call is repeated after an error with this code and message; `None` if the
/// error is none that ends by itself.
#[must_use]
pub fn patience(operation: &str, code: &str, message: &str) -> Option<Duration> {
    let message = message.to_lowercase();
    let known = LATER.iter().find(|later| {
        later.code == code
            && message.contains(later.text)
            && (later.operations.is_empty() || later.operations.contains(&operation))
    });
    known.map(|later| later.patience)
}

/// Returns the answer of DynamoDB to a change of tags. It refuses the change for a while because of other operations
/// (DynamoDB API Reference, TagResource: LimitExceededException). Other services have operations of the same names,
/// whose limits do not end by themselves.
///
/// # Errors
/// Returns the error, classified as one that ends by itself if it does.
pub fn of_dynamodb_tags<T>(answer: Result<T, CloudError>) -> Result<T, CloudError> {
    answer.map_err(|error| match error.code.as_deref() {
        Some(LIMIT) => CloudError { fault: Fault::InvalidState, ..error },
        Some(_) | None => error,
    })
}

/// Returns the time for which a call is repeated that was refused because of the state of its resource.
#[must_use]
pub fn patience_with(error: &CloudError) -> Duration {
    let code = error.code.as_deref().unwrap_or_default();
    if code == LIMIT {
        return SIMULTANEOUS;
    }
    patience(error.operation, code, &error.message).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_with_several_meanings_is_told_apart() {
        let minutes = |operation, code, message| {
            patience(operation, code, message).map(|patience| patience.as_secs() / 60)
        };
        let limit = "LimitExceededException";
        assert_eq!(minutes("UpdateTable", limit, "Subscriber limit exceeded"), Some(10));
        assert_eq!(minutes("CreateKey", limit, "too many keys"), None);
        assert_eq!(minutes("CreateDomain", limit, "too many domains"), None);
        let invalid = "ValidationException";
        let busy = "A change/update is in progress. Please wait for it to complete before requesting \
                    another change.";
        assert_eq!(minutes("UpdateDomainConfig", invalid, busy), Some(10));
        assert_eq!(minutes("UpdateDomainConfig", invalid, "Invalid instance type"), None);
        assert_eq!(minutes("CreateTable", invalid, busy), None);
        let protected = "Cannot delete protected DB Instance, please disable deletion protection and try again.";
        let combination = "InvalidParameterCombination";
        assert_eq!(minutes("DeleteDBInstance", combination, protected), Some(1));
        assert_eq!(minutes("ModifyDBInstance", combination, protected), None);
        assert_eq!(minutes("DeleteDBInstance", combination, "no final snapshot"), None);
    }
}
