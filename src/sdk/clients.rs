//! The clients of the services whose resources use keys. A call that changes something is sent once. A read
//! is repeated by itself while AWS throttles it, so that one throttled read among hundreds does not repeat the
//! others.

use super::error::answer;
use super::gate::Gate;
use super::{Aws, Clients as All, query};
use crate::answer::CloudError;
use crate::answer::pages::Page;
use crate::id::Place;
use crate::retry::list::all_pages;
use crate::retry::{RetryPolicy, with_retries};
use aws_config::SdkConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Deref;

/// The number of times that a read is sent if AWS does not answer or answers with a server error. After that the
/// engine repeats all reads of the list with longer pauses.
const ATTEMPTS: u32 = 2;

/// A client with the quotas of its service in a place.
pub(crate) struct Session<'a, C> {
    client: C,
    aws: &'a Aws,
    at: Place,
    service: &'static str,
}

impl<C> Deref for Session<'_, C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.client
    }
}

impl<C> Session<'_, C> {
    /// Reads once the quota allows it. A throttled read is repeated.
    pub(crate) async fn read<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let retry = RetryPolicy { attempts: ATTEMPTS, ..RetryPolicy::default() };
        with_retries(&retry, async || {
            self.aws.await_quota(&self.at, self.service, operation).await;
            self.aws.noted(&self.at, self.service, answer(operation, send().await))
        })
        .await
    }

    /// Reads all pages of a list, each as [`Session::read`] does. `next` returns the token of the next page.
    pub(crate) async fn pages<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn(Option<String>) -> F,
        next: impl Fn(&T) -> Option<String>,
    ) -> Result<Vec<T>, CloudError>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        all_pages(operation, async |from| {
            let page = self.read(operation, || send(from.map(str::to_owned))).await?;
            let next = next(&page).filter(|token| !token.is_empty());
            Ok(Page { items: vec![page], next })
        })
        .await
    }
}

macro_rules! clients {
    ($($name:ident => $client:ty, $service:literal, $new:expr);+ $(;)?) => {
        /// The clients of each place.
        #[derive(Debug, Default)]
        pub(super) struct Clients { $($name: BTreeMap<Place, $client>),+ }

        impl Aws {$(
            /// Returns the client of the service for a place.
            pub(crate) async fn $name(&self, at: &Place) -> Session<'_, $client> {
                let mut clients: tokio::sync::MutexGuard<'_, All> = self.clients.lock().await;
                let client = match clients.consumers.$name.get(at) {
                    Some(client) => client.clone(),
                    None => {
                        let config = self.config(&mut clients, at, RetryConfig::disabled()).await;
                        let client = ($new)(&config, self.gate.clone());
                        clients.consumers.$name.insert(at.clone(), client.clone());
                        client
                    }
                };
                Session { client, aws: self, at: at.clone(), service: $service }
            }
        )+}
    };
}

/// Returns a client of an SDK crate.
macro_rules! sdk {
    ($sdk:ident) => {
        |config: &SdkConfig, gate: Gate| {
            let config = $sdk::config::Builder::from(config).interceptor(gate);
            $sdk::Client::from_conf(config.build())
        }
    };
}

/// Returns the client of a service with a query protocol.
macro_rules! query {
    ($service:ident) => {
        |config: &SdkConfig, gate: Gate| query::Client::new(query::$service, config, gate)
    };
}

// The services have the names that the AWS CLI gives them.
clients! {
    cloudtrail => aws_sdk_cloudtrail::Client, "cloudtrail", sdk!(aws_sdk_cloudtrail);
    dynamodb => aws_sdk_dynamodb::Client, "dynamodb", sdk!(aws_sdk_dynamodb);
    ec2 => query::Client, "ec2", query!(EC2);
    efs => aws_sdk_efs::Client, "efs", sdk!(aws_sdk_efs);
    opensearch => aws_sdk_opensearch::Client, "opensearch", sdk!(aws_sdk_opensearch);
    rds => query::Client, "rds", query!(RDS);
    s3 => aws_sdk_s3::Client, "s3api", sdk!(aws_sdk_s3);
    tagging => aws_sdk_resourcegroupstagging::Client, "resourcegroupstaggingapi", sdk!(aws_sdk_resourcegroupstagging);
}
