//! Checks the policies and grants of a stack against its gates. Pure.
//!
//! A gate checks the complete policy that a key will have, with the statements of other stacks in it.
//! The caller supplies that policy: `plan` reads it from AWS, `lint` derives it from the
//! configuration alone.

use crate::desired::Desired;
use crate::id::{AccountId, KeyArn, Name, Place};
use crate::kind::address::Address;
use crate::kind::grant::Listed;
use crate::kind::{KeyRef, Spec, grant};
use crate::policy::gates::{Breach, PolicyChange};
use crate::policy::grants::Grant;
use crate::policy::{Document, KeyContext, work};
use std::collections::{BTreeMap, BTreeSet};

/// The policy of one key before and after a change.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The address of the key, or of the stack's statements in the policy of a key that it does not
    /// manage.
    pub address: Address,
    /// The key.
    pub key: KeyContext,
    /// The current policy, if it changes.
    pub before: Option<Document>,
    /// The policy after the change; `None` if it is not known.
    pub after: Option<Document>,
    /// The policy that the base branch declares, if the base branch declares the key.
    pub base: Option<Document>,
}

/// Returns the gates that the policies and the declared grants do not pass, by address.
#[must_use]
pub fn breaches(desired: &Desired, subjects: &[Subject]) -> BTreeMap<Address, BTreeSet<Breach>> {
    work::within(work::GATES, || of_subjects(desired, subjects))
}

fn of_subjects(desired: &Desired, subjects: &[Subject]) -> BTreeMap<Address, BTreeSet<Breach>> {
    let mut out: BTreeMap<Address, BTreeSet<Breach>> = BTreeMap::new();
    if !desired.has_gates() {
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

/// Returns the policies that the configuration alone determines. A key with a shared policy is
/// assumed to have AWS's default policy besides the stack's statements. Keys whose policies the stack
/// does not manage are left out.
#[must_use]
pub fn declared(desired: &Desired) -> Vec<Subject> {
    let resources = desired.resources.iter();
    let subjects = resources.filter_map(|(address, declared)| {
        let base = desired.base_at(address);
        Some(Subject {
            address: address.clone(),
            key: context(&declared.spec, &declared.place, None),
            before: None,
            after: Some(complete(&declared.spec, &declared.place, &desired.stack)?),
            base: base.and_then(|base| complete(&base.spec, &declared.place, &desired.stack)),
        })
    });
    subjects.collect()
}

/// Returns the complete policy of a resource that is created, if the resource has one.
fn complete(spec: &Spec, place: &Place, stack: &Name) -> Option<Document> {
    match spec.as_key_policy() {
        Some(policy) => Some(policy.shared.statements.clone()),
        None => spec.newborn(place, stack).policy().cloned(),
    }
}

/// Returns what a gate must know about a key, which is the resource itself or the key that the
/// resource refers to by ARN. `id` is AWS's identifier of the resource.
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

/// Returns what a gate must know about the key with an ARN.
#[must_use]
pub fn of_arn(arn: &KeyArn) -> KeyContext {
    KeyContext {
        account: Some(arn.account.to_string()),
        partition: arn.region.partition().to_owned(),
        arn: Some(arn.to_string()),
    }
}

/// Checks a grant on its own, without the policy of its key.
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
    standing_grants(desired, &key, &[grant::in_policy_words(address, grant)])
}

/// Checks grants on their own, without the policy of their key.
fn standing_grants(desired: &Desired, key: &KeyContext, grants: &[Grant]) -> BTreeSet<Breach> {
    let nothing = Document::empty();
    let change = PolicyChange { key, before: None, after: &nothing, base: None, grants };
    desired.all_gates().flat_map(|gates| gates.standing(change)).collect()
}

/// Returns the gates that grants of other owners on a key do not pass.
#[must_use]
pub fn of_foreign_grants<'a>(
    desired: &Desired,
    key: &KeyArn,
    grants: impl Iterator<Item = &'a Listed>,
) -> BTreeSet<Breach> {
    let grants: Vec<Grant> = grants.map(grant::listed_in_policy_words).collect();
    standing_grants(desired, &of_arn(key), &grants)
}

/// Returns the gates that a key of another owner does not pass, whose policy and grants the stack cannot change.
/// `policy` is `None` if it is not known, or judged elsewhere.
#[must_use]
pub fn of_referred(
    desired: &Desired,
    key: &KeyArn,
    policy: Option<&Document>,
    grants: &[Grant],
) -> BTreeSet<Breach> {
    let nothing = Document::empty();
    let context = of_arn(key);
    let after = policy.unwrap_or(&nothing);
    let change = PolicyChange { key: &context, before: None, after, base: None, grants };
    let own = desired.own_accounts();
    // The authors of a change can add accounts to its configuration, but not to that of `--gates`.
    let outer = desired.outer.as_ref().map(|outer| {
        let accounts = outer.accounts.iter().chain([&desired.home.account]);
        (&outer.gates, accounts.cloned().collect())
    });
    let owners = [(&desired.gates, own)].into_iter().chain(outer);
    let owners = owners.filter(|(_, own): &(_, BTreeSet<AccountId>)| !own.contains(&key.account));
    let owners = owners.filter_map(|(gates, _)| gates.owner(key.account.as_str()));
    desired.all_gates().flat_map(|gates| gates.standing(change)).chain(owners).collect()
}

/// Returns the gates that a key with an unknown policy does not pass.
#[must_use]
pub fn of_unknown(desired: &Desired) -> BTreeSet<Breach> {
    let gates = desired.all_gates().flat_map(|gates| gates.unknown(false));
    // Who loses access is known: nobody.
    gates.filter(|breach| breach.gate != "removals").collect()
}

fn of_policy(desired: &Desired, subject: &Subject) -> BTreeSet<Breach> {
    let Subject { key, before, after, base, .. } = subject;
    let (before, base) = (before.as_ref(), base.as_ref());
    let Some(after) = after else {
        return desired.all_gates().flat_map(|gates| gates.unknown(base.is_some())).collect();
    };
    let judged = PolicyChange { key, before, after, base, grants: &[] };
    let breaches = desired.all_gates().flat_map(|gates| {
        let standing = gates.standing(judged);
        standing.into_iter().chain(gates.changing(judged))
    });
    breaches.collect()
}
