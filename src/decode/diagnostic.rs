//! What is wrong with a text, and reports that underline it.
//! Knows nothing of what the texts mean; prints nothing itself.

use std::collections::BTreeMap;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Sources;
use crate::policy::lint::Rule;
use crate::text::{printable, printable_same_length};
use crate::tree::Span;

/// How many diagnostics one report shows; the rest are counted.
const MAX_SHOWN: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run cannot go on.
    Error,
    /// The configuration is read, and a plan of it would be blocked.
    Refusal,
    /// The run goes on.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing to tell about the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// Stands beside the underlined text; may be empty.
    pub label: Box<str>,
    /// The text it is about, if it is about one.
    pub span: Option<Span>,
    /// Other places that matter, in any source.
    pub also: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// The rule that it breaks, if it breaks one.
    pub rule: Option<&'static Rule>,
}

impl Diagnostic {
    /// An error at a span, or at none.
    pub fn error(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            label: Box::default(),
            span: span.into(),
            also: Vec::new(),
            help: None,
            severity: Severity::Error,
            rule: None,
        }
    }

    /// A warning at a span, or at none.
    pub fn warning(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// What a plan would refuse, at a span.
    pub fn refusal(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Refusal, ..Self::error(span, message) }
    }

    /// With text beside the underlined place.
    #[must_use]
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = label.into();
        self
    }

    /// With one more place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn group<'a>(&'a self, sources: &'a Sources) -> Group<'a> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Refusal => Level::ERROR.with_name("refused"),
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(printable(&self.message));
        let mut group = Group::with_title(match self.rule {
            Some(rule) => title.id(rule.id),
            None => title,
        });
        let mut places: BTreeMap<u16, Vec<Place<'a>>> = BTreeMap::new();
        for (span, label) in &self.also {
            places.entry(span.source).or_default().push((*span, label, AnnotationKind::Context));
        }
        let main = self.span.map(|span| (span, &*self.label, AnnotationKind::Primary));
        if let Some(main) = main {
            let mut first = places.remove(&main.0.source).unwrap_or_default();
            first.insert(0, main);
            group = group.elements(snippet(sources, main.0.source, &first));
        }
        for (source, rest) in &places {
            group = group.elements(snippet(sources, *source, rest));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        group
    }
}

type Place<'a> = (Span, &'a str, AnnotationKind);

/// The lines of one source around the places in it. Only those are handed to the renderer:
/// a report of many errors in a large file stays fast.
fn snippet<'a>(
    sources: &'a Sources,
    number: u16,
    places: &[Place<'a>],
) -> Option<Snippet<'a, Annotation<'a>>> {
    let source = sources.get(number)?;
    let text = source.text.as_str();
    let first = text.floor_char_boundary(places.iter().map(|p| p.0.start as usize).min()?);
    let last = text.floor_char_boundary(places.iter().map(|p| p.0.start as usize).max()?);
    let before = text.get(..first)?;
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let after = text.get(last..)?;
    let to = after.find('\n').map_or(text.len(), |at| last + at);
    let window = text.get(from..to)?;
    let (line, _) = source.position(from);
    let annotations = places.iter().map(|(span, label, kind)| {
        let start = window.floor_char_boundary((span.start as usize).saturating_sub(from));
        let end = window.floor_char_boundary((span.end as usize).saturating_sub(from)).max(start);
        // Only the first line of a long value is underlined.
        let covered = window.get(start..end).unwrap_or("").lines().next().unwrap_or("");
        let annotation = kind.span(start..start + covered.trim_end().len());
        if label.is_empty() { annotation } else { annotation.label(printable(label)) }
    });
    Some(
        Snippet::source(printable_same_length(&masked(window)).into_owned())
            .line_start(line)
            .path(printable(&source.name))
            .annotations(annotations),
    )
}

/// The words in the name of a field whose value may be a secret, in lower case.
const SECRETS: [&str; 2] = ["password", "secret"];

/// Replaces by `*` what may be a secret, because excerpts end up in logs: the value of every field whose
/// name contains one of the words in `SECRETS`, whether the field exists or not. References to
/// variables are not secrets. The result has as many bytes as `text`.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        if !names_secret(before) {
            continue;
        }
        let value = after.trim_start_matches(' ');
        let end = value.find([',', '}', '\n']).unwrap_or(value.len());
        let (word, tail) = value.split_at(end);
        out.push_str(&" ".repeat(after.len() - value.len()));
        if word.starts_with(['{', '$']) {
            out.push_str(word);
        } else {
            out.push_str(&"*".repeat(word.len()));
        }
        rest = tail;
    }
    out + rest
}

/// Returns whether the text ends with the name of a field that may hold a secret, and a colon.
fn names_secret(text: &str) -> bool {
    let text = text.trim_end_matches([':', '"', '\'']);
    let start = text.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let name = text.split_at(start.map_or(0, |at| text.ceil_char_boundary(at + 1))).1;
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|word| name.contains(word))
}

/// All that was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// Where a value stands that is not known, and how many diagnostics there were by then.
    unknown: BTreeMap<Span, usize>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds an error at a position, with what to do about it.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::error(span, message).help(help));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.has(Severity::Error)
    }

    /// Whether a plan would refuse one of them.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.has(Severity::Refusal)
    }

    fn has(&self, severity: Severity) -> bool {
        self.all.iter().any(|d| d.severity == severity)
    }

    /// All, in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// All but what the plan itself refuses, for those who see the plan.
    #[must_use]
    pub fn without_refusals(mut self) -> Self {
        self.all.retain(|d| d.severity != Severity::Refusal);
        self
    }

    /// Those after the first `count`.
    pub(crate) fn since(&mut self, count: usize) -> std::slice::IterMut<'_, Diagnostic> {
        self.all.get_mut(count..).unwrap_or_default().iter_mut()
    }

    /// The value at this place is not known, which is told already: whatever else is said about it
    /// follows from that.
    pub(crate) fn unknown(&mut self, span: Span) {
        self.unknown.entry(span).or_insert(self.all.len());
    }

    /// Whether a value within the span is not known.
    pub(crate) fn is_unknown(&self, span: Span) -> bool {
        let last = Span { start: span.end, end: u32::MAX, ..span };
        let starting = self.unknown.range(Span { end: 0, ..span }..=last);
        starting.into_iter().any(|(inner, _)| inner.end <= span.end)
    }

    /// Drops what was said about values that are not known.
    pub(crate) fn settle(&mut self) {
        let unknown = std::mem::take(&mut self.unknown);
        let mut number = 0;
        self.all.retain(|d| {
            number += 1;
            d.span.and_then(|span| unknown.get(&span)).is_none_or(|told| number <= *told)
        });
    }

    /// The report: every diagnostic in the order of its source and position, then a count.
    /// Empty if there is none.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: usize) -> String {
        if self.all.is_empty() {
            return String::new();
        }
        let renderer =
            if color { Renderer::styled() } else { Renderer::plain() }.term_width(width.max(20));
        let mut sorted: Vec<&Diagnostic> = self.all.iter().collect();
        sorted.sort_by_key(|d| d.span);
        let mut out = String::new();
        for diagnostic in sorted.iter().take(MAX_SHOWN) {
            out.push_str(&renderer.render(&[diagnostic.group(sources)]));
            out.push_str("\n\n");
        }
        let hidden = sorted.len().saturating_sub(MAX_SHOWN);
        if hidden > 0 {
            out.extend([hidden.to_string().as_str(), " more are not shown.\n"]);
        }
        out.push_str(&self.count());
        out
    }

    fn count(&self) -> String {
        let of = |severity| self.all.iter().filter(|d| d.severity == severity).count();
        let counted = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {one}s")),
        };
        let kinds = [
            (Severity::Error, "error"),
            (Severity::Refusal, "refusal"),
            (Severity::Warning, "warning"),
            (Severity::Note, "note"),
        ];
        let parts = kinds.map(|(severity, one)| counted(of(severity), one));
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}.\n", parts.join(", "))
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.all.extend(more);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

/// The known name a misspelt one was most likely meant to be, if any is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name longer than any field is no misspelling; comparing it would cost its square.
    if name.len() > 256 {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| {
            (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
#[path = "diagnostic_tests.rs"]
mod tests;
