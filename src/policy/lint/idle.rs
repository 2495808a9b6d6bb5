//! Statements that apply to no request about the key. Rules about access do not count them.

use super::Facts;
use super::resources::never_this_key;
use super::values::is_never_met;
use super::written::{WrittenPolicy, WrittenStatement};

/// Marks the idle statements of a policy.
pub(super) fn mark(policy: &mut WrittenPolicy<'_>, facts: &Facts<'_>) {
    for statement in &mut policy.statements {
        statement.idle =
            !is_about_key(statement, facts) || statement.conditions.iter().any(is_never_met);
    }
}

fn is_about_key(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> bool {
    statement.resources.as_ref().is_some_and(|element| {
        let mut words = element.words.iter();
        element.except || words.any(|word| never_this_key(word.text, facts).is_none())
    })
}
