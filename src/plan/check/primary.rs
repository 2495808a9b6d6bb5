//! Refuses to delete the primary key of a multi-Region key while related keys stay.

use crate::kind::address::Address;
use crate::kind::{Change, Spec, Violation};
use crate::plan::Step;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use std::collections::BTreeSet;

/// Objects to the deletion of a replica that has become the primary key. KMS would wait for the deletion of all
/// related keys, and the key could not be used meanwhile (KMS Developer Guide, "Deleting multi-Region keys").
pub(in crate::plan) fn check(draft: &Draft<'_>) -> Vec<Objection> {
    let deleted: BTreeSet<&Address> = draft
        .plan
        .steps
        .iter()
        .filter(|step| is_deletion(step))
        .map(|step| &step.address)
        .collect();
    let objections = draft.plan.steps.iter().filter_map(|step| {
        let Change::Delete { from: Spec::Key(from) } = &step.change else {
            return None;
        };
        let (name, region) = step.address.name.split_once('/')?;
        let key = Address::new(step.address.kind, name);
        let is_primary = from.primary_region.as_ref() == Some(&step.place.region);
        if !is_primary || deleted.contains(&key) {
            return None;
        }
        let reason = format!("it is the primary key of `{key}`, which stays");
        let help = format!(
            "first declare it again and apply a `primary_region` other than `{region}` for `{key}`, and then \
             remove it"
        );
        Some(Objection::new(&step.address, Violation::new("primary_region", reason, help)))
    });
    objections.collect()
}

fn is_deletion(step: &Step) -> bool {
    matches!(step.change, Change::Delete { .. })
}
