//! What the statements of a policy say, typed: the ground that evaluation, access and lint stand on.
//!
//! The canonical form keeps every word, because AWS would; here words become the tests that AWS makes of them. Nothing
//! is dropped: what is not understood makes its statement [`unclear`](Rule::unclear), and no answer is built on it.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use super::actions::{ActionSet, glob};
use super::arn::{is_account, is_unique_id};
use super::canon::{Principals, Set, Statement};

/// The statements of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Whether `${…}` in values is a policy variable: only in the version of 2012 (IAM User Guide, Version).
    pub variables: bool,
    /// In the order of the canonical form.
    pub rules: Vec<Rule>,
    /// Whether the document has elements beside its statements that are not understood.
    pub unclear: bool,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its name, if it has one.
    pub sid: Option<String>,
    /// What it does to a request that it applies to.
    pub verdict: Verdict,
    /// Whom it is about.
    pub who: Who,
    /// Which actions it is about.
    pub what: What,
    /// Which resources it is about; nothing is about none (KMS Developer Guide, key policies: it has no effect).
    pub on: Option<On>,
    /// What must all hold of the request.
    pub when: BTreeSet<Test>,
    /// Whether it has elements that are not understood.
    pub unclear: bool,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It allows.
    Allow,
    /// It denies, whatever allows.
    Deny,
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// Whether it is about all others (`NotPrincipal`).
    pub except: bool,
    /// Those that are named.
    pub names: BTreeSet<Name>,
}

/// A principal, as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The bare `*`: everyone, services among them.
    Everyone,
    /// `{"AWS": "*"}`: every AWS identity.
    AnyIdentity,
    /// An account: what its IAM policies allow, and its root user.
    Account(String),
    /// A user, a role, a role session or a federated session, by its ARN, verbatim.
    Identity(String),
    /// The unique id of an identity: what AWS shows of a deleted one.
    UniqueId(String),
    /// An AWS service, such as `cloudtrail.amazonaws.com`.
    Service(String),
    /// An identity provider.
    Provider(String),
    /// Any other word: it matches nobody that kmsctl knows of.
    Other(String),
}

/// The `Action` or `NotAction` of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct What {
    /// Whether it is about all others (`NotAction`).
    pub except: bool,
    /// Patterns, in lower case.
    pub patterns: BTreeSet<String>,
}

impl What {
    /// Whether it is about the action, such as `kms:Decrypt`, in any case.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| glob(pattern, &action)) != self.except
    }

    /// The known actions that it is about.
    #[must_use]
    pub fn actions(&self) -> ActionSet {
        let named = self.patterns.iter().map(|pattern| ActionSet::matching(pattern));
        let named = named.fold(ActionSet::NONE, ActionSet::or);
        if self.except { ActionSet::ALL.without(named) } else { named }
    }
}

/// The `Resource` or `NotResource` of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct On {
    /// Whether it is about all others (`NotResource`).
    pub except: bool,
    /// Patterns, verbatim.
    pub patterns: BTreeSet<String>,
}

/// One condition: an operator, a key, the values that satisfy it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// How a key with several values is tested.
    pub quantifier: Quantifier,
    /// The comparison.
    pub operator: Operator,
    /// Whether none of the values may satisfy the comparison (`StringNotEquals`).
    pub negated: bool,
    /// Whether a request without the key passes (`…IfExists`).
    pub if_exists: bool,
    /// The condition key, in lower case.
    pub key: String,
    /// The values, verbatim.
    pub values: BTreeSet<String>,
}

/// The set operator before a condition operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantifier {
    /// None: the key has one value.
    One,
    /// `ForAllValues:`; a request without the key passes.
    All,
    /// `ForAnyValue:`; a request without the key does not.
    Any,
}

/// A comparison (IAM User Guide, condition operators), without its negation.
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
    /// `ArnEquals` and `ArnLike`, which are the same.
    ArnLike,
    Null,
    /// A word that is no operator of IAM.
    Unknown(String),
}

impl Document {
    /// What the policy says.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let canonical = self.canonical();
        let variables = canonical.version.as_deref() == Some("2012-10-17");
        let rules = canonical.statements.iter().filter_map(rule).collect();
        Meaning { variables, rules, unclear: !canonical.extra.is_empty() }
    }

    /// The place of a rule among the statements as written, from 0.
    #[must_use]
    pub fn position(&self, due: &Rule) -> Option<usize> {
        self.as_written().iter().position(|statement| rule(statement).as_ref() == Some(due))
    }

    /// What a person knows a rule by: its Sid; where it has none, its place, such as `#2`.
    #[must_use]
    pub fn label(&self, rule: &Rule) -> String {
        let place = || self.position(rule).map_or("#?".to_owned(), |n| format!("#{}", n + 1));
        rule.sid.clone().unwrap_or_else(place)
    }
}

/// A statement without a legal effect does nothing.
fn rule(statement: &Statement) -> Option<Rule> {
    let verdict = match statement.effect.as_deref()? {
        "Allow" => Verdict::Allow,
        "Deny" => Verdict::Deny,
        _ => return None,
    };
    let either = |is: &Option<Set>, not: &Option<Set>| match (is, not) {
        (Some(set), _) => Some((false, set.clone())),
        (None, Some(set)) => Some((true, set.clone())),
        (None, None) => None,
    };
    let what = either(&statement.action, &statement.not_action);
    let (except, patterns) = what.unwrap_or_default();
    let on = either(&statement.resource, &statement.not_resource);
    let who = match (&statement.principal, &statement.not_principal) {
        (Some(names), _) => Who { except: false, names: self::names(names) },
        (None, Some(names)) => Who { except: true, names: self::names(names) },
        (None, None) => Who::default(),
    };
    let conditions = statement.condition.iter().flatten();
    let when = conditions.flat_map(|(operator, keys)| {
        keys.iter().map(move |(key, values)| test(operator, key, values))
    });
    Some(Rule {
        sid: statement.sid.clone(),
        verdict,
        who,
        what: What { except, patterns },
        on: on.map(|(except, patterns)| On { except, patterns }),
        when: when.collect(),
        unclear: !statement.extra.is_empty() || contradicts(statement),
    })
}

/// Whether elements exclude each other, or conditions are empty, of which AWS's documents say different things.
fn contradicts(statement: &Statement) -> bool {
    let condition = statement.condition.as_ref();
    (statement.action.is_some() && statement.not_action.is_some())
        || (statement.resource.is_some() && statement.not_resource.is_some())
        || (statement.principal.is_some() && statement.not_principal.is_some())
        || condition.is_some_and(|map| map.is_empty() || map.values().any(BTreeMap::is_empty))
}

fn names(principals: &Principals) -> BTreeSet<Name> {
    let Principals::Typed(types) = principals else {
        return BTreeSet::from([Name::Everyone]);
    };
    let named = types.iter().flat_map(|(kind, names)| names.iter().map(move |n| name(kind, n)));
    named.collect()
}

pub(super) fn name(kind: &str, text: &str) -> Name {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    match (kind, fields.as_slice()) {
        ("AWS", ["*"]) => Name::AnyIdentity,
        ("AWS", ["arn", _, "iam", "", account, "root"]) if is_account(account) => {
            Name::Account((*account).to_owned())
        }
        ("AWS", ["arn", _, "iam" | "sts", "", account, _]) if is_account(account) => {
            Name::Identity(text.to_owned())
        }
        ("AWS", [only]) if is_account(only) => Name::Account((*only).to_owned()),
        ("AWS", [only]) if is_unique_id(only) => Name::UniqueId((*only).to_owned()),
        ("Service", _) => Name::Service(text.to_owned()),
        ("Federated", _) => Name::Provider(text.to_owned()),
        _ => Name::Other(text.to_owned()),
    }
}

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

/// The comparisons, and whether they are negated. They are written exactly so (policy-semantics R8: verbatim).
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

/// The names of the comparisons.
pub(super) fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _, _)| *name)
}
