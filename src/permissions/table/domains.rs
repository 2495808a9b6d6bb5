//! The operations of OpenSearch Service.

use super::{Bound, Need, On, Operation, Service, When};

const DOMAIN_KEY: &str = "OpenSearch Service uses the key with the rights of the caller (Amazon OpenSearch Service Developer \
                          Guide, \"Encryption of data at rest\")";
const VIA_ES: Bound = Bound::Via("es");

/// The operations of OpenSearch Service.
pub(super) const OPENSEARCH: Service = Service {
    name: "opensearch",
    source: "Service Authorization Reference, \"Amazon OpenSearch Service\"",
    operations: &[
        Operation::read("ListDomainNames", &[Need::new("es:ListDomainNames", On::Everything)]),
        Operation::read("DescribeDomains", &[Need::new("es:DescribeDomains", On::Own)]),
        Operation::read("DescribeDomain", &[Need::new("es:DescribeDomain", On::Own)]),
        Operation::read("ListTags", &[Need::new("es:ListTags", On::Own)]),
        Operation::create(
            "CreateDomain",
            &[
                Need::new("es:CreateDomain", On::Own),
                Need::new("es:AddTags", On::Own),
                Need::new("kms:DescribeKey", On::Key).bounds(&[VIA_ES]).dependent(DOMAIN_KEY),
                Need::new("kms:CreateGrant", On::Key)
                    .bounds(&[VIA_ES, Bound::ForAwsResource])
                    .dependent(DOMAIN_KEY),
            ],
        ),
        Operation::change(
            "UpdateDomainConfig",
            &[
                Need::new("es:UpdateDomainConfig", On::Own),
                Need::new("kms:DescribeKey", On::Key)
                    .bounds(&[VIA_ES])
                    .when(When::HasKey)
                    .dependent(DOMAIN_KEY),
                Need::new("kms:CreateGrant", On::Key)
                    .bounds(&[VIA_ES, Bound::ForAwsResource])
                    .when(When::HasKey)
                    .dependent(DOMAIN_KEY),
            ],
        ),
        Operation::change("UpgradeDomain", &[Need::new("es:UpgradeDomain", On::Own)])
            .when(When::Set(&["engine_version"])),
        Operation::change("AddTags", &[Need::new("es:AddTags", On::Own)]),
        Operation::change("RemoveTags", &[Need::new("es:RemoveTags", On::Own)]),
        Operation::delete("DeleteDomain", &[Need::new("es:DeleteDomain", On::Own)]),
    ],
};
