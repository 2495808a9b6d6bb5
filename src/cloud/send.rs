//! Implements [`Cloud`] with the SDK. The calls of a kind are in the `aws.rs` of the kind; this
//! module passes each call to its kind.

use super::{
    AliasEntry, Bucket, Caller, Cloud, Identity, bucket, identity, last_usage, read, rotations,
    simulate, tagged,
};
use crate::answer::pages::Page;
use crate::answer::{CloudError, Outcome};
use crate::id::{AliasName, IdentityArn, KeyArn, Place};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Material, Metadata, Rotation};
use crate::kind::{
    self, Call, CallBindings, ConsumerKind, ConsumerQuery, Object, Sight, alias, grant, key,
    key_policy, service_linked_role,
};
use crate::permissions::simulation::{Refused, Simulation};
use crate::sdk::Aws;
use crate::sdk::error::answer;
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;

/// The name of KMS in the AWS CLI.
const KMS: &str = "kms";

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
        self.noted(at, KMS, read::aliases(self, at, None, from).await)
    }

    async fn aliases_of(&self, key: &KeyArn) -> Result<Vec<AliasName>, CloudError> {
        let at = key.place();
        let page = self.noted(&at, KMS, read::aliases(self, &at, Some(key), None).await)?;
        Ok(page.items.into_iter().filter_map(|entry| entry.name.parse().ok()).collect())
    }

    async fn keys(&self, at: &Place, from: Option<&str>) -> Result<Page<String>, CloudError> {
        self.noted(at, KMS, read::keys(self, at, from).await)
    }

    async fn describe(&self, key: &KeyArn) -> Result<Metadata, CloudError> {
        self.noted(&key.place(), KMS, read::describe(self, key).await)
    }

    async fn policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        self.noted(&key.place(), KMS, read::policy(self, key).await)
    }

    async fn rotation(&self, key: &KeyArn) -> Result<Rotation, CloudError> {
        self.noted(&key.place(), KMS, read::rotation(self, key).await)
    }

    async fn rotating_since(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        self.noted(&key.place(), KMS, rotations::started(self, key).await)
    }

    async fn materials(
        &self,
        key: &KeyArn,
        from: Option<&str>,
    ) -> Result<Page<Material>, CloudError> {
        self.noted(&key.place(), KMS, rotations::materials(self, key, from).await)
    }

    async fn rotate(&self, key: &KeyArn) -> Result<(), CloudError> {
        self.noted(&key.place(), KMS, rotations::rotate(self, key).await)
    }

    async fn tags(&self, key: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
        self.noted(&key.place(), KMS, read::tags(self, key).await)
    }

    async fn grants(&self, key: &KeyArn, from: Option<&str>) -> Result<Page<Listed>, CloudError> {
        self.noted(&key.place(), KMS, read::grants(self, key, from).await)
    }

    async fn identity(&self, identity: &IdentityArn) -> Result<Option<Identity>, CloudError> {
        identity::identity(self, identity).await
    }

    async fn bucket(&self, at: &Place, name: &str) -> Result<Bucket, CloudError> {
        bucket::bucket(self, at, name).await
    }

    async fn simulate(
        &self,
        identity: &str,
        question: &Simulation,
    ) -> Result<Vec<Refused>, CloudError> {
        simulate::simulate(self, identity, question).await
    }

    async fn admit(&self, at: &Place, call: &Call) {
        // A replica counts as two keys in its own Region (KMS Developer Guide, "Request quotas").
        if let Call::Key(key::Call::ReplicateKey(replica)) = call {
            let there = Place { region: replica.replica_region.clone(), ..at.clone() };
            for _ in 0..2 {
                self.await_quota(&there, KMS, key::CreateKey::NAME).await;
            }
        }
        self.await_quota(at, call.service(), call.operation()).await;
    }

    async fn call(
        &self,
        at: &Place,
        call: &Call,
        bindings: CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let sent = match call {
            Call::Key(call) => key::aws::send(self, at, call, &bindings).await,
            Call::KeyPolicy(call) => key_policy::aws::send(self, at, call, &bindings).await,
            Call::Alias(call) => alias::aws::send(self, at, call, &bindings).await,
            Call::Grant(call) => grant::aws::send(self, at, call, &bindings).await,
            Call::ServiceLinkedRole(call) => service_linked_role::aws::send(self, at, call).await,
            Call::Consumer(call) => kind::aws::send(self, at, call, &bindings).await,
        };
        self.noted(at, call.service(), sent)
    }

    async fn objects(&self, at: &Place, query: &ConsumerQuery) -> Result<Vec<Object>, CloudError> {
        kind::aws::objects(self, at, query).await
    }

    async fn copies(
        &self,
        at: &Place,
        kind: ConsumerKind,
    ) -> Result<Vec<(String, Option<KeyArn>)>, CloudError> {
        kind::aws::copies(self, at, kind).await
    }

    async fn tagged(&self, at: &Place, stack: &str) -> Result<Vec<String>, CloudError> {
        tagged::tagged(self, at, stack).await
    }

    async fn last_usage(&self, key: &KeyArn) -> Result<LastUsage, CloudError> {
        self.noted(&key.place(), KMS, last_usage::last_usage(self, key).await)
    }

    async fn sight(&self, at: &Place, kind: ConsumerKind, id: &str) -> Result<Sight, CloudError> {
        kind::aws::sight(self, at, kind, id).await
    }
}
