//! The endpoints of the services with a query protocol.

use super::{Reach, Service};
use crate::id::{PARTITIONS, Region};
use aws_config::SdkConfig;
use aws_sdk_kms::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint,
};
use aws_smithy_types::endpoint::{Endpoint, EndpointAuthScheme};
use aws_types::service_config::ServiceConfigKey;

/// Resolves the endpoints of a service for a configuration.
#[derive(Debug)]
pub(super) struct Endpoints {
    service: Service,
    /// An endpoint that the user sets.
    url: Option<String>,
    /// The rules of KMS, which are those of most services but for the name of the service.
    rules: DefaultResolver,
    region: Option<String>,
    use_fips: Option<bool>,
    use_dual_stack: Option<bool>,
}

impl Endpoints {
    pub(super) fn of(service: Service, config: &SdkConfig) -> Self {
        Self {
            service,
            url: endpoint_url(service, config),
            rules: DefaultResolver::new(),
            region: config.region().map(ToString::to_string),
            use_fips: config.use_fips(),
            use_dual_stack: config.use_dual_stack(),
        }
    }

    pub(super) async fn resolve(&self) -> Result<Endpoint, BoxError> {
        let home = match (&self.url, self.service.reach, &self.region) {
            (None, Reach::Partition(homes), Some(region)) => {
                let partition = partition(region);
                homes.iter().find(|home| home.partition == partition)
            }
            _ => None,
        };
        match home {
            Some(home) => Ok(self.global(home)),
            None => self.regional().await,
        }
    }

    async fn regional(&self) -> Result<Endpoint, BoxError> {
        // In AWS GovCloud (US), the ordinary endpoints of EC2 and RDS are FIPS endpoints (AWS General Reference,
        // "Amazon EC2 endpoints and quotas" and "Amazon RDS endpoints and quotas").
        let is_fips = self.url.is_none()
            && self.use_dual_stack != Some(true)
            && self.region.as_deref().map(partition) == Some("aws-us-gov");
        let params = Params::builder()
            .set_region(self.region.clone())
            .set_use_fips(self.use_fips.filter(|_| !is_fips))
            .set_use_dual_stack(self.use_dual_stack)
            .set_endpoint(self.url.clone())
            .build()?;
        let endpoint = self.rules.resolve_endpoint(&params).await?;
        if self.url.is_some() {
            return Ok(endpoint);
        }
        let rest = endpoint.url().strip_prefix("https://kms");
        let rest = rest.ok_or_else(|| format!("`{}` is no endpoint of KMS", endpoint.url()))?;
        Ok(Endpoint::builder().url(format!("https://{}{rest}", self.service.name)).build())
    }

    /// Returns the endpoint of a service that has one for all Regions of a partition.
    fn global(&self, home: &Home) -> Endpoint {
        let host = match (self.use_fips == Some(true), self.use_dual_stack == Some(true)) {
            (false, false) => home.plain,
            (true, false) => home.fips,
            (false, true) => home.dual_stack,
            (true, true) => home.both,
        };
        let scheme = EndpointAuthScheme::with_capacity("sigv4", 1);
        Endpoint::builder()
            .url(format!("https://{host}"))
            .auth_scheme(scheme.put("signingRegion", home.region))
            .build()
    }
}

impl ResolveEndpoint for Endpoints {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(self.resolve())
    }
}

/// Returns the partition of a Region, which may be a pseudo-Region such as `aws-cn-global`.
fn partition(region: &str) -> &'static str {
    let is_pseudo = |name| region.strip_suffix("-global") == Some(name);
    match PARTITIONS.iter().find(|partition| is_pseudo(partition.name)) {
        Some(partition) => partition.name,
        None => region.parse().map_or("aws", |region: Region| region.partition()),
    }
}

/// Returns the endpoint that the program, the environment or the AWS configuration file sets for the service, and
/// otherwise the one for all services (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
fn endpoint_url(service: Service, config: &SdkConfig) -> Option<String> {
    let everywhere = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return everywhere;
    }
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config.service_config().and_then(|file| file.load_config(key));
    own.or(everywhere)
}

/// The one place of a global service in a partition: the Region of its signatures and its hosts.
#[derive(Debug)]
pub(super) struct Home {
    partition: &'static str,
    region: &'static str,
    plain: &'static str,
    fips: &'static str,
    dual_stack: &'static str,
    /// The host for FIPS and dual stack.
    both: &'static str,
}

/// IAM in every partition (AWS General Reference, "AWS Identity and Access Management endpoints and quotas", and
/// the endpoint rules of IAM in the SDKs).
pub(super) const IAM_HOMES: &[Home] = &[
    Home {
        partition: "aws",
        region: "us-east-1",
        plain: "iam.amazonaws.com",
        fips: "iam-fips.amazonaws.com",
        dual_stack: "iam.global.api.aws",
        both: "iam-fips.global.api.aws",
    },
    Home {
        partition: "aws-cn",
        region: "cn-north-1",
        plain: "iam.cn-north-1.amazonaws.com.cn",
        fips: "iam-fips.amazonaws.com.cn",
        dual_stack: "iam.global.api.amazonwebservices.com.cn",
        both: "iam-fips.api.amazonwebservices.com.cn",
    },
    Home {
        partition: "aws-eusc",
        region: "eusc-de-east-1",
        plain: "iam.eusc-de-east-1.amazonaws.eu",
        fips: "iam-fips.amazonaws.eu",
        dual_stack: "iam.global.api.amazonwebservices.eu",
        both: "iam-fips.api.amazonwebservices.eu",
    },
    Home {
        partition: "aws-iso",
        region: "us-iso-east-1",
        plain: "iam.us-iso-east-1.c2s.ic.gov",
        fips: "iam-fips.us-iso-east-1.c2s.ic.gov",
        dual_stack: "iam.api.aws.ic.gov",
        both: "iam-fips.api.aws.ic.gov",
    },
    Home {
        partition: "aws-iso-b",
        region: "us-isob-east-1",
        plain: "iam.us-isob-east-1.sc2s.sgov.gov",
        fips: "iam-fips.us-isob-east-1.sc2s.sgov.gov",
        dual_stack: "iam.api.aws.scloud",
        both: "iam-fips.api.aws.scloud",
    },
    Home {
        partition: "aws-iso-e",
        region: "eu-isoe-west-1",
        plain: "iam.eu-isoe-west-1.cloud.adc-e.uk",
        fips: "iam-fips.cloud.adc-e.uk",
        dual_stack: "iam.api.cloud-aws.adc-e.uk",
        both: "iam-fips.api.cloud-aws.adc-e.uk",
    },
    Home {
        partition: "aws-iso-f",
        region: "us-isof-south-1",
        plain: "iam.us-isof-south-1.csp.hci.ic.gov",
        fips: "iam-fips.csp.hci.ic.gov",
        dual_stack: "iam.api.aws.hci.ic.gov",
        both: "iam-fips.api.aws.hci.ic.gov",
    },
    Home {
        partition: "aws-us-gov",
        region: "us-gov-west-1",
        plain: "iam.us-gov.amazonaws.com",
        fips: "iam.us-gov.amazonaws.com",
        dual_stack: "iam.us-gov.api.aws",
        both: "iam.us-gov.api.aws",
    },
];

#[cfg(test)]
mod tests {
    use super::super::{EC2, IAM, RDS};
    use super::*;
    use aws_types::origin::Origin;
    use aws_types::sdk_config::Builder;
    use aws_types::service_config::LoadServiceConfig;

    /// FIPS and dual stack.
    const VARIANTS: [(bool, bool); 4] =
        [(false, false), (true, false), (false, true), (true, true)];

    fn config(region: &str) -> Builder {
        SdkConfig::builder().region(aws_config::Region::new(region.to_owned()))
    }

    /// Returns the host, and the Region of the signatures if it is not that of the configuration.
    async fn endpoint(
        service: Service,
        region: &str,
        (fips, dual_stack): (bool, bool),
    ) -> (String, Option<String>) {
        let config = config(region).use_fips(fips).use_dual_stack(dual_stack).build();
        let found = Endpoints::of(service, &config).resolve().await.unwrap();
        let signed = found.auth_schemes().first().and_then(|scheme| {
            assert_eq!(scheme.name(), "sigv4");
            scheme.get("signingRegion")?.as_string().map(str::to_owned)
        });
        (found.url().strip_prefix("https://").unwrap().to_owned(), signed)
    }

    /// Amazon EC2 endpoints and quotas, and Amazon RDS endpoints and quotas (AWS General Reference), and the endpoint
    /// rules of both in the SDKs.
    #[tokio::test]
    async fn a_regional_service_has_an_endpoint_in_each_region_of_every_partition() {
        for (region, ends) in [
            (
                "eu-west-1",
                [
                    ".eu-west-1.amazonaws.com",
                    "-fips.eu-west-1.amazonaws.com",
                    ".eu-west-1.api.aws",
                    "-fips.eu-west-1.api.aws",
                ],
            ),
            (
                "us-gov-west-1",
                [
                    ".us-gov-west-1.amazonaws.com",
                    ".us-gov-west-1.amazonaws.com",
                    ".us-gov-west-1.api.aws",
                    "-fips.us-gov-west-1.api.aws",
                ],
            ),
            (
                "cn-north-1",
                [
                    ".cn-north-1.amazonaws.com.cn",
                    "-fips.cn-north-1.amazonaws.com.cn",
                    ".cn-north-1.api.amazonwebservices.com.cn",
                    "-fips.cn-north-1.api.amazonwebservices.com.cn",
                ],
            ),
            (
                "eusc-de-east-1",
                [
                    ".eusc-de-east-1.amazonaws.eu",
                    "-fips.eusc-de-east-1.amazonaws.eu",
                    ".eusc-de-east-1.api.amazonwebservices.eu",
                    "-fips.eusc-de-east-1.api.amazonwebservices.eu",
                ],
            ),
            (
                "us-iso-east-1",
                [
                    ".us-iso-east-1.c2s.ic.gov",
                    "-fips.us-iso-east-1.c2s.ic.gov",
                    ".us-iso-east-1.api.aws.ic.gov",
                    "-fips.us-iso-east-1.api.aws.ic.gov",
                ],
            ),
        ] {
            for (variant, end) in VARIANTS.into_iter().zip(ends) {
                for service in [EC2, RDS] {
                    let expected = (format!("{}{end}", service.name), None);
                    assert_eq!(endpoint(service, region, variant).await, expected);
                }
            }
        }
    }

    /// AWS Identity and Access Management endpoints and quotas (AWS General Reference), and the endpoint rules of IAM
    /// in the SDKs.
    #[tokio::test]
    async fn iam_has_one_endpoint_in_each_partition() {
        for (region, signed, hosts) in [
            (
                "eu-west-1",
                "us-east-1",
                [
                    "iam.amazonaws.com",
                    "iam-fips.amazonaws.com",
                    "iam.global.api.aws",
                    "iam-fips.global.api.aws",
                ],
            ),
            (
                "cn-northwest-1",
                "cn-north-1",
                [
                    "iam.cn-north-1.amazonaws.com.cn",
                    "iam-fips.amazonaws.com.cn",
                    "iam.global.api.amazonwebservices.com.cn",
                    "iam-fips.api.amazonwebservices.com.cn",
                ],
            ),
            (
                "us-gov-east-1",
                "us-gov-west-1",
                [
                    "iam.us-gov.amazonaws.com",
                    "iam.us-gov.amazonaws.com",
                    "iam.us-gov.api.aws",
                    "iam.us-gov.api.aws",
                ],
            ),
            (
                "us-iso-west-1",
                "us-iso-east-1",
                [
                    "iam.us-iso-east-1.c2s.ic.gov",
                    "iam-fips.us-iso-east-1.c2s.ic.gov",
                    "iam.api.aws.ic.gov",
                    "iam-fips.api.aws.ic.gov",
                ],
            ),
        ] {
            for (variant, host) in VARIANTS.into_iter().zip(hosts) {
                let expected = (host.to_owned(), Some(signed.to_owned()));
                assert_eq!(endpoint(IAM, region, variant).await, expected);
            }
        }
        for partition in PARTITIONS {
            let (host, signed) = endpoint(IAM, partition.example, VARIANTS[0]).await;
            assert!(host.ends_with(partition.domain), "{host}");
            assert_eq!(signed.as_deref(), Some(partition.example), "{host}");
        }
        let china = endpoint(IAM, "cn-north-1", VARIANTS[0]).await;
        assert_eq!(endpoint(IAM, "aws-cn-global", VARIANTS[0]).await, china);
    }

    #[tokio::test]
    async fn an_endpoint_of_the_user_is_used_as_it_is() {
        let url = "http://127.0.0.1:4566/kms";
        for service in [EC2, IAM, RDS] {
            for region in ["eu-west-1", "us-gov-west-1"] {
                let own = || config(region).endpoint_url(url);
                let found = Endpoints::of(service, &own().build()).resolve().await.unwrap();
                assert_eq!((found.url(), found.auth_schemes().len()), (url, 0));
                let fips = Endpoints::of(service, &own().use_fips(true).build());
                let error = fips.resolve().await.unwrap_err().to_string();
                assert!(error.contains("FIPS and custom endpoint are not supported"), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn without_a_region_there_is_no_endpoint() {
        for service in [EC2, IAM, RDS] {
            let endpoints = Endpoints::of(service, &SdkConfig::builder().build());
            let error = endpoints.resolve().await.unwrap_err().to_string();
            assert!(error.contains("Missing Region"), "{error}");
        }
    }

    /// The endpoints in the environment or in the AWS configuration file.
    #[derive(Debug)]
    struct Named;

    impl LoadServiceConfig for Named {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            assert_eq!((key.env(), key.profile()), ("AWS_ENDPOINT_URL", "endpoint_url"));
            (key.service_id() != "EC2").then(|| format!("http://own/{}", key.service_id()))
        }
    }

    #[test]
    fn the_endpoint_of_a_service_goes_before_the_one_for_all_services() {
        let set = |origin| {
            let mut config = config("eu-west-1").endpoint_url("http://all").service_config(Named);
            config.insert_origin("endpoint_url", origin);
            let config = config.build();
            [EC2, IAM, RDS].map(|service| Endpoints::of(service, &config).url.unwrap())
        };
        let of_the_environment = set(Origin::shared_environment_variable());
        assert_eq!(of_the_environment, ["http://all", "http://own/IAM", "http://own/RDS"]);
        assert_eq!(set(Origin::shared_config()), ["http://all"; 3]);
    }
}
