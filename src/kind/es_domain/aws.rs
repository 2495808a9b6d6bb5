//! A domain's calls as the SDK's requests, and the SDK's description of one as ours.

use super::{
    Call, ClusterConfig, Config, DomainEndpointOptions, EbsOptions, EncryptionAtRestOptions,
    NodeToNodeEncryptionOptions, Settings, VpcOptions, access_policy,
};
use crate::cloud::aws::consumers::{For, encryption};
use crate::cloud::aws::error::{answer, unbuilt};
use crate::cloud::aws::{Aws, resolve};
use crate::cloud::{CloudError, Fault, Late, Object, Outcome, Phase, Sought};
use crate::id::Place;
use crate::kind::Spec;
use crate::kind::consumer::{self, Common, Tags};
use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::types::{self, DomainStatus, Tag};
use std::collections::BTreeSet;

/// How many domains one `DescribeDomains` takes.
const MANY: usize = 5;

/// Names are listed in one request, domains described five a request, and tags told one domain a
/// request: those of the given names are read, side by side. Domains that carry the stack's tag and
/// are not named by it are not looked for.
pub(crate) async fn objects(
    aws: &Aws,
    at: &Place,
    sought: &Sought,
) -> Result<Vec<Object>, CloudError> {
    const NAMES: &str = "ListDomainNames";
    if sought.ids.is_empty() {
        return Ok(Vec::new());
    }
    let client = aws.opensearch(at, For::Reading).await;
    let listed = answer(NAMES, client.list_domain_names().send().await)?;
    let names = listed.domain_names().iter().filter_map(|info| info.domain_name.clone());
    let names: Vec<String> = names.filter(|name| sought.ids.contains(name)).collect();
    let reads = names.chunks(MANY).map(|names| described(&client, names));
    let found: Vec<DomainStatus> =
        futures_util::future::try_join_all(reads).await?.into_iter().flatten().collect();
    let reads = found.iter().map(|domain| object(&client, at, domain));
    futures_util::future::try_join_all(reads).await
}

async fn described(client: &Client, names: &[String]) -> Result<Vec<DomainStatus>, CloudError> {
    const OPERATION: &str = "DescribeDomains";
    let request = client.describe_domains().set_domain_names(Some(names.to_vec()));
    Ok(answer(OPERATION, request.send().await)?.domain_status_list)
}

async fn object(client: &Client, at: &Place, domain: &DomainStatus) -> Result<Object, CloudError> {
    const TAGS: &str = "ListTags";
    let listed = match answer(TAGS, client.list_tags().arn(domain.arn()).send().await) {
        Ok(answer) => answer.tag_list.unwrap_or_default(),
        // One that goes while it is read.
        Err(error) if error.fault == Fault::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let tags: Tags = listed.into_iter().map(|tag| (tag.key, tag.value)).collect();
    let at_rest = domain.encryption_at_rest_options();
    let encrypted = at_rest.is_some_and(|options| options.enabled == Some(true));
    let key = at_rest.and_then(|options| options.kms_key_id()).filter(|_| encrypted);
    let common = Common { key: Some(encryption(key)), existing: None, tags };
    let settings = Settings { encrypted: Some(encrypted), ..lifted(at, domain) };
    let spec = Spec::EsDomain(consumer::Spec { common, settings });
    Ok(Object { id: domain.domain_name().to_owned(), spec, phase: phase_of(domain) })
}

/// How far AWS is with the domain.
pub(crate) async fn phase(aws: &Aws, at: &Place, id: &str) -> Result<Phase, CloudError> {
    const OPERATION: &str = "DescribeDomain";
    let client = aws.opensearch(at, For::Reading).await;
    match answer(OPERATION, client.describe_domain().domain_name(id).send().await) {
        Ok(answer) => Ok(answer.domain_status().map_or(Phase::Gone, phase_of)),
        Err(error) if error.fault == Fault::NotFound => Ok(Phase::Gone),
        Err(error) => Err(error),
    }
}

/// A domain is ready once it is created and AWS is at no change of it. One that AWS has isolated
/// stays so: most often its key does not work (aws-semantics 5.5).
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

/// The settings, but for encryption at rest.
fn lifted(at: &Place, domain: &DomainStatus) -> Settings {
    let cluster = domain.cluster_config();
    let has_masters = cluster.is_some_and(|c| c.dedicated_master_enabled == Some(true));
    let master = cluster.filter(|_| has_masters);
    let spread = cluster.filter(|c| c.zone_awareness_enabled == Some(true));
    let zones = spread.map(|c| {
        let config = c.zone_awareness_config();
        count(config.and_then(|config| config.availability_zone_count)).unwrap_or(2)
    });
    let ebs = domain.ebs_options().filter(|ebs| ebs.ebs_enabled == Some(true));
    let endpoint = domain.domain_endpoint_options();
    let vpc = domain.vpc_options();
    let set = |ids: &[String]| -> BTreeSet<String> { ids.iter().cloned().collect() };
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
        vpc_subnets: vpc.map(|vpc| set(vpc.subnet_ids())).filter(|subnets| !subnets.is_empty()),
        vpc_security_groups: vpc
            .map(|vpc| set(vpc.security_group_ids()))
            .filter(|groups| !groups.is_empty()),
    }
}

fn tags(operation: &'static str, tags: &[consumer::Tag]) -> Result<Vec<Tag>, CloudError> {
    let each = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build());
    each.collect::<Result<_, _>>().map_err(unbuilt(operation))
}

/// AWS refuses numbers that are out of range; here they only must not wrap.
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
    let list =
        |ids: &Option<BTreeSet<String>>| ids.as_ref().map(|ids| ids.iter().cloned().collect());
    types::VpcOptions::builder()
        .set_subnet_ids(list(&given.subnet_ids))
        .set_security_group_ids(list(&given.security_group_ids))
        .build()
}

fn at_rest(
    operation: &'static str,
    given: &EncryptionAtRestOptions,
    late: &Late<'_>,
) -> Result<types::EncryptionAtRestOptions, CloudError> {
    let key = given.kms_key_id.as_ref().map(|key| resolve(operation, key, late)).transpose()?;
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

/// Sends the call.
pub(crate) async fn send(
    aws: &Aws,
    at: &Place,
    call: &Call,
    late: &Late<'_>,
) -> Result<Outcome, CloudError> {
    let client = aws.opensearch(at, For::Changing).await;
    match call {
        Call::CreateDomain { domain_name, engine_version, config, tag_list } => {
            const OPERATION: &str = "CreateDomain";
            let rest = config.encryption_at_rest_options.as_ref();
            let request = client
                .create_domain()
                .domain_name(domain_name)
                .set_engine_version(engine_version.clone())
                .set_cluster_config(config.cluster_config.as_ref().map(cluster))
                .set_ebs_options(config.ebs_options.as_ref().map(ebs))
                .set_access_policies(config.access_policies.clone())
                .set_vpc_options(config.vpc_options.as_ref().map(vpc))
                .set_encryption_at_rest_options(
                    rest.map(|rest| at_rest(OPERATION, rest, late)).transpose()?,
                )
                .set_node_to_node_encryption_options(
                    config.node_to_node_encryption_options.map(between_nodes),
                )
                .set_domain_endpoint_options(config.domain_endpoint_options.as_ref().map(endpoint))
                .set_tag_list(Some(tags(OPERATION, tag_list)?));
            answer(OPERATION, request.send().await)?;
            return Ok(Outcome::Made(domain_name.clone()));
        }
        Call::UpdateDomainConfig { domain_name, config } => {
            configure(&client, domain_name, config, late).await?;
        }
        Call::UpgradeDomain { domain_name, target_version } => {
            const OPERATION: &str = "UpgradeDomain";
            let request = client.upgrade_domain().domain_name(domain_name);
            answer(OPERATION, request.target_version(target_version).send().await)?;
        }
        Call::AddTags { arn, tag_list } => {
            const OPERATION: &str = "AddTags";
            let request = client.add_tags().arn(arn);
            let request = request.set_tag_list(Some(tags(OPERATION, tag_list)?));
            answer(OPERATION, request.send().await)?;
        }
        Call::RemoveTags { arn, tag_keys } => {
            const OPERATION: &str = "RemoveTags";
            let request = client.remove_tags().arn(arn).set_tag_keys(Some(tag_keys.clone()));
            answer(OPERATION, request.send().await)?;
        }
        Call::DeleteDomain { domain_name } => {
            const OPERATION: &str = "DeleteDomain";
            let request = client.delete_domain().domain_name(domain_name);
            answer(OPERATION, request.send().await)?;
        }
    }
    Ok(Outcome::Done)
}

async fn configure(
    client: &Client,
    domain_name: &str,
    config: &Config,
    late: &Late<'_>,
) -> Result<(), CloudError> {
    const OPERATION: &str = "UpdateDomainConfig";
    let rest = config.encryption_at_rest_options.as_ref();
    let request = client
        .update_domain_config()
        .domain_name(domain_name)
        .set_cluster_config(config.cluster_config.as_ref().map(cluster))
        .set_ebs_options(config.ebs_options.as_ref().map(ebs))
        .set_access_policies(config.access_policies.clone())
        .set_vpc_options(config.vpc_options.as_ref().map(vpc))
        .set_encryption_at_rest_options(
            rest.map(|rest| at_rest(OPERATION, rest, late)).transpose()?,
        )
        .set_node_to_node_encryption_options(
            config.node_to_node_encryption_options.map(between_nodes),
        )
        .set_domain_endpoint_options(config.domain_endpoint_options.as_ref().map(endpoint));
    answer(OPERATION, request.send().await)?;
    Ok(())
}
