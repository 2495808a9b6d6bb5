//! Renders permissions: as IAM policies, for Terraform and CloudFormation, and for people.

mod cloudformation;
mod terraform;
mod text;

use crate::permissions::Permissions;
use serde_json::{Map, Value};

pub use cloudformation::cloudformation;
pub use terraform::terraform;
pub use text::text;

/// Returns the file name, without its extension, and the text of each policy in IAM's form.
#[must_use]
pub fn files(permissions: &Permissions) -> Vec<(String, String)> {
    let documents = permissions.documents.iter();
    let mut files: Vec<(String, String)> = documents
        .map(|document| (document.name.clone(), format!("{:#}\n", document.json())))
        .collect();
    for (statement, number) in permissions.key_statements.iter().zip(1..) {
        files.push((format!("key-policy-{number}"), format!("{:#}\n", statement.json())));
    }
    files
}

/// Returns the policies in IAM's form: the only policy, or an object of all policies by their names.
#[must_use]
pub fn iam(permissions: &Permissions) -> String {
    if let [only] = permissions.documents.as_slice() {
        return format!("{:#}\n", only.json());
    }
    let documents = permissions.documents.iter();
    let all: Map<String, Value> =
        documents.map(|document| (document.name.clone(), document.json())).collect();
    format!("{:#}\n", Value::Object(all))
}

/// Returns the name of a document as a Terraform identifier, or with capital letters for CloudFormation.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Returns the name of the policy in IAM.
fn title(stack: &str, name: &str) -> String {
    let stack: String = stack
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '-' })
        .collect();
    let name = if name.starts_with("kmsctl") { name.to_owned() } else { format!("kmsctl-{name}") };
    format!("{name}-{stack}")
}
