//! The statements of a policy as typed values, which evaluation, comparison and lint work with.
//!
//! The canonical form keeps the text of every element; here the elements are interpreted. A statement with an element
//! that kmsctl does not understand is marked [`unclear`](TypedStatement::unclear), and decisions that depend on it are
//! unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use super::actions::{ActionSet, glob};
use super::arn::{is_account, is_unique_id};
use super::canonical::{CanonicalStatement, Conditions, Principals, Set};
use super::reader::ELEMENTS;

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
    /// Whether the statement has elements that are unknown, unreadable, missing or in contradiction to each other. What
    /// it would do, if AWS gave it an effect, is at most what the other fields say.
    pub unclear: bool,
    /// The elements that make the statement unclear, as text.
    pub(super) unread: BTreeMap<String, String>,
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
    Account(Account),
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

/// An account of a partition. The same number in another partition is another account (IAM User Guide, "IAM JSON policy
/// elements: Principal").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// The partition, such as `aws`. It is empty if only the number is written, which is of the key's partition.
    pub partition: String,
    /// The account id.
    pub id: String,
}

impl Account {
    /// Returns whether this is the account with an id in a partition.
    #[must_use]
    pub fn is(&self, partition: &str, id: &str) -> bool {
        self.id == id && (self.partition.is_empty() || self.partition == partition)
    }
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
    /// Returns whether every request meets the test: it is about presence, and met with the key and without it.
    pub(super) fn is_always_met(&self) -> bool {
        self.operator == Operator::Null
            && self.quantifier == Quantifier::One
            && !self.if_exists
            && self.has_value("true")
            && self.has_value("false")
    }

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
    /// Returns the policy with typed statements.
    #[must_use]
    pub fn typed(&self) -> TypedPolicy {
        let canonical = self.canonical();
        let variables = canonical.version.as_deref() == Some("2012-10-17");
        let statements = canonical.statements.iter().flat_map(typed).collect();
        TypedPolicy { variables, statements, unclear: !self.unread().is_empty() }
    }

    /// Returns the elements next to the statements that are unknown or unreadable, as JSON.
    pub(super) fn unread(&self) -> BTreeMap<String, String> {
        let canonical = self.canonical();
        let mut unread = canonical.extra.clone();
        if let Some(version) = &canonical.version
            && !matches!(version.as_str(), "2012-10-17" | "2008-10-17")
        {
            unread.insert("Version".to_owned(), version.clone());
        }
        unread
    }

    /// Returns the principals of the statements, by effect, and whether they are excepted (`NotPrincipal`).
    #[must_use]
    pub fn principals_by_effect(&self) -> BTreeSet<(Effect, bool, PrincipalName)> {
        let statements = self.typed().statements.into_iter();
        let named = statements.flat_map(|statement| {
            let PrincipalElement { except, names } = statement.principals;
            names.into_iter().map(move |name| (statement.effect, except, name))
        });
        named.collect()
    }

    /// Returns the index of a statement in the author's order.
    #[must_use]
    pub fn position(&self, statement: &TypedStatement) -> Option<usize> {
        self.as_written().iter().position(|written| typed(written).contains(statement))
    }

    /// Returns the labels of all statements in messages, as [`Document::label`] does for one.
    pub(super) fn labels(&self) -> BTreeMap<TypedStatement, String> {
        let mut labels = BTreeMap::new();
        for (index, written) in self.as_written().iter().enumerate() {
            for statement in typed(written) {
                let sid = statement.sid.clone();
                let label = sid.unwrap_or_else(|| format!("#{}", index + 1));
                labels.entry(statement).or_insert(label);
            }
        }
        labels
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

/// Returns the typed statement. A statement whose effect is neither `Allow` nor `Deny` could be either.
fn typed(statement: &CanonicalStatement) -> Vec<TypedStatement> {
    let effects = match statement.effect.as_deref() {
        Some("Allow") => vec![Effect::Allow],
        Some("Deny") => vec![Effect::Deny],
        Some(_) | None => vec![Effect::Allow, Effect::Deny],
    };
    let unclear = effects.len() > 1 || is_unclear(statement);
    let conditions: BTreeSet<Test> = statement
        .condition
        .iter()
        .flatten()
        .flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| test(operator, key, values))
        })
        .collect();
    effects
        .into_iter()
        .map(|effect| TypedStatement {
            sid: statement.sid.clone(),
            effect,
            principals: principals(statement),
            actions: actions(statement),
            resources: resources(statement),
            conditions: conditions.clone(),
            unclear,
            unread: unread(statement),
        })
        .collect()
}

/// Returns the elements of a statement that cannot be read, that exclude each other, or that are empty or missing, as
/// text.
fn unread(statement: &CanonicalStatement) -> BTreeMap<String, String> {
    let mut unread = statement.extra.clone();
    let is_missing = [
        ("Effect", statement.effect.is_none()),
        ("Principal", statement.principal.is_none() && statement.not_principal.is_none()),
    ];
    for (element, is_missing) in is_missing {
        if is_missing {
            unread.entry(element.to_owned()).or_insert_with(|| "missing".to_owned());
        }
    }
    if let Some(effect) = &statement.effect
        && !matches!(effect.as_str(), "Allow" | "Deny")
    {
        unread.insert("Effect".to_owned(), effect.clone());
    }
    let pairs = [
        ("NotAction", statement.action.as_ref().zip(statement.not_action.as_ref())),
        ("NotResource", statement.resource.as_ref().zip(statement.not_resource.as_ref())),
    ];
    for (element, both) in pairs {
        unread.extend(both.map(|both| (element.to_owned(), format!("{both:?}"))));
    }
    if let Some(condition) = &statement.condition
        && is_empty(condition)
    {
        unread.insert("Condition".to_owned(), format!("{condition:?}"));
    }
    if let (Some(yes), Some(no)) = (&statement.principal, &statement.not_principal) {
        unread.insert("NotPrincipal".to_owned(), format!("{yes:?} {no:?}"));
    }
    unread
}

/// Returns whether an element cannot be read: it is not of its type, or it is missing and may be misspelt.
fn is_unread(statement: &CanonicalStatement, element: &str, is_read: bool) -> bool {
    let is_unknown = |name: &String| !ELEMENTS.contains(&name.as_str());
    statement.extra.contains_key(element)
        || statement.extra.contains_key(&format!("Not{element}"))
        || (!is_read && statement.extra.keys().any(is_unknown))
}

/// Returns the principals; everyone if they cannot be read, or are missing.
fn principals(statement: &CanonicalStatement) -> PrincipalElement {
    let (yes, no) = (&statement.principal, &statement.not_principal);
    match (yes, no) {
        _ if is_unread(statement, "Principal", yes.is_some() || no.is_some()) => {}
        (Some(principals), None) => {
            return PrincipalElement { except: false, names: names(principals) };
        }
        (None, Some(principals)) => {
            return PrincipalElement { except: true, names: names(principals) };
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    PrincipalElement { except: false, names: BTreeSet::from([PrincipalName::Everyone]) }
}

/// Returns the actions; all if they cannot be read.
fn actions(statement: &CanonicalStatement) -> ActionElement {
    let (yes, no) = (&statement.action, &statement.not_action);
    let all = ActionElement { except: false, patterns: BTreeSet::from(["*".to_owned()]) };
    match (yes, no) {
        _ if is_unread(statement, "Action", yes.is_some() || no.is_some()) => all,
        (Some(_), Some(_)) => all,
        (Some(patterns), None) => ActionElement { except: false, patterns: patterns.clone() },
        (None, Some(patterns)) => ActionElement { except: true, patterns: patterns.clone() },
        (None, None) => ActionElement::default(),
    }
}

/// Returns the resources; all if they cannot be read.
fn resources(statement: &CanonicalStatement) -> Option<ResourceElement> {
    let (yes, no) = (&statement.resource, &statement.not_resource);
    let all = ResourceElement { except: false, patterns: BTreeSet::from(["*".to_owned()]) };
    match (yes, no) {
        _ if is_unread(statement, "Resource", yes.is_some() || no.is_some()) => Some(all),
        (Some(_), Some(_)) => Some(all),
        (Some(patterns), None) => {
            Some(ResourceElement { except: false, patterns: patterns.clone() })
        }
        (None, Some(patterns)) => {
            Some(ResourceElement { except: true, patterns: patterns.clone() })
        }
        (None, None) => None,
    }
}

/// Returns whether elements are unread, or the principals are missing.
fn is_unclear(statement: &CanonicalStatement) -> bool {
    !unread(statement).is_empty()
        || (statement.principal.is_none() && statement.not_principal.is_none())
}

/// Returns whether a condition is empty, or one of its operators is. AWS's documents contradict each other about what
/// that means (IAM User Guide, "IAM JSON policy elements: Condition" and "Access Analyzer policy check reference").
fn is_empty(condition: &Conditions) -> bool {
    condition.is_empty() || condition.values().any(BTreeMap::is_empty)
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
        ("AWS", ["arn", partition, "iam", "", account, "root"]) if is_account(account) => {
            let (partition, id) = ((*partition).to_owned(), (*account).to_owned());
            PrincipalName::Account(Account { partition, id })
        }
        ("AWS", ["arn", _, "iam" | "sts", "", account, _]) if is_account(account) => {
            PrincipalName::Identity(text.to_owned())
        }
        ("AWS", [only]) if is_account(only) => {
            PrincipalName::Account(Account { partition: String::new(), id: (*only).to_owned() })
        }
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
