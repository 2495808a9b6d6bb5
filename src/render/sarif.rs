//! Renders findings as SARIF 2.1.0 (OASIS), for code scanning.
//!
//! The types are defined here. The crate `serde-sarif` generates the whole standard at build time, and
//! only thirteen small objects are needed. A test checks the output against the schema of the standard.
//!
//! The limits are those of GitHub code scanning ("SARIF support for code scanning"): 25,000 results in a
//! run, of which the first 5,000 by severity are shown; 20 tags for a rule; names of 255 and descriptions
//! of 1,024 characters.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Serialize;

use super::json::escaped;
use super::lint::{Found, Region};
use crate::digest;
use crate::policy::lint::{RULES, Rule};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const MAX_RESULTS: usize = 5_000;
const MAX_TAGS: usize = 20;
const MAX_TEXT: usize = 1_024;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: String,
    short_description: Text,
    full_description: Text,
    help: Help,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'static str>,
    default_configuration: Level,
    properties: Tags,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Level {
    level: &'static str,
}

#[derive(Serialize)]
struct Tags {
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location<'a>; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Span,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'a> {
    fully_qualified_name: &'a str,
    kind: &'static str,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

/// Renders the findings as a SARIF log. Files are named relative to the folder `root`.
#[must_use]
pub fn sarif(found: &[Found], root: &Path) -> String {
    let mut worst: Vec<&Found> = found.iter().collect();
    worst.sort_by_key(|found| (found.waived.is_some(), found.rule.severity));
    let mut seen = BTreeMap::new();
    let results = worst.into_iter().take(MAX_RESULTS).map(|f| outcome(f, root, &mut seen));
    let driver = Driver {
        name: "kmsctl",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: RULES.iter().map(|rule| descriptor(rule)).collect(),
    };
    let run =
        Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results: results.collect() };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let text = serde_json::to_string_pretty(&log).unwrap_or_default();
    escaped(&format!("{text}\n"))
}

fn descriptor(rule: &'static Rule) -> Descriptor {
    let title = format!("{}.", rule.title);
    let help = format!("{}.", sentence(rule.help));
    let source = match rule.source {
        "" => String::new(),
        source => format!("\n\n[AWS's documentation]({source})"),
    };
    let others: Vec<String> =
        rule.crosswalk.iter().map(|(scheme, id)| format!("- {}: `{id}`", scheme.name())).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("\n\nEquivalent rules of other tools:\n\n{}", others.join("\n")),
    };
    let tags = ["security", "aws", "kms"].into_iter().map(str::to_owned);
    let crosswalk = rule
        .crosswalk
        .iter()
        .map(|(scheme, id)| format!("{}:{id}", scheme.name().replace(' ', "-")));
    Descriptor {
        id: rule.id,
        name: pascal(rule.slug),
        short_description: Text { text: short(&title) },
        full_description: Text { text: short(&format!("{title} {help}")) },
        help: Help {
            text: format!("{title} {help}"),
            markdown: format!("{title}\n\n**What to do:** {help}{source}{others}"),
        },
        help_uri: (!rule.source.is_empty()).then_some(rule.source),
        default_configuration: Level { level: rule.severity.word() },
        properties: Tags { tags: tags.chain(crosswalk).take(MAX_TAGS).collect() },
    }
}

fn outcome<'a>(found: &'a Found, root: &Path, seen: &mut BTreeMap<String, usize>) -> Outcome<'a> {
    let uri = found.region.as_ref().map(|region| uri(&region.file, root));
    let owner = found.address.as_deref().unwrap_or_default();
    let hash =
        fingerprint(&[found.rule.id, uri.as_deref().unwrap_or_default(), owner, &found.message]);
    let nth = seen.entry(hash.clone()).or_default();
    *nth += 1;
    let region = found.region.as_ref();
    let physical = uri.zip(region).map(|(uri, region)| Physical {
        artifact_location: Artifact { uri },
        region: span(region),
    });
    let logical = found
        .address
        .iter()
        .map(|address| Logical { fully_qualified_name: address, kind: "resource" });
    let suppression = found.waived.iter().map(|reason| Suppression {
        kind: "external",
        status: "accepted",
        justification: reason,
    });
    Outcome {
        rule_id: found.rule.id,
        rule_index: RULES.iter().position(|rule| *rule == found.rule).unwrap_or_default(),
        level: found.rule.severity.word(),
        message: Text {
            text: short(&format!("{}. {}.", sentence(&found.message), sentence(&found.help))),
        },
        locations: [Location { physical_location: physical, logical_locations: logical.collect() }],
        // GitHub identifies results by this fingerprint. It contains no line numbers, so a result is
        // recognized after its lines have moved.
        partial_fingerprints: BTreeMap::from([(
            "primaryLocationLineHash",
            format!("{hash}:{nth}"),
        )]),
        suppressions: suppression.collect(),
    }
}

fn span(region: &Region) -> Span {
    Span {
        start_line: region.line,
        start_column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
    }
}

fn fingerprint(parts: &[&str]) -> String {
    let ended: String = parts.iter().flat_map(|part| [*part, "\0"]).collect();
    digest::short(ended, 32)
}

/// Converts a path to a URI reference with forward slashes, relative to `root` if the file is below it.
fn uri(file: &str, root: &Path) -> String {
    let path = Path::new(file);
    let path = path.strip_prefix(root).unwrap_or(path);
    let mut parts = Vec::new();
    let mut absolute = "";
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(encoded(&part.to_string_lossy())),
            Component::ParentDir => parts.push("..".to_owned()),
            Component::Prefix(prefix) => {
                parts.push(prefix.as_os_str().to_string_lossy().into_owned());
                absolute = "file:///";
            }
            Component::RootDir => absolute = "file:///",
            Component::CurDir => {}
        }
    }
    format!("{absolute}{}", parts.join("/"))
}

fn encoded(part: &str) -> String {
    let encoded = part.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Returns the text with its first letter capitalized.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Cuts a text to the largest length that GitHub accepts.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT - 1) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Converts a slug to Pascal case: `service-unbounded` to `ServiceUnbounded`.
fn pascal(slug: &str) -> String {
    slug.split('-').map(sentence).collect()
}
