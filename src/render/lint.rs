//! Renders findings and the list of rules, in the documented formats of `lint --format json` and
//! `lint --rules`.

use super::explain::{reason, sources};
use super::json::escaped;
use super::page::put;
use crate::policy::lint::{RULES, Rule, Severity};
use crate::text::wrapped;
use serde::Serialize;

/// A finding with its file and its waiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: &'static Rule,
    /// The message.
    pub message: String,
    /// The fix.
    pub help: String,
    /// The address of the resource, if the finding is about a stack.
    pub address: Option<String>,
    /// The position in a file; `None` for a policy in AWS.
    pub region: Option<Region>,
    /// The reason of the waiver, if the finding is waived.
    pub waived: Option<String>,
}

/// A position in a file. Lines and columns begin with 1. Columns count characters, and the end is
/// after the last one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
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

/// Returns the number of findings of a severity that are not waived.
#[must_use]
pub fn count(found: &[Found], severity: Severity) -> usize {
    found.iter().filter(|f| f.waived.is_none() && f.rule.severity == severity).count()
}

/// Returns the findings as indented JSON; waived findings are marked.
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

/// Returns the rules as a table with id, severity, name and title.
#[must_use]
pub fn rules(width: usize) -> String {
    let longest = RULES.iter().map(|rule| rule.slug.len()).max().unwrap_or_default();
    // The id, the severity and the name, each with two spaces after it.
    let column = 8 + 9 + longest + 2;
    // A narrow last column would be hard to read, so the title gets its own line.
    let beside = column + 40 <= width;
    let mut out = String::new();
    for rule in RULES {
        let (id, slug, word) = (rule.id, rule.slug, rule.severity.word());
        let head = format!("{id}  {word:<7}  {slug:<longest$}");
        let indent = if beside { column } else { 8 };
        let mut lines = wrapped(&format!("{}.", rule.title), indent, 0, width).into_iter();
        if beside && let Some((_, first)) = lines.next() {
            put(&mut out, 0, None, &format!("{head}  {first}"));
        } else {
            put(&mut out, 0, None, head.trim_end());
        }
        for (at, line) in lines {
            put(&mut out, at, None, &line);
        }
    }
    out
}

#[derive(Serialize)]
struct Rules<'a> {
    format_version: &'static str,
    rules: Vec<Described<'a>>,
}

#[derive(Serialize)]
struct Described<'a> {
    id: &'static str,
    name: &'static str,
    severity: &'static str,
    finds: &'static str,
    why: &'static str,
    fix: &'static str,
    sources: Vec<String>,
    equivalents: Vec<Equivalent<'a>>,
}

#[derive(Serialize)]
struct Equivalent<'a> {
    tool: &'static str,
    check: &'a str,
}

/// Returns the rules as indented JSON.
#[must_use]
pub fn rules_json() -> String {
    let rules = RULES.iter().map(|rule| Described {
        id: rule.id,
        name: rule.slug,
        severity: rule.severity.word(),
        finds: rule.title,
        why: reason(rule).map_or("", |reason| reason.why),
        fix: rule.help,
        sources: sources(rule),
        equivalents: rule
            .crosswalk
            .iter()
            .map(|(scheme, check)| Equivalent { tool: scheme.name(), check })
            .collect(),
    });
    let rules = rules.collect();
    let text = serde_json::to_string_pretty(&Rules { format_version: "1", rules });
    escaped(&format!("{}\n", text.unwrap_or_default()))
}
