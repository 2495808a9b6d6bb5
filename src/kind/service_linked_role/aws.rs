//! Sends the calls of service-linked roles.

use super::{Call, CreateServiceLinkedRole};
use crate::answer::{CloudError, Outcome};
use crate::id::Place;
use crate::sdk::Aws;
use crate::sdk::error::done;
use crate::sdk::query::Parameters;

/// Sends the call.
pub(crate) async fn send(aws: &Aws, at: &Place, call: &Call) -> Result<Outcome, CloudError> {
    let Call::CreateServiceLinkedRole(call) = call;
    const NAME: &str = CreateServiceLinkedRole::NAME;
    let request = Parameters::default()
        .with("AWSServiceName", call.aws_service_name.as_str())
        .with_some("CustomSuffix", call.custom_suffix.as_ref());
    done(NAME, aws.iam(&at.account).await.send(NAME, &request).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::sdk::replay::replay;
    use serde_json::json;

    #[tokio::test]
    async fn a_role_is_created_with_its_service_and_suffix() {
        let home = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let made = "<CreateServiceLinkedRoleResponse><CreateServiceLinkedRoleResult><Role/>\
                    </CreateServiceLinkedRoleResult></CreateServiceLinkedRoleResponse>";
        let taken = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidInput</Code><Message>taken</Message></Error>\
                     </ErrorResponse>";
        for (call, parameters) in [
            (json!({"AWSServiceName": "rds.amazonaws.com"}), "AWSServiceName=rds.amazonaws.com"),
            (
                json!({"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "a_b"}),
                "AWSServiceName=autoscaling.amazonaws.com&CustomSuffix=a_b",
            ),
        ] {
            let call = serde_json::from_value(json!({"CreateServiceLinkedRole": call})).unwrap();
            let replay = replay(&[(200, made), (400, taken)]);
            assert_eq!(send(&replay.aws, &home, &call).await.unwrap(), Outcome::Done);
            let error = send(&replay.aws, &home, &call).await.unwrap_err();
            assert_eq!((error.fault, &*error.message), (Fault::Invalid, "taken"));
            let body = format!("Action=CreateServiceLinkedRole&Version=2010-05-08&{parameters}");
            assert_eq!(replay.bodies(), [body.clone(), body]);
        }
    }
}
