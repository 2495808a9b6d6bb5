//! AWS as the engine sees it: a trait of single requests. [`sdk::Aws`](crate::sdk::Aws) implements
//! it with the SDK, and the tests with a model in memory. Neither plans nor retries.

mod bucket;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod failures;
mod identity;
mod last_usage;
mod read;
#[cfg(test)]
mod refusals;
mod rotations;
mod send;
mod simulate;
mod tagged;
#[cfg(test)]
mod tests;

use crate::answer::pages::Page;
use crate::answer::{CloudError, Outcome};
use crate::id::{AccountId, AliasName, IdentityArn, KeyArn, Place, Region};
use crate::impact::LastUsage;
use crate::kind::grant::Listed;
use crate::kind::key::{Material, Metadata, Rotation};
use crate::kind::{Call, CallBindings, ConsumerKind, ConsumerQuery, Object, Sight};
use crate::permissions::simulation::{Refused, Simulation};
use std::collections::BTreeMap;

/// The identity that makes the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN, as STS reports it.
    pub arn: String,
}

/// One alias of a Region. The list includes AWS managed aliases, some of which have no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasEntry {
    /// The name with `alias/`.
    pub name: String,
    /// The key id.
    pub target: Option<String>,
}

/// A user or role in IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The ARN with the path.
    pub arn: String,
    /// The time of its creation, in seconds since 1970.
    pub created: u64,
}

/// A bucket that a consumer writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The Region.
    pub region: Region,
    /// The policy.
    pub policy: BucketPolicy,
}

/// The policy of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketPolicy {
    /// The bucket has no policy.
    None,
    /// The text of the policy.
    Text(String),
    /// The caller may not read the policy. The text is the error.
    Hidden(String),
}

/// AWS. A method of a list reads one page; `from` is the marker that the previous page returned.
///
/// The implementation repeats no request, with one exception: it repeats a request of [`Cloud::objects`],
/// [`Cloud::sight`], [`Cloud::copies`], [`Cloud::tagged`] and [`Cloud::bucket`] while the service throttles it, and
/// once after another temporary error.
#[expect(async_fn_in_trait, reason = "the engine runs on one task: futures need not be Send")]
pub trait Cloud {
    /// Reads `GetCallerIdentity`.
    async fn caller(&self) -> Result<Caller, CloudError>;
    /// Reads `ListAliases`, 100 entries per page.
    async fn aliases(&self, at: &Place, from: Option<&str>)
    -> Result<Page<AliasEntry>, CloudError>;
    /// Reads `ListAliases` of one key. A key has at most 50 aliases, which is one page.
    async fn aliases_of(&self, key: &KeyArn) -> Result<Vec<AliasName>, CloudError>;
    /// Reads the key ids of `ListKeys`, 1000 per page.
    async fn keys(&self, at: &Place, from: Option<&str>) -> Result<Page<String>, CloudError>;
    /// Reads `DescribeKey`. It accepts no alias, because describing `alias/aws/…` can create a key.
    async fn describe(&self, key: &KeyArn) -> Result<Metadata, CloudError>;
    /// Reads the text of `GetKeyPolicy`.
    async fn policy(&self, key: &KeyArn) -> Result<String, CloudError>;
    /// Reads `GetKeyRotationStatus`.
    async fn rotation(&self, key: &KeyArn) -> Result<Rotation, CloudError>;
    /// Reads the start of the rotation on demand that is in progress, from `GetKeyRotationStatus`.
    async fn rotating_since(&self, key: &KeyArn) -> Result<Option<String>, CloudError>;
    /// Reads `ListKeyRotations` with all key materials, 1000 per page.
    async fn materials(
        &self,
        key: &KeyArn,
        from: Option<&str>,
    ) -> Result<Page<Material>, CloudError>;
    /// Sends `RotateKeyOnDemand` once. Each execution uses up one of the rotations that KMS allows.
    async fn rotate(&self, key: &KeyArn) -> Result<(), CloudError>;
    /// Reads all pages of `ListResourceTags`. The tags of AWS, which begin with `aws:`, are left
    /// out.
    async fn tags(&self, key: &KeyArn) -> Result<BTreeMap<String, String>, CloudError>;
    /// Reads `ListGrants`, 100 grants per page.
    async fn grants(&self, key: &KeyArn, from: Option<&str>) -> Result<Page<Listed>, CloudError>;
    /// Reads `GetRole` or `GetUser` by name. Returns `None` if IAM has no such identity.
    async fn identity(&self, identity: &IdentityArn) -> Result<Option<Identity>, CloudError>;
    /// Reads the consumers of a kind with as few requests as the API of the service allows.
    async fn objects(&self, at: &Place, query: &ConsumerQuery) -> Result<Vec<Object>, CloudError>;
    /// Reads the phase of a consumer, and what the same requests show of its key and settings.
    async fn sight(&self, at: &Place, kind: ConsumerKind, id: &str) -> Result<Sight, CloudError>;
    /// Reads the id and the key of every snapshot of a kind of consumer.
    async fn copies(
        &self,
        at: &Place,
        kind: ConsumerKind,
    ) -> Result<Vec<(String, Option<KeyArn>)>, CloudError>;
    /// Reads the ARNs of the keys and consumers that carry the tag of a stack, with `GetResources` of the Resource
    /// Groups Tagging API.
    async fn tagged(&self, at: &Place, stack: &str) -> Result<Vec<String>, CloudError>;
    /// Reads `GetKeyLastUsage`.
    async fn last_usage(&self, key: &KeyArn) -> Result<LastUsage, CloudError>;
    /// Reads the Region and the policy of a bucket with `HeadBucket` and `GetBucketPolicy`.
    async fn bucket(&self, at: &Place, name: &str) -> Result<Bucket, CloudError>;
    /// Returns which of the actions IAM's policy simulator finds denied to an identity, and on which resources.
    async fn simulate(
        &self,
        identity: &str,
        question: &Simulation,
    ) -> Result<Vec<Refused>, CloudError>;
    /// Waits until the request quotas allow the call. The wait can be dropped.
    async fn admit(&self, _at: &Place, _call: &Call) {}
    /// Sends a call that changes AWS, without waiting for a quota. It is sent once.
    async fn call(
        &self,
        at: &Place,
        call: &Call,
        bindings: CallBindings<'_>,
    ) -> Result<Outcome, CloudError>;
}
