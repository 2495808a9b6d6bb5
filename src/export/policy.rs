//! The policy of an exported key, in the most readable words that give the same access.

use super::yaml::Yaml;
use crate::id::AccountId;
use crate::inventory::Held;
use crate::kind::key::{self, Shared};
use crate::policy::eval::TargetKey;
use crate::policy::typed::PrincipalName;
use crate::policy::{
    ByRoles, Document, KeyContext, KeyUse, Lockout, by_roles, is_default, lockout, why_no_roles,
    work,
};
use std::collections::BTreeSet;

/// How the policy of a key is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifted {
    /// It is AWS's default policy, and not written.
    Default,
    /// Roles.
    Roles,
    /// Roles and statements.
    Statements,
    /// A document. The text is the reason why it cannot be written otherwise.
    Document(String),
    /// It is not written, and left alone. The text is the reason.
    Left(String),
}

/// A way to write a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Nothing(Lifted),
    Roles(Box<ByRoles>),
    /// The text of the whole policy, and the reason.
    Document {
        text: String,
        why: String,
    },
}

impl Form {
    /// Returns a policy that is left alone.
    pub(super) fn left(why: &str) -> Self {
        Self::Nothing(Lifted::Left(why.to_owned()))
    }

    /// Returns the form, with a reason if it needs one and has none.
    pub(super) fn because(&self, why: &str) -> Self {
        match self {
            Self::Nothing(Lifted::Left(own)) if own.is_empty() => Self::left(why),
            Self::Document { text, why: own } if own.is_empty() => {
                Self::Document { text: text.clone(), why: why.to_owned() }
            }
            Self::Nothing(_) | Self::Roles(_) | Self::Document { .. } => self.clone(),
        }
    }

    pub(super) fn lifted(&self) -> Lifted {
        match self {
            Self::Nothing(lifted) => lifted.clone(),
            Self::Roles(roles) if roles.statements.is_empty() => Lifted::Roles,
            Self::Roles(_) => Lifted::Statements,
            Self::Document { why, .. } => Lifted::Document(why.clone()),
        }
    }

    /// Returns the value of the field `policy`. `path` is the path of a file that contains the document.
    pub(super) fn yaml(&self, account: &AccountId, path: Option<&str>) -> Option<Yaml> {
        match self {
            Self::Nothing(_) => None,
            Self::Roles(roles) => Some(of_roles(roles, account)),
            Self::Document { text, .. } => {
                let document = path.map_or_else(|| Yaml::Block(text.clone()), Yaml::text);
                Some(Yaml::Map(vec![("document".to_owned(), document)]))
            }
        }
    }
}

/// Returns the ways to write the policy of a key, the most readable one first.
pub(super) fn forms(held: &Held) -> Vec<Form> {
    let metadata = &held.metadata;
    let arn = &metadata.arn;
    let partition = arn.region.partition();
    let Some(document) = document(held) else {
        return vec![Form::left("it cannot be parsed")];
    };
    if Shared::is_in(&document) {
        return vec![Form::left("a stack has statements of its own in it, which its `Sid` shows")];
    }
    if document.names_own_key() {
        return vec![Form::left(
            "it contains the text `${aws.key_arn}`, for which kmsctl would put the ARN of the key",
        )];
    }
    let key = KeyContext {
        account: Some(arn.account.to_string()),
        partition: partition.to_owned(),
        arn: Some(arn.to_string()),
    };
    work::within(work::COMPARISON << 2, || {
        if is_default(&document, &key) {
            return vec![Form::Nothing(Lifted::Default)];
        }
        let rule = key::rule(&metadata.spec);
        let asymmetric = rule.is_some_and(|rule| rule.family == key::Family::Asymmetric);
        let of = KeyUse { key: &key, usage: &metadata.usage, asymmetric };
        let roles = by_roles(&document, of);
        // The reason why roles do not fit is known only when they are tried.
        let why = match roles {
            Some(_) => String::new(),
            None => why_no_roles(&document, of),
        };
        let roles = roles.map(|roles| Form::Roles(Box::new(roles)));
        let whole = Form::Document { text: document.pretty(), why };
        roles.into_iter().chain([whole, Form::left("")]).collect()
    })
}

fn document(held: &Held) -> Option<Document> {
    Document::from_live(&held.policy, held.metadata.arn.region.partition()).ok()
}

/// Returns the unique ids of deleted users and roles, which AWS returns in place of their ARNs.
fn deleted_identities(document: &Document) -> BTreeSet<String> {
    let names = document.principals_by_effect().into_iter().map(|(_, _, name)| name);
    names
        .filter_map(|name| if let PrincipalName::UniqueId(id) = name { Some(id) } else { None })
        .collect()
}

/// Returns what must be said about the policy of a key or a replica.
pub(super) fn findings(held: &Held) -> Vec<String> {
    let Some(document) = document(held) else {
        return Vec::new();
    };
    let dead: Vec<String> = deleted_identities(&document).into_iter().collect();
    let dead = (!dead.is_empty()).then(|| {
        format!(
            "its policy names deleted users or roles ({}), which give nobody access: AWS refuses the policy when it is \
             changed, so remove them then",
            dead.join(", ")
        )
    });
    let arn = &held.metadata.arn;
    let (partition, account, text) =
        (arn.region.partition(), arn.account.as_str(), arn.to_string());
    let key = TargetKey { partition, account, arn: Some(&text) };
    let lockout = lockout(&document, &key, None).map(|Lockout { reason, help }| {
        format!("the key could become unmanageable: {reason}: {help}")
    });
    dead.into_iter().chain(lockout).collect()
}

fn of_roles(roles: &ByRoles, account: &AccountId) -> Yaml {
    let mut fields = Vec::new();
    let mut list = |name: &str, arns: &BTreeSet<String>| {
        if !arns.is_empty() {
            let texts = arns.iter().map(|arn| principal(arn, account));
            fields.push((name.to_owned(), Yaml::texts(texts)));
        }
    };
    list("administrators", &roles.administrators);
    list("users", &roles.users);
    list("decrypt_only", &roles.decrypt_only);
    list("encrypt_only", &roles.encrypt_only);
    if !roles.delegate_to_iam {
        fields.push(("delegate_to_iam".to_owned(), Yaml::Plain("false".to_owned())));
    }
    if !roles.statements.is_empty() {
        let statements = roles.statements.iter().map(Yaml::of_node).collect();
        fields.push(("statements".to_owned(), Yaml::List(statements)));
    }
    Yaml::Map(fields)
}

/// Returns a principal as a configuration names it: a user or role of the own account without the beginning of its ARN.
pub(super) fn principal(arn: &str, account: &AccountId) -> String {
    let own = format!(":iam::{account}:");
    match arn.split_once(&own) {
        Some((_, name)) if name.starts_with("role/") || name.starts_with("user/") => {
            name.to_owned()
        }
        Some(_) | None => arn.to_owned(),
    }
}
