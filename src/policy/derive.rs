//! Statements that follow from what uses a key: what its service needs, as tightly as AWS documents it (aws-semantics 5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::build::{entry, map, node, text, texts};
use super::eval::{Asked, Context, Decision, Fact, Key, Principal, Request, decide};
use super::{Document, Problem};
use crate::tree::{Node, Value};

/// Who must be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A service, by its principal. IAM knows no policies of services: the key policy must allow it.
    Service(String),
    /// Users and roles, by their ARNs. Their IAM policies count where the key policy lets them.
    Identities(BTreeSet<String>),
    /// Roles that belong to services, by their ARNs. Their IAM policies cannot be changed, so the key policy must allow
    /// them.
    ServiceRoles(BTreeSet<String>),
    /// Everyone whom a condition on the account lets through.
    Everyone,
}

impl fmt::Display for Who {
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

/// A condition of a statement: operator, key, and the values of which one must match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// IAM's operator.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The values.
    pub values: BTreeSet<String>,
}

impl Condition {
    /// A condition with one value.
    #[must_use]
    pub fn new(operator: &str, key: &str, value: impl Into<String>) -> Self {
        let values = BTreeSet::from([value.into()]);
        Self { operator: operator.to_owned(), key: key.to_owned(), values }
    }
}

/// What a consumer needs of its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// What for, in one word: the Sid of the statement. Needs of one purpose become one statement.
    pub purpose: String,
    /// Who.
    pub who: Who,
    /// The actions, with `kms:`.
    pub actions: BTreeSet<String>,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Whether the consumer does not work without it.
    pub required: bool,
}

impl Need {
    /// A need without conditions, without which the consumer does not work.
    #[must_use]
    pub fn new(purpose: &str, who: Who, actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        Self { purpose: purpose.to_owned(), who, actions, conditions: Vec::new(), required: true }
    }

    /// The same under a further condition.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, value: impl Into<String>) -> Self {
        self.conditions.push(Condition::new(operator, key, value));
        self
    }

    /// The same, where the consumer works without it.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// Takes what another need of the same purpose adds.
    fn merge(&mut self, other: &Self) {
        match (&mut self.who, &other.who) {
            (Who::Identities(ours), Who::Identities(theirs))
            | (Who::ServiceRoles(ours), Who::ServiceRoles(theirs)) => {
                ours.extend(theirs.iter().cloned());
            }
            (
                Who::Service(_) | Who::Everyone | Who::Identities(_) | Who::ServiceRoles(_),
                Who::Service(_) | Who::Everyone | Who::Identities(_) | Who::ServiceRoles(_),
            ) => {}
        }
        self.actions.extend(other.actions.iter().cloned());
        self.required |= other.required;
        for condition in &mut self.conditions {
            let same = |theirs: &&Condition| {
                theirs.operator == condition.operator && theirs.key == condition.key
            };
            let values = other.conditions.iter().filter(same).flat_map(|theirs| &theirs.values);
            condition.values.extend(values.cloned());
        }
    }

    /// Whether two needs can be one statement.
    fn joins(&self, other: &Self) -> bool {
        let keys = |need: &Self| -> Vec<(String, String)> {
            need.conditions.iter().map(|c| (c.operator.clone(), c.key.clone())).collect()
        };
        let who = match (&self.who, &other.who) {
            (Who::Service(ours), Who::Service(theirs)) => ours == theirs,
            (Who::Everyone, Who::Everyone)
            | (Who::Identities(_), Who::Identities(_))
            | (Who::ServiceRoles(_), Who::ServiceRoles(_)) => true,
            (
                Who::Service(_) | Who::Everyone | Who::Identities(_) | Who::ServiceRoles(_),
                Who::Service(_) | Who::Everyone | Who::Identities(_) | Who::ServiceRoles(_),
            ) => false,
        };
        who && self.purpose == other.purpose && keys(self) == keys(other)
    }

    fn statement(&self, sid: &str) -> Node {
        let names =
            |names: &BTreeSet<String>| map(vec![("AWS", texts(names.iter().map(String::as_str)))]);
        let principal = match &self.who {
            Who::Service(service) => map(vec![("Service", text(service))]),
            Who::Identities(arns) | Who::ServiceRoles(arns) => names(arns),
            Who::Everyone => map(vec![("AWS", text("*"))]),
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

    /// The actions that a policy does not allow as they are needed; `None` for those of which that is not known.
    #[must_use]
    pub fn lacks(&self, policy: &Document, key: &Key<'_>) -> BTreeSet<String> {
        let meaning = policy.meaning();
        let explicit = match &self.who {
            Who::Service(_) | Who::ServiceRoles(_) => true,
            Who::Identities(_) | Who::Everyone => false,
        };
        let allowed = |principal: &str, action: &str| {
            let (Ok(principal), Ok(action)) =
                (Principal::parse(principal, key.partition), Asked::parse(action))
            else {
                return true;
            };
            let request = Request { principal, action, context: self.context() };
            match decide(&meaning, key, &[], &request) {
                Decision::Allowed(_) | Decision::Unknown(_) => true,
                Decision::Delegated(_) | Decision::IamOnly => !explicit,
                Decision::Denied(_) => false,
            }
        };
        let names: Vec<&str> = match &self.who {
            Who::Service(service) => vec![service],
            Who::Identities(arns) | Who::ServiceRoles(arns) => {
                arns.iter().map(String::as_str).collect()
            }
            Who::Everyone => Vec::new(),
        };
        let actions = self.actions.iter().flat_map(|action| concrete(action));
        let missing = actions.filter(|action| names.iter().any(|name| !allowed(name, action)));
        missing.collect()
    }

    /// What a request of the service has, beside what is not known.
    fn context(&self) -> Context {
        let mut context = Context::open();
        for condition in &self.conditions {
            if ["StringEquals", "Bool", "ArnEquals"].contains(&condition.operator.as_str())
                && let Some(value) = condition.values.first()
            {
                context.set(&condition.key, Fact::Known(BTreeSet::from([value.clone()])));
            }
        }
        context
    }
}

/// The actions that a pattern stands for.
fn concrete(pattern: &str) -> Vec<String> {
    let known = super::actions::KEY_ACTIONS.iter().map(|action| format!("kms:{}", action.name));
    match pattern.strip_suffix('*') {
        Some(prefix) => known.filter(|action| action.starts_with(prefix)).collect(),
        None => vec![pattern.to_owned()],
    }
}

/// A statement that follows from consumers.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// Its Sid.
    pub sid: String,
    /// What it says.
    pub statement: Node,
    /// From what, in the words of addresses.
    pub sources: BTreeSet<String>,
}

/// The statements for all needs: one a purpose, so that several consumers of one kind share it. `prefix` begins every
/// Sid; none is one that a statement of `beside` has.
#[must_use]
pub fn derive(needs: &[(String, Need)], prefix: &str, beside: &Document) -> Vec<Derived> {
    let mut merged: Vec<(Need, BTreeSet<String>)> = Vec::new();
    for (source, need) in needs {
        match merged.iter_mut().find(|(known, _)| known.joins(need)) {
            Some((known, sources)) => {
                known.merge(need);
                sources.insert(source.clone());
            }
            None => merged.push((need.clone(), BTreeSet::from([source.clone()]))),
        }
    }
    merged.sort();
    let mut taken: BTreeSet<String> =
        statements(beside).iter().filter_map(sid).map(str::to_owned).collect();
    let each = merged.into_iter().map(|(need, sources)| {
        let mut sid = format!("{prefix}{}", need.purpose);
        let mut n = 2_u32;
        while !taken.insert(sid.clone()) {
            sid = format!("{prefix}{}{n}", need.purpose);
            n += 1;
        }
        Derived { statement: need.statement(&sid), sid, sources }
    });
    each.collect()
}

/// The policy with the statements after its own.
///
/// # Errors
/// The problems of the whole, such as its size.
pub fn with(
    document: &Document,
    derived: &[Derived],
    partition: &str,
) -> Result<Document, Vec<Problem>> {
    let mut tree = document.tree().clone();
    edit(&mut tree, |statements| {
        statements.extend(derived.iter().map(|derived| derived.statement.clone()));
    });
    Document::parse(&tree, partition)
}

/// The policy in AWS with the statements whose Sids begin with `prefix` replaced: every other statement stays what it
/// is, character for character.
///
/// # Errors
/// The problems of the whole, such as its size.
pub fn merged(live: &Document, ours: &[Node], prefix: &str) -> Result<Document, Vec<Problem>> {
    let mut tree = live.tree().clone();
    edit(&mut tree, |statements| {
        let own = |statement: &Node| sid(statement).is_some_and(|sid| sid.starts_with(prefix));
        let mut wanted: BTreeMap<&str, &Node> =
            ours.iter().filter_map(|node| Some((sid(node)?, node))).collect();
        // What stays, stays in its place.
        statements.retain_mut(|statement| {
            if !own(statement) {
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

/// The policy with the statements of an older one that it no longer has; `None` where that is too
/// large.
#[must_use]
pub fn union(old: &Document, new: &Document) -> Option<Document> {
    let kept = statements(new);
    let kept: BTreeSet<String> =
        kept.iter().map(|node| super::write::to_json(node).to_string()).collect();
    let mut tree = new.tree().clone();
    edit(&mut tree, |all| {
        let lost = |node: &Node| !kept.contains(&super::write::to_json(node).to_string());
        all.extend(statements(old).into_iter().filter(lost));
    });
    let both = Document::lenient(&tree, "aws").ok()?;
    (both.to_json().len() <= super::document::MAX_BYTES).then_some(both)
}

/// The statements of a policy whose Sids begin with `prefix`.
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

/// The statements of a policy.
#[must_use]
pub fn statements(document: &Document) -> Vec<Node> {
    let mut tree = document.tree().clone();
    let mut found = Vec::new();
    edit(&mut tree, |statements| found = std::mem::take(statements));
    found
}

/// Begins every Sid with `prefix`; whether all of them have one.
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

/// A policy of these statements.
///
/// # Errors
/// Its problems.
pub fn of_statements(statements: Vec<Node>, partition: &str) -> Result<Document, Vec<Problem>> {
    Document::parse(&super::build::policy("kmsctl", statements), partition)
}

/// Changes the statements of a document; a single one that is not in a list becomes a list.
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
