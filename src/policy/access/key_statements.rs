//! The statements of a policy that can apply to its key, each with its conditions and doubts.

use super::doubt::Doubt;
use super::key_context::KeyContext;
use super::requirement::{Condition, condition};
use crate::policy::key_match::{KeyArn, matches_key};
use crate::policy::typed::{ResourceElement, TypedStatement};
use crate::policy::variables::expand;
use crate::policy::{Document, OWN_KEY};

/// A statement that can apply to the key.
pub(super) struct KeyStatement {
    pub(super) statement: TypedStatement,
    /// The conditions that must be met.
    pub(super) conditions: Vec<Condition>,
    /// The assumptions that must be true.
    pub(super) doubts: Vec<Doubt>,
}

/// Returns the statements of a policy.
pub(super) fn key_statements(document: Option<&Document>, key: &KeyContext) -> Vec<KeyStatement> {
    let Some(document) = document else {
        return Vec::new();
    };
    let typed = document.typed();
    let variables = typed.variables;
    let mut out = Vec::new();
    for statement in typed.statements {
        let mut doubts = Vec::new();
        let Some(resources) = &statement.resources else { continue };
        match applies_to_key(resources, key, variables) {
            Some(true) => {}
            Some(false) => continue,
            None => doubts.push(Doubt::Resources {
                element: resources.clone(),
                variables: variables && resources.patterns.iter().any(|text| text.contains("${")),
            }),
        }
        if statement.unclear {
            doubts.push(Doubt::statement(&statement));
        }
        let conditions =
            statement.conditions.iter().map(|test| condition(test, variables)).collect();
        out.push(KeyStatement { statement, conditions, doubts });
    }
    out
}

/// Returns whether a statement applies to the key, or `None` if that depends on the key's ARN.
fn applies_to_key(resources: &ResourceElement, key: &KeyContext, variables: bool) -> Option<bool> {
    let arn = KeyArn {
        partition: &key.partition,
        account: key.account.as_deref(),
        arn: key.arn.as_deref(),
    };
    let matches: Vec<Option<bool>> = resources
        .patterns
        .iter()
        .map(|pattern| {
            if pattern == OWN_KEY {
                return Some(true);
            }
            if variables && pattern.contains("${") {
                return None;
            }
            let pattern = expand(pattern, key.arn.as_deref(), None).ok().flatten()?;
            matches_key(&pattern, &arn)
        })
        .collect();
    if matches.contains(&Some(true)) {
        Some(!resources.except)
    } else if matches.contains(&None) {
        None
    } else {
        Some(resources.except)
    }
}
