//! Sends the call of buckets, and converts the SDK's descriptions of them.

use super::{ByDefault, Call, EncryptionConfiguration, PutBucketEncryption, S3Bucket, Settings};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::{KeyArn, Place, is_key_id};
use crate::kind::ConsumerSpec;
use crate::kind::aws::{Service, each};
use crate::kind::consumer::{self, Common, Encryption, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, KeyRef, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done, local, part, unbuilt};
use aws_sdk_s3::types::{
    self, EncryptionType, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use std::collections::BTreeSet;

const READ: &str = "GetBucketEncryption";

impl Service for S3Bucket {
    /// Reads the encryption of the selected buckets, concurrently, because S3 describes one bucket per
    /// request.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let names = if query.is_all() { names(aws, at).await? } else { query.ids.clone() };
        let reads = names.iter().map(|name| object(aws, at, name));
        let found = each(reads).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads the encryption of a bucket.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        let found = object(aws, at, id).await?;
        Ok(found.map_or_else(Sight::gone, |found| Sight::new(found.phase, found.spec)))
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let Call::PutBucketEncryption(PutBucketEncryption {
            bucket,
            server_side_encryption_configuration,
        }) = call;
        let client = aws.s3(at).await;
        let configuration = built(server_side_encryption_configuration, bindings)?;
        let request = client
            .put_bucket_encryption()
            .bucket(bucket)
            .server_side_encryption_configuration(configuration);
        done(PutBucketEncryption::NAME, request.send().await)
    }
}

/// Reads the names of the buckets of a Region.
async fn names(aws: &Aws, at: &Place) -> Result<BTreeSet<String>, CloudError> {
    const OPERATION: &str = "ListBuckets";
    let client = aws.s3(at).await;
    let request = client.list_buckets().bucket_region(at.region.as_str()).max_buckets(1000);
    let read = |from| request.clone().set_continuation_token(from).send();
    let mut names = BTreeSet::new();
    for page in client.pages(OPERATION, read, |page| page.continuation_token.clone()).await? {
        let here = page.buckets().iter().filter(|bucket| {
            bucket.bucket_region().is_none_or(|region| region == at.region.as_str())
        });
        names.extend(here.filter_map(|bucket| bucket.name().map(str::to_owned)));
    }
    Ok(names)
}

async fn object(aws: &Aws, at: &Place, name: &str) -> Result<Option<Object>, CloudError> {
    let Some(rule) = read(aws, at, name).await? else {
        return Ok(None);
    };
    let by_default = rule.as_ref().and_then(|rule| rule.apply_server_side_encryption_by_default());
    let algorithm = by_default.map(ServerSideEncryptionByDefault::sse_algorithm);
    let key = by_default.and_then(ServerSideEncryptionByDefault::kms_master_key_id);
    let blocked = rule.as_ref().and_then(|rule| rule.blocked_encryption_types());
    let is_dual = algorithm == Some(&ServerSideEncryption::AwsKmsDsse);
    let settings = Settings {
        bucket_key: Some(
            rule.as_ref().and_then(ServerSideEncryptionRule::bucket_key_enabled).unwrap_or(false),
        ),
        dual_layer: if is_dual { Some(true) } else { None },
        blocked_encryption_types: blocked.map(|blocked| {
            blocked.encryption_type().iter().map(|kind| kind.as_str().to_owned()).collect()
        }),
    };
    let key = Some(encryption(aws, at, key).await?);
    let common = Common { key, existing: None, tags: Tags::new() };
    let spec = ConsumerSpec::S3Bucket(consumer::Spec { common, settings });
    Ok(Some(Object { id: name.to_owned(), spec, phase: Phase::Ready }))
}

/// Reads the rule of a bucket. Returns `None` if there is no such bucket, and `Some(None)` if the bucket has
/// no rule, which is possible only for buckets from before January 2023.
async fn read(
    aws: &Aws,
    at: &Place,
    name: &str,
) -> Result<Option<Option<ServerSideEncryptionRule>>, CloudError> {
    let client = aws.s3(at).await;
    let found = match client.read(READ, || client.get_bucket_encryption().bucket(name).send()).await
    {
        Ok(found) => found,
        Err(error) => {
            return match (error.fault, error.code.as_deref()) {
                (_, Some("ServerSideEncryptionConfigurationNotFoundError")) => Ok(Some(None)),
                (Fault::NotFound, _) => Ok(None),
                (_, Some("PermanentRedirect" | "AuthorizationHeaderMalformed")) => {
                    let message = format!(
                        "the bucket `{name}` is not in {}: set its Region with `region`",
                        at.region
                    );
                    Err(CloudError { message, ..error })
                }
                (_, _) => Err(error),
            };
        }
    };
    let rules =
        found.server_side_encryption_configuration().map(ServerSideEncryptionConfiguration::rules);
    Ok(Some(rules.unwrap_or_default().first().cloned()))
}

/// Converts the key of a bucket. S3 stores the key as it was set: an ARN, an id or an alias.
async fn encryption(aws: &Aws, at: &Place, key: Option<&str>) -> Result<Encryption, CloudError> {
    let Some(text) = key else {
        return Ok(Encryption::Aws);
    };
    if text.contains("alias/aws/") {
        return Ok(Encryption::Aws);
    }
    if text.contains("alias/") {
        return behind(aws, at, text).await;
    }
    let arn = if is_key_id(text) { Some(KeyArn::at(at, text)) } else { text.parse().ok() };
    arn.map(|arn| Encryption::Key(KeyRef::Arn(arn)))
        .ok_or_else(|| local(READ, Fault::Other, "the answer contains a key that is not one"))
}

/// Reads which key an alias refers to.
async fn behind(aws: &Aws, at: &Place, alias: &str) -> Result<Encryption, CloudError> {
    const OPERATION: &str = "DescribeKey";
    let client = aws.ready(at, OPERATION).await;
    let found = answer(OPERATION, client.describe_key().key_id(alias).send().await)?;
    let arn = found.key_metadata().and_then(|key| key.arn()).and_then(|arn| arn.parse().ok());
    Ok(Encryption::Key(KeyRef::Arn(part(OPERATION, "ARN of a key", arn)?)))
}

fn built(
    configuration: &EncryptionConfiguration,
    bindings: &CallBindings<'_>,
) -> Result<ServerSideEncryptionConfiguration, CloudError> {
    const OPERATION: &str = PutBucketEncryption::NAME;
    let EncryptionConfiguration { rules: [rule] } = configuration;
    let ByDefault { sse_algorithm, kms_master_key_id } =
        &rule.apply_server_side_encryption_by_default;
    let key = match kms_master_key_id {
        Some(key) => Some(resolve(OPERATION, key, bindings)?),
        None => None,
    };
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(sse_algorithm.as_str()))
        .set_kms_master_key_id(key)
        .build()
        .map_err(unbuilt(OPERATION))?;
    let blocked = rule.blocked_encryption_types.as_ref().map(|blocked| {
        let kinds = blocked.encryption_type.iter().map(|kind| EncryptionType::from(kind.as_str()));
        types::BlockedEncryptionTypes::builder().set_encryption_type(Some(kinds.collect())).build()
    });
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .set_bucket_key_enabled(rule.bucket_key_enabled)
        .set_blocked_encryption_types(blocked)
        .build();
    ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(unbuilt(OPERATION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{ConsumerCall, ConsumerKind};
    use crate::sdk::replay::replay;

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn query() -> ConsumerQuery {
        ConsumerQuery {
            kind: ConsumerKind::S3Bucket,
            stack: "s".to_owned(),
            ids: ["data".to_owned()].into(),
            fields: BTreeSet::new(),
        }
    }

    fn rule(algorithm: &str, key: &str, more: &str) -> String {
        let key = if key.is_empty() {
            String::new()
        } else {
            format!("<KMSMasterKeyID>{key}</KMSMasterKeyID>")
        };
        format!(
            "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
             <ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}\
             </ApplyServerSideEncryptionByDefault>{more}</Rule></ServerSideEncryptionConfiguration>"
        )
    }

    fn error(code: &str) -> String {
        format!("<Error><Code>{code}</Code><Message>no</Message></Error>")
    }

    #[tokio::test]
    async fn the_key_of_a_bucket_is_an_arn_an_id_or_one_of_aws() {
        let id = ARN.rsplit('/').next().unwrap();
        for (algorithm, key, expected) in [
            ("aws:kms", ARN, Some(ARN)),
            ("aws:kms", id, Some(ARN)),
            ("aws:kms", "", None),
            ("aws:kms", "alias/aws/s3", None),
            ("AES256", "", None),
        ] {
            let body = rule(algorithm, key, "");
            let aws = replay(&[(200, &body)]).aws;
            let found = aws.objects(&home(), &query()).await.unwrap();
            let key = found[0].spec.key().map(ToString::to_string);
            assert_eq!(key.as_deref(), expected, "{algorithm} {key:?}");
        }
    }

    #[tokio::test]
    async fn the_key_behind_an_alias_is_read() {
        let body = rule("aws:kms", "alias/data", "");
        let key = format!(
            r#"{{"KeyMetadata":{{"KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","Arn":"{ARN}"}}}}"#
        );
        let aws = replay(&[(200, &body), (200, &key)]).aws;
        let found = aws.objects(&home(), &query()).await.unwrap();
        assert_eq!(found[0].spec.key().unwrap().to_string(), ARN);
    }

    #[tokio::test]
    async fn settings_that_are_not_declared_are_read() {
        let more = "<BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes>\
                    <EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>";
        let body = rule("aws:kms:dsse", ARN, more);
        let found = replay(&[(200, &body)]).aws.objects(&home(), &query()).await.unwrap();
        let ConsumerSpec::S3Bucket(spec) = &found[0].spec else { panic!("not a bucket") };
        let settings = Settings {
            bucket_key: Some(true),
            dual_layer: Some(true),
            blocked_encryption_types: Some(["SSE-C".to_owned()].into()),
        };
        assert_eq!(spec.settings, settings);
    }

    #[tokio::test]
    async fn errors_say_whether_the_bucket_exists() {
        let none = error("ServerSideEncryptionConfigurationNotFoundError");
        let found = replay(&[(404, &none)]).aws.objects(&home(), &query()).await.unwrap();
        assert_eq!(found[0].spec.key(), None);
        let missing = error("NoSuchBucket");
        let found = replay(&[(404, &missing)]).aws.objects(&home(), &query()).await.unwrap();
        assert!(found.is_empty());
        let denied = error("AccessDenied");
        let error_of = replay(&[(403, &denied)]).aws.objects(&home(), &query()).await.unwrap_err();
        assert_eq!(error_of.fault, Fault::Denied);
        let elsewhere = error("PermanentRedirect");
        let moved = replay(&[(301, &elsewhere)]).aws.objects(&home(), &query()).await.unwrap_err();
        assert!(moved.message.contains("`data` is not in eu-west-1"), "{moved:?}");
    }

    #[tokio::test]
    async fn the_encryption_is_set_in_one_request() {
        let call: Call = serde_json::from_str(&format!(
            r#"{{"PutBucketEncryption":{{"Bucket":"data","ServerSideEncryptionConfiguration":{{"Rules":[{{"ApplyServerSideEncryptionByDefault":{{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"{ARN}"}},"BucketKeyEnabled":true,"BlockedEncryptionTypes":{{"EncryptionType":["SSE-C"]}}}}]}}}}}}"#
        ))
        .unwrap();
        let replay = replay(&[(200, "")]);
        let call = crate::kind::Call::Consumer(ConsumerCall::S3Bucket(call));
        let outcome = replay.aws.call(&home(), &call, CallBindings::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
        let sent = replay.bodies();
        assert_eq!(sent.len(), 1);
        let body = rule(
            "aws:kms",
            ARN,
            "<BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes>\
             <EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>",
        );
        assert!(sent[0].contains(&body), "{sent:?}");
    }
}
