//! Findings about what carries marks of the stack or belongs to its keys, and is not declared: aliases, and
//! further keys with the tags of an address.

use super::found;
use crate::desired::Desired;
use crate::id::KeyArn;
use crate::kind::grant::Listed;
use crate::kind::key::NAME_TAG;
use crate::kind::{Address, Kind, Spec, Violation};
use crate::live::{Live, Observed};
use crate::plan::Finding;
use crate::plan::draft::Draft;
use crate::policy::is_unique_id;
use crate::policy::lint::{Severity, other_rules};
use crate::state::State;

/// Returns why a protected resource that is not declared stays. `destroys` says that `kmsctl destroy` makes the plan,
/// for which nothing is declared.
pub(in crate::plan) fn protected(address: &Address, destroys: bool) -> Violation {
    let loss = match address.kind.consumer().map(|kind| kind.facts().holds_data) {
        None => "without the key the data that it encrypts is lost",
        Some(true) => "deleting the resource deletes its data",
        Some(false) => "without the resource, what it does ends",
    };
    let forget =
        format!("stop managing it with `removed: [{{address: {address}, action: forget}}]`");
    if destroys {
        let help =
            format!("set `protect: false` and apply, and then destroy the stack; or {forget}");
        return Violation::new("", format!("it was protected by the last apply: {loss}"), help);
    }
    let help = format!(
        "declare it again; or first apply `protect: false`, and then remove the declaration; or {forget}"
    );
    Violation::new("", format!("it is protected, and no longer declared: {loss}"), help)
}

/// Returns whether a key is listed for deletion, and is a further key with the tags of an address that has another key.
pub(in crate::plan) fn is_further(
    original: &Address,
    id: &str,
    desired: &Desired,
    live: &Live,
) -> bool {
    let Ok(arn) = id.parse::<KeyArn>() else {
        return false;
    };
    let other = matches!(
        live.observed.get(original),
        Some(Observed::Present { id: used, .. }) if used != id
    );
    let mut found = live.duplicates.get(original).into_iter().flatten();
    other && desired.delete.contains(&arn) && found.any(|one| one.arn == arn)
}

/// Returns whether a duplicate may be the protected key of the configuration of `--gates`. Without a record, which of
/// two keys is the duplicate is decided by `adopt`, `aliases` and `moved`, which are a part of the change.
pub(in crate::plan) fn is_guarded_duplicate(
    original: &Address,
    duplicate: &Spec,
    desired: &Desired,
    state: &State,
) -> bool {
    let name = duplicate.as_key().and_then(|key| key.tags.get(NAME_TAG));
    let tagged = name.map(|name| Address::new(Kind::Key, name.clone()));
    let is_guarded = |address: &Address| desired.is_guarded(address);
    !state.records.contains_key(original)
        && (is_guarded(original) || tagged.as_ref().is_some_and(is_guarded))
}

/// Returns the objection to the deletion of such a duplicate.
pub(in crate::plan) fn guarded_duplicate() -> Violation {
    Violation::new(
        "",
        "without a record, it is not certain that it is not the key that the configuration of `--gates` protects",
        "apply with the record (`--state`), or first merge `protect: false` for its address",
    )
}

/// Returns the findings about further keys with the tags of an address.
pub(in crate::plan) fn duplicates(draft: &Draft<'_>) -> Vec<Finding> {
    let live = draft.live;
    let all = live
        .duplicates
        .iter()
        .flat_map(|(address, duplicates)| duplicates.iter().map(move |one| (address, &one.arn)));
    let rest = all.filter(|(address, arn)| !live.observed.contains_key(&address.duplicate(arn)));
    let used = live.ids.iter().filter(|(address, arn)| {
        draft.desired.delete.contains(*arn) && address.original().is_none()
    });
    let refused = used.map(|(address, arn)| Finding {
        severity: Severity::Warning,
        rule: other_rules::DUPLICATE_KEY.slug.to_owned(),
        address: address.clone(),
        message: format!(
            "`{arn}` is listed under `removed`, but it is the key that the stack uses: it is not deleted"
        ),
    });
    rest.map(|(address, arn)| {
        let used = match live.ids.get(address) {
            Some(used) => format!("the stack uses `{used}`"),
            None => "the stack uses another key".to_owned(),
        };
        Finding {
            severity: Severity::Warning,
            rule: other_rules::DUPLICATE_KEY.slug.to_owned(),
            address: address.clone(),
            message: format!(
                "`{arn}` carries the tags of this key as well; {used}; another run without the same record \
                 may have created it. If the other one is right, write `adopt: {arn}`; to delete a key that was \
                 never used, list it under `removed: [{{address: {arn}, action: delete}}]`; otherwise \
                 remove its tags `kmsctl:stack` and `kmsctl:name`"
            ),
        }
    })
    .chain(refused)
    .collect()
}

/// Returns the findings about replicas of the stack's keys that are neither declared nor known otherwise, for example
/// because the record was lost and no other resource is in their Region.
pub(in crate::plan) fn replicas(draft: &Draft<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, regions) in &draft.live.replicas {
        if key.name.contains('/') || !draft.desired.resources.contains_key(key) {
            continue;
        }
        for region in regions {
            let replica = Address::new(Kind::Key, format!("{}/{region}", key.name));
            let is_known = draft.desired.resources.contains_key(&replica)
                || draft.desired.forget.contains(&replica)
                || draft.live.observed.contains_key(&replica);
            if !is_known {
                findings.push(Finding {
                    severity: Severity::Warning,
                    rule: other_rules::UNCLAIMED.slug.to_owned(),
                    address: replica,
                    message: format!(
                        "`{key}` has a replica in {region} that is neither declared nor recorded; kmsctl does not \
                         change it: declare it under `replicas`, or delete it by hand"
                    ),
                });
            }
        }
    }
    findings
}

/// Returns the findings about multi-Region keys whose primary key is in another Region, and whose declaration leaves
/// the Region open.
pub(in crate::plan) fn moved_primaries(draft: &Draft<'_>) -> Vec<Finding> {
    let keys = draft.desired.resources.iter().filter_map(|(address, declared)| {
        let spec = declared.spec.as_key().filter(|spec| spec.primary.is_none())?;
        let Observed::Present { spec: live, .. } = draft.live.observed.get(address)? else {
            return None;
        };
        let now = live.as_key()?.primary_region.as_ref()?;
        let own = &declared.place.region;
        if spec.primary_region.is_some() || now == own {
            return None;
        }
        Some(Finding {
            severity: Severity::Warning,
            rule: other_rules::PRIMARY_MOVED.slug.to_owned(),
            address: address.clone(),
            message: format!(
                "the primary key is in {now}, and the key in {own} is a replica; rotation is changed and replicas \
                 are created there: write `primary_region: {now}` to keep it, or `primary_region: {own}` to make \
                 the key in {own} the primary key again"
            ),
        })
    });
    keys.collect()
}

/// Returns the findings about grants on the declared keys that neither the stack nor an AWS service created.
pub(in crate::plan) fn foreign_grants(draft: &Draft<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, grants) in &draft.live.foreign_grants {
        let Some(arn) = draft.live.ids.get(key) else {
            continue;
        };
        if !draft.desired.resources.contains_key(key) {
            continue;
        }
        let foreign = found::foreign(key, grants, &arn.account, &draft.desired);
        findings.extend(foreign.map(|grant| Finding {
            severity: Severity::Warning,
            rule: other_rules::FOREIGN_GRANT.slug.to_owned(),
            address: key.clone(),
            message: format!(
                "{}; neither this stack nor an AWS service created it: {} accept it in `foreign_grants`, or revoke it with \
                 `aws kms revoke-grant --key-id {arn} --grant-id {id}`",
                found::describe(grant),
                offer(grant),
                id = grant.grant_id,
            ),
        }));
    }
    findings
}

/// Returns the beginning of what can be done about a grant. No declaration names a deleted user or role, so such a
/// grant cannot be taken over.
fn offer(grant: &Listed) -> String {
    let Listed { grant_id, grantee, retiring, .. } = grant;
    match [Some(grantee), retiring.as_ref()].into_iter().flatten().find(|who| is_unique_id(who)) {
        Some(deleted) => format!("`{deleted}` is the unique id of a deleted user or role:"),
        None => format!("take it over with `adopt: {grant_id}` in an entry of `grants`,"),
    }
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
            severity: Severity::Warning,
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

/// Returns the finding about a resource that carries the stack's tags, and is neither declared nor
/// recorded.
pub(in crate::plan) fn unclaimed(address: &Address, id: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        rule: other_rules::UNCLAIMED.slug.to_owned(),
        address: address.clone(),
        message: format!(
            "`{id}` has the tags of this stack, and is neither declared nor recorded; kmsctl does not \
             change it: declare it, or remove its tags `kmsctl:stack` and `kmsctl:name`"
        ),
    }
}
