//! Renders explanations of lint rules, of sections and fields of the configuration, and of subjects
//! of kmsctl, from the JSON Schema of the configuration. Pure.

mod guides;
mod rules;
mod sections;

use serde_json::Value as Json;

use super::page::put;
use crate::policy::lint::{RULES, Rule};
use crate::text::wrapped;

pub use guides::{GUIDES, Guide};
pub use rules::{Reason, reason, sources};

/// The smallest similarity of a topic and a suggested name.
const SIMILARITY: f64 = 0.8;
/// The largest number of suggested names.
const SUGGESTIONS: usize = 4;

/// The reason why a topic cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No topic has the name. These names are similar.
    NoTopic(Vec<String>),
    /// The paths of these sections or fields all end with the name.
    Several(Vec<String>),
}

/// Explains a topic: a lint rule by its id or name, a subject, or a section or field of the
/// configuration.
///
/// # Errors
/// Returns an error if the topic is unknown or not unique.
pub fn explain(topic: &str, schema: &Json, width: usize) -> Result<String, Unknown> {
    let topic = topic.trim();
    let mut page = Page { width, out: String::new() };
    if let Some(rule) = rule(topic) {
        page.rule(rule);
        return Ok(page.out);
    }
    if let Some(guide) = GUIDES.iter().find(|guide| guide.name == topic) {
        page.guide(guide);
        return Ok(page.out);
    }
    let all = sections::all(schema);
    let path = sections::path(topic);
    let exact = all.iter().find(|field| field.path == path);
    let ends = sections::ending(&all, &path);
    let found = match (exact, ends.as_slice()) {
        (Some(field), _) => field,
        (None, [field]) => field,
        (None, []) => return Err(Unknown::NoTopic(similar(topic, &all))),
        (None, several) => return Err(Unknown::Several(paths(several))),
    };
    sections::write(&mut page, found);
    Ok(page.out)
}

/// Renders the list of topics.
#[must_use]
pub fn topics(schema: &Json, width: usize) -> String {
    let mut page = Page { width, out: String::new() };
    page.prose(0, "`kmsctl explain TOPIC` explains one of these.");
    page.heading("Subjects");
    for guide in GUIDES {
        page.entry(guide.name, guide.title, 26);
    }
    page.heading("Sections of the configuration; also each of their fields, as in `rds.instances.backup_window`");
    let all = sections::all(schema);
    for field in all.iter().filter(|field| field.is_section() || !field.path.contains('.')) {
        page.entry(&field.path, &sections::first_sentence(&field.description()), 40);
    }
    page.heading("Lint rules, by their ids or their names; `kmsctl lint --rules` describes them");
    let names: Vec<String> =
        RULES.iter().map(|rule| format!("{} {}", rule.id, rule.slug)).collect();
    page.prose(2, &names.join(", "));
    page.out
}

fn rule(word: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id.eq_ignore_ascii_case(word) || rule.slug == word)
}

fn paths(fields: &[&sections::Field<'_>]) -> Vec<String> {
    fields.iter().map(|field| field.path.clone()).collect()
}

/// Returns the names that are similar to a topic, the most similar first. The last word of a path
/// is compared too: `backup_windw` is similar to both fields that are called `backup_window`.
fn similar(topic: &str, all: &[sections::Field<'_>]) -> Vec<String> {
    let lower = topic.to_lowercase();
    let rules = RULES.iter().flat_map(|rule| [rule.slug.to_owned(), rule.id.to_owned()]);
    let guides = GUIDES.iter().map(|guide| guide.name.to_owned());
    let fields = all.iter().map(|field| field.path.clone());
    let mut ranked: Vec<(f64, String)> = rules
        .chain(guides)
        .chain(fields)
        .map(|name| {
            let full = strsim::jaro_winkler(&lower, &name.to_lowercase());
            let last = name.rsplit('.').next().unwrap_or_default();
            let last = strsim::jaro_winkler(&lower, &last.to_lowercase()) - 0.02;
            (full.max(last), name)
        })
        .filter(|(similarity, _)| *similarity >= SIMILARITY)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    ranked.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

/// A text, wrapped to `width` columns.
struct Page {
    width: usize,
    out: String,
}

impl Page {
    /// Appends a paragraph.
    fn prose(&mut self, indent: usize, text: &str) {
        self.hanging(indent, 0, text);
    }

    /// Appends a paragraph. The lines after the first are indented by `hang` more columns.
    fn hanging(&mut self, indent: usize, hang: usize, text: &str) {
        for (at, line) in wrapped(text, indent, hang, self.width) {
            put(&mut self.out, at, None, &line);
        }
    }

    /// Appends a line without wrapping it.
    fn line(&mut self, indent: usize, text: &str) {
        put(&mut self.out, indent, None, text);
    }

    fn gap(&mut self) {
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.gap();
        self.prose(0, &format!("{text}:"));
    }

    /// Appends a name, and its description in a second column.
    fn entry(&mut self, name: &str, text: &str, column: usize) {
        let column = column.min(self.width / 2);
        if name.chars().count() + 2 > column {
            self.line(2, name);
            self.prose(column + 2, text);
            return;
        }
        let mut lines = wrapped(text, column + 2, 0, self.width).into_iter();
        if let Some((_, first)) = lines.next() {
            self.line(2, &format!("{name:<column$}{first}"));
        }
        for (at, line) in lines {
            self.line(at, &line);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.line(0, &format!("{} {} ({})", rule.id, rule.slug, rule.severity.word()));
        self.part("What it finds", &sentence(rule.title));
        if let Some(reason) = reason(rule) {
            self.part("Why it matters", reason.why);
        }
        self.part("How to fix it", &sentence(rule.help));
        self.heading("Sources");
        for source in sources(rule) {
            self.line(2, &source);
        }
        if !rule.crosswalk.is_empty() {
            self.heading("Other tools call it");
            for (scheme, id) in rule.crosswalk {
                self.line(2, &format!("{} {id}", scheme.name()));
            }
        }
        let waiver = match rule.id {
            "KMS801" => "A gate cannot be waived: `kmsctl explain gates`.",
            _ if rule.is_about_aws() => {
                "A waiver has no effect: it is about what AWS has, not about the configuration."
            }
            _ => "Write a waiver with a reason and a last day: `kmsctl explain lint.waivers`.",
        };
        self.part("To accept it for a while", waiver);
    }

    fn part(&mut self, heading: &str, text: &str) {
        self.heading(heading);
        self.prose(2, text);
    }

    /// Appends a guide. Empty lines separate paragraphs, `- ` begins an item, and a line that
    /// begins with two spaces is not wrapped.
    fn guide(&mut self, guide: &Guide) {
        self.prose(0, guide.title);
        for block in guide.text.trim().split("\n\n") {
            self.gap();
            let mut paragraph = String::new();
            for line in block.lines() {
                let kept = line.strip_prefix("  ");
                if kept.is_some() || line.starts_with("- ") {
                    self.paragraph(&std::mem::take(&mut paragraph));
                }
                match kept {
                    Some(kept) => self.line(2, kept),
                    None => {
                        paragraph.push_str(line);
                        paragraph.push(' ');
                    }
                }
            }
            self.paragraph(&paragraph);
        }
    }

    fn paragraph(&mut self, text: &str) {
        match text.trim_end() {
            "" => {}
            item if item.starts_with("- ") => self.hanging(2, 2, item),
            prose => self.prose(0, prose),
        }
    }
}

/// Returns a fragment as a sentence.
fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
