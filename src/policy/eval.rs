//! Evaluation: the decision of a key policy and the key's grants about a request.
//!
//! IAM policies, service and resource control policies, permissions boundaries and VPC endpoint policies are not
//! evaluated. If the key policy leaves the decision to IAM, the answer is "delegated".
//!
//! An answer that depends on an unknown fact, or on behaviour that AWS does not document, is "unknown". Evaluation uses
//! Kleene's three-valued logic, so every other answer stays the same when more facts become known.

mod condition;
mod context;
mod decision;
mod grant;
pub(super) mod operators;
mod principal;
mod principal_match;
mod request;
mod request_context;
mod resource;
#[cfg(test)]
mod tests;
mod truth;

pub(super) use decision::ask;

pub use context::{Context, ContextValue, Language};
pub use decision::{Decision, Denial, Source, Undecided, decide};
pub use principal::{Identity, Principal};
pub use request::{Request, RequestedAction, TargetKey};
pub use truth::Doubt;
