//! Renders permissions for people.

use crate::permissions::{Document, LIMIT, Permissions, Statement};
use crate::render::Style;
use crate::render::page::{BOLD, DIM, put};
use crate::text::{counted, some_of, wrapped};
use std::collections::BTreeSet;

/// The largest number of resources that a line names.
const NAMED: usize = 3;

/// Returns the permissions with the calls that need them, and what cannot be bounded.
#[must_use]
pub fn text(permissions: &Permissions, style: &Style) -> String {
    let mut out = String::new();
    for document in &permissions.documents {
        let identity = permissions.identities.get(&document.account).map_or("", String::as_str);
        put(&mut out, 0, style.paint(Some(BOLD)), &format!("{} for {identity}", document.name));
        lines(&about(document), 2, 0, style, &mut out);
        for statement in &document.statements {
            out.push('\n');
            of_statement(statement, style, &mut out);
        }
        out.push('\n');
    }
    for statement in &permissions.key_statements {
        put(&mut out, 0, style.paint(Some(BOLD)), "Statements for the keys' own policies");
        let keys: Vec<&str> = statement.keys.iter().map(String::as_str).collect();
        let why = format!(
            "The policies of these keys leave these actions neither to IAM policies nor to {}: {}. A statement of a key's \
             policy is enough by itself: whatever part of the permissions the identity has, it can do this with these keys.",
            statement.principal,
            keys.join(", ")
        );
        lines(&why, 2, 0, style, &mut out);
        for line in format!("{:#}", statement.json()).lines() {
            put(&mut out, 2, None, line);
        }
        out.push('\n');
    }
    put(&mut out, 0, style.paint(Some(BOLD)), "What these policies cannot do");
    for note in &permissions.notes {
        lines(&format!("- {note}"), 2, 2, style, &mut out);
    }
    out
}

fn about(document: &Document) -> String {
    let statements = counted(document.statements.len(), "statement");
    let (size, limit) = (document.size(), counted(LIMIT, "character"));
    format!("{}; {statements}, {size} of {limit}", document.part.about())
}

fn lines(text: &str, indent: usize, hang: usize, style: &Style, out: &mut String) {
    for (at, line) in wrapped(text, indent, hang, style.width) {
        put(out, at, None, &line);
    }
}

fn of_statement(statement: &Statement, style: &Style, out: &mut String) {
    put(out, 2, style.paint(Some(BOLD)), &statement.sid);
    let actions: Vec<&str> = statement.actions.iter().copied().collect();
    lines(&format!("allows {}", actions.join(", ")), 4, 2, style, out);
    let resources: Vec<&str> = statement.resources.iter().map(String::as_str).collect();
    lines(&format!("on {}", resources.join(", ")), 4, 2, style, out);
    for (operator, key, values) in statement.conditions.iter() {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        lines(&format!("if {key} {operator} {}", values.join(", ")), 4, 2, style, out);
    }
    let calls =
        statement.calls.iter().map(|(operation, about)| format!("{operation} ({})", named(about)));
    let calls: Vec<String> = calls.collect();
    lines(&format!("for {}", calls.join(", ")), 4, 2, style, out);
    for source in &statement.dependent {
        for (at, line) in wrapped(&format!("because {source}"), 4, 2, style.width) {
            put(out, at, style.paint(Some(DIM)), &line);
        }
    }
}

fn named(about: &BTreeSet<String>) -> String {
    let all: Vec<&String> = about.iter().collect();
    some_of(&all, NAMED)
}
