//! The fields in which two forms of a resource differ, in the words of the configuration. All text is safe for a
//! terminal.

use crate::kind::Change;
use crate::kind::key::{NAME_TAG, NONCE_TAG, STACK_TAG};
use crate::plan::FieldChange;
use crate::text::printable;
use serde_json::Value;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    /// The path of the field.
    pub(super) path: String,
    /// The first value; `None` if it is unset.
    pub(super) before: Option<String>,
    /// The second value; `None` if it is unset.
    pub(super) after: Option<String>,
}

/// Several fields of AWS that are one field of the configuration.
struct Combined {
    name: &'static str,
    parts: &'static [&'static str],
    /// Returns the words for the values of the parts.
    word: fn(&[&Value]) -> Option<String>,
}

const COMBINED: &[Combined] = &[
    Combined {
        name: "rotation",
        parts: &["rotation.period_days", "rotation.enabled"],
        word: rotation,
    },
    Combined {
        name: "master_password",
        parts: &["managed_password", "password_env", "password_with_key"],
        word: master_password,
    },
];

fn rotation(parts: &[&Value]) -> Option<String> {
    match parts {
        [Value::Number(days), _] => Some(format!("every {days} days")),
        [_, Value::Bool(false)] => Some("off".to_owned()),
        _ => None,
    }
}

fn master_password(parts: &[&Value]) -> Option<String> {
    let text = match parts {
        [Value::Bool(true), _, Value::Bool(true)] => {
            "managed, with the key of the resource".to_owned()
        }
        [Value::Bool(true), ..] => "managed".to_owned(),
        [_, Value::String(variable), _] => format!("{{env: {variable}}}"),
        [Value::Bool(false), ..] => "not managed".to_owned(),
        [_, _, Value::Bool(true)] => "managed, with the key of the resource".to_owned(),
        // Without `key`, AWS encrypts the secret with its own key.
        [_, _, Value::Bool(false)] => "managed".to_owned(),
        _ => return None,
    };
    Some(printable(&text).into_owned())
}

impl Field {
    /// Returns the fields in words. Fields that are one field of the configuration are combined.
    pub(super) fn all<'a>(changes: impl Iterator<Item = &'a FieldChange>) -> Vec<Self> {
        let changes: Vec<&FieldChange> = changes.collect();
        let mut out: Vec<Self> = Vec::new();
        for change in &changes {
            let combined = COMBINED.iter().find(|all| all.parts.contains(&change.path.as_str()));
            match combined {
                Some(all) if out.iter().any(|field| field.path == all.name) => {}
                Some(all) => out.push(all.field(&changes)),
                None => out.push(Self::of(change)),
            }
        }
        out
    }

    /// Returns one field in words.
    pub(super) fn of(change: &FieldChange) -> Self {
        Self {
            path: printable(&change.path).into_owned(),
            before: value(&change.before),
            after: value(&change.after),
        }
    }

    /// Returns whether the field is a tag by which kmsctl finds a new resource again.
    pub(super) fn is_own_tag(&self) -> bool {
        let tag = self.path.strip_prefix("tags.");
        tag.is_some_and(|tag| [STACK_TAG, NAME_TAG, NONCE_TAG].contains(&tag))
    }

    /// Renders the field on one line, such as `description: "a" -> "b"`. Only one value is shown if the resource is
    /// created, deleted or forgotten; `None` if that value is unset.
    pub(super) fn line<T>(&self, change: Option<&Change<T>>) -> Option<String> {
        let path = &self.path;
        match change {
            Some(Change::Create { .. }) => {
                self.after.as_ref().map(|after| format!("{path}: {after}"))
            }
            Some(Change::Delete { .. } | Change::Forget { .. }) => {
                self.before.as_ref().map(|before| format!("{path}: {before}"))
            }
            Some(Change::Update { .. } | Change::Import { .. }) | None => {
                Some(format!("{path}: {} -> {}", or_unset(&self.before), or_unset(&self.after)))
            }
        }
    }
}

impl Combined {
    fn field(&self, changes: &[&FieldChange]) -> Field {
        let part = |name: &&str| changes.iter().find(|change| change.path == **name);
        let parts: Vec<Option<&&FieldChange>> = self.parts.iter().map(part).collect();
        let values = |of: fn(&FieldChange) -> &Value| -> Vec<&Value> {
            parts.iter().map(|part| part.map_or(&Value::Null, |part| of(part))).collect()
        };
        Field {
            path: self.name.to_owned(),
            before: (self.word)(&values(|change| &change.before)),
            after: (self.word)(&values(|change| &change.after)),
        }
    }
}

/// Returns the text of a value, or the word for none.
pub(super) fn or_unset(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("unset")
}

/// Renders a value on one line. Returns `None` if it is null or empty.
fn value(value: &Value) -> Option<String> {
    let is_unset = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    (!is_unset).then(|| printable(&value.to_string()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::key::Rotation;
    use crate::plan::field;
    use crate::render::samples::{key_spec, policy};
    use serde_json::json;

    fn lines(before: Option<Rotation>, after: Option<Rotation>) -> Vec<String> {
        let spec = |rotation| {
            crate::kind::Spec::Key(crate::kind::key::Spec {
                rotation,
                ..key_spec("x", policy(&[]), None)
            })
        };
        let fields = field::changes(Some(&spec(before)), Some(&spec(after)));
        Field::all(fields.iter()).iter().filter_map(|field| field.line::<()>(None)).collect()
    }

    #[test]
    fn rotation_is_shown_as_it_is_declared() {
        let every = |days| Some(Rotation::EveryDays(days));
        assert_eq!(lines(Some(Rotation::Off), every(365)), ["rotation: off -> every 365 days"]);
        assert_eq!(lines(every(90), every(180)), ["rotation: every 90 days -> every 180 days"]);
        assert_eq!(lines(every(90), Some(Rotation::Off)), ["rotation: every 90 days -> off"]);
        assert_eq!(lines(None, Some(Rotation::Off)), ["rotation: unset -> off"]);
        assert_eq!(lines(every(90), every(90)), [""; 0]);
    }

    #[test]
    fn master_passwords_are_shown_as_they_are_declared() {
        let change =
            |path: &str, before, after| FieldChange { path: path.to_owned(), before, after };
        let lines = |changes: &[FieldChange]| -> Vec<String> {
            Field::all(changes.iter()).iter().filter_map(|field| field.line::<()>(None)).collect()
        };
        let managed = [
            change("port", json!(1), json!(2)),
            change("managed_password", json!(null), json!(true)),
            change("password_with_key", json!(null), json!(true)),
        ];
        assert_eq!(
            lines(&managed),
            ["port: 1 -> 2", "master_password: unset -> managed, with the key of the resource"]
        );
        let ended = [
            change("managed_password", json!(true), json!(false)),
            change("password_env", json!(null), json!("DB_PASSWORD")),
        ];
        assert_eq!(lines(&ended), ["master_password: managed -> {env: DB_PASSWORD}"]);
        let keyed = [change("password_with_key", json!(false), json!(true))];
        assert_eq!(
            lines(&keyed),
            ["master_password: managed -> managed, with the key of the resource"]
        );
    }
}
