//! The JSON form of calls in plans and journals, which must not change.

use kmsctl::kind::Call;

/// The kinds, and their calls in JSON.
const WRITTEN: &[(&str, &[&str])] = &[
    (
        "service_linked_role",
        &[
            r#"{"CreateServiceLinkedRole":{"AWSServiceName":"autoscaling.amazonaws.com","CustomSuffix":"kms"}}"#,
        ],
    ),
    (
        "key",
        &[
            r#"{"CreateKey":{"Tags":[]}}"#,
            r#"{"CreateKey":{"KeySpec":"RSA_2048","KeyUsage":"SIGN_VERIFY","Origin":"AWS_KMS","MultiRegion":true,"CustomKeyStoreId":"cks-1","XksKeyId":"x","Description":"d","Policy":"{}","BypassPolicyLockoutSafetyCheck":true,"Tags":[{"TagKey":"a","TagValue":"b"}]}}"#,
            r#"{"ReplicateKey":{"KeyId":"key/a","ReplicaRegion":"eu-west-1","Description":"d","Policy":"{}","BypassPolicyLockoutSafetyCheck":true,"Tags":[]}}"#,
            r#"{"CancelKeyDeletion":{}}"#,
            r#"{"EnableKey":{}}"#,
            r#"{"DisableKey":{}}"#,
            r#"{"UpdateKeyDescription":{"Description":"d"}}"#,
            r#"{"PutKeyPolicy":{"PolicyName":"default","Policy":"{}"}}"#,
            r#"{"PutKeyPolicy":{"PolicyName":"default","Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"p\",\"Statement\":[{\"Effect\":\"Allow\",\"Sid\":\"b\",\"Principal\":{\"AWS\":[\"arn:aws-cn:iam::111122223333:root\"]},\"Resource\":\"${aws.key_arn}\",\"Action\":\"kms:*\"}]}"}}"#,
            r#"{"PutKeyPolicy":{"PolicyName":"default","Policy":"{}","BypassPolicyLockoutSafetyCheck":true}}"#,
            r#"{"TagResource":{"Tags":[{"TagKey":"a","TagValue":"b"}]}}"#,
            r#"{"UntagResource":{"TagKeys":["a"]}}"#,
            r#"{"EnableKeyRotation":{"RotationPeriodInDays":365}}"#,
            r#"{"DisableKeyRotation":{}}"#,
            r#"{"UpdatePrimaryRegion":{"PrimaryRegion":"eu-west-1"}}"#,
            r#"{"ScheduleKeyDeletion":{"PendingWindowInDays":30}}"#,
        ],
    ),
    ("key_policy", &[r#"{"PutKeyPolicy":{"KeyId":"key/a","PolicyName":"default","Policy":"{}"}}"#]),
    (
        "alias",
        &[
            r#"{"CreateAlias":{"AliasName":"alias/a","TargetKeyId":"key/a"}}"#,
            r#"{"UpdateAlias":{"AliasName":"alias/a","TargetKeyId":"key/a"}}"#,
            r#"{"DeleteAlias":{"AliasName":"alias/a"}}"#,
        ],
    ),
    (
        "grant",
        &[
            r#"{"CreateGrant":{"KeyId":"key/a","Name":"n","GranteePrincipal":"g","RetiringPrincipal":"r","Operations":["Decrypt"],"Constraints":{"EncryptionContextEquals":{"a":"b"}}}}"#,
            r#"{"RevokeGrant":{"KeyId":"key/a","GrantId":"g"}}"#,
        ],
    ),
    (
        "ebs_default",
        &[
            r#"{"ModifyEbsDefaultKmsKeyId":{"KmsKeyId":"key/a"}}"#,
            r#"{"ResetEbsDefaultKmsKeyId":{}}"#,
            r#"{"EnableEbsEncryptionByDefault":{}}"#,
            r#"{"DisableEbsEncryptionByDefault":{}}"#,
        ],
    ),
    (
        "ebs_volume",
        &[
            r#"{"CreateVolume":{"AvailabilityZone":"eu-west-1a","Encrypted":true,"KmsKeyId":"key/a","SnapshotId":"snap-1","Size":20,"VolumeType":"gp3","Iops":4000,"Throughput":250,"MultiAttachEnabled":false,"TagSpecifications":[{"ResourceType":"volume","Tags":[{"Key":"a","Value":"b"}]}]}}"#,
            r#"{"ModifyVolume":{"VolumeId":"vol-1","Size":30}}"#,
            r#"{"CreateTags":{"Resources":["vol-1"],"Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"DeleteTags":{"Resources":["vol-1"],"Tags":[{"Key":"a"}]}}"#,
            r#"{"DeleteVolume":{"VolumeId":"vol-1"}}"#,
        ],
    ),
    (
        "cloudtrail_trail",
        &[
            r#"{"CreateTrail":{"Name":"t","S3BucketName":"b","KmsKeyId":"key/a","TagsList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"UpdateTrail":{"Name":"t","KmsKeyId":""}}"#,
            r#"{"PutEventSelectors":{"TrailName":"t","EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true}]}}"#,
            r#"{"StartLogging":{"Name":"t"}}"#,
            r#"{"StopLogging":{"Name":"t"}}"#,
            r#"{"AddTags":{"ResourceId":"arn","TagsList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"RemoveTags":{"ResourceId":"arn","TagsList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"DeleteTrail":{"Name":"t"}}"#,
        ],
    ),
    (
        "cloudtrail_event_data_store",
        &[
            r#"{"CreateEventDataStore":{"Name":"s","RetentionPeriod":90,"KmsKeyId":"key/a","TagsList":[]}}"#,
            r#"{"UpdateEventDataStore":{"TerminationProtectionEnabled":false}}"#,
            r#"{"AddTags":{"TagsList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"RemoveTags":{"TagsList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"DeleteEventDataStore":{}}"#,
        ],
    ),
    (
        "dynamodb_table",
        &[
            r#"{"CreateTable":{"TableName":"t","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PROVISIONED","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":2},"DeletionProtectionEnabled":true,"SSESpecification":{"Enabled":true,"SSEType":"KMS","KMSMasterKeyId":"key/a"},"Tags":[]}}"#,
            r#"{"UpdateTable":{"TableName":"t","SSESpecification":{"Enabled":false}}}"#,
            r#"{"UpdateTable":{"TableName":"t","BillingMode":"PAY_PER_REQUEST"}}"#,
            r#"{"UpdateTable":{"TableName":"t","DeletionProtectionEnabled":false}}"#,
            r#"{"UpdateContinuousBackups":{"TableName":"t","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}}"#,
            r#"{"TagResource":{"ResourceArn":"arn","Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"UntagResource":{"ResourceArn":"arn","TagKeys":["a"]}}"#,
            r#"{"DeleteTable":{"TableName":"t"}}"#,
        ],
    ),
    (
        "efs_file_system",
        &[
            r#"{"CreateFileSystem":{"CreationToken":"t","PerformanceMode":"generalPurpose","Encrypted":true,"KmsKeyId":"key/a","ThroughputMode":"provisioned","ProvisionedThroughputInMibps":8,"AvailabilityZoneName":"eu-west-1a","Backup":true,"Tags":[]}}"#,
            r#"{"UpdateFileSystem":{"FileSystemId":"fs-1","ThroughputMode":"elastic"}}"#,
            r#"{"PutLifecycleConfiguration":{"LifecyclePolicies":[{"TransitionToIA":"AFTER_30_DAYS"}]}}"#,
            r#"{"PutBackupPolicy":{"FileSystemId":"fs-1","BackupPolicy":{"Status":"ENABLED"}}}"#,
            r#"{"CreateMountTarget":{"SubnetId":"subnet-1","SecurityGroups":["sg-1"]}}"#,
            r#"{"ModifyMountTargetSecurityGroups":{"MountTargetId":"fsmt-1","SecurityGroups":["sg-1"]}}"#,
            r#"{"DeleteMountTarget":{"MountTargetId":"fsmt-1"}}"#,
            r#"{"TagResource":{"ResourceId":"fs-1","Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"UntagResource":{"ResourceId":"fs-1","TagKeys":["a"]}}"#,
            r#"{"DeleteFileSystem":{"FileSystemId":"fs-1"}}"#,
        ],
    ),
    (
        "es_domain",
        &[
            r#"{"CreateDomain":{"DomainName":"d","EngineVersion":"OpenSearch_2.19","EBSOptions":{"EBSEnabled":true,"VolumeSize":20},"EncryptionAtRestOptions":{"Enabled":true,"KmsKeyId":"key/a"},"TagList":[]}}"#,
            r#"{"UpgradeDomain":{"DomainName":"d","TargetVersion":"OpenSearch_2.19"}}"#,
            r#"{"UpdateDomainConfig":{"DomainName":"d","DomainEndpointOptions":{"EnforceHTTPS":true}}}"#,
            r#"{"AddTags":{"ARN":"arn","TagList":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"RemoveTags":{"ARN":"arn","TagKeys":["a"]}}"#,
            r#"{"DeleteDomain":{"DomainName":"d"}}"#,
        ],
    ),
    (
        "rds_instance",
        &[
            r#"{"CreateDBInstance":{"DBInstanceIdentifier":"i","Engine":"mysql","KmsKeyId":"key/a","StorageEncrypted":true,"DBInstanceClass":"db.t3.micro","MasterUserPassword":"$PASSWORD","Tags":[]}}"#,
            r#"{"ModifyDBInstance":{"DBInstanceIdentifier":"i","EngineVersion":"8.4","DBPortNumber":3307,"AllowMajorVersionUpgrade":true,"ApplyImmediately":true}}"#,
            r#"{"AddTagsToResource":{"ResourceName":"arn","Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"RemoveTagsFromResource":{"ResourceName":"arn","TagKeys":["a"]}}"#,
            r#"{"DeleteDBInstance":{"DBInstanceIdentifier":"i","SkipFinalSnapshot":false,"FinalDBSnapshotIdentifier":"s"}}"#,
        ],
    ),
    (
        "rds_cluster",
        &[
            r#"{"CreateDBCluster":{"DBClusterIdentifier":"c","Engine":"aurora-mysql","KmsKeyId":"key/a","StorageEncrypted":true,"ServerlessV2ScalingConfiguration":{"MinCapacity":0.5,"MaxCapacity":8.0},"Tags":[]}}"#,
            r#"{"ModifyDBCluster":{"DBClusterIdentifier":"c","Port":3307,"ApplyImmediately":true}}"#,
            r#"{"CreateDBInstance":{"DBInstanceIdentifier":"i","DBClusterIdentifier":"c","DBInstanceClass":"db.r6g.large","Engine":"aurora-mysql","PromotionTier":1,"Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"ModifyDBInstance":{"DBInstanceIdentifier":"i","DBInstanceClass":"db.r6g.large","PromotionTier":1,"ApplyImmediately":true}}"#,
            r#"{"DeleteDBInstance":{"DBInstanceIdentifier":"i","SkipFinalSnapshot":true}}"#,
            r#"{"AddTagsToResource":{"ResourceName":"arn","Tags":[{"Key":"a","Value":"b"}]}}"#,
            r#"{"RemoveTagsFromResource":{"ResourceName":"arn","TagKeys":["a"]}}"#,
            r#"{"DeleteDBCluster":{"DBClusterIdentifier":"c","SkipFinalSnapshot":false,"FinalDBSnapshotIdentifier":"s"}}"#,
        ],
    ),
    (
        "s3_bucket",
        &[
            r#"{"PutBucketEncryption":{"Bucket":"b","ServerSideEncryptionConfiguration":{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}}}"#,
            r#"{"PutBucketEncryption":{"Bucket":"b","ServerSideEncryptionConfiguration":{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"key/a"},"BucketKeyEnabled":true,"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}}]}}}"#,
        ],
    ),
];

#[test]
fn the_json_form_of_calls_is_stable() {
    for (kind, calls) in WRITTEN {
        for text in *calls {
            let text = format!(r#"{{"{kind}":{text}}}"#);
            let call: Call = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&call).unwrap(), text);
            assert_eq!(call.kind().as_str(), *kind);
            let written: serde_json::Value = serde_json::from_str(&text).unwrap();
            let (operation, parameters) = call.request();
            assert_eq!(written[kind][operation], parameters);
            assert_eq!(call.operation(), operation);
        }
    }
}
