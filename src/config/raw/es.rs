//! Elasticsearch and OpenSearch domains.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};
use crate::tree::Node;

record! {
    /// Elasticsearch and OpenSearch domains, of one service with one API.
    pub struct Es {
        /// Domains, by their names in AWS.
        domains: Named<Part<Domain>>,
    }
}

record! {
    /// An Elasticsearch or OpenSearch domain.
    pub struct Domain {
        /// The key that encrypts the domain: the name of a key of the stack, or the ARN or an alias of
        /// another key. It never changes; an unencrypted domain can be encrypted in place (Elasticsearch
        /// 6.7 and later, OpenSearch).
        key: Settable<Text>,
        /// The engine and its version, such as `OpenSearch_2.19` or `Elasticsearch_7.10`; upgrades only.
        engine_version: Option<Text>,
        /// The instance type of the data nodes, such as `r7g.large.search`.
        instance_type: Option<Text>,
        /// The number of data nodes.
        instance_count: Option<Spanned<u32>>,
        /// Dedicated master nodes; null for none.
        dedicated_master: Settable<DedicatedMaster>,
        /// How the data nodes are spread over Availability Zones; null for one zone.
        zone_awareness: Settable<ZoneAwareness>,
        /// The size of the volume of each data node, in GiB.
        volume_size_gib: Option<Spanned<u32>>,
        /// The type of the volumes.
        volume_type: Option<Spanned<DomainVolumeType>>,
        /// I/O operations per second of each volume; for `gp3` and `io1`.
        iops: Option<Spanned<u32>>,
        /// Throughput of each volume in MiB/s; for `gp3`.
        throughput: Option<Spanned<u32>>,
        /// Whether traffic between nodes is encrypted; it cannot be turned off again.
        node_to_node_encryption: Option<Spanned<bool>>,
        /// Whether clients must use HTTPS.
        enforce_https: Option<Spanned<bool>>,
        /// The TLS policy, in AWS's words, such as `Policy-Min-TLS-1-2-2019-07`.
        tls_policy: Option<Text>,
        /// The access policy of the domain: the path of a JSON file, or the policy itself.
        access_policy: Option<Node>,
        /// The VPC of the domain; without one it has a public endpoint, for good. The account needs the
        /// service-linked role of `opensearchservice.amazonaws.com` (`service_linked_roles`).
        vpc: Option<Vpc>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a domain that kmsctl did not create: only its key is managed.
        existing: Option<Text>,
        /// Principals that create and change the domain: derived statements let them use the key through
        /// OpenSearch Service.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that the domain needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Dedicated master nodes.
    pub struct DedicatedMaster {
        /// The instance type, such as `m7g.large.search`.
        r#type: Text,
        /// The number of nodes: 3 or 5.
        count: Spanned<u32>,
    }
}

record! {
    /// How the data nodes are spread over Availability Zones.
    pub struct ZoneAwareness {
        /// The number of Availability Zones: 2 or 3.
        zones: Spanned<u32>,
    }
}

choice! {
    /// The type of a domain's volumes.
    pub enum DomainVolumeType {
        /// General Purpose SSD; IOPS and throughput are set apart from the size.
        Gp3 = "gp3",
        /// General Purpose SSD, older.
        Gp2 = "gp2",
        /// Provisioned IOPS SSD.
        Io1 = "io1",
        /// Magnetic.
        Standard = "standard",
    }
}

record! {
    /// The VPC of a domain.
    pub struct Vpc {
        /// The ids of subnets, one in each Availability Zone.
        @required subnets: Spanned<Vec<Text>>,
        /// The ids of security groups; default of AWS: the VPC's default group.
        security_groups: Option<Spanned<Vec<Text>>>,
    }
}
