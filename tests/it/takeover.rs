//! Aliases and tags that AWS held before the stack declared them stay when they leave the configuration. Those that
//! kmsctl created or changed are removed.

use crate::consumers::{desired, operations};
use crate::fake::Kill;
use crate::world::{Stack, lineage};
use kmsctl::id::KeyArn;
use kmsctl::kind::key::STACK_TAG;
use kmsctl::plan::TakenOver;
use std::collections::BTreeSet;

/// Returns a stack without records, and a key of nobody with an alias and a tag.
fn strangers_key() -> (Stack, KeyArn) {
    let mut stack = Stack::new(9);
    stack.applied(&desired(
        "stack: stack\nregion: eu-central-1\nkeys: {old: {aliases: [old], tags: {team: core}}}\n",
    ));
    let arn = stack.fake.key("old").meta.arn;
    stack.fake.tamper("old", |key| key.tags.retain(|tag, _| !tag.starts_with("kmsctl:")));
    stack.state = lineage("two");
    (stack, arn)
}

fn text(key: &str) -> String {
    format!("stack: stack\nregion: eu-central-1\nkeys:\n  a: {{{key}}}\n")
}

fn tags(stack: &Stack, arn: &KeyArn) -> BTreeSet<String> {
    let regions = stack.fake.regions.borrow();
    regions[&arn.place()].keys[arn.id()].tags.iter().map(|(k, v)| format!("{k}={v}")).collect()
}

fn aliases(stack: &Stack) -> Vec<String> {
    stack.fake.regions.borrow().values().flat_map(|region| region.aliases.keys().cloned()).collect()
}

#[test]
fn what_is_taken_over_is_shown_and_let_go() {
    for tag in ["", ", tag: true"] {
        let (mut stack, arn) = strangers_key();
        let key = |rest: &str| desired(&text(&format!("adopt: \"{arn}\"{tag}{rest}")));
        let all = key(", aliases: [old, new], tags: {team: core, cost: a}");
        let plan = stack.applied(&all);
        let taken: Vec<(String, &TakenOver)> =
            plan.taken_with.iter().map(|(key, taken)| (key.to_string(), taken)).collect();
        let expected = TakenOver {
            aliases: ["alias/old".to_owned()].into(),
            tags: ["team".to_owned()].into(),
        };
        assert_eq!(taken, [("key/a".to_owned(), &expected)]);
        stack.settled(&all);
        assert!(stack.plan_only(&all).taken_with.is_empty());

        // The alias and the tag of the stack go, and the others stay.
        let none = key("");
        let plan = stack.applied(&none);
        let mut sent = operations(&plan);
        sent.sort_unstable();
        assert_eq!(sent, ["DeleteAlias", "UntagResource"], "{:#?}", plan.steps);
        assert_eq!(plan.count("forget"), 1);
        // A tag that stays is shown as an alias that stays is, once.
        let let_go: Vec<(String, &BTreeSet<String>)> =
            plan.let_go.iter().map(|(key, tags)| (key.to_string(), tags)).collect();
        assert_eq!(let_go, [("key/a".to_owned(), &BTreeSet::from(["team".to_owned()]))]);
        assert!(stack.plan_only(&none).let_go.is_empty());
        assert_eq!(aliases(&stack), ["alias/old"]);
        let left = tags(&stack, &arn);
        assert!(left.contains("team=core") && !left.contains("cost=a"), "{left:?}");
        assert_eq!(left.iter().any(|tag| tag.starts_with(STACK_TAG)), !tag.is_empty());
        stack.settled(&none);
    }
}

/// What was there is the stack's once kmsctl has changed it.
#[test]
fn what_kmsctl_has_changed_is_removed() {
    let (mut stack, arn) = strangers_key();
    let key = |rest: &str| desired(&text(&format!("adopt: \"{arn}\"{rest}")));
    stack.applied(&key(", aliases: [old], tags: {team: core}"));
    let plan = stack.applied(&key(", aliases: [old], tags: {team: other}"));
    assert_eq!(operations(&plan), ["TagResource"]);
    let plan = stack.applied(&key(", aliases: [old]"));
    assert_eq!(operations(&plan), ["UntagResource"]);
    assert!(!tags(&stack, &arn).iter().any(|tag| tag.starts_with("team=")));

    // The alias moves to another key.
    let with_b = |a: &str, b: &str| {
        desired(&format!("{}  b: {{{b}}}\n", text(&format!("adopt: \"{arn}\"{a}"))))
    };
    let plan = stack.applied(&with_b("", "aliases: [old]"));
    assert!(operations(&plan).contains(&"UpdateAlias"), "{:#?}", plan.steps);
    let plan = stack.applied(&with_b("", ""));
    assert_eq!(operations(&plan), ["DeleteAlias"]);
    assert!(aliases(&stack).is_empty());
}

/// Somebody else adds an alias and a tag to a key of the stack, and the configuration declares them afterwards.
#[test]
fn what_others_added_to_a_key_of_the_stack_is_let_go_too() {
    let mut stack = Stack::new(10);
    stack.applied(&desired(&text("")));
    let arn = stack.fake.key("a").meta.arn;
    stack.fake.tamper("a", |key| drop(key.tags.insert("team".to_owned(), "core".to_owned())));
    let id = arn.id().to_owned();
    let place = arn.place();
    stack
        .fake
        .regions
        .borrow_mut()
        .get_mut(&place)
        .unwrap()
        .aliases
        .insert("alias/x".to_owned(), id);
    let declared = desired(&text("aliases: [x], tags: {team: core}"));
    let plan = stack.applied(&declared);
    assert!(plan.steps.is_empty() && plan.taken_with.len() == 1, "{plan:#?}");
    stack.settled(&declared);
    let plan = stack.applied(&desired(&text("")));
    assert!(operations(&plan).is_empty(), "{:#?}", plan.steps);
    assert_eq!(aliases(&stack), ["alias/x"]);
    assert!(tags(&stack, &arn).contains("team=core"));
    stack.settled(&desired(&text("")));
}

/// A lost record does not turn what kmsctl made into something that it found, unless the key is taken over.
#[test]
fn what_kmsctl_made_is_removed_after_a_lost_record() {
    let full = desired(&text("aliases: [x], tags: {team: core}"));
    let mut stack = Stack::new(11);
    stack.applied(&full);
    stack.state = lineage("two");
    let plan = stack.applied(&full);
    assert!(plan.taken_with.is_empty(), "{plan:#?}");
    let plan = stack.applied(&desired(&text("")));
    let mut sent = operations(&plan);
    sent.sort_unstable();
    assert_eq!(sent, ["DeleteAlias", "UntagResource"]);
}

/// A run that is killed while it creates an alias or a tag does not take them for somebody else's.
#[test]
fn what_an_interrupted_run_made_is_removed() {
    let full = desired(&text("aliases: [x], tags: {team: core}"));
    for call in 1..=3 {
        for kill in [Kill::Before, Kill::After] {
            let mut stack = Stack::new(12);
            if stack.run_until(&full, Some((call, kill))).is_some() {
                continue;
            }
            let plan = stack.applied(&full);
            assert!(plan.taken_with.is_empty(), "{call} {kill:?} {:#?}", plan.taken_with);
            stack.applied(&desired(&text("")));
            assert!(aliases(&stack).is_empty(), "{call} {kill:?}");
            // The same, with a key that exists already.
            let mut stack = Stack::new(13);
            stack.applied(&desired(&text("")));
            let arn = stack.fake.key("a").meta.arn;
            if stack.run_until(&full, Some((call, kill))).is_some() {
                continue;
            }
            stack.applied(&full);
            stack.applied(&desired(&text("")));
            assert!(aliases(&stack).is_empty(), "{call} {kill:?}");
            assert!(!tags(&stack, &arn).contains("team=core"), "{call} {kill:?}");
        }
    }
}

/// A key that may not be taken over is not recorded, and neither is what belongs to it.
#[test]
fn nothing_of_a_blocked_key_is_recorded() {
    for more in ["", ", description: New"] {
        let mut stack = Stack::new(14);
        stack.applied(&desired(
            "stack: stack\nregion: eu-central-1\nkeys:\n  old:\n    aliases: [old]\n    \
             policy: {users: [role/app]}\n    \
             grants: {batch: {grantee: role/batch, operations: [Decrypt]}}\n",
        ));
        let arn = stack.fake.key("old").meta.arn;
        let grant = stack.fake.key("old").grants[0].grant_id.clone();
        stack.fake.tamper("old", |key| {
            key.tags.retain(|tag, _| !tag.starts_with("kmsctl:"));
            key.grants[0].name = String::new();
        });
        stack.state = lineage("two");
        let taken = |gates: &str| {
            desired(&format!(
                "stack: stack\nregion: eu-central-1\n{gates}keys:\n  a:\n    adopt: \"{arn}\"\n    \
                 aliases: [old, new]\n    policy: {{users: [role/app]}}\n    grants: {{batch: {{grantee: role/batch, \
                 operations: [Decrypt], adopt: {grant}}}}}{}\n",
                more.replace(", ", "\n    ")
            ))
        };
        let gated =
            taken("gates: {forbidden: [{principals: [role/app], actions: [kms:Encrypt]}]}\n");
        let (plan, _) = stack.run(&gated);
        let blocked: Vec<String> = plan.blocked.iter().map(|one| one.address.to_string()).collect();
        assert!(blocked.contains(&"key/a".to_owned()), "{more}: {blocked:?}");
        assert!(plan.taken.is_empty() && plan.taken_with.is_empty(), "{more}: {plan:#?}");
        assert!(stack.state.records.is_empty(), "{more}: {:#?}", stack.state.records);
        assert_eq!(aliases(&stack), ["alias/old"], "{more}");
        // The block is not passed by a second run.
        let (again, _) = stack.run(&gated);
        assert_eq!(again.blocked, plan.blocked, "{more}");
        // Without the gate, all of it is recorded.
        let free = taken("");
        stack.applied(&free);
        assert_eq!(stack.state.records.len(), 4, "{more}: {:#?}", stack.state.records);
        stack.settled(&free);
    }
}

/// No call is made about a key that cannot be what the configuration says.
#[test]
fn nothing_is_made_on_a_key_that_cannot_be_taken_over() {
    let (mut stack, arn) = strangers_key();
    let key =
        format!("adopt: \"{arn}\", spec: ECC_NIST_P256, usage: SIGN_VERIFY, aliases: [old, new]");
    stack.fake.mutations.set(0);
    let (plan, _) = stack.run(&desired(&text(&key)));
    assert!(plan.steps.is_empty() && plan.taken_with.is_empty(), "{plan:#?}");
    assert!(plan.blocked.iter().any(|one| one.address.to_string() == "key/a"), "{plan:#?}");
    assert_eq!((stack.fake.mutations.get(), stack.state.records.len()), (0, 0));
    assert_eq!(aliases(&stack), ["alias/old"]);
}

/// A second export gives a key another name, for example because a new key lacks the prefix that all shared.
#[test]
fn a_key_with_a_new_name_is_told_to_move() {
    for tag in ["", ", tag: true"] {
        let (mut stack, arn) = strangers_key();
        let named = |name: &str, rest: &str| {
            let key = format!("{{adopt: \"{arn}\"{tag}}}");
            desired(&format!("stack: stack\nregion: eu-central-1\nkeys: {{{name}: {key}}}\n{rest}"))
        };
        stack.applied(&named("orders", ""));
        for new in ["prod-orders", "a-orders"] {
            let plan = stack.plan_only(&named(new, ""));
            let help: Vec<&str> =
                plan.blocked.iter().map(|blocked| blocked.help.as_str()).collect();
            let moved = format!("moved: [{{from: key/orders, to: key/{new}}}]");
            assert!(!help.is_empty(), "{plan:#?}");
            assert!(help.iter().any(|help| help.contains(&moved)), "{help:?}");
            assert!(help.iter().any(|help| help.contains("kmsctl export --names")), "{help:?}");
            let plan = stack.plan_only(&named(new, &format!("{moved}\n")));
            assert!(plan.blocked.is_empty(), "{plan:#?}");
        }
        // Two declarations are not two names.
        let twice = format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{a: {{adopt: alias/old}}, orders: {{adopt: \"{arn}\"}}}}\n"
        );
        let plan = stack.plan_only(&desired(&twice));
        assert!(!plan.blocked.is_empty(), "{plan:#?}");
        assert!(plan.blocked.iter().all(|blocked| !blocked.help.contains("moved")), "{plan:#?}");
    }
}

fn taken(plan: &kmsctl::plan::Plan) -> Vec<String> {
    plan.taken.keys().map(ToString::to_string).collect()
}

/// The aliases of an `existing` key are its owner's, but those that kmsctl created there.
#[test]
fn an_alias_of_an_existing_key_is_shown_and_let_go() {
    let (mut stack, arn) = strangers_key();
    let key = |rest: &str| desired(&text(&format!("existing: \"{arn}\"{rest}")));
    let both = key(", aliases: [old, new]");
    let plan = stack.applied(&both);
    assert_eq!(
        (operations(&plan).as_slice(), taken(&plan)),
        (&["CreateAlias"][..], vec!["alias/old".to_owned()])
    );
    stack.settled(&both);
    assert!(stack.plan_only(&both).taken.is_empty());
    let before = stack.state.clone();

    let plan = stack.applied(&key(""));
    assert_eq!((operations(&plan).as_slice(), plan.count("forget")), (&["DeleteAlias"][..], 1));
    assert_eq!(aliases(&stack), ["alias/old"]);
    stack.settled(&key(""));

    // Once the configuration does not name the key, nothing of it is deleted.
    stack.applied(&both);
    stack.state = before;
    let (plan, _) = stack.run(&desired("stack: stack\nregion: eu-central-1\n"));
    assert!(operations(&plan).is_empty(), "{:#?}", plan.steps);
    let blocked: Vec<String> = plan.blocked.iter().map(|one| one.address.to_string()).collect();
    assert_eq!((blocked, plan.count("forget")), (vec!["alias/new".to_owned()], 1));
    assert_eq!(aliases(&stack), ["alias/new", "alias/old"]);
}

/// What kmsctl made on an `existing` key is known by its record only.
#[test]
fn an_alias_that_kmsctl_made_on_an_existing_key_is_removed_if_its_record_is_there() {
    for (kill, kept) in [(Some(Kill::Before), false), (Some(Kill::After), false), (None, true)] {
        let (mut stack, arn) = strangers_key();
        let key = |rest: &str| desired(&text(&format!("existing: \"{arn}\"{rest}")));
        let full = key(", aliases: [x]");
        match kill {
            Some(kill) => {
                assert!(stack.run_until(&full, Some((1, kill))).is_none(), "it is killed");
            }
            None => {
                stack.applied(&full);
                stack.state = lineage("three");
            }
        }
        let plan = stack.applied(&full);
        assert_eq!(taken(&plan).len(), usize::from(kept), "{kill:?}");
        stack.applied(&key(""));
        assert_eq!(aliases(&stack).contains(&"alias/x".to_owned()), kept, "{kill:?}");
    }
}
