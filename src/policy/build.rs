//! A policy from roles: the statements of the KMS console, then the author's own.

use super::{Document, Problem};
use crate::tree::{Entry, Node, Span, Value};

/// Who may do what with a key. Principals are full ARNs.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    /// The key's partition.
    pub partition: &'a str,
    /// The key's account.
    pub account: &'a str,
    /// Whether IAM policies of the account decide too.
    pub delegate_to_iam: bool,
    /// Who manages the key.
    pub administrators: &'a [String],
    /// Who encrypts and decrypts, and lets AWS services do so.
    pub users: &'a [String],
    /// Who decrypts.
    pub decrypt_only: &'a [String],
    /// Who encrypts.
    pub encrypt_only: &'a [String],
    /// Statements as written, appended.
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

/// Builds the policy. The statements carry the console's Sids, so that the console shows them as its own.
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

/// A document of the present version.
pub(super) fn policy(id: &str, statements: Vec<Node>) -> Node {
    map(vec![
        ("Version", text("2012-10-17")),
        ("Id", text(id)),
        ("Statement", node(Value::List(statements))),
    ])
}

/// An unconditional statement about this key.
pub(super) fn allow(sid: &str, principals: &[String], actions: &[&str]) -> Node {
    map(vec![
        ("Sid", text(sid)),
        ("Effect", text("Allow")),
        ("Principal", map(vec![("AWS", texts(principals.iter().map(String::as_str)))])),
        ("Action", texts(actions.iter().copied())),
        ("Resource", text("*")),
    ])
}

pub(super) fn node(value: Value) -> Node {
    Node { span: Span::default(), value }
}

pub(super) fn text(text: &str) -> Node {
    node(Value::Text(text.to_owned()))
}

/// One text bare, several as a list: as AWS's console writes them.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Node {
    let mut nodes: Vec<Node> = texts.map(text).collect();
    if nodes.len() == 1
        && let Some(only) = nodes.pop()
    {
        return only;
    }
    node(Value::List(nodes))
}

pub(super) fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_span: Span::default(), value }
}

pub(super) fn map(entries: Vec<(&str, Node)>) -> Node {
    node(Value::Map(entries.into_iter().map(|(key, value)| entry(key, value)).collect()))
}
