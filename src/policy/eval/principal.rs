//! The principal of a request, and the condition keys that follow from it.

use std::collections::BTreeSet;

use super::context::{ContextValue, Language};
use super::truth::{Doubt, Truth};
use crate::policy::Problem;
use crate::policy::arn::{PRINCIPAL_HELP, check_principal, is_account, is_service, is_unique_id};
use crate::policy::grants::Grant;
use crate::policy::principal_facts::{self, identity_fact, role_arns, service_fact};
use crate::policy::typed::{PrincipalName, TypedPolicy};
use crate::tree::Span;

/// The principal of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An AWS service on its own behalf, such as `cloudtrail.amazonaws.com`.
    Service(String),
    /// An identity of an account.
    Identity(Identity),
}

/// An identity of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub(super) partition: String,
    pub(super) account: String,
    pub(super) kind: IdentityKind,
    /// The unique id of the user or the role, if it is known.
    pub(super) id: Option<String>,
}

/// The kind of an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IdentityKind {
    /// The root user.
    Root,
    /// A user, by path and name.
    User(String),
    /// A session of a role. The role's path is not part of the session's ARN, and the session's name not part of the
    /// role's.
    Session { role: String, path: Option<String>, session: Option<String> },
    /// A federated user session, by its name.
    Federated(String),
}

const HELP: &str = "name a service such as `logs.eu-west-1.amazonaws.com`, or the ARN of a user, a role, a session, or the root user (`arn:aws:iam::<account>:root`)";

fn problem(message: String, help: impl Into<String>) -> Problem {
    Problem::new(Span::default(), message).help(help)
}

impl Principal {
    /// Parses a service principal or an ARN. The ARN of a role stands for any session of the role.
    ///
    /// # Errors
    /// Returns an error if the text does not name a principal that can make a request.
    pub fn parse(text: &str, partition: &str) -> Result<Self, Problem> {
        if is_service(text) {
            return Ok(Self::Service(text.to_owned()));
        }
        if text == "*" || is_account(text) || is_unique_id(text) {
            return Err(problem(format!("`{text}` cannot make a request"), HELP));
        }
        if let Some(mut problem) = check_principal(text, partition, Span::default()) {
            if problem.help.as_deref() == Some(PRINCIPAL_HELP) {
                problem.help = Some(HELP.to_owned());
            }
            return Err(problem);
        }
        let identity = Identity::of_arn(text);
        let identity = identity.map(Self::Identity);
        identity.ok_or_else(|| problem(format!("`{text}` is not a principal"), HELP))
    }

    /// Sets the role of a session, by the role's ARN.
    ///
    /// # Errors
    /// Returns an error if the principal is not a session of this role.
    pub fn with_role(self, arn: &str) -> Result<Self, Problem> {
        let Self::Identity(mut identity) = self else {
            return Err(problem("a service has no role".to_owned(), HELP));
        };
        identity.set_role(arn)?;
        Ok(Self::Identity(identity))
    }

    /// Sets the unique id of a user, or of the role of a session. In the id of a session, it is the part before the
    /// colon.
    ///
    /// # Errors
    /// Returns an error if the principal has no unique id, or if the id is of another kind.
    pub fn with_id(self, id: &str) -> Result<Self, Problem> {
        let id = id.split_once(':').map_or(id, |(id, _)| id);
        let prefix = match &self {
            Self::Identity(Identity { kind: IdentityKind::User(_), .. }) => "AIDA",
            Self::Identity(Identity { kind: IdentityKind::Session { .. }, .. }) => "AROA",
            Self::Service(_) | Self::Identity(_) => {
                let help = "give it for a user, a role or a session";
                return Err(problem("only users and roles have a unique id".to_owned(), help));
            }
        };
        match self {
            Self::Identity(identity) if is_unique_id(id) && id.starts_with(prefix) => {
                Ok(Self::Identity(Identity { id: Some(id.to_owned()), ..identity }))
            }
            Self::Service(_) | Self::Identity(_) => {
                let help =
                    format!("it begins with `{prefix}`; `aws sts get-caller-identity` prints it");
                Err(problem(format!("`{id}` is not the unique id of this principal"), help))
            }
        }
    }

    /// Returns the account of an identity. Services have none.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Service(_) => None,
            Self::Identity(identity) => Some(&identity.account),
        }
    }

    /// Returns the value of a condition key that follows from the principal, or `None` for any other key.
    pub(super) fn context_value(&self, key: &str) -> Option<ContextValue> {
        match self {
            Self::Service(name) if key == "aws:principalservicename" => {
                Some(ContextValue::value(name))
            }
            Self::Service(_) => service_fact(key).map(ContextValue::from),
            Self::Identity(identity) => identity.context_value(key),
        }
    }

    /// Returns the principal with the role that the policy or a grant names, if it is a session of a role of which only
    /// the name is known. The name of a role is unique in its account (IAM User Guide, "IAM identifiers").
    pub(super) fn with_named_role(&self, policy: &TypedPolicy, grants: &[Grant]) -> Self {
        let Self::Identity(identity) = self else { return self.clone() };
        let IdentityKind::Session { role, .. } = &identity.kind else { return self.clone() };
        let names = policy.statements.iter().flat_map(|statement| &statement.principals.names);
        let named = names.filter_map(|name| {
            if let PrincipalName::Identity(arn) = name { Some(arn) } else { None }
        });
        let grantees = grants.iter().map(|grant| &grant.grantee);
        let mut found = BTreeSet::new();
        // Most names of a long policy need not be parsed.
        let may_be_it = |arn: &&String| arn.contains(":role/") && arn.ends_with(role.as_str());
        for arn in named.chain(grantees).filter(may_be_it) {
            let mut with_role = identity.clone();
            found.extend(with_role.set_role(arn).is_ok().then_some(with_role));
        }
        match (found.pop_first(), found.is_empty()) {
            (Some(only), true) => Self::Identity(only),
            _ => self.clone(),
        }
    }
}

impl Identity {
    /// Returns the ARN of the role of a session. Without its path, which the ARN of a session does not contain, it is
    /// the ARN of a role with the path `/`.
    #[must_use]
    pub fn role(&self) -> Option<String> {
        let IdentityKind::Session { role, path, .. } = &self.kind else { return None };
        let path = path.as_deref().unwrap_or("/");
        Some(format!("arn:{}:iam::{}:role{path}{role}", self.partition, self.account))
    }

    /// Returns the identity of an ARN.
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = fields.as_slice() else {
            return None;
        };
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let kind = match (*service, kind) {
            ("iam", "root") => IdentityKind::Root,
            ("iam", "user") => IdentityKind::User(rest.to_owned()),
            ("iam", "role") => {
                let (path, role) = rest.rsplit_once('/').unwrap_or(("", rest));
                let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
                IdentityKind::Session { role: role.to_owned(), path: Some(path), session: None }
            }
            ("sts", "assumed-role") => {
                let (role, session) = rest.split_once('/')?;
                let session = Some(session.to_owned());
                IdentityKind::Session { role: role.to_owned(), path: None, session }
            }
            ("sts", "federated-user") => IdentityKind::Federated(rest.to_owned()),
            _ => return None,
        };
        let (partition, account) = ((*partition).to_owned(), (*account).to_owned());
        Some(Self { partition, account, kind, id: None })
    }

    fn set_role(&mut self, arn: &str) -> Result<(), Problem> {
        let IdentityKind::Session { role: own, path, .. } = &mut self.kind else {
            let help = "give it for `arn:aws:sts::<account>:assumed-role/<role>/<session>`";
            return Err(problem("only a session has a role".to_owned(), help));
        };
        let found = Self::of_arn(arn);
        let Some(Self {
            partition,
            account,
            kind: IdentityKind::Session { role, path: Some(of), .. },
            ..
        }) = found
        else {
            let help = "a role's ARN is `arn:aws:iam::<account>:role/<path and name>`";
            return Err(problem(format!("`{arn}` is not the ARN of a role"), help));
        };
        let same = partition == self.partition && account == self.account && role == *own;
        if !same || path.as_ref().is_some_and(|path| *path != of) {
            let help = format!("the role is named `{own}` and is in the account {}", self.account);
            return Err(problem(format!("`{arn}` is not the role of the session"), help));
        }
        *path = Some(of);
        Ok(())
    }

    /// Returns whether the ARN as a principal matches this identity. ARNs are compared as a whole and case matters. The
    /// ARN of a role matches its sessions too (IAM User Guide, "AWS JSON policy elements: Principal").
    pub(super) fn matches(&self, arn: &str) -> Truth {
        // Most names of a long policy need not be parsed.
        let part = match &self.kind {
            IdentityKind::Root | IdentityKind::Federated(_) => "",
            IdentityKind::User(name) | IdentityKind::Session { role: name, .. } => name,
        };
        if !arn.contains(&self.account) || !arn.contains(part) {
            return Truth::No;
        }
        let Some(named) = Self::of_arn(arn) else { return Truth::No };
        if (&named.partition, &named.account) != (&self.partition, &self.account) {
            return Truth::No;
        }
        match (named.kind, &self.kind) {
            (IdentityKind::User(_), IdentityKind::Federated(_)) => {
                Truth::maybe(Doubt::FederatedUser)
            }
            (
                IdentityKind::Session {
                    role: named_role,
                    path: named_path,
                    session: named_session,
                },
                IdentityKind::Session { role, path, session },
            ) => {
                let matches_part =
                    |named: Option<String>, own: &Option<String>, doubt| match (named, own) {
                        (None, _) => Truth::Yes,
                        (Some(_), None) => Truth::maybe(doubt),
                        (Some(named), Some(own)) => (named == *own).into(),
                    };
                Truth::from(named_role == *role)
                    .and(|| matches_part(named_path, path, Doubt::RolePath))
                    .and(|| matches_part(named_session, session, Doubt::SessionName))
            }
            (named, kind) => (named == *kind).into(),
        }
    }

    /// Returns the value of `aws:PrincipalArn`, if it is known. For a session it is the ARN of the role (IAM User
    /// Guide, "AWS global condition context keys").
    fn arn(&self) -> Option<String> {
        let Self { partition, account, .. } = self;
        Some(match &self.kind {
            IdentityKind::Root => format!("arn:{partition}:iam::{account}:root"),
            IdentityKind::User(user) => format!("arn:{partition}:iam::{account}:user/{user}"),
            IdentityKind::Session { role, path, .. } => {
                format!("arn:{partition}:iam::{account}:role{}{role}", path.as_ref()?)
            }
            IdentityKind::Federated(name) => {
                format!("arn:{partition}:sts::{account}:federated-user/{name}")
            }
        })
    }

    fn context_value(&self, key: &str) -> Option<ContextValue> {
        let known =
            |value: Option<String>| value.map_or(ContextValue::Unknown, ContextValue::value);
        Some(match key {
            "aws:principalarn" => match (self.arn(), &self.kind) {
                (None, IdentityKind::Session { role, .. }) => {
                    let arns = role_arns(&self.partition, &self.account, role);
                    ContextValue::OneOf(Language::of(arns))
                }
                (arn, _) => known(arn),
            },
            "aws:principalaccount" | "kms:calleraccount" => ContextValue::value(&self.account),
            "aws:userid" => known(self.user_id()),
            "aws:username" => match &self.kind {
                IdentityKind::User(user) => {
                    ContextValue::value(user.rsplit('/').next().unwrap_or(user))
                }
                IdentityKind::Root | IdentityKind::Session { .. } | IdentityKind::Federated(_) => {
                    ContextValue::Absent
                }
            },
            _ => return identity_fact(self.fact_kind(), key).map(ContextValue::from),
        })
    }

    fn fact_kind(&self) -> principal_facts::IdentityKind {
        use principal_facts::IdentityKind as Kind;
        match self.kind {
            IdentityKind::Root => Kind::Root,
            IdentityKind::User(_) => Kind::User,
            IdentityKind::Session { .. } => Kind::Session,
            IdentityKind::Federated(_) => Kind::Federated,
        }
    }

    /// Returns the value of `aws:userid`, if it is known (IAM User Guide, "Principal key values").
    fn user_id(&self) -> Option<String> {
        match &self.kind {
            IdentityKind::Root => Some(self.account.clone()),
            IdentityKind::User(_) => self.id.clone(),
            IdentityKind::Session { session, .. } => {
                Some(format!("{}:{}", self.id.as_ref()?, session.as_ref()?))
            }
            IdentityKind::Federated(name) => Some(format!("{}:{name}", self.account)),
        }
    }
}
