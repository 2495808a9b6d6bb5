//! Findings about what carries marks of the stack or belongs to its keys, and is not declared: aliases, and
//! further keys with the tags of an address.

use crate::kind::Address;
use crate::plan::Finding;
use crate::plan::draft::Draft;

/// The rule of the finding that several keys carry the tags of one address.
pub(in crate::plan) const DUPLICATE: &str = "duplicate-key";

/// Returns the findings about further keys with the tags of an address.
pub(in crate::plan) fn duplicates(draft: &Draft<'_>) -> Vec<Finding> {
    let live = draft.live;
    let all = live
        .duplicates
        .iter()
        .flat_map(|(address, duplicates)| duplicates.iter().map(move |one| (address, &one.arn)));
    let rest = all.filter(|(address, arn)| !live.observed.contains_key(&address.duplicate(arn)));
    rest.map(|(address, arn)| {
        let used = match live.ids.get(address) {
            Some(used) => format!("the stack uses `{used}`"),
            None => "the stack uses another key".to_owned(),
        };
        Finding {
            rule: DUPLICATE.to_owned(),
            address: address.clone(),
            message: format!(
                "`{arn}` carries the tags of this key as well; {used}; another run without the same record \
                 may have created it. If the other one is right, write `adopt: {arn}`; to delete a key that was \
                 never used, list it under `removed: [{{address: {arn}, action: delete}}]`; otherwise \
                 remove its tags `kmsctl:stack` and `kmsctl:name`"
            ),
        }
    })
    .collect()
}

/// Returns the findings about undeclared aliases.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Finding> {
    let live = draft.live;
    let aliases = live.undeclared_aliases.iter().filter_map(|((place, name), key)| {
        let declared = draft.desired.resources.get(key)?;
        // A key that is taken over may have aliases of its earlier owner.
        if declared.adopt.is_some() {
            return None;
        }
        let region = &place.region;
        Some(Finding {
            rule: "undeclared-alias".to_owned(),
            address: key.clone(),
            message: format!(
                "`{name}` refers to this key and is not declared; AWS does not show who created it, so \
                 kmsctl does not delete it: declare it, or delete it with `aws kms delete-alias \
                 --alias-name {name} --region {region}`"
            ),
        })
    });
    aliases.collect()
}

/// The rule of the finding about a resource that carries the stack's tags, and is neither declared nor
/// recorded.
pub(in crate::plan) const UNCLAIMED: &str = "unclaimed-key";

/// Returns the finding about a resource that carries the stack's tags, and is neither declared nor
/// recorded.
pub(in crate::plan) fn unclaimed(address: &Address, id: &str) -> Finding {
    Finding {
        rule: UNCLAIMED.to_owned(),
        address: address.clone(),
        message: format!(
            "`{id}` has the tags of this stack, and is neither declared nor recorded; kmsctl does not \
             change it: declare it, or remove its tags `kmsctl:stack` and `kmsctl:name`"
        ),
    }
}
