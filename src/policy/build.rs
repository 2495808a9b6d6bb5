//! Builds a policy from roles: the statements of the KMS console, followed by the author's own.

use super::nodes::{allow, entry, map, policy, text};
use super::{Document, Problem};
use crate::tree::{Node, Value};

/// The roles of principals for a key. Principals are full ARNs.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    /// The key's partition.
    pub partition: &'a str,
    /// The key's account.
    pub account: &'a str,
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
const GRANTS: [&str; 3] = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];
const DECRYPT: [&str; 2] = ["kms:Decrypt", "kms:DescribeKey"];
const ENCRYPT: [&str; 3] = ["kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey"];

/// Builds the policy. The statements have the Sids of the KMS console, which recognizes its own statements by them.
///
/// # Errors
/// Returns the problems of the whole policy, such as its size.
pub fn build(roles: &Roles<'_>) -> Result<Document, Vec<Problem>> {
    let mut statements = Vec::new();
    if roles.delegate_to_iam {
        let root = format!("arn:{}:iam::{}:root", roles.partition, roles.account);
        statements.push(allow("Enable IAM User Permissions", &[root], &["kms:*"]));
    }
    if !roles.administrators.is_empty() {
        statements.push(allow(
            "Allow access for Key Administrators",
            roles.administrators,
            &ADMINISTRATION,
        ));
    }
    if !roles.users.is_empty() {
        statements.push(allow("Allow use of the key", roles.users, &USE));
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
    Document::parse(&policy("kmsctl", statements), roles.partition)
}
