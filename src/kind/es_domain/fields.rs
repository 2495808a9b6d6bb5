//! The fields of a domain.

use super::Version;
use crate::decode::{Given as _, Settable, Spanned, choice, nearest, record};
use crate::form;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::kind::values::{SecurityGroup, Set, Subnet, checked, positive};
use crate::policy::Document;
use crate::text::counted;
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The longest access policy, in bytes (OpenSearch Service API Reference, PolicyDocument).
const MAX_POLICY: usize = 102_400;
/// The instance types that do not support encryption at rest (OpenSearch Service Developer Guide,
/// Encryption of data at rest).
const UNENCRYPTED: [&str; 3] = ["m3.", "r3.", "t2."];
/// The TLS policies (OpenSearch Service API Reference, TLSSecurityPolicy).
const TLS: [&str; 5] = [
    "Policy-Min-TLS-1-0-2019-07",
    "Policy-Min-TLS-1-2-2019-07",
    "Policy-Min-TLS-1-2-PFS-2023-10",
    "Policy-Min-TLS-1-2-RFC9151-FIPS-2024-08",
    "Policy-Min-TLS-1-2-FIPS-PQ-2026-10",
];

/// The numbers of dedicated master nodes.
const MASTERS: [u32; 2] = [3, 5];
/// The numbers of Availability Zones of a domain in several.
const ZONES: [u32; 2] = [2, 3];

/// The path of a JSON file, JSON text, or the document itself.
fn documents() -> Json {
    json!({"type": ["string", "object"]})
}

fn masters() -> Json {
    json!({"enum": MASTERS})
}

fn zones() -> Json {
    json!({"enum": ZONES})
}

fn subnets_of_vpc() -> Json {
    json!({"minItems": 1})
}

/// Returns the JSON Schema of the names of domains.
fn names() -> Json {
    form::text("[a-z][a-z0-9-]{2,27}")
}

pub(super) const SYNTAX: Syntax = Syntax {
    section: Section {
        name: "es",
        description: "Elasticsearch and OpenSearch: domains of the one service that runs both engines.",
    },
    list: ("domains", "Domains, by their names in AWS."),
    resource: "An Elasticsearch or OpenSearch domain.",
    example: "{engine_version: OpenSearch_2.19, instance_type: r6g.large.search, \
    volume_size_gib: 20, key: NAME}",
    key: "The key that encrypts the domain: the name of a key of the stack, or the ARN or an alias of \
    another key. It cannot be changed; an unencrypted domain can be encrypted in place \
    (Elasticsearch 6.7 and later, OpenSearch).",
    removable_key: false,
    existing: "The name of a domain that kmsctl did not create: only its key is managed.",
    existing_form: names,
    used_by: Some((
        "used_by",
        "Principals that create and change the domain: derived statements let them use the key through \
         OpenSearch Service.",
    )),
    creates: true,
};

settings! {
    /// The settings of a domain.
    pub struct Settings {
        /// The engine and its version, such as `OpenSearch_2.19` or `Elasticsearch_7.10`; no
        /// downgrades.
        engine_version: String as EngineVersion,
        /// The instance type of the data nodes, such as `r7g.large.search`.
        instance_type: String as InstanceType,
        /// The number of data nodes.
        @like(positive) instance_count: u32,
        /// Dedicated master nodes; null for none.
        @declared dedicated_master: Settable<DedicatedMaster>,
        /// The instance type of the dedicated master nodes.
        @live dedicated_master_type: String,
        /// The number of dedicated master nodes; 0 for none.
        @live dedicated_master_count: u32,
        /// The distribution of the data nodes over Availability Zones; null for one zone.
        @declared zone_awareness: Settable<ZoneAwareness>,
        /// The number of Availability Zones of the data nodes.
        @live zone_awareness: u32,
        /// The size of the volume of each data node, in GiB.
        @like(positive) volume_size_gib: u32,
        /// The type of the volumes.
        volume_type: String as VolumeType,
        /// I/O operations per second of each volume; for `gp3` and `io1`.
        iops: u32,
        /// Throughput of each volume in MiB/s; for `gp3`.
        throughput: u32,
        /// Whether the domain is encrypted at rest. It is never declared.
        @live encrypted: bool,
        /// Whether traffic between nodes is encrypted; it cannot be disabled later.
        node_to_node_encryption: bool,
        /// Whether clients must use HTTPS.
        enforce_https: bool,
        /// The TLS policy, such as `Policy-Min-TLS-1-2-2019-07`.
        tls_policy: String as TlsPolicy,
        /// The access policy of the domain: the path of a JSON file, or the policy itself.
        @declared @any(documents) access_policy: Option<Node>,
        /// The access policy of the domain.
        @live access_policy: Document,
        /// The VPC of the domain. Without it, the domain has a public endpoint, and cannot be moved
        /// into a VPC later. The account needs the service-linked role of
        /// `opensearchservice.amazonaws.com` (`service_linked_roles`).
        @declared vpc: Option<Vpc>,
        /// The ids of the subnets of a domain in a VPC.
        @live vpc_subnets: BTreeSet<String>,
        /// The ids of the security groups of a domain in a VPC.
        @live vpc_security_groups: BTreeSet<String>,
    }
}

record! {
    /// Dedicated master nodes.
    pub struct DedicatedMaster {
        /// The instance type, such as `m7g.large.search`.
        r#type: InstanceType,
        /// The number of nodes: 3 or 5.
        @like(masters)
        count: Spanned<u32>,
    }
}

record! {
    /// The distribution of the data nodes over Availability Zones.
    pub struct ZoneAwareness {
        /// The number of Availability Zones: 2 or 3.
        @like(zones)
        zones: Spanned<u32>,
    }
}

choice! {
    /// The type of a domain's volumes.
    pub enum VolumeType {
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
        @list(subnets_of_vpc)
        subnets: Spanned<Set<Subnet>>,
        /// The ids of security groups; default of AWS: the VPC's default group.
        security_groups: Option<Set<SecurityGroup>>,
    }
}

checked! {
    /// An engine with its version.
    pub struct EngineVersion = engine_version, form::text(Version::PATTERN);
    /// The instance type of a node.
    pub struct InstanceType = instance_type, instance_types();
    /// The name of a TLS policy.
    pub struct TlsPolicy = tls_policy, form::words(TLS);
}

fn engine_version(text: &str) -> Option<(String, String)> {
    match Version::parse(text) {
        None => Some((
            format!("`{text}` is not an engine with its version"),
            "write it as AWS does: `OpenSearch_2.19`, `Elasticsearch_7.10`".to_owned(),
        )),
        Some(version) if !version.encrypts() => Some((
            format!("`{text}` does not support encryption at rest"),
            "use Elasticsearch 5.1 or later, or OpenSearch".to_owned(),
        )),
        Some(_) => None,
    }
}

/// Returns the JSON Schema of types of instances (see [`instance_type`]).
fn instance_types() -> Json {
    json!({
        "type": "string",
        "pattern": "[.]search$",
        "not": {"type": "string", "pattern": format!("^({})", UNENCRYPTED.join("|").replace('.', "[.]"))},
    })
}

fn instance_type(text: &str) -> Option<(String, String)> {
    if !text.ends_with(".search") {
        let help = "write it as AWS does for both engines: `r7g.large.search`";
        return Some((format!("`{text}` is not an instance type of a domain"), help.to_owned()));
    }
    if UNENCRYPTED.iter().any(|family| text.starts_with(family)) {
        let help = "use a newer type, such as `t3.small.search`";
        return Some((format!("`{text}` does not support encryption at rest"), help.to_owned()));
    }
    None
}

fn tls_policy(text: &str) -> Option<(String, String)> {
    if TLS.contains(&text) {
        return None;
    }
    let help = match nearest(text, TLS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", TLS.join(", ")),
    };
    Some((format!("`{text}` is not a TLS policy of AWS"), help))
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    name(check);
    nodes(fields, check);
    volumes(fields, check);
    subnets(fields, check);
    let masters = fields.dedicated_master.as_option();
    let zones = fields.zone_awareness.as_option();
    let vpc = fields.vpc.as_ref();
    Settings {
        dedicated_master_type: masters.flatten().map(|masters| masters.r#type.clone().into()),
        dedicated_master_count: masters
            .map(|masters| masters.map_or(0, |masters| masters.count.value)),
        zone_awareness: zones.map(|zones| zones.map_or(1, |zones| zones.zones.value)),
        access_policy: fields.access_policy.as_ref().and_then(|node| access_policy(node, check)),
        vpc_subnets: vpc.map(|vpc| vpc.subnets.value.clone().into()),
        vpc_security_groups: vpc.and_then(|vpc| vpc.security_groups.clone().map(Into::into)),
        ..consumer::Settings::of(fields)
    }
}

/// Checks the domain's name (OpenSearch Service API Reference, DomainName).
fn name(check: &mut Check<'_>) {
    let name = check.name_in_aws().clone();
    let text = name.value.as_str();
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !(3..=28).contains(&text.len()) || !starts_with_letter || !text.chars().all(is_valid) {
        let help = "write 3 to 28 lower-case letters, digits and hyphens, a letter first";
        check.error(name.span, format!("`{text}` is not the name of a domain"), help);
    }
}

fn nodes(fields: &Fields, check: &mut Check<'_>) {
    if let Settable::Value(masters) = &fields.dedicated_master
        && !MASTERS.contains(&masters.count.value)
    {
        let message = format!("{} dedicated masters are not possible", masters.count.value);
        let help = "set 3 or 5, or `dedicated_master: null` for none";
        check.error(masters.count.span, message, help);
    }
    if let Some(Spanned { value: 0, span }) = fields.instance_count {
        check.error(span, "a domain needs a data node", "set 1 or more");
    }
    let Settable::Value(ZoneAwareness { zones, .. }) = &fields.zone_awareness else {
        return;
    };
    if !ZONES.contains(&zones.value) {
        let verb = if zones.value == 1 { "is" } else { "are" };
        let message = format!("{} {verb} not possible", counted(zones.value, "zone"));
        check.error(zones.span, message, "set 2 or 3, or `zone_awareness: null` for one zone");
    }
    if let Some(count) = &fields.instance_count
        && count.value < zones.value
    {
        let zones = counted(zones.value, "zone");
        let message = format!("the data nodes ({}) do not fill {zones}", count.value);
        check.error(count.span, message, "set at least one node for each zone");
    }
}

/// Checks that there is a subnet for each Availability Zone (OpenSearch Service API Reference, ZoneAwarenessConfig
/// and VPCOptions). Without `zone_awareness`, the zones of a domain that exists are left alone.
fn subnets(fields: &Fields, check: &mut Check<'_>) {
    let Some(vpc) = &fields.vpc else {
        return;
    };
    let subnets: BTreeSet<&str> = vpc.subnets.value.0.iter().map(|id| id.0.as_str()).collect();
    let (count, span) = (subnets.len(), vpc.subnets.span);
    if count == 0 {
        return check.error(span, "a VPC needs a subnet", "name one in each zone");
    }
    let zones = match &fields.zone_awareness {
        Settable::Value(awareness) => awareness.zones.value,
        Settable::Null(_) => 1,
        Settable::Missing if count > 3 => {
            let help = "name one in each zone: a domain has 1 to 3";
            check.error(span, format!("{count} subnets are not possible"), help);
            return;
        }
        Settable::Missing => return,
    };
    if usize::try_from(zones) != Ok(count) {
        let message = match zones {
            1 => format!("a domain in one zone has one subnet, not {count}"),
            _ => {
                let (zones, subnets) = (counted(zones, "zone"), counted(zones, "subnet"));
                format!("a domain in {zones} has {subnets}, not {count}")
            }
        };
        check.error(span, message, "name one subnet in each zone");
    }
}

/// The smallest volume in GiB (OpenSearch Service Developer Guide, "EBS volume size quotas"). The largest depends on
/// the instance type.
const LEAST_GIB: u32 = 10;
/// The least I/O operations per second and throughput in MiB/s of `gp3` volumes (EBS User Guide, "General Purpose SSD
/// volumes").
const LEAST_OF_GP3: (u32, u32) = (3_000, 125);
/// The families of instances that keep the data on disks of their own, and have no EBS volumes (OpenSearch Service
/// Developer Guide, "Supported instance types").
const WITHOUT_EBS: [&str; 3] = ["i3.", "im4gn.", "r6gd."];

/// Checks that the instances can have volumes, and that those are large enough.
fn sizes(fields: &Fields, check: &mut Check<'_>) {
    let given = [fields.volume_size_gib.given(), fields.volume_type.given()];
    if let (Some(instance), Some(span)) =
        (&fields.instance_type, given.into_iter().flatten().next())
        && WITHOUT_EBS.iter().any(|family| instance.value.0.starts_with(family))
    {
        let message = format!("instances of type `{}` have no volumes", instance.value.0);
        let help =
            "remove the fields of the volumes, or choose another type, such as `r7g.large.search`";
        check.error(span, message, help);
    }
    if let Some(Spanned { value, span }) = fields.volume_size_gib
        && value < LEAST_GIB
    {
        let message = format!("a volume of {value} GiB is not possible");
        check.error(span, message, format!("AWS accepts {LEAST_GIB} and more"));
    }
}

/// Checks the speed of `gp3` volumes.
fn speed(fields: &Fields, check: &mut Check<'_>) {
    let (iops, throughput) = LEAST_OF_GP3;
    for (field, given, least) in
        [("iops", &fields.iops, iops), ("throughput", &fields.throughput, throughput)]
    {
        if let Some(Spanned { value, span }) = given
            && *value < least
        {
            let message = format!("`{field}` of a volume of type `gp3` cannot be {value}");
            check.error(*span, message, format!("AWS accepts {least} and more"));
        }
    }
}

fn volumes(fields: &Fields, check: &mut Check<'_>) {
    sizes(fields, check);
    let Some(volume) = fields.volume_type.as_ref().map(|given| given.value) else {
        return;
    };
    let word = volume.as_str();
    if let Some(iops) = &fields.iops
        && !matches!(volume, VolumeType::Gp3 | VolumeType::Io1)
    {
        let message = format!("volumes of type `{word}` have no `iops`");
        check.error(iops.span, message, "remove it, or set `gp3` or `io1`");
    }
    if let Some(throughput) = &fields.throughput
        && volume != VolumeType::Gp3
    {
        let message = format!("volumes of type `{word}` have no `throughput`");
        check.error(throughput.span, message, "remove it, or set `gp3`");
    }
    if volume == VolumeType::Gp3 {
        speed(fields, check);
    }
}

fn access_policy(node: &Node, check: &mut Check<'_>) -> Option<Document> {
    let document = (check.policy)(node, check.d)?;
    let bytes = document.to_json().len();
    if bytes > MAX_POLICY {
        let message = format!("the policy has {bytes} bytes without white space");
        check.error(node.span, message, format!("AWS accepts at most {MAX_POLICY}"));
    }
    Some(document)
}
