//! The decision about a request.

use std::collections::BTreeSet;

use super::context::Context;
use super::principal::Principal;
use super::request::{Request, RequestedAction, TargetKey};
use super::request_context::RequestContext;
use super::truth::{Doubt, Truth};
use crate::policy::grants::Grant;
use crate::policy::typed::{Effect, TypedPolicy, TypedStatement};
use crate::policy::work;

/// The decision about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request is allowed.
    Allowed(Source),
    /// The statement at this index leaves the decision to IAM policies of the principal's account.
    Delegated(usize),
    /// The request is denied.
    Denied(Denial),
    /// The decision depends on unknown facts.
    Unknown(Vec<Undecided>),
    /// Only IAM policies can allow the action. Key policies do not apply.
    IamOnly,
}

/// The origin of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A statement, by its index in [`TypedPolicy::statements`].
    Statement(usize),
    /// A grant, by its index in the list of grants.
    Grant(usize),
    /// Unknown elements of the document.
    Document,
}

/// The reason of a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The statement at this index denies the request.
    Explicit(usize),
    /// No statement and no grant allows the request.
    Implicit,
    /// The principal is of another account, and the action does not support cross-account use.
    OtherAccount,
}

/// A source that may or may not apply to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The source.
    pub source: Source,
    /// The unknown facts that it depends on.
    pub doubts: BTreeSet<Doubt>,
}

impl Decision {
    /// Returns the word for the decision in every output.
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

/// The sources of one kind that apply: the first that certainly does, and those that may.
#[derive(Default)]
struct Tally {
    first: Option<Source>,
    undecided: Vec<Undecided>,
}

impl Tally {
    fn count(&mut self, source: Source, truth: Truth) {
        match truth {
            Truth::No => {}
            Truth::Yes => self.first = self.first.or(Some(source)),
            Truth::Maybe(doubts) => self.undecided.push(Undecided { source, doubts }),
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.undecided.is_empty()
    }
}

/// The sources that apply to a request, by kind.
#[derive(Default)]
struct Tallies {
    /// `Deny` statements.
    denies: Tally,
    /// `Allow` statements that name the principal.
    allows: Tally,
    /// `Allow` statements that name the principal's account.
    accounts: Tally,
    /// Grants.
    grants: Tally,
}

/// Decides a request by the key policy and the grants of a key.
///
/// An explicit `Deny` overrides everything (IAM User Guide, "Policy evaluation logic"), and a grant allows its
/// operations without a policy statement (KMS Developer Guide, "Grants in AWS KMS").
#[must_use]
pub fn decide(
    policy: &TypedPolicy,
    key: &TargetKey<'_>,
    grants: &[Grant],
    request: &Request,
) -> Decision {
    let names = policy.statements.iter().map(|statement| statement.principals.names.len() + 8);
    work::spend(names.sum::<usize>() + grants.len());
    let principal = request.principal.with_named_role(policy, grants);
    let request = &Request { principal, ..request.clone() };
    let context = RequestContext { request, key };
    let mut tallies = Tallies::default();
    for (index, grant) in grants.iter().enumerate() {
        tallies.grants.count(Source::Grant(index), grant.allows(&context));
    }
    let action = match request.action {
        RequestedAction::Key(action) => action,
        RequestedAction::Iam(_) => return decide_iam_only(tallies.grants),
    };
    for (index, statement) in policy.statements.iter().enumerate() {
        tallies.add_statement(index, statement, &context, policy.variables);
    }
    if policy.unclear {
        for tally in [&mut tallies.denies, &mut tallies.allows] {
            tally.count(Source::Document, Truth::maybe(Doubt::Unclear));
        }
    }
    let is_cross_account = request.principal.account().is_some_and(|of| of != key.account);
    if is_cross_account && !action.crosses_accounts() && tallies.denies.first.is_none() {
        return Decision::Denied(Denial::OtherAccount);
    }
    tallies.decision(is_cross_account)
}

/// Decides a request of which only the principal and the action are known. Returns `None` if there is no such action.
pub(in crate::policy) fn ask(
    policy: &TypedPolicy,
    key: &TargetKey<'_>,
    grants: &[Grant],
    principal: Principal,
    action: &str,
) -> Option<Decision> {
    let action = RequestedAction::parse(action).ok()?;
    let request = Request { principal, action, context: Context::open() };
    Some(decide(policy, key, grants, &request))
}

/// Decides an action to which key policies do not apply. Grants can allow only one such action:
/// RetireGrant (KMS Developer Guide, "Retiring and revoking grants").
fn decide_iam_only(grants: Tally) -> Decision {
    match grants.first {
        Some(source) => Decision::Allowed(source),
        None if !grants.undecided.is_empty() => Decision::Unknown(grants.undecided),
        None => Decision::IamOnly,
    }
}

impl Tallies {
    fn add_statement(
        &mut self,
        index: usize,
        statement: &TypedStatement,
        context: &RequestContext<'_>,
        variables: bool,
    ) {
        let action = format!("kms:{}", context.request.action.name());
        let Some(resources) = &statement.resources else { return };
        if !statement.actions.matches(&action) {
            return;
        }
        let matched = statement.principals.matches(&context.request.principal);
        if (&matched.direct, &matched.account) == (&Truth::No, &Truth::No) {
            return;
        }
        let rest = resources
            .matches(context, variables)
            .and(|| {
                Truth::all(statement.conditions.iter().map(|test| test.is_met(context, variables)))
            })
            .and(|| if statement.unclear { Truth::maybe(Doubt::Unclear) } else { Truth::Yes });
        let source = Source::Statement(index);
        match statement.effect {
            Effect::Deny => {
                let either = matched.direct.or(|| matched.account);
                self.denies.count(source, either.and(|| rest));
            }
            Effect::Allow => {
                self.allows.count(source, matched.direct.and(|| rest.clone()));
                self.accounts.count(source, matched.account.and(|| rest));
            }
        }
    }

    /// Decides by the sources that apply. What a statement allows to a principal of another account, IAM policies of
    /// that account must allow too (KMS Developer Guide, "Allowing users in other accounts to use a KMS key").
    fn decision(self, is_cross_account: bool) -> Decision {
        let Self { denies, allows, accounts, grants } = self;
        if let Some(Source::Statement(index)) = denies.first {
            return Decision::Denied(Denial::Explicit(index));
        }
        let nothing_allows = allows.is_empty() && accounts.is_empty() && grants.is_empty();
        if !denies.undecided.is_empty() && !nothing_allows {
            return Decision::Unknown(denies.undecided);
        }
        if let Some(source) = grants.first {
            return Decision::Allowed(source);
        }
        let delegated =
            if is_cross_account { allows.first.or(accounts.first) } else { accounts.first };
        if !is_cross_account && let Some(source) = allows.first {
            return Decision::Allowed(source);
        }
        let mut undecided = grants.undecided;
        if !is_cross_account || delegated.is_none() {
            undecided.extend(allows.undecided);
        }
        match delegated {
            Some(Source::Statement(index)) if undecided.is_empty() => Decision::Delegated(index),
            Some(_) => Decision::Unknown(undecided),
            None => {
                undecided.extend(accounts.undecided);
                if undecided.is_empty() {
                    Decision::Denied(Denial::Implicit)
                } else {
                    Decision::Unknown(undecided)
                }
            }
        }
    }
}
