//! What follows for condition keys from who asks.

use std::collections::BTreeSet;

use super::KeyContext;
use super::atom::{Atom, Identity, Kind, Principal, PrincipalArn};
use super::glob::Pattern;

/// What a request of the atom has under a key.
pub(super) enum Fact {
    /// Nothing.
    Absent,
    /// This value.
    Is(String),
    /// One that is not named, and that matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// One that is not named; what patterns it matches is not known.
    Unnamed,
    /// Anything.
    Free,
}

/// What the principal determines (IAM User Guide, global condition keys; KMS Developer Guide, `kms:CallerAccount`,
/// `kms:ViaService`).
pub(super) fn fact(atom: &Atom, of: &KeyContext, key: &str) -> Fact {
    let service = atom.is_service();
    let is = |value: &str| Fact::Is(value.to_owned());
    match key {
        // KMS answers over TLS only (KMS Developer Guide, "Infrastructure security").
        "aws:securetransport" => is("true"),
        "aws:resourceaccount" => of.account.as_deref().map_or(Fact::Free, is),
        "aws:principalarn" => match &atom.arn {
            PrincipalArn::Is(arn) => is(arn),
            PrincipalArn::Matches(patterns) => Fact::Matches(patterns.clone()),
            PrincipalArn::Unknown => Fact::Free,
        },
        "aws:principalaccount" | "kms:calleraccount" => match atom.account() {
            Some(account) => is(account),
            None if service && key == "kms:calleraccount" => Fact::Absent,
            None if atom.who == Principal::Elsewhere => Fact::Unnamed,
            None => Fact::Free,
        },
        "aws:principalisawsservice" if service => is("true"),
        "aws:principalisawsservice" if atom.is_identity() => is("false"),
        "aws:principalservicename" => match &atom.who {
            Principal::Service(name) => is(name),
            Principal::OtherService => Fact::Unnamed,
            Principal::UniqueId(_) | Principal::Provider(_) => Fact::Free,
            Principal::Root(_)
            | Principal::Identity(_)
            | Principal::Other { .. }
            | Principal::Elsewhere => Fact::Absent,
        },
        "aws:principaltype" => kind(&atom.who),
        // Only there when a service calls by itself for a resource of its own.
        "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths"
            if atom.is_identity() =>
        {
            Fact::Absent
        }
        "kms:viaservice" | "aws:principalorgid" | "aws:principalorgpaths" | "aws:username"
            if service =>
        {
            Fact::Absent
        }
        _ if service && key.starts_with("aws:principaltag/") => Fact::Absent,
        "aws:username" => user_name(&atom.who),
        _ => Fact::Free,
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "User",
        Kind::Role | Kind::Session => "AssumedRole",
        Kind::Federated => "FederatedUser",
    }
}

fn kind(who: &Principal) -> Fact {
    let is = |value: &str| Fact::Is(value.to_owned());
    match who {
        Principal::Root(_) => is("Account"),
        Principal::Identity(Identity { kind, .. }) | Principal::Other { kind: Some(kind), .. } => {
            is(kind_word(*kind))
        }
        Principal::Other { kind: None, .. }
        | Principal::Elsewhere
        | Principal::Service(_)
        | Principal::OtherService
        | Principal::UniqueId(_)
        | Principal::Provider(_) => Fact::Free,
    }
}

fn user_name(who: &Principal) -> Fact {
    let is = |value: &str| Fact::Is(value.to_owned());
    match who {
        Principal::Identity(Identity { kind: Kind::User, arn, .. }) => {
            is(arn.rsplit('/').next().unwrap_or_default())
        }
        Principal::Root(_)
        | Principal::Identity(_)
        | Principal::Other { kind: Some(Kind::Role | Kind::Session | Kind::Federated), .. } => {
            Fact::Absent
        }
        Principal::Other { .. }
        | Principal::Elsewhere
        | Principal::Service(_)
        | Principal::OtherService
        | Principal::UniqueId(_)
        | Principal::Provider(_) => Fact::Free,
    }
}
