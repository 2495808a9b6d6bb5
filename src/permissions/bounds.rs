//! The conditions of an action.

use super::subject::{KeyTarget, Leaving, Subject};
use super::table::Bound;
use crate::id::{Name, Place, Region};
use crate::kind::key::{DEFAULT_ORIGIN, DEFAULT_SPEC, MARKS, NAME_TAG, Rotation, STACK_TAG, rule};
use crate::kind::{Spec, grant, key};
use crate::policy::is_service;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const EQUALS: &str = "StringEquals";
const EQUALS_IF_EXISTS: &str = "StringEqualsIfExists";
const ALL_EQUAL: &str = "ForAllValues:StringEquals";
const NONE_EQUALS: &str = "ForAllValues:StringNotEquals";
const NUMBER: &str = "NumericEquals";
const BOOL: &str = "Bool";
const BOOL_IF_EXISTS: &str = "BoolIfExists";
const ARN: &str = "ArnEquals";
const TAG_KEYS: &str = "aws:TagKeys";
const RESOURCE_ALIASES: &str = "kms:ResourceAliases";

/// The operators whose values are alternatives of one value of the request. Two statements that differ in the values of
/// one such condition allow together what one statement with all the values allows.
const ALTERNATIVES: [&str; 5] = [EQUALS, EQUALS_IF_EXISTS, NUMBER, BOOL, ARN];

/// The conditions of a statement: the values by operator and condition key. All must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions(BTreeMap<(String, String), BTreeSet<String>>);

impl Conditions {
    /// Adds a condition; none if there are no values.
    fn add<T: Into<String>>(
        &mut self,
        operator: &str,
        key: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.0.entry((operator.to_owned(), key.into())).or_default().extend(values);
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the operator, the condition key and the values of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<String>)> {
        self.0.iter().map(|((operator, key), values)| (operator.as_str(), key.as_str(), values))
    }

    /// Returns the conditions that are met where one of the two are, if they differ in the values of one condition
    /// only.
    pub(super) fn either(&self, other: &Self) -> Option<Self> {
        if !self.0.keys().eq(other.0.keys()) {
            return None;
        }
        let mut differing =
            self.0.iter().filter(|(key, values)| other.0.get(*key) != Some(*values));
        let ((operator, key), _) = differing.next()?;
        if differing.next().is_some() || !ALTERNATIVES.contains(&operator.as_str()) {
            return None;
        }
        let mut both = self.clone();
        let place = (operator.clone(), key.clone());
        let more = other.0.get(&place).cloned().unwrap_or_default();
        both.0.entry(place).or_default().extend(more);
        Some(both)
    }

    /// Returns the keys of the tags that a request may set, if they are bounded.
    pub(super) fn tag_keys(&self) -> Option<&BTreeSet<String>> {
        self.0.get(&(ALL_EQUAL.to_owned(), TAG_KEYS.to_owned()))
    }

    /// Returns the conditions with other keys of tags.
    pub(super) fn with_tag_keys(&self, keys: &BTreeSet<String>) -> Self {
        let mut all = self.clone();
        all.0.insert((ALL_EQUAL.to_owned(), TAG_KEYS.to_owned()), keys.clone());
        all
    }

    /// Returns the conditions without the names of resources.
    pub(super) fn without_names(&self) -> Self {
        let mut all = self.clone();
        all.0.remove(&(EQUALS.to_owned(), format!("aws:ResourceTag/{NAME_TAG}")));
        all
    }

    /// Returns the conditions without those that select the resources.
    pub(super) fn without_selection(&self) -> Self {
        let is_bound = |key: &str| !key.starts_with("aws:ResourceTag/") && key != RESOURCE_ALIASES;
        let bounds = self.0.iter().filter(|((_, key), _)| is_bound(key));
        Self(bounds.map(|(key, values)| (key.clone(), values.clone())).collect())
    }

    /// Returns the conditions in the form of a policy.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut operators: Map<String, Value> = Map::new();
        for ((operator, key), values) in &self.0 {
            let values: Vec<Value> = values.iter().cloned().map(Value::String).collect();
            let value = match <[Value; 1]>::try_from(values) {
                Ok([only]) if !operator.starts_with("ForAllValues:") => only,
                Ok([only]) => Value::Array(vec![only]),
                Err(several) => Value::Array(several),
            };
            let keys = operators.entry(operator.clone()).or_insert_with(|| Map::new().into());
            if let Value::Object(keys) = keys {
                keys.insert(key.clone(), value);
            }
        }
        Value::Object(operators)
    }

    /// Limits requests without a resource to a Region.
    pub(super) fn in_region(&mut self, place: &Place) {
        self.add(EQUALS, "aws:RequestedRegion", [place.region.as_str()]);
    }

    /// Limits requests to the keys of a target.
    pub(super) fn about_keys(&mut self, target: &KeyTarget, stack: &Name) {
        match target {
            KeyTarget::Tagged(_) => self.tagged(stack),
            KeyTarget::Alias(_, alias) => {
                self.add("ForAnyValue:StringEquals", RESOURCE_ALIASES, [alias.as_str()]);
            }
            KeyTarget::Arn(_) | KeyTarget::All(_) => {}
        }
    }

    /// Limits requests to resources with the stack's tag.
    pub(super) fn tagged(&mut self, stack: &Name) {
        self.add(EQUALS, format!("aws:ResourceTag/{STACK_TAG}"), [stack.as_str()]);
    }

    /// Limits requests to resources with one of the names.
    pub(super) fn named<'a>(&mut self, names: impl IntoIterator<Item = &'a String>) {
        self.add(EQUALS, format!("aws:ResourceTag/{NAME_TAG}"), names.into_iter().cloned());
    }

    /// Adds a bound of the table.
    pub(super) fn bound(&mut self, bound: Bound, subject: &Subject, place: &Place, stack: &Name) {
        let tag = format!("aws:RequestTag/{STACK_TAG}");
        let key = subject.spec.as_ref().and_then(Spec::as_key);
        match bound {
            Bound::NewTags => {
                self.add(EQUALS, tag, [stack.as_str()]);
                self.add(ALL_EQUAL, TAG_KEYS, tag_keys(subject));
            }
            Bound::Tags => {
                self.add(EQUALS_IF_EXISTS, tag, [stack.as_str()]);
                self.add(ALL_EQUAL, TAG_KEYS, tag_keys(subject));
            }
            // These select the key.
            Bound::NamedKey | Bound::RecordedKey => {}
            Bound::NewTagsIfAny => self.add(EQUALS_IF_EXISTS, tag, [stack.as_str()]),
            Bound::KeepsMarks if subject.leaving == Some(Leaving::Untagged) => {
                self.add(ALL_EQUAL, TAG_KEYS, MARKS);
            }
            Bound::KeepsMarks => self.add(NONE_EQUALS, TAG_KEYS, [STACK_TAG, NAME_TAG]),
            // `CreateKey` itself always has the condition key. KMS does not document whether the check of kms:CreateKey
            // that `ReplicateKey` adds has it.
            Bound::MultiRegion => self.add(BOOL_IF_EXISTS, "kms:MultiRegion", ["true"]),
            Bound::ForAwsResource => self.add(BOOL, "kms:GrantIsForAWSResource", ["true"]),
            Bound::Via(service) => self.add(EQUALS, "kms:ViaService", via(service, place)),
            Bound::CreateAction(key, operation) => self.add(EQUALS, key, [operation]),
            Bound::ServiceName(service) => self.add(EQUALS, "iam:AWSServiceName", [service]),
            Bound::ReplicaRegion => {
                self.add(EQUALS, "kms:ReplicaRegion", [subject.place.region.as_str()]);
            }
            Bound::OwnServiceName => {
                let service = subject.fields.get("service").and_then(Value::as_str);
                self.add(EQUALS, "iam:AWSServiceName", service);
            }
            Bound::KeyForm => key.into_iter().for_each(|key| self.key_form(key)),
            // KMS does not document whether a request without the parameter has the condition key.
            Bound::LockoutCheck if key.is_none_or(|key| key.allow_lockout.is_none()) => {
                self.add(BOOL_IF_EXISTS, "kms:BypassPolicyLockoutSafetyCheck", ["false"]);
            }
            Bound::LockoutCheck => {}
            Bound::PrimaryRegion => {
                let region = key.and_then(|key| key.primary_region.as_ref()).map(Region::as_str);
                self.add(EQUALS, "kms:PrimaryRegion", region);
            }
            Bound::DeletionWindow => {
                let days = key.map(|key| key.deletion_window_days.to_string());
                self.add(NUMBER, "kms:ScheduleKeyDeletionPendingWindowInDays", days);
            }
            Bound::RotationPeriod => {
                if let Some(Rotation::EveryDays(days)) = key.and_then(|key| key.rotation) {
                    self.add(NUMBER, "kms:RotationPeriodInDays", [days.to_string()]);
                }
            }
            Bound::Grant => {
                if let Some(grant) = subject.spec.as_ref().and_then(Spec::as_grant) {
                    self.of_grant(grant);
                }
            }
        }
    }

    /// Each condition key has "the property of the KMS key that is created by or used in the operation" (KMS Developer
    /// Guide, `kms:KeySpec`, `kms:KeyUsage`, `kms:KeyOrigin`, `kms:MultiRegion`).
    fn key_form(&mut self, key: &key::Spec) {
        let spec = key.spec.as_deref().unwrap_or(DEFAULT_SPEC);
        let usual = rule(spec).and_then(|rule| rule.usages.first().copied());
        let multi = if key.multi_region == Some(true) { "true" } else { "false" };
        self.add(EQUALS, "kms:KeySpec", [spec]);
        self.add(EQUALS, "kms:KeyUsage", key.usage.as_deref().or(usual));
        self.add(EQUALS, "kms:KeyOrigin", [key.origin.as_deref().unwrap_or(DEFAULT_ORIGIN)]);
        self.add(BOOL, "kms:MultiRegion", [multi]);
    }

    fn of_grant(&mut self, grant: &grant::Spec) {
        let operations: Vec<&str> = grant.operations.iter().map(String::as_str).collect();
        self.add(ALL_EQUAL, "kms:GrantOperations", operations);
        let grantee = if is_service(&grant.grantee) {
            "kms:GranteeServicePrincipal"
        } else {
            "kms:GranteePrincipal"
        };
        self.add(EQUALS, grantee, [grant.grantee.as_str()]);
        if let Some(retiring) = grant.retiring.as_deref() {
            let key = if is_service(retiring) {
                "kms:RetiringServicePrincipal"
            } else {
                "kms:RetiringPrincipal"
            };
            self.add(EQUALS, key, [retiring]);
        }
        let constraints = grant.constraints.iter();
        let types = constraints.filter_map(|constraints| {
            let equals = constraints.encryption_context_equals.is_some();
            let subset = constraints.encryption_context_subset.is_some();
            let subset = if subset { Some("EncryptionContextSubset") } else { None };
            if equals { Some("EncryptionContextEquals") } else { subset }
        });
        let types: Vec<&str> = types.collect();
        if !types.is_empty() {
            self.add(EQUALS, "kms:GrantConstraintType", types);
        }
    }
}

/// Returns the keys of the tags that a request about the subject may set. A key that is taken over as it is does not
/// get the tags of the stack.
pub(super) fn tag_keys(subject: &Subject) -> BTreeSet<String> {
    let tags = subject.tags();
    let is_key = subject.spec.as_ref().is_some_and(|spec| spec.as_key().is_some());
    let is_marked = !is_key || tags.is_some_and(|tags| tags.contains_key(STACK_TAG));
    let marks = if is_marked { MARKS.as_slice() } else { &[] };
    let declared = tags.into_iter().flatten().map(|(key, _)| key.clone());
    declared.chain(marks.iter().map(|mark| (*mark).to_owned())).collect()
}

/// Returns the values of `kms:ViaService` for a service in a Region (KMS Developer Guide, `kms:ViaService`). The guide
/// does not say which of the domains it has where the hosts of the services have other names.
fn via(service: &str, place: &Place) -> BTreeSet<String> {
    let domains = ["amazonaws.com", place.region.domain()];
    domains.iter().map(|domain| format!("{service}.{}.{domain}", place.region)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(values: &[(&str, &str, &str)]) -> Conditions {
        let mut all = Conditions::default();
        for (operator, key, value) in values {
            all.add(operator, *key, [*value]);
        }
        all
    }

    #[test]
    fn conditions_that_differ_in_one_alternative_become_one() {
        let a = conditions(&[(EQUALS, "kms:KeySpec", "A"), (EQUALS, "kms:KeyUsage", "U")]);
        let b = conditions(&[(EQUALS, "kms:KeySpec", "B"), (EQUALS, "kms:KeyUsage", "U")]);
        let c = conditions(&[(EQUALS, "kms:KeySpec", "B"), (EQUALS, "kms:KeyUsage", "V")]);
        let both = a.either(&b).unwrap();
        assert_eq!(both.json()["StringEquals"]["kms:KeySpec"], serde_json::json!(["A", "B"]));
        assert_eq!(a.either(&c), None, "A with V would be allowed, too");
        let one = conditions(&[(ALL_EQUAL, TAG_KEYS, "a")]);
        let other = conditions(&[(ALL_EQUAL, TAG_KEYS, "b")]);
        assert_eq!(one.either(&other), None, "a request with both tags would be allowed, too");
    }
}
