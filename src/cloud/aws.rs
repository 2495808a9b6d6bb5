//! Sends the engine's requests to AWS, each once: what fails is classified and handed back.
//! Neither plans nor retries. The calls of each kind are in the `aws.rs` beside the kind.

mod bucket;
pub(crate) mod consumers;
mod copies;
pub(crate) mod error;
#[cfg(test)]
mod failures;
mod read;
#[cfg(test)]
pub(crate) mod replay;
#[cfg(test)]
mod tests;

use super::limit::Limits;
use super::{
    AliasEntry, Bucket, Caller, Cloud, CloudError, Copies, Fault, Identity, Late, Object, Outcome,
    Page, Phase, Sought,
};
use crate::id::{AccountId, AliasName, IdentityArn, KeyArn, Place, Region};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use crate::kind::{
    Call, Kind, alias, cloudtrail_event_data_store, cloudtrail_trail, dynamodb_table, ebs_default,
    ebs_volume, efs_file_system, es_domain, grant, key, key_policy, rds_cluster, rds_instance,
    service_linked_role,
};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kms::config::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use error::{answer, local};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Mutex;

/// The clients of a run.
#[derive(Debug)]
pub struct Aws {
    base: SdkConfig,
    /// The account that the caller's own credentials are for.
    home: Option<AccountId>,
    accounts: BTreeMap<AccountId, String>,
    limits: Limits,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    kms: BTreeMap<Place, aws_sdk_kms::Client>,
    iam: BTreeMap<AccountId, aws_sdk_iam::Client>,
    consumers: consumers::Clients,
    /// One provider an account, so that its credentials are fetched once for all Regions.
    roles: BTreeMap<AccountId, SharedCredentialsProvider>,
}

impl Aws {
    /// Loads AWS's configuration: the Region and the profile, where they are not the environment's,
    /// and the endpoint. Sends nothing, unless the Region is looked up in the instance's metadata;
    /// that there are no credentials shows with the first request.
    pub async fn connect(region: Option<Region>, profile: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(30))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
        if let Some(region) = region {
            loader = loader.region(aws_sdk_kms::config::Region::new(region.to_string()));
        }
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        Self {
            base: loader.load().await,
            home: None,
            accounts: BTreeMap::new(),
            limits: Limits::new(),
            clients: Mutex::default(),
        }
    }

    /// The Region that the options, the environment or the profile name.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.base.region().and_then(|region| region.as_ref().parse().ok())
    }

    /// The same with the account that is called with the caller's own credentials, and the roles
    /// for the others.
    #[must_use]
    pub fn with_accounts(self, home: AccountId, accounts: BTreeMap<AccountId, String>) -> Self {
        Self { home: Some(home), accounts, clients: Mutex::default(), ..self }
    }

    /// The client for `at`, once `operation` may be sent there.
    pub(crate) async fn ready(&self, at: &Place, operation: &'static str) -> aws_sdk_kms::Client {
        let client = self.client(at).await;
        self.limits.acquire(at, operation).await;
        client
    }

    async fn client(&self, at: &Place) -> aws_sdk_kms::Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.kms.get(at) {
            return client.clone();
        }
        let region = aws_sdk_kms::config::Region::new(at.region.to_string());
        let mut config = aws_sdk_kms::config::Builder::from(&self.base)
            .retry_config(RetryConfig::disabled())
            .region(region);
        if let Some(credentials) = self.credentials(&mut clients, &at.account).await {
            config = config.credentials_provider(credentials);
        }
        let client = aws_sdk_kms::Client::from_conf(config.build());
        clients.kms.insert(at.clone(), client.clone());
        client
    }

    /// IAM's client for an account. IAM is global: any Region leads to it.
    pub(crate) async fn iam(&self, account: &AccountId) -> aws_sdk_iam::Client {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.iam.get(account) {
            return client.clone();
        }
        let mut config =
            aws_sdk_iam::config::Builder::from(&self.base).retry_config(RetryConfig::disabled());
        if let Some(credentials) = self.credentials(&mut clients, account).await {
            config = config.credentials_provider(credentials);
        }
        if self.base.region().is_none() {
            config = config.region(aws_sdk_iam::config::Region::new("us-east-1"));
        }
        let client = aws_sdk_iam::Client::from_conf(config.build());
        clients.iam.insert(account.clone(), client.clone());
        client
    }

    /// What the clients of a place are made of.
    async fn config(&self, clients: &mut Clients, at: &Place, retry: RetryConfig) -> SdkConfig {
        let region = aws_config::Region::new(at.region.to_string());
        let mut config = self.base.to_builder().region(region).retry_config(retry);
        if let Some(credentials) = self.credentials(clients, &at.account).await {
            config = config.credentials_provider(credentials);
        }
        config.build()
    }

    /// The credentials for `account`; none where the caller's own are right.
    async fn credentials(
        &self,
        clients: &mut Clients,
        account: &AccountId,
    ) -> Option<SharedCredentialsProvider> {
        let role = self.role(account)?;
        if let Some(known) = clients.roles.get(account) {
            return Some(known.clone());
        }
        // Fetching credentials is not the engine's business: the SDK retries it.
        let provider = AssumeRoleProvider::builder(role)
            .session_name("kmsctl")
            .configure(&self.base)
            .build()
            .await;
        let provider = SharedCredentialsProvider::new(provider);
        clients.roles.insert(account.clone(), provider.clone());
        Some(provider)
    }

    /// The role to assume for `account`; `None` where the caller's own credentials are used. KMS accepts
    /// these for keys of other accounts, too, if the keys' policies allow it (KMS Developer Guide, "Allowing
    /// users in other accounts to use a KMS key").
    fn role(&self, account: &AccountId) -> Option<&String> {
        self.accounts.get(account).filter(|_| self.home.as_ref() != Some(account))
    }
}

impl Cloud for Aws {
    async fn caller(&self) -> Result<Caller, CloudError> {
        const OPERATION: &str = "GetCallerIdentity";
        let mut config =
            aws_sdk_sts::config::Builder::from(&self.base).retry_config(RetryConfig::disabled());
        if self.base.region().is_none() {
            config = config.region(aws_sdk_sts::config::Region::new("us-east-1"));
        }
        let client = aws_sdk_sts::Client::from_conf(config.build());
        read::caller(OPERATION, answer(OPERATION, client.get_caller_identity().send().await)?)
    }

    async fn aliases(
        &self,
        at: &Place,
        from: Option<&str>,
    ) -> Result<Page<AliasEntry>, CloudError> {
        read::aliases(self, at, None, from).await
    }

    async fn aliases_of(&self, key: &KeyArn) -> Result<Vec<AliasName>, CloudError> {
        let page = read::aliases(self, &key.place(), Some(key), None).await?;
        Ok(page.items.into_iter().filter_map(|entry| entry.name.parse().ok()).collect())
    }

    async fn keys(&self, at: &Place, from: Option<&str>) -> Result<Page<String>, CloudError> {
        read::keys(self, at, from).await
    }

    async fn describe(&self, key: &KeyArn) -> Result<Metadata, CloudError> {
        read::describe(self, key).await
    }

    async fn policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        read::policy(self, key).await
    }

    async fn rotation(&self, key: &KeyArn) -> Result<Rotation, CloudError> {
        read::rotation(self, key).await
    }

    async fn tags(&self, key: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
        read::tags(self, key).await
    }

    async fn grants(&self, key: &KeyArn, from: Option<&str>) -> Result<Page<Listed>, CloudError> {
        read::grants(self, key, from).await
    }

    async fn identity(&self, identity: &IdentityArn) -> Result<Option<Identity>, CloudError> {
        read::identity(self, identity).await
    }

    async fn bucket(&self, at: &Place, name: &str) -> Result<Bucket, CloudError> {
        bucket::bucket(self, at, name).await
    }

    async fn call(&self, at: &Place, call: &Call, late: Late<'_>) -> Result<Outcome, CloudError> {
        match call {
            Call::Key(call) => key::aws::send(self, at, call, &late).await,
            Call::KeyPolicy(call) => key_policy::aws::send(self, at, call, &late).await,
            Call::Alias(call) => alias::aws::send(self, at, call, &late).await,
            Call::Grant(call) => grant::aws::send(self, at, call, &late).await,
            Call::ServiceLinkedRole(call) => service_linked_role::aws::send(self, at, call).await,
            Call::EbsDefault(call) => ebs_default::aws::send(self, at, call, &late).await,
            Call::EbsVolume(call) => ebs_volume::aws::send(self, at, call, &late).await,
            Call::CloudtrailTrail(call) => cloudtrail_trail::aws::send(self, at, call, &late).await,
            Call::CloudtrailEventDataStore(call) => {
                cloudtrail_event_data_store::aws::send(self, at, call, &late).await
            }
            Call::DynamodbTable(call) => dynamodb_table::aws::send(self, at, call, &late).await,
            Call::EfsFileSystem(call) => efs_file_system::aws::send(self, at, call, &late).await,
            Call::EsDomain(call) => es_domain::aws::send(self, at, call, &late).await,
            Call::RdsInstance(call) => rds_instance::aws::send(self, at, call, &late).await,
            Call::RdsCluster(call) => rds_cluster::aws::send(self, at, call, &late).await,
        }
    }

    async fn objects(&self, at: &Place, sought: &Sought) -> Result<Vec<Object>, CloudError> {
        match sought.kind {
            Kind::Key | Kind::KeyPolicy | Kind::Alias | Kind::Grant | Kind::ServiceLinkedRole => {
                Ok(Vec::new())
            }
            Kind::EbsDefault => ebs_default::aws::objects(self, at, sought).await,
            Kind::EbsVolume => ebs_volume::aws::objects(self, at, sought).await,
            Kind::CloudtrailTrail => cloudtrail_trail::aws::objects(self, at, sought).await,
            Kind::CloudtrailEventDataStore => {
                cloudtrail_event_data_store::aws::objects(self, at, sought).await
            }
            Kind::DynamodbTable => dynamodb_table::aws::objects(self, at, sought).await,
            Kind::EfsFileSystem => efs_file_system::aws::objects(self, at, sought).await,
            Kind::EsDomain => es_domain::aws::objects(self, at, sought).await,
            Kind::RdsInstance => rds_instance::aws::objects(self, at, sought).await,
            Kind::RdsCluster => rds_cluster::aws::objects(self, at, sought).await,
        }
    }

    async fn copies(
        &self,
        at: &Place,
        of: Copies,
    ) -> Result<Vec<(String, Option<KeyArn>)>, CloudError> {
        copies::copies(self, at, of).await
    }

    async fn last_usage(&self, key: &KeyArn) -> Result<LastUsage, CloudError> {
        copies::last_usage(self, key).await
    }

    async fn phase(&self, at: &Place, kind: Kind, id: &str) -> Result<Phase, CloudError> {
        match kind {
            Kind::Key | Kind::KeyPolicy | Kind::Alias | Kind::Grant | Kind::ServiceLinkedRole => {
                Ok(Phase::Ready)
            }
            Kind::EbsDefault => Ok(Phase::Ready),
            Kind::EbsVolume => ebs_volume::aws::phase(self, at, id).await,
            Kind::CloudtrailTrail => cloudtrail_trail::aws::phase(self, at, id).await,
            Kind::CloudtrailEventDataStore => {
                cloudtrail_event_data_store::aws::phase(self, at, id).await
            }
            Kind::DynamodbTable => dynamodb_table::aws::phase(self, at, id).await,
            Kind::EfsFileSystem => efs_file_system::aws::phase(self, at, id).await,
            Kind::EsDomain => es_domain::aws::phase(self, at, id).await,
            Kind::RdsInstance => rds_instance::aws::phase(self, at, id).await,
            Kind::RdsCluster => rds_cluster::aws::phase(self, at, id).await,
        }
    }
}

/// The ARN of the key that a call points at.
pub(crate) fn resolve(
    operation: &'static str,
    key: &crate::kind::KeyRef,
    late: &Late<'_>,
) -> Result<String, CloudError> {
    let known = late.ids.and_then(|ids| key.resolve(ids)).or(match key {
        crate::kind::KeyRef::Arn(arn) => Some(arn.clone()),
        crate::kind::KeyRef::Managed(_) | crate::kind::KeyRef::Alias(_) => None,
    });
    known.map(|arn| arn.to_string()).ok_or_else(|| {
        local(operation, Fault::Other, format!("the key `{key}` does not exist yet"))
    })
}
