//! Renders permissions as a template of CloudFormation.

use super::{title, words};
use crate::permissions::Permissions;
use serde_json::Value;
use std::fmt::Write as _;

/// Returns a template with a resource `AWS::IAM::ManagedPolicy` for each policy.
#[must_use]
pub fn cloudformation(permissions: &Permissions, stack: &str) -> String {
    let mut out = "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n".to_owned();
    for document in &permissions.documents {
        let identity = permissions.identities.get(&document.account).map_or("", String::as_str);
        let name: String = words(&document.name).map(capital).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "  # {}, for {identity}\n  {name}:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: {}\n      Description: {}\n      PolicyDocument:\n",
            document.part.about(),
            quoted(&title(stack, &document.name)),
            quoted(&format!("kmsctl: {}", document.part.about())),
        );
        block(&document.json(), 8, &mut out);
    }
    out
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Returns a text in double quotes, in which YAML has the escapes of JSON (YAML 1.2, "Double-quoted style").
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Writes an object or a list as a block, and everything else on the line.
fn block(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                out.push_str(&margin);
                entry(&format!("{}:", quoted(name)), value, indent, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut lines = String::new();
                block(item, indent + 2, &mut lines);
                // The first line of an item stands after its dash.
                let rest = lines.get(indent + 2..).unwrap_or_default();
                let _ = write!(out, "{margin}- {rest}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = writeln!(out, "{margin}{value}");
        }
    }
}

fn entry(name: &str, value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(_) | Value::Array(_) => {
            let _ = writeln!(out, "{name}");
            block(value, indent + 2, out);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = writeln!(out, "{name} {value}");
        }
    }
}
