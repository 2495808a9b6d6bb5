//! Grants, as `aws kms list-grants` prints them (KMS API Reference, `ListGrants` and `GrantListEntry`).

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use crate::tree::{Entry, Node, Value};

/// A grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The key that it is of: an ARN.
    pub key: Option<String>,
    /// Whom it is for: an ARN, an account's root ARN, a unique id, or a service.
    pub grantee: String,
    /// Who may retire it.
    pub retiring: Option<String>,
    /// What for, without `kms:`.
    pub operations: BTreeSet<String>,
    /// Under which encryption context.
    pub context: Option<Constraint>,
    /// For which resource a service must ask: an ARN.
    pub source: Option<String>,
    /// Whether it has constraints that are not understood.
    pub unclear: bool,
}

impl Grant {
    /// What a person knows it by.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// A constraint on the encryption context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// It must be this.
    Equals(BTreeMap<String, String>),
    /// It must have this.
    Subset(BTreeMap<String, String>),
}

/// Reads what `aws kms list-grants` prints, and reports every problem at once. All grants must be there: what is missing
/// could allow what they do not.
pub fn grants(node: &Node) -> Result<Vec<Grant>, Vec<Problem>> {
    const HELP: &str = "give what `aws kms list-grants --key-id …` prints";
    let mut reader = Reader::default();
    let Some(list) = find(node, "Grants") else {
        return Err(vec![Problem::new(node.span, "there is no `Grants`").help(HELP)]);
    };
    for key in ["NextToken", "NextMarker"] {
        if let Some(more) = find(node, key) {
            reader.say(more, "this is not the whole list of grants");
        }
    }
    if let Some(Node { value: Value::Bool(true), .. }) = find(node, "Truncated") {
        reader.say(node, "the list of grants is truncated");
    }
    let mut grants = Vec::new();
    match &list.value {
        Value::List(items) => grants.extend(items.iter().map(|item| reader.grant(item))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            reader.say(list, "`Grants` is not a list");
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
    fn say(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(Problem::new(node.span, message));
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = find(node, key)?;
        if let Value::Text(text) = &value.value {
            // `Name` is empty when there is none.
            return Some(text.clone()).filter(|text| !text.is_empty());
        }
        self.say(value, format!("`{key}` is {}, not text", value.value.describe()));
        None
    }

    fn grant(&mut self, node: &Node) -> Grant {
        let service = self.text(node, "GranteeServicePrincipal");
        let retiring_service = self.text(node, "RetiringServicePrincipal");
        let mut grant = Grant {
            id: self.text(node, "GrantId").unwrap_or_default(),
            name: self.text(node, "Name"),
            key: self.text(node, "KeyId"),
            grantee: self.text(node, "GranteePrincipal").or(service).unwrap_or_default(),
            retiring: self.text(node, "RetiringPrincipal").or(retiring_service),
            operations: self.operations(node),
            ..Grant::default()
        };
        if grant.grantee.is_empty() {
            self.say(node, "a grant has no `GranteePrincipal`");
        }
        if let Some(constraints) = find(node, "Constraints") {
            self.constraints(constraints, &mut grant);
        }
        grant
    }

    fn operations(&mut self, node: &Node) -> BTreeSet<String> {
        let Some(Node { value: Value::List(items), .. }) = find(node, "Operations") else {
            self.say(node, "a grant has no list of `Operations`");
            return BTreeSet::new();
        };
        let mut operations = BTreeSet::new();
        for item in items {
            if let Value::Text(text) = &item.value {
                operations.insert(text.clone());
            } else {
                self.say(item, format!("an operation is {}, not text", item.value.describe()));
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
                self.say(value, format!("`{key}` is {}, not text", value.value.describe()));
            }
        }
        Some(pairs).filter(|pairs| !pairs.is_empty())
    }
}
