//! The requests about users, roles and accounts, which IAM answers.

use crate::answer::{CloudError, Fault};
use crate::cloud::Identity;
use crate::id::{AccountId, IdentityArn};
use crate::sdk::Aws;
use crate::sdk::error::answer;
use crate::sdk::query::{List, Parameters};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The answer to `GetRole` or `GetUser` (IAM API Reference).
#[derive(Debug, Deserialize)]
struct Found {
    #[serde(rename = "Role", alias = "User")]
    identity: Described,
}

/// A role or a user.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    arn: String,
    #[serde(deserialize_with = "seconds")]
    create_date: u64,
}

/// Reads a time such as `2026-11-22T11:00:00Z` as seconds since 1970.
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let time = DateTime::from_str(&text, Format::DateTimeWithOffset).map_err(D::Error::custom)?;
    Ok(u64::try_from(time.secs()).unwrap_or_default())
}

/// The answer to `ListAccountAliases`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Aliases {
    account_aliases: List<String>,
}

impl Aws {
    /// Returns the alias of an account, if it has one and the caller may read it.
    pub async fn account_alias(&self, account: &AccountId) -> Option<String> {
        const OPERATION: &str = "ListAccountAliases";
        let client = self.iam(account).await;
        let found = client.ask::<Aliases>(OPERATION, &Parameters::default()).await;
        found.ok()?.account_aliases.0.into_iter().next()
    }
}

/// Reads a user or a role.
pub(super) async fn identity(
    aws: &Aws,
    identity: &IdentityArn,
) -> Result<Option<Identity>, CloudError> {
    let (operation, name) = if identity.is_role() {
        const OPERATION: &str = "GetRole";
        (OPERATION, "RoleName")
    } else {
        const OPERATION: &str = "GetUser";
        (OPERATION, "UserName")
    };
    let request = Parameters::default().with(name, identity.name());
    let client = aws.iam(identity.account()).await;
    match answer(operation, client.ask::<Found>(operation, &request).await) {
        Ok(found) => {
            let Described { arn, create_date: created } = found.identity;
            Ok(Some(Identity { arn, created }))
        }
        Err(error) if error.fault == Fault::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud as _;
    use crate::sdk::replay::replay;

    fn described(kind: &str, created: &str) -> String {
        format!(
            "<Get{kind}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Get{kind}Result><{kind}>\
             <Path>/a/</Path><{kind}Name>b</{kind}Name><Arn>arn:aws:iam::111122223333:{kind}/a/b</Arn>\
             <CreateDate>{created}</CreateDate><AssumeRolePolicyDocument>%7B%22Version%22%7D</AssumeRolePolicyDocument>\
             </{kind}></Get{kind}Result></Get{kind}Response>"
        )
    }

    #[tokio::test]
    async fn a_role_or_a_user_has_an_arn_and_a_time_of_creation() {
        for (kind, name) in [("Role", "RoleName"), ("User", "UserName")] {
            let arn = format!("arn:aws:iam::111122223333:{}/b", kind.to_lowercase());
            let arn: IdentityArn = arn.parse().unwrap();
            for (created, seconds) in [
                ("2026-11-22T11:00:00Z", 1_795_345_200),
                ("2026-11-22T11:00:00.900Z", 1_795_345_200),
                ("2026-11-22T12:00:00+01:00", 1_795_345_200),
                ("1969-01-01T00:00:00Z", 0),
            ] {
                let replay = replay(&[(200, &described(kind, created))]);
                let found = replay.aws.identity(&arn).await.unwrap().unwrap();
                assert_eq!(
                    (found.created, &*found.arn),
                    (seconds, &*format!("arn:aws:iam::111122223333:{kind}/a/b"))
                );
                let body = format!("Action=Get{kind}&Version=2010-05-08&{name}=b");
                assert_eq!(replay.bodies(), [body]);
            }
        }
    }

    /// An identity that cannot be read may exist.
    #[tokio::test]
    async fn only_aws_says_that_an_identity_does_not_exist() {
        let arn: IdentityArn = "arn:aws:iam::111122223333:role/b".parse().unwrap();
        let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>no</Message></Error>\
                    </ErrorResponse>";
        assert_eq!(replay(&[(404, gone)]).aws.identity(&arn).await.unwrap(), None);
        for text in [
            &*described("Role", "yesterday"),
            &*described("User", "2026-11-22T11:00:00Z"),
            "<GetRoleResponse><GetRoleResult/></GetRoleResponse>",
            "<GetRoleResponse><GetRoleResult><Role/></GetRoleResult></GetRoleResponse>",
        ] {
            let error = replay(&[(200, text)]).aws.identity(&arn).await.unwrap_err();
            assert_eq!(error.fault, Fault::Ambiguous, "{text}");
        }
        let denied = gone.replace("NoSuchEntity", "AccessDenied");
        let error = replay(&[(403, &denied)]).aws.identity(&arn).await.unwrap_err();
        assert_eq!(error.fault, Fault::Denied);
    }

    #[tokio::test]
    async fn an_account_may_have_an_alias() {
        let account = "111122223333".parse().unwrap();
        for (list, expected) in
            [("<member>a&amp;b</member>", Some("a&b")), ("", None), ("<member>x", None)]
        {
            let text = format!(
                "<ListAccountAliasesResponse><ListAccountAliasesResult><IsTruncated>false</IsTruncated>\
                 <AccountAliases>{list}</AccountAliases></ListAccountAliasesResult></ListAccountAliasesResponse>"
            );
            let replay = replay(&[(200, &text)]);
            assert_eq!(replay.aws.account_alias(&account).await.as_deref(), expected);
            assert_eq!(replay.bodies(), ["Action=ListAccountAliases&Version=2010-05-08"]);
        }
    }
}
