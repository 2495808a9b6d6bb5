//! The parts that RDS instances and clusters share: the key, which is fixed at creation (RDS User
//! Guide, Encrypting Amazon RDS resources), master passwords, engine versions and final snapshots.

pub(crate) mod answers;
pub(crate) mod aws;
pub(crate) mod engine;
pub mod fields;
pub(crate) mod storage;
pub(crate) mod version;
pub mod window;

use super::consumer::{Scene, Spec, fixed_key};
use super::tags::TagRules;
use super::{Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The rules for tags (RDS API Reference, Tag).
pub const TAGS: TagRules = TagRules { reserved: Some("rds:"), ..TagRules::COMMON };

/// A value that is read from the environment when the call is sent, and that is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret {
    /// The name of the environment variable.
    pub variable: String,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.variable)
    }
}

impl TryFrom<String> for Secret {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix('$') {
            Some(name) if is_variable(name) => Ok(Self { variable: name.to_owned() }),
            _ => Err("expected `$` and the name of an environment variable".to_owned()),
        }
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.to_string()
    }
}

/// Returns whether the text is the name of an environment variable.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| !c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The beginnings of the names of variables with the credentials of a run and of its workflow.
pub(crate) const CREDENTIALS: [&str; 5] = ["AWS_", "ACTIONS_", "GITHUB_", "CI_JOB_", "SYSTEM_"];

/// Returns whether an environment variable with this name holds a credential of the run. Whoever proposes a
/// configuration must not have it sent to RDS as a password.
#[must_use]
pub fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|start| name.starts_with(start))
}

/// Declares optional parameters of a call.
macro_rules! parameters {
    ($(#[doc = $doc:literal])* pub struct $name:ident {
        $($field:ident = $parameter:literal : $ty:ty),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $(#[doc = concat!("AWS's `", $parameter, "`.")]
            #[serde(rename = $parameter, default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$ty>,)*
        }

        impl $name {
            /// Returns whether no parameter is set.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&*
            }
        }
    };
}
pub(crate) use parameters;

/// The help for a key that cannot be changed.
pub(crate) const FIXED_KEY: &str = "RDS does not change the key after creation: create a snapshot, copy \
it with the new key (restore the snapshot of a cluster with the new key), restore it under \
another name, and move the clients; or set the current key";

/// The help for a field that cannot be changed.
pub(crate) const IMMUTABLE: &str = "RDS does not change it after creation: restore a snapshot or \
create an empty database under another name, and move the data; or set the current value";

/// Refuses to change or remove the key.
pub(crate) fn keyed<S>(from: &Spec<S>, to: &Spec<S>) -> Option<Violation> {
    fixed_key(from, to, FIXED_KEY)
}

/// A master password, which RDS manages or which is read from an environment variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Password<'a> {
    /// Whether RDS keeps the password in a secret.
    pub(crate) managed: Option<bool>,
    /// Whether that secret is encrypted with the resource's key.
    pub(crate) with_key: Option<bool>,
    /// The environment variable that contains the password.
    pub(crate) variable: Option<&'a str>,
}

/// The parameters of a call that changes a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PasswordChange {
    /// Whether RDS begins or ends to manage the password; `None` if that does not change.
    pub(crate) manage: Option<bool>,
    /// Whether the secret that RDS creates is encrypted with the resource's key.
    pub(crate) with_key: bool,
    /// The new password.
    pub(crate) secret: Option<Secret>,
}

impl Password<'_> {
    fn is_managed(self) -> bool {
        self.managed == Some(true)
    }

    /// Returns the parameters that change the password.
    pub(crate) fn change(from: Self, to: Self) -> PasswordChange {
        let mut change = PasswordChange::default();
        if to.is_managed() {
            if !from.is_managed() {
                change.manage = Some(true);
                change.with_key = to.with_key == Some(true);
            }
            return change;
        }
        let ends = from.is_managed() && to.managed == Some(false);
        if ends {
            change.manage = Some(false);
        }
        if ends || from.variable != to.variable {
            change.secret = to.variable.map(|name| Secret { variable: name.to_owned() });
        }
        change
    }

    /// Refuses to change the key of a secret, which is set when RDS begins to manage the password
    /// (RDS API Reference, ModifyDBInstance: `MasterUserSecretKmsKeyId`).
    pub(crate) fn fixed(from: Self, to: Self) -> Option<Violation> {
        if !from.is_managed() || !to.is_managed() || from.with_key == to.with_key {
            return None;
        }
        let reason =
            "RDS already manages the password, and the key of its secret cannot be changed";
        let help = "set the current value, `managed` or `managed_with_key`; or first apply `{env: NAME}`, \
                    and then the new value";
        Some(Violation::new("master_password", reason, help))
    }
}

/// Returns the name of the final snapshot. It contains AWS's id of the deleted resource, because
/// another resource may have had the same name before.
pub(crate) fn final_snapshot(name: &str, resource_id: Option<&str>) -> String {
    let id = resource_id.unwrap_or("snapshot").to_ascii_lowercase();
    format!("{name}-final-{id}")
}

/// Returns the ARN of an instance (`db`) or a cluster (`cluster`).
pub(crate) fn arn(setting: &Setting<'_>, kind: &str) -> String {
    let (account, region, name) = (&setting.place.account, &setting.place.region, setting.name);
    format!("arn:{}:rds:{region}:{account}:{kind}:{name}", region.partition())
}

/// Returns the needs of the identities that create a resource. RDS creates its grant with their
/// credentials, and Secrets Manager encrypts the secret with the key with their credentials too.
pub(crate) fn needs(scene: &Scene<'_>, secret: bool) -> Vec<Need> {
    let Some(users) = scene.users() else {
        return Vec::new();
    };
    let account = scene.place.account.as_str();
    let actions = ["kms:CreateGrant", "kms:DescribeKey"];
    let mut needs = vec![
        Need::new("AllowRdsForCreators", users.clone(), &actions).with(scene.via("rds")).when(
            "StringEquals",
            "kms:CallerAccount",
            account,
        ),
    ];
    if secret {
        let actions = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"];
        needs.push(
            Need::new("AllowRdsMasterSecrets", users, &actions)
                .with(scene.via("secretsmanager"))
                .when("StringEquals", "kms:CallerAccount", account),
        );
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_only_if_it_changes() {
        let env = |name| Password { managed: Some(false), with_key: None, variable: Some(name) };
        let managed = |key| Password { managed: Some(true), with_key: Some(key), variable: None };
        let secret = |name: &str| Some(Secret { variable: name.to_owned() });
        let change = Password::change;
        let none = Password { managed: None, with_key: None, variable: None };
        assert_eq!(change(env("A"), env("A")), PasswordChange::default());
        assert_eq!(change(env("A"), env("B")).secret, secret("B"));
        assert_eq!(change(none, env("B")).manage, None);
        assert_eq!(
            change(managed(false), env("B")),
            PasswordChange { manage: Some(false), with_key: false, secret: secret("B") }
        );
        let begun = change(env("A"), managed(true));
        assert_eq!(begun, PasswordChange { manage: Some(true), with_key: true, secret: None });
        assert!(Password::fixed(managed(false), managed(true)).is_some());
        assert!(Password::fixed(env("A"), managed(true)).is_none());
    }

    #[test]
    fn a_secret_is_serialized_as_the_name_of_its_variable() {
        let secret: Secret = serde_json::from_str(r#""$ORDERS_PASSWORD""#).unwrap();
        assert_eq!(secret.variable, "ORDERS_PASSWORD");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""$ORDERS_PASSWORD""#);
        assert!(serde_json::from_str::<Secret>(r#""hunter2""#).is_err());
        assert!(serde_json::from_str::<Secret>(r#""$(id)""#).is_err());
    }
}
