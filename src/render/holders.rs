//! Renders a table of the principals with access to a key. All text is safe for a terminal.

use super::Style;
use super::access::{principal, via};
use super::page::{BOLD_RED, DIM, YELLOW, put};
use crate::policy::access::{Certainty, Holder, Level};
use crate::text::{printable, wrapped};
use std::fmt::Write as _;

/// Renders the holders of access, grouped by principal; `None` if they are not known. Identities of
/// `account` are named without their account. If the table is about one action, it replaces all that a holder can do.
pub(super) fn table(
    holders: Option<&[Holder]>,
    action: Option<&str>,
    account: &str,
    style: &Style,
) -> String {
    let Some(holders) = holders else {
        return "The principals with access to the key could not be listed: its policy distinguishes \
                too many principals, or has elements that kmsctl does not support. Use `--principal` \
                to check one principal.\n"
            .to_owned();
    };
    let mut out = String::new();
    let mut last = None;
    for holder in holders {
        let who = who(holder, account);
        if last.as_ref() != Some(&who) {
            put(&mut out, 0, style.paint(holder.public.then_some(BOLD_RED)), &who);
            last = Some(who);
        }
        let color = match (holder.certainty, holder.dangling) {
            (_, true) => Some(DIM),
            (Certainty::Possible, false) => Some(YELLOW),
            (Certainty::Certain, false) => None,
        };
        for (at, text) in wrapped(&what(holder, action, style.verbose), 2, 4, style.width) {
            put(&mut out, at, style.paint(color), &text);
        }
    }
    if holders.is_empty() {
        out.push_str(match action {
            Some(_) => "No principal is allowed this.\n",
            None => "No principal has access to the key.\n",
        });
    }
    out
}

/// Returns the principal and its exceptions.
fn who(holder: &Holder, account: &str) -> String {
    let mut text = principal(&holder.principal, Some(account));
    if !holder.except.is_empty() {
        let names: Vec<String> =
            holder.except.iter().map(|name| principal(name, Some(account))).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, " except {}", names.join(", "));
    }
    if holder.public {
        text.insert_str(0, "PUBLIC: ");
    }
    if holder.dangling {
        text.push_str(", the id of a deleted identity");
    }
    text
}

/// Returns the capabilities or actions, the conditions, and the statements or the grant.
fn what(holder: &Holder, action: Option<&str>, verbose: bool) -> String {
    let mut text = match (action, verbose, holder.capabilities.is_empty()) {
        (Some(action), ..) => printable(action).into_owned(),
        (None, ..) if holder.future => {
            format!("actions that AWS may add ({})", printable(&holder.actions.join(", ")))
        }
        (None, false, false) => holder.capabilities.join(", "),
        (None, ..) => printable(&holder.actions.join(", ")).into_owned(),
    };
    if let Some(condition) = &holder.condition {
        let _ = write!(text, " when {}", printable(condition));
    }
    if holder.certainty == Certainty::Possible {
        text.push_str("; possibly");
    }
    if holder.access == Level::Delegated {
        text.push_str("; if IAM policies of its account allow it");
    }
    if holder.confused_deputy {
        text.push_str("; confused deputy: the statement does not limit the source resource");
    }
    match &holder.grant {
        Some(grant) => {
            let _ = write!(text, " (grant {})", printable(grant));
        }
        None => text.push_str(&via(&holder.statements)),
    }
    text
}
