//! AWS as the SDK reaches it: each request is sent once, and what fails is handed back in kmsctl's words.
//! A kind's own calls are in the `aws.rs` beside it; here is only which kind a call belongs to.

use super::{AliasEntry, Bucket, Caller, Cloud, Copies, Identity, Page, bucket, copies, read};
use crate::answer::{CloudError, Outcome};
use crate::id::{AliasName, IdentityArn, KeyArn, Place};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use crate::kind::{
    Call, CallBindings, ConsumerQuery, Kind, Object, Phase, alias, cloudtrail_event_data_store,
    cloudtrail_trail, dynamodb_table, ebs_default, ebs_volume, efs_file_system, es_domain, grant,
    key, key_policy, rds_cluster, rds_instance, service_linked_role,
};
use crate::sdk::Aws;
use crate::sdk::error::answer;
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeMap;

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

    async fn call(
        &self,
        at: &Place,
        call: &Call,
        late: CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
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

    async fn objects(&self, at: &Place, sought: &ConsumerQuery) -> Result<Vec<Object>, CloudError> {
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
