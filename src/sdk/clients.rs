//! The clients of the services whose resources use keys. Each service has two: one for reads, which
//! the SDK repeats once after throttling or another temporary error, and one for calls that change
//! something, which are sent once.

use super::{Aws, Clients as All};
use crate::id::Place;
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;

/// The number of times the SDK sends a read. After that the engine repeats the read with longer
/// pauses.
const ATTEMPTS: u32 = 2;

/// The use of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientUse {
    /// Requests that only read.
    Reading,
    /// Requests that change something.
    Changing,
}

macro_rules! clients {
    ($($service:ident => $sdk:ident),+ $(,)?) => {
        /// The clients of each place.
        #[derive(Debug, Default)]
        pub(super) struct Clients { $($service: BTreeMap<(Place, ClientUse), $sdk::Client>),+ }

        impl Aws {$(
            /// Returns the client of the service for a place.
            pub(crate) async fn $service(&self, at: &Place, purpose: ClientUse) -> $sdk::Client {
                let mut clients: tokio::sync::MutexGuard<'_, All> = self.clients.lock().await;
                if let Some(client) = clients.consumers.$service.get(&(at.clone(), purpose)) {
                    return client.clone();
                }
                let retry = match purpose {
                    ClientUse::Reading => RetryConfig::standard().with_max_attempts(ATTEMPTS),
                    ClientUse::Changing => RetryConfig::disabled(),
                };
                let config = self.config(&mut clients, at, retry).await;
                let config = $sdk::config::Builder::from(&config).interceptor(self.gate.clone());
                let client = $sdk::Client::from_conf(config.build());
                clients.consumers.$service.insert((at.clone(), purpose), client.clone());
                client
            }
        )+}
    };
}

clients! {
    cloudtrail => aws_sdk_cloudtrail,
    dynamodb => aws_sdk_dynamodb,
    ec2 => aws_sdk_ec2,
    efs => aws_sdk_efs,
    opensearch => aws_sdk_opensearch,
    rds => aws_sdk_rds,
    s3 => aws_sdk_s3,
    tagging => aws_sdk_resourcegroupstagging,
}

impl Aws {
    /// Waits until a change of a service with a quota of its own may be sent to `at`.
    pub(crate) async fn paced(&self, at: &Place, changes: &'static str) {
        self.limits.acquire(at, changes).await;
    }
}
