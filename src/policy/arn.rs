//! Principals of the type `AWS`: what AWS accepts as one.

use super::Problem;
use crate::tree::Span;

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The unique id of an identity: what AWS returns in place of a deleted user or role.
pub(super) fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AROA") || text.starts_with("AIDA"))
        && text.len() >= 16
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Whether the text has the form of a service principal: labels and one of AWS's domains (IAM User Guide, Principal, "AWS
/// service principals"). Which services there are is not judged: they grow.
pub(crate) fn is_service(text: &str) -> bool {
    const DOMAINS: [&str; 5] =
        [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal", ".amazon.com"];
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    DOMAINS
        .iter()
        .any(|domain| text.strip_suffix(domain).is_some_and(|name| name.split('.').all(label)))
}

/// The root ARN when `text` is an account id, else the text itself.
pub(super) fn with_account(text: &str, partition: &str) -> String {
    if is_account(text) { format!("arn:{partition}:iam::{text}:root") } else { text.to_owned() }
}

/// What is wrong with a principal of type `AWS`, if anything.
pub(crate) fn check_principal(text: &str, partition: &str, span: Span) -> Option<Problem> {
    if text == "*" || is_account(text) {
        return None;
    }
    let bad = |why: String, help: &str| Some(Problem::new(span, why).help(help));
    if text.is_empty() {
        return bad("a principal is empty".to_owned(), PRINCIPAL_HELP);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return bad(
            format!("the account `{text}` has {} digits", text.len()),
            "an account id has 12 digits",
        );
    }
    if is_unique_id(text) {
        let why = format!("`{text}` is the unique id of a deleted user or role");
        return bad(why, "name the ARN of an existing user or role, or drop it");
    }
    if text.contains(['*', '?']) {
        let help = "principals are matched whole: name the account's root ARN and add an `ArnLike` condition on `aws:PrincipalArn`";
        return bad(format!("`{text}` has a wildcard inside a principal"), help);
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", found, service, region, account, resource] = fields.as_slice() else {
        return bad(format!("`{text}` is not a principal"), PRINCIPAL_HELP);
    };
    if *found != partition && !partition.is_empty() {
        let why = format!("`{text}` is in the partition `{found}`, the key in `{partition}`");
        return bad(why, &format!("begin the ARN with `arn:{partition}:`"));
    }
    if !matches!(*service, "iam" | "sts") {
        let why = format!("`{text}` names the service `{service}`, not an identity");
        return bad(why, PRINCIPAL_HELP);
    }
    if !region.is_empty() {
        let help = "identities have no Region: leave the field empty";
        return bad(format!("`{text}` has a Region, `{region}`"), help);
    }
    if !is_account(account) {
        let help = "an account id has 12 digits";
        if account.is_empty() {
            return bad(format!("`{text}` has no account"), help);
        }
        if !account.bytes().all(|b| b.is_ascii_digit()) {
            return bad(format!("`{account}` in `{text}` is not an account id"), help);
        }
        return bad(
            format!("the account `{account}` in `{text}` has {} digits", account.len()),
            help,
        );
    }
    check_identity(text, service, resource, span)
}

/// What is wrong with the last field of a principal's ARN.
fn check_identity(text: &str, service: &str, resource: &str, span: Span) -> Option<Problem> {
    let parts: Vec<&str> = resource.split('/').collect();
    let full = parts.iter().all(|part| !part.is_empty());
    let fine = match (service, parts.as_slice()) {
        ("iam", ["root"]) => true,
        ("iam", ["user" | "role", _, ..])
        | ("sts", ["assumed-role", _, _] | ["federated-user", _]) => full,
        _ => false,
    };
    if fine {
        return None;
    }
    if parts.first() == Some(&"group") {
        let help = "name its users, or a role they assume";
        return Some(
            Problem::new(span, format!("`{text}` is a group, and groups are never principals"))
                .help(help),
        );
    }
    Some(Problem::new(span, format!("`{text}` is not a principal")).help(PRINCIPAL_HELP))
}

/// What a principal looks like.
pub(super) const PRINCIPAL_HELP: &str = "write an account id, `arn:aws:iam::<account>:root`, `…:user/<name>` or `…:role/<name>`, or `*`";
