//! Elasticsearch and OpenSearch domains: one service, one API for both engines. The key of an
//! encrypted domain is fixed (OpenSearch Service Developer Guide, Encryption of data at rest).

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
    Consumer, Effect, Facts, Identity, KeyAccount, KeyRegion, Pace, Scene, Spec, allowed,
    fixed_key, tag_calls, tag_list,
};
use super::declaration::{Check, Syntax};
use super::{Change, Setting, Violation};
use crate::policy::{Document, Need};

/// The kind.
#[derive(Debug)]
pub struct EsDomain;

const SNAPSHOT: &str = "AWS cannot change it: take a manual snapshot into a bucket, declare a \
                        domain under another name, restore the snapshot there, and move the \
                        clients";

impl Consumer for EsDomain {
    type Settings = Settings;
    type Call = Call;
    const FACTS: Facts = Facts {
        service: "opensearch",
        reads: "es:ListDomainNames, DescribeDomains, DescribeDomain, ListTags",
        pace: Pace { first: 30, most: 60, limit: 7200 },
        identity: Identity::Name,
        grants_of: Some("es"),
        key_account: KeyAccount::Own,
        key_region: KeyRegion::Own,
        copies: None,
        keeps_deleted_names: false,
    };

    const SYNTAX: Syntax = fields::SYNTAX;

    fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
        fields::declared(fields, check)
    }

    fn create(to: &Spec<Settings>, setting: &Setting<'_>) -> Result<Vec<Call>, Vec<Violation>> {
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
        let domain_name = || setting.name.to_owned();
        let mut calls = Vec::new();
        if let Some(version) = new.engine_version.as_ref().filter(|_| is_upgrade(old, new)) {
            let target_version = version.clone();
            calls.push(UpgradeDomain { domain_name: domain_name(), target_version }.into());
        }
        let mut config = Config::of(new).without(&Config::of(old));
        if from.common.key != to.common.key {
            config.encryption_at_rest_options = encryption(to);
        }
        if config != Config::default() {
            let config = Box::new(config);
            calls.push(UpdateDomainConfig { domain_name: domain_name(), config }.into());
        }
        let arn = || domain_arn(setting);
        calls.extend(tag_calls(
            &from.common.tags,
            &to.common.tags,
            |set| AddTags { arn: arn(), tag_list: tag_list(set) }.into(),
            |tag_keys| RemoveTags { arn: arn(), tag_keys }.into(),
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
                let upgrade = is_upgrade(&from.settings, &to.settings)
                    .then_some("an upgrade cannot be taken back: take a manual snapshot first");
                let encrypting = is_encrypted_now(from, to).then_some(
                    "AWS moves the data to new, encrypted nodes (blue/green): it takes long, needs \
                     room for twice the nodes, and cannot be taken back",
                );
                let risks: Vec<&str> = [upgrade, encrypting].into_iter().flatten().collect();
                (!risks.is_empty()).then(|| risks.join("; "))
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
        let uses = [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:DescribeKey",
        ];
        let need = |purpose: &str, actions: &[&str]| {
            Need::new(purpose, users.clone(), actions).when(
                "StringEquals",
                "kms:ViaService",
                scene.via("es"),
            )
        };
        vec![
            need("AllowEsForDomainCreators", &uses),
            need("AllowEsGrantsForDomainCreators", &["kms:CreateGrant"]).when(
                "Bool",
                "kms:GrantIsForAWSResource",
                "true",
            ),
        ]
    }
}

/// The engine and its version: every OpenSearch comes after every Elasticsearch, which it began as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Whether it is OpenSearch.
    pub opensearch: bool,
    /// The number before the point, and the one after it.
    pub number: (u32, u32),
}

impl Version {
    /// Reads AWS's form, such as `Elasticsearch_7.10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (engine, number) = text.split_once('_')?;
        let opensearch = match engine {
            "OpenSearch" => true,
            "Elasticsearch" => false,
            _ => return None,
        };
        let (major, minor) = number.split_once('.')?;
        Some(Self { opensearch, number: (major.parse().ok()?, minor.parse().ok()?) })
    }

    /// Whether a domain of this version can be encrypted when it is made.
    #[must_use]
    pub fn encrypts(self) -> bool {
        self.opensearch || self.number >= (5, 1)
    }

    /// Whether a domain of this version can be encrypted though it is there already.
    #[must_use]
    pub fn encrypts_in_place(self) -> bool {
        self.opensearch || self.number >= (6, 7)
    }
}

/// The access policy that AWS reports; a domain without one reports an empty text.
fn access_policy(text: &str, partition: &str) -> Option<Document> {
    if text.is_empty() { None } else { Document::from_live(text, partition).ok() }
}

fn encryption(to: &Spec<Settings>) -> Option<EncryptionAtRestOptions> {
    let key = to.key().cloned();
    key.map(|key| EncryptionAtRestOptions { enabled: true, kms_key_id: Some(key) })
}

/// Whether the domain gets its first encryption at rest.
fn is_encrypted_now(from: &Spec<Settings>, to: &Spec<Settings>) -> bool {
    from.settings.encrypted == Some(false) && from.key().is_none() && to.key().is_some()
}

/// What is encrypted keeps its key; what is not can be, where the engine is new enough.
fn unchangeable_key(from: &Spec<Settings>, to: &Spec<Settings>) -> Option<Violation> {
    if !is_encrypted_now(from, to) {
        return fixed_key(from, to, SNAPSHOT);
    }
    let version = to.settings.engine_version.as_deref().unwrap_or("unknown");
    let able = Version::parse(version).is_some_and(Version::encrypts_in_place);
    (!able).then(|| {
        let reason = format!(
            "AWS encrypts a domain in place from Elasticsearch 6.7 on; it is of version {version}"
        );
        let help = "upgrade it by `engine_version:`; or take a manual snapshot, and restore it into \
                    a domain that is made with the key";
        Violation::new("key", reason, help)
    })
}

fn is_upgrade(old: &Settings, new: &Settings) -> bool {
    let version = |settings: &Settings| settings.engine_version.as_deref().and_then(Version::parse);
    matches!((version(old), version(new)), (Some(old), Some(new)) if old < new)
}

fn downgrade(old: &Settings, new: &Settings) -> Option<Violation> {
    (old.engine_version != new.engine_version && !is_upgrade(old, new)).then(|| {
        let name = |settings: &Settings| settings.engine_version.clone().unwrap_or_default();
        let reason =
            format!("it is of version {}, and AWS does not go back to {}", name(old), name(new));
        let help = "say the version that it has, or a higher one; an older one is a domain under \
                    another name, into which only a snapshot of that version or an older one fits";
        Violation::new("engine_version", reason, help)
    })
}

fn decrypting(old: &Settings, new: &Settings) -> Option<Violation> {
    let off = (old.node_to_node_encryption, new.node_to_node_encryption);
    (off == (Some(true), Some(false))).then(|| {
        let reason = "AWS never turns the encryption between the nodes off again";
        Violation::new("node_to_node_encryption", reason, SNAPSHOT)
    })
}

fn entering_vpc(old: &Settings, new: &Settings) -> Option<Violation> {
    (old.vpc_subnets.is_none() && new.vpc_subnets.is_some()).then(|| {
        let reason = "it has a public endpoint, and AWS does not move it into a VPC";
        Violation::new("vpc_subnets", reason, SNAPSHOT)
    })
}

fn domain_arn(setting: &Setting<'_>) -> String {
    let (account, region, name) = (&setting.place.account, &setting.place.region, setting.name);
    format!("arn:{}:es:{region}:{account}:domain/{name}", region.partition())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_from_elasticsearch_to_opensearch() {
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
