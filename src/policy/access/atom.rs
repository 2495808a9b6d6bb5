//! Principals as atoms: whoever two policies can tell apart is one atom, and every principal there is falls into one.

use std::collections::BTreeSet;

use super::super::arn::{is_account, is_service};
use super::super::grants::Grant;
use super::super::meaning::Name;
use super::KeyContext;
use super::glob::{Pattern, combinations};
use super::literal::{Literal, Sort, patterns, sort};

/// Principals that no statement tells apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atom {
    /// Who.
    pub(super) who: Principal,
    /// What `aws:PrincipalArn` is.
    pub(super) arn: PrincipalArn,
}

/// Who.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Principal {
    /// The root user of an account.
    Root(String),
    /// A user, a role (in a session that is not named), a session or a federated user.
    Identity(Identity),
    /// Whoever else is in an account, of one kind where kinds are told apart.
    Other { account: String, kind: Option<Kind> },
    /// Whoever is in an account that is not named.
    Elsewhere,
    /// An AWS service.
    Service(String),
    /// Every AWS service that is not named.
    OtherService,
    /// A deleted identity.
    UniqueId(String),
    /// An identity provider.
    Provider(String),
}

/// A named identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) account: String,
    pub(super) kind: Kind,
    pub(super) arn: String,
    /// Of a session, the ARNs of named roles that it may be a session of: those with its role's name.
    pub(super) roles: BTreeSet<String>,
}

/// What kind of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    Role,
    Session,
    Federated,
}

/// What is known of `aws:PrincipalArn`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalArn {
    /// It is this one. Of a session it is the ARN of its role (IAM User Guide, `aws:PrincipalArn`).
    Is(String),
    /// It is not named; it matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// Not known. Whether a service's request has one is not documented.
    Unknown,
}

impl Atom {
    /// The account it belongs to, if it is a named one.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.who {
            Principal::Root(account) | Principal::Other { account, .. } => Some(account),
            Principal::Identity(identity) => Some(&identity.account),
            Principal::Elsewhere
            | Principal::Service(_)
            | Principal::OtherService
            | Principal::UniqueId(_)
            | Principal::Provider(_) => None,
        }
    }

    /// Whether it is an AWS service.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.who, Principal::Service(_) | Principal::OtherService)
    }

    /// Whether it is an identity of some account.
    pub(super) fn is_identity(&self) -> bool {
        self.account().is_some() || self.who == Principal::Elsewhere
    }
}

/// The account, the kind and the bare name of an identity's ARN.
pub(super) fn identity(arn: &str) -> Option<(&str, Kind, &str)> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, service, "", account, resource] = fields.as_slice() else {
        return None;
    };
    let (word, rest) = resource.split_once('/')?;
    if !is_account(account) || resource.contains(['*', '?']) {
        return None;
    }
    let last = rest.rsplit('/').next().unwrap_or(rest);
    match (*service, word) {
        ("iam", "user") => Some((account, Kind::User, last)),
        ("iam", "role") => Some((account, Kind::Role, last)),
        ("sts", "assumed-role") => {
            rest.split_once('/').map(|(role, _)| (*account, Kind::Session, role))
        }
        ("sts", "federated-user") => Some((account, Kind::Federated, last)),
        _ => None,
    }
}

/// What the policies and grants name.
#[derive(Default)]
pub(super) struct Named {
    accounts: BTreeSet<String>,
    identities: BTreeSet<String>,
    services: BTreeSet<String>,
    ids: BTreeSet<String>,
    providers: BTreeSet<String>,
    /// Patterns on `aws:PrincipalArn` that are no single ARN.
    patterns: BTreeSet<Pattern>,
    /// Whether something tells users from roles.
    kinds: bool,
}

impl Named {
    /// Collects a principal of a statement.
    pub(super) fn name(&mut self, name: &Name) {
        match name {
            Name::Account(account) => {
                self.accounts.insert(account.clone());
            }
            Name::Identity(arn) => self.arn(arn),
            Name::UniqueId(id) => {
                self.ids.insert(id.clone());
            }
            Name::Service(service) => {
                self.services.insert(service.clone());
            }
            Name::Provider(provider) => {
                self.providers.insert(provider.clone());
            }
            Name::Everyone | Name::AnyIdentity | Name::Other(_) => {}
        }
    }

    fn arn(&mut self, arn: &str) {
        if let Some((account, _, _)) = identity(arn) {
            self.accounts.insert(account.to_owned());
            self.identities.insert(arn.to_owned());
        } else {
            self.account_in(arn);
        }
    }

    fn account_in(&mut self, arn: &str) {
        let account = arn.split(':').nth(4).filter(|account| is_account(account));
        self.accounts.extend(account.map(str::to_owned));
    }

    /// Collects what a condition says of principals.
    pub(super) fn literal(&mut self, literal: &Literal) {
        let Literal::Test(test) = literal else {
            return;
        };
        match test.key.as_str() {
            "aws:principalarn" if sort(test) == Sort::Text => {
                for pattern in patterns(test) {
                    match pattern.exact() {
                        Some(arn) => self.arn(arn),
                        None => {
                            self.kinds = true;
                            self.account_in(pattern.text());
                            self.patterns.insert(pattern);
                        }
                    }
                }
            }
            "aws:principalaccount" | "kms:calleraccount" => {
                self.accounts.extend(test.values.iter().filter(|v| is_account(v)).cloned());
            }
            "aws:principalservicename" => {
                let exact = test.values.iter().filter(|value| !value.contains(['*', '?']));
                self.services.extend(exact.cloned());
            }
            "aws:principaltype" | "aws:username" => self.kinds = true,
            _ => {}
        }
    }

    /// Collects a grant's principal.
    pub(super) fn grant(&mut self, grant: &Grant) {
        if is_service(&grant.grantee) {
            self.services.insert(grant.grantee.clone());
        } else {
            self.arn(&grant.grantee);
        }
    }

    /// All principals; `None` if the patterns are too many.
    pub(super) fn atoms(mut self, key: &KeyContext) -> Option<BTreeSet<Atom>> {
        self.accounts.extend(key.account.clone());
        let mut out = BTreeSet::new();
        let mut add = |who: Principal, arn: PrincipalArn| out.insert(Atom { who, arn });
        for arn in &self.identities {
            if let Some(identity) = self.identity(arn) {
                let principal_arn = principal_arn(&identity);
                add(Principal::Identity(identity), principal_arn);
            }
        }
        for account in &self.accounts {
            let arn = format!("arn:{}:iam::{account}:root", key.partition);
            add(Principal::Root(account.clone()), PrincipalArn::Is(arn));
            for (kind, shape) in self.others(account) {
                for arn in self.others_arns(&shape)? {
                    add(Principal::Other { account: account.clone(), kind }, arn);
                }
            }
        }
        for arn in self.others_arns("arn:*:*::*:*/*")? {
            add(Principal::Elsewhere, arn);
        }
        for service in self.services {
            add(Principal::Service(service), PrincipalArn::Unknown);
        }
        add(Principal::OtherService, PrincipalArn::Unknown);
        for id in self.ids {
            add(Principal::UniqueId(id), PrincipalArn::Unknown);
        }
        for provider in self.providers {
            add(Principal::Provider(provider), PrincipalArn::Unknown);
        }
        Some(out)
    }

    fn identity(&self, arn: &str) -> Option<Identity> {
        let (account, kind, name) = identity(arn)?;
        let same = |role: &&String| matches!(identity(role), Some((of, Kind::Role, is)) if of == account && is == name);
        let roles = match kind {
            // The name of a role is unique in its account, whatever its path (IAM User Guide, names and ARNs).
            Kind::Session => self.identities.iter().filter(same).cloned().collect(),
            Kind::User | Kind::Role | Kind::Federated => BTreeSet::new(),
        };
        Some(Identity { account: account.to_owned(), kind, arn: arn.to_owned(), roles })
    }

    /// The kinds of other identities of an account, with what their ARNs look like.
    fn others(&self, account: &str) -> Vec<(Option<Kind>, String)> {
        if !self.kinds {
            return vec![(None, String::new())];
        }
        vec![
            (Some(Kind::User), format!("arn:*:iam::{account}:user/*")),
            (Some(Kind::Role), format!("arn:*:iam::{account}:role/*")),
            (Some(Kind::Federated), format!("arn:*:sts::{account}:federated-user/*")),
        ]
    }

    /// How the ARNs of a shape fall among the patterns.
    fn others_arns(&self, shape: &str) -> Option<Vec<PrincipalArn>> {
        if self.patterns.is_empty() {
            return Some(vec![PrincipalArn::Matches(BTreeSet::new())]);
        }
        let mut all: Vec<Pattern> = self.patterns.iter().cloned().collect();
        all.push(Pattern::Arn(shape.to_owned()));
        let own = all.len() - 1;
        // Whoever is elsewhere is in none of the named accounts.
        if shape.contains("::*:") {
            let named = self.accounts.iter();
            all.extend(named.map(|account| Pattern::Arn(format!("arn:*:*::{account}:*"))));
        }
        if all.len() >= 64 {
            return None;
        }
        let within = |bits: &u64| bits >> own == 1;
        let set = |bits: u64| {
            let each = self.patterns.iter().enumerate();
            each.filter(|(n, _)| bits & (1 << n) != 0).map(|(_, p)| p.clone()).collect()
        };
        let found = combinations(&all)?.into_iter().filter(within);
        Some(found.map(|bits| PrincipalArn::Matches(set(bits))).collect())
    }
}

fn principal_arn(identity: &Identity) -> PrincipalArn {
    match identity.kind {
        Kind::User | Kind::Role => PrincipalArn::Is(identity.arn.clone()),
        Kind::Session => match identity.roles.first() {
            Some(role) if identity.roles.len() == 1 => PrincipalArn::Is(role.clone()),
            Some(_) | None => PrincipalArn::Unknown,
        },
        Kind::Federated => PrincipalArn::Unknown,
    }
}
