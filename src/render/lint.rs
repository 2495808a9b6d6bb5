//! Writing findings for machines: the contract of `lint --format json`.

use super::json::escaped;
use crate::policy::lint::{Rule, Severity};
use serde::Serialize;

/// A finding as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// Whose, in a stack.
    pub address: Option<String>,
    /// Where; nowhere where it is about what AWS holds.
    pub region: Option<Region>,
    /// Why it does not count.
    pub waived: Option<String>,
}

/// A place in a file. Lines and columns are from 1; columns count characters, and the end is past the last one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Region {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    format_version: &'static str,
    findings: Vec<Line<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Line<'a> {
    rule: &'static str,
    name: &'static str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    message: &'a str,
    help: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    note: usize,
    waived: usize,
}

/// How many findings of a severity count.
#[must_use]
pub fn count(found: &[Found], severity: Severity) -> usize {
    found.iter().filter(|f| f.waived.is_none() && f.rule.severity == severity).count()
}

/// The findings as an object, indented; waived ones are among them and say so.
#[must_use]
pub fn json(found: &[Found]) -> String {
    let report = Report {
        format_version: "1",
        findings: found.iter().map(line).collect(),
        summary: Summary {
            error: count(found, Severity::Error),
            warning: count(found, Severity::Warning),
            note: count(found, Severity::Note),
            waived: found.iter().filter(|f| f.waived.is_some()).count(),
        },
    };
    let text = serde_json::to_string_pretty(&report).unwrap_or_default();
    escaped(&format!("{text}\n"))
}

fn line(found: &Found) -> Line<'_> {
    let region = found.region.as_ref();
    Line {
        rule: found.rule.id,
        name: found.rule.slug,
        severity: found.rule.severity.word(),
        address: found.address.as_deref(),
        file: region.map(|region| region.file.as_str()),
        line: region.map(|region| region.line),
        column: region.map(|region| region.column),
        end_line: region.map(|region| region.end_line),
        end_column: region.map(|region| region.end_column),
        message: &found.message,
        help: &found.help,
        waived: found.waived.as_deref(),
    }
}
