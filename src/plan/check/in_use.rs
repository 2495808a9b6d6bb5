//! Keys that something outside of the plan depends on, before they are disabled or deleted.

use crate::address::Address;
use crate::id::KeyArn;
use crate::impact::{Dependant, Impact, Impacts};
use crate::kind::{Call, Change, Ids, Kind, Spec, Violation, key};
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::BTreeSet;

/// The keys that the steps disable or schedule for deletion.
pub(in crate::plan) fn endangered(steps: &[Step], ids: &Ids) -> BTreeSet<KeyArn> {
    let steps = steps.iter().filter(|step| endangers(step));
    steps.filter_map(|step| ids.get(&step.address)).cloned().collect()
}

/// Objects to what would take a key from something that needs it, unless the plan itself deletes
/// that or moves it to another key before.
pub(in crate::plan) fn check(draft: &Draft<'_>, impacts: &Impacts) -> Vec<Objection> {
    let steps = &draft.plan.steps;
    let objections = steps.iter().filter(|step| endangers(step)).filter_map(|step| {
        let impact = impacts.get(draft.live.ids.get(&step.address)?)?;
        let mut left = staying(steps, &step.address, impact);
        let last = last_snapshots(steps, &step.address);
        left.extend(&last);
        (!left.is_empty()).then(|| Objection::new(&step.address, in_use(&left, impact)))
    });
    objections.collect()
}

/// Adds to the risks of the remaining steps what a person should know about the use of their keys.
pub(in crate::plan) fn caution(steps: &mut [Step], impacts: &Impacts, ids: &Ids) {
    for step in steps.iter_mut().filter(|step| endangers(step)) {
        let impact = ids.get(&step.address).and_then(|arn| impacts.get(arn));
        if let Some(caution) = impact.and_then(Impact::caution) {
            let risk = step.risk.take();
            step.risk = Some(risk.map_or(caution.clone(), |risk| format!("{risk}; {caution}")));
        }
    }
}

/// The snapshots that the deletion of databases leaves behind, encrypted with a key of the stack.
fn last_snapshots(steps: &[Step], key: &Address) -> Vec<Dependant> {
    let uses_key = |step: &&Step| {
        let refs = step.change.from().map(Spec::refs).unwrap_or_default();
        refs.iter().any(|of| of.managed() == Some(key))
    };
    let calls = steps.iter().filter(uses_key).flat_map(|step| step.calls.iter().chain(&step.last));
    let names = calls.filter_map(|call| {
        let request = call.call.request().1;
        request.get("FinalDBSnapshotIdentifier")?.as_str().map(str::to_owned)
    });
    names.map(|id| Dependant { what: "final snapshot".to_owned(), id, held_by: None }).collect()
}

/// What still needs the key once the steps before are done.
fn staying<'a>(steps: &[Step], key: &Address, impact: &'a Impact) -> Vec<&'a Dependant> {
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
    // AWS retires a service's grants after the last resource that the service held them for.
    let has = |all: &[&Dependant], service: &str| {
        all.iter().any(|dependant| service_of(&dependant.what) == Some(service))
    };
    let is_retired = |dependant: &&Dependant| {
        let service = dependant.held_by.as_deref().and_then(holder);
        service.is_some_and(|service| has(&gone, service) && !has(&stay, service))
    };
    stay.iter().filter(|dependant| !is_retired(dependant)).copied().collect()
}

/// Whether the step makes a key unusable.
fn endangers(step: &Step) -> bool {
    step.calls.iter().chain(&step.last).any(|planned| {
        matches!(
            planned.call,
            Call::Key(key::Call::DisableKey {} | key::Call::ScheduleKeyDeletion { .. })
        )
    }) && step.address.kind == Kind::Key
        && step.id.is_some()
}

/// The service of a kind of dependant, as grants name it.
fn service_of(what: &str) -> Option<&'static str> {
    const SERVICES: [(&str, &str); 5] = [
        ("ebs", "ec2"),
        ("efs", "elasticfilesystem"),
        ("rds", "rds"),
        ("es_", "es"),
        ("dynamodb", "dynamodb"),
    ];
    SERVICES.iter().find(|(prefix, _)| what.starts_with(prefix)).map(|(_, service)| *service)
}

/// The service that holds a grant.
fn holder(grantee: &str) -> Option<&str> {
    if grantee.contains("aws:ec2-infrastructure") {
        return Some("ec2");
    }
    let service = grantee.split_once("/aws-service-role/").map_or(grantee, |(_, service)| service);
    service.split('.').next().filter(|_| service.contains(".amazonaws.com"))
}

/// How many dependants are named.
const NAMED: usize = 8;

fn in_use(left: &[&Dependant], impact: &Impact) -> Violation {
    let mut names: Vec<String> = left
        .iter()
        .take(NAMED)
        .map(|dependant| match &dependant.held_by {
            Some(holder) => format!("{} `{}` of `{holder}`", dependant.what, dependant.id),
            None => format!("{} `{}`", dependant.what, dependant.id),
        })
        .collect();
    if left.len() > NAMED {
        names.push(format!("and {} more", left.len() - NAMED));
    }
    let seen = match impact.caution() {
        Some(caution) => format!(" ({caution})"),
        None => String::new(),
    };
    Violation::new(
        "",
        format!("it is in use: {}{seen}", names.join(", ")),
        "move what depends on the key to another one, or delete it, first; `kmsctl impact` lists all \
         of it, and what was looked at",
    )
}
