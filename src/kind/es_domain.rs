//! Elasticsearch and OpenSearch domains. One service with one API runs both engines. The key of an
//! encrypted domain cannot be changed (OpenSearch Service Developer Guide, Encryption of data at
//! rest).

pub(crate) mod aws;
mod fields;
mod request;

pub use fields::{Fields, Settings};

pub use request::{
    AddTags, Call, ClusterConfig, Config, CreateDomain, DeleteDomain, DomainEndpointOptions,
    EbsOptions, EncryptionAtRestOptions, NodeToNodeEncryptionOptions, RemoveTags,
    UpdateDomainConfig, UpgradeDomain, VpcOptions, ZoneAwarenessConfig,
};

use super::consumer::{
    ArnForm, Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Read, Reads, Scene,
    Spec, allowed, fixed_key, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::tags::TagRules;
use super::{Change, Setting, Violation};
use crate::policy::{Document, Need};

/// The kind of domains.
#[derive(Debug)]
pub struct EsDomain;

const SNAPSHOT: &str = "AWS does not change it after creation: take a manual snapshot into a \
bucket, declare a domain under another name, restore the snapshot there, \
and move the clients";

impl Consumer for EsDomain {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        noun: "OpenSearch domain",
        service: "opensearch",
        reads: Reads {
            refresh: &[
                Read::always("ListDomainNames"),
                Read::always("DescribeDomains"),
                Read::always("ListTags"),
            ],
            watch: &["DescribeDomain"],
            list: &["ListDomainNames", "DescribeDomains"],
        },
        pace: Pace { first: 5, most: 60, limit: 7200 },
        identity: Identity::Name,
        names_are_global: false,
        grants_of: Some("es"),
        key_account: KeyAccount::Own,
        key_region: KeyRegion::Own,
        arn: Some(ArnForm {
            resource_type: "es:domain",
            service: "es",
            prefix: "domain/",
            is_id: false,
        }),
        copies: None,
        holds_data: true,
        tags: Some(TagRules { most: 10, ..TagRules::COMMON }),
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        allowed([zoned(&to.settings)])?;
        let encryption_at_rest_options = encryption(to);
        let config = Config { encryption_at_rest_options, ..Config::of(&to.settings) };
        let create = CreateDomain {
            domain_name: setting.name.to_owned(),
            engine_version: to.settings.engine_version.clone(),
            config: Box::new(config),
            tag_list: tag_list(&to.common.tags),
        };
        Ok(vec![create.into()])
    }

    /// The service processes one change of a domain at a time: the upgrade comes first, then all other
    /// changes in one call.
    fn update(
        from: &Spec<Settings>,
        to: &Spec<Settings>,
        setting: &Setting<'_>,
    ) -> Result<Vec<Call>, Vec<Violation>> {
        let (old, new) = (&from.settings, &to.settings);
        allowed([
            unchangeable_key(from, to),
            downgrade(old, new),
            decrypting(old, new),
            entering_vpc(old, new),
        ])?;
        let domain_name = setting.name.to_owned();
        let mut calls = Vec::new();
        if let Some(version) = &new.engine_version
            && is_upgrade(old, new)
        {
            let (domain_name, target_version) = (domain_name.clone(), version.clone());
            calls.push(UpgradeDomain { domain_name, target_version }.into());
        }
        let mut config = Config::of(new).without(&Config::of(old));
        if from.common.key != to.common.key {
            config.encryption_at_rest_options = encryption(to);
        }
        if config != Config::default() {
            let config = Box::new(config);
            calls.push(UpdateDomainConfig { domain_name, config }.into());
        }
        let arn = domain_arn(setting);
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTags { arn: arn.clone(), tag_list: tag_list(set) }.into(),
            |tag_keys| RemoveTags { arn: arn.clone(), tag_keys }.into(),
        ));
        Ok(calls)
    }

    fn delete(_: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
        Ok(vec![DeleteDomain { domain_name: setting.name.to_owned() }.into()])
    }

    fn risk(change: &Change<&Spec<Settings>>, _: &Setting<'_>) -> Option<String> {
        match change {
            Change::Delete { .. } => {
                Some("deletes the domain with all its indices and automated snapshots".to_owned())
            }
            Change::Update { from, to } | Change::Import { from, to } => {
                let mut risks = Vec::new();
                if is_upgrade(&from.settings, &to.settings) {
                    risks.push("an upgrade cannot be undone: take a manual snapshot first");
                }
                if is_encrypted_now(from, to) {
                    risks.push(
                        "AWS moves the data to new, encrypted nodes (blue/green deployment): this \
                         takes long, needs twice the number of nodes, and cannot be undone",
                    );
                }
                if risks.is_empty() { None } else { Some(risks.join("; ")) }
            }
            Change::Create { .. } | Change::Forget { .. } => None,
        }
    }

    fn effect(call: &Call) -> Effect {
        match call {
            Call::CreateDomain(_) => Effect::Creates,
            Call::UpdateDomainConfig(_) | Call::UpgradeDomain(_) => Effect::Changes,
            Call::AddTags(_) | Call::RemoveTags(_) => Effect::Marks,
            Call::DeleteDomain(_) => Effect::Deletes,
        }
    }

    /// The service creates its grant with the credentials of the caller that creates the domain
    /// (OpenSearch Service Developer Guide, Encryption of data at rest). The condition key
    /// `kms:GrantIsForAWSResource` is present in requests for `CreateGrant` only.
    fn needs(_: &Spec<Settings>, _: &Fields, scene: &Scene<'_>) -> Vec<Need> {
        let Some(users) = scene.users() else {
            return Vec::new();
        };
        let actions = [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey",
        ];
        let via = scene.via("es");
        vec![
            Need::new("AllowEsForDomainCreators", users.clone(), &actions).with(via.clone()),
            Need::new("AllowEsGrantsForDomainCreators", users, &["kms:CreateGrant"])
                .with(via)
                .when("Bool", "kms:GrantIsForAWSResource", "true"),
        ]
    }

    /// OpenSearch Service reaches a VPC with its service-linked role, which the API does not create (OpenSearch
    /// Service Developer Guide, "Using service-linked roles to create VPC domains").
    fn role(settings: &Settings) -> Option<&'static str> {
        settings.vpc_subnets.as_ref().map(|_| "opensearchservice.amazonaws.com")
    }
}

/// An engine with its version. Every version of OpenSearch is later than every version of
/// Elasticsearch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Whether the engine is OpenSearch.
    pub opensearch: bool,
    /// The major and the minor version.
    pub number: (u32, u32),
}

impl Version {
    /// Parses the form of AWS, such as `Elasticsearch_7.10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (engine, number) = text.split_once('_')?;
        let opensearch = match engine {
            "OpenSearch" => true,
            "Elasticsearch" => false,
            _ => return None,
        };
        let (major, minor) = number.split_once('.')?;
        let part = |text: &str| {
            let is_number = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_plain = text == "0" || !text.starts_with('0');
            if is_number && is_plain { text.parse().ok() } else { None }
        };
        Some(Self { opensearch, number: (part(major)?, part(minor)?) })
    }

    /// The form of the versions that can be encrypted, as a regular expression (see [`Self::encrypts`]).
    pub const PATTERN: &str = "(OpenSearch_(0|[1-9][0-9]{0,3})[.](0|[1-9][0-9]{0,3})\
        |Elasticsearch_(5[.][1-9][0-9]{0,3}|([6-9]|[1-9][0-9]{1,3})[.](0|[1-9][0-9]{0,3})))";

    /// Returns whether a new domain of this version can be encrypted.
    #[must_use]
    pub fn encrypts(self) -> bool {
        self.opensearch || self.number >= (5, 1)
    }

    /// Returns whether an existing domain of this version can be encrypted.
    #[must_use]
    pub fn encrypts_in_place(self) -> bool {
        self.opensearch || self.number >= (6, 7)
    }
}

/// Parses the access policy that AWS reports. AWS reports an empty text for a domain without one.
fn access_policy(text: &str, partition: &str) -> Option<Document> {
    if text.is_empty() { None } else { Document::from_live(text, partition).ok() }
}

fn encryption(to: &Spec<Settings>) -> Option<EncryptionAtRestOptions> {
    let key = to.key()?.clone();
    Some(EncryptionAtRestOptions { enabled: true, kms_key_id: Some(key) })
}

/// Returns whether the change enables encryption at rest.
fn is_encrypted_now(from: &Spec<Settings>, to: &Spec<Settings>) -> bool {
    from.settings.encrypted == Some(false) && from.key().is_none() && to.key().is_some()
}

/// Refuses to change the key of an encrypted domain, and to encrypt a domain whose engine is too
/// old.
fn unchangeable_key(from: &Spec<Settings>, to: &Spec<Settings>) -> Option<Violation> {
    if !is_encrypted_now(from, to) {
        return fixed_key(from, to, SNAPSHOT);
    }
    let version = to.settings.engine_version.as_deref().unwrap_or("unknown");
    if Version::parse(version).is_some_and(Version::encrypts_in_place) {
        return None;
    }
    let reason = format!(
        "AWS supports encryption of an existing domain from Elasticsearch 6.7 on; the version of \
         the domain is {version}"
    );
    let help = "upgrade the domain with `engine_version:`; or take a manual snapshot, and restore it \
                into a new domain that has the key";
    Some(Violation::new("key", reason, help))
}

fn is_upgrade(old: &Settings, new: &Settings) -> bool {
    let [old, new] =
        [old, new].map(|settings| settings.engine_version.as_deref().and_then(Version::parse));
    matches!((old, new), (Some(old), Some(new)) if old < new)
}

/// Refuses a version that is not an upgrade.
fn downgrade(old: &Settings, new: &Settings) -> Option<Violation> {
    if old.engine_version == new.engine_version || is_upgrade(old, new) {
        return None;
    }
    let reason = format!(
        "the current version is {}, and AWS does not support a downgrade to {}",
        old.engine_version.as_deref().unwrap_or_default(),
        new.engine_version.as_deref().unwrap_or_default(),
    );
    let help = "set the current version or a later one; for an earlier one, declare a domain under \
                another name, which accepts only snapshots of its own version and of earlier ones";
    Some(Violation::new("engine_version", reason, help))
}

/// Refuses to disable the encryption between nodes.
fn decrypting(old: &Settings, new: &Settings) -> Option<Violation> {
    if (old.node_to_node_encryption, new.node_to_node_encryption) != (Some(true), Some(false)) {
        return None;
    }
    let reason = "node-to-node encryption cannot be disabled";
    Some(Violation::new("node_to_node_encryption", reason, SNAPSHOT))
}

/// Refuses to move a domain with a public endpoint into a VPC.
fn entering_vpc(old: &Settings, new: &Settings) -> Option<Violation> {
    if old.vpc_subnets.is_some() || new.vpc_subnets.is_none() {
        return None;
    }
    let reason = "the domain has a public endpoint, and AWS does not support moving it into a VPC";
    Some(Violation::new("vpc_subnets", reason, SNAPSHOT))
}

fn domain_arn(setting: &Setting<'_>) -> String {
    let (account, region, name) = (&setting.place.account, &setting.place.region, setting.name);
    format!("arn:{}:es:{region}:{account}:domain/{name}", region.partition())
}

/// Refuses subnets of a new domain that do not match its Availability Zones, of which it has one unless it is declared
/// (OpenSearch Service API Reference, VPCOptions).
fn zoned(settings: &Settings) -> Option<Violation> {
    let subnets = settings.vpc_subnets.as_ref()?.len();
    if settings.zone_awareness.is_some() || subnets == 1 {
        return None;
    }
    let reason =
        format!("a new domain without `zone_awareness` has one zone, but {subnets} subnets");
    let help = format!("set `zone_awareness: {{zones: {subnets}}}`, or name one subnet");
    Some(Violation::new("vpc", reason, help))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_opensearch_are_later_than_those_of_elasticsearch() {
        let version = |text: &str| Version::parse(text).unwrap();
        assert!(version("Elasticsearch_7.9") < version("Elasticsearch_7.10"));
        assert!(version("Elasticsearch_7.10") < version("OpenSearch_1.0"));
        assert!(version("OpenSearch_2.19") < version("OpenSearch_3.1"));
        assert!(version("Elasticsearch_5.1").encrypts());
        assert!(!version("Elasticsearch_2.3").encrypts());
        assert!(!version("Elasticsearch_6.5").encrypts_in_place());
        for wrong in ["7.10", "opensearch_1.0", "OpenSearch_2", "OpenSearch_2.x"] {
            assert_eq!(Version::parse(wrong), None);
        }
    }
}
