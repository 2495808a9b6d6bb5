//! Exports of what is rarely seen: denied reads, the policies of replicas, and keys in key stores.

use crate::build::{home, key_at};
use crate::export::{
    ACCOUNT, add, default_policy, elsewhere, fake, read, request, resolved, round_trip,
};
use crate::fake::FakeKey;
use crate::world::Stack;
use kmsctl::desired::Adopt;
use kmsctl::export::{Export, Lifted, export};
use kmsctl::id::{KeyArn, Place};
use kmsctl::inventory::{LeftOut, Selector};
use kmsctl::kind::Kind;
use kmsctl::kind::grant::{Constraints, Listed};
use kmsctl::kind::key::STACK_TAG;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

/// Returns a statement that is no role, and keeps the key manageable.
fn owner() -> Value {
    let names = ["owner", "deputy"].map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
    json!({"Sid": "Owner", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": names}})
}

/// Returns a policy that no role stands for.
fn foreign(team: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "Teams", "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": team}}}, owner()]})
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

/// Returns a policy of two statements, the first of which has other elements than one for a role.
fn one(more: &Value) -> Value {
    let mut statement = json!({"Sid": "App", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/app")}});
    for (name, value) in more.as_object().unwrap() {
        statement[name] = value.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement, owner()]})
}

#[test]
fn the_reason_why_a_policy_is_a_document_is_concrete() {
    let provider = format!("arn:aws:iam::{ACCOUNT}:saml-provider/corp");
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app");
    let tag = json!({"StringEquals": {"aws:PrincipalTag/team": "core"}});
    let key = format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/x");
    let cases = [
        (json!({"Condition": tag}), "statement `App` has a condition on `aws:PrincipalTag/team`"),
        (json!({"Action": null, "NotAction": "kms:Decrypt"}), "statement `App` has `NotAction`"),
        (json!({"Principal": {"Federated": provider}}), "the identity provider `arn:aws:iam::"),
        (
            json!({"Principal": {"Service": "sns.amazonaws.com"}}),
            "is for the AWS service `sns.amazonaws.com`",
        ),
        (
            json!({"Principal": {"AWS": "arn:aws:iam::444455556666:root"}}),
            "is for the account 444455556666",
        ),
        (json!({"Principal": "*"}), "is for everyone (`*`)"),
        (
            json!({"Principal": {"AWS": "AROAABCDEFGHIJKLMNOPQ"}}),
            "is for `AROAABCDEFGHIJKLMNOPQ`, the id of a deleted",
        ),
        (json!({"Principal": {"AWS": root}}), "does not leave kms:CancelKeyDeletion, "),
        (
            json!({"Principal": {"AWS": [root, role]}}),
            "is for the account together with users or roles",
        ),
        (json!({"Resource": key}), "is limited to the resource `arn:aws:kms:"),
        (json!({"Sid": "", "Effect": "Deny"}), "statement 1 denies access"),
        (
            json!({"Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GetPublicKey"]}),
            "statement `App` allows kms:GetPublicKey, unlike the role `decrypt_only`",
        ),
        (
            json!({}),
            "statement `App` does not allow kms:DescribeKey, unlike the role `decrypt_only`",
        ),
        (
            json!({"Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]}),
            "no statement lets the same ones create grants",
        ),
    ];
    let mut stack = Stack::new(1);
    for (number, (more, _)) in cases.iter().enumerate() {
        let mut policy = one(more);
        let statement = policy["Statement"][0].as_object_mut().unwrap();
        statement.retain(|_, value| !value.is_null());
        add(&stack, fake(number as u64, &home(), policy), &[format!("k{number}x")]);
    }
    let (_, made) = round_trip(&mut stack, true);
    for (number, (more, part)) in cases.iter().enumerate() {
        let lifted = &made.lifted[&key_at(&format!("k{number}x"))];
        let Lifted::Document(why) = lifted else { panic!("{more}: {lifted:?}") };
        assert!(why.contains(part), "{more}: {lifted:?}");
    }
}

/// A key whose material is not made by KMS is exported as what it is, and taken over without a call.
#[test]
fn keys_in_key_stores_are_exported_as_what_they_are() {
    let origins = [
        ("AWS_CLOUDHSM", Some("cks-1234567890abcdef0"), None),
        ("EXTERNAL_KEY_STORE", Some("cks-9876543210fedcba9"), Some("bb8562717f809024")),
        ("EXTERNAL", None, None),
    ];
    for state in ["Enabled", "Disabled", "Unavailable"] {
        for (origin, store, xks) in origins {
            let mut stack = Stack::new(1);
            let mut key = fake(1, &home(), default_policy());
            key.meta.origin = origin.to_owned();
            key.meta.custom_key_store_id = store.map(str::to_owned);
            key.meta.xks_key_id = xks.map(str::to_owned);
            key.meta.state = state.to_owned();
            let arn = add(&stack, key, &["vault".to_owned()]);
            let (found, made) = round_trip(&mut stack, false);
            assert!(found.keys.contains_key(&arn), "{origin} {state}: {:?}", found.left_out);
            assert_eq!(stack.fake.count("GetKeyRotationStatus"), 0, "{origin} {state}");
            let text = &made.files["kmsctl.yaml"];
            let fields: Vec<String> = text
                .lines()
                .filter_map(|line| line.strip_prefix("    "))
                .filter(|line| !line.starts_with([' ', '#']))
                .map(|line| line.replace('"', ""))
                .filter(|line| !line.starts_with("aliases") && !line.starts_with("  "))
                .collect();
            let mut expected = vec![format!("adopt: {arn}"), format!("origin: {origin}")];
            expected.extend(store.map(|id| format!("custom_key_store_id: {id}")));
            expected.extend(xks.map(|id| format!("xks_key_id: {id}")));
            expected.extend((state == "Disabled").then(|| "enabled: false".to_owned()));
            let mut written = fields.clone();
            written.sort();
            expected.sort();
            assert_eq!(written, expected, "{origin} {state}: {text}");
            // The key is taken over as it is, and stays so.
            let before = stack.fake.mutations.get();
            let all = resolved(&made);
            let (plan, ended) = stack.run(&all);
            assert!(plan.steps.is_empty() && ended.is_complete(), "{origin} {state}: {plan:#?}");
            assert_eq!(stack.fake.mutations.get(), before, "{origin} {state}");
            assert_eq!(stack.state.records.len(), 2, "{origin} {state}");
            assert!(stack.plan_only(&all).steps.is_empty(), "{origin} {state}");
        }
    }
}

/// A new grant does not rename those that a stack has already, whatever its id is.
#[test]
fn a_new_grant_renames_no_other() {
    new_grants_after(&["5aaaaaaa"]);
    new_grants_after(&["5aaaaaaa", "7bbbbbbb", "9ccccccc"]);
}

fn new_grants_after(ids: &[&str]) {
    let mut stack = Stack::new(1);
    let grant = |id: &str| Listed {
        grant_id: format!("{id}{}", "0".repeat(56)),
        name: String::new(),
        grantee: format!("arn:aws:iam::{ACCOUNT}:role/Web"),
        retiring: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: None,
        issuer: None,
    };
    let mut key = fake(1, &home(), default_policy());
    key.grants = ids.iter().map(|id| grant(id)).collect();
    let arn = add(&stack, key, &["app".to_owned()]);
    let names = |made: &Export| -> BTreeMap<String, String> {
        let all = resolved(made).resources.into_iter();
        all.filter_map(|(address, declared)| match declared.adopt {
            Some(Adopt::Grant(id)) => Some((id.to_string(), address.name)),
            _ => None,
        })
        .collect()
    };
    let (_, before) = round_trip(&mut stack, false);
    let before = names(&before);
    assert_eq!(before.len(), ids.len(), "{before:?}");
    let mut regions = stack.fake.regions.borrow_mut();
    let held = regions.get_mut(&home()).unwrap().keys.get_mut(arn.id()).unwrap();
    held.grants.extend(["1ddddddd", "8eeeeeee"].map(grant));
    drop(regions);
    let (_, after) = round_trip(&mut stack, false);
    let after = names(&after);
    assert_eq!(after.len(), ids.len() + 2, "{after:?}");
    for (id, name) in before {
        assert_eq!(after[&id], name);
    }
}

/// A plan refuses a policy that locks the account out only when it changes the policy.
#[test]
fn a_policy_that_one_role_can_change_is_exported_and_said() {
    let role = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    let only = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Admin", "Effect": "Allow", "Principal": {"AWS": role("KeyAdmin")}, "Action": "kms:*", "Resource": "*"},
            {"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": role("Web")}, "Action": action, "Resource": "*"}]})
    };
    let mut stack = Stack::new(1);
    add(&stack, fake(1, &home(), only("kms:Decrypt")), &["alone".to_owned()]);
    let both = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Both", "Effect": "Allow", "Resource": "*",
        "Principal": {"AWS": [format!("arn:aws:iam::{ACCOUNT}:root"), role("Web")]}, "Action": "kms:*"}]});
    add(&stack, fake(2, &home(), both), &["both".to_owned()]);
    let (_, made) = round_trip(&mut stack, true);
    let lifted = &made.lifted[&key_at("alone")];
    assert!(matches!(lifted, Lifted::Document(_)), "{lifted:?}");
    assert!(made.files["policies/alone.json"].contains("KeyAdmin"), "{:?}", made.files);
    let told: Vec<&str> = made.notes.iter().map(|(_, note)| note.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("the key could become unmanageable: "), "{told:?}");
    assert_eq!(made.lifted[&key_at("both")], Lifted::Statements);
    // What is changed by hand is seen.
    stack.applied(&resolved(&made));
    let arn = KeyArn::at(&home(), "00000001-12ab-34cd-56ef-1234567890ab");
    let mut regions = stack.fake.regions.borrow_mut();
    regions.get_mut(&home()).unwrap().keys.get_mut(arn.id()).unwrap().policy = only("kms:Encrypt");
    drop(regions);
    assert_eq!(stack.drifts(&resolved(&made)).drift.len(), 1);
}

/// What kmsctl would replace is written with another dollar sign, and means the same.
#[test]
fn texts_with_variables_of_kmsctl_are_exported_as_they_are() {
    let texts = ["${var.x}", "$${var.x}", "${aws.region} ${aws:username} ${vars.a}", "${var.open"];
    for folder in [false, true] {
        let mut stack = Stack::new(1);
        for (number, text) in texts.iter().enumerate() {
            let mut policy =
                one(&json!({"Condition": {"StringEquals": {"kms:EncryptionContext:a": text}}}));
            policy["Statement"][0]["Condition"]["StringLike"] =
                json!({"kms:EncryptionContext:${var.k}": "*"});
            let mut key = fake(number as u64, &home(), policy);
            key.meta.description = (*text).to_owned();
            key.grants.push(Listed {
                grant_id: format!("{number}{}", "0".repeat(63)),
                name: String::new(),
                grantee: format!("arn:aws:iam::{ACCOUNT}:role/Web"),
                retiring: None,
                operations: ["Decrypt".to_owned()].into(),
                constraints: Some(Constraints {
                    encryption_context_subset: Some([("a".to_owned(), (*text).to_owned())].into()),
                    ..Constraints::default()
                }),
                issuer: None,
            });
            add(&stack, key, &[format!("k{number}x")]);
        }
        let (_, made) = round_trip(&mut stack, folder);
        assert!(made.notes.is_empty(), "{:?}", made.notes);
        let all = resolved(&made);
        for (number, text) in texts.iter().enumerate() {
            let address = key_at(&format!("k{number}x"));
            assert!(matches!(made.lifted[&address], Lifted::Document(_)), "{:?}", made.lifted);
            let key = all.resources[&address].spec.as_key().unwrap();
            assert_eq!(key.description.as_deref(), Some(*text));
            assert!(key.policy.as_ref().unwrap().to_json().contains(text), "{text}");
        }
        let grants = all.resources.keys().filter(|address| address.kind == Kind::Grant).count();
        assert_eq!(grants, texts.len());
    }
}

/// kmsctl keeps the tags that begin with `kmsctl:` for itself.
#[test]
fn a_tag_that_cannot_be_declared_does_not_cost_the_others() {
    let mut stack = Stack::new(1);
    let mut key = fake(1, &home(), default_policy());
    let tags = [("kmsctl:note", "mine"), ("team", "core"), ("cost", "a")];
    key.tags = tags.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    add(&stack, key, &["app".to_owned()]);
    let (_, made) = round_trip(&mut stack, false);
    let text = &made.files["kmsctl.yaml"];
    assert!(text.contains("tags: {cost: a, team: core}"), "{text}");
    let notes: Vec<&str> = made.notes.iter().map(|(_, note)| note.as_str()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("its tag `kmsctl:note` is left out: "), "{notes:?}");
}
