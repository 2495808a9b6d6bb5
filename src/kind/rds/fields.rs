//! The fields that instances and clusters share.

use super::{CREDENTIALS, is_credential, is_variable};
use crate::decode::{Decode, Diagnostics, Given as _, Spanned, Text, choice, record};
use crate::kind::declaration::{Check, Section};
use crate::kind::values::{Lower, checked};
use crate::tree::{Node, Value};
use serde_json::{Value as Json, json};

/// The section of RDS.
pub const SECTION: Section = Section { name: "rds", description: "RDS: instances and clusters." };

/// Returns the JSON Schema of names of environment variables (see [`is_variable`]).
fn variables() -> Json {
    let credentials = format!("^({})", CREDENTIALS.join("|"));
    json!({
        "type": ["string", "boolean"],
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "not": {"pattern": credentials},
    })
}

/// A master password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterPassword {
    /// RDS creates the password and keeps it.
    Managed(ManagedPassword),
    /// kmsctl reads the password from the environment.
    From(PasswordSource),
}

choice! {
    /// A master password that RDS creates and keeps in a secret.
    pub enum ManagedPassword {
        /// RDS creates it and keeps it in Secrets Manager, encrypted with an AWS managed key.
        Managed = "managed",
        /// RDS creates it and keeps it in Secrets Manager, encrypted with the resource's key.
        ManagedWithKey = "managed_with_key",
    }
}

record! {
    /// A master password from an environment variable.
    pub struct PasswordSource {
        /// The name of the environment variable. It is read when the call is sent, and its value is written
        /// nowhere.
        @like(variables)
        env: Text,
    }
}

impl Decode for MasterPassword {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Map(_) => {
                let source = PasswordSource::decode(node, d)?;
                if is_credential(&source.env.value) && is_variable(&source.env.value) {
                    let message =
                        "this variable holds a credential of the run, not a master password";
                    let help = "name a variable of its own, such as `ORDERS_PASSWORD`";
                    d.error(source.env.span, message, help);
                } else if !is_variable(&source.env.value) {
                    // The text may be the password itself, so the message does not contain it.
                    let message = "this is not the name of an environment variable";
                    let help = "write letters, digits and `_`, such as `ORDERS_PASSWORD`: the value \
                                stays in the environment";
                    d.error(source.env.span, message, help);
                }
                Some(Self::From(source))
            }
            Value::Text(text) if ["managed", "managed_with_key"].contains(&text.as_str()) => {
                ManagedPassword::decode(node, d).map(Self::Managed)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                let message = "a configuration must not contain a master password";
                let help = "set `managed`, `managed_with_key`, or `{env: NAME}` for an environment \
                            variable";
                d.error(node.span, message, help);
                None
            }
        }
    }

    // The rest of the database is judged without it.
    fn is_optional() -> bool {
        true
    }

    fn schema() -> Json {
        json!({"anyOf": [ManagedPassword::schema(), PasswordSource::schema()]})
    }
}

/// The settings that a declared password stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PasswordSettings {
    /// Whether RDS keeps the password in a secret.
    pub(crate) managed: Option<bool>,
    /// Whether that secret is encrypted with the resource's key.
    pub(crate) with_key: Option<bool>,
    /// The environment variable that holds the password.
    pub(crate) variable: Option<String>,
}

impl PasswordSettings {
    pub(crate) fn of(password: Option<&Spanned<MasterPassword>>) -> Self {
        let managed =
            |with_key| Self { managed: Some(true), with_key: Some(with_key), variable: None };
        match password.map(|password| &password.value) {
            None => Self::default(),
            Some(MasterPassword::Managed(ManagedPassword::Managed)) => managed(false),
            Some(MasterPassword::Managed(ManagedPassword::ManagedWithKey)) => managed(true),
            Some(MasterPassword::From(source)) => Self {
                managed: Some(false),
                with_key: None,
                variable: Some(source.env.value.clone()),
            },
        }
    }
}

checked! {
    /// The class of an instance.
    pub struct InstanceClass = instance_class, instance_classes();
}

/// The class of the instances of a cluster whose capacity AWS scales.
pub(crate) const SERVERLESS: &str = "db.serverless";

/// The classes of instances that cannot be encrypted (RDS User Guide, "Encrypting Amazon RDS resources").
const UNENCRYPTED: [&str; 3] = ["db.m1.", "db.m2.", "db.t2.micro"];

/// Returns the JSON Schema of classes of instances (see [`instance_class`]).
fn instance_classes() -> Json {
    json!({
        "type": "string",
        "pattern": "^db[.]",
        "not": {"type": "string", "pattern": format!("^({})", UNENCRYPTED.join("|").replace('.', "[.]"))},
    })
}

fn instance_class(text: &str) -> Option<(String, String)> {
    if !text.starts_with("db.") {
        let help = format!("did you mean `db.{text}`?");
        return Some((format!("`{text}` is not an instance class of RDS"), help));
    }
    if UNENCRYPTED.iter().any(|class| text.starts_with(class)) {
        let help = "use a newer class, such as `db.t4g.micro`";
        return Some((format!("`{text}` does not support encryption at rest"), help.to_owned()));
    }
    None
}

/// Returns the JSON Schema of identifiers (see [`identifier`]).
pub(crate) fn identifiers() -> Json {
    json!({"type": ["string", "boolean"], "maxLength": 63, "pattern": "^[a-z](-?[a-z0-9])*$"})
}

/// Checks an identifier. RDS stores identifiers in lower case, so the configuration must use lower case.
pub(crate) fn identifier(name: &Text, d: &mut Diagnostics) {
    let text = name.value.as_str();
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(is_valid)
        && !text.ends_with('-')
        && !text.contains("--");
    if !good {
        let message = format!("`{text}` is not an identifier of RDS");
        let help = "write 1 to 63 lower-case letters, digits and hyphens: a letter first, no hyphen last, \
                    no two hyphens in a row";
        d.error(name.span, message, help);
    }
}

/// Checks what RDS needs to create an instance or a cluster.
pub(crate) fn required(
    check: &mut Check<'_>,
    engine: &Option<Spanned<Lower>>,
    user: &Option<Spanned<String>>,
    password: &Option<Spanned<MasterPassword>>,
) {
    check.required("engine", engine, "set `engine:`, or `existing:` for one that exists");
    let help = "set `master_username: NAME` and `master_password: managed`";
    if password.given().is_none() {
        check.required("master_password", password, help);
    } else {
        check.required("master_username", user, help);
    }
}
