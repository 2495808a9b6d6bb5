//! Rules about principals.

use super::not_principal;
use super::reserved;
use super::rules;
use super::written::{NamedPrincipal, Word, WrittenStatement};
use super::{Facts, Finding};
use crate::policy::OWN_KEY;
use crate::policy::arn::{
    check_principal, is_account, is_service, is_unique_id, misplaced_service,
};
use crate::policy::typed::PrincipalName;

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
    if statement.excepts() {
        out.extend(not_principal::not_exempt(statement));
    } else {
        out.extend(statement.principals.iter().filter_map(session));
    }
    let numbers = statement
        .principals
        .iter()
        .filter(|named| named.word.is_number && named.kind == "AWS" && is_account(named.word.text));
    out.extend(numbers.map(|named| account_as_number(named.word)));
    out
}

/// Reports a session as a principal. Its ARN ends in the name of the session, which whoever assumes the role chooses.
fn session(named: &NamedPrincipal<'_>) -> Option<Finding> {
    let PrincipalName::Identity(arn) = &named.name else {
        return None;
    };
    let resource = arn.splitn(6, ':').nth(5)?;
    let (message, help) = if let Some(rest) = resource.strip_prefix("assumed-role/") {
        let (role, name) = rest.split_once('/')?;
        (
            format!(
                "`{}` is only the session named `{name}` of the role `{role}`",
                named.word.text
            ),
            format!(
                "name the role (`...:role/{role}`, with its path), which includes all of its sessions"
            ),
        )
    } else {
        let user = resource.strip_prefix("federated-user/")?;
        (
            format!("`{}` is only the federated session named `{user}`", named.word.text),
            "name the user or role that it is derived from".to_owned(),
        )
    };
    Some(Finding::new(&rules::SESSION, named.word.span, message).help(help))
}

/// Reports an account id that is written as a number.
pub(super) fn account_as_number(word: Word<'_>) -> Finding {
    let message = format!("the account id {} is written as a number", word.text);
    Finding::new(&rules::ACCOUNT_NUMBER, word.span, message)
        .help(format!("write \"{}\": a number loses its leading zeros", word.text))
}

fn principal(named: &NamedPrincipal<'_>, facts: &Facts<'_>) -> Option<Finding> {
    let word = named.word;
    match named.kind {
        "AWS" if word.text != OWN_KEY => {
            if let Some(finding) = reserved_role(word) {
                return Some(finding);
            }
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
        "Service" => {
            let message = misplaced_service(word.text, facts.partition)?;
            Some(Finding::new(&rules::BAD_SERVICE, word.span, message))
        }
        "Federated" | "CanonicalUser" => {
            let message = format!("no KMS request comes from a `{}` principal", named.kind);
            Some(Finding::new(&rules::PRINCIPAL_TYPE, word.span, message))
        }
        _ => None,
    }
}

/// Reports a role of AWS's own without the path under which alone such a role exists.
fn reserved_role(word: Word<'_>) -> Option<Finding> {
    let path = reserved::path_of(word.text.splitn(6, ':').nth(5)?)?;
    let message =
        format!("`{}` does not exist: such roles are only under `role/{path}`", word.text);
    Some(Finding::new(&rules::RESERVED_ROLE, word.span, message))
}
