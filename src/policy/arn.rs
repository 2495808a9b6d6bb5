//! Account ids, unique ids, service principals, and the principals of type `AWS` that AWS accepts.

use super::Problem;
use crate::tree::{Node, Span, Value};
use std::collections::BTreeSet;

use crate::text::counted;

/// Returns whether the text is an account id: twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether the text is the unique id of a user or role. GetKeyPolicy returns it in place of the ARN once the
/// identity is deleted (IAM User Guide, "AWS JSON policy elements: Principal").
pub(crate) fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AROA") || text.starts_with("AIDA"))
        && text.len() >= 16
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The domains of service principals.
pub(super) const SERVICE_DOMAINS: [&str; 5] =
    [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal", ".amazon.com"];

/// Returns whether the text has the form of a service principal: labels followed by one of AWS's domains (IAM User
/// Guide, "AWS JSON policy elements: Principal", "AWS service principals"). The name is not checked against a list of
/// services, because AWS adds new ones.
pub(crate) fn is_service(text: &str) -> bool {
    let mut names = SERVICE_DOMAINS.iter().filter_map(|domain| text.strip_suffix(domain));
    names.any(|name| name.split('.').all(is_label))
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Returns whether the text has the form of a Region, such as `eu-west-1`, with a direction that Regions have.
pub(super) fn is_region(text: &str) -> bool {
    const DIRECTIONS: [&str; 9] = [
        "central",
        "east",
        "north",
        "northeast",
        "northwest",
        "south",
        "southeast",
        "southwest",
        "west",
    ];
    let parts: Vec<&str> = text.split('-').collect();
    let [area @ .., direction, number] = parts.as_slice() else { return false };
    let is_word =
        |part: &&str| (2..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    (1..=2).contains(&area.len())
        && area.iter().all(is_word)
        && DIRECTIONS.contains(direction)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether the text, which may have wildcards, is a service in a Region, such as `s3.us-east-1.amazonaws.com`:
/// the name of the service, the Region, and the domain of a partition.
pub(super) fn has_region(text: &str) -> bool {
    let fields: Vec<&str> = text.split('.').collect();
    let [service, region, domain @ ..] = fields.as_slice() else { return false };
    let is_open = |field: &str| field.contains(['*', '?']);
    let domain = domain.join(".");
    let is_domain = is_open(&domain) || VIA_DOMAINS.contains(&domain.as_str());
    !service.is_empty() && (is_region(region) || is_open(region)) && is_domain
}

/// The domains in values of `kms:ViaService` (botocore `partitions.json`, `dnsSuffix`).
const VIA_DOMAINS: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Returns why a service principal of the right form does not exist in a partition: a label that looks like a Region
/// but is none, or a domain of another partition.
pub(super) fn misplaced_service(text: &str, partition: &str) -> Option<String> {
    if text.ends_with(".amazonaws.com.cn") && !matches!(partition, "aws-cn" | "") {
        return Some(format!(
            "`{text}` is of the partition `aws-cn`, and the key is in `{partition}`"
        ));
    }
    let label = text.split('.').nth(1)?;
    let looks_like_region = label.split('-').count() >= 3
        && label.rsplit('-').next().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    (looks_like_region && !is_region(label))
        .then(|| format!("`{label}` in `{text}` is not a Region"))
}

/// Returns the partitions of the ARNs in a tree, without those that have wildcards.
pub(crate) fn partitions(node: &Node) -> BTreeSet<&str> {
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
        Value::Text(text) => {
            let fields: Vec<&str> = text.splitn(6, ':').collect();
            match fields.as_slice() {
                ["arn", partition, _, _, _, _] if partition.starts_with("aws") => {
                    let is_name = |b: u8| b.is_ascii_lowercase() || b == b'-';
                    partition.bytes().all(is_name).then_some(*partition).into_iter().collect()
                }
                _ => BTreeSet::new(),
            }
        }
        Value::List(items) => items.iter().flat_map(partitions).collect(),
        Value::Map(entries) => entries.iter().flat_map(|entry| partitions(&entry.value)).collect(),
    }
}

/// Returns the ARN of a principal that is given in a short form, and any other text unchanged. The short forms are
/// `role/NAME`, `user/NAME`, `group/NAME`, `assumed-role/ROLE/SESSION` and `federated-user/NAME` of the account, `root`,
/// and the id of any account, with or without the word `account`.
pub(crate) fn whole_principal(text: &str, partition: &str, account: &str) -> String {
    let begins = |kinds: &[&str]| kinds.iter().any(|kind| text.starts_with(kind));
    let id = text.strip_prefix("account ").unwrap_or(text);
    if text == "root" || begins(&["role/", "user/", "group/"]) {
        format!("arn:{partition}:iam::{account}:{text}")
    } else if begins(&["assumed-role/", "federated-user/"]) {
        format!("arn:{partition}:sts::{account}:{text}")
    } else if is_account(id) {
        format!("arn:{partition}:iam::{id}:root")
    } else {
        text.to_owned()
    }
}

/// Returns the ARN of the account's root user if `text` is an account id, otherwise the text itself.
pub(crate) fn with_account(text: &str, partition: &str) -> String {
    if is_account(text) { format!("arn:{partition}:iam::{text}:root") } else { text.to_owned() }
}

/// Returns the problem of a principal of type `AWS`, if it has one.
pub(crate) fn check_principal(text: &str, partition: &str, span: Span) -> Option<Problem> {
    if text == "*" || is_account(text) {
        return None;
    }
    let problem = |why: String, help: &str| Some(Problem::new(span, why).help(help));
    if text.is_empty() {
        return problem("a principal is empty".to_owned(), PRINCIPAL_HELP);
    }
    if let Some((why, help)) = unusable(text) {
        return problem(why, help);
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", found, service, region, account, resource] = fields.as_slice() else {
        if is_service(text) {
            let why = format!("`{text}` is a service, not an identity");
            return problem(why, &format!("write `Service: {text}`"));
        }
        return problem(format!("`{text}` is not a principal"), PRINCIPAL_HELP);
    };
    if *found != partition && !partition.is_empty() {
        let why = format!("`{text}` is in the partition `{found}`, the key in `{partition}`");
        let help = format!(
            "name an identity of the partition `{partition}`, or correct the Region (or `--partition`) of the key"
        );
        return problem(why, &help);
    }
    if !matches!(*service, "iam" | "sts") {
        let why = format!("`{text}` names the service `{service}`, not an identity");
        return problem(why, PRINCIPAL_HELP);
    }
    if !region.is_empty() {
        let help = "identities have no Region: leave the field empty";
        return problem(format!("`{text}` has a Region, `{region}`"), help);
    }
    if !is_account(account) {
        let help = "an account id has 12 digits";
        if account.is_empty() {
            return problem(format!("`{text}` has no account"), help);
        }
        if !account.bytes().all(|b| b.is_ascii_digit()) {
            return problem(format!("`{account}` in `{text}` is not an account id"), help);
        }
        return problem(
            format!("the account `{account}` in `{text}` has {}", counted(account.len(), "digit")),
            help,
        );
    }
    check_identity(text, service, resource, span)
}

/// Returns why a text can be no principal in any form, and what to do.
fn unusable(text: &str) -> Option<(String, &'static str)> {
    const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
    if text.trim_matches(BLANKS) != text {
        let why = format!("`{text}` begins or ends with a blank");
        return Some((why, "remove the blank: IAM has no such user or role"));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let why = format!("the account `{text}` has {}", counted(text.len(), "digit"));
        return Some((why, "an account id has 12 digits"));
    }
    if is_unique_id(text) {
        let why = format!("`{text}` is the unique id of a deleted user or role");
        return Some((why, "name the ARN of an existing user or role, or remove it"));
    }
    if text.contains(['*', '?']) {
        let why = format!("`{text}` has a wildcard inside a principal");
        return Some((
            why,
            "principals are matched whole: name the account's root ARN and add an `ArnLike` condition on `aws:PrincipalArn`",
        ));
    }
    None
}

/// Returns the problem of the last field of a principal's ARN, if it has one.
fn check_identity(text: &str, service: &str, resource: &str, span: Span) -> Option<Problem> {
    let parts: Vec<&str> = resource.split('/').collect();
    let complete = parts.iter().all(|part| !part.is_empty());
    let is_valid = match (service, parts.as_slice()) {
        ("iam", ["root"]) => true,
        ("iam", ["user" | "role", _, ..])
        | ("sts", ["assumed-role", _, _] | ["federated-user", _]) => complete,
        _ => false,
    };
    if is_valid {
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

/// Help that lists the forms of a principal.
pub(super) const PRINCIPAL_HELP: &str = "write an account id, `arn:aws:iam::<account>:root`, `…:user/<name>` or `…:role/<name>`, or `*`";
