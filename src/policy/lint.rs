//! Mistakes in key policies, judged as key policies: `Resource: "*"` is this key, and `kms:*` to the account is right.
//!
//! What AWS leaves undocumented is not judged: a condition key of another service, an empty condition's meaning, the
//! caller's IAM policies.

mod access;
mod actions;
mod conditions;
mod document;
mod principals;
mod public;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub use rules::{RULES, Rule, Scheme, Severity, rule};

use self::written::Policy;
use super::Problem;
use crate::tree::{Node, Span};

/// The rules about what is not in a policy (a key's settings, gates, waivers), and the one that a plan refuses by itself.
pub(crate) mod beside {
    pub(crate) use super::rules::{
        DELETION_WINDOW, DISABLED, GATE, LAPSED, LOCKOUT, MULTI_REGION, NO_ALIAS, ROTATION,
        RSA_2048, UNPROTECTED, UNUSED,
    };
}

/// A mistake, or what may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule it breaks.
    pub rule: &'static Rule,
    /// The text it is about.
    pub span: Span,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl Finding {
    /// A finding whose help is the rule's.
    #[must_use]
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self { rule, span, message: message.into(), help: rule.help.to_owned() }
    }

    /// The same with help of its own.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

/// What is known of the key that a policy is for. What is not known is not judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The key's partition; empty is unknown.
    pub partition: &'a str,
    /// The account that owns the key.
    pub account: Option<&'a str>,
    /// The key's ARN.
    pub key_arn: Option<&'a str>,
    /// AWS's name of the key's usage.
    pub usage: Option<&'a str>,
    /// Who will write the policy, by ARN.
    pub caller: Option<&'a str>,
    /// Whether a policy that nobody can change is wanted.
    pub lockout_wanted: bool,
}

/// What is wrong with a policy, as written; in the order of the text.
#[must_use]
pub fn lint(node: &Node, facts: &Facts<'_>) -> Vec<Finding> {
    let policy = Policy::of(node);
    let mut out = document::check(&policy, facts);
    for statement in &policy.statements {
        out.extend(principals::check(statement, facts));
        out.extend(actions::check(statement, facts));
        out.extend(conditions::check(statement));
        out.extend(values::check(statement));
        out.extend(public::check(statement, &policy));
    }
    out.extend(access::check(&policy, facts));
    out.sort_by(|a, b| (a.span, a.rule.id, &a.message).cmp(&(b.span, b.rule.id, &b.message)));
    out.dedup();
    out
}

/// The findings of a text that is no JSON.
#[must_use]
pub fn not_json(problems: Vec<Problem>) -> Vec<Finding> {
    let finding = |problem: Problem| {
        let finding = Finding::new(&rules::JSON, problem.span, problem.message);
        match problem.help {
            Some(help) => finding.help(help),
            None => finding,
        }
    };
    problems.into_iter().map(finding).collect()
}
