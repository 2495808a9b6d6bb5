//! Whom a statement is about (policy-semantics B4.2 to B4.8; IAM User Guide, Principal and NotPrincipal).

use std::collections::BTreeSet;

use super::super::meaning::{Name, Who};
use super::atom::{Atom, Identity, Kind, Principal};

/// How a statement is about an atom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// It names it.
    Direct,
    /// It names its account.
    Account,
    /// It is not known whether it is; the text says on what it depends.
    Doubtful(String),
}

/// All ways in which a statement is about an atom: none, if it is not.
pub(super) fn matches(who: &Who, atom: &Atom) -> BTreeSet<Match> {
    if who.except {
        return others(who, atom).into_iter().collect();
    }
    let has = |name: Name| who.names.contains(&name);
    let mut out = BTreeSet::new();
    let everyone = has(Name::Everyone);
    let any_identity = has(Name::AnyIdentity);
    match &atom.who {
        Principal::UniqueId(id) => {
            out.extend(has(Name::UniqueId(id.clone())).then_some(Match::Direct));
        }
        Principal::Provider(provider) => {
            if everyone || any_identity || has(Name::Provider(provider.clone())) {
                out.insert(doubt("an identity provider can call AWS KMS"));
            }
        }
        Principal::Service(_) | Principal::OtherService => {
            let named =
                matches!(&atom.who, Principal::Service(name) if has(Name::Service(name.clone())));
            if everyone || named {
                out.insert(Match::Direct);
            } else if any_identity {
                out.insert(doubt(SERVICES));
            }
        }
        Principal::Elsewhere => out.extend((everyone || any_identity).then_some(Match::Direct)),
        Principal::Root(account) => {
            if everyone || any_identity || has(Name::Account(account.clone())) {
                out.insert(Match::Direct);
            }
        }
        Principal::Other { account, .. } => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(has(Name::Account(account.clone())).then_some(Match::Account));
        }
        Principal::Identity(identity) => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(has(Name::Account(identity.account.clone())).then_some(Match::Account));
            out.extend(named(who, identity));
        }
    }
    if out.contains(&Match::Direct) {
        return BTreeSet::from([Match::Direct]);
    }
    out
}

/// Not documented: whether `{"AWS": "*"}` is about services.
const SERVICES: &str = "AWS counts services among `{\"AWS\": \"*\"}`";

fn doubt(text: &str) -> Match {
    Match::Doubtful(text.to_owned())
}

/// Whether an identity is named, itself or as the role behind a session.
fn named(who: &Who, identity: &Identity) -> Option<Match> {
    let has = |arn: &String| who.names.contains(&Name::Identity(arn.clone()));
    if has(&identity.arn) {
        return Some(Match::Direct);
    }
    match identity.kind {
        Kind::Session if identity.roles.iter().any(has) => {
            let certain = identity.roles.len() == 1;
            let text = format!("{} is a session of the role that is named", identity.arn);
            Some(if certain { Match::Direct } else { Match::Doubtful(text) })
        }
        // The user behind a federated session is not in its ARN.
        Kind::Federated => {
            let of_user = |name: &Name| match name {
                Name::Identity(arn) => matches!(super::atom::identity(arn),
                    Some((account, Kind::User, _)) if account == identity.account),
                Name::Everyone
                | Name::AnyIdentity
                | Name::Account(_)
                | Name::UniqueId(_)
                | Name::Service(_)
                | Name::Provider(_)
                | Name::Other(_) => false,
            };
            let text = format!("{} is a session of a user that is named", identity.arn);
            who.names.iter().any(of_user).then_some(Match::Doubtful(text))
        }
        Kind::User | Kind::Role | Kind::Session => None,
    }
}

/// `NotPrincipal`: whoever is not excepted. An identity is excepted for certain only if its account is listed with it
/// (IAM User Guide, NotPrincipal: else the policy "might deny" it).
fn others(who: &Who, atom: &Atom) -> Option<Match> {
    let has = |name: Name| who.names.contains(&name);
    if has(Name::Everyone) || (atom.is_identity() && has(Name::AnyIdentity)) {
        return None;
    }
    let account = atom.account().is_some_and(|account| has(Name::Account(account.to_owned())));
    let text = "AWS excepts whom a `NotPrincipal` lists in part";
    match &atom.who {
        Principal::UniqueId(_) => None,
        Principal::Provider(_) => Some(doubt("an identity provider can call AWS KMS")),
        Principal::Service(name) if has(Name::Service(name.clone())) => None,
        Principal::Service(_) | Principal::OtherService if has(Name::AnyIdentity) => {
            Some(doubt(SERVICES))
        }
        Principal::Root(_) if account => None,
        Principal::Other { .. } if account => Some(doubt(text)),
        Principal::Identity(identity) => {
            let own = has(Name::Identity(identity.arn.clone()));
            let role = identity.roles.iter().any(|role| has(Name::Identity(role.clone())));
            let full = match identity.kind {
                Kind::Session => own && role && identity.roles.len() == 1,
                Kind::User | Kind::Role => own,
                Kind::Federated => false,
            };
            match (full && account, own || role || account) {
                (true, _) => None,
                (false, true) => Some(doubt(text)),
                (false, false) => Some(Match::Direct),
            }
        }
        Principal::Root(_)
        | Principal::Other { .. }
        | Principal::Elsewhere
        | Principal::Service(_)
        | Principal::OtherService => Some(Match::Direct),
    }
}
