//! Policy documents: in the configuration, or in files beside it.

use crate::config::{Variables, interpolate_node, read_beside};
use crate::decode::{Diagnostic, Diagnostics, Sources};
use crate::policy::{self, Problem};
use crate::tree::{Node, Span, Value};

/// Reads policy documents.
pub(super) struct Documents<'a> {
    pub(super) sources: &'a mut Sources,
    pub(super) vars: &'a Variables,
}

impl Documents<'_> {
    /// Returns the data of a policy document: the path of a JSON file, or the document itself as YAML or as JSON text.
    pub(super) fn read(&mut self, document: &Node, d: &mut Diagnostics) -> Option<Node> {
        let path = match &document.value {
            Value::Map(_) => return Some(document.clone()),
            Value::Text(text) if text.trim_start().starts_with('{') => {
                // The variables of the configuration's texts are replaced already.
                let number = self.sources.add(self.beside(document.span), text.clone());
                return self.json(number, document.span, d);
            }
            Value::Text(path) if path.starts_with("file:") => {
                let plain = path.trim_start_matches("file:").trim_start_matches("//");
                let message = format!("`{path}` is a URL, not a path");
                d.error(
                    document.span,
                    message,
                    format!("write the path alone: `document: {plain}`"),
                );
                return None;
            }
            Value::Text(path) => path,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                let help = "write the path of a JSON file, or the document itself";
                let found = document.value.describe();
                d.error(document.span, format!("expected a policy, found {found}"), help);
                return None;
            }
        };
        let number = self.file(path, document.span, d)?;
        let mut node = self.json(number, document.span, d)?;
        interpolate_node(&mut node, self.vars, d).then_some(node)
    }

    /// Returns the data of a text in JSON.
    fn json(&mut self, number: u16, span: Span, d: &mut Diagnostics) -> Option<Node> {
        let node = parsed(policy::json(self.text(number), number), span, d);
        self.sources.hide_in_policy(number, node.as_ref());
        node
    }

    /// Names a text within a file of the configuration by the file and the line at which the text begins.
    fn beside(&self, span: Span) -> String {
        let file = self.sources.get(span.source).map_or("", |source| source.name.as_str());
        format!("{file} (policy at line {})", self.sources.position(span).0)
    }

    /// Reads a file whose path is relative to the text that names it, at `span`. Returns the number of
    /// its text.
    pub(super) fn file(&mut self, path: &str, span: Span, d: &mut Diagnostics) -> Option<u16> {
        let base = self.sources.get(span.source).map(|source| source.name.clone());
        let mut unread = Diagnostics::default();
        let number = read_beside(&base.unwrap_or_default(), path, self.sources, &mut unread);
        d.extend(unread.into_iter().map(|error| Diagnostic { span: Some(span), ..error }));
        number
    }

    /// Returns the name of a file that was read.
    pub(super) fn name(&self, number: u16) -> String {
        self.sources.get(number).map_or_else(String::new, |source| source.name.clone())
    }

    /// Returns the text of a file that was read.
    pub(super) fn text(&self, number: u16) -> &str {
        self.sources.get(number).map_or("", |source| &source.text)
    }
}

/// Returns the result, or reports its problems. Problems without a position are reported at `fallback`.
pub(super) fn parsed<T>(
    result: Result<T, Vec<Problem>>,
    fallback: Span,
    d: &mut Diagnostics,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(problems) => {
            d.extend(problems.into_iter().map(|problem| Diagnostic {
                help: problem.help,
                ..Diagnostic::error(placed(problem.span, fallback), problem.message)
            }));
            None
        }
    }
}

/// Returns the position of a part of a document; `fallback` for the parts that kmsctl wrote itself.
pub(super) fn placed(span: Span, fallback: Span) -> Span {
    if span == Span::default() { fallback } else { span }
}
