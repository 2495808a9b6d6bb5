//! Who asks, and what follows from it.

use super::request::Fact;
use super::truth::{Doubt, Truth};
use crate::policy::Problem;
use crate::policy::arn::{PRINCIPAL_HELP, check_principal, is_account, is_service, is_unique_id};
use crate::tree::Span;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An AWS service on its own behalf, such as `cloudtrail.amazonaws.com`.
    Service(String),
    /// An identity of an account.
    Identity(Identity),
}

/// An identity of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    partition: String,
    pub(super) account: String,
    pub(super) kind: Kind,
    /// The unique id of the user or of the role, where it is known.
    pub(super) id: Option<String>,
}

/// The kinds of identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The root user.
    Root,
    /// A user, by path and name.
    User(String),
    /// A session of a role. The role's path is not in the session's ARN, the session's name not in the role's.
    Session { role: String, path: Option<String>, session: Option<String> },
    /// A federated session of a user, by its name.
    Federated(String),
}

const HELP: &str = "name a service such as `logs.eu-west-1.amazonaws.com`, or the ARN of a user, a role, a session, or the root user (`arn:aws:iam::<account>:root`)";

fn problem(message: String, help: impl Into<String>) -> Problem {
    Problem::new(Span::default(), message).help(help)
}

impl Principal {
    /// Reads a service or an ARN. A role's own ARN stands for some session of it.
    pub fn parse(text: &str, partition: &str) -> Result<Self, Problem> {
        if is_service(text) {
            return Ok(Self::Service(text.to_owned()));
        }
        if text == "*" || is_account(text) || is_unique_id(text) {
            return Err(problem(format!("`{text}` is not one who asks"), HELP));
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

    /// Says which role a session is of, by the role's ARN.
    pub fn with_role(self, arn: &str) -> Result<Self, Problem> {
        let Self::Identity(mut identity) = self else {
            return Err(problem("a service has no role behind it".to_owned(), HELP));
        };
        identity.set_role(arn)?;
        Ok(Self::Identity(identity))
    }

    /// Says the unique id of a user, or of the role behind a session; a session's own id has it before the colon.
    pub fn with_id(self, id: &str) -> Result<Self, Problem> {
        let id = id.split_once(':').map_or(id, |(id, _)| id);
        let due = match &self {
            Self::Identity(Identity { kind: Kind::User(_), .. }) => "AIDA",
            Self::Identity(Identity { kind: Kind::Session { .. }, .. }) => "AROA",
            Self::Service(_) | Self::Identity(_) => {
                let help = "give it for a user, a role or a session";
                return Err(problem("only users and roles have a unique id".to_owned(), help));
            }
        };
        match self {
            Self::Identity(identity) if is_unique_id(id) && id.starts_with(due) => {
                Ok(Self::Identity(Identity { id: Some(id.to_owned()), ..identity }))
            }
            Self::Service(_) | Self::Identity(_) => {
                let help = format!("it begins with `{due}`, as `aws sts get-caller-identity` says");
                Err(problem(format!("`{id}` is not the unique id of this principal"), help))
            }
        }
    }

    /// The account of an identity; services are of none.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Service(_) => None,
            Self::Identity(identity) => Some(&identity.account),
        }
    }

    /// What is known of a condition key that follows from who asks (IAM User Guide, global condition keys, "Properties of
    /// the principal"; `kms:CallerAccount`: KMS Developer Guide). `None` for all other keys.
    pub(super) fn fact(&self, key: &str) -> Option<Fact> {
        match self {
            Self::Service(name) => Some(match key {
                "aws:principalisawsservice" => Fact::bool(true),
                "aws:principalservicename" => Fact::value(name),
                "kms:calleraccount" | "aws:username" => Fact::Absent,
                // Whether a service's request has these is not documented.
                "aws:principalarn"
                | "aws:principalaccount"
                | "aws:principaltype"
                | "aws:principalservicenameslist"
                | "aws:userid" => Fact::Unknown,
                _ => return None,
            }),
            Self::Identity(identity) => identity.fact(key),
        }
    }
}

impl Identity {
    /// The identity of an ARN.
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = fields.as_slice() else {
            return None;
        };
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let kind = match (*service, kind) {
            ("iam", "root") => Kind::Root,
            ("iam", "user") => Kind::User(rest.to_owned()),
            ("iam", "role") => {
                let (path, role) = rest.rsplit_once('/').unwrap_or(("", rest));
                let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
                Kind::Session { role: role.to_owned(), path: Some(path), session: None }
            }
            ("sts", "assumed-role") => {
                let (role, session) = rest.split_once('/')?;
                let session = Some(session.to_owned());
                Kind::Session { role: role.to_owned(), path: None, session }
            }
            ("sts", "federated-user") => Kind::Federated(rest.to_owned()),
            _ => return None,
        };
        let (partition, account) = ((*partition).to_owned(), (*account).to_owned());
        Some(Self { partition, account, kind, id: None })
    }

    fn set_role(&mut self, arn: &str) -> Result<(), Problem> {
        let Kind::Session { role: own, path, .. } = &mut self.kind else {
            let help = "give it for `arn:aws:sts::<account>:assumed-role/<role>/<session>`";
            return Err(problem("only a session has a role behind it".to_owned(), help));
        };
        let found = Self::of_arn(arn);
        let Some(Self {
            partition, account, kind: Kind::Session { role, path: Some(of), .. }, ..
        }) = found
        else {
            let help = "a role's ARN is `arn:aws:iam::<account>:role/<path and name>`";
            return Err(problem(format!("`{arn}` is not the ARN of a role"), help));
        };
        let same = partition == self.partition && account == self.account && role == *own;
        if !same || path.as_ref().is_some_and(|path| *path != of) {
            let help = format!("the role is named `{own}` and is in the account {}", self.account);
            return Err(problem(format!("`{arn}` is not the role behind the session"), help));
        }
        *path = Some(of);
        Ok(())
    }

    /// Whether the ARN, as a principal, is about this identity. ARNs are compared whole and in their case; sessions are
    /// also meant by the ARN of their role (IAM User Guide, `Principal`).
    pub(super) fn is(&self, arn: &str) -> Truth {
        let Some(named) = Self::of_arn(arn) else { return Truth::No };
        if (&named.partition, &named.account) != (&self.partition, &self.account) {
            return Truth::No;
        }
        match (named.kind, &self.kind) {
            (Kind::User(_), Kind::Federated(_)) => Truth::maybe(Doubt::FederatedUser),
            (
                Kind::Session { role: named, path: at, session: of },
                Kind::Session { role, path, session },
            ) => {
                let known =
                    |named: Option<String>, known: &Option<String>, doubt| match (named, known) {
                        (None, _) => Truth::Yes,
                        (Some(_), None) => Truth::maybe(doubt),
                        (Some(named), Some(known)) => (named == *known).into(),
                    };
                Truth::from(named == *role)
                    .and(|| known(at, path, Doubt::RolePath))
                    .and(|| known(of, session, Doubt::SessionName))
            }
            (named, kind) => (named == *kind).into(),
        }
    }

    /// Its ARN, for a session that of its role, where it is known (IAM User Guide, `aws:PrincipalArn`).
    fn arn(&self) -> Option<String> {
        let Self { partition, account, .. } = self;
        Some(match &self.kind {
            Kind::Root => format!("arn:{partition}:iam::{account}:root"),
            Kind::User(user) => format!("arn:{partition}:iam::{account}:user/{user}"),
            Kind::Session { role, path, .. } => {
                format!("arn:{partition}:iam::{account}:role{}{role}", path.as_ref()?)
            }
            Kind::Federated(name) => {
                format!("arn:{partition}:sts::{account}:federated-user/{name}")
            }
        })
    }

    fn fact(&self, key: &str) -> Option<Fact> {
        let known = |value: Option<String>| value.map_or(Fact::Unknown, Fact::value);
        Some(match key {
            "aws:principalarn" => known(self.arn()),
            "aws:principalaccount" | "kms:calleraccount" => Fact::value(&self.account),
            "aws:principaltype" => Fact::value(match self.kind {
                Kind::Root => "Account",
                Kind::User(_) => "User",
                Kind::Session { .. } => "AssumedRole",
                Kind::Federated(_) => "FederatedUser",
            }),
            "aws:principalisawsservice" => Fact::bool(false),
            "aws:principalservicename" | "aws:principalservicenameslist" => Fact::Absent,
            "aws:userid" => known(self.user_id()),
            "aws:username" => match &self.kind {
                Kind::User(user) => Fact::value(user.rsplit('/').next().unwrap_or(user)),
                Kind::Root | Kind::Session { .. } | Kind::Federated(_) => Fact::Absent,
            },
            _ => return None,
        })
    }

    /// The `aws:userid` (IAM User Guide, "Principal key values").
    fn user_id(&self) -> Option<String> {
        match &self.kind {
            Kind::Root => Some(self.account.clone()),
            Kind::User(_) => self.id.clone(),
            Kind::Session { session, .. } => {
                Some(format!("{}:{}", self.id.as_ref()?, session.as_ref()?))
            }
            Kind::Federated(name) => Some(format!("{}:{name}", self.account)),
        }
    }
}
