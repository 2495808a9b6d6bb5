//! Principal atoms: a partition of all principals into the sets that two policies can distinguish.

use std::collections::BTreeSet;

use super::KeyContext;
use super::literal::{ValueType, patterns, value_type};
use crate::policy::arn::{is_account, is_service};
use crate::policy::grants::Grant;
use crate::policy::pattern::glyphs;
pub(super) use crate::policy::principal_facts::IdentityKind;
use crate::policy::principal_facts::role_arns;
use crate::policy::typed::{PrincipalName, Test};
use crate::policy::value_pattern::{Pattern, combinations};
use crate::policy::work;

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
    /// The federated sessions of a named user. The ARN of such a session does not contain the user.
    SessionsOf(NamedIdentity),
    /// Every other identity of a named account, or those of one kind if kinds are distinguished.
    Other { account: String, kind: Option<IdentityKind> },
    /// Every identity of the accounts that are not named. The root users are always a class of their own.
    OtherAccounts { kind: Option<IdentityKind> },
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

/// The knowledge about the value of `aws:PrincipalArn`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalArn {
    /// The value is known. For a session it is the ARN of its role (IAM User Guide, "AWS global condition context
    /// keys").
    Is(String),
    /// The value is none of those that are named. It matches exactly these patterns.
    Matches(BTreeSet<Pattern>),
    /// The value matches one of these patterns. It is unknown which value it is: the path of a role is not part of the
    /// ARN of its sessions.
    OneOf(Vec<Pattern>),
    /// The value is unknown.
    Unknown,
}

impl PrincipalAtom {
    /// Returns the account of the principals, if it is a named one.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.class {
            PrincipalClass::Root(account) | PrincipalClass::Other { account, .. } => Some(account),
            PrincipalClass::Identity(identity) | PrincipalClass::SessionsOf(identity) => {
                Some(&identity.account)
            }
            PrincipalClass::OtherAccounts { .. }
            | PrincipalClass::Service(_)
            | PrincipalClass::OtherService
            | PrincipalClass::UniqueId(_)
            | PrincipalClass::Provider(_) => None,
        }
    }

    /// Returns the specific names that can match the principals, or `None` if many could.
    pub(super) fn names(&self) -> Option<Vec<PrincipalName>> {
        match &self.class {
            PrincipalClass::Identity(identity) if identity.kind == IdentityKind::Federated => None,
            PrincipalClass::Identity(identity) | PrincipalClass::SessionsOf(identity) => {
                let arns = [&identity.arn].into_iter().chain(&identity.roles);
                Some(arns.cloned().map(PrincipalName::Identity).collect())
            }
            PrincipalClass::Service(name) => Some(vec![PrincipalName::Service(name.clone())]),
            PrincipalClass::Root(_)
            | PrincipalClass::Other { .. }
            | PrincipalClass::OtherAccounts { .. }
            | PrincipalClass::OtherService
            | PrincipalClass::UniqueId(_)
            | PrincipalClass::Provider(_) => Some(Vec::new()),
        }
    }

    /// Returns the kind of the identities, if they are of one kind.
    pub(super) fn kind(&self) -> Option<IdentityKind> {
        match &self.class {
            PrincipalClass::Root(_) => Some(IdentityKind::Root),
            PrincipalClass::Identity(identity) => Some(identity.kind),
            PrincipalClass::SessionsOf(_) => Some(IdentityKind::Federated),
            PrincipalClass::Other { kind, .. } | PrincipalClass::OtherAccounts { kind } => *kind,
            PrincipalClass::Service(_)
            | PrincipalClass::OtherService
            | PrincipalClass::UniqueId(_)
            | PrincipalClass::Provider(_) => None,
        }
    }

    /// Returns the federated session, if the principal is a named one.
    pub(super) fn federated(&self) -> Option<&NamedIdentity> {
        if let PrincipalClass::Identity(identity) = &self.class
            && identity.kind == IdentityKind::Federated
        {
            return Some(identity);
        }
        None
    }

    /// Returns whether the principals are AWS services.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.class, PrincipalClass::Service(_) | PrincipalClass::OtherService)
    }

    /// Returns whether the principals are identities of accounts that are not named.
    pub(super) fn is_of_other_accounts(&self) -> bool {
        matches!(self.class, PrincipalClass::OtherAccounts { .. })
    }

    /// Returns whether the principals are identities of accounts.
    pub(super) fn is_identity(&self) -> bool {
        self.account().is_some() || self.is_of_other_accounts()
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

/// The principals that the policies and the grants mention. Those of other partitions than the key's are left out: they
/// cannot make requests for the key.
pub(super) struct MentionedPrincipals<'a> {
    key: &'a KeyContext,
    accounts: BTreeSet<String>,
    identities: BTreeSet<String>,
    /// The identities that statements and grants name, so that they exist.
    principals: BTreeSet<String>,
    services: BTreeSet<String>,
    ids: BTreeSet<String>,
    providers: BTreeSet<String>,
    /// Patterns on `aws:PrincipalArn` that match more than a single ARN.
    patterns: BTreeSet<Pattern>,
    /// Whether a condition distinguishes users from roles.
    kinds: bool,
}

impl<'a> MentionedPrincipals<'a> {
    pub(super) fn new(key: &'a KeyContext) -> Self {
        Self {
            key,
            accounts: key.account.iter().cloned().collect(),
            identities: BTreeSet::new(),
            principals: BTreeSet::new(),
            services: BTreeSet::new(),
            ids: BTreeSet::new(),
            providers: BTreeSet::new(),
            patterns: BTreeSet::new(),
            kinds: false,
        }
    }

    /// Adds a principal of a statement.
    pub(super) fn add_name(&mut self, name: &PrincipalName) {
        match name {
            PrincipalName::Account(account) => {
                if account.is(&self.key.partition, &account.id) {
                    self.accounts.insert(account.id.clone());
                }
            }
            PrincipalName::Identity(arn) => self.add_principal(arn),
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

    fn is_of_partition(&self, arn: &str) -> bool {
        self.key.partition.is_empty() || arn.split(':').nth(1) == Some(&self.key.partition)
    }

    fn add_principal(&mut self, arn: &str) {
        self.add_arn(arn);
        self.principals.insert(arn.to_owned());
    }

    fn add_arn(&mut self, arn: &str) {
        if let Some((account, _, _)) = parse_identity(arn)
            && self.is_of_partition(arn)
        {
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
    pub(super) fn add_test(&mut self, test: &Test) {
        match test.key.as_str() {
            "aws:principalarn" if value_type(test) == ValueType::Text => {
                for pattern in patterns(test) {
                    match (pattern.exact(), &pattern) {
                        (Some(arn), _) => self.add_arn(arn),
                        // No ARN of an identity has a wildcard in it.
                        (None, Pattern::AnyCase(text)) if text.contains(['*', '?']) => {}
                        (None, _) => {
                            self.kinds = true;
                            self.add_account_of(&pattern.text());
                            self.patterns.insert(pattern);
                        }
                    }
                }
            }
            "aws:principalaccount" | "kms:calleraccount" => {
                self.accounts.extend(test.values.iter().filter(|v| is_account(v)).cloned());
            }
            "aws:principalservicename" if value_type(test) == ValueType::Text => {
                let names = patterns(test).into_iter().filter_map(|pattern| match pattern {
                    Pattern::Exact(name) | Pattern::AnyCase(name) => Some(name),
                    Pattern::Like(_)
                    | Pattern::Arn(_)
                    | Pattern::Resource(_)
                    | Pattern::Fields(_) => None,
                });
                self.services.extend(names.filter(|name| is_service(name)));
            }
            "aws:principaltype" | "aws:username" => self.kinds = true,
            _ => {}
        }
        // The principal can fill a variable too.
        let values = test.values.iter().map(|value| value.to_ascii_lowercase());
        self.kinds |= values.into_iter().any(|value| value.contains("${aws:"));
    }

    /// Adds the grantee of a grant.
    pub(super) fn add_grant(&mut self, grant: &Grant) {
        if is_service(&grant.grantee) {
            self.services.insert(grant.grantee.clone());
        } else {
            self.add_principal(&grant.grantee);
        }
    }

    /// Returns the atoms of all principals, or `None` if there are too many patterns.
    pub(super) fn atoms(self) -> Option<BTreeSet<PrincipalAtom>> {
        let mut out = BTreeSet::new();
        let mut add =
            |class: PrincipalClass, arn: PrincipalArn| out.insert(PrincipalAtom { class, arn });
        for identity in self.identities.iter().filter_map(|arn| self.named_identity(arn)) {
            let arn = self.principal_arn(&identity);
            if identity.kind == IdentityKind::User && self.principals.contains(&identity.arn) {
                let shape = self.shape("sts", &identity.account, "federated-user/?*");
                for arn in self.other_arns(&shape)? {
                    add(PrincipalClass::SessionsOf(identity.clone()), arn);
                }
            }
            add(PrincipalClass::Identity(identity), arn);
        }
        for account in &self.accounts {
            let arn = format!("arn:{}:iam::{account}:root", self.key.partition);
            add(PrincipalClass::Root(account.clone()), PrincipalArn::Is(arn));
            for (kind, shape) in self.other_kinds(account) {
                for arn in self.other_arns(&shape)? {
                    add(PrincipalClass::Other { account: account.clone(), kind }, arn);
                }
            }
        }
        let root = (Some(IdentityKind::Root), self.shape("iam", "*", "root"));
        for (kind, shape) in self.other_kinds("*").into_iter().chain([root]) {
            for arn in self.other_arns(&shape)? {
                add(PrincipalClass::OtherAccounts { kind }, arn);
            }
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
        if kind == IdentityKind::Session && work::spend(8 * self.principals.len()) {
            roles.extend(
                self.principals
                    .iter()
                    .filter(|arn| self.is_of_partition(arn))
                    .filter(|arn| parse_identity(arn) == Some((account, IdentityKind::Role, name)))
                    .cloned(),
            );
        }
        Some(NamedIdentity { account: account.to_owned(), kind, arn: arn.to_owned(), roles })
    }

    /// Returns the value of `aws:PrincipalArn` for a named identity.
    fn principal_arn(&self, identity: &NamedIdentity) -> PrincipalArn {
        if identity.kind != IdentityKind::Session {
            return PrincipalArn::Is(identity.arn.clone());
        }
        if let Some(role) = identity.roles.first().filter(|_| identity.roles.len() == 1) {
            return PrincipalArn::Is(role.clone());
        }
        let Some((account, _, name)) = parse_identity(&identity.arn) else {
            return PrincipalArn::Unknown;
        };
        PrincipalArn::OneOf(role_arns(&self.key.partition, account, name))
    }

    /// Returns the kinds of an account's other identities, each with a pattern for their ARNs.
    fn other_kinds(&self, account: &str) -> Vec<(Option<IdentityKind>, String)> {
        if !self.kinds {
            return vec![(None, String::new())];
        }
        vec![
            (Some(IdentityKind::User), self.shape("iam", account, "user/?*")),
            (Some(IdentityKind::Role), self.shape("iam", account, "role/?*")),
            (Some(IdentityKind::Federated), self.shape("sts", account, "federated-user/?*")),
        ]
    }

    /// Returns a pattern of the ARNs of identities.
    fn shape(&self, service: &str, account: &str, resource: &str) -> String {
        let partition = Some(self.key.partition.as_str()).filter(|name| !name.is_empty());
        format!("arn:{}:{service}::{account}:{resource}", partition.unwrap_or("*"))
    }

    /// Returns every set of patterns that an unnamed ARN of this shape can match.
    fn other_arns(&self, shape: &str) -> Option<Vec<PrincipalArn>> {
        let mut all: Vec<Pattern> =
            self.patterns.iter().filter(|pattern| may_overlap(pattern, shape)).cloned().collect();
        if all.is_empty() {
            return Some(vec![PrincipalArn::Matches(BTreeSet::new())]);
        }
        let patterns = all.clone();
        // The path of an identity can contain colons (IAM User Guide, "IAM identifiers").
        all.push(Pattern::Arn(glyphs(shape)));
        let shape_bit = patterns.len();
        // An identity of another account matches the pattern of no named account.
        if shape.contains("::*:") {
            for account in &self.accounts {
                all.push(Pattern::Arn(glyphs(&format!("arn:*:*::{account}:*"))));
            }
        }
        let arns = combinations(&all)?
            .into_iter()
            // The shape matches, and none of the patterns after it.
            .filter(|bits| bits >> shape_bit == 1)
            .map(|bits| {
                let matched = patterns.iter().enumerate();
                let matched = matched.filter(|(bit, _)| bits & (1 << bit) != 0);
                PrincipalArn::Matches(matched.map(|(_, pattern)| pattern.clone()).collect())
            });
        Some(arns.collect())
    }
}

/// Returns whether the texts before the first wildcards do not exclude that a text matches both patterns.
fn may_overlap(pattern: &Pattern, shape: &str) -> bool {
    let literal = |text: &str| text.split(['*', '?']).next().unwrap_or_default().to_lowercase();
    let (one, other) = (literal(&pattern.text()), literal(shape));
    one.starts_with(&other) || other.starts_with(&one)
}
