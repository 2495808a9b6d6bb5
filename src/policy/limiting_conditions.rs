//! Conditions that limit the caller, and conditions that limit the resources for which a service acts.
//!
//! A condition limits the caller only if a stranger cannot meet it: it must compare positively, require its key, and
//! compare fixed values of a key that identifies the caller or its location. Values with wildcards or policy variables
//! are not fixed (AWS Security Hub User Guide, control KMS.5). The keys are those that IAM Access Analyzer counts in
//! findings about KMS keys (IAM User Guide, "IAM Access Analyzer"). A stranger can meet `kms:ViaService`, an encryption
//! context, a user agent, a date or an MFA condition from an account of their own.

use super::OWN_KEY;
use super::arn::is_account;
use super::typed::{Operator, Quantifier, Test};

impl Test {
    /// Returns whether a request without the key never meets the condition. A positive comparison with an absent key is
    /// false; operators with `IfExists` and `ForAllValues` are true (IAM User Guide, "IAM JSON policy elements:
    /// Condition operators").
    pub(super) fn requires_key(&self) -> bool {
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

    /// Returns whether a stranger cannot meet the condition.
    pub(super) fn limits_caller(&self) -> bool {
        self.requires_key() && self.has_fixed_values()
    }

    /// Returns whether the condition limits the resources for which a service acts. An encryption context counts if it
    /// names the owner, as the id of an account or as an ARN: a service sets its encryption context itself. The
    /// policies in the CloudTrail User Guide ("Configure AWS KMS key policies for CloudTrail"), the CloudWatch Logs
    /// User Guide ("Encrypt log data") and the SES Developer Guide ("Giving permissions to Amazon SES") use one.
    pub(super) fn limits_source(&self) -> bool {
        let key = self.key.as_str();
        if !self.requires_key() || self.values.is_empty() {
            return false;
        }
        if key.starts_with("kms:encryptioncontext:") {
            let names_owner =
                |value: &String| is_account(value) || is_fixed("aws:sourcearn", value);
            self.values.iter().all(names_owner)
        } else {
            SOURCE_KEYS.contains(&key) && self.has_fixed_values()
        }
    }

    /// Returns whether the key identifies the caller or its location.
    pub(super) fn concerns_caller(&self) -> bool {
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

    /// Returns whether the condition compares fixed values of a key that identifies the caller or
    /// its location.
    pub(super) fn has_fixed_values(&self) -> bool {
        let comparison = matches!(
            self.operator,
            Operator::StringEquals
                | Operator::StringEqualsIgnoreCase
                | Operator::StringLike
                | Operator::ArnLike
                | Operator::IpAddress
        );
        comparison && !self.values.is_empty() && self.values.iter().all(|v| is_fixed(&self.key, v))
    }
}

/// Condition keys that only requests of a service principal on behalf of a resource have (IAM User Guide, "AWS global
/// condition context keys", `aws:SourceArn`).
pub(super) const SOURCE_KEYS: [&str; 4] =
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Returns whether the text contains a policy variable. The placeholder for the key's own ARN is not one.
pub(super) fn has_variable(text: &str) -> bool {
    text.replace(OWN_KEY, "").contains("${")
}

/// Returns whether a value of the key identifies fixed callers or resources, without wildcards in
/// the decisive part.
fn is_fixed(key: &str, value: &str) -> bool {
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
            // The name of a bucket identifies its owner.
            let is_bucket = |service: &str, resource: &str| {
                service == "s3" && resource.split('/').next().is_some_and(plain)
            };
            matches!(fields.as_slice(), ["arn", partition, service, _, account, resource]
                if plain(partition) && plain(service)
                    && (is_account(account)
                        || (account.is_empty() && (plain(resource) || is_bucket(service, resource)))))
        }
        "aws:userid" => value.split(':').next().is_some_and(plain),
        "aws:sourceip" => !value.ends_with("/0"),
        _ => false,
    }
}
