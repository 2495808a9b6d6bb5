//! The IAM permissions that kmsctl needs: for every plan of a configuration, or for exactly one plan. Pure.
//!
//! ```text
//!  Desired, State, Plan ─ subjects ─▶ requests ─ table ─▶ permits ─ statements ─▶ documents
//! ```
//!
//! | Module | Provides |
//! |---|---|
//! | [`table`] | every operation with the IAM actions that it needs |
//! | `subject` | the resources that requests are about, and how a policy names them |
//! | `requests` | the operations that a command can send |
//! | `bounds` | the conditions of an action |
//! | `statements` | the statements of a policy |
//! | `documents` | the policies, within IAM's limits |
//! | `key_policy` | the statements that the keys' own policies need |
//! | `notes` | what cannot be bounded |
//! | [`preflight`] | the planned calls that the keys' own policies deny |
//! | [`simulation`] | the questions to IAM's policy simulator about planned calls |

mod bounds;
mod documents;
mod key_policy;
mod notes;
pub mod preflight;
mod requests;
pub mod simulation;
mod statements;
mod subject;
pub mod table;

pub use bounds::Conditions;
pub use documents::{Document, LIMIT, Part};
pub use key_policy::KeyStatements;
pub use statements::Statement;

use crate::desired::Desired;
use crate::id::{AccountId, Region};
use crate::plan::Plan;
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// What the permissions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// `kmsctl plan`.
    Plan,
    /// `kmsctl drift`.
    Drift,
    /// `kmsctl apply` and `kmsctl destroy`, which plan first.
    Apply,
    /// `kmsctl export`.
    Export,
    /// `kmsctl impact KEY`.
    Impact,
    /// `kmsctl rotate KEY`, and the history of rotations in `kmsctl access KEY`.
    Rotate,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] =
        [Self::Plan, Self::Drift, Self::Apply, Self::Export, Self::Impact, Self::Rotate];

    /// Returns the name of the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Drift => "drift",
            Self::Apply => "apply",
            Self::Export => "export",
            Self::Impact => "impact",
            Self::Rotate => "rotate",
        }
    }
}

/// The objects of the state in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateObjects {
    /// The bucket.
    pub bucket: String,
    /// The key of the objects, without their extensions.
    pub key: String,
}

/// What an export reads besides the keys of the stack's Regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Other Regions of the stack's account.
    pub regions: BTreeSet<Region>,
    /// Whether the resources are listed that the keys encrypt.
    pub consumers: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The configuration.
    pub desired: &'a Desired,
    /// The records, for what is no longer declared.
    pub state: &'a State,
    /// Whether there are never any records, so that what is no longer declared is found in AWS only.
    pub stateless: bool,
    /// The only plan to allow; `None` to allow every plan of the configuration.
    pub plan: Option<&'a Plan>,
    /// What the permissions are for.
    pub purposes: &'a BTreeSet<Purpose>,
    /// What an export reads.
    pub exported: &'a Exported,
    /// Where the state is, if it is in S3.
    pub objects: Option<&'a StateObjects>,
    /// Whether readers, appliers and what could raise its own rights get documents of their own.
    pub split: bool,
    /// The ARN of the identity that gets the permissions in the stack's own account.
    pub principal: &'a str,
}

impl Ask<'_> {
    /// Returns whether one of the purposes is asked for.
    fn wants(&self, purposes: &[Purpose]) -> bool {
        purposes.iter().any(|purpose| self.purposes.contains(purpose))
    }

    /// Returns the end of the names of the documents. Documents for other commands than `apply` do not replace its
    /// documents.
    fn suffix(&self) -> String {
        let purposes: Vec<Purpose> = self.purposes.iter().copied().collect();
        match purposes.as_slice() {
            [Purpose::Apply] => String::new(),
            some if some.len() == Purpose::ALL.len() => "-all".to_owned(),
            some => some.iter().map(|purpose| format!("-{}", purpose.as_str())).collect(),
        }
    }

    /// Returns the account whose credentials send the requests to an account.
    fn credentials<'b>(&'b self, account: &'b AccountId) -> &'b AccountId {
        let is_assumed = self.desired.accounts.contains_key(account);
        if is_assumed { account } else { &self.desired.home.account }
    }

    /// Returns the ARN of the identity that has the credentials of an account.
    fn identity(&self, account: &AccountId) -> &str {
        let role = self.desired.accounts.get(account);
        let role = role.filter(|_| *account != self.desired.home.account);
        role.map_or(self.principal, String::as_str)
    }
}

/// The permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The identities that get the documents, by account.
    pub identities: BTreeMap<AccountId, String>,
    /// The documents.
    pub documents: Vec<Document>,
    /// The statements that the policies of keys need, because they do not leave the decision to IAM.
    pub key_statements: Vec<KeyStatements>,
    /// What cannot be bounded or is not known, as sentences.
    pub notes: Vec<String>,
}

/// Returns the permissions.
#[must_use]
pub fn permissions(ask: &Ask<'_>) -> Permissions {
    let requests = requests::requests(ask);
    let permits = statements::permits(ask, &requests);
    let documents = documents::documents(ask, &permits);
    let accounts: BTreeSet<&AccountId> = documents.iter().map(|one| &one.account).collect();
    let identities =
        accounts.into_iter().map(|account| (account.clone(), ask.identity(account).to_owned()));
    Permissions {
        identities: identities.collect(),
        key_statements: key_policy::key_statements(ask, &permits),
        notes: notes::notes(ask, &requests, &permits, &documents),
        documents,
    }
}
