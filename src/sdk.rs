//! The clients of the AWS SDK, the classes of its errors, and AWS's request quotas. This module
//! knows no kind of resource.

pub mod bounded;
pub(crate) mod clients;
#[cfg(test)]
pub(crate) mod crowded;
pub(crate) mod error;
pub mod gate;
pub mod limit;
#[cfg(test)]
mod limit_tests;
pub mod objects;
pub(crate) mod query;
#[cfg(test)]
pub(crate) mod replay;
pub(crate) mod secret;

use crate::answer::{CloudError, Fault};
use crate::id::{AccountId, Place, Region};
use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kms::config::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bounded::{Bounded, SILENCE, Watch};
use gate::{Gate, Permit};
use limit::Limits;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest time between the moment a request is sent and the moment its caller gives up.
pub const TIME_OUT: Duration = Duration::from_secs(30);

/// The clients of a run.
#[derive(Debug)]
pub struct Aws {
    pub(crate) base: SdkConfig,
    /// The account that the caller's own credentials are for.
    home: Option<AccountId>,
    accounts: BTreeMap<AccountId, String>,
    limits: Limits,
    http: Bounded,
    gate: Gate,
    clients: Mutex<Clients>,
    /// The time since which AWS has throttled every request.
    throttled: std::sync::Mutex<Option<Instant>>,
}

/// Returns what a mutex holds. A panic of another thread leaves no value half changed.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[derive(Debug, Default)]
struct Clients {
    kms: BTreeMap<Place, aws_sdk_kms::Client>,
    iam: BTreeMap<AccountId, query::Client>,
    consumers: clients::Clients,
    /// One provider per account, so that its credentials are fetched once for all Regions.
    roles: BTreeMap<AccountId, SharedCredentialsProvider>,
}

impl Aws {
    /// Loads the configuration of the SDK. `region` and `profile` override those of the
    /// environment. No request is sent, except to the instance metadata service if nothing else
    /// names a Region. Missing credentials are an error of the first request.
    pub async fn connect(region: Option<Region>, profile: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(TIME_OUT)
            .operation_timeout(TIME_OUT)
            .build();
        let http = Bounded::default();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(timeouts);
        if let Some(region) = &region {
            loader = loader.region(aws_config::Region::new(region.to_string()));
        }
        if let Some(profile) = profile {
            let credentials = of_profile(&profile, region, http.clone()).await;
            loader = loader.profile_name(profile).credentials_provider(credentials);
        }
        Self {
            base: loader.load().await,
            home: None,
            accounts: BTreeMap::new(),
            limits: Limits::new(),
            http,
            gate: Gate::default(),
            clients: Mutex::default(),
            throttled: std::sync::Mutex::default(),
        }
    }

    /// Returns the clients with the default quotas.
    #[cfg(test)]
    pub(crate) fn with_quotas(self) -> Self {
        Self { limits: Limits::new(), ..self }
    }

    /// Returns the clients over a configuration, without quotas.
    #[cfg(test)]
    pub(crate) fn with_config(base: SdkConfig) -> Self {
        Self {
            base,
            home: None,
            accounts: BTreeMap::new(),
            limits: Limits::unlimited(),
            http: Bounded::default(),
            gate: Gate::default(),
            clients: Mutex::default(),
            throttled: std::sync::Mutex::default(),
        }
    }

    /// Returns the Region that the options, the environment or the profile name.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.base.region().and_then(|region| region.as_ref().parse().ok())
    }

    /// Sets the account that is called with the caller's own credentials, and the role to assume in
    /// each of the other accounts.
    #[must_use]
    pub fn with_accounts(self, home: AccountId, accounts: BTreeMap<AccountId, String>) -> Self {
        Self { home: Some(home), accounts, clients: Mutex::default(), ..self }
    }

    /// Makes every later request depend on `permit`. The requests that only find out who the caller
    /// is, and those for credentials, do not.
    pub fn guard(&self, permit: Arc<dyn Permit>) {
        self.gate.close_with(permit);
    }

    /// Reports to `watch` which answers the run waits for.
    pub fn watch(&self, watch: Arc<dyn Watch>) {
        self.http.report_to(watch);
    }

    /// Waits until the quota of KMS allows `operation` in `at`, and returns the client.
    pub(crate) async fn ready(&self, at: &Place, operation: &'static str) -> aws_sdk_kms::Client {
        let client = self.client(at).await;
        self.await_quota(at, "kms", operation).await;
        client
    }

    /// Waits until the quota of a service allows `operation` in `at`.
    pub(crate) async fn await_quota(
        &self,
        at: &Place,
        service: &'static str,
        operation: &'static str,
    ) {
        self.limits.acquire(at, service, operation).await;
    }

    /// Returns the result of a request. If AWS throttled it, the next ones are sent more slowly.
    pub(crate) fn noted<T>(
        &self,
        at: &Place,
        service: &'static str,
        result: Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        if let Err(error) = &result
            && error.fault == Fault::Throttled
        {
            self.limits.give_way(at, service, error.operation);
            let now = Instant::now();
            let since = *lock(&self.throttled).get_or_insert(now);
            if let Some(watch) = self.http.watch()
                && since.elapsed() >= SILENCE
            {
                watch.throttled(error.operation, since.elapsed());
            }
        } else {
            *lock(&self.throttled) = None;
        }
        result
    }

    /// Returns the client of KMS, without waiting for a quota.
    pub(crate) async fn client(&self, at: &Place) -> aws_sdk_kms::Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.kms.get(at) {
            return client.clone();
        }
        let region = aws_sdk_kms::config::Region::new(at.region.to_string());
        let mut config = aws_sdk_kms::config::Builder::from(&self.base)
            .retry_config(RetryConfig::disabled())
            .interceptor(self.gate.clone())
            .region(region);
        if let Some(credentials) = self.credentials(&mut clients, &at.account).await {
            config = config.credentials_provider(credentials);
        }
        let client = aws_sdk_kms::Client::from_conf(config.build());
        clients.kms.insert(at.clone(), client.clone());
        client
    }

    /// Returns the IAM client of an account. IAM is a global service, so the Region does not
    /// matter.
    pub(crate) async fn iam(&self, account: &AccountId) -> query::Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.iam.get(account) {
            return client.clone();
        }
        let mut config = self.base.to_builder();
        if let Some(credentials) = self.credentials(&mut clients, account).await {
            config = config.credentials_provider(credentials);
        }
        if self.base.region().is_none() {
            config = config.region(aws_config::Region::from_static("us-east-1"));
        }
        let client = query::Client::new(query::IAM, &config.build(), self.gate.clone());
        clients.iam.insert(account.clone(), client.clone());
        client
    }

    /// Returns the configuration of the clients of a place.
    async fn config(&self, clients: &mut Clients, at: &Place, retry: RetryConfig) -> SdkConfig {
        let region = aws_config::Region::new(at.region.to_string());
        let mut config = self.base.to_builder().region(region).retry_config(retry);
        if let Some(credentials) = self.credentials(clients, &at.account).await {
            config = config.credentials_provider(credentials);
        }
        config.build()
    }

    /// Returns the credentials for `account`; `None` if the caller's own are used.
    async fn credentials(
        &self,
        clients: &mut Clients,
        account: &AccountId,
    ) -> Option<SharedCredentialsProvider> {
        let role = self.role(account)?;
        if let Some(known) = clients.roles.get(account) {
            return Some(known.clone());
        }
        // The SDK itself repeats failed requests for credentials.
        let provider = AssumeRoleProvider::builder(role)
            .session_name("kmsctl")
            .configure(&self.base)
            .build()
            .await;
        let provider = SharedCredentialsProvider::new(provider);
        clients.roles.insert(account.clone(), provider.clone());
        Some(provider)
    }

    /// Returns the role to assume in `account`; `None` if the caller's own credentials are used.
    /// KMS accepts these for keys of other accounts too, if the policies of the keys allow it (KMS
    /// Developer Guide, "Allowing users in other accounts to use a KMS key").
    fn role(&self, account: &AccountId) -> Option<&String> {
        if self.home.as_ref() == Some(account) {
            return None;
        }
        self.accounts.get(account)
    }
}

/// Returns the credentials of a profile that the user names. Like every AWS tool, kmsctl then uses no credentials
/// of the environment.
async fn of_profile(
    profile: &str,
    region: Option<Region>,
    http: Bounded,
) -> ProfileFileCredentialsProvider {
    let given = region.map(|region| aws_config::Region::new(region.to_string()));
    let region = match given {
        Some(region) => Some(region),
        None => DefaultRegionChain::builder().profile_name(profile).build().region().await,
    };
    // The profile may name a role, which STS is asked for in a Region.
    let config = ProviderConfig::without_region().with_region(region).with_http_client(http);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
}
