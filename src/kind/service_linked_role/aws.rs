//! A service-linked role's calls as the SDK's requests.

use super::Call;
use crate::cloud::aws::Aws;
use crate::cloud::aws::error::answer;
use crate::cloud::{CloudError, Outcome};
use crate::id::Place;

/// Sends the call.
pub(crate) async fn send(aws: &Aws, at: &Place, call: &Call) -> Result<Outcome, CloudError> {
    match call {
        Call::CreateServiceLinkedRole { aws_service_name, custom_suffix } => {
            const OPERATION: &str = "CreateServiceLinkedRole";
            let request = aws.iam(&at.account).await.create_service_linked_role();
            let request = request
                .aws_service_name(aws_service_name.as_str())
                .set_custom_suffix(custom_suffix.as_ref().map(ToString::to_string));
            answer(OPERATION, request.send().await)?;
        }
    }
    Ok(Outcome::Done)
}
