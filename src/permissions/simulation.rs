//! The questions to IAM's policy simulator about the calls of a plan.

use super::Ask;
use super::bounds::Conditions;
use super::preflight::{Facts, is_allowed};
use super::requests::requests;
use super::statements::permits;
use super::subject::KeyTarget;
use super::table::Stage;
use crate::id::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// A question to IAM's policy simulator: whether an identity may do something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Simulation {
    /// The account whose credentials make the requests.
    pub account: AccountId,
    /// The resource: an ARN or `*`.
    pub resource: String,
    /// What the requests have: the type of the values, and the values, by condition key.
    pub context: BTreeMap<String, (ContextType, BTreeSet<String>)>,
    /// The actions.
    pub actions: BTreeSet<&'static str>,
}

/// The type of the values of a condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextType {
    /// `true` or `false`.
    Boolean,
    /// A number.
    Numeric,
    /// A text.
    String,
    /// Texts.
    StringList,
}

/// Returns the questions about the changes of a plan. What the policy of a key allows is left out, because the
/// simulator does not know these policies.
#[must_use]
pub fn simulations(ask: &Ask<'_>, facts: &Facts<'_>) -> Vec<Simulation> {
    let mut found: BTreeMap<(AccountId, String, Conditions), BTreeSet<&'static str>> =
        BTreeMap::new();
    for permit in permits(ask, &requests(ask)) {
        let is_change = permit.stage != Stage::Read && permit.dependent.is_none();
        let is_allowed = permit.keys.iter().any(|key| {
            let KeyTarget::Arn(arn) = key else { return false };
            let policy = facts.policy(arn);
            let identity = facts.identity(&permit.account);
            policy.is_some_and(|policy| is_allowed(policy, arn, identity, permit.action))
        });
        if is_change && !is_allowed {
            let place = (permit.account, permit.resource, permit.conditions);
            found.entry(place).or_default().insert(permit.action);
        }
    }
    let all = found.into_iter().map(|((account, resource, conditions), actions)| Simulation {
        account,
        resource,
        context: context(&conditions),
        actions,
    });
    all.collect()
}

/// Returns the values that requests have if they meet conditions.
fn context(conditions: &Conditions) -> BTreeMap<String, (ContextType, BTreeSet<String>)> {
    let positive = conditions.iter().filter(|(operator, _, _)| !operator.contains("NotEquals"));
    let entries = positive.map(|(operator, key, values)| {
        let (kind, values) = match operator {
            "NumericEquals" => (ContextType::Numeric, values.iter().take(1).cloned().collect()),
            "Bool" | "BoolIfExists" => {
                (ContextType::Boolean, values.iter().take(1).cloned().collect())
            }
            _ if operator.starts_with("For") => (ContextType::StringList, values.clone()),
            _ => (ContextType::String, values.iter().take(1).cloned().collect()),
        };
        (key.to_owned(), (kind, values))
    });
    entries.collect()
}
