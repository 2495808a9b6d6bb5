//! Grants on the keys of the stack that other owners created.

use crate::build::{ACCOUNT, Declare, address, key_at, role, storage};
use crate::consumers::desired;
use crate::world::Stack;
use kmsctl::desired::{AcceptedGrants, Adopt, Desired};
use kmsctl::kind::grant::Listed;
use kmsctl::kind::{Kind, Spec};
use kmsctl::plan::{Finding, Plan};
use std::collections::BTreeSet;

fn grant(id: &str, grantee: &str, operations: &[&str]) -> Listed {
    Listed {
        grant_id: id.to_owned(),
        name: String::new(),
        grantee: grantee.to_owned(),
        retiring: None,
        operations: operations.iter().map(|op| (*op).to_owned()).collect(),
        constraints: None,
        issuer: None,
    }
}

fn with(all: &Desired, grants: &[Listed]) -> Stack {
    let mut stack = Stack::new(5);
    stack.applied(all);
    stack.fake.tamper("storage", |key| key.grants.extend(grants.iter().cloned()));
    stack
}

fn found<'a>(findings: &'a [Finding], rule: &str) -> Vec<&'a str> {
    let found = findings.iter().filter(|finding| finding.rule == rule);
    found.map(|finding| finding.message.as_str()).collect()
}

fn reported(plan: &Plan) -> Vec<&str> {
    found(&plan.findings, "foreign-grant")
}

#[test]
fn a_grant_of_another_owner_is_a_finding_of_plan_and_drift_and_stays() {
    let all = storage();
    let theirs = [
        grant("theirs", &role("Backup"), &["Decrypt", "CreateGrant"]),
        grant("of-rds", "rds.eu-central-1.amazonaws.com", &["Decrypt"]),
        grant(
            "of-ec2",
            &format!("arn:aws:sts::{ACCOUNT}:assumed-role/aws:ec2-infrastructure/i-0abc"),
            &["Decrypt"],
        ),
    ];
    let mut stack = with(&all, &theirs);
    let plan = stack.applied(&all);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let said = reported(&plan);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with(
        "the grant `theirs` gives `arn:aws:iam::111122223333:role/Backup` CreateGrant, Decrypt; "
    ));
    assert!(said[0].contains("adopt: theirs") && said[0].contains("--grant-id theirs"), "{said:?}");
    assert_eq!(found(&stack.drifts(&all).findings, "foreign-grant").len(), 1);
    assert_eq!(stack.fake.grants_total(), 4);
}

/// The loader refuses a declaration for a deleted user or role.
#[test]
fn taking_over_a_grant_of_a_deleted_user_or_role_is_not_offered() {
    let deleted = "AROACKCEVSQ6C2EXAMPLE";
    let retiring =
        Listed { retiring: Some(deleted.to_owned()), ..grant("two", &role("App"), &["Decrypt"]) };
    let stack = with(&storage(), &[grant("one", deleted, &["Decrypt"]), retiring]);
    let plan = stack.plan_only(&storage());
    let said = reported(&plan);
    assert_eq!(said.len(), 2, "{said:#?}");
    for message in said {
        assert!(!message.contains("adopt"), "{message}");
        assert!(
            message.contains("`AROACKCEVSQ6C2EXAMPLE` is the unique id of a deleted"),
            "{message}"
        );
        assert!(message.contains("accept it in `foreign_grants`, or revoke it with"), "{message}");
    }
}

#[test]
fn an_accepted_grant_is_not_reported() {
    let theirs =
        [grant("one", &role("Backup"), &["Decrypt"]), grant("two", &role("Backup"), &["Encrypt"])];
    let stack = with(&storage(), &theirs);
    let accept = |id: Option<&str>, grantee: Option<String>| {
        let mut all = storage();
        let id = id.map(str::to_owned);
        let accepted = AcceptedGrants { id, grantee, reason: "backup".to_owned() };
        all.accepted_grants.insert(key_at("storage"), vec![accepted]);
        reported(&stack.plan_only(&all)).len()
    };
    assert_eq!(accept(Some("one"), None), 1);
    assert_eq!(accept(None, Some(role("Backup"))), 0);
    assert_eq!(accept(Some("one"), Some(role("Backup"))), 1);
    assert_eq!(accept(Some("three"), None), 2);
    assert_eq!(accept(None, Some(role("Other"))), 2);
}

#[test]
fn a_grant_is_taken_over_by_its_id_and_then_managed() {
    let all = storage();
    let mut stack = with(&all, &[grant("theirs", &role("batch"), &["Encrypt"])]);
    let mut adopting = all.clone().grant("storage", "more", &["Encrypt"]);
    let address = address(Kind::Grant, "storage/more");
    adopting.resources.get_mut(&address).unwrap().adopt = Some(Adopt::Grant("theirs".to_owned()));
    let plan = stack.applied(&adopting);
    assert!(plan.steps.iter().all(|step| step.calls.is_empty()), "{:#?}", plan.steps);
    assert!(reported(&plan).is_empty());
    assert_eq!(stack.state.records[&address].id, "theirs");
    stack.settled(&adopting);
    // A change creates a grant of the stack, and revokes the one that was taken over.
    let Spec::Grant(spec) = &mut adopting.resources.get_mut(&address).unwrap().spec else {
        panic!("a grant");
    };
    spec.operations = BTreeSet::from(["Encrypt".to_owned(), "Decrypt".to_owned()]);
    stack.applied(&adopting);
    let grants = stack.fake.key("storage").grants;
    assert!(grants.iter().all(|grant| grant.grant_id != "theirs"), "{grants:#?}");
    assert_eq!(grants.len(), 2);
    stack.settled(&adopting);
}

/// A grant that only has another name in the configuration is not revoked.
#[test]
fn a_grant_with_another_address_is_not_gone() {
    let all = storage();
    let mut stack = with(&all, &[grant("theirs", &role("batch"), &["Encrypt"])]);
    let named = |name: &str| {
        let mut adopting = all.clone().grant("storage", name, &["Encrypt"]);
        let address = address(Kind::Grant, &format!("storage/{name}"));
        adopting.resources.get_mut(&address).unwrap().adopt =
            Some(Adopt::Grant("theirs".to_owned()));
        adopting
    };
    stack.applied(&named("more"));
    let plan = stack.plan_only(&named("renamed"));
    assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
    // One that is revoked is.
    stack.fake.tamper("storage", |key| key.grants.retain(|grant| grant.grant_id != "theirs"));
    let plan = stack.plan_only(&named("renamed"));
    assert_eq!(plan.drift.len(), 1, "{:#?}", plan.drift);
}

#[test]
fn a_grant_that_was_taken_over_is_released_when_it_leaves_the_configuration() {
    let all = storage();
    let theirs = grant("theirs", &role("batch"), &["Encrypt"]);
    let mut stack = with(&all, std::slice::from_ref(&theirs));
    let mut adopting = all.clone().grant("storage", "more", &["Encrypt"]);
    let address = address(Kind::Grant, "storage/more");
    adopting.resources.get_mut(&address).unwrap().adopt = Some(Adopt::Grant("theirs".to_owned()));
    stack.applied(&adopting);
    assert!(stack.drifts(&all).drift.is_empty());
    let plan = stack.applied(&all);
    assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
    assert_eq!(plan.steps.iter().map(|step| step.change.action()).collect::<Vec<_>>(), ["forget"]);
    assert!(stack.fake.key("storage").grants.contains(&theirs));
    assert_eq!(reported(&stack.plan_only(&all)).len(), 1);
}

#[test]
fn a_grant_that_exists_with_the_same_access_is_not_created_again() {
    let all = storage();
    let theirs = grant("theirs", &role("batch"), &["Encrypt"]);
    let mut stack = with(&all, std::slice::from_ref(&theirs));
    let same = all.clone().grant("storage", "more", &["Encrypt"]);
    let plan = stack.applied(&same);
    assert!(plan.is_empty() && reported(&plan).is_empty(), "{:#?}", plan.steps);
    let taken: Vec<String> = plan.taken.keys().map(ToString::to_string).collect();
    assert_eq!(taken, ["grant/storage/more"]);
    stack.settled(&same);
    assert_eq!(stack.fake.grants_total(), 2);
    // It is not gone if the configuration declares other access.
    let more = all.clone().grant("storage", "more", &["Encrypt", "Decrypt"]);
    let plan = stack.plan_only(&more);
    assert!(plan.drift.is_empty() && reported(&plan).len() == 1, "{:#?}", plan.drift);
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].reason.contains("grant of another owner"), "{}", plan.steps[0].reason);
    assert!(stack.drifts(&more).drift.is_empty());
    stack.applied(&more);
    stack.settled(&more);
    assert!(stack.fake.key("storage").grants.contains(&theirs));
    stack.applied(&same);
    stack.settled(&same);
    // It is not the stack's: it stays, and is reported again.
    stack.applied(&all);
    assert!(stack.fake.key("storage").grants.contains(&theirs));
    assert_eq!(reported(&stack.plan_only(&all)).len(), 1);
    // A grant with a constraint does not give the same access.
    let other = all.grant("storage", "other", &["Encrypt", "Decrypt"]);
    assert_eq!(stack.plan_only(&other).steps.len(), 1);
}

#[test]
fn gates_judge_the_grants_of_other_owners_even_if_they_are_accepted() {
    let text = |gates: &str, accepted: &str| {
        desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{storage: {{policy: {{users: [role/app]}}{accepted}}}}}\n{gates}"
        ))
    };
    let outside = "arn:aws:iam::999999999999:role/Outside";
    let mut stack = Stack::new(5);
    stack.applied(&text("", ""));
    stack.fake.tamper("storage", |key| key.grants.push(grant("theirs", outside, &["Decrypt"])));
    let accepted = format!(", foreign_grants: [{{grantee: '{outside}', reason: partner}}]");
    let forbidden = "gates: {forbidden: [{principals: ['*'], actions: [kms:Decrypt]}]}\n";
    for (gates, rule) in
        [("gates: {accounts: []}\n", "gate-accounts"), (forbidden, "gate-forbidden")]
    {
        for accepted in ["", &accepted] {
            let plan = stack.plan_only(&text(gates, accepted));
            let said = found(&plan.findings, rule);
            assert!(said.iter().any(|said| said.contains("a grant of another owner")), "{plan:#?}");
            assert_eq!(reported(&plan).is_empty(), !accepted.is_empty());
        }
    }
}

#[test]
fn a_grant_that_does_not_exist_cannot_be_taken_over() {
    let mut stack = Stack::new(5);
    stack.applied(&desired("stack: stack\nregion: eu-central-1\nkeys: {k: {}}\n"));
    let adopting = desired(
        "stack: stack\nregion: eu-central-1\nkeys: {k: {grants: {g: {grantee: role/Job, \
         operations: [Decrypt], adopt: nosuch}}}}\n",
    );
    let plan = stack.plan_only(&adopting);
    let [blocked] = plan.blocked.as_slice() else { panic!("{plan:#?}") };
    assert_eq!(blocked.reason, "the key has no grant with the id `nosuch`");
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
}

/// A grant that an address takes over stands for no other address.
#[test]
fn two_grants_with_the_same_access_are_taken_over_apart() {
    let all = storage();
    let grants = ["first", "second"].map(|id| grant(id, &role("app"), &["Encrypt"]));
    let mut stack = with(&all, &grants);
    let adopting = ["first", "second"].iter().fold(all, |all, id| {
        let mut all = all.grant("storage", id, &["Encrypt"]);
        let address = address(Kind::Grant, &format!("storage/{id}"));
        let declared = all.resources.get_mut(&address).unwrap();
        declared.adopt = Some(Adopt::Grant((*id).to_owned()));
        if let Spec::Grant(spec) = &mut declared.spec {
            spec.grantee = role("app");
        }
        all
    });
    stack.applied(&adopting);
    stack.settled(&adopting);
    stack.fake.tamper("storage", |key| key.grants.retain(|grant| grant.grant_id != "first"));
    let plan = stack.plan_only(&adopting);
    assert!(!plan.is_empty(), "the first grant was revoked: {plan:#?}");
}
