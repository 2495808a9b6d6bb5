//! Reads the Region and the policy of a bucket.

use crate::answer::{CloudError, Fault};
use crate::cloud::{Bucket, BucketPolicy};
use crate::id::{Place, Region};
use crate::sdk::Aws;
use crate::sdk::error::{answer, incomplete, local};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_bucket::{HeadBucketError, HeadBucketOutput};

/// Reads a bucket. `HeadBucket` returns the Region of a bucket to every caller and in every Region,
/// even if it denies the request (S3 API Reference, HeadBucket).
pub(super) async fn bucket(aws: &Aws, at: &Place, name: &str) -> Result<Bucket, CloudError> {
    const HEAD: &str = "HeadBucket";
    const POLICY: &str = "GetBucketPolicy";
    let client = aws.s3(at).await;
    let head = client.head_bucket().bucket(name).send().await;
    let region = match (region(&head), status(&head)) {
        (_, Some(404)) => return Err(local(HEAD, Fault::NotFound, "the bucket does not exist")),
        (Some(region), _) => region,
        (None, Some(403)) => {
            return Err(local(HEAD, Fault::Denied, "the caller may not read the bucket"));
        }
        (None, _) => {
            answer(HEAD, head)?;
            return Err(incomplete(HEAD, "Region of the bucket"));
        }
    };
    let there = Place { account: at.account.clone(), region: region.clone() };
    let client = aws.s3(&there).await;
    let read = || client.get_bucket_policy().bucket(name).send();
    let policy = match client.read(POLICY, read).await {
        Ok(answer) => answer.policy.map_or(BucketPolicy::None, BucketPolicy::Text),
        Err(error) if error.code.as_deref() == Some("NoSuchBucketPolicy") => BucketPolicy::None,
        Err(error) if error.fault.is_temporary() => return Err(error),
        // S3 answers callers of other accounts with `MethodNotAllowed`.
        Err(error) => BucketPolicy::Hidden(error.to_string()),
    };
    Ok(Bucket { region, policy })
}

type Head = Result<HeadBucketOutput, SdkError<HeadBucketError>>;

/// Returns the Region of the bucket. Errors and redirects have the header too.
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
    async fn a_missing_bucket_is_distinguished_from_one_that_the_caller_may_not_read() {
        for (status, fault) in [(404, Fault::NotFound), (403, Fault::Denied)] {
            let aws = replay(&[(status, "")]).aws;
            assert_eq!(aws.bucket(&home(), "logs").await.unwrap_err().fault, fault);
        }
    }

    #[tokio::test]
    async fn the_region_of_a_bucket_is_read_from_errors_and_redirects_too() {
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
