//! The statements of a policy as typed values, which evaluation, comparison and lint work with.
//!
//! The canonical form keeps the text of every element; here the elements are interpreted. A statement with an element
//! that kmsctl does not understand is marked [`unclear`](TypedStatement::unclear), and decisions that depend on it are
//! unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use super::actions::{ActionSet, glob};
use super::arn::{is_account, is_unique_id};
use super::canonical::{CanonicalStatement, Principals, Set};

/// A policy with typed statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedPolicy {
    /// Whether `${…}` is a policy variable. It is one only in version `2012-10-17` (IAM User Guide, "IAM JSON policy
    /// elements: Version").
    pub variables: bool,
    /// The statements in the order of the canonical form.
    pub statements: Vec<TypedStatement>,
    /// Whether the document has unknown elements next to its statements.
    pub unclear: bool,
}

/// A statement with typed elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypedStatement {
    /// The Sid, if it has one.
    pub sid: Option<String>,
    /// The effect.
    pub effect: Effect,
    /// The principals.
    pub principals: PrincipalElement,
    /// The actions.
    pub actions: ActionElement,
    /// The resources. A statement without any has no effect (KMS Developer Guide, "Creating a key policy").
    pub resources: Option<ResourceElement>,
    /// The conditions, which must all be met.
    pub conditions: BTreeSet<Test>,
    /// Whether the statement has unknown elements, or elements that contradict each other.
    pub unclear: bool,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The statement allows the request.
    Allow,
    /// The statement denies the request, even if another one allows it.
    Deny,
}

/// The `Principal` or `NotPrincipal` element of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrincipalElement {
    /// Whether the element is `NotPrincipal`: it matches every principal that is not named.
    pub except: bool,
    /// The named principals.
    pub names: BTreeSet<PrincipalName>,
}

/// A principal as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalName {
    /// The bare `*`: every principal, including AWS services.
    Everyone,
    /// `{"AWS": "*"}`: every identity of every account.
    AnyIdentity,
    /// An account: its root user, and the identities that its IAM policies allow.
    Account(String),
    /// A user, a role, a role session or a federated user, by its ARN as written.
    Identity(String),
    /// The unique id of an identity, which AWS returns in place of the ARN of a deleted one.
    UniqueId(String),
    /// An AWS service, such as `cloudtrail.amazonaws.com`.
    Service(String),
    /// An identity provider.
    Provider(String),
    /// Any other text. It matches no principal that kmsctl knows of.
    Other(String),
}

/// The `Action` or `NotAction` element of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionElement {
    /// Whether the element is `NotAction`: it matches every action that no pattern matches.
    pub except: bool,
    /// The patterns in lower case.
    pub patterns: BTreeSet<String>,
}

impl ActionElement {
    /// Returns whether the element matches the action, such as `kms:Decrypt`, in any case.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| glob(pattern, &action)) != self.except
    }

    /// Returns the known actions that the element matches.
    #[must_use]
    pub fn known(&self) -> ActionSet {
        let matched = self
            .patterns
            .iter()
            .map(|pattern| ActionSet::matching(pattern))
            .fold(ActionSet::NONE, ActionSet::or);
        if self.except { ActionSet::ALL.without(matched) } else { matched }
    }
}

/// The `Resource` or `NotResource` element of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceElement {
    /// Whether the element is `NotResource`: it matches every resource that no pattern matches.
    pub except: bool,
    /// The patterns as written.
    pub patterns: BTreeSet<String>,
}

/// One condition: an operator, a condition key, and the values that the key is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// The set operator.
    pub quantifier: Quantifier,
    /// The comparison, without its negation.
    pub operator: Operator,
    /// Whether the operator is negated, such as `StringNotEquals`: none of the values may match.
    pub negated: bool,
    /// Whether the operator ends in `IfExists`: a request without the key meets the condition.
    pub if_exists: bool,
    /// The condition key, in lower case.
    pub key: String,
    /// The values as written.
    pub values: BTreeSet<String>,
}

impl Test {
    /// Returns whether one of the values is the word, in any case.
    pub(super) fn has_value(&self, word: &str) -> bool {
        self.values.iter().any(|value| value.eq_ignore_ascii_case(word))
    }
}

/// The set operator of a condition (IAM User Guide, "Set operators for multivalued context keys").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantifier {
    /// No set operator: the key has one value.
    One,
    /// `ForAllValues:`. A request without the key meets the condition.
    All,
    /// `ForAnyValue:`. A request without the key does not meet the condition.
    Any,
}

/// A comparison without its negation (IAM User Guide, "IAM JSON policy elements: Condition operators").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are AWS's")]
pub enum Operator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    NumericEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    /// `ArnEquals` and `ArnLike`, which behave the same.
    ArnLike,
    Null,
    /// A word that is not an operator of IAM.
    Unknown(String),
}

impl Document {
    /// Returns the policy with typed statements. A statement whose effect is neither `Allow` nor `Deny` is left out.
    #[must_use]
    pub fn typed(&self) -> TypedPolicy {
        let canonical = self.canonical();
        let variables = canonical.version.as_deref() == Some("2012-10-17");
        let statements = canonical.statements.iter().filter_map(typed).collect();
        TypedPolicy { variables, statements, unclear: !canonical.extra.is_empty() }
    }

    /// Returns the index of a statement in the author's order.
    #[must_use]
    pub fn position(&self, statement: &TypedStatement) -> Option<usize> {
        self.as_written().iter().position(|written| typed(written).as_ref() == Some(statement))
    }

    /// Returns the label of a statement in messages: its Sid, or its position, such as `#2`.
    #[must_use]
    pub fn label(&self, statement: &TypedStatement) -> String {
        match (&statement.sid, self.position(statement)) {
            (Some(sid), _) => sid.clone(),
            (None, Some(index)) => format!("#{}", index + 1),
            (None, None) => "#?".to_owned(),
        }
    }
}

/// Returns the typed statement, or `None` if its effect is neither `Allow` nor `Deny`.
fn typed(statement: &CanonicalStatement) -> Option<TypedStatement> {
    let effect = match statement.effect.as_deref()? {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        _ => return None,
    };
    let principals = match (&statement.principal, &statement.not_principal) {
        (Some(principals), _) => PrincipalElement { except: false, names: names(principals) },
        (None, Some(principals)) => PrincipalElement { except: true, names: names(principals) },
        (None, None) => PrincipalElement::default(),
    };
    let actions = match (&statement.action, &statement.not_action) {
        (Some(patterns), _) => ActionElement { except: false, patterns: patterns.clone() },
        (None, Some(patterns)) => ActionElement { except: true, patterns: patterns.clone() },
        (None, None) => ActionElement::default(),
    };
    let resources = match (&statement.resource, &statement.not_resource) {
        (Some(patterns), _) => Some(ResourceElement { except: false, patterns: patterns.clone() }),
        (None, Some(patterns)) => {
            Some(ResourceElement { except: true, patterns: patterns.clone() })
        }
        (None, None) => None,
    };
    let conditions = statement
        .condition
        .iter()
        .flatten()
        .flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| test(operator, key, values))
        })
        .collect();
    Some(TypedStatement {
        sid: statement.sid.clone(),
        effect,
        principals,
        actions,
        resources,
        conditions,
        unclear: !statement.extra.is_empty() || is_contradictory(statement),
    })
}

/// Returns whether elements exclude each other, or a condition is empty: AWS's documents contradict each other about
/// what an empty condition means (IAM User Guide, "IAM JSON policy elements: Condition" and "Access Analyzer policy
/// check reference").
fn is_contradictory(statement: &CanonicalStatement) -> bool {
    let condition = statement.condition.as_ref();
    (statement.action.is_some() && statement.not_action.is_some())
        || (statement.resource.is_some() && statement.not_resource.is_some())
        || (statement.principal.is_some() && statement.not_principal.is_some())
        || condition.is_some_and(|map| map.is_empty() || map.values().any(BTreeMap::is_empty))
}

fn names(principals: &Principals) -> BTreeSet<PrincipalName> {
    let Principals::Typed(types) = principals else {
        return BTreeSet::from([PrincipalName::Everyone]);
    };
    types
        .iter()
        .flat_map(|(kind, texts)| texts.iter().map(move |text| principal_name(kind, text)))
        .collect()
}

/// Returns the principal of a type, such as `AWS`, and a text.
pub(super) fn principal_name(kind: &str, text: &str) -> PrincipalName {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    match (kind, fields.as_slice()) {
        ("AWS", ["*"]) => PrincipalName::AnyIdentity,
        ("AWS", ["arn", _, "iam", "", account, "root"]) if is_account(account) => {
            PrincipalName::Account((*account).to_owned())
        }
        ("AWS", ["arn", _, "iam" | "sts", "", account, _]) if is_account(account) => {
            PrincipalName::Identity(text.to_owned())
        }
        ("AWS", [only]) if is_account(only) => PrincipalName::Account((*only).to_owned()),
        ("AWS", [only]) if is_unique_id(only) => PrincipalName::UniqueId((*only).to_owned()),
        ("Service", _) => PrincipalName::Service(text.to_owned()),
        ("Federated", _) => PrincipalName::Provider(text.to_owned()),
        _ => PrincipalName::Other(text.to_owned()),
    }
}

/// Returns the condition of an operator, a condition key in lower case, and values.
pub(super) fn test(operator: &str, key: &str, values: &Set) -> Test {
    let (quantifier, rest) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (Quantifier::All, rest),
        Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
        Some(_) | None => (Quantifier::One, operator),
    };
    let (plain, if_exists) = match rest.strip_suffix("IfExists") {
        Some(plain) => (plain, true),
        None => (rest, false),
    };
    let (operator, negated) =
        comparison(plain).unwrap_or_else(|| (Operator::Unknown(rest.to_owned()), false));
    Test { quantifier, operator, negated, if_exists, key: key.to_owned(), values: values.clone() }
}

/// The condition operators, each with the comparison it stands for and whether it negates it. IAM lists them in exactly
/// this spelling (IAM User Guide, "IAM JSON policy elements: Condition operators"), so another case is another word.
static OPERATORS: [(&str, Operator, bool); 27] = [
    ("StringEquals", Operator::StringEquals, false),
    ("StringNotEquals", Operator::StringEquals, true),
    ("StringEqualsIgnoreCase", Operator::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Operator::StringEqualsIgnoreCase, true),
    ("StringLike", Operator::StringLike, false),
    ("StringNotLike", Operator::StringLike, true),
    ("NumericEquals", Operator::NumericEquals, false),
    ("NumericNotEquals", Operator::NumericEquals, true),
    ("NumericLessThan", Operator::NumericLessThan, false),
    ("NumericLessThanEquals", Operator::NumericLessThanEquals, false),
    ("NumericGreaterThan", Operator::NumericGreaterThan, false),
    ("NumericGreaterThanEquals", Operator::NumericGreaterThanEquals, false),
    ("DateEquals", Operator::DateEquals, false),
    ("DateNotEquals", Operator::DateEquals, true),
    ("DateLessThan", Operator::DateLessThan, false),
    ("DateLessThanEquals", Operator::DateLessThanEquals, false),
    ("DateGreaterThan", Operator::DateGreaterThan, false),
    ("DateGreaterThanEquals", Operator::DateGreaterThanEquals, false),
    ("Bool", Operator::Bool, false),
    ("BinaryEquals", Operator::BinaryEquals, false),
    ("IpAddress", Operator::IpAddress, false),
    ("NotIpAddress", Operator::IpAddress, true),
    ("ArnEquals", Operator::ArnLike, false),
    ("ArnLike", Operator::ArnLike, false),
    ("ArnNotEquals", Operator::ArnLike, true),
    ("ArnNotLike", Operator::ArnLike, true),
    ("Null", Operator::Null, false),
];

fn comparison(operator: &str) -> Option<(Operator, bool)> {
    let (_, operator, negated) = OPERATORS.iter().find(|(name, _, _)| *name == operator)?;
    Some((operator.clone(), *negated))
}

/// Returns the names of the condition operators.
pub(super) fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _, _)| *name)
}
