//! Where a bucket is, and its policy.

use crate::answer::{CloudError, Fault};
use crate::cloud::{Bucket, BucketPolicy};
use crate::id::{Place, Region};
use crate::sdk::Aws;
use crate::sdk::clients::ClientUse;
use crate::sdk::error::{answer, local};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_bucket::{HeadBucketError, HeadBucketOutput};

/// S3 says where a bucket is to everyone who asks for it, even to those who may not see it, and
/// wherever they ask (S3 API, `HeadBucket`).
pub(super) async fn bucket(aws: &Aws, at: &Place, name: &str) -> Result<Bucket, CloudError> {
    const HEAD: &str = "HeadBucket";
    const POLICY: &str = "GetBucketPolicy";
    let client = aws.s3(at, ClientUse::Reading).await;
    let head = client.head_bucket().bucket(name).send().await;
    let region = match (region(&head), status(&head)) {
        (_, Some(404)) => return Err(local(HEAD, Fault::NotFound, "there is no such bucket")),
        (Some(region), _) => region,
        (None, Some(403)) => {
            return Err(local(HEAD, Fault::Denied, "the caller may not look at the bucket"));
        }
        (None, _) => {
            answer(HEAD, head)?;
            return Err(local(HEAD, Fault::Other, "S3 does not say where the bucket is"));
        }
    };
    let there = Place { account: at.account.clone(), region: region.clone() };
    let client = aws.s3(&there, ClientUse::Reading).await;
    let policy = match answer(POLICY, client.get_bucket_policy().bucket(name).send().await) {
        Ok(answer) => answer.policy.map_or(BucketPolicy::None, BucketPolicy::Text),
        Err(error) if error.code.as_deref() == Some("NoSuchBucketPolicy") => BucketPolicy::None,
        Err(error) if again(error.fault) => return Err(error),
        // To other accounts than the bucket's, S3 says that the method is not allowed.
        Err(error) => BucketPolicy::Hidden(error.to_string()),
    };
    Ok(Bucket { region, policy })
}

/// Whether the question can be put again.
fn again(fault: Fault) -> bool {
    matches!(fault, Fault::Throttled | Fault::Ambiguous | Fault::Unsent)
}

type Head = Result<HeadBucketOutput, SdkError<HeadBucketError>>;

/// The header is in refusals and redirections, too.
fn region(head: &Head) -> Option<Region> {
    let text = match head {
        Ok(found) => found.bucket_region(),
        Err(error) => error.raw_response()?.headers().get("x-amz-bucket-region"),
    };
    text.and_then(|text| text.parse().ok())
}

fn status(head: &Head) -> Option<u16> {
    match head {
        Ok(_) => None,
        Err(error) => error.raw_response().map(|raw| raw.status().as_u16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::sdk::replay::{replay, replay_with};

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_told_from_one_that_may_not_be_seen() {
        for (status, fault) in [(404, Fault::NotFound), (403, Fault::Denied)] {
            let aws = replay(&[(status, "")]).aws;
            assert_eq!(aws.bucket(&home(), "logs").await.unwrap_err().fault, fault);
        }
    }

    #[tokio::test]
    async fn where_a_bucket_is_shows_in_refusals_and_redirections_too() {
        let none = "<Error><Code>NoSuchBucketPolicy</Code></Error>";
        let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        let foreign = "<Error><Code>MethodNotAllowed</Code><Message>no</Message></Error>";
        let hidden = |text: &str| BucketPolicy::Hidden(text.to_owned());
        for (head, status, body, policy) in [
            (200, 200, "{}", BucketPolicy::Text("{}".to_owned())),
            (301, 404, none, BucketPolicy::None),
            (403, 403, denied, hidden("GetBucketPolicy: no (AccessDenied)")),
            (400, 405, foreign, hidden("GetBucketPolicy: no (MethodNotAllowed)")),
        ] {
            let answers = [(head, "us-west-2", ""), (status, "", body)];
            let aws = replay_with("x-amz-bucket-region", answers.into_iter()).aws;
            let region = "us-west-2".parse().unwrap();
            assert_eq!(aws.bucket(&home(), "logs").await.unwrap(), Bucket { region, policy });
        }
    }
}
