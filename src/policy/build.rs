//! Builds a policy from roles: the statements of the KMS console, followed by the author's own.

use super::nodes::{allow, entry, map, policy, text};
use crate::tree::{Node, Value};

/// The roles of principals for a key. Principals are full ARNs.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    /// The key's partition.
    pub partition: &'a str,
    /// The key's account.
    pub account: &'a str,
    /// AWS's name for the usage of the key, if it is known.
    pub usage: Option<&'a str>,
    /// Whether the key has a public key.
    pub asymmetric: bool,
    /// Whether IAM policies of the account can allow access too.
    pub delegate_to_iam: bool,
    /// Principals that administer the key.
    pub administrators: &'a [String],
    /// Principals that encrypt and decrypt, and create grants for AWS services.
    pub users: &'a [String],
    /// Principals that decrypt only.
    pub decrypt_only: &'a [String],
    /// Principals that encrypt only.
    pub encrypt_only: &'a [String],
    /// Statements that are appended as they are.
    pub statements: &'a [Node],
}

impl Roles<'_> {
    /// Returns the actions of the key users, as the KMS console allows them for each kind of key (KMS Developer Guide,
    /// "Allows key users to use the KMS key").
    fn use_actions(&self) -> &'static [&'static str] {
        match self.usage {
            Some("SIGN_VERIFY") => &SIGN,
            Some("KEY_AGREEMENT") => &AGREE,
            Some("ENCAPSULATE_DECAPSULATE") => &ENCAPSULATE,
            Some("GENERATE_VERIFY_MAC") => &MAC,
            _ if self.asymmetric => &USE_PUBLIC_KEY,
            _ => &USE,
        }
    }
}

const ADMINISTRATION: [&str; 15] = [
    "kms:Create*",
    "kms:Describe*",
    "kms:Enable*",
    "kms:List*",
    "kms:Put*",
    "kms:Update*",
    "kms:Revoke*",
    "kms:Disable*",
    "kms:Get*",
    "kms:Delete*",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
    "kms:RotateKeyOnDemand",
];
const USE: [&str; 5] =
    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
const USE_PUBLIC_KEY: [&str; 5] =
    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:DescribeKey", "kms:GetPublicKey"];
const SIGN: [&str; 4] = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign", "kms:Verify"];
const AGREE: [&str; 3] = ["kms:DescribeKey", "kms:GetPublicKey", "kms:DeriveSharedSecret"];
const ENCAPSULATE: [&str; 4] =
    ["kms:DescribeKey", "kms:GetPublicKey", "kms:Encapsulate", "kms:Decapsulate"];
const MAC: [&str; 3] = ["kms:DescribeKey", "kms:GenerateMac", "kms:VerifyMac"];
const GRANTS: [&str; 3] = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];
const DECRYPT: [&str; 2] = ["kms:Decrypt", "kms:DescribeKey"];
const ENCRYPT: [&str; 3] = ["kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey"];

/// The Sid of the statement for the account's root user, which is that of AWS's default policy.
pub(super) const OF_ROOT: &str = "Enable IAM User Permissions";

/// Builds the policy. The statements have the Sids of the KMS console, which recognizes its own statements by them.
#[must_use]
pub fn build(roles: &Roles<'_>) -> Node {
    let mut statements = Vec::new();
    if roles.delegate_to_iam {
        let root = format!("arn:{}:iam::{}:root", roles.partition, roles.account);
        statements.push(allow(OF_ROOT, &[root], &["kms:*"]));
    }
    if !roles.administrators.is_empty() {
        statements.push(allow(
            "Allow access for Key Administrators",
            roles.administrators,
            &ADMINISTRATION,
        ));
    }
    if !roles.users.is_empty() {
        statements.push(allow("Allow use of the key", roles.users, roles.use_actions()));
        let mut grants = allow("Allow attachment of persistent resources", roles.users, &GRANTS);
        if let Value::Map(entries) = &mut grants.value {
            let flag = map(vec![("kms:GrantIsForAWSResource", text("true"))]);
            entries.push(entry("Condition", map(vec![("Bool", flag)])));
        }
        statements.push(grants);
    }
    if !roles.decrypt_only.is_empty() {
        statements.push(allow("Allow decryption with the key", roles.decrypt_only, &DECRYPT));
    }
    if !roles.encrypt_only.is_empty() {
        statements.push(allow("Allow encryption with the key", roles.encrypt_only, &ENCRYPT));
    }
    statements.extend(roles.statements.iter().cloned());
    policy("kmsctl", statements)
}
