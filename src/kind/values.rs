//! The types of values that the fields of several kinds share. Each type decodes and checks its
//! values.

use crate::decode::{Decode, Diagnostic, Diagnostics};
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

/// Declares types of text that a function checks. The function returns the error and the help.
macro_rules! checked {
    ($($(#[doc = $doc:literal])* pub struct $name:ident = $check:expr;)+) => {$(
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
                String::schema()
            }
        }
    )+};
}
pub(crate) use checked;

checked! {
    /// The id of a VPC security group.
    pub struct SecurityGroup = |text| has_prefix(text, "sg-", "a security group");
    /// The name of a bucket.
    pub struct BucketName = bucket_name;
    /// The id of a subnet.
    pub struct Subnet = |text| has_prefix(text, "subnet-", "a subnet");
}

/// Checks the prefix of an id, which says what the id belongs to.
fn has_prefix(text: &str, prefix: &str, what: &str) -> Option<(String, String)> {
    if text.starts_with(prefix) {
        return None;
    }
    let help = format!("write the id as AWS shows it, such as `{prefix}0123456789abcdef0`");
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

/// Checks the name of a bucket (S3 User Guide, "General purpose bucket naming rules"). Old buckets can have
/// underscores in their names.
pub(crate) fn bucket_name(text: &str) -> Option<(String, String)> {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_valid = |c: char| is_end(c) || matches!(c, '.' | '-' | '_');
    let ends = text.starts_with(is_end) && text.ends_with(is_end);
    if ends && text.chars().all(is_valid) && (3..=63).contains(&text.len()) {
        return None;
    }
    let help = "write its name alone: 3 to 63 lower-case letters, digits, `.` and `-`";
    Some((format!("`{text}` is not the name of a bucket"), help.to_owned()))
}
