//! AWS as the engine sees it: a trait of single requests, and what can go wrong with one.
//! `aws` sends them to AWS; the tests' stand-in keeps them in memory. Neither plans nor retries.

pub mod aws;
pub mod limit;
pub mod retry;

use crate::id::{AccountId, AliasName, IdentityArn, KeyArn, Place, Region};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use crate::kind::{Call, Ids, Kind, Spec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a failure means for whoever made the call. Set from the error's code and the transport's
/// classification, never from message text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Not there.
    NotFound,
    /// Already there.
    AlreadyExists,
    /// The caller may not.
    Denied,
    /// Too fast; surely not executed.
    Throttled,
    /// The object's state does not allow it.
    InvalidState,
    /// The request is wrong.
    Invalid,
    /// A policy or a grant that AWS does not take: for one, because a principal in it does not
    /// exist, or KMS does not know it yet.
    Malformed,
    /// A service cannot use the key: it is disabled, not shown yet, or its policy does not allow it.
    Key,
    /// A quota is used up.
    LimitExceeded,
    /// Not answered, or answered with a server's fault: may have been executed or not.
    Ambiguous,
    /// Not sent: the connection or the credentials failed before.
    Unsent,
    /// The operation does not apply to this object.
    Unsupported,
    /// Something else.
    Other,
}

/// A request that AWS did not answer as hoped.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}{}", reference(.code.as_deref(), .request_id.as_deref()))]
pub struct CloudError {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// What it means.
    pub fault: Fault,
    /// AWS's error code.
    pub code: Option<String>,
    /// What AWS says.
    pub message: String,
    /// The request's id, for AWS's support.
    pub request_id: Option<String>,
}

/// What AWS's support asks for, after a message.
fn reference(code: Option<&str>, request_id: Option<&str>) -> String {
    match (code, request_id) {
        (Some(code), Some(id)) => format!(" ({code}, request {id})"),
        (Some(one), None) => format!(" ({one})"),
        (None, Some(id)) => format!(" (request {id})"),
        (None, None) => String::new(),
    }
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN, as STS reports it.
    pub arn: String,
}

/// One alias of a Region. AWS's own are among them, some without a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasEntry {
    /// The name with `alias/`, AWS's own included.
    pub name: String,
    /// The bare id of the key.
    pub target: Option<String>,
}

/// A user or a role, as IAM knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its ARN, with its path.
    pub arn: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it. A page may be empty and still not be the last one.
    pub items: Vec<T>,
    /// Where the next one begins; `None` after the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The only page.
    #[must_use]
    pub fn only(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// What a mutating call brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A key was made.
    Key(KeyArn),
    /// A grant was made, with this id.
    Grant(String),
    /// A consumer of keys was made, with this id.
    Made(String),
    /// Nothing that has an identity.
    Done,
}

/// What a call needs that no plan can hold.
#[derive(Clone, Debug, Default)]
pub struct Late<'a> {
    /// The key that the call is about, for the calls that change a key.
    pub key: Option<&'a KeyArn>,
    /// The ARNs of the stack's keys.
    pub ids: Option<&'a Ids>,
    /// The nonce of a call that makes something.
    pub nonce: Option<&'a str>,
    /// AWS's identifier of the consumer that the call is about.
    pub id: Option<&'a str>,
}

/// How far AWS is with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is usable.
    Ready,
    /// AWS is at work on it; AWS's word for it.
    Busy(String),
    /// It will not become usable by itself; AWS's words for it.
    Broken(String),
    /// There is none.
    Gone,
}

/// A consumer of keys, as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// AWS's identifier, as its calls take it.
    pub id: String,
    /// Its form, with all its tags and every setting that was asked for; the key by its ARN.
    pub spec: Spec,
    /// How far AWS is with it.
    pub phase: Phase,
}

/// A bucket that a consumer writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Where it is.
    pub region: Region,
    /// Its policy.
    pub policy: BucketPolicy,
}

/// The policy of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketPolicy {
    /// There is none.
    None,
    /// Its text.
    Text(String),
    /// The caller may not read it; AWS's words for it.
    Hidden(String),
}

/// Which consumers are looked for, in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Of what kind.
    pub kind: Kind,
    /// Those that carry the tag of this stack; with no name, all.
    pub stack: String,
    /// And those of these ids or names.
    pub ids: BTreeSet<String>,
    /// The settings that are to be read, where each takes a request of its own.
    pub fields: BTreeSet<String>,
}

/// What stays encrypted with a key after what it was made of has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// Of volumes.
    EbsSnapshots,
    /// Of database instances.
    RdsSnapshots,
    /// Of database clusters.
    RdsClusterSnapshots,
}

impl Copies {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EbsSnapshots, Self::RdsSnapshots, Self::RdsClusterSnapshots];

    /// What one is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EbsSnapshots => "ebs_snapshot",
            Self::RdsSnapshots => "rds_snapshot",
            Self::RdsClusterSnapshots => "rds_cluster_snapshot",
        }
    }
}

impl Sought {
    /// Every one of a kind, whosever it is.
    #[must_use]
    pub fn all(kind: Kind) -> Self {
        Self { kind, stack: String::new(), ids: BTreeSet::new(), fields: BTreeSet::new() }
    }

    /// Whether all of the kind are sought.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.stack.is_empty()
    }

    /// Whether an object with this id and these tags is one of them.
    #[must_use]
    pub fn wants(&self, id: &str, tags: &BTreeMap<String, String>) -> bool {
        let tag = tags.get(crate::kind::key::STACK_TAG);
        self.is_all() || self.ids.contains(id) || tag.is_some_and(|tag| *tag == self.stack)
    }

    /// Whether one of these settings is to be read.
    #[must_use]
    pub fn asks(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains(*field))
    }
}

/// AWS. Each method is one request; none is repeated by the implementation. Lists come page by page:
/// `from` is where the page before said that this one begins.
#[expect(async_fn_in_trait, reason = "the engine runs on one task: futures need not be Send")]
pub trait Cloud {
    /// `GetCallerIdentity`.
    async fn caller(&self) -> Result<Caller, CloudError>;
    /// `ListAliases`, 100 a page.
    async fn aliases(&self, at: &Place, from: Option<&str>)
    -> Result<Page<AliasEntry>, CloudError>;
    /// `ListAliases` of one key: it has at most 50, which is one page.
    async fn aliases_of(&self, key: &KeyArn) -> Result<Vec<AliasName>, CloudError>;
    /// `ListKeys`, 1000 a page: the ids.
    async fn keys(&self, at: &Place, from: Option<&str>) -> Result<Page<String>, CloudError>;
    /// `DescribeKey`. Takes no alias: describing `alias/aws/…` can create a key.
    async fn describe(&self, key: &KeyArn) -> Result<Metadata, CloudError>;
    /// `GetKeyPolicy`: the text.
    async fn policy(&self, key: &KeyArn) -> Result<String, CloudError>;
    /// `GetKeyRotationStatus`.
    async fn rotation(&self, key: &KeyArn) -> Result<Rotation, CloudError>;
    /// `ListResourceTags`, to the end: one page but for AWS's own `aws:` tags, which are left out.
    async fn tags(&self, key: &KeyArn) -> Result<BTreeMap<String, String>, CloudError>;
    /// `ListGrants`, 100 a page.
    async fn grants(&self, key: &KeyArn, from: Option<&str>) -> Result<Page<Listed>, CloudError>;
    /// `GetRole` or `GetUser`, by name; `None` if there is none.
    async fn identity(&self, identity: &IdentityArn) -> Result<Option<Identity>, CloudError>;
    /// The consumers of a kind, by as few requests as AWS's API allows; the requests only read, and
    /// are repeated below where AWS is too busy.
    async fn objects(&self, at: &Place, sought: &Sought) -> Result<Vec<Object>, CloudError>;
    /// How far AWS is with a consumer.
    async fn phase(&self, at: &Place, kind: Kind, id: &str) -> Result<Phase, CloudError>;
    /// Every copy of that sort in the place: its id and its key.
    async fn copies(
        &self,
        at: &Place,
        of: Copies,
    ) -> Result<Vec<(String, Option<KeyArn>)>, CloudError>;
    /// `GetKeyLastUsage`.
    async fn last_usage(&self, key: &KeyArn) -> Result<LastUsage, CloudError>;
    /// `HeadBucket` and `GetBucketPolicy`: where a bucket is, and who may write to it.
    async fn bucket(&self, at: &Place, name: &str) -> Result<Bucket, CloudError>;
    /// The mutating call. Not repeated by anybody below.
    async fn call(&self, at: &Place, call: &Call, late: Late<'_>) -> Result<Outcome, CloudError>;
}
