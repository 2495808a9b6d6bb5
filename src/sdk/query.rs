//! A client of EC2, IAM and RDS, which have the query protocols, with only the operations that kmsctl needs.
//!
//! The crates of these services are the largest of the SDK: `aws-sdk-ec2` has more than 800 operations, and compiling
//! it takes longer and needs more memory than everything else together. This client writes the requests and
//! reads the answers itself (Smithy specification, "AWS query protocol" and "AWS EC2 query protocol"), and leaves all
//! else to the runtime of the SDK: credentials, signatures, time-outs, connections, clock skew, and the endpoints,
//! including those of the AWS configuration file and the environment.

mod answer;
mod endpoints;
mod parameters;
#[cfg(test)]
mod tests;

pub(crate) use answer::{Failure, List};
pub(crate) use parameters::Parameters;

use super::gate::Gate;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::{DisableClockSkewCorrection, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use endpoints::{Endpoints, Home};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A service with a query protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// The name in the endpoints and the signatures.
    name: &'static str,
    /// The name in the AWS configuration file and the environment.
    id: &'static str,
    /// The version of the API.
    version: &'static str,
    protocol: Protocol,
    reach: Reach,
}

/// The form of the answers.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    /// An answer is `<OperationResponse>`.
    Ec2,
    /// An answer is `<OperationResult>` in `<OperationResponse>`.
    Query,
}

/// What one endpoint serves.
#[derive(Clone, Copy, Debug)]
enum Reach {
    Region,
    /// All Regions of a partition, each of which is in the list.
    Partition(&'static [Home]),
}

pub(crate) const EC2: Service = Service {
    name: "ec2",
    id: "EC2",
    version: "2016-11-15",
    protocol: Protocol::Ec2,
    reach: Reach::Region,
};

pub(crate) const IAM: Service = Service {
    name: "iam",
    id: "IAM",
    version: "2010-05-08",
    protocol: Protocol::Query,
    reach: Reach::Partition(endpoints::IAM_HOMES),
};

pub(crate) const RDS: Service = Service {
    name: "rds",
    id: "RDS",
    version: "2014-10-31",
    protocol: Protocol::Query,
    reach: Reach::Region,
};

/// A client of a service for one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    service: Service,
    runtime: SharedRuntimePlugin,
    behavior: BehaviorVersion,
}

impl Client {
    /// Creates a client. A request is sent once, if the gate permits it.
    pub(crate) fn new(service: Service, config: &SdkConfig, gate: Gate) -> Self {
        let runtime = StaticRuntimePlugin::new()
            .with_config(settings(service, config).freeze())
            .with_runtime_components(components(service, config, gate));
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::latest);
        Self { service, runtime: SharedRuntimePlugin::new(runtime), behavior }
    }

    /// Sends a request and reads what the answer contains.
    pub(crate) async fn ask<T>(
        &self,
        operation: &'static str,
        parameters: &Parameters,
    ) -> Result<T, SdkError<Failure, HttpResponse>>
    where
        T: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let protocol = self.service.protocol;
        let read = move |answer: &HttpResponse| answer::read(protocol, operation, answer);
        self.invoke(operation, parameters, read).await
    }

    /// Sends a request of which only the success matters.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        parameters: &Parameters,
    ) -> Result<(), SdkError<Failure, HttpResponse>> {
        let read = move |answer: &HttpResponse| answer::done(operation, answer);
        self.invoke(operation, parameters, read).await
    }

    async fn invoke<T: Debug + Send + Sync + 'static>(
        &self,
        operation: &'static str,
        parameters: &Parameters,
        read: impl Fn(&HttpResponse) -> Result<T, OrchestratorError<Failure>> + Send + Sync + 'static,
    ) -> Result<T, SdkError<Failure, HttpResponse>> {
        let body = parameters.body(operation, self.service.version);
        let operation = Operation::builder()
            .service_name(self.service.name)
            .operation_name(operation)
            .behavior_version(self.behavior)
            .no_retry()
            .runtime_plugin(self.runtime.clone())
            .serializer(request)
            .deserializer(read)
            .build();
        operation.invoke(body).await
    }
}

/// Returns the settings that the parts of the runtime look up.
fn settings(service: Service, config: &SdkConfig) -> Layer {
    let mut layer = Layer::new(service.name);
    layer.store_put(ApiMetadata::new(service.name, env!("CARGO_PKG_VERSION")));
    layer.store_put(EndpointResolverParams::new(()));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static(service.name));
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
fn components(service: Service, config: &SdkConfig, gate: Gate) -> RuntimeComponentsBuilder {
    // Each request has a runtime of its own, so the cache must be that of the client.
    let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let endpoints = SharedEndpointResolver::new(Endpoints::of(service, config));
    let mut components = RuntimeComponentsBuilder::new(service.name)
        .with_http_client(config.http_client())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_identity_cache(Some(cache))
        .with_endpoint_resolver(Some(endpoints))
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

fn request(body: String) -> Result<HttpRequest, BoxError> {
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().try_insert("content-type", "application/x-www-form-urlencoded")?;
    request.headers_mut().try_insert("content-length", length)?;
    Ok(request)
}
