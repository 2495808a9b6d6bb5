//! A key policy as the author wrote it, with its canonical form.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::canonical::{Canonical, CanonicalStatement, Principals};
use super::reader::Reader;
use super::{OWN_KEY, Problem, json, write};
use crate::tree::{Entry, Node, Span, Value};

/// The largest policy that AWS accepts, in bytes (KMS API Reference, PutKeyPolicy).
pub(super) const MAX_BYTES: usize = 32_768;

/// A key policy.
///
/// Two policies are equal if their canonical forms are: the order and repetition of list items, lists of one item, the
/// case of actions, and the two spellings of an account do not matter.
#[derive(Clone, Debug)]
pub struct Document {
    forms: Arc<Forms>,
}

/// The two forms of a policy. They are shared, because a plan contains the same policy in many places.
#[derive(Debug)]
struct Forms {
    authored: Node,
    canonical: Canonical,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.forms, &other.forms) || self.forms.canonical == other.forms.canonical
    }
}

impl Eq for Document {}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_json())
    }
}

/// The largest policy in an answer of AWS, a record or a saved plan, in bytes. KMS accepts 32 KiB; a policy in the
/// configuration can be larger before its plan is refused.
pub const MOST_RECORDED: usize = 128 << 10;

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // `to_json` writes account ids as ARNs, so the partition does not matter here.
        Self::from_live(&text, "aws").map_err(|problems| {
            let messages: Vec<&str> =
                problems.iter().map(|problem| problem.message.as_str()).collect();
            serde::de::Error::custom(messages.join("; "))
        })
    }
}

impl Document {
    fn new(authored: Node, canonical: Canonical) -> Self {
        Self { forms: Arc::new(Forms { authored, canonical }) }
    }

    /// Reads a policy that a person wrote, strictly.
    ///
    /// # Errors
    /// Returns all problems of the policy.
    pub fn parse(node: &Node, partition: &str) -> Result<Self, Vec<Problem>> {
        Self::read(node, partition, true)
    }

    /// Reads a policy that AWS returned. Unique ids are accepted, and unknown elements are kept.
    ///
    /// # Errors
    /// Returns an error if the text is larger than [`MOST_RECORDED`], not JSON, or not a policy at all.
    pub fn from_live(text: &str, partition: &str) -> Result<Self, Vec<Problem>> {
        if text.len() > MOST_RECORDED {
            let span = Span { source: 0, start: 0, end: 0 };
            let message = format!("a policy is larger than {} KiB", MOST_RECORDED >> 10);
            return Err(vec![Problem::new(span, message)]);
        }
        Self::read(&json(text, 0)?, partition, false)
    }

    /// Reads a tree the way [`Document::from_live`] reads a text.
    ///
    /// # Errors
    /// Returns an error if the tree is not a policy at all.
    pub fn lenient(node: &Node, partition: &str) -> Result<Self, Vec<Problem>> {
        Self::read(node, partition, false)
    }

    fn read(node: &Node, partition: &str, strict: bool) -> Result<Self, Vec<Problem>> {
        let authored = write::authored(node, partition);
        let mut reader = Reader { partition, strict, problems: Vec::new() };
        let canonical = reader.document(&authored);
        let mut problems = reader.problems;
        if strict {
            check_characters(&authored, &mut problems);
            problems.extend(check_size(&authored).err());
        }
        match canonical {
            Some(canonical) if problems.is_empty() => Ok(Self::new(authored, canonical)),
            Some(_) | None => Err(problems),
        }
    }

    /// Creates a policy from a tree that kmsctl wrote, or has read before.
    fn of_tree(authored: Node) -> Self {
        let mut reader = Reader { partition: "", strict: false, problems: Vec::new() };
        let canonical = reader.document(&authored).unwrap_or_default();
        Self::new(authored, canonical)
    }

    /// Creates a policy without statements.
    #[must_use]
    pub fn empty() -> Self {
        Self::of_tree(super::nodes::policy("silent", Vec::new()))
    }

    /// Returns the text that is sent to AWS: the author's statements in the author's order, minified.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::to_json(&self.forms.authored).to_string()
    }

    /// Returns the canonical form as indented JSON. Equal documents have equal texts.
    #[must_use]
    pub fn pretty(&self) -> String {
        write::pretty(&self.forms.canonical)
    }

    /// Returns whether the policy contains the placeholder for the ARN of its own key.
    #[must_use]
    pub fn names_own_key(&self) -> bool {
        any_text(&self.forms.authored, &|text| text.contains(OWN_KEY))
    }

    /// Returns the policy with the placeholder replaced by the ARN.
    #[must_use]
    pub fn with_own_key(&self, arn: &str) -> Self {
        let mut authored = self.forms.authored.clone();
        replace(&mut authored, arn);
        Self::of_tree(authored)
    }

    /// Returns every ARN in `Principal` and `NotPrincipal` elements, sorted and without repetition.
    #[must_use]
    pub fn principals(&self) -> Vec<String> {
        let mut named = self.named("AWS");
        named.retain(|name| name.starts_with("arn:"));
        named.into_iter().collect()
    }

    /// Returns every service principal in `Principal` and `NotPrincipal` elements.
    #[must_use]
    pub fn services(&self) -> BTreeSet<String> {
        self.named("Service")
    }

    /// Returns the principals of a type.
    fn named(&self, r#type: &str) -> BTreeSet<String> {
        let statements = self.forms.canonical.statements.iter();
        let elements = statements.flat_map(|s| [&s.principal, &s.not_principal]);
        let names = elements.filter_map(|principals| match principals {
            Some(Principals::Typed(types)) => types.get(r#type),
            Some(Principals::Everyone) | None => None,
        });
        names.flatten().cloned().collect()
    }

    /// Returns the statements in the author's order.
    pub(super) fn as_written(&self) -> Vec<CanonicalStatement> {
        let mut reader = Reader { partition: "", strict: false, problems: Vec::new() };
        reader.list_statements(&self.forms.authored)
    }

    /// Returns the effect and the Sid of each statement, in the author's order.
    #[must_use]
    pub fn headings(&self) -> Vec<(Option<String>, Option<String>)> {
        self.as_written().into_iter().map(|statement| (statement.effect, statement.sid)).collect()
    }

    /// Returns the author's tree, with the position of every value.
    #[must_use]
    pub fn tree(&self) -> &Node {
        &self.forms.authored
    }

    /// Returns the canonical form.
    pub(super) fn canonical(&self) -> &Canonical {
        &self.forms.canonical
    }
}

/// Checks that a policy is not larger than AWS accepts.
///
/// # Errors
/// Returns the problem if it is.
pub(crate) fn check_size(node: &Node) -> Result<(), Problem> {
    let bytes = write::to_json(node).to_string().len();
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!("the policy has {bytes} bytes without white space");
    Err(Problem::new(node.span, message).help(format!("AWS accepts at most {MAX_BYTES} bytes")))
}

/// Returns the policy that AWS attaches to a key that is created without one (KMS Developer Guide, "Default key
/// policy").
#[must_use]
pub fn aws_default(partition: &str, account: &str) -> Document {
    let root = format!("arn:{partition}:iam::{account}:root");
    let statement = super::nodes::allow(super::build::OF_ROOT, &[root], &["kms:*"]);
    let node = super::nodes::policy("key-default-1", vec![statement]);
    Document::of_tree(write::authored(&node, partition))
}

/// Reports the first character of each text that AWS does not accept (KMS API Reference, PutKeyPolicy, pattern of
/// `Policy`).
pub(super) fn check_characters(node: &Node, problems: &mut Vec<Problem>) {
    let mut check = |text: &str, span: Span| {
        let mut chars = text.chars();
        if let Some(c) = chars.find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
            let message = format!(
                "`{}` (U+{:04X}) is not allowed in a key policy",
                c.escape_debug(),
                u32::from(c)
            );
            problems.push(
                Problem::new(span, message).help("use Latin-1 characters (up to U+00FF) only"),
            );
        }
    };
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Text(text) => check(text, node.span),
        Value::List(items) => items.iter().for_each(|item| check_characters(item, problems)),
        Value::Map(entries) => {
            for entry in entries {
                check(&entry.key, entry.key_span);
            }
            for entry in entries {
                check_characters(&entry.value, problems);
            }
        }
    }
}

fn any_text(node: &Node, test: &impl Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::Text(text) => test(text),
        Value::List(items) => items.iter().any(|item| any_text(item, test)),
        Value::Map(entries) => entries.iter().any(|entry| any_text(&entry.value, test)),
    }
}

fn replace(node: &mut Node, arn: &str) {
    match &mut node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Text(text) => *text = text.replace(OWN_KEY, arn),
        Value::List(items) => items.iter_mut().for_each(|item| replace(item, arn)),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|Entry { value, .. }| replace(value, arn));
        }
    }
}
