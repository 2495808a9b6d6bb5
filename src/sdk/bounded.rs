//! The HTTP client of all requests. It limits the size and the time of an answer, because an endpoint, or a proxy in
//! front of it, can send one without an end.

use super::secret;
use crate::file::{MAX_RECORD, MAX_RECORD_PARTS};
use crate::retry::list::received;
use crate::text::Size;
use aws_sdk_kms::config::RuntimeComponents;
use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_sdk_kms::error::ConnectorError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The limits of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest number of bytes.
    pub bytes: usize,
    /// The largest number of elements, members and items in JSON or XML ([`Size::parts`]).
    pub parts: usize,
    /// The time in which the answer must end.
    pub time: Duration,
}

/// The limits of an answer of AWS. The largest answer that kmsctl asks for is a page of 1,000 snapshots with 50 tags
/// each, which has about 25 MB and 400,000 parts.
pub const ANSWER: Bounds =
    Bounds { bytes: 32 << 20, parts: 1_000_000, time: Duration::from_secs(29) };

/// The limits of an object in S3, which is a state or a lease.
pub const OBJECT: Bounds =
    Bounds { bytes: MAX_RECORD, parts: MAX_RECORD_PARTS, time: Duration::from_secs(300) };

/// The limits of all answers with the pages of one list.
pub const LIST: Bounds = Bounds { bytes: 512 << 20, parts: 16_000_000, time: Duration::MAX };

/// The time after which a request that has no whole answer is reported.
pub const SILENCE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The operation, or the method and the path.
    pub operation: String,
    /// The host.
    pub host: String,
}

/// Is told which answers a run waits for.
pub trait Watch: Debug + Send + Sync {
    /// Reports that the answer to a request did not come, or did not end, in some time.
    fn waiting(&self, asked: &Asked, time: Duration);
    /// Reports that AWS has throttled an operation for some time.
    fn throttled(&self, operation: &str, time: Duration);
}

/// An answer that exceeds a limit. `host` is the host that sent it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Excess {
    /// Nothing came.
    #[error("{host} sent no answer within {} s", .time.as_secs_f64())]
    Nothing { host: String, time: Duration },
    /// Only a part came.
    #[error("the answer of {host} did not end within {} s; {received} bytes came", .time.as_secs_f64())]
    Part { host: String, received: usize, time: Duration },
    /// There are too many bytes.
    #[error("the answer of {host} is larger than {} MiB", .most >> 20)]
    Bytes { host: String, most: usize },
    /// There are too many elements.
    #[error("the answer of {host} has more than {most} elements")]
    Parts { host: String, most: usize },
    /// The pages of a list are too large together.
    #[error("the pages of the list of {host} are together larger than {} MiB or have more than {} elements", .most.bytes >> 20, .most.parts)]
    List { host: String, most: Bounds },
}

/// The HTTP client.
#[derive(Clone, Debug)]
pub(crate) struct Bounded(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    list: Bounds,
    silence: Duration,
    watch: OnceLock<Arc<dyn Watch>>,
    /// The connectors by their time-outs. Each has a pool of connections.
    connectors: Mutex<BTreeMap<[Option<Duration>; 2], SharedHttpConnector>>,
}

impl Default for Bounded {
    fn default() -> Self {
        Self::new(ANSWER, LIST, SILENCE)
    }
}

impl Bounded {
    pub(crate) fn new(bounds: Bounds, list: Bounds, silence: Duration) -> Self {
        let (watch, connectors) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(Shared { bounds, list, silence, watch, connectors }))
    }

    /// Returns who is told which answers a run waits for.
    pub(super) fn watch(&self) -> Option<&dyn Watch> {
        self.0.watch.get().map(AsRef::as_ref)
    }

    pub(super) fn report_to(&self, watch: Arc<dyn Watch>) {
        // A run has one terminal.
        drop(self.0.watch.set(watch));
    }
}

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let times = [settings.connect_timeout(), settings.read_timeout()];
        let mut connectors = self.0.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = connectors.entry(times).or_insert_with(|| {
            // These are the SDK's defaults.
            let mut connector = Connector::builder()
                .connector_settings(settings.clone())
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            connector.set_sleep_impl(components.sleep_impl());
            let (inner, shared) = (connector.build(), Arc::clone(&self.0));
            SharedHttpConnector::new(Limited { inner: SharedHttpConnector::new(inner), shared })
        });
        connector.clone()
    }
}

#[derive(Clone, Debug)]
struct Limited {
    inner: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if let Some(token) = request.headers().get("x-amz-security-token") {
            secret::keep(token, "$AWS_SESSION_TOKEN");
        }
        let (this, asked) = (self.clone(), Asked::of(&request));
        // Whoever reads the object limits it.
        let is_object = request.uri().contains("x-id=GetObject");
        HttpConnectorFuture::new(async move {
            let (watch, silence) = (this.shared.watch.get(), this.shared.silence);
            let exchange = this.exchange(request, is_object, &asked.host);
            tokio::pin!(exchange);
            let began = Instant::now();
            loop {
                match timeout(silence, &mut exchange).await {
                    Ok(answer) => return answer,
                    Err(_) => watch.iter().for_each(|to| to.waiting(&asked, began.elapsed())),
                }
            }
        })
    }
}

impl Limited {
    async fn exchange(
        &self,
        request: HttpRequest,
        is_object: bool,
        host: &str,
    ) -> Result<HttpResponse, ConnectorError> {
        let (bounds, began) = (&self.shared.bounds, Instant::now());
        let mut response = match timeout(bounds.time, self.inner.call(request)).await {
            Ok(response) => response?,
            Err(_) => {
                let (host, time) = (host.to_owned(), bounds.time);
                return Err(failed(Excess::Nothing { host, time }));
            }
        };
        if !is_object || !response.status().is_success() {
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            let body = collect(ByteStream::new(body), bounds, began, host).await?;
            self.count(Size::of(&body), host)?;
            *response.body_mut() = SdkBody::from(body);
        }
        Ok(response)
    }
}

impl Limited {
    /// Counts an answer as a page of the list that the task reads.
    fn count(&self, size: Size, host: &str) -> Result<(), ConnectorError> {
        let most = self.shared.list;
        match received(size) {
            Some(all) if all.bytes > most.bytes || all.parts > most.parts => {
                Err(failed(Excess::List { host: host.to_owned(), most }))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Reads a body. The time counts from `began`.
///
/// # Errors
/// Returns the error of the connection, or that a limit is exceeded.
pub(super) async fn collect(
    mut body: ByteStream,
    bounds: &Bounds,
    began: Instant,
    host: &str,
) -> Result<Vec<u8>, ConnectorError> {
    let (mut text, mut size) = (Vec::new(), Size::default());
    let named = || host.to_owned();
    loop {
        let rest = bounds.time.saturating_sub(began.elapsed());
        let chunk = match timeout(rest, body.next()).await {
            Ok(Some(chunk)) => chunk.map_err(|error| ConnectorError::io(error.into()))?,
            Ok(None) => break,
            Err(_) => {
                let (received, time) = (text.len(), bounds.time);
                return Err(failed(Excess::Part { host: named(), received, time }));
            }
        };
        size = size.and(Size::of(&chunk));
        if size.bytes > bounds.bytes {
            return Err(failed(Excess::Bytes { host: named(), most: bounds.bytes }));
        }
        if size.parts > bounds.parts {
            return Err(failed(Excess::Parts { host: named(), most: bounds.parts }));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

fn failed(excess: Excess) -> ConnectorError {
    match &excess {
        Excess::Nothing { .. } | Excess::Part { .. } => ConnectorError::timeout(excess.into()),
        Excess::Bytes { .. } | Excess::Parts { .. } | Excess::List { .. } => {
            ConnectorError::other(excess.into(), None)
        }
    }
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let uri = request.uri();
        let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let target = request.headers().get("x-amz-target");
        let target = target.and_then(|target| target.rsplit('.').next());
        let form = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok());
        let action = form.and_then(|form| form.strip_prefix("Action=")?.split('&').next());
        let path = path.split('?').next().unwrap_or_default();
        let operation = target
            .or(action)
            .map_or_else(|| format!("{} /{path}", request.method()), str::to_owned);
        Self { operation, host: host.to_owned() }
    }
}

#[cfg(test)]
mod tests;
