//! The statements of a policy that can apply to its key, each with the literals that must be true.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::comparable;
use super::condition_text::verbatim;
use super::key_context::KeyContext;
use super::literal::{Literal, literal};
use super::value_pattern::Pattern;
use crate::policy::actions::glob;
use crate::policy::typed::{Test, TypedStatement};
use crate::policy::{Document, OWN_KEY};

/// A statement that can apply to the key, with the literals that must be true for that.
pub(super) struct KeyStatement {
    pub(super) statement: TypedStatement,
    pub(super) literals: Vec<Literal>,
}

/// Returns the statements of the old and of the new policy.
pub(super) fn key_statements(
    documents: [Option<&Document>; 2],
    key: &KeyContext,
) -> [Vec<KeyStatement>; 2] {
    let mut sides = documents.map(|document| statements(document, key));
    let incomparable = incomparable_keys(&sides);
    for literal in sides.iter_mut().flatten().flat_map(|statement| &mut statement.literals) {
        if let Literal::Test(test) = literal
            && incomparable.contains(&test.key)
        {
            *literal = Literal::Doubt(verbatim(test));
        }
    }
    sides
}

fn statements(document: Option<&Document>, key: &KeyContext) -> Vec<KeyStatement> {
    let Some(document) = document else {
        return Vec::new();
    };
    let typed = document.typed();
    let mut out = Vec::new();
    for statement in typed.statements {
        let mut literals: Vec<Literal> =
            statement.conditions.iter().map(|test| literal(test, typed.variables)).collect();
        match applies_to_key(&statement, key) {
            Some(true) => {}
            Some(false) => continue,
            None => literals.push(Literal::Doubt(resource_doubt(&statement))),
        }
        if statement.unclear {
            literals.push(Literal::Doubt(unclear_doubt(document, &statement)));
        }
        out.push(KeyStatement { statement, literals });
    }
    out
}

/// Returns the condition keys that are compared as values of different types, such as texts and numbers.
fn incomparable_keys(sides: &[Vec<KeyStatement>; 2]) -> BTreeSet<String> {
    let mut by_key: BTreeMap<&str, BTreeSet<&Test>> = BTreeMap::new();
    for literal in sides.iter().flatten().flat_map(|statement| &statement.literals) {
        if let Literal::Test(test) = literal {
            by_key.entry(&test.key).or_default().insert(test);
        }
    }
    by_key
        .into_iter()
        .filter(|(_, tests)| !comparable(&tests.iter().copied().collect::<Vec<_>>()))
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// Returns the assumption that the resources of a statement include the key.
fn resource_doubt(statement: &TypedStatement) -> String {
    let resources = statement.resources.as_ref();
    let patterns: Vec<&str> =
        resources.iter().flat_map(|element| &element.patterns).map(String::as_str).collect();
    let except = resources.is_some_and(|element| element.except);
    let verb = if except { "is not" } else { "is" };
    format!("the key {verb} {}", patterns.join(" | "))
}

/// Returns the assumption that an unclear statement has an effect. It contains everything that is unclear, so that only
/// the same elements make the same assumption.
fn unclear_doubt(document: &Document, statement: &TypedStatement) -> String {
    let mut unclear: BTreeSet<String> = BTreeSet::new();
    for canonical in &document.canonical().statements {
        if canonical.sid != statement.sid {
            continue;
        }
        unclear.extend(canonical.extra.iter().map(|(key, value)| format!("`{key}`: {value}")));
        let contradicting = [
            ("NotAction", canonical.action.as_ref().and(canonical.not_action.as_ref())),
            ("NotResource", canonical.resource.as_ref().and(canonical.not_resource.as_ref())),
        ];
        for (key, set) in contradicting {
            unclear.extend(set.map(|set| format!("`{key}`: {set:?}")));
        }
        let not_principal = canonical.principal.as_ref().and(canonical.not_principal.as_ref());
        unclear.extend(not_principal.map(|names| format!("`NotPrincipal`: {names:?}")));
    }
    if unclear.is_empty() {
        return "an empty `Condition` is met".to_owned();
    }
    let unclear: Vec<String> = unclear.into_iter().collect();
    format!("the statement has an effect in spite of {}", unclear.join(", "))
}

/// Returns whether a statement applies to the key, or `None` if that depends on the key's ARN.
fn applies_to_key(statement: &TypedStatement, key: &KeyContext) -> Option<bool> {
    let Some(resources) = &statement.resources else { return Some(false) };
    let matches: Vec<Option<bool>> =
        resources.patterns.iter().map(|pattern| matches_key(pattern, key)).collect();
    if matches.contains(&Some(true)) {
        Some(!resources.except)
    } else if matches.contains(&None) {
        None
    } else {
        Some(resources.except)
    }
}

/// Returns whether a resource pattern matches the key, or `None` if that is unknown. `*` means "this KMS key"; any
/// other pattern must match the key's ARN (KMS Developer Guide, "Creating a key policy").
fn matches_key(pattern: &str, key: &KeyContext) -> Option<bool> {
    if pattern == OWN_KEY || (pattern.contains('*') && pattern.trim_matches('*').is_empty()) {
        return Some(true);
    }
    if pattern.contains("${") {
        return None;
    }
    if let Some(arn) = &key.arn {
        if Pattern::arn(pattern).is_some_and(|pattern| pattern.matches(arn)) {
            return Some(true);
        }
        // AWS does not document whether a wildcard matches across the fields of an ARN (IAM User Guide, "IAM JSON
        // policy elements: Resource").
        return if glob(pattern, arn) { None } else { Some(false) };
    }
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let ["arn", partition, service, _, account, resource] = fields.as_slice() else {
        return if pattern.contains('*') { None } else { Some(false) };
    };
    let may_match = glob(partition, &key.partition)
        && glob(service, "kms")
        && key.account.as_deref().is_none_or(|owner| glob(account, owner))
        && (resource.starts_with("key/") || resource.contains(['*', '?']));
    if may_match { None } else { Some(false) }
}
