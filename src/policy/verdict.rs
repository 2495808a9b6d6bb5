//! Verdicts: what a principal may do with a key, with each way in which it is allowed or denied, its condition and its
//! source.
//!
//! A decision about a request ([`decide`]) is unknown if it depends on a condition key that is not given. A verdict
//! says on which condition it depends, and what holds without it.

use std::collections::{BTreeMap, BTreeSet};

use super::access::grant_changes::constraint_text;
use super::access::{Holder, condition_text};
use super::eval::{
    Context, ContextValue, Decision, Denial, Doubt, Principal, Request, RequestedAction, Source,
    TargetKey, Undecided, decide,
};
use super::grants::{Constraint, Grant};
use super::typed::{Effect, ResourceElement, TypedPolicy, TypedStatement};

/// What a principal may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result of all reasons.
    pub outcome: Outcome,
    /// The ways in which the request is allowed or denied.
    pub reasons: Vec<Reason>,
}

/// The result of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The request is allowed.
    Allowed,
    /// The request is allowed under a condition.
    Conditional,
    /// IAM policies of the principal's account decide, perhaps under a condition.
    Delegated,
    /// The request is denied.
    Denied,
    /// The request is denied, because the principal is of another account and the action is for the key's own account.
    OtherAccount,
    /// The answer depends on facts other than conditions.
    Unknown,
    /// Only IAM policies can allow the action. Key policies do not apply.
    IamOnly,
}

/// One way in which a request is allowed or denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// What the source does.
    pub effect: ReasonEffect,
    /// The condition in words, if there is one that may or may not be met.
    pub when: Option<String>,
    /// The other facts that it depends on, in words.
    pub depends_on: Vec<String>,
    /// The statement or the grant.
    pub source: Source,
}

/// What a statement or a grant does for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonEffect {
    /// It denies the request.
    Denies,
    /// It allows the request.
    Allows,
    /// It leaves the decision to IAM policies.
    Delegates,
    /// It may have any effect.
    Unclear,
}

/// The statement or grant that came nearest to allowing a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The statement or the grant.
    pub source: Source,
    /// What is not met, in words.
    pub failed: Vec<String>,
}

impl Outcome {
    /// Returns the word for it in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Conditional => "conditional",
            Self::Delegated => "delegated",
            Self::Denied | Self::OtherAccount => "denied",
            Self::Unknown => "unknown",
            Self::IamOnly => "iam-only",
        }
    }
}

/// Returns the verdict about a request of which not everything is given: a condition key that may or may not be there,
/// and an encryption context that a grant requires, are conditions of the verdict.
#[must_use]
pub fn verdict(
    policy: &TypedPolicy,
    key: &TargetKey<'_>,
    grants: &[Grant],
    request: &Request,
) -> Verdict {
    let request = &with_contexts(request, grants);
    let probe = Probe { policy, key, grants, request };
    let (mut rest, mut rest_grants) = (policy.clone(), grants.to_vec());
    let mut reasons = Vec::new();
    // Each round takes out what is undecided, until the rest is certain.
    let decision = loop {
        match decide(&rest, key, &rest_grants, request) {
            Decision::Unknown(undecided) => {
                for one in &undecided {
                    reasons.push(probe.reason(one));
                    take_out(one.source, &mut rest, &mut rest_grants);
                }
            }
            certain @ (Decision::Allowed(_)
            | Decision::Delegated(_)
            | Decision::Denied(_)
            | Decision::IamOnly) => break certain,
        }
    };
    conclude(&decision, reasons)
}

/// Applies the `Deny` statements of a policy to the access by grants: an explicit denial overrides a grant (IAM User
/// Guide, "Policy evaluation logic").
#[must_use]
pub fn with_denials(
    table: Vec<Holder>,
    policy: &TypedPolicy,
    key: &TargetKey<'_>,
    grants: &[Grant],
) -> Vec<Holder> {
    let mut denials = policy.clone();
    denials.statements.retain(|statement| statement.effect == Effect::Deny);
    if denials.statements.is_empty() {
        return table;
    }
    let mut out: Vec<Holder> = Vec::new();
    for holder in table {
        let label = holder.grant.as_deref();
        let mut named = grants.iter().filter(|grant| label == Some(grant.label()));
        let Some(grant) = named.find(|grant| grant.grantee == holder.principal) else {
            out.push(holder);
            continue;
        };
        let mut left: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for action in &holder.actions {
            match denial(&denials, key, grant, action) {
                Denied::Never => left.entry(None).or_default().push(action.clone()),
                Denied::When(when) => left.entry(Some(when)).or_default().push(action.clone()),
                Denied::Always => {}
            }
        }
        out.extend(left.into_iter().map(|(unless, actions)| {
            let own = holder.condition.clone();
            let condition = match (own, &unless) {
                (Some(own), Some(unless)) => Some(format!("{own} and {unless}")),
                (own, unless) => own.or_else(|| unless.clone()),
            };
            Holder { actions, condition, ..holder.clone() }
        }));
    }
    out.sort();
    out
}

/// Whether `Deny` statements deny what a grant allows.
enum Denied {
    Never,
    /// Unless the condition is met.
    When(String),
    Always,
}

fn denial(denials: &TypedPolicy, key: &TargetKey<'_>, grant: &Grant, action: &str) -> Denied {
    let principal = Principal::parse(&grant.grantee, key.partition);
    let (Ok(principal), Ok(action)) = (principal, RequestedAction::parse(action)) else {
        return Denied::When("no statement denies it".to_owned());
    };
    // The grant is allowed whatever its constraint is: only the denials are asked for.
    let bare = Grant { context: None, source: None, unclear: false, ..grant.clone() };
    let request = Request { principal, action, context: Context::open() };
    let Verdict { outcome, reasons } = verdict(denials, key, &[bare], &request);
    if matches!(outcome, Outcome::Denied | Outcome::OtherAccount) {
        return Denied::Always;
    }
    let unless: Vec<String> = reasons
        .iter()
        .filter(|reason| reason.effect == ReasonEffect::Denies)
        .map(|reason| match &reason.when {
            Some(when) => format!("not ({when})"),
            None => "no statement denies it".to_owned(),
        })
        .collect();
    if unless.is_empty() { Denied::Never } else { Denied::When(unless.join(" and ")) }
}

/// Returns the request with the encryption contexts of the grants' constraints as unknown, unless they are given.
fn with_contexts(request: &Request, grants: &[Grant]) -> Request {
    let mut request = request.clone();
    for constraint in grants.iter().filter_map(|grant| grant.context.as_ref()) {
        let (Constraint::Equals(pairs) | Constraint::Subset(pairs)) = constraint;
        for name in pairs.keys().map(|key| format!("kms:EncryptionContext:{key}")) {
            if !request.context.has(&name) {
                request.context.set(&name, ContextValue::Unknown);
            }
        }
    }
    request
}

/// Removes the effect of a source. The indexes of the others do not change.
fn take_out(source: Source, policy: &mut TypedPolicy, grants: &mut [Grant]) {
    match source {
        Source::Statement(index) => {
            if let Some(statement) = policy.statements.get_mut(index) {
                // A statement without resources has no effect.
                statement.resources = None;
            }
        }
        Source::Grant(index) => {
            if let Some(grant) = grants.get_mut(index) {
                (grant.operations, grant.retiring) = (BTreeSet::new(), None);
            }
        }
        Source::Document => policy.unclear = false,
    }
}

/// Adds the certain decision to the conditional reasons.
fn conclude(decision: &Decision, mut reasons: Vec<Reason>) -> Verdict {
    let certain = |effect, source| Reason { effect, when: None, depends_on: Vec::new(), source };
    let has = |reasons: &[Reason], effect| reasons.iter().any(|reason| reason.effect == effect);
    let outcome = match decision {
        Decision::Denied(Denial::Explicit(index)) => {
            reasons = vec![certain(ReasonEffect::Denies, Source::Statement(*index))];
            Outcome::Denied
        }
        Decision::Denied(Denial::OtherAccount) => {
            reasons.clear();
            Outcome::OtherAccount
        }
        Decision::IamOnly if !has(&reasons, ReasonEffect::Allows) => Outcome::IamOnly,
        Decision::Allowed(source) => {
            let is_limited = !reasons.is_empty();
            reasons.push(certain(ReasonEffect::Allows, *source));
            if is_limited { Outcome::Conditional } else { Outcome::Allowed }
        }
        Decision::Delegated(index) => {
            let is_allowed = has(&reasons, ReasonEffect::Allows);
            reasons.push(certain(ReasonEffect::Delegates, Source::Statement(*index)));
            if is_allowed { Outcome::Conditional } else { Outcome::Delegated }
        }
        Decision::Denied(Denial::Implicit) | Decision::IamOnly | Decision::Unknown(_) => {
            if has(&reasons, ReasonEffect::Allows) {
                Outcome::Conditional
            } else if has(&reasons, ReasonEffect::Delegates) {
                Outcome::Delegated
            } else if has(&reasons, ReasonEffect::Unclear) {
                Outcome::Unknown
            } else {
                Outcome::Denied
            }
        }
    };
    reasons.sort();
    Verdict { outcome, reasons }
}

/// Asks what single sources would do.
struct Probe<'a> {
    policy: &'a TypedPolicy,
    key: &'a TargetKey<'a>,
    grants: &'a [Grant],
    request: &'a Request,
}

impl Probe<'_> {
    /// Decides by one statement alone.
    fn alone(&self, statement: TypedStatement) -> Decision {
        let policy =
            TypedPolicy { statements: vec![statement], unclear: false, ..self.policy.clone() };
        decide(&policy, self.key, &[], self.request)
    }

    /// Returns the reason that an undecided source is.
    fn reason(&self, undecided: &Undecided) -> Reason {
        let source = undecided.source;
        let (effect, when) = match source {
            Source::Statement(index) => match self.policy.statements.get(index) {
                Some(statement) => self.of_statement(statement),
                None => (ReasonEffect::Unclear, None),
            },
            Source::Grant(index) => {
                (ReasonEffect::Allows, self.grants.get(index).and_then(constraint_text))
            }
            Source::Document => (ReasonEffect::Unclear, None),
        };
        let is_said = |doubt: &Doubt| when.is_some() && is_about_condition(doubt);
        let depends_on: Vec<String> = undecided
            .doubts
            .iter()
            .filter(|doubt| !is_said(doubt))
            .map(ToString::to_string)
            .collect();
        Reason { effect, when, depends_on, source }
    }

    /// Returns what a statement does if its conditions are met, and those conditions that may be met.
    fn of_statement(&self, statement: &TypedStatement) -> (ReasonEffect, Option<String>) {
        let bare = TypedStatement {
            effect: Effect::Allow,
            conditions: BTreeSet::new(),
            unclear: false,
            ..statement.clone()
        };
        let open: Vec<String> = statement
            .conditions
            .iter()
            .filter(|test| {
                let conditions = BTreeSet::from([(*test).clone()]);
                let one = TypedStatement { conditions, ..bare.clone() };
                matches!(self.alone(one), Decision::Unknown(_))
            })
            .map(|test| condition_text::test(test, true))
            .collect();
        let when = (!open.is_empty()).then(|| open.join(" and "));
        let effect = match (statement.effect, self.alone(bare)) {
            (Effect::Deny, _) => ReasonEffect::Denies,
            (Effect::Allow, Decision::Delegated(_)) => ReasonEffect::Delegates,
            (Effect::Allow, Decision::Allowed(_)) if !statement.unclear => ReasonEffect::Allows,
            (Effect::Allow, _) => ReasonEffect::Unclear,
        };
        (effect, when)
    }

    /// Returns what keeps an `Allow` statement about the principal and the action from allowing the request.
    fn missed_by(&self, statement: &TypedStatement) -> Option<Vec<String>> {
        let gives = |decision: Decision| {
            matches!(decision, Decision::Allowed(_) | Decision::Delegated(_) | Decision::Unknown(_))
        };
        let any = ResourceElement { except: false, patterns: BTreeSet::from(["*".to_owned()]) };
        let bare = TypedStatement {
            conditions: BTreeSet::new(),
            unclear: false,
            resources: Some(any),
            ..statement.clone()
        };
        if statement.effect != Effect::Allow || !gives(self.alone(bare.clone())) {
            return None;
        }
        let mut failed: Vec<String> = statement
            .conditions
            .iter()
            .filter(|test| {
                let conditions = BTreeSet::from([(*test).clone()]);
                !gives(self.alone(TypedStatement { conditions, ..bare.clone() }))
            })
            .map(|test| format!("`{}`", condition_text::test(test, true)))
            .collect();
        let resources = statement.resources.clone();
        if !gives(self.alone(TypedStatement { resources, ..bare })) {
            failed.push("its resource is not this key".to_owned());
        }
        Some(failed).filter(|failed| !failed.is_empty())
    }

    /// Returns the constraints that keep a grant from allowing the request.
    fn missed_by_grant(&self, grant: &Grant) -> Option<Vec<String>> {
        let bare = Grant { context: None, source: None, unclear: false, ..grant.clone() };
        let none = TypedPolicy { statements: Vec::new(), unclear: false, ..self.policy.clone() };
        let decision = decide(&none, self.key, &[bare], self.request);
        let text = constraint_text(grant).filter(|_| matches!(decision, Decision::Allowed(_)))?;
        Some(vec![format!("`{text}`")])
    }
}

/// Returns whether the text of a condition shows the doubt.
fn is_about_condition(doubt: &Doubt) -> bool {
    matches!(
        doubt,
        Doubt::Key(_)
            | Doubt::Several(_)
            | Doubt::Type(_)
            | Doubt::NoValues(_)
            | Doubt::Operator(_)
            | Doubt::Variable(_)
    )
}

/// Returns the statement or grant that is about the principal and the action of a denied request, and of which the
/// fewest conditions are not met.
#[must_use]
pub fn nearest_miss(
    policy: &TypedPolicy,
    key: &TargetKey<'_>,
    grants: &[Grant],
    request: &Request,
) -> Option<Miss> {
    let probe = Probe { policy, key, grants, request };
    let statements = policy.statements.iter().enumerate().filter_map(|(index, statement)| {
        let failed = probe.missed_by(statement)?;
        Some(Miss { source: Source::Statement(index), failed })
    });
    let grants = grants.iter().enumerate().filter_map(|(index, grant)| {
        let failed = probe.missed_by_grant(grant)?;
        Some(Miss { source: Source::Grant(index), failed })
    });
    statements.chain(grants).min_by_key(|miss| miss.failed.len())
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
