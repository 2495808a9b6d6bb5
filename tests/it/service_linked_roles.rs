//! Service-linked roles, which are created before the policies and grants that name them, and are
//! never deleted.

use crate::build::{Declare, address, empty, home, key_at, policy, role};
use crate::fake::{Faults, Kill, NOW};
use crate::program;
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::kind::address::Address;
use kmsctl::kind::{Kind, Spec, service_linked_role};

const NAME: &str = "autoscaling.amazonaws.com/kms";
/// The path and name of the role, after `role/`.
const PATH: &str = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_kms";

fn at() -> Address {
    address(Kind::ServiceLinkedRole, NAME)
}

fn spec() -> service_linked_role::Spec {
    NAME.parse().expect("a role")
}

/// Returns a key whose policy names the role, with a grant to the role.
fn naming() -> Desired {
    let mut desired = empty()
        .key("storage", |key| key.policy = Some(policy(true, &[PATH])))
        .alias("storage", "storage")
        .grant("storage", "batch", &["Decrypt"]);
    for declared in desired.resources.values_mut() {
        if let Spec::Grant(grant) = &mut declared.spec {
            grant.grantee = role(PATH);
        }
    }
    desired
}

fn declaring() -> Desired {
    naming().add(at(), Spec::ServiceLinkedRole(spec()), home())
}

/// Returns a stack in an account without the role.
fn fresh(seed: u64) -> Stack {
    let stack = Stack::new(seed);
    stack.fake.faults.borrow_mut().missing.insert(role(PATH));
    stack
}

/// Checks that every resource exists once, and that the plan is empty.
fn one_of_each(stack: &Stack, context: &str) {
    let fake = &stack.fake;
    assert_eq!(fake.roles.borrow().keys().collect::<Vec<_>>(), [&role(PATH)], "{context}");
    assert_eq!((fake.keys_total(), fake.grants_total()), (1, 1), "{context}");
    stack.settled(&declaring());
}

#[test]
fn a_missing_role_is_created_before_the_key_whose_policy_names_it() {
    for seed in 0..10 {
        let mut stack = fresh(seed);
        let plan = stack.applied(&declaring());
        assert_eq!(plan.steps[0].address, at());
        for step in &plan.steps {
            let waits = matches!(step.address.kind, Kind::Key | Kind::Grant);
            assert_eq!(step.after.contains(&at()), waits, "{}", step.address);
        }
        assert_eq!(stack.fake.changes_since(0)[..2], ["CreateServiceLinkedRole", "CreateKey"]);
        assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
        assert_eq!(stack.state.records[&at()].id, role(PATH));
        one_of_each(&stack, "");
    }
}

#[test]
fn an_existing_role_is_recorded_without_a_call() {
    let mut stack = Stack::new(1);
    let plan = stack.applied(&declaring());
    assert!(plan.steps.iter().all(|step| step.address != at()), "{:#?}", plan.steps);
    assert!(stack.fake.roles.borrow().is_empty());
    stack.settled(&declaring());
    stack.state = lineage("two");
    let plan = stack.applied(&declaring());
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    stack.settled(&declaring());
}

#[test]
fn a_lost_state_is_rebuilt_with_the_role() {
    let mut stack = fresh(2);
    stack.applied(&declaring());
    let records = stack.state.records.clone();
    stack.state = lineage("two");
    let plan = stack.applied(&declaring());
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(stack.state.records, records);
    one_of_each(&stack, "");
}

#[test]
fn a_deleted_role_is_drift_and_is_created_again() {
    let mut stack = fresh(2);
    stack.applied(&declaring());
    stack.fake.faults.borrow_mut().missing.insert(role(PATH));
    let plan = stack.applied(&declaring());
    assert_eq!(plan.drift.iter().map(|drift| &drift.address).collect::<Vec<_>>(), [&at()]);
    assert_eq!(plan.steps.iter().map(|step| &step.address).collect::<Vec<_>>(), [&at()]);
    one_of_each(&stack, "");
}

#[test]
fn lost_answers_create_one_role() {
    for seed in 0..20 {
        let mut stack = fresh(seed);
        stack.fake.faults.borrow_mut().lose_answers = 60;
        stack.applied(&declaring());
        *stack.fake.faults.borrow_mut() = Faults::default();
        assert_eq!(stack.fake.count("CreateServiceLinkedRole"), 1, "seed {seed}");
        one_of_each(&stack, &format!("seed {seed}"));
    }
}

/// IAM shows the new role late too. A second creation is refused as invalid, and the role is then
/// found.
#[test]
fn lost_answers_about_an_invisible_role_create_one_role() {
    let only = empty().add(at(), Spec::ServiceLinkedRole(spec()), home());
    let mut twice = 0;
    for seed in 0..20 {
        let mut stack = fresh(seed);
        stack.fake.faults.borrow_mut().lose_answers = 60;
        stack.fake.faults.borrow_mut().unseen = 5;
        stack.applied(&only);
        *stack.fake.faults.borrow_mut() = Faults::default();
        twice += usize::from(stack.fake.refusals.borrow().len() == 1);
        stack.settled(&only);
        stack.applied(&declaring());
        one_of_each(&stack, &format!("seed {seed}"));
    }
    assert!(twice > 0, "no creation was tried twice");
}

#[test]
fn a_role_that_is_created_outside_of_kmsctl_meanwhile_is_used() {
    let mut stack = fresh(4);
    let plan = stack.plan_only(&declaring());
    assert_eq!(plan.count("create"), 4);
    // The role is created between the read and the call, and is not visible to the first reads.
    stack.fake.faults.borrow_mut().missing.clear();
    stack.fake.unseen.borrow_mut().insert(role(PATH), 2);
    stack.applied(&declaring());
    assert_eq!(stack.fake.count("CreateServiceLinkedRole"), 1);
    assert_eq!(stack.fake.refusals.borrow().len(), 1, "{:?}", stack.fake.refusals);
    stack.settled(&declaring());
}

#[test]
fn a_kill_at_every_call_creates_one_role() {
    for n in 1..=5 {
        for kill in [Kill::Before, Kill::After] {
            for again in [None, Some((1, Kill::Before)), Some((1, Kill::After))] {
                let context = format!("{n} {kill:?} {again:?}");
                let mut stack = fresh(3);
                assert!(stack.run_until(&declaring(), Some((n, kill))).is_none(), "{context}");
                if again.is_some() {
                    drop(stack.run_until(&declaring(), again));
                }
                stack.applied(&declaring());
                let calls = stack.fake.count("CreateServiceLinkedRole");
                assert_eq!(calls, 1, "{context}");
                assert!(stack.fake.refusals.borrow().is_empty(), "{context}");
                one_of_each(&stack, &context);
            }
        }
    }
}

#[test]
fn an_undeclared_role_is_forgotten_and_kept_in_aws() {
    let mut stack = fresh(5);
    stack.applied(&declaring());
    let from = stack.fake.log.borrow().len();
    let plan = stack.applied(&naming());
    assert_eq!((plan.steps.len(), plan.count("forget")), (1, 1), "{:#?}", plan.steps);
    assert!(plan.steps[0].reason.contains("kept in AWS"), "{}", plan.steps[0].reason);
    assert!(stack.fake.changes_since(from).is_empty());
    assert!(!stack.fake.faults.borrow().missing.contains(&role(PATH)));
    assert!(!stack.state.records.contains_key(&at()));
    stack.settled(&naming());
    stack.applied(&declaring());
    one_of_each(&stack, "");
}

#[test]
fn destroying_everything_keeps_the_role() {
    let mut stack = fresh(5);
    stack.applied(&declaring());
    stack.applied(&empty());
    stack.settled(&empty());
    assert!(stack.state.records.is_empty(), "{:#?}", stack.state.records);
    assert!(!stack.fake.faults.borrow().missing.contains(&role(PATH)));
}

#[test]
fn apply_waits_until_kms_knows_a_new_role() {
    for strange in [1, 4, 12] {
        let mut stack = fresh(6);
        stack.fake.faults.borrow_mut().strange = strange;
        stack.applied(&declaring());
        assert_eq!(stack.fake.roles.borrow()[&role(PATH)], NOW);
        assert_eq!(stack.fake.faults.borrow().strange, 0);
        one_of_each(&stack, &strange.to_string());
    }
}

/// Neither KMS nor IAM shows the new role for a while. It does not count as missing.
#[test]
fn apply_waits_until_iam_shows_a_new_role() {
    for unseen in [1, 2, 5, 9] {
        let mut stack = fresh(7);
        stack.fake.faults.borrow_mut().unseen = unseen;
        stack.applied(&declaring());
        one_of_each(&stack, &unseen.to_string());
    }
}

#[test]
fn a_missing_role_can_be_declared() {
    let mut stack = fresh(8);
    let (plan, _) = stack.run(&naming());
    assert_eq!(stack.fake.mutations.get(), 0);
    let key = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage")).unwrap();
    assert_eq!(key.reason, format!("`{}` does not exist", role(PATH)));
    assert_eq!(key.help, "declare it under `service_linked_roles`, and kmsctl creates it");
    // If another identity is missing too, both are reported.
    stack.fake.faults.borrow_mut().missing.insert(role("app"));
    let both = empty().key("storage", |key| key.policy = Some(policy(true, &[PATH, "app"])));
    let (plan, _) = stack.run(&both);
    let help = &plan.blocked[0].help;
    assert!(help.contains("service_linked_roles") && help.contains("correct the name"), "{help}");
}

#[test]
fn a_denied_creation_blocks_the_resources_that_name_the_role() {
    let mut stack = fresh(9);
    let denied = ("CreateServiceLinkedRole".to_owned(), "*".to_owned());
    stack.fake.faults.borrow_mut().denied.insert(denied);
    let (_, ended) = stack.run(&declaring());
    assert_eq!(ended.failed.iter().map(|(address, _)| address).collect::<Vec<_>>(), [&at()]);
    assert_eq!(stack.fake.keys_total(), 0);
    stack.fake.faults.borrow_mut().denied.clear();
    stack.applied(&declaring());
    one_of_each(&stack, "");
}

/// Runs over the wire, with a suffix so that no other test uses the role.
#[test]
fn the_program_creates_the_role_and_the_key_that_names_it() {
    let config = |roles: &str| {
        format!(
            "stack: linked\n{roles}keys:\n  k:\n    aliases: [linked]\n    rotation: {{period_days: \
             365}}\n    policy: {{users: [role/aws-service-role/autoscaling.amazonaws.com/\
             AWSServiceRoleForAutoScaling_linked]}}\n"
        )
    };
    let stack = program::Stack::of_text(&config(""), "eu-south-1");
    let missing = stack.expect(3, &["plan"]);
    assert!(missing.contains("`service_linked_roles`"), "{missing}");
    let declared = "service_linked_roles: [{service: autoscaling.amazonaws.com, suffix: linked}]\n";
    stack.write(&config(declared));
    let commands = stack.expect(0, &["plan", "--commands"]);
    let create = "aws iam create-service-linked-role --region eu-south-1 --aws-service-name \
                  autoscaling.amazonaws.com --custom-suffix linked\n";
    assert!(commands.starts_with(create), "{commands}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    stack.lose_state();
    let empty = stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(empty.contains("No changes."), "{empty}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&config(""));
    let forgets = stack.expect(0, &["plan"]);
    let text = forgets.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("kept in AWS, because services may use the role"), "{forgets}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
}
