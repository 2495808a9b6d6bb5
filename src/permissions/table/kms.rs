//! The operations of KMS.

use super::{Bound, Need, On, Operation, Service, When};

const KEY: On = On::Key;
const NEW_KEY: On = On::Arns(&["arn:{P}:kms:{R}:{A}:key/*"]);
const FIRST_MULTI_REGION_KEY: Need = Need::new(
    "iam:CreateServiceLinkedRole",
    On::Arns(&["arn:{P}:iam::{A}:role/aws-service-role/mrk.kms.amazonaws.com/*"]),
)
.bounds(&[Bound::ServiceName("mrk.kms.amazonaws.com")])
.sid("FirstMultiRegionKey")
.dependent(
    "KMS makes the role that synchronizes multi-Region keys with the account's first such key (KMS Developer Guide, \
     \"Authorizing AWS KMS to synchronize multi-Region keys\")",
);

/// The operations of KMS.
pub(super) const KMS: Service = Service {
    name: "kms",
    source: "Service Authorization Reference, \"AWS Key Management Service\"; KMS Developer Guide, \"AWS KMS permissions\"",
    operations: &[
        Operation::read("ListAliases", &[Need::new("kms:ListAliases", On::Everything).sid("ListKeys")]),
        Operation::read("ListKeys", &[Need::new("kms:ListKeys", On::Everything).sid("ListKeys")]),
        Operation::read("DescribeKey", &[Need::new("kms:DescribeKey", KEY).sid("ReadKeys")]),
        Operation::read("GetKeyPolicy", &[Need::new("kms:GetKeyPolicy", KEY).sid("ReadKeys")]),
        Operation::read(
            "GetKeyRotationStatus",
            &[Need::new("kms:GetKeyRotationStatus", KEY).sid("ReadKeys")],
        ),
        Operation::read("ListResourceTags", &[Need::new("kms:ListResourceTags", KEY).sid("ReadKeys")]),
        Operation::read("ListGrants", &[Need::new("kms:ListGrants", KEY).sid("ReadKeys")]),
        Operation::read("ListKeyRotations", &[Need::new("kms:ListKeyRotations", KEY).sid("ReadKeys")]),
        Operation::read("GetKeyLastUsage", &[Need::new("kms:GetKeyLastUsage", KEY).sid("ReadKeys")]),
        Operation::create(
            "CreateKey",
            &[
                Need::new("kms:CreateKey", On::Everything)
                    .bounds(&[Bound::NewTags, Bound::KeyForm, Bound::LockoutCheck])
                    .sid("CreateKeys"),
                Need::new("kms:TagResource", NEW_KEY).bounds(&[Bound::NewTags]).sid("TagNewKeys"),
                FIRST_MULTI_REGION_KEY.when(When::Is("multi_region", true)),
            ],
        )
        .when(When::IsReplica(false)),
        Operation::create(
            "ReplicateKey",
            &[
                Need::new("kms:ReplicateKey", On::Primary).bounds(&[Bound::NamedKey, Bound::ReplicaRegion]).sid("ReplicateKeys"),
                Need::new("kms:CreateKey", On::Everything)
                    .bounds(&[Bound::MultiRegion, Bound::NewTagsIfAny])
                    .sid("CreateReplicas")
                    .dependent(
                        "KMS checks it in the Region of the replica (KMS Developer Guide, \"Create multi-Region replica \
                         keys\")",
                    ),
                Need::new("kms:TagResource", NEW_KEY).bounds(&[Bound::NewTags]).sid("TagNewKeys").dependent(
                    "KMS checks it in the Region of the replica (KMS Developer Guide, \"Create multi-Region replica keys\")",
                ),
            ],
        )
        .when(When::IsReplica(true)),
        Operation::change("CancelKeyDeletion", &[Need::new("kms:CancelKeyDeletion", KEY).sid("ChangeKeys")]),
        Operation::change("EnableKey", &[Need::new("kms:EnableKey", KEY).sid("ChangeKeys")]),
        Operation::change("DisableKey", &[Need::new("kms:DisableKey", KEY).bounds(&[Bound::NamedKey]).sid("DisableKeys")])
            .when(When::Is("enabled", false)),
        Operation::change(
            "UpdateKeyDescription",
            &[Need::new("kms:UpdateKeyDescription", KEY).sid("ChangeKeys")],
        )
        .when(When::Set(&["description"])),
        Operation::change(
            "PutKeyPolicy",
            &[Need::new("kms:PutKeyPolicy", KEY).bounds(&[Bound::LockoutCheck]).sid("SetKeyPolicies")],
        )
        .when(When::Set(&["policy", "shared"])),
        Operation::change(
            "TagResource",
            &[Need::new("kms:TagResource", KEY).bounds(&[Bound::Tags]).sid("TagKeys")],
        )
        .when(When::Tagged),
        Operation::change(
            "UntagResource",
            &[Need::new("kms:UntagResource", KEY).bounds(&[Bound::KeepsMarks]).sid("UntagKeys")],
        ),
        Operation::change(
            "EnableKeyRotation",
            &[Need::new("kms:EnableKeyRotation", KEY).bounds(&[Bound::RotationPeriod]).sid("RotateKeys")],
        )
        .when(When::Rotates(true)),
        Operation::change("DisableKeyRotation", &[Need::new("kms:DisableKeyRotation", KEY).sid("ChangeKeys")])
            .when(When::Rotates(false)),
        Operation::change(
            "RotateKeyOnDemand",
            &[Need::new("kms:RotateKeyOnDemand", KEY).sid("RotateKeysOnDemand")],
        ),
        Operation::change(
            "UpdatePrimaryRegion",
            &[Need::new("kms:UpdatePrimaryRegion", KEY).bounds(&[Bound::PrimaryRegion]).sid("MovePrimaryKeys")],
        )
        .when(When::Set(&["primary_region"])),
        Operation::delete(
            "ScheduleKeyDeletion",
            &[Need::new("kms:ScheduleKeyDeletion", KEY).bounds(&[Bound::RecordedKey, Bound::DeletionWindow]).sid("DeleteKeys")],
        ),
        Operation::create(
            "CreateAlias",
            &[
                Need::new("kms:CreateAlias", On::Alias).sid("NameAliases"),
                Need::new("kms:CreateAlias", KEY).sid("KeysOfAliases"),
            ],
        ),
        Operation::change(
            "UpdateAlias",
            &[
                Need::new("kms:UpdateAlias", On::Alias).sid("NameAliases"),
                Need::new("kms:UpdateAlias", KEY).sid("KeysOfAliases"),
            ],
        ),
        Operation::delete(
            "DeleteAlias",
            &[
                Need::new("kms:DeleteAlias", On::Alias).sid("NameAliases"),
                Need::new("kms:DeleteAlias", KEY).sid("KeysOfAliases"),
            ],
        ),
        Operation::create(
            "CreateGrant",
            &[Need::new("kms:CreateGrant", KEY).bounds(&[Bound::NamedKey, Bound::Grant]).sid("CreateGrants")],
        ),
        Operation::delete("RevokeGrant", &[Need::new("kms:RevokeGrant", KEY).sid("RevokeGrants")]),
    ],
};
