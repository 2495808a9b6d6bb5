//! Rules about the document as a whole: its version, size, characters, Sids, and elements that AWS refuses.

use std::collections::{BTreeMap, BTreeSet};

use super::rules;
use super::written::{Word, WrittenPolicy};
use super::{Facts, Finding};
use crate::policy::canonical::CanonicalStatement;
use crate::policy::document::{MAX_BYTES, check_characters};
use crate::policy::limiting_conditions::has_variable;
use crate::policy::reader::{Reader, misshapen};
use crate::policy::{Problem, write};
use crate::tree::{Entry, Node, Span, Value};

/// Checks the document. `bytes` is its [`size`].
pub(super) fn check(policy: &WrittenPolicy<'_>, facts: &Facts<'_>, bytes: usize) -> Vec<Finding> {
    let mut out = malformed(policy, facts);
    if !matches!(policy.node.value, Value::Map(_)) {
        return out;
    }
    version(policy, &mut out);
    out.extend(nearly_full(policy, bytes));
    let mut problems = Vec::new();
    check_characters(policy.node, &mut problems);
    out.extend(problems.into_iter().map(|problem| finding(&rules::CHARACTER, problem)));
    sids(policy, &mut out);
    repeated(policy, &mut out);
    out
}

/// Reports a text that is JSON, but not a policy document as such: everything else would only follow from it.
pub(super) fn check_shape(node: &Node) -> Option<Finding> {
    misshapen(node).map(|problem| finding(&rules::MALFORMED, problem))
}

/// Turns a problem into a finding.
fn finding(rule: &'static rules::Rule, problem: Problem) -> Finding {
    let finding = Finding::new(rule, problem.span, problem.message);
    match problem.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Reports the problems of the strict reader, except those about words that have rules of their own.
fn malformed(policy: &WrittenPolicy<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let authored = write::authored(policy.node, facts.partition);
    let mut reader = Reader { partition: facts.partition, strict: true, problems: Vec::new() };
    drop(reader.document(&authored));
    let mut has_own_rule: BTreeSet<Span> = BTreeSet::new();
    for statement in &policy.statements {
        has_own_rule
            .extend(statement.principals.iter().filter(|n| n.kind == "AWS").map(|n| n.word.span));
        has_own_rule
            .extend(statement.actions.iter().flat_map(|what| &what.words).map(|word| word.span));
        if statement.principals.is_empty() {
            has_own_rule.extend(statement.principal_entry.map(|who| who.value.span));
        }
    }
    let problems =
        reader.problems.into_iter().filter(|problem| !has_own_rule.contains(&problem.span));
    problems.map(|problem| finding(&rules::MALFORMED, problem)).collect()
}

/// Reports a missing or old version. A policy without a version has that of 2008, in which `${…}` is literal text (IAM
/// User Guide, "IAM JSON policy elements: Version").
fn version(policy: &WrittenPolicy<'_>, out: &mut Vec<Finding>) {
    match policy.version {
        None => {
            let message = "the policy has no `Version`, so version 2008-10-17 applies";
            out.push(Finding::new(&rules::NO_VERSION, start(policy), message));
        }
        Some(Word { text: "2008-10-17", span, .. }) => {
            let message = "the policy has the old version `2008-10-17`";
            out.push(Finding::new(&rules::OLD_VERSION, span, message));
        }
        Some(_) => return,
    }
    for statement in &policy.statements {
        let resources = statement.resources.iter().flat_map(|on| &on.words);
        let values = statement.conditions.iter().flat_map(|condition| &condition.values);
        let variables = resources.chain(values).filter(|word| has_variable(word.text));
        out.extend(variables.map(|word| {
            let message = format!("`{}` is literal text in version 2008-10-17", word.text);
            Finding::new(&rules::LITERAL_VARIABLE, word.span, message)
        }));
    }
}

/// Reports a policy that is larger than AWS accepts.
pub(super) fn too_large(policy: &WrittenPolicy<'_>, bytes: usize) -> Option<Finding> {
    let message = format!(
        "the policy has {bytes} bytes without white space, of {MAX_BYTES}; nothing else in it is checked"
    );
    (bytes > MAX_BYTES).then(|| Finding::new(&rules::TOO_LARGE, start(policy), message))
}

/// Reports a policy that is nearly as large as AWS accepts.
fn nearly_full(policy: &WrittenPolicy<'_>, bytes: usize) -> Option<Finding> {
    let message = format!("the policy has {bytes} bytes without white space, of {MAX_BYTES}");
    let is_near = bytes > MAX_BYTES / 10 * 9;
    is_near.then(|| Finding::new(&rules::NEARLY_FULL, start(policy), message))
}

/// Returns the number of bytes. White space does not count, because kmsctl does not send it.
pub(super) fn size(policy: &WrittenPolicy<'_>, facts: &Facts<'_>) -> usize {
    write::to_json(&write::authored(policy.node, facts.partition)).to_string().len()
}

/// Returns the position of the beginning of the policy.
pub(super) fn start(policy: &WrittenPolicy<'_>) -> Span {
    Span { end: policy.node.span.start, ..policy.node.span }
}

/// Reports empty, malformed and repeated Sids.
fn sids(policy: &WrittenPolicy<'_>, out: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for word in policy.statements.iter().filter_map(|statement| statement.sid) {
        let odd = word.text.trim() != word.text || word.text.chars().any(char::is_control);
        if word.text.is_empty() {
            out.push(Finding::new(&rules::ODD_SID, word.span, "the `Sid` is empty"));
        } else if odd {
            let message = "the `Sid` has spaces at its ends or control characters in it";
            out.push(Finding::new(&rules::ODD_SID, word.span, message));
        }
        if !word.text.is_empty() && !seen.insert(word.text) {
            let message = format!("the `Sid` `{}` is another statement's too", word.text);
            out.push(Finding::new(&rules::SAME_SID, word.span, message));
        }
    }
}

/// Reports statements that differ from another one only in their Sid.
fn repeated(policy: &WrittenPolicy<'_>, out: &mut Vec<Finding>) {
    let mut seen: BTreeMap<CanonicalStatement, usize> = BTreeMap::new();
    for (n, statement) in policy.statements.iter().enumerate() {
        let Some(canonical) = canonical(statement.node) else {
            continue;
        };
        match seen.get(&canonical) {
            Some(first) => {
                let message = format!("the statement repeats statement {first}");
                out.push(Finding::new(&rules::REPEATED, statement.node.span, message));
            }
            None => drop(seen.insert(canonical, n + 1)),
        }
    }
}

/// Returns the canonical form of a statement without its Sid.
fn canonical(node: &Node) -> Option<CanonicalStatement> {
    let entry = Entry { key: "Statement".to_owned(), key_span: node.span, value: node.clone() };
    let policy = write::authored(&Node { span: node.span, value: Value::Map(vec![entry]) }, "");
    let mut reader = Reader { partition: "", strict: false, problems: Vec::new() };
    let mut statement = reader.document(&policy)?.statements.pop_first()?;
    statement.sid = None;
    Some(statement)
}
