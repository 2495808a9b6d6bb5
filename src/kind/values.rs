//! The types of values that the fields of several kinds share. Each type decodes and checks its
//! values.

use crate::decode::{Decode, Diagnostic, Diagnostics};
use crate::form::Form;
use crate::tree::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Text that AWS stores in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lower(pub String);

impl From<Lower> for String {
    fn from(text: Lower) -> Self {
        text.0
    }
}

impl Decode for Lower {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        String::decode(node, d).map(|text| Self(text.to_ascii_lowercase()))
    }
    fn schema() -> Json {
        String::schema()
    }
}

/// Returns the JSON Schema of a number that is not 0.
pub(crate) fn positive() -> Json {
    json!({"minimum": 1})
}

/// A whole number from `LOW` to `HIGH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const LOW: u32, const HIGH: u32>(pub u32);

impl<const LOW: u32, const HIGH: u32> From<Within<LOW, HIGH>> for u32 {
    fn from(number: Within<LOW, HIGH>) -> Self {
        number.0
    }
}

impl<const LOW: u32, const HIGH: u32> Decode for Within<LOW, HIGH> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let number = u32::decode(node, d)?;
        if !(LOW..=HIGH).contains(&number) {
            let error = Diagnostic::error(node.span, format!("{number} is out of range"));
            d.push(error.help(format!("AWS accepts {LOW} to {HIGH}")));
        }
        Some(Self(number))
    }
    fn schema() -> Json {
        json!({"type": "integer", "minimum": LOW, "maximum": HIGH})
    }
}

/// Declares types of text that a function checks, and their JSON Schemas. The function returns the error and the help.
macro_rules! checked {
    ($($(#[doc = $doc:literal])* pub struct $name:ident = $check:expr, $schema:expr;)+) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub String);

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(
                node: &$crate::tree::Node,
                d: &mut $crate::decode::Diagnostics,
            ) -> Option<Self> {
                let text = String::decode(node, d)?;
                let check: fn(&str) -> Option<(String, String)> = $check;
                if let Some((message, help)) = check(&text) {
                    d.push($crate::decode::Diagnostic::error(node.span, message).help(help));
                }
                Some(Self(text))
            }
            fn schema() -> serde_json::Value {
                $schema
            }
        }
    )+};
}
pub(crate) use checked;

checked! {
    /// The id of a VPC security group.
    pub struct SecurityGroup = |text| aws_id(text, SECURITY_GROUP, "a security group"), SECURITY_GROUP.schema();
    /// The name of a bucket.
    pub struct BucketName = bucket_name, bucket_names();
    /// The id of a subnet.
    pub struct Subnet = |text| aws_id(text, SUBNET, "a subnet"), SUBNET.schema();
}

/// The form of the ids of security groups.
const SECURITY_GROUP: Form = Form::id("sg-");
/// The form of the ids of subnets.
const SUBNET: Form = Form::id("subnet-");

/// Checks an id of AWS.
pub(crate) fn aws_id(text: &str, form: Form, what: &str) -> Option<(String, String)> {
    if form.accepts(text) {
        return None;
    }
    let help = format!("write the id as AWS shows it, such as `{}0123456789abcdef0`", form.prefix);
    Some((format!("`{text}` is not the id of {what}"), help))
}

/// A list whose order does not matter, of values that are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T>(pub Vec<T>);

impl<T: Into<String>> From<Set<T>> for BTreeSet<String> {
    fn from(set: Set<T>) -> Self {
        set.0.into_iter().map(Into::into).collect()
    }
}

impl<T: Decode> Decode for Set<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        Vec::decode(node, d).map(Self)
    }
    fn schema() -> Json {
        Vec::<T>::schema()
    }
}

/// Returns the JSON Schema of the names of buckets (see [`bucket_name`]).
pub(crate) fn bucket_names() -> Json {
    let reserved = [
        format!("^({})", RESERVED_PREFIXES.join("|")),
        format!("({})$", RESERVED_SUFFIXES.join("|").replace('.', "[.]")),
        "[.][.]".to_owned(),
        IP_ADDRESS.to_owned(),
    ];
    let mut reserved: Vec<Json> =
        reserved.iter().map(|pattern| json!({"type": "string", "pattern": pattern})).collect();
    // Numbers of fewer than 3 digits.
    reserved.push(json!({"type": "integer", "maximum": 99}));
    json!({
        "type": ["string", "number", "boolean"],
        "minimum": 0,
        "minLength": 3,
        "maxLength": 255,
        "pattern": "^([a-z0-9][a-z0-9.-]*[a-z0-9]|[A-Za-z0-9._-]*[A-Z_][A-Za-z0-9._-]*|[A-Za-z0-9._-]{64,})$",
        "not": {"anyOf": reserved},
    })
}

/// The form of IP addresses, as a regular expression.
pub(crate) const IP_ADDRESS: &str = "^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])([.]|$)){4}$";

/// The beginnings of names that S3 reserves (S3 User Guide, "General purpose bucket naming rules").
const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
/// The ends of names that S3 reserves, for example for the aliases of access points.
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Checks the name of a bucket that exists (S3 User Guide, "General purpose bucket naming rules"). Buckets of 2018 and
/// before in us-east-1 can have up to 255 characters, with capital letters and underscores.
pub(crate) fn bucket_name(text: &str) -> Option<(String, String)> {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_old = text.contains(|c: char| c.is_ascii_uppercase() || c == '_') || text.len() > 63;
    let ends = is_old || text.starts_with(is_end) && text.ends_with(is_end);
    let message = format!("`{text}` is not the name of a bucket");
    if !ends || !text.chars().all(is_valid) || !(3..=255).contains(&text.len()) {
        let help = "write its name alone: 3 to 63 lower-case letters, digits, `.` and `-`";
        return Some((message, help.to_owned()));
    }
    if text.contains("..") || text.parse::<std::net::Ipv4Addr>().is_ok() {
        let help = "S3 accepts neither two `.` in a row nor the form of an IP address";
        return Some((message, help.to_owned()));
    }
    let reserved = RESERVED_PREFIXES.iter().find(|prefix| text.starts_with(**prefix));
    if let Some(prefix) = reserved {
        return Some((message, format!("S3 reserves names that begin with `{prefix}`")));
    }
    let reserved = RESERVED_SUFFIXES.iter().find(|suffix| text.ends_with(**suffix))?;
    Some((message, format!("S3 reserves names that end with `{reserved}`: name the bucket itself")))
}
