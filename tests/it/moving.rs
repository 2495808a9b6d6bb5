//! A key that moves from one stack to another: its tags are taken off, and the other stack takes it over.

use crate::consumers::{desired, operations};
use crate::fake::{FakeKey, Kill};
use crate::replicas;
use crate::world::{Stack, lineage};
use kmsctl::id::KeyArn;
use kmsctl::kind::key::{NAME_TAG, NONCE_TAG, STACK_TAG};

const OURS: &str = "stack: stack
region: eu-central-1
keys:
  a:
    aliases: [app]
    tags: {team: core}
    policy: {administrators: [role/admin], users: [role/app]}
    grants: {batch: {grantee: role/batch, operations: [Decrypt]}}
";
const GONE: &str = "stack: stack
region: eu-central-1
removed: [{address: key/a, action: forget, untag: true}]
";

fn applied() -> (Stack, KeyArn) {
    let mut stack = Stack::new(7);
    stack.applied(&desired(OURS));
    let arn = stack.fake.key("a").meta.arn;
    (stack, arn)
}

fn held(stack: &Stack, arn: &KeyArn) -> FakeKey {
    stack.fake.regions.borrow()[&arn.place()].keys[arn.id()].clone()
}

fn marks(key: &FakeKey) -> usize {
    [STACK_TAG, NAME_TAG, NONCE_TAG].into_iter().filter(|tag| key.tags.contains_key(*tag)).count()
}

/// Begins another stack in the same account.
fn become_another(stack: &mut Stack) {
    stack.state = lineage("two");
    stack.state.stack = "second".parse().unwrap();
}

#[test]
fn a_key_moves_to_another_stack_with_two_calls() {
    let (mut stack, arn) = applied();
    let before = held(&stack, &arn);
    let plan = stack.applied(&desired(GONE));
    assert_eq!(operations(&plan), ["UntagResource"]);
    assert_eq!(plan.count("forget"), plan.steps.len());
    assert!(stack.state.records.is_empty());
    let between = held(&stack, &arn);
    assert_eq!((marks(&between), &between.tags["team"]), (0, &"core".to_owned()));
    assert_eq!((&before.policy, &before.grants), (&between.policy, &between.grants));
    stack.settled(&desired(GONE));
    stack.settled(&desired("stack: stack\nregion: eu-central-1\n"));

    become_another(&mut stack);
    let grant = &before.grants[0].grant_id;
    let theirs = OURS
        .replace("stack: stack", "stack: second")
        .replace("aliases: [app]", &format!("aliases: [app]\n    adopt: {arn}\n    tag: true"))
        .replace("batch: {", &format!("batch: {{adopt: \"{grant}\", "));
    let plan = stack.applied(&desired(&theirs));
    assert_eq!(operations(&plan), ["TagResource"], "{:#?}", plan.steps);
    let after = held(&stack, &arn);
    assert_eq!(after.tags[STACK_TAG], "second");
    assert_eq!((after.policy, after.grants), (before.policy, before.grants));
    stack.settled(&desired(&theirs));
}

#[test]
fn the_tags_come_off_once_after_any_kill() {
    for announces in [false, true] {
        for kill in [Kill::Before, Kill::After] {
            let (mut stack, arn) = applied();
            stack.announces = announces;
            assert!(stack.run_until(&desired(GONE), Some((1, kill))).is_none());
            stack.applied(&desired(GONE));
            assert_eq!(marks(&held(&stack, &arn)), 0, "{kill:?}");
            assert!(stack.state.records.is_empty(), "{kill:?} {:#?}", stack.state.records);
            stack.settled(&desired(GONE));
        }
    }
}

#[test]
fn only_the_tags_of_the_stack_come_off() {
    let foreign = [
        vec![("team", "core")],
        vec![(STACK_TAG, "second"), (NAME_TAG, "a")],
        vec![(NAME_TAG, "a")],
    ];
    for tags in foreign {
        let (mut stack, arn) = applied();
        let owned = tags.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()));
        stack.fake.tamper("a", |key| key.tags = owned.collect());
        let before = held(&stack, &arn).tags;
        let plan = stack.applied(&desired(GONE));
        assert!(operations(&plan).is_empty(), "{tags:?} {:#?}", plan.steps);
        assert_eq!(held(&stack, &arn).tags, before);
        assert!(stack.state.records.is_empty());
    }
}

#[test]
fn a_key_whose_tags_cannot_be_read_is_neither_untagged_nor_forgotten() {
    let (mut stack, arn) = applied();
    let denied = ("ListResourceTags".to_owned(), arn.id().to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let records = stack.state.records.clone();
    let (plan, _) = stack.run(&desired(GONE));
    let blocked: Vec<_> = plan.blocked.iter().map(|blocked| blocked.address.to_string()).collect();
    assert!(blocked.contains(&"key/a".to_owned()), "{plan:#?}");
    assert!(plan.blocked.iter().any(|b| b.reason.contains("not certain")), "{:#?}", plan.blocked);
    assert_eq!(stack.fake.mutations.get(), 0);
    assert_eq!(stack.state.records, records);
}

#[test]
fn the_tags_come_off_without_a_record_too() {
    let (mut stack, arn) = applied();
    stack.state = lineage("lost");
    let plan = stack.applied(&desired(GONE));
    assert_eq!(operations(&plan), ["UntagResource"], "{plan:#?}");
    assert_eq!(marks(&held(&stack, &arn)), 0);
    stack.settled(&desired(GONE));
}

#[test]
fn the_replicas_of_a_key_lose_their_tags_with_it() {
    let gone = "stack: stack\nregion: eu-central-1\nremoved: [{address: key/m, action: forget, untag: true}]\n";
    let mut stack = Stack::new(8);
    stack.applied(&desired(&replicas::text("one", true)));
    let keys = [stack.fake.key("m").meta.arn, stack.fake.key("m/eu-west-1").meta.arn];
    let plan = stack.applied(&desired(gone));
    assert_eq!(operations(&plan), ["UntagResource", "UntagResource"]);
    assert!(keys.iter().all(|arn| marks(&held(&stack, arn)) == 0));
    // Their aliases stay, also that of the replica.
    assert_eq!(stack.fake.aliases_total(), 2);
    assert!(stack.state.records.is_empty());
    stack.settled(&desired(gone));
}

/// The alias and the grants of a replica are forgotten with its primary key.
#[test]
fn a_key_that_is_forgotten_keeps_what_its_replicas_have() {
    let text = replicas::text("one", true);
    let mut stack = Stack::new(9);
    stack.applied(&desired(&text));
    let picture = stack.fake.picture();
    let gone = "stack: stack\nregion: eu-central-1\nremoved: [{address: key/m, action: forget}]\n";
    let plan = stack.applied(&desired(gone));
    assert!(operations(&plan).is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.fake.picture(), picture);
}

#[test]
fn only_a_forgotten_key_can_lose_its_tags() {
    let removed = |entry: &str| {
        crate::consumers::wrong(&format!(
            "stack: stack\nregion: eu-central-1\nremoved: [{{{entry}, untag: true}}]\n"
        ))
    };
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let deleted = removed(&format!("address: \"{arn}\", action: delete"));
    assert!(deleted[0].contains("only a resource that is forgotten"), "{deleted:?}");
    let alias = removed("address: alias/app, action: forget");
    assert!(alias[0].contains("`untag` is for keys"), "{alias:?}");
}
