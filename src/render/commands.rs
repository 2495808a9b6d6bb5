//! Renders plans as equivalent AWS CLI commands for bash.

use super::json;
use crate::kind::address::Address;
use crate::kind::{Change, Kind};
use crate::plan::{Plan, PlannedCall, Step};
use crate::policy::OWN_KEY;
use crate::text::{is_unsafe, printable};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Renders the commands, in an order in which they can be executed one by one.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| (&step.address, step)).collect();
    let script = Script { plan, steps, variables: variables(plan) };
    let firsts = plan.steps.iter().flat_map(|step| step.calls.iter().map(move |c| (step, c)));
    let lasts = plan.steps.iter().rev().flat_map(|step| step.last.iter().map(move |c| (step, c)));
    let mut body = String::new();
    let mut needed = BTreeSet::new();
    for (step, call) in firsts.chain(lasts) {
        script.command(step, call, &mut body, &mut needed);
    }
    let mut out = String::new();
    for (variable, address) in needed {
        // Writing to a string cannot fail.
        let _ = writeln!(out, ": \"${{{variable}:?the ARN of {}}}\"", plain(&address));
    }
    out + &body
}

/// Removes the characters of a name that are not safe between double quotes.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-')).collect()
}

/// Returns a variable with a unique name for each key that the plan changes or refers to.
fn variables(plan: &Plan) -> BTreeMap<Address, String> {
    let keys = plan
        .steps
        .iter()
        .filter(|step| step.address.kind == Kind::Key)
        .map(|step| step.address.clone());
    let pointed_at = plan.steps.iter().flat_map(|step| {
        let specs = step.change.from().into_iter().chain(step.change.to());
        specs.flat_map(|spec| spec.refs()).filter_map(|key| key.to_string().parse().ok())
    });
    let addresses: BTreeSet<Address> = keys.chain(pointed_at).collect();
    let mut taken = BTreeSet::new();
    let mut out = BTreeMap::new();
    for address in addresses {
        let base: String = address
            .to_string()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let mut name = base.clone();
        let mut n = 2_u32;
        while !taken.insert(name.clone()) {
            name = format!("{base}__{n}");
            n += 1;
        }
        out.insert(address, name);
    }
    out
}

/// A key in a command.
enum Target {
    /// An ARN or an address.
    Text(String),
    /// The name of a shell variable.
    Variable(String),
}

impl Target {
    /// Returns the key as one word of a shell.
    fn quoted(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Variable(name) => format!("\"${name}\""),
        }
    }
}

struct Script<'a> {
    plan: &'a Plan,
    steps: BTreeMap<&'a Address, &'a Step>,
    variables: BTreeMap<Address, String>,
}

impl Script<'_> {
    /// Returns the key at `address`. If it is a variable that no command sets, the variable and the address
    /// are added to `needed`.
    fn key(&self, address: &Address, needed: &mut BTreeSet<(String, String)>) -> Target {
        let step = self.steps.get(address);
        let recorded = self.plan.remember.get(address).and_then(Option::as_ref);
        let id = step.and_then(|step| step.id.as_ref()).or(recorded.map(|record| &record.id));
        if let Some(id) = id {
            return Target::Text(id.clone());
        }
        let Some(variable) = self.variables.get(address) else {
            return Target::Text(address.to_string());
        };
        let created = step.is_some_and(|step| matches!(step.change, Change::Create { .. }));
        if !created {
            needed.insert((variable.clone(), address.to_string()));
        }
        Target::Variable(variable.clone())
    }

    /// Replaces the addresses of keys in an argument, which is in single quotes.
    fn with_keys(
        &self,
        mut argument: String,
        value: &Value,
        needed: &mut BTreeSet<(String, String)>,
    ) -> String {
        for address in keys_within(value) {
            let target = match self.key(&address, needed) {
                Target::Text(arn) => arn.replace('\'', ""),
                Target::Variable(name) => format!("'\"${name}\"'"),
            };
            argument = argument.replace(&format!("\"{address}\""), &format!("\"{target}\""));
        }
        argument
    }

    /// Appends the command of a call.
    fn command(
        &self,
        step: &Step,
        call: &PlannedCall,
        out: &mut String,
        needed: &mut BTreeSet<(String, String)>,
    ) {
        let (operation, parameters) = call.call.request();
        if call.at.account != self.plan.home.account {
            let _ = writeln!(out, "# with the credentials of account {}", call.at.account);
        }
        let service = call.call.service();
        let region = call.at.region.as_str();
        let mut command = format!("aws {service} {} --region {region}", kebab(operation));
        let mut own = Target::Text(OWN_KEY.to_owned());
        if json::on_key(&call.call) {
            own = self.key(&step.address, needed);
            let _ = write!(command, " --key-id {}", own.quoted());
        }
        let mut input = Map::new();
        if let Value::Object(parameters) = parameters {
            for (name, value) in parameters {
                if let Some(address) = managed_key(&name, &value) {
                    let key = self.key(&address, needed).quoted();
                    let _ = write!(command, " --{} {key}", kebab(&name));
                } else if let Some(secret) = secret(&name, &value) {
                    // The arguments of a process are visible to others: the shell writes the value to a pipe instead.
                    command = format!("printf %s \"{secret}\" | {command}");
                    let _ = write!(command, " --{} file:///dev/stdin", kebab(&name));
                } else if let Some(argument) = argument(&name, &value) {
                    command.push(' ');
                    let argument = with_own_key(&argument, &own);
                    command.push_str(&self.with_keys(argument, &value, needed));
                } else {
                    input.insert(name, value);
                }
            }
        }
        if !input.is_empty() {
            let input = json::escaped(&Value::Object(input).to_string());
            let argument = format!(" --cli-input-json {}", quote(&input));
            command.push_str(&with_own_key(&argument, &own));
        }
        let _ = match self.variables.get(&step.address) {
            Some(variable) if operation == "CreateKey" => {
                let query = "--query KeyMetadata.Arn --output text";
                writeln!(out, "{variable}=$({command} {query})")
            }
            Some(_) | None => writeln!(out, "{command}"),
        };
    }
}

/// Returns the addresses of keys in the `…KeyId` and `…KeyID` parameters of a value.
fn keys_within(value: &Value) -> Vec<Address> {
    match value {
        Value::Object(fields) => {
            let mut keys = Vec::new();
            for (name, value) in fields {
                keys.extend(managed_key(name, value));
                keys.extend(keys_within(value));
            }
            keys
        }
        Value::Array(items) => items.iter().flat_map(keys_within).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Returns the address of the key that a `…KeyId` or `…KeyID` parameter names.
fn managed_key(name: &str, value: &Value) -> Option<Address> {
    if !name.to_ascii_lowercase().ends_with("keyid") {
        return None;
    }
    value.as_str()?.parse().ok()
}

/// Replaces the placeholder for the key's own ARN in an argument, which is in single quotes.
fn with_own_key(argument: &str, own: &Target) -> String {
    match own {
        Target::Text(arn) => argument.replace(OWN_KEY, &arn.replace('\'', "")),
        Target::Variable(name) => argument.replace(OWN_KEY, &format!("'\"${name}\"'")),
    }
}

/// Returns a parameter as a command line argument; `None` if the CLI would read the text as an option, a
/// file name or a URL, or if a terminal would not show it unchanged.
fn argument(name: &str, value: &Value) -> Option<String> {
    let name = kebab(name);
    Some(match value {
        Value::Bool(true) => format!("--{name}"),
        Value::Bool(false) => format!("--no-{name}"),
        Value::Number(number) => format!("--{name} {number}"),
        Value::String(text) => {
            let special = text.starts_with('-') || text.contains("://") && !text.starts_with('{');
            if special || text.chars().any(is_unsafe) {
                return None;
            }
            format!("--{name} {}", quote(text))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => {
            format!("--{name} {}", quote(&json::escaped(&value.to_string())))
        }
    })
}

/// Returns a password, which is the name of an environment variable with `$` (see `kind::rds::Secret`).
fn secret<'a>(name: &str, value: &'a Value) -> Option<&'a str> {
    let text = value.as_str()?;
    let variable = text.strip_prefix('$')?;
    let is_variable = variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (name == "MasterUserPassword" && is_variable).then_some(text)
}

/// Converts a parameter or operation name to the CLI's form: `KeyId` to `key-id`, and `AWSServiceName` to
/// `aws-service-name`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let ends = before.is_some_and(|before: char| !before.is_ascii_uppercase());
        let begins = before.is_some() && rest.peek().is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && (ends || begins) {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
        before = Some(c);
    }
    out
}

/// Quotes a text as one word of a shell.
fn quote(text: &str) -> String {
    let is_safe = text.chars().all(|c| c.is_ascii_alphanumeric() || "/:_-.@%+,=".contains(c));
    if !text.is_empty() && is_safe {
        return text.to_owned();
    }
    format!("'{}'", printable(text).replace('\'', "'\\''"))
}
