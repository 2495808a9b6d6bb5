//! The objects of an S3 bucket, read whole and written under a condition.

use super::Aws;
use super::bounded::{OBJECT, collect};
use super::error::{answer, incomplete, local};
use crate::answer::{CloudError, Fault};
use aws_config::SdkConfig;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ConnectorError, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_smithy_types::retry::RetryConfig;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

const GET: &str = "GetObject";
const PUT: &str = "PutObject";

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// There is no such object.
    Absent,
    /// The object has this entity tag.
    Unchanged(&'a str),
}

/// An object. The times are those of S3, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub text: Vec<u8>,
    /// The entity tag, which changes with the content.
    pub etag: String,
    /// The time of the last write.
    pub written: u64,
    /// The time at which S3 answered.
    pub now: u64,
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    base: SdkConfig,
    name: String,
    client: Mutex<aws_sdk_s3::Client>,
}

impl Bucket {
    /// Creates the client of a bucket, with the caller's own credentials. No request is sent. If the
    /// bucket is in another Region than the caller's, the first read finds that out.
    #[must_use]
    pub fn new(aws: &Aws, name: String) -> Self {
        let region = aws.base.region().cloned().unwrap_or_else(|| Region::new("us-east-1"));
        let client = Mutex::new(client(&aws.base, region));
        Self { base: aws.base.clone(), name, client }
    }

    /// Reads an object. Returns `None` if there is no such object.
    ///
    /// # Errors
    /// Returns S3's error. The read is not repeated.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, CloudError> {
        let date = Date::default();
        let mut sent = self.send_get(key, &date).await;
        if let Some(region) = other_region(&sent) {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) =
                client(&self.base, region);
            sent = self.send_get(key, &date).await;
        }
        let output = match answer(GET, sent) {
            Ok(output) => output,
            Err(error) if error.code.as_deref() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(error),
        };
        let lacks = |what: &str| incomplete(GET, what);
        let etag = output.e_tag().ok_or_else(|| lacks("entity tag"))?.to_owned();
        let written = output.last_modified().and_then(seconds);
        let written = written.ok_or_else(|| lacks("time of the last write"))?;
        let now = date.seconds().ok_or_else(|| lacks("date"))?;
        let text = collect(output.body, &OBJECT, Instant::now(), "S3").await;
        let text = text.map_err(|error| local(GET, Fault::Ambiguous, cut_off(&error)))?;
        Ok(Some(Object { text, etag, written, now }))
    }

    async fn send_get(&self, key: &str, date: &Date) -> Get {
        let request = self.client().get_object().bucket(&self.name).key(key);
        request.customize().interceptor(date.clone()).send().await
    }

    /// Writes an object if the condition holds, and returns its new entity tag. Returns `None` if the
    /// condition does not hold; nothing is written then (S3 User Guide, "How to prevent object
    /// overwrites with conditional writes").
    ///
    /// # Errors
    /// Returns S3's error. The write is not repeated.
    pub async fn put(
        &self,
        key: &str,
        text: Vec<u8>,
        condition: Condition<'_>,
    ) -> Result<Option<String>, CloudError> {
        let request = self.client().put_object().bucket(&self.name).key(key);
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(etag) => request.if_match(etag),
        };
        let request = request.content_type("application/json").body(ByteStream::from(text));
        let mut error = match answer(PUT, request.send().await) {
            Ok(output) => {
                let lacks = || local(PUT, Fault::Ambiguous, "the answer has no entity tag");
                return output.e_tag.ok_or_else(lacks).map(Some);
            }
            Err(error) => error,
        };
        match error.code.as_deref() {
            // The object was written or deleted since it was read.
            Some("PreconditionFailed" | "NoSuchKey") => Ok(None),
            // Another write was in progress. S3 asks the caller to repeat the write.
            Some("ConditionalRequestConflict") => {
                error.fault = Fault::Throttled;
                Err(error)
            }
            Some(_) | None => Err(error),
        }
    }

    fn client(&self) -> aws_sdk_s3::Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns why the text of an object did not come whole.
fn cut_off(error: &ConnectorError) -> String {
    let cause = error.source().map(ToString::to_string);
    format!("the answer was cut off: {}", cause.unwrap_or_default())
}

fn client(base: &SdkConfig, region: Region) -> aws_sdk_s3::Client {
    let config = base.to_builder().region(region).retry_config(RetryConfig::disabled());
    aws_sdk_s3::Client::new(&config.build())
}

type Get = Result<GetObjectOutput, SdkError<GetObjectError>>;

/// Returns the Region of the bucket if S3 refused the request because of its Region.
fn other_region(sent: &Get) -> Option<Region> {
    let raw = sent.as_ref().err()?.raw_response()?;
    let is_elsewhere = matches!(raw.status().as_u16(), 301 | 307 | 400);
    let region = raw.headers().get("x-amz-bucket-region").filter(|_| is_elsewhere)?;
    Some(Region::new(region.to_owned()))
}

fn seconds(time: &DateTime) -> Option<u64> {
    u64::try_from(time.secs()).ok()
}

/// The `Date` of the last answer, which the SDK does not return.
#[derive(Clone, Debug, Default)]
struct Date(Arc<Mutex<Option<String>>>);

impl Date {
    fn seconds(&self) -> Option<u64> {
        let date = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seconds(&DateTime::from_str(date.as_deref()?, Format::HttpDate).ok()?)
    }
}

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::replay::replay_responses;
    use aws_sdk_kms::config::http::HttpResponse;

    fn response(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
        for (name, value) in headers {
            response.headers_mut().insert(*name, (*value).to_owned());
        }
        response
    }

    fn found() -> HttpResponse {
        let headers = [
            ("date", "Thu, 01 Jan 2026 00:01:00 GMT"),
            ("last-modified", "Thu, 01 Jan 2026 00:00:30 GMT"),
            ("etag", "\"e1\""),
        ];
        response(200, &headers, "text")
    }

    #[tokio::test]
    async fn an_object_is_read_with_the_times_of_s3() {
        let missing = "<Error><Code>NoSuchKey</Code></Error>";
        let replay = replay_responses([found(), response(404, &[], missing)].into_iter());
        let bucket = Bucket::new(&replay.aws, "states".to_owned());
        let object = bucket.get("p/s.json").await.unwrap().unwrap();
        let (text, etag) = (b"text".to_vec(), "\"e1\"".to_owned());
        let now = 1_767_225_660;
        assert_eq!(object, Object { text, etag, written: now - 30, now });
        assert_eq!(bucket.get("p/s.json").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_bucket_of_another_region_is_found() {
        let moved = "<Error><Code>PermanentRedirect</Code></Error>";
        let moved = response(301, &[("x-amz-bucket-region", "eu-north-1")], moved);
        let etag = response(200, &[("etag", "\"e2\"")], "");
        let replay = replay_responses([moved, found(), etag].into_iter());
        let bucket = Bucket::new(&replay.aws, "states".to_owned());
        assert!(bucket.get("s.json").await.unwrap().is_some());
        let written = bucket.put("s.json", b"x".to_vec(), Condition::Unchanged("\"e1\"")).await;
        assert_eq!(written.unwrap().as_deref(), Some("\"e2\""));
        let urls = replay.urls("if-match");
        assert!(urls[0].0.starts_with("https://states.s3.us-east-1.amazonaws.com/"), "{urls:?}");
        assert!(urls[1].0.starts_with("https://states.s3.eu-north-1.amazonaws.com/"), "{urls:?}");
        assert!(urls[2].0.starts_with("https://states.s3.eu-north-1.amazonaws.com/"), "{urls:?}");
        assert_eq!(urls[2].1.as_deref(), Some("\"e1\""));
    }

    #[tokio::test]
    async fn a_condition_that_does_not_hold_is_no_error() {
        let error = |code: &str| format!("<Error><Code>{code}</Code></Error>").leak() as &str;
        let answers = [
            response(412, &[], error("PreconditionFailed")),
            response(404, &[], error("NoSuchKey")),
            response(409, &[], error("ConditionalRequestConflict")),
            response(403, &[], error("AccessDenied")),
            response(500, &[], error("InternalError")),
        ];
        let replay = replay_responses(answers.into_iter());
        let bucket = Bucket::new(&replay.aws, "states".to_owned());
        let mut told = Vec::new();
        for _ in 0..5 {
            let written = bucket.put("s.json", b"x".to_vec(), Condition::Absent).await;
            told.push(written.map_err(|error| error.fault));
        }
        let faults = [Fault::Throttled, Fault::Denied, Fault::Ambiguous].map(Err);
        assert_eq!(told, [&[Ok(None), Ok(None)][..], &faults].concat());
        assert!(replay.urls("if-none-match").iter().all(|(_, v)| v.as_deref() == Some("*")));
    }
}
