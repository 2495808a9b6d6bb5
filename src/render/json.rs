//! Renders plans and drift reports as JSON, in the documented format of `--format json`.

use crate::id::AccountId;
use crate::kind::address::Address;
use crate::kind::{Call, Kind, key};
use crate::plan::{
    Access, Blocked, Drift, Drifts, FieldChange, Finding, Plan, PlannedCall, Step, TakenOver,
};
use crate::text::is_unsafe;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    stack: &'a str,
    account: &'a str,
    region: &'a str,
    /// The roles that the run assumes in other accounts, by account.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    roles: &'a BTreeMap<AccountId, String>,
    changes: Vec<Change<'a>>,
    blocked: &'a [Blocked],
    drift: &'a [Drift],
    access: &'a [Access],
    findings: &'a [Finding],
    /// What could not be checked, and why.
    unchecked: &'a [String],
    /// The declared keys and consumers that were found without a record, with AWS's identifiers.
    found: &'a BTreeMap<Address, String>,
    /// The keys and grants that are taken over without a call, with AWS's identifiers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    taken: &'a BTreeMap<Address, String>,
    /// The aliases and tags that existed before the stack declared them, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    taken_with: &'a BTreeMap<Address, TakenOver>,
    /// The keys of the tags that existed before the stack declared them and stay in AWS when they leave it, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    let_go: &'a BTreeMap<Address, BTreeSet<String>>,
    same_access: &'a BTreeSet<Address>,
    /// The names of the gates in force, by the files that they come from.
    gates: &'a BTreeMap<String, Vec<String>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Change<'a> {
    address: &'a Address,
    kind: &'static str,
    action: &'static str,
    fields: &'a [FieldChange],
    calls: Vec<Request<'a>>,
    after: &'a BTreeSet<Address>,
    reason: &'a str,
    risk: Option<&'a str>,
}

#[derive(Serialize)]
struct Request<'a> {
    service: &'static str,
    operation: &'static str,
    region: &'a str,
    account: &'a str,
    parameters: Value,
}

#[derive(Serialize)]
struct Summary {
    create: usize,
    update: usize,
    delete: usize,
    import: usize,
    forget: usize,
    blocked: usize,
}

/// Returns the plan as a JSON value.
#[must_use]
pub fn plan(plan: &Plan) -> Value {
    let document = Document {
        format_version: "1",
        stack: plan.stack.as_str(),
        account: plan.home.account.as_str(),
        region: plan.home.region.as_str(),
        roles: &plan.roles,
        changes: plan.steps.iter().map(change).collect(),
        blocked: &plan.blocked,
        drift: &plan.drift,
        access: &plan.access,
        findings: &plan.findings,
        unchecked: &plan.unchecked,
        found: &plan.found,
        taken: &plan.taken,
        taken_with: &plan.taken_with,
        let_go: &plan.let_go,
        same_access: &plan.same_access,
        gates: &plan.gates,
        summary: Summary {
            create: plan.count("create"),
            update: plan.count("update"),
            delete: plan.count("delete"),
            import: plan.count("import"),
            forget: plan.count("forget"),
            blocked: plan.blocked.len(),
        },
    };
    // Every map in a plan has strings for keys, so this cannot fail.
    let mut value = serde_json::to_value(document).unwrap_or_default();
    let all = value.get_mut("access").and_then(Value::as_array_mut);
    for access in all.into_iter().flatten() {
        derived(access);
    }
    value
}

/// Sets `source` to the consumers if the statements are derived from them, and removes `derived`.
fn derived(access: &mut Value) {
    let Some(fields) = access.as_object_mut() else {
        return;
    };
    let from: Vec<&str> = fields
        .get("derived")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !from.is_empty() {
        let source = from.join(", ");
        fields.insert("source".to_owned(), source.into());
    }
    fields.remove("derived");
}

/// Renders the plan as indented JSON. Characters that are unsafe for a terminal are written as `\uXXXX`.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let value = self::plan(plan);
    escaped(&serde_json::to_string_pretty(&value).unwrap_or_default())
}

#[derive(Serialize)]
struct DriftDocument<'a> {
    format_version: &'static str,
    stack: &'a str,
    account: &'a str,
    region: &'a str,
    /// The number of declared resources without a record, which are compared with the configuration.
    unrecorded: usize,
    drift: &'a [Drift],
    blocked: &'a [Blocked],
    findings: &'a [Finding],
}

/// Renders the drift report as indented JSON that is safe for a terminal.
#[must_use]
pub fn drifts(drifts: &Drifts) -> String {
    pretty(&DriftDocument {
        format_version: "1",
        stack: drifts.stack.as_str(),
        account: drifts.home.account.as_str(),
        region: drifts.home.region.as_str(),
        unrecorded: drifts.unrecorded,
        drift: &drifts.drift,
        blocked: &drifts.unreadable,
        findings: &drifts.findings,
    })
}

/// Renders any value as indented JSON that is safe for a terminal.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Renders the fields that are set as indented JSON that is safe for a terminal.
pub(crate) fn pretty_set(value: &impl Serialize) -> String {
    // Every map has strings for keys, so this cannot fail.
    pretty(&set(serde_json::to_value(value).unwrap_or_default()))
}

/// Returns a value without the fields that are null.
fn set(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, set(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(set).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Replaces the unsafe characters in the strings of a JSON text by JSON escapes.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // JSON strings cannot contain a raw line feed.
        if is_unsafe(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn change(step: &Step) -> Change<'_> {
    Change {
        address: &step.address,
        kind: step.address.kind.as_str(),
        action: step.change.action(),
        fields: &step.fields,
        calls: step.calls.iter().chain(&step.last).map(|call| request(step, call)).collect(),
        after: &step.after,
        reason: &step.reason,
        risk: step.risk.as_deref(),
    }
}

fn request<'a>(step: &Step, call: &'a PlannedCall) -> Request<'a> {
    let (operation, mut parameters) = call.call.request();
    if on_key(&call.call) {
        let key = step.id.clone().unwrap_or_else(|| step.address.to_string());
        let mut with_key = Map::new();
        with_key.insert("KeyId".to_owned(), Value::String(key));
        if let Value::Object(rest) = parameters {
            with_key.extend(rest);
        }
        parameters = Value::Object(with_key);
    }
    Request {
        service: call.call.service(),
        operation,
        region: call.at.region.as_str(),
        account: call.at.account.as_str(),
        parameters,
    }
}

/// Returns whether the call needs a `KeyId` that its parameters do not contain.
pub(super) fn on_key(call: &Call) -> bool {
    let creates = matches!(call, Call::Key(key::Call::CreateKey(_) | key::Call::ReplicateKey(_)));
    call.kind() == Kind::Key && !creates
}
