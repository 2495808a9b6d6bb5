//! Policy variables, such as `${aws:username}`, which stand for values of the request (IAM User Guide, "IAM policy
//! elements: Variables and tags").

use super::OWN_KEY;
use super::pattern::{Glyph, glyphs};

/// The value of the condition key that a variable names.
pub(super) enum Value {
    /// The request has the key with this value.
    Is(String),
    /// The request does not have the key.
    Absent,
    /// The request has the key with several values.
    Several,
    /// The value is unknown.
    Unknown,
}

/// The reason why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unexpanded {
    /// The ARN of the key is unknown.
    KeyArn,
    /// The value of this condition key, in lower case, is unknown.
    Key(String),
    /// A variable is not well formed, or stands for several texts or for one with wildcards.
    Variable,
}

/// Replaces the policy variables in a text and returns it as a pattern, or `None` if a variable has no value: such a
/// text matches nothing. `value` returns the value of a condition key in lower case; without it, `${` is literal.
///
/// # Errors
/// Returns why the text is unknown.
pub(super) fn expand(
    text: &str,
    own_key: Option<&str>,
    value: Option<&dyn Fn(&str) -> Value>,
) -> Result<Option<Vec<Glyph>>, Unexpanded> {
    let mut pattern = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let after_own_key = after.strip_prefix(OWN_KEY.strip_prefix("${").unwrap_or(OWN_KEY));
        pattern.extend(glyphs(before));
        if let Some(after) = after_own_key {
            pattern.extend(own_key.ok_or(Unexpanded::KeyArn)?.chars().map(Glyph::Char));
            rest = after;
        } else if let Some(value) = value {
            let (variable, after) = after.split_once('}').ok_or(Unexpanded::Variable)?;
            let Some(value) = value_of(variable, value)? else { return Ok(None) };
            pattern.extend(value.chars().map(Glyph::Char));
            rest = after;
        } else {
            pattern.extend(glyphs("${"));
            rest = after;
        }
    }
    pattern.extend(glyphs(rest));
    Ok(Some(pattern))
}

/// Returns the condition keys, in lower case, that the policy variables in a text name.
pub(super) fn named_keys(text: &str) -> impl Iterator<Item = String> {
    text.split("${").skip(1).filter_map(|after| {
        let (variable, _) = after.split_once('}')?;
        let (key, _) = variable.split_once(',').unwrap_or((variable, ""));
        Some(key.trim().to_ascii_lowercase())
    })
}

/// Returns the value of a variable: a literal `*`, `?` or `$`, or a condition key with or without a default.
fn value_of(variable: &str, value: &dyn Fn(&str) -> Value) -> Result<Option<String>, Unexpanded> {
    if matches!(variable, "*" | "?" | "$") {
        return Ok(Some(variable.to_owned()));
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
            (key.trim(), Some(default.ok_or(Unexpanded::Variable)?.to_owned()))
        }
        None => (variable, None),
    };
    if key.is_empty() || !key.contains(':') {
        return Err(Unexpanded::Variable);
    }
    let key = key.to_ascii_lowercase();
    match value(&key) {
        Value::Absent => Ok(default),
        // AWS does not document whether wildcards in a value of the request are literal.
        Value::Is(value) if !value.contains(['*', '?']) => Ok(Some(value)),
        Value::Is(_) | Value::Several => Err(Unexpanded::Variable),
        Value::Unknown => Err(Unexpanded::Key(key)),
    }
}
