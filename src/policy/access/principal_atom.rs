//! Principal atoms: a partition of all principals into the sets that two policies can distinguish.

use std::collections::BTreeSet;

use super::KeyContext;
use super::literal::{Literal, ValueType, patterns, value_type};
use super::value_pattern::{Pattern, combinations};
use crate::policy::arn::{is_account, is_service};
use crate::policy::grants::Grant;
use crate::policy::typed::PrincipalName;

/// A set of principals that no statement distinguishes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PrincipalAtom {
    /// The class of the principals.
    pub(super) class: PrincipalClass,
    /// The value of `aws:PrincipalArn` in their requests.
    pub(super) arn: PrincipalArn,
}

/// A class of principals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalClass {
    /// The root user of an account.
    Root(String),
    /// A named user, role, session or federated user. A role stands for its sessions that are not named.
    Identity(NamedIdentity),
    /// Every other identity of a named account, or those of one kind if kinds are distinguished.
    Other { account: String, kind: Option<IdentityKind> },
    /// Every identity of the accounts that are not named.
    OtherAccounts,
    /// A named AWS service.
    Service(String),
    /// Every other AWS service.
    OtherService,
    /// A deleted identity, by its unique id.
    UniqueId(String),
    /// An identity provider.
    Provider(String),
}

/// A named identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedIdentity {
    pub(super) account: String,
    pub(super) kind: IdentityKind,
    pub(super) arn: String,
    /// For a session, the ARNs of the named roles that it may be a session of: those with the name of its role.
    pub(super) roles: BTreeSet<String>,
}

/// The kind of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IdentityKind {
    User,
    Role,
    Session,
    Federated,
}

/// The knowledge about the value of `aws:PrincipalArn`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalArn {
    /// The value is known. For a session it is the ARN of its role (IAM User Guide, "AWS global condition context
    /// keys").
    Is(String),
    /// The value is none of those that are named. It matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// The value is unknown. AWS does not document whether the request of a service has one.
    Unknown,
}

impl PrincipalAtom {
    /// Returns the account of the principals, if it is a named one.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.class {
            PrincipalClass::Root(account) | PrincipalClass::Other { account, .. } => Some(account),
            PrincipalClass::Identity(identity) => Some(&identity.account),
            PrincipalClass::OtherAccounts
            | PrincipalClass::Service(_)
            | PrincipalClass::OtherService
            | PrincipalClass::UniqueId(_)
            | PrincipalClass::Provider(_) => None,
        }
    }

    /// Returns whether the principals are AWS services.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.class, PrincipalClass::Service(_) | PrincipalClass::OtherService)
    }

    /// Returns whether the principals are identities of accounts.
    pub(super) fn is_identity(&self) -> bool {
        self.account().is_some() || self.class == PrincipalClass::OtherAccounts
    }
}

/// Returns the account, the kind and the name without path of an identity's ARN. For a session it is the name of the
/// role.
pub(super) fn parse_identity(arn: &str) -> Option<(&str, IdentityKind, &str)> {
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
        ("iam", "user") => Some((account, IdentityKind::User, last)),
        ("iam", "role") => Some((account, IdentityKind::Role, last)),
        ("sts", "assumed-role") => {
            rest.split_once('/').map(|(role, _)| (*account, IdentityKind::Session, role))
        }
        ("sts", "federated-user") => Some((account, IdentityKind::Federated, last)),
        _ => None,
    }
}

/// The principals that the policies and the grants mention.
#[derive(Default)]
pub(super) struct MentionedPrincipals {
    accounts: BTreeSet<String>,
    identities: BTreeSet<String>,
    services: BTreeSet<String>,
    ids: BTreeSet<String>,
    providers: BTreeSet<String>,
    /// Patterns on `aws:PrincipalArn` that match more than a single ARN.
    patterns: BTreeSet<Pattern>,
    /// Whether a condition distinguishes users from roles.
    kinds: bool,
}

impl MentionedPrincipals {
    /// Adds a principal of a statement.
    pub(super) fn add_name(&mut self, name: &PrincipalName) {
        match name {
            PrincipalName::Account(account) => {
                self.accounts.insert(account.clone());
            }
            PrincipalName::Identity(arn) => self.add_arn(arn),
            PrincipalName::UniqueId(id) => {
                self.ids.insert(id.clone());
            }
            PrincipalName::Service(service) => {
                self.services.insert(service.clone());
            }
            PrincipalName::Provider(provider) => {
                self.providers.insert(provider.clone());
            }
            PrincipalName::Everyone | PrincipalName::AnyIdentity | PrincipalName::Other(_) => {}
        }
    }

    fn add_arn(&mut self, arn: &str) {
        if let Some((account, _, _)) = parse_identity(arn) {
            self.accounts.insert(account.to_owned());
            self.identities.insert(arn.to_owned());
        } else {
            self.add_account_of(arn);
        }
    }

    fn add_account_of(&mut self, arn: &str) {
        let account = arn.split(':').nth(4).filter(|account| is_account(account));
        self.accounts.extend(account.map(str::to_owned));
    }

    /// Adds the principals that a condition mentions.
    pub(super) fn add_literal(&mut self, literal: &Literal) {
        let Literal::Test(test) = literal else {
            return;
        };
        match test.key.as_str() {
            "aws:principalarn" if value_type(test) == ValueType::Text => {
                for pattern in patterns(test) {
                    match pattern.exact() {
                        Some(arn) => self.add_arn(arn),
                        None => {
                            self.kinds = true;
                            self.add_account_of(pattern.text());
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

    /// Adds the grantee of a grant.
    pub(super) fn add_grant(&mut self, grant: &Grant) {
        if is_service(&grant.grantee) {
            self.services.insert(grant.grantee.clone());
        } else {
            self.add_arn(&grant.grantee);
        }
    }

    /// Returns the atoms of all principals, or `None` if there are too many patterns.
    pub(super) fn atoms(mut self, key: &KeyContext) -> Option<BTreeSet<PrincipalAtom>> {
        self.accounts.extend(key.account.clone());
        let mut out = BTreeSet::new();
        let mut add =
            |class: PrincipalClass, arn: PrincipalArn| out.insert(PrincipalAtom { class, arn });
        for arn in &self.identities {
            if let Some(identity) = self.named_identity(arn) {
                let principal_arn = principal_arn(&identity);
                add(PrincipalClass::Identity(identity), principal_arn);
            }
        }
        for account in &self.accounts {
            let arn = format!("arn:{}:iam::{account}:root", key.partition);
            add(PrincipalClass::Root(account.clone()), PrincipalArn::Is(arn));
            for (kind, shape) in self.other_kinds(account) {
                for arn in self.other_arns(&shape)? {
                    add(PrincipalClass::Other { account: account.clone(), kind }, arn);
                }
            }
        }
        for arn in self.other_arns("arn:*:*::*:*/*")? {
            add(PrincipalClass::OtherAccounts, arn);
        }
        for service in self.services {
            add(PrincipalClass::Service(service), PrincipalArn::Unknown);
        }
        add(PrincipalClass::OtherService, PrincipalArn::Unknown);
        for id in self.ids {
            add(PrincipalClass::UniqueId(id), PrincipalArn::Unknown);
        }
        for provider in self.providers {
            add(PrincipalClass::Provider(provider), PrincipalArn::Unknown);
        }
        Some(out)
    }

    fn named_identity(&self, arn: &str) -> Option<NamedIdentity> {
        let (account, kind, name) = parse_identity(arn)?;
        // The name of a role is unique in its account, whatever its path (IAM User Guide, "IAM identifiers").
        let mut roles = BTreeSet::new();
        if kind == IdentityKind::Session {
            roles.extend(
                self.identities
                    .iter()
                    .filter(|arn| parse_identity(arn) == Some((account, IdentityKind::Role, name)))
                    .cloned(),
            );
        }
        Some(NamedIdentity { account: account.to_owned(), kind, arn: arn.to_owned(), roles })
    }

    /// Returns the kinds of an account's other identities, each with a pattern for their ARNs.
    fn other_kinds(&self, account: &str) -> Vec<(Option<IdentityKind>, String)> {
        if !self.kinds {
            return vec![(None, String::new())];
        }
        vec![
            (Some(IdentityKind::User), format!("arn:*:iam::{account}:user/*")),
            (Some(IdentityKind::Role), format!("arn:*:iam::{account}:role/*")),
            (Some(IdentityKind::Federated), format!("arn:*:sts::{account}:federated-user/*")),
        ]
    }

    /// Returns every set of patterns that an unnamed ARN of this shape can match.
    fn other_arns(&self, shape: &str) -> Option<Vec<PrincipalArn>> {
        if self.patterns.is_empty() {
            return Some(vec![PrincipalArn::Matches(BTreeSet::new())]);
        }
        let mut all: Vec<Pattern> = self.patterns.iter().cloned().collect();
        all.push(Pattern::Arn(shape.to_owned()));
        let shape_bit = all.len() - 1;
        // An identity of another account matches the pattern of no named account.
        if shape.contains("::*:") {
            for account in &self.accounts {
                all.push(Pattern::Arn(format!("arn:*:*::{account}:*")));
            }
        }
        if all.len() >= 64 {
            return None;
        }
        let arns = combinations(&all)?
            .into_iter()
            // The shape matches, and none of the patterns after it.
            .filter(|bits| bits >> shape_bit == 1)
            .map(|bits| {
                let matched = self.patterns.iter().enumerate();
                let matched = matched.filter(|(bit, _)| bits & (1 << bit) != 0);
                PrincipalArn::Matches(matched.map(|(_, pattern)| pattern.clone()).collect())
            });
        Some(arns.collect())
    }
}

/// Returns the value of `aws:PrincipalArn` for a named identity.
fn principal_arn(identity: &NamedIdentity) -> PrincipalArn {
    match identity.kind {
        IdentityKind::User | IdentityKind::Role => PrincipalArn::Is(identity.arn.clone()),
        IdentityKind::Session => match identity.roles.first() {
            Some(role) if identity.roles.len() == 1 => PrincipalArn::Is(role.clone()),
            Some(_) | None => PrincipalArn::Unknown,
        },
        IdentityKind::Federated => PrincipalArn::Unknown,
    }
}
