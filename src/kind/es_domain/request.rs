//! The calls that change a domain.

use super::Settings;
use crate::kind::KeyRef;
use crate::kind::call::calls;
use crate::kind::consumer::{Tag, changed};
use crate::policy::Document;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The nodes of a domain.
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

/// The number of Availability Zones of the data nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct ZoneAwarenessConfig {
    pub availability_zone_count: u32,
}

/// The volumes of the data nodes.
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

/// The subnets and security groups of a domain in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct VpcOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<BTreeSet<String>>,
}

/// The encryption at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct EncryptionAtRestOptions {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KeyRef>,
}

/// The encryption of traffic between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct NodeToNodeEncryptionOptions {
    pub enabled: bool,
}

/// The endpoint of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are AWS's parameters")]
pub struct DomainEndpointOptions {
    #[serde(rename = "EnforceHTTPS", skip_serializing_if = "Option::is_none")]
    pub enforce_https: Option<bool>,
    #[serde(rename = "TLSSecurityPolicy", skip_serializing_if = "Option::is_none")]
    pub tls_security_policy: Option<String>,
}

/// The parameters that creation and change share. AWS uses its default for a parameter that is left
/// out of a creation, and does not change one that is left out of a change.
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
    /// Converts the settings except the key. Groups without a setting are left out.
    pub(super) fn of(settings: &Settings) -> Self {
        let vpc_options = settings.vpc_subnets.as_ref().map(|subnets| VpcOptions {
            subnet_ids: Some(subnets.clone()),
            security_group_ids: settings.vpc_security_groups.clone(),
        });
        let endpoint = DomainEndpointOptions {
            enforce_https: settings.enforce_https,
            tls_security_policy: settings.tls_policy.clone(),
        };
        let has_endpoint = endpoint != DomainEndpointOptions::default();
        Self {
            cluster_config: cluster(settings),
            ebs_options: volumes(settings),
            access_policies: settings.access_policy.clone(),
            vpc_options,
            encryption_at_rest_options: None,
            node_to_node_encryption_options: settings
                .node_to_node_encryption
                .map(|enabled| NodeToNodeEncryptionOptions { enabled }),
            domain_endpoint_options: if has_endpoint { Some(endpoint) } else { None },
        }
    }

    /// Returns the groups that differ from those of `old`. A group is returned as a whole.
    pub(super) fn without(&self, old: &Self) -> Self {
        macro_rules! changed {
            ($group:ident) => {
                changed(old.$group.as_ref(), self.$group.as_ref())
            };
        }
        Self {
            cluster_config: changed!(cluster_config),
            ebs_options: changed!(ebs_options),
            access_policies: changed!(access_policies),
            vpc_options: changed!(vpc_options),
            encryption_at_rest_options: None,
            node_to_node_encryption_options: changed!(node_to_node_encryption_options),
            domain_endpoint_options: changed!(domain_endpoint_options),
        }
    }
}

fn cluster(settings: &Settings) -> Option<ClusterConfig> {
    let mut config = ClusterConfig {
        instance_type: settings.instance_type.clone(),
        instance_count: settings.instance_count,
        ..ClusterConfig::default()
    };
    if let Some(count) = settings.dedicated_master_count {
        config.dedicated_master_enabled = Some(count > 0);
        if count > 0 {
            config.dedicated_master_type.clone_from(&settings.dedicated_master_type);
            config.dedicated_master_count = Some(count);
        }
    }
    if let Some(zones) = settings.zone_awareness {
        config.zone_awareness_enabled = Some(zones > 1);
        if zones > 1 {
            let availability_zone_count = zones;
            config.zone_awareness_config = Some(ZoneAwarenessConfig { availability_zone_count });
        }
    }
    if config == ClusterConfig::default() { None } else { Some(config) }
}

/// Converts the settings of the volumes. Only some volume types support IOPS and throughput
/// (OpenSearch Service API, EBSOptions).
fn volumes(settings: &Settings) -> Option<EbsOptions> {
    let volume_type = settings.volume_type.as_deref();
    if settings.volume_size_gib.is_none() && volume_type.is_none() {
        return None;
    }
    let mut options = EbsOptions {
        ebs_enabled: true,
        volume_type: settings.volume_type.clone(),
        volume_size: settings.volume_size_gib,
        iops: None,
        throughput: None,
    };
    if matches!(volume_type, None | Some("gp3" | "io1")) {
        options.iops = settings.iops;
    }
    if matches!(volume_type, None | Some("gp3")) {
        options.throughput = settings.throughput;
    }
    Some(options)
}
