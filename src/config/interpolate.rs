//! Replaces `${var.NAME}`, `${aws.account_id}`, `${aws.region}` and `${aws.partition}` in texts. Every other `${...}`
//! stays unchanged, because policy variables of IAM have the same form (`${aws:username}`); but a declared variable
//! without its prefix is an error, and so are the variables of other tools: those of the environment (`${HOME}`), names
//! with a dot (`${local.team}`), which no policy variable has without a colon, calls of functions, and the pseudo
//! parameters of CloudFormation (`${AWS::Region}`). Values are not interpolated again.
//!
//! `$${var.NAME}` stands for the text `${var.NAME}`, and so for everything that would be replaced or be an error without the
//! first dollar sign. Every other `$${` stays unchanged.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::decode::{Diagnostic, Diagnostics, nearest, secrets};
use crate::kind::rds;
use crate::tree::{Node, Value};

/// The largest size of all texts together in which variables are replaced, in bytes. A short configuration could
/// otherwise take any amount of memory.
pub const MAX_REPLACED: usize = 4 << 20;

/// The largest number of unknown names for which a known one is suggested. Each is compared with all known ones.
const MAX_SUGGESTIONS: usize = 200;

/// What other tools write before the names of variables.
const PREFIXES: [&str; 6] = ["vars.", "variables.", "local.", "param.", "params.", "var:"];

/// The names that other tools have for the values of AWS, and those of kmsctl.
const FOREIGN: [(&str, &str); 12] = [
    ("account_id", "aws.account_id"),
    ("data.aws_caller_identity.current.account_id", "aws.account_id"),
    ("data.aws_partition.current.partition", "aws.partition"),
    ("data.aws_region.current.name", "aws.region"),
    ("partition", "aws.partition"),
    ("region", "aws.region"),
    ("AWS_REGION", "aws.region"),
    ("AWS_DEFAULT_REGION", "aws.region"),
    ("AWS_ACCOUNT_ID", "aws.account_id"),
    ("AWS::Region", "aws.region"),
    ("AWS::AccountId", "aws.account_id"),
    ("AWS::Partition", "aws.partition"),
];

/// The field that takes the name of an environment variable.
const PASSWORD: &str = "master_password";

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
    /// The size of the texts in which variables were replaced, in bytes.
    pub replaced: Cell<usize>,
    /// The number of unknown names for which a known one was suggested.
    pub suggestions: Cell<usize>,
}

impl Variables {
    fn aws(&self) -> [(&str, &str); 3] {
        [
            ("account_id", self.account.as_str()),
            ("region", self.region.as_str()),
            ("partition", self.partition.as_str()),
        ]
    }

    /// Returns the error for a variable that is written as other tools write theirs.
    fn misnamed(&self, inner: &str) -> Option<BadVariable> {
        let unknown = |nearest: Option<String>| {
            let name = inner.to_owned();
            Some(BadVariable::Unknown { name, nearest, is_reported: false })
        };
        let name = PREFIXES.iter().find_map(|prefix| inner.strip_prefix(prefix)).unwrap_or(inner);
        if self.vars.contains_key(name) || self.unset.contains(name) {
            return unknown(Some(format!("var.{name}")));
        }
        if let Some((_, own)) = FOREIGN.iter().find(|(foreign, _)| *foreign == inner) {
            return unknown(Some((*own).to_owned()));
        }
        if inner.starts_with("vars.") {
            return unknown(None);
        }
        if !is_foreign(inner) {
            return None;
        }
        // `${{ github.sha }}`
        let end = if inner.starts_with('{') { "}" } else { "" };
        Some(BadVariable::Foreign { name: format!("{inner}{end}") })
    }

    /// Returns the value for the text between the braces; `Ok(None)` if the text is not a variable
    /// of kmsctl.
    fn lookup(&self, inner: &str) -> Result<Option<&str>, BadVariable> {
        if let Some(name) = inner.strip_prefix("var.") {
            if let Some(value) = self.vars.get(name)
                && !self.unset.contains(name)
            {
                return Ok(Some(value));
            }
            let count = self.suggestions.get();
            self.suggestions.set(count.saturating_add(1));
            let known = self.vars.keys().map(String::as_str);
            let near = if count < MAX_SUGGESTIONS { nearest(name, known) } else { None };
            return Err(BadVariable::Unknown {
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
        Err(BadVariable::Unknown {
            name: inner.to_owned(),
            nearest: near.map(|near| format!("aws.{near}")),
            is_reported: false,
        })
    }
}

/// Returns whether the text between the braces is a variable of another tool: one of the environment, a name with a
/// dot, the call of a function, or `{ ... }`. Policy variables of IAM have a colon, or are one character (IAM User
/// Guide, "IAM policy elements: Variables and tags").
fn is_foreign(inner: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let plain = inner.trim_start_matches('{').trim_start();
    let rest = plain.trim_start_matches(is_name);
    let begins = plain.starts_with(is_first) && rest.starts_with(['.', '(']);
    let is_plain = || rest.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    is_of_environment(inner) || begins && !inner.contains(':') && is_plain()
}

/// Returns whether a name is written as those of environment variables are: `TEAM`, `DB_HOST`.
fn is_of_environment(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The reason why the variables of a text cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVariable {
    /// A name in `${...}` is unknown.
    #[error("unknown variable `${{{name}}}`")]
    Unknown {
        /// The text between the braces.
        name: String,
        /// The most similar known name, with its prefix `var.` or `aws.`.
        nearest: Option<String>,
        /// Whether the cause is reported elsewhere.
        is_reported: bool,
    },
    /// The name is that of an environment variable, or of a variable of another tool.
    #[error("`${{{name}}}` is not a variable of kmsctl")]
    Foreign {
        /// The name.
        name: String,
    },
    /// The brace after a name is missing.
    #[error("`${{{name}` has no `}}`")]
    Open {
        /// The beginning of the name.
        name: String,
    },
    /// The texts would be too large.
    #[error("the texts with variables have more than {} MiB", MAX_REPLACED >> 20)]
    TooLarge,
}

impl BadVariable {
    /// Returns what to do about a value of a field.
    fn help(&self, field: &str) -> String {
        match self {
            Self::Foreign { name } if field == PASSWORD => {
                let is_free = is_of_environment(name) && !rds::is_credential(name);
                let name = if is_free { name } else { "NAME" };
                format!(
                    "write `{PASSWORD}: {{env: {name}}}`, which reads the environment variable when the call is sent"
                )
            }
            Self::Unknown { nearest: Some(near), .. } => format!("did you mean `${{{near}}}`?"),
            Self::Unknown { name, .. } if name.starts_with("var.") => {
                "declare it under `vars`".to_owned()
            }
            Self::Unknown { name, .. } if name.starts_with("vars.") => {
                "declare it under `vars`, and write `${var.NAME}`".to_owned()
            }
            Self::Unknown { .. } => {
                "known: `${aws.account_id}`, `${aws.region}`, `${aws.partition}`".to_owned()
            }
            Self::Foreign { name } if file(name).is_some() => {
                format!("write the path alone: `{field}: {}`", file(name).unwrap_or_default())
            }
            Self::Foreign { name } if is_of_environment(name) => format!(
                "declare a variable under `vars`, write `${{var.NAME}}`, and pass `--var NAME=\"${name}\"`; \
                 `$${{{name}}}` stands for the text itself"
            ),
            Self::Foreign { name } => format!(
                "declare a variable under `vars`, and write `${{var.NAME}}`; `$${{{name}}}` stands for the text itself"
            ),
            Self::Open { name } => format!("write `${{{name}}}`"),
            Self::TooLarge => "use a long value less often".to_owned(),
        }
    }
}

/// Returns the path in Terraform's `file("p.json")`.
fn file(name: &str) -> Option<&str> {
    let path = name.strip_prefix("file(")?.strip_suffix(')')?.trim_matches(['"', '\'']);
    path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)).then_some(path)
}

/// Returns the text with its variables replaced.
///
/// # Errors
/// Returns the first name that begins with `var.` or `aws.` and is unknown or not ended, or that the texts become too
/// large.
pub fn interpolate<'a>(text: &'a str, vars: &Variables) -> Result<Cow<'a, str>, BadVariable> {
    let mut out = String::new();
    let mut replaced = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$')
            && is_taken(after, vars)
        {
            replaced = true;
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        rest = match variable(after, vars)? {
            Some((value, tail)) => {
                replaced = true;
                out.push_str(value);
                let size = vars.replaced.get().saturating_add(value.len());
                if size > MAX_REPLACED {
                    return Err(BadVariable::TooLarge);
                }
                vars.replaced.set(size);
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

/// Returns whether the text after `${` would be replaced, or be an error.
fn is_taken(text: &str, vars: &Variables) -> bool {
    let own = text.split("${").next().unwrap_or_default();
    let inner = own.split_once('}').map(|(inner, _)| inner);
    // The placeholder for the ARN of the key is replaced later, in policies only.
    let is_later = inner.and_then(|inner| inner.strip_prefix("aws.")) == Some(LATER);
    let is_own = ["var.", "aws."].iter().any(|prefix| own.starts_with(prefix));
    !is_later && (is_own || inner.is_some_and(|inner| vars.misnamed(inner).is_some()))
}

/// Returns the text that stands for itself: nothing in it is replaced, where no variables are declared.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        out.push_str(if is_taken(after, &Variables::default()) { "$${" } else { "${" });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the value of the variable whose name begins a text, and the text after its brace.
fn variable<'a, 'v>(
    text: &'a str,
    vars: &'v Variables,
) -> Result<Option<(&'v str, &'a str)>, BadVariable> {
    // The name of one variable does not contain the beginning of another one.
    let end = text.find("${").unwrap_or(text.len());
    let (own, _) = text.split_at(end);
    if !["var.", "aws."].iter().any(|prefix| text.starts_with(prefix)) {
        return match own.split_once('}').and_then(|(inner, _)| vars.misnamed(inner)) {
            Some(bad) => Err(bad),
            None => Ok(None),
        };
    }
    let Some((inner, _)) = own.split_once('}') else {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let length = own.find(|c| !name(c)).unwrap_or(own.len());
        return Err(BadVariable::Open { name: own.split_at(length).0.to_owned() });
    };
    let tail = text.get(inner.len() + 1..).unwrap_or_default();
    Ok(vars.lookup(inner)?.map(|value| (value, tail)))
}

/// Replaces the variables in every text of a tree except its keys, and reports unknown variables.
/// Returns whether all variables are known; other errors about a text with an unknown variable are
/// suppressed.
pub fn interpolate_node(node: &mut Node, vars: &Variables, d: &mut Diagnostics) -> bool {
    interpolate_field("", node, vars, d)
}

fn interpolate_field(field: &str, node: &mut Node, vars: &Variables, d: &mut Diagnostics) -> bool {
    match &mut node.value {
        // What reads a reference to a key knows the keys, and says which one is meant.
        Value::Text(text) if field == "key" && text.starts_with("${aws_kms_key.") => true,
        Value::Text(text) => match interpolate(text, vars) {
            Ok(Cow::Borrowed(_)) => true,
            Ok(Cow::Owned(replaced)) => {
                *text = replaced;
                true
            }
            Err(bad) => {
                let is_reported = match bad {
                    BadVariable::Unknown { is_reported, .. } => is_reported,
                    BadVariable::Foreign { .. } | BadVariable::Open { .. } => false,
                    // The first text that is too large is reported.
                    BadVariable::TooLarge => vars.replaced.replace(usize::MAX) == usize::MAX,
                };
                if !is_reported {
                    d.push(Diagnostic::error(node.span, bad.to_string()).help(bad.help(field)));
                }
                d.unknown(node.span);
                false
            }
        },
        // All unknown variables are reported, not only the first.
        Value::List(items) => {
            let mut all_known = true;
            for item in items {
                all_known &= interpolate_field(field, item, vars, d);
            }
            all_known
        }
        Value::Map(entries) => {
            let mut all_known = true;
            for entry in entries {
                // The user gives the names in these maps: none is that of a field.
                let name = if secrets::NAMED.contains(&field) { "" } else { entry.key.as_str() };
                all_known &= interpolate_field(name, &mut entry.value, vars, d);
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
            replaced: Cell::default(),
            suggestions: Cell::default(),
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
        for text in [
            "${aws:username} ${aws.key_arn} ${*}${?}${$} $ ${",
            "${x} ${} ${aws:PrincipalTag/team, 'company-wide'} ${accounts.google.com:sub} ${x",
        ] {
            is(text, text);
        }
        is("${x ${var.team}}", "${x blue}");
        is("${var.loop}", "${var.loop}");
        assert!(matches!(interpolate("plain", &vars), Ok(Cow::Borrowed("plain"))));
    }

    #[test]
    fn a_second_dollar_sign_keeps_what_would_be_replaced() {
        let is = |text: &str, expected: &str| {
            assert_eq!(interpolate(text, &vars()).unwrap(), expected, "{text}");
        };
        is("$${var.team} ${var.team}", "${var.team} blue");
        is("$$${var.team}", "$${var.team}");
        is(
            "$${var.unknown} $${aws.region} $${team} $${vars.x} $${TEAM} $${AWS::Region} $${local.x} $${{ a.b }}",
            "${var.unknown} ${aws.region} ${team} ${vars.x} ${TEAM} ${AWS::Region} ${local.x} ${{ a.b }}",
        );
        is("$${var.open", "${var.open");
        is("a$${var.x ${var.team}}", "a${var.x blue}");
        // Policy variables of IAM, and what no variable is, stay as they are.
        is("$${aws:username} $${*} $${x} $$ $", "$${aws:username} $${*} $${x} $$ $");
        is("$${aws.key_arn}", "$${aws.key_arn}");
    }

    proptest::proptest! {
        /// What AWS holds can be written: the configuration of an export declares no variables.
        #[test]
        fn an_escaped_text_stands_for_itself(parts in proptest::collection::vec("\\$|\\{|\\$\\{|\\}|AWS_X|AWS::Region|var\\.|vars\\.|aws\\.|aws:|key_arn|region|x|\\.|local\\.", 0..12)) {
            let text = parts.concat();
            let none = Variables::default();
            let escaped = escaped(&text);
            proptest::prop_assert_eq!(interpolate(&escaped, &none).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_nearest_known_name() {
        let unknown = |text: &str| interpolate(text, &vars()).unwrap_err();
        assert_eq!(unknown("${var.taem}").help(""), "did you mean `${var.team}`?");
        assert_eq!(unknown("${aws.acount_id}").help(""), "did you mean `${aws.account_id}`?");
        assert_eq!(unknown("${var.zzz}").to_string(), "unknown variable `${var.zzz}`");
        assert_eq!(unknown("x ${AWS_REGION}").help(""), "did you mean `${aws.region}`?");
        assert_eq!(unknown("${AWS::AccountId}").help(""), "did you mean `${aws.account_id}`?");
        assert_eq!(
            unknown("${DB_HOST}").help(""),
            "declare a variable under `vars`, write `${var.NAME}`, and pass `--var NAME=\"$DB_HOST\"`; \
             `$${DB_HOST}` stands for the text itself"
        );
    }

    /// Only what IAM knows stays: a text with a variable of another tool would reach AWS as it is.
    #[test]
    fn the_variables_of_other_tools_are_errors() {
        for text in [
            "${local.x}",
            "${env.X}",
            "${data.a.b.c}",
            "${github.sha}",
            "${{ github.sha }}",
            "a ${env.name} b",
            "${jsonencode(1)}",
        ] {
            let bad = interpolate(text, &vars()).unwrap_err();
            let name = text.trim_start_matches("a ").trim_end_matches(" b");
            assert_eq!(bad.to_string(), format!("`{name}` is not a variable of kmsctl"));
            let help = bad.help("");
            assert!(
                help.starts_with("declare a variable under `vars`")
                    && help.contains(&format!("`${name}` stands")),
                "{help}"
            );
            // What the help writes is accepted.
            let escaped = text.replace("${", "$${");
            assert_eq!(interpolate(&escaped, &vars()).unwrap(), text);
        }
        for (text, help) in [
            ("${data.aws_caller_identity.current.account_id}", "did you mean `${aws.account_id}`?"),
            ("${region}", "did you mean `${aws.region}`?"),
            ("${local.team}", "did you mean `${var.team}`?"),
        ] {
            assert_eq!(interpolate(text, &vars()).unwrap_err().help(""), help);
        }
        let file = interpolate("${file(\"a/p.json\")}", &vars()).unwrap_err().help("document");
        assert_eq!(file, "write the path alone: `document: a/p.json`");
        let password = interpolate("${PW}", &vars()).unwrap_err().help("master_password");
        assert!(password.starts_with("write `master_password: {env: PW}`"), "{password}");
        let password = interpolate("${local.pw}", &vars()).unwrap_err().help("master_password");
        assert!(password.starts_with("write `master_password: {env: NAME}`"), "{password}");
    }

    #[test]
    fn a_variable_without_its_brace_is_an_error() {
        for text in ["${var.team", "a ${var.team b", "${var.team ${var.days}", "${aws.region\n"] {
            let bad = interpolate(text, &vars()).unwrap_err();
            assert!(matches!(bad, BadVariable::Open { .. }), "{text}: {bad}");
        }
        let bad = interpolate("x-${var.team-y", &vars()).unwrap_err();
        assert_eq!(bad.to_string(), "`${var.team-y` has no `}`");
        assert_eq!(bad.help(""), "write `${var.team-y}`");
        assert_eq!(interpolate("${aws:username", &vars()).unwrap(), "${aws:username");
    }

    #[test]
    fn the_size_of_replaced_texts_is_limited() {
        let mut vars = vars();
        vars.vars.insert("long".to_owned(), "x".repeat(1 << 20));
        let mut d = Diagnostics::default();
        let text = format!("l: [{}]\n", ["\"${var.long}\""; 9].join(", "));
        let mut node = yaml(&text, 0, &mut d).unwrap();
        assert!(!interpolate_node(&mut node, &vars, &mut d));
        assert_eq!(d.len(), 1);
    }

    #[test]
    fn many_open_braces_take_linear_time() {
        let text = "${".repeat(1 << 20);
        assert_eq!(interpolate(&text, &vars()).unwrap(), text);
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
