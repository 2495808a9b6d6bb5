//! What the forms for people share: values, access and counts in words. Nothing here is escaped for
//! Markdown; everything is fit for a terminal.

use super::access::{self, Line, Wording};
use crate::address::Address;
use crate::id::Place;
use crate::kind::{Call, Change, Kind, Spec};
use crate::plan::{Access, Drifts, FieldChange, Plan, Step};
use crate::policy::access::Shape;
use crate::policy::{AccessChange, Document, KeyContext, compare};
use crate::text::printable;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The field whose value is a policy.
pub(super) const POLICY: &str = "policy";

/// The sign of an action.
pub(super) fn sign<T>(change: &Change<T>) -> char {
    match change {
        Change::Create { .. } => '+',
        Change::Update { .. } => '~',
        Change::Delete { .. } => '-',
        Change::Import { .. } => '<',
        Change::Forget { .. } => '.',
    }
}

/// A value on one line.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => printable(&value.to_string()).into_owned(),
    }
}

/// Whether nothing is set.
pub(super) fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A field that is not a policy, such as `description: "a" -> "b"`; only its one value where the
/// resource comes or goes.
pub(super) fn field<T>(field: &FieldChange, change: Option<&Change<T>>) -> Option<String> {
    let (before, after) = (value(&field.before), value(&field.after));
    let path = printable(&field.path);
    match change {
        Some(Change::Create { .. }) => {
            (!is_unset(&field.after)).then(|| format!("{path}: {after}"))
        }
        Some(Change::Delete { .. } | Change::Forget { .. }) => {
            (!is_unset(&field.before)).then(|| format!("{path}: {before}"))
        }
        Some(Change::Update { .. } | Change::Import { .. }) | None => {
            Some(format!("{path}: {before} -> {after}"))
        }
    }
}

/// The policies before and after a step, where they differ.
pub(super) fn step_policies(step: &Step) -> Option<(Option<&Document>, Option<&Document>)> {
    fn policy(spec: Option<&Spec>) -> Option<&Document> {
        spec?.policy()
    }
    let differs = step.fields.iter().any(|field| field.path == POLICY);
    differs.then(|| (policy(step.change.from()), policy(step.change.to())))
}

/// The policies before and after, where the field is one.
pub(super) fn policies(
    field: &FieldChange,
    home: &Place,
) -> Option<(Option<Document>, Option<Document>)> {
    let read = |value: &Value| {
        let text = value.as_str()?;
        Document::from_live(text, home.region.partition()).ok()
    };
    (field.path == POLICY).then(|| (read(&field.before), read(&field.after)))
}

/// The lines of the unified diff of two policies, without the names of files.
pub(super) fn diff(before: Option<&Document>, after: Option<&Document>) -> Vec<String> {
    let text = |document: Option<&Document>| {
        document.map(|document| format!("{}\n", document.pretty().trim_end())).unwrap_or_default()
    };
    let (before, after) = (text(before), text(after));
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    let text = diff.unified_diff().context_radius(3).to_string();
    text.lines().map(|line| printable(line).into_owned()).collect()
}

/// The lines of a policy.
pub(super) fn pretty(document: &Document) -> Vec<String> {
    document.pretty().lines().map(|line| printable(line).into_owned()).collect()
}

/// The statements of a policy on one line.
pub(super) fn statements(document: &Document) -> String {
    let each = document.headings().into_iter().map(|(effect, sid)| {
        let effect = effect.unwrap_or_default();
        let sid = sid.map_or(String::new(), |sid| format!(" \"{sid}\""));
        printable(&format!("{effect}{sid}")).into_owned()
    });
    let each: Vec<String> = each.collect();
    let plural = if each.len() == 1 { "" } else { "s" };
    format!("{} statement{plural}: {}", each.len(), each.join(", "))
}

/// What the step from one policy to the other means for access.
pub(super) fn changes(
    before: Option<&Document>,
    after: Option<&Document>,
    home: &Place,
) -> Vec<AccessChange> {
    let key = KeyContext {
        account: Some(home.account.to_string()),
        partition: home.region.partition().to_owned(),
        arn: None,
    };
    compare(before, after, &key, &[]).changes
}

/// A planned change of access, with its source where that is not the resource it is shown at.
pub(super) fn planned_access(planned: &Access, shown_at: &str, wording: Wording<'_>) -> Line {
    let mut line = access::line(&planned.change, wording);
    let source = planned.source.to_string();
    if source != shown_at {
        let _ = write!(line.text, " (for {})", printable(&source));
    }
    if !planned.derived.is_empty() {
        let from: Vec<&str> = planned.derived.iter().map(String::as_str).collect();
        let _ = write!(line.text, " (from {})", printable(&from.join(", ")));
    }
    line
}

/// Where the changes of access are shown.
pub(super) struct Shown<'a> {
    at: BTreeMap<&'a Address, Vec<&'a Access>>,
    /// Those that are shown at no step.
    pub(super) elsewhere: Vec<&'a Access>,
}

impl<'a> Shown<'a> {
    /// At the step that they come from; else at the step of the key.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let steps: BTreeMap<String, &Address> =
            plan.steps.iter().map(|step| (step.address.to_string(), &step.address)).collect();
        let mut shown = Self { at: BTreeMap::new(), elsewhere: Vec::new() };
        for access in &plan.access {
            let source = steps.get(&access.source.to_string());
            match source.or_else(|| steps.get(&access.key)) {
                Some(address) => shown.at.entry(address).or_default().push(access),
                None => shown.elsewhere.push(access),
            }
        }
        shown
    }

    /// Those of a step.
    pub(super) fn at(&self, step: &Step) -> &[&'a Access] {
        self.at.get(&step.address).map_or(&[], Vec::as_slice)
    }
}

/// Whether a change of policy with these changes of access is one of text: nothing that is known today changes.
pub(super) fn is_text_only(access: &[&Access]) -> bool {
    access.iter().all(|access| matches!(access.change.kind, Shape::Future | Shape::Dangling))
}

/// The operations of a step, in order.
pub(super) fn operations(step: &Step) -> Vec<String> {
    let calls = step.calls.iter().chain(&step.last);
    calls.map(|call| printable(&call.call.request().0).into_owned()).collect()
}

/// How a key's deletion is announced.
pub(super) fn deletion(step: &Step) -> Option<String> {
    let days = |call: &Call| {
        let is_key = call.kind() == Kind::Key;
        let request = is_key.then(|| call.request().1)?;
        request.get("PendingWindowInDays").and_then(Value::as_u64)
    };
    let days = step.calls.iter().chain(&step.last).find_map(|call| days(&call.call))?;
    Some(format!("schedules deletion in {days} days"))
}

/// How many resources differ from what was last applied.
fn differing(count: usize) -> String {
    match count {
        1 => "1 resource differs from what was last applied".to_owned(),
        n => format!("{n} resources differ from what was last applied"),
    }
}

/// The last line of a drift report in every form.
pub(super) fn difference(drifts: &Drifts) -> String {
    let mut text = match drifts.drift.len() {
        0 => "No drift".to_owned(),
        n => differing(n),
    };
    if !drifts.unreadable.is_empty() {
        let _ = write!(text, "; {} not compared", drifts.unreadable.len());
    }
    text.push('.');
    text
}

/// The last line of a plan in every form.
pub(super) fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return match plan.drift.len() {
            0 => "No changes. AWS matches the configuration.".to_owned(),
            n => format!("{}.", differing(n)),
        };
    }
    let count = |action| plan.count(action);
    let mut text = format!(
        "Plan: {} to create, {} to update, {} to delete",
        count("create"),
        count("update"),
        count("delete")
    );
    for (action, word) in [("import", "import"), ("forget", "forget")] {
        if count(action) > 0 {
            let _ = write!(text, ", {} to {word}", count(action));
        }
    }
    if !plan.blocked.is_empty() {
        let _ = write!(text, "; {} blocked", plan.blocked.len());
    }
    let calls: usize = plan.steps.iter().map(|step| step.calls.len() + step.last.len()).sum();
    let plural = if calls == 1 { "" } else { "s" };
    let _ = write!(text, "; {calls} call{plural}.");
    text
}
