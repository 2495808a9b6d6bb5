//! Recognizes the roles in a policy: the inverse of [`build`], judged by access and not by text.

mod parted;
mod reasons;

pub use reasons::why_no_roles;

use super::access::{KeyContext, same_access};
use super::build::{Roles, build};
use super::nodes::policy;
use super::typed::{Effect, PrincipalName};
use super::{Document, aws_default};
use crate::tree::{Node, Value};
use std::collections::BTreeSet;

/// A policy in the words of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByRoles {
    /// Whether IAM policies of the account can allow access too.
    pub delegate_to_iam: bool,
    /// The ARNs of the principals that administer the key.
    pub administrators: BTreeSet<String>,
    /// The ARNs of the principals that encrypt and decrypt.
    pub users: BTreeSet<String>,
    /// The ARNs of the principals that only decrypt.
    pub decrypt_only: BTreeSet<String>,
    /// The ARNs of the principals that only encrypt.
    pub encrypt_only: BTreeSet<String>,
    /// The statements that are no role, as they are.
    pub statements: Vec<Node>,
}

/// What decides which actions the users of a key get.
#[derive(Clone, Copy, Debug)]
pub struct KeyUse<'a> {
    /// The key.
    pub key: &'a KeyContext,
    /// AWS's name for the usage of the key.
    pub usage: &'a str,
    /// Whether the key has a public key.
    pub asymmetric: bool,
}

/// A statement that a role stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Administrators,
    Use,
    Attachment,
    Decrypt,
    Encrypt,
}

/// Returns whether the policy certainly gives the access of AWS's default policy.
#[must_use]
pub fn is_default(document: &Document, key: &KeyContext) -> bool {
    let account = key.account.as_deref().unwrap_or_default();
    same_access(&aws_default(&key.partition, account), document, key)
}

/// Returns the policy in the words of a configuration. Returns `None` if no statement is that of a role, or if the
/// words do not certainly give the same access to the same principals.
#[must_use]
pub fn by_roles(document: &Document, of: KeyUse<'_>) -> Option<ByRoles> {
    let whole = statements(document.tree());
    let is_of_root = |statement: &Node| recognized(statement, of).0 == Some(Role::Root);
    let statements: Vec<Node> =
        whole.into_iter().flat_map(|one| parted::parted(one, is_of_root)).collect();
    let found: Vec<(Option<Role>, BTreeSet<String>)> =
        statements.iter().map(|statement| recognized(statement, of)).collect();
    let principals = |role: Role| -> BTreeSet<&BTreeSet<String>> {
        let all = found.iter().filter(|(found, _)| *found == Some(role));
        all.map(|(_, principals)| principals).collect()
    };
    // The users are those that both statements of users name.
    let attached = principals(Role::Attachment);
    let both: BTreeSet<&BTreeSet<String>> =
        principals(Role::Use).intersection(&attached).copied().collect();
    let mut out = ByRoles::default();
    for (statement, (role, principals)) in statements.iter().zip(&found) {
        match role {
            Some(Role::Root) => out.delegate_to_iam = true,
            Some(Role::Administrators) => out.administrators.extend(principals.clone()),
            Some(Role::Use | Role::Attachment) if both.contains(principals) => {
                out.users.extend(principals.clone());
            }
            Some(Role::Decrypt) => out.decrypt_only.extend(principals.clone()),
            Some(Role::Encrypt) => out.encrypt_only.extend(principals.clone()),
            Some(Role::Use | Role::Attachment) | None => out.statements.push(statement.clone()),
        }
    }
    if out.statements.len() == statements.len() {
        return None;
    }
    same_access(&out.document(of)?, document, of.key).then_some(out)
}

impl ByRoles {
    /// Returns the policy that the words stand for.
    fn document(&self, of: KeyUse<'_>) -> Option<Document> {
        let list = |set: &BTreeSet<String>| -> Vec<String> { set.iter().cloned().collect() };
        let (administrators, users) = (list(&self.administrators), list(&self.users));
        let (decrypt_only, encrypt_only) = (list(&self.decrypt_only), list(&self.encrypt_only));
        let tree = build(&Roles {
            partition: &of.key.partition,
            account: of.key.account.as_deref()?,
            usage: Some(of.usage),
            asymmetric: of.asymmetric,
            delegate_to_iam: self.delegate_to_iam,
            administrators: &administrators,
            users: &users,
            decrypt_only: &decrypt_only,
            encrypt_only: &encrypt_only,
            statements: &self.statements,
        });
        Document::lenient(&tree, &of.key.partition).ok()
    }
}

/// Returns the statements of a policy.
fn statements(tree: &Node) -> Vec<&Node> {
    let Value::Map(entries) = &tree.value else {
        return Vec::new();
    };
    let found = entries.iter().find(|entry| entry.key == "Statement");
    match found.map(|entry| &entry.value) {
        Some(Node { value: Value::List(all), .. }) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Returns a policy of one statement.
fn alone(statement: &Node, of: KeyUse<'_>) -> Option<Document> {
    Document::lenient(&policy("one", vec![statement.clone()]), &of.key.partition).ok()
}

/// Returns the role that a statement certainly is, and the principals that it names.
fn recognized(statement: &Node, of: KeyUse<'_>) -> (Option<Role>, BTreeSet<String>) {
    let nothing = (None, BTreeSet::new());
    let Some(document) = alone(statement, of) else {
        return nothing;
    };
    let typed = document.typed();
    let [only] = typed.statements.as_slice() else {
        return nothing;
    };
    if only.effect != Effect::Allow || only.unclear || only.principals.except {
        return nothing;
    }
    let is = |template: &Node| {
        alone(template, of).is_some_and(|template| same_access(&template, &document, of.key))
    };
    let names = only.principals.names.iter();
    let identities: Option<BTreeSet<String>> = names
        .map(|name| if let PrincipalName::Identity(arn) = name { Some(arn.clone()) } else { None })
        .collect();
    let Some(principals) = identities.filter(|identities| !identities.is_empty()) else {
        let root = ByRoles { delegate_to_iam: true, ..ByRoles::default() };
        let root = root.document(of).filter(|root| statements(root.tree()).iter().any(|s| is(s)));
        return (root.map(|_| Role::Root), BTreeSet::new());
    };
    let templates = ByRoles {
        administrators: principals.clone(),
        users: principals.clone(),
        decrypt_only: principals.clone(),
        encrypt_only: principals.clone(),
        ..ByRoles::default()
    };
    let roles = [Role::Administrators, Role::Use, Role::Attachment, Role::Decrypt, Role::Encrypt];
    let Some(templates) = templates.document(of) else {
        return nothing;
    };
    let found = roles.into_iter().zip(statements(templates.tree()));
    let role = found.filter(|(_, template)| is(template)).map(|(role, _)| role).next();
    (role, principals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::{ACCOUNT, document, wrap};

    fn key() -> KeyContext {
        KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
    }

    fn arns(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}")).collect()
    }

    /// What is built from roles is recognized as these roles, for every choice of roles and kind of key.
    #[test]
    fn what_roles_build_is_recognized_as_these_roles() {
        let key = key();
        let sets = [arns(&[]), arns(&["a"]), arns(&["a", "b"]), arns(&["x/c"])];
        let uses = [
            ("ENCRYPT_DECRYPT", false),
            ("ENCRYPT_DECRYPT", true),
            ("SIGN_VERIFY", true),
            ("GENERATE_VERIFY_MAC", false),
            ("KEY_AGREEMENT", true),
        ];
        let mut count = 0;
        for number in 0..256_usize {
            let set = |place: u32| sets[number / 4_usize.pow(place) % 4].clone();
            let (usage, asymmetric) = uses[number % uses.len()];
            let of = KeyUse { key: &key, usage, asymmetric };
            let wanted = ByRoles {
                delegate_to_iam: number % 3 > 0,
                administrators: set(0),
                users: set(1),
                decrypt_only: set(2),
                encrypt_only: set(3),
                statements: Vec::new(),
            };
            let built = wanted.document(of).unwrap();
            if statements(built.tree()).is_empty() {
                continue;
            }
            assert_eq!(by_roles(&built, of).as_ref(), Some(&wanted), "{}", built.to_json());
            count += 1;
        }
        assert!(count > 200);
    }

    /// CloudTrail's console names the root user together with the user who makes the trail.
    #[test]
    fn a_statement_for_root_and_others_is_split_if_root_has_everything() {
        let key = key();
        let of = KeyUse { key: &key, usage: "ENCRYPT_DECRYPT", asymmetric: false };
        let both = |action: &str| {
            wrap(&format!(
                r#"{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":["arn:aws:iam::{ACCOUNT}:role/a","arn:aws:iam::{ACCOUNT}:root"]}},"Action":"{action}","Resource":"*"}}"#
            ))
        };
        let found = by_roles(&document(&both("kms:*")), of).unwrap();
        assert!(found.delegate_to_iam);
        let [rest] = found.statements.as_slice() else { panic!("{:?}", found.statements) };
        let text = alone(rest, of).unwrap().to_json();
        assert!(text.contains("role/a") && !text.contains("root"), "{text}");
        assert!(
            !text.contains("Enable IAM User Permissions"),
            "two statements have one Sid: {text}"
        );
        assert_eq!(by_roles(&document(&both("kms:Decrypt")), of), None);
    }

    #[test]
    fn what_is_no_role_stays_a_statement() {
        let key = key();
        let of = KeyUse { key: &key, usage: "ENCRYPT_DECRYPT", asymmetric: false };
        let root = format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*"}}"#
        );
        let service = r#"{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}"#;
        // The console wrote this list of actions until it could rotate keys on demand.
        let older = format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/a"}},"Action":["kms:Create*","kms:Describe*","kms:Enable*","kms:List*","kms:Put*","kms:Update*","kms:Revoke*","kms:Disable*","kms:Get*","kms:Delete*","kms:TagResource","kms:UntagResource","kms:ScheduleKeyDeletion","kms:CancelKeyDeletion"],"Resource":"*"}}"#
        );
        let all = document(&wrap(&format!("{root},{service},{older}")));
        let found = by_roles(&all, of).unwrap();
        assert!(found.delegate_to_iam && found.administrators.is_empty());
        assert_eq!(found.statements.len(), 2);
        assert_eq!(by_roles(&document(&wrap(service)), of), None);
        assert!(is_default(&document(&wrap(&root)), &key));
        assert!(!is_default(&all, &key));
    }
}
