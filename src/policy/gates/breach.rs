//! The change of a key that gates judge, and the breaches that they find.

use crate::policy::Document;
use crate::policy::access::KeyContext;
use crate::policy::actions::ActionSet;
use crate::policy::arn::is_account;
use crate::policy::grants::Grant;

/// A gate that does not pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// The name of the gate in the configuration.
    pub gate: &'static str,
    /// The reason, with the statement or the grant.
    pub message: String,
}

/// The policy and the grants of a key before and after a change.
#[derive(Clone, Copy, Debug)]
pub struct PolicyChange<'a> {
    /// The key.
    pub key: &'a KeyContext,
    /// The current policy, if the key has one.
    pub before: Option<&'a Document>,
    /// The proposed policy.
    pub after: &'a Document,
    /// The policy of the key in the base revision of the change, if there is one.
    pub base: Option<&'a Document>,
    /// The grants of the key after the change.
    pub grants: &'a [Grant],
}

/// Returns the breach by something that is unknown.
pub(super) fn unknown(gate: &'static str, what: &str) -> Breach {
    Breach { gate, message: format!("{what} is unknown") }
}

/// Returns the grant or the statements that access comes through, as the end of a message.
pub(super) fn through(grant: Option<&str>, statements: &[String]) -> String {
    if let Some(grant) = grant {
        return format!(" through the grant {grant}");
    }
    let names: Vec<String> = statements
        .iter()
        .map(|label| if label.starts_with('#') { label.clone() } else { format!("\"{label}\"") })
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" through the statement {one}"),
        several => format!(" through the statements {}", several.join(", ")),
    }
}

/// Returns the account that a principal stands for as a whole, if it does.
pub(super) fn whole_account(who: &str) -> Option<&str> {
    let account = match who.strip_suffix(":root") {
        Some(arn) => arn.rsplit(':').next()?,
        None => who,
    };
    is_account(account).then_some(account)
}

/// Returns the actions that any of the patterns matches.
pub(super) fn matching(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> ActionSet {
    patterns
        .into_iter()
        .map(|pattern| ActionSet::matching(pattern.as_ref()))
        .fold(ActionSet::NONE, ActionSet::or)
}
