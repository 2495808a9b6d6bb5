//! The limits that every policy and every grant must keep.

use std::collections::{BTreeMap, BTreeSet};

use super::Outer;
use super::documents::{Documents, parsed};
use super::scope::{Scope, parse};
use crate::config::records;
use crate::decode::{Diagnostics, Part, Text};
use crate::desired::{Declared, Desired, SAVED};
use crate::id::AccountId;
use crate::kind::Address;
use crate::policy::gates::{Forbidden, Gates};
use crate::policy::{ActionSet, Document, is_service};
use crate::tree::Span;
use serde::Deserialize;

/// The gates of one configuration.
#[derive(Debug, Default)]
struct Resolved {
    gates: Gates,
    /// The keys and policies of the base branch.
    base: Option<BTreeMap<Address, Declared>>,
}

/// The gates of the stack and of another configuration.
#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) own: Gates,
    pub(super) outer: Gates,
    /// The keys and policies of the base branch.
    pub(super) base: Option<BTreeMap<Address, Declared>>,
    /// The names of the gates by the files that they come from.
    pub(super) files: BTreeMap<String, Vec<String>>,
}

/// Resolves the gates of the stack and those of another configuration. The base branch is that of the other
/// configuration, if it names one.
pub(super) fn all(
    fields: &records::StackFields,
    outer: Option<&Outer>,
    scope: &Scope<'_>,
    documents: &mut Documents<'_>,
    d: &mut Diagnostics,
) -> All {
    let mut all = All::default();
    if let Part(Some(Some(gates))) = &fields.gates {
        let resolved = resolve(gates, scope, documents, d);
        all.name(&resolved, gates.span, documents);
        (all.own, all.base) = (resolved.gates, resolved.base);
    }
    if let Some(outer) = outer {
        same_stack(outer, scope, d);
    }
    if let Some(outer) = outer
        && let Part(Some(Some(gates))) = &outer.declared.fields.gates
    {
        let resolved = resolve(gates, scope, documents, d);
        all.name(&resolved, outer.span, documents);
        all.outer = resolved.gates;
        all.base = resolved.base.or(all.base);
    }
    all
}

/// Checks that the configuration is of the stack and the account that the gates are for. A change could otherwise name
/// another stack, and change its keys.
fn same_stack(outer: &Outer, scope: &Scope<'_>, d: &mut Diagnostics) {
    let fields = &outer.declared.fields;
    let account = (!scope.gaps.account).then(|| scope.home.account.to_string());
    let declared = [
        ("stack", &fields.stack, Some(scope.stack.to_string())),
        ("account", &fields.account, account),
    ];
    for (field, theirs, ours) in declared {
        if let (Part(Some(Some(theirs))), Some(ours)) = (theirs, ours)
            && theirs.value != ours
        {
            let message =
                format!("the gates are those of the {field} `{}`, not of `{ours}`", theirs.value);
            let help =
                format!("declare `{field}: {}`, or name the gates of `{ours}`", theirs.value);
            d.error(theirs.span, message, &help);
        }
    }
}

impl All {
    fn name(&mut self, resolved: &Resolved, span: Span, documents: &Documents<'_>) {
        let mut names = resolved.gates.names();
        if resolved.base.is_some() {
            names.push("base");
        }
        if !names.is_empty() {
            let names = names.into_iter().map(str::to_owned).collect();
            self.files.insert(documents.name(span.source), names);
        }
    }
}

fn resolve(
    declared: &records::Gates,
    scope: &Scope<'_>,
    documents: &mut Documents<'_>,
    d: &mut Diagnostics,
) -> Resolved {
    let reference = declared.reference.as_ref().and_then(|node| {
        let tree = documents.read(node, d)?;
        parsed(Document::parse(&tree, scope.partition), node.span, d)
    });
    let forbidden = declared
        .forbidden
        .iter()
        .filter_map(|Part(declared)| Some(forbidden(declared.as_ref()?, scope, d)))
        .collect();
    let accounts = declared.accounts.as_ref().map(|accounts| {
        let ids = accounts.iter().filter_map(|account| parse::<AccountId>(account, d));
        ids.map(|id| id.to_string()).collect()
    });
    let removals = declared.removals.as_ref().and_then(|most| usize::try_from(most.value).ok());
    let base = declared.base.as_ref().and_then(|path| base(path, documents, d));
    Resolved { gates: Gates { reference, forbidden, accounts, removals }, base }
}

fn forbidden(declared: &records::Forbidden, scope: &Scope<'_>, d: &mut Diagnostics) -> Forbidden {
    let mut principals = BTreeSet::new();
    for text in &declared.principals {
        if text.value == "*" || is_service(&text.value) {
            principals.insert(text.value.clone());
        } else {
            principals.extend(scope.principal(text, &scope.home.account, d));
        }
    }
    for action in &declared.actions {
        if ActionSet::matching(&action.value).is_empty() {
            let message = format!("`{}` matches no action of a key policy", action.value);
            d.error(action.span, message, "write an action such as `kms:Decrypt`, or a pattern");
        }
    }
    let actions = declared.actions.iter().map(|action| action.value.clone()).collect();
    Forbidden { principals, actions }
}

/// The part of a saved plan that is read.
#[derive(Deserialize)]
struct SavedPlan {
    desired: Desired,
}

/// The format version of a saved plan, which decides whether the rest can be read.
#[derive(Deserialize)]
struct Format {
    version: String,
}

/// Returns the keys and policies that a saved plan declares.
fn base(
    path: &Text,
    documents: &mut Documents<'_>,
    d: &mut Diagnostics,
) -> Option<BTreeMap<Address, Declared>> {
    let before = d.len();
    let Some(number) = documents.file(&path.value, path.span, d) else {
        for help in d.since(before).filter_map(|error| error.help.as_mut()) {
            help.push_str("; `kmsctl plan --out FILE` writes a plan");
        }
        return None;
    };
    match saved(documents.text(number)) {
        Ok(desired) => {
            let mut declared = desired.resources;
            declared
                .retain(|_, one| one.spec.as_key().is_some() || one.spec.as_key_policy().is_some());
            Some(declared)
        }
        Err(why) => {
            let message = format!("`{}` is not a saved plan: {why}", path.value);
            d.error(path.span, message, "write it with `kmsctl plan --out FILE`");
            None
        }
    }
}

fn saved(text: &str) -> Result<Desired, String> {
    // The text may be that of any file, and must not get into a log.
    let place = |error: serde_json::Error| {
        format!("it cannot be read (line {}, column {})", error.line(), error.column())
    };
    let format: Format = serde_json::from_str(text).map_err(place)?;
    if format.version != SAVED {
        let is_number = format.version.len() < 4 && format.version.parse::<u16>().is_ok();
        let found = if is_number { format.version.as_str() } else { "another one" };
        return Err(format!("its format is {found}, this program reads format {SAVED}"));
    }
    let plan: SavedPlan = serde_json::from_str(text).map_err(place)?;
    Ok(plan.desired)
}
