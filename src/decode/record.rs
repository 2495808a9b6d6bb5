//! `record!` and `choice!`: one declaration gives a type, its decoder and its JSON Schema.

use serde_json::{Map, Value as Json, json};

use super::recover::{self, sole};
use super::synonyms::{self, meant};
use super::{Decode, Diagnostic, Diagnostics, MAX_SHOWN, mismatch, nearest, value_of};
use super::{elsewhere, example};
use crate::tree::{Entry, Node, Value};

/// A field of a record, for the schema.
#[derive(Clone, Debug)]
pub struct Property {
    /// The field's name, as users write it.
    pub name: &'static str,
    /// The lines of the description.
    pub docs: &'static [&'static str],
    /// Returns the JSON Schema of the value.
    pub schema: fn() -> Json,
    /// Whether the field is required.
    pub required: bool,
    /// Further marks of the field.
    pub marks: Vec<Mark>,
}

/// A mark of a field, such as `@required` or `@like(Region::schema)`.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The mark without `@`.
    pub name: &'static str,
    /// The JSON Schema that the mark names.
    pub schema: Option<fn() -> Json>,
}

impl Mark {
    /// Creates a mark that narrows a schema.
    #[must_use]
    pub fn new(name: &'static str, schema: fn() -> Json) -> Self {
        Self { name, schema: Some(schema) }
    }
}

impl Property {
    /// Creates the property of a field of type `T`.
    #[must_use]
    pub fn of<T: Decode>(
        name: &'static str,
        docs: &'static [&'static str],
        marks: Vec<Mark>,
    ) -> Self {
        let required = marks.iter().any(|mark| mark.name == "required") || T::missing().is_none();
        Self { name, docs, schema: T::schema, required, marks }
    }

    /// Returns the JSON Schema of the value.
    fn whole_schema(&self) -> Json {
        narrowed((self.schema)(), &self.marks)
    }
}

/// Returns a schema with what the marks of the field add.
pub(super) fn narrowed(mut schema: Json, marks: &[Mark]) -> Json {
    for mark in marks {
        match (mark.name, mark.schema) {
            ("like", Some(like)) => narrow(&mut schema, "string", &like()),
            ("names", Some(names)) => {
                narrow(&mut schema, "object", &json!({"propertyNames": names()}));
            }
            ("any", Some(any)) => narrow(&mut schema, "any", &any()),
            ("map", Some(map)) => narrow(&mut schema, "object", &map()),
            ("list", Some(limits)) => narrow(&mut schema, "array", &limits()),
            _ => {}
        }
    }
    schema
}

/// Adds the members of a schema to the outermost schemas of a type within another one.
fn narrow(schema: &mut Json, kind: &str, more: &Json) {
    if let Some(Json::Array(all)) = schema.get_mut("anyOf") {
        return all.iter_mut().for_each(|schema| narrow(schema, kind, more));
    }
    let is_kind = match schema.get("type") {
        Some(Json::String(name)) => name == kind || kind == "string" && name == "integer",
        Some(Json::Array(names)) => names.iter().any(|name| name == kind),
        Some(_) => false,
        None => kind == "any" && schema.get("enum").is_none(),
    };
    if is_kind {
        if let (Json::Object(schema), Json::Object(more)) = (schema, more) {
            // The numbers of a closed set stay numbers, also where they are written as text.
            if more.contains_key("enum") && kind == "string" {
                schema.remove("type");
            }
            schema.extend(more.clone());
        }
        return;
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(inner) {
            narrow(inner, kind, more);
        }
    }
}

/// A type with named fields.
pub trait Record: Decode {
    /// The names of the fields.
    const FIELDS: &'static [&'static str];

    /// Reads the fields, and ignores other fields.
    fn read(node: &Node, d: &mut Diagnostics) -> Option<Self>;

    /// Returns the fields, for the schema.
    fn properties() -> Vec<Property>;
}

/// Declares a record:
///
/// ```ignore
/// record! {
///     /// A KMS key.
///     pub struct KeyEntry {
///         /// The description that the console shows.
///         description: Option<Spanned<String>>,
///         /// The aliases. The field is required although the list may be empty.
///         @required aliases: Vec<Spanned<String>>,
///     }
/// }
/// ```
///
/// `@like(SCHEMA)` narrows the schema of the text or number, which something else checks after decoding; `@names(SCHEMA)`
/// narrows the names of a map, `@map(SCHEMA)` the map, `@list(SCHEMA)` the length of a list, and `@any(SCHEMA)` a
/// value of any type.
///
/// The fields are public. The macro adds `span`, the position of the whole record. A field is required
/// if its type has no value for a missing field (`Decode::missing`) or if it is marked `@required`. Doc
/// comments become the descriptions of the schema. A field named like a Rust keyword is written `r#type`
/// and given as `type`.
macro_rules! record {
    ($(#[doc = $doc:literal])* pub struct $name:ident {
        $($(#[doc = $fdoc:literal])* $(@$mark:ident $(($schema:expr))?)* $field:ident : $ty:ty),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $fdoc])* pub $field: $ty,)*
            /// The position of the whole record.
            pub span: $crate::tree::Span,
        }

        impl $crate::decode::Record for $name {
            const FIELDS: &'static [&'static str] = &[$($crate::decode::bare(stringify!($field))),*];

            fn read(node: &$crate::tree::Node, d: &mut $crate::decode::Diagnostics) -> Option<Self> {
                $(let $field = $crate::decode::field::<$ty>(
                    node,
                    $crate::decode::bare(stringify!($field)),
                    &[$($crate::decode::Mark {
                        name: stringify!($mark),
                        schema: $crate::decode::named_schema!($($schema)?),
                    }),*],
                    d,
                );)*
                Some(Self { $($field: $field?,)* span: node.span })
            }

            fn properties() -> Vec<$crate::decode::Property> {
                vec![$($crate::decode::Property::of::<$ty>(
                    $crate::decode::bare(stringify!($field)),
                    &[$($fdoc),*],
                    vec![$($crate::decode::Mark {
                        name: stringify!($mark),
                        schema: $crate::decode::named_schema!($($schema)?),
                    }),*],
                )),*]
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::tree::Node, d: &mut $crate::decode::Diagnostics) -> Option<Self> {
                // An unknown field is an error, but the other fields are read for their errors too.
                match $crate::decode::known_fields(
                    node,
                    <Self as $crate::decode::Record>::FIELDS,
                    <Self as $crate::decode::Decode>::schema,
                    d,
                ) {
                    Some(()) => <Self as $crate::decode::Record>::read(node, d),
                    None => $crate::decode::of_list(node, d),
                }
            }

            fn fields() -> Vec<&'static str> {
                <Self as $crate::decode::Record>::FIELDS.to_vec()
            }

            fn is_optional() -> bool {
                true
            }

            fn schema() -> serde_json::Value {
                $crate::decode::object(
                    &$crate::decode::description(&[$($doc),*]),
                    &<Self as $crate::decode::Record>::properties(),
                )
            }
        }

        impl $crate::decode::Given for Option<$name> {
            fn given(&self) -> Option<$crate::tree::Span> {
                self.as_ref().map(|record| record.span)
            }
        }

        impl $crate::decode::Given for $crate::decode::Settable<$name> {
            fn given(&self) -> Option<$crate::tree::Span> {
                match self {
                    Self::Missing => None,
                    Self::Null(span) => Some(*span),
                    Self::Value(record) => Some(record.span),
                }
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
            /// Every word of the set.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::tree::Node, d: &mut $crate::decode::Diagnostics) -> Option<Self> {
                $crate::decode::one_of(node, &[$(($word, Self::$variant)),+], d)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({
                    "description": $crate::decode::description(&[$($doc),*]),
                    "enum": [$($word),+],
                    // Editors and `kmsctl explain` show it, although the standard does not define it.
                    "enumDescriptions": [$($crate::decode::description(&[$($vdoc),*])),+],
                })
            }
        }
    };
}

/// Returns the schema that a mark names, if it names one.
macro_rules! named_schema {
    () => {
        None
    };
    ($schema:expr) => {
        Some($schema)
    };
}

pub(crate) use {choice, named_schema, record};

/// Returns a field's name as users write it: without Rust's `r#`.
pub(crate) const fn bare(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Reports unknown fields of a record, whose schema leads to where they belong. Returns `None` if the node is not a
/// map.
pub fn known_fields(
    node: &Node,
    fields: &[&str],
    schema: impl Fn() -> Json,
    d: &mut Diagnostics,
) -> Option<()> {
    let Value::Map(entries) = &node.value else {
        let mut error = mismatch(node, "a map");
        let unspaced = recover::unspaced(node).filter(|(name, _)| fields.contains(name));
        error.help = unspaced.map(|(_, help)| help);
        d.push(error);
        return None;
    };
    // The field without a value that the unknown fields follow: they may belong to it.
    let mut above: Option<&Entry> = None;
    for entry in entries {
        if fields.contains(&entry.key.as_str()) {
            above = Some(entry).filter(|entry| entry.value.is_left_out());
            continue;
        }
        let error = Diagnostic::error(entry.key_span, format!("unknown field `{}`", entry.key));
        let deeper = above.map(|above| recover::deeper(&entry.key, &above.key));
        // A report shows no more, and each help costs a schema.
        let near = if d.len() < MAX_SHOWN { near(entry, fields, &schema) } else { None };
        // A name that leads to the field above belongs in it.
        let near = near.filter(|near| above.is_none_or(|above| above.key != near.field));
        let help = near.map(|Near { field: near, help, is_inside }| {
            let Some(given) = entries.iter().find(|other| other.key == near) else {
                // That the field is not given follows.
                d.unreadable(node.span, &near);
                return help;
            };
            // What is inside another section can be moved into it.
            let is_map = |entry: &Entry| matches!(entry.value.value, Value::Map(_));
            if is_inside || is_map(given) && is_map(entry) {
                return help;
            }
            format!("`{near}` is given already: remove `{}`", entry.key)
        });
        if let (Some(above), None) = (above, &help) {
            d.unknown(above.value.span);
        }
        d.push(error.help(match (help, deeper) {
            (Some(near), Some(deeper)) => format!("{near} Or, {deeper}"),
            (Some(help), None) | (None, Some(help)) => help,
            (None, None) => {
                format!("{}known fields: {}", anchors(&entry.key, fields), fields.join(", "))
            }
        }));
    }
    Some(())
}

/// The field that an unknown one stands for, or in which it belongs.
struct Near {
    field: String,
    help: String,
    /// Whether the unknown one belongs inside the field.
    is_inside: bool,
}

/// Returns the field that an unknown one stands for, or in which it belongs, and the help.
fn near(entry: &Entry, fields: &[&str], schema: &dyn Fn() -> Json) -> Option<Near> {
    let (name, value) = (entry.key.as_str(), &entry.value);
    let meant = meant(name, fields);
    let nearest = nearest(name, fields.iter().copied());
    let schema = schema();
    let inside = |field: &str, help| Some(Near { field: field.to_owned(), help, is_inside: true });
    let is_plural = nearest.is_some_and(|near| near.strip_suffix('s') == Some(name));
    let way = if is_plural { None } else { elsewhere::way(&schema, name) };
    let is_right = |way: &elsewhere::Way| match meant {
        Some(meant) => meant == way.first(),
        None => way.takes(value),
    };
    if let Some(way) = way.filter(is_right) {
        return inside(way.first(), way.help(value));
    }
    // What another tool's name stands for may be inside a field that the name stands for, too.
    let stands_for = synonyms::fields(name);
    if let Some(first) = stands_for.first().filter(|first| !fields.contains(first))
        && let Some(way) = elsewhere::way(&schema, first)
        && stands_for.contains(&way.first())
    {
        let help = format!("did you mean `{}`? Write `{}`.", way.first(), way.written(value));
        return inside(way.first(), help);
    }
    let near = |field: &str, help| Some(Near { field: field.to_owned(), help, is_inside: false });
    if let Some(help) = elsewhere::without_field(name).filter(|_| meant.is_none()) {
        return near("", help.to_owned());
    }
    if let Some(field) = meant.or(nearest) {
        let known = example::known(field, example::property(&schema, field), value);
        return near(
            field,
            match known.filter(|_| meant.is_some()) {
                Some(example) => format!("did you mean `{field}`? Write {example}."),
                None => format!("did you mean `{field}`?"),
            },
        );
    }
    let list = elsewhere::list_of(&schema, entry)?;
    inside(list, format!("indent `{name}` under `{list}:`"))
}

/// Returns help for a field that holds anchors, which other tools allow under such names.
fn anchors(key: &str, fields: &[&str]) -> &'static str {
    let holder = key.starts_with("x-") || key.starts_with(['.', '_']);
    if holder && fields.contains(&"defaults") {
        "put the settings of all keys into `defaults`, a value that is used several times into `vars`, \
         and an anchor where its text first occurs; "
    } else {
        ""
    }
}

/// Reads one field of a record. The field is required if the marks say so, or if its type has no value for a missing
/// one.
pub fn field<T: Decode>(node: &Node, name: &str, marks: &[Mark], d: &mut Diagnostics) -> Option<T> {
    let required = marks.iter().any(|mark| mark.name == "required");
    let Value::Map(entries) = &node.value else {
        return None;
    };
    if let Some(entry) = entries.iter().find(|entry| entry.key == name) {
        let read = value_of(name, &entry.value, marks, d);
        if read.is_none() && !required && T::is_optional() {
            // The error is reported. The other fields are judged as if this one were not there.
            d.unreadable(node.span, name);
            return T::missing();
        }
        return read;
    }
    let missing = if required { None } else { T::missing() };
    if missing.is_none() {
        let mut error = Diagnostic::error(node.span, format!("missing field `{name}`"));
        error.help = super::to_write::<T>(name, &narrowed(T::schema(), marks), node);
        d.push(error);
    }
    missing
}

/// Reads one word of a closed set.
pub(crate) fn one_of<T: Copy>(node: &Node, words: &[(&str, T)], d: &mut Diagnostics) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let (Value::Text(text) | Value::Number(text)) = &node.value else {
        d.push(mismatch(node, &format!("one of {}", names.join(", "))));
        return match sole(node) {
            Some(item) => one_of(item, words, d),
            None => None,
        };
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
        return Some(*value);
    }
    let message = format!("expected one of {}, found `{text}`", names.join(", "));
    let error = Diagnostic::error(node.span, message);
    d.push(match nearest(text, names) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    });
    None
}

/// Returns the lines of a doc comment as one description.
pub(crate) fn description(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// Returns the schema of a record.
#[must_use]
pub fn object(description: &str, properties: &[Property]) -> Json {
    let required: Vec<&str> = properties
        .iter()
        .filter(|property| property.required)
        .map(|property| property.name)
        .collect();
    json!({
        "description": description,
        "type": "object",
        "properties": all_properties(properties),
        "required": required,
        "additionalProperties": false,
    })
}

/// Returns the schemas of fields by their names.
#[must_use]
pub fn all_properties(properties: &[Property]) -> Map<String, Json> {
    let mut all = Map::new();
    for property in properties {
        let mut schema = property.whole_schema();
        if let Json::Object(schema) = &mut schema
            && !property.docs.is_empty()
        {
            let description = description(property.docs);
            schema.insert("description".to_owned(), Json::String(description));
        }
        all.insert(property.name.to_owned(), schema);
    }
    all
}
