//! Gates in a plan.

use crate::build::{Declare, key_at, policy, storage};
use crate::world::Stack;
use kmsctl::policy::gates::{Forbidden, Gates};

fn gated() -> kmsctl::desired::Desired {
    let mut all = storage();
    let forbidden = Forbidden {
        principals: [crate::build::role("app")].into(),
        actions: ["kms:Decrypt".to_owned()].into(),
    };
    all.gates = Gates { forbidden: vec![forbidden], ..Gates::default() };
    all
}

#[test]
fn what_does_not_pass_is_not_applied_and_what_was_there_is_told() {
    let mut stack = Stack::new(3);
    let (plan, _) = stack.run(&gated());
    let key = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage")).unwrap();
    assert!(key.reason.contains("the gate `forbidden` is not passed"), "{}", key.reason);
    assert!(key.reason.contains("\"Allow use of the key\""), "{}", key.reason);
    assert_eq!(stack.fake.mutations.get(), 0);

    stack.applied(&storage());
    let (plan, ended) = stack.run(&gated());
    assert!(plan.is_empty() && ended.is_complete());
    assert!(plan.findings.iter().any(|finding| finding.rule == "gate-forbidden"));
}

#[test]
fn nothing_is_gained_beyond_the_base() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let base = policy(true, &["app"]);
    let with = |users: &[&str]| {
        let mut all = storage().key("storage", |key| key.policy = Some(policy(true, users)));
        all.base.insert(key_at("storage"), base.clone());
        all
    };
    let (plan, _) = stack.run(&with(&["app", "web"]));
    assert!(plan.blocked[0].reason.contains("role/web gets"), "{:#?}", plan.blocked);
    stack.applied(&with(&[]));
}
