//! The operations of IAM, STS and the Resource Groups Tagging API.

use super::{Bound, Need, On, Operation, Service};

/// The operations of IAM.
pub(super) const IAM: Service = Service {
    name: "iam",
    source: "Service Authorization Reference, \"AWS Identity and Access Management\"",
    operations: &[
        Operation::read(
            "GetRole",
            &[Need::new("iam:GetRole", On::Arns(&["{id}"])).sid("ReadIdentities")],
        ),
        Operation::read(
            "GetUser",
            &[Need::new("iam:GetUser", On::Arns(&["{id}"])).sid("ReadIdentities")],
        ),
        Operation::read(
            "ListAccountAliases",
            &[Need::new("iam:ListAccountAliases", On::Global).sid("ReadAccountAlias").optional()],
        ),
        Operation::read(
            "SimulatePrincipalPolicy",
            &[Need::new("iam:SimulatePrincipalPolicy", On::Arns(&["{id}"]))
                .sid("Preflight")
                .optional()],
        ),
        Operation::create(
            "CreateServiceLinkedRole",
            &[Need::new(
                "iam:CreateServiceLinkedRole",
                On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/{service}/*"]),
            )
            .bounds(&[Bound::OwnServiceName])
            .sid("CreateServiceLinkedRoles")],
        ),
    ],
};

/// The operations of STS.
pub(super) const STS: Service = Service {
    name: "sts",
    source: "Service Authorization Reference, \"AWS Security Token Service\"",
    operations: &[
        // "No permissions are required to perform this operation" (STS API Reference, GetCallerIdentity).
        Operation::read("GetCallerIdentity", &[]),
        Operation::read(
            "AssumeRole",
            &[Need::new("sts:AssumeRole", On::Arns(&["{id}"])).sid("AssumeRoles")],
        ),
    ],
};

/// The operations of the Resource Groups Tagging API.
pub(super) const TAGGING: Service = Service {
    name: "resourcegroupstaggingapi",
    source: "Service Authorization Reference, \"Amazon Resource Group Tagging API\"",
    operations: &[Operation::read(
        "GetResources",
        &[Need::new("tag:GetResources", On::Everything).sid("FindTaggedResources")],
    )],
};
