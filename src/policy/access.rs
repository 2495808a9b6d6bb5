//! Access: who can do what with a key, and how a change of its policy changes that.
//!
//! | Term | Meaning |
//! |---|---|
//! | atom | a set of principals, or an action, that no statement distinguishes |
//! | literal | a condition that is true or false for a request |
//! | clause | an effect of a policy that requires some literals to be true |
//! | formula | the clauses of a policy for one principal atom and one action atom |
//! | cell | a combination of answers to conditions that at least one request has |
//! | delta | a difference in the access level of one principal atom and one action atom |
//!
//! Two policies are compared for every principal atom and every action atom, in every cell. Within what AWS documents,
//! "same access" is therefore a proof. Undocumented behaviour is a doubt, and a change that depends on one is only
//! possible.

mod action_atom;
mod cells;
mod change;
mod compare;
pub(super) mod condition_text;
mod delta;
mod doubt;
mod formula;
pub(super) mod grant_changes;
mod group;
mod grouped_change;
mod holders;
mod implied_value;
mod key_context;
mod key_statements;
mod level;
mod literal;
mod names;
mod policy_pair;
mod present;
mod principal_atom;
mod requirement;
mod statement_match;
#[cfg(test)]
mod tests;

pub use change::{AccessChange, Comparison, NetChange, SameAccess, SameDocument};
pub use compare::{compare, owner, same_access};
pub use grant_changes::grant_changes;
pub use holders::{Holder, access_table};
pub use key_context::KeyContext;
pub use level::{Certainty, ChangeKind, Direction, Level};
pub use names::PrincipalAccount;
