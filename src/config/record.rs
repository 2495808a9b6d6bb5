//! `record!` and `choice!`: one declaration gives a type, its decoder and its JSON Schema.
//! Knows nothing of which records there are.

use serde_json::{Map, Value as Json, json};

use super::decode::value_of;
use super::{Decode, Diagnostic, Diagnostics, mismatch, nearest};
use crate::tree::{Node, Value};

/// Declares a record:
///
/// ```ignore
/// record! {
///     /// A KMS key.
///     pub struct KeyEntry {
///         /// Shown in the console.
///         description: Option<Spanned<String>>,
///         /// At least one is wanted, so the field must be given although a list may be empty.
///         @required aliases: Vec<Spanned<String>>,
///     }
/// }
/// ```
///
/// The fields are public, and `span` is added: where the whole record stands. A field whose
/// type has no value for "not given" (`Decode::missing`) must be given, as must one marked
/// `@required`. Doc comments become the schema's descriptions. A field named like a Rust
/// keyword is written `r#type` and given as `type`.
macro_rules! record {
    ($(#[doc = $doc:literal])* pub struct $name:ident {
        $($(#[doc = $fdoc:literal])* $(@$mark:ident)? $field:ident : $ty:ty),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $fdoc])* pub $field: $ty,)*
            /// Where the whole record stands.
            pub span: $crate::tree::Span,
        }

        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::tree::Node, d: &mut $crate::config::Diagnostics) -> Option<Self> {
                const FIELDS: &[&str] = &[$($crate::config::record::bare(stringify!($field))),*];
                // An unknown field is an error, and no reason to hide those in the others.
                $crate::config::record::known_fields(node, FIELDS, d)?;
                $(let $field = $crate::config::record::field::<$ty>(
                    node,
                    $crate::config::record::bare(stringify!($field)),
                    false $(|| stringify!($mark) == "required")?,
                    d,
                );)*
                Some(Self { $($field: $field?,)* span: node.span })
            }

            fn schema() -> serde_json::Value {
                $crate::config::record::object(
                    &[$($doc),*],
                    vec![$((
                        $crate::config::record::bare(stringify!($field)),
                        &[$($fdoc),*][..],
                        <$ty as $crate::config::Decode>::schema(),
                        false $(|| stringify!($mark) == "required")?
                            || <$ty as $crate::config::Decode>::missing().is_none(),
                    )),*],
                )
            }
        }
    };
}

/// Declares a closed set of words: `choice! { /// Doc. pub enum Usage { Encrypt = "ENCRYPT_DECRYPT" } }`.
macro_rules! choice {
    ($(#[doc = $doc:literal])* pub enum $name:ident {
        $($(#[doc = $vdoc:literal])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $vdoc])* $variant,)+
        }

        impl $name {
            /// The word it is written as.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::tree::Node, d: &mut $crate::config::Diagnostics) -> Option<Self> {
                $crate::config::record::one_of(node, &[$(($word, Self::$variant)),+], d)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({
                    "description": $crate::config::record::description(&[$($doc),*]),
                    "enum": [$($word),+],
                    // Not a keyword of the standard: editors show it beside the words, and so does `kmsctl explain`.
                    "enumDescriptions": [$($crate::config::record::description(&[$($vdoc),*])),+],
                })
            }
        }
    };
}

pub(crate) use {choice, record};

/// A field's name as the user writes it: without Rust's `r#`.
pub(crate) const fn bare(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Reports fields that are not known; `None` if the node is no map.
pub(crate) fn known_fields(node: &Node, fields: &[&str], d: &mut Diagnostics) -> Option<()> {
    let Value::Map(entries) = &node.value else {
        d.push(mismatch(node, "a map"));
        return None;
    };
    for entry in entries.iter().filter(|entry| !fields.contains(&entry.key.as_str())) {
        let error = Diagnostic::error(entry.key_span, format!("unknown field `{}`", entry.key));
        d.push(match nearest(&entry.key, fields.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!(
                "{}known fields: {}",
                anchors(&entry.key, fields),
                fields.join(", ")
            )),
        });
    }
    Some(())
}

/// Other tools take a field of any such name as a place for anchors.
fn anchors(key: &str, fields: &[&str]) -> &'static str {
    let holder = key.starts_with("x-") || key.starts_with(['.', '_']);
    if holder && fields.contains(&"defaults") {
        "what every key has belongs into `defaults`, a value of many places into `vars`, and an \
         anchor to where its text stands first; "
    } else {
        ""
    }
}

/// Reads one field of a record.
pub(crate) fn field<T: Decode>(
    node: &Node,
    name: &str,
    required: bool,
    d: &mut Diagnostics,
) -> Option<T> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    if let Some(entry) = entries.iter().find(|entry| entry.key == name) {
        return value_of(name, &entry.value, d);
    }
    let missing = if required { None } else { T::missing() };
    if missing.is_none() {
        d.push(Diagnostic::error(node.span, format!("missing field `{name}`")));
    }
    missing
}

/// Reads one word of a closed set.
pub(crate) fn one_of<T: Copy>(node: &Node, words: &[(&str, T)], d: &mut Diagnostics) -> Option<T> {
    let names = || words.iter().map(|(word, _)| *word);
    let expected = || format!("one of {}", names().collect::<Vec<_>>().join(", "));
    let (Value::Text(text) | Value::Number(text)) = &node.value else {
        d.push(mismatch(node, &expected()));
        return None;
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
        return Some(*value);
    }
    let error = Diagnostic::error(node.span, format!("expected {}, found `{text}`", expected()));
    d.push(match nearest(text, names()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    });
    None
}

/// Doc comment lines as one description.
pub(crate) fn description(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// The schema of a record from its fields: name, doc lines, schema, whether it must be given.
pub(crate) fn object(docs: &[&str], fields: Vec<(&str, &[&str], Json, bool)>) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, docs, mut schema, must) in fields {
        if let Json::Object(schema) = &mut schema
            && !docs.is_empty()
        {
            schema.insert("description".to_owned(), Json::String(description(docs)));
        }
        properties.insert(name.to_owned(), schema);
        if must {
            required.push(name);
        }
    }
    json!({
        "description": description(docs),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
