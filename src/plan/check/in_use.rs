//! Checks whether resources depend on the keys that a draft disables or deletes.

use crate::id::KeyArn;
use crate::impact::{Dependant, Impact, Impacts, LastUsage, NEVER_LISTED};
use crate::kind::address::Address;
use crate::kind::{Call, Change, Ids, Kind, Spec, Violation, grant, key};
use crate::live::Duplicate;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::plan::{Finding, Step, Survey};
use crate::policy::lint::Severity;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Returns the keys that the steps disable or schedule for deletion.
pub(in crate::plan) fn keys_at_risk(steps: &[Step], ids: &Ids) -> BTreeSet<KeyArn> {
    let steps = steps.iter().filter(|step| makes_unusable(step));
    steps.filter_map(|step| ids.get(&step.address)).cloned().collect()
}

/// Objects to disabling or deleting a key that a resource depends on, unless an earlier step deletes
/// that resource or moves it to another key. Also objects if the key may be in use, unless the configuration
/// accepts that (`accept_use`), which permits to disable a key that is certainly in use as well.
pub(in crate::plan) fn check(draft: &Draft<'_>, survey: &Survey) -> Vec<Objection> {
    let (steps, impacts) = (&draft.plan.steps, &survey.impacts);
    let objections = steps.iter().filter(|step| makes_unusable(step)).filter_map(|step| {
        let impact = impacts.get(draft.live.ids.get(&step.address)?)?;
        let mut remaining = remaining(steps, step, impact);
        let snapshots = final_snapshots(steps, &step.address);
        remaining.extend(&snapshots);
        let is_accepted = draft.desired.accepted_uses.contains_key(&step.address);
        let violation = if !remaining.is_empty() && (!is_accepted || is_deletion(step)) {
            in_use(step, &remaining, impact)
        } else if is_accepted {
            return None;
        } else {
            may_be_in_use(step, steps, impact, survey.now)?
        };
        Some(Objection::new(&step.address, violation))
    });
    objections.chain(duplicates(draft, impacts)).collect()
}

/// Returns a finding about each entry of `accept_use` whose key is neither disabled nor deleted by the plan. It would
/// permit that later, when nobody thinks of it. What a blocked key needs is not known.
pub(in crate::plan) fn unneeded(draft: &Draft<'_>) -> Vec<Finding> {
    let steps = draft.plan.steps.iter().chain(draft.refused.values());
    let needed: BTreeSet<&Address> =
        steps.filter(|step| makes_unusable(step)).map(|step| &step.address).collect();
    let blocked: BTreeSet<&Address> =
        draft.plan.blocked.iter().map(|blocked| &blocked.address).collect();
    let entries = draft.desired.accepted_uses.keys();
    let unneeded = entries.filter(|key| !needed.contains(key) && !blocked.contains(key));
    let findings = unneeded.map(|key| {
        let message = "the entry of `accept_use` is not needed: the plan neither disables nor deletes the key; \
                       remove it, or correct its address";
        Finding {
            severity: Severity::Warning,
            rule: "unneeded-accept-use".to_owned(),
            address: key.clone(),
            message: message.to_owned(),
        }
    });
    findings.collect()
}

/// A use within this many seconds, 7 days, shows that something may depend on the key.
const RECENT: u64 = 7 * 24 * 60 * 60;

/// Returns the objection to making a key unusable that was used lately, or whose uses are not known. A use that the
/// steps end does not count.
fn may_be_in_use(step: &Step, steps: &[Step], impact: &Impact, now: u64) -> Option<Violation> {
    let mut reasons = Vec::new();
    if let Some(LastUsage { when: Some(when), seconds: Some(seconds), operation, .. }) =
        &impact.last_usage
        && now.saturating_sub(*seconds) <= RECENT
        && !steps.iter().any(|other| ends_use(other, &step.address))
    {
        let operation = operation.as_deref().map(|name| format!(" for {name}"));
        let operation = operation.unwrap_or_default();
        reasons.push(format!("it was used {when}{operation}, within the last 7 days"));
    }
    let unseen: Vec<String> =
        impact.unseen.iter().map(|unseen| format!("{} ({})", unseen.nouns(), unseen.why)).collect();
    if !unseen.is_empty() {
        reasons.push(format!("it is not known what depends on it: {}", unseen.join(", ")));
    }
    if reasons.is_empty() {
        return None;
    }
    let verb = if is_deletion(step) { "delete" } else { "disable" };
    let help = format!(
        "find out what uses it (`kmsctl impact {key}`, CloudTrail); to {verb} it all the same, write \
         `accept_use: [{{address: {key}, reason: ...}}]`",
        key = step.address
    );
    Some(Violation::new("", format!("the key may be in use: {}", reasons.join("; ")), help))
}

/// Returns whether a step deletes a resource that uses the key, or moves it to another key, and no data of the resource
/// stays encrypted with the key.
fn ends_use(step: &Step, key: &Address) -> bool {
    let points = |spec: Option<&Spec>| {
        spec.is_some_and(|spec| spec.refs().iter().any(|of| of.managed() == Some(key)))
    };
    step.address.kind.consumer().is_some_and(|kind| kind.facts().holds_data)
        && points(step.change.from())
        && !points(step.change.to())
        && !matches!(step.change, Change::Forget { .. })
}

/// The time since which KMS records the uses of keys, 2026-04-23, in seconds since 1970 (KMS Developer Guide,
/// "Determine past usage of a KMS key").
const USES_RECORDED_SINCE: u64 = 1_776_902_400;

/// Objects to deleting a duplicate key that was used, or of which that is not known.
fn duplicates(draft: &Draft<'_>, impacts: &Impacts) -> Vec<Objection> {
    let leaving = draft.plan.steps.iter().filter_map(|step| {
        let original = step.address.original()?;
        let arn = draft.live.ids.get(&step.address)?;
        let duplicates = draft.live.duplicates.get(&original)?;
        Some((step, duplicates.iter().find(|duplicate| duplicate.arn == *arn)?))
    });
    let objections = leaving.filter_map(|(step, duplicate)| {
        let mut aliases = draft.live.undeclared_aliases.iter();
        let reason = match aliases.find(|(_, key)| **key == step.address) {
            Some(((_, alias), _)) => format!("`{alias}` refers to the key"),
            None => match draft.live.foreign_grants.get(&step.address) {
                Some(grants) if grants.is_empty() => {
                    possible_use(duplicate, impacts.get(&duplicate.arn))?
                }
                Some(_) => "there are grants on the key that the stack did not create".to_owned(),
                None => "the grants on the key cannot be listed".to_owned(),
            },
        };
        let help = "kmsctl deletes a duplicate only if it was certainly never used: move its alias and \
                    the resources that use it to the other key, and delete it by hand";
        Some(Objection::new(&step.address, Violation::new("", reason, help)))
    });
    objections.collect()
}

/// Returns why it is not certain that a key was never used.
fn possible_use(duplicate: &Duplicate, impact: Option<&Impact>) -> Option<String> {
    let Some(usage) = impact.and_then(|impact| impact.last_usage.as_ref()) else {
        return Some("it is not known whether the key was used".to_owned());
    };
    if let Some(when) = &usage.when {
        return Some(format!("the key was used {when}"));
    }
    if duplicate.created < USES_RECORDED_SINCE {
        return Some(
            "the key was created before 2026-04-23, when KMS began to record the uses of keys"
                .to_owned(),
        );
    }
    let caution = impact.and_then(Impact::caution)?;
    Some(format!("it is not known whether the key is in use: {caution}"))
}

/// Adds the known and possible uses of a key, and the reason for which they are accepted, to the risk of each step that
/// disables or deletes the key. What no list shows is said once.
pub(in crate::plan) fn caution(draft: &mut Draft<'_>, impacts: &Impacts) {
    let steps = &draft.plan.steps;
    let mut cautions = BTreeMap::new();
    for step in steps.iter().filter(|step| makes_unusable(step)) {
        let Some(impact) = draft.live.ids.get(&step.address).and_then(|arn| impacts.get(arn))
        else {
            continue;
        };
        let remaining = remaining(steps, step, impact);
        let in_use = (!remaining.is_empty()).then(|| format!("in use: {}", names(&remaining)));
        let accepted = draft.desired.accepted_uses.get(&step.address);
        let accepted = accepted.map(|reason| format!("accepted by `accept_use`: {reason}"));
        let parts = in_use.into_iter().chain(impact.caution()).chain(accepted);
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            cautions.insert(step.address.clone(), parts.join("; "));
        }
    }
    if steps.iter().any(is_deletion) {
        draft.plan.unchecked.push(never_listed());
    }
    for step in &mut draft.plan.steps {
        if let Some(caution) = cautions.remove(&step.address) {
            let risk = step.risk.take();
            step.risk = Some(risk.map_or(caution.clone(), |risk| format!("{risk}; {caution}")));
        }
    }
}

/// Returns what is not checked before a key is deleted.
fn never_listed() -> String {
    format!("uses of the deleted keys that no list shows: {NEVER_LISTED}")
}

/// Leaves out what is not checked before a key is deleted, if the steps that are left delete none.
pub(in crate::plan) fn narrow(unchecked: &mut Vec<String>, steps: &[Step]) {
    if !steps.iter().any(is_deletion) {
        unchecked.retain(|text| *text != never_listed());
    }
}

/// Returns the final snapshots that remain encrypted with the key after the steps delete databases.
fn final_snapshots(steps: &[Step], key: &Address) -> Vec<Dependant> {
    let uses_key = |step: &&Step| {
        let refs = step.change.from().map(Spec::refs).unwrap_or_default();
        refs.iter().any(|of| of.managed() == Some(key))
    };
    let calls = steps.iter().filter(uses_key).flat_map(|step| step.calls.iter().chain(&step.last));
    let names = calls.filter_map(|planned| planned.call.as_consumer()?.final_snapshot());
    let snapshot = |id: &str| Dependant {
        what: "final snapshot".to_owned(),
        id: id.to_owned(),
        held_by: None,
        service: None,
    };
    names.map(snapshot).collect()
}

/// Returns the dependants that still need the key after the steps.
fn remaining<'a>(steps: &[Step], key: &Step, impact: &'a Impact) -> Vec<&'a Dependant> {
    let points = |to: &Spec| to.refs().iter().any(|of| of.managed() == Some(&key.address));
    let leaves = |dependant: &&Dependant| {
        steps.iter().any(|step| {
            let is_same = step.address.kind.as_str() == dependant.what
                && step.id.as_deref() == Some(&dependant.id);
            let moves = step.change.to().is_some_and(|to| !points(to));
            is_same && (moves || matches!(step.change, Change::Delete { .. }))
        })
    };
    let (gone, stay): (Vec<&Dependant>, Vec<&Dependant>) =
        impact.dependants.iter().partition(leaves);
    // A service retires its grants once the last resource that it holds them for is deleted.
    let has = |all: &[&Dependant], service: &str| {
        all.iter().any(|dependant| dependant.service.as_deref() == Some(service))
    };
    let is_retired = |dependant: &&Dependant| {
        let grantee = dependant.held_by.as_deref();
        let service = grantee.and_then(|by| grant::holder(by, &key.place.account));
        service.is_some_and(|service| has(&gone, service) && !has(&stay, service))
    };
    stay.iter().filter(|dependant| !is_retired(dependant)).copied().collect()
}

/// Returns whether the step schedules the deletion of a key.
fn is_deletion(step: &Step) -> bool {
    let mut calls = step.calls.iter().chain(&step.last);
    calls.any(|planned| matches!(planned.call, Call::Key(key::Call::ScheduleKeyDeletion(_))))
}

/// Returns whether the step disables a key or schedules its deletion.
fn makes_unusable(step: &Step) -> bool {
    let enabled = step.change.from().and_then(Spec::as_key).and_then(|key| key.enabled);
    // A disabled key is enabled for a moment to change its rotation.
    if enabled == Some(false) && !is_deletion(step) {
        return false;
    }
    // So is the primary key in another Region.
    step.calls.iter().chain(&step.last).any(|planned| {
        planned.at == step.place
            && matches!(
                planned.call,
                Call::Key(key::Call::DisableKey(_) | key::Call::ScheduleKeyDeletion(_))
            )
    }) && step.address.kind == Kind::Key
        && step.id.is_some()
}

/// The largest number of dependants that the message names.
const NAMED: usize = 8;

/// Names dependants.
fn names(dependants: &[&Dependant]) -> String {
    let mut names: Vec<String> = dependants
        .iter()
        .take(NAMED)
        .map(|dependant| match &dependant.held_by {
            Some(holder) => format!("{} `{}` held by `{holder}`", dependant.noun(), dependant.id),
            None => format!("{} `{}`", dependant.noun(), dependant.id),
        })
        .collect();
    if dependants.len() > NAMED {
        names.push(format!("and {} more", dependants.len() - NAMED));
    }
    names.join(", ")
}

/// Returns the objection to making a key unusable that is in use.
fn in_use(step: &Step, remaining: &[&Dependant], impact: &Impact) -> Violation {
    let caution = match impact.caution() {
        Some(caution) => format!(" ({caution})"),
        None => String::new(),
    };
    let mut help =
        "first move these resources to another key, or delete them; `kmsctl impact` lists every \
                    resource that it finds, and the lists that it reads"
            .to_owned();
    if !is_deletion(step) {
        let key = &step.address;
        let _ = write!(
            help,
            "; to disable the key all the same, for example because it is compromised, write \
             `accept_use: [{{address: {key}, reason: ...}}]`"
        );
    }
    Violation::new("", format!("the key is in use: {}{caution}", names(remaining)), help)
}
