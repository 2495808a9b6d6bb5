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

/// The largest number of results of a question. IAM returns at most 1,000 in one answer (IAM API Reference,
/// `SimulatePrincipalPolicy`).
const RESULTS: usize = 1000;

/// A question to IAM's policy simulator: whether an identity may take each of some actions on each of some resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Simulation {
    /// The account whose credentials make the requests.
    pub account: AccountId,
    /// The resources: ARNs or `*`.
    pub resources: Vec<String>,
    /// What the requests have: the type of the values, and the values, by condition key.
    pub context: BTreeMap<String, (ContextType, BTreeSet<String>)>,
    /// The actions.
    pub actions: BTreeSet<&'static str>,
}

impl Simulation {
    /// Returns the number of results: one for each action and resource.
    #[must_use]
    pub fn results(&self) -> usize {
        self.actions.len() * self.resources.len()
    }
}

/// An action on a resource that the simulator finds denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
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

/// Returns the questions about the changes of a plan: as few as the contexts of the requests permit. A second question
/// about the same set of actions comes after the first question about every other set. What the policy of a key allows
/// is left out, because the simulator does not know these policies.
#[must_use]
pub fn simulations(ask: &Ask<'_>, facts: &Facts<'_>) -> Vec<Simulation> {
    let mut resources: BTreeMap<(AccountId, Conditions, &'static str), BTreeSet<String>> =
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
            let place = (permit.account, permit.conditions, permit.action);
            resources.entry(place).or_default().insert(permit.resource);
        }
    }
    let mut actions: BTreeMap<(AccountId, Conditions, BTreeSet<String>), BTreeSet<&'static str>> =
        BTreeMap::new();
    for ((account, conditions, action), resources) in resources {
        actions.entry((account, conditions, resources)).or_default().insert(action);
    }
    let questions = actions.into_iter().flat_map(|((account, conditions, resources), actions)| {
        let resources: Vec<String> = resources.into_iter().collect();
        let part = |resources: &[String]| Simulation {
            account: account.clone(),
            resources: resources.to_vec(),
            context: context(&conditions),
            actions: actions.clone(),
        };
        resources.chunks((RESULTS / actions.len()).max(1)).map(part).collect::<Vec<_>>()
    });
    by_turns(questions.collect())
}

/// Sorts the questions so that those about the same actions do not stand together.
fn by_turns(questions: Vec<Simulation>) -> Vec<Simulation> {
    let mut turns: BTreeMap<BTreeSet<&str>, usize> = BTreeMap::new();
    let mut all: Vec<(usize, Simulation)> = Vec::new();
    for question in questions {
        let turn = turns.entry(question.actions.clone()).or_default();
        *turn += 1;
        all.push((*turn, question));
    }
    all.sort();
    all.into_iter().map(|(_, question)| question).collect()
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
