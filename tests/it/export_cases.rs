//! Exports of what is rarely seen: denied reads, the policies of replicas, and keys in key stores.

use crate::build::home;
use crate::export::{ACCOUNT, add, default_policy, elsewhere, fake, read, request, round_trip};
use crate::fake::FakeKey;
use crate::world::Stack;
use kmsctl::export::export;
use kmsctl::id::{KeyArn, Place};
use kmsctl::inventory::{LeftOut, Selector};
use kmsctl::kind::key::STACK_TAG;
use serde_json::{Value, json};

/// Denies an operation on a key.
fn deny(stack: &Stack, operations: &[&str], key: &KeyArn) {
    let denied = operations.iter().map(|name| ((*name).to_owned(), key.id().to_owned()));
    stack.fake.faults.borrow_mut().denied.extend(denied);
}

/// Returns the denied actions of a key.
fn denied(stack: &Stack, key: &KeyArn) -> Vec<String> {
    let found = read(stack, Vec::new());
    let LeftOut::Denied(actions) = &found.left_out[key] else { panic!("{:?}", found.left_out) };
    actions.iter().map(|denied| denied.action.clone()).collect()
}

#[test]
fn every_denied_action_of_a_key_is_named() {
    let stack = Stack::new(1);
    let key = add(&stack, fake(1, &home(), default_policy()), &["a".to_owned()]);
    let other = add(&stack, fake(2, &home(), default_policy()), &["b".to_owned()]);
    deny(&stack, &["GetKeyPolicy", "ListResourceTags"], &key);
    assert_eq!(denied(&stack, &key), ["kms:GetKeyPolicy", "kms:ListResourceTags"]);
    deny(&stack, &["DescribeKey", "ListGrants", "GetKeyRotationStatus"], &key);
    let all =
        ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListResourceTags"];
    assert_eq!(denied(&stack, &key), all.map(|name| format!("kms:{name}")));
    assert!(read(&stack, Vec::new()).keys.contains_key(&other));
    // The key of a stack is not exported whatever is denied.
    let mut marked = fake(3, &home(), default_policy());
    marked.tags.insert(STACK_TAG.to_owned(), "theirs".to_owned());
    let marked = add(&stack, marked, &[]);
    for operation in ["GetKeyPolicy", "DescribeKey"] {
        deny(&stack, &[operation], &marked);
        let found = read(&stack, Vec::new());
        assert_eq!(found.left_out[&marked], LeftOut::OfStack("theirs".to_owned()), "{operation}");
    }
}

#[test]
fn keys_are_exported_without_the_right_to_list_aliases() {
    let mut stack = Stack::new(1);
    let mut key = fake(1, &home(), default_policy());
    key.meta.description = "Payroll".to_owned();
    let key = add(&stack, key, &["prod/pay".to_owned()]);
    let denied = ("ListAliases".to_owned(), "kms".to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied.clone());
    for wanted in [Vec::new(), vec![Selector::Key(key.clone())], vec![key.id().parse().unwrap()]] {
        let found = read(&stack, wanted);
        assert!(found.keys.contains_key(&key) && found.unmatched.is_empty(), "{found:#?}");
        let places: Vec<_> = found.unnamed.keys().cloned().collect();
        assert_eq!(places, [home(), elsewhere()]);
        assert_eq!(found.unnamed[&home()].action, "kms:ListAliases");
        let made = export(&found, &request(false));
        assert_eq!(made.names[&key].as_str(), "payroll");
        assert!(!made.files["kmsctl.yaml"].contains("aliases"), "{:?}", made.files);
    }
    // The plan reads the aliases.
    stack.fake.faults.borrow_mut().denied.remove(&denied);
    round_trip(&mut stack, false);
}

/// Returns a multi-Region key as AWS holds it in a place: the primary key is at home.
fn related(number: u64, at: &Place, policy: Value) -> FakeKey {
    let mut key = fake(number, at, policy);
    key.meta.arn = KeyArn::at(at, &format!("mrk-{number:08x}12ab34cd56ef1234567890ab"));
    key.meta.multi_region = true;
    key.meta.primary_region = Some(home().region);
    let other = if *at == home() { elsewhere() } else { home() };
    key.meta.replicas = [other.region].into();
    key
}

/// Returns a policy that no role stands for.
fn foreign(team: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "Teams", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": team}}}]})
}

#[test]
fn the_policy_of_a_replica_has_a_file_and_is_counted() {
    let mut stack = Stack::new(1);
    add(&stack, related(1, &home(), foreign("core")), &["shared".to_owned()]);
    add(&stack, related(1, &elsewhere(), foreign("edge")), &["shared".to_owned()]);
    // A key whose file would have the same name.
    add(&stack, related(2, &home(), default_policy()), &["other".to_owned()]);
    add(&stack, related(2, &elsewhere(), foreign("other")), &["other".to_owned()]);
    add(&stack, fake(3, &home(), foreign("third")), &["other-eu-west-1".to_owned()]);
    let (_, made) = round_trip(&mut stack, true);
    let files: Vec<&str> = made.files.keys().map(String::as_str).collect();
    let expected = [
        "kmsctl.yaml",
        "policies/other-eu-west-1.json",
        "policies/other.eu-west-1.json",
        "policies/shared-eu-west-1.json",
        "policies/shared.json",
    ];
    assert_eq!(files, expected);
    for (file, team) in
        [("shared", "core"), ("shared-eu-west-1", "edge"), ("other.eu-west-1", "other")]
    {
        let text = &made.files[&format!("policies/{file}.json")];
        assert!(text.contains(&format!("\"{team}\"")), "{file}: {text}");
    }
    let ways: Vec<String> = made
        .lifted
        .iter()
        .map(|(address, lifted)| {
            format!("{address} {lifted:?}").split('(').next().unwrap().to_owned()
        })
        .collect();
    let expected = [
        "key/other Default",
        "key/other-eu-west-1 Document",
        "key/other/eu-west-1 Document",
        "key/shared Document",
        "key/shared/eu-west-1 Document",
    ];
    assert_eq!(ways, expected);
    assert!(made.files["kmsctl.yaml"].starts_with("# 3 keys of"), "{:?}", made.files);
}
