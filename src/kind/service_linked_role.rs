//! Service-linked roles. A key policy can name a role only after the role exists, and a new account
//! has none.
//!
//! kmsctl creates a missing role, and neither changes nor deletes one, because a role belongs to
//! its service and its uses are not known. The name of a role follows from its declaration, so an
//! existing role needs no tags to be found.

pub(crate) mod aws;

use super::call::calls;
use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use crate::id::{BadId, IdentityArn, Name, Place, RoleSuffix};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A service with a documented role name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    principal: &'static str,
    role: &'static str,
    /// Whether the service can have several roles, which a suffix distinguishes.
    suffixed: bool,
}

/// The services, with the pages of their user guides that document the role names:
///
/// | Service | Guide |
/// |---|---|
/// | `autoscaling` | Amazon EC2 Auto Scaling User Guide, "Service-linked roles": the suffix follows `_` |
/// | `cloudtrail` | AWS CloudTrail User Guide, "Using service-linked roles" |
/// | `elasticfilesystem` | Amazon EFS User Guide, "Using service-linked roles" |
/// | `es`, `opensearchservice` | Amazon OpenSearch Service Developer Guide, "Using service-linked roles to create VPC domains" |
/// | `rds` | Amazon RDS User Guide, "Using service-linked roles" |
/// | `spot` | Amazon EC2 User Guide, "Service-linked role for Spot Instance requests" |
const KNOWN: &[Known] = &[
    Known {
        principal: "autoscaling.amazonaws.com",
        role: "AWSServiceRoleForAutoScaling",
        suffixed: true,
    },
    Known {
        principal: "cloudtrail.amazonaws.com",
        role: "AWSServiceRoleForCloudTrail",
        suffixed: false,
    },
    Known {
        principal: "elasticfilesystem.amazonaws.com",
        role: "AWSServiceRoleForAmazonElasticFileSystem",
        suffixed: false,
    },
    Known {
        principal: "es.amazonaws.com",
        role: "AWSServiceRoleForAmazonElasticsearchService",
        suffixed: false,
    },
    Known {
        principal: "opensearchservice.amazonaws.com",
        role: "AWSServiceRoleForAmazonOpenSearchService",
        suffixed: false,
    },
    Known { principal: "rds.amazonaws.com", role: "AWSServiceRoleForRDS", suffixed: false },
    Known { principal: "spot.amazonaws.com", role: "AWSServiceRoleForEC2Spot", suffixed: false },
];

/// The largest number of characters of a role name (IAM User Guide, "IAM and AWS STS quotas").
const LONGEST: usize = 64;

/// A service whose role kmsctl can create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Service(&'static Known);

impl Service {
    /// Returns the service principals of all services.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        KNOWN.iter().map(|known| known.principal).collect()
    }

    /// Returns the service principals of the services whose roles can have a suffix.
    #[must_use]
    pub fn suffixed() -> Vec<&'static str> {
        KNOWN.iter().filter(|known| known.suffixed).map(|known| known.principal).collect()
    }

    /// Returns the service principal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.principal
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        KNOWN.iter().find(|known| known.principal == text).map(Self).ok_or_else(|| BadId {
            message: format!("`{text}` is not a service whose role kmsctl can create"),
            help: format!("known: {}", Self::names().join(", ")),
        })
    }
}

impl TryFrom<String> for Service {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.as_str().to_owned()
    }
}

/// A service-linked role. It is serialized as the name in its address: `SERVICE` or
/// `SERVICE/SUFFIX`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The service that assumes the role.
    pub service: Service,
    /// The suffix that distinguishes the roles of one service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<RoleSuffix>,
}

impl Spec {
    /// Creates a role, if the service allows it.
    ///
    /// # Errors
    /// Returns an error if the service supports no suffix, or if the name is too long.
    pub fn new(service: Service, suffix: Option<RoleSuffix>) -> Result<Self, BadId> {
        if suffix.is_some() && !service.0.suffixed {
            return Err(BadId {
                message: format!("the role of `{service}` does not support a suffix"),
                help: "remove the suffix: an account has one role for this service".to_owned(),
            });
        }
        let spec = Self { service, suffix };
        let length = spec.name().chars().count();
        if length > LONGEST {
            return Err(BadId {
                message: format!("`{}` has {length} characters", spec.name()),
                help: format!("the name of a role has at most {LONGEST}: shorten the suffix"),
            });
        }
        Ok(spec)
    }

    /// Returns the name of the role.
    #[must_use]
    pub fn name(&self) -> String {
        let role = self.service.0.role;
        match &self.suffix {
            Some(suffix) => format!("{role}_{suffix}"),
            None => role.to_owned(),
        }
    }

    /// Returns the ARN of the role in the account of `place` (IAM User Guide, "Create a
    /// service-linked role").
    #[must_use]
    pub fn arn(&self, place: &Place) -> String {
        format!(
            "arn:{}:iam::{}:role/aws-service-role/{}/{}",
            place.region.partition(),
            place.account,
            self.service,
            self.name()
        )
    }

    /// Returns the service-linked role with the given ARN.
    #[must_use]
    pub fn of(identity: &IdentityArn) -> Option<Self> {
        // The path of another identity can contain the text of an ARN.
        let resource = identity.as_str().splitn(6, ':').nth(5)?;
        let role = resource.strip_prefix("role/aws-service-role/")?;
        let (service, name) = role.split_once('/')?;
        let service: Service = service.parse().ok()?;
        let suffix = match name.strip_prefix(service.0.role)? {
            "" => None,
            rest => Some(rest.strip_prefix('_')?.parse().ok()?),
        };
        Self::new(service, suffix).ok()
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.suffix {
            Some(suffix) => write!(f, "{}/{suffix}", self.service),
            None => self.service.fmt(f),
        }
    }
}

impl FromStr for Spec {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        match text.split_once('/') {
            Some((service, suffix)) => Self::new(service.parse()?, Some(suffix.parse()?)),
            None => Self::new(text.parse()?, None),
        }
    }
}

calls! {
    /// The calls that change a service-linked role.
    pub enum Call {
        CreateServiceLinkedRole {
            #[serde(rename = "AWSServiceName")]
            aws_service_name: Service,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            custom_suffix: Option<RoleSuffix>,
        },
    }
}

impl Call {
    /// Returns the role that the call creates.
    #[must_use]
    pub fn role(&self) -> Spec {
        let Self::CreateServiceLinkedRole(call) = self;
        Spec { service: call.aws_service_name, suffix: call.custom_suffix.clone() }
    }
}

/// The kind of service-linked roles.
#[derive(Debug)]
pub struct ServiceLinkedRole;

impl Resource for ServiceLinkedRole {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "iam";

    fn refs(_: &Spec) -> Vec<&KeyRef> {
        Vec::new()
    }

    fn natural(spec: &Spec, place: &Place) -> Option<String> {
        Some(spec.arn(place))
    }

    fn complete(declared: &Spec, _: &Spec, _: &Name) -> Spec {
        declared.clone()
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let calls = match change {
            Change::Create { to } => vec![
                CreateServiceLinkedRole {
                    aws_service_name: to.service,
                    custom_suffix: to.suffix.clone(),
                }
                .into(),
            ],
            // A role has no other fields than its service and its suffix, which are its address.
            Change::Update { .. } | Change::Import { .. } | Change::Forget { .. } => Vec::new(),
            Change::Delete { .. } => {
                let reason =
                    "kmsctl does not delete service-linked roles, because a service may use them";
                let help = "delete it in IAM, which checks whether the service still uses the role";
                return Err(vec![Violation::new("", reason, help)]);
            }
        };
        Ok(Calls::all_at(setting.place, calls))
    }

    fn retry(_: &Call) -> Retry {
        Retry::ProbeByName
    }

    fn changes_key(_: &Call) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "cn-north-1".parse().unwrap() }
    }

    #[test]
    fn every_role_is_parsed_from_its_arn_and_its_address() {
        for text in Service::names().into_iter().chain(["autoscaling.amazonaws.com/kms"]) {
            let spec: Spec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            let arn = spec.arn(&home());
            assert_eq!(Spec::of(&arn.parse().unwrap()), Some(spec), "{arn}");
        }
        let suffixed: Spec = "autoscaling.amazonaws.com/kms".parse().unwrap();
        assert_eq!(
            suffixed.arn(&home()),
            "arn:aws-cn:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/\
             AWSServiceRoleForAutoScaling_kms"
        );
    }

    #[test]
    fn roles_that_aws_cannot_create_are_refused() {
        let long = format!("autoscaling.amazonaws.com/{}", "x".repeat(36));
        for text in [
            "ec2.amazonaws.com",
            "rds.amazonaws.com/kms",
            "autoscaling.amazonaws.com/",
            "autoscaling.amazonaws.com/a b",
            "autoscaling.amazonaws.com/a/b",
            &long,
        ] {
            assert!(text.parse::<Spec>().is_err(), "{text}");
        }
        let of = |rest: &str| {
            Spec::of(&format!("arn:aws:iam::111122223333:role/{rest}").parse().unwrap())
        };
        assert_eq!(of("AWSServiceRoleForAutoScaling"), None);
        assert_eq!(of("aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS_kms"), None);
        assert_eq!(of("aws-service-role/ec2.amazonaws.com/AWSServiceRoleForEC2"), None);
        assert_eq!(of("aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDSBeta"), None);
    }

    #[test]
    fn the_call_has_the_parameter_names_of_aws() {
        let suffix = Some("kms".parse().unwrap());
        let aws_service_name = "autoscaling.amazonaws.com".parse().unwrap();
        let call = CreateServiceLinkedRole { aws_service_name, custom_suffix: suffix }.into();
        let json = serde_json::to_value(&call).unwrap();
        let expected = serde_json::json!({"CreateServiceLinkedRole": {
            "AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "kms"}});
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Call>(json).unwrap(), call);
    }
}
