//! Policy variables, such as `${aws:username}`, which stand for values of the request (IAM User Guide, "IAM policy
//! elements: Variables and tags").

use super::context::ContextValue;
use super::request_context::RequestContext;
use super::truth::Doubt;
use crate::policy::OWN_KEY;
use crate::policy::pattern::{Glyph, glyphs};

/// Replaces the policy variables in a text and returns it as a pattern, or `None` if a variable has no value: such a
/// text matches nothing.
pub(super) fn expand(
    text: &str,
    context: &RequestContext<'_>,
    variables: bool,
) -> Result<Option<Vec<Glyph>>, Doubt> {
    let bad = || Doubt::Variable(text.to_owned());
    let mut pattern = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let after_own_key = after.strip_prefix(OWN_KEY.strip_prefix("${").unwrap_or(OWN_KEY));
        pattern.extend(glyphs(before));
        if let Some(after) = after_own_key {
            pattern.extend(context.key.arn.ok_or(Doubt::KeyArn)?.chars().map(Glyph::Char));
            rest = after;
        } else if variables {
            let (variable, after) = after.split_once('}').ok_or_else(bad)?;
            let Some(value) =
                value(variable, context).map_err(|doubt| doubt.unwrap_or_else(bad))?
            else {
                return Ok(None);
            };
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

/// Returns the value of a variable: a literal `*`, `?` or `$`, or a condition key with or without a default. The error
/// is `None` if the variable is not well formed.
fn value(variable: &str, context: &RequestContext<'_>) -> Result<Option<String>, Option<Doubt>> {
    if matches!(variable, "*" | "?" | "$") {
        return Ok(Some(variable.to_owned()));
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
            (key.trim(), Some(default.ok_or(None)?.to_owned()))
        }
        None => (variable, None),
    };
    if key.is_empty() || !key.contains(':') {
        return Err(None);
    }
    let key = key.to_ascii_lowercase();
    match &*context.get(&key) {
        ContextValue::Absent => Ok(default),
        ContextValue::Known(values) => match values.iter().collect::<Vec<_>>().as_slice() {
            // AWS does not document whether wildcards in a value of the request are literal.
            [one] if !one.contains(['*', '?']) => Ok(Some((*one).clone())),
            _ => Err(None),
        },
        ContextValue::AbsentOr(_) | ContextValue::Unknown => Err(Some(Doubt::Key(key))),
    }
}
