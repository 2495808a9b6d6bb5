//! What instances and clusters of RDS have in common: the key, which is fixed at creation (RDS User
//! Guide, Encrypting Amazon RDS resources), passwords that nobody may see, versions and final
//! snapshots.

pub(crate) mod aws;
pub mod fields;

use super::consumer::{Scene, Spec, fixed_key};
use super::{Setting, Violation};
use crate::policy::Need;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A value that is read from the environment when the call is sent, and is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret {
    /// The variable's name.
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
        let name = text.strip_prefix('$').filter(|name| is_variable(name));
        let variable = name.map(str::to_owned);
        variable.map(|variable| Self { variable }).ok_or_else(|| "no variable's name".to_owned())
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.to_string()
    }
}

/// Whether a text names a variable of the environment.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| !c.is_ascii_digit()) && name.chars().all(known)
}

/// Declares parameters of a call: each may be left out.
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
            /// Whether nothing is given.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&*
            }
        }
    };
}
pub(crate) use parameters;

/// What to do about a key that cannot become the declared one.
pub(crate) const OTHER_KEY: &str = "RDS encrypts at creation only, for good: make a snapshot, copy \
    it with the wanted key (a snapshot of a cluster is restored with it), restore it under another \
    name, and move to that; or name the key that it has";

/// What to do about a field that cannot change.
pub(crate) const IMMUTABLE: &str = "RDS cannot change it: restore a snapshot, or create one under another name and move the data; \
     or take this one as it is";

/// Refuses another key, and the way back to none.
pub(crate) fn keyed<S>(from: &Spec<S>, to: &Spec<S>) -> Option<Violation> {
    fixed_key(from, to, OTHER_KEY)
}

/// A password: who keeps it, with which key, and the variable that holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Password<'a> {
    pub(crate) managed: Option<bool>,
    pub(crate) with_key: Option<bool>,
    pub(crate) variable: Option<&'a str>,
}

/// What a call must say of a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PasswordChange {
    pub(crate) manage: Option<bool>,
    pub(crate) with_key: bool,
    pub(crate) secret: Option<Secret>,
}

impl Password<'_> {
    fn is_managed(self) -> bool {
        self.managed == Some(true)
    }

    /// What makes one password the other.
    pub(crate) fn change(from: Self, to: Self) -> PasswordChange {
        let secret = |name: &str| Secret { variable: name.to_owned() };
        let begins = to.is_managed() && !from.is_managed();
        let ends = from.is_managed() && to.managed == Some(false);
        let given = !to.is_managed() && (ends || from.variable != to.variable);
        PasswordChange {
            manage: begins.then_some(true).or(ends.then_some(false)),
            with_key: begins && to.with_key == Some(true),
            secret: to.variable.filter(|_| given).map(secret),
        }
    }

    /// The key of a secret is chosen when RDS begins to manage it (API: `MasterUserSecretKmsKeyId`).
    pub(crate) fn fixed(from: Self, to: Self) -> Option<Violation> {
        let moves = from.is_managed() && to.is_managed() && from.with_key != to.with_key;
        moves.then(|| {
            let reason = "RDS manages the password already, and the key of its secret is fixed";
            let help = "say what it is, `managed` or `managed_with_key`; or apply `{env: NAME}` \
                        first, and manage the password anew then";
            Violation::new("master_password", reason, help)
        })
    }
}

/// Whether a version that AWS shows is the declared one: `8.0` stands for each `8.0.x`.
pub(crate) fn is_version(declared: &str, live: &str) -> bool {
    live.strip_prefix(declared).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The declared version, or the one that AWS shows where it is that.
pub(crate) fn version(declared: Option<&String>, live: Option<&String>) -> Option<String> {
    let same = live.filter(|live| declared.is_some_and(|declared| is_version(declared, live)));
    same.or(declared).cloned()
}

/// AWS upgrades engines, and never goes back.
pub(crate) fn downgraded(from: Option<&String>, to: Option<&String>) -> Option<Violation> {
    let (from, to) = (from?, to?);
    (ordered(to, from) == Ordering::Less).then(|| {
        Violation::new(
            "engine_version",
            format!("it has `{from}`, and AWS goes back to no older version (`{to}`)"),
            "say the version that it has, or the beginning of it that is to stay (such as `8.0`)",
        )
    })
}

/// Which version is newer, by the numbers at its beginning.
fn ordered(one: &str, other: &str) -> Ordering {
    let number = |part: &str| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    let numbers = |text: &str| -> Vec<u64> { text.split('.').map_while(number).collect() };
    numbers(one).cmp(&numbers(other))
}

/// The value, where it is another than before.
pub(crate) fn changed<T: Clone + PartialEq>(from: Option<&T>, to: Option<&T>) -> Option<T> {
    to.filter(|to| from != Some(*to)).cloned()
}

/// The name of the last snapshot: AWS's id of what is deleted keeps it apart from those of others
/// that had the same name.
pub(crate) fn final_snapshot(name: &str, resource_id: Option<&str>) -> String {
    let id = resource_id.unwrap_or("snapshot").to_ascii_lowercase();
    format!("{name}-final-{id}")
}

/// The ARN, by which tags are set.
pub(crate) fn arn(setting: &Setting<'_>, kind: &str) -> String {
    let (account, region, name) = (&setting.place.account, &setting.place.region, setting.name);
    format!("arn:{}:rds:{region}:{account}:{kind}:{name}", region.partition())
}

/// RDS makes its grant in the name of whoever creates it; a secret with the key is made in that
/// name, too, through Secrets Manager.
pub(crate) fn needs(scene: &Scene<'_>, secret: bool) -> Vec<Need> {
    let Some(users) = scene.users() else {
        return Vec::new();
    };
    let need = |purpose: &str, service: &str, actions: &[&str]| {
        Need::new(purpose, users.clone(), actions)
            .when("StringEquals", "kms:ViaService", scene.via(service))
            .when("StringEquals", "kms:CallerAccount", scene.place.account.to_string())
    };
    let creators = need("AllowRdsForCreators", "rds", &["kms:CreateGrant", "kms:DescribeKey"]);
    let actions = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"];
    let secrets = secret.then(|| need("AllowRdsMasterSecrets", "secretsmanager", &actions));
    std::iter::once(creators).chain(secrets).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_for_all_that_begin_with_it() {
        assert!(is_version("8.0", "8.0.39") && is_version("16", "16.4") && is_version("16", "16"));
        assert!(!is_version("8.0", "8.00.1") && !is_version("1", "16.4"));
        let older = |from: &str, to: &str| {
            downgraded(Some(&from.to_owned()), Some(&to.to_owned())).is_some()
        };
        assert!(older("8.0.39", "8.0.35") && older("16.4", "9.6") && older("10.11", "10.6"));
        assert!(!older("8.0.35", "8.4") && !older("8.0.mysql_aurora.3.05.2", "8.0"));
    }

    #[test]
    fn a_password_is_sent_once_it_is_another() {
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
    fn a_secret_is_written_as_its_variable() {
        let secret: Secret = serde_json::from_str(r#""$ORDERS_PASSWORD""#).unwrap();
        assert_eq!(secret.variable, "ORDERS_PASSWORD");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""$ORDERS_PASSWORD""#);
        assert!(serde_json::from_str::<Secret>(r#""hunter2""#).is_err());
        assert!(serde_json::from_str::<Secret>(r#""$(id)""#).is_err());
    }
}
