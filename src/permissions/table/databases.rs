//! The operations of RDS and DynamoDB.

use super::{Bound, Need, On, Operation, Service, When};

const RDS_KEY: &str = "RDS uses the key with the rights of the caller (Amazon RDS User Guide, \"AWS KMS key management\")";
const PASSWORD: &str = "RDS makes the secret with the rights of the caller (Amazon RDS User Guide, \"Password management \
                        with Amazon RDS and AWS Secrets Manager\")";
const DYNAMODB_KEY: &str = "DynamoDB uses the key with the rights of the caller (Amazon DynamoDB Developer Guide, \
                            \"DynamoDB encryption at rest: usage notes\")";
const FIRST_RDS: Need = Need::new(
    "iam:CreateServiceLinkedRole",
    On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/rds.amazonaws.com/*"]),
)
.bounds(&[Bound::ServiceName("rds.amazonaws.com")])
.sid("FirstRdsResource")
.dependent(
    "RDS makes its role with the account's first resource (Amazon RDS User Guide, \"Using service-linked roles for Amazon \
     RDS\")",
);
const MANAGED: When = When::Is("managed_password", true);
const WITH_KEY: When = When::Is("password_with_key", true);
const MEMBERS: When = When::Set(&["members"]);
const VIA_RDS: Bound = Bound::Via("rds");
const VIA_SECRETS: Bound = Bound::Via("secretsmanager");
const VIA_DYNAMODB: Bound = Bound::Via("dynamodb");
const SECRET: On = On::Arns(&["arn:{P}:secretsmanager:{R}:{A}:secret:rds!*"]);
const INSTANCES: On = On::Arns(&["arn:{P}:rds:{R}:{A}:db:{database}"]);
const CLUSTERS: On = On::Arns(&["arn:{P}:rds:{R}:{A}:cluster:{id}"]);
/// The groups that a new or changed database can be in.
const GROUPS: On = On::Arns(&[
    "arn:{P}:rds:{R}:{A}:og:*",
    "arn:{P}:rds:{R}:{A}:pg:{parameter_group}",
    "arn:{P}:rds:{R}:{A}:secgrp:*",
    "arn:{P}:rds:{R}:{A}:subgrp:{subnet_group}",
]);
const CLUSTER_GROUPS: On = On::Arns(&[
    "arn:{P}:rds:{R}:{A}:cluster-pg:{parameter_group}",
    "arn:{P}:rds:{R}:{A}:subgrp:{subnet_group}",
]);

/// What AWS checks for every new database besides its creation: its key, its password and the role of RDS.
const NEW_DATABASE: &[Need] = &[
    Need::new("kms:DescribeKey", On::Key).bounds(&[VIA_RDS]).dependent(RDS_KEY),
    Need::new("kms:CreateGrant", On::Key)
        .bounds(&[VIA_RDS, Bound::ForAwsResource])
        .dependent(RDS_KEY),
    Need::new("secretsmanager:CreateSecret", SECRET).when(MANAGED).dependent(PASSWORD),
    Need::new("secretsmanager:TagResource", SECRET).when(MANAGED).dependent(PASSWORD),
    Need::new("kms:DescribeKey", On::Key).bounds(&[VIA_SECRETS]).when(WITH_KEY).dependent(PASSWORD),
    Need::new("kms:GenerateDataKey", On::Key)
        .bounds(&[VIA_SECRETS])
        .when(WITH_KEY)
        .dependent(PASSWORD),
    Need::new("kms:Decrypt", On::Key).bounds(&[VIA_SECRETS]).when(WITH_KEY).dependent(PASSWORD),
    FIRST_RDS,
];
/// What AWS checks if a database gets a managed password.
const CHANGED_DATABASE: &[Need] = &[
    Need::new("secretsmanager:CreateSecret", SECRET).when(MANAGED).dependent(PASSWORD),
    Need::new("secretsmanager:RotateSecret", SECRET).when(MANAGED).dependent(PASSWORD),
    Need::new("secretsmanager:TagResource", SECRET).when(MANAGED).dependent(PASSWORD),
];

/// The operations of RDS. `{database}` stands for the instance, or for the instances of the cluster.
pub(super) const RDS: Service = Service {
    name: "rds",
    source: "Service Authorization Reference, \"Amazon RDS\"",
    operations: &[
        Operation::read(
            "DescribeDBInstances",
            &[Need::new("rds:DescribeDBInstances", On::Arns(&["arn:{P}:rds:{R}:{A}:db:*"]))],
        ),
        Operation::read(
            "DescribeDBClusters",
            &[Need::new("rds:DescribeDBClusters", On::Arns(&["arn:{P}:rds:{R}:{A}:cluster:*"]))],
        ),
        Operation::read(
            "DescribeDBSnapshots",
            &[Need::new("rds:DescribeDBSnapshots", On::Everything)],
        ),
        Operation::read(
            "DescribeDBClusterSnapshots",
            &[Need::new("rds:DescribeDBClusterSnapshots", On::Everything)],
        ),
        Operation::create(
            "CreateDBInstance",
            &[
                Need::new("rds:CreateDBInstance", INSTANCES),
                Need::new("rds:CreateDBInstance", GROUPS),
                Need::new("rds:CreateDBInstance", CLUSTERS).when(MEMBERS),
                Need::new("rds:AddTagsToResource", INSTANCES),
            ],
        )
        .shared(NEW_DATABASE),
        Operation::change(
            "ModifyDBInstance",
            &[
                Need::new("rds:ModifyDBInstance", INSTANCES),
                Need::new("rds:ModifyDBInstance", GROUPS),
            ],
        )
        .shared(CHANGED_DATABASE),
        Operation::delete("DeleteDBInstance", &[Need::new("rds:DeleteDBInstance", INSTANCES)]),
        Operation::create(
            "CreateDBCluster",
            &[
                Need::new("rds:CreateDBCluster", CLUSTERS),
                Need::new("rds:CreateDBCluster", CLUSTER_GROUPS),
                Need::new("rds:AddTagsToResource", CLUSTERS),
            ],
        )
        .shared(NEW_DATABASE),
        Operation::change(
            "ModifyDBCluster",
            &[
                Need::new("rds:ModifyDBCluster", CLUSTERS),
                Need::new("rds:ModifyDBCluster", CLUSTER_GROUPS),
            ],
        )
        .shared(CHANGED_DATABASE),
        Operation::delete("DeleteDBCluster", &[Need::new("rds:DeleteDBCluster", CLUSTERS)]),
        Operation::change("AddTagsToResource", &[Need::new("rds:AddTagsToResource", On::Own)]),
        Operation::change(
            "RemoveTagsFromResource",
            &[Need::new("rds:RemoveTagsFromResource", On::Own)],
        ),
    ],
};

/// The operations of DynamoDB.
pub(super) const DYNAMODB: Service = Service {
    name: "dynamodb",
    source: "Service Authorization Reference, \"Amazon DynamoDB\"",
    operations: &[
        Operation::read("ListTables", &[Need::new("dynamodb:ListTables", On::Everything)]),
        Operation::read("DescribeTable", &[Need::new("dynamodb:DescribeTable", On::Own)]),
        Operation::read("ListTagsOfResource", &[Need::new("dynamodb:ListTagsOfResource", On::Own)]),
        Operation::read(
            "DescribeContinuousBackups",
            &[Need::new("dynamodb:DescribeContinuousBackups", On::Own)],
        ),
        Operation::create(
            "CreateTable",
            &[
                Need::new("dynamodb:CreateTable", On::Own),
                Need::new("dynamodb:TagResource", On::Own),
                ENCRYPT,
                DECRYPT,
                RE_ENCRYPT_FROM,
                RE_ENCRYPT_TO,
                DATA_KEY,
                BARE_DATA_KEY,
                DESCRIBE,
                GRANT,
            ],
        ),
        Operation::change(
            "UpdateTable",
            &[
                Need::new("dynamodb:UpdateTable", On::Own),
                ENCRYPT,
                DECRYPT,
                RE_ENCRYPT_FROM,
                RE_ENCRYPT_TO,
                DATA_KEY,
                BARE_DATA_KEY,
                DESCRIBE,
                GRANT,
            ],
        ),
        Operation::change(
            "UpdateContinuousBackups",
            &[Need::new("dynamodb:UpdateContinuousBackups", On::Own)],
        )
        .when(When::Set(&["point_in_time_recovery"])),
        Operation::change("TagResource", &[Need::new("dynamodb:TagResource", On::Own)]),
        Operation::change("UntagResource", &[Need::new("dynamodb:UntagResource", On::Own)]),
        Operation::delete("DeleteTable", &[Need::new("dynamodb:DeleteTable", On::Own)]),
    ],
};

// The actions on the key that DynamoDB checks for the caller who gives a table the key.
const ENCRYPT: Need = of_table("kms:Encrypt");
const DECRYPT: Need = of_table("kms:Decrypt");
const RE_ENCRYPT_FROM: Need = of_table("kms:ReEncryptFrom");
const RE_ENCRYPT_TO: Need = of_table("kms:ReEncryptTo");
const DATA_KEY: Need = of_table("kms:GenerateDataKey");
const BARE_DATA_KEY: Need = of_table("kms:GenerateDataKeyWithoutPlaintext");
const DESCRIBE: Need = of_table("kms:DescribeKey");
const GRANT: Need = Need::new("kms:CreateGrant", On::Key)
    .bounds(&[VIA_DYNAMODB, Bound::ForAwsResource])
    .dependent(DYNAMODB_KEY);

const fn of_table(action: &'static str) -> Need {
    Need::new(action, On::Key).bounds(&[VIA_DYNAMODB]).dependent(DYNAMODB_KEY)
}
