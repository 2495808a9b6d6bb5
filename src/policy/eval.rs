//! What a key policy and the grants beside it say to a request.
//!
//! IAM policies, organization policies, permissions boundaries and endpoint policies are not looked at: where the key
//! policy leaves the decision to them, the answer is "delegated". An answer that depends on what is not known, or on what
//! AWS does not document, is "unknown"; the logic is Kleene's, so that no other answer changes when more becomes known.

pub(super) mod compare;
mod condition;
pub(super) mod facts;
mod grant;
mod principal;
#[cfg(test)]
mod properties;
mod request;
mod resource;
#[cfg(test)]
mod tests;
mod truth;
mod variables;
mod who;

use std::collections::BTreeSet;

use super::grants::Grant;
use super::meaning::{Meaning, Rule, Verdict};
use facts::Facts;
use truth::Truth;

pub use principal::{Identity, Principal};
pub use request::{Asked, Context, Fact, Key, Request};
pub use truth::Doubt;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is allowed.
    Allowed(Source),
    /// The statement leaves it to the IAM policies of the principal's account.
    Delegated(usize),
    /// It is denied.
    Denied(Denial),
    /// It depends on what is not known.
    Unknown(Vec<Open>),
    /// No key policy is asked: only IAM policies can allow it.
    IamOnly,
}

/// Where a decision comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A statement: its place among the [rules](Meaning::rules).
    Rule(usize),
    /// A grant: its place in the list.
    Grant(usize),
    /// Elements of the document that are not understood.
    Document,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The statement denies it.
    Explicit(usize),
    /// Nothing allows it.
    Implicit,
    /// The principal is of another account, and the action is for the key's own account only.
    Abroad,
}

/// A source that may or may not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What may apply.
    pub source: Source,
    /// What it depends on.
    pub doubts: BTreeSet<Doubt>,
}

impl Decision {
    /// The word in every output.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allowed(_) => "allowed",
            Self::Delegated(_) => "delegated",
            Self::Denied(_) => "denied",
            Self::Unknown(_) => "unknown",
            Self::IamOnly => "iam-only",
        }
    }
}

/// What of a kind applies: the first that does, and those that may.
#[derive(Default)]
struct Tally {
    first: Option<Source>,
    open: Vec<Open>,
}

impl Tally {
    fn count(&mut self, source: Source, truth: Truth) {
        match truth {
            Truth::No => {}
            Truth::Yes => self.first = self.first.or(Some(source)),
            Truth::Maybe(doubts) => self.open.push(Open { source, doubts }),
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.open.is_empty()
    }
}

/// All that bears on a request.
#[derive(Default)]
struct Tallies {
    /// Statements that deny.
    denies: Tally,
    /// Statements that allow the principal.
    allows: Tally,
    /// Statements that allow the principal's account.
    accounts: Tally,
    /// Grants.
    grants: Tally,
}

/// What the policy and the grants of a key say to a request (policy-semantics B3 and B4).
#[must_use]
pub fn decide(meaning: &Meaning, key: &Key<'_>, grants: &[Grant], request: &Request) -> Decision {
    let facts = Facts { request, key };
    let mut tallies = Tallies::default();
    for (n, grant) in grants.iter().enumerate() {
        tallies.grants.count(Source::Grant(n), grant.allows(&facts));
    }
    let action = match request.action {
        Asked::Key(action) => action,
        Asked::Iam(_) => return iam(tallies.grants),
    };
    for (n, rule) in meaning.rules.iter().enumerate() {
        tallies.rule(n, rule, &facts, meaning.variables);
    }
    if meaning.unclear {
        for tally in [&mut tallies.denies, &mut tallies.allows] {
            tally.count(Source::Document, Truth::maybe(Doubt::Unclear));
        }
    }
    let abroad = request.principal.account().is_some_and(|account| account != key.account);
    if abroad && !action.crosses_accounts() && tallies.denies.first.is_none() {
        return Decision::Denied(Denial::Abroad);
    }
    tallies.decision(abroad)
}

/// What they say to a request of which nothing else is known; `None` where there is no such action.
pub(super) fn ask(
    meaning: &Meaning,
    key: &Key<'_>,
    grants: &[Grant],
    principal: Principal,
    action: &str,
) -> Option<Decision> {
    let action = Asked::parse(action).ok()?;
    let request = Request { principal, action, context: Context::open() };
    Some(decide(meaning, key, grants, &request))
}

/// An action that key policies do not decide. Retiring a grant is the one that grants do (KMS Developer Guide, "Retiring
/// and revoking grants").
fn iam(grants: Tally) -> Decision {
    match grants.first {
        Some(source) => Decision::Allowed(source),
        None if !grants.open.is_empty() => Decision::Unknown(grants.open),
        None => Decision::IamOnly,
    }
}

impl Tallies {
    fn rule(&mut self, n: usize, rule: &Rule, facts: &Facts<'_>, variables: bool) {
        let action = format!("kms:{}", facts.request.action.name());
        let (true, Some(on)) = (rule.what.matches(&action), &rule.on) else { return };
        let reach = rule.who.reach(&facts.request.principal);
        if (&reach.direct, &reach.account) == (&Truth::No, &Truth::No) {
            return;
        }
        let rest = on
            .covers(facts, variables)
            .and(|| Truth::all(rule.when.iter().map(|test| test.holds(facts, variables))))
            .and(|| if rule.unclear { Truth::maybe(Doubt::Unclear) } else { Truth::Yes });
        let source = Source::Rule(n);
        match rule.verdict {
            Verdict::Deny => {
                let about = reach.direct.or(|| reach.account);
                self.denies.count(source, about.and(|| rest));
            }
            Verdict::Allow => {
                self.allows.count(source, reach.direct.and(|| rest.clone()));
                self.accounts.count(source, reach.account.and(|| rest));
            }
        }
    }

    /// An explicit deny beats all; a grant needs no policy; what a statement allows to a principal of another account, the
    /// IAM policies there must allow too (KMS Developer Guide, "Allowing users in other accounts").
    fn decision(self, abroad: bool) -> Decision {
        let Self { denies, allows, accounts, grants } = self;
        if let Some(Source::Rule(n)) = denies.first {
            return Decision::Denied(Denial::Explicit(n));
        }
        let nothing = allows.is_empty() && accounts.is_empty() && grants.is_empty();
        if !denies.open.is_empty() && !nothing {
            return Decision::Unknown(denies.open);
        }
        if let Some(source) = grants.first {
            return Decision::Allowed(source);
        }
        let delegated = match (accounts.first, allows.first) {
            (first, direct) if abroad => direct.or(first),
            (first, _) => first,
        };
        if !abroad && let Some(source) = allows.first {
            return Decision::Allowed(source);
        }
        let mut open = grants.open;
        if !abroad || delegated.is_none() {
            open.extend(allows.open);
        }
        match delegated {
            Some(Source::Rule(n)) if open.is_empty() => Decision::Delegated(n),
            Some(_) => Decision::Unknown(open),
            None => {
                open.extend(accounts.open);
                if open.is_empty() {
                    Decision::Denied(Denial::Implicit)
                } else {
                    Decision::Unknown(open)
                }
            }
        }
    }
}
