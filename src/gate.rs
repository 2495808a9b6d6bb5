//! Judges the policies and grants of a stack by its gates. Pure.
//!
//! A gate judges the whole policy that a key is to have: declared, built from roles, or with the
//! stack's statements in it. What that policy is, the caller knows: a plan from AWS, `lint` from the
//! configuration alone.

use crate::address::Address;
use crate::desired::Desired;
use crate::id::{KeyArn, Place};
use crate::kind::{KeyRef, Spec, grant};
use crate::policy::gates::{Breach, Judged};
use crate::policy::{Document, KeyContext};
use std::collections::{BTreeMap, BTreeSet};

/// The policy of one key, as it is and as it is to be.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The resource that the policy belongs to: a key, or the stack's part of a policy.
    pub address: Address,
    /// The key.
    pub key: KeyContext,
    /// The policy now, where it is to become another.
    pub before: Option<Document>,
    /// The policy that the key is to have; `None` where that is not known.
    pub after: Option<Document>,
    /// The policy that it would have by the base of the change, where the base has the key.
    pub base: Option<Document>,
}

/// The gates that the policies and the declared grants do not pass, by the resource at fault.
#[must_use]
pub fn breaches(desired: &Desired, subjects: &[Subject]) -> BTreeMap<Address, BTreeSet<Breach>> {
    let mut out: BTreeMap<Address, BTreeSet<Breach>> = BTreeMap::new();
    if desired.gates.is_empty() && desired.base.is_empty() {
        return out;
    }
    for subject in subjects {
        out.insert(subject.address.clone(), of_policy(desired, subject));
    }
    for (address, declared) in &desired.resources {
        if let Some(grant) = declared.spec.as_grant() {
            out.insert(address.clone(), of_grant(desired, address, grant));
        }
    }
    out.retain(|_, found| !found.is_empty());
    out
}

/// The policies as the configuration alone tells them: a key whose policy is shared with others is
/// taken to have AWS's default policy beside the stack's statements. Keys whose policies are not
/// managed are left out.
#[must_use]
pub fn declared(desired: &Desired) -> Vec<Subject> {
    let each = desired.resources.iter().filter_map(|(address, declared)| {
        let complete = |spec: &Spec| match spec.as_key_policy() {
            Some(policy) => Some(policy.shared.statements.clone()),
            None => spec.newborn(&declared.place, &desired.stack).policy().cloned(),
        };
        Some(Subject {
            address: address.clone(),
            key: context(&declared.spec, &declared.place, None),
            before: None,
            after: Some(complete(&declared.spec)?),
            base: desired.base.get(address).and_then(complete),
        })
    });
    each.collect()
}

/// What a gate must know of the key of a resource: of the key itself, or of one that it points at.
#[must_use]
pub fn context(spec: &Spec, place: &Place, id: Option<&str>) -> KeyContext {
    if let Some(KeyRef::Arn(arn)) = spec.as_key_policy().map(|policy| &policy.key) {
        return of_arn(arn);
    }
    KeyContext {
        account: Some(place.account.to_string()),
        partition: place.region.partition().to_owned(),
        arn: id.filter(|id| id.starts_with("arn:")).map(str::to_owned),
    }
}

fn of_arn(arn: &KeyArn) -> KeyContext {
    KeyContext {
        account: Some(arn.account.to_string()),
        partition: arn.region.partition().to_owned(),
        arn: Some(arn.to_string()),
    }
}

/// A grant is judged by itself.
fn of_grant(desired: &Desired, address: &Address, grant: &grant::Spec) -> BTreeSet<Breach> {
    let in_place = |place: &Place| KeyContext {
        account: Some(place.account.to_string()),
        partition: place.region.partition().to_owned(),
        arn: None,
    };
    let key = match &grant.key {
        KeyRef::Alias(alias) => in_place(&alias.place),
        KeyRef::Managed(key) => {
            in_place(desired.resources.get(key).map_or(&desired.home, |key| &key.place))
        }
        KeyRef::Arn(arn) => of_arn(arn),
    };
    let grants = &[grant::in_policy_words(address, grant)];
    let nothing = Document::silent();
    desired.gates.standing(Judged { key: &key, before: None, after: &nothing, base: None, grants })
}

fn of_policy(desired: &Desired, subject: &Subject) -> BTreeSet<Breach> {
    let Subject { key, before, after, base, .. } = subject;
    let (before, base) = (before.as_ref(), base.as_ref());
    let Some(after) = after else {
        return desired.gates.unknown(base.is_some());
    };
    let judged = Judged { key, before, after, base, grants: &[] };
    let mut out = desired.gates.standing(judged);
    out.extend(desired.gates.changing(judged));
    out
}
