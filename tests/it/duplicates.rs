//! Several keys that carry the tags of one address, as two runs without a common record create them.

use crate::build::{Declare, address, empty, home, key_at, storage};
use crate::fake::FakeKey;
use crate::world::{Stack, lineage};
use kmsctl::desired::{Adopt, Desired};
use kmsctl::id::KeyArn;
use kmsctl::impact::LastUsage;
use kmsctl::kind::Kind;
use kmsctl::kind::key::{NAME_TAG, NONCE_TAG};
use kmsctl::plan::Plan;

/// A time at which KMS records the uses of keys, in seconds since 1970.
const RECENTLY: u64 = 1_790_000_000;

/// A change of the stack with a duplicate.
type Change<'a> = &'a dyn Fn(&Stack, &KeyArn);

/// Returns an applied stack, and a younger copy of its key that another run created.
fn twice(all: &Desired) -> (Stack, KeyArn, KeyArn) {
    let mut stack = Stack::new(5);
    stack.fake.created.set(RECENTLY);
    stack.applied(all);
    let first = stack.fake.key("storage");
    let second = add(&stack, &first, "ffffffff-0000-4000-8000-000000000000", 60);
    (stack, first.meta.arn, second)
}

/// Adds a copy of a key that is `later` seconds younger.
fn add(stack: &Stack, key: &FakeKey, id: &str, later: u64) -> KeyArn {
    let mut copy = key.clone();
    copy.meta.arn = KeyArn::at(&home(), id);
    copy.meta.created += later;
    copy.tags.insert(NONCE_TAG.to_owned(), format!("nonce-{id}"));
    copy.grants.clear();
    let arn = copy.meta.arn.clone();
    stack.fake.regions.borrow_mut().get_mut(&home()).unwrap().keys.insert(id.to_owned(), copy);
    arn
}

fn duplicates(plan: &Plan) -> Vec<&str> {
    let findings = plan.findings.iter().filter(|finding| finding.rule == "duplicate-key");
    findings.map(|finding| finding.message.as_str()).collect()
}

fn reasons(plan: &Plan) -> String {
    plan.blocked.iter().map(|b| format!("{}: {} ({})\n", b.address, b.reason, b.help)).collect()
}

#[test]
fn the_oldest_key_is_used_without_a_record_and_the_other_is_reported() {
    let all = storage();
    let (mut stack, first, second) = twice(&all);
    stack.state = lineage("two");
    let plan = stack.applied(&all);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.state.records[&key_at("storage")].id, first.to_string());
    assert_eq!(duplicates(&plan).len(), 1);
    let message = duplicates(&plan)[0];
    assert!(message.contains(&format!("`{second}`")) && message.contains(&format!("`{first}`")));
    assert!(message.contains(&format!("adopt: {second}")), "{message}");
    assert_eq!((stack.fake.keys_total(), stack.fake.mutations.get()), (2, 0));
    let drifts = stack.drifts(&all);
    assert_eq!(drifts.findings.len(), 1, "{drifts:#?}");
}

#[test]
fn of_two_keys_of_one_second_every_run_uses_the_one_with_the_smaller_nonce() {
    let all = empty().key("storage", |_| {});
    let (mut stack, first, second) = twice(&all);
    stack.state = lineage("two");
    for (used, other) in [(&first, &second), (&second, &first)] {
        let mut regions = stack.fake.regions.borrow_mut();
        let keys = &mut regions.get_mut(&home()).unwrap().keys;
        for (arn, nonce) in [(used, "a"), (other, "b")] {
            let key = keys.get_mut(arn.id()).unwrap();
            key.meta.created = RECENTLY;
            key.tags.insert(NONCE_TAG.to_owned(), nonce.to_owned());
        }
        drop(regions);
        let plan = stack.plan_only(&all);
        let message =
            format!("`{other}` carries the tags of this key as well; the stack uses `{used}`");
        assert!(duplicates(&plan)[0].starts_with(&message), "{plan:#?}");
    }
}

/// Anybody who may tag a key could otherwise give the stack an older key.
#[test]
fn the_key_behind_the_alias_is_used_before_an_older_one() {
    let all = storage();
    let (mut stack, first, second) = twice(&all);
    let mut regions = stack.fake.regions.borrow_mut();
    regions.get_mut(&home()).unwrap().keys.get_mut(second.id()).unwrap().meta.created = 1;
    drop(regions);
    stack.state = lineage("two");
    let plan = stack.applied(&all);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.state.records[&key_at("storage")].id, first.to_string());
}

#[test]
fn a_record_and_adopt_decide_before_the_age() {
    let all = storage();
    let (mut stack, first, second) = twice(&all);
    stack.settled(&all);
    stack.state.records.get_mut(&key_at("storage")).unwrap().id = second.to_string();
    stack.state.records.remove(&address(Kind::Grant, "storage/batch"));
    let plan = stack.plan_only(&all);
    assert!(duplicates(&plan)[0].starts_with(&format!("`{first}` carries the tags")), "{plan:#?}");
    // The alias still refers to the other key. A run with the other record would repoint it again.
    assert!(reasons(&plan).contains("alias/alias/storage: "), "{}", reasons(&plan));
    assert!(reasons(&plan).contains(&format!("adopt: {first}")), "{}", reasons(&plan));

    stack.state = lineage("two");
    let mut adopting = all.clone();
    adopting.resources.get_mut(&key_at("storage")).unwrap().adopt =
        Some(Adopt::Key(second.clone()));
    stack.applied(&adopting);
    assert_eq!(stack.state.records[&key_at("storage")].id, second.to_string());
    let aliases = &stack.fake.regions.borrow()[&home()].aliases;
    assert_eq!(aliases["alias/storage"], second.id());
}

#[test]
fn a_duplicate_that_was_never_used_is_deleted_on_request() {
    let all = storage();
    for lost in [false, true] {
        let (mut stack, first, second) = twice(&all);
        if lost {
            stack.state = lineage("two");
        }
        let mut removing = all.clone();
        removing.delete.insert(second.clone());
        let plan = stack.applied(&removing);
        assert_eq!(plan.steps.len(), 1, "{:#?}", plan.steps);
        let keys = stack.fake.regions.borrow()[&home()].keys.clone();
        assert!(keys[second.id()].meta.is_dying() && !keys[first.id()].meta.is_dying());
        stack.settled(&removing);
        stack.settled(&all);
        assert!(duplicates(&stack.plan_only(&all)).is_empty());
    }
}

#[test]
fn a_duplicate_that_may_be_in_use_is_not_deleted() {
    let all = storage();
    let used = |stack: &Stack, second: &KeyArn| {
        let when = Some("2026-10-01T00:00:00Z".to_owned());
        let usage = LastUsage { when, ..LastUsage::default() };
        stack.fake.faults.borrow_mut().used.insert(second.id().to_owned(), usage);
    };
    let denied = |stack: &Stack, second: &KeyArn| {
        let denied = ("GetKeyLastUsage".to_owned(), second.id().to_owned());
        stack.fake.faults.borrow_mut().denied.insert(denied);
    };
    let aliased = |stack: &Stack, second: &KeyArn| {
        let mut regions = stack.fake.regions.borrow_mut();
        let aliases = &mut regions.get_mut(&home()).unwrap().aliases;
        aliases.insert("alias/used".to_owned(), second.id().to_owned());
    };
    let old = |stack: &Stack, second: &KeyArn| {
        let mut regions = stack.fake.regions.borrow_mut();
        let keys = &mut regions.get_mut(&home()).unwrap().keys;
        keys.get_mut(second.id()).unwrap().meta.created = 1_700_000_000;
    };
    let grant = |stack: &Stack, second: &KeyArn| {
        let grants = stack.fake.key("storage").grants;
        let mut regions = stack.fake.regions.borrow_mut();
        let keys = &mut regions.get_mut(&home()).unwrap().keys;
        let key = keys.get_mut(second.id()).unwrap();
        key.grants = grants;
        for (number, grant) in key.grants.iter_mut().enumerate() {
            grant.name.clear();
            grant.grant_id = format!("theirs-{number}");
        }
    };
    let cases: [(&str, Change<'_>); 5] = [
        ("the key was used 2026-10-01T00:00:00Z", &used),
        ("it is not known whether the key was used", &denied),
        ("`alias/used` refers to the key", &aliased),
        ("before 2026-04-23", &old),
        ("grants on the key", &grant),
    ];
    for (reason, change) in cases {
        let (mut stack, _, second) = twice(&all);
        change(&stack, &second);
        let mut removing = all.clone();
        removing.delete.insert(second.clone());
        let (plan, _) = stack.run(&removing);
        assert!(reasons(&plan).contains(reason), "{reason}: {}", reasons(&plan));
        assert_eq!(stack.fake.mutations.get(), 0, "{reason}");
    }
}

#[test]
fn only_a_duplicate_is_deleted_by_its_arn() {
    let all = storage();
    let (mut stack, first, _) = twice(&all);
    stack.fake.tamper("storage", |key| key.grants.clear());
    let other = add(&stack, &stack.fake.key("storage"), "88888888-0000-4000-8000-000000000000", 9);
    stack
        .fake
        .regions
        .borrow_mut()
        .get_mut(&home())
        .unwrap()
        .keys
        .get_mut(other.id())
        .unwrap()
        .tags
        .remove(NAME_TAG);
    let mut removing = all.clone();
    removing.delete.extend([first.clone(), other]);
    let (plan, _) = stack.run(&removing);
    let refused =
        format!("`{first}` is listed under `removed`, but it is the key that the stack uses");
    assert!(duplicates(&plan).iter().any(|said| said.starts_with(&refused)), "{plan:#?}");
    let keys = stack.fake.regions.borrow()[&home()].keys.clone();
    assert!(keys.values().all(|key| !key.meta.is_dying()));
}

#[test]
fn keys_whose_tags_cannot_be_read_block_only_if_they_may_carry_the_tags_of_the_stack() {
    let others = empty().key("theirs", |_| {});
    for search in [true, false] {
        let mut stack = Stack::new(5);
        stack.applied(&others);
        stack.fake.tamper("theirs", |key| key.tags.clear());
        let theirs = stack.fake.regions.borrow()[&home()].keys.keys().next().unwrap().clone();
        stack.state = lineage("two");
        let faults = &stack.fake.faults;
        faults.borrow_mut().denied.insert(("ListResourceTags".to_owned(), theirs.clone()));
        if !search {
            faults.borrow_mut().denied.insert(("GetResources".to_owned(), "*".to_owned()));
        }
        let (plan, _) = stack.run(&storage());
        if search {
            assert!(plan.blocked.is_empty(), "{}", reasons(&plan));
            assert_eq!(stack.fake.keys_total(), 2);
        } else {
            assert!(reasons(&plan).contains(&format!("key/{theirs}")), "{}", reasons(&plan));
            assert!(reasons(&plan).contains("kms:ListResourceTags"), "{}", reasons(&plan));
            assert_eq!(stack.fake.keys_total(), 1);
        }
    }
}

#[test]
fn a_key_that_is_gone_or_pending_deletion_is_no_duplicate() {
    let all = storage();
    let (mut stack, first, second) = twice(&all);
    let mut regions = stack.fake.regions.borrow_mut();
    let keys = &mut regions.get_mut(&home()).unwrap().keys;
    keys.get_mut(second.id()).unwrap().meta.state = "PendingDeletion".to_owned();
    drop(regions);
    stack.state = lineage("two");
    let plan = stack.applied(&all);
    assert!(duplicates(&plan).is_empty() && plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(stack.state.records[&key_at("storage")].id, first.to_string());
}
