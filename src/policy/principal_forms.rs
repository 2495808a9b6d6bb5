//! The forms of principals as regular expressions, for the JSON Schema of the configuration. `arn` checks principals.

use super::arn::SERVICE_DOMAINS;
use serde_json::{Value as Json, json};

/// The characters of a part of the path or the name of an identity, and those at its end.
type Characters = (&'static str, &'static str);
/// The characters of a part.
const PART: Characters = ("[^/*?]", "[^/*? \\t\\n\\r]");
/// Those in a key policy (KMS API Reference, PutKeyPolicy: `Policy`).
const POLICY_PART: Characters = ("[\\t\\n\\r -)+-.0->@-\u{ff}]", "[!-)+-.0->@-\u{ff}]");
/// Those that KMS accepts in a principal of a grant (KMS API Reference, CreateGrant: `GranteePrincipal`).
const GRANT_PART: Characters = ("[A-Za-z0-9_+=,.@:-]", "[A-Za-z0-9_+=,.@:-]");
/// The characters of a grant's principal.
pub const GRANT_CHARACTERS: &str = "A-Za-z0-9_+=,.@:/-";
/// The largest number of characters of a grant's principal.
pub const LONGEST_OF_GRANT: usize = 256;

/// Returns the form of an identity or an account: a short form or an ARN.
#[must_use]
pub fn principal() -> String {
    identity(PART)
}

/// Returns the form of an identity or an account in a key policy.
#[must_use]
pub fn in_policy() -> String {
    identity(POLICY_PART)
}

/// Returns the form of a principal of a grant: an identity or a service.
#[must_use]
pub fn of_grant() -> String {
    format!("({}|{})", identity(GRANT_PART), service())
}

/// Returns the form of a role.
#[must_use]
pub fn role() -> String {
    let (part, end) = PART;
    format!("(arn:aws[a-z-]*:iam::[0-9]{{12}}:)?role(/{part}+)*/{part}*{end}")
}

/// Returns the form of a service principal.
#[must_use]
pub fn service() -> String {
    let domains: Vec<String> =
        SERVICE_DOMAINS.iter().map(|domain| domain.replace('.', "[.]")).collect();
    format!("[a-z0-9-]+([.][a-z0-9-]+)*({})", domains.join("|"))
}

fn identity((part, end): Characters) -> String {
    let last = format!("{part}*{end}");
    let iam = format!("root|(user|role)(/{part}+)*/{last}");
    let sts = format!("assumed-role/{part}+/{last}|federated-user/{last}");
    format!(
        "({iam}|{sts}|(account )?[0-9]{{12}}|arn:aws[a-z-]*:(iam::[0-9]{{12}}:({iam})|sts::[0-9]{{12}}:({sts})))"
    )
}

/// Returns the JSON Schema of principals of a form. A number of YAML can be an account.
#[must_use]
pub fn schema(form: &str) -> Json {
    json!({
        "type": ["string", "integer"],
        "pattern": format!("^{form}$"),
        "minimum": 0,
        "maximum": 999_999_999_999_u64,
    })
}
