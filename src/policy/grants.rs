//! Grants as `aws kms list-grants` prints them (KMS API Reference, ListGrants and GrantListEntry).

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::arn::with_account;
use crate::tree::{Entry, Node, Value};

/// A grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The grant id.
    pub id: String,
    /// The name, if the grant has one.
    pub name: Option<String>,
    /// The ARN of the key.
    pub key: Option<String>,
    /// The grantee principal: an ARN, an account's root ARN, a unique id, or a service principal.
    pub grantee: String,
    /// The retiring principal, if the grant has one.
    pub retiring: Option<String>,
    /// The operations that the grant allows, without the prefix `kms:`.
    pub operations: BTreeSet<String>,
    /// The constraint on the encryption context, if the grant has one.
    pub context: Option<Constraint>,
    /// The ARN of the resource that a service must act for, if the grant has a constraint on it.
    pub source: Option<String>,
    /// Whether the grant has unknown constraints.
    pub unclear: bool,
}

impl Grant {
    /// Returns the label of the grant in messages: its name, or its id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// A constraint on the encryption context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// `EncryptionContextEquals`: the encryption context must consist of these pairs.
    Equals(BTreeMap<String, String>),
    /// `EncryptionContextSubset`: the encryption context must contain these pairs.
    Subset(BTreeMap<String, String>),
}

/// Reads the output of `aws kms list-grants`. The list must be complete, because a missing grant could allow more.
///
/// # Errors
/// Returns all problems of the output.
pub fn grants(node: &Node) -> Result<Vec<Grant>, Vec<Problem>> {
    const HELP: &str = "give the output of `aws kms list-grants --key-id …`";
    let mut reader = Reader::default();
    let Some(list) = find(node, "Grants") else {
        return Err(vec![Problem::new(node.span, "there is no `Grants`").help(HELP)]);
    };
    for key in ["NextToken", "NextMarker"] {
        if let Some(more) = find(node, key) {
            reader.report(more, "this is not the whole list of grants");
        }
    }
    if let Some(Node { value: Value::Bool(true), .. }) = find(node, "Truncated") {
        reader.report(node, "the list of grants is truncated");
    }
    let mut grants = Vec::new();
    match &list.value {
        Value::List(items) => grants.extend(items.iter().map(|item| reader.grant(item))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            reader.report(list, "`Grants` is not a list");
        }
    }
    if reader.problems.is_empty() { Ok(grants) } else { Err(reader.problems) }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
    }
}

fn find<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(node).iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn report(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(Problem::new(node.span, message));
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = find(node, key)?;
        if let Value::Text(text) = &value.value {
            // The CLI prints an empty `Name` for a grant without one.
            return Some(text.clone()).filter(|text| !text.is_empty());
        }
        self.report(value, format!("`{key}` is {}, not text", value.value.describe()));
        None
    }

    fn grant(&mut self, node: &Node) -> Grant {
        let service = self.text(node, "GranteeServicePrincipal");
        let retiring_service = self.text(node, "RetiringServicePrincipal");
        let key = self.text(node, "KeyId");
        let partition = key.as_deref().and_then(|key| key.split(':').nth(1)).unwrap_or("aws");
        let whole = |principal: String| with_account(&principal, partition);
        let grantee = self.text(node, "GranteePrincipal").or(service).unwrap_or_default();
        let retiring = self.text(node, "RetiringPrincipal").or(retiring_service);
        let mut grant = Grant {
            id: self.text(node, "GrantId").unwrap_or_default(),
            name: self.text(node, "Name"),
            grantee: whole(grantee),
            retiring: retiring.map(whole),
            key: key.clone(),
            operations: self.operations(node),
            ..Grant::default()
        };
        if grant.grantee.is_empty() {
            self.report(node, "a grant has no `GranteePrincipal`");
        }
        if let Some(constraints) = find(node, "Constraints") {
            self.constraints(constraints, &mut grant);
        }
        grant
    }

    fn operations(&mut self, node: &Node) -> BTreeSet<String> {
        let Some(Node { value: Value::List(items), .. }) = find(node, "Operations") else {
            self.report(node, "a grant has no list of `Operations`");
            return BTreeSet::new();
        };
        let mut operations = BTreeSet::new();
        for item in items {
            if let Value::Text(text) = &item.value {
                operations.insert(text.clone());
            } else {
                self.report(item, format!("an operation is {}, not text", item.value.describe()));
            }
        }
        operations
    }

    fn constraints(&mut self, node: &Node, grant: &mut Grant) {
        for Entry { key, value, .. } in entries(node) {
            match (key.as_str(), &value.value) {
                ("EncryptionContextEquals", _) if grant.context.is_none() => {
                    grant.context = self.pairs(value).map(Constraint::Equals);
                }
                ("EncryptionContextSubset", _) if grant.context.is_none() => {
                    grant.context = self.pairs(value).map(Constraint::Subset);
                }
                ("SourceArn", Value::Text(arn)) => grant.source = Some(arn.clone()),
                _ => grant.unclear = true,
            }
        }
        grant.unclear |= !matches!(node.value, Value::Map(_) | Value::Null);
    }

    fn pairs(&mut self, node: &Node) -> Option<BTreeMap<String, String>> {
        let mut pairs = BTreeMap::new();
        for Entry { key, value, .. } in entries(node) {
            if let Value::Text(text) = &value.value {
                pairs.insert(key.clone(), text.clone());
            } else {
                self.report(value, format!("`{key}` is {}, not text", value.value.describe()));
            }
        }
        Some(pairs).filter(|pairs| !pairs.is_empty())
    }
}
