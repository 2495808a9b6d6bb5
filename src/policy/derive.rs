//! Policy statements derived from the resources that use a key.
//!
//! Each kind of resource states what its service needs, with the conditions that the service's own user guide gives.
//! This module turns such needs into statements, and checks whether a policy meets them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::eval::{
    Context, ContextValue, Decision, Principal, Request, RequestedAction, TargetKey, decide,
};
use super::nodes::{entry, map, node, text, texts};
use super::{Document, Problem};
use crate::tree::{Node, Value};

/// The principals that a need is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalSet {
    /// A service principal. It has no IAM policies, so the key policy must allow it.
    Service(String),
    /// Users and roles, by ARN. If the key policy delegates to IAM, their IAM policies can allow them.
    Identities(BTreeSet<String>),
    /// Service-linked roles, by ARN. Their IAM policies cannot be changed, so the key policy must allow them.
    ServiceRoles(BTreeSet<String>),
    /// Every principal that meets a condition on the account.
    Everyone,
}

impl fmt::Display for PrincipalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "`{service}`"),
            Self::Identities(arns) | Self::ServiceRoles(arns) => {
                let names: Vec<String> = arns.iter().map(|arn| format!("`{arn}`")).collect();
                f.write_str(&names.join(", "))
            }
            Self::Everyone => f.write_str("everyone in the account"),
        }
    }
}

/// A condition of a derived statement. One of its values must match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// The condition operator.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The values.
    pub values: BTreeSet<String>,
}

impl Condition {
    /// Creates a condition with one value.
    #[must_use]
    pub fn new(operator: &str, key: &str, value: impl Into<String>) -> Self {
        let values = BTreeSet::from([value.into()]);
        Self { operator: operator.to_owned(), key: key.to_owned(), values }
    }
}

/// Access that a resource needs to its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// The purpose in one word. It becomes the Sid of the statement; needs of the same purpose share a statement.
    pub purpose: String,
    /// The principals that need the access.
    #[serde(rename = "who")]
    pub principals: PrincipalSet,
    /// The actions with the prefix `kms:`.
    pub actions: BTreeSet<String>,
    /// The conditions under which the access is needed.
    pub conditions: Vec<Condition>,
    /// Whether the resource does not work without the access.
    pub required: bool,
}

impl Need {
    /// Creates a required need without conditions.
    #[must_use]
    pub fn new(purpose: &str, principals: PrincipalSet, actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        Self {
            purpose: purpose.to_owned(),
            principals,
            actions,
            conditions: Vec::new(),
            required: true,
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, value: impl Into<String>) -> Self {
        self.conditions.push(Condition::new(operator, key, value));
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Makes the need optional: the resource works without it.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// Adds the principals, actions and condition values of another need of the same purpose.
    fn merge(&mut self, other: &Self) {
        match (&mut self.principals, &other.principals) {
            (PrincipalSet::Identities(ours), PrincipalSet::Identities(theirs))
            | (PrincipalSet::ServiceRoles(ours), PrincipalSet::ServiceRoles(theirs)) => {
                ours.extend(theirs.iter().cloned());
            }
            (
                PrincipalSet::Service(_)
                | PrincipalSet::Everyone
                | PrincipalSet::Identities(_)
                | PrincipalSet::ServiceRoles(_),
                PrincipalSet::Service(_)
                | PrincipalSet::Everyone
                | PrincipalSet::Identities(_)
                | PrincipalSet::ServiceRoles(_),
            ) => {}
        }
        self.actions.extend(other.actions.iter().cloned());
        self.required |= other.required;
        for condition in &mut self.conditions {
            let same = other.conditions.iter().filter(|theirs| {
                theirs.operator == condition.operator && theirs.key == condition.key
            });
            let values: Vec<String> = same.flat_map(|theirs| &theirs.values).cloned().collect();
            condition.values.extend(values);
        }
    }

    /// Returns whether two needs can share a statement.
    fn can_share_statement(&self, other: &Self) -> bool {
        let keys = |need: &Self| -> Vec<(String, String)> {
            need.conditions.iter().map(|c| (c.operator.clone(), c.key.clone())).collect()
        };
        let is_same_kind = match (&self.principals, &other.principals) {
            (PrincipalSet::Service(ours), PrincipalSet::Service(theirs)) => ours == theirs,
            (PrincipalSet::Everyone, PrincipalSet::Everyone)
            | (PrincipalSet::Identities(_), PrincipalSet::Identities(_))
            | (PrincipalSet::ServiceRoles(_), PrincipalSet::ServiceRoles(_)) => true,
            (
                PrincipalSet::Service(_)
                | PrincipalSet::Everyone
                | PrincipalSet::Identities(_)
                | PrincipalSet::ServiceRoles(_),
                PrincipalSet::Service(_)
                | PrincipalSet::Everyone
                | PrincipalSet::Identities(_)
                | PrincipalSet::ServiceRoles(_),
            ) => false,
        };
        is_same_kind && self.purpose == other.purpose && keys(self) == keys(other)
    }

    /// Returns the statement that meets the need.
    fn statement(&self, sid: &str) -> Node {
        let names =
            |names: &BTreeSet<String>| map(vec![("AWS", texts(names.iter().map(String::as_str)))]);
        let principal = match &self.principals {
            PrincipalSet::Service(service) => map(vec![("Service", text(service))]),
            PrincipalSet::Identities(arns) | PrincipalSet::ServiceRoles(arns) => names(arns),
            PrincipalSet::Everyone => map(vec![("AWS", text("*"))]),
        };
        let mut fields = vec![
            ("Sid", text(sid)),
            ("Effect", text("Allow")),
            ("Principal", principal),
            ("Action", texts(self.actions.iter().map(String::as_str))),
            ("Resource", text("*")),
        ];
        let mut operators: BTreeMap<&str, Vec<(&str, Node)>> = BTreeMap::new();
        for Condition { operator, key, values } in &self.conditions {
            let values = texts(values.iter().map(String::as_str));
            operators.entry(operator).or_default().push((key, values));
        }
        if !operators.is_empty() {
            let operators = operators.into_iter().map(|(operator, keys)| (operator, map(keys)));
            fields.push(("Condition", map(operators.collect())));
        }
        map(fields)
    }

    /// Returns the actions that a policy does not allow to all principals of the need. Actions for which that is
    /// unknown are left out.
    #[must_use]
    pub fn missing_actions(&self, policy: &Document, key: &TargetKey<'_>) -> BTreeSet<String> {
        let typed = policy.typed();
        let needs_key_policy = match &self.principals {
            PrincipalSet::Service(_) | PrincipalSet::ServiceRoles(_) => true,
            PrincipalSet::Identities(_) | PrincipalSet::Everyone => false,
        };
        let allowed = |principal: &str, action: &str| {
            let (Ok(principal), Ok(action)) =
                (Principal::parse(principal, key.partition), RequestedAction::parse(action))
            else {
                return true;
            };
            let request = Request { principal, action, context: self.context() };
            match decide(&typed, key, &[], &request) {
                Decision::Allowed(_) | Decision::Unknown(_) => true,
                Decision::Delegated(_) | Decision::IamOnly => !needs_key_policy,
                Decision::Denied(_) => false,
            }
        };
        let names: Vec<&str> = match &self.principals {
            PrincipalSet::Service(service) => vec![service],
            PrincipalSet::Identities(arns) | PrincipalSet::ServiceRoles(arns) => {
                arns.iter().map(String::as_str).collect()
            }
            PrincipalSet::Everyone => Vec::new(),
        };
        self.actions
            .iter()
            .flat_map(|pattern| expand(pattern))
            .filter(|action| names.iter().any(|name| !allowed(name, action)))
            .collect()
    }

    /// Returns the request context that the conditions promise. Every other condition key is unknown.
    fn context(&self) -> Context {
        let mut context = Context::open();
        for condition in &self.conditions {
            if ["StringEquals", "Bool", "ArnEquals"].contains(&condition.operator.as_str())
                && let Some(value) = condition.values.first()
            {
                context.set(&condition.key, ContextValue::Known(BTreeSet::from([value.clone()])));
            }
        }
        context
    }
}

/// Returns the actions that a pattern matches.
fn expand(pattern: &str) -> Vec<String> {
    let known = super::actions::KEY_ACTIONS.iter().map(|action| format!("kms:{}", action.name));
    match pattern.strip_suffix('*') {
        Some(prefix) => known.filter(|action| action.starts_with(prefix)).collect(),
        None => vec![pattern.to_owned()],
    }
}

/// A derived statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The Sid.
    pub sid: String,
    /// The statement.
    pub statement: Node,
    /// The addresses of the resources that need it.
    pub sources: BTreeSet<String>,
}

/// Derives one statement per purpose from the needs of all resources.
///
/// Every Sid begins with `prefix`, and differs from the Sids of `existing`.
#[must_use]
pub fn derive(needs: &[(String, Need)], prefix: &str, existing: &Document) -> Vec<Derived> {
    let mut merged: Vec<(Need, BTreeSet<String>)> = Vec::new();
    for (source, need) in needs {
        match merged.iter_mut().find(|(known, _)| known.can_share_statement(need)) {
            Some((known, sources)) => {
                known.merge(need);
                sources.insert(source.clone());
            }
            None => merged.push((need.clone(), BTreeSet::from([source.clone()]))),
        }
    }
    merged.sort();
    let mut taken: BTreeSet<String> =
        statements(existing).iter().filter_map(sid).map(str::to_owned).collect();
    let mut derived = Vec::new();
    for (need, sources) in merged {
        let mut sid = format!("{prefix}{}", need.purpose);
        let mut n = 2_u32;
        while !taken.insert(sid.clone()) {
            sid = format!("{prefix}{}{n}", need.purpose);
            n += 1;
        }
        derived.push(Derived { statement: need.statement(&sid), sid, sources });
    }
    derived
}

/// Returns the policy with the derived statements appended.
///
/// # Errors
/// Returns the problems of the whole policy, such as its size.
pub fn with(
    document: &Document,
    derived: &[Derived],
    partition: &str,
) -> Result<Document, Vec<Problem>> {
    let mut tree = document.tree().clone();
    edit(&mut tree, |statements| {
        statements.extend(derived.iter().map(|derived| derived.statement.clone()));
    });
    super::document::check_size(&tree).map_err(|problem| vec![problem])?;
    // The problems of the author's statements are reported where they are written.
    Document::lenient(&tree, partition)
}

/// Returns the live policy with the statements whose Sids begin with `prefix` replaced by `ours`. Every other statement
/// stays unchanged.
///
/// # Errors
/// Returns the problems of the whole policy, such as its size.
pub fn merged(live: &Document, ours: &[Node], prefix: &str) -> Result<Document, Vec<Problem>> {
    let mut tree = live.tree().clone();
    edit(&mut tree, |statements| {
        let mut wanted: BTreeMap<&str, &Node> =
            ours.iter().filter_map(|node| Some((sid(node)?, node))).collect();
        // Statements that stay keep their position.
        statements.retain_mut(|statement| {
            if !sid(statement).is_some_and(|sid| sid.starts_with(prefix)) {
                return true;
            }
            let new = sid(statement).and_then(|sid| wanted.remove(sid));
            if let Some(new) = new {
                *statement = new.clone();
            }
            new.is_some()
        });
        statements.extend(
            ours.iter().filter(|n| sid(n).is_some_and(|s| wanted.contains_key(s))).cloned(),
        );
    });
    Document::lenient(&tree, "aws")
}

/// Returns whether a statement of the old policy is not, word for word, in the new one.
#[must_use]
pub fn withdraws(old: &Document, new: &Document) -> bool {
    let texts = |document| -> BTreeSet<String> {
        statements(document).iter().map(|node| super::write::to_json(node).to_string()).collect()
    };
    !texts(old).is_subset(&texts(new))
}

/// Returns the new policy with the statements of the old one that it no longer has, or `None` if that is larger than
/// AWS accepts.
#[must_use]
pub fn union(old: &Document, new: &Document) -> Option<Document> {
    let kept = statements(new);
    let kept: BTreeSet<String> =
        kept.iter().map(|node| super::write::to_json(node).to_string()).collect();
    let mut tree = new.tree().clone();
    edit(&mut tree, |all| {
        let statements = statements(old).into_iter();
        all.extend(
            statements.filter(|node| !kept.contains(&super::write::to_json(node).to_string())),
        );
    });
    let both = Document::lenient(&tree, "aws").ok()?;
    (both.to_json().len() <= super::document::MAX_BYTES).then_some(both)
}

/// Returns the statements of a policy whose Sids begin with `prefix`.
#[must_use]
pub fn owned(document: &Document, prefix: &str) -> Vec<Node> {
    let mut tree = document.tree().clone();
    let mut found = Vec::new();
    edit(&mut tree, |statements| {
        found =
            statements.extract_if(.., |s| sid(s).is_some_and(|s| s.starts_with(prefix))).collect();
    });
    found
}

/// Returns the statements of a policy.
#[must_use]
pub fn statements(document: &Document) -> Vec<Node> {
    let mut tree = document.tree().clone();
    let mut found = Vec::new();
    edit(&mut tree, |statements| found = std::mem::take(statements));
    found
}

/// Prepends `prefix` to every Sid. Returns whether every statement has one.
pub fn put_prefix(statements: &mut [Node], prefix: &str) -> bool {
    statements.iter_mut().all(|statement| {
        let Value::Map(entries) = &mut statement.value else {
            return false;
        };
        let sid = entries.iter_mut().find(|entry| entry.key == "Sid");
        let Some(Value::Text(sid)) = sid.map(|entry| &mut entry.value.value) else {
            return false;
        };
        sid.insert_str(0, prefix);
        true
    })
}

/// Creates a policy from statements.
///
/// # Errors
/// Returns the problems of the policy.
pub fn of_statements(statements: Vec<Node>, partition: &str) -> Result<Document, Vec<Problem>> {
    Document::parse(&super::nodes::policy("kmsctl", statements), partition)
}

/// Changes the statements of a document. A single statement that is not in a list becomes a list of one.
fn edit(tree: &mut Node, change: impl FnOnce(&mut Vec<Node>)) {
    let Value::Map(entries) = &mut tree.value else {
        return;
    };
    let Some(statement) = entries.iter_mut().find(|entry| entry.key == "Statement") else {
        let mut statements = Vec::new();
        change(&mut statements);
        entries.push(entry("Statement", node(Value::List(statements))));
        return;
    };
    let span = statement.value.span;
    let mut statements = match std::mem::replace(&mut statement.value.value, Value::Null) {
        Value::List(statements) => statements,
        single @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Map(_)) => vec![Node { span, value: single }],
    };
    change(&mut statements);
    statement.value.value = Value::List(statements);
}

fn sid(statement: &Node) -> Option<&str> {
    let Value::Map(entries) = &statement.value else {
        return None;
    };
    entries.iter().find(|entry| entry.key == "Sid").and_then(|entry| match &entry.value.value {
        Value::Text(sid) => Some(sid.as_str()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
    })
}
