//! The text of a first configuration, which explains its fields in comments.

use std::fmt::Write as _;

use crate::id::{AccountId, AliasName, Name, Region};

/// What a first configuration says.
#[derive(Clone, Debug)]
pub struct First {
    /// The name of the stack.
    pub stack: Name,
    /// The account; `None` if it is not known.
    pub account: Option<AccountId>,
    /// The Region; `None` if it is not known.
    pub region: Option<Region>,
    /// The name of the key.
    pub key: Name,
    /// The principals that manage the key, as the configuration names them.
    pub administrators: Vec<String>,
    /// The principals that use the key, as the configuration names them.
    pub users: Vec<String>,
    /// The name of the caller's role of IAM Identity Center, whose ARN is not known.
    pub reserved: Option<String>,
}

/// Who could manage a key that the caller creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// The caller's user or role, such as `role/Admin`.
    Identity(String),
    /// The caller's role belongs to IAM Identity Center. The path of such a role contains the Region of Identity
    /// Center, and the role gets another name when its permission set is assigned again (IAM Identity Center User
    /// Guide, "Referencing permission sets in resource policies, Amazon EKS, and AWS KMS"), so that a policy must not
    /// name a guess.
    Reserved(String),
    /// Nobody, with the reason.
    Nobody(&'static str),
}

/// Returns who could manage a key that the caller creates. `caller` is the ARN that `sts:GetCallerIdentity` returns.
///
/// The ARN of a session does not contain the path of its role. If the role has one, the proposed role does not exist,
/// and a plan says so before anything is created.
#[must_use]
pub fn proposal(caller: &str) -> Proposal {
    let fields: Vec<&str> = caller.splitn(6, ':').collect();
    let ["arn", _, service, _, _, resource] = fields.as_slice() else {
        return Proposal::Nobody("the caller is neither a user nor a role");
    };
    let mut parts = resource.split('/');
    match (*service, parts.next(), parts.next()) {
        ("iam", Some("user"), Some(_)) => Proposal::Identity((*resource).to_owned()),
        ("sts", Some("assumed-role"), Some(role)) if role.starts_with("AWSReservedSSO_") => {
            Proposal::Reserved(role.to_owned())
        }
        ("sts", Some("assumed-role"), Some(role)) => Proposal::Identity(format!("role/{role}")),
        ("iam", Some("root"), None) => Proposal::Nobody("the caller is the root user"),
        ("sts", Some("federated-user"), _) => {
            Proposal::Nobody("the caller is a federated user, which no policy should name")
        }
        _ => Proposal::Nobody("the caller is neither a user nor a role"),
    }
}

impl First {
    /// Returns the name of the key's alias, without `alias/`.
    #[must_use]
    pub fn alias(&self) -> String {
        let key = self.key.as_str();
        // Not every name can be that of an alias: `aws` is reserved.
        if self.stack == self.key && key.parse::<AliasName>().is_ok() {
            key.to_owned()
        } else {
            format!("{}-{key}", self.stack)
        }
    }

    /// Returns the configuration as YAML.
    #[must_use]
    pub fn text(&self) -> String {
        let (stack, key) = (scalar(self.stack.as_str()), scalar(self.key.as_str()));
        let mut text = format!("{HEAD}stack: {stack}\n");
        match &self.account {
            Some(account) => {
                text.push_str("# Credentials of another account are refused.\n");
                let _ = writeln!(text, "account: \"{account}\"");
            }
            None => text.push_str(
                "# account: \"111122223333\"   # refuses credentials of another account\n",
            ),
        }
        match &self.region {
            Some(region) => {
                let _ = writeln!(text, "region: {region}");
            }
            None => text.push_str(
                "# region: eu-west-1   # without it: the Region of your AWS configuration\n",
            ),
        }
        let alias = scalar(&self.alias());
        let _ = write!(
            text,
            "\nkeys:\n  # The address of the key is `key/{}`. Another name would be another key, unless `moved` names both.\n  \
             {key}:\n    description: Encrypts the data of {}\n    # Applications name the key as `alias/{}`.\n    \
             aliases: [{alias}]\n{FIELDS}",
            self.key,
            self.stack,
            self.alias()
        );
        text.push_str(&self.policy());
        let _ = writeln!(
            text,
            "{CONSUMERS}#     data: {{availability_zone: ZONE, size_gib: 20, type: gp3, key: {key}}}"
        );
        text
    }

    /// Returns the lines about the policy.
    fn policy(&self) -> String {
        let mut text = String::new();
        if let Some(role) = self.reserved.as_deref().filter(|role| role.bytes().all(is_of_name)) {
            let _ = write!(
                text,
                "    # Your role belongs to IAM Identity Center. Its ARN has a path, and its name changes when the\n    \
                 # permission set is assigned again, so no policy names it here. To see the ARN:\n    \
                 #   aws iam get-role --role-name {role} --query Role.Arn\n"
            );
        }
        if self.administrators.is_empty() && self.users.is_empty() {
            text.push_str(NO_POLICY);
            return text;
        }
        text.push_str(POLICY);
        text.push_str("      # May change and delete the key and its policy, but neither encrypt nor decrypt.\n");
        text.push_str(&list("administrators", &self.administrators, "role/SecurityAdmin"));
        text.push_str("      # May encrypt and decrypt, and let AWS services do so for them.\n");
        text.push_str(&list("users", &self.users, "role/App"));
        text
    }
}

/// Returns the line of a list of principals, as a comment if there are none.
fn list(field: &str, principals: &[String], example: &str) -> String {
    if principals.is_empty() {
        return format!("      # {field}: [{example}]\n");
    }
    let quoted: Vec<String> = principals.iter().map(|principal| scalar(principal)).collect();
    format!("      {field}: [{}]\n", quoted.join(", "))
}

/// Returns whether a character may be in the name of a role.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// Returns a text as a YAML scalar. Only a text that certainly is a text in YAML is written without quotation marks.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 12] =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "infinity", "nan"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.-".contains(&b))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    // A JSON string is a YAML string.
    serde_json::Value::from(text).to_string()
}

const HEAD: &str = "\
# The keys of a stack, for kmsctl.
#   kmsctl validate     checks this file without AWS
#   kmsctl plan         shows what apply would do, and changes nothing
#   kmsctl apply        plans, asks, and makes the calls
#   kmsctl explain keys describes the fields of a key; without a topic it lists all topics
# What you leave out is left alone: kmsctl neither sets nor compares it.

# The name that owns the resources, in their tag `kmsctl:stack`. Choose it once.
";

const FIELDS: &str = "    \
    # tags: {team: payments}
    # New key material every year. Older data stays readable, and nothing has to be encrypted again.
    rotation: {period_days: 365}
    # By default, a plan that would delete or disable the key is refused, and a deletion waits for 30 days.
    # protect: false
    # deletion_window_days: 7
";

const POLICY: &str = "    \
    # Who may do what. Users and roles that do not exist are refused; a role with a path is `role/PATH/NAME`.
    # The account's IAM policies can allow more, unless you set `delegate_to_iam: false`.
    policy:
";

const NO_POLICY: &str = "    \
    # Without `policy`, a new key gets AWS's default policy: the account's IAM policies decide who may use it.
    # policy:
    #   # May change and delete the key and its policy, but neither encrypt nor decrypt.
    #   administrators: [role/SecurityAdmin]
    #   # May encrypt and decrypt, and let AWS services do so for them.
    #   users: [role/App]
";

const CONSUMERS: &str = "
# Declare beside the key what it encrypts (`kmsctl explain consumers`), such as a volume:
# ebs:
#   volumes:
";

#[cfg(test)]
#[path = "first_tests.rs"]
mod tests;
