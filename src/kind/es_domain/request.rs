//! The calls that change a domain, in AWS's words.

use super::Settings;
use crate::kind::KeyRef;
use crate::kind::call::calls;
use crate::kind::consumer::Tag;
use crate::policy::Document;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the nodes are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct ClusterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedicated_master_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedicated_master_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedicated_master_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_awareness_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_awareness_config: Option<ZoneAwarenessConfig>,
}

/// Over how many zones the data nodes are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct ZoneAwarenessConfig {
    pub availability_zone_count: u32,
}

/// What the volumes of the data nodes are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct EbsOptions {
    #[serde(rename = "EBSEnabled")]
    pub ebs_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
}

/// Where a domain in a VPC is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct VpcOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<BTreeSet<String>>,
}

/// What encrypts the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct EncryptionAtRestOptions {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KeyRef>,
}

/// Whether traffic between the nodes is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct NodeToNodeEncryptionOptions {
    pub enabled: bool,
}

/// How clients come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct DomainEndpointOptions {
    #[serde(rename = "EnforceHTTPS", skip_serializing_if = "Option::is_none")]
    pub enforce_https: Option<bool>,
    #[serde(rename = "TLSSecurityPolicy", skip_serializing_if = "Option::is_none")]
    pub tls_security_policy: Option<String>,
}

/// What creation and change have in common: what is left out is AWS's default, or stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_config: Option<ClusterConfig>,
    #[serde(rename = "EBSOptions", skip_serializing_if = "Option::is_none")]
    pub ebs_options: Option<EbsOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_policies: Option<Document>,
    #[serde(rename = "VPCOptions", skip_serializing_if = "Option::is_none")]
    pub vpc_options: Option<VpcOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_at_rest_options: Option<EncryptionAtRestOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_to_node_encryption_options: Option<NodeToNodeEncryptionOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_endpoint_options: Option<DomainEndpointOptions>,
}

calls! {
    /// The calls that change a domain.
    pub enum Call {
        CreateDomain {
            domain_name: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            engine_version: Option<String>,
            #[serde(flatten)]
            config: Box<Config>,
            tag_list: Vec<Tag>,
        },
        UpgradeDomain {
            domain_name: String,
            target_version: String,
        },
        UpdateDomainConfig {
            domain_name: String,
            #[serde(flatten)]
            config: Box<Config>,
        },
        AddTags {
            #[serde(rename = "ARN")]
            arn: String,
            tag_list: Vec<Tag>,
        },
        RemoveTags {
            #[serde(rename = "ARN")]
            arn: String,
            tag_keys: Vec<String>,
        },
        DeleteDomain {
            domain_name: String,
        },
    }
}

impl Config {
    /// What the settings say, but for the key: groups of which nothing is said are left out.
    pub(super) fn of(settings: &Settings) -> Self {
        let given = |options| (options != DomainEndpointOptions::default()).then_some(options);
        let vpc = VpcOptions {
            subnet_ids: settings.vpc_subnets.clone(),
            security_group_ids: settings.vpc_security_groups.clone(),
        };
        Self {
            cluster_config: cluster(settings),
            ebs_options: volumes(settings),
            access_policies: settings.access_policy.clone(),
            vpc_options: settings.vpc_subnets.is_some().then_some(vpc),
            encryption_at_rest_options: None,
            node_to_node_encryption_options: settings
                .node_to_node_encryption
                .map(|enabled| NodeToNodeEncryptionOptions { enabled }),
            domain_endpoint_options: given(DomainEndpointOptions {
                enforce_https: settings.enforce_https,
                tls_security_policy: settings.tls_policy.clone(),
            }),
        }
    }

    /// The groups that differ, each as a whole.
    pub(super) fn without(self, old: &Self) -> Self {
        Self {
            cluster_config: self
                .cluster_config
                .filter(|new| old.cluster_config.as_ref() != Some(new)),
            ebs_options: self.ebs_options.filter(|new| old.ebs_options.as_ref() != Some(new)),
            access_policies: self
                .access_policies
                .filter(|new| old.access_policies.as_ref() != Some(new)),
            vpc_options: self.vpc_options.filter(|new| old.vpc_options.as_ref() != Some(new)),
            encryption_at_rest_options: None,
            node_to_node_encryption_options: self
                .node_to_node_encryption_options
                .filter(|new| old.node_to_node_encryption_options.as_ref() != Some(new)),
            domain_endpoint_options: self
                .domain_endpoint_options
                .filter(|new| old.domain_endpoint_options.as_ref() != Some(new)),
        }
    }
}

fn cluster(settings: &Settings) -> Option<ClusterConfig> {
    let masters = settings.dedicated_master_count;
    let has_masters = masters.is_some_and(|count| count > 0);
    let zones = settings.zone_awareness;
    let config = ClusterConfig {
        instance_type: settings.instance_type.clone(),
        instance_count: settings.instance_count,
        dedicated_master_enabled: masters.map(|count| count > 0),
        dedicated_master_type: settings.dedicated_master_type.clone().filter(|_| has_masters),
        dedicated_master_count: masters.filter(|_| has_masters),
        zone_awareness_enabled: zones.map(|zones| zones > 1),
        zone_awareness_config: zones
            .filter(|zones| *zones > 1)
            .map(|availability_zone_count| ZoneAwarenessConfig { availability_zone_count }),
    };
    (config != ClusterConfig::default()).then_some(config)
}

/// Only some types of volumes take numbers of their own (OpenSearch Service API, EBSOptions).
fn volumes(settings: &Settings) -> Option<EbsOptions> {
    let kind = settings.volume_type.as_deref();
    let with_iops = kind.is_none_or(|kind| kind == "gp3" || kind == "io1");
    let with_throughput = kind.is_none_or(|kind| kind == "gp3");
    let given = settings.volume_size_gib.is_some() || kind.is_some();
    given.then(|| EbsOptions {
        ebs_enabled: true,
        volume_type: settings.volume_type.clone(),
        volume_size: settings.volume_size_gib,
        iops: settings.iops.filter(|_| with_iops),
        throughput: settings.throughput.filter(|_| with_throughput),
    })
}
