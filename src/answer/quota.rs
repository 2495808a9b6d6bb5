//! The quotas that AWS's errors are about, and how they are raised. Pure data.

/// A quota of a service.
struct Quota {
    /// The codes of the errors.
    codes: &'static [&'static str],
    /// The operations. The list is empty if the codes stand for one quota of all operations.
    operations: &'static [&'static str],
    /// What the quota limits, with its default.
    what: &'static str,
    raised: Raised,
}

/// How a quota is raised.
#[derive(Clone, Copy)]
enum Raised {
    /// Service Quotas raises it for the service.
    For(&'static str),
    /// AWS does not raise it.
    Never,
}

use Raised::{For, Never};

const LIMIT: &[&str] = &["LimitExceededException"];

/// KMS Developer Guide, "Quotas"; DynamoDB Developer Guide, "Quotas in Amazon DynamoDB"; CloudTrail User Guide, "Quotas
/// in AWS CloudTrail"; RDS User Guide, "Quotas and constraints for Amazon RDS"; EFS User Guide, "Amazon EFS quotas";
/// OpenSearch Service Developer Guide, "Amazon OpenSearch Service quotas"; EBS User Guide, "Quotas for Amazon EBS"; IAM
/// User Guide, "IAM and AWS STS quotas".
const QUOTAS: &[Quota] = &[
    Quota {
        codes: LIMIT,
        operations: &["CreateKey", "ReplicateKey"],
        what: "KMS keys in an account and Region (100,000 by default)",
        raised: For("AWS KMS"),
    },
    Quota {
        codes: LIMIT,
        operations: &["CreateAlias", "UpdateAlias"],
        what: "aliases per KMS key (50 by default)",
        raised: For("AWS KMS"),
    },
    Quota {
        codes: LIMIT,
        operations: &["CreateGrant"],
        what: "grants per KMS key (50,000 by default)",
        raised: For("AWS KMS"),
    },
    Quota {
        codes: LIMIT,
        operations: &["PutKeyPolicy"],
        what: "the size of a key policy (32 KB)",
        raised: Never,
    },
    Quota {
        codes: LIMIT,
        operations: &["RotateKeyOnDemand"],
        what: "rotations of a KMS key on demand (25 for its lifetime)",
        raised: Never,
    },
    Quota {
        codes: LIMIT,
        operations: &["CreateTable"],
        what: "DynamoDB tables in an account and Region (2,500 by default), or table operations at a time (500)",
        raised: For("Amazon DynamoDB"),
    },
    Quota {
        codes: LIMIT,
        operations: &["UpdateTable", "DeleteTable", "UpdateContinuousBackups"],
        what: "DynamoDB table operations at a time (500)",
        raised: For("Amazon DynamoDB"),
    },
    Quota {
        codes: &["LimitExceededException", "ServiceQuotaExceededException"],
        operations: &["CreateDomain", "UpdateDomainConfig", "UpgradeDomain"],
        what: "OpenSearch Service domains in an account and Region, or nodes of a domain",
        raised: For("Amazon OpenSearch Service"),
    },
    Quota {
        codes: &["MaximumNumberOfTrailsExceededException"],
        operations: &[],
        what: "CloudTrail trails in a Region (5, with the trails of other Regions that record all Regions)",
        raised: Never,
    },
    Quota {
        codes: &["EventDataStoreMaxLimitExceededException"],
        operations: &[],
        what: "CloudTrail event data stores in a Region, with those that wait for their deletion (10)",
        raised: Never,
    },
    Quota {
        codes: &["TagsLimitExceededException", "TagLimitExceeded"],
        operations: &[],
        what: "tags of a resource (50)",
        raised: Never,
    },
    Quota {
        codes: &["FileSystemLimitExceeded"],
        operations: &[],
        what: "EFS file systems in an account and Region (1,000 by default)",
        raised: For("Amazon EFS"),
    },
    Quota {
        codes: &["ThroughputLimitExceeded"],
        operations: &[],
        what: "the throughput of an EFS file system",
        raised: For("Amazon EFS"),
    },
    Quota {
        codes: &["NetworkInterfaceLimitExceeded"],
        operations: &[],
        what: "network interfaces in a Region",
        raised: For("Amazon VPC"),
    },
    Quota {
        codes: &["SecurityGroupLimitExceeded"],
        operations: &[],
        what: "security groups of a network interface (5 by default)",
        raised: For("Amazon VPC"),
    },
    Quota {
        codes: &["InstanceQuotaExceeded"],
        operations: &[],
        what: "DB instances in an account and Region (40 by default)",
        raised: For("Amazon RDS"),
    },
    Quota {
        codes: &["StorageQuotaExceeded"],
        operations: &[],
        what: "the storage of all DB instances in an account and Region (100,000 GiB by default)",
        raised: For("Amazon RDS"),
    },
    Quota {
        codes: &["DBClusterQuotaExceededFault"],
        operations: &[],
        what: "DB clusters in an account and Region (40 by default)",
        raised: For("Amazon RDS"),
    },
    Quota {
        codes: &["SnapshotQuotaExceeded"],
        operations: &[],
        what: "manual snapshots of databases in an account and Region (100 by default)",
        raised: For("Amazon RDS"),
    },
    Quota {
        codes: &["VolumeLimitExceeded"],
        operations: &[],
        what: "the storage of all EBS volumes of a type in an account and Region",
        raised: For("Amazon EBS"),
    },
    Quota {
        codes: &["MaxIOPSLimitExceeded"],
        operations: &[],
        what: "the IOPS of all EBS volumes of a type in an account and Region",
        raised: For("Amazon EBS"),
    },
    Quota {
        codes: &["LimitExceeded"],
        operations: &["CreateServiceLinkedRole"],
        what: "IAM roles in an account (1,000 by default)",
        raised: For("IAM"),
    },
];

/// Returns which quota an error is about and how it is raised, as the end of the error's message; an empty text if the
/// error is about no known quota.
pub(super) fn named(operation: &str, code: Option<&str>) -> String {
    let known = QUOTAS.iter().find(|quota| {
        code.is_some_and(|code| quota.codes.contains(&code))
            && (quota.operations.is_empty() || quota.operations.contains(&operation))
    });
    let Some(Quota { what, raised, .. }) = known else {
        return String::new();
    };
    let help = match raised {
        For(service) => {
            format!("request more in Service Quotas ({service}), or delete what is not needed")
        }
        Never => "AWS does not raise it, so delete what is not needed".to_owned(),
    };
    format!("; the quota for {what} is reached: {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_of_each_operation_is_named() {
        for (operation, what) in [
            ("CreateKey", "KMS keys in an account and Region (100,000 by default)"),
            ("ReplicateKey", "KMS keys in an account and Region (100,000 by default)"),
            ("CreateAlias", "aliases per KMS key (50 by default)"),
            ("CreateGrant", "grants per KMS key (50,000 by default)"),
            ("CreateDomain", "OpenSearch Service domains"),
            ("CreateTable", "DynamoDB tables in an account and Region (2,500 by default)"),
        ] {
            let text = named(operation, Some("LimitExceededException"));
            assert!(text.starts_with(&format!("; the quota for {what}")), "{text}");
            assert!(text.contains("request more in Service Quotas"), "{text}");
        }
        let policy = named("PutKeyPolicy", Some("LimitExceededException"));
        assert!(policy.contains("32 KB") && policy.contains("does not raise it"), "{policy}");
        for (operation, code) in [
            ("CreateDBInstance", "InstanceQuotaExceeded"),
            ("CreateDBCluster", "DBClusterQuotaExceededFault"),
            ("CreateTrail", "MaximumNumberOfTrailsExceededException"),
            ("CreateServiceLinkedRole", "LimitExceeded"),
        ] {
            assert!(named(operation, Some(code)).starts_with("; the quota for "), "{code}");
        }
        // Other services have operations of this name, and other limits.
        for (operation, code) in
            [("TagResource", "LimitExceededException"), ("CreateKey", "AccessDeniedException")]
        {
            assert_eq!(named(operation, Some(code)), "");
        }
        assert_eq!(named("CreateKey", None), "");
    }
}
