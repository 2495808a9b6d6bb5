//! A change of access in a sentence. Everything is fit for a terminal.

use super::page::{BOLD_RED, DIM, GREEN, RED, YELLOW, put, wrapped};
use super::{Style, workflow_safe};
use crate::policy::access::{Certainty, Change, Effect, Level, SameAccess, SameDocument, Shape};
use crate::policy::{AccessChange, Comparison};
use crate::text::printable;
use std::fmt::Write as _;

/// What one document is to another, for a person.
pub(crate) fn comparison(of: &Comparison, account: Option<&str>, style: &Style) -> String {
    let text = match (of.document, of.access, of.change) {
        (SameDocument::Same, ..) => "The same document: AWS would hold the one for the other.",
        (_, SameAccess::Same, Change::FutureActionsOnly) => {
            "The text changes. Access does not, but for actions that AWS may add one day."
        }
        (_, SameAccess::Same, _) => "The text changes. Access does not.",
        (_, SameAccess::Unknown, _) => "The text changes. Whether access does is not known.",
        (_, SameAccess::Changed, Change::Gain) => "Access changes: it is gained.",
        (_, SameAccess::Changed, Change::Loss) => "Access changes: it is lost.",
        (_, SameAccess::Changed, Change::Both) => "Access changes: it is gained and lost.",
        (_, SameAccess::Changed, _) => "Access changes.",
    };
    let mut out = format!("{text}\n");
    for change in &of.changes {
        let line = line(change, Wording { account, verbose: style.verbose });
        let text = format!("{} {}", line.sign, line.text);
        for (at, text) in wrapped(&text, 2, 2, style.width) {
            put(&mut out, at, style.color.then(|| line.color()), &text);
        }
    }
    workflow_safe(&out)
}

/// Who is not concerned is listed up to this many.
const MOST_EXCEPTED: usize = 3;

/// A sentence about a change of access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `+ - ~`; `!` for what strangers gain, `?` for what is not certain, `.` for what changes nothing today.
    pub(crate) sign: char,
    /// Which way.
    pub(crate) effect: Effect,
    /// The sentence.
    pub(crate) text: String,
}

impl Line {
    /// The colour it is shown in.
    pub(super) fn color(&self) -> &'static str {
        match (self.sign, self.effect) {
            ('!', _) => BOLD_RED,
            ('.', _) => DIM,
            ('~' | '?', _) => YELLOW,
            (_, Effect::Gained) => GREEN,
            (_, Effect::Lost) => RED,
        }
    }
}

/// How sentences about access are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording<'a> {
    /// The account whose identities are named without it.
    pub(crate) account: Option<&'a str>,
    /// Whether actions are named rather than what they are for.
    pub(crate) verbose: bool,
}

/// The sentence.
pub(crate) fn line(change: &AccessChange, wording: Wording<'_>) -> Line {
    let mut text = sentence(change, wording);
    if change.delegated && change.principal == "*" && change.effect == Effect::Gained {
        text.push_str("; their own account's IAM policies must allow it too");
    }
    if !change.grants.is_empty() {
        let grants = printable(&change.grants.join(", ")).into_owned();
        // Writing to a string cannot fail.
        let _ = match (change.effect, change.to) {
            (Effect::Lost, Level::ExplicitlyDenied) => write!(text, "; {grants} stops working"),
            (Effect::Lost, _) => write!(text, "; still held through {grants}"),
            (Effect::Gained, Level::Denied) => write!(text, "; {grants} works again"),
            (Effect::Gained, _) => write!(text, "; held through {grants} already"),
        };
    }
    if change.confused_deputy {
        text.push_str("; confused deputy: nothing says for which resource");
    }
    text.push_str(&via(&change.statements));
    if change.public {
        text.insert_str(0, "PUBLIC: ");
    }
    Line { sign: sign(change), effect: change.effect, text }
}

fn sign(change: &AccessChange) -> char {
    match (change.kind, change.effect) {
        _ if change.public => '!',
        (Shape::Future | Shape::Dangling, _) => '.',
        _ if change.certainty == Certainty::Possible => '?',
        (Shape::Gains | Shape::Loses, Effect::Gained) => '+',
        (Shape::Gains | Shape::Loses, Effect::Lost) => '-',
        (Shape::Wider | Shape::Narrower | Shape::Moved | Shape::Changed, _) => '~',
    }
}

fn sentence(change: &AccessChange, wording: Wording<'_>) -> String {
    let who = who(change, wording.account);
    let what = what(change, wording.verbose);
    let may = change.certainty == Certainty::Possible;
    let only = |text: &Option<String>| match text {
        Some(condition) => format!("only when {}", printable(condition)),
        None => "always".to_owned(),
    };
    match change.kind {
        Shape::Gains | Shape::Loses => format!("{who}{}", simple(change, &what, may)),
        Shape::Dangling => {
            format!("{who}, the id of a deleted identity,{}", simple(change, &what, may))
        }
        Shape::Future if change.effect == Effect::Gained => {
            format!("{who} also gains actions that AWS may add to {what}")
        }
        Shape::Future => format!("{who} no longer gets actions that AWS may add to {what}"),
        Shape::Wider | Shape::Narrower if change.from.min(change.to) == Level::ExplicitlyDenied => {
            let unless = |text: &Option<String>| match text {
                Some(condition) => format!("unless {}", printable(condition)),
                None => "never".to_owned(),
            };
            let (before, after) = (unless(&change.before), unless(&change.after));
            let verb = if may { "may be denied" } else { "is denied" };
            format!("{who} {verb} {what} explicitly {after}, before {before}")
        }
        Shape::Wider | Shape::Narrower => {
            let verb = if change.kind == Shape::Wider { "widens" } else { "narrows" };
            let verb = if may { format!("{verb}, possibly") } else { verb.to_owned() };
            let (before, after) = (only(&change.before), only(&change.after));
            let level = if change.delegated { ", as far as IAM policies allow it," } else { "" };
            format!("{who}: {what}{level} {verb}: {after}, before {before}")
        }
        Shape::Moved | Shape::Changed => {
            let text = simple(change, &what, may);
            let known = if change.kind == Shape::Moved { "moved" } else { "changed" };
            format!("{who}{text} (the condition {known})")
        }
    }
}

/// ` gains decrypt when …`
fn simple(change: &AccessChange, what: &str, may: bool) -> String {
    let account = change.principal.ends_with(":root");
    let of = if what == "everything" { String::new() } else { format!(" {what}") };
    let verb = match (change.effect, change.from, change.to) {
        (Effect::Gained, _, Level::Delegated) if account => {
            let is = if may { " may be" } else { ":" };
            format!("{is}{of} delegated to its IAM policies")
        }
        (Effect::Lost, _, Level::ExplicitlyDenied) if may => {
            format!(" may be denied {what} explicitly")
        }
        (Effect::Lost, _, Level::ExplicitlyDenied) => format!(" is denied {what} explicitly"),
        (Effect::Lost, Level::Delegated, _) if account => {
            let is = if may { " may be" } else { ":" };
            format!("{is}{of} no longer delegated to its IAM policies")
        }
        (Effect::Gained, _, Level::Denied) if may => {
            format!(" may be no longer denied {what} explicitly")
        }
        (Effect::Gained, _, Level::Denied) => format!(" is no longer denied {what} explicitly"),
        (Effect::Gained, ..) => format!(" {} {what}", if may { "may gain" } else { "gains" }),
        (Effect::Lost, ..) => format!(" {} {what}", if may { "may lose" } else { "loses" }),
    };
    let mut text = verb;
    if let Some(condition) = &change.condition {
        let _ = write!(text, " when {}", printable(condition));
    }
    match (change.effect, change.from, change.to) {
        (Effect::Lost, Level::Allowed, Level::Delegated) => {
            text.push_str("; IAM policies may still allow it");
        }
        (Effect::Gained, Level::Delegated, Level::Allowed) => {
            text.push_str("; no IAM policy needed");
        }
        (Effect::Gained, _, Level::Delegated) if !account && change.principal != "*" => {
            text.push_str("; IAM policies of its account must allow it too");
        }
        _ => {}
    }
    text
}

fn who(change: &AccessChange, account: Option<&str>) -> String {
    let mut text = principal(&change.principal, account);
    let (services, identities): (Vec<&String>, Vec<&String>) =
        change.except.iter().partition(|name| name.ends_with(" AWS service"));
    if change.principal == "*" && !services.is_empty() {
        "every identity".clone_into(&mut text);
    }
    let names: Vec<String> = identities.iter().map(|name| principal(name, account)).collect();
    if !names.is_empty() {
        let shown: Vec<&str> = names.iter().take(MOST_EXCEPTED).map(String::as_str).collect();
        let _ = write!(text, " except {}", shown.join(", "));
    }
    if names.len() > MOST_EXCEPTED {
        let _ = write!(text, " and {} more", names.len() - MOST_EXCEPTED);
    }
    text
}

/// A principal, short where its ARN says nothing more.
fn principal(text: &str, home: Option<&str>) -> String {
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

fn what(change: &AccessChange, verbose: bool) -> String {
    if !verbose && !change.capabilities.is_empty() {
        return change.capabilities.join(", ");
    }
    if !verbose && change.kind == Shape::Future {
        let all = |action: &String| matches!(action.as_str(), "*" | "kms:*");
        if change.actions.iter().any(all) {
            return "AWS KMS".to_owned();
        }
    }
    let short = |action: &String| match action.as_str() {
        "*" | "kms:*" => "every action".to_owned(),
        other => printable(other.strip_prefix("kms:").unwrap_or(other)).into_owned(),
    };
    change.actions.iter().map(short).collect::<Vec<_>>().join(", ")
}

fn via(statements: &[String]) -> String {
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
