//! Plans without the record of the last apply: what carries the marks of the stack is found in AWS.

use crate::build::{Declare, address, empty, home, key_at, storage};
use crate::fake::Kill;
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::id::KeyArn;
use kmsctl::kind::key::{NAME_TAG, STACK_TAG};
use kmsctl::kind::{KeyRef, Kind, Spec, grant};
use kmsctl::plan::Plan;
use kmsctl::state::State;
use std::collections::BTreeMap;

/// The state of the record when a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Kept,
    Lost,
    /// From before the resource was created.
    Old,
}

pub(crate) const RECORDS: [Record; 3] = [Record::Kept, Record::Lost, Record::Old];

impl Record {
    /// Brings the record of a stack into this state. `old` is the record from before.
    pub(crate) fn set(self, stack: &mut Stack, old: State) {
        match self {
            Self::Kept => {}
            Self::Lost => stack.state = lineage("two"),
            Self::Old => stack.state = old,
        }
    }
}

/// Returns a stack to which `all` was applied, with its record in one of the three states. `before` is an
/// earlier declaration.
fn stack(before: &Desired, all: &Desired, record: Record) -> Stack {
    let mut stack = Stack::new(7);
    stack.applied(before);
    let old: State = stack.state.clone();
    stack.applied(all);
    stack.settled(all);
    record.set(&mut stack, old);
    stack
}

/// Returns the steps with their operations.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let each = plan.steps.iter().map(|step| {
        let calls: Vec<&str> =
            step.calls.iter().chain(&step.last).map(|planned| planned.call.operation()).collect();
        format!("{} {}", step.address, calls.join(" "))
    });
    each.collect()
}

/// Returns the declaration without one resource.
fn without(all: &Desired, kind: Kind, name: &str) -> Desired {
    let mut fewer = all.clone();
    fewer.resources.remove(&address(kind, name)).expect("the resource");
    fewer
}

#[test]
fn a_declared_stack_has_the_same_empty_plan_with_every_record() {
    let all = storage();
    let before = without(&all, Kind::Grant, "storage/batch");
    for record in RECORDS {
        let stack = stack(&before, &all, record);
        let plan = stack.plan_only(&all);
        assert!(plan.is_empty(), "{record:?}: {:#?}", plan.steps);
    }
}

#[test]
fn a_grant_that_leaves_the_configuration_is_revoked_with_every_record() {
    let all = storage();
    let fewer = without(&all, Kind::Grant, "storage/batch");
    for record in RECORDS {
        let mut stack = stack(&fewer, &all, record);
        let plan = stack.applied(&fewer);
        assert_eq!(steps(&plan), ["grant/storage/batch RevokeGrant"], "{record:?}");
        assert_eq!(stack.fake.grants_total(), 0, "{record:?}");
        stack.settled(&fewer);
    }
}

#[test]
fn grants_of_other_owners_and_forgotten_grants_stay() {
    let all = storage();
    let mut fewer = without(&all, Kind::Grant, "storage/batch");
    fewer.forget.insert(address(Kind::Grant, "storage/batch"));
    let mut stack = stack(&fewer, &all, Record::Lost);
    let plan = stack.applied(&fewer);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.fake.grants_total(), 1);
    let stranger = grant::Listed {
        grant_id: "theirs".to_owned(),
        name: "kmsctl:other:storage/batch:00000000".to_owned(),
        ..stack.fake.key("storage").grants[0].clone()
    };
    stack.fake.tamper("storage", |key| key.grants = vec![stranger]);
    fewer.forget.clear();
    assert!(stack.plan_only(&fewer).is_empty());
}

#[test]
fn an_undeclared_alias_of_a_key_is_deleted_with_its_record_and_otherwise_reported() {
    let all = storage();
    let fewer = without(&all, Kind::Alias, "alias/storage");
    for record in RECORDS {
        let stack = stack(&fewer, &all, record);
        let plan = stack.plan_only(&fewer);
        let found: Vec<&str> = plan
            .findings
            .iter()
            .filter(|finding| finding.rule == "undeclared-alias")
            .map(|finding| finding.message.as_str())
            .collect();
        if record == Record::Kept {
            assert_eq!(steps(&plan), ["alias/alias/storage DeleteAlias"]);
            assert!(found.is_empty(), "{found:?}");
        } else {
            assert!(plan.steps.is_empty(), "{record:?}: {:#?}", plan.steps);
            assert_eq!(found.len(), 1, "{record:?}");
            assert!(found[0].contains("--alias-name alias/storage --region eu-central-1"));
            assert_eq!(plan.findings[0].address, key_at("storage"));
        }
    }
}

#[test]
fn grants_that_cannot_be_listed_are_reported_and_block_only_declared_grants() {
    let all = storage();
    let fewer = without(&all, Kind::Grant, "storage/batch");
    let mut stack = stack(&fewer, &all, Record::Old);
    let key = stack.fake.key("storage").meta.arn.id().to_owned();
    stack.fake.faults.borrow_mut().denied.insert(("ListGrants".to_owned(), key));
    let plan = stack.plan_only(&fewer);
    assert!(plan.is_empty(), "{:#?}", plan.blocked);
    let unchecked = plan.unchecked.join(" ");
    assert!(unchecked.contains("could not list the grants on `key/storage`"), "{unchecked}");
    let plan = stack.plan_only(&all);
    assert!(!plan.blocked.is_empty());
    // Without a record, an unknown grant may be that of a stranger.
    stack.state = lineage("two");
    let plan = stack.plan_only(&fewer);
    assert!(plan.blocked[0].reason.contains("its grants cannot be listed"), "{:#?}", plan.blocked);
}

#[test]
fn drift_is_reported_with_every_record() {
    let all = storage();
    let before = without(&all, Kind::Grant, "storage/batch");
    for record in RECORDS {
        let stack = stack(&before, &all, record);
        let drifts = stack.drifts(&all);
        assert!(drifts.drift.is_empty() && drifts.findings.is_empty(), "{record:?}: {drifts:#?}");
        let unrecorded = match record {
            Record::Kept => 0,
            Record::Old => 1,
            Record::Lost => 3,
        };
        assert_eq!(drifts.unrecorded, unrecorded, "{record:?}");
        stack.fake.tamper("storage", |key| {
            key.meta.state = "Disabled".to_owned();
            key.grants.clear();
        });
        let drifts = stack.drifts(&all.clone().key("storage", |key| key.enabled = Some(true)));
        let addresses: Vec<String> =
            drifts.drift.iter().map(|drift| drift.address.to_string()).collect();
        assert_eq!(addresses, ["key/storage", "grant/storage/batch"], "{record:?}");
    }
}

#[test]
fn a_grant_that_is_neither_declared_nor_recorded_is_drift() {
    let all = storage();
    let fewer = without(&all, Kind::Grant, "storage/batch");
    let stack = stack(&fewer, &all, Record::Lost);
    let drifts = stack.drifts(&fewer);
    let addresses: Vec<String> = drifts.drift.iter().map(|d| d.address.to_string()).collect();
    assert_eq!(addresses, ["grant/storage/batch"]);
}

/// Returns the declaration with the key `storage` under another name.
fn renamed(all: &Desired) -> Desired {
    let mut renamed = all.clone();
    let (old, new) = (key_at("storage"), key_at("archive"));
    renamed.resources.clear();
    for (address, declared) in &all.resources {
        let mut declared = declared.clone();
        if let Some(key) = declared.spec.key_mut() {
            *key = KeyRef::Managed(new.clone());
        }
        if let Spec::Key(key) = &mut declared.spec {
            key.tags.insert(NAME_TAG.to_owned(), "archive".to_owned());
        }
        let address = match (address.kind, address.name.as_str()) {
            (Kind::Key, _) => new.clone(),
            (Kind::Grant, name) => {
                crate::build::address(Kind::Grant, &name.replace("storage/", "archive/"))
            }
            (_, _) => address.clone(),
        };
        renamed.resources.insert(address, declared);
    }
    assert!(!renamed.resources.contains_key(&old));
    renamed
}

#[test]
fn a_renamed_key_is_never_created_again_and_both_ways_are_named() {
    let described = storage()
        .key("storage", |key| key.description = Some("Encrypts volumes".to_owned()))
        .protect("storage");
    let alone = without(&described, Kind::Alias, "alias/storage");
    let bare = alone.clone().key("storage", |key| key.description = None).protect("storage");
    for all in [&described, &alone, &bare] {
        for record in RECORDS {
            let mut stack = stack(all, all, record);
            let is_recorded = stack.state.records.contains_key(&key_at("storage"));
            let (plan, _) = stack.run(&renamed(all));
            let help: String = plan.blocked.iter().map(|b| b.help.as_str()).collect();
            assert!(
                help.contains("`moved: [{from: key/storage, to: key/archive}]`")
                    && help.contains("`kmsctl state mv key/storage key/archive`") == is_recorded,
                "{record:?}: {:#?}",
                plan.blocked
            );
            assert_eq!(stack.fake.keys_total(), 1, "{record:?}");
            let alias = stack.fake.aliases_total();
            assert_eq!(alias, usize::from(all.resources.len() == described.resources.len()));
        }
    }
}

#[test]
fn a_key_that_is_moved_keeps_its_grants_with_every_record() {
    let all = storage();
    for record in RECORDS {
        let mut stack = stack(&all, &all, record);
        let mut moved = renamed(&all);
        moved.moved.insert(key_at("storage"), key_at("archive"));
        let plan = stack.applied(&moved);
        assert_eq!(steps(&plan), ["key/archive TagResource"], "{record:?}");
        assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1));
        assert!(!stack.state.records.contains_key(&key_at("storage")));
        stack.settled(&moved);
        // The entry can be removed, and a lost record changes nothing.
        moved.moved.clear();
        stack.settled_in_aws(&moved);
    }
}

#[test]
fn a_move_that_is_killed_ends_like_one_that_is_not() {
    let all = storage();
    let mut moved = renamed(&all);
    moved.moved.insert(key_at("storage"), key_at("archive"));
    for kill in [Kill::Before, Kill::After] {
        for record in RECORDS {
            let mut stack = stack(&all, &all, record);
            assert!(stack.run_until(&moved, Some((1, kill))).is_none());
            stack.applied(&moved);
            stack.settled(&moved);
            assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1));
        }
    }
}

#[test]
fn a_key_is_not_moved_to_a_key_that_exists() {
    let mut stack = Stack::new(7);
    let both = storage().key("other", |_| {});
    stack.applied(&both);
    let mut moved = without(&both, Kind::Key, "storage");
    moved.moved.insert(key_at("storage"), key_at("other"));
    let mut state = stack.state.clone();
    let conflict = kmsctl::moved::apply(&mut state, &moved).unwrap_err();
    assert_eq!((conflict.from, conflict.to), (key_at("storage"), key_at("other")));
    assert_eq!(state, stack.state);
}

#[test]
fn an_unprotected_key_is_not_replaced_by_its_new_name_either() {
    let all = storage();
    for record in RECORDS {
        let mut stack = stack(&all, &all, record);
        stack.run(&renamed(&all));
        assert_eq!(stack.fake.keys_total(), 1, "{record:?}");
        assert_eq!(stack.fake.key("storage").meta.state, "Enabled");
        assert_eq!(stack.fake.aliases_total(), 1);
    }
}

#[test]
fn a_stack_is_destroyed_with_every_record() {
    let all = storage();
    for record in RECORDS {
        let mut stack = stack(&without(&all, Kind::Grant, "storage/batch"), &all, record);
        stack.fake.tamper("storage", |key| key.meta.description = "by hand".to_owned());
        stack.rebuild(&all);
        stack.applied(&empty());
        assert!(stack.fake.key("storage").meta.is_dying(), "{record:?}");
        assert_eq!((stack.fake.grants_total(), stack.fake.aliases_total()), (0, 0), "{record:?}");
        stack.settled(&empty());
    }
}

/// The old record names the key by an address that the key's tags do not have any more.
#[test]
fn a_record_from_before_a_move_does_not_lead_to_a_second_key() {
    let all = without(&storage(), Kind::Alias, "alias/storage");
    let mut stack = stack(&all, &all, Record::Kept);
    let old = stack.state.clone();
    let mut moved = renamed(&all);
    moved.moved.insert(key_at("storage"), key_at("archive"));
    stack.applied(&moved);
    moved.moved.clear();
    stack.state = old;
    let before = stack.fake.keys_total();
    // It does neither if the caller may not read the key, so that it could be any of the declared keys.
    let id = stack.fake.key("archive").meta.arn.id().to_owned();
    for operation in ["ListResourceTags", "DescribeKey"] {
        let denied = (operation.to_owned(), id.clone());
        stack.fake.faults.borrow_mut().denied.insert(denied.clone());
        let (plan, _) = stack.run(&moved);
        assert_eq!(stack.fake.keys_total(), before, "{plan:#?}");
        assert!(plan.blocked.iter().any(|blocked| blocked.address == key_at("archive")));
        stack.fake.faults.borrow_mut().denied.remove(&denied);
    }
    stack.fake.faults.borrow_mut().unknown.insert(("ListResourceTags".to_owned(), id));
    let (plan, _) = stack.run(&moved);
    assert_eq!(stack.fake.keys_total(), before, "{plan:#?}");
    stack.fake.faults.borrow_mut().unknown.clear();
    let (plan, _) = stack.run(&moved);
    assert_eq!(stack.fake.keys_total(), before, "{plan:#?}");
    let blocked = |address| plan.blocked.iter().find(|blocked| blocked.address == address);
    assert!(blocked(key_at("storage")).is_some(), "{plan:#?}");
    let help = &blocked(key_at("archive")).unwrap().help;
    assert!(help.contains("`kmsctl state mv key/storage key/archive`"), "{help}");
}

/// Lists and single requests show a new key at different times (KMS Developer Guide, "AWS KMS eventual consistency").
#[test]
fn a_listed_key_that_a_request_does_not_show_is_not_created_again() {
    let all = storage();
    for operation in ["ListResourceTags", "DescribeKey", "GetKeyPolicy"] {
        for with_alias in [true, false] {
            let all =
                if with_alias { all.clone() } else { without(&all, Kind::Alias, "alias/storage") };
            let mut stack = stack(&all, &all, Record::Lost);
            let id = stack.fake.key("storage").meta.arn.id().to_owned();
            let before = stack.fake.keys_total();
            stack.fake.faults.borrow_mut().unknown.insert((operation.to_owned(), id));
            let (plan, _) = stack.run(&all);
            assert_eq!(stack.fake.keys_total(), before, "{operation}: {plan:#?}");
            let blocked = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage"));
            assert!(
                blocked.unwrap().reason.contains("AWS lists `arn:"),
                "{operation}: {blocked:?}"
            );
            stack.fake.faults.borrow_mut().unknown.clear();
            stack.rebuild(&all);
        }
    }
}

#[test]
fn without_a_record_the_configuration_protects_and_a_strangers_key_stays() {
    let all = storage().protect("storage");
    let mut lost = stack(&all, &all, Record::Lost);
    lost.rebuild(&all);
    let (plan, _) = lost.run(&empty());
    assert!(plan.blocked.iter().any(|blocked| blocked.address == key_at("storage")), "{plan:#?}");
    let mut spoofed = stack(&storage(), &storage(), Record::Lost);
    spoofed.fake.tamper("storage", |key| key.meta.origin = "EXTERNAL".to_owned());
    spoofed.rebuild(&storage());
    spoofed.run(&empty());
    assert!(!spoofed.fake.key("storage").meta.is_dying());
}

#[test]
fn without_a_record_nothing_is_destroyed_while_it_is_not_certain_whose_it_is() {
    let all = storage();
    let refused = |change: &dyn Fn(&Stack)| {
        let mut stack = stack(&all, &all, Record::Lost);
        change(&stack);
        stack.rebuild(&all).join(" ")
    };
    assert_eq!(refused(&|_| {}), "");
    let alias = refused(&|stack| {
        let id = stack.fake.key("storage").meta.arn.id().to_owned();
        let mut regions = stack.fake.regions.borrow_mut();
        regions.get_mut(&home()).unwrap().aliases.insert("alias/payroll".to_owned(), id);
    });
    assert!(alias.contains("`alias/payroll` refers to"), "{alias}");
    let twice = refused(&|stack| {
        let mut key = stack.fake.key("storage");
        key.meta.arn = KeyArn::at(&home(), "00000000-0000-4000-8000-000000000000");
        key.meta.created -= 9;
        let mut regions = stack.fake.regions.borrow_mut();
        let keys = &mut regions.get_mut(&home()).unwrap().keys;
        keys.insert(key.meta.arn.id().to_owned(), key);
    });
    assert!(twice.contains("several keys carry the tags of this key"), "{twice}");
    let external = refused(&|stack| {
        stack.fake.tamper("storage", |key| key.meta.origin = "EXTERNAL".to_owned());
    });
    assert!(external.contains("`EXTERNAL`"), "{external}");
}

#[test]
fn a_key_whose_tags_were_changed_is_not_created_again() {
    let both = storage().key("other", |_| {});
    for change in [
        |tags: &mut BTreeMap<String, String>| {
            drop(tags.insert(NAME_TAG.to_owned(), "other".into()));
        },
        |tags: &mut BTreeMap<String, String>| drop(tags.remove(NAME_TAG)),
        |tags: &mut BTreeMap<String, String>| drop(tags.remove(STACK_TAG)),
    ] {
        let mut stack = stack(&both, &both, Record::Lost);
        stack.fake.tamper("storage", |key| change(&mut key.tags));
        let (plan, _) = stack.run(&both);
        assert_eq!(stack.fake.keys_total(), 2, "{:#?}", plan.steps);
        let reason = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage"));
        assert!(reason.unwrap().reason.starts_with("its alias refers to"), "{:#?}", plan.blocked);
    }
}

#[test]
fn a_statement_that_leaves_the_configuration_is_no_drift() {
    let text = |statements: &str| {
        let statement = |sid: &str| {
            format!(
                "{{Sid: {sid}, Effect: Allow, Principal: {{AWS: 'arn:aws:iam::111122223333:role/App'}}, \
                 Action: 'kms:Decrypt', Resource: '*'}}"
            )
        };
        let all: Vec<String> = statements.split(' ').map(statement).collect();
        crate::consumers::desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{k: {{policy: {{ownership: shared, statements: [{}]}}}}}}\n",
            all.join(", ")
        ))
    };
    let mut stack = Stack::new(7);
    stack.applied(&text("One Two"));
    let fewer = text("One");
    let drifts = stack.drifts(&fewer);
    assert!(drifts.drift.is_empty(), "{:#?}", drifts.drift);
    let plan = stack.plan_only(&fewer);
    assert!(plan.drift.is_empty());
    assert_eq!(plan.steps[0].reason, "the configuration changed");
    // A statement that is removed by hand is drift.
    stack.fake.tamper("k", |key| {
        let statements = key.policy["Statement"].as_array_mut().unwrap();
        statements
            .retain(|statement| !statement["Sid"].as_str().unwrap_or_default().ends_with("Two"));
    });
    assert_eq!(stack.drifts(&text("One Two")).drift.len(), 1);
}
