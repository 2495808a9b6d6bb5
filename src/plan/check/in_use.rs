//! Checks whether resources depend on the keys that a draft disables or deletes.

use crate::id::KeyArn;
use crate::impact::{Dependant, Impact, Impacts};
use crate::kind::address::Address;
use crate::kind::{Call, Change, Ids, Kind, Spec, Violation, key};
use crate::live::Duplicate;
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::BTreeSet;

/// Returns the keys that the steps disable or schedule for deletion.
pub(in crate::plan) fn keys_at_risk(steps: &[Step], ids: &Ids) -> BTreeSet<KeyArn> {
    let steps = steps.iter().filter(|step| makes_unusable(step));
    steps.filter_map(|step| ids.get(&step.address)).cloned().collect()
}

/// Objects to disabling or deleting a key that a resource depends on, unless an earlier step deletes
/// that resource or moves it to another key.
pub(in crate::plan) fn check(draft: &Draft<'_>, impacts: &Impacts) -> Vec<Objection> {
    let steps = &draft.plan.steps;
    let objections = steps.iter().filter(|step| makes_unusable(step)).filter_map(|step| {
        let impact = impacts.get(draft.live.ids.get(&step.address)?)?;
        let mut remaining = remaining(steps, &step.address, impact);
        let snapshots = final_snapshots(steps, &step.address);
        remaining.extend(&snapshots);
        (!remaining.is_empty()).then(|| Objection::new(&step.address, in_use(&remaining, impact)))
    });
    objections.chain(duplicates(draft, impacts)).collect()
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

/// Adds the last use of a key, and the lists that could not be read, to the risk of each step that
/// disables or deletes the key.
pub(in crate::plan) fn caution(steps: &mut [Step], impacts: &Impacts, ids: &Ids) {
    for step in steps.iter_mut().filter(|step| makes_unusable(step)) {
        let impact = ids.get(&step.address).and_then(|arn| impacts.get(arn));
        if let Some(caution) = impact.and_then(Impact::caution) {
            let risk = step.risk.take();
            step.risk = Some(risk.map_or(caution.clone(), |risk| format!("{risk}; {caution}")));
        }
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
fn remaining<'a>(steps: &[Step], key: &Address, impact: &'a Impact) -> Vec<&'a Dependant> {
    let points = |to: &Spec| to.refs().iter().any(|of| of.managed() == Some(key));
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
        let service = dependant.held_by.as_deref().and_then(holder);
        service.is_some_and(|service| has(&gone, service) && !has(&stay, service))
    };
    stay.iter().filter(|dependant| !is_retired(dependant)).copied().collect()
}

/// Returns whether the step disables a key or schedules its deletion.
fn makes_unusable(step: &Step) -> bool {
    step.calls.iter().chain(&step.last).any(|planned| {
        matches!(
            planned.call,
            Call::Key(key::Call::DisableKey(_) | key::Call::ScheduleKeyDeletion(_))
        )
    }) && step.address.kind == Kind::Key
        && step.id.is_some()
}

/// Returns the service that holds a grant.
fn holder(grantee: &str) -> Option<&str> {
    if grantee.contains("aws:ec2-infrastructure") {
        return Some("ec2");
    }
    let service = grantee.split_once("/aws-service-role/").map_or(grantee, |(_, service)| service);
    if !service.contains(".amazonaws.com") {
        return None;
    }
    service.split('.').next()
}

/// The largest number of dependants that the message names.
const NAMED: usize = 8;

/// Returns the objection to making a key unusable.
fn in_use(remaining: &[&Dependant], impact: &Impact) -> Violation {
    let mut names: Vec<String> = remaining
        .iter()
        .take(NAMED)
        .map(|dependant| match &dependant.held_by {
            Some(holder) => format!("{} `{}` held by `{holder}`", dependant.what, dependant.id),
            None => format!("{} `{}`", dependant.what, dependant.id),
        })
        .collect();
    if remaining.len() > NAMED {
        names.push(format!("and {} more", remaining.len() - NAMED));
    }
    let caution = match impact.caution() {
        Some(caution) => format!(" ({caution})"),
        None => String::new(),
    };
    Violation::new(
        "",
        format!("the key is in use: {}{caution}", names.join(", ")),
        "first move these resources to another key, or delete them; `kmsctl impact` lists every \
         resource that it finds, and the lists that it reads",
    )
}
