//! Keys that carry the tags of the stack and may belong to somebody else, because there is no record of them.

use crate::build::{ACCOUNT, Declare, key_at, policy, role, storage};
use crate::fake::FakeKey;
use crate::world::{Stack, lineage};
use kmsctl::desired::{Adopt, Desired};
use kmsctl::id::KeyArn;
use kmsctl::kind::grant::Listed;
use kmsctl::kind::key::Shared;
use kmsctl::plan::Plan;
use serde_json::json;
use std::collections::BTreeSet;

fn reasons(plan: &Plan) -> String {
    plan.blocked.iter().map(|b| format!("{}: {} ({})\n", b.address, b.reason, b.help)).collect()
}

/// A change of a key outside of kmsctl.
type Change<'a> = &'a dyn Fn(&mut FakeKey);

/// Returns a stack that was applied and lost its record, and whose key was changed then.
fn lost(all: &Desired, change: impl FnOnce(&mut FakeKey)) -> Stack {
    let mut stack = Stack::new(5);
    stack.applied(all);
    stack.fake.tamper("storage", change);
    stack.state = lineage("two");
    stack
}

fn grant(grantee: &str) -> Listed {
    Listed {
        grant_id: "theirs".to_owned(),
        name: String::new(),
        grantee: grantee.to_owned(),
        retiring: None,
        operations: BTreeSet::from(["Decrypt".to_owned()]),
        constraints: None,
        issuer: None,
    }
}

/// Returns the declaration of the key without its policy.
fn bare() -> Desired {
    storage().key("storage", |key| key.policy = None)
}

#[test]
fn a_key_that_is_as_declared_is_found_without_a_call() {
    let narrowed = storage().key("storage", |key| key.policy = Some(policy(true, &[])));
    let services = [
        "rds.eu-central-1.amazonaws.com".to_owned(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/aws:ec2-infrastructure/i-0abc"),
        format!(
            "arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRole"
        ),
    ];
    for (all, now) in [(&storage(), &storage()), (&bare(), &bare()), (&narrowed, &storage())] {
        let mut stack = lost(all, |key| key.grants.extend(services.iter().map(|who| grant(who))));
        let plan = stack.applied(now);
        let calls: usize = plan.steps.iter().map(|step| step.calls.len()).sum();
        assert_eq!(calls, usize::from(all != now), "{:#?}", plan.steps);
        assert_eq!(plan.found[&key_at("storage")], stack.fake.key("storage").meta.arn.to_string());
        stack.settled(now);
        assert!(stack.plan_only(now).found.is_empty());
    }
}

#[test]
fn a_key_that_is_not_certainly_harmless_is_not_used() {
    let statement = |principal: &str| {
        json!({"Sid": "x", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*",
            "Resource": "*"})
    };
    let open = move |key: &mut FakeKey| {
        let statements = key.policy["Statement"].as_array_mut().unwrap();
        statements.push(statement("arn:aws:iam::666666666666:root"));
    };
    let inside = move |key: &mut FakeKey| {
        let statements = key.policy["Statement"].as_array_mut().unwrap();
        statements.push(statement(&role("Intruder")));
    };
    let external = |key: &mut FakeKey| key.meta.origin = "EXTERNAL".to_owned();
    let store = |key: &mut FakeKey| key.meta.custom_key_store_id = Some("cks-1".to_owned());
    let granted = |key: &mut FakeKey| key.grants.push(grant(&role("Intruder")));
    let disguised = |key: &mut FakeKey| {
        key.grants.push(grant("arn:aws:iam::666666666666:role/aws-service-role/x/y"));
    };
    let replica = |key: &mut FakeKey| {
        key.meta.replicas.insert("us-east-1".parse().unwrap());
    };
    let rsa = |key: &mut FakeKey| {
        key.meta.spec = "RSA_2048".to_owned();
        key.meta.usage = "SIGN_VERIFY".to_owned();
    };
    let regional = |key: &mut FakeKey| key.meta.multi_region = true;
    let cases: [(&str, Change<'_>); 9] = [
        ("a key of spec RSA_2048 for SIGN_VERIFY", &rsa),
        ("it is a multi-Region key", &regional),
        ("`arn:aws:iam::666666666666:root` access", &open),
        ("role/Intruder", &inside),
        ("origin `EXTERNAL`", &external),
        ("custom key store `cks-1`", &store),
        ("the grant `theirs` gives `arn:aws:iam::111122223333:role/Intruder` Decrypt", &granted),
        ("arn:aws:iam::666666666666:role/aws-service-role/x/y", &disguised),
        ("undeclared replicas in us-east-1", &replica),
    ];
    for all in [storage(), bare()] {
        for (reason, change) in &cases {
            let mut stack = lost(&all, change);
            let key = stack.fake.key("storage");
            for region in &key.meta.replicas {
                let there = crate::build::place(region.as_str());
                let mut replica = key.clone();
                replica.meta.arn = KeyArn::at(&there, key.meta.arn.id());
                replica.tags.clear();
                let mut regions = stack.fake.regions.borrow_mut();
                let keys = &mut regions.entry(there).or_default().keys;
                keys.insert(key.meta.arn.id().to_owned(), replica);
            }
            let arn = stack.fake.key("storage").meta.arn;
            let (plan, _) = stack.run(&all);
            assert!(reasons(&plan).contains(reason), "{reason}: {}", reasons(&plan));
            assert!(reasons(&plan).contains(&format!("adopt: {arn}")), "{}", reasons(&plan));
            assert_eq!(stack.fake.mutations.get(), 0, "{reason}");
            let drifts = stack.drifts(&all);
            assert!(
                drifts.unreadable.iter().any(|one| one.address == key_at("storage")),
                "{reason}"
            );
            assert!(!stack.state.records.contains_key(&key_at("storage")), "{reason}");
            // A person who knows the key takes it over with its ARN.
            let mut adopting = all.clone();
            adopting.resources.get_mut(&key_at("storage")).unwrap().adopt = Some(Adopt::Key(arn));
            let (plan, _) = stack.run(&adopting);
            assert!(!reasons(&plan).contains("found only by its tags"), "{}", reasons(&plan));
        }
    }
}

#[test]
fn the_statements_of_the_stack_in_a_shared_policy_are_expected() {
    let shared = |all: Desired| {
        all.key("storage", |key| {
            key.policy = None;
            key.shared = Some(Shared::none());
        })
    };
    let all = shared(storage());
    let mut stack = lost(&all, |_| {});
    let plan = stack.applied(&all);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let mut stack = lost(&all, |key| {
        key.policy["Statement"]
            .as_array_mut()
            .unwrap()
            .push(json!({"Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": role("Other")},
                "Action": "kms:Decrypt", "Resource": "*"}));
    });
    let (plan, _) = stack.run(&all);
    assert!(reasons(&plan).contains("role/Other"), "{}", reasons(&plan));
}

/// The record shows whose a key is, so that a policy may be narrowed with it.
#[test]
fn a_recorded_key_is_used_whatever_its_policy_gives() {
    let mut stack = Stack::new(5);
    stack.applied(&storage());
    stack.fake.tamper("storage", |key| key.grants.push(grant(&role("Other"))));
    let narrow = storage().key("storage", |key| key.policy = Some(policy(true, &[])));
    let plan = stack.applied(&narrow);
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.found.is_empty());
}
