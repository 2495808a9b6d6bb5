//! Which principals a statement matches (IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal").

use std::collections::BTreeSet;

use super::principal_atom::{
    IdentityKind, NamedIdentity, PrincipalAtom, PrincipalClass, parse_identity,
};
use crate::policy::typed::{PrincipalElement, PrincipalName};

/// The way in which a statement matches an atom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// The statement names the atom, or everyone.
    Direct,
    /// The statement names the atom's account.
    Account,
    /// The statement matches if this assumption is true.
    Doubtful(String),
}

/// Returns all ways in which a statement matches an atom. There is none if it does not match.
pub(super) fn matches(element: &PrincipalElement, atom: &PrincipalAtom) -> BTreeSet<Match> {
    if element.except {
        return match_not_principal(element, atom).into_iter().collect();
    }
    let has = |name: PrincipalName| element.names.contains(&name);
    let mut out = BTreeSet::new();
    let everyone = has(PrincipalName::Everyone);
    let any_identity = has(PrincipalName::AnyIdentity);
    match &atom.class {
        PrincipalClass::UniqueId(id) => {
            out.extend(has(PrincipalName::UniqueId(id.clone())).then_some(Match::Direct));
        }
        PrincipalClass::Provider(provider) => {
            if everyone || any_identity || has(PrincipalName::Provider(provider.clone())) {
                out.insert(doubt("an identity provider can call AWS KMS"));
            }
        }
        PrincipalClass::Service(name) if everyone || has(PrincipalName::Service(name.clone())) => {
            out.insert(Match::Direct);
        }
        PrincipalClass::OtherService if everyone => {
            out.insert(Match::Direct);
        }
        PrincipalClass::Service(_) | PrincipalClass::OtherService => {
            if any_identity {
                out.insert(doubt(INCLUDES_SERVICES));
            }
        }
        PrincipalClass::OtherAccounts => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
        }
        PrincipalClass::Root(account) => {
            if everyone || any_identity || has(PrincipalName::Account(account.clone())) {
                out.insert(Match::Direct);
            }
        }
        PrincipalClass::Other { account, .. } => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(has(PrincipalName::Account(account.clone())).then_some(Match::Account));
        }
        PrincipalClass::Identity(identity) => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(
                has(PrincipalName::Account(identity.account.clone())).then_some(Match::Account),
            );
            out.extend(match_identity(element, identity));
        }
    }
    if out.contains(&Match::Direct) {
        return BTreeSet::from([Match::Direct]);
    }
    out
}

/// AWS does not document whether `{"AWS": "*"}` includes services.
const INCLUDES_SERVICES: &str = "AWS counts services among `{\"AWS\": \"*\"}`";

fn doubt(text: &str) -> Match {
    Match::Doubtful(text.to_owned())
}

/// Matches the name of an identity, or of the role of a session.
fn match_identity(element: &PrincipalElement, identity: &NamedIdentity) -> Option<Match> {
    let has = |arn: &String| element.names.contains(&PrincipalName::Identity(arn.clone()));
    if has(&identity.arn) {
        return Some(Match::Direct);
    }
    match identity.kind {
        IdentityKind::Session if identity.roles.iter().any(has) => {
            if identity.roles.len() == 1 {
                return Some(Match::Direct);
            }
            let text = format!("{} is a session of the role that is named", identity.arn);
            Some(Match::Doubtful(text))
        }
        // The ARN of a federated user session does not contain the user.
        IdentityKind::Federated => {
            let names_a_user = element.names.iter().any(|name| match name {
                PrincipalName::Identity(arn) => matches!(parse_identity(arn),
                    Some((account, IdentityKind::User, _)) if account == identity.account),
                PrincipalName::Everyone
                | PrincipalName::AnyIdentity
                | PrincipalName::Account(_)
                | PrincipalName::UniqueId(_)
                | PrincipalName::Service(_)
                | PrincipalName::Provider(_)
                | PrincipalName::Other(_) => false,
            });
            let text = format!("{} is a session of a user that is named", identity.arn);
            names_a_user.then_some(Match::Doubtful(text))
        }
        IdentityKind::User | IdentityKind::Role | IdentityKind::Session => None,
    }
}

/// Matches a `NotPrincipal` element. An identity is certainly exempt only if its account is listed too; otherwise the
/// statement "might deny" it (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
fn match_not_principal(element: &PrincipalElement, atom: &PrincipalAtom) -> Option<Match> {
    let has = |name: PrincipalName| element.names.contains(&name);
    if has(PrincipalName::Everyone) || (atom.is_identity() && has(PrincipalName::AnyIdentity)) {
        return None;
    }
    let account =
        atom.account().is_some_and(|account| has(PrincipalName::Account(account.to_owned())));
    let partly_listed = "AWS exempts what a `NotPrincipal` lists in part";
    match &atom.class {
        PrincipalClass::UniqueId(_) => None,
        PrincipalClass::Provider(_) => Some(doubt("an identity provider can call AWS KMS")),
        PrincipalClass::Service(name) if has(PrincipalName::Service(name.clone())) => None,
        PrincipalClass::Service(_) | PrincipalClass::OtherService
            if has(PrincipalName::AnyIdentity) =>
        {
            Some(doubt(INCLUDES_SERVICES))
        }
        PrincipalClass::Root(_) if account => None,
        PrincipalClass::Other { .. } if account => Some(doubt(partly_listed)),
        PrincipalClass::Identity(identity) => {
            let is_listed = has(PrincipalName::Identity(identity.arn.clone()));
            let role = identity.roles.iter().any(|role| has(PrincipalName::Identity(role.clone())));
            let is_fully_listed = match identity.kind {
                IdentityKind::Session => is_listed && role && identity.roles.len() == 1,
                IdentityKind::User | IdentityKind::Role => is_listed,
                IdentityKind::Federated => false,
            };
            match (is_fully_listed && account, is_listed || role || account) {
                (true, _) => None,
                (false, true) => Some(doubt(partly_listed)),
                (false, false) => Some(Match::Direct),
            }
        }
        PrincipalClass::Root(_)
        | PrincipalClass::Other { .. }
        | PrincipalClass::OtherAccounts
        | PrincipalClass::Service(_)
        | PrincipalClass::OtherService => Some(Match::Direct),
    }
}
