//! Renders access changes as sentences. All text is safe for a terminal.

use super::Style;
use super::access_lines::{Told, lines};
use super::page::{BOLD_RED, DIM, GREEN, RED, YELLOW, put};
use crate::policy::access::{
    Certainty, ChangeKind, Direction, Level, NetChange, SameAccess, SameDocument,
};
use crate::policy::{AccessChange, Comparison};
use crate::text::{printable, some_of, wrapped};
use std::fmt::Write as _;

/// Renders the comparison of two policies.
pub(crate) fn comparison(of: &Comparison, account: Option<&str>, style: &Style) -> String {
    let text = match (of.document, of.access, of.change) {
        (SameDocument::Same, ..) => "The policies are identical: nothing would change in AWS.",
        (_, SameAccess::Same, NetChange::FutureActionsOnly) => {
            "The text changes. Access does not change, except to actions that AWS may add later."
        }
        (_, SameAccess::Same, _) => "The text changes. Access does not change.",
        (_, SameAccess::Unknown, _) => "The text changes. It is not known whether access changes.",
        (_, SameAccess::Changed, NetChange::Gain) => "Access changes: principals gain access.",
        (_, SameAccess::Changed, NetChange::Loss) => "Access changes: principals lose access.",
        (_, SameAccess::Changed, NetChange::Both) => {
            "Access changes: principals gain and lose access."
        }
        (_, SameAccess::Changed, _) => "Access changes.",
    };
    let mut out = format!("{text}\n");
    let told: Vec<Told<'_>> =
        of.changes.iter().map(|change| Told { change, note: String::new() }).collect();
    for line in lines(&told, Wording { account, verbose: style.verbose }) {
        let text = format!("{} {}", line.sign, line.text);
        for (at, text) in wrapped(&text, 2, 2, style.width) {
            put(&mut out, at, style.paint(Some(line.color())), &text);
        }
    }
    out
}

/// The largest number of excepted principals that a sentence names, unless `-v` names all.
const MOST_EXCEPTED: usize = 8;

/// A sentence about an access change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `+`, `-` or `~`; `!` for public access, `?` for a change that is only possible, and `.` for a change
    /// that has no effect today.
    pub(crate) sign: char,
    /// The direction of the change.
    pub(crate) direction: Direction,
    /// The sentence.
    pub(crate) text: String,
}

impl Line {
    /// Returns the ANSI colour of the line.
    pub(super) fn color(&self) -> &'static str {
        match (self.sign, self.direction) {
            ('!', _) => BOLD_RED,
            ('.', _) => DIM,
            ('~' | '?', _) => YELLOW,
            (_, Direction::Gained) => GREEN,
            (_, Direction::Lost) => RED,
        }
    }
}

/// The options of sentences about access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording<'a> {
    /// The account whose identities are named without their account.
    pub(crate) account: Option<&'a str>,
    /// Whether actions are named instead of capabilities such as `decrypt`.
    pub(crate) verbose: bool,
}

/// Renders an access change of several principals alike, or of the change's own principals if there are no others.
pub(super) fn line(change: &AccessChange, others: &[&str], wording: Wording<'_>) -> Line {
    let mut names = vec![who(change, wording)];
    names.extend(others.iter().map(|name| principal(name, wording.account)));
    let subject = Subject { text: &names.join(", "), many: !others.is_empty() };
    let mut text = sentence(change, &subject, wording);
    if change.delegated && change.principal == "*" && change.direction == Direction::Gained {
        text.push_str("; their own account's IAM policies must allow it too");
    }
    if !change.grants.is_empty() {
        let grants = printable(&change.grants.join(", ")).into_owned();
        // Writing to a string cannot fail.
        let _ = match (change.direction, change.to) {
            (Direction::Lost, Level::ExplicitlyDenied) => write!(text, "; {grants} stops working"),
            (Direction::Lost, _) => write!(text, "; still allowed by {grants}"),
            (Direction::Gained, Level::Denied) => write!(text, "; {grants} works again"),
            (Direction::Gained, _) => write!(text, "; already allowed by {grants}"),
        };
    }
    if change.confused_deputy {
        text.push_str("; confused deputy: the statement does not limit the source resource");
    }
    text.push_str(&via(&change.statements));
    if change.public {
        text.insert_str(0, "PUBLIC: ");
    }
    Line { sign: sign(change), direction: change.direction, text }
}

fn sign(change: &AccessChange) -> char {
    match (change.kind, change.direction) {
        _ if change.public => '!',
        (ChangeKind::Future | ChangeKind::Dangling, _) => '.',
        _ if change.certainty == Certainty::Possible => '?',
        (ChangeKind::Gains | ChangeKind::Loses, Direction::Gained) => '+',
        (ChangeKind::Gains | ChangeKind::Loses, Direction::Lost) => '-',
        (ChangeKind::Wider | ChangeKind::Narrower | ChangeKind::Moved | ChangeKind::Changed, _) => {
            '~'
        }
    }
}

/// The subject of a sentence, and whether it is several principals.
struct Subject<'a> {
    text: &'a str,
    many: bool,
}

impl Subject<'_> {
    /// Returns the form of a verb for the number of the subject.
    fn verb(&self, one: &'static str, several: &'static str) -> &'static str {
        if self.many { several } else { one }
    }
}

fn sentence(change: &AccessChange, subject: &Subject<'_>, wording: Wording<'_>) -> String {
    let who = subject.text;
    let what = what(change, wording.verbose);
    let may = change.certainty == Certainty::Possible;
    let only = |text: &Option<String>| match text {
        Some(condition) => format!("only when {}", printable(condition)),
        None => "unrestricted".to_owned(),
    };
    match change.kind {
        ChangeKind::Gains | ChangeKind::Loses => {
            format!("{who}{}", simple(change, subject, &what, may))
        }
        ChangeKind::Dangling => {
            format!("{who}, the id of a deleted identity,{}", simple(change, subject, &what, may))
        }
        ChangeKind::Future if change.direction == Direction::Gained => {
            let verb = subject.verb("gains", "gain");
            format!("{who} also {verb} actions that AWS may add to {what}")
        }
        ChangeKind::Future => {
            let verb = subject.verb("loses", "lose");
            format!("{who} also {verb} actions that AWS may add to {what}")
        }
        ChangeKind::Wider | ChangeKind::Narrower
            if change.from.min(change.to) == Level::ExplicitlyDenied =>
        {
            let unless = |text: &Option<String>| match text {
                Some(condition) => format!("unless {}", printable(condition)),
                None => "never".to_owned(),
            };
            let (before, after) = (unless(&change.before), unless(&change.after));
            let verb = if may { "may be denied" } else { subject.verb("is denied", "are denied") };
            format!("{who} {verb} {what} explicitly {after}, previously {before}")
        }
        ChangeKind::Wider | ChangeKind::Narrower => {
            let verb = if change.kind == ChangeKind::Wider { "widens" } else { "narrows" };
            let verb = if may { format!("{verb}, possibly") } else { verb.to_owned() };
            let (before, after) = (only(&change.before), only(&change.after));
            let level = if change.delegated { ", if IAM policies allow it," } else { "" };
            format!("{who}: {what}{level} {verb}: {after}, previously {before}")
        }
        ChangeKind::Moved | ChangeKind::Changed => {
            let text = simple(change, subject, &what, may);
            let known = if change.kind == ChangeKind::Moved { "moved" } else { "changed" };
            format!("{who}{text} (the condition {known})")
        }
    }
}

/// Returns the predicate of a sentence, such as ` gains decrypt when …`.
fn simple(change: &AccessChange, subject: &Subject<'_>, what: &str, may: bool) -> String {
    let account = change.principal.ends_with(":root");
    let of = if what == "everything" { String::new() } else { format!(" {what}") };
    let verb = match (change.direction, change.from, change.to) {
        (Direction::Gained, _, Level::Delegated) if account => {
            let is = if may { " may be" } else { ":" };
            format!("{is}{of} delegated to {} IAM policies", subject.verb("its", "their"))
        }
        (Direction::Lost, _, Level::ExplicitlyDenied) if may => {
            format!(" may be denied {what} explicitly")
        }
        (Direction::Lost, _, Level::ExplicitlyDenied) => {
            format!(" {} denied {what} explicitly", subject.verb("is", "are"))
        }
        (Direction::Lost, Level::Delegated, _) if account => {
            let is = if may { " may be" } else { ":" };
            format!("{is}{of} no longer delegated to {} IAM policies", subject.verb("its", "their"))
        }
        (Direction::Gained, _, Level::Denied) if may => {
            format!(" may no longer be denied {what} explicitly")
        }
        (Direction::Gained, _, Level::Denied) => {
            format!(" {} no longer denied {what} explicitly", subject.verb("is", "are"))
        }
        (Direction::Gained, ..) if may => format!(" may gain {what}"),
        (Direction::Gained, ..) => format!(" {} {what}", subject.verb("gains", "gain")),
        (Direction::Lost, ..) if may => format!(" may lose {what}"),
        (Direction::Lost, ..) => format!(" {} {what}", subject.verb("loses", "lose")),
    };
    let mut text = verb;
    if let Some(condition) = &change.condition {
        let _ = write!(text, " when {}", printable(condition));
    }
    match (change.direction, change.from, change.to) {
        (Direction::Lost, Level::Allowed, Level::Delegated) => {
            text.push_str("; IAM policies may still allow it");
        }
        (Direction::Gained, Level::Delegated, Level::Allowed) => {
            text.push_str("; no IAM policy is needed");
        }
        (Direction::Gained, _, Level::Delegated) if !account && change.principal != "*" => {
            text.push_str(subject.verb(
                "; IAM policies of its account must allow it too",
                "; IAM policies of their accounts must allow it too",
            ));
        }
        _ => {}
    }
    text
}

/// Returns the subject of a sentence: the principal and its exceptions.
fn who(change: &AccessChange, Wording { account, verbose }: Wording<'_>) -> String {
    let mut text = principal(&change.principal, account);
    let (services, identities): (Vec<&String>, Vec<&String>) =
        change.except.iter().partition(|name| name.ends_with(" AWS service"));
    if change.principal == "*" && !services.is_empty() {
        "every identity".clone_into(&mut text);
    }
    let names: Vec<String> = identities.iter().map(|name| principal(name, account)).collect();
    let most = if verbose { names.len() } else { MOST_EXCEPTED };
    if !names.is_empty() {
        let _ = write!(text, " except {}", some_of(&names, most));
    }
    if names.len() > most {
        text.push_str(" (`-v` names them)");
    }
    text
}

/// Returns a principal in a short form. Identities of the account `home` are named without the account.
pub(super) fn principal(text: &str, home: Option<&str>) -> String {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let short = match fields.as_slice() {
        ["*"] => "everyone".to_owned(),
        ["arn", _, "iam", "", account, "root"] => format!("account {account}"),
        ["arn", _, "iam" | "sts", "", account, name] if Some(*account) == home => {
            (*name).to_owned()
        }
        _ => text.to_owned(),
    };
    printable(&short).into_owned()
}

/// Returns the object of a sentence: the capabilities or the actions.
fn what(change: &AccessChange, verbose: bool) -> String {
    if !verbose && !change.capabilities.is_empty() {
        return change.capabilities.join(", ");
    }
    let has_every_action = change.actions.iter().any(|a| matches!(a.as_str(), "*" | "kms:*"));
    if !verbose && change.kind == ChangeKind::Future && has_every_action {
        return "AWS KMS".to_owned();
    }
    let names = change.actions.iter().map(|action| match action.as_str() {
        "*" | "kms:*" => "every action".to_owned(),
        other => printable(other.strip_prefix("kms:").unwrap_or(other)).into_owned(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the names of statements in parentheses, or an empty text.
pub(super) fn via(statements: &[String]) -> String {
    let named: Vec<String> = statements
        .iter()
        .map(|sid| match sid.as_str() {
            place if place.starts_with('#') => printable(place).into_owned(),
            sid => format!("\"{}\"", printable(sid)),
        })
        .collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!(" (statement {one})"),
        several => format!(" (statements {})", several.join(", ")),
    }
}
