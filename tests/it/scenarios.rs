//! Common uses of kmsctl, one per test.

use crate::build::{Declare, empty, home, key_at, place, policy, storage};
use crate::consumers::desired;
use crate::world::{Stack, lineage};
use kmsctl::desired::Adopt;
use kmsctl::kind::Kind;
use kmsctl::kind::key::Rotation;
use kmsctl::plan::Plan;

fn stack_with(desired: &kmsctl::desired::Desired) -> Stack {
    let mut stack = Stack::new(1);
    stack.applied(desired);
    stack.settled(desired);
    stack
}

#[test]
fn a_key_with_everything_is_created_once() {
    let stack = stack_with(&storage());
    let key = stack.fake.key("storage");
    assert_eq!((key.rotation, key.grants.len()), (Some(365), 1));
    assert_eq!((stack.fake.keys_total(), stack.fake.count("CreateKey")), (1, 1));
    assert!(stack.fake.refusals.borrow().is_empty());
}

#[test]
fn every_mutable_field_changes_in_place() {
    let mut stack = stack_with(&storage());
    let changed = storage().key("storage", |key| {
        key.description = Some("other".to_owned());
        key.policy = Some(policy(true, &["app", "web"]));
        key.rotation = Some(Rotation::EveryDays(180));
        key.tags.remove("team");
        key.tags.insert("cost".to_owned(), "7".to_owned());
    });
    let plan = stack.applied(&changed);
    assert!(plan.drift.is_empty(), "a changed configuration is not drift");
    stack.settled(&changed);
    let key = stack.fake.key("storage");
    assert_eq!((key.meta.description.as_str(), key.rotation), ("other", Some(180)));
    assert!(!key.tags.contains_key("team") && key.tags.contains_key("cost"));
    let off = changed.key("storage", |key| key.rotation = Some(Rotation::Off));
    stack.applied(&off);
    stack.settled(&off);
    assert_eq!(stack.fake.keys_total(), 1);
}

#[test]
fn an_alias_moves_between_keys() {
    let two = || empty().key("a", |_| {}).key("b", |_| {});
    let mut stack = stack_with(&two().alias("x", "a"));
    let from = stack.fake.log.borrow().len();
    stack.applied(&two().alias("x", "b"));
    stack.settled(&two().alias("x", "b"));
    assert_eq!(stack.fake.changes_since(from), ["UpdateAlias"]);
}

#[test]
fn an_alias_moves_between_key_types_by_deletion_and_creation() {
    let two = || {
        empty().key("a", |_| {}).key("s", |key| {
            key.spec = Some("RSA_2048".to_owned());
            key.usage = Some("SIGN_VERIFY".to_owned());
            key.rotation = None;
        })
    };
    let mut stack = stack_with(&two().alias("x", "a"));
    let from = stack.fake.log.borrow().len();
    stack.applied(&two().alias("x", "s"));
    stack.settled(&two().alias("x", "s"));
    assert_eq!(stack.fake.changes_since(from), ["DeleteAlias", "CreateAlias"]);
}

#[test]
fn a_grant_is_replaced_before_it_is_revoked() {
    let mut stack = stack_with(&storage());
    let from = stack.fake.log.borrow().len();
    let changed = storage().grant("storage", "batch", &["Decrypt", "Encrypt"]);
    stack.applied(&changed);
    stack.settled(&changed);
    assert_eq!(stack.fake.changes_since(from), ["CreateGrant", "RevokeGrant"]);
    assert_eq!(stack.fake.grants_total(), 1);
    let removed =
        changed.without(&kmsctl::kind::address::Address::new(Kind::Grant, "storage/batch"));
    stack.applied(&removed);
    stack.settled(&removed);
    assert_eq!(stack.fake.grants_total(), 0);
}

#[test]
fn a_protected_key_is_kept_and_an_unprotected_one_is_deleted_last() {
    let mut stack = stack_with(&storage().protect("storage"));
    let plan = stack.plan_only(&empty());
    assert!(plan.blocked.iter().any(|b| b.address == key_at("storage")));
    assert!(
        plan.steps.is_empty(),
        "what points at a key that stays goes on working: {:?}",
        plan.steps
    );
    stack.applied(&storage());
    stack.settled(&storage());
    let from = stack.fake.log.borrow().len();
    stack.applied(&empty());
    stack.settled(&empty());
    let changes = stack.fake.changes_since(from);
    assert_eq!((changes.len(), changes[2].as_str()), (3, "ScheduleKeyDeletion"));
    assert_eq!(stack.fake.key("storage").meta.state, "PendingDeletion");
    assert!(stack.state.records.is_empty());
}

#[test]
fn a_grant_is_created_before_its_key_is_disabled() {
    let disabled = storage().key("storage", |key| key.enabled = Some(false));
    let mut stack = stack_with(&disabled);
    assert_eq!(stack.fake.key("storage").meta.state, "Disabled");
    assert_eq!(stack.fake.changes_since(0).last().unwrap(), "DisableKey");
    let enabled = storage().key("storage", |key| key.rotation = Some(Rotation::EveryDays(100)));
    stack.applied(&enabled);
    stack.settled(&enabled);
    let disabled = storage().key("storage", |key| key.enabled = Some(false));
    stack.applied(&disabled);
    stack.settled(&disabled);
    assert!(stack.fake.refusals.borrow().is_empty());
}

#[test]
fn the_rotation_of_a_disabled_key_changes_and_it_stays_disabled() {
    let off = |days| {
        storage().key("storage", |key| {
            key.enabled = Some(false);
            key.rotation = Some(Rotation::EveryDays(days));
        })
    };
    let mut stack = stack_with(&off(90));
    stack.applied(&off(91));
    stack.settled(&off(91));
    assert_eq!(stack.fake.key("storage").meta.state, "Disabled");
}

/// KMS creates no grants on a disabled key. The plan reports this before any call.
#[test]
fn a_new_grant_on_a_disabled_key_is_blocked() {
    let off = || storage().key("storage", |key| key.enabled = Some(false));
    let mut stack = stack_with(&off());
    let more = off().grant("storage", "more", &["Encrypt"]);
    let (plan, ended) = stack.run(&more);
    assert_eq!(plan.blocked.len(), 1, "{:#?}", plan.blocked);
    assert!(ended.is_complete());
    assert!(stack.fake.refusals.borrow().is_empty());
    let on = more.key("storage", |_| {});
    stack.applied(&on);
    stack.settled(&on);
}

#[test]
fn drift_is_reported_and_reverted() {
    let mut stack = stack_with(&storage());
    stack.fake.tamper("storage", |key| {
        key.meta.state = "Disabled".to_owned();
        key.policy = serde_json::from_str(&policy(true, &[]).to_json()).unwrap();
        key.grants.clear();
        key.rotation = None;
    });
    stack.fake.regions.borrow_mut().get_mut(&home()).unwrap().aliases.clear();
    let plan = stack.plan_only(&storage());
    assert_eq!(plan.drift.len(), 3, "{:#?}", plan.drift);
    stack.applied(&storage());
    stack.settled(&storage());
    assert!(stack.fake.refusals.borrow().is_empty());
    assert_eq!(stack.fake.count("CreateKey"), 1);
}

#[test]
fn a_deletion_that_was_scheduled_outside_of_kmsctl_is_cancelled() {
    let mut stack = stack_with(&storage());
    stack.fake.tamper("storage", |key| {
        key.meta.state = "PendingDeletion".to_owned();
        key.meta.deletion_date = Some("soon".to_owned());
    });
    let from = stack.fake.log.borrow().len();
    let changed = storage().key("storage", |key| key.description = Some("new".to_owned()));
    stack.applied(&changed);
    stack.settled(&changed);
    assert_eq!(stack.fake.changes_since(from)[..2], ["CancelKeyDeletion", "EnableKey"]);
}

#[test]
fn a_key_that_was_disabled_before_its_deletion_is_not_enabled_in_silence() {
    let doomed = |key: &mut crate::fake::FakeKey| {
        key.meta.state = "PendingDeletion".to_owned();
        key.meta.deletion_date = Some("soon".to_owned());
    };
    let risk = |stack: &Stack, desired: &kmsctl::desired::Desired| {
        let plan = stack.plan_only(desired);
        plan.steps.into_iter().find(|step| step.address == key_at("storage")).unwrap().risk
    };
    let unset = || storage().key("storage", |key| key.enabled = None);
    // Neither AWS nor the records tell whether the key was disabled by hand.
    let mut stack = stack_with(&unset());
    stack.fake.tamper("storage", |key| key.meta.state = "Disabled".to_owned());
    stack.applied(&empty());
    assert_eq!(stack.fake.key("storage").meta.state, "PendingDeletion");
    let told = risk(&stack, &unset()).unwrap();
    assert!(told.contains("disabled before its deletion was scheduled is enabled, too"), "{told}");
    let stays = storage().key("storage", |key| key.enabled = Some(false));
    assert_eq!(risk(&stack, &stays).unwrap(), "cancels the scheduled deletion of the key");
    let wakes = storage().key("storage", |key| key.enabled = Some(true));
    assert_eq!(risk(&stack, &wakes).unwrap(), "cancels the scheduled deletion of the key");
    // The record says that it was disabled.
    let off = storage().key("storage", |key| key.enabled = Some(false));
    let mut stack = stack_with(&off);
    stack.fake.tamper("storage", doomed);
    let from = stack.fake.log.borrow().len();
    stack.applied(&unset());
    assert_eq!(stack.fake.key("storage").meta.state, "Disabled");
    assert_eq!(stack.fake.changes_since(from)[0], "CancelKeyDeletion");
    assert!(!stack.fake.changes_since(from).contains(&"EnableKey".to_owned()));
    stack.settled(&unset());
}

#[test]
fn a_key_is_adopted_by_its_alias_and_forgotten_again() {
    let mut stack = stack_with(&storage());
    stack.fake.tamper("storage", |key| {
        key.tags.clear();
        key.grants.clear();
    });
    stack.state = lineage("two");
    let mut adopting = storage();
    let declared = adopting.resources.get_mut(&key_at("storage")).unwrap();
    declared.adopt = Some(Adopt::Alias("alias/storage".parse().unwrap()));
    let plan = stack.applied(&adopting);
    assert_eq!(plan.count("import"), 1);
    stack.settled(&adopting);
    assert_eq!(stack.fake.keys_total(), 1);
    let picture = stack.fake.picture();
    let mut forgetting = empty();
    forgetting.forget.insert(key_at("storage"));
    stack.applied(&forgetting);
    stack.settled(&forgetting);
    assert!(stack.state.records.is_empty());
    assert_eq!(stack.fake.picture(), picture, "forgetting touches nothing");
}

#[test]
fn a_changed_spec_and_a_lockout_are_blocked() {
    let mut stack = stack_with(&storage());
    let from = stack.fake.log.borrow().len();
    let rsa = storage().key("storage", |key| {
        key.spec = Some("RSA_2048".to_owned());
        key.rotation = None;
    });
    let plan = stack.run(&rsa).0;
    assert!(plan.blocked.iter().any(|b| b.field == "spec"), "{:#?}", plan.blocked);
    let lockout = storage().key("storage", |key| key.policy = Some(policy(false, &["app"])));
    let plan = stack.run(&lockout).0;
    assert!(plan.blocked.iter().any(|b| b.field == "policy"), "{:#?}", plan.blocked);
    assert!(stack.fake.changes_since(from).is_empty());
}

#[test]
fn an_alias_of_another_owner_is_not_changed() {
    let mut stack = stack_with(&empty().key("other", |_| {}).alias("x", "other"));
    stack.fake.tamper("other", |key| key.tags.clear());
    stack.state = lineage("two");
    let desired = empty().key("mine", |_| {}).alias("x", "mine");
    let (plan, ended) = stack.run(&desired);
    assert!(ended.is_complete());
    assert_eq!(plan.blocked.len(), 1, "{:#?}", plan.blocked);
    assert_eq!(plan.blocked[0].address.kind, Kind::Alias);
    assert_eq!(stack.fake.count("UpdateAlias"), 0);
}

#[test]
fn an_alias_that_somebody_pointed_elsewhere_is_drift_with_a_way_back() {
    let of_theirs = || empty().key("theirs", |_| {});
    let desired = || empty().key("data", |_| {}).alias("x", "data");
    let both = of_theirs().key("data", |_| {}).alias("x", "data");
    let mut stack = stack_with(&both);
    let (data, theirs) = (stack.fake.key("data").meta.arn, stack.fake.key("theirs").meta.arn);
    stack.fake.tamper("theirs", |key| key.tags.clear());
    stack.state.records.remove(&key_at("theirs"));
    let region = |region: &mut crate::fake::Region| {
        region.aliases.insert("alias/x".to_owned(), theirs.id().to_owned());
    };
    stack.fake.regions.borrow_mut().values_mut().for_each(region);
    let drifts = stack.drifts(&desired());
    assert!(drifts.unreadable.is_empty(), "{:#?}", drifts.unreadable);
    let style = kmsctl::render::Style { color: false, verbose: false, width: 160 };
    let text = kmsctl::render::human::drifts(&drifts, &kmsctl::render::Caller::default(), &style);
    for said in [
        "Changed outside kmsctl since the last apply:\n  alias/alias/x\n",
        "    ! points to another key: requests that name the alias use that key\n",
        &format!("    target: \"key/data\" -> \"{theirs}\"\n"),
        "1 resource differs from the last apply.",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let plan = stack.plan_only(&desired());
    assert_eq!((plan.blocked.len(), plan.drift.len()), (1, 1), "{plan:#?}");
    let back = format!(
        "point it back with `aws kms update-alias --alias-name alias/x --target-key-id {data}`"
    );
    assert!(plan.blocked[0].help.starts_with(&back), "{}", plan.blocked[0].help);
    // Without a record of the alias, nobody knows where it pointed before.
    stack.state.records.retain(|address, _| address.kind != Kind::Alias);
    let drifts = stack.drifts(&desired());
    assert_eq!((drifts.drift.len(), drifts.unreadable.len()), (0, 1));
}

#[test]
fn a_denied_key_fails_alone() {
    let two = |d: &str| {
        let described = |key: &mut kmsctl::kind::key::Spec| key.description = Some(d.to_owned());
        empty().key("a", described).key("b", described).grant("a", "g", &["Decrypt"])
    };
    let mut stack = stack_with(&two("one"));
    let id = stack.fake.key("a").meta.arn.id().to_owned();
    stack.fake.faults.borrow_mut().denied.insert(("DescribeKey".to_owned(), id));
    let (plan, ended) = stack.run(&two("two"));
    assert!(ended.is_complete());
    assert!(plan.blocked.iter().all(|b| b.address.name.starts_with('a')), "{:#?}", plan.blocked);
    assert_eq!(stack.fake.key("b").meta.description, "two");
    assert_eq!(stack.fake.key("a").meta.description, "one");
    stack.fake.faults.borrow_mut().denied.clear();
    stack.applied(&two("two"));
    stack.settled(&two("two"));
}

#[test]
fn a_lost_state_is_rebuilt() {
    let desired = storage().key("bare", |_| {});
    let mut stack = stack_with(&desired);
    let records = stack.state.records.clone();
    stack.state = lineage("two");
    let plan = stack.applied(&desired);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.state.records, records);
    assert_eq!(stack.fake.keys_total(), 2, "no second key, with an alias or without");
    stack.settled(&desired);
}

#[test]
fn two_regions_are_independent() {
    let there = place("us-east-1");
    let desired = empty()
        .key("here", |_| {})
        .key_in("there", there.clone(), |_| {})
        .alias("here", "here")
        .alias("there", "there")
        .grant("there", "g", &["Decrypt"]);
    let mut stack = stack_with(&desired);
    assert_eq!(stack.fake.regions.borrow()[&there].keys.len(), 1);
    stack.applied(&empty());
    stack.settled(&empty());
    assert_eq!(stack.fake.key("there").meta.state, "PendingDeletion");
}

/// The key may have been disabled in an emergency.
#[test]
fn a_key_that_was_disabled_outside_of_kmsctl_stays_disabled_and_the_plan_says_so() {
    let described = |text: &str| {
        let text = Some(text.to_owned());
        storage().key("storage", |key| (key.enabled, key.description) = (None, text))
    };
    let mut stack = stack_with(&described("old"));
    stack.fake.tamper("storage", |key| key.meta.state = "Disabled".to_owned());
    let from = stack.fake.log.borrow().len();
    for desired in [described("old"), described("new")] {
        let plan = stack.plan_only(&desired);
        let why = plan.drift[0].ignored.as_deref().unwrap_or_default();
        assert!(why.contains("write `enabled: true`"), "{:?}", plan.drift);
        stack.applied(&desired);
        assert_eq!(stack.fake.key("storage").meta.state, "Disabled");
    }
    assert!(!stack.fake.changes_since(from).iter().any(|call| call == "EnableKey"));
    for (enabled, state) in [(true, "Enabled"), (false, "Disabled")] {
        let desired = storage().key("storage", |key| key.enabled = Some(enabled));
        let plan = stack.plan_only(&desired);
        assert!(plan.drift.iter().all(|drift| drift.ignored.is_none()), "{:?}", plan.drift);
        stack.applied(&desired);
        stack.settled(&desired);
        assert_eq!(stack.fake.key("storage").meta.state, state);
    }
}

#[test]
fn destroy_says_what_to_do_about_what_is_protected() {
    let mut stack = stack_with(&storage().protect("storage"));
    let mut nothing = empty();
    nothing.destroys = true;
    let plan = stack.plan_only(&nothing);
    let blocked = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage")).unwrap();
    assert!(blocked.reason.contains("it was protected by the last apply"), "{blocked:?}");
    assert!(blocked.help.starts_with("set `protect: false` and apply"), "{blocked:?}");
    let mut open = storage();
    open.resources.get_mut(&key_at("storage")).unwrap().protect = false;
    stack.applied(&open);
    let plan = stack.plan_only(&nothing);
    assert!(plan.blocked.is_empty() && plan.steps.iter().all(|step| step.reason == "destroy"));
}

/// `kmsctl destroy` removes every declaration itself, so that nothing has left the configuration.
#[test]
fn what_destroy_leaves_in_aws_is_not_called_undeclared() {
    let text = "stack: stack\nregion: eu-central-1\nkeys: {k: {}}\ncloudtrail:\n  trails: {audit: {bucket: logs, key: k}}\nservice_linked_roles: [{service: autoscaling.amazonaws.com}]\n";
    let mut stack = Stack::new(1);
    stack.applied(&desired(text));
    let mut nothing = desired("stack: stack\nregion: eu-central-1\n");
    let said = |plan: &Plan| {
        let steps = plan.steps.iter().map(|step| step.reason.clone());
        let blocked = plan.blocked.iter().map(|blocked| blocked.reason.clone());
        steps.chain(blocked).collect::<Vec<_>>().join("\n")
    };
    let removed = said(&stack.plan_only(&nothing));
    assert!(removed.contains("no longer declared; kept in AWS"), "{removed}");
    nothing.destroys = true;
    let destroyed = said(&stack.plan_only(&nothing));
    assert!(destroyed.starts_with("kept in AWS, because services may"), "{destroyed}");
    assert!(!destroyed.contains("declared"), "{destroyed}");
    // A protected trail holds no data.
    assert!(destroyed.contains("without the resource, what it does ends"), "{destroyed}");
}

/// What the plan takes away by a grant is not "still allowed" by it.
#[test]
fn a_grant_that_the_plan_ends_does_not_keep_access() {
    let text = |users: &str, operations: &str| {
        let grants = match operations {
            "" => String::new(),
            some => format!(", grants: {{batch: {{grantee: role/batch, operations: [{some}]}}}}"),
        };
        crate::consumers::desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{app: {{policy: {{users: [{users}]}}{grants}}}}}\n"
        ))
    };
    let mut stack = Stack::new(3);
    stack.applied(&text("role/app, role/batch", "Decrypt, Encrypt"));
    let kept = |users: &str, operations: &str| {
        let plan = stack.plan_only(&text(users, operations));
        let lost = plan.access.iter().filter(|one| one.via == kmsctl::plan::Via::Policy);
        let lost: Vec<_> =
            lost.filter(|one| one.change.principal.ends_with("role/batch")).collect();
        assert!(!lost.is_empty(), "{plan:#?}");
        let kept = lost.into_iter().filter(|one| !one.change.grants.is_empty());
        kept.flat_map(|one| one.change.actions.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(kept("role/app", "Decrypt, Encrypt").len(), 2);
    assert_eq!(kept("role/app", "Decrypt"), ["kms:Decrypt".to_owned()].into());
    assert_eq!(kept("role/app", "").len(), 0);
}
