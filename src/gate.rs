//! Judges what a stack declares by its gates. Pure.

use crate::address::Address;
use crate::desired::{Declared, Desired};
use crate::kind::{KeyRef, grant};
use crate::policy::gates::{Breach, Judged};
use crate::policy::grants::Grant;
use crate::policy::{Document, KeyContext};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a key that a policy changes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changing<'a> {
    /// The key's ARN, where it exists.
    pub id: Option<&'a str>,
    /// Its policy now, where it is to become another.
    pub before: Option<&'a Document>,
}

/// The gates that the declared policies and grants do not pass, by the resource whose fault it is. `changing` tells
/// what is known of a key.
#[must_use]
pub fn breaches<'a>(
    desired: &Desired,
    changing: impl Fn(&Address) -> Changing<'a>,
) -> BTreeMap<Address, BTreeSet<Breach>> {
    let mut out: BTreeMap<Address, BTreeSet<Breach>> = BTreeMap::new();
    if desired.gates.is_empty() && desired.base.is_empty() {
        return out;
    }
    let mut grants: BTreeMap<&KeyRef, Vec<(&Address, Grant)>> = BTreeMap::new();
    for (address, declared) in &desired.resources {
        if let Some(policy) = declared.spec.as_key().and_then(|key| key.policy.as_ref()) {
            let found = of_key(desired, address, declared, policy, changing(address));
            out.extend((!found.is_empty()).then(|| (address.clone(), found)));
        }
        if let Some(grant) = declared.spec.as_grant() {
            let of = grants.entry(&grant.key).or_default();
            of.push((address, grant::in_policy_words(address, grant)));
        }
    }
    for (key, grants) in grants {
        let context = match key {
            KeyRef::Managed(address) => {
                desired.resources.get(address).map(|key| context(key, None))
            }
            KeyRef::Alias(_) => None,
            KeyRef::Arn(arn) => Some(KeyContext {
                account: Some(arn.account.to_string()),
                partition: arn.region.partition().to_owned(),
                arn: Some(arn.to_string()),
            }),
        };
        for (address, grant) in grants {
            // A grant is judged by itself.
            let nothing = Document::silent();
            let found = context.as_ref().map(|key| {
                let grants = std::slice::from_ref(&grant);
                desired.gates.standing(Judged {
                    key,
                    before: None,
                    after: &nothing,
                    base: None,
                    grants,
                })
            });
            out.extend(
                found.filter(|found| !found.is_empty()).map(|found| (address.clone(), found)),
            );
        }
    }
    out
}

fn context(declared: &Declared, id: Option<&str>) -> KeyContext {
    KeyContext {
        account: Some(declared.place.account.to_string()),
        partition: declared.place.region.partition().to_owned(),
        arn: id.map(str::to_owned),
    }
}

fn of_key(
    desired: &Desired,
    address: &Address,
    declared: &Declared,
    policy: &Document,
    Changing { id, before }: Changing<'_>,
) -> BTreeSet<Breach> {
    let key = context(declared, id);
    let base = desired.base.get(address);
    let judged = Judged { key: &key, before, after: policy, base, grants: &[] };
    let mut out = desired.gates.standing(judged);
    out.extend(desired.gates.changing(judged));
    out
}
