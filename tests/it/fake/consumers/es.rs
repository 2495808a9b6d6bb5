//! Elasticsearch and OpenSearch domains.

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{CloudError, Fault, Outcome};
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common, Encryption};
use kmsctl::kind::es_domain::{
    AddTags, Call, ClusterConfig, Config, CreateDomain, DeleteDomain, EbsOptions, RemoveTags,
    Settings, UpdateDomainConfig, UpgradeDomain, Version,
};
use kmsctl::kind::{Object, Phase};

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateDomain(CreateDomain { domain_name, engine_version, config, tag_list }) => {
            let common =
                Common { key: Some(Encryption::Aws), existing: None, tags: tags_of(tag_list) };
            let mut spec = consumer::Spec { common, settings: defaults() };
            if let Some(version) = engine_version {
                spec.settings.engine_version = Some(version.clone());
            }
            if let Some(vpc) = &config.vpc_options {
                spec.settings.vpc_subnets = vpc.subnet_ids.clone();
                spec.settings.vpc_security_groups = Some(["sg-default".to_owned()].into());
            }
            configure(request, &mut spec, config)?;
            let spec = ConsumerSpec::EsDomain(spec);
            return request
                .make(shelf, Object { id: domain_name.clone(), spec, phase: Phase::Ready });
        }
        Call::UpdateDomainConfig(UpdateDomainConfig { domain_name, config }) => {
            let held = request.held(shelf, domain_name)?;
            if **config == Config::default() {
                return request.fail(Fault::Invalid, "nothing to change");
            }
            configure(request, spec_of(&mut held.object.spec), config)?;
        }
        Call::UpgradeDomain(UpgradeDomain { domain_name, target_version }) => {
            let held = request.held(shelf, domain_name)?;
            let settings = &mut spec_of(&mut held.object.spec).settings;
            let now = Version::parse(settings.engine_version.as_ref().unwrap()).unwrap();
            if Version::parse(target_version).is_none_or(|new| new <= now) {
                return request.fail(Fault::Invalid, "not a higher version");
            }
            settings.engine_version = Some(target_version.clone());
        }
        Call::AddTags(AddTags { arn, tag_list }) => {
            retag(request.held(shelf, domain(arn))?, tag_list, &[]);
        }
        Call::RemoveTags(RemoveTags { arn, tag_keys }) => {
            retag(request.held(shelf, domain(arn))?, &[], tag_keys);
        }
        Call::DeleteDomain(DeleteDomain { domain_name }) => {
            return request.take(shelf, domain_name);
        }
    }
    Ok(Outcome::Done)
}

fn domain(arn: &str) -> &str {
    assert!(arn.starts_with("arn:aws:es:"), "{arn}");
    arn.rsplit_once('/').unwrap().1
}

fn spec_of(spec: &mut ConsumerSpec) -> &mut consumer::Spec<Settings> {
    let found = match spec {
        ConsumerSpec::EsDomain(spec) => Some(spec),
        _ => None,
    };
    found.expect("a domain")
}

/// Returns AWS's defaults of the settings.
fn defaults() -> Settings {
    Settings {
        engine_version: Some("OpenSearch_2.19".to_owned()),
        instance_type: Some("m4.large.search".to_owned()),
        instance_count: Some(1),
        dedicated_master_count: Some(0),
        zone_awareness: Some(1),
        encrypted: Some(false),
        node_to_node_encryption: Some(false),
        enforce_https: Some(false),
        tls_policy: Some("Policy-Min-TLS-1-2-2019-07".to_owned()),
        ..Settings::default()
    }
}

fn configure(
    request: &Request<'_>,
    spec: &mut consumer::Spec<Settings>,
    config: &Config,
) -> Result<(), CloudError> {
    if let Some(options) = &config.encryption_at_rest_options {
        if spec.settings.encrypted == Some(true) || !options.enabled {
            return request.fail(Fault::Invalid, "what is encrypted stays as it is");
        }
        spec.common.key = Some(request.key(options.kms_key_id.as_ref())?);
        spec.settings.encrypted = Some(true);
    }
    let settings = &mut spec.settings;
    if let Some(options) = config.node_to_node_encryption_options {
        if settings.node_to_node_encryption == Some(true) && !options.enabled {
            return request.fail(Fault::Invalid, "never off again");
        }
        settings.node_to_node_encryption = Some(options.enabled);
    }
    if let Some(vpc) = &config.vpc_options {
        if settings.vpc_subnets.is_none() {
            return request.fail(Fault::Invalid, "a public endpoint stays one");
        }
        settings.vpc_subnets = vpc.subnet_ids.clone().or(settings.vpc_subnets.take());
        settings.vpc_security_groups =
            vpc.security_group_ids.clone().or(settings.vpc_security_groups.take());
    }
    if let Some(policy) = &config.access_policies {
        settings.access_policy = Some(policy.clone());
    }
    if let Some(endpoint) = &config.domain_endpoint_options {
        settings.enforce_https = endpoint.enforce_https.or(settings.enforce_https);
        settings.tls_policy = endpoint.tls_security_policy.clone().or(settings.tls_policy.take());
    }
    config.cluster_config.iter().for_each(|cluster| nodes(settings, cluster));
    config.ebs_options.iter().try_for_each(|ebs| volumes(request, settings, ebs))
}

fn nodes(settings: &mut Settings, cluster: &ClusterConfig) {
    settings.instance_type = cluster.instance_type.clone().or(settings.instance_type.take());
    settings.instance_count = cluster.instance_count.or(settings.instance_count);
    if let Some(on) = cluster.dedicated_master_enabled {
        settings.dedicated_master_count =
            Some(if on { cluster.dedicated_master_count.unwrap() } else { 0 });
        settings.dedicated_master_type =
            if on { cluster.dedicated_master_type.clone() } else { None };
    }
    if let Some(on) = cluster.zone_awareness_enabled {
        let zones = cluster.zone_awareness_config.map(|config| config.availability_zone_count);
        settings.zone_awareness = Some(if on { zones.unwrap_or(2) } else { 1 });
    }
}

fn volumes(
    request: &Request<'_>,
    settings: &mut Settings,
    ebs: &EbsOptions,
) -> Result<(), CloudError> {
    let kind = ebs.volume_type.clone().or(settings.volume_type.clone());
    let kind = kind.unwrap_or("gp3".to_owned());
    if ebs.iops.is_some() && kind == "gp2" || ebs.throughput.is_some() && kind != "gp3" {
        return request.fail(Fault::Invalid, "volumes of this type take no such number");
    }
    let fast = (kind == "gp3").then_some((3000, 125));
    settings.volume_size_gib = ebs.volume_size.or(settings.volume_size_gib);
    settings.iops = ebs.iops.or(fast.map(|(iops, _)| iops));
    settings.throughput = ebs.throughput.or(fast.map(|(_, throughput)| throughput));
    settings.volume_type = Some(kind);
    Ok(())
}
