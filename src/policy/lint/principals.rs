//! Rules about principals.

use super::rules;
use super::written::{NamedPrincipal, WrittenStatement};
use super::{Facts, Finding};
use crate::policy::OWN_KEY;
use crate::policy::arn::{check_principal, is_service, is_unique_id};

pub(super) fn check(statement: &WrittenStatement<'_>, facts: &Facts<'_>) -> Vec<Finding> {
    let mut out: Vec<Finding> =
        statement.principals.iter().filter_map(|name| principal(name, facts)).collect();
    if let Some(entry) = statement.principal_entry {
        if statement.principals.is_empty() {
            let message =
                format!("`{}` names no principal, so the statement has no effect", entry.key);
            out.push(Finding::new(&rules::NOBODY, entry.value.span, message));
        } else if statement.excepts() && statement.allows() {
            let message = "`Allow` with `NotPrincipal` allows everyone else, in every account";
            out.push(Finding::new(&rules::ALLOW_EXCEPT, entry.key_span, message));
        }
    }
    out
}

fn principal(named: &NamedPrincipal<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let word = named.word;
    match named.kind {
        "AWS" if word.text != OWN_KEY => {
            let problem = check_principal(word.text, facts.partition, word.span)?;
            let fields: Vec<&str> = word.text.splitn(6, ':').collect();
            let group = fields.last().is_some_and(|last| last.starts_with("group/"));
            let rule = match word.text {
                text if is_unique_id(text) => &rules::DANGLING,
                text if text.contains(['*', '?']) => &rules::WILDCARD_PRINCIPAL,
                _ if group => &rules::GROUP,
                _ => &rules::BAD_PRINCIPAL,
            };
            let help = problem.help.unwrap_or_else(|| rule.help.to_owned());
            Some(Finding::new(rule, word.span, problem.message).help(help))
        }
        "Service" if !is_service(word.text) => {
            let message = format!("`{}` is not the name of a service principal", word.text);
            let finding = Finding::new(&rules::BAD_SERVICE, word.span, message);
            let is_bare_name = !word.text.is_empty()
                && word.text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            Some(if is_bare_name {
                finding.help(format!("write `{}.amazonaws.com`", word.text))
            } else {
                finding
            })
        }
        "Federated" | "CanonicalUser" => {
            let message = format!("no KMS request comes from a `{}` principal", named.kind);
            Some(Finding::new(&rules::PRINCIPAL_TYPE, word.span, message))
        }
        _ => None,
    }
}
