//! Resources of other owners are neither changed nor deleted, even if there is a record. The owner
//! is decided by the tags and names in AWS.

use crate::build::{Declare, address, empty, home, key_at, role, storage};
use crate::consumers::{KEYS, desired};
use crate::fake::FakeKey;
use crate::world::{Stack, lineage};
use kmsctl::desired::{Adopt, Desired};
use kmsctl::id::KeyArn;
use kmsctl::kind::address::Address;
use kmsctl::kind::grant::Listed;
use kmsctl::kind::key::{NAME_TAG, NONCE_TAG, STACK_TAG};
use kmsctl::kind::{ConsumerKind, ConsumerSpec, KeyRef, Kind, Spec};
use kmsctl::plan::Plan;
use kmsctl::state::State;
use std::collections::BTreeSet;

fn reasons(plan: &Plan) -> String {
    plan.blocked.iter().map(|b| format!("{}: {} ({})\n", b.address, b.reason, b.help)).collect()
}

fn retagged(key: &mut FakeKey, tags: &[(&str, &str)]) {
    key.tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
}

/// Returns a stack with a key, and a key of another owner.
fn with_a_strangers_key(tags: &[(&str, &str)]) -> (Stack, KeyArn) {
    let mut stack = Stack::new(3);
    let plain = empty().key("own", |_| {}).key("theirs", |_| {});
    stack.applied(&plain);
    stack.state.records.remove(&key_at("theirs"));
    let arn = stack.fake.key("theirs").meta.arn;
    stack.fake.tamper("theirs", |key| retagged(key, tags));
    (stack, arn)
}

fn held(stack: &Stack, arn: &KeyArn) -> FakeKey {
    stack.fake.regions.borrow()[&home()].keys[arn.id()].clone()
}

#[test]
fn a_recorded_key_without_tags_is_not_the_stacks() {
    let own = empty().key("own", |_| {});
    for tags in [
        &[][..],
        &[("team", "other")],
        &[(STACK_TAG, "other"), (NAME_TAG, "theirs")],
        &[(NAME_TAG, "theirs")],
        &[(NONCE_TAG, "nonce-2")],
    ] {
        let (mut stack, arn) = with_a_strangers_key(tags);
        let mut record = stack.state.records[&key_at("own")].clone();
        (record.id, record.protect) = (arn.to_string(), false);
        stack.state.records.insert(key_at("gone"), record);
        let before = held(&stack, &arn);
        // The key is neither deleted nor changed.
        let (plan, _) = stack.run(&own);
        assert!(reasons(&plan).starts_with("key/gone: "), "{tags:?} {}", reasons(&plan));
        assert_eq!(stack.fake.mutations.get(), 0, "{tags:?}");
        let declared = own.clone().key("gone", |key| key.description = Some("ours".to_owned()));
        let (plan, _) = stack.run(&declared.alias("gone", "gone").grant("gone", "g", &["Decrypt"]));
        assert_eq!(stack.fake.mutations.get(), 0, "{tags:?} {:#?}", plan.steps);
        let after = held(&stack, &arn);
        assert_eq!((before.meta, before.tags), (after.meta, after.tags), "{tags:?}");
    }
}

#[test]
fn a_key_without_tags_belongs_to_the_stack_after_its_adoption() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn;
    stack.fake.tamper("storage", |key| retagged(key, &[("team", "core")]));
    let plan = stack.plan_only(&storage());
    assert!(reasons(&plan).contains(&format!("adopt: {arn}")), "{}", reasons(&plan));
    let mut adopting = storage();
    adopting.resources.get_mut(&key_at("storage")).unwrap().adopt = Some(Adopt::Key(arn));
    stack.applied(&adopting);
    stack.settled(&storage());
    assert_eq!(stack.fake.keys_total(), 1);
}

#[test]
fn no_alias_or_grant_is_created_on_a_foreign_key() {
    let text = |adopt: &str| {
        format!(
            "stack: stack\nregion: eu-central-1\nkeys:\n  own: {{policy: {{}}}}\n  k:\n    adopt: {adopt}\n    \
             policy: {{}}\n    aliases: [fresh]\n    grants: {{g: {{grantee: role/g, operations: [Decrypt]}}}}\n\
             dynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: k, used_by: [role/u]}}}}}}\n"
        )
    };
    let (mut stack, arn) = with_a_strangers_key(&[(STACK_TAG, "other"), (NAME_TAG, "theirs")]);
    let (plan, _) = stack.run(&desired(&text(&arn.to_string())));
    for blocked in ["key/k", "alias/fresh", "grant/k/g", "dynamodb_table/tab"] {
        assert!(reasons(&plan).contains(&format!("{blocked}: ")), "{blocked}: {}", reasons(&plan));
    }
    assert!(held(&stack, &arn).grants.is_empty() && stack.fake.aliases_total() == 0);
    assert!(stack.fake.shelves.borrow().values().all(std::collections::BTreeMap::is_empty));

    // The same applies to a key that does not exist.
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    stack.fake.regions.borrow_mut().get_mut(&home()).unwrap().keys.clear();
    stack.fake.regions.borrow_mut().get_mut(&home()).unwrap().aliases.clear();
    let (plan, _) = stack.run(&storage().alias("more", "storage"));
    assert!(
        reasons(&plan).contains("alias/alias/more: `key/storage` is blocked"),
        "{}",
        reasons(&plan)
    );
    assert_eq!(stack.fake.mutations.get(), 0);
}

#[test]
fn an_alias_is_not_moved_to_a_foreign_key() {
    let (mut stack, arn) = with_a_strangers_key(&[(STACK_TAG, "other"), (NAME_TAG, "theirs")]);
    let own = empty().key("own", |_| {}).alias("mine", "own");
    stack.applied(&own);
    let mut moved = own.clone().key("k", |_| {});
    moved.resources.get_mut(&key_at("k")).unwrap().adopt = Some(Adopt::Key(arn));
    let Spec::Alias(alias) =
        &mut moved.resources.get_mut(&address(Kind::Alias, "alias/mine")).unwrap().spec
    else {
        panic!("an alias");
    };
    alias.target = KeyRef::Managed(key_at("k"));
    let (plan, _) = stack.run(&moved);
    assert!(reasons(&plan).contains("alias/alias/mine: `key/k` is blocked"), "{}", reasons(&plan));
    assert_eq!(stack.fake.mutations.get(), 0);
}

/// `existing` says that the stack uses a key, not that its aliases are the stack's.
#[test]
fn an_alias_of_another_stacks_key_is_not_moved_away() {
    let text = |arn: &KeyArn| {
        format!(
            "stack: stack\nregion: eu-central-1\nkeys:\n  own: {{policy: {{}}, aliases: [theirs]}}\n  w: {{existing: '{arn}'}}\n"
        )
    };
    for (tags, moves) in [(&[(STACK_TAG, "other"), (NAME_TAG, "theirs")][..], false), (&[], true)] {
        let (mut stack, arn) = with_a_strangers_key(tags);
        let alias = ("alias/theirs".to_owned(), arn.id().to_owned());
        stack.fake.regions.borrow_mut().get_mut(&home()).unwrap().aliases.extend([alias]);
        let (plan, _) = stack.run(&desired(&text(&arn)));
        assert_eq!(reasons(&plan).contains("alias/theirs"), !moves, "{}", reasons(&plan));
        assert_eq!(stack.fake.count("UpdateAlias"), usize::from(moves));
    }
}

fn strangers_grant(id: &str, name: &str) -> Listed {
    Listed {
        grant_id: id.to_owned(),
        name: name.to_owned(),
        grantee: role("stranger"),
        retiring: None,
        operations: BTreeSet::from(["Decrypt".to_owned()]),
        constraints: None,
        issuer: None,
    }
}

#[test]
fn a_recorded_grant_of_another_owner_is_not_revoked() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let theirs = [
        strangers_grant("nameless", ""),
        strangers_grant("named", "backup"),
        strangers_grant("other-stack", "kmsctl:stack2:storage/batch:00000000"),
    ];
    stack.fake.tamper("storage", |key| key.grants.extend(theirs.clone()));
    let there = |stack: &Stack| {
        let all = stack.fake.key("storage").grants;
        all.iter().filter(|grant| theirs.contains(grant)).count()
    };
    let bare = storage().without(&address(Kind::Grant, "storage/batch"));
    let grant = address(Kind::Grant, "storage/batch");
    let (state, grants) = (stack.state.clone(), stack.fake.key("storage").grants);
    for recorded in ["nameless", "named", "other-stack", ""] {
        stack.state = state.clone();
        stack.fake.tamper("storage", |key| key.grants.clone_from(&grants));
        stack.state.records.get_mut(&grant).unwrap().id = recorded.to_owned();
        stack.settled_in_aws(&storage());
        stack.applied(&bare);
        assert_eq!((there(&stack), stack.fake.grants_total()), (3, 3), "{recorded}");
    }
}

#[test]
fn names_in_older_records_are_ignored() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    stack.fake.tamper("storage", |key| key.grants.push(strangers_grant("theirs", "backup")));
    let mut state: serde_json::Value = serde_json::to_value(&stack.state).unwrap();
    state["version"] = 1.into();
    state["records"]["grant/storage/batch"]["spec"]["grant"]["name_prefix"] = "".into();
    stack.state = State::read(state.to_string().as_bytes()).unwrap();
    stack.applied(&storage().without(&address(Kind::Grant, "storage/batch")));
    assert_eq!(stack.fake.key("storage").grants[0].grant_id, "theirs");

    // The same applies to statements in a policy that the stack does not manage.
    let text = format!(
        "{KEYS}  x: {{existing: 'ARN'}}\ndynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: x, \
         protect: false, used_by: [role/u]}}}}}}\n"
    );
    let (mut stack, arn) = with_a_strangers_key(&[("team", "other")]);
    stack.state = lineage("one");
    let text = text.replace("ARN", &arn.to_string());
    stack.applied(&desired(&text));
    let statements =
        |stack: &Stack| held(stack, &arn).policy["Statement"].as_array().unwrap().len();
    let all = statements(&stack);
    let mut state: serde_json::Value = serde_json::to_value(&stack.state).unwrap();
    state["records"]["key_policy/x"]["spec"]["key_policy"]["shared"]["prefix"] = "".into();
    stack.state = State::read(state.to_string().as_bytes()).unwrap();
    stack.applied(&desired(KEYS));
    assert_eq!(statements(&stack), all - 1);
}

#[test]
fn a_recorded_alias_on_a_foreign_key_is_not_deleted() {
    let (mut stack, arn) = with_a_strangers_key(&[("team", "other")]);
    let own = empty().key("own", |_| {}).alias("mine", "own");
    stack.applied(&own);
    let region = home();
    stack
        .fake
        .regions
        .borrow_mut()
        .get_mut(&region)
        .unwrap()
        .aliases
        .insert("alias/mine".to_owned(), arn.id().to_owned());
    for target in [KeyRef::Arn(arn.clone()), KeyRef::Managed(key_at("own"))] {
        let record = stack.state.records.get_mut(&address(Kind::Alias, "alias/mine")).unwrap();
        *record.spec.key_mut().unwrap() = target;
        for all in [&empty().key("own", |_| {}), &own] {
            let (plan, _) = stack.run(all);
            assert!(reasons(&plan).starts_with("alias/alias/mine: "), "{}", reasons(&plan));
            assert_eq!(stack.fake.mutations.get(), 0);
        }
    }
}

/// Renames a resource on a key, and checks that the removal waits for the replacement.
fn renamed(from: &Desired, to: &Desired, make: &str, take: &str) {
    for refusal in ["call", "plan"] {
        let mut stack = Stack::new(3);
        stack.applied(from);
        let to = match refusal {
            "call" => {
                stack.fake.faults.borrow_mut().refused.insert(make.to_owned());
                to.clone()
            }
            // The key of another stack's alias, or a resource of another owner.
            _ => blocked_in(&stack, to),
        };
        let from_here = stack.fake.log.borrow().len();
        let (plan, ended) = stack.run(&to);
        let made = stack.fake.changes_since(from_here);
        assert!(!made.contains(&take.to_owned()), "{refusal}: {made:?} {:#?}", plan.steps);
        assert!(!ended.is_complete() || !plan.blocked.is_empty(), "{refusal}");
        stack.fake.faults.borrow_mut().refused.clear();
        if refusal == "call" {
            stack.applied(&to);
            stack.settled(&to);
            let made = stack.fake.changes_since(from_here);
            let at = |name: &str| made.iter().rposition(|made| made == name).unwrap();
            assert!(at(make) < at(take), "{made:?}");
        }
    }
}

/// Changes AWS so that the plan refuses the creation.
fn blocked_in(stack: &Stack, to: &Desired) -> Desired {
    for (new, declared) in &to.resources {
        if stack.state.records.contains_key(new) {
            continue;
        }
        match &declared.spec {
            Spec::Alias(alias) => {
                let mut regions = stack.fake.regions.borrow_mut();
                let region = regions.get_mut(&home()).unwrap();
                let mut theirs = region.keys.values().next().unwrap().clone();
                retagged(&mut theirs, &[(STACK_TAG, "other")]);
                let id = "ffffffff-12ab-34cd-56ef-1234567890ab";
                theirs.meta.arn = KeyArn::at(&home(), id);
                region.keys.insert(id.to_owned(), theirs);
                region.aliases.insert(alias.name.to_string(), id.to_owned());
            }
            Spec::Grant(grant) => {
                stack.fake.faults.borrow_mut().missing.insert(grant.grantee.clone());
            }
            Spec::Consumer(ConsumerSpec::DynamodbTable(_)) => {
                let mut shelves = stack.fake.shelves.borrow_mut();
                let shelf = shelves.get_mut(&(ConsumerKind::DynamodbTable, home())).unwrap();
                let mut theirs = shelf.values().next().unwrap().clone();
                theirs.object.id.clone_from(&new.name);
                theirs.object.spec.common_mut().tags.clear();
                shelf.insert(new.name.clone(), theirs);
            }
            other => panic!("{other:?}"),
        }
    }
    to.clone()
}

#[test]
fn a_removal_waits_for_its_replacement() {
    let keys = || empty().key("a", |_| {});
    renamed(&keys().alias("old", "a"), &keys().alias("new", "a"), "CreateAlias", "DeleteAlias");
    renamed(
        &keys().grant("a", "old", &["Decrypt"]),
        &keys().grant("a", "new", &["Decrypt"]),
        "CreateGrant",
        "RevokeGrant",
    );
    let table = |name: &str| {
        desired(&format!(
            "{KEYS}dynamodb: {{tables: {{{name}: {{partition_key: {{name: id, type: S}}, key: a, protect: false}}}}}}\n"
        ))
    };
    renamed(&table("old"), &table("new"), "CreateTable", "DeleteTable");
}

#[test]
fn a_removal_does_not_wait_for_unrelated_access() {
    let mut stack = Stack::new(3);
    let keys = || empty().key("a", |_| {});
    stack.applied(&keys().grant("a", "old", &["Decrypt"]));
    let mut other = keys().grant("a", "new", &["Decrypt"]);
    let new: Address = address(Kind::Grant, "a/new");
    if let Spec::Grant(grant) = &mut other.resources.get_mut(&new).unwrap().spec {
        grant.grantee = role("somebody");
    }
    stack.fake.faults.borrow_mut().refused.insert("CreateGrant".to_owned());
    let (_, ended) = stack.run(&other);
    assert!(!ended.is_complete());
    assert_eq!(stack.fake.grants_total(), 0);
}
