//! The values of all condition keys of a request: those that are given, and those that follow from the principal, the
//! action and the key.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::context::ContextValue;
use super::principal::Principal;
use super::request::{Request, TargetKey};
use super::truth::Doubt;
use crate::policy::pattern::Glyph;
use crate::policy::principal_facts::key_fact;
use crate::policy::variables::{self, Unexpanded, Value};

/// A request with the key that it is for.
#[derive(Clone, Copy)]
pub(super) struct RequestContext<'a> {
    pub(super) request: &'a Request,
    pub(super) key: &'a TargetKey<'a>,
}

/// The prefix of the condition keys for an encryption context.
const ENCRYPTION_CONTEXT: &str = "kms:encryptioncontext:";

impl<'a> RequestContext<'a> {
    /// Returns the value of a condition key, by its name in lower case.
    pub(super) fn get(&self, key: &str) -> Cow<'a, ContextValue> {
        let (key, old_name) = renamed(key);
        if !self.request.action.carries(key) {
            return Cow::Owned(ContextValue::Absent);
        }
        let context = &self.request.context;
        match context.get(key).or_else(|| context.get(old_name)) {
            Some(given) => Cow::Borrowed(given),
            None => Cow::Owned(self.derived(key)),
        }
    }

    /// Returns the value of a key that is not given. Keys that AWS puts into every request are unknown; every other key
    /// that does not follow from the request has the default of its context.
    fn derived(&self, key: &str) -> ContextValue {
        if let Some(value) = self.request.principal.context_value(key) {
            return value;
        }
        if let Some(fact) = self.key.arn.and_then(|arn| key_fact(arn, key)) {
            return fact.into();
        }
        match key {
            // "Always included" in a request (IAM User Guide, "AWS global condition context keys").
            "aws:currenttime" | "aws:epochtime" | "aws:useragent" => ContextValue::Unknown,
            "aws:resourceaccount" => ContextValue::value(self.key.account),
            // The Region of the request, which is that of the key.
            "aws:requestedregion" => ContextValue::Unknown,
            "aws:viaawsservice" => match *self.get("kms:viaservice") {
                ContextValue::Absent => ContextValue::bool(false),
                ContextValue::Known(_) => ContextValue::bool(true),
                ContextValue::AbsentOr(_) | ContextValue::OneOf(_) | ContextValue::Unknown => {
                    ContextValue::Unknown
                }
            },
            "kms:grantisforawsresource" => self.grant_is_for_aws_resource(),
            "kms:encryptioncontextkeys" => self.encryption_context_keys(),
            // Properties that every key has (KMS Developer Guide, "Condition keys for AWS KMS").
            "kms:keyspec" | "kms:keyusage" | "kms:keyorigin" => ContextValue::Unknown,
            "kms:multiregion" | "kms:multiregionkeytype" => ContextValue::Unknown,
            _ => self.request.context.rest(),
        }
    }

    /// Replaces the policy variables in a text, and returns it as a pattern, or `None` if it matches nothing.
    pub(super) fn expand(&self, text: &str, variables: bool) -> Result<Option<Vec<Glyph>>, Doubt> {
        let value = |key: &str| match &*self.get(key) {
            ContextValue::Absent => Value::Absent,
            ContextValue::Known(values) => match values.iter().collect::<Vec<_>>().as_slice() {
                [one] => Value::Is((*one).clone()),
                _ => Value::Several,
            },
            ContextValue::AbsentOr(_) | ContextValue::OneOf(_) | ContextValue::Unknown => {
                Value::Unknown
            }
        };
        let value: Option<&dyn Fn(&str) -> Value> = if variables { Some(&value) } else { None };
        variables::expand(text, self.key.arn, value).map_err(|why| match why {
            Unexpanded::KeyArn => Doubt::KeyArn,
            Unexpanded::Key(key) => Doubt::Key(key),
            Unexpanded::Variable => Doubt::Variable(text.to_owned()),
        })
    }

    /// Returns the value of `kms:GrantIsForAWSResource`. It is true only if an AWS service calls on behalf of a
    /// principal; AWS does not document whether a direct request has it as `false` or not at all.
    fn grant_is_for_aws_resource(&self) -> ContextValue {
        match (&*self.get("kms:viaservice"), &self.request.principal) {
            (ContextValue::Absent, Principal::Identity(_)) => {
                ContextValue::AbsentOr(BTreeSet::from(["false".to_owned()]))
            }
            (
                ContextValue::Absent
                | ContextValue::Known(_)
                | ContextValue::AbsentOr(_)
                | ContextValue::OneOf(_)
                | ContextValue::Unknown,
                _,
            ) => ContextValue::Unknown,
        }
    }

    /// Returns the keys of the given encryption context, in their original case.
    fn encryption_context_keys(&self) -> ContextValue {
        let mut names = BTreeSet::new();
        for (name, value) in self.encryption_context() {
            match value {
                ContextValue::Absent => {}
                ContextValue::Known(_) => {
                    names.insert(name.to_owned());
                }
                ContextValue::AbsentOr(_) | ContextValue::OneOf(_) | ContextValue::Unknown => {
                    return ContextValue::Unknown;
                }
            }
        }
        if names.is_empty() { self.request.context.rest() } else { ContextValue::Known(names) }
    }

    /// Returns the given encryption context: its keys in their original case, and their values.
    pub(super) fn encryption_context(&self) -> impl Iterator<Item = (&'a str, &'a ContextValue)> {
        self.request.context.with_prefix(ENCRYPTION_CONTEXT).map(|(rest, given)| {
            let start = given.name.len() - rest.len();
            (given.name.get(start..).unwrap_or(rest), &given.value)
        })
    }
}

/// Returns a condition key with its old name, which KMS still supports (KMS Developer Guide, "Condition keys for AWS
/// KMS": `kms:CustomerMasterKeySpec` and `kms:CustomerMasterKeyUsage`). Other keys have one name.
fn renamed(key: &str) -> (&str, &str) {
    match key {
        "kms:keyspec" | "kms:customermasterkeyspec" => ("kms:keyspec", "kms:customermasterkeyspec"),
        "kms:keyusage" | "kms:customermasterkeyusage" => {
            ("kms:keyusage", "kms:customermasterkeyusage")
        }
        key => (key, key),
    }
}
