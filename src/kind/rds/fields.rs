//! The fields that instances and clusters share.

use super::is_variable;
use crate::decode::{
    Decode, Diagnostic, Diagnostics, Given as _, Spanned, Text, choice, nearest, record,
};
use crate::kind::declaration::{Check, Section};
use crate::kind::values::{Lower, checked};
use crate::tree::{Node, Value};
use serde_json::{Value as Json, json};

/// The section of RDS.
pub const SECTION: Section = Section { name: "rds", description: "RDS: instances and clusters." };

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
        env: Text,
    }
}

impl Decode for MasterPassword {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Map(_) => {
                let source = PasswordSource::decode(node, d)?;
                if !is_variable(&source.env.value) {
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
    pub struct InstanceClass = instance_class;
    /// A daily time, `hh:mm-hh:mm`.
    pub struct Daily = daily;
}

fn instance_class(text: &str) -> Option<(String, String)> {
    if text.starts_with("db.") {
        return None;
    }
    let help = format!("did you mean `db.{text}`?");
    Some((format!("`{text}` is not an instance class of RDS"), help))
}

fn daily(text: &str) -> Option<(String, String)> {
    if text.split_once('-').is_some_and(|(from, to)| is_time(from) && is_time(to)) {
        return None;
    }
    let help = "write it in UTC, as `03:00-03:30`";
    Some((format!("`{text}` is not a daily time"), help.to_owned()))
}

/// A weekly time, `ddd:hh:mm-ddd:hh:mm`. AWS shows the days in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly(String);

impl From<Weekly> for String {
    fn from(window: Weekly) -> Self {
        window.0
    }
}

impl Decode for Weekly {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, d)?;
        let window = text.to_ascii_lowercase();
        if !window.split_once('-').is_some_and(|(from, to)| is_moment(from) && is_moment(to)) {
            let day = window.get(..3).and_then(|day| nearest(day, DAYS)).unwrap_or("sun");
            let help = format!("write it in UTC, as `{day}:04:00-{day}:05:00`");
            d.push(
                Diagnostic::error(node.span, format!("`{text}` is not a weekly time")).help(help),
            );
        }
        Some(Self(window))
    }
    fn schema() -> Json {
        String::schema()
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn is_moment(text: &str) -> bool {
    text.split_once(':').is_some_and(|(day, time)| DAYS.contains(&day) && is_time(time))
}

fn is_time(text: &str) -> bool {
    let is_number = |text: &str, most: u32| {
        text.len() == 2 && text.parse::<u32>().is_ok_and(|number| number <= most)
    };
    text.split_once(':')
        .is_some_and(|(hours, minutes)| is_number(hours, 23) && is_number(minutes, 59))
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
