//! The plan as the equivalent commands of AWS's own CLI, for bash.

use super::json;
use crate::address::Address;
use crate::kind::{Change, Kind};
use crate::plan::{Plan, PlannedCall, Step};
use crate::policy::OWN_KEY;
use crate::text::{is_unsafe, printable};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The commands, in an order in which they can be executed one by one.
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

/// A name that is harmless between double quotes.
fn plain(text: &str) -> String {
    let safe = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
    text.chars().filter(safe).collect()
}

/// A variable for each key that has no ARN in the plan, each with a name of its own.
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
        let upper = |c: char| {
            if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }
        };
        let base: String = address.to_string().chars().map(upper).collect();
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
    Text(String),
    Variable(String),
}

impl Target {
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
    /// The key at `address`; a variable that no command sets is added to `needed`.
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

    /// The keys inside of a structure, which stands between single quotes.
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
        let mut command = format!("aws {service} {} --region {region}", kebab(&operation));
        let mut own = Target::Text(OWN_KEY.to_owned());
        if json::on_key(&call.call, &operation) {
            own = self.key(&step.address, needed);
            let _ = write!(command, " --key-id {}", own.quoted());
        }
        let mut input = Map::new();
        if let Value::Object(parameters) = parameters {
            for (name, value) in parameters {
                let managed = value.as_str().filter(|_| name.ends_with("KeyId"));
                if let Some(address) = managed.and_then(|text| text.parse::<Address>().ok()) {
                    let key = self.key(&address, needed).quoted();
                    let _ = write!(command, " --{} {key}", kebab(&name));
                } else if let Some(secret) = secret(&name, &value) {
                    let _ = write!(command, " --{} \"{secret}\"", kebab(&name));
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
        let variable = self.variables.get(&step.address).filter(|_| operation == "CreateKey");
        let _ = match variable {
            Some(variable) => {
                let query = "--query KeyMetadata.Arn --output text";
                writeln!(out, "{variable}=$({command} {query})")
            }
            None => writeln!(out, "{command}"),
        };
    }
}

/// The keys of the stack that a value names, in the parameters that name keys.
fn keys_within(value: &Value) -> Vec<Address> {
    match value {
        Value::Object(fields) => {
            let each = fields.iter().flat_map(|(name, value)| {
                let key = value.as_str().filter(|_| name.ends_with("KeyId"));
                let own = key.and_then(|text| text.parse::<Address>().ok());
                own.into_iter().chain(keys_within(value))
            });
            each.collect()
        }
        Value::Array(items) => items.iter().flat_map(keys_within).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The placeholder for the key's own ARN, inside single quotes, replaced.
fn with_own_key(argument: &str, own: &Target) -> String {
    match own {
        Target::Text(arn) => argument.replace(OWN_KEY, &arn.replace('\'', "")),
        Target::Variable(name) => argument.replace(OWN_KEY, &format!("'\"${name}\"'")),
    }
}

/// A parameter as an argument; `None` where the CLI would take its text for something else (an
/// option, the name of a file or an address to fetch) or a terminal would not show it as it is.
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

/// A password, which is a variable of the environment and never a text (`kind::rds::Secret`).
fn secret<'a>(name: &str, value: &'a Value) -> Option<&'a str> {
    let variable = value.as_str()?.strip_prefix('$')?;
    let plain = variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    value.as_str().filter(|_| plain && name == "MasterUserPassword")
}

/// `KeyId` as `key-id`, and `AWSServiceName` as `aws-service-name`.
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

/// The text as one word of a shell.
fn quote(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "/:_-.@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.to_owned();
    }
    format!("'{}'", printable(text).replace('\'', "'\\''"))
}
