//! Users and roles that policies and grants name.

use crate::build::{Declare, address, key_at, role, storage};
use crate::world::Stack;
use kmsctl::kind::{Kind, Spec};

#[test]
fn who_does_not_exist_is_named_before_anything_is_made() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().missing.insert(role("app"));
    let (plan, _) = stack.run(&storage());
    assert_eq!(stack.fake.mutations.get(), 0);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let key = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage")).unwrap();
    assert_eq!(key.reason, format!("`{}` does not exist", role("app")));
    assert!(plan.blocked.len() > 1, "what waits for the key is blocked too");
    assert!(plan.access.is_empty());
}

#[test]
fn somebody_new_to_kms_is_waited_for() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().created = 1_000_000 - 20;
    stack.fake.faults.borrow_mut().strange = 4;
    stack.applied(&storage());
    stack.settled(&storage());
    assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1));
}

#[test]
fn what_aws_refuses_although_everybody_is_there_fails_at_once() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().strange = 4;
    let (_, ended) = stack.run(&storage());
    assert_eq!(stack.fake.count("CreateKey"), 1);
    let (_, error) = ended.failed.first().unwrap();
    assert!(error.to_string().contains(&role("app")), "{error}");
}

#[test]
fn an_identity_that_is_gone_since_the_plan_is_named_by_the_apply() {
    let mut stack = Stack::new(5);
    stack.applied(&storage());
    let wider = storage().key("storage", |key| {
        key.policy = Some(crate::build::policy(true, &["app", "web"]));
    });
    stack.leaving.borrow_mut().insert(role("web"));
    let (plan, ended) = stack.run(&wider);
    assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    let (failed, error) = ended.failed.first().unwrap();
    assert_eq!((failed, ended.failed.len()), (&key_at("storage"), 1));
    assert!(error.to_string().starts_with("PutKeyPolicy: "), "{error}");
    assert!(error.to_string().contains(&format!("`{}` does not exist", role("web"))), "{error}");
    // From then on the plan knows.
    let (plan, _) = stack.run(&wider);
    let blocked: Vec<_> = plan.blocked.iter().map(|blocked| blocked.address.to_string()).collect();
    assert_eq!(blocked, ["key/storage"], "only the write is refused");
}

/// The caller's own IAM does not know whom another account has.
#[test]
fn somebody_of_an_account_that_cannot_be_asked_is_waited_for() {
    let mut stack = Stack::new(5);
    let mut foreign = storage();
    for declared in foreign.resources.values_mut() {
        if let Spec::Grant(grant) = &mut declared.spec {
            grant.grantee = "arn:aws:iam::444455556666:role/batch".to_owned();
        }
    }
    let grantless = foreign.clone().without(&address(Kind::Grant, "storage/batch"));
    stack.applied(&grantless);
    stack.fake.faults.borrow_mut().strange = 2;
    stack.applied(&foreign);
    assert_eq!(stack.fake.count("GetRole"), 1, "only the administrator's own account is asked");
    stack.settled(&foreign);
}
