//! Sends the calls of the default EBS settings of a Region, and converts EC2's answers.

use super::{
    Call, DisableEbsEncryptionByDefault, EbsDefault, EnableEbsEncryptionByDefault,
    ModifyEbsDefaultKmsKeyId, ResetEbsDefaultKmsKeyId, Settings,
};
use crate::answer::{CloudError, Outcome};
use crate::id::Place;
use crate::kind::ConsumerSpec;
use crate::kind::aws::Service;
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerKind, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::error::done;
use crate::sdk::query::Parameters;
use serde::Deserialize;

/// The answer to `GetEbsEncryptionByDefault`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    ebs_encryption_by_default: Option<bool>,
}

/// The answer to `GetEbsDefaultKmsKeyId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefaultKey {
    kms_key_id: Option<String>,
}

impl Service for EbsDefault {
    /// Reads the settings of the Region, which always exist. Each of the two settings is one request.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let client = aws.ec2(at).await;
        let mut common = Common { key: None, existing: None, tags: Tags::new() };
        let mut settings = Settings::default();
        let none = Parameters::default();
        if query.asks(&["encryption"]) {
            const OPERATION: &str = "GetEbsEncryptionByDefault";
            let found: Encryption = client.read(OPERATION, || client.ask(OPERATION, &none)).await?;
            settings.encryption = Some(found.ebs_encryption_by_default.unwrap_or_default());
        }
        if query.is_all() || query.asks(&["key"]) {
            const OPERATION: &str = "GetEbsDefaultKmsKeyId";
            // If no key was ever set, EC2 returns `alias/aws/ebs`, which is not an ARN (AWS CLI Command
            // Reference, get-ebs-default-kms-key-id).
            let found: DefaultKey = client.read(OPERATION, || client.ask(OPERATION, &none)).await?;
            common.key = Some(encryption(found.kms_key_id.as_deref()));
        }
        let spec = ConsumerSpec::EbsDefault(consumer::Spec { common, settings });
        Ok(vec![Object { id: at.region.to_string(), spec, phase: Phase::Ready }])
    }

    /// Reads both settings, which always exist.
    async fn sight(aws: &Aws, at: &Place, _: &str) -> Result<Sight, CloudError> {
        let fields = ["encryption", "key"].map(str::to_owned).into();
        let query = ConsumerQuery { fields, ..ConsumerQuery::all(ConsumerKind::EbsDefault) };
        let found = Self::objects(aws, at, &query).await?.into_iter().next();
        Ok(Sight { phase: Phase::Ready, spec: found.map(|found| found.spec), pending: false })
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.ec2(at).await;
        let none = Parameters::default();
        let (operation, request) = match call {
            Call::ModifyEbsDefaultKmsKeyId(ModifyEbsDefaultKmsKeyId { kms_key_id }) => {
                let key = resolve(ModifyEbsDefaultKmsKeyId::NAME, kms_key_id, bindings)?;
                (ModifyEbsDefaultKmsKeyId::NAME, none.with("KmsKeyId", &key))
            }
            Call::ResetEbsDefaultKmsKeyId(_) => (ResetEbsDefaultKmsKeyId::NAME, none),
            Call::EnableEbsEncryptionByDefault(_) => (EnableEbsEncryptionByDefault::NAME, none),
            Call::DisableEbsEncryptionByDefault(_) => (DisableEbsEncryptionByDefault::NAME, none),
        };
        done(operation, client.send(operation, &request).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::cloud::Cloud;
    use crate::kind::{ConsumerCall, Ids};
    use crate::sdk::replay::replay;
    use serde_json::json;

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn query(fields: &[&str]) -> ConsumerQuery {
        ConsumerQuery {
            kind: ConsumerKind::EbsDefault,
            stack: "s".to_owned(),
            ids: ["eu-west-1".to_owned()].into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    fn on(on: bool) -> String {
        format!(
            "<GetEbsEncryptionByDefaultResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><ebsEncryptionByDefault>{on}</ebsEncryptionByDefault>\
             <sseType>none</sseType></GetEbsEncryptionByDefaultResponse>"
        )
    }

    fn key(key: &str) -> String {
        format!(
            "<GetEbsDefaultKmsKeyIdResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><kmsKeyId>{key}</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
        )
    }

    #[tokio::test]
    async fn the_settings_always_exist_and_only_requested_ones_are_read() {
        for (default, expected) in [(KEY, json!(KEY)), ("alias/aws/ebs", json!("none"))] {
            let replay = replay(&[(200, &on(true)), (200, &key(default))]);
            let found = replay.aws.objects(&home(), &query(&["encryption", "key"])).await.unwrap();
            assert_eq!(found[0].id, "eu-west-1");
            let spec = serde_json::to_value(&found[0].spec).unwrap();
            assert_eq!(spec, json!({"ebs_default": {"key": expected, "encryption": true}}));
            let bodies = replay.bodies();
            assert!(bodies[0].starts_with("Action=GetEbsEncryptionByDefault&"), "{bodies:?}");
            assert!(bodies[1].starts_with("Action=GetEbsDefaultKmsKeyId&"), "{bodies:?}");
        }
        let replay = replay(&[(200, &on(false))]);
        let found = replay.aws.objects(&home(), &query(&["encryption"])).await.unwrap();
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(spec, json!({"ebs_default": {"key": null, "encryption": false}}));
        assert_eq!(replay.bodies().len(), 1);
    }

    fn action(request: &str) -> &str {
        request.split(['=', '&']).nth(1).unwrap()
    }

    #[tokio::test]
    async fn every_call_is_one_request() {
        let arn = "arn%3Aaws%3Akms%3Aeu-west-1%3A111122223333%3Akey%2F1234abcd-12ab-34cd-56ef-1234567890ab";
        let kms_key_id = "key/a".to_owned().try_into().unwrap();
        let modify = Call::from(ModifyEbsDefaultKmsKeyId { kms_key_id });
        let keyed = format!("Action=ModifyEbsDefaultKmsKeyId&Version=2016-11-15&KmsKeyId={arn}");
        let bare = |action: &str| format!("Action={action}&Version=2016-11-15");
        for (call, expected) in [
            (modify, keyed),
            (ResetEbsDefaultKmsKeyId {}.into(), bare("ResetEbsDefaultKmsKeyId")),
            (EnableEbsEncryptionByDefault {}.into(), bare("EnableEbsEncryptionByDefault")),
            (DisableEbsEncryptionByDefault {}.into(), bare("DisableEbsEncryptionByDefault")),
        ] {
            let body = format!("<{0}Response></{0}Response>", action(&expected));
            let replay = replay(&[(200, &body)]);
            let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
            let bindings = CallBindings { ids: Some(&ids), ..CallBindings::default() };
            let call = crate::kind::Call::Consumer(ConsumerCall::EbsDefault(call));
            assert_eq!(replay.aws.call(&home(), &call, bindings).await.unwrap(), Outcome::Done);
            assert_eq!(replay.bodies(), [expected]);
        }
    }

    #[tokio::test]
    async fn an_unusable_key_is_reported_as_its_own_fault() {
        let body = "<Response><Errors><Error><Code>InvalidKMSKey.InvalidState</Code>\
                    <Message>The KMS key is disabled.</Message></Error></Errors>\
                    <RequestID>r</RequestID></Response>";
        let replay = replay(&[(400, body)]);
        let kms_key_id = KEY.to_owned().try_into().unwrap();
        let call = ConsumerCall::EbsDefault(ModifyEbsDefaultKmsKeyId { kms_key_id }.into());
        let call = crate::kind::Call::Consumer(call);
        let error = replay.aws.call(&home(), &call, CallBindings::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Key);
    }
}
