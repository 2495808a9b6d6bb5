//! The clients of the services whose resources use keys. A call that changes something is sent once. A read
//! is repeated by itself while AWS throttles it, so that one throttled read among hundreds does not repeat the
//! others.

use super::error::answer;
use super::{Aws, Clients as All};
use crate::answer::pages::Tokens;
use crate::answer::{CloudError, Fault};
use crate::id::Place;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Deref;
use std::time::Duration;
use tokio::time::Instant;

/// The time for which a throttled read is repeated.
const THROTTLED: Duration = Duration::from_secs(600);
/// The number of times that a read is sent if AWS does not answer or answers with a server error. After that the
/// engine repeats all reads of the list with longer pauses.
const ATTEMPTS: u32 = 2;
/// The pause after the first failed attempt. It doubles with each further one.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
        let started = Instant::now();
        let (mut failed, mut unanswered) = (0, 0);
        loop {
            self.aws.limits.acquire(&self.at, self.service, operation).await;
            let error = match answer(operation, send().await) {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let again = if error.fault == Fault::Throttled {
                self.aws.limits.give_way(&self.at, self.service, operation);
                started.elapsed() < THROTTLED
            } else {
                unanswered += 1;
                error.fault.is_temporary() && unanswered < ATTEMPTS
            };
            if !again {
                return Err(error);
            }
            tokio::time::sleep(pause(failed)).await;
            failed += 1;
        }
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
    }
}

/// Returns a random pause after the failed attempt number `failed`, from 0.
fn pause(failed: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failed).unwrap_or(u32::MAX);
    let longest = PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    // If the operating system supplies no random number, the longest pause is used.
    getrandom::u64()
        .map_or(longest, |random| Duration::from_nanos(random % nanos.saturating_add(1).max(1)))
}

macro_rules! clients {
    ($($name:ident => $sdk:ident, $service:literal);+ $(;)?) => {
        /// The clients of each place.
        #[derive(Debug, Default)]
        pub(super) struct Clients { $($name: BTreeMap<Place, $sdk::Client>),+ }

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

// The services have the names that the AWS CLI gives them.
clients! {
    cloudtrail => aws_sdk_cloudtrail, "cloudtrail";
    dynamodb => aws_sdk_dynamodb, "dynamodb";
    ec2 => aws_sdk_ec2, "ec2";
    efs => aws_sdk_efs, "efs";
    opensearch => aws_sdk_opensearch, "opensearch";
    rds => aws_sdk_rds, "rds";
    s3 => aws_sdk_s3, "s3api";
    tagging => aws_sdk_resourcegroupstagging, "resourcegroupstaggingapi";
}
