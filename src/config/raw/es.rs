//! Elasticsearch and OpenSearch domains.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};
use crate::tree::Node;

record! {
    /// Elasticsearch and OpenSearch: one service, one API.
    pub struct Es {
        /// The domains, by their names.
        domains: Named<Part<Domain>>,
    }
}

record! {
    /// A domain.
    pub struct Domain {
        /// What encrypts it: a key of the stack, an ARN, an alias; never another one.
        key: Settable<Text>,
        /// The engine and its version, such as `OpenSearch_2.19` or `Elasticsearch_7.10`; AWS only goes up.
        engine_version: Option<Text>,
        /// AWS's name of what the data nodes are, such as `r7g.large.search`.
        instance_type: Option<Text>,
        /// How many data nodes there are.
        instance_count: Option<Spanned<u32>>,
        /// Nodes that only lead the others; null for none.
        dedicated_master: Settable<DedicatedMaster>,
        /// Whether the data nodes are spread over zones; null for one zone.
        zone_awareness: Settable<ZoneAwareness>,
        /// How large the volume of each data node is, in GiB.
        volume_size_gib: Option<Spanned<u32>>,
        /// AWS's name of what the volumes are.
        volume_type: Option<Spanned<DomainVolumeType>>,
        /// What each volume does a second; for `gp3` and `io1`.
        iops: Option<Spanned<u32>>,
        /// MiB a second of each volume; for `gp3`.
        throughput: Option<Spanned<u32>>,
        /// Whether traffic between the nodes is encrypted; never off again.
        node_to_node_encryption: Option<Spanned<bool>>,
        /// Whether clients must come by HTTPS.
        enforce_https: Option<Spanned<bool>>,
        /// AWS's name of which TLS clients may speak, such as `Policy-Min-TLS-1-2-2019-07`.
        tls_policy: Option<Text>,
        /// Who may do what with the domain: a path to a JSON file, or inline.
        access_policy: Option<Node>,
        /// The VPC that the domain is in; without one it has a public endpoint for good. The account needs
        /// the role of `opensearchservice.amazonaws.com` (`service_linked_roles`).
        vpc: Option<Vpc>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a domain that kmsctl did not make: only its key is managed.
        existing: Option<Text>,
        /// Who makes and changes the domain: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from the domain; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// Nodes that only lead the others.
    pub struct DedicatedMaster {
        /// AWS's name of what they are, such as `m7g.large.search`.
        r#type: Text,
        /// How many there are: 3 or 5.
        count: Spanned<u32>,
    }
}

record! {
    /// How the data nodes are spread.
    pub struct ZoneAwareness {
        /// Over how many zones: 2 or 3.
        zones: Spanned<u32>,
    }
}

choice! {
    /// AWS's names of the types of volumes.
    pub enum DomainVolumeType {
        /// Solid state, newer: its speed is chosen apart from its size.
        Gp3 = "gp3",
        /// Solid state, older.
        Gp2 = "gp2",
        /// Solid state, with a speed that is paid for.
        Io1 = "io1",
        /// Magnetic.
        Standard = "standard",
    }
}

record! {
    /// The VPC that a domain is in.
    pub struct Vpc {
        /// The ids of subnets, one a zone.
        @required subnets: Spanned<Vec<Text>>,
        /// The ids of security groups; AWS's default: the VPC's.
        security_groups: Option<Spanned<Vec<Text>>>,
    }
}
