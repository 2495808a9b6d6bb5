//! Elasticsearch and OpenSearch domains.

use super::super::Context;
use super::Given;
use crate::config::Spanned;
use crate::config::raw::{self, DomainVolumeType, Es, Part, Settable, Text};
use crate::kind::es_domain::{Settings, Version};
use crate::kind::{Kind, Spec};
use crate::policy::Document;
use crate::tree::{Node, Span};

/// The longest access policy (OpenSearch Service API, PolicyDocument).
const MAX_POLICY: usize = 102_400;
/// The types of instances that cannot be encrypted at rest (OpenSearch Service Developer Guide,
/// Encryption of data at rest).
const PLAIN: [&str; 3] = ["m3.", "r3.", "t2."];
/// AWS's names of the TLS policies (OpenSearch Service API, TLSSecurityPolicy).
const TLS: [&str; 5] = [
    "Policy-Min-TLS-1-0-2019-07",
    "Policy-Min-TLS-1-2-2019-07",
    "Policy-Min-TLS-1-2-PFS-2023-10",
    "Policy-Min-TLS-1-2-RFC9151-FIPS-2024-08",
    "Policy-Min-TLS-1-2-FIPS-PQ-2026-10",
];

impl Context<'_> {
    pub(in super::super) fn es(&mut self, raw: &Es) {
        for (name, domain) in &raw.domains {
            if let Part(Some(domain)) = domain {
                self.domain(name, domain);
            }
        }
    }

    fn domain(&mut self, name: &Text, raw: &raw::Domain) {
        self.domain_name(raw.existing.as_ref().unwrap_or(name));
        self.version(raw);
        self.nodes(raw);
        self.volumes(raw);
        self.network(raw);
        let masters = settable(&raw.dedicated_master);
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
        let number = |number: &Option<Spanned<u32>>| number.as_ref().map(|number| number.value);
        let ids =
            |list: &Spanned<Vec<Text>>| list.value.iter().map(|id| id.value.clone()).collect();
        let vpc = raw.vpc.as_ref();
        let tls = raw.tls_policy.as_ref();
        let tls = tls.and_then(|text| self.known("a TLS policy of AWS", text, &TLS));
        let settings = Settings {
            engine_version: text(&raw.engine_version),
            instance_type: text(&raw.instance_type),
            instance_count: number(&raw.instance_count),
            dedicated_master_type: masters.flatten().map(|master| master.r#type.value.clone()),
            dedicated_master_count: masters.map(|m| m.map_or(0, |master| master.count.value)),
            zone_awareness: settable(&raw.zone_awareness)
                .map(|spread| spread.map_or(1, |spread| spread.zones.value)),
            volume_size_gib: number(&raw.volume_size_gib),
            volume_type: raw.volume_type.as_ref().map(|kind| kind.value.as_str().to_owned()),
            iops: number(&raw.iops),
            throughput: number(&raw.throughput),
            encrypted: None,
            node_to_node_encryption: raw.node_to_node_encryption.as_ref().map(|on| on.value),
            enforce_https: raw.enforce_https.as_ref().map(|on| on.value),
            tls_policy: tls.map(str::to_owned),
            access_policy: raw.access_policy.as_ref().and_then(|node| self.access_policy(node)),
            vpc_subnets: vpc.map(|vpc| ids(&vpc.subnets)),
            vpc_security_groups: vpc.and_then(|vpc| vpc.security_groups.as_ref().map(ids)),
        };
        let given = Given {
            kind: Kind::EsDomain,
            name,
            key: &raw.key,
            removable: false,
            tags: raw.tags.as_ref(),
            existing: raw.existing.as_ref(),
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &creation(raw),
        };
        self.consumer(&given, settings, Spec::EsDomain);
    }

    /// 3 to 28 small letters, digits and hyphens (OpenSearch Service API, DomainName).
    fn domain_name(&mut self, name: &Text) {
        let text = name.value.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if !(3..=28).contains(&text.len()) || !begins || !text.chars().all(plain) {
            let help = "write 3 to 28 small letters, digits and hyphens, a letter first";
            self.error(name.span, format!("`{text}` is no name of a domain"), help);
        }
    }

    fn version(&mut self, raw: &raw::Domain) {
        let Some(text) = raw.engine_version.as_ref().filter(|_| !self.gaps.text) else {
            return;
        };
        match Version::parse(&text.value) {
            None => {
                let message = format!("`{}` is no engine and version", text.value);
                let help = "write it as AWS does: `OpenSearch_2.19`, `Elasticsearch_7.10`";
                self.error(text.span, message, help);
            }
            Some(version) if !version.encrypts() => {
                let message = format!("`{}` cannot be encrypted at rest", text.value);
                self.error(text.span, message, "take Elasticsearch 5.1 or higher, or OpenSearch");
            }
            Some(_) => {}
        }
    }

    fn nodes(&mut self, raw: &raw::Domain) {
        let masters = settable(&raw.dedicated_master).flatten();
        let kinds = raw.instance_type.iter().chain(masters.map(|master| &master.r#type));
        for kind in kinds.filter(|_| !self.gaps.text).collect::<Vec<_>>() {
            if !kind.value.ends_with(".search") {
                let message = format!("`{}` is no type of a node", kind.value);
                let help = "write it as AWS does for both engines: `r7g.large.search`";
                self.error(kind.span, message, help);
            }
            if PLAIN.iter().any(|plain| kind.value.starts_with(plain)) {
                let message = format!("`{}` cannot be encrypted at rest", kind.value);
                self.error(kind.span, message, "take a newer type, such as `t3.small.search`");
            }
        }
        if let Some(count) =
            masters.map(|master| &master.count).filter(|c| ![3, 5].contains(&c.value))
        {
            let message = format!("{} dedicated masters are not possible", count.value);
            self.error(count.span, message, "take 3 or 5; `dedicated_master: null` for none");
        }
        if let Some(zero) = raw.instance_count.as_ref().filter(|count| count.value == 0) {
            self.error(zero.span, "a domain without data nodes is none", "take 1 or more");
        }
        let zones = settable(&raw.zone_awareness).flatten().map(|spread| &spread.zones);
        let Some(zones) = zones else {
            return;
        };
        if ![2, 3].contains(&zones.value) {
            let message = format!("{} zones are not possible", zones.value);
            self.error(zones.span, message, "take 2 or 3; `zone_awareness: null` for one zone");
        }
        if let Some(count) = raw.instance_count.as_ref().filter(|count| count.value < zones.value) {
            let message = format!("{} data nodes do not fill {} zones", count.value, zones.value);
            self.error(count.span, message, "take at least one node a zone");
        }
    }

    fn volumes(&mut self, raw: &raw::Domain) {
        let Some(kind) = raw.volume_type.as_ref() else {
            return;
        };
        let word = kind.value.as_str();
        if let Some(iops) = &raw.iops
            && !matches!(kind.value, DomainVolumeType::Gp3 | DomainVolumeType::Io1)
        {
            let message = format!("volumes of type `{word}` take no `iops`");
            self.error(iops.span, message, "drop it, or take `gp3` or `io1`");
        }
        if let Some(throughput) = &raw.throughput
            && kind.value != DomainVolumeType::Gp3
        {
            let message = format!("volumes of type `{word}` take no `throughput`");
            self.error(throughput.span, message, "drop it, or take `gp3`");
        }
    }

    fn network(&mut self, raw: &raw::Domain) {
        let Some(vpc) = &raw.vpc else {
            return;
        };
        if vpc.subnets.value.is_empty() {
            self.error(vpc.subnets.span, "a VPC wants a subnet", "name one a zone");
        }
        for subnet in &vpc.subnets.value {
            self.prefixed(subnet, "subnet-", "a subnet");
        }
        for group in vpc.security_groups.iter().flat_map(|groups| &groups.value) {
            self.prefixed(group, "sg-", "a security group");
        }
    }

    /// A policy of resources, which is compared as those of keys are: by what it says.
    fn access_policy(&mut self, node: &Node) -> Option<Document> {
        let tree = self.document(node)?;
        let document = self.parsed(Document::lenient(&tree, self.partition), node.span)?;
        let bytes = document.to_json().len();
        if bytes > MAX_POLICY {
            let message = format!("the policy has {bytes} bytes without white space");
            self.error(node.span, message, format!("AWS accepts at most {MAX_POLICY}"));
        }
        Some(document)
    }
}

/// Whether it is said, and what.
fn settable<T>(given: &Settable<T>) -> Option<Option<&T>> {
    match given {
        Settable::Missing => None,
        Settable::Null(_) => Some(None),
        Settable::Value(value) => Some(Some(value)),
    }
}

/// Where what is fixed or made with the domain stands.
fn creation(raw: &raw::Domain) -> [(&'static str, Option<Span>); 14] {
    fn of<T>(field: &Option<Spanned<T>>) -> Option<Span> {
        field.as_ref().map(|field| field.span)
    }
    let masters = match &raw.dedicated_master {
        Settable::Missing => None,
        Settable::Null(span) => Some(*span),
        Settable::Value(masters) => Some(masters.span),
    };
    let spread = match &raw.zone_awareness {
        Settable::Missing => None,
        Settable::Null(span) => Some(*span),
        Settable::Value(spread) => Some(spread.span),
    };
    [
        ("engine_version", of(&raw.engine_version)),
        ("instance_type", of(&raw.instance_type)),
        ("instance_count", of(&raw.instance_count)),
        ("dedicated_master", masters),
        ("zone_awareness", spread),
        ("volume_size_gib", of(&raw.volume_size_gib)),
        ("volume_type", of(&raw.volume_type)),
        ("iops", of(&raw.iops)),
        ("throughput", of(&raw.throughput)),
        ("node_to_node_encryption", of(&raw.node_to_node_encryption)),
        ("enforce_https", of(&raw.enforce_https)),
        ("tls_policy", of(&raw.tls_policy)),
        ("access_policy", raw.access_policy.as_ref().map(|policy| policy.span)),
        ("vpc", raw.vpc.as_ref().map(|vpc| vpc.span)),
    ]
}
