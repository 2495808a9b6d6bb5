//! The document as a whole: its version, size, characters, names, and what AWS's grammar refuses.

use std::collections::{BTreeMap, BTreeSet};

use super::rules;
use super::written::{Policy, Word};
use super::{Facts, Finding};
use crate::policy::canon::Statement;
use crate::policy::document::{MAX_BYTES, characters};
use crate::policy::limit::has_variable;
use crate::policy::reader::Reader;
use crate::policy::{Problem, write};
use crate::tree::{Entry, Node, Span, Value};

pub(super) fn check(policy: &Policy<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut out = malformed(policy, facts);
    if !matches!(policy.node.value, Value::Map(_)) {
        return out;
    }
    version(policy, &mut out);
    size(policy, facts, &mut out);
    let mut problems = Vec::new();
    characters(policy.node, &mut problems);
    out.extend(problems.into_iter().map(|problem| named(&rules::CHARACTER, problem)));
    sids(policy, &mut out);
    repeated(policy, &mut out);
    out
}

fn named(rule: &'static rules::Rule, problem: Problem) -> Finding {
    let finding = Finding::new(rule, problem.span, problem.message);
    match problem.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// What the strict reader refuses and no rule of its own names better.
fn malformed(policy: &Policy<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let authored = write::authored(policy.node, facts.partition);
    let mut reader = Reader { partition: facts.partition, strict: true, problems: Vec::new() };
    drop(reader.document(&authored));
    let mut better: BTreeSet<Span> = BTreeSet::new();
    for statement in &policy.statements {
        better.extend(statement.names.iter().filter(|n| n.kind == "AWS").map(|n| n.word.span));
        better.extend(statement.what.iter().flat_map(|what| &what.words).map(|word| word.span));
        if statement.names.is_empty() {
            better.extend(statement.who.map(|who| who.value.span));
        }
    }
    let problems = reader.problems.into_iter().filter(|problem| !better.contains(&problem.span));
    problems.map(|problem| named(&rules::MALFORMED, problem)).collect()
}

/// IAM User Guide, Version: without one the policy has that of 2008, which knows no variables.
fn version(policy: &Policy<'_>, out: &mut Vec<Finding>) {
    match policy.version {
        None => {
            let message = "the policy has no `Version`, so the one of 2008 applies";
            let start = Span { end: policy.node.span.start, ..policy.node.span };
            out.push(Finding::new(&rules::NO_VERSION, start, message));
        }
        Some(Word { text: "2008-10-17", span }) => {
            let message = "the policy has the old version `2008-10-17`";
            out.push(Finding::new(&rules::OLD_VERSION, span, message));
        }
        Some(_) => return,
    }
    for statement in &policy.statements {
        let resources = statement.on.iter().flat_map(|on| &on.words);
        let values = statement.clauses.iter().flat_map(|clause| &clause.values);
        let variables = resources.chain(values).filter(|word| has_variable(word.text));
        out.extend(variables.map(|word| {
            let message = format!("`{}` is literal text under the version of 2008", word.text);
            Finding::new(&rules::LITERAL_VARIABLE, word.span, message)
        }));
    }
}

/// KMS Developer Guide, "Creating a key policy": at most 32,768 bytes; white space is not sent.
fn size(policy: &Policy<'_>, facts: &Facts<'_>, out: &mut Vec<Finding>) {
    let sent = write::to_json(&write::authored(policy.node, facts.partition)).to_string();
    let bytes = sent.len();
    let rule = match bytes {
        _ if bytes > MAX_BYTES => &rules::TOO_LARGE,
        _ if bytes > MAX_BYTES / 10 * 9 => &rules::NEARLY_FULL,
        _ => return,
    };
    let start = Span { end: policy.node.span.start, ..policy.node.span };
    let message = format!("the policy has {bytes} bytes without white space, of {MAX_BYTES}");
    out.push(Finding::new(rule, start, message));
}

fn sids(policy: &Policy<'_>, out: &mut Vec<Finding>) {
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

/// Statements that are equal but for their names.
fn repeated(policy: &Policy<'_>, out: &mut Vec<Finding>) {
    let mut seen: BTreeMap<Statement, usize> = BTreeMap::new();
    for (n, statement) in policy.statements.iter().enumerate() {
        let Some(canonical) = canonical(statement.node) else {
            continue;
        };
        match seen.get(&canonical) {
            Some(first) => {
                let message = format!("the statement says what statement {first} says already");
                out.push(Finding::new(&rules::REPEATED, statement.node.span, message));
            }
            None => drop(seen.insert(canonical, n + 1)),
        }
    }
}

/// A statement without its name.
fn canonical(node: &Node) -> Option<Statement> {
    let entry = Entry { key: "Statement".to_owned(), key_span: node.span, value: node.clone() };
    let policy = write::authored(&Node { span: node.span, value: Value::Map(vec![entry]) }, "");
    let mut reader = Reader { partition: "", strict: false, problems: Vec::new() };
    let mut statement = reader.document(&policy)?.statements.pop_first()?;
    statement.sid = None;
    Some(statement)
}
