//! Exports of the resources that keys encrypt: their entries, and the statements that they account for.

use crate::build::home;
use crate::export::{assert_no_call, corpus, default_policy, elsewhere, request, resolved};
use crate::world::Stack;
use kmsctl::engine::inventory::Wanted;
use kmsctl::export::{Export, export};
use kmsctl::kind::ConsumerKind;
use kmsctl::state::State;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Creates the resources of a configuration, and makes them those of no stack. `change` gets the description and the
/// policy of each key.
fn found(text: &str, change: impl Fn(&str, &mut Value)) -> Stack {
    let mut stack = Stack::new(3);
    stack.applied(&crate::consumers::desired(text));
    for region in stack.fake.regions.borrow_mut().values_mut() {
        for key in region.keys.values_mut() {
            key.tags.retain(|tag, _| !tag.starts_with("kmsctl:"));
            change(&key.meta.description, &mut key.policy);
        }
    }
    for held in stack.fake.shelves.borrow_mut().values_mut().flat_map(|shelf| shelf.values_mut()) {
        held.object.spec.common_mut().tags.clear();
    }
    stack.state = State::begin("found".parse().unwrap(), "found".to_owned());
    stack
}

/// Exports the keys with the resources. The plan makes no call.
fn exported(stack: &mut Stack) -> (Export, String) {
    let places = BTreeSet::from([home(), elsewhere()]);
    let found = stack.inventory(&Wanted { places, keys: Vec::new(), consumers: true });
    let made = export(&found, &request(false));
    assert_no_call(&stack.plan_only(&resolved(&made)), &made);
    let text = made.files["kmsctl.yaml"].clone();
    (made, text)
}

#[test]
fn statements_that_a_consumer_accounts_for_are_left_to_it() {
    let mut stack = found(
        "stack: stack\nregion: eu-central-1\n\
         keys: {app: {policy: {administrators: [role/Admin]}}}\n\
         cloudtrail: {trails: {audit: {bucket: logs, key: app}}}\n\
         dynamodb: {tables: {tab: {partition_key: {name: id, type: S}, key: app}}}\n",
        |_, _| {},
    );
    let (made, text) = exported(&mut stack);
    assert!(text.contains("existing: audit") && text.contains("existing: tab"), "{text}");
    assert!(!text.contains("cloudtrail.amazonaws.com"), "{text}");
    assert!(!text.contains("derive_policy"), "{text}");
    assert!(made.notes.is_empty(), "{:?}", made.notes);
}

/// CloudTrail's console writes policies without the permission to decrypt, which kmsctl's statements have.
#[test]
fn a_trail_whose_statements_would_change_the_policy_derives_none() {
    let policies = corpus(&["accounts"]);
    let names =
        ["cloudtrail-console-2016", "cloudtrail-console-2019", "cloudtrail-organization-trail"];
    let mut text =
        "stack: stack\nregion: eu-central-1\nkeys:\n  own: {description: own}\n".to_owned();
    let mut trails = "  own: {bucket: logs, key: own}\n".to_owned();
    for name in names {
        writeln!(text, "  {name}: {{description: {name}}}").unwrap();
        writeln!(trails, "  t-{name}: {{bucket: logs, key: {name}}}").unwrap();
    }
    let trails = trails.replace("  ", "    ");
    let mut stack = found(&format!("{text}cloudtrail:\n  trails:\n{trails}"), |name, policy| {
        match policies.iter().find(|(known, ..)| known == name) {
            Some((.., found)) => *policy = found.clone(),
            // AWS's default policy does not let the trail use the key.
            None => *policy = default_policy(),
        }
    });
    let (made, text) = exported(&mut stack);
    assert_eq!(text.matches("derive_policy: false").count(), 4, "{text}");
    for (_, note) in &made.notes {
        assert!(note.starts_with("cloudtrail.trails "), "{note}");
        assert!(note.contains(" has `derive_policy: false`: the statement"), "{note}");
        assert!(note.contains("would give cloudtrail.amazonaws.com "), "{note}");
    }
    assert_eq!(made.notes.len(), 4, "{:?}", made.notes);
    let console = made.notes.iter().find(|(_, note)| note.contains("t-cloudtrail-console-2016"));
    insta::assert_snapshot!(console.unwrap().1, @"cloudtrail.trails t-cloudtrail-console-2016 has `derive_policy: false`: the statement `AllowCloudTrailDecryptTrail` would give cloudtrail.amazonaws.com kms:Decrypt");
}

#[test]
fn resources_in_other_regions_than_the_stack_are_exported_with_theirs() {
    let mut stack = found(
        "stack: stack\nregion: eu-central-1\nkeys: {near: {}, far: {region: eu-west-1}}\n\
         dynamodb:\n  tables:\n    tab: {partition_key: {name: id, type: S}, key: near}\n    \
         away: {partition_key: {name: id, type: S}, key: far, region: eu-west-1}\n",
        |_, _| {},
    );
    let (made, text) = exported(&mut stack);
    assert!(made.notes.is_empty(), "{:?}", made.notes);
    let entry = |name: &str| text.lines().find(|line| line.trim().starts_with(name)).unwrap();
    assert!(entry("away-eu-west-1:").ends_with("region: eu-west-1}"), "{text}");
    assert!(!entry("tab:").contains("region"), "{text}");
}

/// What an entry cannot name is said, for the key and for each replica.
#[test]
fn snapshots_and_the_default_key_of_a_region_are_reported() {
    let text = "stack: stack\nregion: eu-central-1\n\
                keys: {vol: {description: vol}, unused: {description: unused}}\n\
                ebs: {default: {encryption: true, key: vol}}\n";
    let mut stack = found(text, |_, _| {});
    let arn = |name: &str| {
        let regions = stack.fake.regions.borrow();
        let mut keys = regions.values().flat_map(|region| region.keys.values());
        keys.find(|key| key.meta.description == name).unwrap().meta.arn.clone()
    };
    let vol = arn("vol");
    let snapshots = (0..6).map(|n| (ConsumerKind::EbsVolume, vol.clone(), format!("snap-{n}")));
    stack.fake.copies.borrow_mut().extend(snapshots);
    let cluster = (ConsumerKind::RdsCluster, vol.clone(), "nightly".to_owned());
    stack.fake.copies.borrow_mut().push(cluster);
    let (made, text) = exported(&mut stack);
    assert!(!text.contains("snap-") && !text.contains("ebs:"), "{text}");
    let [(name, note)] = made.notes.as_slice() else { panic!("{:?}", made.notes) };
    assert_eq!(name.as_str(), "vol");
    insta::assert_snapshot!(note, @"no entry can name what else needs the key: EBS default encryption (eu-central-1); 6 EBS snapshots (snap-0, snap-1, snap-2, snap-3 and 2 more); RDS cluster snapshot (nightly)");
}
