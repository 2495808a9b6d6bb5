//! The last use of keys.

use crate::answer::{CloudError, Fault};
use crate::id::KeyArn;
use crate::impact::LastUsage;
use crate::kind::key::aws::rfc_3339;
use crate::sdk::Aws;
use crate::sdk::error::answer;

/// Reads the last use of a key. KMS has recorded it since 23 April 2026 (KMS Developer Guide,
/// "Determine past usage of a KMS key").
pub(super) async fn last_usage(aws: &Aws, key: &KeyArn) -> Result<LastUsage, CloudError> {
    const OPERATION: &str = "GetKeyLastUsage";
    let client = aws.ready(&key.place(), OPERATION).await;
    let output =
        answer(OPERATION, client.get_key_last_usage().key_id(key.to_string()).send().await)?;
    let usage = output.key_last_usage();
    let when = usage.and_then(|usage| usage.timestamp());
    // A use without its time is not "no use".
    if usage.is_some() && when.is_none() {
        let message = "the answer has a use without its time".to_owned();
        let (code, request_id) = (None, None);
        return Err(CloudError {
            operation: OPERATION,
            fault: Fault::Other,
            code,
            message,
            request_id,
        });
    }
    Ok(LastUsage {
        when: when.map(rfc_3339),
        seconds: when.and_then(|when| when.secs().try_into().ok()),
        operation: usage.and_then(|usage| usage.operation()).map(|op| op.as_str().to_owned()),
        recorded_since: output.tracking_start_date().map(rfc_3339),
    })
}
