//! Whom a condition keeps out, and for whose resources it lets a service act.
//!
//! A condition limits who only if a stranger cannot meet it: a positive comparison that needs its key, with fixed values, of
//! a key that says who calls or from where (policy-semantics B6; Security Hub KMS.5: wildcards and variables are not
//! fixed). `kms:ViaService`, encryption contexts, user agents, dates and MFA are met by strangers in their own accounts.

use super::OWN_KEY;
use super::arn::is_account;
use super::meaning::{Operator, Quantifier, Test};

impl Test {
    /// Whether a request without the key never passes (IAM User Guide, condition operators: a positive comparison of an
    /// absent key is false; `…IfExists` and `ForAllValues` are true).
    pub(super) fn needs_key(&self) -> bool {
        match &self.operator {
            Operator::Null => self.values.iter().eq(["false"]),
            Operator::Unknown(_) => false,
            Operator::StringEquals
            | Operator::StringEqualsIgnoreCase
            | Operator::StringLike
            | Operator::NumericEquals
            | Operator::NumericLessThan
            | Operator::NumericLessThanEquals
            | Operator::NumericGreaterThan
            | Operator::NumericGreaterThanEquals
            | Operator::DateEquals
            | Operator::DateLessThan
            | Operator::DateLessThanEquals
            | Operator::DateGreaterThan
            | Operator::DateGreaterThanEquals
            | Operator::Bool
            | Operator::BinaryEquals
            | Operator::IpAddress
            | Operator::ArnLike => {
                !self.negated && !self.if_exists && self.quantifier != Quantifier::All
            }
        }
    }

    /// Whether a stranger cannot meet it.
    pub(super) fn limits_who(&self) -> bool {
        self.needs_key() && self.is_fixed()
    }

    /// Whether it says for which resource a service acts. An encryption context that the service itself sets to the
    /// resource's ARN does: CloudTrail's and CloudWatch Logs' own policies do it so.
    pub(super) fn limits_source(&self) -> bool {
        let key = self.key.as_str();
        let context = key.starts_with("kms:encryptioncontext:aws:") && key.ends_with(":arn");
        self.needs_key()
            && !self.values.is_empty()
            && match context {
                true => self.values.iter().all(|value| fixed("aws:sourcearn", value)),
                false => SOURCE.contains(&key) && self.is_fixed(),
            }
    }

    /// Whether the key says who calls, or from where.
    pub(super) fn says_who(&self) -> bool {
        matches!(
            self.key.as_str(),
            "kms:calleraccount"
                | "aws:principalaccount"
                | "aws:principalorgid"
                | "aws:principalorgpaths"
                | "aws:principalarn"
                | "aws:userid"
                | "aws:sourcevpc"
                | "aws:sourcevpce"
                | "aws:sourceip"
                | "aws:sourcearn"
                | "aws:sourceaccount"
                | "aws:sourceorgid"
                | "aws:sourceorgpaths"
        )
    }

    /// Whether the key says who, and its values are fixed.
    pub(super) fn is_fixed(&self) -> bool {
        let comparison = matches!(
            self.operator,
            Operator::StringEquals
                | Operator::StringEqualsIgnoreCase
                | Operator::StringLike
                | Operator::ArnLike
                | Operator::IpAddress
        );
        comparison && !self.values.is_empty() && self.values.iter().all(|v| fixed(&self.key, v))
    }
}

/// What only a service's own requests have (IAM User Guide, global condition context keys, `aws:SourceArn`: only when a
/// service principal calls for a resource).
pub(super) const SOURCE: [&str; 4] =
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Whether IAM would see a policy variable.
pub(super) fn has_variable(text: &str) -> bool {
    text.replace(OWN_KEY, "").contains("${")
}

fn fixed(key: &str, value: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
    if has_variable(value) {
        return false;
    }
    match key {
        "kms:calleraccount" | "aws:principalaccount" | "aws:sourceaccount" => is_account(value),
        "aws:principalorgid" | "aws:sourceorgid" | "aws:sourcevpc" | "aws:sourcevpce" => {
            plain(value)
        }
        "aws:principalorgpaths" | "aws:sourceorgpaths" => {
            value.split('/').next().is_some_and(plain) && value.contains('/')
        }
        "aws:principalarn" => {
            let fields: Vec<&str> = value.splitn(6, ':').collect();
            matches!(fields.as_slice(), ["arn", partition, service, _, account, _]
                if plain(partition) && plain(service) && is_account(account))
        }
        "aws:sourcearn" => {
            let fields: Vec<&str> = value.splitn(6, ':').collect();
            matches!(fields.as_slice(), ["arn", partition, service, _, account, resource]
                if plain(partition) && plain(service)
                    && (is_account(account) || (account.is_empty() && plain(resource))))
        }
        "aws:userid" => value.split(':').next().is_some_and(plain),
        "aws:sourceip" => !value.ends_with("/0"),
        _ => false,
    }
}
