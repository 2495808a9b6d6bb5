//! The values of condition keys that follow from the principal of a request. Evaluation and comparison use the same
//! facts.
//!
//! Sources: IAM User Guide, "AWS global condition context keys" and "IAM policy elements: Variables and tags" (the
//! table of principal key values); KMS Developer Guide, `kms:CallerAccount` and `kms:ViaService`.

use super::pattern::{Glyph, glyphs};
use super::value_pattern::Pattern;

/// The value of a condition key that follows from the principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The request does not have the key.
    Absent,
    /// The request has the key with this value.
    Is(String),
    /// It is not documented whether the request has the key. If it does, it has this value.
    AbsentOr(String),
    /// It is not documented whether the request has the key. If it does, the value is the ARN of no identity.
    AbsentOrNoIdentity,
    /// It is not documented whether the request has the key, and with which values.
    Undocumented,
}

/// The kind of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IdentityKind {
    /// The root user.
    Root,
    /// A user.
    User,
    /// A role, which stands for its sessions.
    Role,
    /// A session of a role.
    Session,
    /// A federated user session.
    Federated,
}

/// Returns the value of a key in the request of an AWS service on its own behalf, or `None` if it does not follow from
/// the principal. The key is given in lower case.
pub(super) fn service_fact(key: &str) -> Option<Fact> {
    Some(match key {
        "aws:principalisawsservice" => Fact::Is("true".to_owned()),
        // These are about an identity and its session.
        "kms:calleraccount"
        | "kms:viaservice"
        | "aws:username"
        | "aws:principalorgid"
        | "aws:principalorgpaths" => Fact::Absent,
        // They exist only if a service makes a request with the credentials of an identity.
        "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => Fact::Absent,
        key if key.starts_with("aws:principaltag/") => Fact::Absent,
        // The documented values are the ARNs of roles, users, federated users and root users.
        "aws:principalarn" => Fact::AbsentOrNoIdentity,
        // Services redact it between each other (S3 User Guide, "Examples of Amazon S3 bucket policies").
        "aws:securetransport" => Fact::AbsentOr("true".to_owned()),
        "aws:principalaccount"
        | "aws:principaltype"
        | "aws:principalservicenameslist"
        | "aws:userid" => Fact::Undocumented,
        _ => return None,
    })
}

/// Returns the value of a key in the request of an identity of an account, or `None` if it does not follow from its
/// kind. The key is given in lower case.
pub(super) fn identity_fact(kind: IdentityKind, key: &str) -> Option<Fact> {
    let is = |value: &str| Fact::Is(value.to_owned());
    Some(match key {
        "aws:principaltype" => is(match kind {
            IdentityKind::Root => "Account",
            IdentityKind::User => "User",
            IdentityKind::Role | IdentityKind::Session => "AssumedRole",
            IdentityKind::Federated => "FederatedUser",
        }),
        "aws:username" if kind != IdentityKind::User => Fact::Absent,
        _ => return any_identity_fact(key),
    })
}

/// Returns the value of a key in the request of any identity of an account, or `None` if it does not follow. The key is
/// given in lower case.
pub(super) fn any_identity_fact(key: &str) -> Option<Fact> {
    Some(match key {
        "aws:principalisawsservice" => Fact::Is("false".to_owned()),
        "aws:principalservicename" | "aws:principalservicenameslist" => Fact::Absent,
        // KMS accepts TLS only (KMS Developer Guide, "Infrastructure security").
        "aws:securetransport" => Fact::Is("true".to_owned()),
        // Only requests that a service principal makes on behalf of a resource have these.
        "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths" => {
            Fact::Absent
        }
        _ => return None,
    })
}

/// Returns the value of a key that follows from the ARN of the KMS key, or `None` if it does not. The key is given in
/// lower case.
pub(super) fn key_fact(arn: &str, key: &str) -> Option<Fact> {
    // The ids of multi-Region keys begin with `mrk-` (KMS Developer Guide, "Multi-Region keys").
    let is_multi_region = || arn.rsplit_once("key/").map(|(_, id)| id.starts_with("mrk-"));
    Some(match key {
        "aws:requestedregion" => Fact::Is(arn.split(':').nth(3)?.to_owned()),
        "kms:multiregion" => Fact::Is(is_multi_region()?.to_string()),
        "kms:multiregionkeytype" if !is_multi_region()? => Fact::Absent,
        _ => return None,
    })
}

/// Returns the patterns of the ARNs that a role of this name can have. The path is not part of a session's ARN.
pub(super) fn role_arns(partition: &str, account: &str, name: &str) -> Vec<Pattern> {
    let name: Vec<Glyph> = name.chars().map(Glyph::Char).collect();
    ["", "?*/"]
        .map(|path| glyphs(&format!("arn:{partition}:iam::{account}:role/{path}")))
        .map(|start| Pattern::Arn([start, name.clone()].concat()))
        .into()
}
