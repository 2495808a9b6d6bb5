//! Lint: mistakes in key policies.
//!
//! The rules know key policies: `Resource: "*"` means this key, and allowing `kms:*` to the key's account is right.
//! They do not cover behaviour that AWS does not document, condition keys of other services, or IAM policies.

mod access;
mod actions;
mod conditions;
mod document;
mod facts;
mod finding;
mod idle;
mod not_principal;
mod principals;
mod public;
mod reserved;
mod resources;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub use facts::Facts;
pub use finding::Finding;
pub use rules::{RULES, Rule, Scheme, Severity, rule};

use self::written::WrittenPolicy;
use super::{Problem, work};
use crate::tree::Node;

/// The rules that other modules apply: those about a key's settings, gates and waivers, and about a lockout.
pub(crate) mod other_rules {
    pub(crate) use super::rules::{
        DELETION_WINDOW, DISABLED, DUPLICATE_KEY, FOREIGN_GRANT, GATE, KEY_UNUSABLE, LAPSED,
        LOCKOUT, MULTI_REGION, NO_ALIAS, PRIMARY_MOVED, ROTATION, RSA_2048, UNCHECKED, UNCLAIMED,
        UNPROTECTED, UNUSED,
    };
}

/// Returns whether a waiver can name a rule: not a gate, not what AWS refuses, and not what AWS has.
#[must_use]
pub fn can_be_waived(rule: &Rule) -> bool {
    let is_final = [&other_rules::GATE, &other_rules::UNCHECKED].contains(&rule);
    !is_final && !rule.is_about_aws() && (!rule.refused || rule.is_obsolete())
}

/// Returns the findings for a policy as written, sorted by position.
#[must_use]
pub fn lint(node: &Node, facts: &Facts<'_>) -> Vec<Finding> {
    if let Some(finding) = document::check_shape(node) {
        return vec![finding];
    }
    let (given, mut policy) = (facts, WrittenPolicy::of(node));
    let facts = &given.with_owner(&policy);
    // AWS refuses a policy that is too large, and some rules take the square of the size.
    let bytes = document::size(&policy, facts);
    if let Some(finding) = document::too_large(&policy, bytes) {
        return vec![finding];
    }
    let mut out = Vec::new();
    if !work::is_spent() {
        idle::mark(&mut policy, facts);
        out.extend(document::check(&policy, facts, bytes));
    }
    for statement in policy.statements.iter().take_while(|_| !work::is_spent()) {
        out.extend(principals::check(statement, facts));
        out.extend(actions::check(statement, facts));
        out.extend(resources::check(statement, facts));
        out.extend(conditions::check(statement));
        out.extend(values::check(statement));
        out.extend(public::check(statement, &policy));
    }
    if !work::is_spent() {
        out.extend(access::check(&policy, given, facts));
    }
    if !work::spend(work::FINDING * out.len()) {
        let message = "the policy is not checked completely";
        out.push(Finding::new(&rules::UNCHECKED, document::start(&policy), message));
    }
    out.sort_by(|a, b| (a.span, a.rule.id, &a.message).cmp(&(b.span, b.rule.id, &b.message)));
    out.dedup();
    out
}

/// Returns the findings for a text that is not valid JSON.
#[must_use]
pub fn not_json(problems: Vec<Problem>) -> Vec<Finding> {
    problems
        .into_iter()
        .map(|problem| {
            let finding = Finding::new(&rules::JSON, problem.span, problem.message);
            match problem.help {
                Some(help) => finding.help(help),
                None => finding,
            }
        })
        .collect()
}
