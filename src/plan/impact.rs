//! What depends on a key, and what that means for a plan that would disable or delete it. Pure.

use super::{Plan, Step};
use crate::id::KeyArn;
use crate::impact::{Dependant, Impact, Impacts};
use crate::kind::{Call, Change, Ids, Kind, Spec, Violation, key};
use std::collections::{BTreeMap, BTreeSet};

impl Plan {
    /// The keys that the plan disables or schedules for deletion.
    #[must_use]
    pub fn endangered(&self, ids: &Ids) -> BTreeSet<KeyArn> {
        let steps = self.steps.iter().filter(|step| endangers(step));
        steps.filter_map(|step| ids.get(&step.address)).cloned().collect()
    }

    /// Blocks what would take a key from something that needs it, unless the plan itself takes that
    /// away or moves it to another key before.
    pub fn spare(&mut self, impacts: &Impacts, ids: &Ids) {
        let mut refused: BTreeMap<_, Vec<Violation>> = BTreeMap::new();
        let mut risks = BTreeMap::new();
        for step in self.steps.iter().filter(|step| endangers(step)) {
            let impact = ids.get(&step.address).and_then(|arn| impacts.get(arn));
            let Some(impact) = impact else {
                continue;
            };
            let mut left = self.staying(step, impact);
            let last = self.last_snapshots(step);
            left.extend(&last);
            if left.is_empty() {
                risks.insert(step.address.clone(), impact.caution());
            } else {
                refused.insert(step.address.clone(), vec![in_use(&left, impact)]);
            }
        }
        for step in &mut self.steps {
            let caution = risks.remove(&step.address).flatten();
            if let Some(caution) = caution {
                let risk = step.risk.take();
                step.risk = Some(risk.map_or(caution.clone(), |risk| format!("{risk}; {caution}")));
            }
        }
        self.refuse(refused);
    }

    /// The snapshots that the deletion of databases leaves behind, encrypted with the key of a step.
    fn last_snapshots(&self, key: &Step) -> Vec<Dependant> {
        let leaving = self.steps.iter().filter(|step| {
            let refs = step.change.from().map(Spec::refs).unwrap_or_default();
            refs.iter().any(|of| of.managed() == Some(&key.address))
        });
        let names =
            leaving.flat_map(|step| step.calls.iter().chain(&step.last)).filter_map(|call| {
                let request = call.call.request().1;
                request.get("FinalDBSnapshotIdentifier")?.as_str().map(str::to_owned)
            });
        let what = "final snapshot".to_owned();
        names.map(|id| Dependant { what: what.clone(), id, held_by: None }).collect()
    }

    /// What still needs the key of a step once the steps before it are done.
    fn staying<'a>(&self, key: &Step, impact: &'a Impact) -> Vec<&'a Dependant> {
        let leaves = |dependant: &&Dependant| {
            self.steps.iter().any(|step| {
                let same = step.address.kind.as_str() == dependant.what
                    && step.id.as_deref() == Some(&dependant.id);
                let points =
                    |to: &Spec| to.refs().iter().any(|of| of.managed() == Some(&key.address));
                let moves = step.change.to().is_some_and(|to| !points(to));
                same && (moves || matches!(step.change, Change::Delete { .. }))
            })
        };
        let (gone, stay): (Vec<&Dependant>, Vec<&Dependant>) =
            impact.dependants.iter().partition(leaves);
        // AWS takes a service's grants away after the last resource that it held them for.
        let of = |all: &[&Dependant], service: &str| {
            all.iter().any(|dependant| service_of(&dependant.what) == Some(service))
        };
        let retires = |dependant: &&Dependant| {
            let service = dependant.held_by.as_deref().and_then(holder);
            service.is_some_and(|service| of(&gone, service) && !of(&stay, service))
        };
        stay.iter().filter(|dependant| !retires(dependant)).copied().collect()
    }
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
