//! Replaces `${var.NAME}`, `${aws.account_id}`, `${aws.region}` and `${aws.partition}` in texts.
//! Every other `${...}` stays unchanged, because policy variables of IAM have the same form
//! (`${aws:username}`). Values are not interpolated again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::decode::{Diagnostic, Diagnostics, nearest};
use crate::tree::{Node, Value};

/// The placeholder that is replaced only after the key has been created.
const LATER: &str = "key_arn";

/// The values of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// The values of `${var.NAME}`.
    pub vars: BTreeMap<String, String>,
    /// The variables without a value. The error is reported at their declarations.
    pub unset: BTreeSet<String>,
    /// Whether there may be more variables, in texts that could not be read.
    pub open: bool,
    /// The value of `${aws.account_id}`.
    pub account: String,
    /// The value of `${aws.region}`.
    pub region: String,
    /// The value of `${aws.partition}`.
    pub partition: String,
}

impl Variables {
    fn aws(&self) -> [(&str, &str); 3] {
        [
            ("account_id", self.account.as_str()),
            ("region", self.region.as_str()),
            ("partition", self.partition.as_str()),
        ]
    }

    /// Returns the value for the text between the braces; `Ok(None)` if the text is not a variable
    /// of kmsctl.
    fn lookup(&self, inner: &str) -> Result<Option<&str>, Unknown> {
        if let Some(name) = inner.strip_prefix("var.") {
            if let Some(value) = self.vars.get(name)
                && !self.unset.contains(name)
            {
                return Ok(Some(value));
            }
            let near = nearest(name, self.vars.keys().map(String::as_str));
            return Err(Unknown {
                name: inner.to_owned(),
                nearest: near.map(|near| format!("var.{near}")),
                is_reported: self.unset.contains(name) || self.open,
            });
        }
        let Some(name) = inner.strip_prefix("aws.") else {
            return Ok(None);
        };
        if name == LATER {
            return Ok(None);
        }
        if let Some((_, value)) = self.aws().into_iter().find(|(key, _)| *key == name) {
            return Ok(Some(value));
        }
        let near = nearest(name, ["account_id", "region", "partition", LATER]);
        Err(Unknown {
            name: inner.to_owned(),
            nearest: near.map(|near| format!("aws.{near}")),
            is_reported: false,
        })
    }
}

/// An unknown name in `${...}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown variable `${{{name}}}`")]
pub struct Unknown {
    /// The text between the braces.
    pub name: String,
    /// The most similar known name, with its prefix `var.` or `aws.`.
    pub nearest: Option<String>,
    /// Whether the cause is reported elsewhere.
    pub is_reported: bool,
}

/// Returns the text with its variables replaced.
///
/// # Errors
/// Returns the first unknown name that begins with `var.` or `aws.`.
pub fn interpolate<'a>(text: &'a str, vars: &Variables) -> Result<Cow<'a, str>, Unknown> {
    let mut out = String::new();
    let mut replaced = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let found = match after.split_once('}') {
            Some((inner, tail)) => vars.lookup(inner)?.map(|value| (value, tail)),
            None => None,
        };
        rest = match found {
            Some((value, tail)) => {
                replaced = true;
                out.push_str(value);
                tail
            }
            None => {
                out.push_str("${");
                after
            }
        };
    }
    if !replaced {
        return Ok(Cow::Borrowed(text));
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// Replaces the variables in every text of a tree except its keys, and reports unknown variables.
/// Returns whether all variables are known; other errors about a text with an unknown variable are
/// suppressed.
pub fn interpolate_node(node: &mut Node, vars: &Variables, d: &mut Diagnostics) -> bool {
    match &mut node.value {
        Value::Text(text) => match interpolate(text, vars) {
            Ok(Cow::Borrowed(_)) => true,
            Ok(Cow::Owned(replaced)) => {
                *text = replaced;
                true
            }
            Err(unknown) => {
                if !unknown.is_reported {
                    let error = Diagnostic::error(node.span, unknown.to_string());
                    d.push(match unknown.nearest {
                        Some(near) => error.help(format!("did you mean `${{{near}}}`?")),
                        None if unknown.name.starts_with("var.") => {
                            error.help("declare it under `vars`")
                        }
                        None => error.help(
                            "known: `${aws.account_id}`, `${aws.region}`, `${aws.partition}`",
                        ),
                    });
                }
                d.unknown(node.span);
                false
            }
        },
        // All unknown variables are reported, not only the first.
        Value::List(items) => {
            let mut all_known = true;
            for item in items {
                all_known &= interpolate_node(item, vars, d);
            }
            all_known
        }
        Value::Map(entries) => {
            let mut all_known = true;
            for entry in entries {
                all_known &= interpolate_node(&mut entry.value, vars, d);
            }
            all_known
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;
    use crate::decode::Decode as _;

    fn vars() -> Variables {
        Variables {
            unset: ["unset".to_owned()].into(),
            open: false,
            vars: [("team", "blue"), ("days", "30"), ("loop", "${var.loop}")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            account: "012345678901".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
        }
    }

    #[test]
    fn known_names_are_replaced_and_others_stay_unchanged() {
        let vars = vars();
        let is =
            |text: &str, expected: &str| assert_eq!(interpolate(text, &vars).unwrap(), expected);
        is(
            "arn:${aws.partition}:iam::${aws.account_id}:role/${var.team}",
            "arn:aws:iam::012345678901:role/blue",
        );
        is("${aws:username} ${aws.key_arn} ${x} $ ${", "${aws:username} ${aws.key_arn} ${x} $ ${");
        is("${x ${var.team}}", "${x blue}");
        is("${var.loop}", "${var.loop}");
        assert!(matches!(interpolate("plain", &vars), Ok(Cow::Borrowed("plain"))));
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_nearest_known_name() {
        let unknown = |text: &str| interpolate(text, &vars()).unwrap_err();
        assert_eq!(unknown("${var.taem}").nearest.as_deref(), Some("var.team"));
        assert_eq!(unknown("${aws.acount_id}").nearest.as_deref(), Some("aws.account_id"));
        assert_eq!(unknown("${var.zzz}").to_string(), "unknown variable `${var.zzz}`");
    }

    #[test]
    fn the_values_of_a_tree_are_replaced_and_all_errors_are_reported() {
        let mut d = Diagnostics::default();
        let mut node = yaml(
            "${var.team}: ${var.days}\nl: [\"${var.a}\", \"${aws.b}\", \"${var.unset}\"]\n",
            0,
            &mut d,
        )
        .unwrap();
        assert!(!interpolate_node(&mut node, &vars(), &mut d));
        assert_eq!(d.len(), 2);
        let Value::Map(entries) = &node.value else { panic!() };
        assert_eq!(entries[0].key, "${var.team}");
        assert_eq!(u32::decode(&entries[0].value, &mut d), Some(30));
    }
}
