//! The stack's own statements in a policy that others write too.

use crate::digest;
use crate::id::Name;
use crate::policy::{self, Document};
use serde::{Deserialize, Serialize};

/// The stack's statements in a policy that the stack does not manage. All other statements stay
/// unchanged, character for character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The statements. Their Sids begin with [`Shared::prefix`].
    pub statements: Document,
}

impl Shared {
    /// Returns no statements.
    #[must_use]
    pub fn none() -> Self {
        Self { statements: Document::empty() }
    }

    /// Returns the prefix of the Sids of a stack's statements. A Sid in a key policy can contain
    /// only letters, digits and spaces, and the name of a stack can contain other characters.
    #[must_use]
    pub fn prefix(stack: &Name) -> String {
        let mark = digest::short(stack.as_str(), 8);
        let words = stack.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), " ");
        format!("kmsctl {words} {mark} ")
    }

    /// Returns whether a stack has statements of its own in a policy.
    #[must_use]
    pub fn is_in(policy: &Document) -> bool {
        let typed = policy.typed();
        let sids = typed.statements.iter().filter_map(|statement| statement.sid.as_deref());
        sids.into_iter().any(|sid| {
            let words: Vec<&str> = sid.split(' ').collect();
            let is_mark =
                |word: &&str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
            words.first() == Some(&"kmsctl") && words.iter().skip(2).any(is_mark)
        })
    }

    /// Returns the policy with these statements in place of the stack's previous ones.
    #[must_use]
    pub fn within(&self, policy: &Document, stack: &Name) -> Document {
        let ours = policy::derive::owned(&self.statements, "");
        let prefix = Self::prefix(stack);
        policy::derive::merged(policy, &ours, &prefix).unwrap_or_else(|_| policy.clone())
    }
}
