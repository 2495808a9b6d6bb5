//! How far a policy lets somebody come, and the words of a change.

use serde::{Deserialize, Serialize};

/// What a key policy says of a request, from less to more (policy-semantics B3).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A `Deny` applies: no grant and no IAM policy helps.
    ExplicitlyDenied,
    /// Nothing applies: a grant may still allow it.
    #[default]
    Denied,
    /// IAM policies of the principal's account decide.
    Delegated,
    /// The key policy alone allows it.
    Allowed,
}

/// Which way access changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Something becomes possible.
    Gained,
    /// Something ceases to be possible.
    Lost,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// There was no such access before.
    Gains,
    /// There is no such access afterwards.
    Loses,
    /// There was access under a narrower condition; none is lost.
    Wider,
    /// There remains access under a narrower condition; none is gained.
    Narrower,
    /// The condition became another: some access is gained, some lost.
    Moved,
    /// The condition changed, and whether it became wider or narrower is not known.
    Changed,
    /// Only actions that AWS may add one day, through a wildcard.
    Future,
    /// Of an identity that is deleted: AWS shows its unique id.
    Dangling,
}

/// Whether a change of access is known to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// There is a request whose answer changes.
    Certain,
    /// It depends on what kmsctl cannot know.
    Possible,
}
