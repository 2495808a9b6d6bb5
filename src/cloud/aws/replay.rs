//! AWS that answers with what was recorded, one answer a request, and keeps the requests.

use super::{Aws, Clients};
use crate::cloud::limit::Limits;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// The answers, and the requests so far.
pub(crate) struct Replay {
    pub(crate) aws: Aws,
    client: StaticReplayClient,
}

/// One answer: the status and the body.
pub(crate) type Answer<'a> = (u16, &'a str);

pub(crate) fn replay(answers: &[Answer<'_>]) -> Replay {
    replay_with("x-header", answers.iter().map(|(status, body)| (*status, "", *body)))
}

/// The same, where each answer has a header, too.
pub(crate) fn replay_with<'a>(
    header: &'static str,
    answers: impl Iterator<Item = (u16, &'a str, &'a str)>,
) -> Replay {
    let event = |(status, value, body): (u16, &str, &str)| {
        let status = status.try_into().unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        if !value.is_empty() {
            response.headers_mut().insert(header, value.to_owned());
        }
        ReplayEvent::new(HttpRequest::new(SdkBody::empty()), response)
    };
    let client = StaticReplayClient::new(answers.map(event).collect());
    let credentials = SharedCredentialsProvider::new(Credentials::for_tests());
    let base = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .http_client(client.clone())
        .build();
    let aws = Aws {
        base,
        home: None,
        accounts: BTreeMap::new(),
        limits: Limits::unlimited(),
        clients: Mutex::new(Clients::default()),
    };
    Replay { aws, client }
}

impl Replay {
    /// The bodies of the requests, which must be as many as the answers.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let requests = self.client.actual_requests();
        let body = |request: &HttpRequest| {
            String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap()
        };
        requests.map(body).collect()
    }

    /// The same where they are JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }
}
