//! The operations of CloudTrail.

use super::{Bound, Need, On, Operation, Service, When};

const STORE_KEY: &str = "CloudTrail uses the key with the rights of the caller (CloudTrail API Reference, \
                         CreateEventDataStore)";
const ORGANIZATION: &str = "a trail or event data store of an organization (AWS CloudTrail User Guide, \"Prepare for creating \
                            a trail for your organization\")";
const OF_ORGANIZATION: When = When::Is("organization", true);
/// A request for tags names every trail, or every event data store, of the Region.
const ALL: On = On::Arns(&[
    "arn:{P}:cloudtrail:{R}:{A}:eventdatastore/*",
    "arn:{P}:cloudtrail:{R}:{A}:trail/*",
]);
const SERVICE_ROLE: Need = Need::new(
    "iam:CreateServiceLinkedRole",
    On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/cloudtrail.amazonaws.com/*"]),
)
.bounds(&[Bound::ServiceName("cloudtrail.amazonaws.com")])
.when(OF_ORGANIZATION)
.sid("FirstOrganizationTrail")
.dependent(ORGANIZATION);
const SERVICE_ROLE_READ: Need = Need::new(
    "iam:GetRole",
    On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/cloudtrail.amazonaws.com/*"]),
)
.when(OF_ORGANIZATION)
.sid("OrganizationTrails")
.dependent(ORGANIZATION);
const DESCRIBE_ORGANIZATION: Need = of_organization("organizations:DescribeOrganization");
const LIST_ACCESS: Need = of_organization("organizations:ListAWSServiceAccessForOrganization");

const fn of_organization(action: &'static str) -> Need {
    Need::new(action, On::Global)
        .when(OF_ORGANIZATION)
        .sid("OrganizationTrails")
        .dependent(ORGANIZATION)
}

/// The operations of CloudTrail.
pub(super) const CLOUDTRAIL: Service = Service {
    name: "cloudtrail",
    source: "Service Authorization Reference, \"AWS CloudTrail\"",
    operations: &[
        Operation::read(
            "DescribeTrails",
            &[Need::new("cloudtrail:DescribeTrails", On::Everything)],
        ),
        Operation::read("GetTrailStatus", &[Need::new("cloudtrail:GetTrailStatus", On::Own)]),
        Operation::read("GetEventSelectors", &[Need::new("cloudtrail:GetEventSelectors", On::Own)]),
        Operation::read("GetTrail", &[Need::new("cloudtrail:GetTrail", On::Own)]),
        Operation::read("ListTags", &[Need::new("cloudtrail:ListTags", ALL)]),
        Operation::read(
            "ListEventDataStores",
            &[Need::new("cloudtrail:ListEventDataStores", On::Everything)],
        ),
        Operation::read("GetEventDataStore", &[Need::new("cloudtrail:GetEventDataStore", On::Own)]),
        Operation::create(
            "CreateTrail",
            &[
                Need::new("cloudtrail:CreateTrail", On::Own),
                Need::new("cloudtrail:AddTags", On::Own),
                SERVICE_ROLE,
                SERVICE_ROLE_READ,
                DESCRIBE_ORGANIZATION,
                LIST_ACCESS,
            ],
        ),
        Operation::change(
            "UpdateTrail",
            &[
                Need::new("cloudtrail:UpdateTrail", On::Own),
                SERVICE_ROLE,
                SERVICE_ROLE_READ,
                DESCRIBE_ORGANIZATION,
                LIST_ACCESS,
            ],
        ),
        Operation::change(
            "PutEventSelectors",
            &[Need::new("cloudtrail:PutEventSelectors", On::Own)],
        )
        .when(When::Set(&["event_selectors", "advanced_event_selectors"])),
        Operation::change("StartLogging", &[Need::new("cloudtrail:StartLogging", On::Own)])
            .when(When::Is("logging", true)),
        Operation::change("StopLogging", &[Need::new("cloudtrail:StopLogging", On::Own)])
            .when(When::Is("logging", false)),
        Operation::change("AddTags", &[Need::new("cloudtrail:AddTags", On::Own)]),
        Operation::change("RemoveTags", &[Need::new("cloudtrail:RemoveTags", On::Own)]),
        Operation::delete("DeleteTrail", &[Need::new("cloudtrail:DeleteTrail", On::Own)]),
        Operation::create(
            "CreateEventDataStore",
            &[
                Need::new(
                    "cloudtrail:CreateEventDataStore",
                    On::Arns(&["arn:{P}:cloudtrail:{R}:{A}:eventdatastore/*"]),
                )
                .bounds(&[Bound::NewTags]),
                Need::new(
                    "cloudtrail:AddTags",
                    On::Arns(&["arn:{P}:cloudtrail:{R}:{A}:eventdatastore/*"]),
                )
                .bounds(&[Bound::NewTags]),
                Need::new("kms:GenerateDataKey", On::Key).dependent(STORE_KEY),
                Need::new("kms:Decrypt", On::Key).dependent(STORE_KEY),
                SERVICE_ROLE,
                SERVICE_ROLE_READ,
                DESCRIBE_ORGANIZATION,
                LIST_ACCESS,
            ],
        ),
        Operation::change(
            "UpdateEventDataStore",
            &[
                Need::new("cloudtrail:UpdateEventDataStore", On::Own),
                Need::new("kms:GenerateDataKey", On::Key).dependent(STORE_KEY),
                Need::new("kms:Decrypt", On::Key).dependent(STORE_KEY),
            ],
        ),
        Operation::delete(
            "DeleteEventDataStore",
            &[Need::new("cloudtrail:DeleteEventDataStore", On::Own)],
        ),
    ],
};
