//! Users and roles that policies and grants name.

use crate::build::{Declare, address, key_at, role, storage};
use crate::consumers::desired;
use crate::world::Stack;
use kmsctl::kind::{Kind, Spec};

#[test]
fn missing_identities_are_reported_before_any_call() {
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
fn apply_waits_until_kms_knows_a_new_identity() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().created = 1_000_000 - 20;
    stack.fake.faults.borrow_mut().strange = 4;
    stack.applied(&storage());
    stack.settled(&storage());
    assert_eq!((stack.fake.keys_total(), stack.fake.grants_total()), (1, 1));
}

#[test]
fn a_rejected_policy_with_known_identities_fails_at_once() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().strange = 4;
    let (_, ended) = stack.run(&storage());
    assert_eq!(stack.fake.count("CreateKey"), 1);
    let (_, error) = ended.failed.first().unwrap();
    assert!(error.to_string().contains(&role("app")), "{error}");
}

/// KMS says only that a principal is unknown. The account's root always exists.
#[test]
fn a_rejected_policy_names_its_service_principals() {
    let mut stack = Stack::new(5);
    stack.fake.faults.borrow_mut().strange = 4;
    let service = "logs.ap-southeast-9.amazonaws.com";
    let text = format!(
        "stack: stack\nregion: eu-central-1\nkeys: {{k: {{policy: {{statements: [{{Sid: l, Effect: Allow, \
         Principal: {{Service: {service}}}, Action: 'kms:Decrypt', Resource: '*'}}]}}}}}}\n"
    );
    let (_, ended) = stack.run(&desired(&text));
    let (_, error) = ended.failed.first().unwrap();
    let error = error.to_string();
    assert!(error.contains(service) && !error.contains(":root"), "{error}");
}

#[test]
fn an_identity_deleted_after_the_plan_is_reported_by_the_apply() {
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
    // The next plan blocks the step.
    let (plan, _) = stack.run(&wider);
    let blocked: Vec<_> = plan.blocked.iter().map(|blocked| blocked.address.to_string()).collect();
    assert_eq!(blocked, ["key/storage"], "only the write is refused");
}

/// IAM of the caller's account does not know the identities of another account.
#[test]
fn apply_waits_for_an_identity_of_an_unreadable_account() {
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
