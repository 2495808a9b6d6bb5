//! Sends the calls of domains, and converts the SDK's descriptions of them.

use super::{
    AddTags, Call, ClusterConfig, CreateDomain, DeleteDomain, DomainEndpointOptions, EbsOptions,
    EncryptionAtRestOptions, EsDomain, NodeToNodeEncryptionOptions, RemoveTags, Settings,
    UpdateDomainConfig, UpgradeDomain, VpcOptions, access_policy,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Service, each};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::policy::Document;
use crate::sdk::Aws;
use crate::sdk::clients::Session;
use crate::sdk::error::{answer, done, part, unbuilt};
use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::types::{self, DomainStatus, Tag};
use std::collections::BTreeSet;

/// The largest number of domains in a `DescribeDomains` request.
const DESCRIBED: usize = 5;

impl Service for EsDomain {
    /// Reads the domains with the selected names, concurrently: the names of all domains in one
    /// request, the settings in requests for five domains, and the tags in one request per domain.
    /// Domains are not searched by the stack's tag.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        const NAMES: &str = "ListDomainNames";
        if query.ids.is_empty() && !query.is_all() {
            return Ok(Vec::new());
        }
        let client = aws.opensearch(at).await;
        let listed = client.read(NAMES, || client.list_domain_names().send()).await?;
        let domains = part(NAMES, "list of domains", listed.domain_names.as_deref())?;
        let names = domains.iter().filter_map(|info| info.domain_name.clone());
        let names: Vec<String> =
            names.filter(|name| query.is_all() || query.ids.contains(name)).collect();
        let reads = names.chunks(DESCRIBED).map(|names| described(&client, names));
        let found: Vec<DomainStatus> = each(reads).await?.into_iter().flatten().collect();
        let reads = found.iter().map(|domain| object(&client, at, domain, !query.is_all()));
        each(reads).await
    }

    /// Describes a domain.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeDomain";
        let client = aws.opensearch(at).await;
        match client.read(OPERATION, || client.describe_domain().domain_name(id).send()).await {
            Ok(answer) => Ok(answer.domain_status().map_or_else(Sight::gone, |domain| {
                Sight::new(phase_of(domain), spec(at, domain, Tags::new()))
            })),
            Err(error) if error.fault == Fault::NotFound => Ok(Sight::gone()),
            Err(error) => Err(error),
        }
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.opensearch(at).await;
        match call {
            Call::CreateDomain(call) => create_domain(&client, call, bindings).await,
            Call::UpdateDomainConfig(call) => update_domain_config(&client, call, bindings).await,
            Call::UpgradeDomain(UpgradeDomain { domain_name, target_version }) => {
                let request = client.upgrade_domain().domain_name(domain_name);
                done(UpgradeDomain::NAME, request.target_version(target_version).send().await)
            }
            Call::AddTags(AddTags { arn, tag_list }) => {
                let request = client.add_tags().arn(arn);
                let request = request.set_tag_list(Some(tags(AddTags::NAME, tag_list)?));
                done(AddTags::NAME, request.send().await)
            }
            Call::RemoveTags(RemoveTags { arn, tag_keys }) => {
                let request = client.remove_tags().arn(arn).set_tag_keys(Some(tag_keys.clone()));
                done(RemoveTags::NAME, request.send().await)
            }
            Call::DeleteDomain(DeleteDomain { domain_name }) => done(
                DeleteDomain::NAME,
                client.delete_domain().domain_name(domain_name).send().await,
            ),
        }
    }
}

async fn described(
    client: &Session<'_, Client>,
    names: &[String],
) -> Result<Vec<DomainStatus>, CloudError> {
    const OPERATION: &str = "DescribeDomains";
    let read = || client.describe_domains().set_domain_names(Some(names.to_vec())).send();
    Ok(client.read(OPERATION, read).await?.domain_status_list)
}

async fn object(
    client: &Session<'_, Client>,
    at: &Place,
    domain: &DomainStatus,
    tagged: bool,
) -> Result<Object, CloudError> {
    let tags = if tagged { tags_of(client, domain).await? } else { Tags::new() };
    let spec = spec(at, domain, tags).into();
    Ok(Object { id: domain.domain_name().to_owned(), spec, phase: phase_of(domain) })
}

fn spec(at: &Place, domain: &DomainStatus, tags: Tags) -> consumer::Spec<Settings> {
    let at_rest =
        domain.encryption_at_rest_options().filter(|options| options.enabled == Some(true));
    let key = at_rest.and_then(|options| options.kms_key_id());
    let common = Common { key: Some(encryption(key)), existing: None, tags };
    let settings = Settings { encrypted: Some(at_rest.is_some()), ..lifted(at, domain) };
    consumer::Spec { common, settings }
}

async fn tags_of(client: &Session<'_, Client>, domain: &DomainStatus) -> Result<Tags, CloudError> {
    const OPERATION: &str = "ListTags";
    match client.read(OPERATION, || client.list_tags().arn(domain.arn()).send()).await {
        Ok(answer) => {
            let tags = part(OPERATION, "list of tags", answer.tag_list)?;
            Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
        }
        // The domain was deleted after it was listed.
        Err(error) if error.fault == Fault::NotFound => Ok(Tags::new()),
        Err(error) => Err(error),
    }
}

/// Returns the phase of a domain. A domain in the state `Isolated` does not become ready by itself;
/// the usual cause is a key that cannot be used (OpenSearch Service API Reference,
/// `DomainProcessingStatus`).
fn phase_of(domain: &DomainStatus) -> Phase {
    let status = domain.domain_processing_status().map(types::DomainProcessingStatusType::as_str);
    let at_work = domain.processing == Some(true) || domain.upgrade_processing == Some(true);
    let busy = |word: &str| Phase::Busy(word.to_owned());
    match status {
        Some(word @ "Isolated") => Phase::Broken(word.to_owned()),
        _ if domain.deleted == Some(true) => busy("Deleting"),
        Some(word) if word != "Active" => busy(word),
        _ if domain.created == Some(false) => busy("Creating"),
        _ if at_work => busy("Processing"),
        Some(_) | None => Phase::Ready,
    }
}

fn count(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// Converts the settings except encryption at rest.
fn lifted(at: &Place, domain: &DomainStatus) -> Settings {
    let cluster = domain.cluster_config();
    let master = cluster.filter(|c| c.dedicated_master_enabled == Some(true));
    let spread = cluster.filter(|c| c.zone_awareness_enabled == Some(true));
    let zones = spread.map(|c| {
        let config = c.zone_awareness_config();
        count(config.and_then(|config| config.availability_zone_count)).unwrap_or(2)
    });
    let ebs = domain.ebs_options().filter(|ebs| ebs.ebs_enabled == Some(true));
    let endpoint = domain.domain_endpoint_options();
    let vpc = domain.vpc_options();
    let policy = domain.access_policies().unwrap_or_default();
    Settings {
        engine_version: domain.engine_version.clone(),
        instance_type: cluster.and_then(|c| Some(c.instance_type()?.as_str().to_owned())),
        instance_count: count(cluster.and_then(|c| c.instance_count)),
        dedicated_master_type: master
            .and_then(|c| Some(c.dedicated_master_type()?.as_str().to_owned())),
        dedicated_master_count: Some(
            count(master.and_then(|c| c.dedicated_master_count)).unwrap_or_default(),
        ),
        zone_awareness: Some(zones.unwrap_or(1)),
        volume_size_gib: count(ebs.and_then(|ebs| ebs.volume_size)),
        volume_type: ebs.and_then(|ebs| Some(ebs.volume_type()?.as_str().to_owned())),
        iops: count(ebs.and_then(|ebs| ebs.iops)),
        throughput: count(ebs.and_then(|ebs| ebs.throughput)),
        encrypted: None,
        node_to_node_encryption: domain.node_to_node_encryption_options().and_then(|o| o.enabled),
        enforce_https: endpoint.and_then(|endpoint| endpoint.enforce_https),
        tls_policy: endpoint
            .and_then(|endpoint| Some(endpoint.tls_security_policy()?.as_str().to_owned())),
        access_policy: access_policy(policy, at.region.partition()),
        vpc_subnets: vpc.and_then(|vpc| non_empty(vpc.subnet_ids())),
        vpc_security_groups: vpc.and_then(|vpc| non_empty(vpc.security_group_ids())),
    }
}

fn non_empty(ids: &[String]) -> Option<BTreeSet<String>> {
    if ids.is_empty() {
        return None;
    }
    Some(ids.iter().cloned().collect())
}

fn tags(operation: &'static str, tags: &[consumer::Tag]) -> Result<Vec<Tag>, CloudError> {
    let built = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    built.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// Converts a number. A number that is too large is rejected by the service, so it only must not
/// wrap.
fn number(number: Option<u32>) -> Option<i32> {
    number.map(|number| i32::try_from(number).unwrap_or(i32::MAX))
}

fn cluster(given: &ClusterConfig) -> types::ClusterConfig {
    let zones = given.zone_awareness_config.map(|zones| {
        let count = number(Some(zones.availability_zone_count));
        types::ZoneAwarenessConfig::builder().set_availability_zone_count(count).build()
    });
    types::ClusterConfig::builder()
        .set_instance_type(given.instance_type.as_deref().map(Into::into))
        .set_instance_count(number(given.instance_count))
        .set_dedicated_master_enabled(given.dedicated_master_enabled)
        .set_dedicated_master_type(given.dedicated_master_type.as_deref().map(Into::into))
        .set_dedicated_master_count(number(given.dedicated_master_count))
        .set_zone_awareness_enabled(given.zone_awareness_enabled)
        .set_zone_awareness_config(zones)
        .build()
}

fn ebs(given: &EbsOptions) -> types::EbsOptions {
    types::EbsOptions::builder()
        .ebs_enabled(given.ebs_enabled)
        .set_volume_type(given.volume_type.as_deref().map(Into::into))
        .set_volume_size(number(given.volume_size))
        .set_iops(number(given.iops))
        .set_throughput(number(given.throughput))
        .build()
}

fn vpc(given: &VpcOptions) -> types::VpcOptions {
    let subnets = given.subnet_ids.clone().map(Vec::from_iter);
    let groups = given.security_group_ids.clone().map(Vec::from_iter);
    types::VpcOptions::builder().set_subnet_ids(subnets).set_security_group_ids(groups).build()
}

fn at_rest(
    operation: &'static str,
    given: &EncryptionAtRestOptions,
    bindings: &CallBindings<'_>,
) -> Result<types::EncryptionAtRestOptions, CloudError> {
    let key = given.kms_key_id.as_ref().map(|key| resolve(operation, key, bindings)).transpose()?;
    let built = types::EncryptionAtRestOptions::builder().enabled(given.enabled);
    Ok(built.set_kms_key_id(key).build())
}

fn between_nodes(given: NodeToNodeEncryptionOptions) -> types::NodeToNodeEncryptionOptions {
    types::NodeToNodeEncryptionOptions::builder().enabled(given.enabled).build()
}

fn endpoint(given: &DomainEndpointOptions) -> types::DomainEndpointOptions {
    types::DomainEndpointOptions::builder()
        .set_enforce_https(given.enforce_https)
        .set_tls_security_policy(given.tls_security_policy.as_deref().map(Into::into))
        .build()
}

async fn create_domain(
    client: &Client,
    CreateDomain { domain_name, engine_version, config, tag_list }: &CreateDomain,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDomain::NAME;
    let rest = config.encryption_at_rest_options.as_ref();
    let request = client
        .create_domain()
        .domain_name(domain_name)
        .set_engine_version(engine_version.clone())
        .set_cluster_config(config.cluster_config.as_ref().map(cluster))
        .set_ebs_options(config.ebs_options.as_ref().map(ebs))
        .set_access_policies(config.access_policies.as_ref().map(Document::to_json))
        .set_vpc_options(config.vpc_options.as_ref().map(vpc))
        .set_encryption_at_rest_options(rest.map(|rest| at_rest(NAME, rest, bindings)).transpose()?)
        .set_node_to_node_encryption_options(
            config.node_to_node_encryption_options.map(between_nodes),
        )
        .set_domain_endpoint_options(config.domain_endpoint_options.as_ref().map(endpoint))
        .set_tag_list(Some(tags(NAME, tag_list)?));
    answer(NAME, request.send().await)?;
    Ok(Outcome::Made(domain_name.clone()))
}

async fn update_domain_config(
    client: &Client,
    UpdateDomainConfig { domain_name, config }: &UpdateDomainConfig,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = UpdateDomainConfig::NAME;
    let rest = config.encryption_at_rest_options.as_ref();
    let request = client
        .update_domain_config()
        .domain_name(domain_name)
        .set_cluster_config(config.cluster_config.as_ref().map(cluster))
        .set_ebs_options(config.ebs_options.as_ref().map(ebs))
        .set_access_policies(config.access_policies.as_ref().map(Document::to_json))
        .set_vpc_options(config.vpc_options.as_ref().map(vpc))
        .set_encryption_at_rest_options(rest.map(|rest| at_rest(NAME, rest, bindings)).transpose()?)
        .set_node_to_node_encryption_options(
            config.node_to_node_encryption_options.map(between_nodes),
        )
        .set_domain_endpoint_options(config.domain_endpoint_options.as_ref().map(endpoint));
    done(NAME, request.send().await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{Call, ConsumerKind, Ids};
    use crate::sdk::replay::replay;
    use serde_json::{Value, json};

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    /// Returns the description of a domain in a VPC.
    fn described(name: &str) -> Value {
        json!({
            "DomainId": format!("111122223333/{name}"), "DomainName": name,
            "ARN": format!("arn:aws:es:eu-west-1:111122223333:domain/{name}"),
            "Created": true, "Deleted": false, "Processing": false, "UpgradeProcessing": false,
            "EngineVersion": "OpenSearch_2.19", "DomainProcessingStatus": "Active",
            "Endpoints": {"vpc": "vpc-logs-abc.eu-west-1.es.amazonaws.com"},
            "ClusterConfig": {
                "InstanceType": "r7g.large.search", "InstanceCount": 3,
                "DedicatedMasterEnabled": true, "DedicatedMasterType": "m7g.large.search",
                "DedicatedMasterCount": 3, "ZoneAwarenessEnabled": true,
                "ZoneAwarenessConfig": {"AvailabilityZoneCount": 3}, "WarmEnabled": false,
                "ColdStorageOptions": {"Enabled": false}, "MultiAZWithStandbyEnabled": false},
            "EBSOptions": {"EBSEnabled": true, "VolumeType": "gp3", "VolumeSize": 20,
                "Iops": 3000, "Throughput": 125},
            "AccessPolicies": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*","Resource":"*"}]}"#,
            "SnapshotOptions": {}, "CognitoOptions": {"Enabled": false},
            "VPCOptions": {"VPCId": "vpc-1", "SubnetIds": ["subnet-2", "subnet-1"],
                "AvailabilityZones": ["eu-west-1a", "eu-west-1b"], "SecurityGroupIds": ["sg-1"]},
            "EncryptionAtRestOptions": {"Enabled": true, "KmsKeyId": KEY},
            "NodeToNodeEncryptionOptions": {"Enabled": true},
            "AdvancedOptions": {"rest.action.multi.allow_explicit_index": "true"},
            "DomainEndpointOptions": {"EnforceHTTPS": true,
                "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07", "CustomEndpointEnabled": false},
        })
    }

    #[tokio::test]
    async fn a_domain_is_ready_once_no_change_is_in_progress() {
        let busy = |word: &str| Phase::Busy(word.to_owned());
        for (changed, expected) in [
            (json!({}), Phase::Ready),
            (json!({"DomainProcessingStatus": null}), Phase::Ready),
            (json!({"DomainProcessingStatus": "Modifying"}), busy("Modifying")),
            (json!({"DomainProcessingStatus": "Creating", "Created": false}), busy("Creating")),
            (json!({"DomainProcessingStatus": null, "Created": false}), busy("Creating")),
            (json!({"DomainProcessingStatus": null, "Processing": true}), busy("Processing")),
            (json!({"UpgradeProcessing": true}), busy("Processing")),
            (json!({"Deleted": true, "Processing": true}), busy("Deleting")),
            (
                json!({"DomainProcessingStatus": "Isolated", "Processing": true}),
                Phase::Broken("Isolated".to_owned()),
            ),
        ] {
            let mut domain = described("logs");
            domain.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
            let aws = replay(&[(200, &json!({ "DomainStatus": domain }).to_string())]).aws;
            assert_eq!(
                aws.sight(&home(), ConsumerKind::EsDomain, "logs").await.unwrap().phase,
                expected
            );
        }
        let gone =
            r#"{"__type": "ResourceNotFoundException", "message": "Domain not found: logs"}"#;
        let aws = replay(&[(409, gone)]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::EsDomain, "logs").await.unwrap().phase,
            Phase::Gone
        );
    }

    fn query(ids: &[&str]) -> ConsumerQuery {
        ConsumerQuery {
            kind: ConsumerKind::EsDomain,
            stack: "s".to_owned(),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            fields: BTreeSet::new(),
        }
    }

    #[tokio::test]
    async fn domains_are_described_five_per_request() {
        let names = ["aaa", "bbb", "ccc", "ddd", "eee", "fff", "other"];
        let list: Vec<Value> = names.iter().map(|name| json!({ "DomainName": name })).collect();
        let list = json!({ "DomainNames": list }).to_string();
        let page = |names: &[&str]| {
            let all: Vec<Value> = names.iter().map(|name| described(name)).collect();
            json!({ "DomainStatusList": all }).to_string()
        };
        let (five, one) = (page(&names[..5]), page(&names[5..6]));
        let tags = r#"{"TagList": [{"Key": "kmsctl:stack", "Value": "s"}]}"#;
        let mut answers = vec![(200, list.as_str()), (200, &five), (200, &one)];
        answers.extend([(200, tags); 6]);
        let replay = replay(&answers);
        let found = replay.aws.objects(&home(), &query(&names[..6])).await.unwrap();
        assert_eq!(found.len(), 6);
        let bodies = replay.bodies();
        assert_eq!(bodies[1], r#"{"DomainNames":["aaa","bbb","ccc","ddd","eee"]}"#);
        assert_eq!(bodies[2], r#"{"DomainNames":["fff"]}"#);
        assert_eq!(bodies.len(), 9);
    }

    #[tokio::test]
    async fn a_domain_is_read_with_its_tags() {
        let list = r#"{"DomainNames": [{"DomainName": "logs", "EngineType": "OpenSearch"}]}"#;
        let one = json!({ "DomainStatusList": [described("logs")] }).to_string();
        let tags = r#"{"TagList": [{"Key": "kmsctl:stack", "Value": "s"}]}"#;
        let replay = replay(&[(200, list), (200, &one), (200, tags)]);
        let found = replay.aws.objects(&home(), &query(&["logs", "missing"])).await.unwrap();
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(
            spec["es_domain"],
            json!({"key": KEY, "tags": {"kmsctl:stack": "s"}, "engine_version": "OpenSearch_2.19",
                "instance_type": "r7g.large.search", "instance_count": 3,
                "dedicated_master_type": "m7g.large.search", "dedicated_master_count": 3,
                "zone_awareness": 3, "volume_size_gib": 20, "volume_type": "gp3", "iops": 3000,
                "throughput": 125, "encrypted": true, "node_to_node_encryption": true,
                "enforce_https": true, "tls_policy": "Policy-Min-TLS-1-2-2019-07",
                "access_policy": described("logs")["AccessPolicies"],
                "vpc_subnets": ["subnet-1", "subnet-2"], "vpc_security_groups": ["sg-1"]})
        );
        let mut plain = described("logs");
        for (field, value) in [
            ("EncryptionAtRestOptions", json!({"Enabled": false})),
            ("AccessPolicies", json!("")),
            ("VPCOptions", Value::Null),
            ("EBSOptions", json!({"EBSEnabled": false})),
            (
                "ClusterConfig",
                json!({"InstanceType": "i3.large.search", "InstanceCount": 1,
                "DedicatedMasterEnabled": false, "ZoneAwarenessEnabled": false}),
            ),
        ] {
            plain[field] = value;
        }
        let one = json!({ "DomainStatusList": [plain] }).to_string();
        let replay = crate::sdk::replay::replay(&[(200, list), (200, &one), (200, tags)]);
        let found = replay.aws.objects(&home(), &query(&["logs"])).await.unwrap();
        let spec = serde_json::to_value(&found[0].spec).unwrap();
        assert_eq!(
            spec["es_domain"],
            json!({"key": "none", "tags": {"kmsctl:stack": "s"},
                "engine_version": "OpenSearch_2.19", "instance_type": "i3.large.search",
                "instance_count": 1, "dedicated_master_count": 0, "zone_awareness": 1,
                "encrypted": false, "node_to_node_encryption": true, "enforce_https": true,
                "tls_policy": "Policy-Min-TLS-1-2-2019-07"})
        );
    }

    #[tokio::test]
    async fn a_domain_is_created_with_every_declared_setting() {
        let parameters = json!({
            "DomainName": "logs", "EngineVersion": "OpenSearch_2.19",
            "ClusterConfig": {"InstanceType": "r7g.large.search", "InstanceCount": 3,
                "DedicatedMasterEnabled": true, "DedicatedMasterType": "m7g.large.search",
                "DedicatedMasterCount": 3, "ZoneAwarenessEnabled": true,
                "ZoneAwarenessConfig": {"AvailabilityZoneCount": 3}},
            "EBSOptions": {"EBSEnabled": true, "VolumeType": "gp3", "VolumeSize": 20,
                "Iops": 4000, "Throughput": 250},
            "AccessPolicies": "{}",
            "VPCOptions": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "EncryptionAtRestOptions": {"Enabled": true, "KmsKeyId": "key/a"},
            "NodeToNodeEncryptionOptions": {"Enabled": true},
            "DomainEndpointOptions": {"EnforceHTTPS": true,
                "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"},
            "TagList": [{"Key": "kmsctl:stack", "Value": "s"}],
        });
        let call: Call =
            serde_json::from_value(json!({"es_domain": {"CreateDomain": parameters.clone()}}))
                .unwrap();
        assert_eq!(call.request().1, parameters);
        let replay = replay(&[(200, "{}")]);
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings = CallBindings { ids: Some(&ids), ..CallBindings::default() };
        let made = Outcome::Made("logs".to_owned());
        assert_eq!(replay.aws.call(&home(), &call, bindings).await.unwrap(), made);
        let mut expected = parameters;
        expected["EncryptionAtRestOptions"]["KmsKeyId"] = json!(KEY);
        assert_eq!(replay.json(), [expected]);
    }
}
