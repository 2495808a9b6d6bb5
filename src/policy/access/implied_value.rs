//! The values of condition keys that follow from the principal.

use std::collections::BTreeSet;

use super::KeyContext;
use super::principal_atom::{
    IdentityKind, NamedIdentity, PrincipalArn, PrincipalAtom, PrincipalClass,
};
use super::value_pattern::Pattern;

/// The value of a condition key in the requests of a principal atom.
pub(super) enum ImpliedValue {
    /// The requests do not have the key.
    Absent,
    /// The key has this value.
    Is(String),
    /// The key has a value that is none of those that are named. It matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// The key has a value that is none of those that are named. It is unknown which patterns it matches.
    Unnamed,
    /// The principal does not determine the value.
    Free,
}

/// Returns the value of a condition key that follows from the principal (IAM User Guide, "AWS global condition context
/// keys"; KMS Developer Guide, `kms:CallerAccount` and `kms:ViaService`).
pub(super) fn implied_value(atom: &PrincipalAtom, target: &KeyContext, key: &str) -> ImpliedValue {
    let is_service = atom.is_service();
    let is = |value: &str| ImpliedValue::Is(value.to_owned());
    match key {
        // KMS accepts TLS only (KMS Developer Guide, "Infrastructure security").
        "aws:securetransport" => is("true"),
        "aws:resourceaccount" => target.account.as_deref().map_or(ImpliedValue::Free, is),
        "aws:principalarn" => match &atom.arn {
            PrincipalArn::Is(arn) => is(arn),
            PrincipalArn::Matches(patterns) => ImpliedValue::Matches(patterns.clone()),
            PrincipalArn::Unknown => ImpliedValue::Free,
        },
        "aws:principalaccount" | "kms:calleraccount" => match atom.account() {
            Some(account) => is(account),
            None if is_service && key == "kms:calleraccount" => ImpliedValue::Absent,
            None if atom.class == PrincipalClass::OtherAccounts => ImpliedValue::Unnamed,
            None => ImpliedValue::Free,
        },
        "aws:principalisawsservice" if is_service => is("true"),
        "aws:principalisawsservice" if atom.is_identity() => is("false"),
        "aws:principalservicename" => match &atom.class {
            PrincipalClass::Service(name) => is(name),
            PrincipalClass::OtherService => ImpliedValue::Unnamed,
            PrincipalClass::UniqueId(_) | PrincipalClass::Provider(_) => ImpliedValue::Free,
            PrincipalClass::Root(_)
            | PrincipalClass::Identity(_)
            | PrincipalClass::Other { .. }
            | PrincipalClass::OtherAccounts => ImpliedValue::Absent,
        },
        "aws:principaltype" => principal_type(&atom.class),
        // Only requests that a service principal makes on behalf of a resource have these.
        "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths"
            if atom.is_identity() =>
        {
            ImpliedValue::Absent
        }
        "kms:viaservice" | "aws:principalorgid" | "aws:principalorgpaths" | "aws:username"
            if is_service =>
        {
            ImpliedValue::Absent
        }
        _ if is_service && key.starts_with("aws:principaltag/") => ImpliedValue::Absent,
        "aws:username" => user_name(&atom.class),
        _ => ImpliedValue::Free,
    }
}

/// Returns the word for a kind of identity in `aws:PrincipalType`.
fn principal_type_word(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "User",
        IdentityKind::Role | IdentityKind::Session => "AssumedRole",
        IdentityKind::Federated => "FederatedUser",
    }
}

/// Returns the value of `aws:PrincipalType`.
fn principal_type(class: &PrincipalClass) -> ImpliedValue {
    let is = |value: &str| ImpliedValue::Is(value.to_owned());
    match class {
        PrincipalClass::Root(_) => is("Account"),
        PrincipalClass::Identity(NamedIdentity { kind, .. })
        | PrincipalClass::Other { kind: Some(kind), .. } => is(principal_type_word(*kind)),
        PrincipalClass::Other { kind: None, .. }
        | PrincipalClass::OtherAccounts
        | PrincipalClass::Service(_)
        | PrincipalClass::OtherService
        | PrincipalClass::UniqueId(_)
        | PrincipalClass::Provider(_) => ImpliedValue::Free,
    }
}

/// Returns the value of `aws:username`.
fn user_name(class: &PrincipalClass) -> ImpliedValue {
    match class {
        PrincipalClass::Identity(NamedIdentity { kind: IdentityKind::User, arn, .. }) => {
            ImpliedValue::Is(arn.rsplit('/').next().unwrap_or_default().to_owned())
        }
        PrincipalClass::Root(_)
        | PrincipalClass::Identity(_)
        | PrincipalClass::Other {
            kind: Some(IdentityKind::Role | IdentityKind::Session | IdentityKind::Federated),
            ..
        } => ImpliedValue::Absent,
        PrincipalClass::Other { .. }
        | PrincipalClass::OtherAccounts
        | PrincipalClass::Service(_)
        | PrincipalClass::OtherService
        | PrincipalClass::UniqueId(_)
        | PrincipalClass::Provider(_) => ImpliedValue::Free,
    }
}
