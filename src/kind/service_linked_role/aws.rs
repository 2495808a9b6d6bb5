//! Sends the calls of service-linked roles.

use super::{Call, CreateServiceLinkedRole};
use crate::answer::{CloudError, Outcome};
use crate::id::Place;
use crate::sdk::Aws;
use crate::sdk::error::done;

/// Sends the call.
pub(crate) async fn send(aws: &Aws, at: &Place, call: &Call) -> Result<Outcome, CloudError> {
    let Call::CreateServiceLinkedRole(call) = call;
    let request = aws
        .iam(&at.account)
        .await
        .create_service_linked_role()
        .aws_service_name(call.aws_service_name.as_str())
        .set_custom_suffix(call.custom_suffix.as_ref().map(ToString::to_string));
    done(CreateServiceLinkedRole::NAME, request.send().await)
}
