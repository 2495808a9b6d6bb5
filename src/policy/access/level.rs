//! Levels of access, and the attributes of a change.

use serde::{Deserialize, Serialize};

/// The decision of a key policy about a request, from least to most access.
///
/// An explicit `Deny` overrides everything; without a matching statement the request is denied implicitly (IAM User
/// Guide, "Policy evaluation logic"). The account as the principal leaves the decision to IAM policies (KMS Developer
/// Guide, "Default key policy").
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A `Deny` statement applies. Grants and IAM policies cannot override it.
    ExplicitlyDenied,
    /// No statement applies. A grant can still allow the request.
    #[default]
    Denied,
    /// IAM policies of the principal's account decide.
    Delegated,
    /// The key policy allows the request by itself.
    Allowed,
}

/// The direction of a change of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Access is gained.
    Gained,
    /// Access is lost.
    Lost,
}

/// The kind of a change of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// There was no such access before.
    Gains,
    /// There is no such access afterwards.
    Loses,
    /// There was access under a narrower condition, and none is lost.
    Wider,
    /// There still is access under a narrower condition, and none is gained.
    Narrower,
    /// The condition is replaced by another: some access is gained and some is lost.
    Moved,
    /// The condition is replaced by another, and it is unknown whether it is wider or narrower.
    Changed,
    /// Only actions that AWS may add in the future, which a wildcard matches.
    Future,
    /// The access of a deleted identity, which AWS returns as a unique id.
    Dangling,
}

/// Whether a change of access certainly happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// There is a request for which the answer changes.
    Certain,
    /// The change depends on facts that kmsctl cannot know.
    Possible,
}
