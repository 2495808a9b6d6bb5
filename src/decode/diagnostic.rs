//! Errors and warnings about texts, and reports that underline the text.

use std::collections::{BTreeMap, BTreeSet};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Sources;
use crate::policy::lint::Rule;
use crate::text::{counted, printable, printable_same_length, wrapped};
use crate::tree::Span;

/// The largest number of diagnostics in a report. The others are only counted.
pub const MAX_SHOWN: usize = 200;

/// The largest size of all excerpts of a report in bytes, unless the first one is larger. A file can be one long line,
/// and every excerpt of it is the whole line.
pub const MAX_EXCERPTS: usize = 4 << 20;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// An error, after which the command fails.
    Error,
    /// An objection: the configuration is valid, but its plan is blocked.
    Refusal,
    /// A warning.
    Warning,
    /// A warning of an objection that a plan may have, which knows more than the configuration.
    Doubt,
    /// Additional information.
    Note,
}

/// An error, a warning or a note about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The message: a fragment without a full stop.
    pub message: String,
    /// The text beside the underlined text; may be empty.
    pub label: Box<str>,
    /// The position, if the diagnostic has one.
    pub span: Option<Span>,
    /// Further positions, in any source, with their labels.
    pub also: Vec<(Span, String)>,
    /// The help: what to do.
    pub help: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The lint rule, if there is one.
    pub rule: Option<&'static Rule>,
}

impl Diagnostic {
    /// Creates an error at a position, or without one.
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

    /// Creates a warning at a position, or without one.
    pub fn warning(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// Creates a refusal at a position, or without one.
    pub fn refusal(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Refusal, ..Self::error(span, message) }
    }

    /// Creates a warning of an objection that a plan may have.
    pub fn doubt(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Doubt, ..Self::error(span, message) }
    }

    /// Sets the text beside the underlined text.
    #[must_use]
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a position with a label.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// Sets the help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns about how many bytes of the sources its excerpts have.
    fn excerpt_size(&self, sources: &Sources) -> usize {
        let places = self.span.iter().chain(self.also.iter().map(|(span, _)| span));
        places
            .filter_map(|span| Some(sources.get(span.source)?.line_size(span.start as usize)))
            .sum()
    }

    fn group<'a>(&'a self, sources: &'a Sources, width: Option<usize>) -> Group<'a> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Refusal => Level::ERROR.with_name("refused"),
            Severity::Warning | Severity::Doubt => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let shown = |text: &str| {
            let text = printable(&shortened(&sources.without_hidden(self.span, text))).into_owned();
            width.map_or(text.clone(), |width| {
                let lines = wrapped(&text, 0, 0, width.saturating_sub(BESIDE));
                lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
            })
        };
        let title = level.primary_title(shown(&self.message));
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
            group = group.elements(snippets(sources, main.0.source, &first));
        }
        for (source, rest) in &places {
            group = group.elements(snippets(sources, *source, rest));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(shown(help)));
        }
        group
    }
}

/// The largest number of columns before a message or a help, such as `warning[KMS601]: `.
const BESIDE: usize = 17;

type Place<'a> = (Span, &'a str, AnnotationKind);

/// The largest number of characters that are underlined, and of those between two places of one excerpt. Names and ARNs
/// of AWS are not longer.
const MOST_UNDERLINED: usize = 300;
/// The number of characters at the beginning of a longer text that are underlined.
const UNDERLINED: usize = 48;
/// The largest number of characters of a text of the user in a message, and the number of those of its beginning and of
/// its end that remain of a longer one.
const MOST_QUOTED: usize = 600;
const QUOTED_START: usize = 120;
const QUOTED_END: usize = 60;

/// Returns a message with the middle of long texts in backticks left out.
fn shortened(message: &str) -> String {
    let parts = message.split('`').enumerate().map(|(n, part)| {
        let count = part.chars().count();
        if n % 2 == 0 || count <= MOST_QUOTED {
            return part.to_owned();
        }
        let start: String = part.chars().take(QUOTED_START).collect();
        let end: String = part.chars().skip(count - QUOTED_END).collect();
        format!("{start}...{end}")
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Returns the excerpts of a source at the positions: one for each that is far from the first one in a line, because
/// the renderer shows the whole text between the positions of an excerpt.
fn snippets<'a>(
    sources: &'a Sources,
    number: u16,
    places: &[Place<'a>],
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for place in places {
        let first = places.first().unwrap_or(place).0;
        let in_line = sources.position(first).0 == sources.position(place.0).0;
        let distance = sources.position(first).1.abs_diff(sources.position(place.0).1);
        if in_line && distance > MOST_UNDERLINED { far.push(*place) } else { near.push(*place) }
    }
    let alone = far.iter().map(std::slice::from_ref);
    [near.as_slice()]
        .into_iter()
        .chain(alone)
        .filter_map(|at| snippet(sources, number, at))
        .collect()
}

/// Returns the lines of a source around the positions. The renderer gets only these lines, so that
/// a report of many errors in a large file is fast.
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
        let is_long = covered.chars().nth(MOST_UNDERLINED).is_some();
        let most = covered.char_indices().nth(UNDERLINED).filter(|_| is_long);
        let covered = most.and_then(|(at, _)| covered.get(..at)).unwrap_or(covered);
        let annotation = kind.span(start..start + covered.trim_end().len());
        if label.is_empty() {
            return annotation;
        }
        let label = sources.without_hidden(Some(*span), label);
        annotation.label(printable(&shortened(&label)).into_owned())
    });
    Some(
        Snippet::source(printable_same_length(&source.excerpt(from..to)?).into_owned())
            .line_start(line)
            .path(printable(&source.name))
            .annotations(annotations),
    )
}

/// The diagnostics that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// The diagnostics that may be found again.
    once: BTreeSet<(Option<Span>, String)>,
    /// The positions of unknown values, with the number of diagnostics at the time of the report.
    unknown: BTreeMap<Span, usize>,
    /// The fields that could not be read, with the positions of their records or of the names of these, and the number
    /// of diagnostics at the time of the report.
    unreadable: Vec<(String, Span, usize)>,
}

impl Diagnostics {
    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds a diagnostic, unless this method added one with the same position and message before.
    pub fn push_once(&mut self, diagnostic: Diagnostic) {
        if self.once.insert((diagnostic.span, diagnostic.message.clone())) {
            self.all.push(diagnostic);
        }
    }

    /// Returns the known name that is most similar to a misspelt one, if any is similar. A report shows a limited
    /// number of diagnostics, so that it needs no more suggestions than that.
    #[must_use]
    pub fn suggest<'a>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        if self.all.len() < MAX_SHOWN { nearest(name, known) } else { None }
    }

    /// Adds an error with help.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::error(span, message).help(help));
    }

    /// Returns whether there are no diagnostics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of diagnostics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.has(Severity::Error)
    }

    /// Returns the message of the first error or refusal.
    #[must_use]
    pub fn first_error(&self) -> Option<String> {
        let found =
            self.all.iter().find(|d| matches!(d.severity, Severity::Error | Severity::Refusal));
        found.map(|d| d.message.clone())
    }

    /// Returns whether there is a refusal.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.has(Severity::Refusal)
    }

    fn has(&self, severity: Severity) -> bool {
        self.all.iter().any(|d| d.severity == severity)
    }

    /// Returns the diagnostics in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// Removes the objections, which a plan shows itself.
    #[must_use]
    pub fn without_objections(mut self) -> Self {
        self.all.retain(|d| !matches!(d.severity, Severity::Refusal | Severity::Doubt));
        self
    }

    /// Returns the diagnostics after the first `count`.
    pub(crate) fn since(&mut self, count: usize) -> std::slice::IterMut<'_, Diagnostic> {
        self.all.get_mut(count..).unwrap_or_default().iter_mut()
    }

    /// Marks the value at a position as unknown. The cause is already reported, so later
    /// diagnostics about the value are suppressed.
    pub(crate) fn unknown(&mut self, span: Span) {
        self.unknown.entry(span).or_insert(self.all.len());
    }

    /// Marks a field of a record as one that could not be read. Later errors about the field, at the record or inside
    /// it, would only follow from that.
    pub(crate) fn unreadable(&mut self, record: Span, field: &str) {
        self.unreadable.push((field.to_owned(), record, self.all.len()));
    }

    /// Returns the number of fields that could not be read.
    pub(crate) fn unreadable_fields(&self) -> usize {
        self.unreadable.len()
    }

    /// Applies the marks of the fields that were added after the first `before` ones for the record at `record` to the
    /// record's name, too: some errors about a record are at its name.
    pub(crate) fn name_unreadable(&mut self, before: usize, record: Span, name: Span) {
        let added = self.unreadable.iter().skip(before).filter(|(_, at, _)| *at == record);
        let added: Vec<_> = added.map(|(field, _, told)| (field.clone(), name, *told)).collect();
        self.unreadable.extend(added);
    }

    /// Returns whether a field with this name could not be read in some record.
    pub(crate) fn is_unreadable(&self, field: &str) -> bool {
        self.unreadable.iter().any(|(name, _, _)| name == field)
    }

    /// Removes the errors about the kind of the value at a position that were added after the first `before`
    /// diagnostics.
    pub(super) fn remove_since(&mut self, before: usize, span: Span) {
        let added = self.all.split_off(before.min(self.all.len()));
        self.all.extend(
            added.into_iter().filter(|error| {
                error.span != Some(span) || !error.message.starts_with("expected ")
            }),
        );
        let most = self.all.len();
        let unreadable = self.unreadable.iter_mut().map(|(_, _, told)| told);
        self.unknown.values_mut().chain(unreadable).for_each(|told| *told = most.min(*told));
    }

    /// Returns whether a diagnostic that has a number follows only from a field that could not be read.
    fn follows(
        unreadable: &BTreeMap<(String, Span), usize>,
        diagnostic: &Diagnostic,
        number: usize,
    ) -> bool {
        let Some(span) = diagnostic.span.filter(|_| !unreadable.is_empty()) else {
            return false;
        };
        // Every second part of the message is in backticks.
        diagnostic.message.split('`').skip(1).step_by(2).any(|field| {
            let last = Span { end: u32::MAX, ..span };
            let to = (field.to_owned(), last);
            let from = (field.to_owned(), Span { start: 0, end: 0, ..span });
            let nearest = unreadable.range(from..=to).next_back();
            nearest.is_some_and(|((_, record), told)| record.end >= span.end && number > *told)
        })
    }

    /// Returns whether a value within the span is unknown.
    pub(crate) fn is_unknown(&self, span: Span) -> bool {
        let last = Span { start: span.end, end: u32::MAX, ..span };
        let starting = self.unknown.range(Span { end: 0, ..span }..=last);
        starting.into_iter().any(|(inner, _)| inner.end <= span.end)
    }

    /// Removes the diagnostics that were added about a value after it was marked as unknown.
    pub(crate) fn settle(&mut self) {
        let unknown = std::mem::take(&mut self.unknown);
        let unreadable = std::mem::take(&mut self.unreadable);
        let unreadable: BTreeMap<(String, Span), usize> =
            unreadable.into_iter().map(|(field, at, told)| ((field, at), told)).collect();
        let mut number = 0;
        self.all.retain(|d| {
            number += 1;
            d.span.and_then(|span| unknown.get(&span)).is_none_or(|told| number <= *told)
                && !Self::follows(&unreadable, d, number)
        });
    }

    /// Returns the report: all diagnostics in the order of their sources and positions, and their
    /// number, if there are several. Returns an empty text if there are none. Messages are wrapped if the text is for a
    /// terminal, whose width is given.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: Option<usize>) -> String {
        if self.all.is_empty() {
            return String::new();
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() }
            .term_width(width.unwrap_or(100).max(20));
        let mut sorted: Vec<&Diagnostic> = self.all.iter().collect();
        sorted.sort_by_key(|d| d.span);
        let (mut out, mut shown, mut size) = (String::new(), 0, 0);
        for diagnostic in sorted.iter().take(MAX_SHOWN) {
            size += diagnostic.excerpt_size(sources);
            if size > MAX_EXCERPTS && shown > 0 {
                break;
            }
            // `::` at the beginning of a line is a command of a CI system.
            out.push_str(
                &renderer.render(&[diagnostic.group(sources, width)]).replace(" ::: ", " --> "),
            );
            out.push_str("\n\n");
            shown += 1;
        }
        let hidden = sorted.len().saturating_sub(shown);
        if hidden > 0 {
            out.extend([hidden.to_string().as_str(), " more are not shown.\n"]);
        }
        // A report of one says itself that it is one.
        if self.all.len() > 1 {
            out.push_str(&self.count());
        } else {
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out
    }

    fn count(&self) -> String {
        let severities = [
            (Severity::Error, "error"),
            (Severity::Refusal, "refusal"),
            (Severity::Warning, "warning"),
            (Severity::Note, "note"),
        ];
        let mut parts = Vec::new();
        for (severity, name) in severities {
            let is_counted = |d: &&Diagnostic| {
                let is_warning = d.severity == Severity::Doubt && severity == Severity::Warning;
                d.severity == severity || is_warning
            };
            match self.all.iter().filter(is_counted).count() {
                0 => {}
                count => parts.push(counted(count, name)),
            }
        }
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

/// Returns the known name that is most similar to a misspelt one, if any is similar.
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
