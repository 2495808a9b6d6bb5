//! The operations of EC2 (EBS), EFS and S3.

use super::{Bound, Need, On, Operation, Service, When};

const EBS_KEY: &str = "EBS uses the key with the rights of the caller (Amazon EBS User Guide, \"Requirements for EBS \
                       encryption\")";
const EFS_KEY: &str = "EFS uses the key with the rights of the caller (Amazon EFS User Guide, \"Using key policies and \
                       grants for AWS KMS\")";
const EFS_NETWORK: &str = "EFS calls EC2 with the rights of the caller (Amazon EFS User Guide, \"Creating and managing \
                           mount targets\"; EFS API Reference, CreateMountTarget, DeleteMountTarget, \
                           ModifyMountTargetSecurityGroups, DescribeMountTargetSecurityGroups)";
const VIA_EC2: Bound = Bound::Via("ec2");
const VIA_EFS: Bound = Bound::Via("elasticfilesystem");
const SIZE: When = When::Set(&["size_gib", "type", "iops", "throughput", "multi_attach"]);
const MOUNTS: When = When::Set(&["mount_targets"]);

/// The operations of EC2.
pub(super) const EC2: Service = Service {
    name: "ec2",
    source: "Service Authorization Reference, \"Amazon EC2\"",
    operations: &[
        Operation::read("DescribeVolumes", &[Need::new("ec2:DescribeVolumes", On::Everything)]),
        Operation::read(
            "DescribeVolumesModifications",
            &[Need::new("ec2:DescribeVolumesModifications", On::Everything)],
        ),
        Operation::read("DescribeSnapshots", &[Need::new("ec2:DescribeSnapshots", On::Everything)]),
        Operation::read(
            "GetEbsDefaultKmsKeyId",
            &[Need::new("ec2:GetEbsDefaultKmsKeyId", On::Everything)],
        ),
        Operation::read(
            "GetEbsEncryptionByDefault",
            &[Need::new("ec2:GetEbsEncryptionByDefault", On::Everything)],
        ),
        Operation::create(
            "CreateVolume",
            &[
                Need::new("ec2:CreateVolume", On::Arns(&["arn:{P}:ec2:{R}:{A}:volume/*"]))
                    .bounds(&[Bound::NewTags]),
                Need::new(
                    "ec2:CreateVolume",
                    On::Arns(&["arn:{P}:ec2:{R}::snapshot/{snapshot_id}"]),
                )
                .when(When::Set(&["snapshot_id"]))
                .sid("VolumesFromSnapshots"),
                Need::new("ec2:CreateTags", On::Arns(&["arn:{P}:ec2:{R}:{A}:volume/*"])).bounds(&[
                    Bound::NewTags,
                    Bound::CreateAction("ec2:CreateAction", "CreateVolume"),
                ]),
                Need::new("kms:DescribeKey", On::Key).bounds(&[VIA_EC2]).dependent(EBS_KEY),
                Need::new("kms:GenerateDataKeyWithoutPlaintext", On::Key)
                    .bounds(&[VIA_EC2])
                    .dependent(EBS_KEY),
                Need::new("kms:Decrypt", On::Key).bounds(&[VIA_EC2]).dependent(EBS_KEY),
                Need::new("kms:ReEncryptFrom", On::Key)
                    .bounds(&[VIA_EC2])
                    .when(When::Set(&["snapshot_id"]))
                    .dependent(EBS_KEY),
                Need::new("kms:ReEncryptTo", On::Key)
                    .bounds(&[VIA_EC2])
                    .when(When::Set(&["snapshot_id"]))
                    .dependent(EBS_KEY),
                Need::new("kms:CreateGrant", On::Key)
                    .bounds(&[VIA_EC2, Bound::ForAwsResource])
                    .dependent(EBS_KEY),
            ],
        ),
        Operation::change("ModifyVolume", &[Need::new("ec2:ModifyVolume", On::Own)]).when(SIZE),
        Operation::change(
            "CreateTags",
            &[Need::new("ec2:CreateTags", On::Own).bounds(&[Bound::Tags])],
        ),
        Operation::change(
            "DeleteTags",
            &[Need::new("ec2:DeleteTags", On::Own).bounds(&[Bound::KeepsMarks])],
        ),
        Operation::delete("DeleteVolume", &[Need::new("ec2:DeleteVolume", On::Own)]),
        Operation::change(
            "ModifyEbsDefaultKmsKeyId",
            &[Need::new("ec2:ModifyEbsDefaultKmsKeyId", On::Everything)],
        )
        .when(When::HasKey),
        Operation::change(
            "ResetEbsDefaultKmsKeyId",
            &[Need::new("ec2:ResetEbsDefaultKmsKeyId", On::Everything)],
        )
        .when(When::HasNoKey),
        Operation::change(
            "EnableEbsEncryptionByDefault",
            &[Need::new("ec2:EnableEbsEncryptionByDefault", On::Everything)],
        )
        .when(When::Is("encryption", true)),
        Operation::change(
            "DisableEbsEncryptionByDefault",
            &[Need::new("ec2:DisableEbsEncryptionByDefault", On::Everything)],
        )
        .when(When::Is("encryption", false)),
    ],
};

/// The operations of EFS.
pub(super) const EFS: Service = Service {
    name: "efs",
    source: "Service Authorization Reference, \"Amazon Elastic File System\"",
    operations: &[
        Operation::read(
            "DescribeFileSystems",
            &[Need::new(
                "elasticfilesystem:DescribeFileSystems",
                On::Arns(&["arn:{P}:elasticfilesystem:{R}:{A}:file-system/*"]),
            )],
        ),
        Operation::read("DescribeMountTargets", &[Need::new("elasticfilesystem:DescribeMountTargets", On::Own)]),
        Operation::read(
            "DescribeLifecycleConfiguration",
            &[Need::new("elasticfilesystem:DescribeLifecycleConfiguration", On::Own)],
        ),
        Operation::read("DescribeBackupPolicy", &[Need::new("elasticfilesystem:DescribeBackupPolicy", On::Own)]),
        Operation::read(
            "DescribeMountTargetSecurityGroups",
            &[
                Need::new("elasticfilesystem:DescribeMountTargetSecurityGroups", On::Own),
                Need::new("ec2:DescribeNetworkInterfaceAttribute", On::Everything).dependent(EFS_NETWORK),
            ],
        ),
        Operation::create(
            "CreateFileSystem",
            &[
                Need::new("elasticfilesystem:CreateFileSystem", On::Everything).bounds(&[Bound::NewTags]),
                Need::new(
                    "elasticfilesystem:TagResource",
                    On::Arns(&["arn:{P}:elasticfilesystem:{R}:{A}:file-system/*"]),
                )
                .bounds(&[
                    Bound::NewTags,
                    Bound::CreateAction("elasticfilesystem:CreateAction", "CreateFileSystem"),
                ]),
                Need::new("kms:DescribeKey", On::Key).bounds(&[VIA_EFS]).dependent(EFS_KEY),
                Need::new("kms:GenerateDataKeyWithoutPlaintext", On::Key).bounds(&[VIA_EFS]).dependent(EFS_KEY),
                Need::new("kms:Decrypt", On::Key).bounds(&[VIA_EFS]).dependent(EFS_KEY),
                Need::new("kms:CreateGrant", On::Key)
                    .bounds(&[VIA_EFS, Bound::ForAwsResource])
                    .dependent(EFS_KEY),
                Need::new(
                    "iam:CreateServiceLinkedRole",
                    On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/elasticfilesystem.amazonaws.com/*"]),
                )
                .bounds(&[Bound::ServiceName("elasticfilesystem.amazonaws.com")])
                .sid("FirstEfsFileSystem")
                .dependent(
                    "EFS makes its role with the account's first file system (Amazon EFS User Guide, \"Using \
                     service-linked roles for Amazon EFS\")",
                ),
            ],
        ),
        Operation::change(
            "CreateMountTarget",
            &[
                Need::new("elasticfilesystem:CreateMountTarget", On::Own),
                Need::new("ec2:DescribeSubnets", On::Everything).dependent(EFS_NETWORK),
                Need::new("ec2:DescribeNetworkInterfaces", On::Everything).dependent(EFS_NETWORK),
                Need::new(
                    "ec2:CreateNetworkInterface",
                    On::Arns(&[
                        "arn:{P}:ec2:{R}:{A}:network-interface/*",
                        "arn:{P}:ec2:{R}:{A}:security-group/*",
                        "arn:{P}:ec2:{R}:{A}:subnet/*",
                    ]),
                )
                .dependent(EFS_NETWORK),
            ],
        )
        .when(MOUNTS),
        Operation::change(
            "DeleteMountTarget",
            &[
                Need::new("elasticfilesystem:DeleteMountTarget", On::Own),
                Need::new("ec2:DeleteNetworkInterface", On::Arns(&["arn:{P}:ec2:{R}:{A}:network-interface/*"]))
                    .dependent(EFS_NETWORK),
            ],
        )
        .when(MOUNTS),
        Operation::change(
            "ModifyMountTargetSecurityGroups",
            &[
                Need::new("elasticfilesystem:ModifyMountTargetSecurityGroups", On::Own),
                Need::new(
                    "ec2:ModifyNetworkInterfaceAttribute",
                    On::Arns(&[
                        "arn:{P}:ec2:{R}:{A}:network-interface/*",
                        "arn:{P}:ec2:{R}:{A}:security-group/*",
                    ]),
                )
                .dependent(EFS_NETWORK),
            ],
        )
        .when(MOUNTS),
        Operation::change("PutBackupPolicy", &[Need::new("elasticfilesystem:PutBackupPolicy", On::Own)])
            .when(When::Set(&["backup"])),
        Operation::change("UpdateFileSystem", &[Need::new("elasticfilesystem:UpdateFileSystem", On::Own)])
            .when(When::Set(&["throughput_mode"])),
        Operation::change(
            "PutLifecycleConfiguration",
            &[Need::new("elasticfilesystem:PutLifecycleConfiguration", On::Own)],
        )
        .when(When::Set(&["lifecycle"])),
        Operation::change(
            "TagResource",
            &[Need::new("elasticfilesystem:TagResource", On::Own).bounds(&[Bound::Tags])],
        ),
        Operation::change(
            "UntagResource",
            &[Need::new("elasticfilesystem:UntagResource", On::Own).bounds(&[Bound::KeepsMarks])],
        ),
        Operation::delete("DeleteFileSystem", &[Need::new("elasticfilesystem:DeleteFileSystem", On::Own)]),
    ],
};

/// The operations of S3.
pub(super) const S3: Service = Service {
    name: "s3api",
    source: "Service Authorization Reference, \"Amazon S3\"",
    operations: &[
        // S3 returns the Region of a bucket even with a denial (S3 API Reference, HeadBucket), which is all that
        // kmsctl needs.
        Operation::read(
            "HeadBucket",
            &[Need::new("s3:ListBucket", On::Arns(&["arn:{P}:s3:::{id}"]))
                .sid("ReadBuckets")
                .optional()],
        ),
        Operation::read(
            "GetBucketPolicy",
            &[Need::new("s3:GetBucketPolicy", On::Arns(&["arn:{P}:s3:::{id}"])).sid("ReadBuckets")],
        ),
        Operation::read("ListBuckets", &[Need::new("s3:ListAllMyBuckets", On::Global)]),
        Operation::read(
            "GetBucketEncryption",
            &[Need::new("s3:GetEncryptionConfiguration", On::Arns(&["arn:{P}:s3:::{id}"]))],
        ),
        Operation::change(
            "PutBucketEncryption",
            &[Need::new("s3:PutEncryptionConfiguration", On::Arns(&["arn:{P}:s3:::{id}"]))],
        ),
        // Without s3:ListBucket, S3 answers 403 instead of 404 for an object that does not exist (S3 API Reference,
        // GetObject).
        Operation::read(
            "GetObject",
            &[
                Need::new(
                    "s3:GetObject",
                    On::Arns(&[
                        "arn:{P}:s3:::{bucket}/{key}.json",
                        "arn:{P}:s3:::{bucket}/{key}.lease",
                    ]),
                )
                .sid("ReadState"),
                Need::new("s3:ListBucket", On::Arns(&["arn:{P}:s3:::{bucket}"])).sid("ReadState"),
            ],
        ),
        Operation::change(
            "PutObject",
            &[Need::new(
                "s3:PutObject",
                On::Arns(&[
                    "arn:{P}:s3:::{bucket}/{key}.json",
                    "arn:{P}:s3:::{bucket}/{key}.lease",
                ]),
            )
            .sid("WriteState")],
        ),
    ],
};
