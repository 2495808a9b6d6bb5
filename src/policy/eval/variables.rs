//! Policy variables: `${aws:username}` in a value stands for what the request has (IAM User Guide, "Policy elements:
//! Variables and tags").

use super::facts::Facts;
use super::request::Fact;
use super::truth::Doubt;
use crate::policy::OWN_KEY;
use crate::policy::pattern::{Glyph, glyphs};

/// The value as a pattern. `None` where a variable has no value: then nothing is equal to it or like it.
pub(super) fn expand(
    text: &str,
    facts: &Facts<'_>,
    variables: bool,
) -> Result<Option<Vec<Glyph>>, Doubt> {
    let bad = || Doubt::Variable(text.to_owned());
    let mut pattern = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let own = after.strip_prefix(OWN_KEY.strip_prefix("${").unwrap_or(OWN_KEY));
        pattern.extend(glyphs(before));
        if let Some(after) = own {
            pattern.extend(facts.key.arn.ok_or(Doubt::KeyArn)?.chars().map(Glyph::Char));
            rest = after;
        } else if variables {
            let (variable, after) = after.split_once('}').ok_or_else(bad)?;
            let Some(value) = value(variable, facts).map_err(|doubt| doubt.unwrap_or_else(bad))?
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

/// What stands between the braces: a sign that means itself, or a key with or without a default.
fn value(variable: &str, facts: &Facts<'_>) -> Result<Option<String>, Option<Doubt>> {
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
    match &*facts.get(&key) {
        Fact::Absent => Ok(default),
        Fact::Known(values) => match values.iter().collect::<Vec<_>>().as_slice() {
            // What wildcards in a request mean is not documented.
            [one] if !one.contains(['*', '?']) => Ok(Some((*one).clone())),
            _ => Err(None),
        },
        Fact::AbsentOr(_) | Fact::Unknown => Err(Some(Doubt::Key(key))),
    }
}
