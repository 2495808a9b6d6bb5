//! Drift reports in words, for the text and Markdown forms. All text is safe for a terminal.

use super::fields::Field;
use super::words::{POLICY, day, differing, policies};
use crate::id::Place;
use crate::kind::Kind;
use crate::kind::key::{ENCRYPT, loss};
use crate::plan::{Drift, Drifts, FieldChange, Happened};
use crate::policy::Document;
use crate::text::counted;
use serde_json::Value;
use std::fmt::Write as _;

/// Returns what is lost with a key that does not exist any more.
fn lost(drift: &Drift) -> &'static str {
    let usage = drift.fields.iter().find(|field| field.path == "usage");
    match usage.and_then(|usage| usage.before.as_str()) {
        None | Some(ENCRYPT) => "what it encrypted cannot be decrypted",
        usage => loss(usage),
    }
}

/// Returns what happened to a resource that somebody may depend on, in words.
pub(super) fn alarms(drift: &Drift) -> Vec<String> {
    let kind = drift.address.kind;
    match drift.happened {
        Happened::Deleted => {
            let known = [
                (Kind::Grant, "does not exist: revoked or retired, so its access has ended"),
                (Kind::Alias, "does not exist: requests that name it fail"),
            ];
            let found = known.iter().find(|(of, _)| *of == kind);
            let text = found.map_or("does not exist", |(_, text)| text).to_owned();
            return vec![if kind == Kind::Key { format!("{text}: {}", lost(drift)) } else { text }];
        }
        Happened::Scheduled => return vec![scheduled(drift)],
        Happened::Missing => return vec!["declared, and not in AWS".to_owned()],
        Happened::Created => return vec!["exists, although it is not declared".to_owned()],
        Happened::Changed => {}
    }
    let of_key = |field: &FieldChange| match (field.path.as_str(), &field.after) {
        ("deletion", Value::String(date)) => {
            Some(format!("pending deletion on {}: nobody can use the key", day(date)))
        }
        ("enabled", Value::Bool(false)) => Some("disabled: nobody can use the key".to_owned()),
        _ => None,
    };
    let of_alias = |field: &FieldChange| {
        let text = "points to another key: requests that name the alias use that key";
        (field.path == "target").then(|| text.to_owned())
    };
    let told = drift.fields.iter().filter_map(|field| match kind {
        Kind::Key => of_key(field),
        Kind::Alias => of_alias(field),
        Kind::KeyPolicy | Kind::Grant | Kind::ServiceLinkedRole | Kind::Consumer(_) => None,
    });
    told.collect()
}

/// Returns when a key without a record is deleted, and how to keep it.
fn scheduled(drift: &Drift) -> String {
    let date = drift.fields.iter().find(|field| field.path == "deletion");
    let date = date.and_then(|field| field.after.as_str()).unwrap_or_default();
    let date = day(date);
    format!(
        "its deletion is scheduled for {date}, and nobody can use it: `kmsctl apply` cancels the deletion"
    )
}

fn is_gone(drift: &Drift) -> bool {
    matches!(drift.happened, Happened::Deleted | Happened::Missing | Happened::Scheduled)
}

/// Returns the policies before and after a drift, if they differ. That of a key that is gone does not matter any more.
pub(super) fn changed_policies(
    drift: &Drift,
    home: &Place,
) -> Vec<(Option<Document>, Option<Document>)> {
    let fields = drift.fields.iter().filter(|_| !is_gone(drift));
    fields.filter_map(|field| policies(field, home)).collect()
}

/// Returns a line for each field of a drift. Those of a resource that is gone tell only what a grant allowed.
pub(super) fn fields(drift: &Drift, verbose: bool) -> Vec<String> {
    let is_listed = |field: &&FieldChange| {
        let is_told = field.path == "deletion" && field.after.is_string();
        field.path != POLICY && !is_told
    };
    let is_gone = is_gone(drift);
    if is_gone && !verbose && drift.address.kind != Kind::Grant {
        return Vec::new();
    }
    let fields = Field::all(drift.fields.iter().filter(is_listed)).into_iter();
    let line = |field: Field| match is_gone {
        true => field.before.as_ref().map(|before| format!("{}: {before}", field.path)),
        false => field.line::<()>(None),
    };
    fields.filter_map(line).collect()
}

/// The heading of the differences from the records.
pub(super) const CHANGED_OUTSIDE: &str = "Changed outside kmsctl since the last apply";

/// Returns the heading of the differences in a drift report.
pub(super) fn heading(drifts: &Drifts) -> &'static str {
    match (drifts.recorded, drifts.unrecorded) {
        (_, 0) => CHANGED_OUTSIDE,
        (0, _) => "Different from the configuration",
        (_, _) => "Different from the last apply or the configuration",
    }
}

/// Renders the first line of a drift report, if resources are not compared with their records.
pub(super) fn comparison(drifts: &Drifts) -> Option<String> {
    match (drifts.recorded, drifts.unrecorded) {
        (_, 0) => None,
        (0, _) if drifts.emptied => Some(
            "The record of the last run has no resources: AWS is compared with the configuration."
                .to_owned(),
        ),
        (0, _) => Some(
            "There is no record of an earlier apply: AWS is compared with the configuration."
                .to_owned(),
        ),
        (_, 1) => Some(
            "1 declared resource has no record: it is compared with the configuration.".to_owned(),
        ),
        (_, n) => Some(format!(
            "{n} declared resources have no record: they are compared with the configuration."
        )),
    }
}

/// Renders the last line of a drift report.
pub(super) fn difference(drifts: &Drifts) -> String {
    let mut text = match drifts.drift.len() {
        0 => "No drift".to_owned(),
        n => differing(
            n,
            match (drifts.recorded, drifts.unrecorded) {
                (_, 0) => "the last apply",
                (0, _) => "the configuration",
                (_, _) => "the last apply or the configuration",
            },
        ),
    };
    match drifts.findings.len() {
        0 => {}
        n => {
            let _ = write!(text, "; {}", counted(n, "finding"));
        }
    }
    if !drifts.unreadable.is_empty() {
        let _ = write!(text, "; {} not compared", drifts.unreadable.len());
    }
    text.push('.');
    text
}
