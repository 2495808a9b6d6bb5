//! AWS as the engine sees it: a trait of single requests, and what can go wrong with one.
//! `aws` sends them to AWS; the tests' stand-in keeps them in memory. Neither plans nor retries.

mod bucket;
mod copies;
#[cfg(test)]
mod failures;
mod read;
pub mod retry;
mod send;
#[cfg(test)]
mod tests;

use crate::answer::{CloudError, Outcome};
use crate::id::{AccountId, AliasName, IdentityArn, KeyArn, Place, Region};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Metadata, Rotation};
use crate::kind::{Call, CallBindings, ConsumerQuery, Kind, Object, Phase};
use std::collections::BTreeMap;

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

    /// The service that holds grants on the keys of the copies, as the grants name it.
    #[must_use]
    pub fn service(self) -> &'static str {
        match self {
            Self::EbsSnapshots => "ec2",
            Self::RdsSnapshots | Self::RdsClusterSnapshots => "rds",
        }
    }

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
    async fn objects(&self, at: &Place, sought: &ConsumerQuery) -> Result<Vec<Object>, CloudError>;
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
    async fn call(
        &self,
        at: &Place,
        call: &Call,
        late: CallBindings<'_>,
    ) -> Result<Outcome, CloudError>;
}
