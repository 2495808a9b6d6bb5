//! A client of EC2 with only the operations that volumes need.
//!
//! The crate `aws-sdk-ec2` has more than 800 operations, and compiling it takes longer and needs more memory
//! than everything else together. This client writes the requests and reads the answers itself (Smithy
//! specification, "AWS EC2 query protocol"), and leaves all else to the runtime of the SDK: credentials,
//! signatures, time-outs, connections, clock skew, and the endpoints, including those of the AWS configuration
//! file and the environment.

use super::gate::Gate;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::{DisableClockSkewCorrection, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_rds::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::endpoint::Endpoint;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::{Builder as ErrorMetadataBuilder, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// The version of the API.
const VERSION: &str = "2016-11-15";
/// The characters that are escaped: all but the unreserved ones (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a request, in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Adds a parameter.
    pub(crate) fn with(
        mut self,
        name: impl Into<String>,
        value: &(impl ToString + ?Sized),
    ) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// Adds a parameter if it has a value.
    pub(crate) fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// Adds the members of a list, whose numbers begin with 1.
    pub(crate) fn with_each<T: ToString>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let numbered = (1..).zip(values);
        numbered.fold(self, |all, (n, value)| all.with(format!("{name}.{n}"), &value))
    }

    /// Returns the body of a request.
    fn body(&self, operation: &str) -> String {
        let mut body = format!("Action={operation}&Version={VERSION}");
        for (name, value) in &self.0 {
            body.push('&');
            body.extend(utf8_percent_encode(name, RESERVED));
            body.push('=');
            body.extend(utf8_percent_encode(value, RESERVED));
        }
        body
    }
}

/// The answer to a call of which only the success matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {}

/// A list in an answer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Set<T> {
    #[serde(default = "Vec::new")]
    pub(crate) item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

/// An error of EC2, or a success that cannot be read, which has no code.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", self.0.message().unwrap_or("the answer cannot be read"))]
pub(crate) struct Failure(ErrorMetadata);

impl ProvideErrorMetadata for Failure {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// The body of an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    errors: Errors,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Errors {
    #[serde(default)]
    error: Vec<CodeAndMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeAndMessage {
    code: String,
    message: Option<String>,
}

/// A client for one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    runtime: SharedRuntimePlugin,
    behavior: BehaviorVersion,
}

impl Client {
    /// Creates a client. A request is sent once, if the gate permits it.
    pub(crate) fn new(config: &SdkConfig, gate: Gate) -> Self {
        let runtime = StaticRuntimePlugin::new()
            .with_config(settings(config).freeze())
            .with_runtime_components(components(config, gate));
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::latest);
        Self { runtime: SharedRuntimePlugin::new(runtime), behavior }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send<T>(
        &self,
        operation: &'static str,
        parameters: &Parameters,
    ) -> Result<T, SdkError<Failure, HttpResponse>>
    where
        T: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let (name, body) = (operation, parameters.body(operation));
        let operation = Operation::builder()
            .service_name("ec2")
            .operation_name(operation)
            .behavior_version(self.behavior)
            .no_retry()
            .runtime_plugin(self.runtime.clone())
            .serializer(request)
            .deserializer(move |answer| read::<T>(name, answer))
            .build();
        operation.invoke(body).await
    }
}

/// Returns the settings that the parts of the runtime look up.
fn settings(config: &SdkConfig) -> Layer {
    let mut layer = Layer::new("ec2");
    layer.store_put(ApiMetadata::new("ec2", env!("CARGO_PKG_VERSION")));
    layer.store_put(EndpointResolverParams::new(()));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static("ec2"));
    layer.store_or_unset::<Region>(config.region().cloned());
    layer.store_or_unset::<SigningRegion>(config.region().cloned().map(SigningRegion::from));
    layer.store_or_unset::<AppName>(config.app_name().cloned());
    layer.store_or_unset::<DisableClockSkewCorrection>(
        config.disable_clock_skew_correction().map(DisableClockSkewCorrection::from),
    );
    if let Some(time_outs) = config.timeout_config() {
        layer.store_put(time_outs.clone());
    }
    if let Some(protection) = config.stalled_stream_protection() {
        layer.store_put(protection);
    }
    layer
}

/// Returns the parts of the runtime that every client of the SDK has.
fn components(config: &SdkConfig, gate: Gate) -> RuntimeComponentsBuilder {
    // Each request has a runtime of its own, so the cache must be that of the client.
    let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("ec2")
        .with_http_client(config.http_client())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_identity_cache(Some(cache))
        .with_endpoint_resolver(Some(SharedEndpointResolver::new(Endpoints::of(config))))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(StalledStreamProtectionInterceptor::default())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_interceptor(RecursionDetectionInterceptor::new())
        .with_interceptor(gate);
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    components
}

/// Resolves the endpoint with the rules of RDS. The rules of EC2 are the same but for the name of the service.
#[derive(Debug)]
struct Endpoints {
    /// An endpoint that the user sets.
    url: Option<String>,
    rules: DefaultResolver,
    region: Option<String>,
    use_fips: Option<bool>,
    use_dual_stack: Option<bool>,
}

impl Endpoints {
    fn of(config: &SdkConfig) -> Self {
        Self {
            url: endpoint_url(config),
            rules: DefaultResolver::new(),
            region: config.region().map(ToString::to_string),
            use_fips: config.use_fips(),
            use_dual_stack: config.use_dual_stack(),
        }
    }

    async fn resolve(&self) -> Result<Endpoint, BoxError> {
        let params = Params::builder()
            .set_region(self.region.clone())
            .set_use_fips(self.use_fips)
            .set_use_dual_stack(self.use_dual_stack)
            .set_endpoint(self.url.clone())
            .build()?;
        let endpoint = self.rules.resolve_endpoint(&params).await?;
        if self.url.is_some() {
            return Ok(endpoint);
        }
        let rest = endpoint.url().strip_prefix("https://rds");
        let rest = rest.ok_or_else(|| format!("`{}` is no endpoint of RDS", endpoint.url()))?;
        Ok(Endpoint::builder().url(format!("https://ec2{rest}")).build())
    }
}

impl ResolveEndpoint for Endpoints {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(self.resolve())
    }
}

/// Returns the endpoint that the program, the environment or the AWS configuration file sets for EC2, and
/// otherwise the one for all services (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
fn endpoint_url(config: &SdkConfig) -> Option<String> {
    let everywhere = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return everywhere;
    }
    let key = ServiceConfigKey::builder()
        .service_id("EC2")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config.service_config().and_then(|file| file.load_config(key));
    own.or(everywhere)
}

fn request(body: String) -> Result<HttpRequest, BoxError> {
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().try_insert("content-type", "application/x-www-form-urlencoded")?;
    request.headers_mut().try_insert("content-length", length)?;
    Ok(request)
}

/// Reads an answer to an operation. An answer without an error code is left to the HTTP status.
fn read<T: DeserializeOwned>(
    operation: &str,
    answer: &HttpResponse,
) -> Result<T, OrchestratorError<Failure>> {
    let text = answer.body().bytes().and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or("");
    if answer.status().is_success() {
        let unreadable = || OrchestratorError::operation(Failure::default());
        // The page of a proxy must not count as an empty list.
        if root(text).and_then(|root| root.strip_suffix("Response")) != Some(operation) {
            return Err(unreadable());
        }
        return quick_xml::de::from_str(text).map_err(|_| unreadable());
    }
    let mut meta = ErrorMetadata::builder();
    let refusal: Option<Refusal> = quick_xml::de::from_str(text).ok();
    if let Some(first) = refusal.into_iter().flat_map(|refusal| refusal.errors.error).next() {
        meta = meta.code(first.code);
        meta = first.message.into_iter().fold(meta, ErrorMetadataBuilder::message);
    }
    Err(OrchestratorError::operation(Failure(meta.build())))
}

/// Returns the name of the outermost element.
fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    while let Some(declaration) = rest.strip_prefix("<?") {
        rest = declaration.split_once("?>")?.1.trim_start();
    }
    let name = rest.strip_prefix('<')?;
    name.split(|c: char| c == '>' || c == '/' || c.is_whitespace()).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
    use crate::sdk::error::answer;
    use crate::sdk::replay::{Replay, replay, replay_responses, replay_with};

    async fn endpoint(region: &str, fips: bool, dual_stack: bool) -> Option<String> {
        let config = SdkConfig::builder()
            .region(Region::new(region.to_owned()))
            .use_fips(fips)
            .use_dual_stack(dual_stack)
            .build();
        let found = Endpoints::of(&config).resolve().await;
        found.ok().map(|endpoint| endpoint.url().to_owned())
    }

    /// Amazon EC2 endpoints and quotas (AWS General Reference), and the endpoint rules of EC2 in the SDKs.
    #[tokio::test]
    async fn the_endpoints_are_those_of_ec2_in_every_partition() {
        for (region, plain, fips, dual_stack, both) in [
            (
                "eu-west-1",
                "ec2.eu-west-1.amazonaws.com",
                "ec2-fips.eu-west-1.amazonaws.com",
                "ec2.eu-west-1.api.aws",
                "ec2-fips.eu-west-1.api.aws",
            ),
            (
                "us-gov-west-1",
                "ec2.us-gov-west-1.amazonaws.com",
                "ec2.us-gov-west-1.amazonaws.com",
                "ec2.us-gov-west-1.api.aws",
                "ec2-fips.us-gov-west-1.api.aws",
            ),
            (
                "cn-north-1",
                "ec2.cn-north-1.amazonaws.com.cn",
                "ec2-fips.cn-north-1.amazonaws.com.cn",
                "ec2.cn-north-1.api.amazonwebservices.com.cn",
                "ec2-fips.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                "eusc-de-east-1",
                "ec2.eusc-de-east-1.amazonaws.eu",
                "ec2-fips.eusc-de-east-1.amazonaws.eu",
                "ec2.eusc-de-east-1.api.amazonwebservices.eu",
                "ec2-fips.eusc-de-east-1.api.amazonwebservices.eu",
            ),
        ] {
            let expected =
                [plain, fips, dual_stack, both].map(|host| Some(format!("https://{host}")));
            let found = [
                endpoint(region, false, false).await,
                endpoint(region, true, false).await,
                endpoint(region, false, true).await,
                endpoint(region, true, true).await,
            ];
            assert_eq!(found, expected, "{region}");
        }
        for (region, host) in [("us-iso-east-1", "c2s.ic.gov"), ("us-isob-east-1", "sc2s.sgov.gov")]
        {
            let expected = format!("https://ec2.{region}.{host}");
            assert_eq!(endpoint(region, false, false).await, Some(expected));
        }
    }

    #[tokio::test]
    async fn an_endpoint_of_the_user_is_used_as_it_is() {
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://127.0.0.1:4566/rds")
            .build();
        let found = Endpoints::of(&config).resolve().await.unwrap();
        assert_eq!(found.url(), "http://127.0.0.1:4566/rds");
    }

    async fn sent(
        replay: &Replay,
        request: &Parameters,
    ) -> Result<Answer, crate::answer::CloudError> {
        let at = crate::id::Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let client = replay.aws.ec2(&at).await;
        answer("DescribeVolumes", client.send("DescribeVolumes", request).await)
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        next_token: Option<String>,
        #[serde(default)]
        ids: Set<String>,
    }

    impl PartialEq for Set<String> {
        fn eq(&self, other: &Self) -> bool {
            self.item == other.item
        }
    }

    const SUCCESS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeVolumesResponse \
                           xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\n\
                           <ids><item>a&amp;b</item><item>\u{e9}</item></ids>\
                           <other><ids><item>x</item></ids></other><nextToken>t</nextToken>\
                           </DescribeVolumesResponse>";

    #[tokio::test]
    async fn a_request_is_signed_and_escaped_and_its_answer_read() {
        let replay = replay(&[(200, SUCCESS)]);
        let request = Parameters::default()
            .with("A", "b c+d&e=f/\u{e9}~-._")
            .with_some("B", None::<u32>)
            .with_some("C", Some(true))
            .with_each("D", [7, 8]);
        let found = sent(&replay, &request).await.unwrap();
        let ids = Set { item: vec!["a&b".to_owned(), "\u{e9}".to_owned()] };
        assert_eq!(found, Answer { next_token: Some("t".to_owned()), ids });
        let body = "Action=DescribeVolumes&Version=2016-11-15&A=b%20c%2Bd%26e%3Df%2F%C3%A9~-._&C=true&D.1=7&D.2=8";
        assert_eq!(replay.bodies(), [body]);
        let (url, signature) = replay.urls("authorization").remove(0);
        assert_eq!(url, "https://ec2.eu-west-1.amazonaws.com/");
        let signature = signature.unwrap();
        assert!(signature.contains("/eu-west-1/ec2/aws4_request"), "{signature}");
        let agent = replay.urls("x-amz-user-agent").remove(0).1.unwrap();
        assert!(agent.contains("api/ec2/"), "{agent}");
    }

    /// AWS may have executed the request.
    #[tokio::test]
    async fn a_success_that_cannot_be_read_says_nothing_about_the_outcome() {
        let cuts = (0..SUCCESS.len()).filter(|end| SUCCESS.is_char_boundary(*end));
        for text in cuts.map(|end| &SUCCESS[..end]).chain([
            "{}",
            "<html>",
            "\u{0}",
            "<html><body>login</body></html>",
            "<DescribeSnapshotsResponse></DescribeSnapshotsResponse>",
            "<DescribeVolumes></DescribeVolumes>",
            "<Response><Errors/></Response>",
        ]) {
            let replay = replay(&[(200, text)]);
            let error = sent(&replay, &Parameters::default()).await.unwrap_err();
            assert_eq!(error.fault, Fault::Ambiguous, "{text}");
            assert_eq!(error.message, "the answer of AWS cannot be read");
        }
        let latin = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(&b"<a>\xe9</a>"[..]));
        let replay = replay_responses([latin].into_iter());
        let error = sent(&replay, &Parameters::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Ambiguous);
    }

    #[tokio::test]
    async fn an_error_has_the_code_the_message_and_the_id_of_the_request() {
        let refused = "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                       <Message>Request limit exceeded.</Message></Error><Error><Code>Other</Code></Error></Errors>\
                       </Response>";
        let found = replay_with("x-amzn-requestid", [(503, "id-1", refused)].into_iter());
        let error = sent(&found, &Parameters::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Throttled);
        assert_eq!(error.code.as_deref(), Some("RequestLimitExceeded"));
        assert_eq!(error.message, "Request limit exceeded.");
        assert_eq!(error.request_id.as_deref(), Some("id-1"));
        for (status, text, fault) in [
            (503, "", Fault::Ambiguous),
            (429, "<html>slow down</html>", Fault::Throttled),
            (403, "<html>no</html>", Fault::Other),
            (400, "<Response><Errors/></Response>", Fault::Other),
        ] {
            let error = sent(&replay(&[(status, text)]), &Parameters::default()).await.unwrap_err();
            assert_eq!((error.fault, error.code), (fault, None), "{text}");
        }
    }
}
