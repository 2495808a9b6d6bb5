//! Renders who has access to a key, and what one principal can do, as evidence: with the key, the time, the caller and
//! the digest of the policy. All text is safe for a terminal.

use super::Style;
use super::access::{principal, via};
use super::csv::csv;
use super::holders;
use super::json::pretty;
use super::page::{BOLD_RED, DIM, GREEN, RED, YELLOW, put};
use crate::id::IdentityArn;
use crate::kind::key::PastRotation;
use crate::policy::access::{Certainty, Holder, Level};
use crate::text::{printable, wrapped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What was asked, of which key, when and by whom.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Heading {
    /// The ARN of the key.
    pub(crate) key: String,
    /// The account of the key.
    pub(crate) account: String,
    /// The Region of the key.
    pub(crate) region: String,
    /// The state of the key, such as `Enabled`; `None` if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// Why the key cannot be used, whoever has access.
    #[serde(skip)]
    pub(crate) unusable: Option<String>,
    /// The time in UTC.
    pub(crate) time: String,
    /// The ARN of the identity that read the policy and the grants.
    pub(crate) caller: String,
    /// The SHA-256 digest of the policy, as `GetKeyPolicy` returned it.
    pub(crate) policy_sha256: String,
    /// The number of grants.
    pub(crate) grants: usize,
    /// The complete rotations, the oldest first; `None` if they are not known, or the key cannot be rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotations: Option<Vec<PastRotation>>,
    /// The rotations in words, or why they are not known.
    #[serde(skip)]
    pub(crate) rotated: Option<String>,
    /// The action that was asked about, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    /// The principal that was asked about, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    /// Whether IAM has the principal, if it is a user or a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<Standing>,
}

/// The word for a principal that IAM does not have, and for the result of its requests.
pub(crate) const MISSING: &str = "missing";

/// Whether IAM has a principal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    /// `exists`, `missing` or `unknown`.
    status: &'static str,
    /// Why the answer is not about an existing principal, or why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Standing {
    /// The standing of a principal that exists.
    pub(crate) fn exists() -> Self {
        Self { status: "exists", note: None }
    }

    /// The standing of a principal that does not exist.
    pub(crate) fn missing(reason: &str) -> Self {
        let note = format!(
            "{reason}, so nobody can make these requests; the answer is for a principal of this name that is created later"
        );
        Self { status: MISSING, note: Some(note) }
    }

    /// The standing of a principal that could not be looked up.
    pub(crate) fn unknown(identity: &IdentityArn, why: &str) -> Self {
        let note = format!("it could not be checked whether `{identity}` exists: {why}");
        Self { status: "unknown", note: Some(note) }
    }

    /// Returns whether the principal does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.status == MISSING
    }
}

/// What a principal can do by one action.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// The action, such as `kms:Decrypt`.
    pub(crate) action: String,
    /// The word for the result; [`MISSING`] for programs if the principal does not exist.
    pub(crate) decision: &'static str,
    /// Why nothing allows the action, if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    /// The statements and grants that decide.
    pub(crate) reasons: Vec<Reason>,
}

/// A statement or grant that decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Reason {
    /// What it does: `denied`, `allowed`, `delegated` or `unknown`.
    pub(crate) effect: &'static str,
    /// The condition, if it may or may not be met.
    pub(crate) when: Option<String>,
    /// The other facts that it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends_on: Vec<String>,
    /// The label of the statement: its Sid or its position, such as `#2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) statement: Option<String>,
    /// The label of the grant: its name or its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<String>,
}

impl Heading {
    /// Renders the heading, with an empty line after it.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let grants = self.grants.to_string();
        for (name, value) in [
            ("Key", self.key.as_str()),
            ("Account", &self.account),
            ("Region", &self.region),
            ("State", self.unusable.as_deref().unwrap_or_default()),
            ("Time", &self.time),
            ("Caller", &self.caller),
            ("Policy", &format!("sha256:{}", self.policy_sha256)),
            ("Grants", &grants),
            ("Rotated", self.rotated.as_deref().unwrap_or_default()),
        ] {
            if value.is_empty() {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:<8} {}", printable(value));
        }
        out.push('\n');
        out
    }

    fn fields(&self) -> [&str; 6] {
        [&self.key, &self.account, &self.region, &self.time, &self.caller, &self.policy_sha256]
    }
}

/// The names of the columns that each CSV row begins with.
const COLUMNS: [&str; 6] = ["key", "account", "region", "time", "caller", "policy_sha256"];

/// Renders the holders of access as text; `None` if they are not known.
pub(crate) fn table(heading: &Heading, holders: Option<&[Holder]>, style: &Style) -> String {
    let action = heading.action.as_deref();
    let table = holders::table(holders, action, &heading.account, style);
    heading.text() + &table
}

#[derive(Serialize)]
struct Table<'a> {
    #[serde(flatten)]
    heading: &'a Heading,
    /// The holders of access; null if they are not known.
    access: Option<&'a [Holder]>,
}

/// Renders the holders of access as JSON.
pub(crate) fn table_json(heading: &Heading, access: Option<&[Holder]>) -> String {
    format!("{}\n", pretty(&Table { heading, access }))
}

/// Renders the holders of access as CSV, a row for each.
pub(crate) fn table_csv(heading: &Heading, holders: &[Holder]) -> String {
    let more = [
        "principal",
        "except",
        "actions",
        "access",
        "certainty",
        "condition",
        "statements",
        "grant",
        "public",
        "confused_deputy",
        "dangling",
    ];
    let text = |is: bool| if is { "true" } else { "false" };
    let joined: Vec<[String; 3]> = holders
        .iter()
        .map(|holder| {
            [holder.except.join(" "), holder.actions.join(" "), holder.statements.join("; ")]
        })
        .collect();
    let rows = holders.iter().zip(&joined).map(|(holder, [except, actions, statements])| {
        let mut row: Vec<&str> = heading.fields().to_vec();
        let level = if holder.access == Level::Delegated { "delegated" } else { "allowed" };
        let actions = heading.action.as_deref().unwrap_or(actions);
        row.extend([
            holder.principal.as_str(),
            except,
            actions,
            level,
            if holder.certainty == Certainty::Certain { "certain" } else { "possible" },
            holder.condition.as_deref().unwrap_or_default(),
            statements,
            holder.grant.as_deref().unwrap_or_default(),
            text(holder.public),
            text(holder.confused_deputy),
            text(holder.dangling),
        ]);
        row
    });
    csv(std::iter::once(COLUMNS.iter().copied().chain(more).collect()).chain(rows))
}

/// Renders what a principal can do as text. Reasons of several actions are one line.
pub(crate) fn verdicts(heading: &Heading, verdicts: &[Verdict], style: &Style) -> String {
    let mut out = heading.text();
    let who = heading.principal.as_deref().unwrap_or_default();
    out.push_str(&principal(who, Some(&heading.account)));
    let standing = heading.standing.as_ref();
    let verb = if standing.is_some_and(Standing::is_missing) { "would be" } else { "is" };
    if let [only] = verdicts {
        let _ = write!(out, ": {} {verb} {}", printable(&only.action), only.decision);
    }
    out.push('\n');
    if let Some(note) = standing.and_then(|standing| standing.note.as_ref()) {
        for (at, text) in wrapped(&printable(&format!("! {note}")), 2, 4, style.width) {
            put(&mut out, at, style.paint(Some(BOLD_RED)), &text);
        }
    }
    // The account of the principal decides, not that of the key.
    let account = who.split(':').nth(4).filter(|account| !account.is_empty());
    for (line, effect) in lines(verdicts, account.unwrap_or(&heading.account)) {
        let color = match effect {
            "allowed" => GREEN,
            "denied" => RED,
            "unknown" => BOLD_RED,
            "iam-only" => DIM,
            _ => YELLOW,
        };
        for (at, text) in wrapped(&line, 2, 4, style.width) {
            put(&mut out, at, style.paint(Some(color)), &text);
        }
    }
    out
}

/// Returns the lines: each reason with its actions, and then the actions that nothing allows. Each has the word for its
/// effect.
fn lines<'a>(verdicts: &'a [Verdict], account: &str) -> Vec<(String, &'a str)> {
    let mut reasons: BTreeMap<&Reason, Vec<&str>> = BTreeMap::new();
    let mut others: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for verdict in verdicts {
        let name = verdict.action.strip_prefix("kms:").unwrap_or(&verdict.action);
        for reason in &verdict.reasons {
            reasons.entry(reason).or_default().push(name);
        }
        if let Some(because) = &verdict.because {
            others.entry((verdict.decision, because)).or_default().push(name);
        }
    }
    let mut rows: Vec<(&Reason, Vec<&str>)> = reasons.into_iter().collect();
    let rank = |effect: &str| {
        ["allowed", "denied", "unknown", "delegated"].iter().position(|e| *e == effect)
    };
    rows.sort_by_key(|(reason, _)| rank(reason.effect));
    let single = verdicts.len() == 1;
    let list =
        |names: &[&str]| if single { String::new() } else { format!(": {}", names.join(", ")) };
    let mut out: Vec<(String, &str)> = rows
        .into_iter()
        .map(|(reason, names)| {
            (
                format!("{}{}{}", effect(reason), list(&names), source(reason, account)),
                reason.effect,
            )
        })
        .collect();
    out.extend(others.into_iter().map(|((decision, because), names)| {
        (format!("{decision}{} ({because})", list(&names)), decision)
    }));
    out
}

/// Returns the effect and its condition, such as `allowed when kms:ViaService = s3.eu-west-1.amazonaws.com`.
fn effect(reason: &Reason) -> String {
    let mut text = reason.effect.to_owned();
    if let Some(when) = &reason.when {
        let _ = write!(text, " when {}", printable(when));
    }
    if !reason.depends_on.is_empty() {
        let _ = write!(text, ", depending on {}", printable(&reason.depends_on.join(", ")));
    }
    text
}

/// Returns the statement or the grant in parentheses, and whose IAM policies decide.
fn source(reason: &Reason, account: &str) -> String {
    let mut text = match (&reason.statement, &reason.grant) {
        (Some(label), _) => via(std::slice::from_ref(label)),
        (None, Some(label)) => format!(" (grant {})", printable(label)),
        (None, None) => String::new(),
    };
    if reason.effect == "delegated" {
        let _ = write!(text, "; IAM policies of account {} decide", printable(account));
    }
    text
}

#[derive(Serialize)]
struct Verdicts<'a> {
    #[serde(flatten)]
    heading: &'a Heading,
    /// The result, if it is about one action.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    actions: &'a [Verdict],
}

/// Renders what a principal can do as JSON.
pub(crate) fn verdicts_json(heading: &Heading, actions: &[Verdict]) -> String {
    let decision = match actions {
        [only] => Some(only.decision),
        _ => None,
    };
    format!("{}\n", pretty(&Verdicts { heading, decision, actions }))
}

/// Renders what a principal can do as CSV, a row for each reason.
pub(crate) fn verdicts_csv(heading: &Heading, verdicts: &[Verdict]) -> String {
    let more = [
        "principal",
        "action",
        "decision",
        "effect",
        "when",
        "depends_on",
        "statement",
        "grant",
        "standing",
    ];
    let standing = heading.standing.as_ref().map_or("", |standing| standing.status);
    let mut rows: Vec<[String; 8]> = Vec::new();
    for verdict in verdicts {
        let head = [
            heading.principal.clone().unwrap_or_default(),
            verdict.action.clone(),
            verdict.decision.to_owned(),
        ];
        for reason in &verdict.reasons {
            let [who, action, decision] = head.clone();
            let or = |text: &Option<String>| text.clone().unwrap_or_default();
            rows.push([
                who,
                action,
                decision,
                reason.effect.to_owned(),
                or(&reason.when),
                reason.depends_on.join("; "),
                or(&reason.statement),
                or(&reason.grant),
            ]);
        }
        if verdict.reasons.is_empty() {
            let [who, action, decision] = head;
            let because = verdict.because.clone().unwrap_or_default();
            let empty = String::new;
            rows.push([
                who,
                action,
                decision.clone(),
                decision,
                empty(),
                because,
                empty(),
                empty(),
            ]);
        }
    }
    let all = rows
        .iter()
        .map(|row| heading.fields().into_iter().chain(row.iter().map(String::as_str)))
        .map(|row| row.chain([standing]).collect());
    csv(std::iter::once(COLUMNS.iter().copied().chain(more).collect()).chain(all))
}
