//! Checks the keys that are found in AWS only by their tags, without a record and without `adopt`.
//!
//! Whoever may tag a key can give it the tags of the stack. Such a key is used only if it is harmless whoever
//! created it: its key material is made by AWS, and nobody has more access to it than the configuration gives.

use crate::desired::{Declared, Desired};
use crate::gate;
use crate::id::{AccountId, Region};
use crate::kind::address::Address;
use crate::kind::consumer::Identity;
use crate::kind::grant::Listed;
use crate::kind::key::{self, DEFAULT_ORIGIN};
use crate::kind::{ConsumerSpec, Kind, Spec, Violation};
use crate::live::Live;
use crate::policy::access::{ChangeKind, NetChange};
use crate::policy::{AccessChange, Direction, Document, KeyContext, aws_default, compare};
use std::collections::BTreeSet;

/// Returns why a resource without a record must not be used, if it was found only by its tags.
pub(in crate::plan) fn doubt(
    address: &Address,
    id: &str,
    declared: &Declared,
    found: &Spec,
    desired: &Desired,
    live: &Live,
) -> Option<Violation> {
    match (&declared.spec, found) {
        _ if declared.adopt.is_some() => None,
        (Spec::Key(key), _) => objection(address, key, desired, live),
        (Spec::Consumer(declared), Spec::Consumer(found)) => other_key(id, declared, found),
        _ => None,
    }
}

/// Returns why the key at a declared address must not be used.
fn objection(
    address: &Address,
    declared: &key::Spec,
    desired: &Desired,
    live: &Live,
) -> Option<Violation> {
    let found = live.found.get(address)?;
    let arn = live.ids.get(address)?;
    let mut reasons = Vec::new();
    if found.origin != DEFAULT_ORIGIN {
        reasons.push(format!("its key material has the origin `{}`", found.origin));
    }
    reasons.extend(other_kind(declared, found));
    if let Some(store) = &found.custom_key_store_id {
        reasons.push(format!("it is in the custom key store `{store}`"));
    }
    let undeclared: Vec<&str> = found
        .replicas
        .iter()
        .filter(|region| !is_declared(address, region, desired))
        .map(Region::as_str)
        .collect();
    if !undeclared.is_empty() {
        reasons.push(format!("it has undeclared replicas in {}", undeclared.join(", ")));
    }
    match live.foreign_grants.get(address) {
        None => reasons.push("its grants cannot be listed".to_owned()),
        Some(grants) => {
            let foreign = foreign(address, grants, &arn.account, desired);
            reasons.extend(foreign.map(describe));
        }
    }
    let key = gate::of_arn(arn);
    let expected = expected(declared, desired, &key);
    reasons.extend(expected.and_then(|expected| excess(&expected, &found.policy, &key)));
    if reasons.is_empty() {
        return None;
    }
    let reason = format!(
        "`{arn}` was found only by its tags, which anybody may have set who can tag keys, and {}",
        reasons.join("; ")
    );
    let help = format!(
        "if it is the key of this stack, write `adopt: {arn}` in its declaration; if it is not, remove its \
         tags `kmsctl:stack` and `kmsctl:name`"
    );
    Some(Violation::new("", reason, help))
}

/// Returns what differs of the properties that AWS fixes at creation. What is not declared is as `CreateKey` makes it.
fn other_kind(declared: &key::Spec, found: &key::Found) -> Option<String> {
    // A replica has the properties of its primary key.
    if declared.primary.is_some() {
        return None;
    }
    let spec = declared.spec.as_deref().unwrap_or(key::DEFAULT_SPEC);
    let default_usage = key::rule(spec).and_then(|rule| rule.usages.first().copied());
    let usage = declared.usage.as_deref().or(default_usage);
    if found.spec != spec || usage.is_some_and(|usage| usage != found.usage) {
        return Some(format!("it is a key of spec {} for {}", found.spec, found.usage));
    }
    let multi_region = declared.multi_region.unwrap_or(false);
    (multi_region != found.multi_region).then(|| match found.multi_region {
        true => "it is a multi-Region key".to_owned(),
        false => "it is not a multi-Region key".to_owned(),
    })
}

/// Returns why a consumer must not be used: the declared key does not encrypt it.
/// A setting of the Region and a resource that is declared as `existing` are not found by tags.
fn other_key(id: &str, declared: &ConsumerSpec, live: &ConsumerSpec) -> Option<Violation> {
    let is_named =
        live.kind().facts().identity == Identity::Single || declared.common().existing.is_some();
    if is_named || declared.key() == live.key() {
        return None;
    }
    let key = live.key().map_or("no key of the stack".to_owned(), |key| format!("`{key}`"));
    let reason = format!(
        "`{id}` was found only by its tags, which anybody may have set who can tag it, and it is encrypted with \
         {key}"
    );
    let help = "if the resource belongs to this stack, its key can be changed with a record of it (`--state`), or by \
                hand; if it does not, remove its tags `kmsctl:stack` and `kmsctl:name`";
    Some(Violation::new("key", reason, help))
}

/// Returns whether the key in a Region that is related to a multi-Region key is declared: the key itself, or a
/// replica.
fn is_declared(key: &Address, region: &Region, desired: &Desired) -> bool {
    let name = key.name.split_once('/').map_or(key.name.as_str(), |(name, _)| name);
    let own = desired.resources.get(&Address::new(Kind::Key, name));
    own.is_some_and(|own| own.place.region == *region)
        || desired.resources.contains_key(&Address::new(Kind::Key, format!("{name}/{region}")))
}

/// Returns the grants that neither an AWS service holds nor the configuration accepts or lets go of.
pub(in crate::plan) fn foreign<'a>(
    key: &Address,
    grants: &'a [Listed],
    account: &AccountId,
    desired: &'a Desired,
) -> impl Iterator<Item = &'a Listed> {
    let accepted = desired.accepted_grants.get(key);
    let is_accepted = move |grant: &Listed| {
        accepted.is_some_and(|all| all.iter().any(|accepted| accepted.contains(grant)))
    };
    let is_forgotten = |grant: &Listed| {
        let name = grant.marked(&desired.stack);
        name.is_some_and(|name| desired.forget.contains(&Address::new(Kind::Grant, name)))
    };
    let account = account.clone();
    grants.iter().filter(move |grant| {
        !grant.is_of_service(&account) && !is_accepted(grant) && !is_forgotten(grant)
    })
}

/// Describes a grant of another owner in words.
pub(in crate::plan) fn describe(grant: &Listed) -> String {
    let operations: Vec<&str> = grant.operations.iter().map(String::as_str).collect();
    format!("the grant `{}` gives `{}` {}", grant.grant_id, grant.grantee, operations.join(", "))
}

/// Returns the policy that a key of the stack has: the declared one, or AWS's default policy with the statements
/// of the stack.
fn expected(declared: &key::Spec, desired: &Desired, key: &KeyContext) -> Option<Document> {
    if let Some(policy) = &declared.policy {
        return Some(
            key.arn.as_ref().map_or_else(|| policy.clone(), |arn| policy.with_own_key(arn)),
        );
    }
    let default = aws_default(&key.partition, key.account.as_deref()?);
    Some(match &declared.shared {
        Some(shared) => shared.within(&default, &desired.stack),
        None => default,
    })
}

/// Returns the access that the live policy gives beyond the expected one.
fn excess(expected: &Document, live: &Document, key: &KeyContext) -> Option<String> {
    let compared = compare(Some(expected), Some(live), key, &[]);
    let is_gain = |change: &&AccessChange| match change.kind {
        ChangeKind::Moved | ChangeKind::Changed => true,
        // A deleted identity makes no request.
        ChangeKind::Dangling => false,
        ChangeKind::Gains
        | ChangeKind::Loses
        | ChangeKind::Wider
        | ChangeKind::Narrower
        | ChangeKind::Future => change.direction == Direction::Gained,
    };
    let gains = compared.changes.iter().filter(is_gain);
    let principals: BTreeSet<&str> = gains.map(|change| change.principal.as_str()).collect();
    let is_known = !compared.open && compared.change != NetChange::Unknown;
    if let Some(first) = principals.first() {
        let more = match principals.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        return Some(format!(
            "its policy gives `{first}`{more} access that the configuration does not give"
        ));
    }
    (!is_known).then(|| {
        "it is not certain that its policy gives no more access than the configuration".to_owned()
    })
}
