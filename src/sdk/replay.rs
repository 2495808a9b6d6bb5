//! A stand-in for AWS: answers each request with the next recorded answer, and keeps the requests.

use super::Aws;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_sdk_kms::config::{Credentials, RuntimeComponents, SharedCredentialsProvider};
use aws_sdk_kms::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The SDK with recorded answers, and the requests so far.
pub(crate) struct Replay {
    pub(crate) aws: Aws,
    client: Recorded,
}

/// One answer: the status and the body.
pub(crate) type Answer<'a> = (u16, &'a str);

/// Returns the SDK with the answers in this order. They do not depend on the requests.
pub(crate) fn replay(answers: &[Answer<'_>]) -> Replay {
    replay_with("x-header", answers.iter().map(|(status, body)| (*status, "", *body)))
}

/// Returns the SDK with answers that consist of a status, a value of `header` (may be empty) and a
/// body.
pub(crate) fn replay_with<'a>(
    header: &'static str,
    answers: impl Iterator<Item = (u16, &'a str, &'a str)>,
) -> Replay {
    let responses = answers.map(|(status, value, body)| {
        let status = status.try_into().unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        if !value.is_empty() {
            response.headers_mut().insert(header, value.to_owned());
        }
        response
    });
    replay_responses(responses)
}

/// Returns the SDK with whole answers.
pub(crate) fn replay_responses(responses: impl Iterator<Item = HttpResponse>) -> Replay {
    let client = Recorded::default();
    client.0.lock().unwrap().answers.extend(responses);
    Replay { aws: stand_in(client.clone()), client }
}

/// Returns the SDK, connected to a stand-in.
pub(crate) fn stand_in(connector: impl HttpConnector + 'static) -> Aws {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "replay");
    let base = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Only(SharedHttpConnector::new(connector)))
        .build();
    Aws::with_config(base)
}

impl Replay {
    /// Returns the bodies of the requests.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let exchange = self.client.0.lock().unwrap();
        exchange.requests.iter().map(body).collect()
    }

    /// Returns the URL of each request, and its value of `header`.
    pub(crate) fn urls(&self, header: &str) -> Vec<(String, Option<String>)> {
        let exchange = self.client.0.lock().unwrap();
        let requests = exchange.requests.iter().map(|request| {
            let value = request.headers().get(header).map(str::to_owned);
            (request.uri().to_owned(), value)
        });
        requests.collect()
    }

    /// Returns the bodies of the requests, which are JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// Returns the operation and the parameters of each request to KMS.
    pub(crate) fn kms(&self) -> Vec<(String, Value)> {
        let exchange = self.client.0.lock().unwrap();
        let requests = exchange.requests.iter().map(|request| {
            let target = request.headers().get("x-amz-target").unwrap();
            let operation = target.strip_prefix("TrentService.").unwrap();
            (operation.to_owned(), serde_json::from_str(&body(request)).unwrap())
        });
        requests.collect()
    }
}

fn body(request: &HttpRequest) -> String {
    String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap()
}

/// The SDK's own `StaticReplayClient` needs the feature `test-util`, with which the tests would
/// compile every crate of the SDK a second time.
#[derive(Clone, Debug, Default)]
struct Recorded(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    answers: VecDeque<HttpResponse>,
    requests: Vec<HttpRequest>,
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut exchange = self.0.lock().unwrap();
        exchange.requests.push(request);
        let answer = exchange.answers.pop_front();
        HttpConnectorFuture::ready(
            answer.ok_or_else(|| ConnectorError::other("no answer is left".into(), None)),
        )
    }
}

/// A client whose requests all go to one connector.
#[derive(Debug)]
struct Only(SharedHttpConnector);

impl HttpClient for Only {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.clone()
    }
}
