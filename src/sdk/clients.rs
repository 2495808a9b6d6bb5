//! The clients of the services whose resources use keys. A call that changes something is sent once. A read
//! is repeated by itself while AWS throttles it, so that one throttled read among hundreds does not repeat the
//! others.

use super::error::answer;
use super::{Aws, Clients as All, ec2};
use crate::answer::CloudError;
use crate::answer::pages::Tokens;
use crate::id::Place;
use crate::retry::list::list;
use crate::retry::{RetryPolicy, with_retries};
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
        list(async {
            let (mut pages, mut from) = (Vec::new(), None::<String>);
            let mut tokens = Tokens::default();
            loop {
                let page = self.read(operation, || send(from.clone())).await?;
                from = next(&page).filter(|token| !token.is_empty());
                pages.push(page);
                match &from {
                    Some(token) => tokens.check(operation, token)?,
                    None => return Ok(pages),
                }
            }
        })
        .await
    }
}

macro_rules! clients {
    ($($name:ident => $sdk:ident, $service:literal);+ $(;)?) => {
        /// The clients of each place.
        #[derive(Debug, Default)]
        pub(super) struct Clients {
            ec2: BTreeMap<Place, ec2::Client>,
            $($name: BTreeMap<Place, $sdk::Client>),+
        }

        impl Aws {$(
            /// Returns the client of the service for a place.
            pub(crate) async fn $name(&self, at: &Place) -> Session<'_, $sdk::Client> {
                let mut clients: tokio::sync::MutexGuard<'_, All> = self.clients.lock().await;
                let client = match clients.consumers.$name.get(at) {
                    Some(client) => client.clone(),
                    None => {
                        let config = self.config(&mut clients, at, RetryConfig::disabled()).await;
                        let config = $sdk::config::Builder::from(&config).interceptor(self.gate.clone());
                        let client = $sdk::Client::from_conf(config.build());
                        clients.consumers.$name.insert(at.clone(), client.clone());
                        client
                    }
                };
                Session { client, aws: self, at: at.clone(), service: $service }
            }
        )+}
    };
}

impl Aws {
    /// Returns the client of EC2 for a place.
    pub(crate) async fn ec2(&self, at: &Place) -> Session<'_, ec2::Client> {
        let mut clients: tokio::sync::MutexGuard<'_, All> = self.clients.lock().await;
        let client = match clients.consumers.ec2.get(at) {
            Some(client) => client.clone(),
            None => {
                let config = self.config(&mut clients, at, RetryConfig::disabled()).await;
                let client = ec2::Client::new(&config, self.gate.clone());
                clients.consumers.ec2.insert(at.clone(), client.clone());
                client
            }
        };
        Session { client, aws: self, at: at.clone(), service: "ec2" }
    }
}

// The services have the names that the AWS CLI gives them.
clients! {
    cloudtrail => aws_sdk_cloudtrail, "cloudtrail";
    dynamodb => aws_sdk_dynamodb, "dynamodb";
    efs => aws_sdk_efs, "efs";
    opensearch => aws_sdk_opensearch, "opensearch";
    rds => aws_sdk_rds, "rds";
    s3 => aws_sdk_s3, "s3api";
    tagging => aws_sdk_resourcegroupstagging, "resourcegroupstaggingapi";
}
