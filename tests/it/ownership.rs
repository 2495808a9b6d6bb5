//! The ownership of keys, aliases and grants that change their owner, place or name.

use crate::build::{Declare, address, empty, home, key_at, place, storage};
use crate::fake::Kill;
use crate::world::{Stack, lineage};
use kmsctl::desired::{Adopt, Desired};
use kmsctl::kind::{KeyRef, Kind, Spec};

fn reasons(plan: &kmsctl::plan::Plan) -> String {
    plan.blocked.iter().map(|b| format!("{}: {}\n", b.address, b.reason)).collect()
}

#[test]
fn a_key_is_enabled_after_a_cancelled_deletion_whenever_the_run_is_killed() {
    let quiet = storage().key("storage", |key| key.enabled = None);
    for call in 1..=2 {
        for kill in [Kill::Before, Kill::After] {
            let mut stack = Stack::new(3);
            stack.applied(&quiet);
            stack.applied(&empty());
            assert!(stack.run_until(&quiet, Some((call, kill))).is_none(), "{call} {kill:?}");
            stack.applied(&quiet);
            assert_eq!(stack.fake.regions.borrow()[&home()].keys.len(), 1);
            assert_eq!(stack.fake.key("storage").meta.state, "Enabled", "{call} {kill:?}");
            stack.settled(&quiet);
        }
    }
}

#[test]
fn a_key_cannot_move_to_another_region() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let mut moved = storage();
    for declared in moved.resources.values_mut() {
        declared.place = place("eu-north-1");
    }
    let (plan, _) = stack.run(&moved);
    assert!(reasons(&plan).contains("AWS cannot move it"), "{}", reasons(&plan));
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
}

#[test]
fn an_alias_whose_address_changes_is_not_changed_in_aws() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let mut renamed = storage();
    let old = address(Kind::Alias, "alias/storage");
    let alias = renamed.resources.remove(&old).unwrap();
    let new = address(Kind::Alias, "alias/storage@eu-central-1");
    renamed.resources.insert(new.clone(), alias);
    let plan = stack.applied(&renamed);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.fake.mutations.get(), 0);
    assert!(stack.state.records.contains_key(&new) && !stack.state.records.contains_key(&old));
    stack.settled(&renamed);
}

/// Returns a stack with aliases and grants on a key of another stack.
fn guest(stack: &Stack, key: &str) -> Desired {
    let arn = stack.fake.key(key).meta.arn;
    let mut all = empty();
    all.stack = "guest".parse().unwrap();
    all.existing.insert(arn.clone());
    let full = storage();
    for (address, mut declared) in full.resources {
        match &mut declared.spec {
            Spec::Key(_) => continue,
            Spec::Alias(alias) => {
                alias.name = "alias/guest".parse().unwrap();
                alias.target = KeyRef::Arn(arn.clone());
            }
            Spec::Grant(grant) => {
                grant.key = KeyRef::Arn(arn.clone());
            }
            _ => continue,
        }
        all.resources.insert(address, declared);
    }
    all
}

#[test]
fn grants_on_a_foreign_key_are_removed_with_their_declaration() {
    let mut stack = Stack::new(3);
    stack.applied(&storage().key("other", |_| {}));
    let (host, guest) = (stack.state.clone(), guest(&stack, "storage"));
    stack.state = lineage("guest");
    stack.state.stack = "guest".parse().unwrap();
    stack.applied(&guest);
    assert_eq!((stack.fake.grants_total(), stack.fake.aliases_total()), (2, 2));
    let mut nothing = empty();
    nothing.stack = "guest".parse().unwrap();
    // The name of a grant contains the stack's name. An alias has no mark, so an alias on a foreign
    // key is kept.
    let (plan, _) = stack.run(&nothing);
    assert!(
        reasons(&plan).starts_with("alias/alias/storage: the alias is no longer declared"),
        "{plan:#?}"
    );
    assert_eq!((stack.fake.grants_total(), stack.fake.aliases_total()), (1, 2));
    // For `kmsctl destroy`, nothing has left the declaration.
    nothing.destroys = true;
    let plan = stack.plan_only(&nothing);
    assert!(
        reasons(&plan).starts_with("alias/alias/storage: `alias/guest` points to"),
        "{plan:#?}"
    );
    nothing.destroys = false;
    nothing.forget.insert(address(Kind::Alias, "alias/storage"));
    stack.applied(&nothing);
    stack.settled(&nothing);
    drop(host);
}

#[test]
fn the_record_of_an_unreadable_grant_is_kept() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let guest = guest(&stack, "storage");
    stack.state = lineage("guest");
    stack.state.stack = "guest".parse().unwrap();
    stack.applied(&guest);
    let mut nothing = empty();
    nothing.stack = "guest".parse().unwrap();
    let id = stack.fake.key("storage").meta.arn.id().to_owned();
    stack.fake.faults.borrow_mut().denied.insert(("ListGrants".to_owned(), id));
    // Only the grant is blocked, because the aliases can be read.
    let same = stack.plan_only(&guest);
    assert_eq!(same.blocked.len(), 1, "{}", reasons(&same));
    let (plan, _) = stack.run(&nothing);
    assert!(reasons(&plan).contains("grant/storage/batch: "), "{}", reasons(&plan));
    assert!(stack.state.records.contains_key(&address(Kind::Grant, "storage/batch")));
    assert_eq!((stack.fake.grants_total(), stack.fake.aliases_total()), (2, 2));
    stack.fake.faults.borrow_mut().denied.clear();
    nothing.forget.insert(address(Kind::Alias, "alias/storage"));
    stack.applied(&nothing);
    assert_eq!((stack.fake.grants_total(), stack.fake.aliases_total()), (1, 2));
    stack.settled(&nothing);
}

#[test]
fn a_grant_follows_its_key_without_leftovers() {
    let mut stack = Stack::new(3);
    stack.applied(&storage().key("other", |_| {}));
    let (mut first, mut second) = (guest(&stack, "storage"), guest(&stack, "other"));
    // The alias can move from one key to the other only while the stack declares both keys.
    for all in [&mut first, &mut second] {
        all.existing.extend(["storage", "other"].map(|key| stack.fake.key(key).meta.arn));
    }
    stack.state = lineage("guest");
    stack.state.stack = "guest".parse().unwrap();
    for call in [None, Some((1, Kill::After)), Some((2, Kill::After)), Some((3, Kill::Before))] {
        stack.applied(&first);
        drop(stack.run_until(&second, call));
        stack.applied(&second);
        assert_eq!(stack.fake.key("other").grants.len(), 1, "{call:?}");
        assert_eq!(stack.fake.key("storage").grants.len(), 1, "{call:?}");
        stack.settled(&second);
    }
}

#[test]
fn keys_with_unreadable_tags_do_not_count_as_absent() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let id = stack.fake.key("storage").meta.arn.id().to_owned();
    stack.fake.faults.borrow_mut().denied.insert(("ListResourceTags".to_owned(), id));
    stack.state = lineage("lost");
    let (plan, _) = stack.run(&storage());
    assert_eq!(stack.fake.keys_total(), 1, "{}", reasons(&plan));
    let bare = storage().without(&address(Kind::Alias, "alias/storage"));
    let (plan, _) = stack.run(&bare);
    assert_eq!(stack.fake.keys_total(), 1, "{}", reasons(&plan));
}

#[test]
fn the_tags_of_a_key_take_precedence_over_an_adoption() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn;
    stack.state = lineage("lost");
    let mut both = storage().key("thief", |key| key.description = None);
    both.resources.get_mut(&key_at("thief")).unwrap().adopt = Some(Adopt::Key(arn.clone()));
    let (plan, _) = stack.run(&both);
    assert!(reasons(&plan).contains("key/thief"), "{}", reasons(&plan));
    assert_eq!(stack.fake.key("storage").meta.arn, arn);
}

#[test]
fn removing_the_protection_together_with_disabling_is_refused() {
    let mut stack = Stack::new(3);
    let quiet = storage().without(&address(Kind::Grant, "storage/batch"));
    stack.applied(&quiet.clone().protect("storage"));
    let off = quiet.key("storage", |key| key.enabled = Some(false));
    let (plan, _) = stack.run(&off);
    assert!(reasons(&plan).contains("protected"), "{}", reasons(&plan));
}

#[test]
fn a_forgotten_key_is_not_found_again() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let mut forgetting = empty();
    forgetting.forget.insert(key_at("storage"));
    stack.applied(&forgetting);
    let (plan, _) = stack.run(&empty());
    assert!(plan.is_empty(), "{}", reasons(&plan));
    assert_eq!(plan.findings.len(), 1);
}

#[test]
fn a_key_without_key_material_does_not_drift() {
    let mut stack = Stack::new(3);
    let mut quiet = storage().key("storage", |key| {
        key.enabled = None;
        key.rotation = None;
    });
    quiet = quiet.without(&address(Kind::Grant, "storage/batch"));
    stack.applied(&quiet);
    stack.fake.tamper("storage", |key| key.meta.state = "PendingImport".to_owned());
    stack.settled(&quiet);
}
