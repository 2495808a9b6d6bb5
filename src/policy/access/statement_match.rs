//! Which principals a statement matches (IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal").

use std::collections::BTreeSet;

use super::doubt::Doubt;
use super::key_context::KeyContext;
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
    Doubtful(Doubt),
}

/// Returns all ways in which a statement matches an atom. There is none if it does not match.
pub(super) fn matches(
    element: &PrincipalElement,
    atom: &PrincipalAtom,
    key: &KeyContext,
) -> BTreeSet<Match> {
    let named = Named { element, key };
    if element.except {
        return match_not_principal(&named, atom).into_iter().collect();
    }
    let mut out = BTreeSet::new();
    let everyone = named.has(&PrincipalName::Everyone);
    let any_identity = named.has(&PrincipalName::AnyIdentity);
    match &atom.class {
        PrincipalClass::UniqueId(id) => {
            let is_named = named.has(&PrincipalName::UniqueId(id.clone()));
            out.extend(is_named.then_some(Match::Direct));
        }
        PrincipalClass::Provider(provider) => {
            let is_named = named.has(&PrincipalName::Provider(provider.clone()));
            out.extend((everyone || any_identity || is_named).then(provider_calls));
        }
        PrincipalClass::Service(_) | PrincipalClass::OtherService => {
            if everyone || named.has_service(&atom.class) {
                out.insert(Match::Direct);
            } else if any_identity {
                out.insert(includes_services(false));
            }
        }
        PrincipalClass::OtherAccounts { .. } => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
        }
        PrincipalClass::Root(account) => {
            let is_named = everyone || any_identity || named.has_account(account);
            out.extend(is_named.then_some(Match::Direct));
        }
        PrincipalClass::Other { account, .. } => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(named.has_account(account).then_some(Match::Account));
        }
        PrincipalClass::Identity(identity) | PrincipalClass::SessionsOf(identity) => {
            out.extend((everyone || any_identity).then_some(Match::Direct));
            out.extend(named.has_account(&identity.account).then_some(Match::Account));
            if matches!(atom.class, PrincipalClass::Identity(_)) {
                out.extend(named.identity(identity));
            }
            out.extend(named.session_of_user(atom));
        }
    }
    if out.contains(&Match::Direct) {
        return BTreeSet::from([Match::Direct]);
    }
    out
}

fn doubt(text: String) -> Match {
    Match::Doubtful(Doubt::Principal { text, negated: false })
}

fn provider_calls() -> Match {
    doubt("an identity provider can call AWS KMS".to_owned())
}

/// Returns the assumption that the name of a user stands for the user's federated sessions too.
pub(super) fn includes_sessions(user: &NamedIdentity) -> Doubt {
    let text = format!("naming {} names its federated sessions", user.arn);
    Doubt::Principal { text, negated: false }
}

/// AWS does not document whether `{"AWS": "*"}` includes services.
fn includes_services(negated: bool) -> Match {
    let text = "AWS counts services among `{\"AWS\": \"*\"}`".to_owned();
    Match::Doubtful(Doubt::Principal { text, negated })
}

/// The principals that an element names.
struct Named<'a> {
    element: &'a PrincipalElement,
    key: &'a KeyContext,
}

impl Named<'_> {
    fn has(&self, name: &PrincipalName) -> bool {
        self.element.names.contains(name)
    }

    fn has_arn(&self, arn: &str) -> bool {
        self.has(&PrincipalName::Identity(arn.to_owned()))
    }

    fn has_account(&self, id: &str) -> bool {
        self.element.names.iter().any(|name| {
            matches!(name, PrincipalName::Account(account) if account.is(&self.key.partition, id))
        })
    }

    fn has_service(&self, class: &PrincipalClass) -> bool {
        matches!(class, PrincipalClass::Service(name)
            if self.has(&PrincipalName::Service(name.clone())))
    }

    /// Matches the name of an identity, or of the role of a session.
    fn identity(&self, identity: &NamedIdentity) -> Option<Match> {
        if self.has_arn(&identity.arn) {
            return Some(Match::Direct);
        }
        if !identity.roles.iter().any(|role| self.has_arn(role)) {
            return None;
        }
        if identity.roles.len() == 1 {
            return Some(Match::Direct);
        }
        let listed: Vec<&str> = self.listed_roles(identity).collect();
        Some(doubt(format!("{} is a session of {}", identity.arn, listed.join(" or "))))
    }

    fn listed_roles<'i>(&'i self, identity: &'i NamedIdentity) -> impl Iterator<Item = &'i str> {
        identity.roles.iter().map(String::as_str).filter(|role| self.has_arn(role))
    }

    /// Matches a federated session with the users that are named. Its ARN does not contain the user.
    fn session_of_user(&self, atom: &PrincipalAtom) -> Option<Match> {
        if let PrincipalClass::SessionsOf(user) = &atom.class {
            return self.has_arn(&user.arn).then(|| Match::Doubtful(includes_sessions(user)));
        }
        let NamedIdentity { arn, account, .. } = atom.federated()?;
        let users: Vec<&str> = self.identities_of(account, Some(IdentityKind::User)).collect();
        let text = format!("{arn} is a session of {}", users.join(" or "));
        (!users.is_empty()).then(|| doubt(text))
    }

    /// Returns the named identities of an account, or those of one kind.
    fn identities_of<'i>(
        &'i self,
        account: &'i str,
        kind: Option<IdentityKind>,
    ) -> impl Iterator<Item = &'i str> {
        self.element.names.iter().filter_map(move |name| match name {
            PrincipalName::Identity(arn) => {
                let (of, is, _) = parse_identity(arn)?;
                (of == account && kind.is_none_or(|kind| kind == is)).then_some(arn.as_str())
            }
            PrincipalName::Everyone
            | PrincipalName::AnyIdentity
            | PrincipalName::Account(_)
            | PrincipalName::UniqueId(_)
            | PrincipalName::Service(_)
            | PrincipalName::Provider(_)
            | PrincipalName::Other(_) => None,
        })
    }

    /// Returns the doubt about an identity of which only some of the names that exempt it are listed.
    fn partly(&self, who: &str, names: &[&str]) -> Match {
        doubt(format!("a `NotPrincipal` that lists only {} denies {who}", names.join(" and ")))
    }
}

/// Matches a `NotPrincipal` element. An identity is certainly exempt only if its account is listed too, and a session
/// only if its role and its account are; otherwise the statement "might deny" it. What is not listed is denied although
/// its account is listed next to other identities (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
fn match_not_principal(named: &Named<'_>, atom: &PrincipalAtom) -> Option<Match> {
    // Whom a provider federates is an identity too.
    let is_identity = atom.is_identity() || matches!(atom.class, PrincipalClass::Provider(_));
    if named.has(&PrincipalName::Everyone)
        || (is_identity && named.has(&PrincipalName::AnyIdentity))
    {
        return None;
    }
    match &atom.class {
        PrincipalClass::UniqueId(_) => None,
        PrincipalClass::Provider(provider) => {
            if named.has(&PrincipalName::Provider(provider.clone())) {
                Some(named.partly(&format!("the sessions of {provider}"), &["the provider"]))
            } else {
                Some(provider_calls())
            }
        }
        PrincipalClass::Service(_) | PrincipalClass::OtherService => {
            if named.has_service(&atom.class) {
                None
            } else if named.has(&PrincipalName::AnyIdentity) {
                Some(includes_services(true))
            } else {
                Some(Match::Direct)
            }
        }
        PrincipalClass::OtherAccounts { .. } => Some(Match::Direct),
        PrincipalClass::Root(account) => (!named.has_account(account)).then_some(Match::Direct),
        PrincipalClass::Other { account, .. } => not_listed(named, atom, account),
        PrincipalClass::SessionsOf(user) if named.has_arn(&user.arn) => {
            let who = format!("the federated sessions of {}", user.arn);
            let account = named.has_account(&user.account).then_some("the account");
            let names: Vec<&str> = account.into_iter().chain(["the user"]).collect();
            Some(named.partly(&who, &names))
        }
        PrincipalClass::SessionsOf(user) => not_listed(named, atom, &user.account),
        PrincipalClass::Identity(identity) => match_listed(named, atom, identity),
    }
}

/// Matches an identity that can be listed.
fn match_listed(
    named: &Named<'_>,
    atom: &PrincipalAtom,
    identity: &NamedIdentity,
) -> Option<Match> {
    let account = named.has_account(&identity.account);
    let is_listed = named.has_arn(&identity.arn);
    let roles: Vec<&str> = named.listed_roles(identity).collect();
    let is_fully_listed = match identity.kind {
        IdentityKind::Session => is_listed && !roles.is_empty() && identity.roles.len() == 1,
        IdentityKind::User | IdentityKind::Role => is_listed,
        IdentityKind::Federated | IdentityKind::Root => false,
    };
    if is_fully_listed && account {
        // The requests of a role come from its sessions, which are not listed.
        if identity.kind == IdentityKind::Role {
            return Some(named.partly(&identity.arn, &["the account", "the role"]));
        }
        return None;
    }
    if !is_listed && roles.is_empty() {
        return not_listed(named, atom, &identity.account);
    }
    let mut names: Vec<&str> = roles;
    names.extend(account.then_some("the account"));
    names.extend(is_listed.then_some(identity.arn.as_str()));
    Some(named.partly(&identity.arn, &names))
}

/// Matches an identity that is not listed, although its account may be.
fn not_listed(named: &Named<'_>, atom: &PrincipalAtom, account: &str) -> Option<Match> {
    if named.has_account(account) && named.identities_of(account, None).next().is_none() {
        let who = format!("the other identities of account {account}");
        return Some(named.partly(&who, &["the account"]));
    }
    let users: Vec<&str> = named.identities_of(account, Some(IdentityKind::User)).collect();
    match atom.federated() {
        Some(session) if !users.is_empty() => Some(named.partly(&session.arn, &users)),
        Some(_) | None => Some(Match::Direct),
    }
}
