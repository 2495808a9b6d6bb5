//! Judges what a stack declares by its gates. Pure.

use crate::address::Address;
use crate::desired::{Declared, Desired};
use crate::kind::{KeyRef, grant};
use crate::policy::gates::{Breach, Judged};
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
    for (address, declared) in &desired.resources {
        let policy = declared.spec.as_key().and_then(|key| key.policy.as_ref());
        let grant = declared.spec.as_grant();
        let found = match (policy, grant) {
            (Some(policy), _) => {
                Some(of_key(desired, address, declared, policy, changing(address)))
            }
            (None, Some(grant)) => of_grant(desired, address, grant),
            (None, None) => None,
        };
        out.extend(found.filter(|found| !found.is_empty()).map(|found| (address.clone(), found)));
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

/// A grant is judged by itself.
fn of_grant(desired: &Desired, address: &Address, grant: &grant::Spec) -> Option<BTreeSet<Breach>> {
    let key = match &grant.key {
        KeyRef::Alias(_) => return None,
        KeyRef::Managed(key) => context(desired.resources.get(key)?, None),
        KeyRef::Arn(arn) => KeyContext {
            account: Some(arn.account.to_string()),
            partition: arn.region.partition().to_owned(),
            arn: Some(arn.to_string()),
        },
    };
    let grants = &[grant::in_policy_words(address, grant)];
    let nothing = Document::silent();
    let judged = Judged { key: &key, before: None, after: &nothing, base: None, grants };
    Some(desired.gates.standing(judged))
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
